"""Seconds of merges of two tags, over HTTP: filled, overridden, appended to, and only tried."""

import random
from collections.abc import Sequence
from typing import Any

import orjson
from harness import special
from harness.client import Client
from harness.figures import table, timed
from harness.loading import fields
from harness.memory import rss
from harness.scenarios import COORDINATES

Rows = list[dict[str, Any]]


def main() -> None:
    """Load a tag with gaps and one without, and merge them in each way."""
    parser = special.parser(__doc__, lists=100, iovs=5_000)
    options = parser.parse_args()
    with special.service(options) as service:
        client = Client(service.url)
        types = make_types(client, options.lists)
        make_tag(client, "Gaps", types, options.iovs, gaps=True)
        make_tag(client, "Whole", types, options.iovs, gaps=False)
        client("POST", "gt", {"name": "Empty"})
        client("POST", "cloneGlobalTag/Gaps/Clone")
        make_tag(client, "Next", types, 10, gaps=False, first=COORDINATES + 1)
        begin = {"from": f"{COORDINATES + 1},0"}
        lines = [
            measured(client, "Gaps", "fill", ["Whole"], dry_run=True),
            measured(client, "Gaps", "fill", ["Whole"]),
            measured(client, "Gaps", "fill", ["Whole"]),
            measured(client, "Empty", "fill", ["Clone", "Whole"]),
            measured(client, "Clone", "override", ["Whole"]),
            measured(client, "Whole", "append", ["Next"], **begin),
        ]
        memory = rss(service.pid)
    table(["target", "mode", "sources", "", "s", "added", "retired"], lines)
    print(f"memory of the service at the end: {memory:,.0f} MB")


def make_types(client: Client, number: int) -> list[str]:
    """Make payload types and return their names."""
    names = [f"Merge_T{index:03d}" for index in range(number)]
    for name in names:
        client("POST", "pt", {"name": name})
    return names


def make_tag(
    client: Client,
    tag: str,
    types: Sequence[str],
    iovs: int,
    *,
    gaps: bool,
    first: int = 0,
) -> None:
    """Make a tag with a payload list of each type, each filled by one bulk request."""
    chance = random.Random(tag)
    client("POST", "gt", {"name": tag})
    for payload_type in types:
        name = client("POST", "pl", {"payload_type": payload_type})["name"]
        client("PUT", "pl_attach", {"global_tag": tag, "payload_list": name})
        body = orjson.dumps(rows(name, iovs, chance, gaps=gaps, first=first))
        client.raw("POST", "bulk_piov", body)


def rows(name: str, number: int, chance: random.Random, *, gaps: bool, first: int) -> Rows:
    """Return bulk rows with random starts, each until the next start, or to a random end."""
    if not gaps:
        return [fields(name, first + major, minor) for major, minor in starts(number, chance)]
    edges = sorted(starts(2 * number, chance))
    return [
        {**fields(name, *start), "major_iov_end": major, "minor_iov_end": minor}
        for start, (major, minor) in zip(edges[::2], edges[1::2], strict=True)
    ]


def starts(number: int, chance: random.Random) -> list[tuple[int, int]]:
    """Return random starts."""
    return [(chance.getrandbits(31), chance.getrandbits(31)) for _ in range(number)]


def measured(
    client: Client, target: str, mode: str, sources: Sequence[str], **more: object
) -> list[object]:
    """Merge once, and return what was done, in how many seconds."""
    body = {"mode": mode, "sources": sources, **more}
    answers: list[dict[str, Any]] = []
    path = f"global-tags/{target}/merge"
    seconds = timed(lambda: answers.append(client("POST", path, body)))
    steps = answers[0]["payload_lists"]
    added, retired = (sum(step[f"iovs_{what}"] for step in steps) for what in ("added", "retired"))
    tried = "dry run" if more.get("dry_run") else ""
    return [target, mode, " ".join(sources), tried, seconds, added, retired]


if __name__ == "__main__":
    main()
