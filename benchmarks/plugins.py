"""Requests per second of the query with the plugins of a production service, and without."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from harness import reads, special
from harness.client import Client
from harness.figures import median, table
from harness.generators import generator
from harness.plan import Pace
from harness.scenarios import scenario
from harness.service import Service, serving

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
    parser = special.parser(__doc__, lists=100, iovs=5_000, runs=True)
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 50])
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    with special.service(options) as loaded:
        client = Client(loaded.url)
        special.loaded(client, options)
        pace = Pace(options.connections, options.seconds, options.runs)
        places = reads.points(scenario(f"{options.lists}x{options.iovs}"), pace)
        read = reads.Read("query.random", [reads.query(client, place) for place in places])
        # The service that was loaded is left alone: its process is larger by that.
        inis = [loaded.ini, loaded.ini, with_plugins(loaded.ini)]
        with ExitStack() as stack:
            services = [stack.enter_context(serving(ini, loaded.database)) for ini in inis]
            lines = [
                [number, *compare(services, read, pace, number)] for number in pace.connections
            ]
    table(["connections", "without/s", "with/s", "with", "without again"], lines)


def compare(
    services: Sequence[Service], read: reads.Read, pace: Pace, connections: int
) -> list[float]:
    """Return the rates without and with, and the ratios of the last two services to the first.

    The second is the first again: how far its ratio is from 1 is the noise.
    """
    ask, rounds = generator(), []
    for run in range(pace.runs):
        order = range(len(services)) if run % 2 else reversed(range(len(services)))
        turn = 1 + run * len(pace.connections) + pace.connections.index(connections)
        paths = read.share(turn, pace).paths
        asked = {side: ask(services[side].url, paths, connections, pace.seconds) for side in order}
        rounds.append({side: found.count / found.seconds for side, found in asked.items()})
    rates = [median([each[side] for each in rounds]) for side in (0, 2)]
    ratios = [median([each[side] / each[0] for each in rounds]) for side in (2, 1)]
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
