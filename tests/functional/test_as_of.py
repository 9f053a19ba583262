"""What was answered at a change is answered for ever: every read endpoint, as of every change."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from support import API, Client, in_tokyo

from cdb.app import make_app
from cdb.rest.views import RESOURCES
from cdb.settings import load

Step = Callable[[], object]

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "/payload-iovs/query": tuple(
        f"payloadiovs/?gtName={tags}&majorIOV={major}&minorIOV=0{further}"
        for tags, further in (
            ("{A}", ""),
            ("{A}", "&shape=dict"),
            ("{B}", "&expired=include"),
            ("{C}&gtName={B}", "&types=T"),
        )
        for major in (1, 3, 30)
    ),
    "/payload-iovs": ("piov", "piov?page=1&sort=major_iov&search=u", "piov?page=1&global_tag=B"),
    "/payload-iovs/{id}": ("piov/1", "piov/2", "piov/5"),
    "/global-tags": ("globalTags", "globalTags?page=1&sort=updated", "globalTags?status=frozen"),
    "/global-tags/{name}": ("globalTag/{A}", "globalTag/{B}", "globalTag/{C}?light=1"),
    "/global-tags/{name}/payload-lists": ("gtPayloadLists/{A}", "gtPayloadLists/{C}"),
    "/global-tags/{name}/history": (
        "global-tags/{A}/history",
        "global-tags/{B}/history?limit=2&order=desc",
    ),
    "/global-tags/{name}/iovs": (
        "global-tags/{A}/iovs",
        "global-tags/{B}/iovs?from=1,5&to=4,0&payload_type=T",
    ),
    "/global-tags/{name}/gaps": ("global-tags/{A}/gaps", "global-tags/{C}/gaps?from=2"),
    "/global-tags/{name}/digest": ("global-tags/{A}/digest", "global-tags/{C}/digest"),
    "/global-tags/{name}/timeline": ("global-tags/{A}/timeline?buckets=7",),
    "/global-tags/{a}/diff/{b}": (
        "global-tags/{A}/diff/{B}",
        "global-tags/{B}/diff/{C}?level=lists",
    ),
    "/global-tags/{a}/diff/{b}/timeline": ("global-tags/{A}/diff/{B}/timeline?buckets=7",),
    "/global-tags/statuses": ("gtstatus",),
    "/gt": ("gt",),
    "/gt/{id}": ("gt/1", "gt/2", "gt/4"),
    "/payload-types": ("pt", "payload-types?page=1&sort=name&order=desc"),
    "/payload-types/{name}": ("payload-types/T", "payload-types/V"),
    "/payload-lists": ("pl", "payload-lists?page=1&sort=iov_count", "pl?page=1&payload_type=T"),
    "/payload-lists/{id}": ("pl/1", "pl/2", "pl/4"),
    "/payload-lists/by-name/{name}": ("payload-lists/by-name/T_1", "payload-lists/by-name/U_2"),
    "/payload-lists/by-name/{name}/iovs": (
        "payload-lists/by-name/T_1/iovs",
        "payload-lists/by-name/U_2/iovs?from=2:0&limit=3",
        "payload-lists/by-name/T_1/iovs?at=1,5",
    ),
    "/payload-lists/by-name/{name}/gaps": ("payload-lists/by-name/U_2/gaps",),
    "/payload-lists/by-name/{name}/timeline": (
        "payload-lists/by-name/T_1/timeline?buckets=7",
        "payload-lists/by-name/T_3/timeline",
    ),
    "/payload-lists/by-name/{name}/history": ("payload-lists/by-name/T_1/history",),
    "/payloads/{checksum}/usage": ("payloads/sum/usage",),
}
"""What is asked of each endpoint that reads conditions data; `{A}` can be asked as `A@change`."""

NO_HISTORY: Mapping[str, str] = {
    "/changes": "the log itself, whose parts are asked by `after` and `before`",
    "/changes/{change}": "a change stays what it is",
    "/payloads/{checksum}": "a stored file stays what it is",
    "/payloads/{checksum}/about": "a stored file stays what it is",
    "/payloads/{checksum}/preview": "a stored file stays what it is",
    "/plugins": "of the service, not of the data",
    "/points": "what a notation means does not change",
    "/settings/{name}": "of the service, not of the data",
    "/timeout": "of the service, not of the data",
    "/web": "of the service, not of the data",
    "/whoami": "of the request, not of the data",
}
"""The endpoints that cannot be asked as of a change, and why."""

TAGS = ("A", "B", "C")


class Answer(NamedTuple):
    """What is compared; the rest of the headers says how long it holds."""

    status: int
    body: bytes


class World:
    """A service with a history that is written change by change."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def change(self) -> int:
        return int(self.client.ok("GET", "changes?order=desc&limit=1")["latest"])

    def make_list(self, tag: str, payload_type: str) -> str:
        name: str = self.client.ok("POST", "pl", {"payload_type": payload_type})["name"]
        self.put_list(tag, name)
        return name

    def put_list(self, tag: str, name: str) -> None:
        self.client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": name})

    def list_of(self, tag: str, payload_type: str) -> str:
        name: str = self.client.ok("GET", f"gtPayloadLists/{tag}")[payload_type]
        return name

    def attach(self, tag: str, payload_type: str, url: str, *ends: int) -> None:
        """Attach one payload IOV, as old clients do: staged, then attached."""
        staged = self.client.ok("POST", "piov", iov(url, *ends))["id"]
        body = {"payload_list": self.list_of(tag, payload_type), "piov_id": staged}
        self.client.ok("PUT", "piov_attach", body)

    def bulk(self, tag: str, payload_type: str, url: str, majors: range) -> None:
        name = self.list_of(tag, payload_type)
        rows = [{"payload_list": name, **iov(f"{url} {major}", major)} for major in majors]
        self.client.ok("POST", "bulk_piov", rows)

    def delete_iov(self, tag: str, payload_type: str, major: int) -> None:
        self.client.ok("DELETE", f"deletePayloadIOV/{tag}/{payload_type}/{major}/0")

    def merge(self, target: str, mode: str, source: str) -> None:
        self.client.ok("POST", f"global-tags/{target}/merge", {"mode": mode, "sources": [source]})

    def describe(self, path: str, text: str | None) -> None:
        self.client.ok("PATCH", path, {"description": text})

    def history(self) -> list[Step]:
        """Writes of every kind, in an order in which each one changes what others left."""
        ok = self.client.ok
        return [
            lambda: ok("POST", "pt", {"name": "T"}),
            lambda: ok("POST", "pt", {"name": "U", "dimension": "run-lumi"}),
            lambda: ok("POST", "pt", {"name": "V"}),
            lambda: ok("POST", "gt", {"name": "A", "author": "me"}),
            lambda: self.make_list("A", "T"),
            lambda: self.make_list("A", "U"),
            lambda: self.attach("A", "T", "first", 0),
            lambda: self.attach("A", "T", "cuts", 1, 2),
            lambda: self.bulk("A", "U", "u", range(10)),
            lambda: ok("POST", "cloneGlobalTag/A/B"),
            lambda: self.attach("A", "T", "over all", 0),
            lambda: self.delete_iov("A", "U", 3),
            lambda: ok("POST", "cloneGlobalTag/B/C"),
            lambda: self.attach("B", "U", "fork", 2, 4),
            lambda: self.delete_iov("B", "T", 1),
            lambda: self.bulk("A", "U", "again", range(2, 7)),
            lambda: ok("PUT", "gt_change_status/C/locked"),
            lambda: self.attach("C", "U", "append", 20),
            lambda: ok("PUT", "gt_change_status/C/frozen"),
            lambda: self.describe("global-tags/C", "final"),
            lambda: self.describe("payload-types/T", "of a type"),
            lambda: self.describe("payload-lists/by-name/T_1", "of a list"),
            lambda: self.put_list("B", self.list_of("A", "U")),
            lambda: self.put_list("A", "U_4"),
            lambda: ok("POST", f"global-tags/A/revert?to={self.change() - 2}"),
            lambda: self.merge("A", "override", "C"),
            lambda: self.merge("B", "fill", "A"),
            lambda: ok("DELETE", "deletePayloadType/V"),
            lambda: ok("DELETE", f"deletePayloadList/{self.make_list('A', 'T')}"),
            lambda: ok("PATCH", "global-tags/B", {"name": "D"}),
            lambda: ok("DELETE", "deleteGlobalTag/A"),
            lambda: ok("POST", "gtstatus", {"name": "draft"}),
            lambda: ok("POST", "gt", {"name": "A", "author": "you", "status": "draft"}),
            lambda: ok("POST", "pt", {"name": "V", "description": "another"}),
            lambda: self.make_list("A", "V"),
            lambda: self.attach("A", "V", "new", 0, 9),
            lambda: ok("POST", "cloneGlobalTag/C/B"),
            lambda: self.attach("B", "T", "fork", 3, 9),
            lambda: ok("DELETE", "deleteGlobalTag/B"),
        ]


