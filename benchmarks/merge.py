"""Seconds of merges of two tags, over HTTP: filled, overridden, appended to, and only tried."""

import json
import random
from collections.abc import Sequence
from typing import Any

import bench

Rows = list[dict[str, Any]]


def main() -> None:
    """Load a tag with gaps and one without, and merge them in each way."""
    parser = bench.parser(__doc__)
    parser.add_argument("--lists", type=int, default=100)
    parser.add_argument("--iovs", type=int, default=5000)
    options = parser.parse_args()
    with bench.service(options) as service:
        client = bench.Client(service.url)
        types = make_types(client, options.lists)
        make_tag(client, "Gaps", types, options.iovs, gaps=True)
        make_tag(client, "Whole", types, options.iovs, gaps=False)
        client("POST", f"{bench.API}/gt", {"name": "Empty"})
        client("POST", f"{bench.API}/cloneGlobalTag/Gaps/Clone")
        make_tag(client, "Next", types, 10, gaps=False, first=bench.COORDINATES + 1)
        begin = {"from": f"{bench.COORDINATES + 1},0"}
        lines = [
            measured(client, "Gaps", "fill", ["Whole"], dry_run=True),
            measured(client, "Gaps", "fill", ["Whole"]),
            measured(client, "Gaps", "fill", ["Whole"]),
            measured(client, "Empty", "fill", ["Clone", "Whole"]),
            measured(client, "Clone", "override", ["Whole"]),
            measured(client, "Whole", "append", ["Next"], **begin),
        ]
        memory = service.rss_mb() if service.pid else 0.0
    bench.table(["target", "mode", "sources", "", "s", "added", "retired"], lines)
    print(f"memory of the service at the end: {memory:,.0f} MB")


def make_types(client: bench.Client, number: int) -> list[str]:
    """Make payload types and return their names."""
    names = [f"Merge_T{index:03d}" for index in range(number)]
    for name in names:
        client("POST", f"{bench.API}/pt", {"name": name})
    return names


def make_tag(
    client: bench.Client,
    tag: str,
    types: Sequence[str],
    iovs: int,
    *,
    gaps: bool,
    first: int = 0,
) -> None:
    """Make a tag with a payload list of each type, each filled by one bulk request."""
    chance = random.Random(tag)
    client("POST", f"{bench.API}/gt", {"name": tag})
    for payload_type in types:
        name = client("POST", f"{bench.API}/pl", {"payload_type": payload_type})["name"]
        client("PUT", f"{bench.API}/pl_attach", {"global_tag": tag, "payload_list": name})
        body = json.dumps(rows(name, iovs, chance, gaps=gaps, first=first)).encode()
        client.raw("POST", f"{bench.API}/bulk_piov", body)


def rows(name: str, number: int, chance: random.Random, *, gaps: bool, first: int) -> Rows:
    """Return bulk rows with random starts, each until the next start, or to a random end."""
    if not gaps:
        found: Rows = bench.rows(name, number, chance)
        return [{**row, "major_iov": row["major_iov"] + first} for row in found]
    edges = bench.rows(name, 2 * number, chance)
    ordered: Rows = sorted(edges, key=lambda row: (row["major_iov"], row["minor_iov"]))
    return [
        {**row, "major_iov_end": end["major_iov"], "minor_iov_end": end["minor_iov"]}
        for row, end in zip(ordered[::2], ordered[1::2], strict=False)
    ]


def measured(
    client: bench.Client, target: str, mode: str, sources: Sequence[str], **more: object
) -> list[object]:
    """Merge once, and return what was done, in how many seconds."""
    body = {"mode": mode, "sources": sources, **more}
    answers: list[dict[str, Any]] = []
    path = f"{bench.API}/global-tags/{target}/merge"
    seconds = bench.timed(lambda: answers.append(client("POST", path, body)))
    steps = answers[0]["payload_lists"]
    added, retired = (sum(step[f"iovs_{what}"] for step in steps) for what in ("added", "retired"))
    tried = "dry run" if more.get("dry_run") else ""
    return [target, mode, " ".join(sources), tried, seconds, added, retired]


if __name__ == "__main__":
    main()
