"""What a question at a point is answered with: payload IOVs, and how far that holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from operator import index
from pathlib import Path
from typing import Any, TypeVar

from cdb_client.points import LAST, OPEN, Interval, Point, after, checked

Places = Mapping[str, Point | str]
"""Where a question is asked: a point for each dimension, as a text where only the service can
read it. Under an empty name stands the one for all payload types."""

_Each = TypeVar("_Each")

ALL = ""
"""Stands for all dimensions: the types are asked at one point."""


COLUMNS = (
    "payload_type_name",
    "payload_url",
    "checksum",
    "size",
    "major_iov",
    "minor_iov",
    "major_iov_end",
    "minor_iov_end",
    "revision",
)
"""What a row of the query has, in this order."""


@dataclass(frozen=True, slots=True)
class PayloadIOV:
    """A payload and the interval in which it is valid.

    Attributes:
        payload_type: its name.
        payload_url: where its file lies, below what the site has mounted or the service's
            base URL for payloads.
        checksum: of the file: MD5 or SHA-256, or what the writer gave.
        size: of the file in bytes; None where the writer gave none.
        start: the first point of the interval, as (major, minor).
        end: the first point after it, in any IOV mode of the service.
        revision: of the payload; None where it has none.
        global_tag: the tag that it was found in; None where the service does not say.
        dimension: in whose notation its points are written; None where it is not said.
        written: start and end in that notation; the end is meant as the dimension says.

    """

    payload_type: str
    payload_url: str
    checksum: str
    size: int | None
    start: Point
    end: Point
    revision: str | None = None
    global_tag: str | None = None
    dimension: str | None = field(default=None, compare=False)
    written: tuple[str, str] | None = field(default=None, compare=False)

    @property
    def is_open(self) -> bool:
        """Whether the interval never ends."""
        return self.end == OPEN

    def __contains__(self, point: object) -> bool:
        return isinstance(point, tuple) and self.start <= point < self.end


def payload_iov(row: Mapping[str, Any], mode: str, tag: str | None = None) -> PayloadIOV:
    """Return the payload IOV of an answer's object.

    Args:
        row: with the names that the service uses.
        mode: of the service, `continuous` or `discrete`; in the latter, ends are the last
            point that is valid.
        tag: that was asked, where the row does not say.

    Raises:
        KeyError: something is missing.
        TypeError: something is of another kind.
        ValueError: a number is none of a point.

    """
    end = checked(row["major_iov_end"], row["minor_iov_end"])
    is_written = "begin" in row and "end" in row
    size = row["size"]
    return PayloadIOV(
        payload_type=_text(row.get("payload_type_name") or row["payload_type"]),
        payload_url=_text(row["payload_url"]),
        checksum=_text(row["checksum"]),
        size=size if size is None else index(size),
        start=checked(row["major_iov"], row["minor_iov"]),
        end=after(end) if mode == "discrete" else end,
        revision=_text_or_none(row["revision"]),
        global_tag=_text_or_none(row.get("global_tag", tag)),
        dimension=_text_or_none(row.get("dimension")),
        written=(_text(row["begin"]), _text(row["end"])) if is_written else None,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is valid in a part of the axis.

    Attributes:
        payloads: by payload type.
        holds: where this answer stays the same, for each dimension of `Places`; empty
            where it is only known for the points that were asked.
        change: the last one that touched a tag that was asked; None where it is not said.
        as_of: the change that was asked as of; None for the latest.
        etag: what the service calls this answer.

    """

    payloads: Mapping[str, PayloadIOV]
    holds: Mapping[str, Interval]
    change: int | None = None
    as_of: int | None = None
    etag: str | None = None

    def covers(self, places: Places) -> bool:
        """Tell whether this is the answer at some points, too."""
        return bool(self.holds) and all(
            isinstance(place := places.get(name, places.get(ALL)), tuple)
            and start <= min(place, LAST) < end
            for name, (start, end) in self.holds.items()
        )


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Conditions(Mapping[str, PayloadIOV]):
    """The payloads that are valid at a point, by payload type; read-only.

    As any mapping, it is equal to what has the same payloads.

    Attributes:
        global_tags: that were asked, in this order.
        places: the point that was asked at, by dimension.
        answer: what holds there and around it.

    """

    global_tags: tuple[str, ...]
    places: Places
    answer: Answer
    _fetch: Callable[[PayloadIOV], Path] | None = None

    def __getitem__(self, payload_type: str) -> PayloadIOV:
        return self.answer.payloads[payload_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self.answer.payloads)

    def __len__(self) -> int:
        return len(self.answer.payloads)

    @property
    def global_tag(self) -> str:
        """The tag that was asked; of several, the first."""
        return self.global_tags[0]

    @property
    def point(self) -> Point | str | Places:
        """The point that was asked, as (major, minor), or by dimension where the tag has several.

        A notation that only the service can read stays as it is.
        """
        return _only(self.places)

    @property
    def change(self) -> int | None:
        """The last change that touched the tag; None where it is not said."""
        return self.answer.change

    @property
    def as_of(self) -> int | None:
        """The change that the tag was asked as of; None for the latest state."""
        return self.answer.as_of

    @property
    def etag(self) -> str | None:
        """What the service calls this answer."""
        return self.answer.etag

    @property
    def valid_from(self) -> Point | Mapping[str, Point]:
        """The first point at which all of this holds, or by dimension where there are several."""
        return _only({name: start for name, (start, _) in self._holds.items()})

    @property
    def valid_until(self) -> Point | Mapping[str, Point]:
        """The first point at which something else may hold; as `valid_from`."""
        return _only({name: end for name, (_, end) in self._holds.items()})

    @property
    def _holds(self) -> Mapping[str, Interval]:
        if self.answer.holds:
            return self.answer.holds
        known = {name: place for name, place in self.places.items() if isinstance(place, tuple)}
        return {name: (place, after(place)) for name, place in known.items()}

    def path(self, payload_type: str) -> Path:
        """Return a file with the payload of a type, which is fetched where it is not here.

        Raises:
            KeyError: no payload of this type is valid.
            PayloadError: no intact copy of it can be had.

        """
        payload = self[payload_type]
        if self._fetch is None:
            raise ValueError("These conditions come from no client.")
        return self._fetch(payload)

    def __repr__(self) -> str:
        types = "1 payload type" if len(self) == 1 else f"{len(self)} payload types"
        heading = f"{self._asked} ({types}{self._held})"
        return "\n".join([heading, *("  " + "  ".join(row) for row in _aligned(self._rows))])

    def _repr_html_(self) -> str:
        header = "".join(f"<th>{name}</th>" for name in ("type", "payload", "from", "until"))
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self._rows
        )
        caption = escape(f"{self._asked}{self._held}")
        return (
            f"<table><caption>{caption}</caption><thead><tr>{header}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )

    @property
    def _asked(self) -> str:
        at = ", ".join(f"{name} {_shown(place)}".strip() for name, place in self.places.items())
        return f"{' + '.join(self.global_tags)} at {at}"

    @property
    def _held(self) -> str:
        spans = [
            f"{name} [{_shown(start)}, {_shown(end)})".strip()
            for name, (start, end) in self._holds.items()
        ]
        return f", the same in {' and '.join(spans)}" if spans else ""

    @property
    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (each.payload_type, each.payload_url, *_interval(each))
            for each in self.answer.payloads.values()
        ]


def _only(by_name: Mapping[str, _Each]) -> _Each | Mapping[str, _Each]:
    """Return the one thing that there is for all dimensions, or what there is for each."""
    return by_name[ALL] if by_name.keys() == {ALL} else by_name


def _interval(payload: PayloadIOV) -> tuple[str, str]:
    return payload.written or (_shown(payload.start), _shown(payload.end))


def _shown(place: Point | str) -> str:
    if isinstance(place, str):
        return place
    return "open" if place == OPEN else f"{place[0]},{place[1]}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[list[str]]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
