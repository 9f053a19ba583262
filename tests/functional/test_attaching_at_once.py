"""Staging and attaching in one request: `POST payload-lists/{name}/iovs`, and by the tag."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from conditions import MakeClient, last_change
from conditions import iov as open_iov
from sqlalchemy import update
from support import Client, statements

from cdb.domain.points import Point
from cdb.services import payload_iovs
from cdb.store import iovs, reads
from cdb.store.changes import CURRENT, latest, now
from cdb.store.models import StagedIov

MAX = 2**63 - 1
OPEN = (MAX, MAX)


def iov(url: str, start: int, end: int | None = None) -> dict[str, Any]:
    """Return the body of a payload IOV from one major number to another one."""
    ends = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0 if end < MAX else MAX}
    return {**open_iov(url, start), **ends}


def make_list(client: Client, payload_type: str) -> str:
    """Make a payload list in the global tag GT, where its type is new."""
    client.ok("POST", "pt", {"name": payload_type})
    name = str(client.ok("POST", "pl", {"payload_type": payload_type})["name"])
    client.ok("PUT", "pl_attach", {"global_tag": "GT", "payload_list": name})
    return name


def place(row: dict[str, Any]) -> tuple[str, int, int]:
    """Return the URL of a payload IOV, and the majors of its start and end."""
    return row["payload_url"], row["major_iov"], row["major_iov_end"]


def shown(client: Client, payload_list: str) -> list[tuple[str, int, int]]:
    [found] = [each for each in client.ok("GET", "pl") if each["name"] == payload_list]
    return [place(row) for row in found["payload_iov"]]


@pytest.fixture
def beam(client: Client) -> str:
    client.ok("POST", "gt", {"name": "GT"})
    return make_list(client, "Beam")


@pytest.mark.parametrize("ends", ["explicit", "next-start"])
def test_one_iov_becomes_what_staging_and_attaching_makes_of_it(client: Client, ends: str) -> None:
    client.ok("POST", "pt", {"name": "T"})
    before = [iov("early", 0, 3), iov("late", 6, 9)]
    own = {"id", "inserted", "payload_list"}
    for end in (None, 4, 9, MAX):
        pair, one = (
            str(client.ok("POST", "pl", {"payload_type": "T", "ends": ends})["name"])
            for _ in range(2)
        )
        for name in (pair, one):
            client.ok("POST", "bulk_piov", [{**row, "payload_list": name} for row in before])
        new = iov("new", 2, end)
        staged = client.ok("POST", "piov", new)["id"]
        expected = client.ok("PUT", "piov_attach", {"payload_list": pair, "piov_id": staged})
        done = client.ok("POST", f"payload-lists/{one}/iovs", [new])
        [attached] = done["payload_iovs"]
        assert done["count"] == 1
        assert {name: attached[name] for name in attached.keys() - own} == {
            name: expected[name] for name in expected.keys() - own
        }
        assert client.ok("GET", f"piov/{attached['id']}") == attached
        assert shown(client, one) == shown(client, pair)


def test_rows_in_any_order_enter_in_order_of_their_starts_as_one_change(
    client: Client, beam: str
) -> None:
    before = last_change(client)
    rows = [iov("c", 20, 30), iov("a", 0), iov("b", 10)]
    answer = client.api("POST", f"payload-lists/{beam}/iovs", rows, status=200)
    assert int(answer.headers["CDB-Change"]) == last_change(client) == before + 1
    parts = [("a", 0, 10), ("b", 10, 20), ("c", 20, 30), ("b", 30, MAX)]
    assert answer.json["count"] == 3
    assert [place(row) for row in answer.json["payload_iovs"]] == parts == shown(client, beam)


def test_rows_of_a_tag_enter_the_lists_of_their_types(client: Client, beam: str) -> None:
    field = make_list(client, "Field")
    new = (("Field", iov("f", 5, 9)), ("Beam", iov("b", 7, 9)))
    rows = [{**row, "payload_type": name} for name, row in new]
    done = client.ok("POST", "global-tags/GT/iovs", rows)
    assert [(row["payload_list"], *place(row)) for row in done["payload_iovs"]] == [
        (beam, "b", 7, 9),
        (field, "f", 5, 9),
    ]
    assert (shown(client, beam), shown(client, field)) == ([("b", 7, 9)], [("f", 5, 9)])


def test_one_row_that_is_refused_lets_none_in(client: Client, beam: str) -> None:
    field = make_list(client, "Field")
    client.ok("POST", f"payload-lists/{field}/iovs", [iov("f", 5, 9)])
    client.ok("PUT", "gt_change_status/GT/locked")
    rows = [{**iov("new", n), "payload_type": name} for n, name in ((1, "Beam"), (6, "Field"))]
    assert client.api("POST", "global-tags/GT/iovs", rows, status=409).json["code"] == "overlap"
    assert (shown(client, beam), shown(client, field)) == ([], [("f", 5, 9)])


def test_locked_tag_takes_open_iovs_one_after_the_other(client: Client, beam: str) -> None:
    client.ok("POST", f"payload-lists/{beam}/iovs", [iov("a", 0)])
    client.ok("PUT", "gt_change_status/GT/locked")
    rows = [{**iov(name, n), "payload_type": "Beam"} for name, n in (("b", 5), ("c", 9))]
    client.ok("POST", "global-tags/GT/iovs", rows)
    assert shown(client, beam) == [("a", 0, 5), ("b", 5, 9), ("c", 9, MAX)]


def test_clone_that_is_written_to_gets_a_log_of_its_own(client: Client, beam: str) -> None:
    client.ok("POST", f"payload-lists/{beam}/iovs", [iov("a", 0)])
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    rows = [{**iov("b", 5), "payload_type": "Beam"}]
    [attached] = client.ok("POST", "global-tags/Copy/iovs", rows)["payload_iovs"]
    assert shown(client, beam) == [("a", 0, MAX)]
    assert shown(client, attached["payload_list"]) == [("a", 0, 5), ("b", 5, MAX)]


def test_more_than_a_hundred_are_counted_and_not_shown(client: Client, beam: str) -> None:
    path = f"payload-lists/{beam}/iovs"
    done = client.ok("POST", path, [iov(f"{n}", n) for n in range(100)])
    assert (done["count"], len(done["payload_iovs"])) == (100, 100)
    done = client.ok("POST", path, [iov(f"new {n}", n) for n in range(101)])
    assert done == {"count": 101, "payload_iovs": None}
    assert shown(client, beam)[-1] == ("new 100", 100, MAX)


def test_interval_is_written_in_the_notation_of_the_list(client: Client) -> None:
    client.ok("POST", "pt", {"name": "Lumi", "dimension": "run-lumi"})
    name = client.ok("POST", "pl", {"payload_type": "Lumi"})["name"]
    row = {"payload_url": "a", "checksum": "c", "begin": "299400:12", "end": "299400:20"}
    [attached] = client.ok("POST", f"payload-lists/{name}/iovs", [row])["payload_iovs"]
    assert (attached["major_iov"], attached["minor_iov"]) == (299400, 12)
    assert (attached["major_iov_end"], attached["minor_iov_end"]) == (299400, 20)
    wrong = client.api("POST", f"payload-lists/{name}/iovs", [{**row, "begin": "x"}], status=400)
    assert wrong.json["begin"][0].startswith("row 0: ")


def test_ends_are_inclusive_in_discrete_mode(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    client.ok("POST", "gt", {"name": "GT"})
    beam = make_list(client, "Beam")
    rows = [iov("a", 0), {**iov("b", 7), "major_iov_end": 7, "minor_iov_end": 3}]
    done = client.ok("POST", f"payload-lists/{beam}/iovs", rows)["payload_iovs"]
    ends = [(row["major_iov_end"], row["minor_iov_end"]) for row in done]
    assert ends == [(6, MAX), (7, 3), OPEN]


def test_validator_names_the_rows_that_it_refuses(client: Client) -> None:
    client.ok("POST", "pt", {"name": "Checked", "validator": "checksum"})
    name = client.ok("POST", "pl", {"payload_type": "Checked"})["name"]
    rows = [{**iov("a", 1), "checksum": "0" * 32}, iov("b", 2)]
    refused = client.api("POST", f"payload-lists/{name}/iovs", rows, status=422)
    assert [reason.partition(":")[0] for reason in refused.json["payload"]] == ["row 1"]
    assert shown(client, name) == []


def test_many_at_once_keep_every_character(client: Client, beam: str) -> None:
    odd = ["back\\slash", "\\N", "\\t", "line\u2028separator", "no\u00a0break", "née", "%s", "'"]
    urls = [f"{odd[n % len(odd)]} {n}" for n in range(30)]
    rows = [{**iov(url, n), "revision": "\\N"} for n, url in enumerate(urls)]
    found = client.ok("POST", f"payload-lists/{beam}/iovs", rows)["payload_iovs"]
    assert [row["payload_url"] for row in found] == urls
    [kept] = [each for each in client.ok("GET", "pl") if each["name"] == beam]
    assert [(row["payload_url"], row["revision"]) for row in kept["payload_iov"]] == [
        (url, "\\N") for url in urls
    ]


# --- what it costs ------------------------------------------------------------------


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_each_write_of_an_iov_sends_few_statements(client: Client, beam: str) -> None:
    client.ok("POST", f"payload-lists/{beam}/iovs", [iov("before", 0)])
    new = iov("new", 5, 9)
    with statements() as sent:
        staged = client.ok("POST", "piov", new)["id"]
    assert len(sent) == 1 + (staged % payload_iovs.EXPIRE_EVERY == 0)
    with statements() as sent:
        client.ok("PUT", "piov_attach", {"payload_list": beam, "piov_id": staged})
    assert len(sent) <= 13
    with statements() as sent:
        client.ok("POST", f"payload-lists/{beam}/iovs", [new])
    assert len(sent) <= 11


def test_what_has_waited_too_long_goes_away(make_client: MakeClient) -> None:
    client = make_client(staged_keep="P1D")
    database = client.app.registry.cdb.database
    kept = [client.ok("POST", "piov", iov(f"{n}", n))["id"] for n in range(2)]
    with database.writing() as session:
        old = update(StagedIov).where(StagedIov.id == kept[0])
        session.execute(old.values(inserted=now() - timedelta(days=2)))
    while client.ok("POST", "piov", iov("new", 9))["id"] % payload_iovs.EXPIRE_EVERY:
        pass
    assert client.api("GET", f"piov/{kept[0]}").status_int == 404
    assert client.api("GET", f"piov/{kept[1]}").status_int == 200


# --- functions of the database --------------------------------------------------------


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_functions_answer_what_the_statements_do(client: Client, beam: str) -> None:
    database = client.app.registry.cdb.database
    rows = [iov(f"{n}", n, n + 1) for n in range(10, 60, 2)]
    client.ok("POST", f"payload-lists/{beam}/iovs", rows)
    staged = client.ok("POST", "piov", iov("waits", 5))["id"]
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    names = [row["name"] for row in client.ok("GET", "pl")]
    with database.writing() as session:
        last, _ = latest(session)
        for name in names:
            record, waiting = reads.list_(session, name), iovs.staged(session, staged)
            assert iovs.look(session, name, staged) == (last, record, waiting)
            assert iovs.look(session, name) == (last, record, None)
            view = record.view(CURRENT)
            page, plain = iovs.live_page(session, view.series), iovs.page_of(session, view)
            for limit, major in product((3, 16, 64), (0, 10, 11, 24, 25, 57, 99)):
                point = Point(major, 0)
                assert page(point, limit) == plain(point, limit)
        assert iovs.look(session, "Nothing", staged).record is None
