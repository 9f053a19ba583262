"""How long an answer holds, as HTTP says it, and the conditions that clients set.

An ETag says the heads of the global tags that an answer was made from, and a
hash of what else decides its bytes. So one cheap look at the heads tells
whether a client's copy still holds, and a write can be made to depend on them.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyramid.request import Request
from pyramid.response import Response

from cdb.domain.points import Interval
from cdb.errors import Invalid
from cdb.observed import OBSERVED
from cdb.rest.media import media_type
from cdb.services import moments
from cdb.services.moments import Moment
from cdb.services.resolve import Layer
from cdb.store.changes import Head, now
from cdb.store.query import TagHead
from cdb.store.reads import TagRecord

_FOR_EVER = "max-age=31536000, immutable", "31536000"
"""What `Cache-Control` says, and `X-Accel-Expires`, by which alone the nginx in front goes."""

_FOR_A_DAY = "max-age=86400", "86400"
"""For what the rules keep from changing: a copy goes in a day where an operator mends it."""

_COMPARED = "no-cache", "@1"
"""For what may change: kept, and out of date ever since 1970, so that its ETag is compared."""

_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_HEAD = re.compile(r"(?P<change>[0-9]{1,19}):(?P<nonce>[0-9a-f]{1,32})")


@dataclass(frozen=True, slots=True)
class Layers:
    """The global tags that a request asks, each as of a change.

    Attributes:
        tags: their names, with the changes.
        is_settled: whether the same request will always mean the same changes.
        is_fixed: whether it means the same changes until one of the tags changes.
        as_of: the last of the changes that were asked for; None for the latest.

    """

    tags: Sequence[Layer]
    is_settled: bool
    is_fixed: bool
    as_of: int | None

    @classmethod
    def of(cls, moments: Sequence[tuple[str, Moment]]) -> "Layers":
        """Return tags, each as of a moment."""
        moved = [moment for _, moment in moments if not moment.is_current]
        return cls(
            [(name, moment.change) for name, moment in moments],
            all(moment.is_settled for _, moment in moments),
            all(moment.is_settled for moment in moved),
            max((moment.change for moment in moved), default=None),
        )

    def holding(
        self, request: Request, heads: Sequence[TagHead], seen: float | None = None
    ) -> "Holding":
        """Return the state that an answer is made from.

        Args:
            request: what is answered.
            heads: of the tags.
            seen: when that was looked at, at the earliest, as monotonic seconds; if not
                given, it was read for this request.

        """
        return Holding(request, self, heads, request_began(request) if seen is None else seen)


@dataclass(frozen=True, slots=True)
class Holding:
    """The state that an answer is made from.

    Attributes:
        request: what is answered.
        layers: the global tags that it is about, as the request means them.
        tags: these tags with their heads.
        seen: monotonic seconds; what was confirmed before is in the answer.

    """

    request: Request
    layers: Layers
    tags: Sequence[TagHead]
    seen: float

    @classmethod
    def of(cls, request: Request, record: TagRecord, moment: moments.Moment) -> "Holding":
        """Return the state of one global tag."""
        return Layers.of([(record.name, moment)]).holding(request, [_head(record)])

    @property
    def heads(self) -> list[Head]:
        """Return the last changes that the answer is made from."""
        return [tag.head for tag in self.tags]

    @property
    def etag(self) -> str:
        """Return what stands between the quotes of the ETag."""
        heads = "+".join(f"{head.change}:{head.nonce}" for head in self.heads)
        context, request = self.request.cdb, self.request
        decides = "\n".join(
            (
                context.format,
                request.path_info,
                request.query_string,
                media_type(request),
            )
        )
        return f"{heads}:{hashlib.sha256(decides.encode()).hexdigest()[:16]}"

    @property
    def is_known(self) -> bool:
        """Whether the client has this answer, and says so by `If-None-Match`."""
        given = self.request.headers.get("If-None-Match")
        return given is not None and (given.strip() == "*" or self.etag in _ETAG.findall(given))

    def not_modified(self) -> Response:
        """Answer that the client's copy still holds."""
        self.request.environ[OBSERVED].source = "not-modified"
        return self.sealed(Response(status=304, content_type=None))

    def stop_where_known(self) -> None:
        """Spare the work on an answer that the client has.

        Raises:
            Unchanged: it has it.

        """
        if self.is_known:
            raise Unchanged(self)

    def sealed(self, response: Response, holds: Mapping[str, Interval] | None = None) -> Response:
        """Put into an answer how long it holds: in time, and around its point."""
        said = {
            "CDB-Change": str(max(head.change for head in self.heads)),
            "ETag": f'"{self.etag}"',
            "Vary": "Accept, Authorization",
            **self._age(),
        }
        if self.layers.as_of is not None:
            said["CDB-As-Of"] = str(self.layers.as_of)
        if holds:
            said["CDB-Valid-From"] = _points(holds, 0)
            said["CDB-Valid-Until"] = _points(holds, 1)
        # None of them is there yet: to set one is to look through all that are.
        response.headerlist.extend(said.items())
        self.request.sealed = Sealed(self, holds)
        return response

    def _age(self) -> dict[str, str]:
        """Return the headers that say how long copies may be given."""
        if self.layers.is_settled:
            age, nginx = _FOR_EVER
        elif self.layers.as_of is not None:
            age, nginx = _COMPARED
        elif all(tag.is_settled for tag in self.tags):
            age, nginx = _FOR_A_DAY
        else:
            left = self.request.cdb.settings.freshness - (time.monotonic() - self.seen)
            age, nginx = while_fresh(left, now().timestamp())
        if self.request.cdb.security.protects_reads:
            return {"Cache-Control": f"private, {age}"}
        return {"Cache-Control": f"public, {age}", "X-Accel-Expires": nginx}


