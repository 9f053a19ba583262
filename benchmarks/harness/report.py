"""The report of what was measured: Markdown, with plots beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.budgets import BUDGETS, OTHER, Budget, says, share
from harness.figures import Figure, markdown, shown
from harness.growth import NAME as GROWTH
from harness.memory import Memory
from harness.results import Result
from harness.scenarios import SCENARIOS, scenario

WORKS = {
    "query.random": "query, random points",
    "query.hot": "query, 100 hot points",
    "query.random.half": "query, random points, at half of the rate",
    "query.hot.half": "query, 100 hot points, at half of the rate",
    "query.first": "query, first point",
    "query.last": "query, last point",
    "as_of.random": "as of a change, random points",
    "as_of.hot": "as of a change, 100 hot points",
    "frozen.hot": "frozen tag, 100 hot points",
    "globalTags": "`globalTags`",
    "gtstatus": "`gtstatus`",
    "gtPayloadLists": "`gtPayloadLists/{tag}`",
    "live": "`/health/live`",
    "bulk": "bulk",
    "pairs": "insert and attach one",
    "single": "insert and attach one, in one request",
    "clone": "clone",
    "clone.first_write": "first write through a clone",
    "clone.second_write": "second write through a clone",
    "whole": "a tag, whole",
    "diff": "diff with a clone that was written to",
}
"""Kinds of work, in the order of the report."""

OF_LIVE = {"query.hot", "as_of.hot", "frozen.hot"}
"""What is to come near to the rate of `/health/live`."""

INTRODUCTION = """\
# Results

