"""Reading a bundle: a global tag in one SQLite file, for jobs that reach no service."""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from cdb_client.conditions import ALL, Answer, PayloadIOV, Places
from cdb_client.errors import BundleError, Conflict, Invalid, NotationError
from cdb_client.holding import Held, Kept
from cdb_client.notation import BUILT_IN
from cdb_client.points import LAST, MAX, OPEN, ORIGIN, Interval, Point, before
from cdb_client.questions import Dimensions, Question

APPLICATION_ID = 0x63646262
FORMAT = 1
"""What the header of the file says; `cdb bundle create` writes it."""

_MAPPED = 2**31 - 2**16

_OF_PAYLOAD = (str, str, int, int, int, int)
_OF_SIZE = frozenset({int, type(None)})
_OF_REVISION = frozenset({str, type(None)})
"""Types of what a row says of a payload: its URL and checksum, and where it starts and ends."""

_LABEL = """
    select t.name, c.detail from global_tag t
    join change c on c.change = (select max(change) from change where action = 'import')
"""

# A view in place of a table could compute without end, and no exception ends a statement.
_COMPUTED = """
    select type, name from sqlite_master
    where type not in ('table', 'index') or lower(sql) like 'create virtual%' limit 1
"""

_COLUMNS = """
    pt.name, pt.dimension, i.payload_url, i.checksum, i.size, i.extra,
    i.start_major, i.start_minor, i.end_major, i.end_minor
"""
_LISTS = """
    from list_state s
    join payload_list l on l.id = s.payload_list
    join payload_type pt on pt.id = l.payload_type
"""

_WINDOW = ("from_major", "from_minor", "to_major", "to_minor")
_OVERLAPPING = f"""
    select {_COLUMNS} {_LISTS}
    join iov i on i.series = s.series and i.retired_by = {MAX}
        and (i.start_major, i.start_minor) < (:to_major, :to_minor)
        and (i.end_major, i.end_minor) > (:from_major, :from_minor)
    order by pt.name, i.start_major, i.start_minor
"""

# Row values, since only these become one descent of the index for each payload list. The
# next start matters only where nothing covers the point, or where what has ended counts.
_VALID = f"""
    select {_COLUMNS}, n.start_major, n.start_minor {_LISTS}
    left join iov i on i.id = (
        select id from iov where series = s.series and retired_by = {MAX}
        and (start_major, start_minor) <= (:major, :minor)
        order by start_major desc, start_minor desc limit 1
    )
    left join iov n on n.id = case
        when i.id is null or (i.end_major, i.end_minor) <= (:major, :minor) or :expired then (
            select id from iov where series = s.series and retired_by = {MAX}
            and (start_major, start_minor) > (:major, :minor)
            order by start_major, start_minor limit 1
        ) end
    order by pt.name
"""  # noqa: S608 - a constant


class _Member(NamedTuple):
    """What a payload list answers at a point, and where it answers the same."""

    payload_type: str
    dimension: str
    payload: PayloadIOV | None
    holds: Interval


