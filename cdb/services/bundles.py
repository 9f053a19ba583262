"""Bundles: a global tag in one file that is a cdb database, for jobs without a service."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import TypeAdapter

from cdb.domain.portable import Provenance
from cdb.errors import Corrupt
from cdb.services import imports
from cdb.services.exports import DatabaseSource, Source
from cdb.services.imports import Imported, Progress
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import bundles, log, reads
from cdb.store.engine import Database, read_only_url

_PROVENANCE = TypeAdapter(Provenance)


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
            Corrupt: it has none.

        """
        with database.snapshot() as reader:
            tags = reads.tags(reader)
            wanted = log.Wanted(limit=1, newest_first=True, action="import")
            found = log.page(reader, wanted)
        if len(tags) != 1 or not found:
            raise Corrupt("This is no bundle: it has not one global tag.")
        detail = found[0].detail
        provenance = _PROVENANCE.validate_python(detail["provenance"])
        return cls(tags[0].name, detail["after"]["digest"], provenance)


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


class Created(NamedTuple):
    """A bundle that was made."""

    path: Path
    imported: Imported


def create(
    source: Source, rules: Rules, path: Path, progress: Progress = lambda _count: None
) -> Created:
    """Write a global tag into a bundle, which is there whole at the end, or not at all.

    Args:
        source: of the tag.
        rules: of the service that it comes from.
        path: of the bundle.
        progress: told how far it is.

    Raises:
        Corrupt: the tag does not have the digest that was kept for it.

    """
    with bundles.creating(path) as database, database.writing() as session:
        writer = Writer.operator("cdb bundle create")
        imported = imports.take(session, rules, writer, source, progress=progress)
    return Created(path, imported)


def settings_of(path: Path, label: Label) -> dict[str, str]:
    """Return the settings that serve a bundle as its tag was served where it is from."""
    origin = label.provenance
    return {
        "cdb.database.url": read_only_url(path),
        "cdb.iov_mode": origin.iov_mode,
        "cdb.allow_open_writes": "true",  # nobody can
    }
