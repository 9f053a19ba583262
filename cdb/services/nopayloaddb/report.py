"""What an import found and did, for people and for programs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

import orjson

from cdb.domain.untangling import Finding, Kind
from cdb.store.nopayloaddb import LegacyList

MEANINGS: Mapping[Kind, str] = {
    Kind.UNTIL_NEXT: "open intervals that hold until the next start",
    Kind.CUT: "closed intervals cut at the next start",
    Kind.CLIPPED: "discrete neighbours clipped",
    Kind.DUPLICATE: "rows whose start a newer row has, too: left out",
    Kind.EMPTY: "intervals that end before they start: left out",
    Kind.OUT_OF_RANGE: "numbers out of range",
    Kind.NEVER_ANSWERED: "rows that no query found: left out",
    Kind.ROUNDED_START: "starts that the query rounded",
    Kind.NO_REVISION: "payload IOVs without a revision",
    Kind.REVISION: "revisions that are not decimal",
    Kind.MIXED_MAJORS: "intervals beyond their major number in lists that mix both",
    Kind.DETACHED: "payload IOVs in no payload list: left out",
    Kind.SECOND_LIST: "payload lists beside a newer one of their type: detached",
    Kind.CHANGED_SINCE: "payload lists that changed there since they were imported",
}
"""What the readable report says of each kind of finding, in its order."""


@dataclass(slots=True)
class Summary:
    """What an import did, all in all.

    Attributes:
        source: where it read.
        iov_mode: of the service that wrote it.
        dry_run: whether nothing was written.
        tags: global tags there.
        lists: payload lists there.
        present: those of them that an earlier run had imported.
        rows: payload IOVs there, in lists.
        taken: payload IOVs that came of them.
        seconds: how long it took, without the sampled queries.
        asked: answers that were compared: one for each sample and payload type.
        different: those of them that differ.
        complete: whether it came to its end.

    """

    source: str
    iov_mode: str
    dry_run: bool
    tags: int = 0
    lists: int = 0
    present: int = 0
    rows: int = 0
    taken: int = 0
    seconds: float = 0.0
    asked: int = 0
    different: int = 0
    complete: bool = False
    findings: Counter[Kind] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return it as the report's `summary`."""
        fields = {name: getattr(self, name) for name in self.__slots__ if name != "findings"}
        return {**fields, "findings": {kind.value: n for kind, n in self.findings.items()}}

    def lines(self) -> list[str]:
        """Return it for a person to read."""
        verb = "would be imported" if self.dry_run else "imported"
        there = f"{self.tags} global tags, {self.lists} payload lists, {self.rows} payload IOVs"
        earlier = f", {self.present} of the lists in an earlier run" if self.present else ""
        shown = [
            f"{self.source} has {there}.",
            f"{self.taken} payload IOVs {verb}{earlier} ({self.seconds:.1f} s).",
        ]
        shown += [
            f"{self.findings[kind]:>12}  {meaning} ({kind})"
            for kind, meaning in MEANINGS.items()
            if self.findings[kind]
        ]
        if self.asked:
            shown.append(f"{self.asked} answers compared, {self.different} differ.")
        return shown


class Report:
    """Takes what is found, one by one, and writes it down as it comes.

    The file is one JSON object: `findings`, one a line, then `summary`.

    Args:
        summary: counts what is found.
        out: where to; None only counts.

    """

    def __init__(self, summary: Summary, out: TextIO | None = None) -> None:
        self.summary = summary
        self._out = out
        self._separator = '{"findings": [\n'

    def note(self, finding: Finding, which: LegacyList | None = None) -> None:
        """Write down a finding about a payload list, or about what is in none."""
        self.summary.findings[finding.kind] += finding.count
        self._entry(
            {
                "kind": finding.kind,
                "global_tag": which and which.tag,
                "payload_type": which and which.type,
                "payload_list": which and which.name,
                "ids": finding.ids,
                "count": finding.count,
                "start": finding.start,
                "end": finding.end,
                "until": finding.until,
                "payload_url": finding.payload_url,
                "checksum": finding.checksum,
                "revision": finding.revision,
                "text": finding.text,
            }
        )

    def differ(self, difference: Mapping[str, Any]) -> None:
        """Write down an answer that differs."""
        self.summary.different += 1
        self._entry({"kind": "difference", **difference})

    def close(self) -> None:
        """Write the summary."""
        if self._out:
            start = self._separator if self._separator != ",\n" else ""
            shown = orjson.dumps(self.summary.as_json()).decode()
            self._out.write(f'{start}\n], "summary": {shown}}}\n')

    def _entry(self, entry: Mapping[str, Any]) -> None:
        if self._out:
            shown = {key: value for key, value in entry.items() if value is not None}
            self._out.write(self._separator + orjson.dumps(shown, default=list).decode())
            self._separator = ",\n"
