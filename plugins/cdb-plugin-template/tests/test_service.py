"""What clients see of a service that enables the plugins, as example.ini does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdb.testing import API, Client, service

INI = Path(__file__).parents[1] / "example.ini"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with service(INI, tmp_path, {"cdb.payload_store": str(tmp_path / "payloads")}) as client:
        yield client


def list_of(client: Client, payload_type: str, **chosen: object) -> str:
    """Make the tag 'Test' with a list of a type, and return the list's name."""
    client.ok("POST", "gt", {"name": "Test"})
    client.ok("POST", "pt", {"name": payload_type, **chosen})
    name = client.ok("POST", "pl", {"payload_type": payload_type})["name"]
    client.ok("PUT", "pl_attach", {"global_tag": "Test", "payload_list": name})
    return str(name)


def test_intervals_are_written_and_asked_for_as_run_and_spill(client: Client) -> None:
    name = list_of(client, "BeamPosition")
    row = {"payload_list": name, "payload_url": "1.txt", "begin": "1234.7", "end": "1240.0"}
    client.ok("POST", "bulk_piov", [row])
    [found] = client.ok("GET", "payloadiovs?gtName=Test&at=1239.99&shape=dict")
    assert (found["begin"], found["end"]) == ("1234.7", "1240.0")
    assert client.ok("GET", "payloadiovs?gtName=Test&at=1240.0") == []


def pedestals_list(client: Client) -> str:
    """Make a list of a type that holds three channels."""
    chosen = {"validator": "channel-table", "validator_options": {"channels": 3}}
    return list_of(client, "Pedestals", **chosen)


def test_pedestals_are_checked_when_they_are_sent(client: Client) -> None:
    pedestals_list(client)
    path = f"{API}/payloads/Pedestals/1.txt"
    refused = client.put(path, b"0 101.5\n1 5000\n2 99\n", status=422).json
    assert refused["payload"] == ["channel-table: Line 2: 5000 is not between 0 and 1023."]
    stored = client.put(path, b"0 101.5\n1 500\n2 99\n", status=200).json
    assert stored["stored"]


def test_pedestals_have_to_be_in_the_payload_store(client: Client) -> None:
    row = {"payload_list": pedestals_list(client), "payload_url": "1.txt", "begin": "1234.7"}
    refused = client.api("POST", "bulk_piov", [row], status=422).json
    assert refused["code"] == "payload-refused"
