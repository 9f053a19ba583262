"""Pairs of staging and attaching per second, from one client."""

import random

import bench


def main() -> None:
    """Attach payload IOVs one by one at random starts to lists that hold some already."""
    parser = bench.parser(__doc__)
    parser.add_argument("--lists", type=int, default=100)
    parser.add_argument("--iovs", type=int, default=5000, help="in each list before")
    parser.add_argument("--pairs", type=int, default=1000)
    options = parser.parse_args()
    chance, rates = random.Random(2), []
    with bench.service(options) as service:
        client = bench.Client(service.url)
        bench.load(client, "Attach", options.lists, options.iovs)
        names = list(client("GET", f"{bench.API}/gtPayloadLists/Attach").values())

        def pairs() -> None:
            for _ in range(options.pairs):
                name = chance.choice(names)
                [row] = bench.rows(name, 1, chance)
                del row["payload_list"]
                row |= {"major_iov_end": row["major_iov"], "minor_iov_end": bench.COORDINATES}
                staged = client("POST", f"{bench.API}/piov", row)["id"]
                body = {"payload_list": name, "piov_id": staged}
                client("PUT", f"{bench.API}/piov_attach", body)

        rates = [options.pairs / bench.timed(pairs) for _ in range(options.runs)]
    lines: list[list[object]] = [[run + 1, rate] for run, rate in enumerate(rates)]
    bench.table(["run", "pairs/s"], [*lines, ["median", bench.median(rates)]])


if __name__ == "__main__":
    main()
