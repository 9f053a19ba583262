"""Global tags as they are asked: their payload lists compiled, once that pays.

To compile a list costs as much as to ask the database for it some thousand times. So it
is done when the database was asked as often: that never costs more than twice what it
would to know the future. It is done in the background, and for half of the time at most.
"""

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import lmdb
from sqlalchemy.exc import DBAPIError

from cdb.domain.points import OPEN, ORIGIN, Point
from cdb.errors import CdbError
from cdb.services import lookup
from cdb.store import views
from cdb.store.compiled import KEY_LENGTH, CompiledFile, CompiledLists, Full, Looked, Piece
from cdb.store.engine import Database
from cdb.store.query import TagHead, Valid
from cdb.store.reads import View
from cdb.store.views import Filled

log = logging.getLogger(__name__)

_OFTEN = 16
"""Questions about a tag that the database answers before anybody thinks of compiling it."""

_ROWS_A_LIST = 16
"""Rows that may be compiled for each time that the database was asked for a list."""

_PAGE = 2000
"""Rows that a statement returns."""


class Rendering(NamedTuple):
    """How the payloads of a tag are shown: what decides the bytes beside the payloads.

    Attributes:
        name: stands for all of it.
        expired: whether what has ended is shown until the next start.
        opening: what begins that which is shown of a payload type.
        shown: what is shown of a payload after that, whatever its type is called.

    """

    name: str
    expired: bool
    opening: Callable[[str], bytes]
    shown: Callable[[Valid], bytes]


class CompiledTag:
    """A global tag at its head, in one rendering. Any thread may ask it.

    Args:
        compiler: who compiles it when it was asked often enough.
        tag: with its head.
        rendering: how its payloads are shown.

    Attributes:
        asked: questions that the database had to answer.

    """

    def __init__(self, compiler: "Compiler", tag: TagHead, rendering: Rendering) -> None:
        self.tag, self.rendering, self.asked = tag, rendering, 0
        self._compiler = compiler
        self._lists: CompiledLists | None = None
        self._openings: Sequence[bytes] = ()
        self._due: float = _OFTEN

    def at(self, point: Point) -> Looked | None:
        """Return what is shown of the payloads at a point; None for ask the database.

        Args:
            point: before OPEN.

        """
        lists = self._lists
        if lists is None or not lists.is_current:
            self._ask_the_database()
            return None
        found = lists.at(point)
        pairs = zip(self._openings, found.shown, strict=True)
        return Looked([opening + rest for opening, rest in pairs if rest], found.holds)

    def _ask_the_database(self) -> None:
        if self._lists:  # they have to make room
            self._lists, self.asked = None, 0
        self.asked += 1
        if self.asked >= self._due:
            self._due = float("inf")
            self._compiler.want(self)

    def ready(self, lists: CompiledLists, types: Iterable[str]) -> None:
        """Answer from the lists of some payload types from now on."""
        self._openings = [self.rendering.opening(each) for each in types]
        self._lists = lists
        self._due = _OFTEN

    def later(self, questions: float) -> None:
        """Be compiled after so many questions in all."""
        self._due = questions


