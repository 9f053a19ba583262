"""Scripts of nopayloaddb's users, as they are written today, with requests and a real server."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from guarded import JWT, ROLES, as_role, key_is_set, service
from support import API, serving

SECONDS = 120


def post(url: str, body: Any) -> Any:
    answer = requests.post(url, json=body, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def put(url: str, body: Any = None) -> Any:
    answer = requests.put(url, json=body, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def get(url: str) -> Any:
    answer = requests.get(url, timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def make_list(url: str, tag: str, payload_type: str) -> str:
    """Make a payload type, a list of it, and a tag with that; return the list's name."""
    post(url + "/gtstatus", {"name": "unlocked"})
    post(url + "/gt", {"name": tag, "status": "unlocked", "author": "chris"})
    post(url + "/pt", {"name": payload_type})
    name: str = post(url + "/pl", {"payload_type": payload_type})["name"]
    put(url + "/pl_attach", {"global_tag": tag, "payload_list": name})
    return name


def insert(url: str, payload_list: str, body: Any) -> requests.Response:
    """Insert a payload IOV by two requests; the second one may be refused."""
    staged = post(url + "/piov", body)["id"]
    attach = {"payload_list": payload_list, "piov_id": staged}
    return requests.put(url + "/piov_attach", json=attach, timeout=SECONDS)


def payload_at(url: str, tag: str, minor: int) -> Any:
    """Return the URL and the interval's minor numbers of the only type's payload; None if none."""
    rows = get(url + f"/payloadiovs/?gtName={tag}&majorIOV=0&minorIOV={minor}")
    return next(((row[1], row[5], row[7]) for row in rows), None)


@pytest.mark.parametrize("slash", ["", "/"])
def test_first_script_that_fills_a_tag(server: str, slash: str) -> None:
    payloads = {"Beam": "D0DXMagnets.dat", "FieldMap": "map.root", "ZDC": "towerMap_ZDC.txt"}
    for status in ("locked", "unlocked"):
        post(server + "/gtstatus" + slash, {"name": status})
    tag = {"name": "Example_1", "status": "unlocked", "type": "testtype"}
    assert post(server + "/gt" + slash, tag)["name"] == "Example_1"
    lists = {}
    for name in payloads:
        assert post(server + "/pt" + slash, {"name": name})["name"] == name
        lists[name] = post(server + "/pl" + slash, {"payload_type": name})["name"]
    assert [each["name"] for each in get(server + "/pl" + slash)] == list(lists.values())
    for name in lists.values():
        put(server + "/pl_attach" + slash, {"global_tag": "Example_1", "payload_list": name})
    answer = requests.put(server + "/gt_change_status/Example_1/locked" + slash, timeout=SECONDS)
    assert answer.status_code == 200
    for payload_type, name in lists.items():
        iov = {"payload_url": payloads[payload_type], "major_iov": 1, "minor_iov": 1}
        staged = post(server + "/piov" + slash, {**iov, "checksum": "c0ffee"})
        attach = {"payload_list": name, "piov_id": staged["id"]}
        assert put(server + "/piov_attach" + slash, attach)["payload_list"] == name
    found = get(server + "/payloadiovs" + slash + "?gtName=Example_1&majorIOV=1&minorIOV=1")
    assert {row[0]: row[1] for row in found} == payloads
    assert get(server + "/gtPayloadLists/Example_1" + slash) == lists


def test_online_workflow_adds_what_holds_from_now_on(server: str) -> None:
    pedestals = make_list(server, "Online", "Pedestals")
    put(server + "/gt_change_status/Online/locked")
    iov = {"checksum": "c0ffee", "major_iov": 0}
    for run in (100, 110, 125):
        body = {**iov, "payload_url": f"{run}.root", "minor_iov": run}
        assert insert(server, pedestals, body).status_code == 200
    assert [payload_at(server, "Online", run) for run in (99, 109, 110, 10**6)] == [
        None,
        ("100.root", 100, 110),
        ("110.root", 110, 125),
        ("125.root", 125, sys.maxsize),
    ]
    late = insert(server, pedestals, {**iov, "payload_url": "late.root", "minor_iov": 120})
    assert late.status_code == 409
    assert "overlaps" in late.json()["detail"]


def test_online_workflow_takes_back_what_was_wrong(server: str) -> None:
    pedestals = make_list(server, "Online", "Pedestals")
    put(server + "/gt_change_status/Online/locked")
    for run in (100, 110):
        body = {"payload_url": f"{run}.root", "checksum": "c", "major_iov": 0, "minor_iov": run}
        assert insert(server, pedestals, body).status_code == 200
    url = server + "/deletePayloadIOV/Online/Pedestals/0/110"
    assert requests.delete(url, timeout=SECONDS).status_code == 409
    put(server + "/gt_change_status/Online/unlocked")
    assert requests.delete(url, timeout=SECONDS).status_code == 200
    assert payload_at(server, "Online", 115) == ("100.root", 100, sys.maxsize)


def test_prompt_workflow_adds_runs_as_they_are_calibrated(server: str) -> None:
    gains = make_list(server, "Prompt", "Gains")
    put(server + "/gt_change_status/Prompt/locked")
    for run in (103, 101, 104):
        iov = {"major_iov": 0, "minor_iov": run, "major_iov_end": 0, "minor_iov_end": run + 1}
        body = {**iov, "payload_url": f"{run}.root", "checksum": "c0ffee", "size": 1024}
        assert insert(server, gains, body).status_code == 200
        assert insert(server, gains, {**body, "payload_url": "again"}).status_code == 409
    assert [payload_at(server, "Prompt", run) for run in range(100, 106)] == [
        None,
        ("101.root", 101, 102),
        None,
        ("103.root", 103, 104),
        ("104.root", 104, 105),
        None,
    ]


