"""Services that ask who writes: their settings, their tokens, and what is in them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from forging import AUDIENCE, ISSUER, SECRET, issuer, signed
from sqlalchemy import Engine, NullPool, create_engine
from support import Client, contents

from cdb.app import make_app
from cdb.settings import load

KEY = "SIGNING_KEY"
"""The variable of the environment that has the secret; `key_is_set` sets it."""

JWT = {
    "authenticators": "jwt",
    "plugin.jwt.secret": f"env:{KEY}",
    "plugin.jwt.audience": AUDIENCE,
    "plugin.jwt.issuer": ISSUER,
}
ROLES = {
    "authorization_policies": "roles",
    "plugin.roles.grants": "admin: admin\nnobody: read",
}

Headers = Mapping[str, str]


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def as_role(role: str, **claims: Any) -> Headers:
    """Return the credentials of somebody with a role."""
    return bearer(signed(issuer("HS256"), roles=[role], **claims))


@contextmanager
def service(url: str, **settings: str) -> Iterator[Client]:
    """Give a client of a service that has to be told whether everybody may write."""
    ini = {f"cdb.{name}": value for name, value in settings.items()}
    app = make_app(load({**ini, "cdb.database.url": url}, {}))
    try:
        yield Client(app)
    finally:
        app.registry.cdb.database.dispose()


def key_is_set(monkeypatch: Any) -> None:
    monkeypatch.setenv(KEY, SECRET)


def populate(client: Client) -> None:
    """Make lists in two tags and one in none, and a payload IOV that waits: its id is 1."""
    for name in ("Beam", "Field", "Unused"):
        client.ok("POST", "pt", {"name": name})
    for name in ("Dev", "Prod"):
        client.ok("POST", "gt", {"name": name})
    for payload_type in ("Beam", "Beam", "Field", "Field"):
        client.ok("POST", "pl", {"payload_type": payload_type})
    attached = {"Beam_1": "Dev", "Beam_2": "Prod", "Field_3": "Dev"}
    for payload_list, tag in attached.items():
        client.ok("PUT", "pl_attach", {"payload_list": payload_list, "global_tag": tag})
    client.ok("POST", "piov", row(7))
    client.ok("POST", "bulk_piov", [{**row(5), "payload_list": "Beam_1"}])


def row(major: int) -> dict[str, Any]:
    """Return the body of a payload IOV of one major number."""
    start = {"major_iov": major, "minor_iov": 0}
    end = {"major_iov_end": major + 1, "minor_iov_end": 0}
    return {"payload_url": f"{major}.root", "checksum": "c", **start, **end}


def dump(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return all that is in a database, by table."""
    with _engine(url).connect() as connection:
        return contents(connection)


@cache
def _engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)
