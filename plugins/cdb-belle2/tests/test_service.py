"""The service that deploy/ini/belle2.ini describes: what basf2 reads, and how it is written."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from cdb.settings import SettingsError
from cdb.testing import API, Client

SignIn = Callable[..., dict[str, str]]
"""`sign_in("jane", admin=["data_.*"])`: the header that a client sends."""

Start = Callable[..., AbstractContextManager[Client]]
"""`start(folder, {"cdb.tag_policy": "standard"})`: the service, with such changes."""

MAX = 2**63 - 1
BEAM = b"root\0 beam parameters"
MD5 = hashlib.md5(BEAM, usedforsecurity=False).hexdigest()
PATH = f"{MD5[:2]}/BeamParameters_r1.root"
EXPERTS = {"admin": ["data_.*"], "createpayload": ["Beam.*"]}


def upload(
    client: Client, headers: dict[str, str], content: bytes = BEAM, type_: str = "BeamParameters"
) -> Any:
    """Send a payload file."""
    return client.put(
        f"{API}/payloads/{type_}/beam.root",
        content,
        headers,
        content_type="application/octet-stream",
        expect_errors=True,
    )


def row(begin: str, end: str | None = None, content: bytes = BEAM, **fields: str) -> Any:
    """Return a payload IOV to attach, in the notation."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    given = {"payload_list": "BeamParameters_1", "payload_url": PATH, "checksum": md5}
    return {**given, "begin": begin} | ({"end": end} if end else {}) | fields


def query(client: Client, experiment: int, run: int) -> Any:
    """Ask as basf2 does."""
    point = f"majorIOV={experiment}&minorIOV={run}"
    return client.ok("GET", f"payloadiovs/?gtName=data_1&{point}&shape=dict")