def test_bulk_inserts_go_on_where_the_last_one_ended(server: str) -> None:
    gains = make_list(server, "Bulk", "Gains")
    row = {"payload_list": gains, "major_iov": 0}
    rows = [{**row, "payload_url": f"{run}.root", "minor_iov": run} for run in range(25)]
    for first in range(0, 20, 10):
        post(server + "/bulk_piov", rows[first : first + 10])
    last = get(server + "/payloadiovs/?gtName=Bulk&majorIOV=2147483647&minorIOV=0")[0]
    assert last[1] == "19.root"
    post(server + "/bulk_piov", rows[last[5] + 1 :])
    [tag] = get(server + "/globalTags")
    assert (tag["payload_lists_count"], tag["payload_iov_count"]) == (1, 25)
    assert payload_at(server, "Bulk", 7) == ("7.root", 7, 8)


def test_script_that_is_run_again_finds_what_it_made(server: str) -> None:
    """What is there already is a 400 with a list of texts, and the script goes on."""
    for expected in (200, 400):
        for path, body in (
            ("gt", {"name": "Again", "status": "unlocked"}),
            ("pt", {"name": "Gains"}),
        ):
            answer = requests.post(f"{server}/{path}", json=body, timeout=SECONDS)
            assert answer.status_code == expected
            assert isinstance(answer.json()["name"], str if expected == 200 else list)
        # A GET with a body, as clients send it that pass parameters as JSON.
        lists = requests.get(server + "/gtPayloadLists/Again", json={}, timeout=SECONDS).json()
        name = lists.get("Gains") or post(server + "/pl", {"payload_type": "Gains"})["name"]
        put(server + "/pl_attach", {"global_tag": "Again", "payload_list": name})
    assert len(get(server + "/pl")) == 1


def test_reader_names_its_parameters(server: str) -> None:
    gains = make_list(server, "Read", "Gains")
    insert(server, gains, {"payload_url": "a", "checksum": "c", "major_iov": 0, "minor_iov": 0})
    point = {"gtName": "Read", "majorIOV": 0, "minorIOV": sys.maxsize, "shape": "dict"}
    answer = requests.get(server + "/payloadiovs/", params=point, timeout=SECONDS)
    answer.raise_for_status()
    [payload] = answer.json()
    assert (payload["payload_type_name"], payload["payload_url"]) == ("Gains", "a")
    unknown = requests.get(
        server + "/payloadiovs/", params={**point, "gtName": "Read "}, timeout=SECONDS
    )
    with pytest.raises(requests.HTTPError):
        unknown.raise_for_status()


def test_body_of_an_older_documentation_is_taken(server: str) -> None:
    body = {"payload_url": "a", "checksum": "sha256:abcd", "size": 2048000, "payload_list": 1}
    numbers = {"major_iov": 0, "minor_iov": 1000, "major_iov_end": 0, "minor_iov_end": 2000}
    made = post(server + "/piov", {**body, **numbers, "description": "Runs 1000 to 2000"})
    assert made["payload_list"] is None


@pytest.fixture
def guarded(databases: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the API of a service that asks for a token."""
    key_is_set(monkeypatch)
    with (
        databases("postgresql") as url,
        service(url, **JWT, **ROLES) as client,
        serving(client.app) as root,
    ):
        yield root + API


def test_migration_script_with_a_token_moves_a_tag_of_belle_2(guarded: str) -> None:
    headers = {"Content-Type": "application/json", **as_role("admin")}

    def post(path: str, body: Any) -> Any:
        url = f"{guarded}/{path}"
        return requests.post(url, headers=headers, json=body, timeout=SECONDS).json()

    def put(path: str, body: Any) -> Any:
        url = f"{guarded}/{path}"
        return requests.put(url, headers=headers, json=body, timeout=SECONDS).json()

    post("gt", {"name": "main_1", "status": "unlocked", "description": "moved"})
    post("pt", {"name": "BeamSpot"})
    name = post("pl", {"payload_type": "BeamSpot"})["name"]
    attach = {"global_tag": "main_1", "payload_type": "BeamSpot", "payload_list": name}
    assert put("pl_attach", attach)["global_tag"] == "main_1"
    for first, last in (((0, 0), (0, 10)), ((0, 11), (-1, -1))):
        end = [sys.maxsize, sys.maxsize] if last == (-1, -1) else [last[0], last[1] + 1]
        iov = dict(zip(("major_iov", "minor_iov"), first, strict=True))
        iov |= dict(zip(("major_iov_end", "minor_iov_end"), end, strict=True))
        staged = post("piov", {**iov, "payload_url": f"{first}.root", "checksum": "dummy"})
        put("piov_attach", {"payload_list": name, "piov_id": staged["id"]})
    assert put("global-tags/main_1/change-status/locked", {})["name"] == "main_1"
    point = {"gtName": "main_1", "majorIOV": 0, "minorIOV": 10}
    read = requests.get(f"{guarded}/payload-iovs/query/", params=point, timeout=SECONDS).json()
    assert [row[1] for row in read] == ["(0, 0).root"]
    refused = requests.post(guarded + "/pt", json={"name": "Other"}, timeout=SECONDS)
    assert refused.status_code == 401
