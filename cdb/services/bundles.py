"""Bundles: a global tag in one file that is a cdb database, for jobs without a service."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.orm import Session

from cdb.domain.names import name_problem
from cdb.domain.portable import Provenance
from cdb.errors import Corrupt
from cdb.services import imports
from cdb.services.exports import DatabaseSource, Source
from cdb.services.imports import Imported, Progress
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import bundles, log, payloads, reads
from cdb.store.changes import Origin, open_change
from cdb.store.engine import Database, read_only_url
from cdb.store.partial import becoming
from cdb.store.payload_files import PayloadFiles, open_files
from cdb.store.payloads import PayloadRecord

_PROVENANCE = TypeAdapter(Provenance)

_DIGEST = re.compile("[0-9a-f]{64}")

_CHECKSUMS_A_STATEMENT = 1000


@dataclass(frozen=True, slots=True)
class Label:
    """What a bundle says of itself: its global tag, the digest of that, and where it is from."""

    global_tag: str
    digest: str
    provenance: Provenance

    @classmethod
    def of(cls, database: Database) -> Self:
        """Read the label of an opened bundle.

        Raises:
            Corrupt: it has none, or a damaged one.

        """
        try:
            return cls._read(database)
        except (LookupError, TypeError, ValueError):
            raise Corrupt("The bundle is damaged: it does not say what it is.") from None

    @classmethod
    def _read(cls, database: Database) -> Self:
        with database.snapshot() as reader:
            tags = reads.tags(reader)
            wanted = log.Wanted(limit=1, newest_first=True, action="import")
            found = log.page(reader, wanted)
        if len(tags) != 1 or not found:
            raise Corrupt("This is no bundle: it has not one global tag.")
        detail = found[0].detail
        provenance = _PROVENANCE.validate_python(detail["provenance"])
        name, digest = tags[0].name, detail["after"]["digest"]
        # What is printed of it rules no terminal.
        if not _DIGEST.fullmatch(digest) or any(map(name_problem, (name, provenance.global_tag))):
            raise ValueError("It has other names than cdb gives.")
        return cls(name, digest, provenance)


class BundleSource(DatabaseSource):
    """The global tag of a bundle, with the digest that it was given."""

    def __init__(self, database: Database, rules: Rules) -> None:
        """Read what the bundle has; see `Label.of` for errors."""
        self.label = Label.of(database)
        super().__init__(database, rules, self.label.global_tag)

    @property
    def provenance(self) -> Provenance:
        """Where the tag was before it was put into the bundle."""
        return self.label.provenance

    def digest(self) -> str | None:
        """Return the digest that it was given."""
        return self.label.digest


class Files(NamedTuple):
    """The payload files of a service: what is known of them, and where they lie."""

    database: Database
    files: PayloadFiles


class Created(NamedTuple):
    """A bundle that was made, and how many payload files lie beside it."""

    path: Path
    imported: Imported
    n_files: int


def create(
    source: Source,
    rules: Rules,
    path: Path,
    progress: Progress = lambda _count: None,
    files: Files | None = None,
) -> Created:
    """Write a global tag into a bundle, which is there whole at the end, or not at all.

    Args:
        source: of the tag.
        rules: of the service that it comes from.
        path: of the bundle.
        progress: told how far it is.
        files: copied into a folder beside it, as far as payload IOVs of the tag name them.

    Raises:
        Corrupt: the tag, or a file, does not have the digest that was kept for it.
        NotFound: a payload file is missing.
        OSError: the bundle cannot be made there.

    """
    n_files = 0
    # The files get their names before the bundle does: who is killed between leaves no half of it.
    with (
        becoming(path) as partial,
        ExitStack() as before_it,
        bundles.creating(partial) as database,
    ):
        with database.writing() as session:
            writer = Writer.operator("cdb bundle create")
            imported = imports.take(session, rules, writer, source, progress=progress)
        if files:
            folder = before_it.enter_context(becoming(folder_of(path)))
            n_files = _copy(database, files, open_files(str(folder)))
    return Created(path, imported, n_files)


def folder_of(path: Path) -> Path:
    """Return where the payload files of a bundle lie, if it has any."""
    return path.with_name(f"{path.name}.payloads")


def _copy(database: Database, files: Files, target: PayloadFiles) -> int:
    """Copy the files that the payload IOVs of a bundle name, and note them; return how many."""
    count = 0
    with database.writing() as session:
        change = open_change(session, Origin("cdb bundle create"))
        for record in _stored(session, files.database):
            with (
                files.files.open(record.path) as stream,
                target.receive(stream, record.size, record.size) as received,
            ):
                if received.sha256 != record.sha256:
                    raise Corrupt(
                        f"The payload file {record.path} is not the one that was stored."
                    )
                with target.bring(received) as place:
                    target.keep(place, record.path)
            kept = record._asdict()
            del kept["id"], kept["created"]
            payloads.add(change, **kept)
            count += 1
        change.record("upload", "payload", f"{count} files")
    return count


def _stored(session: Session, origin: Database) -> Iterator[PayloadRecord]:
    """Yield what a service stores of the payloads that the payload IOVs of a bundle name."""
    seen: set[int] = set()
    checksums = session.connection().execute(text("select distinct checksum from iov")).scalars()
    for some in checksums.partitions(_CHECKSUMS_A_STATEMENT):
        with origin.statement() as reader:
            found = payloads.by_checksums(reader, some)
        for record in found.values():
            if record.id not in seen:
                seen.add(record.id)
                yield record


def settings_of(path: Path, label: Label) -> dict[str, str]:
    """Return the settings that serve a bundle as its tag was served where it is from."""
    found = {
        "cdb.database.url": read_only_url(path),
        "cdb.iov_mode": label.provenance.iov_mode,
        "cdb.allow_open_writes": "true",  # nobody can
    }
    folder = folder_of(path)
    return {**found, "cdb.payload_store": str(folder)} if folder.is_dir() else found
