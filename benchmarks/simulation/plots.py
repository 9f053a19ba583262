"""The plots of docs/scaling.md."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulation.plans import Costs
from simulation.report import OPERATIONS
from simulation.scenarios import Results

_STYLE = {
    # The same figures give the same file.
    "svg.hashsalt": "cdb",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def draw(costs: Costs, results: Results, folder: Path) -> None:
    """Draw all plots into a folder, which is made where it is missing."""
    folder.mkdir(exist_ok=True)
    mpl.rcParams.update(_STYLE)
    _saved(folder / "costs.svg", lambda axes: _costs(costs, axes), height=2.4)
    _saved(folder / "rates.svg", lambda axes: _rates(results, axes), height=3.4)
    _saved(folder / "restart.svg", lambda axes: _restarts(results, axes), height=4.4)


def _saved(path: Path, fill: Callable[[Axes], None], *, height: float) -> None:
    figure = Figure(figsize=(7.5, height), layout="constrained")
    fill(figure.add_subplot())
    # Without the date, and with letters as text: small, and nothing changes without a reason.
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def _costs(costs: Costs, axes: Axes) -> None:
    names = list(reversed(OPERATIONS))
    parts = {"service": "service_cpu_ms", "PostgreSQL": "database_cpu_ms"}
    left = [0.0] * len(names)
    for part, key in parts.items():
        widths = [costs.figures["operations"][name][key] for name in names]
        axes.barh(names, widths, left=left, label=part)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_xlabel("CPU of one request, ms")
    axes.legend()


def _rates(results: Results, axes: Axes) -> None:
    for way, limit in results.limits.items():
        if limit.curve:
            rates, times = zip(*limit.curve, strict=True)
            axes.plot(rates, [t * 1000 for t in times], marker=".", label=way)
    axes.set(xscale="log", yscale="log", xlabel="requests/s", ylabel="p99 ms")
    axes.legend(fontsize=7)


def _restarts(results: Results, axes: Axes) -> None:
    for number, (name, storm) in enumerate(results.restarts.items()):
        step = max(1, len(storm.ready) // 200)
        ready = storm.ready[::step]
        shares = [100 * count * step / storm.jobs for count in range(1, len(ready) + 1)]
        # There are more lines than colours.
        axes.plot(ready, shares, f"C{number % 10}" + ("-" if number < 10 else "--"), label=name)
    axes.set(xscale="log", xlabel="seconds after the start", ylabel="jobs that are ready, %")
    axes.set_ylim(0, 101)
    axes.legend(fontsize=6, loc="upper left", bbox_to_anchor=(0, -0.15), ncols=2)
