"""What a deployment decides: from the ini file and the environment, typed, checked at boot.

A setting `cdb.database.url` of the ini is `CDB_DATABASE_URL` in the environment,
which wins. A wrong value, or an ini key that no setting has, stops the boot. A
variable that no setting has only warns: container platforms put variables such
as CDB_PORT and CDB_SERVICE_HOST in for a service of that name.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

log = logging.getLogger(__name__)

PREFIX = "cdb."

_OTHER_VARIABLES = frozenset({"CDB_URL", "CDB_TOKEN", "CDB_TEST_DATABASE_URL"})
"""Variables of the client and of the tests, which are no settings of a service."""


class SettingsError(Exception):
    """A setting is wrong; the message names the key and the reason."""


class Settings(BaseModel):
    """The settings of one service."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    database_url: Annotated[
        str,
        Field(
            alias="cdb.database.url",
            description="Where the data is: `postgresql+psycopg2://user@host/name`, or "
            "`sqlite:////absolute/path` for the embedded database.",
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
    unavailable_status: Annotated[
        Literal[503, 504],
        Field(
            alias="cdb.unavailable_status",
            description="The status of an answer when the database cannot be reached or is too "
            "busy. The C++ client of nopayloaddb tries again on 504 only.",
        ),
    ] = 503
    timeout_endpoint: Annotated[
        bool,
        Field(
            alias="cdb.timeout_endpoint",
            description="Whether `timeout`, which sleeps, is served: clients test their own "
            "time limits with it.",
        ),
    ] = True
    allow_open_writes: Annotated[
        bool,
        Field(
            alias="cdb.allow_open_writes",
            description="Let everybody who reaches the service write. Without it, a service "
            "that has no authentication does not start.",
        ),
    ] = False

    @field_validator("unavailable_status", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return (
            int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        try:
            url = make_url(value)
        except ArgumentError:
            raise ValueError("this is no database URL") from None
        if url.drivername not in ("postgresql+psycopg2", "sqlite"):
            raise ValueError("it starts with postgresql+psycopg2:// or sqlite:///")
        if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("an embedded database is a file: sqlite:////absolute/path")
        return value

    def check_open_writes(self) -> None:
        """Raise SettingsError where everybody could write and nobody said so."""
        if not self.allow_open_writes:
            raise SettingsError(
                "cdb.allow_open_writes: this version of cdb has no authentication, so everybody "
                "who reaches the service could write, and it does not start. Set it to true only "
                "where nobody else can connect, or where a gateway in front decides who may write."
            )


def key_of(field: str) -> str:
    """Return the ini key of a field of Settings."""
    return str(Settings.model_fields[field].alias)


def variable_of(key: str) -> str:
    """Return the environment variable of an ini key: CDB_DATABASE_URL for cdb.database.url."""
    return key.upper().replace(".", "_")


def load(ini: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings of a service.

    Args:
        ini: the keys of the `[app:main]` section; those without the prefix
            `cdb.` belong to others and are left alone.
        environ: the environment, which wins.

    Raises:
        SettingsError: a key is unknown, or a value is wrong; every problem is named.

    """
    keys = {variable_of(key_of(field)): key_of(field) for field in Settings.model_fields}
    values = {key: value for key, value in ini.items() if key.startswith(PREFIX)}
    sources = dict.fromkeys(values, "ini")
    for variable, value in environ.items():
        if variable in keys:
            values[keys[variable]] = value
            sources[keys[variable]] = variable
        elif variable.startswith("CDB_") and variable not in _OTHER_VARIABLES:
            log.warning("%s is no setting of cdb and is ignored", variable)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error, sources)) from None


def _explain(error: ValidationError, sources: Mapping[str, str]) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        key = str(problem["loc"][0])
        match problem["type"]:
            case "extra_forbidden":
                reason = "no setting has this name"
            case "missing":
                reason = f"missing; set it in the ini, or {variable_of(key)} in the environment"
            case _:
                reason = str(problem["msg"]).removeprefix("Value error, ")
        source = sources.get(key, "ini")
        lines.append(f"{key}: {reason}" + (f" (from {source})" if source != "ini" else ""))
    return "; ".join(lines)
