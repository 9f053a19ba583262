"""Pictures for notebooks, talks and papers, by matplotlib (`hep-cdb-client[plot]`).

from cdb_client import Client, plot

client = Client()
plot.timeline(client, "Prod2026")
plot.diff(client, "Prod2026@120", "Prod2026").figure.savefig("changes.svg")
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cdb_client.pictures import diffs, figure, sources

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cdb_client.client import Client


def timeline(
    client: "Client",
    tag: str,
    ax: "Axes | None" = None,
    *,
    begin: str | None = None,
    end: str | None = None,
    types: Sequence[str] = (),
    as_of: int | str | None = None,
) -> "Axes":
    """Draw a global tag: a lane for each payload type.

    Args:
        client: of a service.
        tag: its name, which may carry a change: `Prod2026@22`.
        ax: to draw into; without it a figure of its own is made, as high as the lanes need.
        begin: where the picture begins, in the notation of a dimension; without it where
            the data do.
        end: where it ends, exclusive.
        types: only these payload types; all where there are none.
        as_of: a change or a time.

    Returns:
        The axes, whose `figure` can be shown and saved.

    Raises:
        ConfigError: matplotlib is missing.
        ClientError: the service refuses, or does not answer.

    """
    _, picture = sources.timeline(
        client,
        tag,
        begin=begin,
        end=end,
        types=types,
        as_of=as_of,
        buckets=sources.MOST_BUCKETS,
    )
    ax = figure.new_figure(len(picture.lanes)).add_subplot() if ax is None else ax
    figure.draw(picture, ax)
    return ax


def diff(
    client: "Client",
    a: str,
    b: str,
    ax: "Axes | None" = None,
    *,
    types: Sequence[str] = (),
) -> "Axes":
    """Draw where two global tags answer differently; arguments and errors as of `timeline`.

    Args:
        client: of a service.
        a: the first tag, which may carry a change.
        b: the second one.
        ax: to draw into.
        types: only these payload types.

    """
    rows = client.global_tags.diff(a, b)
    chosen = [row for row in rows if not types or row["payload_type"] in types]
    picture = diffs.picture(a, b, chosen, sources.notation_of_types(client, chosen))
    ax = figure.new_figure(len(picture.lanes)).add_subplot() if ax is None else ax
    figure.draw(picture, ax, is_diff=True)
    return ax
