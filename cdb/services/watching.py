"""What monitoring asks of a database: whether it answers, its last change, how far its tags go.

Whoever asks gets an answer in time, also where the server is silent. What is known of a global
tag is kept until that is written to, so that to ask again and again costs next to nothing.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from cdb.domain.statuses import WriteMode
from cdb.store import newest
from cdb.store.engine import Database
from cdb.store.newest import Ask, Last, Newest, TagAtHead

_WAIT_S = 3.0
"""Seconds in which the database has to answer: Prometheus gives up after ten."""

_MOST = 10_000
"""Payload lists whose newest start is told; those of the tags that were written to last."""


class Found(NamedTuple):
    """What a look found.

    Attributes:
        answers: whether the database can be asked, and has tables.
        last: the last change; None where there is none, or nobody knows.
        tags: how far the payload types of global tags go, by the names of the tags.
        left_out: how many global tags are not among them since there are too many lists.

    """

    answers: bool
    last: Last | None = None
    tags: Mapping[str, Sequence[Newest]] = {}
    left_out: int = 0


_SILENT = Found(answers=False)


class Watch:
    """Looks at the primary where somebody wants it.

    Args:
        database: of the service.
        patterns: of the names of global tags whose newest starts are told, as in `Prod*`; if
            there are none, it is those that can be written to.

    """

    def __init__(self, database: Database, patterns: Sequence[str] = ()) -> None:
        self._patterns = patterns
        self._found = _SILENT
        self._known: dict[int, tuple[TagAtHead, Sequence[Newest]]] = {}
        self._is_reading = False
        self._database = database
        self._looks = database.looks("watch", self._look)

    def now(self) -> Found:
        """Look, and return what was found; what took no answer in time does not answer."""
        self._looks.start()
        # A database that has many tags to read for the first time answers all the same.
        in_time = self._looks.now(_WAIT_S) or self._is_reading
        return self._found if in_time else _SILENT

    def _look(self, ask: Ask) -> None:
        if self._database.replicas:
            self._database.replicas.start()
        try:
            last = newest.last(ask)
            if self._found.answers and last == self._found.last:
                return
            self._found = self._found._replace(answers=True, last=last)
            self._is_reading = True
            self._found = self._read(ask, last)
        except SQLAlchemyError:  # the service itself logs what is wrong with it
            self._found = _SILENT
        finally:
            self._is_reading = False

    def _read(self, ask: Ask, last: Last | None) -> Found:
        """Return how far global tags go; those of which it is known are not asked again."""
        shown = [tag for tag in newest.tags(ask) if self._shows(tag)]
        known: dict[int, tuple[TagAtHead, Sequence[Newest]]] = {}
        lists = 0
        for tag in shown:
            before, found = self._known.get(tag.id, (None, ()))
            if before != tag:
                found = newest.of_tag(ask, tag.id)
            lists += len(found)
            if lists > _MOST:
                break
            known[tag.id] = tag, found
        self._known = known
        tags = {tag.name: known[tag.id][1] for tag in shown if tag.id in known}
        return Found(answers=True, last=last, tags=tags, left_out=len(shown) - len(tags))

    def _shows(self, tag: TagAtHead) -> bool:
        if self._patterns:
            return any(fnmatchcase(tag.name, pattern) for pattern in self._patterns)
        return tag.mode != WriteMode.CLOSED