class Unchanged(Exception):
    """The client has the answer, and its copy still holds.

    Args:
        holding: the state that the copy was made from.

    """

    def __init__(self, holding: Holding) -> None:
        super().__init__(holding)
        self.holding = holding


def etag_of_tags(request: Request, records: Sequence[TagRecord]) -> str:
    """Return what stands between the quotes of the ETag of several global tags as they are."""
    layers = Layers.of([(record.name, moments.LATEST) for record in records])
    return layers.holding(request, [_head(record) for record in records]).etag


def _head(record: TagRecord) -> TagHead:
    return TagHead(record.name, Head(record.head, record.nonce), record.mode, bool(record.final))


class Sealed(NamedTuple):
    """What an answer says of how long it holds."""

    holding: Holding
    holds: Mapping[str, Interval] | None


def request_began(request: Request) -> float:
    """Return when a request came, as monotonic seconds: before anything was read for it."""
    return float(request.environ[OBSERVED].began)


def while_fresh(left: float, moment: float) -> tuple[str, str]:
    """Return `Cache-Control` and `X-Accel-Expires` of an answer that is fresh for a while.

    The second half of the time belongs to caches that fetch the next answer meanwhile.
    nginx counts whole seconds of the clock, and gives a copy until the one that it is
    told has passed: so that one has to be over while the answer is still fresh.

    Args:
        left: seconds that it is still fresh for.
        moment: seconds since 1970.

    """
    seconds = max(0, int(left))
    spare = seconds // 2
    age, nginx = _COMPARED
    if seconds:
        # Else a cache may give it for days where the service is down: Squid does so for a week.
        age = f"max-age={seconds - spare}, must-revalidate"
    if spare:
        age += f", stale-while-revalidate={spare}"
    last = int(moment + left) - 1
    return age, f"@{last}" if last >= int(moment) else nginx


def expected_heads(request: Request) -> frozenset[Head] | None:
    """Return the heads that `If-Match` names: none for any, None where there is no such header.

    Raises:
        Invalid: it has no ETag that this service could have given.

    """
    given = request.headers.get("If-Match")
    if given is None:
        return None
    if given.strip() == "*":
        return frozenset()
    found = _heads(given)
    if not found:
        raise Invalid("If-Match has no ETag of this service.")
    return found


def min_change(request: Request) -> int:
    """Return the change that the answer must not lack: `CDB-Min-Change`, or 0.

    Raises:
        Invalid: it is no number.

    """
    given = request.headers.get("CDB-Min-Change", "").strip()
    if not given:
        return 0
    if not (given.isascii() and given.isdigit() and len(given) < 20):
        raise Invalid("CDB-Min-Change has to be the number of a change.")
    return int(given)


def known_change(request: Request) -> int:
    """Return the latest change that `If-None-Match` shows the client to know, or 0."""
    given = request.headers.get("If-None-Match")
    return max((head.change for head in _heads(given)), default=0) if given else 0


def _heads(given: str) -> frozenset[Head]:
    """Return the heads that a list of ETags names."""
    return frozenset(
        Head(int(head["change"]), head["nonce"])
        for etag in _ETAG.findall(given)
        for written in etag.rpartition(":")[0].split("+")
        if (head := _HEAD.fullmatch(written))
    )


def _points(holds: Mapping[str, Interval], side: int) -> str:
    """Return the start or the end of what holds; by dimension where there are several points."""
    written = []
    for name, interval in holds.items():
        point = interval[side]
        written.append(
            f"{name}:{point.major},{point.minor}" if name else f"{point.major},{point.minor}"
        )
    return "; ".join(written)
