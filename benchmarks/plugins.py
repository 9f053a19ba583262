"""Requests per second of the query with the plugins of a production service, and without."""

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
    lines = []
    with bench.service(options) as plain, Pool(options.processes) as pool:
        bench.load(bench.Client(plain.url), "Query", options.lists, options.iovs)
        with bench.serving(with_plugins(plain.ini)) as full:
            drivers = [query.driver(pool, options, each.url) for each in (plain, full)]
            for connections in options.connections:
                pairs = [
                    [len(query.measure(drive, "Query", connections)[0]) for drive in drivers]
                    for _ in range(options.runs)
                ]
                without, having = (
                    bench.median([pair[side] / options.seconds for pair in pairs])
                    for side in (0, 1)
                )
                ratio = bench.median([pair[1] / pair[0] for pair in pairs])
                lines.append([connections, without, having, ratio])
    bench.table(["connections", "without/s", "with/s", "ratio"], lines)


def with_plugins(ini: Path | None) -> Path:
    """Write the ini of the same service with plugins beside it."""
    assert ini  # noqa: S101 - the service was started here
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