def iov(url: str, major: int, end: int | None = None) -> dict[str, Any]:
    ends = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0}
    return {"payload_url": url, "checksum": "sum", "major_iov": major, "minor_iov": 0, **ends}


def questions() -> Iterator[str]:
    for templates in QUESTIONS.values():
        yield from templates


def named(template: str, suffix: str = "") -> str:
    """Return a question with the names of the tags, each with the same suffix."""
    return template.format_map({tag: f"{tag}{quote(suffix)}" for tag in TAGS})


def with_as_of(template: str, as_of: object) -> str:
    path = named(template)
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'asOf': as_of})}"


def answer(client: Client, path: str) -> Answer:
    got = client.api("GET", path)
    return Answer(got.status_int, got.body)


def between(client: Client, change: int) -> str:
    """Return a time after a change and before the next one."""
    first, second = (
        datetime.fromisoformat(client.ok("GET", f"changes/{number}")["at"])
        for number in (change, change + 1)
    )
    assert first < second
    return (first + (second - first) / 2).isoformat()


@pytest.fixture(scope="module")
def world(shared: Client) -> World:
    """A service with its whole history, to which nothing is added."""
    made = World(shared)
    for step in made.history():
        step()
    return made


# --- all endpoints ----------------------------------------------------------------


def test_everything_that_reads_conditions_data_can_be_asked_as_of_a_change(
    client: Client,
) -> None:
    first = {f"{API}/{path}": f"/{each.paths[0]}" for each in RESOURCES for path in each.paths}
    takes, others = set(), set()
    for path, item in client.ok("GET", "/openapi.json")["paths"].items():
        if path.startswith(API) and "get" in item:
            parameters = {each["name"] for each in item["get"].get("parameters", ())}
            (takes if "asOf" in parameters else others).add(first[path])
    assert takes == set(QUESTIONS)
    assert others == set(NO_HISTORY)


