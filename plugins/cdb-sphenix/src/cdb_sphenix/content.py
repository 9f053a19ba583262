"""What is in a payload file, by its kind: each function yields what is wrong with it.

Files can be large and can come from anybody, so they are read piece by piece, no
object of a ROOT file is interpreted, and XML reaches for nothing outside of it.
"""

from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler

import defusedxml.sax
from defusedxml.common import DefusedXmlException
from uproot.reading import (
    ReadOnlyDirectory,
    ReadOnlyFile,
)
from uproot.source.cursor import Cursor

from cdb.plugin import Content

_PIECE = 2**20
_LENGTH = 200
_LIST_OF_OBJECTS = 2**24
"""Bytes that the list of objects in a ROOT file may have; it is read as a whole."""


def dat_problems(content: Content) -> Iterator[str]:
    """Yield why a `.dat` file is refused: it is empty. Its form is of its subsystem."""
    if not content.size:
        yield "The file is empty."


# --- text -------------------------------------------------------------------


def text_problems(content: Content) -> Iterator[str]:
    """Yield why a `.txt` file is refused: it is no UTF-8, or there is nothing to be read."""
    is_blank = True
    with content.open() as file:
        try:
            for text in _decoded(file):
                if "\0" in text:
                    yield "The file is no text: it has bytes of zero."
                    return
                is_blank = is_blank and not text.strip()
        except UnicodeDecodeError as error:
            yield f"The file is no UTF-8: {error.reason}."
            return
    if is_blank:
        yield "The file is empty."


def _decoded(file: BinaryIO) -> Iterator[str]:
    decoder = getincrementaldecoder("utf-8")()
    while piece := file.read(_PIECE):
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


# --- XML --------------------------------------------------------------------


def xml_problems(content: Content) -> Iterator[str]:
    """Yield why an `.xml` file is refused: it is not well-formed, or declares entities."""
    with content.open() as file:
        try:
            defusedxml.sax.parse(file, ContentHandler())
        except SAXParseException as error:
            where = f"in line {error.getLineNumber()}"
            yield f"The XML is not well-formed: {error.getMessage()} {where}."
        except DefusedXmlException:
            yield "The XML declares entities, or refers to something outside of it."
        # What expat cannot do with an encoding, it says in several ways.
        except (SAXException, ValueError, LookupError) as error:
            yield f"The XML cannot be read: {_shown(error)}."


# --- ROOT -------------------------------------------------------------------


def root_problems(content: Content) -> Iterator[str]:
    """Yield why a `.root` file is refused: it does not open, or its objects are not all there."""
    try:
        with content.open() as file:
            _check_root(file, content.size)
    except _Refused as refusal:
        yield str(refusal)
    # A damaged file makes uproot raise anything, also IndexError and struct.error. What
    # it says then has addresses of memory in it, so only the kind is passed on.
    except Exception as error:  # noqa: BLE001 - see above
        yield f"The ROOT file cannot be opened ({type(error).__name__})."


class _Refused(Exception):
    """What is wrong with a ROOT file, as a sentence."""


class _TopDirectory(ReadOnlyDirectory):  # type: ignore[misc]  # uproot ships no types
    """The directory of a file, whose list of objects is not longer than can be read."""

    def hook_before_read_keys(self, **_: object) -> None:
        """Raise where the list is too long."""
        if not 0 <= self._fNbytesKeys <= _LIST_OF_OBJECTS:
            raise _Refused(f"The list of objects of the ROOT file has {self._fNbytesKeys} bytes.")


def _check_root(file: BinaryIO, size: int) -> None:
    if file.read(4) != b"root":
        raise _Refused("The content is not a ROOT file.")
    with ReadOnlyFile(file, object_cache=None, array_cache=None, use_threads=False) as root:
        if size < root.fEND:
            raise _Refused(f"The ROOT file is truncated: it has {size} of {root.fEND} bytes.")
        if not root.fBEGIN <= root.fSeekFree < root.fEND:
            raise _Refused("The ROOT file was never closed.")
        place = Cursor(root.fBEGIN + root.fNbytesName)
        top = _TopDirectory((), place, {}, root, root)
        names = top.keys(recursive=False)
        if not names:
            raise _Refused("The ROOT file holds no objects.")
        for name in names:
            if not _is_inside(root, top.key(name)):
                raise _Refused(f"The object {_shown(name)!r} is cut off.")


def _is_inside(root: Any, key: Any) -> bool:
    return bool(root.fBEGIN <= key.fSeekKey and key.fSeekKey + key.fNbytes <= root.fEND)


def _shown(what: object) -> str:
    """Return what a library or a file says, in one line that is not too long."""
    line = " ".join(str(what).split()).rstrip(".")
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]}…"
