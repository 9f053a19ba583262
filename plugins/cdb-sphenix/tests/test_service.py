"""The service that deploy/ini/sphenix.ini describes, called as nopayloadclient calls it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cdb.settings import SettingsError
from cdb.testing import API, Client, service

INI = Path(__file__).parents[3] / "deploy" / "ini" / "sphenix.ini"
SECRET = "Xw3kQ9sLx4Vb1Nw8Tc5Ry0Md3Ff6Gj-AuEiOoKpWz"  # noqa: S105 - of the tests alone
MAX = 2**63 - 1
GATEWAY, ELSEWHERE = "127.0.0.1", "203.0.113.7"


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Client]:
    """Give a client of the service, which connects from the gateway's address."""
    with pytest.MonkeyPatch.context() as supplied:
        supplied.setenv("CDB_GATEWAY_SECRET", SECRET)
        changed = {f"cdb.{name}": value for name, value in settings.items()}
        with service(INI, folder, changed) as client:
            client.extra_environ["REMOTE_ADDR"] = GATEWAY
            yield client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with started(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service with a tag, shared by tests that change nothing."""
    with started(tmp_path_factory.mktemp("refusing")) as made:
        create(made)
        yield made


def as_user(name: str, secret: str = SECRET) -> dict[str, str]:
    """Return the headers that the gateway adds for somebody it knows."""
    return {"X-Remote-User": name, "X-Gateway-Secret": secret}


CALIBRATIONS = as_user("calibrations")


def create(client: Client, tag: str = "ana_2024", headers: dict[str, str] = CALIBRATIONS) -> None:
    """Make a global tag with a payload list, call by call as nopayloadclient does."""
    assert "unlocked" in [status["name"] for status in client.ok("GET", "gtstatus")]
    body = {"name": tag, "status": "unlocked", "author": "sphnxpro"}
    client.ok("POST", "gt", body, headers)
    client.ok("POST", "pt", {"name": "CEMC_Gain"}, headers)
    new_list = client.ok("POST", "pl", {"payload_type": "CEMC_Gain"}, headers)["name"]
    client.ok("PUT", "pl_attach", {"payload_list": new_list, "global_tag": tag}, headers)


def insert(
    client: Client,
    start: tuple[int, int],
    end: tuple[int, int] | None = None,
    name: str = "gain.root",
    status: int = 200,
) -> Any:
    """Insert a payload, call by call as nopayloadclient does."""
    lists = client.ok("GET", "gtPayloadLists/ana_2024")
    iov: dict[str, Any] = {
        "payload_url": f"CEMC_Gain/aa/bb/aabb_{name}",
        "major_iov": start[0],
        "minor_iov": start[1],
        "checksum": "aabb",
    }
    if end is not None:
        iov |= {"major_iov_end": end[0], "minor_iov_end": end[1]}
    staged = client.api("POST", "piov", iov, "*", CALIBRATIONS)
    if staged.status_int != 200:
        assert staged.status_int == status
        return staged.json
    entering = {"payload_list": lists["CEMC_Gain"], "piov_id": staged.json["id"]}
    return client.api("PUT", "piov_attach", entering, status, CALIBRATIONS).json


def ends(client: Client, run: int) -> list[tuple[int, int, int, int]]:
    """Return where the payloads that hold in a run begin and end."""
    found = client.ok("GET", f"payloadiovs/?gtName=ana_2024&majorIOV=0&minorIOV={run}")
    return [tuple(row[4:8]) for row in found]


# --- the ini ------------------------------------------------------------------


def test_ini_starts_a_service_with_what_a_deployment_supplies(client: Client) -> None:
    plugins = {row["name"] for row in client.ok("GET", "plugins") if row["state"] == "enabled"}
    assert plugins >= {"sphenix", "sphenix-file", "trusted-proxy", "roles", "standard", "log"}


def test_ini_does_not_start_without_the_secret_of_the_gateway(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CDB_GATEWAY_SECRET", raising=False)
    with (
        pytest.raises(SettingsError, match="the environment has no CDB_GATEWAY_SECRET"),
        service(INI, tmp_path),
    ):
        pass


def test_ini_does_not_start_with_a_short_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDB_GATEWAY_SECRET", SECRET[:31])
    with (
        pytest.raises(SettingsError, match="secret is shorter than 32 bytes"),
        service(INI, tmp_path),
    ):
        pass


def test_database_that_is_gone_is_answered_with_504(client: Client, tmp_path: Path) -> None:
    client.app.registry.cdb.database.dispose()
    for file in tmp_path.glob("cdb.sqlite*"):
        os.unlink(file)  # noqa: PTH108 - what an operator does by mistake
    assert client.api("GET", "globalTags").status_int == 504


# --- what nopayloadclient does ------------------------------------------------


def test_payload_is_inserted_and_found(client: Client) -> None:
    create(client)
    insert(client, (0, 54321))
    [row] = client.ok("GET", "payloadiovs/?gtName=ana_2024&majorIOV=0&minorIOV=60000")
    assert row == [
        "CEMC_Gain",
        "CEMC_Gain/aa/bb/aabb_gain.root",
        "aabb",
        None,
        0,
        54321,
        MAX,
        MAX,
        None,
    ]


def test_reads_need_no_gateway(client: Client) -> None:
    create(client)
    client.extra_environ["REMOTE_ADDR"] = ELSEWHERE
    assert [tag["name"] for tag in client.ok("GET", "globalTags")] == ["ana_2024"]
    assert ends(client, 1) == []


def test_interval_with_an_end_holds_until_before_it(client: Client) -> None:
    create(client)
    insert(client, (0, 100), (0, 200))
    assert [ends(client, run) for run in (99, 100, 199, 200)] == [
        [],
        [(0, 100, 0, 200)],
        [(0, 100, 0, 200)],
        [],
    ]


def test_point_can_be_asked_for_as_a_run(client: Client) -> None:
    create(client)
    insert(client, (0, 100), (0, 200))
    [found] = client.ok("GET", "payloadiovs/?gtName=ana_2024&at=150&shape=dict")
    assert (found["dimension"], found["begin"], found["end"]) == ("sphenix", "100", "200")


@pytest.mark.parametrize("end", [None, (0, MAX), (MAX, MAX)])
def test_largest_minor_number_is_open(client: Client, end: tuple[int, int] | None) -> None:
    create(client)
    insert(client, (0, 100), end)
    assert ends(client, 10**9) == [(0, 100, MAX, MAX)]


@pytest.mark.parametrize("written", [None, (0, MAX)])
@pytest.mark.parametrize("named", ["", f"/0/{MAX}", f"/{MAX}/{MAX}"])
def test_open_interval_is_deleted_however_its_end_is_named(
    client: Client, written: tuple[int, int] | None, named: str
) -> None:
    create(client)
    insert(client, (0, 100), written)
    path = f"deletePayloadIOV/ana_2024/CEMC_Gain/0/100{named}"
    client.ok("DELETE", path, headers=CALIBRATIONS)
    assert ends(client, 100) == []


def test_interval_that_ends_is_not_deleted_as_an_open_one(client: Client) -> None:
    create(client)
    insert(client, (0, 100), (0, 200))
    path = f"deletePayloadIOV/ana_2024/CEMC_Gain/0/100/0/{MAX}"
    client.api("DELETE", path, None, 404, CALIBRATIONS)
    assert ends(client, 100) == [(0, 100, 0, 200)]


def test_open_interval_is_closed_by_the_next_in_a_locked_tag(client: Client) -> None:
    create(client)
    insert(client, (0, 100), (0, MAX))
    client.ok("PUT", "gt_change_status/ana_2024/locked", headers=CALIBRATIONS)
    insert(client, (0, 200), (0, MAX))
    assert ends(client, 150) == [(0, 100, 0, 200)]
    insert(client, (0, 120), (0, 130), status=409)


@pytest.mark.parametrize(
    ("start", "end"), [((1, 0), None), ((0, 100), (1, 5)), ((0, 100), (MAX, 0))]
)
def test_other_major_number_is_refused(
    client: Client, start: tuple[int, int], end: tuple[int, int] | None
) -> None:
    create(client)
    refused = insert(client, start, end, status=400)
    assert "clients look at the minor number alone" in refused["detail"]


def test_tag_is_locked_cloned_and_deleted(client: Client) -> None:
    create(client)
    admin = as_user("cdb-admin")
    client.ok("PUT", "gt_change_status/ana_2024/locked", headers=CALIBRATIONS)
    client.ok("POST", "cloneGlobalTag/ana_2024/ana_2025", headers=CALIBRATIONS)
    client.ok("PUT", "gt_change_status/ana_2024/unlocked", headers=CALIBRATIONS)
    client.ok("DELETE", "deleteGlobalTag/ana_2024", headers=admin)
    assert [tag["name"] for tag in client.ok("GET", "globalTags")] == ["ana_2025"]


def test_status_that_the_client_makes_sure_of_is_there(client: Client) -> None:
    answer = client.ok("POST", "gtstatus", {"name": "unlocked"}, CALIBRATIONS)
    assert answer["name"] == "unlocked"


def test_minor_number_can_be_a_time(tmp_path: Path) -> None:
    with started(tmp_path, **{"plugin.sphenix.axis": "timestamp"}) as client:
        create(client)
        insert(client, (0, 1714564800))
        query = "payloadiovs/?gtName=ana_2024&at=2024-05-01T14:00:00Z&shape=dict"
        [found] = client.ok("GET", query)
    assert (found["begin"], found["end"]) == ("2024-05-01T12:00:00Z", "open")


def test_largest_minor_number_is_open_in_a_discrete_service_too(tmp_path: Path) -> None:
    with started(tmp_path, iov_mode="discrete") as client:
        create(client)
        insert(client, (0, 100), (0, MAX))
        assert ends(client, 10**9) == [(0, 100, MAX, MAX)]
        path = f"deletePayloadIOV/ana_2024/CEMC_Gain/0/100/0/{MAX}"
        client.ok("DELETE", path, headers=CALIBRATIONS)
        assert ends(client, 100) == []


# --- payload files ------------------------------------------------------------


@pytest.mark.parametrize("name", ["gain.root", "gain.dat", "gain.txt", "gain.xml"])
def test_files_of_the_experiment_are_taken_by_their_names(client: Client, name: str) -> None:
    create(client)
    insert(client, (0, 100), name=name)
    assert len(ends(client, 100)) == 1


def test_other_files_are_refused(client: Client) -> None:
    create(client)
    refused = insert(client, (0, 100), name="gain.csv", status=422)
    [problem] = refused["payload"]
    assert problem.startswith("sphenix-file: The file name 'aabb_gain.csv' has none of")
    assert ends(client, 100) == []


# --- who writes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "gt", {"name": "ana_2025"}),
        ("POST", "pt", {"name": "CEMC_Time"}),
        ("POST", "pl", {"payload_type": "CEMC_Gain"}),
        ("PUT", "gt_change_status/ana_2024/locked", None),
        ("POST", "cloneGlobalTag/ana_2024/ana_2025", None),
        ("DELETE", "deletePayloadIOV/ana_2024/CEMC_Gain/0/100", None),
    ],
)
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        (GATEWAY, {}, 401),
        (GATEWAY, as_user("calibrations", "guessed"), 401),
        (GATEWAY, {"X-Remote-User": "calibrations"}, 401),
        (ELSEWHERE, CALIBRATIONS, 401),
        (GATEWAY, as_user("somebody"), 403),
    ],
    ids=["nobody", "wrong secret", "no secret", "not the gateway", "no role"],
)
def test_only_whom_the_gateway_names_and_the_ini_lists_writes(
    refusing: Client,
    method: str,
    path: str,
    body: Any,
    address: str,
    headers: dict[str, str],
    status: int,
) -> None:
    refusing.extra_environ["REMOTE_ADDR"] = address
    refusing.api(method, path, body, status, headers)


def test_online_writes_to_its_own_tags(client: Client) -> None:
    create(client, "online_2024")
    online = as_user("online-daq")
    row = {
        "payload_list": "CEMC_Gain_1",
        "payload_url": "CEMC_Gain/aa/bb/aabb_gain.root",
        "checksum": "aabb",
        "major_iov": 0,
        "minor_iov": 100,
    }
    client.ok("POST", "bulk_piov", [row], online)
    client.ok("POST", "gt", {"name": "ana_2024"}, CALIBRATIONS)
    body = {"payload_list": "CEMC_Gain_1", "global_tag": "ana_2024"}
    client.api("PUT", "pl_attach", body, 403, online)


# --- uploads ------------------------------------------------------------------


def test_upload_is_judged_by_its_content(tmp_path: Path) -> None:
    with started(tmp_path, payload_store=str(tmp_path / "payloads")) as client:
        admin = as_user("cdb-admin")
        client.ok("POST", "pt", {"name": "CEMC_Gain"}, admin)
        answers = [
            client.put(
                f"{API}/payloads/CEMC_Gain/gain.xml",
                content,
                admin,
                content_type="application/octet-stream",
                expect_errors=True,
            )
            for content in (b"<gain>", b"<gain/>")
        ]
    assert [answer.status_int for answer in answers] == [422, 200]
