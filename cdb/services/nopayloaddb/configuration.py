"""From the variables of a nopayloaddb, or the values of its chart, to an ini."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import URL

from cdb.errors import Invalid

Environment = Mapping[str, str]

JWT_CLASS = "CustomJWTAuthentication"
BELLE2_CLASS = "Belle2PermissionPlugin"
DUMMY_CLASS = "DummyPermissionPlugin"

READ_BY_CLIENTS = frozenset({"CDB_IOV_MODE", "CDB_PAYLOAD_BASE_URL"})
"""The variables that clients of nopayloaddb ask for, and that are settings here."""

_KNOWN = READ_BY_CLIENTS | {"CDB_AUTH_CLASS", "CDB_PERMISSION_PLUGIN_CLASS"}

_DEFAULTS = {
    "HOST": "localhost",
    "PORT": "5432",
    "DB": "dbname",
    "USER": "login",
}
"""What nopayloaddb takes where a variable of its database is not set."""

_CONNECTION = {
    "host": "HOST",
    "port": "PORT",
    "name": "DB",
    "user": "USER",
    "password": "PASSWORD",
}
"""The keys of a connection in the chart's values → the variables that they become."""

_FLAT = {
    "dbhost": "HOST",
    "dbname": "DB",
    "dbuser": "USER",
    "dbpassword": "PASSWORD",
}
"""The same in the values of the older charts, which may end in `_w`, `_r1` or `_r2`."""

_CHART = {
    "iovMode": "CDB_IOV_MODE",
    "payloadBaseUrl": "CDB_PAYLOAD_BASE_URL",
    "authClass": "CDB_AUTH_CLASS",
    "permissionPluginClass": "PERMISSION_PLUGIN_CLASS",
    "jwtSecret": "JWT_SECRET",
}
"""The keys of `cdb` in the chart's values → the variables that it sets."""

_END = """\

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:8000
threads = 16
connection_limit = 1000
trusted_proxy = 127.0.0.1
trusted_proxy_headers = x-forwarded-for x-forwarded-proto x-forwarded-host
clear_untrusted_proxy_headers = true
"""


@dataclass(slots=True)
class Converted:
    """An ini, and what whoever puts it to use has to know."""

    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def ini(self) -> str:
        """Return the text of the file; no secret is in it."""
        return "\n".join(self.lines) + "\n" + _END

    def put(self, key: str, value: str) -> None:
        """Add a setting."""
        # What stands in the old variables is text, which an ini would take for its own notation.
        written = value.replace("%", "%%")
        self.lines.append(f"{key} = {written}")

    def say(self, *comment: str) -> None:
        """Add a comment."""
        self.lines += [f"# {line}" for line in comment]

    def warn(self, text: str) -> None:
        """Add a warning."""
        self.warnings.append(text)


def converted(
    environ: Environment, problem_of: Callable[[str], str | None], warnings: Iterable[str] = ()
) -> Converted:
    """Return the ini for the variables that nopayloaddb was configured by.

    Args:
        environ: its environment; variables of others are passed over.
        problem_of: says why a secret is too weak.
        warnings: of what was seen where these came from.

    Raises:
        Invalid: a value has line ends, or CDB_IOV_MODE is no mode.

    """
    made = Converted(warnings=list(warnings))
    for name, value in environ.items():
        if _is_of_nopayloaddb(name) and any(ord(character) < 32 for character in value):
            raise Invalid(f"{name} has control characters.")
    made.say("From the configuration of a nopayloaddb: cdb config from-nopayloaddb.")
    made.lines += ["", "[app:main]", "use = egg:hep-cdb"]
    _database(made, environ)
    _clients(made, environ)
    _authentication(made, environ, problem_of)
    _authorization(made, environ)
    _others(made, environ)
    return made


def of_file(text: str) -> dict[str, str]:
    """Return the variables of a file of `NAME=value` lines, as shells and containers read them.

    Raises:
        Invalid: a line is none, or its quotes do not end.

    """
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise Invalid(f"Line {number}: {error}.") from None
        for word in words[1:] if words[:1] == ["export"] else words:
            name, sign, value = word.partition("=")
            if not sign or not name.isidentifier():
                raise Invalid(f"Line {number} is not NAME=value.")
            found[name] = value
    return found


def of_values(values: object) -> tuple[dict[str, str], list[str]]:
    """Return the variables that a chart sets for its values, and what to say of these.

    Args:
        values: the content of a `values.yaml`, of the charts of today or of the
            older ones.

    Raises:
        Invalid: that is none.

    """
    if not isinstance(values, Mapping):
        raise Invalid("The values are no mapping.")
    warnings: list[str] = []
    environ = _flat(values)
    for server, name in (("W", "writer"), ("R1", "reader1"), ("R2", "reader2")):
        connection = _at(values, "database", name)
        environ |= _variables(connection, _CONNECTION, f"POSTGRES_{{}}_{server}")
    if _at(values, "postgresql").get("enabled"):
        environ |= _bundled(values, warnings)
    environ |= _variables(_at(values, "cdb"), _CHART, "{}")
    if not any(name.startswith("POSTGRES_") for name in environ):
        raise Invalid("The values are not those of a chart of nopayloaddb: they name no database.")
    _of_chart(values, warnings)
    return environ, warnings


