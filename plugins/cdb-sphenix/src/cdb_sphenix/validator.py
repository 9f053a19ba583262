"""The payload files of sPHENIX."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import splitext
from typing import ClassVar

from cdb.plugin import Content, OptionsError, PayloadReference, PayloadValidator
from cdb_sphenix.content import dat_problems, root_problems, text_problems, xml_problems

KINDS: Mapping[str, Callable[[Content], Iterator[str]]] = {
    ".dat": dat_problems,
    ".root": root_problems,
    ".txt": text_problems,
    ".xml": xml_problems,
}
"""The extension of a file → what is wrong with its content."""


@dataclass(frozen=True, slots=True)
class SphenixFileOptions:
    """Which files are taken, and whether they have to be in the payload store."""

    extensions: tuple[str, ...] = field(
        default=tuple(KINDS),
        metadata={"help": "Which of `.dat`, `.root`, `.txt` and `.xml` are taken."},
    )
    require_content: bool = field(
        default=True,
        metadata={
            "help": "Whether a payload has to be in the payload store. Without it, files that "
            "are elsewhere are judged by their names, and uploads by their content."
        },
    )


class SphenixFile(PayloadValidator):
    """Takes ROOT files that open, text in UTF-8, well-formed XML, and data that is not empty.

    What a file is meant to be, its extension says, in either case.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = SphenixFileOptions
    options: SphenixFileOptions

    def __init__(self, name: str, options: SphenixFileOptions) -> None:
        super().__init__(name, options)
        if unknown := sorted(set(options.extensions) - set(KINDS)):
            raise OptionsError(
                f"extensions: {', '.join(unknown)} is none of {', '.join(sorted(KINDS))}"
            )
        if not options.extensions:
            raise OptionsError("extensions: without any, no file would be taken")
        self.reads_content = options.require_content

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return why a payload is refused: its name, or what is in it."""
        extension = splitext(payload.file_name)[1].lower()
        if extension not in self.options.extensions:
            taken = ", ".join(self.options.extensions)
            yield f"The file name {payload.file_name!r} has none of the extensions {taken}."
        elif content is not None:
            yield from KINDS[extension](content)
        elif self.reads_content:
            yield "The content is not in the payload store, so it cannot be checked."
