"""A dry run: any write with `dry_run=1` is done in full, answered, and nothing of it is kept."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conditions import last_change
from every_write import DECLARED, WRITES, Write
from guarded import dump, populate, row, service
from support import API, Client

from cdb.plugin import Event

EVERY_WRITE = pytest.mark.parametrize("write_", WRITES, ids=lambda each: each.view)

TELLS_MORE = {"global_tags.merge", "history.revert_to"}
"""Their dry runs say how it is, and what would become of it, by a plan that changes nothing."""

OF_THE_MOMENT = {"created", "updated", "inserted"}


class World(NamedTuple):
    """A populated service that all dry runs share, since none changes it."""

    client: Client
    url: str
    files: Path
    told: list[Event]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest, databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    files = tmp_path_factory.mktemp("files")
    told: list[Event] = []
    with (
        databases(request.param) as url,
        service(url, allow_open_writes="true", payload_store=str(files)) as client,
    ):
        populate(client)
        client.ok("POST", "cloneGlobalTag/Dev/Clone")
        client.app.registry.cdb.database.listener = told.append
        yield World(client, url, files, told)


@pytest.fixture
def stored_client(make_client: Callable[..., Client], tmp_path: Path) -> Client:
    """A populated service with a payload store."""
    client = make_client(payload_store=str(tmp_path / "files"))
    populate(client)
    return client


def refused(answer: Any) -> tuple[int, str]:
    assert "CDB-Dry-Run" not in answer.headers
    return answer.status_int, answer.json["code"]


def lasting(value: Any) -> Any:
    """Return what of an answer does not depend on when it was asked for."""
    if isinstance(value, dict):
        return {key: lasting(each) for key, each in value.items() if key not in OF_THE_MOMENT}
    return [lasting(each) for each in value] if isinstance(value, list) else value


# --- nothing is kept ----------------------------------------------------------------


def test_every_write_is_tried_here() -> None:
    assert {write.view for write in WRITES} == set(DECLARED)


@EVERY_WRITE
def test_a_dry_run_leaves_everything_as_it_was(world: World, write_: Write) -> None:
    before, last = dump(world.url), last_change(world.client)
    tag = world.client.api("GET", "gtPayloadLists/Dev").headers["ETag"]
    headers = {"Idempotency-Key": write_.view, "CDB-Comment": "to see"}
    answer = write_.send(world.client, dry_run=True, headers=headers)
    assert answer.status_int == 200, answer.text
    assert answer.headers["CDB-Dry-Run"] == "true"
    assert "CDB-Change" not in answer.headers
    assert dump(world.url) == before
    assert last_change(world.client) == last
    assert world.client.api("GET", "gtPayloadLists/Dev").headers["ETag"] == tag
    assert world.told == []
    assert [each for each in world.files.rglob("*") if each.is_file()] == []


@EVERY_WRITE
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_dry_run_answers_as_the_write_does_then(stored_client: Client, write_: Write) -> None:
    tried = write_.send(stored_client, dry_run=True)
    done = write_.send(stored_client)
    assert "CDB-Dry-Run" not in done.headers
    if write_.view in TELLS_MORE:
        assert (tried.json["dry_run"], done.json["dry_run"]) == (True, False)
    else:
        assert lasting(tried.json) == lasting(done.json)


@EVERY_WRITE
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_dry_run_tells_the_change_that_is_then_made(
    stored_client: Client, write_: Write
) -> None:
    plain = write_.send(stored_client, dry_run=True)
    tried = write_.send(stored_client, dry_run="change", headers={"CDB-Comment": "why"})
    assert tried.headers["CDB-Dry-Run"] == "true"
    assert lasting(tried.json["answer"]) == lasting(plain.json)
    change = write_.send(stored_client, headers={"CDB-Comment": "why"}).headers.get("CDB-Change")
    if write_.view in TELLS_MORE or change is None:
        assert (tried.json["change"], tried.json["differences"]) == (None, [])
    else:
        made = stored_client.ok("GET", f"changes/{change}")
        assert tried.json["change"] | {"change": int(change), "at": made["at"]} == made


def test_a_first_write_through_a_clone_leaves_no_copy(world: World) -> None:
    before = dump(world.url)
    name = world.client.ok("GET", "gtPayloadLists/Clone")["Beam"]
    tried = world.client.ok("POST", f"payload-lists/{name}/iovs?dry_run=1", [row(20), row(30)])
    assert tried["count"] == 2
    assert [each["major_iov"] for each in tried["payload_iovs"]] == [20, 30]
    assert dump(world.url) == before


def test_many_rows_are_tried(world: World) -> None:
    before = dump(world.url)
    rows = [{**row(number), "payload_list": "Beam_2"} for number in range(100, 2600, 2)]
    assert world.client.ok("POST", "bulk_piov?dry_run=1", rows) == {"count": 1250}
    assert dump(world.url) == before


def test_a_write_after_a_dry_run_is_done(client: Client) -> None:
    populate(client)
    for query in ("?dry_run=1", "?dry_run=0", ""):
        answer = client.api("POST", f"gt{query}", {"name": f"New{query}"}, status=200)
        is_tried = query == "?dry_run=1"
        assert ("CDB-Dry-Run" in answer.headers, "CDB-Change" in answer.headers) == (
            is_tried,
            not is_tried,
        )
    names = {tag["name"] for tag in client.ok("GET", "globalTags")}
    assert names == {"Dev", "Prod", "New?dry_run=0", "New"}


# --- what would become of a tag -----------------------------------------------------


def told(client: Client, method: str, path: str, body: Any = None) -> Any:
    return client.api(method, f"{path}?dry_run=change", body, status=200).json


def test_an_insert_tells_what_it_cuts_and_where_answers_differ(
    client: Client,
) -> None:
    populate(client)
    client.ok("POST", "bulk_piov", [{**span(10, 20), "payload_list": "Beam_1"}])
    seen = told(client, "POST", "global-tags/Dev/iovs", [{**span(12, 14), "payload_type": "Beam"}])
    assert bounds(seen["change"]["before"]["payload_iovs"]) == [(10, 20)]
    assert bounds(seen["change"]["after"]["payload_iovs"]) == [(10, 12), (12, 14), (14, 20)]
    [difference] = seen["differences"]
    assert bounds([difference]) == [(12, 14)]
    assert difference["global_tag"] == "Dev"
    assert difference["a"]["payload_url"] == "10.root"
    assert difference["b"]["payload_url"] == "12.root"
    assert seen["differences_are_all"] is True


def test_the_first_write_through_a_clone_tells_no_more_than_it_changes(
    make_client: Callable[..., Client],
) -> None:
    client = make_client(iov_mode="discrete")
    populate(client)
    client.ok("POST", "cloneGlobalTag/Dev/Clone")
    seen = told(client, "POST", "global-tags/Clone/iovs", [{**row(5), "payload_type": "Beam"}])
    [new] = seen["change"]["after"]["payload_iovs"]
    # Ends are written as the service writes them, and so are those of differences.
    assert (new["major_iov"], new["major_iov_end"], new["minor_iov_end"]) == (5, 6, 0)
    assert seen["differences"] == []
    other = {**row(6), "payload_url": "other.root", "payload_type": "Beam"}
    seen = told(client, "POST", "global-tags/Clone/iovs", [other])
    assert [
        (each["global_tag"], each["major_iov"], each["a"] and each["a"]["payload_url"])
        for each in seen["differences"]
    ] == [("Clone", 6, "5.root"), ("Clone", 6, None)]


def test_what_was_told_is_what_is_done_or_nothing_is(client: Client) -> None:
    populate(client)
    write = ("PUT", "payload-lists/attach", {"global_tag": "Dev", "payload_list": "Beam_2"})
    tried = client.api(write[0], f"{write[1]}?dry_run=change", write[2], status=200)
    headers = {"If-Match": tried.headers["ETag"]}
    client.ok("PATCH", "global-tags/Prod", {"contact": "somebody"})
    refusal = client.api(*write, headers=headers)
    assert refused(refusal) == (412, "precondition")
    tried = client.api(write[0], f"{write[1]}?dry_run=change", write[2], status=200)
    client.api(*write, headers={"If-Match": tried.headers["ETag"]}, status=200)


def test_attaching_a_list_tells_where_the_answers_differ(client: Client) -> None:
    populate(client)
    rows = [{**row(5), "payload_list": "Beam_2"}, {**row(7), "payload_list": "Beam_2"}]
    client.ok("POST", "bulk_piov", rows)
    body = {"global_tag": "Dev", "payload_list": "Beam_2"}
    seen = told(client, "PUT", "payload-lists/attach", body)
    # Both tags: what the one gets, the other one loses. What stays the same is no difference.
    assert [(each["global_tag"], each["major_iov"]) for each in seen["differences"]] == [
        ("Dev", 7),
        ("Prod", 5),
        ("Prod", 7),
    ]
    assert seen["change"]["before"] == {"global_tag": "Prod", "replaced": "Beam_1"}


def test_of_many_differences_the_first_are_told(client: Client) -> None:
    populate(client)
    rows = [{**row(number), "payload_list": "Beam_1"} for number in range(100, 400, 2)]
    seen = told(client, "POST", "bulk_piov", rows)
    assert len(seen["differences"]) == len(seen["change"]["after"]["payload_iovs"]) == 100
    assert seen["differences_are_all"] is False
    assert seen["change"]["after"]["payload_iovs_count"] == 150
    assert seen["differences"][-1]["major_iov"] == 298


def test_a_tag_that_is_made_differs_from_nothing(client: Client) -> None:
    populate(client)
    seen = told(client, "POST", "global-tags/Dev/clone/Copy")
    assert seen["answer"]["payload_lists_count"] == 2
    assert seen["change"]["after"]["source"] == "Dev"
    assert (seen["differences"], seen["differences_are_all"]) == ([], True)


def test_what_changes_nothing_tells_so(client: Client) -> None:
    populate(client)
    body = {"global_tag": "Dev", "payload_list": "Beam_1"}
    seen = told(client, "PUT", "payload-lists/attach", body)
    assert seen["answer"]["name"] == "Beam_1"
    assert (seen["change"], seen["differences"]) == (None, [])


def span(start: int, end: int) -> dict[str, Any]:
    return {**row(start), "major_iov_end": end}


def bounds(shown: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(each["major_iov"], each["major_iov_end"]) for each in shown]


# --- it is refused as the write would be --------------------------------------------


def test_a_dry_run_is_refused_as_the_write_is(world: World) -> None:
    client, before = world.client, dump(world.url)
    none = "global-tags/None?dry_run=1"
    assert refused(client.api("PATCH", none, {"contact": "x"})) == (404, "not-found")
    assert refused(client.api("POST", "gt?dry_run=1", {"name": "Dev"})) == (400, "name-taken")
    assert refused(client.api("POST", "gt?dry_run=1", {"nam": "Dev"})) == (400, "invalid")
    used = client.api("DELETE", "deletePayloadType/Beam?dry_run=1")
    assert refused(used) == (409, "in-use")
    headers = {"If-Match": client.api("GET", "gtPayloadLists/Prod").headers["ETag"]}
    changed = client.api("PATCH", "global-tags/Dev?dry_run=1", {"contact": "x"}, headers=headers)
    assert refused(changed) == (412, "precondition")
    assert dump(world.url) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("global-tags/Dev/revert?to=12&dry_run=1", None),
        ("global-tags/Prod/merge?dry_run=1", {"sources": ["Dev"], "mode": "fill"}),
    ],
)
def test_what_tells_more_is_on_the_same_condition(world: World, path: str, body: Any) -> None:
    tags = ("Dev", "Prod", "Clone")
    dev, prod, other = (
        str(world.client.api("GET", f"gtPayloadLists/{tag}").headers["ETag"]) for tag in tags
    )
    headers = {"If-Match": f"{dev}, {prod}"}
    world.client.api("POST", path, body, headers=headers, status=200)
    refusal = world.client.api("POST", path, body, headers={"If-Match": other})
    assert refused(refusal) == (412, "precondition")


@pytest.mark.parametrize("value", ["2", "maybe", "", "1&dry_run=1", "None"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "gt?dry_run=", {"name": "New"}),
        ("POST", "global-tags/Dev/revert?to=1&dry_run=", None),
        ("POST", "global-tags/Dev/merge?dry_run=", {"sources": ["Prod"], "mode": "fill"}),
        ("DELETE", "deleteGlobalTag/Dev?dry_run=", None),
    ],
)
def test_what_is_neither_yes_nor_no_is_refused(
    world: World, method: str, path: str, body: Any, value: str
) -> None:
    before = last_change(world.client)
    answer = world.client.api(method, path + value, body)
    assert refused(answer) == (400, "invalid")
    assert "dry_run" in answer.json
    assert last_change(world.client) == before


@pytest.mark.parametrize("name", ["dry-run", "dryRun", "dryrun", "DRY_RUN"])
def test_another_spelling_is_refused_since_nobody_means_it_in_earnest(
    world: World, name: str
) -> None:
    before = last_change(world.client)
    answer = world.client.api("POST", f"gt?{name}=1", {"name": "New"})
    assert refused(answer) == (400, "invalid")
    assert answer.json["detail"] == f"{name} is no parameter; dry_run is"
    assert last_change(world.client) == before


def test_a_name_of_the_parameter_that_is_quoted_is_understood(world: World) -> None:
    before = last_change(world.client)
    answer = world.client.api("POST", "gt?dry%5Frun=%31", {"name": "New"}, status=200)
    assert answer.headers["CDB-Dry-Run"] == "true"
    assert last_change(world.client) == before


# --- repeats --------------------------------------------------------------------------


def test_a_dry_run_takes_no_idempotency_key_and_replays_nothing(client: Client) -> None:
    headers = {"Idempotency-Key": "once"}
    new = {"name": "New"}
    client.api("POST", "gt?dry_run=1", new, headers=headers, status=200)
    done = client.api("POST", "gt", new, headers=headers, status=200)
    assert "Idempotency-Replayed" not in done.headers
    tried = client.api("POST", "gt?dry_run=1", new, headers=headers)
    assert refused(tried) == (400, "name-taken")
    replayed = client.api("POST", "gt", new, headers=headers, status=200)
    assert replayed.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["k" * 256, "\xc2\x9f", "\xff"])
def test_a_dry_run_is_refused_for_a_key_that_is_none(client: Client, key: str) -> None:
    client.api(
        "POST", "gt?dry_run=1", {"name": "New"}, headers={"Idempotency-Key": key}, status=400
    )


def test_a_merge_that_says_it_in_its_body_takes_no_key_either(client: Client) -> None:
    populate(client)
    body, headers = {"sources": ["Dev"], "mode": "fill"}, {"Idempotency-Key": "merge"}
    tried = client.api(
        "POST", "global-tags/Prod/merge", {**body, "dry_run": True}, headers=headers, status=200
    )
    assert tried.headers["CDB-Dry-Run"] == "true"
    done = client.api("POST", "global-tags/Prod/merge", body, headers=headers, status=200)
    assert done.json["dry_run"] is False


# --- payload files --------------------------------------------------------------------


def test_a_file_is_received_and_checked_and_not_stored(
    stored_client: Client, tmp_path: Path
) -> None:
    put, path = stored_client.put, f"{API}/payloads/Beam/a.txt"
    wrong = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert refused(put(f"{path}?dry_run=1", b"beam", wrong, status=400)) == (400, "invalid")
    tried = put(f"{path}?dry_run=1", b"beam", status=200).json
    assert [each for each in (tmp_path / "files").rglob("*") if each.is_file()] == []
    assert stored_client.ok("POST", "payloads/check", [tried["checksum"]])["present"] == {}
    done = put(path, b"beam", status=200).json
    assert (tried["stored"], done["stored"]) == (True, True)
    assert lasting(tried) == lasting(done)
    assert put(f"{path}?dry_run=1", b"beam", status=200).json["stored"] is False


def test_a_file_that_was_lost_is_not_put_back(stored_client: Client, tmp_path: Path) -> None:
    path = f"{API}/payloads/Beam/a.txt"
    stored = stored_client.put(path, b"beam", status=200).json
    file = tmp_path / "files" / stored["payload_url"]
    file.unlink()
    stored_client.put(f"{path}?dry_run=1", b"beam", status=200)
    assert not file.exists()
    stored_client.put(path, b"beam", status=200)
    assert file.exists()