class Compiler:
    """Compiles the payload lists of global tags, for all processes that share the file.

    Args:
        database: of the service.
        file: where the lists go.

    """

    def __init__(self, database: Database, file: CompiledFile) -> None:
        self._database = database
        self.file = file
        self._wanted: deque[CompiledTag] = deque()
        self._lock = threading.Lock()
        self._is_running = self._is_broken = False
        self._has_room = True

    def want(self, tag: CompiledTag) -> None:
        """Compile a tag in the background, when it is its turn."""
        if self._is_broken:
            return
        with self._lock:
            self._wanted.append(tag)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="cdb-compiler", daemon=True).start()

    def problem(self) -> str | None:
        """Return why nothing more is compiled, half a sentence; None where all is well."""
        if self._is_broken:
            return "the file failed, as the log says: nothing more is compiled"
        if not self._has_room:
            return "the disk is full: it is tried again when tags were asked as often once more"
        if not self.file.is_there:
            return "the file was removed: what is compiled is lost at the next start"
        return None

    def _run(self) -> None:
        while True:
            with self._lock:
                self._is_running = bool(self._wanted)
                if not self._is_running:
                    return
                tag = self._wanted.popleft()
            try:
                self._compile_if_due(tag)
            except (DBAPIError, CdbError, Full, lmdb.ReadersFullError, lmdb.DiskError) as error:
                self._has_room = not isinstance(error, lmdb.DiskError)
                log.warning("%s is not compiled: %s", tag.tag.name, error)
                tag.later(2 * tag.asked)
            except lmdb.Error:
                self._give_up()
            except Exception:
                log.exception("%s is not compiled.", tag.tag.name)

    def _give_up(self) -> None:
        self._is_broken = True
        log.exception("The file of compiled lists fails: no more are compiled.")

    def _compile_if_due(self, tag: CompiledTag) -> None:
        lists = self._lists(tag)
        missing = sum(each.iovs for each in lists if not self.file.has(_name(each, tag.rendering)))
        due = missing / (_ROWS_A_LIST * max(len(lists), 1))
        if tag.asked < due:
            tag.later(due)
        else:
            self._compile(tag, lists, is_gentle=True)

    def compile(self, tag: CompiledTag) -> int:
        """Compile a tag at once, and return the number of its payload IOVs.

        Raises:
            DBAPIError: the database cannot be read.
            Full: a list takes more than the file may.
            lmdb.Error: the file cannot be written.

        """
        lists = self._lists(tag)
        self._compile(tag, lists, is_gentle=False)
        return sum(each.iovs for each in lists)

    def _lists(self, tag: CompiledTag) -> Sequence[Filled]:
        change = tag.tag.head.change
        with self._database.reading(change).snapshot(change) as reader:
            record = lookup.tag(reader, tag.tag.name, change)
            return views.filled(reader, record.id, change)

    def _compile(self, tag: CompiledTag, lists: Sequence[Filled], *, is_gentle: bool) -> None:
        names = [_name(each, tag.rendering) for each in lists]
        for name, each in zip(names, lists, strict=True):
            if not self.file.has(name):
                pieces = partial(self._pieces, each, tag.rendering, is_gentle=is_gentle)
                self.file.add(name, pieces)
        found = self.file.lists(names)
        if found is None:  # the first of them went to make room for the last
            raise Full
        tag.ready(found, [each.list.type for each in lists])
        self._has_room = True

    def _pieces(self, filled: Filled, rendering: Rendering, *, is_gentle: bool) -> Iterator[Piece]:
        """Yield all of the axis as a list answers it, from the end on."""
        name, dimension, shown = filled.list.type, filled.list.dimension, rendering.shown
        following: tuple[int, int] = OPEN
        for row in self._rows(filled.list.view, is_gentle=is_gentle):
            start, end = row[3:5], row[5:7]
            if end < following and not rendering.expired:
                yield Piece(end, b"")
            yield Piece(start, shown(Valid._make((name, *row, dimension, ""))))
            following = start
        if following > ORIGIN:
            yield Piece(ORIGIN, b"")

    def _rows(self, view: View, *, is_gentle: bool) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a list from the last one on, in pages.

        One that is gentle lets as much time pass as it takes, since those that answer
        requests share the interpreter with it.
        """
        before: tuple[int, int] = OPEN
        while True:
            began = time.monotonic()
            found = views.shown_before(self._database.reading(view.at), view, before, _PAGE)
            yield from found
            if len(found) < _PAGE:
                return
            before = found[-1][3:5]
            if is_gentle:
                time.sleep(time.monotonic() - began)


def _name(filled: Filled, rendering: Rendering) -> bytes:
    """Return what names a list in a rendering: what all that is shown of it follows from."""
    shown = filled.list
    decides = (shown.view.series, filled.last, shown.dimension, rendering.name, rendering.expired)
    return hashlib.sha256(repr(decides).encode()).digest()[:KEY_LENGTH]
