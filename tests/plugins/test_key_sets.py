"""The keys of an issuer: which of a set are used, and when they are loaded again."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from forging import attacker, es256, issuer, rs256
from jwt.algorithms import RSAAlgorithm
from support import serving

from cdb.builtin.jwks import KeySet, Times
from cdb.plugin import CredentialsRefused, OptionsError

TIMES = Times(
    cache=timedelta(hours=1),
    cool_down=timedelta(seconds=30),
    timeout=timedelta(minutes=2),
    keep=timedelta(days=4),
)
NO_KEY = "The token is signed with a key that its issuer does not have."
NO_KEYS = "The keys of the token's issuer cannot be had at the moment."


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A key set with the issuer's key of each algorithm."""
    return written(tmp_path / "jwks.json", issuer("RS256").jwk(), issuer("ES256").jwk())


def written(path: Path, *entries: Any) -> Path:
    path.write_text(json.dumps({"keys": entries}))
    return path


def keys_at(path: Path, clock: Clock | None = None) -> KeySet:
    return KeySet(str(path), ("RS256", "ES256"), TIMES, clock or Clock())


def why(keys: KeySet, kid: str | None, algorithm: str = "RS256") -> str:
    """Return why there is no key."""
    with pytest.raises(CredentialsRefused) as refused:
        keys.find(kid, algorithm)
    return str(refused.value)


def numbers(key: Any) -> Any:
    return key.public_numbers()


def public(algorithm: str) -> Any:
    return numbers(issuer(algorithm).private.public_key())


# --- which key ----------------------------------------------------------------------


def test_key_is_found_by_its_name_and_algorithm(path: Path) -> None:
    keys = keys_at(path)
    assert numbers(keys.find("key-1", "RS256")) == public("RS256")
    assert numbers(keys.find("key-1", "ES256")) == public("ES256")
    assert why(keys, "key-2") == NO_KEY


def test_token_without_a_name_takes_the_only_key(path: Path) -> None:
    assert numbers(keys_at(path).find(None, "RS256")) == public("RS256")


def test_token_without_a_name_does_not_choose(path: Path) -> None:
    written(path, issuer("RS256").jwk(kid=None), attacker("RS256").jwk(kid="key-2"))
    assert why(keys_at(path), None) == "The token does not say which key of its issuer it is of."


def test_key_without_a_name_is_for_tokens_without_one(path: Path) -> None:
    keys = keys_at(written(path, issuer("RS256").jwk(kid=None)))
    assert numbers(keys.find(None, "RS256")) == public("RS256")
    assert why(keys, "key-1") == NO_KEY


def test_key_without_an_algorithm_is_for_those_of_its_kind(path: Path) -> None:
    keys = keys_at(written(path, issuer("RS256").jwk(alg=None)))
    assert numbers(keys.find("key-1", "RS256")) == public("RS256")
    assert why(keys, "key-1", "ES256") == NO_KEY


