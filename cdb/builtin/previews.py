"""Previews of payloads that are text."""

import json
import re
from codecs import getincrementaldecoder
from dataclasses import dataclass, field
from typing import ClassVar

from cdb.plugin import Content, OptionsError, PayloadPreview, PayloadReference, Preview

_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """How much is shown."""

    max_kb: int = field(
        default=64,
        metadata={"help": "How much is read and shown at most, in units of 1024 bytes."},
    )


@dataclass(frozen=True, slots=True)
class TextPreviewOptions(PreviewOptions):
    """What is taken for text, and how much of it is shown."""

    suffixes: tuple[str, ...] = field(
        default=(".txt", ".csv", ".dat", ".xml", ".json", ".yaml", ".yml", ".ini", ".cfg", ".md"),
        metadata={"help": "What the names of text files end in; upper and lower case are alike."},
    )


class _Bounded(PayloadPreview):
    """What both have: a bound, in characters of the preview and in bytes of the content."""

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = PreviewOptions
    options: PreviewOptions

    def __init__(self, name: str, options: PreviewOptions) -> None:
        super().__init__(name, options)
        if options.max_kb < 1:
            raise OptionsError("max_kb is less than 1: nothing would be shown.")
        self._limit = options.max_kb << 10

    def _beginning(self, content: Content) -> Preview:
        raw = content.read(self._limit + 1)
        is_truncated = len(raw) > self._limit
        # A character can be cut at the end of what is read, which is no error.
        decoder = getincrementaldecoder("utf-8")()
        text = decoder.decode(raw[: self._limit], final=not is_truncated)
        if _BINARY.search(text):
            raise ValueError("The content is binary: it has control characters.")
        return Preview("text", text, is_truncated)


class TextPreview(_Bounded):
    """Shows the beginning of a text in UTF-8."""

    Options: ClassVar[type] = TextPreviewOptions
    options: TextPreviewOptions

    def accepts(self, payload: PayloadReference) -> bool:
        """Tell whether the file name ends like that of a text."""
        return payload.file_name.lower().endswith(self.options.suffixes)

    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        """Return the beginning.

        Raises:
            ValueError: it is not text in UTF-8.

        """
        return self._beginning(content)


class JsonPreview(_Bounded):
    """Shows a JSON file with an indentation; one that is too large, as it is."""

    def accepts(self, payload: PayloadReference) -> bool:
        """Tell whether the file name ends in `.json`."""
        return payload.file_name.lower().endswith(".json")

    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        """Return the document, or its beginning.

        Raises:
            ValueError: it is not JSON in UTF-8.

        """
        beginning = self._beginning(content)
        if beginning.is_truncated or not isinstance(beginning.content, str):
            return beginning
        try:
            return self._indented(json.loads(beginning.content))
        except RecursionError as error:
            raise ValueError("The document is too deeply nested.") from error

    def _indented(self, document: object) -> Preview:
        # In pieces: the indentation of a deep document is far longer than itself.
        written = ""
        for piece in json.JSONEncoder(indent=2, ensure_ascii=False, allow_nan=False).iterencode(
            document
        ):
            written += piece
            if len(written) > self._limit:
                break
        # JSON can name half a surrogate pair, which UTF-8 has not: show the name again.
        text = written.encode("utf-8", "backslashreplace").decode()
        return Preview("text", text[: self._limit], len(text) > self._limit)
