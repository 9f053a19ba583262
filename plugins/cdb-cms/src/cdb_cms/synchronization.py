"""Synchronizations: what was processed already keeps its conditions.

In CMS every tag is synchronized to a workflow. The high-level trigger and the
express reconstruction have used the conditions of all runs up to the one that
is being taken; the prompt reconstruction and the calibration loop (`pcl`) those
of all runs before the first condition safe run, the earliest that the Tier-0 has
not released for prompt reconstruction. A payload that starts earlier would
change what data were processed with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from cdb.plugin import (
    Content,
    Lines,
    NotationError,
    OptionsError,
    PayloadReference,
    PayloadValidator,
    Point,
)
from cdb_cms.lumi import CmsLumi, LumiOptions, Packing

Workflow = Literal["any", "hlt", "express", "prompt", "pcl", "offline"]

_SYNCHRONIZED = tuple(name for name in get_args(Workflow) if name != "any")


@dataclass(frozen=True, slots=True)
class SynchronizationOptions:
    """What a payload type is synchronized to, and where each workflow is."""

    synchronization: Workflow = field(
        default="any",
        metadata={"help": "What the type is synchronized to; `any` is nothing. Types choose it."},
    )
    first_safe: Lines = field(
        default=(),
        metadata={
            "help": "A line for each synchronization with the first point where a payload may "
            "start: `prompt 362000` or `hlt 362104:15`."
        },
    )
    packing: Packing = field(
        default="packed",
        metadata={"help": "The `packing` of the dimension of the types."},
    )


class Synchronization(PayloadValidator):
    """Refuses payloads that start before the first safe point of their synchronization."""

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = SynchronizationOptions
    options: SynchronizationOptions

    def __init__(self, name: str, options: SynchronizationOptions) -> None:
        super().__init__(name, options)
        self._dimension = CmsLumi("cms-lumi", LumiOptions(options.packing))
        points = _first_safe(options.first_safe, self._dimension)
        self._first = points.get(options.synchronization)
        if self._first is None and options.synchronization != "any":
            raise OptionsError(f"first_safe has no line for {options.synchronization!r}")

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return that a payload starts too early; a file without an interval never does."""
        if self._first is None or payload.interval is None:
            return
        if payload.interval.start < self._first:
            start, first = map(self._dimension.format, (payload.interval.start, self._first))
            yield (
                f"It starts at {start}, and {self.options.synchronization} has used what is "
                f"before {first}."
            )


def _first_safe(lines: Sequence[str], dimension: CmsLumi) -> dict[str, Point]:
    points: dict[str, Point] = {}
    for line in lines:
        workflow, *rest = line.split(maxsplit=1)
        if workflow not in _SYNCHRONIZED:
            known = ", ".join(_SYNCHRONIZED)
            raise OptionsError(f"first_safe: {workflow!r} in {line!r} is none of {known}")
        if workflow in points:
            raise OptionsError(f"first_safe has two lines for {workflow!r}")
        try:
            points[workflow] = dimension.parse("".join(rest))
        except NotationError as error:
            raise OptionsError(f"first_safe: {line!r}: {error}") from error
    return points
