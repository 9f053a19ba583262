"""Inis with anything in them: a service does not start, and says which setting it is; or it works.

Each setting, and each option of the plugins that are enabled, gets values of all kinds that are
none of its own; keys are doubled, misspelt and moved, and lines are damaged. What is taken has to
answer requests, and what is refused says so in a line that names the key and shows no secret.
"""

from pathlib import Path
from random import Random
from typing import NamedTuple

import click
import pytest
from support import Client
from torture.campaign import Campaign
from torture.mutation import mutated

from cdb.commands.serve import Asked, app_of, options_of
from cdb.settings import Settings, key_of

SECRET = "geheim"  # noqa: S105 - what nobody may be told

INI = {
    "use": "egg:hep-cdb",
    "cdb.database.url": "sqlite:///cdb.sqlite",
    "cdb.payload_store": "store",
    "cdb.authenticators": "jwt trusted-proxy anonymous",
    "cdb.plugin.jwt.secret": "env:CDB_JWT_SECRET",
    "cdb.plugin.trusted-proxy.addresses": "192.0.2.1 somebody",
    "cdb.authorization_policies": "roles scopes",
    "cdb.plugin.roles.grants": "expert: iov.* on Prod*",
    "cdb.payload_validators": "any checksum json-schema name-pattern text-table",
    "cdb.event_listeners": "log",
}
SERVER = {"use": "egg:waitress#main", "listen": "127.0.0.1:0", "threads": "4", "grace": "5"}

OPTIONS = (
    *("jwt.secret", "jwt.algorithm", "jwt.public_key", "jwt.audience", "jwt.leeway", "jwt.x"),
    *("trusted-proxy.proxies", "trusted-proxy.header", "trusted-proxy.secret", "scopes.prefix"),
    *("trusted-proxy.addresses", "roles.grants", "roles.members", "roles.claim", "nobody.x"),
    *("checksum.algorithm", "name-pattern.pattern", "text-table.columns", "json-schema.schema"),
)
KEYS = (
    *map(key_of, Settings.model_fields),
    *(f"cdb.plugin.{option}" for option in OPTIONS),
    *("cdb.databse.url", "cdb.", "cdb.plugin.jwt", "cdb.plugin..", "cdb.IOV_MODE"),
)
# No folder that root may write to: nothing is made outside of that of the test.
VALUES = (
    *("", " ", "x", "-1", "0", "1", "1.5", "-0.0", "nan", "inf", "1e400", "9" * 30, "9" * 5000),
    *(str(2**31), str(2**63), "٣", "1_0", "0x1", "true", "yes", "null", "{}", "[]", '{"a":'),
    *("P1D", "PT0S", "-P1D", "P999999999D", "PT1e9S", "P1Y", "PT0.0000001S", "1 day", "24:00:00"),
    *("\0", "\x1b[31m", "\u202e", "\ufeff", "é", "\\", "%", "%(here)s", "%(x)s", "%%", "$x"),
    *("a b c", "a\n b", "x" * 5000, "x " * 3000, "*", "[", "(", "(?P<x", "x" * 300, "jwt jwt"),
    *(
        "/proc",
        "folder/..",
        "/dev/null",
        "/dev/null/x",
        ".",
        "file:/dev/null",
        "file:/no",
        "file:.",
    ),
    *("s3://", "memory://x", "x://y", "://", "http://[x", "sqlite://", "sqlite:////dev/null/x"),
    *("sqlite:///folder", "sqlite:///x?mode=ro", "sqlite:///x?uri=x", "env:X"),
)
PG = "postgresql+psycopg2://"
SECRETS = {
    **dict.fromkeys(
        ("cdb.database.url", "cdb.database.replicas"),
        (
            *(f"{PG}u:geheim@127.0.0.1:1/x", f"{PG}u:geheim@h:x/y", f"{PG}u:%geheim@h/y", f"{PG}"),
            *(f"{PG}u:x%(geheim)s@h/x", f"{PG}u:/geheim@127.0.0.1/x", f"{PG}/x?port=geheim"),
            *(f"{PG}u/:geheim@127.0.0.1/x", "mysql://u:geheim@h/x", "geheim", f"{PG}h:geheim@x"),
        ),
    ),
    **dict.fromkeys(
        ("cdb.plugin.jwt.secret", "cdb.plugin.trusted-proxy.secret"),
        ("geheim", "%geheim", "%(geheim)s", "env geheim"),
    ),
}
"""Keys of which nobody may be told the value, and values of theirs."""


