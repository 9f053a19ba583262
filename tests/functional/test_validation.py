"""Payload validators as clients meet them: chosen by a type, forced by an ini, and final."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support import API, Client

from cdb.store.engine import Database

MD5 = "0123456789abcdef0123456789abcdef"

MakeClient = Callable[..., Client]


def make_list(client: Client, tag: str | None = "GT", **choice: Any) -> str:
    """Make a type with a validator and a list of it, in a tag or in none."""
    client.ok("POST", "pt", {"name": "Beam", **choice})
    made: str = client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
    if tag:
        client.ok("POST", "gt", {"name": tag})
        client.ok("PUT", "pl_attach", {"payload_list": made, "global_tag": tag})
    return made


def row(payload_list: str, checksum: str, major: int = 1, url: str = "a.root") -> dict[str, Any]:
    numbers = {"major_iov": major, "minor_iov": 0}
    return {"payload_list": payload_list, "payload_url": url, "checksum": checksum, **numbers}


def stage(client: Client, checksum: str, url: str = "a.root") -> int:
    body = {"payload_url": url, "checksum": checksum, "major_iov": 1, "minor_iov": 0}
    return int(client.ok("POST", "piov", body)["id"])


def changes(database: Database) -> int:
    with database.snapshot() as reader:
        return int(reader.execute(text("select count(*) from change")).scalar_one())


def test_a_payload_that_is_refused_does_not_become_valid(
    client: Client, database: Database
) -> None:
    payload_list = make_list(client, validator="checksum")
    staged, before = stage(client, "nonsense"), changes(database)
    sent = {"payload_list": payload_list, "piov_id": staged}
    refused = client.api("PUT", "piov_attach", sent, status=422)
    assert refused.json["code"] == "payload-refused"
    [reason] = refused.json["payload"]
    assert reason.startswith("checksum: ")
    assert client.ok("GET", "payloadiovs/?gtName=GT&majorIOV=1&minorIOV=0") == []
    assert changes(database) == before
    assert client.ok("GET", f"piov/{staged}")["payload_list"] is None


def test_a_payload_that_is_good_becomes_valid(client: Client) -> None:
    payload_list = make_list(client, validator="checksum")
    sent = {"payload_list": payload_list, "piov_id": stage(client, MD5)}
    client.ok("PUT", "piov_attach", sent)
    [found] = client.ok("GET", "payloadiovs/?gtName=GT&majorIOV=1&minorIOV=0")
    assert found[2] == MD5


def test_rows_of_a_bulk_are_named_and_none_is_stored(client: Client, database: Database) -> None:
    payload_list = make_list(client, validator="checksum")
    before = changes(database)
    rows = [row(payload_list, MD5, 1), row(payload_list, "x", 2), row(payload_list, "", 3)]
    refused = client.api("POST", "bulk_piov", rows, status=422)
    labels = [reason.partition(":")[0] for reason in refused.json["payload"]]
    assert labels == ["row 1", "row 2"]
    assert changes(database) == before


def test_an_answer_names_a_hundred_reasons_at_most(client: Client) -> None:
    payload_list = make_list(client, validator="checksum")
    rows = [row(payload_list, "x", number) for number in range(1, 500)]
    refused = client.api("POST", "bulk_piov", rows, status=422)
    assert len(refused.json["payload"]) == 100


def test_detached_lists_are_validated_too(client: Client) -> None:
    payload_list = make_list(client, tag=None, validator="checksum")
    assert client.api("POST", "bulk_piov", [row(payload_list, "x")]).status_int == 422


def test_a_clone_is_not_validated(make_client: MakeClient) -> None:
    client = make_client()
    payload_list = make_list(client)
    client.ok("POST", "bulk_piov", [row(payload_list, "x")])
    client.ok("PATCH", "payload-types/Beam", {"validator": "checksum"})
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    query = "payloadiovs/?gtName=Copy&majorIOV=1&minorIOV=0"
    assert [found[2] for found in client.ok("GET", query)] == ["x"]


def test_options_are_those_of_the_type_over_those_of_the_ini(make_client: MakeClient) -> None:
    client = make_client(**{"plugin.checksum.algorithm": "sha256"})
    by_ini = make_list(client, tag=None, validator="checksum")
    assert client.api("POST", "bulk_piov", [row(by_ini, MD5)]).status_int == 422
    changed = {"validator_options": {"algorithm": "md5"}}
    client.ok("PATCH", "payload-types/Beam", changed)
    assert client.api("POST", "bulk_piov", [row(by_ini, MD5)]).status_int == 200


def test_an_ini_forces_a_validator_on_types_that_match(make_client: MakeClient) -> None:
    client = make_client(forced_validators="Be* checksum\nOther* name-pattern")
    payload_list = make_list(client, tag=None)
    refused = client.api("POST", "bulk_piov", [row(payload_list, "x")], status=422)
    assert refused.json["payload"][0].startswith("row 0: checksum:")


def test_a_type_does_not_escape_what_is_forced(make_client: MakeClient) -> None:
    client = make_client(forced_validators="Beam checksum")
    payload_list = make_list(client, tag=None, validator="any")
    assert client.api("POST", "bulk_piov", [row(payload_list, "x")]).status_int == 422


def test_the_options_of_a_type_do_not_weaken_what_is_forced(make_client: MakeClient) -> None:
    forced = {"forced_validators": "Beam checksum", "plugin.checksum.algorithm": "sha256"}
    client = make_client(**forced)
    choice = {"validator": "checksum", "validator_options": {"algorithm": "md5"}}
    payload_list = make_list(client, tag=None, **choice)
    refused = client.api("POST", "bulk_piov", [row(payload_list, MD5)], status=422)
    assert len(refused.json["payload"]) == 1


def test_a_reference_to_a_stored_payload_takes_its_size_from_the_store(
    make_client: MakeClient, tmp_path: Path
) -> None:
    client = make_client(payload_store=str(tmp_path / "payloads"))
    payload_list = make_list(client)
    url = f"{API}/payloads/Beam/run7.txt"
    stored = client.put(url, b"seven", content_type="application/octet-stream").json
    body = row(payload_list, stored["checksum"], url=stored["payload_url"])
    client.ok("POST", "bulk_piov", [body])
    [found] = client.ok("GET", "payloadiovs/?gtName=GT&majorIOV=1&minorIOV=0")
    assert found[1:4] == [stored["payload_url"], stored["checksum"], 5]


def test_content_is_checked_where_it_is_stored(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client(payload_store=str(tmp_path / "payloads"))
    choice = {"validator": "text-table", "validator_options": {"columns": 2, "numeric": True}}
    payload_list = make_list(client, **choice)
    url = f"{API}/payloads/Beam/table.txt"
    octets = "application/octet-stream"
    refused = client.put(url, b"1 2 3\n", content_type=octets, status=422)
    assert refused.json["payload"][0].startswith("text-table: ")
    stored = client.put(url, b"1 2\n3 4\n", content_type=octets).json
    body = row(payload_list, stored["checksum"], url=stored["payload_url"])
    client.ok("POST", "bulk_piov", [body])
    refused = client.api("POST", "bulk_piov", [row(payload_list, MD5)], status=422)
    assert "payload store" in refused.json["payload"][0]


def test_a_validator_that_is_not_enabled_any_more_refuses(make_client: MakeClient) -> None:
    payload_list = make_list(make_client(), tag=None, validator="checksum")
    later = make_client(payload_validators="any")
    refused = later.api("POST", "bulk_piov", [row(payload_list, MD5)], status=422)
    assert "not enabled" in refused.json["payload"][0]


def test_content_that_is_not_stored_cannot_be_checked(client: Client) -> None:
    payload_list = make_list(client, tag=None, validator="text-table")
    refused = client.api("POST", "bulk_piov", [row(payload_list, MD5)], status=422)
    assert "payload store" in refused.json["payload"][0]


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ({"validator": "nothing"}, "validator"),
        ({"validator": "root-file"}, "validator"),
        ({"validator": 5}, "validator"),
        ({"validator_options": {"algorithm": "md5"}}, "validator_options"),
        ({"validator": "checksum", "validator_options": []}, "validator_options"),
        ({"validator": "checksum", "validator_options": {"x": 1}}, "validator_options"),
        (
            {"validator": "checksum", "validator_options": {"algorithm": "rot13"}},
            "validator_options",
        ),
        ({"validator": "json-schema"}, "validator_options"),
        (
            {"validator": "json-schema", "validator_options": {"schema_file": "/etc/passwd"}},
            "validator_options",
        ),
        (
            {"validator": "json-schema", "validator_options": {"schema": {"type": "nothing"}}},
            "validator_options",
        ),
    ],
)
def test_a_wrong_choice_is_400_and_no_type_is_made(
    client: Client, choice: dict[str, Any], field: str
) -> None:
    refused = client.api("POST", "pt", {"name": "Beam", **choice}, status=400)
    assert field in refused.json
    assert client.ok("GET", "pt") == []


def test_a_wrong_change_of_the_validator_leaves_the_type_as_it_is(client: Client) -> None:
    made = client.ok("POST", "pt", {"name": "Beam", "validator": "checksum"})
    client.api("PATCH", "payload-types/Beam", {"validator": "nothing"}, status=400)
    assert client.ok("GET", "payload-types/Beam") == made


def test_another_validator_does_not_keep_the_options_of_the_one_before(client: Client) -> None:
    choice = {"validator": "checksum", "validator_options": {"algorithm": "sha1"}}
    client.ok("POST", "pt", {"name": "Beam", **choice})
    changed = client.ok("PATCH", "payload-types/Beam", {"validator": "any"})
    assert (changed["validator"], changed["validator_options"]) == ("any", None)
    cleared = client.ok("PATCH", "payload-types/Beam", {"validator": None})
    assert (cleared["validator"], cleared["validator_options"]) == (None, None)
