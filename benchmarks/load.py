"""Rows per second that the bulk endpoint takes over HTTP, from one client."""

import bench


def main() -> None:
    """Fill a tag once for each run, and print rows/s; the preparing of bodies is not counted."""
    parser = bench.parser(__doc__)
    parser.add_argument("--lists", type=int, default=100)
    parser.add_argument("--iovs", type=int, default=5000, help="in each list, one request")
    options = parser.parse_args()
    number = options.lists * options.iovs
    with bench.service(options) as service:
        client = bench.Client(service.url)
        taken = [
            bench.load(client, f"Load{run}", options.lists, options.iovs)
            for run in range(options.runs)
        ]
    lines = [[run + 1, number, seconds, number / seconds] for run, seconds in enumerate(taken)]
    lines.append(["median", number, bench.median(taken), number / bench.median(taken)])
    bench.table(["run", "rows", "s", "rows/s"], lines)


if __name__ == "__main__":
    main()
