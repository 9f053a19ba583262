"""Checks of the file of the database, of the changes, and of the objects."""

from collections.abc import Iterator

from cdb.services.checks.check import Check, Job, Part, Severity, Wrong
from cdb.store import sqlite_file
from cdb.store.changes import now
from cdb.store.checks import objects as statements


def _whole(
    name: str,
    statement: str,
    thing: str,
    sentence: str,
    severity: Severity = Severity.ERROR,
) -> Check:
    """Return a check that is one statement; `thing` and `sentence` name its columns."""

    def parts(job: Job) -> Iterator[Part]:
        found = job.find(statement)
        told = [Wrong(thing.format_map(row), sentence.format_map(row)) for row in found.rows]
        yield Part(told, found.total)

    return Check(name, severity, parts)


def _staged(job: Job) -> Iterator[Part]:
    found = job.find(statements.STAGED, before=now() - job.rules.staged_keep)
    told = [
        Wrong(f"staged_iov {row['id']}", f"It has waited since {row['inserted']}.")
        for row in found.rows
    ]
    yield Part(told, found.total)


def _storage(job: Job) -> Iterator[Part]:
    with job.database.statement() as reader:
        damaged = sqlite_file.damage(reader, job.wanted.limit)
        unsound = list(sqlite_file.unsound(reader))
    told = [Wrong("file", f"{each}.") for each in damaged]
    told += [
        Wrong(table, "Something stands in it that does not belong there.") for table in unsound
    ]
    yield Part(told, len(told))


STORAGE = Check("storage", Severity.ERROR, _storage)
"""What only SQLite can be asked."""

OBJECTS = (
    _whole(
        "changes",
        statements.HOLES,
        "change {change}",
        "It comes after change {previous}: those between are missing.",
    ),
    _whole(
        "times",
        statements.TIMES,
        "change {change}",
        "It was made at {at}, and the one before it at {earlier}.",
    ),
    _whole(
        "lifetimes",
        statements.LIFETIMES,
        "{kind} {id}",
        "A version that change {added_by} added was retired by change {retired_by}.",
    ),
    _whole(
        "versions",
        statements.VERSIONS,
        "{kind} {id}",
        "A version begins at change {added_by}, and the one before it ends at {ended}.",
    ),
    _whole(
        "references",
        statements.REFERENCES,
        "{kind} {id}",
        "Its {reference} is {value}, and {target} has no such row.",
    ),
    _whole(
        "lives",
        statements.LIVES,
        "{kind} {id}",
        "The version of change {added_by} needs {target} {value}, which was not always there.",
    ),
    _whole(
        "names",
        statements.NAMES,
        "{kind} {id}",
        "At change {added_by} another one had the name {name!r}, too.",
    ),
    _whole(
        "tag-types",
        statements.TAG_TYPES,
        "{kind} {id}",
        "At change {added_by} the global tag {global_tag} had another list of the payload "
        "type {payload_type}, too.",
    ),
    _whole(
        "owners",
        statements.OWNERS,
        "{kind} {id}",
        "At change {added_by} another one wrote to its series {series}, too.",
    ),
    _whole(
        "pins",
        statements.PINS,
        "payload_list {payload_list}",
        "Since change {added_by} it has been pinned at the later change {pinned_at}.",
    ),
    _whole(
        "heads",
        statements.HEADS,
        "{kind} {id}",
        "Change {change} is not in {log} for {named}: copies of answers are not renewed.",
    ),
    _whole(
        "kept",
        statements.KEPT,
        "{kind} {id}",
        "Since change {added_by} the mode of its status is {mode}, and its digest {digest}: "
        "only closed tags have one.",
    ),
    # No error: a tag that was closed before there were digests has none.
    _whole(
        "unkept",
        statements.UNKEPT,
        "{kind} {id}",
        "Since change {added_by} it is closed, and no digest tells whether it is as it was.",
        Severity.WARNING,
    ),
    _whole(
        "unused-series",
        statements.UNUSED,
        "series {id}",
        "No payload list has ever had its {rows} rows.",
        Severity.WARNING,
    ),
    Check("staged", Severity.INFO, _staged),
)
"""What is asked of the whole database, and of no tag alone."""
