"""Questions to a global tag: what is asked, and at which point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import index
from typing import Any

from cdb_client.conditions import ALL, Places
from cdb_client.errors import NotationError
from cdb_client.notation import BUILT_IN, Components, point_of, point_of_time
from cdb_client.points import MAX, Point, is_number

Written = int | str | datetime | Point
"""A number of a point, or a point: in a notation, as a time, or as its two numbers."""

Dimensions = Mapping[str, Components]
"""The dimensions of a tag's payload types, with what they call the two numbers of a point."""

_UNUSED = "none"
"""What a dimension calls a number that it has no use for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of some global tags, wherever it is asked.

    Attributes:
        tags: for each payload type, the first one that covers the point wins.
        as_of: a change, or a time in ISO 8601; None for the latest state.
        types: the payload types that are asked for; None for all.
        expired: also what has ended, up to the next start.
        complete: whether a type that nothing covers is an error.

    """

    tags: tuple[str, ...]
    as_of: str | None = None
    types: tuple[str, ...] | None = None
    expired: bool = False
    complete: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """The query string that asks it, without a point."""
        return {
            "gtName": self.tags,
            "asOf": self.as_of,
            "types": self.types,
            "expired": "include" if self.expired else None,
            "complete": self.complete,
        }


def question(
    tag: str | Sequence[str],
    as_of: int | str | datetime | None = None,
    types: str | Sequence[str] | None = None,
    *,
    expired: bool = False,
    complete: bool = False,
) -> Question:
    """Return what a caller asks, in one form; the order of types is none of the question."""
    tags = (tag,) if isinstance(tag, str) else tuple(tag)
    if not tags:
        raise ValueError("A question needs a global tag.")
    wanted = (types,) if isinstance(types, str) else types
    return Question(
        tags,
        written_moment(as_of),
        None if wanted is None else tuple(sorted(set(wanted))),
        expired,
        complete,
    )


def written_moment(as_of: int | str | datetime | None) -> str | None:
    """Return a change or a time as the service reads it."""
    if as_of is None:
        return None
    return as_of.isoformat() if isinstance(as_of, datetime) else str(as_of)


def numbers(point: Sequence[Any]) -> Point | None:
    """Return the point that one or two numbers are; None for anything else.

    Raises:
        NotationError: a number is out of range.

    """
    if not 1 <= len(point) <= 2:
        return None
    try:
        # Those of NumPy, too, which are no int; and True is none.
        found = [index(each) for each in point if not isinstance(each, bool)]
    except TypeError:
        return None
    if len(found) < len(point):
        return None
    if not all(map(is_number, found)):
        raise NotationError(f"{point!r} is no point: numbers go from 0 to {MAX}.")
    return found[0], found[1] if len(found) == 2 else 0


def places_of_notation(written: str | datetime, dimensions: Dimensions) -> Places:
    """Return where one notation asks, of a tag that has these dimensions.

    Raises:
        NotationError: it means no point, or it is not clear of which dimension it is.

    """
    if isinstance(written, str):
        name, separator, notation = written.partition(":")
        if separator and name in dimensions:
            return places_by_dimension({name: notation}, dimensions)
    if len(dimensions) > 1:
        raise NotationError(
            f"{written!r} names none of the tag's dimensions: {_all(dimensions)}. "
            "Give a mapping with a point for each."
        )
    for name in dimensions:
        return places_by_dimension({name: written}, dimensions)
    # An empty tag has no dimension; the service reads the notation in its own.
    return {ALL: written if isinstance(written, str) else point_of_time(written)}


def places_by_dimension(written: Mapping[str, Written], dimensions: Dimensions) -> Places:
    """Return where a point for each dimension asks.

    Raises:
        NotationError: the tag has no such dimension, or a notation means no point.

    """
    for name in written:
        if dimensions and name not in dimensions:
            raise NotationError(f"The tag has no dimension {name!r}; it has {_all(dimensions)}.")
    places = {name: _place(name, point) for name, point in written.items()}
    # Numbers are all that there is to a point where all types have one dimension.
    return {ALL: next(iter(places.values()))} if len(dimensions) <= 1 else places


def places_of_components(
    given: Mapping[str, int | str | datetime], dimensions: Dimensions
) -> Places:
    """Return where the numbers of a point ask that are given by what dimensions call them.

    The second number of a dimension may be left out: it is 0 then.

    Raises:
        NotationError: a name is none of the tag's, or one of two dimensions; or a first
            number is missing.

    """
    known = dimensions or BUILT_IN
    owners = {name: [each for each, parts in known.items() if name in parts] for name in given}
    for name, names in owners.items():
        if not names or name == _UNUSED:
            raise NotationError(f"The tag has no {name!r}: it is asked by {_all(known)}.")
        if len(names) > 1:
            raise NotationError(
                f"{name!r} is a number of several dimensions: {_all(known)}. Give a mapping "
                "with a point for each."
            )
    found: dict[str, Written] = {}
    for dimension, (major, minor) in known.items():
        asked = {name: value for name, value in given.items() if owners[name] == [dimension]}
        if not asked:
            continue
        if major not in asked:
            raise NotationError(f"{next(iter(asked))!r} needs {major!r} beside it.")
        is_alone = minor == _UNUSED
        found[dimension] = asked[major] if is_alone else _pair(asked[major], asked.get(minor, 0))
    return places_by_dimension(found, dimensions)


def _pair(major: object, minor: object) -> Point:
    pair = numbers([major, minor])
    if pair is None:
        raise NotationError(f"{major!r} and {minor!r} are not two numbers.")
    return pair


def _place(dimension: str, written: Written) -> Point | str:
    if isinstance(written, datetime):
        if dimension != "utc-time":
            raise NotationError(f"A time is no point of the dimension {dimension!r}.")
        return point_of_time(written)
    if isinstance(written, str):
        return point_of(dimension, written) or written
    point = numbers(written if isinstance(written, tuple | list) else [written])
    if point is None:
        raise NotationError(f"{written!r} is no point: two numbers, or a text.")
    return point


def _all(dimensions: Dimensions) -> str:
    """Return all dimensions as a sentence shows them, with what they call their numbers."""
    return ", ".join(
        f"{name} ({', '.join(part for part in parts if part != _UNUSED)})"
        for name, parts in dimensions.items()
    )
