"""What a deployment decides: from the ini file and the environment, typed, checked at boot.

A setting `cdb.database.url` of the ini is `CDB_DATABASE_URL` in the environment,
which wins. A wrong value, or an ini key that no setting has, stops the boot. A
variable that no setting has only warns: container platforms put variables such
as CDB_PORT and CDB_SERVICE_HOST in for a service of that name.
"""

import json
import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from plaster import PlasterURL
from plaster_pastedeploy import Loader
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SAWarning

log = logging.getLogger(__name__)

PREFIX = "cdb."

_OTHER_VARIABLES = frozenset(
    {
        "CDB_CACHE",
        "CDB_CACHE_MB",
        "CDB_CONFIG",
        "CDB_IMPORT_FROM",
        "CDB_INI",
        "CDB_INSECURE_TOKEN",
        "CDB_PATIENCE",
        "CDB_PROFILE",
        "CDB_PROXY",
        "CDB_READ_DIRS",
        "CDB_TEST_DATABASE_URL",
        "CDB_TOKEN",
        "CDB_TOKEN_COMMAND",
        "CDB_TOKEN_FILE",
        "CDB_URL",
    }
)
"""Variables of the commands, the client and the tests, which are no settings of a service."""

_OF_NOPAYLOADDB = {
    **{
        f"POSTGRES_{part}_W": "cdb.database.url"
        for part in ("HOST", "PORT", "DB", "USER", "PASSWORD")
    },
    "CDB_AUTH_CLASS": "cdb.authenticators",
    "CDB_PERMISSION_PLUGIN_CLASS": "cdb.authorization_policies",
}
"""Variables of nopayloaddb, and what is set instead of them."""