class Bundle:
    """A bundle, opened for reading; the folder that it lies in may be read-only.

    Many processes may read it at once. Usable as a context manager, which closes
    it at its end.

    Attributes:
        global_tag: the name of the only tag that it has.
        change: the last one of that tag that is in the bundle.
        digest: of that tag, 64 hexadecimal digits; the same as the service says.
        provenance: where the tag was taken from: `global_tag`, `change`, `taken`, ...

    """

    def __init__(self, path: str | Path) -> None:
        """Open a bundle.

        Raises:
            BundleError: the file is none.

        """
        self._connection = opened(Path(path))
        try:
            # Read as memory: a third of the time of a query goes into copying pages.
            self._connection.execute(f"pragma mmap_size = {_MAPPED}")
            label = _label(self._one(_LABEL))
        except (sqlite3.Error, ValueError, RecursionError):
            self.close()
            raise BundleError(f"{path} is damaged: it does not say what it is.") from None
        self.global_tag, self.digest, self.provenance = label
        self.change: int = self.provenance["change"]
        self._inclusive = self.provenance["iov_mode"] == "discrete"
        self._kept: dict[Question, Kept] = defaultdict(Kept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def valid_at(
        self, global_tag: str, major: int, minor: int, *, expired: bool = False
    ) -> list[dict[str, Any]]:
        """Return the payloads that are valid at a point, by payload type.

        Args:
            global_tag: has to be the one of the bundle, which guards against the wrong file.
            major: 0 to 2**63 - 1, as `minor`.
            minor: the second number of the point.
            expired: also return the last payload of a type whose interval has ended.

        Returns:
            What the service answers, without `begin` and `end`: for each payload a
            dict with `payload_type_name`, `payload_url`, `checksum`, `size` in bytes,
            `major_iov`, `minor_iov`, `major_iov_end`, `minor_iov_end`, `revision`,
            `global_tag` and `dimension`.

        Raises:
            BundleError: the bundle has another tag, or is damaged.

        """
        question = Question((global_tag,), expired=expired)
        self._check(question)
        members = self._members((major, minor), question)
        return [self.row(each.payload) for each in members if each.payload]

    def dimensions(self, question: Question, *, renew: bool = False) -> Dimensions:
        """Return the dimensions of the payload types, with what they call their numbers.

        There is one tag, whatever the question; and nothing to renew.
        """
        return self._dimensions

    @cached_property
    def _dimensions(self) -> Dimensions:
        told = self.provenance.get("dimensions", {})
        used = {each.dimension for each in self._members(ORIGIN, Question((self.global_tag,)))}
        unknown = ("major", "minor")
        return {
            name: tuple(told[name]) if name in told else BUILT_IN.get(name, unknown)
            for name in sorted(used)
        }

    def answer(self, question: Question, places: Places) -> Answer:
        """Return what is valid at some points, and how far that holds.

        Raises:
            BundleError: the bundle has not what is asked: this tag, as of this change, or a
                payload type; or it is damaged.
            NotationError: a point is in a notation that only a service can read.
            Invalid: a payload type has no point.
            Conflict: nothing covers the point for a type, and the question wants all.

        """
        kept = self._kept[question]
        if held := kept.at(places):
            return held.answer
        self._check(question)
        answer = self._found(question, places)
        # Nothing of a bundle changes.
        kept.keep(Held(answer, places, 0.0, math.inf))
        return answer

    def row(self, payload: PayloadIOV) -> dict[str, Any]:
        """Return a payload IOV as the service shows it, without `begin` and `end`."""
        end = payload.end
        if self._inclusive and end != OPEN:
            end = before(end)
        return {
            "payload_type_name": payload.payload_type,
            "payload_url": payload.payload_url,
            "checksum": payload.checksum,
            "size": payload.size,
            "major_iov": payload.start[0],
            "minor_iov": payload.start[1],
            "major_iov_end": end[0],
            "minor_iov_end": end[1],
            "revision": payload.revision,
            "global_tag": payload.global_tag,
            "dimension": payload.dimension,
        }

    def answers(self, question: Question, points: Sequence[Point | str]) -> list[Answer]:
        """Return what is valid at each of many points; raises as `answer` does."""
        return [self.answer(question, {ALL: point}) for point in points]

    def iovs(
        self, question: Question, start: Point | str, end: Point | str
    ) -> Iterator[PayloadIOV]:
        """Yield the payload IOVs that overlap a window, by type and start; raises as `answer`.

        Raises:
            Invalid: the end does not come after the start.

        """
        self._check(question)
        self._members(ORIGIN, question)
        first, last = _numbers(start), _numbers(end)
        if last <= first:
            raise Invalid(400, "invalid", f"to: {last} does not come after {first}.")
        window = dict(zip(_WINDOW, (*first, *last), strict=True))
        for name, *row in self._rows(_OVERLAPPING, window):
            if question.types is None or name in question.types:
                yield self._payload(name, *row)

    def head(self, question: Question) -> int:
        """Return the last change that touched the tag."""
        self._check(question)
        return self.change

    def _found(self, question: Question, places: Places) -> Answer:
        by_dimension = {
            name: [
                member
                for member in self._members(_numbers(place), question)
                if name in (ALL, member.dimension)
            ]
            for name, place in places.items()
        }
        if ALL not in places:
            self._check_places(question, places)
        members = sorted(chain(*by_dimension.values()))
        missing = [each.payload_type for each in members if each.payload is None]
        if missing and question.complete:
            raise Conflict(
                409,
                "incomplete",
                f"Nothing covers the point for {', '.join(missing)}.",
                {"missing": missing},
            )
        return Answer(
            {each.payload_type: each.payload for each in members if each.payload},
            {
                name: _intersection(found)
                for name, found in by_dimension.items()
                if found or len(places) == 1
            },
            self.change,
        )

    def _members(self, point: Point, question: Question) -> list[_Member]:
        """Return what the payload lists that are asked answer at a point, by payload type."""
        major, minor = place = min(point, LAST)
        asked = {"major": major, "minor": minor, "expired": question.expired}
        members = [
            self._member(row, place, expired=question.expired) for row in self._rows(_VALID, asked)
        ]
        if question.types is None:
            return members
        unknown = set(question.types) - {each.payload_type for each in members}
        if unknown:
            raise BundleError(f"The bundle has no payload type {', '.join(sorted(unknown))}.")
        return [each for each in members if each.payload_type in question.types]

    def _member(self, row: Sequence[Any], point: Point, *, expired: bool) -> _Member:
        name, dimension = row[:2]
        if type(name) is not str or type(dimension) is not str:
            raise BundleError(f"The bundle is damaged: {name!r} is no payload type.")
        following = OPEN if row[10] is None else (row[10], row[11])
        if row[6] is None:
            return _Member(name, dimension, None, (ORIGIN, following))
        start, end = (row[6], row[7]), (row[8], row[9])
        if end <= point and not expired:
            return _Member(name, dimension, None, (end, following))
        payload = self._payload(name, *row[1:10])
        return _Member(name, dimension, payload, (start, following if expired else end))

    def _payload(self, name: str, dimension: str, *row: Any) -> PayloadIOV:
        url, checksum, size, revision, *points = row
        # SQLite keeps whatever is put into a column, and what is read here names files.
        if tuple(map(type, (url, checksum, *points))) != _OF_PAYLOAD or not (
            type(size) in _OF_SIZE and type(revision) in _OF_REVISION
        ):
            raise BundleError(f"The bundle is damaged: a payload of {name} is none.")
        start, end = (points[0], points[1]), (points[2], points[3])
        return PayloadIOV(
            name, url, checksum, size, start, end, revision, self.global_tag, dimension
        )

    def _check(self, question: Question) -> None:
        """Raise where the bundle has not what a question is about."""
        name, _, change = question.tags[0].partition("@")
        if len(question.tags) > 1 or name != self.global_tag:
            asked = ", ".join(map(repr, question.tags))
            raise BundleError(f"The bundle has {self.global_tag!r}, and no {asked}.")
        for as_of in (change, question.as_of):
            # What came later is not in it, even if it is nothing: nobody here knows.
            if as_of and as_of != str(self.change):
                raise BundleError(
                    f"The bundle has {name!r} as of change {self.change}, and not as of {as_of}."
                )

    def _check_places(self, question: Question, places: Places) -> None:
        for member in self._members(ORIGIN, question):
            if member.dimension not in places:
                raise Invalid(
                    400,
                    "invalid",
                    f"Payload type {member.payload_type!r} has the dimension "
                    f"{member.dimension!r}: a point in it is needed.",
                )

    def _rows(self, statement: str, values: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
        try:
            # `yield from` would close rows that nobody took, perhaps after the file.
            for row in self._connection.execute(statement, values):  # noqa: UP028 - see above
                yield row
        # Of a damaged file even the message may be no text.
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise BundleError(f"The bundle is damaged: {error}.") from None

    def _one(self, statement: str) -> Any:
        with closing(self._connection.execute(statement)) as rows:
            return rows.fetchone()


def opened(path: Path) -> sqlite3.Connection:
    """Open the file of a bundle, of which nothing is computed but what is asked.

    Raises:
        BundleError: it is no bundle of this format.

    """
    # Who opens a pipe waits for somebody who writes to it.
    if not path.is_file():
        raise BundleError(f"{path} is no file.")
    place = quote(str(path.resolve()))
    try:
        connection = sqlite3.connect(
            f"file:{place}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise BundleError(f"{path}: {error}.") from None
    try:
        problem = _problem(connection)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        problem = f"is no bundle: {error}"
    if problem:
        connection.close()
        raise BundleError(f"{path} {problem}.")
    return connection


def _problem(connection: sqlite3.Connection) -> str | None:
    """Return why an opened file cannot be read as a bundle, as the end of a sentence."""
    header = [
        connection.execute(f"pragma {name}").fetchone()
        for name in ("application_id", "user_version")
    ]
    if header != [(APPLICATION_ID,), (FORMAT,)]:
        return f"is no bundle of format {FORMAT}"
    connection.execute("pragma trusted_schema = off")
    connection.execute("pragma cell_size_check = on")
    if computed := connection.execute(_COMPUTED).fetchone():
        return f"is no bundle: it has the {computed[0]} {computed[1]!r}"
    return None


def _label(row: Any) -> tuple[str, str, dict[str, Any]]:
    """Return the name of the tag, its digest, and where it was taken from.

    Raises:
        ValueError: they are not there.

    """
    told = json.loads(row[1]) if row and isinstance(row[1], str) else None
    match row and row[0], told:
        case str(name), {
            "after": {"digest": str(digest)},
            "provenance": {"change": int(), "iov_mode": str()} as provenance,
        } if _are_dimensions(provenance.get("dimensions", {})):
            return name, digest, provenance
    raise ValueError("It does not say what it is.")


def _are_dimensions(told: Any) -> bool:
    """Tell whether something says for each dimension what its two numbers are called."""
    return isinstance(told, dict) and all(
        isinstance(each, list) and list(map(type, each)) == [str, str] for each in told.values()
    )


def _numbers(place: Point | str) -> Point:
    if isinstance(place, str):
        raise NotationError(f"A bundle does not read {place!r}: give the two numbers.")
    return place


def _intersection(members: Sequence[_Member]) -> Interval:
    """Return where all of them answer the same as they do."""
    return (
        max((each.holds[0] for each in members), default=ORIGIN),
        min((each.holds[1] for each in members), default=OPEN),
    )