class Written(NamedTuple):
    """An ini, and the key that is wrong in it, where it is just one, which has to be told."""

    text: bytes
    named: str


def _text(section: str, keys: dict[str, str]) -> str:
    return f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def _with(**changed: str) -> bytes:
    return _text("app:main", INI | {f"cdb.{key}": each for key, each in changed.items()}).encode()


FOUND = (
    Written(b"", "main"),
    Written(_with().replace(b"hep-cdb", b"hep-cdc"), "hep-cdc"),
    Written(_with() + f"[server:main]\nworkers = {'9' * 5000}\n".encode(), "workers"),
    Written(_with(**{"database.url": f"{PG}u:%geheim@h/x"}), "cdb.database.url"),
    Written(_with(**{"database.url": f"{PG}/x?port=geheim"}), "cdb.database.url"),
    Written(_with(**{"database.url": "sqlite:///x?uri=x"}), "cdb.database.url"),
    Written(_with(**{"plugin.jwt.leeway": "9" * 5000}), "cdb.plugin.jwt.leeway"),
)
"""What ended in a traceback, or told a part of a password."""


def drawn(random: Random) -> Written:
    """Return an ini with something in it that is not usual."""
    app, server = dict(INI), dict(SERVER)
    keys = [random.choice(KEYS) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    for key in keys:
        app[key] = random.choice([*VALUES, *SECRETS.get(key, ()) * 5])
    how = random.random()
    if how < 0.1:
        server[random.choice([*SERVER, "max_wait", "workers", "x"])] = random.choice(VALUES)
    text = _text("app:main", app) + _text("server:main", server)
    if how > 0.9:
        return Written(mutated(random, text.encode()), "")
    if how > 0.85:
        text = text.replace("[app:main]", f"[app:main]\n{keys[0]} = x\n{keys[0]} = y")
    # Of an option it is the name of the plugin, or the key, that stands before it.
    named = keys[0].rpartition(".")[2] if ".plugin." in keys[0] else keys[0]
    return Written(text.encode(), named if len(keys) == 1 and how > 0.1 else "")


def made(ini: Path) -> Client | str:
    """Return a client of the service of an ini, or why there is none."""
    try:
        Asked.of(options_of(ini))
        return Client(app_of(ini, None))
    except click.ClickException as refused:
        return refused.message


def test_any_ini_makes_a_service_or_a_line(
    campaign: Campaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("CDB_JWT_SECRET", "vW3Xq0bT5mZr8KyL1nHc7PdJ4fGs9AeU6oRiBtNx2Yk")
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for number in campaign.rounds(at_least=60):
        caplog.clear()
        written = FOUND[number] if number < len(FOUND) else drawn(campaign.random)
        (tmp_path / "service.ini").write_bytes(written.text)
        told = repr(written.text[:3000])
        found = made(tmp_path / "service.ini")
        if isinstance(found, Client):
            _use(found, told)
            campaign.count("taken")
        else:
            assert "\n" not in found, (found, told)
            assert SECRET not in found, (found, told)
            # Where a plugin is enabled no more, its options are what is wrong.
            assert written.named in found or "no plugin" in found, (found, told)
            campaign.count("refused")
        assert not [each for each in caplog.records if each.exc_info], (caplog.text, told)


def _use(client: Client, told: str) -> None:
    """Ask a service something, which may be without a database."""
    settings = client.app.registry.cdb.settings
    for method, path in (("GET", "globalTags"), ("GET", "user_settings/CDB_IOV_MODE")):
        answer = client.request(f"{settings.api_base}/{path}", method=method, status="*")
        assert answer.status_int in (200, 401, settings.unavailable_status), (answer.text, told)
    client.app.registry.cdb.database.dispose()