class SettingsError(Exception):
    """Settings are wrong; the message names each key, the reason, and the line of the ini.

    Args:
        problems: pairs of a key and a reason.
        ini: the file that the keys come from, where there is one.
        sources: where a value came from that did not come from the ini.

    """

    def __init__(
        self,
        problems: Sequence[tuple[str, str]],
        ini: str | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        lines = _lines(ini) if ini else {}
        places = {**{key: f"line {number}" for key, number in lines.items()}, **(sources or {})}
        super().__init__(
            "; ".join(
                f"{key}: {reason}" + (f" ({places[key]})" if key in places else "")
                for key, reason in problems
            )
        )


def _lines(ini: str) -> dict[str, int]:
    """Return where the keys of an ini stand: key → number of the line."""
    path = Path(ini)
    if not path.is_file():
        return {}
    found: dict[str, int] = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        key, sign, _ = line.partition("=")
        if sign and not line.startswith((" ", "\t", "#", ";")):
            found.setdefault(key.strip(), number)
    return found


def loader_of(ini: str | Path) -> Loader:
    """Return what reads the sections of an ini.

    plaster would find it by reading what every installed distribution says of itself, which
    takes as long as a few hundred queries.
    """
    return Loader(PlasterURL("ini", str(ini)))


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [tuple(line.split()) for line in value.splitlines() if line.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("each line is two words")
    return tuple(pairs)


Names = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Names, which an ini file separates by white space."""

Pairs = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]
"""Pairs of words, which an ini file writes as lines."""

PluginOptions = dict[str, dict[str, str]]
"""Plugin → option → text: the keys `cdb.plugin.<plugin>.<option>` of an ini."""


class Settings(BaseModel):
    """The settings of one service."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    database_url: Annotated[
        str,
        Field(
            alias="cdb.database.url",
            description="Where the data is: `postgresql+psycopg2://user@host/name`, or "
            "`sqlite:////absolute/path` for the embedded database; or `file:/path` of a file that "
            "says so, as container platforms give secrets.",
        ),
    ]
    database_pool_size: Annotated[
        int,
        Field(
            alias="cdb.database.pool_size",
            ge=1,
            le=1000,
            description="Connections that a process keeps open, for reads and for writes each; as "
            "many again are made on demand.",
        ),
    ] = 8
    database_timeout: Annotated[
        timedelta,
        Field(
            alias="cdb.database.timeout",
            gt=timedelta(0),
            description="How long a request waits for the writer before it, or for a connection, "
            "before it is answered with `unavailable`; an ISO 8601 duration.",
        ),
    ] = timedelta(seconds=30)
    database_replicas: Annotated[
        Names,
        Field(
            alias="cdb.database.replicas",
            description="Hot standbys of the database, which share the reads: URLs as that of "
            "`cdb.database.url`, `postgresql+psycopg2://…`, each of one server; or `file:/path` "
            "of a file that names them.",
        ),
    ] = ()
    database_max_lag: Annotated[
        timedelta,
        Field(
            alias="cdb.database.max_lag",
            ge=timedelta(milliseconds=100),
            le=timedelta(hours=1),
            description="How old at most is what a replica shows; one that is further behind is "
            "not asked. An ISO 8601 duration.",
        ),
    ] = timedelta(seconds=2)
    api_base: Annotated[
        str,
        Field(
            alias="cdb.api_base",
            pattern=r"^(/[A-Za-z0-9._-]+)+$",
            description="The path that the API stands under.",
        ),
    ] = "/api/cdb_rest"
    iov_mode: Annotated[
        Literal["continuous", "discrete"],
        Field(
            alias="cdb.iov_mode",
            description="What the numeric ends of the interface mean: exclusive (`continuous`) "
            "or inclusive (`discrete`). Data written in one mode reads correctly in the other.",
        ),
    ] = "continuous"
    default_ends: Annotated[
        Literal["explicit", "next-start"],
        Field(
            alias="cdb.default_ends",
            description="What an IOV without an end means in a new payload list that does not "
            "say: open (`explicit`), or until the next start (`next-start`).",
        ),
    ] = "explicit"
    locked_delete: Annotated[
        Literal["refuse", "allow"],
        Field(
            alias="cdb.locked_delete",
            description="Whether a payload IOV can be deleted from a tag that only takes "
            "additions. nopayloaddb allows it.",
        ),
    ] = "refuse"
    staged_keep: Annotated[
        timedelta,
        Field(
            alias="cdb.staged_keep",
            gt=timedelta(0),
            description="How long a payload IOV that is never attached is kept; an ISO 8601 "
            "duration such as `P30D`.",
        ),
    ] = timedelta(days=30)
    idempotency_keep: Annotated[
        timedelta,
        Field(
            alias="cdb.idempotency_keep",
            gt=timedelta(0),
            description="How long the answer of a write is kept for a client that sends it again "
            "with the same `Idempotency-Key`; an ISO 8601 duration.",
        ),
    ] = timedelta(days=7)
    global_tag_detail: Annotated[
        Literal["full", "no-iovs"],
        Field(
            alias="cdb.global_tag_detail",
            description="Whether `globalTag/{name}` shows all payload IOVs, or only the lists; "
            "clients that ask for the status only are served faster without.",
        ),
    ] = "full"
    payload_base_url: Annotated[
        str,
        Field(
            alias="cdb.payload_base_url",
            max_length=255,
            description="What clients put in front of a payload's URL; they read it as "
            "`user_settings/CDB_PAYLOAD_BASE_URL`.",
        ),
    ] = ""
    max_body_mb: Annotated[
        int,
        Field(
            alias="cdb.max_body_mb",
            ge=1,
            le=4096,
            description="The largest body that a request may have, in MiB.",
        ),
    ] = 64
    max_streams: Annotated[
        int,
        Field(
            alias="cdb.max_streams",
            ge=1,
            description="How many long answers a process sends at a time; a further one is "
            "answered with `unavailable`. Keep it below the number of threads, so that slow "
            "readers of long answers never take them all.",
        ),
    ] = 3
    freshness_ms: Annotated[
        int,
        Field(
            alias="cdb.freshness_ms",
            ge=0,
            le=86_400_000,
            description="How old, in milliseconds, what an answer says may be. With 0 it has "
            "every write that was confirmed before the request came; with more, answers are "
            "given again for as long, by the process and by caches on the way.",
        ),
    ] = 0
    answers_mb: Annotated[
        int,
        Field(
            alias="cdb.answers_mb",
            ge=0,
            le=65536,
            description="MiB of answers that a process keeps to give them again while they hold.",
        ),
    ] = 64
    compiled: Annotated[
        str,
        Field(
            alias="cdb.compiled",
            description="A directory on a local disk where payload lists that are asked often "
            "are compiled, to be answered without the database. All processes of a machine "
            "that serve the same database share it. Empty: none are compiled.",
        ),
    ] = ""
    compiled_mb: Annotated[
        int,
        Field(
            alias="cdb.compiled_mb",
            ge=1,
            le=2**20,
            description="MiB of that directory that compiled lists may take.",
        ),
    ] = 8192
    traces: Annotated[
        str,
        Field(
            alias="cdb.traces",
            pattern=r"^(https?://\S+)?$",
            description="Where traces go: the URL of an OpenTelemetry collector that takes OTLP "
            "over HTTP, such as `http://127.0.0.1:4318/v1/traces`; it needs the extra `otel`. "
            "Empty: there are none.",
        ),
    ] = ""
    unavailable_status: Annotated[
        Literal[503, 504],
        Field(
            alias="cdb.unavailable_status",
            description="The status of an answer when the database cannot be reached or is too "
            "busy. The C++ client of nopayloaddb tries again on 504 only.",
        ),
    ] = 503
    health_timeout: Annotated[
        timedelta,
        Field(
            alias="cdb.health_timeout",
            ge=timedelta(milliseconds=100),
            le=timedelta(minutes=1),
            description="How long `/health/ready` waits for each part that it looks at, all at "
            "once; one that takes longer is told as hanging. Let who asks wait longer. An "
            "ISO 8601 duration.",
        ),
    ] = timedelta(seconds=2)
    timeout_endpoint: Annotated[
        bool,
        Field(
            alias="cdb.timeout_endpoint",
            description="Whether `timeout`, which sleeps, is served: clients test their own "
            "time limits with it.",
        ),
    ] = True
    metrics: Annotated[
        bool,
        Field(
            alias="cdb.metrics",
            description="Whether `/metrics`, which Prometheus asks, is served. It shows the names "
            "of global tags and payload types to all who may read.",
        ),
    ] = True
    metrics_tags: Annotated[
        Names,
        Field(
            alias="cdb.metrics_tags",
            description="The global tags whose newest starts and last writes `/metrics` shows, as "
            "patterns of their names: `Prod* Online`. Empty: all that can still be written to.",
        ),
    ] = ()
    read_access: Annotated[
        Literal["anonymous", "authenticated"],
        Field(
            alias="cdb.read_access",
            description="Whether reads are answered to everybody, or only to who is "
            "authenticated and has the permission `read`.",
        ),
    ] = "anonymous"
    authenticators: Annotated[
        Names,
        Field(
            alias="cdb.authenticators",
            description="The plugins that find out who sends a request. API tokens are "
            "understood besides.",
        ),
    ] = ("anonymous",)
    authorization_policies: Annotated[
        Names,
        Field(
            alias="cdb.authorization_policies",
            description="The plugins that decide who may do what; one that permits is enough.",
        ),
    ] = ("allow-all",)
    tag_policy: Annotated[
        str,
        Field(
            alias="cdb.tag_policy",
            description="The plugin that decides about the statuses of global tags.",
        ),
    ] = "standard"
    iov_dimensions: Annotated[
        Names,
        Field(
            alias="cdb.iov_dimensions",
            description="The notations of points that payload types can choose.",
        ),
    ] = ("major-minor", "run-lumi", "utc-time")
    default_dimension: Annotated[
        str,
        Field(
            alias="cdb.default_dimension",
            description="The dimension of payload types that choose none; one of "
            "`cdb.iov_dimensions`.",
        ),
    ] = "major-minor"
    payload_validators: Annotated[
        Names,
        Field(
            alias="cdb.payload_validators",
            description="The validators that payload types can choose.",
        ),
    ] = ("any", "checksum", "json-schema", "name-pattern", "text-table")
    forced_validators: Annotated[
        Pairs,
        Field(
            alias="cdb.forced_validators",
            description="Validators that payload types have whether they choose them or not, "
            "with the options of the ini: lines of a pattern of type names and a validator, as "
            "in `JEC_* text-table`.",
        ),
    ] = ()
    event_listeners: Annotated[
        Names,
        Field(
            alias="cdb.event_listeners",
            description="The plugins that are told of changes once they are committed.",
        ),
    ] = ()
    previews: Annotated[
        Names,
        Field(
            alias="cdb.previews",
            description="The plugins that show payloads; of those that can, the first is asked.",
        ),
    ] = ("json", "text")
    payload_layout: Annotated[
        str,
        Field(
            alias="cdb.payload_layout",
            description="The plugin that says where files lie in the payload store.",
        ),
    ] = "hashed"
    payload_store: Annotated[
        str,
        Field(
            alias="cdb.payload_store",
            description="Where uploaded payload files are kept: a directory, or a URL such as "
            "`s3://bucket/prefix`. Empty: nowhere, payloads are references only.",
        ),
    ] = ""
    payload_store_options: Annotated[
        dict[str, Any],
        Field(
            alias="cdb.payload_store_options",
            description="What the file system of `cdb.payload_store` is opened with, as JSON: "
            '`{"endpoint_url": "https://s3.example.org"}`. Credentials come from the '
            "environment, as the file system's own documentation says.",
        ),
    ] = {}
    payload_accel: Annotated[
        str,
        Field(
            alias="cdb.payload_accel",
            pattern=r"^(/[A-Za-z0-9._/-]*)?$",
            description="The internal location of nginx that has the directory of the payload "
            "store, such as `/protected/`: payload files are then sent by nginx "
            "(`X-Accel-Redirect`). Empty: the service sends them.",
        ),
    ] = ""
    max_payload_mb: Annotated[
        int,
        Field(
            alias="cdb.max_payload_mb",
            ge=1,
            description="The largest payload file that can be uploaded, in MiB.",
        ),
    ] = 1024
    allow_open_writes: Annotated[
        bool,
        Field(
            alias="cdb.allow_open_writes",
            description="Let everybody who reaches the service write, where an authorization "
            "policy such as `allow-all` permits it. Without it a service with such a policy "
            "starts only where it listens on this machine alone.",
        ),
    ] = False

    _plugin_options: PluginOptions = PrivateAttr(default_factory=dict)

    @property
    def freshness(self) -> float:
        """How old what an answer says may be, in seconds."""
        return self.freshness_ms / 1000

    @property
    def plugin_options(self) -> PluginOptions:
        """The options of plugins, as the ini writes them; the registry checks them."""
        return self._plugin_options

    @field_validator("database_url", "database_replicas", mode="before")
    @classmethod
    def _of_file(cls, value: object) -> object:
        if not isinstance(value, str) or not value.startswith("file:"):
            return value
        path = Path(value.removeprefix("file:"))
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ValueError(f"{path} cannot be read: {reason}") from None

    @field_validator("unavailable_status", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return (
            int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        )

    @field_validator("payload_store_options", mode="before")
    @classmethod
    def _json_object(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value or "{}")
        except json.JSONDecodeError:
            raise ValueError("a JSON object is needed") from None

    @field_validator("database_replicas")
    @classmethod
    def _standbys(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        urls = [_url(each) for each in value]
        primary = info.data.get("database_url", "")
        if any(url.drivername != "postgresql+psycopg2" for url in urls) or (
            urls and primary.startswith("sqlite")
        ):
            raise ValueError("only PostgreSQL has replicas: postgresql+psycopg2://…")
        if any(_names_several_hosts(url) for url in urls):
            raise ValueError("each URL is of one server, since it is known how far that is")
        for url in urls:
            _check_query(url)
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        url = _url(value)
        if url.drivername not in ("postgresql+psycopg2", "sqlite"):
            raise ValueError("it starts with postgresql+psycopg2:// or sqlite:///")
        if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("an embedded database is a file: sqlite:////absolute/path")
        _check_query(url)
        return value


def _url(text: str) -> URL:
    try:
        return make_url(text)
    except ValueError:
        # It would repeat a part, which can be one of a password.
        raise ValueError("the port of this database URL is no number") from None
    except ArgumentError:
        raise ValueError("this is no database URL") from None


def _check_query(url: URL) -> None:
    """Raise ValueError where the driver cannot read what stands after the question mark."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SAWarning)  # something is not known, and passed over
            url.get_dialect()().create_connect_args(url)
    except (ArgumentError, SAWarning, ValueError):
        raise ValueError("what stands after the ? of this database URL is wrong") from None


def _names_several_hosts(url: URL) -> bool:
    hosts = url.normalized_query.get("host", ())
    return len(hosts) > 1 or any("," in host for host in hosts)


def key_of(field: str) -> str:
    """Return the ini key of a field of Settings."""
    return str(Settings.model_fields[field].alias)


def variable_of(key: str) -> str:
    """Return the environment variable of an ini key: CDB_DATABASE_URL for cdb.database.url."""
    return key.upper().replace(".", "_")


def option_key(plugin: str, option: str) -> str:
    """Return the ini key of an option of a plugin."""
    return f"{PREFIX}plugin.{plugin}.{option}"


def load(ini: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings of a service.

    Args:
        ini: the keys of the `[app:main]` section; those without the prefix
            `cdb.` belong to others and are left alone. `__file__` may name the
            ini, for messages.
        environ: the environment, which wins.

    Raises:
        SettingsError: a key is unknown, or a value is wrong; every problem is named.

    """
    keys = {variable_of(key_of(field)): key_of(field) for field in Settings.model_fields}
    values: dict[str, Any] = {}
    options: PluginOptions = {}
    for key, value in ini.items():
        if match := _OPTION.fullmatch(key):
            options.setdefault(match["plugin"], {})[match["option"]] = value
        elif key.startswith(PREFIX):
            values[key] = value
    sources = {}
    for variable, value in environ.items():
        if variable in keys:
            values[keys[variable]] = value
            sources[keys[variable]] = f"from {variable}"
    for each in ignored(ini, environ):
        log.warning(each)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems = _problems(error, environ)
        raise SettingsError(problems, ini.get("__file__"), sources) from None
    settings._plugin_options = options  # noqa: SLF001 - no key of its own, so no field
    return settings


def ignored(ini: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Return which variables of the environment look like settings, and are none, and why.

    Args:
        ini: as in `load`; a secret that it takes from a variable is no setting.
        environ: the environment.

    """
    settings = {variable_of(key_of(field)) for field in Settings.model_fields}
    secrets = {
        str(value).removeprefix("env:") for key, value in ini.items() if _OPTION.fullmatch(key)
    }
    found = []
    for variable in environ:
        if variable in _OF_NOPAYLOADDB:
            found.append(f"{variable} is ignored: {_instead(variable)}")
        elif variable.startswith("CDB_") and variable not in settings | secrets | _OTHER_VARIABLES:
            found.append(f"{variable} is no setting of cdb and is ignored")
    return found


_OPTION = re.compile(r"cdb\.plugin\.(?P<plugin>[^.]+)\.(?P<option>[^.]+)")


def _instead(variable: str) -> str:
    """Return what to set instead of a variable of nopayloaddb."""
    return (
        f"it is of nopayloaddb, and {_OF_NOPAYLOADDB[variable]} here; "
        "`cdb config from-nopayloaddb` makes an ini of them all"
    )


def _problems(error: ValidationError, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        key = str(problem["loc"][0])
        match problem["type"]:
            case "extra_forbidden":
                reason = "no setting has this name"
            case "missing":
                reason = f"missing; set it in the ini, or {variable_of(key)} in the environment"
                old = [name for name, new in _OF_NOPAYLOADDB.items() if new == key]
                if found := next((name for name in old if name in environ), None):
                    reason += f"; as for {found}, {_instead(found)}"
            case _:
                reason = str(problem["msg"]).removeprefix("Value error, ")
        problems.append((key, reason))
    return problems
