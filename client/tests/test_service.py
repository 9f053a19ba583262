"""What a service does on a bad day: requests are sent again, or not, and never done twice."""

import io
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from scripted import Reply, scripted

from cdb_client import answers, http
from cdb_client.credentials import Credentials
from cdb_client.errors import (
    ConfigError,
    NotJson,
    ServiceError,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from cdb_client.http import Service, path_of

HERE = "127.0.0.1"
ELSEWHERE = "127.0.0.2"
"""Another machine, as far as the client can tell."""

BUSY = Reply(503, {"detail": "Busy.", "code": "unavailable"})
DENIED = Reply(401, {"detail": "Who?", "code": "unauthenticated"})
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(http, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(http, "_LONGEST_PAUSE", 0.001)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY")


@pytest.fixture
def printing(tmp_path):
    """A command that prints another token each time: t1, t2, …"""
    script = tmp_path / "token.py"
    script.write_text(
        "import pathlib, sys\n"
        "seen = pathlib.Path(sys.argv[1])\n"
        "seen.write_text(seen.read_text() + 'x' if seen.exists() else 'x')\n"
        "print(f't{len(seen.read_text())}')\n"
    )
    return f"{sys.executable} {script} {tmp_path / 'seen'}"


@pytest.fixture
def untrusted(tmp_path):
    """The side of a server whose certificate nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HERE)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


# --- what is sent again ---------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again(status):
    with scripted(Reply(status), Reply(body=[7])) as server, Service(server.url) as service:
        assert service.get("gt") == [7]
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413, 422, 500])
def test_what_the_service_refuses_is_not_asked_again(status):
    with (
        scripted(Reply(status)) as server,
        Service(server.url) as service,
        pytest.raises(ServiceError),
    ):
        service.write("POST", "gt", {})
    assert len(server.requests) == 1


@pytest.mark.parametrize("breaks_off", ["before", "among", "within"])
def test_a_write_whose_answer_is_lost_is_sent_again_with_its_key(breaks_off):
    lost = Reply(body={"id": 1}, breaks_off=breaks_off)
    replayed = Reply(body={"id": 1}, headers={"Idempotency-Replayed": "true"})
    with scripted(lost, replayed) as server, Service(server.url) as service:
        answer = service.write("POST", "gt", {"name": "A"}, reason="why")
    first, second = server.requests
    assert answer.body == {"id": 1}
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert (first.path, first.body, first.headers) == (second.path, second.body, second.headers)


def test_error_has_the_name_that_the_request_has_in_the_log():
    with (
        scripted(Reply(503), Reply(500)) as server,
        Service(server.url) as service,
        pytest.raises(ServiceError) as failure,
    ):
        service.get("globalTags")
    sent = {each.headers["x-request-id"] for each in server.requests}
    assert (len(server.requests), sent) == (2, {failure.value.request_id})


def test_who_gets_no_answer_to_a_write_is_told_how_to_send_it_again(refusing_url):
    for reply in (Reply(breaks_off="before"), Reply(breaks_off="stalls")):
        with (
            scripted(reply) as server,
            Service(server.url, patience=0, read=0.05) as service,
            pytest.raises(Unreachable, match=r"may have been done: .* the key mine it is done"),
        ):
            service.write("POST", "gt", key="mine")
    with (
        Service(refusing_url, patience=0) as service,
        pytest.raises(Unreachable, match=r"Connection refused\.$"),
    ):
        service.write("POST", "gt", key="mine")


def test_each_write_has_a_key_of_its_own():
    with scripted(Reply()) as server, Service(server.url) as service:
        service.write("POST", "gt")
        service.write("POST", "gt")
        service.write("POST", "gt", key="mine")
    first, second, third = server.sent("idempotency-key")
    assert (first != second, third) == (True, "mine")


@pytest.mark.parametrize("breaks_off", ["before", "among", "within"])
def test_a_read_whose_answer_breaks_off_is_asked_again(breaks_off):
    with (
        scripted(Reply(breaks_off=breaks_off), Reply(body=[7])) as server,
        Service(server.url) as service,
    ):
        assert service.get("gt") == [7]


def test_an_answer_that_stalls_is_given_up():
    with (
        scripted(Reply(body=[7], breaks_off="stalls")) as server,
        Service(server.url, read=0.05, patience=0) as service,
        pytest.raises(Unreachable, match=r"nothing received for 0\.05 s"),
    ):
        service.get("gt")


@pytest.mark.parametrize("content", [b"abc" * 10**5, b""])
@pytest.mark.parametrize("first", [BUSY, Reply(breaks_off="before"), DENIED])
def test_a_file_is_sent_from_its_start_each_time(content, first, printing):
    file = io.BytesIO(content)
    file.seek(2)
    with (
        scripted(first, Reply()) as server,
        Service(server.url, credentials=Credentials(command=printing)) as service,
    ):
        service.upload("payloads/T/f", file)
    assert [request.body for request in server.requests] == [content, content]


def test_patience_ends():
    with (
        scripted(BUSY) as server,
        Service(server.url, patience=0) as service,
        pytest.raises(Unavailable, match=r"^Busy\.$"),
    ):
        service.get("gt")
    assert len(server.requests) == 1


def test_who_is_to_wait_longer_than_patience_lasts_does_not_wait_at_all():
    later = Reply(503, headers={"Retry-After": "61"})
    with (
        scripted(later) as server,
        Service(server.url, patience=60) as service,
        pytest.raises(Unavailable),
    ):
        service.get("gt")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("7", 7, 7),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 600, 3e9),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("٣", 0, 0),
    ],
)
def test_a_service_says_how_long_to_wait_in_seconds_or_by_a_date(told, least, most):
    response = requests.Response()
    response.headers["Retry-After"] = told
    assert least <= answers.wished(response) <= most


@pytest.mark.parametrize(("wished", "pause"), [(0, 0.25), (1, 0.25), (5, 0.25), (5, 10)])
def test_jobs_that_are_told_the_same_do_not_come_back_together(wished, pause):
    waits = [http.to_wait(wished, pause) for _ in range(1000)]
    assert min(waits) >= wished + pause / 2
    assert max(waits) - min(waits) > 0.8 * (wished + pause / 2)


def test_a_certificate_that_is_not_trusted_is_no_reason_to_wait(untrusted):
    with (
        scripted(Reply(), context=untrusted) as server,
        Service(server.url) as service,
        pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        service.get("gt")


# --- several bases --------------------------------------------------------------------


@pytest.mark.parametrize("first", [BUSY, Reply(breaks_off="before"), Reply(breaks_off="within")])
def test_the_next_base_answers_where_the_first_one_fails_and_is_then_asked_first(first):
    with (
        scripted(first) as broken,
        scripted(Reply(body=[7])) as sound,
        Service([broken.url, sound.url], patience=0) as service,
    ):
        assert [service.get("gt"), service.get("gt")] == [[7], [7]]
    assert (len(broken.requests), len(sound.requests)) == (1, 2)


def test_a_write_goes_to_the_next_base_with_the_same_key(refusing_url):
    with (
        scripted(Reply(breaks_off="within")) as broken,
        scripted(Reply()) as sound,
        Service([refusing_url, broken.url, sound.url], patience=0) as service,
    ):
        service.write("POST", "gt")
    assert broken.sent("idempotency-key") == sound.sent("idempotency-key")


def test_all_bases_are_asked_before_any_is_asked_again():
    with (
        scripted(BUSY, Reply(body=[1])) as one,
        scripted(BUSY, Reply(body=[2])) as other,
        Service([one.url, other.url]) as service,
    ):
        assert service.get("gt") == [1]
    assert (len(one.requests), len(other.requests)) == (2, 1)


def test_a_refusal_is_an_answer_and_no_other_base_is_asked():
    with (
        scripted(Reply(404)) as one,
        scripted(Reply()) as other,
        Service([one.url, other.url]) as service,
        pytest.raises(ServiceError),
    ):
        service.get("gt")
    assert other.requests == []


def test_a_service_without_a_base_is_refused():
    with pytest.raises(ConfigError, match="needs a base URL"):
        Service([])


# --- tokens ---------------------------------------------------------------------------


def test_writes_have_the_token_and_reads_only_where_the_service_asks():
    with (
        scripted(Reply(), Reply(), DENIED, Reply()) as server,
        Service(server.url, credentials=Credentials("abc")) as service,
    ):
        service.get("gt")
        service.write("POST", "gt")
        service.get("gt")
        service.get("gt")
    bearer = "Bearer abc"
    assert server.sent("authorization") == [None, bearer, None, bearer, bearer]


def test_a_token_that_has_run_out_is_renewed(printing):
    with (
        scripted(Reply(), DENIED, Reply()) as server,
        Service(server.url, credentials=Credentials(command=printing)) as service,
    ):
        service.write("POST", "gt")
        service.write("POST", "gt")
        service.get("gt")
    # Reads go on without one.
    assert server.sent("authorization") == ["Bearer t1", "Bearer t1", "Bearer t2", None]


def test_a_read_that_needs_a_token_gets_a_fresh_one_where_the_last_has_run_out(printing):
    with (
        scripted(Reply(), DENIED, DENIED, Reply(body=[7])) as server,
        Service(server.url, credentials=Credentials(command=printing)) as service,
    ):
        service.write("POST", "gt")
        assert service.get("gt") == [7]
    assert server.sent("authorization") == ["Bearer t1", None, "Bearer t1", "Bearer t2"]


def test_a_token_that_never_holds_is_not_renewed_for_ever(printing):
    with (
        scripted(DENIED) as server,
        Service(server.url, credentials=Credentials(command=printing)) as service,
        pytest.raises(Unauthenticated, match=r"^Who\?$"),
    ):
        service.get("gt")
    assert len(server.requests) == 3


def test_a_token_file_that_was_renewed_is_read_again(tmp_path):
    file = tmp_path / "token"
    file.write_text("old\n")
    with (
        scripted(Reply()) as server,
        Service(server.url, credentials=Credentials(file=str(file))) as service,
    ):
        service.write("POST", "gt")
        file.write_text("new\n")
        service.write("POST", "gt")
    assert server.sent("authorization") == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("insecure", [False, True])
def test_no_token_goes_over_plain_http_to_another_machine(insecure):
    with scripted(DENIED, host=ELSEWHERE) as server:
        credentials = Credentials("abc")
        with (
            Service(server.url, credentials=credentials, insecure_token=insecure) as service,
            pytest.raises(Unauthenticated) as refusal,
        ):
            service.write("POST", "gt")
    assert server.sent("authorization") == ["Bearer abc" if insecure else None]
    assert ("use https, or allow it" in str(refusal.value)) is not insecure


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_no_token_goes_through_a_proxy_on_another_machine(by, monkeypatch):
    with scripted(Reply(), host=ELSEWHERE) as proxy:
        address = proxy.url.removesuffix("/api")
        if by == "environment":
            monkeypatch.setenv("http_proxy", address)
        given = address if by == "argument" else None
        with Service(
            "http://localhost:9/api", proxy=given, credentials=Credentials("abc")
        ) as service:
            service.write("POST", "gt")
    assert [request.path for request in proxy.requests] == ["http://localhost:9/api/gt"]
    assert proxy.sent("authorization") == [None]


def test_a_token_goes_to_no_other_host_by_a_redirect():
    with scripted(Reply(), host=ELSEWHERE) as target:
        there = Reply(302, headers={"Location": f"{target.url}/gt"})
        with (
            scripted(DENIED, there) as server,
            Service(server.url, credentials=Credentials("abc")) as service,
        ):
            service.get("gt")
    assert server.sent("authorization") == [None, "Bearer abc"]
    assert target.sent("authorization") == [None]


def test_a_password_of_the_url_is_used_and_one_of_netrc_is_not(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HERE}\nlogin somebody\npassword else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted(Reply()) as server:
        for url in (server.url, server.url.replace("//", "//me:pw@")):
            with Service(url) as service:
                service.get("gt")
    assert server.sent("authorization") == [None, "Basic bWU6cHc="]


# --- ways to the service --------------------------------------------------------------


def test_a_proxy_that_is_named_wins_over_the_environment(monkeypatch, refusing_url):
    monkeypatch.setenv("http_proxy", refusing_url)
    monkeypatch.setenv("no_proxy", "conditions.invalid")
    with (
        scripted(Reply(body=[7])) as proxy,
        Service("http://conditions.invalid/api", proxy=proxy.url, patience=0) as service,
    ):
        assert service.get("gt") == [7]
    assert [request.path for request in proxy.requests] == ["http://conditions.invalid/api/gt"]


def test_reads_follow_a_redirect_and_writes_do_not():
    with scripted(Reply(body=[7])) as target:
        there = Reply(301, headers={"Location": f"{target.url}/gt"})
        with scripted(there) as server, Service(server.url) as service:
            assert service.get("gt") == [7]
            with pytest.raises(NotJson, match=f"leads elsewhere .{target.url}/gt., and a POST"):
                service.write("POST", "gt", {})
    assert [request.method for request in target.requests] == ["GET"]


def test_a_circle_of_redirects_is_left_at_once():
    with (
        scripted(Reply(302, headers={"Location": "/api/gt"})) as server,
        Service(server.url) as service,
        pytest.raises(Unreachable, match="redirects"),
    ):
        service.get("gt")


# --- after a write --------------------------------------------------------------------


def test_reads_after_a_write_ask_for_an_answer_that_knows_it():
    changes = [Reply(headers={"CDB-Change": str(change)}) for change in (7, 5)]
    with scripted(Reply(), *changes, Reply()) as server, Service(server.url) as service:
        service.get("gt")
        assert service.write("POST", "gt").change == 7
        service.write("POST", "gt")
        service.get("gt")
    assert server.sent("cdb-min-change") == [None, None, None, "7"]
    assert server.sent("cache-control") == [None, None, None, "no-cache"]


def test_what_still_holds_is_not_sent_again():
    with scripted(Reply(304, b"", {"ETag": '"x"'})) as server, Service(server.url) as service:
        answer = service.ask("GET", "gt", etag='"x"')
    assert (answer.status, answer.body, answer.etag) == (304, None, '"x"')
    assert server.sent("if-none-match") == ['"x"']


# --- what is said ---------------------------------------------------------------------


def test_a_reason_is_one_line_of_utf8_and_a_dry_run_stands_in_the_url():
    with (
        scripted(Reply(headers={"CDB-Dry-Run": "true"})) as server,
        Service(server.url) as service,
    ):
        answer = service.write(
            "POST",
            path_of("gt", "a/b ü"),
            reason="größer\n als ∞",
            dry_run=True,
            if_match='"3"',
        )
    [request] = server.requests
    assert (answer.dry_run, request.path) == (True, "/api/gt/a%2Fb%20%C3%BC?dry_run=1")
    assert request.headers["cdb-comment"].encode("latin-1").decode() == "größer  als ∞"
    assert request.headers["if-match"] == '"3"'


@pytest.mark.parametrize(
    "said",
    [{"key": "a\r\nX: y"}, {"key": "\udcff"}, {"if_match": "\x00"}, {"reason": "a\x00"}],
)
def test_what_cannot_stand_in_a_header_is_refused_at_once(said, refusing_url):
    with Service(refusing_url) as service, pytest.raises(ConfigError, match="cannot be sent"):
        service.write("POST", "gt", **said)


@pytest.mark.parametrize("body", [float("nan"), {1, 2}, "\udcff"])
def test_what_is_no_json_is_refused_at_once(body, refusing_url):
    with Service(refusing_url) as service, pytest.raises(ConfigError, match="sent as JSON"):
        service.write("POST", "gt", [body])


def test_a_name_that_no_url_can_hold_is_refused_at_once(refusing_url):
    with pytest.raises(ConfigError, match="in a URL"):
        path_of("gt", "\udcff")
    with Service(refusing_url) as service, pytest.raises(ConfigError, match="in a URL"):
        service.get("gt", {"gtName": "\udcff"})


# --- long answers ---------------------------------------------------------------------


def test_lines_end_with_their_number():
    content = b'{"id": 9223372036854775807}\n{"id": 2}\n{"count": 2, "change": 7}\n'
    with scripted(Reply(200, content, LINES)) as server, Service(server.url) as service:
        assert list(service.lines("iovs")) == [{"id": 2**63 - 1}, {"id": 2}]
    assert server.sent("accept") == ["application/x-ndjson"]


@pytest.mark.parametrize(
    "content", [b"", b'{"id": 1}\n', b'{"id": 1}\n{"i', b'{"id": 1}\n{"count": 2, "change": 7}\n']
)
@pytest.mark.parametrize("breaks_off", ["", "within"])
def test_lines_that_are_cut_off_are_noticed(content, breaks_off):
    reply = Reply(200, content, LINES, breaks_off)
    with (
        scripted(reply) as server,
        Service(server.url) as service,
        pytest.raises(Unreachable, match=r"cut off|broke off"),
    ):
        list(service.lines("iovs"))


@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/html"])
def test_lines_of_something_else_are_no_answer(kind):
    with (
        scripted(Reply(200, b"[1]", {"Content-Type": kind})) as server,
        Service(server.url) as service,
        pytest.raises(NotJson),
    ):
        list(service.lines("iovs"))


def test_a_file_comes_as_it_is_and_whole():
    with (
        scripted(Reply(200, b"\x00" * 10**6)) as server,
        Service(server.url) as service,
        service.download("payloads/c") as pieces,
    ):
        assert b"".join(pieces) == b"\x00" * 10**6
    assert server.sent("accept-encoding") == ["identity"]


@pytest.mark.parametrize("breaks_off", ["among", "within"])
def test_a_file_that_is_cut_off_is_noticed(breaks_off):
    with (
        scripted(Reply(200, b"abc", breaks_off=breaks_off)) as server,
        Service(server.url, patience=0) as service,
        pytest.raises(Unreachable, match="broke off"),
        service.download("payloads/c") as pieces,
    ):
        list(pieces)


# --- threads and processes ------------------------------------------------------------


def test_threads_share_a_service():
    replies = [Reply(body=[n], headers={"CDB-Change": str(n)}) for n in range(64)]
    with scripted(*replies) as server, Service(server.url) as service:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: service.write("POST", "gt"), range(64)))
        service.get("gt")
    assert sorted(answer.change for answer in made) == list(range(64))
    assert server.sent("cdb-min-change")[-1] == "63"


FORKING = """
import os, sys
from cdb_client.http import Service
with Service(sys.argv[1]) as service:
    service.get("before")
    if child := os.fork():
        os.waitpid(child, 0)
        service.get("parent")
    else:
        service.get("child")
        os._exit(0)
"""


def test_the_child_of_a_fork_has_connections_of_its_own():
    with scripted(Reply()) as server:
        subprocess.run([sys.executable, "-c", FORKING, server.url], check=True, timeout=120)
    by = {request.path.rpartition("/")[2]: request.connection for request in server.requests}
    assert by["before"] == by["parent"] != by["child"]
