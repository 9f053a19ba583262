"""Pictures by matplotlib: for a talk, a paper or a notebook."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdb_client.errors import ConfigError
from cdb_client.pictures import diffs
from cdb_client.pictures.lanes import Lane, Picture, Piece

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Of Okabe and Ito, which the colour-blind can tell apart."""

KINDS = ("#009e73", "#d55e00", "#0072b2")
"""Added, removed and changed."""

_HATCHES = ("///", "\\\\\\", "xx")
_FORMATS = (".pdf", ".png", ".svg")
_WIDTH = 10.0
_LANE, _LOW_LANE = 0.26, 0.16
_MANY = 60
"""Lanes, beyond which each is low and named in small print."""

_FEWEST_INCHES, _MOST_INCHES = 0.6, 60.0
_AROUND = 1.35
_LONGEST_NAME = 40
_HALF = 0.36
"""Half the height of a bar; lanes are 1 apart."""

_LOWEST = 0.08
_UNSEEN = 1 / 5000
"""What of the width is less than a hair in print."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "hatch.linewidth": 0.5,
    # The same picture is the same file, whenever and wherever it is made.
    "svg.hashsalt": "cdb",
    "svg.fonttype": "none",
}


def save(picture: Picture, path: str, *, is_diff: bool = False) -> None:
    """Draw a picture into a file; the same picture makes the same SVG.

    Args:
        picture: what is drawn.
        path: ends in .svg, .png or .pdf.
        is_diff: whether colours mean what `diffs` says.

    Raises:
        ConfigError: matplotlib is missing, or the file has another ending, or cannot be
            written.

    """
    ending = Path(path).suffix.lower()
    if ending not in _FORMATS:
        raise ConfigError(f"{path} has to end in {', '.join(_FORMATS)}.")
    matplotlib = _matplotlib()
    with matplotlib.rc_context(_STYLE):
        figure = new_figure(len(picture.lanes))
        draw(picture, figure.add_subplot(), is_diff=is_diff)
        nothing = {".svg": {"Date": None, "Creator": None}, ".pdf": {"CreationDate": None}}
        try:
            figure.savefig(path, dpi=200, bbox_inches="tight", metadata=nothing.get(ending))
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None


def new_figure(lanes: int) -> "Figure":
    """Return a figure with room for so many lanes; it belongs to no window.

    Raises:
        ConfigError: matplotlib is missing.

    """
    _matplotlib()
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to import

    wanted = lanes * (_LOW_LANE if lanes > _MANY else _LANE)
    inches = min(max(wanted, _FEWEST_INCHES), _MOST_INCHES)
    return Figure(figsize=(_WIDTH, inches + _AROUND), layout="constrained")


def draw(picture: Picture, ax: "Axes", *, is_diff: bool = False) -> None:
    """Draw a picture into axes of matplotlib."""
    if not is_diff:
        _draw_lanes(ax, picture.lanes)
    for number, lane in enumerate(picture.lanes):
        if is_diff:
            _draw_kinds(ax, lane, number)
        if lane.goes_on:
            sign = "∞" if lane.is_open else "▸"
            ax.text(1.006, number, sign, va="center", ha="left", fontsize=9, color="0.25")
        ax.text(1.03, number, lane.note, va="center", ha="left", fontsize=7, color="0.45")
    _frame(picture, ax)
    _legend(picture, ax, is_diff=is_diff)


def _matplotlib() -> Any:
    try:
        import matplotlib as found  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise ConfigError(
            "To draw into a file matplotlib is needed: pip install 'hep-cdb-client[plot]'."
        ) from None
    return found


def _draw_lanes(ax: "Axes", lanes: Sequence[Lane]) -> None:
    """Draw all lanes as one collection: matplotlib takes long for thousands of bars."""
    from matplotlib.collections import PolyCollection  # noqa: PLC0415 - as above

    pieces = [
        (number, piece) for number, lane in enumerate(lanes) for piece in _joined(lane.pieces)
    ]
    colours = [PALETTE[piece.colour] for _, piece in pieces]
    bars = PolyCollection(
        [_bar(piece, number) for number, piece in pieces],
        facecolors=colours,
        # An edge keeps what is narrow visible.
        edgecolors=colours,
        linewidths=0.3,
    )
    ax.add_collection(bars, autolim=False)
    for number, lane in enumerate(lanes):
        borders = [
            after.start
            for before, after in pairwise(lane.pieces)
            if after.begins and after.colour == before.colour and after.start == before.end
        ]
        if all(piece.fill == 1 for piece in lane.pieces):
            ax.vlines(borders, number - _HALF, number + _HALF, colors="0.1", linewidth=0.5)


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Yield pieces, of one colour as one where nobody could see what is between them."""
    pending: Piece | None = None
    for piece in pieces:
        if pending and _is_one(pending, piece):
            pending = replace(pending, end=piece.end)
            continue
        if pending:
            yield pending
        pending = piece
    if pending:
        yield pending


