"""Plots of how cost grows."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from harness.growth import SIZES, USUAL
from harness.results import Result

TEXT = f"""\
Left: milliseconds, medians, as a tag of 100 lists gets more IOVs in each; middle: as a tag gets
more lists, with 200 IOVs in each. Queries there come from {USUAL} connections at random points,
the rest from one client. Right: queries a second at random points of 100 lists × 1,000 IOVs, with
more and more connections. Of a small tag a process has most answers soon, unless it keeps none
(`cdb.answers_mb = 0`): then it is the growth of the query by SQL that is seen.
"""

WORKS = {
    "query.random": "query",
    "pairs": "insert and attach",
    "clone": "clone",
    "clone.first_write": "first write through a clone",
}

LINES = ("-", "--", ":", "-.")
"""Of the first, second … variant."""


def draw(path: Path, results: Sequence[Result]) -> Path:
    """Draw how cost grows, for each variant; return where."""
    # The same figures give the same file.
    with mpl.rc_context({"svg.hashsalt": "cdb", "svg.fonttype": "none", "font.size": 9}):
        canvas = Canvas(figsize=(12, 3.8), layout="constrained")
        axes = canvas.subplots(1, 3)
        for result, line in zip(results, LINES, strict=False):
            for axis, what in zip(axes, SIZES, strict=False):
                _times(axis, result, what, line)
            _rates(axes[2], result, line)
        for axis, what in zip(axes, (*SIZES, "connections"), strict=True):
            axis.set(xscale="log", xlabel=what)
            axis.xaxis.set_major_formatter("{x:g}")
            axis.grid(visible=True, which="major", alpha=0.3)
            axis.legend(fontsize=7)
        canvas.savefig(path, metadata={"Date": None})
    return path


def _times(axis: Axes, result: Result, what: str, line: str) -> None:
    for number, (work, title) in enumerate(WORKS.items()):
        points = [
            (size, figure.median_ms)
            for size, figures in result.sweeps[what]
            for figure in figures
            if figure.work == work
        ]
        label = f"{title}, {result.variant}"
        axis.plot(*zip(*points, strict=True), line, marker="o", color=f"C{number}", label=label)
    axis.set(yscale="log", ylabel="ms")
    low, high = (math.log10(edge) for edge in axis.get_ylim())
    # Whole decades: else noise looks like growth.
    axis.set_ylim(10 ** math.floor(low), 10 ** math.ceil(high))
    axis.yaxis.set_major_formatter("{x:g}")


def _rates(axis: Axes, result: Result, line: str) -> None:
    points = [(size, figures[0].rate) for size, figures in result.sweeps["connections"]]
    axis.plot(*zip(*points, strict=True), line, marker="o", color="C0", label=result.variant)
    axis.set(ylabel="queries a second", ylim=(0, None))
