"""Names that a shell completes, asked of the service while somebody types.

At most a second, and nothing at all where that fails: a line that is being typed is no
place for an error.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cdb_client.client import Client

SECONDS = 1.0
"""After that there is nothing to choose from."""

MOST = 200

_CONNECT_SECONDS = 0.5


def names(kind: str, ctx: click.Context, begun: str) -> list[str]:
    """Return the names of a kind that begin with a text, in order; at most `MOST`.

    Args:
        kind: as of `Name`.
        ctx: of the command that is typed, for its --url and --profile.
        begun: what is typed of the name.

    """
    found: list[str] = []

    def ask() -> None:
        # Whatever goes wrong, there is nothing to choose from.
        with suppress(Exception):
            found.extend(_asked(_SOURCES[kind], ctx.params, begun))

    # A token command may ask something, and a name server may take its time: no time limit
    # of the client is one for all of it.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(SECONDS)
    return sorted(found)


def _asked(
    source: "Callable[[Client, dict[str, Any], str], Iterable[str]]",
    params: dict[str, Any],
    begun: str,
) -> list[str]:
    from cdb_client.client import Client

    url = params.get("url")
    urls = url.split() if url and "://" in url else url
    with Client(
        urls,
        profile=params.get("profile"),
        connect=_CONNECT_SECONDS,
        read=SECONDS,
        patience=0,
    ) as client:
        matching = (name for name in source(client, params, begun) if name.startswith(begun))
        return list(islice(matching, MOST))


def _tags(client: "Client", _: dict[str, Any], begun: str) -> Iterable[str]:
    return (each["name"] for each in client.global_tags.list(search=begun or None))


def _types(client: "Client", params: dict[str, Any], begun: str) -> Iterable[str]:
    if tag := params.get("tag"):
        return client.global_tags.payload_lists(tag)
    return (each["name"] for each in client.payload_types.list(search=begun or None))


def _lists(client: "Client", _: dict[str, Any], begun: str) -> Iterable[str]:
    return (each["name"] for each in client.payload_lists.list(search=begun or None))


def _statuses(client: "Client", *_: object) -> Iterable[str]:
    return (each["name"] for each in client.global_tags.statuses())


_SOURCES: "dict[str, Callable[[Client, dict[str, Any], str], Iterable[str]]]" = {
    "global tag": _tags,
    "payload type": _types,
    "payload list": _lists,
    "status": _statuses,
}
