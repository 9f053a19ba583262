"""What an import has to do: what is there, what of it is here, and what stands in the way."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cdb.domain.names import control_character, name_problem, tag_name_problem
from cdb.domain.statuses import Status, WriteMode
from cdb.errors import Final, Invalid, TransitionRefused
from cdb.services import guard
from cdb.services.nopayloaddb.source import Source
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import log, reads
from cdb.store.engine import Database
from cdb.store.nopayloaddb import LegacyList, LegacyStatus, LegacyTag, LegacyType

ACTION = "import"
"""What the change log calls the changes of an import."""

LIST_NAME_LENGTH = 100
"""Characters, for payload lists."""

_LOG_PAGE = 1000

Key = tuple[str, int]
"""An object there: its type as the change log calls it, and its id."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is there, and what of it is here.

    Attributes:
        statuses: there.
        types: there.
        tags: there.
        lists: there.
        second: the ids of lists beside a newer one of their type in their tag.
        done: what is here already, by what it is there: the id here.
        rows_then: how many rows a list there had when it was imported, by its id.
        ways: by the name of a tag there, the statuses that lead to its own.

    """

    statuses: list[LegacyStatus]
    types: list[LegacyType]
    tags: list[LegacyTag]
    lists: list[LegacyList]
    second: frozenset[int]
    done: dict[Key, int]
    rows_then: Mapping[int, int]
    ways: Mapping[str, list[str]]

    def tag_of(self, which: LegacyList) -> str | None:
        """Return the name of the tag that a list is to be in: one list a type."""
        return None if which.id in self.second else which.tag


def make(database: Database, rules: Rules, writer: Writer, source: Source) -> Plan:
    """Return what is to be done.

    Raises:
        Invalid: the source cannot be read, or something in it cannot be taken
            over; every such thing is named.

    """
    with source.state() as state:
        statuses, types = state.statuses(), state.types()
        tags, lists = state.tags(), state.lists()
    live = _live(database)
    done, rows_then = _done(database, source.name, live)
    known = _known_statuses(database, rules, statuses)
    ways = {tag.name: _way(rules, writer, tag, known) for tag in tags}
    problems = [
        *_bad_names(statuses, types, tags, lists),
        *_taken({"global_tag": tags, "payload_type": types, "payload_list": lists}, live, done),
        *(_no_way(rules, tag) for tag in tags if ways[tag.name] is None),
    ]
    if problems:
        raise Invalid(" ".join(problems))
    leading = {name: way for name, way in ways.items() if way is not None}
    return Plan(statuses, types, tags, lists, _second(lists), done, rows_then, leading)


def _live(database: Database) -> dict[str, dict[int, str]]:
    """Return the names of what is live here, by object type and id."""
    with database.snapshot() as reader:
        return {
            "global_tag": {each.id: each.name for each in reads.tags(reader)},
            "payload_type": {each.id: each.name for each in reads.types(reader)},
            "payload_list": {each.id: each.name for each in reads.lists(reader)},
        }


def _done(
    database: Database, source: str, live: Mapping[str, Mapping[int, str]]
) -> tuple[dict[Key, int], dict[int, int]]:
    """Return what the source has given already, as the change log tells."""
    done: dict[Key, int] = {}
    rows_then: dict[int, int] = {}
    after = 0
    while True:
        with database.statement() as reader:
            page = log.page(reader, log.Wanted(after, limit=_LOG_PAGE, action=ACTION))
        for change in page:
            detail = change.detail
            if detail.get("source") != source or detail["id"] not in live[change.object_type]:
                continue
            done[change.object_type, detail["source_id"]] = detail["id"]
            if change.object_type == "payload_list":
                rows_then[detail["source_id"]] = detail["rows"]
        if len(page) < _LOG_PAGE:
            return done, rows_then
        after = page[-1].change


def _second(lists: Iterable[LegacyList]) -> frozenset[int]:
    """Return the lists that are not the newest of their type in their tag."""
    newest: dict[tuple[str, str], int] = {}
    second = set()
    for each in sorted(lists):
        if each.tag is None:
            continue
        if (older := newest.get((each.tag, each.type))) is not None:
            second.add(older)
        newest[each.tag, each.type] = each.id
    return frozenset(second)


def _bad_names(
    statuses: Iterable[LegacyStatus],
    types: Iterable[LegacyType],
    tags: Iterable[LegacyTag],
    lists: Iterable[LegacyList],
) -> Iterator[str]:
    checks: list[tuple[str, list[str], Callable[[str], str | None]]] = [
        ("Status", [each.name for each in statuses], name_problem),
        ("Payload type", [each.name for each in types], name_problem),
        ("Global tag", [each.name for each in tags], tag_name_problem),
        ("Payload list", [each.name for each in lists], _list_name_problem),
    ]
    for what, names, problem_of in checks:
        for name in names:
            if problem := problem_of(name):
                yield f"{what} {name!r} cannot be taken over: {problem}"


def _list_name_problem(name: str) -> str | None:
    if not 1 <= len(name) <= LIST_NAME_LENGTH:
        return f"It has 1 to {LIST_NAME_LENGTH} characters."
    return "It has control characters." if control_character(name) else None


def _taken(
    there: Mapping[str, Iterable[LegacyType | LegacyTag | LegacyList]],
    live: Mapping[str, Mapping[int, str]],
    done: Mapping[Key, int],
) -> Iterator[str]:
    for object_type, objects in there.items():
        names = set(live[object_type].values())
        what = object_type.replace("_", " ").capitalize()
        for each in objects:
            if each.name in names and (object_type, each.id) not in done:
                yield f"{what} {each.name!r} is here already, and not from this import."


def _known_statuses(
    database: Database, rules: Rules, there: Iterable[LegacyStatus]
) -> dict[str, Status]:
    """Return the statuses that there will be: those of nopayloaddb's own making are open."""
    known = {each.name: Status(each.name, WriteMode.OPEN, final=False) for each in there}
    known |= {each.name: each for each in rules.tag_policy.statuses}
    with database.statement() as reader:
        for record in reads.statuses(reader):
            known[record.name] = Status(record.name, WriteMode(record.mode), bool(record.final))
    return known


def _way(
    rules: Rules, writer: Writer, tag: LegacyTag, known: Mapping[str, Status]
) -> list[str] | None:
    """Return the shortest way from the first status to that of a tag; None where none leads."""
    first = rules.tag_policy.statuses[0].name
    ways: dict[str, list[str]] = {first: []}
    reached = [first]
    for current in reached:
        for name, status in known.items():
            if name not in ways and _may_go(rules, writer, tag.name, known[current], status):
                ways[name] = [*ways[current], name]
                reached.append(name)
    return ways.get(tag.status)


def _may_go(rules: Rules, writer: Writer, tag: str, current: Status, target: Status) -> bool:
    try:
        guard.transition(writer, rules, tag, current, target)
    except (Final, TransitionRefused):
        return False
    return True


def _no_way(rules: Rules, tag: LegacyTag) -> str:
    first = rules.tag_policy.statuses[0].name
    return (
        f"Global tag {tag.name!r} is {tag.status}, and the tag policy lets no tag that was "
        f"{first} become that."
    )
