"""Pictures in letters: in colour on a terminal, by shading elsewhere, in ASCII where need be."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import click

from cdb_client.pictures import diffs
from cdb_client.pictures.axis import Axis, Tick
from cdb_client.pictures.lanes import Lane, Picture, Piece
from cdb_client.pictures.notation import Notation

COLOURS = (32, 208, 36, 169, 178, 104)
"""Of the 256; each can be seen on black and on white, and told apart by the colour-blind."""

KINDS = (36, 208, 32)
"""What is added, removed and changed."""

_BLACK, _GREY = 16, 248
_FEWEST_COLUMNS = 10
_LONGEST_NAME = 32
_TICK_EVERY = 14
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Style:
    """What can be drawn with.

    Attributes:
        coloured: whether colours tell what differs; otherwise the letters of `full` do.
        full: letters for what is covered.
        levels: letters for what is partly covered, from little to much.
        left: letters whose left part is filled, from little to much; none without colours.
        border: where an interval begins that has the payload of the one before.
        goes_on: after a lane that goes on.
        is_open: after a lane that has no end.
        began: before a lane that began before the picture does.
        corner, line, tick, cut: of the axis.
        ellipsis: in a name that is too long.

    """

    coloured: bool
    full: str
    levels: str
    left: str = ""
    border: str = "▐"
    goes_on: str = "▶"
    is_open: str = "∞"
    began: str = "◀"
    corner: str = "└"
    line: str = "─"
    tick: str = "┬"
    cut: str = "╌"
    ellipsis: str = "…"


COLOURED = Style(True, "█", "▁▂▃▄▅▆▇", "▏▎▍▌▋▊▉", border="▏")
SHADED = Style(False, "█▓▒", "▁▂▃▄▅▆▇")
ASCII = Style(False, "#=%", ".:", "", "|", ">", "*", "<", "+", "-", "|", "~", "~")


_WORDS = {ord("…"): "...", ord("→"): "->", ord("∞"): "(no end)"}


def style_for(encoding: str, *, coloured: bool) -> Style:
    """Return how to draw where text has an encoding.

    Args:
        encoding: of the terminal or the pipe.
        coloured: whether colours are shown.

    """
    try:
        "".join(
            (COLOURED.levels, COLOURED.left, SHADED.full, "▐▶∞◀└─┬╌…→"),
        ).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return COLOURED if coloured else SHADED


@dataclass(frozen=True, slots=True)
class Cell:
    """A letter, and its colours of the 256."""

    letter: str
    front: int | None = None
    back: int | None = None
    swapped: bool = False


_EMPTY = Cell(" ")
_SEVERAL = "*"


def draw(picture: Picture, width: int, style: Style, *, is_diff: bool = False) -> Iterator[str]:
    """Yield the lines of a picture of a tag, or of a comparison of two.

    Args:
        picture: what is drawn.
        width: columns that there are.
        style: what can be drawn with.
        is_diff: whether colours mean what `diffs` says.

    """
    frame = Frame.of(picture, width, style)
    title = _in_words(picture.title, style)
    yield click.style(title, bold=True) if style.coloured else title
    yield _in_words(picture.subtitle, style)
    yield ""
    drawn = signs if is_diff else cells
    for lane in picture.lanes:
        yield frame.line(lane, list(drawn(lane.pieces, frame.columns, style)), is_diff=is_diff)
    if not any(lane.pieces for lane in picture.lanes):
        yield "There are no payload IOVs here."
        return
    yield from frame.axis(picture.axis, picture.notation)
    yield ""
    yield _legend_of_signs(style) if is_diff else _legend(picture, style)


@dataclass(frozen=True, slots=True)
class Frame:
    """How the lines of a picture are parted: name, lane, and what is noted beside it."""

    names: int
    columns: int
    notes: int
    style: Style

    @classmethod
    def of(cls, picture: Picture, width: int, style: Style) -> "Frame":
        """Return the frame of a picture for a width; lanes have at least 10 columns."""
        notes = max((len(lane.note) for lane in picture.lanes), default=0)
        named = [lane.name for lane in picture.lanes]
        longest = max(map(len, [*named, picture.notation.caption]))
        names = min(longest, _LONGEST_NAME, max(width // 3, 8))
        return cls(names, max(width - names - notes - 5, _FEWEST_COLUMNS), notes, style)

    def line(self, lane: Lane, cells: Sequence[Cell], *, is_diff: bool) -> str:
        """Return the line of a lane."""
        before = self.style.began if lane.began else " "
        after = self._after(lane, KINDS if is_diff else COLOURS)
        drawn = _joined(cells)
        return f"{self._short(lane.name)} {before}{drawn}{after} {lane.note:>{self.notes}}"

    def axis(self, axis: Axis, notation: Notation) -> Iterator[str]:
        """Yield the line with the ticks, and the one with what they stand for."""
        style = self.style
        line = [style.line] * self.columns
        for start, end in axis.gaps:
            for column in range(round(start * self.columns), round(end * self.columns)):
                line[column] = style.cut
        labels = [" "] * (self.columns + self.notes + 4)
        free = 0
        for column, label in self._ticks(axis, notation):
            line[column] = style.tick
            begin = min(max(column - len(label) // 2, free, 0), len(labels) - len(label))
            labels[begin : begin + len(label)] = label
            free = begin + len(label) + 1
        yield " " * (self.names + 1) + style.corner + "".join(line)
        caption = notation.caption[: self.names]
        yield f"{caption:>{self.names}}  {''.join(labels).rstrip()}".rstrip()

    def _ticks(self, axis: Axis, notation: Notation) -> list[tuple[int, str]]:
        """Return the ticks that have room: no label touches the next one."""
        ticks: list[Tick] = []
        for count in range(max(self.columns // _TICK_EVERY, 2), 0, -1):
            wanted = axis.ticks(notation, count)
            ticks = _thinned(wanted, self.columns)
            # The last one may go: it often is the end of the picture.
            if len(ticks) >= len(wanted) - 1:
                break
        return [(min(int(place * self.columns), self.columns - 1), text) for place, text in ticks]

    def _after(self, lane: Lane, colours: Sequence[int]) -> str:
        if not lane.goes_on:
            return " "
        sign = self.style.is_open if lane.is_open else self.style.goes_on
        front = colours[lane.pieces[-1].colour] if self.style.coloured else None
        return _joined([Cell(sign, front)])

    def _short(self, name: str) -> str:
        name = _in_words(name, self.style)
        if len(name) > self.names:
            kept = self.names - 1
            name = name[: kept - kept // 3] + self.style.ellipsis + name[len(name) - kept // 3 :]
        return f"{name:{self.names}}"


def _in_words(text: str, style: Style) -> str:
    """Return text from the network so that it can neither steer a terminal nor break a line."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown.translate(_WORDS) if style is ASCII else shown