def _flat(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that the older charts set: `dbhost_w`, and before that `dbhost`."""
    found = {}
    for key, value in values.items():
        name, _, server = str(key).partition("_")
        if name in _FLAT and server in ("", "w", "r1", "r2"):
            found[f"POSTGRES_{_FLAT[name]}_{(server or 'w').upper()}"] = _text(value)
    return found


def _at(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return a mapping within the values, empty where there is none."""
    found: Any = values
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _variables(
    values: Mapping[str, Any], names: Mapping[str, str], pattern: str
) -> dict[str, str]:
    return {
        pattern.format(variable): _text(values[key])
        for key, variable in names.items()
        if values.get(key) not in (None, "")
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _bundled(values: Mapping[str, Any], warnings: list[str]) -> dict[str, str]:
    """Return the variables for the PostgreSQL that the chart brings, in place of the others."""
    given = values["postgresql"]
    name = _text(given.get("fullnameOverride")) or "RELEASE-postgresql"
    warnings.append(
        f"PostgreSQL comes with the chart of nopayloaddb, and goes with it: its host is {name}"
        + (", where RELEASE is the name of the release." if name.startswith("RELEASE") else ".")
        + " Use one of its own for cdb, and keep that one until the import is done."
    )
    auth = _at(values, "postgresql", "auth")
    connection = {
        "host": name,
        "port": 5432,
        "name": auth.get("database"),
        "user": auth.get("username"),
        "password": auth.get("password"),
    }
    return _variables(connection, _CONNECTION, "POSTGRES_{}_W")


def _of_chart(values: Mapping[str, Any], warnings: list[str]) -> None:
    if _at(values, "backend").get("type") == "java":
        warnings.append(
            "backend.type is java: that is another service, whose API cdb does not have."
        )
    nginx = _at(values, "nginx")
    if nginx.get("cacheControl") or nginx.get("cache"):
        warnings.append(
            "The nginx of the chart overwrites Cache-Control and keeps answers for so long "
            "whatever the service says: replace its configuration."
        )
    if _at(values, "pgbouncer").get("enabled"):
        warnings.append(
            "pgbouncer is enabled: cdb works behind one in transaction mode, and needs none, "
            "since it keeps cdb.database.pool_size connections."
        )
    if _at(values, "cdb").get("jwtSecret"):
        warnings.append("cdb.jwtSecret stands in the values in clear text: make it a Secret.")


def _is_of_nopayloaddb(name: str) -> bool:
    return name.startswith(("POSTGRES_", "CDB_")) or name in {
        "JWT_SECRET",
        "PERMISSION_PLUGIN_CLASS",
    }


def _connection(environ: Environment, server: str) -> dict[str, str]:
    """Return what is said of a connection; the first versions had one, without a suffix."""
    found: dict[str, str] = {}
    for part in (*_DEFAULTS, "PASSWORD"):
        names = [f"POSTGRES_{part}_{server}"] + ([f"POSTGRES_{part}"] if server == "W" else [])
        for name in names:
            if environ.get(name):
                found.setdefault(part, environ[name])
    return found


def _url(connection: Mapping[str, str], database: str) -> str:
    port = connection["PORT"]
    if not port.isascii() or not port.isdigit():
        raise Invalid(f"POSTGRES_PORT_W is no port: {port!r}.")
    made = URL.create(
        "postgresql+psycopg2", connection["USER"], None, connection["HOST"], int(port), database
    )
    return made.render_as_string(hide_password=False)


def _database(made: Converted, environ: Environment) -> None:
    given = _connection(environ, "W")
    for part, default in _DEFAULTS.items():
        if part not in given:
            made.warn(f"POSTGRES_{part}_W is not set: nopayloaddb took {default!r} then.")
    connection = {**_DEFAULTS, **given}
    old = _url(connection, connection["DB"])
    made.say(
        "A database of its own beside the old one, which stays as it is. Make it, then:",
        "    cdb db upgrade THIS.ini",
        f"    cdb import nopayloaddb --ini THIS.ini --from {old}",
        "A password comes with CDB_DATABASE_URL, or from PostgreSQL's own password file.",
    )
    made.put("cdb.database.url", _url(connection, f"{connection['DB']}_cdb"))
    if "PASSWORD" in given:
        made.warn(
            "POSTGRES_PASSWORD_W is not written into the ini: give the whole URL with it as "
            "CDB_DATABASE_URL, or keep it in PostgreSQL's password file."
        )
    for server in ("R1", "R2"):
        other = {**connection, **_connection(environ, server)}
        if any(other[part] != connection[part] for part in ("HOST", "PORT", "DB")):
            made.warn(
                f"POSTGRES_*_{server} names another database, on {other['HOST']}: a service of "
                "cdb has one. A second service with the URL of a standby can answer reads."
            )


def _clients(made: Converted, environ: Environment) -> None:
    mode = environ.get("CDB_IOV_MODE") or "continuous"
    if mode not in ("continuous", "discrete"):
        raise Invalid(f"CDB_IOV_MODE is continuous or discrete, not {mode!r}.")
    made.lines.append("")
    made.put("cdb.iov_mode", mode)
    if base := environ.get("CDB_PAYLOAD_BASE_URL"):
        made.put("cdb.payload_base_url", base)
    made.say("Its C++ client tries again on 504, and on nothing else.")
    made.put("cdb.unavailable_status", "504")
    made.say("It sleeps, for clients that test their own time limits.")
    made.put("cdb.timeout_endpoint", "false")
    made.say("As nopayloaddb: a payload IOV can be deleted from a locked tag.")
    made.put("cdb.locked_delete", "allow")


def _authentication(
    made: Converted, environ: Environment, problem_of: Callable[[str], str | None]
) -> None:
    asked = environ.get("CDB_AUTH_CLASS", "")
    secret = environ.get("JWT_SECRET", "")
    made.lines.append("")
    made.say("Who writes has a token that this secret signs. Reads need none, as before.")
    made.put("cdb.authenticators", "jwt")
    made.put("cdb.plugin.jwt.algorithm", "HS256")
    made.put("cdb.plugin.jwt.secret", "env:JWT_SECRET")
    if not asked:
        made.warn(
            "CDB_AUTH_CLASS was empty: everybody who reached nopayloaddb could write, without "
            "any credentials. This ini asks for a token. To stay open behind a gateway that "
            "decides: cdb.authenticators = anonymous, cdb.authorization_policies = allow-all, "
            "cdb.allow_open_writes = true."
        )
    elif not asked.endswith(JWT_CLASS):
        made.warn(
            f"CDB_AUTH_CLASS was {asked}, which has no counterpart here: choose among the "
            "authenticators that `cdb plugins` lists, or write one."
        )
    else:
        made.warn(
            "Tokens name who it is by the claim `sub` here, which nopayloaddb did not ask for: "
            "those without it are refused (cdb.plugin.jwt.subject_claim names another)."
        )
    problem = problem_of(secret) if secret else "is not set, so a known one was used"
    if problem:
        made.warn(f"JWT_SECRET {problem}: the service does not start without a good one.")


def _authorization(made: Converted, environ: Environment) -> None:
    chosen = environ.get("CDB_PERMISSION_PLUGIN_CLASS", "")
    if other := environ.get("PERMISSION_PLUGIN_CLASS"):
        made.warn(
            f"PERMISSION_PLUGIN_CLASS ({other}) is what the chart sets and nopayloaddb does not "
            "read: its name there is CDB_PERMISSION_PLUGIN_CLASS. "
            + ("So it had no effect." if chosen else "So everything was permitted all the same.")
        )
        chosen = chosen or other
    made.lines.append("")
    if chosen.endswith(BELLE2_CLASS):
        made.say("What the claims b2cdb:… say, from the package cdb-belle2.")
        made.put("cdb.authorization_policies", "belle2-claims")
        made.warn("This ini needs the package cdb-belle2; deploy/ini/belle2.ini has more of it.")
        return
    if chosen and not chosen.endswith(DUMMY_CLASS):
        made.warn(
            f"The permission plugin was {chosen}, which has no counterpart here: choose among "
            "the policies that `cdb plugins` lists, or write one."
        )
    else:
        made.warn(
            "The permission plugin permitted everything to everybody with a token, and some "
            "writes asked for none. Here nobody may write who has no role: "
            "name them in cdb.plugin.roles.members, or in the claim `roles` of their tokens."
        )
    made.say("Who may do what: by the claim `roles`, by the lines below, or by API tokens.")
    made.put("cdb.authorization_policies", "roles scopes")
    made.lines += ["cdb.plugin.roles.grants =", "    admin: admin", "    writer: write"]
    made.say("cdb.plugin.roles.members =", "    alice: admin")


def _others(made: Converted, environ: Environment) -> None:
    extra = sorted(name for name in environ if name.startswith("CDB_") and name not in _KNOWN)
    if extra:
        made.warn(
            f"nopayloaddb showed {', '.join(extra)} to everybody at `settings/<name>/`, as every "
            "variable that begins with CDB_. Here only CDB_IOV_MODE and CDB_PAYLOAD_BASE_URL "
            "are shown."
        )
