"""What a bundle answers, and how far that holds, is what the service says, whatever happened."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from histories import GRID, World, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from support import API, Client, rules, serving

from cdb.plugin import NotationError as ServiceNotationError
from cdb.services import bundles
from cdb.services.exports import DatabaseSource
from cdb.store.engine import Database
from cdb_client import Client as CdbClient
from cdb_client import Invalid, NotationError
from cdb_client.bundle import Bundle
from cdb_client.conditions import ALL
from cdb_client.notation import point_of, point_of_time
from cdb_client.points import MAX
from cdb_client.questions import Question

# What is looked at here is the client; databases are compared by the tests of the server.
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])

PLACES = [*GRID, (2, 2**63 - 1), (7, 7), (2**53 + 1, 1)]


@ON_SQLITE
@pytest.mark.parametrize("mode", ["continuous", "discrete"])
def test_a_bundle_answers_as_the_service_byte_for_byte(
    database: Database, make_client: Callable[..., Client], tmp_path: Path, mode: str
) -> None:
    client = make_client(iov_mode=mode)
    here = rules(iov_mode=mode)

    @given(history=steps, expired=st.booleans(), only=st.booleans())
    @settings(max_examples=4)
    def check(history: Any, expired: bool, only: bool) -> None:
        world = World(database)
        world.run(history)
        for tag in world.states[-1].tags:
            made = bundles.create(
                DatabaseSource(database, here, tag), here, tmp_path / f"{tag}.cdb"
            )
            types = tuple(sorted(world.lists(tag))[:1]) if only else None
            question = Question((tag,), types=types or None, expired=expired)
            with Bundle(made.path) as bundle:
                for place in PLACES:
                    compare(client, bundle, question, tuple(place))

    check()


def compare(client: Client, bundle: Bundle, question: Question, place: tuple[int, int]) -> None:
    found = bundle.answer(question, {ALL: place})
    asked = [("gtName", question.tags[0]), ("majorIOV", place[0]), ("minorIOV", place[1])]
    asked += [("types", name) for name in question.types or ()]
    asked += [("shape", "dict"), ("expired", "include" if question.expired else "exclude")]
    answer = client.api("GET", f"payload-iovs/query?{urlencode(asked)}", status=200)
    rows = [
        {key: value for key, value in row.items() if key not in ("begin", "end")}
        for row in answer.json
    ]
    assert [bundle.row(payload) for payload in found.payloads.values()] == rows
    start, end = found.holds[ALL]
    assert answer.headers["CDB-Valid-From"] == f"{start[0]},{start[1]}"
    assert answer.headers["CDB-Valid-Until"] == f"{end[0]},{end[1]}"
    assert answer.headers["CDB-Change"] == str(found.change)


# --- several dimensions, and layers ------------------------------------------------


def fill(client: Client) -> None:
    client.ok("POST", "gt", {"name": "Mixed"})
    for name, dimension, starts in (
        ("Section", "run-lumi", [(5, 0), (5, 7), (6, 0)]),
        ("Moment", "utc-time", [(10**18, 0), (2 * 10**18, 0)]),
    ):
        client.ok("POST", "pt", {"name": name, "dimension": dimension})
        made = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": "Mixed", "payload_list": made})
        rows = [
            {"payload_list": made, "payload_url": f"{name}/{n}", "major_iov": a, "minor_iov": b}
            for n, (a, b) in enumerate(starts)
        ]
        client.ok("POST", "bulk_piov", rows)


@pytest.fixture(params=["service", "bundle"])
def mixed(request: Any, client: Client, database: Database, tmp_path: Path) -> Any:
    """A client of a tag with types of two dimensions."""
    fill(client)
    if request.param == "bundle":
        source = DatabaseSource(database, rules(), "Mixed")
        made = bundles.create(source, rules(), tmp_path / "mixed.cdb")
        with CdbClient(made.path) as opened:
            yield opened
        return
    with serving(client.app) as root, CdbClient(root + API) as opened:
        yield opened


@ON_SQLITE
def test_each_dimension_of_a_tag_has_its_point_and_its_window(mixed: CdbClient) -> None:
    moment = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    found = mixed.at("Mixed", {"run-lumi": "5:3", "utc-time": moment})

    assert {name: each.payload_url for name, each in found.items()} == {
        "Moment": "Moment/0",
        "Section": "Section/0",
    }
    assert found.valid_from == {"run-lumi": (5, 0), "utc-time": (10**18, 0)}
    assert found.valid_until == {"run-lumi": (5, 7), "utc-time": (2 * 10**18, 0)}
    for other in (
        mixed.at("Mixed", {"utc-time": "2010-01-01", "run-lumi": (5, 6)}),
        mixed.at("Mixed", run=5, lumi=6, time=moment),
        mixed.at("Mixed", time="2001-09-09T01:46:40Z", run=5),
    ):
        assert other.answer == found.answer
    later = mixed.at("Mixed", {"utc-time": moment, "run-lumi": (5, 7)})
    assert later["Section"].payload_url == "Section/1"
    assert mixed.at("Mixed", "run-lumi:6:0", types="Section").valid_from == {"run-lumi": (6, 0)}


@ON_SQLITE
def test_a_type_without_a_point_is_an_error_that_names_its_dimension(mixed: CdbClient) -> None:
    with pytest.raises(Invalid, match="'Moment' has the dimension 'utc-time'"):
        mixed.at("Mixed", {"run-lumi": "5:3"})
    with pytest.raises(NotationError, match=r"run-lumi \(run, lumi\), utc-time \(time\)"):
        mixed.at("Mixed", "5:3")
    with pytest.raises(NotationError, match="'lumi' needs 'run'"):
        mixed.at("Mixed", lumi=5, time=moment_of(5))


@ON_SQLITE
def test_two_numbers_are_the_point_of_all_types(mixed: CdbClient) -> None:
    found = mixed.at("Mixed", 5, 8)

    assert list(found) == ["Section"]
    assert (found.valid_from, found.valid_until) == ((5, 7), (6, 0))


def moment_of(nanoseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)


@ON_SQLITE
def test_layers_fill_in_what_those_before_lack(client: Client) -> None:
    fill(client)
    client.ok("POST", "cloneGlobalTag/Mixed/Fixes")
    client.ok("DELETE", "deletePayloadIOV/Fixes/Section/6/0")
    client.ok("DELETE", f"deletePayloadIOV/Fixes/Moment/{10**18}/0")
    with serving(client.app) as root, CdbClient(root + API) as opened:
        found = opened.at(["Fixes", "Mixed"], 10**18, 0)
        assert [(each.payload_url, each.global_tag) for each in found.values()] == [
            ("Moment/0", "Mixed"),
            ("Section/1", "Fixes"),
        ]
        assert found.global_tags == ("Fixes", "Mixed")


@ON_SQLITE
def test_a_dimension_that_a_tag_gets_later_is_noticed(client: Client) -> None:
    with serving(client.app) as root, CdbClient(root + API, max_age=0) as opened:
        client.ok("POST", "gt", {"name": "Grows"})
        assert dict(opened.at("Grows", run=5)) == {}
        client.ok("POST", "pt", {"name": "Number"})
        made = client.ok("POST", "pl", {"payload_type": "Number"})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": "Grows", "payload_list": made})
        row = {"payload_list": made, "payload_url": "n", "major_iov": 1, "minor_iov": 0}
        client.ok("POST", "bulk_piov", [row])
        assert list(opened.at("Grows", major=5)) == ["Number"]
        with pytest.raises(NotationError, match=r"asked by major-minor \(major, minor\)"):
            opened.at("Grows", run=7)


# --- notations ---------------------------------------------------------------------

DIMENSIONS = rules().dimensions
numbers = st.integers(0, MAX + 5) | st.integers(0, 99)
written = st.one_of(
    st.builds("{}{}{}".format, numbers, st.sampled_from(":,."), numbers),
    st.builds(str, numbers),
    st.builds(
        "{:%Y-%m-%dT%H:%M:%S}{}{}".format,
        st.datetimes(datetime(1969, 1, 1), datetime(2263, 1, 1)),
        st.sampled_from(["", ".5", ".123456789", ".0000000001", ".", ":60"]),
        st.sampled_from(["Z", "", "+02:00", "-23:59", "+24:00", "z"]),
    ),
    st.dates().map(str),
    st.text("0123456789:,-.TZ+ ٣", max_size=20),
)


@pytest.mark.parametrize("name", ["major-minor", "run-lumi", "utc-time"])
def test_notations_mean_here_what_they_mean_to_the_service(name: str) -> None:
    @given(written)
    @settings(max_examples=150)
    def check(notation: str) -> None:
        assert here(name, notation) == at_service(name, notation)

    check()


def here(name: str, notation: str) -> Any:
    try:
        return point_of(name, notation)
    except NotationError:
        return "none"


def at_service(name: str, notation: str) -> Any:
    try:
        return DIMENSIONS[name].parse(notation)
    except ServiceNotationError:
        return "none"


@given(st.datetimes(datetime(1970, 1, 2), datetime(2262, 1, 1), timezones=st.just(UTC)))
def test_a_time_means_what_its_notation_means(time: datetime) -> None:
    assert point_of_time(time) == DIMENSIONS["utc-time"].parse(time.isoformat())


def test_a_time_without_a_zone_is_none() -> None:
    with pytest.raises(NotationError, match="no time zone"):
        point_of_time(datetime(2017, 6, 1))
    assert point_of("other", "5,7") == (5, 7)
    assert point_of("other", "5:7") is None
