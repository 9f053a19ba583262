"""Whether the database and the files of a deployment are well, looked at once.

Each check yields what it finds: at least one finding, of which the worst counts. It
raises what it did not foresee.
"""

import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from cdb.errors import PayloadRefused, Unavailable
from cdb.services import statuses as statuses_of
from cdb.services.rules import Rules
from cdb.settings import Settings, SettingsError
from cdb.store import condition, migrate, reads, schema
from cdb.store.changes import latest, now
from cdb.store.engine import Database, embedded_file
from cdb.store.payload_files import directory_of, open_files

OK, WARNING, FAILED = "ok", "warning", "failed"

_OLDEST = 12
"""The oldest version of PostgreSQL that has what the statements need."""

_APART = timedelta(seconds=5)
"""How far two clocks may be apart: half of what tokens allow for."""

_PATIENCE_S = 10
"""Seconds in which a replica has to be near enough, or `cdb.database.max_lag` if that is less."""

_LOOKS = 4
"""How often replicas are looked at in that time."""

_TYPES_NAMED = 10
"""Payload types that are named where something is wrong with them; the others are counted."""

_SCARCE = 0.05
"""The free part of a disk below which somebody should know."""


class Found(NamedTuple):
    """What a check finds: `ok`, `warning` or `failed`, and one sentence."""

    state: str
    sentence: str


Findings = Iterator[Found]


# --- the database -----------------------------------------------------------


def database(settings: Settings, store: Database) -> Findings:
    """Look whether the database answers, and is of a version that will do."""
    if not store.is_postgresql:
        file = embedded_file(settings.database_url)
        if file and not file.exists():
            yield Found(FAILED, f"There is no file {file}: `cdb db upgrade` makes it.")
            return
        with store.statement() as reader:
            yield Found(OK, f"SQLite {condition.sqlite_version(reader)} has it open.")
        return
    server = condition.postgresql(store)
    if server.number < _OLDEST * 10_000:
        yield Found(FAILED, f"PostgreSQL {server.version} is too old: {_OLDEST} is needed.")
    elif server.encoding != "UTF8":
        yield Found(
            FAILED, f"Its encoding is {server.encoding}; make it anew with the encoding UTF8."
        )
    else:
        yield Found(OK, f"PostgreSQL {server.version} answers; its encoding is UTF8.")


def migrations(store: Database) -> Findings:
    """Look whether the tables are those of this version."""
    with store.snapshot() as reader:
        problem = schema.problem(reader)
        is_later = schema.is_later(reader)
        found = [] if problem or is_later else migrate.differences(reader)
    if problem:
        yield Found(FAILED, f"{problem[0].upper()}{problem[1:]}: run `cdb db upgrade`.")
    for each in found:
        yield Found(FAILED, f"{each[0].upper()}{each[1:]}.")
    if is_later:
        yield Found(OK, "The tables are those of a later version, with which this one works.")
    elif not problem and not found:
        yield Found(OK, f"The tables are those of this version, {schema.head()}.")


def privileges(store: Database, *, is_migrated: bool) -> Findings:
    """Look whether the service may write, and before the first migration make tables."""
    if store.is_read_only:
        yield Found(OK, "It is a bundle, which nobody writes to.")
        return
    if not store.is_postgresql:
        condition.try_to_write(store)
        yield Found(OK, "It can be written to.")
        return
    server = condition.postgresql(store)
    with store.snapshot() as reader:
        refused = condition.not_permitted(reader) if is_migrated else []
        may_create = condition.may_create(reader)
    if server.is_standby:
        yield Found(FAILED, "It is a standby, which nothing can be written to.")
    elif server.is_read_only:
        yield Found(FAILED, "Its user can only read: transactions begin read-only.")
    elif refused:
        yield Found(FAILED, f"Its user may not read from and write to {', '.join(refused)}.")
    elif not may_create:
        state = WARNING if is_migrated else FAILED
        yield Found(state, "Its user may make no tables, as `cdb db upgrade` has to.")
    else:
        yield Found(OK, "Its user may write, and make tables.")


def statuses(store: Database, rules: Rules) -> Findings:
    """Look whether the statuses of the tag policy are declared."""
    with store.snapshot() as reader:
        missing = statuses_of.undeclared(reader, rules)
    if missing:
        yield Found(FAILED, f"`cdb db upgrade` has to declare {', '.join(missing)}.")
    else:
        yield Found(OK, f"Those of the tag policy {rules.tag_policy.name!r} are declared.")


def payload_types(store: Database, rules: Rules) -> Findings:
    """Look whether the dimensions and validators that payload types have are enabled."""
    with store.snapshot() as reader:
        types = reads.types(reader)
    wrong = [problem for each in types if (problem := _problem(rules, each))]
    for problem in wrong[:_TYPES_NAMED]:
        yield Found(FAILED, problem)
    if len(wrong) > _TYPES_NAMED:
        yield Found(FAILED, f"{len(wrong) - _TYPES_NAMED} payload types more have a problem.")
    if not wrong:
        yield Found(OK, f"What the {len(types)} payload types need is enabled.")