def as_basf2_reads(payload: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return first and last experiment and run, with -1 for 'all', as basf2 turns them."""
    numbers = [
        payload[name] for name in ("major_iov", "minor_iov", "major_iov_end", "minor_iov_end")
    ]
    first, last = numbers[:2], [-1 if number == MAX else number for number in numbers[2:]]
    return (*first, *last)  # type: ignore[return-value]  # four numbers


@pytest.fixture(scope="module")
def experts(sign_in: SignIn) -> dict[str, str]:
    """The header of somebody who may write tags of data, and payloads of the beam."""
    return sign_in("expert", **EXPERTS)


@pytest.fixture
def client(start: Start, tmp_path: Path) -> Iterator[Client]:
    with start(tmp_path) as made:
        yield made


@pytest.fixture
def filled(client: Client, experts: dict[str, str]) -> Client:
    """A client of a service with a tag, and a list in it."""
    return with_tag(client, experts)


@pytest.fixture(scope="module")
def refusing(
    start: Start, experts: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """The same, shared by tests that change nothing."""
    with start(tmp_path_factory.mktemp("refusing")) as made:
        yield with_tag(made, experts)


def with_tag(client: Client, headers: dict[str, str]) -> Client:
    client.ok("POST", "pt", {"name": "BeamParameters"}, headers)
    client.ok("POST", "gt", {"name": "data_1"}, headers)
    client.ok("POST", "pl", {"payload_type": "BeamParameters"}, headers)
    attached = {"global_tag": "data_1", "payload_list": "BeamParameters_1"}
    client.ok("PUT", "pl_attach", attached, headers)
    return client


def attach(client: Client, headers: dict[str, str], *rows: Any, status: int = 200) -> Any:
    return client.api("POST", "bulk_piov", list(rows), status, headers).json


def to_status(client: Client, headers: dict[str, str], *names: str) -> None:
    for name in names:
        client.ok("PUT", f"gt_change_status/data_1/{name}", headers=headers)


# --- the ini ------------------------------------------------------------------


def test_ini_starts_a_service_with_what_a_deployment_supplies(client: Client) -> None:
    plugins = {row["name"] for row in client.ok("GET", "plugins") if row["state"] == "enabled"}
    assert plugins == {
        "belle2",
        "belle2-claims",
        "belle2-files",
        "checksum",
        "exp-run",
        "json",
        "jwt",
        "log",
        "text",
    }


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"cdb.plugin.jwt.public_key": "/no/such.pem"}, "'jwt': public_key cannot be read"),
        ({"cdb.plugin.jwt.public_key": None}, "'jwt': RS256 needs a public_key"),
        (
            {"cdb.plugin.belle2.transitions": "OPEN: TESTING\nPUBLISHED: OPEN"},
            "'belle2': transitions: what is PUBLISHED can only become INVALID",
        ),
        (
            {"cdb.plugin.belle2-files.style": "nested"},
            "cdb.plugin.belle2-files.style: Input should be 'hashed' or 'flat'",
        ),
    ],
    ids=["key", "path of the key", "transitions", "style"],
)
def test_ini_does_not_start_with_what_is_missing_or_wrong(
    start: Start, tmp_path: Path, changed: dict[str, str | None], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem), start(tmp_path, changed):
        pass


# --- what basf2 reads, without a token ----------------------------------------


def test_basf2_finds_its_statuses(client: Client) -> None:
    names = {status["name"] for status in client.ok("GET", "gtstatus")}
    assert names >= {"OPEN", "TESTING", "VALIDATED", "PUBLISHED", "RUNNING", "INVALID"}


def test_basf2_finds_where_payloads_are(client: Client) -> None:
    answer = client.ok("GET", "user_settings/CDB_PAYLOAD_BASE_URL")
    assert answer == {"CDB_PAYLOAD_BASE_URL": "https://cdb.example.org/payloads/"}


def test_basf2_finds_the_status_of_a_tag_and_no_payloads_with_it(
    filled: Client, experts: dict[str, str]
) -> None:
    attach(filled, experts, row("0,0", "-1,-1"))
    tag = filled.ok("GET", "globalTag/data_1")
    assert tag["status"]["name"] == "OPEN"
    assert [each["payload_iov"] for each in tag["payload_lists"]] == [[]]


def test_basf2_finds_a_payload(filled: Client, experts: dict[str, str]) -> None:
    stored = upload(filled, experts).json
    attach(filled, experts, row("12,34", "12,-1"))
    [payload] = query(filled, 12, 40)
    assert payload == {
        "payload_type_name": "BeamParameters",
        "payload_url": stored["payload_url"],
        "checksum": MD5,
        "size": stored["size"],
        "major_iov": 12,
        "minor_iov": 34,
        "major_iov_end": 12,
        "minor_iov_end": MAX,
        "revision": "1",
        "global_tag": "data_1",
        "dimension": "exp-run",
        "begin": "12,34",
        "end": "12,-1",
    }


@pytest.mark.parametrize(
    ("begin", "end", "read"),
    [
        ("12,34", "12,56", (12, 34, 12, 56)),
        ("12,34", "12,34", (12, 34, 12, 34)),
        ("12,34", "20,0", (12, 34, 20, 0)),
        ("12,34", "12,-1", (12, 34, 12, -1)),
        ("12,0", "20,-1", (12, 0, 20, -1)),
        ("0,0", "-1,-1", (0, 0, -1, -1)),
        ("0,0", None, (0, 0, -1, -1)),
    ],
)
def test_numbers_that_basf2_reads_agree_with_the_notation(
    filled: Client,
    experts: dict[str, str],
    begin: str,
    end: str | None,
    read: tuple[int, int, int, int],
) -> None:
    attach(filled, experts, row(begin, end))
    [payload] = query(filled, 12, 34)
    assert as_basf2_reads(payload) == read
    assert (payload["begin"], payload["end"]) == (begin, end or "-1,-1")


@pytest.mark.parametrize("at", ["12,40", "12.40", "exp-run:12,40"])
def test_point_can_be_asked_for_in_the_notation(
    filled: Client, experts: dict[str, str], at: str
) -> None:
    attach(filled, experts, row("12,34", "12,40"), row("12,41", "-1,-1"))
    [payload] = filled.ok("GET", f"payloadiovs/?gtName=data_1&at={at}&shape=dict")
    assert payload["end"] == "12,40"


def test_interval_that_a_new_experiment_cuts_holds_for_all_runs_before(
    filled: Client, experts: dict[str, str]
) -> None:
    attach(filled, experts, row("12,0", "-1,-1"))
    attach(filled, experts, row("20,0", "-1,-1"))
    assert as_basf2_reads(query(filled, 12, 5)[0]) == (12, 0, 19, -1)


@pytest.mark.parametrize("end", ["-1,0", "-1,34", "12,33", "2147483648,0", "12", "12,-2"])
def test_interval_that_basf2_could_not_read_is_refused(
    filled: Client, experts: dict[str, str], end: str
) -> None:
    attach(filled, experts, row("12,34", end), status=400)
    assert query(filled, 12, 34) == []


def test_numbers_that_basf2_could_not_read_are_refused(
    filled: Client, experts: dict[str, str]
) -> None:
    numbers = {"major_iov": 12, "minor_iov": 34, "major_iov_end": MAX, "minor_iov_end": 5}
    iov = {"payload_url": PATH, "checksum": MD5, **numbers}
    answer = filled.api("POST", "piov", iov, 400, experts)
    assert answer.json["detail"] == (
        f"exp-run: experiment {MAX} is not in the range from 0 to 2147483647"
    )


# --- payload files ------------------------------------------------------------


def test_revisions_are_numbered_by_type_and_the_same_file_keeps_its_own(
    filled: Client, experts: dict[str, str]
) -> None:
    filled.ok("POST", "pt", {"name": "BeamSpot"}, experts)
    sent = [(BEAM, "BeamParameters"), (b"other", "BeamParameters"), (BEAM, "BeamParameters")]
    answers = [upload(filled, experts, *each).json for each in [*sent, (BEAM, "BeamSpot")]]
    assert [answer["revision"] for answer in answers] == ["1", "2", "1", "1"]
    assert [answer["payload_url"] for answer in answers] == [
        PATH,
        f"{hashlib.md5(b'other', usedforsecurity=False).hexdigest()[:2]}/BeamParameters_r2.root",
        PATH,
        f"{MD5[:2]}/BeamSpot_r1.root",
    ]


def test_payload_that_is_elsewhere_is_numbered_too(
    filled: Client, experts: dict[str, str]
) -> None:
    attach(filled, experts, row("12,0", "12,9"), row("12,10", "12,19", b"other"))
    attach(filled, experts, row("12,20", "12,29"))
    revisions = [query(filled, 12, run)[0]["revision"] for run in (0, 10, 20)]
    assert revisions == ["1", "2", "1"]


def test_revision_that_a_payload_does_not_have_is_refused(
    filled: Client, experts: dict[str, str]
) -> None:
    upload(filled, experts)
    attach(filled, experts, row("12,0", revision="1"))
    refused = attach(filled, experts, row("13,0", revision="2"), status=422)
    assert refused["code"] == "payload-refused"


def test_files_lie_where_basf2_looks(
    filled: Client, experts: dict[str, str], tmp_path: Path
) -> None:
    upload(filled, experts)
    assert (tmp_path / "payloads" / PATH).read_bytes() == BEAM


def test_files_can_lie_flat(start: Start, experts: dict[str, str], tmp_path: Path) -> None:
    with start(tmp_path, {"cdb.plugin.belle2-files.style": "flat"}) as client:
        client.ok("POST", "pt", {"name": "BeamParameters"}, experts)
        upload(client, experts)
    assert (tmp_path / "payloads" / "dbstore_BeamParameters_rev_1.root").read_bytes() == BEAM


def test_checksum_that_basf2_cannot_compare_is_refused(
    filled: Client, experts: dict[str, str]
) -> None:
    wrong = {**row("12,34"), "checksum": hashlib.sha256(BEAM).hexdigest()}
    assert attach(filled, experts, wrong, status=422)["code"] == "payload-refused"


# --- a global tag's life ------------------------------------------------------


def test_calibration_is_uploaded_tested_and_published(
    filled: Client, experts: dict[str, str]
) -> None:
    stored = upload(filled, experts).json
    staged = {
        "payload_url": stored["payload_url"],
        "checksum": stored["checksum"],
        "size": stored["size"],
        "begin": "12,0",
        "end": "-1,-1",
    }
    iov = filled.ok("POST", "piov", staged, experts)
    entering = {"payload_list": "BeamParameters_1", "piov_id": iov["id"]}
    filled.ok("PUT", "piov_attach", entering, experts)
    to_status(filled, experts, "TESTING", "VALIDATED", "PUBLISHED")
    [payload] = query(filled, 12, 0)
    assert (payload["revision"], payload["checksum"]) == ("1", MD5)
    assert filled.ok("GET", "globalTag/data_1")["status"]["name"] == "PUBLISHED"


@pytest.mark.parametrize("names", [("TESTING",), ("TESTING", "VALIDATED"), ("INVALID",)])
def test_tag_that_is_not_open_does_not_change(
    filled: Client, experts: dict[str, str], names: tuple[str, ...]
) -> None:
    to_status(filled, experts, *names)
    assert attach(filled, experts, row("12,34"), status=409)["code"] == "closed"
    assert filled.api("DELETE", "deleteGlobalTag/data_1", None, 409, experts).json["detail"]


def test_tested_tag_can_be_opened_again(filled: Client, experts: dict[str, str]) -> None:
    to_status(filled, experts, "TESTING", "VALIDATED", "OPEN")
    attach(filled, experts, row("12,34"))


def test_published_tag_can_only_become_invalid(filled: Client, experts: dict[str, str]) -> None:
    to_status(filled, experts, "TESTING", "VALIDATED", "PUBLISHED")
    refused = filled.api("PUT", "gt_change_status/data_1/OPEN", None, 409, experts)
    assert refused.json["detail"] == (
        "Global tag 'data_1' is PUBLISHED, which only INVALID can follow, not OPEN."
    )
    to_status(filled, experts, "INVALID")
    filled.api("PUT", "gt_change_status/data_1/PUBLISHED", None, 409, experts)


def test_running_tag_takes_new_runs_and_keeps_what_it_answers(
    filled: Client, experts: dict[str, str]
) -> None:
    attach(filled, experts, row("12,0", "-1,-1"))
    to_status(filled, experts, "TESTING", "VALIDATED", "RUNNING")
    attach(filled, experts, row("12,100", "-1,-1", b"new"))
    assert as_basf2_reads(query(filled, 12, 99)[0]) == (12, 0, 12, 99)
    assert as_basf2_reads(query(filled, 12, 100)[0]) == (12, 100, -1, -1)
    attach(filled, experts, row("12,50", "12,60"), status=409)
    filled.api("DELETE", "deletePayloadIOV/data_1/BeamParameters/12/100", None, 409, experts)


def test_running_tag_closes_what_is_open_within_an_experiment(
    filled: Client, experts: dict[str, str]
) -> None:
    attach(filled, experts, row("12,0", "12,-1"))
    to_status(filled, experts, "TESTING", "VALIDATED", "RUNNING")
    attach(filled, experts, row("12,100", "12,-1", b"new"))
    assert as_basf2_reads(query(filled, 12, 99)[0]) == (12, 0, 12, 99)


def test_ini_can_say_which_status_follows_which(
    start: Start, experts: dict[str, str], tmp_path: Path
) -> None:
    lines = "\nOPEN: TESTING RUNNING\nTESTING: VALIDATED OPEN\n*: INVALID"
    with start(tmp_path, {"cdb.plugin.belle2.transitions": lines}) as client:
        client.ok("POST", "gt", {"name": "data_1"}, experts)
        to_status(client, experts, "RUNNING")
        client.api("PUT", "gt_change_status/data_1/PUBLISHED", None, 409, experts)


def test_clone_of_a_published_tag_is_open(filled: Client, sign_in: SignIn) -> None:
    jane = sign_in("jane", admin=["user_jane_.*", "data_1"])
    to_status(filled, jane, "TESTING", "VALIDATED", "PUBLISHED")
    filled.ok("POST", "cloneGlobalTag/data_1/user_jane_1", headers=jane)
    assert filled.ok("GET", "globalTag/user_jane_1")["status"]["name"] == "OPEN"


# --- tokens -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "gt", {"name": "data_2"}),
        ("POST", "pt", {"name": "BeamSpot"}),
        ("PUT", "gt_change_status/data_1/TESTING", None),
        ("POST", "bulk_piov", [row("12,34")]),
    ],
)
def test_nobody_writes_without_a_token(
    refusing: Client, method: str, path: str, body: Any
) -> None:
    assert refusing.api(method, path, body, 401).json["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("method", "path", "body", "claims"),
    [
        ("POST", "gt", {"name": "data_2"}, {"createiov": [".*"], "admin": ["user_.*"]}),
        ("POST", "gt", {"name": "data_2"}, {"admin": "data_.*"}),
        ("POST", "gt", {"name": "data_2"}, {"admin": ["(?!user).*"]}),
        ("POST", "pt", {"name": "SVDNoise"}, {"createpayload": ["Beam.*"]}),
        ("PUT", "gt_change_status/data_1/TESTING", None, {"createiov": ["data_1"]}),
        ("POST", "bulk_piov", [row("12,34")], {"createpayload": [".*"]}),
        ("POST", "bulk_piov", [row("12,34")], {"createiov": ["data_2", "data"]}),
        ("POST", "gtstatus", {"name": "DONE"}, {"admin": ["data_.*"]}),
        ("DELETE", "deletePayloadType/BeamParameters", None, {"createpayload": [".*"]}),
    ],
)
def test_claims_that_are_for_something_else_permit_nothing(
    refusing: Client, sign_in: SignIn, method: str, path: str, body: Any, claims: dict[str, Any]
) -> None:
    assert refusing.api(method, path, body, 403, sign_in(**claims)).json["code"] == "forbidden"


def test_createiov_on_the_tag_is_enough_to_write_its_lists(
    filled: Client, sign_in: SignIn
) -> None:
    jane = sign_in(createiov=["data_[0-9]"])
    attach(filled, jane, row("12,34", "12,40"))
    filled.ok("DELETE", "deletePayloadIOV/data_1/BeamParameters/12/34/12/40", headers=jane)


def test_createpayload_fills_a_list_that_only_createiov_brings_into_a_tag(
    filled: Client, sign_in: SignIn
) -> None:
    jane = sign_in(createpayload=["BeamParameters"])
    filled.ok("POST", "pl", {"payload_type": "BeamParameters"}, jane)
    attach(filled, jane, {**row("12,34"), "payload_list": "BeamParameters_2"})
    body = {"global_tag": "data_1", "payload_list": "BeamParameters_2"}
    filled.api("PUT", "pl_attach", body, 403, jane)
    filled.ok("PUT", "pl_attach", body, sign_in(createiov=["data_1"]))
    assert as_basf2_reads(query(filled, 12, 34)[0]) == (12, 34, -1, -1)


def test_administrator_may_do_what_no_other_claim_permits(client: Client, sign_in: SignIn) -> None:
    head = sign_in("head", admin=[".*"])
    client.ok("POST", "gtstatus", {"name": "REVIEW"}, head)
    client.ok("POST", "pt", {"name": "BeamSpot"}, head)
    client.ok("DELETE", "deletePayloadType/BeamSpot", headers=head)


def test_upload_for_another_type_is_refused(refusing: Client, sign_in: SignIn) -> None:
    assert upload(refusing, sign_in(createpayload=["SVD.*"])).status_int == 403
