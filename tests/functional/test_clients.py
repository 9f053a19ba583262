"""What clients in the field ask for: first commands, HEAD, slashes, and two names for a thing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from conditions import fill
from support import API, Client

from cdb.app import make_app
from cdb.rest.views import RESOURCES
from cdb.settings import load

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture
def populated(client: Client) -> Client:
    """A client of a service with a little content."""
    fill(client)
    return client


# --- the first commands of nopayloaddb's documentation ------------------------


def test_first_commands_of_the_documentation_work_on_an_empty_service(client: Client) -> None:
    body = {"name": "MyNewGT", "author": "username", "description": "New global tag"}
    made = client.ok("POST", "gt", body)
    [listed] = client.ok("GET", "globalTags")
    assert {key: listed[key] for key in body} == {key: made[key] for key in body} == body
    assert made["status"] == listed["status"] == "unlocked"


@pytest.mark.parametrize("path", ["web", "web/"])
def test_web_leads_to_the_interface(client: Client, path: str) -> None:
    answer = client.api("GET", path, status=302)
    assert answer.location == "http://localhost/ui/"


# --- HEAD, slashes, aliases ---------------------------------------------------


READABLE = [
    f"/{path}" if resource.rooted else f"{API}/{path}"
    for resource in RESOURCES
    for operation in resource.operations
    for path in resource.paths
    if operation.method == "GET" and path not in ("metrics", "timeout", "web")
]
"""What answers the same when it is asked again."""
FILLED = {
    "a": "A", "b": "B", "change": "1", "checksum": "sum", "id": "1", "name": "A",
}  # fmt: skip
QUERY = "gtName=A&majorIOV=0&minorIOV=0&at=0,0"


REPEATABLE = [path for path in READABLE if path != "/health/ready"]
"""Those that answer twice the same: not what says the seconds that it took."""


def test_head_is_get_without_the_body(populated: Client) -> None:
    named = {"X-Request-ID": "compared-with-another"}
    for path in REPEATABLE:
        url = f"{path.format(**FILLED)}?{QUERY}"
        got = populated.get(url, status="*", headers=named)
        headed = populated.head(url, status="*", headers=named)
        assert (headed.status, headed.headers, headed.body) == (got.status, got.headers, b""), url


def test_trailing_slash_changes_nothing(populated: Client) -> None:
    for path in REPEATABLE:
        url = path.format(**FILLED).rstrip("/")
        without = populated.get(f"{url}?{QUERY}", status="*")
        with_slash = populated.get(f"{url}/?{QUERY}", status="*")
        # Below the slash, links of a page lead from one folder further down.
        body = with_slash.body.replace(b'="../', b'="')
        assert (without.status, without.body) == (with_slash.status, body), url
        assert without.status_int in (200, 404), url


def test_writes_take_a_trailing_slash(client: Client) -> None:
    client.ok("POST", "gt/", {"name": "GT"})
    client.ok("POST", "pt/", {"name": "Beam"})
    client.ok("POST", "pl/", {"payload_type": "Beam"})
    client.ok("PUT", "pl_attach/", {"global_tag": "GT", "payload_list": "Beam_1"})
    client.ok("PUT", "gt_change_status/GT/locked/")
    client.ok("POST", "cloneGlobalTag/GT/Copy/")
    client.ok("DELETE", "deleteGlobalTag/Copy/")


IOV = {"payload_url": "a.root", "checksum": "c", "major_iov": 5, "minor_iov": 0}
PAIRS = [
    ("POST", "gtstatus", "global-tags/statuses", {"name": "review"}),
    ("GET", "gtstatus", "global-tags/statuses", None),
    ("POST", "pt", "payload-types", {"name": "Beam"}),
    ("POST", "pt", "payload-types", {"name": "Spare"}),
    ("POST", "pt", "payload-types", {"name": "Beam"}),
    ("GET", "pt", "payload-types", None),
    ("POST", "gt", "gt", {"name": "GT"}),
    ("POST", "pl", "payload-lists", {"payload_type": "Beam"}),
    ("POST", "pl", "payload-lists", {"payload_type": "Beam"}),
    ("GET", "pl/1", "payload-lists/1", None),
    ("PUT", "pl_attach", "payload-lists/attach", {"global_tag": "GT", "payload_list": "Beam_1"}),
    ("POST", "piov", "payload-iovs", IOV),
    ("PUT", "piov_attach", "payload-iovs/attach", {"payload_list": "Beam_1", "piov_id": 1}),
    ("PUT", "piov_attach", "payload-iovs/attach", {"payload_list": "Beam_2", "piov_id": 1}),
    ("GET", "piov/1", "payload-iovs/1", None),
    (
        "POST",
        "bulk_piov",
        "payload-iovs/bulk",
        [{**IOV, "payload_list": "Beam_1", "major_iov": start} for start in (7, 9, 11)],
    ),
    ("GET", "pl", "payload-lists", None),
    ("GET", "piov", "payload-iovs", None),
    ("GET", "globalTags", "global-tags", None),
    ("GET", "globalTag/GT", "global-tags/GT", None),
    ("GET", "globalTag/GT?light=1", "global-tags/GT?light=1", None),
    ("PATCH", "globalTag/GT", "global-tags/GT", {"description": "d"}),
    ("GET", "gtPayloadLists/GT", "global-tags/GT/payload-lists", None),
    (
        "GET",
        "payloadiovs/?gtName=GT&majorIOV=8&minorIOV=0",
        "payload-iovs/query/?gtName=GT&majorIOV=8&minorIOV=0",
        None,
    ),
    ("POST", "cloneGlobalTag/GT/Copy", "global-tags/GT/clone/Copy", None),
    ("PUT", "gt_change_status/GT/locked", "global-tags/GT/change-status/locked", None),
    ("DELETE", "deletePayloadIOV/GT/Beam/7/0", "payload-iovs/GT/Beam/7/0/delete", None),
    ("DELETE", "deletePayloadIOV/Copy/Beam/7/0", "payload-iovs/Copy/Beam/7/0/delete", None),
    (
        "DELETE",
        "deletePayloadIOV/Copy/Beam/9/0/11/0",
        "payload-iovs/Copy/Beam/9/0/11/0/delete",
        None,
    ),
    ("DELETE", "deleteGlobalTag/Copy", "global-tags/Copy/delete", None),
    ("DELETE", "deleteGlobalTag/GT", "global-tags/GT/delete", None),
    ("DELETE", "deletePayloadList/Beam_2", "payload-lists/Beam_2/delete", None),
    ("DELETE", "deletePayloadType/Spare", "payload-types/Spare/delete", None),
    ("DELETE", "deletePayloadType/Beam", "payload-types/Beam/delete", None),
    ("GET", "user_settings/CDB_IOV_MODE", "settings/CDB_IOV_MODE", None),
]


def test_aliases_do_and_answer_the_same(databases: Any) -> None:
    with databases("sqlite") as one, databases("sqlite") as other:
        seed, readable = (
            Client(make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {})))
            for url in (one, other)
        )
        for method, old, new, body in PAIRS:
            first, second = seed.api(method, old, body), readable.api(method, new, body)
            assert first.status == second.status, old
            assert MOMENT.sub("", first.text) == MOMENT.sub("", second.text), old
        for client in (seed, readable):
            client.app.registry.cdb.database.dispose()


def test_pairs_cover_every_alias() -> None:
    tried = {path.partition("?")[0].rstrip("/") for _, *both, _ in PAIRS for path in both}
    unnamed = [
        path
        for resource in RESOURCES
        for path in resource.paths
        if len(resource.paths) > 1
        and not any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), each) for each in tried)
    ]
    assert unnamed == []


def test_service_may_stand_under_another_path(make_client: Callable[..., Client]) -> None:
    client = make_client(api_base="/cond")
    assert client.get("/cond/gtstatus/", status=200).json[0]["name"] == "unlocked"
    client.get(f"{API}/gtstatus", status=404)


def test_service_may_stand_under_a_prefix(populated: Client) -> None:
    answer = populated.get(f"{API}/gtstatus", extra_environ={"SCRIPT_NAME": "/prefix"}, status=200)
    assert len(answer.json) == 3