def test_what_was_answered_at_a_change_is_answered_for_ever(
    client: Client, database_kind: str
) -> None:
    world = World(client)
    # What else an endpoint can be asked filters and sorts, the same on both databases.
    asked = questions() if database_kind == "sqlite" else (each[0] for each in QUESTIONS.values())
    templates = list(asked)
    remembered: dict[int, dict[str, Answer]] = {}
    for step in world.history():
        step()
        remembered[world.change()] = {each: answer(client, named(each)) for each in templates}
    # An answer that stays as it is over many changes is asked as of the first and the last.
    changes = list(remembered)
    for before, change, after in zip([0, *changes], changes, [*changes[1:], 0], strict=False):
        neighbours = [remembered.get(each, {}) for each in (before, after)]
        way = way_to_ask(client, change, is_last=not after)
        for each, said in remembered[change].items():
            is_end = any(other.get(each) != said for other in neighbours)
            if is_end and not is_unknown(each, said):
                assert answer(client, way(each)) == said, f"{each} of change {change}"


def is_unknown(template: str, before: Answer) -> bool:
    """Tell whether nothing had the checksum yet: that is an error only until something has it."""
    return template.endswith("/usage") and before.status == 404


def way_to_ask(client: Client, change: int, *, is_last: bool) -> Callable[[str], str]:
    """Return how to ask as of a change: by number or by time, of all or in the name of a tag.

    Each way is that of every fourth change; after the last one there is no time that is settled.
    """
    as_of = between(client, change) if change % 4 >= 2 and not is_last else change
    if change % 2:
        return lambda each: named(each, f"@{as_of}") if "{" in each else with_as_of(each, as_of)
    return lambda each: with_as_of(each, as_of)


def test_before_the_first_change_there_is_nothing(world: World) -> None:
    first = world.client.ok("GET", "changes/1")["at"]
    before = (datetime.fromisoformat(first) - timedelta(microseconds=1)).isoformat()
    for template in questions():
        by_time = answer(world.client, with_as_of(template, before))
        assert by_time == answer(world.client, with_as_of(template, 0))
        if "{" in template or "/" in template:
            assert by_time.status == 404 or not json.loads(by_time.body), template


def test_what_is_not_there_yet_cannot_be_asked(world: World) -> None:
    last = world.change()
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for template, *_ in QUESTIONS.values():
        for future in (last + 1, 2**63 - 1, 10**30, ahead, "9999-12-31T23:59:59-14:00"):
            refused = world.client.api("GET", with_as_of(template, future), status=400)
            assert refused.json["code"] == "invalid", template
        assert world.client.api("GET", with_as_of(template, last)).status_int in (200, 404)