def _thinned(ticks: Sequence[Tick], columns: int) -> list[Tick]:
    kept: list[Tick] = []
    free = -math.inf
    for place, text in ticks:
        if place * columns - len(text) / 2 >= free:
            kept.append((place, text))
            free = place * columns + len(text) / 2 + 2
    return kept


# --- cells ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """What a piece covers of a column, from 0 to 1 of it."""

    start: float
    end: float
    fill: float
    colour: int
    begins: bool


def columns_of(pieces: Sequence[Piece], columns: int) -> Iterator[list[Part]]:
    """Yield what pieces cover of each column, in order."""
    found: list[list[Part]] = [[] for _ in range(columns)]
    for piece in pieces:
        start, end = piece.start * columns, piece.end * columns
        first = min(int(start + _EPSILON), columns - 1)
        # What is too narrow to be seen is drawn all the same.
        last = max(min(int(end - _EPSILON), columns - 1), first)
        for column in range(first, last + 1):
            left, right = max(start - column, 0.0), min(end - column, 1.0)
            begins = piece.begins and column == first
            found[column].append(Part(left, right, piece.fill, piece.colour, begins))
    yield from found


def cells(pieces: Sequence[Piece], columns: int, style: Style) -> Iterator[Cell]:
    """Yield the cells of a lane, a letter for each column."""
    if not style.coloured:
        pieces = _shaded(pieces, len(style.full))
    before: int | None = None
    for parts in columns_of(pieces, columns):
        yield _cell(parts, before, style) if parts else _EMPTY
        before = parts[-1].colour if parts and parts[-1].end > 1 - _EPSILON else None


