"""Plan for more than one machine: simulate jobs, caches, services and databases.

The costs come from service_times.json, which service_times.py measures. With
--report, the tables and plots of docs/scaling.md are written; else the tables
are printed.
"""

import argparse
import time
from pathlib import Path

from simulation import plots, report, scenarios
from simulation.plans import Costs

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scaling.md"
PLOTS = ROOT / "docs" / "scaling"


def main() -> None:
    """Simulate, and print or write what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--times", type=Path, default=Path(__file__).with_name("service_times.json")
    )
    parser.add_argument("--jobs", type=int, default=100_000, help="that are started at once")
    parser.add_argument(
        "--report", action="store_true", help="write docs/scaling.md and its plots"
    )
    options = parser.parse_args()
    start = time.perf_counter()
    costs = Costs.read(options.times)
    results = scenarios.run(costs, options.jobs)
    tables = report.tables(costs, results)
    if options.report:
        report.put(PAGE, tables)
        plots.draw(costs, results, PLOTS)
        print(f"written: {PAGE} and {PLOTS}, in {time.perf_counter() - start:.0f} s")
    else:
        print("\n\n".join(tables.values()))


if __name__ == "__main__":
    main()
