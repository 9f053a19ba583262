"""Requests per second of the query with the plugins of a production service, and without."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing import Pool
from pathlib import Path

import bench
import query

PLUGINS = """\
cdb.authenticators = jwt trusted-proxy
cdb.plugin.jwt.secret = file:{secret}
cdb.plugin.trusted-proxy.addresses = 192.0.2.0/24 online
cdb.authorization_policies = roles scopes
cdb.plugin.roles.grants = expert: write
cdb.event_listeners = log
cdb.forced_validators = * checksum
"""


def main() -> None:
    """Serve one database twice, with plugins and without, and ask both in turns."""
    parser = bench.parser(__doc__)
    parser.add_argument("--lists", type=int, default=100)
    parser.add_argument("--iovs", type=int, default=5000)
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 50])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--processes", type=int, default=2, help="of the load generator")
    options = parser.parse_args()
    if options.url:
        raise SystemExit("both services are started here, so there is no --url")
    with bench.service(options) as loaded, Pool(options.processes) as pool:
        bench.load(bench.Client(loaded.url), "Query", options.lists, options.iovs)
        assert loaded.ini  # noqa: S101 - the service was started here
        # The service that was loaded is left alone: its process is larger by that.
        inis = [loaded.ini, loaded.ini, with_plugins(loaded.ini)]
        with ExitStack() as stack:
            services = [stack.enter_context(bench.serving(ini)) for ini in inis]
            drivers = [query.driver(pool, options, each.url) for each in services]
            lines = [[each, *compare(drivers, options, each)] for each in options.connections]
    bench.table(["connections", "without/s", "with/s", "with", "without again"], lines)


def compare(
    drivers: Sequence[query.Driver], options: argparse.Namespace, connections: int
) -> list[float]:
    """Return the rates without and with, and the ratios of the last two services to the first.

    The second is the first again: how far its ratio is from 1 is the noise.
    """
    rounds = []
    for number in range(options.runs):
        order = range(len(drivers)) if number % 2 else reversed(range(len(drivers)))
        taken = {
            side: len(query.measure(drivers[side], "Query", connections)[0]) for side in order
        }
        rounds.append(taken)
    rates = [bench.median([each[side] / options.seconds for each in rounds]) for side in (0, 2)]
    ratios = [bench.median([each[side] / each[0] for each in rounds]) for side in (2, 1)]
    return [*rates, *ratios]


def with_plugins(ini: Path) -> Path:
    """Write the ini of the same service with plugins beside it."""
    secret = ini.with_name("secret")
    secret.write_text("3kX9-vR7q-benchmarks-only-0Zt5Lw8Ya2")
    made = ini.with_name("plugins.ini")
    text = ini.read_text().replace("cdb.allow_open_writes = true\n", "")
    made.write_text(
        text.replace("[server:main]", PLUGINS.format(secret=secret) + "\n[server:main]")
    )
    return made


if __name__ == "__main__":
    main()
