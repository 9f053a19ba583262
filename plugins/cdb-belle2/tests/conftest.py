"""The service that deploy/ini/belle2.ini describes, and the issuer of its tokens."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cdb.testing import Client, service

INI = Path(__file__).parents[3] / "deploy" / "ini" / "belle2.ini"


@pytest.fixture(scope="session")
def issuer() -> RSAPrivateKey:
    """The key that signs tokens."""
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def start(
    issuer: RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Client]]:
    """Start a service with what a deployment supplies: `start(folder, {setting: value})`."""
    key = tmp_path_factory.mktemp("issuer") / "issuer.pem"
    key.write_bytes(
        issuer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )

    @contextmanager
    def started(folder: Path, changed: dict[str, Any] | None = None) -> Iterator[Client]:
        supplied = {
            "cdb.plugin.jwt.public_key": str(key),
            "cdb.payload_store": str(folder / "payloads"),
        }
        with service(INI, folder, {**supplied, **(changed or {})}) as client:
            yield client

    return started


@pytest.fixture(scope="session")
def sign_in(issuer: RSAPrivateKey) -> Callable[..., dict[str, str]]:
    """Sign in: `sign_in("jane", admin=["data_.*"])` returns the header that a client sends."""

    def sign(subject: str = "jane", **claims: Sequence[str]) -> dict[str, str]:
        named: dict[str, Any] = {f"b2cdb:{claim}": value for claim, value in claims.items()}
        expires = int(time.time()) + 3600
        token = jwt.encode({"sub": subject, "exp": expires, **named}, issuer, "RS256")
        return {"Authorization": f"Bearer {token}"}

    return sign
