"""The change log, read page by page."""

from dataclasses import replace
from typing import NamedTuple

from cdb.store import changes, log
from cdb.store.changes import CURRENT
from cdb.store.engine import Reader
from cdb.store.log import ChangeRecord, Wanted


class Page(NamedTuple):
    """Some changes.

    Attributes:
        changes: in the order that was asked for.
        latest: the last change there is, or was then.
        next_after: what to ask as `after` next, to miss none and see none twice.

    """

    changes: list[ChangeRecord]
    latest: int
    next_after: int


def page(reader: Reader, wanted: Wanted, at: int = CURRENT) -> Page:
    """Return the next changes, of those that there were as of a change."""
    latest = min(changes.latest(reader)[0], at)
    before = latest + 1 if wanted.before is None else min(latest + 1, wanted.before)
    found = log.page(reader, replace(wanted, before=before))
    is_last = len(found) < wanted.limit and wanted.before is None
    reached = [wanted.after, *(record.change for record in found)]
    return Page(found, latest, max(latest if is_last else 0, *reached))
