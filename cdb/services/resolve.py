"""The main job: which payloads are valid."""

from cdb.domain.points import Point
from cdb.errors import NotFound
from cdb.store import query
from cdb.store.engine import Reader


def valid_at(
    reader: Reader, tag: str, point: Point, *, expired: bool = False
) -> list[query.Valid]:
    """Return the payloads that are valid in a global tag at a point, by payload type.

    Raises:
        NotFound: no live tag has this name: an unknown tag is never an empty answer.

    """
    found = query.valid_at(reader, tag, point, expired=expired)
    if found is None:
        raise NotFound(f"Global tag {tag!r} does not exist.")
    return found
