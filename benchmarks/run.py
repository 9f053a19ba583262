"""Measure a service with this API, keep what is found, and make the report of it."""

import argparse
import signal
import time
from pathlib import Path

from harness import growth, report, results
from harness.client import Refused
from harness.generators import generator
from harness.measuring import measure
from harness.plan import Pace, Plan
from harness.scenarios import DEFAULT, SCENARIOS, scenario
from harness.service import Wanted, setting

HERE = Path(__file__).parent
KEPT = HERE.parent / "var" / "benchmarks"


def main() -> None:
    """Measure the scenarios that are named, one after the other."""
    parser = make_parser()
    options = parser.parse_args()
    names = options.scenario or ([] if options.report else [DEFAULT])
    if "all" in names:
        names = [*SCENARIOS, growth.NAME]
    plan = plan_of(options)
    try:
        known = {name: scenario(name) for name in names if name != growth.NAME}
    except ValueError as error:
        parser.error(str(error))
    # What was started here is stopped then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in names:
        path = results.path_of(options.output, name, plan.variant)
        if options.resume and path.exists():
            print(f"{name}: {path} is there")
            continue
        start = time.monotonic()
        print(f"== {name} ({plan.variant}), with {plan.generator.name}", flush=True)
        try:
            found, version = measure(plan, known[name]) if name in known else growth.measure(plan)
        except (Refused, ConnectionError) as error:
            raise SystemExit(f"{options.url or name}: {error}") from None
        path = results.write(options.output, found, version)
        print(f"{name}: {time.monotonic() - start:.0f} s, {path}\n", flush=True)
    if options.report:
        print(report.write(options.report, results.read(options.output)))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    listed = ", ".join([*SCENARIOS, growth.NAME, "all"])
    add("--scenario", nargs="+", metavar="NAME", help=f"{listed}, or TYPESxIOVS ({DEFAULT})")
    add("--url", help="root of a running service; without it PostgreSQL and cdb serve are started")
    add("--variant", help="name of what is measured, in the report (cdb, cdb-nginx)")
    add("--set", type=setting, nargs="+", default=[], metavar="KEY=VALUE", help="of its ini")
    add("--serve", default="", metavar="ARGUMENTS", help="of cdb serve, in one word")
    add("--nginx", action="store_true", help="ask through nginx with the site that cdb ships")
    add("--compiled", action="store_true", help="compile the payload lists that are asked")
    add("--threads", type=int, default=8, help="of the service that is started (8)")
    add("--connections", type=int, nargs="+", default=[4, 50])
    add("--seconds", type=float, default=2.0, help="of each measurement under load (2)")
    add("--runs", type=int, default=1, help="the one in the middle counts (1)")
    add("--rows", type=int, default=50_000, help="of a bulk request at most (50000)")
    add("--generator", choices=("wrk", "own"), help="wrk where it is installed, else our own")
    add("--data", type=Path, help="folder where databases stay, to measure them again")
    add("--output", type=Path, default=KEPT, help="folder for the JSON (var/benchmarks)")
    add("--resume", action="store_true", help="leave out scenarios whose JSON is there")
    add(
        "--report",
        type=Path,
        nargs="?",
        const=HERE / "RESULTS.md",
        metavar="FILE",
        help="write the report of all JSON in --output (benchmarks/RESULTS.md);"
        " nothing is measured then, unless a scenario is named",
    )
    return parser


def plan_of(options: argparse.Namespace) -> Plan:
    """Return how to measure."""
    return Plan(
        generator(options.generator),
        options.url,
        Wanted(dict(options.set), options.serve, options.threads, options.compiled),
        Pace(options.connections, options.seconds, options.runs),
        options.variant or f"cdb{'-compiled' * options.compiled}{'-nginx' * options.nginx}",
        options.rows,
        options.data.absolute() if options.data else None,
        options.nginx,
    )


if __name__ == "__main__":
    main()