def _is_one(before: Piece, after: Piece) -> bool:
    is_alike = (before.colour, before.fill) == (after.colour, after.fill)
    return is_alike and after.start - before.end < _UNSEEN


def _bar(piece: Piece, number: int) -> list[tuple[float, float]]:
    bottom = number + _HALF
    top = bottom - 2 * _HALF * max(piece.fill, _LOWEST)
    return [(piece.start, bottom), (piece.start, top), (piece.end, top), (piece.end, bottom)]


def _draw_kinds(ax: "Axes", lane: Lane, number: int) -> None:
    for kind, colour in enumerate(KINDS):
        pieces = [piece for piece in lane.pieces if piece.colour == kind]
        spans = [(piece.start, max(piece.end - piece.start, 0.0015)) for piece in pieces]
        if spans:
            ax.broken_barh(
                spans,
                (number - _HALF, 2 * _HALF),
                facecolors=colour,
                edgecolors="white",
                hatch=_HATCHES[kind],
                linewidth=0.4,
            )
        for piece in pieces:
            if piece.end - piece.start > 0.015:
                ax.text(
                    (piece.start + piece.end) / 2,
                    number,
                    diffs.SIGNS[kind].replace("-", "−"),
                    va="center",
                    ha="center",
                    color="white",
                    fontsize=10,
                    fontweight="bold",
                    bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
                )


def _frame(picture: Picture, ax: "Axes") -> None:
    lanes = picture.lanes
    ax.set_xlim(0, 1)
    ax.set_ylim(len(lanes) - 0.4, -0.6)
    ax.set_yticks(
        range(len(lanes)),
        [_short(lane.name) for lane in lanes],
        fontsize=6 if len(lanes) > _MANY else 8,
    )
    ticks = picture.axis.ticks(picture.notation, 7)
    kept = [tick for number, tick in enumerate(ticks) if _has_room(ticks, number)]
    ax.set_xticks([place for place, _ in kept], [text for _, text in kept], fontsize=8)
    ax.set_xlabel(picture.notation.caption, fontsize=9)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    for start, end in picture.axis.gaps:
        ax.axvspan(
            start, end, facecolor="none", edgecolor="0.85", hatch="////", linewidth=0, zorder=0
        )
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.set_title(picture.title, loc="left", fontsize=13, fontweight="bold", pad=22)
    ax.text(
        0,
        1,
        picture.subtitle,
        transform=ax.transAxes,
        fontsize=8,
        color="0.35",
        va="bottom",
        ha="left",
    )


def _has_room(ticks: Sequence[tuple[float, str]], number: int) -> bool:
    if number == 0:
        return True
    (before, text), (place, own) = ticks[number - 1], ticks[number]
    return (place - before) * 130 > (len(text) + len(own)) / 2 + 1


def _legend(picture: Picture, ax: "Axes", *, is_diff: bool) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra, and slow to import

    if is_diff:
        handles = [
            Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=f"{sign} {meaning}")
            for colour, hatch, sign, meaning in zip(
                KINDS, _HATCHES, diffs.SIGNS.replace("-", "−"), diffs.MEANINGS, strict=True
            )
        ]
    else:
        handles = [
            Patch(facecolor=PALETTE[0], label="one payload"),
            Patch(facecolor=PALETTE[1], label="the next"),
        ]
    if picture.axis.breaks:
        handles.append(
            Patch(facecolor="none", edgecolor="0.7", hatch="////", label="axis cut short")
        )
    ax.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(handles),
        frameon=False,
        fontsize=7,
        handlelength=1.2,
        columnspacing=1.2,
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:26]}…{name[-13:]}"
