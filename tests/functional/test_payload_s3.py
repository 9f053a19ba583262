"""The payload store in S3: what goes for a directory goes for a bucket, over its protocol."""

import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer
from support import API, Client, serving

from cdb.errors import NotFound
from cdb.store.payload_files import PayloadFiles, open_files

CONTENT = b"beam spot of run 7\n"
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEY = f"store/Beam/{MD5[:2]}/{MD5[2:4]}/{MD5}_run7.txt"
LARGE = bytes(range(256)) * (60 * 2**20 // 256) + b"the end"
"""Larger than what goes to S3 in one piece."""


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """The URL of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, with the credentials for it in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3 = boto3.resource("s3", endpoint_url=s3_url)
    bucket = s3.create_bucket(Bucket="payloads")
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()
    s3.meta.client.close()


@pytest.fixture
def client(make_client: Callable[..., Client], bucket: Any, s3_url: str) -> Client:
    """A client of a service whose payloads are in the bucket."""
    client = make_client(
        payload_store="s3://payloads/store",
        payload_store_options=f'{{"endpoint_url": "{s3_url}"}}',
    )
    client.ok("POST", "pt", {"name": "Beam"})
    return client


@pytest.fixture
def files(bucket: Any, s3_url: str) -> PayloadFiles:
    """The files of the bucket, without a service."""
    return open_files("s3://payloads/store", {"endpoint_url": s3_url})


def keys(bucket: Any) -> list[str]:
    return sorted(each.key for each in bucket.objects.all())


def put(client: Client, content: bytes = CONTENT, name: str = "run7.txt") -> Any:
    return client.put(
        f"{API}/payloads/Beam/{name}",
        content,
        content_type="application/octet-stream",
        expect_errors=True,
    )


def test_a_file_lies_where_clients_look_below_their_read_directories(
    client: Client, bucket: Any
) -> None:
    stored = put(client).json
    assert (stored["payload_url"], stored["stored"]) == (KEY.removeprefix("store/"), True)
    assert keys(bucket) == [KEY]
    assert bucket.Object(KEY).get()["Body"].read() == CONTENT


def test_a_file_that_is_sent_again_is_kept_once(client: Client, bucket: Any) -> None:
    assert [put(client).json["stored"] for _ in range(2)] == [True, False]
    assert keys(bucket) == [KEY]


def test_a_large_file_is_stored_and_served_whole(client: Client, bucket: Any) -> None:
    with serving(client.app) as root:
        sent = requests.put(f"{root}{API}/payloads/Beam/large.bin", LARGE, timeout=120).json()
        got = requests.get(f"{root}{API}/payloads/{sent['sha256']}", timeout=120)
    assert keys(bucket) == [f"store/{sent['payload_url']}"]
    assert (got.headers["ETag"], got.content == LARGE) == (f'"{sent["sha256"]}"', True)


@pytest.mark.parametrize(
    ("wanted", "body"), [("0-3", CONTENT[:4]), ("5-", CONTENT[5:]), ("-4", CONTENT[-4:])]
)
def test_a_range_of_a_file_is_served(client: Client, wanted: str, body: bytes) -> None:
    put(client)
    answer = client.get(f"{API}/payloads/{MD5}", headers={"Range": f"bytes={wanted}"})
    assert (answer.status_int, answer.body) == (206, body)


def test_a_file_that_the_client_has_is_not_sent_again(client: Client) -> None:
    put(client)
    answer = client.get(f"{API}/payloads/{MD5}", headers={"If-None-Match": f'"{SHA256}"'})
    assert answer.status_int == 304


def test_head_tells_whether_a_file_is_there(client: Client) -> None:
    put(client)
    there = client.api("HEAD", f"payloads/{SHA256}")
    other = client.api("HEAD", f"payloads/{'0' * 64}")
    assert (there.status_int, there.headers["Content-Length"], other.status_int) == (
        200,
        "19",
        404,
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_that_was_lost_is_not_found(client: Client, bucket: Any, method: str) -> None:
    put(client)
    bucket.Object(KEY).delete()
    assert client.api(method, f"payloads/{MD5}").status_int == 404


def test_a_file_that_was_lost_is_put_back_when_it_is_sent_again(
    client: Client, bucket: Any
) -> None:
    put(client)
    bucket.Object(KEY).delete()
    assert put(client).json["stored"] is False
    assert keys(bucket) == [KEY]


def test_a_text_is_shown(client: Client) -> None:
    put(client)
    assert client.ok("GET", f"payloads/{MD5}/preview")["content"] == CONTENT.decode()


def test_a_bucket_that_is_gone_is_unavailable_and_nothing_is_noted(
    client: Client, bucket: Any
) -> None:
    bucket.delete()
    answer = put(client)
    bucket.create()
    assert (answer.status_int, answer.json["code"]) == (503, "unavailable")
    assert client.ok("POST", "payloads/check", [MD5])["missing"] == [MD5]


def test_a_server_that_does_not_answer_is_unavailable(
    make_client: Callable[..., Client], bucket: Any
) -> None:
    # Nothing listens on the discard port.
    options = (
        '{"endpoint_url": "http://127.0.0.1:9", "config_kwargs": {"retries": {"max_attempts": 0}}}'
    )
    client = make_client(payload_store="s3://payloads/store", payload_store_options=options)
    client.ok("POST", "pt", {"name": "Beam"})
    answer = put(client)
    assert (answer.status_int, answer.json["code"]) == (503, "unavailable")
    assert keys(bucket) == []


def test_what_was_brought_and_not_kept_is_gone(files: PayloadFiles, bucket: Any) -> None:
    with files.receive(io.BytesIO(CONTENT), len(CONTENT), 100) as received:
        with files.bring(received):
            brought = keys(bucket)
        assert [key.rpartition("/")[0] for key in brought] == ["store/.incoming"]
    assert keys(bucket) == []


def test_what_was_kept_can_be_removed(files: PayloadFiles, bucket: Any) -> None:
    with (
        files.receive(io.BytesIO(CONTENT), len(CONTENT), 100) as received,
        files.bring(received) as place,
    ):
        files.keep(place, "Beam/a [1]*.txt")
    assert keys(bucket) == ["store/Beam/a [1]*.txt"]
    assert files.size("Beam/a [1]*.txt") == len(CONTENT)
    files.remove("Beam/a [1]*.txt")
    files.remove("Beam/a [1]*.txt")
    assert (keys(bucket), files.size("Beam/a [1]*.txt")) == ([], None)


def test_what_is_not_there_cannot_be_opened(files: PayloadFiles) -> None:
    with pytest.raises(NotFound):
        files.open("Beam/x")


def test_what_others_wrote_since_is_seen(files: PayloadFiles, bucket: Any) -> None:
    assert files.size("Beam/x") is None
    bucket.put_object(Key="store/Beam/x", Body=CONTENT)
    assert files.size("Beam/x") == len(CONTENT)
