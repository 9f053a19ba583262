"""What somebody is told of themselves: who they are, and what they may do, before they try."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from guarded import JWT, as_role, bearer, key_is_set, populate, row, service
from support import Client, rules

from cdb.services import tokens
from cdb.services.writer import Writer

GRANTS = {
    "authorization_policies": "roles scopes",
    "plugin.roles.grants": "admin: admin\nshifter: iov.* tag.status on Prod*\nnobody: read",
}

WRITES: dict[str, tuple[str, str, Any]] = {
    "tag.write": ("PATCH", "global-tags/{tag}", {"contact": "me"}),
    "tag.delete": ("DELETE", "global-tags/{tag}/delete", None),
    "status.create": ("POST", "gtstatus", {"name": "stale"}),
    "list.create": ("POST", "pl", {"payload_type": "Beam"}),
    "list.attach": ("PUT", "pl_attach", {"payload_list": "Unused_5"}),
    "iov.create": ("POST", "piov", row(9)),
    "iov.attach": ("POST", "payload-lists/{list}/iovs", [row(8)]),
    "iov.delete": ("DELETE", "deletePayloadIOV/{tag}/Beam/5/0", None),
    "type.create": ("POST", "pt", {"name": "New"}),
    "type.delete": ("DELETE", "payload-types/Spare/delete", None),
}
"""Writes, each with the permission that it needs; none of them is refused for another reason."""

STATUSES = {"Dev": "unlocked", "ProdNew": "unlocked", "Prod": "locked", "ProdOld": "frozen"}


@pytest.fixture(scope="module")
def client(databases: Any) -> Iterator[Client]:
    """A service with a tag for each of `STATUSES`, which all have a list of the type Beam."""
    with pytest.MonkeyPatch.context() as patch, databases("sqlite") as url:
        key_is_set(patch)
        with service(url, **JWT, **GRANTS) as client:
            header = as_role("admin")["Authorization"]
            admin = Client(client.app, extra_environ={"HTTP_AUTHORIZATION": header})
            populate(admin)
            admin.ok("POST", "pt", {"name": "Spare"})
            admin.ok("POST", "pl", {"payload_type": "Unused"})
            admin.ok("POST", "payload-lists/Beam_2/iovs", [row(5)])
            for clone in ("ProdNew", "ProdOld"):
                admin.ok("POST", f"cloneGlobalTag/Prod/{clone}")
            for tag, status in (("Prod", "locked"), ("ProdOld", "locked"), ("ProdOld", "frozen")):
                admin.ok("PUT", f"gt_change_status/{tag}/{status}")
            yield client


def there(client: Client, tag: str, role: str) -> Any:
    return client.ok("GET", f"whoami?global_tag={tag}", headers=as_role(role))["there"]


# --- in a global tag ------------------------------------------------------------


@pytest.mark.parametrize("tag", STATUSES)
@pytest.mark.parametrize("role", ["admin", "shifter", "nobody"])
def test_what_is_told_of_a_tag_is_what_happens(client: Client, tag: str, role: str) -> None:
    payload_list = client.ok("GET", f"gtPayloadLists/{tag}")["Beam"]
    told = there(client, tag, role)["permissions"]
    happens = []
    for permission, (method, path, body) in WRITES.items():
        place = path.format(tag=tag, list=payload_list)
        sent = {**body, "global_tag": tag} if permission == "list.attach" else body
        answer = client.api(method, f"{place}?dry_run=1", sent, headers=as_role(role))
        assert answer.status_int in (200, 403, 409), answer.json
        if answer.status_int == 200:
            happens.append(permission)
    assert [each for each in told if each in WRITES] == happens


@pytest.mark.parametrize("tag", STATUSES)
@pytest.mark.parametrize("role", ["admin", "shifter", "nobody"])
def test_the_statuses_that_are_told_are_those_that_it_can_get(
    client: Client, tag: str, role: str
) -> None:
    path = f"gt_change_status/{tag}/{{status}}?dry_run=1"
    happens = [
        status
        for status in ("unlocked", "locked", "frozen")
        if status != STATUSES[tag]
        and client.api("PUT", path.format(status=status), headers=as_role(role)).status_int == 200
    ]
    assert there(client, tag, role)["statuses"] == happens


def test_a_tag_lets_nothing_in_once_it_is_frozen(client: Client) -> None:
    found = there(client, "ProdOld", "shifter")
    assert found == {
        "global_tag": "ProdOld",
        "permissions": ["tag.status", "read"],
        "statuses": [],
    }


def test_what_one_may_do_somewhere_is_told_beside_it(client: Client) -> None:
    found = client.ok("GET", "whoami?global_tag=Dev", headers=as_role("shifter"))
    assert found["there"]["permissions"] == ["read"]
    assert "iov.attach" in found["permissions"]
    assert "there" not in client.ok("GET", "whoami", headers=as_role("shifter"))


def test_a_scope_for_some_tags_holds_there(client: Client) -> None:
    headers = as_role("nobody", scope="cdb.iov.attach:/Dev*")
    asked = [f"whoami?global_tag={tag}&payload_type=Beam" for tag in ("Dev", "ProdNew")]
    found = [client.ok("GET", path, headers=headers)["there"]["permissions"] for path in asked]
    assert found == [["iov.attach", "read"], ["read"]]


def test_a_tag_that_is_not_there_is_named(client: Client) -> None:
    answer = client.api("GET", "whoami?global_tag=Nowhere", status=404)
    assert answer.json["detail"] == "Global tag 'Nowhere' does not exist."


def test_a_payload_type_needs_its_tag(client: Client) -> None:
    answer = client.api("GET", "whoami?payload_type=Beam", status=400)
    assert answer.json["detail"] == "payload_type is of what is in a global_tag"


# --- until when -----------------------------------------------------------------


def test_it_is_told_when_a_token_ends(client: Client) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    headers = as_role("nobody", exp=int(end.timestamp()))
    found = client.ok("GET", "whoami", headers=headers)
    assert datetime.fromisoformat(found["expires"]) == end
    assert client.ok("GET", "whoami")["expires"] is None


@pytest.mark.parametrize("end", [None, datetime(2101, 2, 3, 4, 5, 6, tzinfo=UTC)])
def test_it_is_told_when_an_api_token_ends(client: Client, end: datetime | None) -> None:
    with client.app.registry.cdb.database.writing() as session:
        writer = Writer.operator("op")
        token, _ = tokens.create(session, rules(), writer, "bot", ["cdb.read"], end)
    told = client.ok("GET", "whoami", headers=bearer(token))["expires"]
    assert (told and datetime.fromisoformat(told)) == end