def _shaded(pieces: Sequence[Piece], shades: int) -> list[Piece]:
    """Return pieces with so many colours only, where neighbours still differ."""
    found: list[Piece] = []
    for number, piece in enumerate(pieces):
        shade = piece.colour % shades
        if number and pieces[number - 1].colour == piece.colour:
            shade = found[-1].colour
        elif number and found[-1].colour == shade:
            shade = (shade + 1) % shades
        found.append(Piece(piece.start, piece.end, piece.fill, shade, piece.begins))
    return found


def _cell(parts: Sequence[Part], before: int | None, style: Style) -> Cell:
    covered = sum((part.end - part.start) * part.fill for part in parts)
    main = max(parts, key=lambda part: (part.end - part.start) * part.fill).colour
    front = _front(main, style)
    if covered < 1 - _EPSILON:
        return _partly(parts, covered, front, style)
    colours = [colour for colour, _ in groupby(part.colour for part in parts)]
    if len(colours) == 1 and _has_border(parts, before):
        return Cell(style.border, _BLACK if style.coloured else None, front)
    if style.left and len(colours) == 2:
        eighths = round(8 * sum(p.end - p.start for p in parts if p.colour == colours[0]))
        if 0 < eighths < 8:
            first, second = (_front(colour, style) for colour in colours)
            return Cell(style.left[eighths - 1], first, second)
    return Cell(style.full[0 if style.coloured else main], front)


def _has_border(parts: Sequence[Part], before: int | None) -> bool:
    """Return whether an interval begins here that has the payload of the one before it."""
    return (parts[0].begins and before == parts[0].colour) or any(
        part.begins for part in parts[1:]
    )


def _partly(parts: Sequence[Part], covered: float, front: int | None, style: Style) -> Cell:
    is_whole = all(part.fill == 1 for part in parts)
    is_one = all(one.end > other.start - _EPSILON for one, other in pairwise(parts))
    if style.left and is_whole and is_one:
        eighths = min(max(round(8 * covered), 1), 7)
        if parts[0].start < _EPSILON:
            return Cell(style.left[eighths - 1], front)
        if parts[-1].end > 1 - _EPSILON:
            return Cell(style.left[7 - eighths], front, swapped=True)
    levels = style.levels
    return Cell(levels[min(int(covered * (len(levels) + 1)), len(levels) - 1)], front)


def _front(colour: int, style: Style) -> int | None:
    return COLOURS[colour] if style.coloured else None


def _joined(cells: Sequence[Cell]) -> str:
    """Return cells as text; the colours are said once for cells that have the same."""
    runs = groupby(cells, key=lambda cell: (cell.front, cell.back, cell.swapped))
    return "".join(
        click.style(text, fg=front, bg=back, reverse=swapped or None)
        if front is not None or back is not None
        else text
        for (front, back, swapped), run in runs
        for text in ["".join(cell.letter for cell in run)]
    )


def signs(pieces: Sequence[Piece], columns: int, style: Style) -> Iterator[Cell]:
    """Yield the cells of a lane of a comparison: a sign for each column."""
    for parts in columns_of(pieces, columns):
        kinds = {part.colour for part in parts}
        yield _sign(*kinds, style=style) if kinds else _EMPTY


def _sign(kind: int, *others: int, style: Style) -> Cell:
    sign, back = (_SEVERAL, _GREY) if others else (diffs.SIGNS[kind], KINDS[kind])
    return Cell(sign, _BLACK, back) if style.coloured else Cell(sign)


def _legend_of_signs(style: Style) -> str:
    told = [
        f"{_joined([_sign(kind, style=style)])} {meaning}"
        for kind, meaning in enumerate(diffs.MEANINGS)
    ]
    return "   ".join([*told, f"{_joined([_sign(0, 1, style=style)])} several"])


def _legend(picture: Picture, style: Style) -> str:
    lanes = picture.lanes
    several = _joined(
        [Cell(style.full[0], _front(0, style)), Cell(style.full[-1], _front(1, style))]
    )
    told = [f"{several} one payload, the next"]
    signs = {
        style.levels[0] + style.levels[-1]: "partly covered",
        style.began: any(lane.began for lane in lanes) and "began before",
        style.goes_on: any(lane.goes_on and not lane.is_open for lane in lanes) and "goes on",
        style.is_open: any(lane.goes_on and lane.is_open for lane in lanes) and "has no end",
        style.cut * 2: bool(picture.axis.breaks) and "axis cut short",
    }
    told += [f"{sign} {meaning}" for sign, meaning in signs.items() if meaning]
    return "   ".join([*told, "at the right: payload IOVs"])
