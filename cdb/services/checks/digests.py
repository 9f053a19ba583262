"""The check of the digests that were kept of closed global tags."""

from collections.abc import Iterator

from cdb.domain.digest import LogDigest
from cdb.services import digest
from cdb.services.checks.check import Check, Job, Part, Severity, Wrong
from cdb.services.remembered import Remembered
from cdb.store import reads
from cdb.store.checks import objects as statements
from cdb.store.stretches import State


def _digests(job: Job) -> Iterator[Part]:
    with job.database.statement() as reader:
        kept = statements.kept_digests(reader, job.at, job.tag_id)
    # Of this run: one that was worked out before could hide what was damaged since.
    known: Remembered[State, LogDigest] = Remembered(len(job.sizes) + len(kept))
    for done, each in enumerate(kept, start=1):
        told = _wrong_digest(job, each, known)
        yield Part(told, len(told), done, len(kept))


def _wrong_digest(
    job: Job, kept: statements.KeptDigest, known: Remembered[State, LogDigest]
) -> list[Wrong]:
    with job.database.statement() as reader:
        record = reads.tag_by_id(reader, kept.tag, kept.until)
    if record is None:
        return [Wrong(f"tag_state {kept.tag}", f"There is no such tag at change {kept.until}.")]
    found = digest.of_tag(job.database, job.rules, record, kept.until, known).digest
    if found == kept.digest:
        return []
    sentence = f"At change {kept.until} its digest is {found}, not {kept.digest} as it was kept."
    return [Wrong(f"global tag {record.name}", sentence)]


DIGESTS = Check("digests", Severity.ERROR, _digests)