@pytest.mark.parametrize(
    "entry",
    [
        issuer("RS256").jwk(use="enc"),
        issuer("RS256").jwk(key_ops=["encrypt"]),
        issuer("RS256").jwk(key_ops="verify"),
        issuer("RS256").jwk(alg="RSA-OAEP"),
        issuer("RS256").jwk(alg="HS256"),
        issuer("RS256").jwk(alg=["RS256"]),
        issuer("RS256").jwk(kty="oct", k="c2VjcmV0"),
        issuer("RS256").jwk(kty="EC"),
        issuer("RS256").jwk(kty=None),
        issuer("RS256").jwk(kid=7),
        issuer("RS256").jwk(n=7),
        issuer("RS256").jwk(n=None),
        RSAAlgorithm.to_jwk(issuer("RS256").private, as_dict=True) | {"kid": "key-1"},
        rs256(1024).jwk(),
        es256(ec.SECP384R1()).jwk(alg="ES256"),
        "key-1",
        None,
    ],
)
def test_entry_that_is_no_key_for_signatures_is_passed_over(path: Path, entry: Any) -> None:
    with pytest.raises(OptionsError, match="no public key there is for RS256 or ES256"):
        keys_at(written(path, entry))
    keys = keys_at(written(path, entry, issuer("RS256").jwk()))
    assert numbers(keys.find("key-1", "RS256")) == public("RS256")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"keys": {}}', b"\xff", b"[" * 100_000],
)
def test_file_without_a_key_set_stops_the_boot(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(OptionsError, match=r"^jwks cannot be used: "):
        keys_at(path)


def test_file_that_is_too_large_stops_the_boot(path: Path) -> None:
    path.write_bytes(b" " * 2**20 + path.read_bytes())
    with pytest.raises(OptionsError, match="there are more than 1048576 bytes"):
        keys_at(path)


# --- when they are loaded -------------------------------------------------------------


def test_keys_are_loaded_again_after_a_while(path: Path) -> None:
    clock = Clock()
    keys = keys_at(path, clock)
    written(path, attacker("RS256").jwk())
    clock.now += 3599
    assert numbers(keys.find("key-1", "RS256")) == public("RS256")
    clock.now += 2
    assert numbers(keys.find("key-1", "RS256")) != public("RS256")


def test_unknown_name_loads_the_keys_once_in_a_cool_down(path: Path) -> None:
    clock = Clock()
    keys = keys_at(path, clock)
    written(path, issuer("RS256").jwk(kid="key-2"))
    clock.now += 29
    assert why(keys, "key-2") == NO_KEY
    clock.now += 2
    assert numbers(keys.find("key-2", "RS256")) == public("RS256")
    written(path, issuer("RS256").jwk(kid="key-3"))
    clock.now += 29
    assert why(keys, "key-3") == NO_KEY


def test_it_is_told_for_how_long_the_last_good_keys_serve(path: Path) -> None:
    clock = Clock()
    keys = keys_at(path, clock)
    assert keys.problem() is None
    clock.now += 3601
    assert keys.problem() is None  # they were loaded again
    path.rename(path.with_name("gone"))
    clock.now += 3601
    told = f"the keys of the issuer cannot be loaded, and serve for {4 * 86400 - 3601} s still"
    assert keys.problem() == told
    clock.now += 4 * 86400
    refused = "the keys of the issuer cannot be loaded: its tokens are refused"
    assert keys.problem() == refused
    path.with_name("gone").rename(path)
    clock.now += 31
    assert keys.problem() is None


def test_last_good_keys_serve_for_four_days(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    keys = keys_at(path, clock)
    path.unlink()
    clock.now += 4 * 86400 - 1
    assert numbers(keys.find("key-1", "RS256")) == public("RS256")
    assert "cannot be loaded" in caplog.text
    clock.now += 2
    assert why(keys, "key-1") == NO_KEYS


def test_attempt_that_fails_is_not_repeated_within_the_cool_down(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keys = keys_at(path, clock)
    path.unlink()
    clock.now += 3601
    for _ in range(10):
        keys.find("key-1", "RS256")
    assert caplog.text.count("cannot be loaded") == 1


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/jwks"


def test_issuer_that_never_answers_is_given_up(
    silent_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    short = Times(TIMES.cache, TIMES.cool_down, timedelta(milliseconds=100), TIMES.keep)
    assert why(KeySet(silent_url, ("RS256",), short), "key-1") == NO_KEYS
    assert "it takes longer than 0.1 seconds" in caplog.text


class Endless:
    """An issuer whose answer never ends."""

    def __init__(self, chunk: bytes, pace: float = 0) -> None:
        self.chunk = chunk
        self.pace = pace

    def __call__(self, _environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        never = Event()
        while not never.wait(self.pace):
            yield self.chunk


@pytest.mark.parametrize(
    ("answer", "timeout", "problem"),
    [
        (Endless(b" " * 2**16), TIMES.timeout, "there are more than 1048576 bytes"),
        (Endless(b" ", 0.01), timedelta(seconds=0.2), "it takes longer than 0.2 seconds"),
    ],
    ids=["too-much", "too-slow"],
)
def test_answer_that_never_ends_is_given_up(
    answer: Endless, timeout: timedelta, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    times = Times(TIMES.cache, TIMES.cool_down, timeout, TIMES.keep)
    with serving(answer, threads=1) as url:
        assert why(KeySet(f"{url}/jwks", ("RS256",), times), "key-1") == NO_KEYS
    assert problem in caplog.text


HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS = {
    "status": (b"HTTP/1.", b"1"),
    "header": (HEAD + b"X: ", b"y"),
    "length of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "end of the chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"y"),
    "refusal": (b"HTTP/1.1 500 No\r\nX: ", b"y"),
}


@contextmanager
def dripping(first: bytes, drip: bytes) -> Iterator[str]:
    """Serve the beginning of an answer, and then a byte now and then while it is read."""

    def answer() -> None:
        connected, _ = server.accept()
        with connected, suppress(OSError):
            connected.recv(2**16)
            connected.sendall(first)
            while not ended.wait(0.02):
                connected.sendall(drip)

    ended = Event()
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        done = pool.submit(answer)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/jwks"
        ended.set()
        done.result(timeout=120)


@pytest.mark.parametrize("part", DRIPS)
def test_answer_that_drips_is_given_up(part: str, caplog: pytest.LogCaptureFixture) -> None:
    times = Times(TIMES.cache, TIMES.cool_down, timedelta(seconds=0.3), TIMES.keep)
    with dripping(*DRIPS[part]) as url:
        assert why(KeySet(url, ("RS256",), times), "key-1") == NO_KEYS
    assert "it takes longer than 0.3 seconds" in caplog.text


def test_many_threads_load_the_keys_once(
    silent_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    short = Times(TIMES.cache, TIMES.cool_down, timedelta(milliseconds=100), TIMES.keep)
    keys = KeySet(silent_url, ("RS256",), short)
    together = Barrier(8)

    def ask(_: int) -> str:
        together.wait(timeout=120)
        return why(keys, "key-1")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {NO_KEYS}
    assert caplog.text.count("cannot be loaded") == 1
