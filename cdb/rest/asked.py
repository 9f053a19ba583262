"""As of when a request asks, and of which global tags.

What gives how long an answer holds goes no further where the client has that answer.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import Connection

from cdb.rest.holding import Holding, Layers
from cdb.rest.media import json_response
from cdb.services import lookup, moments, resolve
from cdb.services.moments import Moment
from cdb.services.rules import Rules
from cdb.store import views
from cdb.store.changes import Head, end
from cdb.store.engine import Asked
from cdb.store.pools import Readable
from cdb.store.reads import ListRecord, TagRecord


def reader(request: Request, *, several: bool) -> AbstractContextManager[Connection | Readable]:
    """Give what several statements are asked of that see one state, or one statement."""
    database: Readable = request.cdb.database
    return database.snapshot() if several else nullcontext(database)


@contextmanager
def state(request: Request, as_of: str | None) -> Iterator[tuple[Connection, int]]:
    """Give a snapshot, and the change that is asked as of: CURRENT where none is.

    Raises:
        Invalid: the change or the time is wrong, or in the future.

    """
    with request.cdb.database.snapshot() as snapshot:
        yield snapshot, moments.moment(snapshot, as_of).change


def fixed(request: Request, as_of: str | None) -> Head:
    """Return the change that a long answer is read at: the latest one where none is asked.

    Raises:
        Invalid: the change or the time is wrong, or in the future.

    """
    with state(request, as_of) as (snapshot, change):
        return end(snapshot, change)


def layers(reader: Asked, names: Sequence[str], as_of: str | None) -> Layers:
    """Return the tags that names mean, each a name or `tag@change`.

    Raises:
        Invalid: a change or a time is wrong, or in the future.

    """
    return Layers.of([moments.of_tag(reader, name, as_of) for name in names])


def sealed(request: Request, holding: Holding, shown: object) -> Response:
    """Return an answer that was read in parts at the heads of tags, with how long it holds.

    Raises:
        Unavailable: the database went back meanwhile.

    """
    moments.require_history(request.cdb.database, holding.heads)
    return holding.sealed(json_response(shown))


@dataclass(frozen=True, slots=True)
class AskedLog:
    """The whole log as of when it is asked, and how long the answer holds."""

    reader: Connection
    moment: Moment
    holding: Holding

    @property
    def change(self) -> int:
        """The change that it is asked as of, CURRENT where none is."""
        return self.moment.change


@contextmanager
def log(request: Request, as_of: str | None) -> Iterator[AskedLog]:
    """Give the whole log on a snapshot, for answers that any change can change.

    Raises:
        Invalid: the change or the time is wrong, or in the future.
        Unchanged: the client has the answer.

    """
    with request.cdb.database.snapshot() as snapshot:
        found = _log(request, snapshot, as_of)
        found.holding.stop_where_known()
        yield found


def _log(request: Request, reader: Connection, as_of: str | None) -> AskedLog:
    moment = moments.moment(reader, as_of)
    layers = Layers.of([(resolve.LOG, moment)])
    heads = [resolve.head(reader, layer) for layer in layers.tags]
    return AskedLog(reader, moment, layers.holding(request, heads))


@dataclass(frozen=True, slots=True)
class AskedList:
    """A payload list as of when it is asked, and how long the answer holds."""

    record: ListRecord
    holding: Holding

    @property
    def fixed_change(self) -> int:
        """The change that a long answer is read at: the last one that there was then."""
        return self.holding.tags[0].head.change

    def dimension(self, rules: Rules) -> str:
        """Return the name of the dimension of the list."""
        return self.record.dimension or rules.default_dimension


def list_(request: Request, name: str, as_of: str | None) -> AskedList:
    """Return a payload list, asked by its name.

    Any change can change the answer: a list that is in no tag has no head of its own.

    Raises:
        Invalid: the change or the time is wrong, or in the future.
        NotFound: no list has this name then.
        Unchanged: the client has the answer.

    """
    with request.cdb.database.snapshot() as snapshot:
        found = _log(request, snapshot, as_of)
        record = lookup.list_(snapshot, name, found.change)
    found.holding.stop_where_known()
    return AskedList(record, found.holding)


@dataclass(frozen=True, slots=True)
class AskedTag:
    """A global tag as of when it is asked, and how long the answer holds."""

    reader: Connection
    record: TagRecord
    moment: Moment
    holding: Holding

    @property
    def fixed_change(self) -> int:
        """The change that a long answer is read at: the head of the tag then shows the same."""
        return self.record.head

    def dimension_of(self, rules: Rules) -> dict[str, str]:
        """Return the name of the dimension that each payload type of the tag has."""
        members = views.of_tag(self.reader, self.record.id, self.moment.change)
        return {each.type: each.dimension or rules.default_dimension for each in members}

    def dimensions(self, rules: Rules) -> set[str]:
        """Return the names of the dimensions that the payload types of the tag have."""
        return {*self.dimension_of(rules).values()}

    def components(self, rules: Rules) -> dict[str, tuple[str, str]]:
        """Return what these dimensions call their two numbers, but for disabled ones."""
        enabled = rules.dimensions
        names = sorted(self.dimensions(rules) & enabled.keys())
        return {name: enabled[name].components for name in names}


@contextmanager
def tag(request: Request, name: str, as_of: str | None) -> Iterator[AskedTag]:
    """Give a global tag, asked by its name or as `tag@change`, on a snapshot.

    Raises:
        Invalid: the change or the time is wrong, or in the future.
        NotFound: no tag has this name then.
        Unchanged: the client has the answer.

    """
    with request.cdb.database.snapshot() as snapshot:
        found = _tag(request, snapshot, name, as_of)
        found.holding.stop_where_known()
        yield found


@contextmanager
def two_tags(
    request: Request, names: tuple[str, str], as_of: tuple[str | None, str | None]
) -> Iterator[tuple[AskedTag, AskedTag, Holding]]:
    """Give two global tags on one snapshot, each as of when it is asked, and what both hold.

    Raises:
        Invalid: a change or a time is wrong, or in the future.
        NotFound: no tag has one of the names then.
        Unchanged: the client has the answer.

    """
    with request.cdb.database.snapshot() as snapshot:
        a, b = (
            _tag(request, snapshot, name, each, f"{side}_as_of")
            for side, name, each in zip("ab", names, as_of, strict=True)
        )
        both = Layers.of([(side.record.name, side.moment) for side in (a, b)])
        # An answer about two states says the changes of both, in its ETag, and not one of them.
        both = replace(both, as_of=None)
        holding = both.holding(request, [*a.holding.tags, *b.holding.tags])
        holding.stop_where_known()
        yield a, b, holding


def _tag(
    request: Request, reader: Connection, name: str, as_of: str | None, field: str = "asOf"
) -> AskedTag:
    plain, moment = moments.of_tag(reader, name, as_of, field)
    record = lookup.tag(reader, plain, moment.change)
    return AskedTag(reader, record, moment, Holding.of(request, record, moment))


@contextmanager
def tag_by_id(request: Request, tag_id: int, as_of: str | None) -> Iterator[AskedTag]:
    """Give a global tag, asked by its id, on a snapshot.

    Raises:
        Invalid: the change or the time is wrong, or in the future.
        NotFound: no tag has this id then.
        Unchanged: the client has the answer.

    """
    with request.cdb.database.snapshot() as snapshot:
        moment = moments.moment(snapshot, as_of)
        record = lookup.tag_by_id(snapshot, tag_id, moment.change)
        holding = Holding.of(request, record, moment)
        holding.stop_where_known()
        yield AskedTag(snapshot, record, moment, holding)