def test_what_is_no_change_and_no_time_is_an_error(world: World) -> None:
    for template, *_ in QUESTIONS.values():
        for wrong in ("", "-1", "1.5", "٣", "yesterday", "2026-13-01", "T", "@3"):
            refused = world.client.api("GET", with_as_of(template, wrong), status=400)
            assert refused.json["code"] == "invalid"


# --- times ------------------------------------------------------------------------


@pytest.fixture
def tag(client: Client) -> int:
    """The tag A with one payload of the type T; the number of its last change."""
    world = World(client)
    client.ok("POST", "pt", {"name": "T"})
    client.ok("POST", "gt", {"name": "A"})
    world.make_list("A", "T")
    world.attach("A", "T", "first", 0)
    return world.change()


def at_of(client: Client, change: int) -> datetime:
    return datetime.fromisoformat(client.ok("GET", f"changes/{change}")["at"])


OF_THE_TAG = (
    "payloadiovs/?gtName={A}&majorIOV=1&minorIOV=0",
    "globalTag/{A}",
    "globalTag/{A}?light=1",
    "gt/1",
    "gtPayloadLists/{A}",
    "global-tags/{A}/iovs",
    "global-tags/{A}/gaps",
    "global-tags/{A}/digest",
    "global-tags/{A}/timeline",
)


def test_a_time_means_the_last_change_made_by_then(client: Client, tag: int) -> None:
    before = {each: answer(client, named(each)) for each in OF_THE_TAG}
    World(client).attach("A", "T", "second", 5)
    exactly = at_of(client, tag)
    early, late = (exactly + timedelta(microseconds=step) for step in (-1, 1))
    for each in OF_THE_TAG:
        for moment in (exactly, late):
            got = client.api("GET", with_as_of(each, moment.isoformat()))
            assert (got.status_int, got.body) == before[each]
            assert got.headers["CDB-As-Of"] == got.headers["CDB-Change"] == str(tag)
        got = client.api("GET", with_as_of(each, early.isoformat()), status=200)
        assert got.headers["CDB-As-Of"] == str(tag - 1)


def test_a_time_is_settled_by_a_later_change(client: Client, tag: int) -> None:
    asked = {each: with_as_of(each, at_of(client, tag).isoformat()) for each in OF_THE_TAG}
    unsettled = {each: client.api("GET", path, status=200) for each, path in asked.items()}
    client.ok("POST", "pt", {"name": "unrelated"})
    for each, before in unsettled.items():
        assert before.headers["Cache-Control"] == "public, no-cache"
        assert before.headers["CDB-As-Of"] == str(tag)
        settled = client.api("GET", asked[each], status=200)
        assert settled.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert (settled.headers["CDB-As-Of"], settled.body) == (str(tag), before.body)


def test_a_time_after_the_last_change_is_not_settled(client: Client, tag: int) -> None:
    asked = with_as_of("gtPayloadLists/{A}", datetime.now(UTC).isoformat())
    got = client.api("GET", asked, status=200)
    assert got.headers["Cache-Control"] == "public, no-cache"
    assert got.headers["CDB-As-Of"] == str(tag)


def test_a_number_is_settled_from_the_start(client: Client, tag: int) -> None:
    by_name = [named(each, f"@{tag}") for each in OF_THE_TAG if "{A}" in each]
    for path in [*by_name, *(with_as_of(each, tag) for each in OF_THE_TAG)]:
        got = client.api("GET", path, status=200)
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert got.headers["CDB-As-Of"] == str(tag)


def test_times_have_offsets_or_are_in_utc(client: Client, tag: int) -> None:
    exactly = at_of(client, tag)
    client.ok("POST", "gt", {"name": "B"})
    elsewhere = exactly.astimezone(timezone(timedelta(hours=2)))
    for written in (
        quote(exactly.replace(tzinfo=None).isoformat()),
        quote(elsewhere.isoformat()),
        elsewhere.isoformat(),  # a plus sign that nobody quoted
        exactly.isoformat().replace("+00:00", "Z"),
    ):
        got = client.api("GET", f"gtPayloadLists/A?asOf={written}", status=200)
        assert got.headers["CDB-As-Of"] == str(tag)
        assert client.api("GET", f"gtPayloadLists/A@{written}", status=200).body == got.body
        client.api("GET", f"gtPayloadLists/B?asOf={written}", status=404)


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_times_are_in_utc_wherever_the_server_is(database_url: str) -> None:
    url = in_tokyo(database_url)
    app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
    client = Client(app)
    before = datetime.now(UTC)
    client.ok("POST", "gt", {"name": "A"})
    [change] = client.ok("GET", "changes")["changes"]
    assert change["at"].endswith("Z")
    assert before <= datetime.fromisoformat(change["at"]) <= datetime.now(UTC)
    assert client.ok("GET", f"globalTag/A?asOf={change['at']}")["created"] == change["at"]
    app.registry.cdb.database.dispose()