Made by `python benchmarks/run.py --report` from what `make bench` measured; how, and what each
line is: [README](README.md). Under load, a figure is answers a second, and the median and the
slowest in a hundred of the times of a request: a service that is always busy, since each
connection asks again as soon as it has an answer. Of several runs it is the one in the middle,
and ± says how far the fastest and the slowest are apart. Of work that one client does alone, it is
one after the other; where fewer than 100 times were taken, only their median is shown. At half of
the rate, the requests come at random moments, and their times count from these. The load
generator, the service and the database share the machine.
"""


def write(path: Path, results: Iterable[Result]) -> Path:
    """Write the report of some results, and its plots beside it; return where.

    Raises:
        SystemExit: there are no results, or there is no matplotlib to draw with.

    """
    found = sorted(results, key=lambda result: (_order(result.scenario), result.variant))
    if not found:
        raise SystemExit("there are no results to report")
    grown = [result for result in found if result.sweeps]
    parts = [INTRODUCTION, *_budgets(found), *_scenarios(found), *_memory(found)]
    if grown:
        from harness import plots  # noqa: PLC0415 - it needs the extra `bench`

        image = plots.draw(path.with_name("growth.svg"), grown)
        parts += ["## How cost grows\n", plots.TEXT, f"![How cost grows]({image.name})\n"]
    parts += _taken(found)
    path.write_text("\n".join(parts))
    return path


def _order(name: str) -> tuple[int, int]:
    if name == GROWTH:
        return len(SCENARIOS), 0
    known = list(SCENARIOS)
    return (known.index(name) if name in known else len(known)), scenario(name).iovs


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return f"{markdown(header, lines)}\n"


# --- budgets ----------------------------------------------------------------


def _budgets(results: Sequence[Result]) -> Iterator[str]:
    variants = sorted({result.variant for result in results})
    lines = [
        [each.scenario, WORKS[each.work], each.other, each.says, *cells]
        for each in BUDGETS
        if any(cells := [_reached(each, results, variant) for variant in variants])
    ]
    if lines:
        yield "## Budgets\n"
        yield f"Under load, with 4 connections if not said. **Missed** is in bold. {OTHER}\n"
        yield _table(["scenario", "work", "nopayloaddb", "budget", *variants], lines)


def _reached(each: Budget, results: Sequence[Result], variant: str) -> str:
    for result in results:
        if (result.scenario, result.variant) == (each.scenario, variant) and each.applies(result):
            figure = result.figure(each.work, each.connections) or result.figure(each.work)
            if figure:
                text = _figure(figure)
                reached = each.share(result, figure)
                text += f", {reached:.0%} of that" if reached is not None else ""
                return f"**{text}**" if each.met(result, figure) is False else text
    return ""


def _figure(figure: Figure) -> str:
    if figure.rate is None:
        return figure.note
    if figure.work in {"clone", "whole"}:
        text = _time(figure.median_ms)
    else:
        text = f"{shown(figure.rate)} {'' if figure.unit == 'requests' else figure.unit}".strip()
        text += "/s"
    if figure.growth_mb is not None:
        text += f", {shown(figure.growth_mb)} MB more"
    return text + ("†" if figure.near_ceiling else "")


def _time(ms: float | None) -> str:
    if ms is None:
        return ""
    return f"{shown(ms / 1000)} s" if ms >= 1000 else f"{shown(ms)} ms"


# --- all figures --------------------------------------------------------------


def _scenarios(results: Sequence[Result]) -> Iterator[str]:
    for name in dict.fromkeys(result.scenario for result in results if result.figures):
        of_it = [result for result in results if result.scenario == name]
        yield f"## {name}\n"
        yield f"{scenario(name).types} payload types, {scenario(name).iovs:,} payload IOVs.\n"
        yield _table(
            ["work", "connections", "budget", *(result.variant for result in of_it)],
            _lines(name, of_it),
        )
    yield (
        "† more than 0.7 of what the load generator reaches against a constant answer: the"
        " service may be faster than that.\n"
    )


def _lines(name: str, results: Sequence[Result]) -> Iterator[list[str]]:
    for work, title in WORKS.items():
        numbers = sorted({f.connections for r in results for f in r.figures if f.work == work})
        for number in numbers:
            cells = [_cell(result, result.figure(work, number)) for result in results]
            yield [title, str(number), says(results, work, number), *cells]


def _cell(result: Result, figure: Figure | None) -> str:
    if figure is None:
        return ""
    if figure.rate is None:
        return figure.note
    return ", ".join([_rate(result, figure), _times(figure), *_more(figure)])


def _rate(result: Result, figure: Figure) -> str:
    unit = "" if figure.unit == "requests" else f" {figure.unit}"
    text = f"{shown(figure.rate)}{unit}/s{'†' if figure.near_ceiling else ''}"
    if len(figure.rates) > 1 and figure.rate:
        text += f" ± {(figure.rates[-1] - figure.rates[0]) / 2 / figure.rate:.0%}"
    of_live = share(figure, result.figure("live", figure.connections))
    if figure.work in OF_LIVE and of_live is not None:
        text += f" ({of_live:.0%} of `/health/live`)"
    return text


def _times(figure: Figure) -> str:
    times = [figure.median_ms, *([figure.p99_ms] if figure.p99_ms is not None else [])]
    return f"{' / '.join(map(shown, times))} ms"


def _more(figure: Figure) -> Iterator[str]:
    if figure.unit != "rows" and figure.client_ms is not None and figure.p99_ms is not None:
        yield f"{shown(figure.client_ms)} ms of it the client's"
    if figure.size_mb is not None:
        yield f"{shown(figure.size_mb)} MB"
    if figure.growth_mb is not None:
        yield f"memory +{shown(figure.growth_mb)} MB"
    if figure.note:
        yield figure.note
    if figure.errors:
        yield f"**{figure.errors} errors**"


# --- memory, and how it was measured -------------------------------------------


def _memory(results: Sequence[Result]) -> Iterator[str]:
    lines = [
        [result.scenario, result.variant, when, *_processes(processes)]
        for result in results
        for when, processes in result.memory.items()
    ]
    if lines:
        yield "## Memory\n"
        yield "Of each process of the service, in MB of 10⁶ bytes.\n"
        yield _table(["scenario", "variant", "when", "resident", "proportional share"], lines)


def _processes(processes: Sequence[Memory]) -> list[str]:
    return [" + ".join(shown(each[kind]) for each in processes) for kind in ("rss", "pss")]


def _taken(results: Sequence[Result]) -> Iterator[str]:
    yield "## How it was measured\n"
    for text in dict.fromkeys(_about(result.machine) for result in results):
        yield f"{text}\n"
    lines = [
        [
            f"{result.scenario} {result.variant}",
            result.taken,
            f"`{result.command}`",
            _about(result.versions),
            _generator(result),
        ]
        for result in results
    ]
    yield _table(["", "taken", "command", "versions", "load generator"], lines)


def _about(known: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in known.items())


def _generator(result: Result) -> str:
    setting = result.setting
    seen = (
        f"{number} connections {shown(float(rate))}/s"
        for number, rate in setting["ceilings"]["query"].items()
    )
    return (
        f"{setting['generator']}; against {setting['constant']} with an answer of that size:"
        f" {', '.join(seen)}"
    )