def _problem(rules: Rules, record: reads.TypeRecord) -> str | None:
    if record.dimension is not None and record.dimension not in rules.dimensions:
        return (
            f"Payload type {record.name!r}: its dimension {record.dimension!r} is none of "
            "cdb.iov_dimensions."
        )
    try:
        rules.validation.of_type(record.name, record.validator, record.validator_options)
    except PayloadRefused as error:
        return error.detail
    return None


def clock(store: Database, *, is_migrated: bool) -> Findings:
    """Look whether the clocks of this machine and of the database agree, and with the log."""
    if store.is_postgresql:
        before, there, after = now(), condition.postgresql(store).at, now()
        apart = max(before - there, there - after, timedelta(0))
        if apart > _APART:
            side = "behind" if there < before else "ahead of"
            yield Found(
                WARNING,
                f"The clock of the database is {apart.total_seconds():.0f} s {side} the one of "
                "this machine.",
            )
            return
    if is_migrated and (ahead := _ahead(store, now())):
        yield Found(FAILED, ahead)
        return
    yield Found(OK, "The clocks agree, and no change is of the future.")


def _ahead(store: Database, moment: datetime) -> str | None:
    with store.statement() as reader:
        number, at = latest(reader)
    if at <= moment + _APART:
        return None
    return (
        f"Change {number} was made at {at:%Y-%m-%d %H:%M:%S} UTC, which is to come: those that "
        "follow are dated like it until then."
    )


def connections(store: Database, most: int) -> Findings:
    """Look whether PostgreSQL lets in as many connections as the service can want.

    Args:
        store: the database.
        most: connections that all processes on this machine have at most.

    """
    if not store.is_postgresql:
        yield Found(OK, "They cost nothing.")
        return
    there = condition.postgresql(store).connections
    if most > there:
        yield Found(
            WARNING,
            f"The service can want {most}, and {there} are let in: fewer threads, a smaller "
            "cdb.database.pool_size or a pooler, or more max_connections.",
        )
    else:
        yield Found(OK, f"The service wants {most} at most, and {there} are let in.")


def replicas(settings: Settings, store: Database) -> Findings:
    """Look whether the replicas answer, follow the database, and are near enough to it."""
    if store.replicas is None:
        yield Found(OK, "There are none.")
        return
    lag = settings.database_max_lag.total_seconds()
    found = store.replicas.checks()
    # It is known from now on only what the database had when: one that is a little behind
    # reaches that in time.
    deadline = time.monotonic() + min(lag, _PATIENCE_S)
    while found["replicas"] != "ok" and time.monotonic() < deadline:
        time.sleep(min(lag, _PATIENCE_S) / _LOOKS)
        found = store.replicas.checks()
    wrong = [found[name] for name in ("primary", "replicas") if found[name] != "ok"]
    for each in "; ".join(wrong).split("; ") if wrong else ():
        yield Found(FAILED, f"{each[0].upper()}{each[1:]}.")
    if not wrong:
        number = len(settings.database_replicas)
        yield Found(OK, f"{number} follow the database, and are less than {lag:g} s behind.")


# --- the files --------------------------------------------------------------


def payload_store(settings: Settings) -> Findings:
    """Look whether payload files can be stored; nothing of it stays."""
    if not settings.payload_store:
        yield Found(OK, "There is none: payloads are references.")
        return
    try:
        folder = directory_of(settings.payload_store, settings.payload_store_options)
        if folder and not folder.exists():
            yield Found(WARNING, f"{folder} is not there yet; the service makes it.")
            return
        open_files(settings.payload_store, settings.payload_store_options).probe()
    except SettingsError as error:
        yield Found(FAILED, f"{error}.")
        return
    except Unavailable as error:
        yield Found(FAILED, f"{error.detail.rstrip('.')}: {_reason(error.__cause__)}.")
        return
    yield Found(OK, f"A file was written to {settings.payload_store}, and removed.")
    if folder:
        yield from _room(folder, settings.max_payload_mb * 2**20, "the largest file")


def compiled(settings: Settings) -> Findings:
    """Look whether compiled lists can be kept; nothing of it stays."""
    if not settings.compiled:
        yield Found(OK, "None are compiled.")
        return
    folder = Path(settings.compiled)
    if not folder.exists():
        yield Found(WARNING, f"{folder} is not there yet; the service makes it.")
        return
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield Found(FAILED, f"{folder} cannot be written to: {_reason(error)}.")
        return
    yield Found(OK, f"{folder} can be written to.")
    taken = sum(each.stat().st_blocks * 512 for each in folder.iterdir() if each.is_file())
    yield from _room(folder, settings.compiled_mb * 2**20 - taken, "all of cdb.compiled_mb")


def _room(folder: Path, needed: int, what: str) -> Findings:
    disk = shutil.disk_usage(folder)
    free = f"{disk.free / 2**30:.1f} GiB of {disk.total / 2**30:.1f} GiB are free at {folder}"
    if disk.free < needed:
        yield Found(WARNING, f"{free}: no room for {what}.")
    elif disk.free < _SCARCE * disk.total:
        yield Found(WARNING, f"Only {free}.")
    else:
        yield Found(OK, f"{free}.")


def _reason(error: BaseException | None) -> str:
    """Return why files failed: what a system says, or the first line of what a library does."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(".")
