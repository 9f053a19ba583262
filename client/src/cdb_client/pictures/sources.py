"""What a picture needs of the service."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cdb_client.errors import ClientError, Invalid, NotFound
from cdb_client.http import Answer
from cdb_client.pictures.lanes import Picture, lanes_of, point_of
from cdb_client.pictures.notation import Notation, common
from cdb_client.points import MAX, OPEN, Point

if TYPE_CHECKING:
    from cdb_client.client import Client

MOST_BUCKETS = 1500
"""Of a lane, that the service gives."""


def timeline(
    client: "Client",
    tag: str,
    *,
    begin: str | None = None,
    end: str | None = None,
    types: Sequence[str] = (),
    as_of: int | str | None = None,
    buckets: int = 600,
) -> tuple[dict[str, Any], Picture]:
    """Return what the service tells of a tag, all its lanes, and the picture of it.

    Args:
        client: of the service.
        tag: its name.
        begin: where the picture begins, in the notation of a dimension; without it where
            the data do.
        end: where it ends, exclusive.
        types: only these payload types; all where there are none.
        as_of: a change or a time.
        buckets: how finely lanes are told that hold much, 2 … 1500.

    Raises:
        NotFound: the tag has no list of one of the types.
        ClientError: the service refuses, or does not answer.

    """
    window = _window(client, tag, begin, end, as_of)
    told, found = _lanes(client, tag, {**window, "as_of": as_of, "buckets": buckets})
    found["lanes"] = _chosen(found["lanes"], types, tag)
    notation, ends = _told(client, tag, found, as_of)
    axis, lanes = lanes_of(found["lanes"], found["edges"], notation, ends)
    if axis.breaks and buckets < MOST_BUCKETS:
        # Where little is drawn of the axis, the buckets are too wide for what is.
        return timeline(
            client, tag, begin=begin, end=end, types=types, as_of=as_of, buckets=MOST_BUCKETS
        )
    reaches = " … ".join(notation.write(each) for each in axis.window)
    subtitle = f"{_as_of(client, found['change'], told.change)}   {reaches}"
    return found, Picture(tag.partition("@")[0], subtitle, axis, notation, lanes)


def _as_of(client: "Client", change: int, head: int | None) -> str:
    """Return as of which change a picture is, of what day, and which one the tag had last."""
    day = ""
    with suppress(ClientError):
        # Whoever may not read the log gets the picture all the same.
        day = f" of {client.changes.show(change)['at'][:10]}"
    last = "" if head in {change, None} else f", the tag's last one is {head}"
    return f"as of change {change}{day}{last}"


def _window(
    client: "Client", tag: str, begin: str | None, end: str | None, as_of: int | str | None
) -> dict[str, str | None]:
    if (begin is None) == (end is None):
        return {"begin": begin, "end": end}
    # The axis goes on for ever where the data do not.
    edges = client.global_tags.timeline(tag, buckets=2, lanes=1, as_of=as_of).body["edges"]
    first, last = (_pair(each) for each in (edges[0], edges[-1]))
    begin, end = begin or first, end or last
    try:
        client.global_tags.timeline(tag, begin=begin, end=end, buckets=2, lanes=1, as_of=as_of)
    except Invalid as error:
        told = f"{error.detail} The tag reaches from {edges[0]} to {edges[-1]}."
        raise Invalid(error.status, error.code, told) from None
    return {"begin": begin, "end": end}


def _lanes(client: "Client", tag: str, asked: dict[str, Any]) -> tuple[Answer, dict[str, Any]]:
    """Return an answer, and what it and further ones tell of all lanes."""
    told = client.global_tags.timeline(tag, **asked)
    found: dict[str, Any] = told.body
    name = tag.partition("@")[0]
    while 0 < len(found["lanes"]) < found["lists"]:
        # As of the same change, so that all lanes are of one state of the tag.
        pinned = {**asked, "as_of": found["change"], "offset": len(found["lanes"])}
        page = client.global_tags.timeline(name, **pinned).body["lanes"]
        if not page:
            break
        found["lanes"] += page
    return told, found


def _chosen(lanes: list[dict[str, Any]], types: Sequence[str], tag: str) -> list[dict[str, Any]]:
    known = {each["payload_type"] for each in lanes}
    if missing := [each for each in types if each not in known]:
        raise NotFound(404, None, f"{tag} has no payload list of {', '.join(missing)}.")
    return [each for each in lanes if not types or each["payload_type"] in types]


def _told(
    client: "Client",
    tag: str,
    found: dict[str, Any],
    as_of: int | str | None,
) -> tuple[Notation, dict[str, Point]]:
    """Return the notation of a tag's points, and where the last interval of each type ends."""
    names = {each["payload_type"] for each in found["lanes"]}
    major, minor = _before(point_of(found["edges"][-1]))
    asked = {
        "gtName": tag,
        "majorIOV": major,
        "minorIOV": minor,
        "shape": "dict",
        "expired": "include",
        "asOf": as_of,
    }
    rows = client.service.get("payload-iovs/query", asked)
    ends = {
        each["payload_type_name"]: (each["major_iov_end"], each["minor_iov_end"]) for each in rows
    }
    shown = [each["dimension"] for each in rows if each["payload_type_name"] in names]
    return notation(client, shown), ends


def notation(client: "Client", dimensions: Sequence[str | None]) -> Notation:
    """Return how points are written whose types have these dimensions."""
    with suppress(ClientError):
        # A picture with plain numbers is better than none.
        return common(dimensions, client.service.get("plugins"))
    return Notation()


def _before(point: Point) -> Point:
    if point == OPEN:
        return MAX, MAX - 1
    major, minor = point
    return (major, minor - 1) if minor else (max(major - 1, 0), MAX)


def gaps(
    client: "Client", tag: str, found: dict[str, Any], as_of: int | str | None
) -> Iterator[dict[str, Any]]:
    """Yield the gaps of the lanes that are shown, in the window that is shown."""
    start, end = (_pair(each) for each in (found["edges"][0], found["edges"][-1]))
    names = {each["payload_type"] for each in found["lanes"]}
    for each in client.global_tags.gaps(tag, begin=start, end=end, as_of=as_of):
        if each["payload_type"] in names:
            yield each


def _pair(edge: str) -> str | None:
    # The end of the axis is no point that can be asked for.
    return None if point_of(edge) == OPEN else edge


def notation_of_types(client: "Client", rows: Sequence[Mapping[str, Any]]) -> Notation:
    """Return how points are written of the payload types in these rows."""
    names = {row["payload_type"] for row in rows}
    with suppress(ClientError):
        types = client.service.get("payload-types")
        return notation(client, [each["dimension"] for each in types if each["name"] in names])
    return Notation()
