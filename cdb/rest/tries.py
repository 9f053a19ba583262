"""Writes that are only tried: what they would answer, and what they would change."""

from collections.abc import Callable

import orjson
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.orm import Session

from cdb.rest import holding, shapes
from cdb.rest.media import dumps
from cdb.services import trial

IN_FULL = "change"
"""What `dry_run` says where the change is to be told, too."""


def tried(
    request: Request, session: Session, write: Callable[[], Response], *, in_full: bool
) -> Response:
    """Return what a write would answer: it is done in full, and nothing of it is kept.

    Its idempotency key is not used up. The change that it would be has no number,
    since another write gets that.

    Args:
        request: the write.
        session: of it.
        write: does it.
        in_full: whether the change is told, too.

    """
    request.tm.doom()  # first, so that nothing can commit, whatever the write does
    response = write()
    response.headers["CDB-Dry-Run"] = "true"
    if in_full:
        found = trial.seen(session, request.cdb.rules)
        shown = shapes.trial(found, request.cdb.rules)
        response.body = dumps({"answer": orjson.Fragment(response.body), **shown})
        if found.tags:
            response.headers["ETag"] = f'"{holding.etag_of_tags(request, found.tags)}"'
    return response
