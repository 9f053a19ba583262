"""Seconds of a clone, and of the first and second write through it, by size."""

import bench


def main() -> None:
    """Load a tag of each size, clone it, and attach two IOVs to one list of the clone."""
    parser = bench.parser(__doc__)
    parser.add_argument("--lists", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 500_000])
    options = parser.parse_args()
    lines = []
    with bench.service(options) as service:
        client = bench.Client(service.url)
        for size in options.sizes:
            source = f"Size{size}"
            bench.load(client, source, options.lists, size // options.lists)
            figures = [measure(client, source, f"{source}_{run}") for run in range(options.runs)]
            medians = [bench.median(column) * 1000 for column in zip(*figures, strict=True)]
            lines.append([size, size // options.lists, *medians])
    header = ["IOVs", "in a list", "clone ms", "first write ms", "second write ms"]
    bench.table(header, lines)


def measure(client: bench.Client, source: str, target: str) -> tuple[float, float, float]:
    """Return the seconds of a clone, and of the first two attaches to one of its lists."""
    clone = bench.timed(lambda: client("POST", f"{bench.API}/cloneGlobalTag/{source}/{target}"))
    name = next(iter(client("GET", f"{bench.API}/gtPayloadLists/{target}").values()))
    first, second = (attach(client, name, minor) for minor in (1, 2))
    return clone, first, second


def attach(client: bench.Client, name: str, minor: int) -> float:
    """Return the seconds of attaching a payload IOV; its staging is not counted."""
    row = {"payload_url": "u", "checksum": "c", "major_iov": 2**30, "minor_iov": minor}
    row |= {"major_iov_end": 2**30, "minor_iov_end": minor + 1}
    staged = client("POST", f"{bench.API}/piov", row)["id"]
    body = {"payload_list": name, "piov_id": staged}
    return bench.timed(lambda: client("PUT", f"{bench.API}/piov_attach", body))


if __name__ == "__main__":
    main()
