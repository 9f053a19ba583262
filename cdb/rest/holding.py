"""How long an answer holds, as HTTP says it, and the conditions that clients set.

An ETag says the heads of the global tags that an answer was made from, and a
hash of what else decides its bytes. So one cheap look at the heads tells
whether a client's copy still holds, and a write can be made to depend on them.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyramid.request import Request
from pyramid.response import Response

from cdb.domain.points import Interval
from cdb.domain.statuses import WriteMode
from cdb.errors import Invalid
from cdb.rest.media import media_type
from cdb.services import moments
from cdb.store.changes import Head
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
class Holding:
    """The state that an answer is made from.

    Attributes:
        request: what is answered.
        tags: the global tags that it is about.
        is_settled: whether the same request will always mean the same state.
        as_of: the change that was asked for; None for the latest.

    """

    request: Request
    tags: Sequence[TagHead]
    is_settled: bool = False
    as_of: int | None = None

    @classmethod
    def of(cls, request: Request, record: TagRecord, moment: moments.Moment) -> "Holding":
        """Return the state of one global tag."""
        tag = TagHead(
            record.name, Head(record.head, record.nonce), record.mode, bool(record.final)
        )
        return cls(
            request,
            [tag],
            moment.is_settled,
            None if moment.is_current else moment.change,
        )

    @property
    def etag(self) -> str:
        """Return what stands between the quotes of the ETag."""
        heads = "+".join(f"{tag.head.change}:{tag.head.nonce}" for tag in self.tags)
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
        return self.sealed(Response(status=304, content_type=None))

    def sealed(self, response: Response, holds: Mapping[str, Interval] | None = None) -> Response:
        """Put into an answer how long it holds: in time, and around its point."""
        said = {
            "CDB-Change": str(max(tag.head.change for tag in self.tags)),
            "ETag": f'"{self.etag}"',
            "Vary": "Accept, Authorization",
            **self._age(),
        }
        if self.as_of is not None:
            said["CDB-As-Of"] = str(self.as_of)
        if holds:
            said["CDB-Valid-From"] = _points(holds, 0)
            said["CDB-Valid-Until"] = _points(holds, 1)
        # None of them is there yet: to set one is to look through all that are.
        response.headerlist.extend(said.items())
        return response

    def _age(self) -> dict[str, str]:
        """Return the headers that say how long copies may be given."""
        age, nginx = _COMPARED
        if self.is_settled:
            age, nginx = _FOR_EVER
        elif self.as_of is None and all(
            tag.final and tag.mode == WriteMode.CLOSED for tag in self.tags
        ):
            age, nginx = _FOR_A_DAY
        if self.request.cdb.security.protects_reads:
            return {"Cache-Control": f"private, {age}"}
        return {"Cache-Control": f"public, {age}", "X-Accel-Expires": nginx}


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
