"""The running update of `append`, slot by slot: what a list answers after it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from slots import Piece, RefusedError, Slots

from cdb.domain.points import OPEN, ORIGIN, Point


def appended(
    target: Slots, sources: Sequence[Slots], begin: Point, closed: str, *, full: bool
) -> Slots | None:
    """Return the slots of a list after an update; None where all stays as it is.

    Args:
        target: what the list holds.
        sources: what goes on, the first one winning.
        begin: where the update begins.
        closed: what becomes of what ends before the next one begins: `refuse`, `allow`, `fix`.
        full: whether an open interval ends where nothing goes on.

    """
    coming = _coming(sources, begin, closed) or [None] * len(target.slots)
    if not any(coming) and not full:
        return None
    held = target.intervals()
    if any(start >= begin or begin < end < OPEN for start, end, _ in held):
        raise RefusedError(409)
    size, place = len(target.slots), target.grid.index(begin)
    slots = [*target.slots[:place], *[None] * (size - place)]
    if held and held[-1][1] >= begin:
        _, end, last = held[-1]
        if end == OPEN:
            first = next((at for at, payload in enumerate(coming) if payload), place)
            coming[place:first] = [last.payload] * (first - place)
        stop = place
        while stop < size and coming[stop] == last.payload:
            stop += 1
        kept = _ending(last, end, target.grid[stop], is_followed=any(coming[stop : stop + 1]))
        slots = [kept if piece is last else piece for piece in slots]
        slots[place:stop] = [kept] * (stop - place)
        place = stop
    for payload, run in groupby(range(place, size), coming.__getitem__):
        places = [*run]
        if payload is not None:
            piece = Piece(payload, target.grid[places[-1] + 1])
            slots[places[0] : places[-1] + 1] = [piece] * len(places)
    return None if slots == target.slots else Slots(target.grid, slots)


def _coming(sources: Sequence[Slots], begin: Point, closed: str) -> list[str | None]:
    """Return what the sources answer from the begin on, together."""
    for start, end, _ in (each for of in sources for each in of.intervals()):
        if start < begin and (start > ORIGIN or end <= begin):
            raise RefusedError(409)
    layers = zip(*(of.answers() for of in sources), strict=True)
    first = sources[0].grid.index(begin) if sources else 0
    found = [
        next(filter(None, layer), None) if at >= first else None for at, layer in enumerate(layers)
    ]
    last = None
    for at, payload in enumerate(found):
        if payload is None and last is not None:
            if closed == "refuse":
                raise RefusedError(409)
            found[at] = last if closed == "fix" else None
        last = payload or last
    return found


def _ending(piece: Piece, end: Point, new: Point, *, is_followed: bool) -> Piece:
    """Return what answers up to another end; what follows at it gives the time back later."""
    if new == end:
        return piece
    declared = max(piece.declared, new) if is_followed else new
    return replace(piece, id=None, declared=declared)