def test_the_first_time_that_there_is_can_be_asked_and_none_before(
    client: Client, tag: int
) -> None:
    assert client.ok("GET", with_as_of("globalTags", "0001-01-01")) == []
    client.api("GET", with_as_of("globalTag/{A}", "0001-01-01"), status=404)
    client.api("GET", with_as_of("globalTags", "0001-01-01T00:00:00+14:00"), status=400)


# --- what is asked twice, or is no part of history -----------------------------------


def test_a_tag_is_asked_as_of_one_change_only(client: Client, tag: int) -> None:
    for template in (each for each in OF_THE_TAG if "{A}" in each):
        path = named(template, f"@{tag}")
        twice = f"{path}{'&' if '?' in path else '?'}asOf={tag}"
        assert [*client.api("GET", twice, status=400).json] == ["asOf", "code"]
        client.api("GET", named(template, "@"), status=400)
        client.api("GET", named(template, f"@{tag + 1}"), status=400)


def test_tags_of_a_query_can_be_asked_as_of_different_changes(client: Client, tag: int) -> None:
    World(client).attach("A", "T", "second", 0)
    where = "majorIOV=1&minorIOV=0"
    client.ok("POST", "gt", {"name": "B"})
    got = client.api("GET", f"payloadiovs/?gtName=B&gtName=A@{tag}&{where}", status=200)
    assert [row[1] for row in got.json] == ["first"]
    assert got.headers["CDB-As-Of"] == str(tag)
    assert got.headers["Cache-Control"] == "public, no-cache"
    both = f"payloadiovs/?gtName=A@{tag}&gtName=A@{tag + 2}&{where}"
    settled = client.api("GET", both, status=200)
    assert [row[1] for row in settled.json] == ["first"]
    assert settled.headers["CDB-As-Of"] == str(tag + 2)
    assert settled.headers["Cache-Control"].endswith("immutable")


def test_many_points_are_asked_as_of_a_change(client: Client, tag: int) -> None:
    body = {"gtName": ["A"], "points": [[1, 0], [7, 0]]}
    before = client.api("POST", "payload-iovs/query/batch", body, status=200).body
    World(client).attach("A", "T", "second", 5)
    for as_of in ({"asOf": str(tag)}, {"gtName": [f"A@{tag}"]}):
        got = client.api("POST", "payload-iovs/query/batch", {**body, **as_of}, status=200)
        assert got.body == before
    assert client.api("POST", "payload-iovs/query/batch", body, status=200).body != before


def test_what_waits_to_be_attached_is_no_part_of_history(client: Client, tag: int) -> None:
    before = client.ok("GET", with_as_of("piov", tag))
    waiting = client.ok("POST", "piov", iov("waits", 7))["id"]
    assert client.ok("GET", f"piov/{waiting}")["payload_url"] == "waits"
    assert [each["payload_url"] for each in client.ok("GET", "piov")] == ["first", "waits"]
    client.api("GET", with_as_of(f"piov/{waiting}", tag), status=404)
    assert client.ok("GET", with_as_of("piov", tag)) == before
    assert [each["payload_url"] for each in before] == ["first"]


def test_a_name_means_who_had_it_then(client: Client, tag: int) -> None:
    client.ok("DELETE", "deleteGlobalTag/A")
    client.ok("POST", "gt", {"name": "A", "author": "another"})
    first, second = client.ok("GET", f"globalTag/A@{tag}"), client.ok("GET", "globalTag/A")
    assert (first["author"], second["author"]) == (None, "another")
    assert first["id"] != second["id"]
    client.api("GET", f"globalTag/A@{tag + 1}", status=404)
    assert len(client.ok("GET", f"global-tags/A@{tag}/history")["changes"]) == 3
    assert len(client.ok("GET", "global-tags/A/history")["changes"]) == 1
