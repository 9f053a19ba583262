"""The change log, and what can be done with it."""

from dataclasses import replace

from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.orm import Session

from cdb.errors import AppendOnly, Closed, NotFound, PolicyRefused
from cdb.plugin import Permission
from cdb.rest import answers, asked, inputs, shapes
from cdb.rest.holding import Holding
from cdb.rest.media import json_response
from cdb.rest.service import Resource
from cdb.services import history, lookup, moments, revert
from cdb.services.moments import LATEST
from cdb.services.writer import Writer

_GROUP = "History"

feed = Resource(_GROUP, ["changes"])
one = Resource(_GROUP, ["changes/{change}"])
of_tag = Resource(_GROUP, ["global-tags/{name}/history"])
of_list = Resource(_GROUP, ["payload-lists/by-name/{name}/history"])
reversion = Resource(_GROUP, ["global-tags/{name}/revert"])

RESOURCES = (feed, one, of_tag, of_list, reversion)


@feed.get(answers.Changes, query=inputs.FeedQuery)
def follow(request: Request, query: inputs.FeedQuery) -> shapes.Json:
    """List changes, as a feed that a consumer follows by `after`.

    Changes are numbered in the order in which they were committed, without
    holes, so who goes on after `next_after` misses none and sees none twice.
    """
    with request.cdb.database.snapshot() as reader:
        page = history.page(reader, query.wanted())
    return _shown(request, page, query)


@one.get(answers.Change, path=inputs.ChangePath, errors=[NotFound])
def show(request: Request, path: inputs.ChangePath) -> shapes.Json:
    """Show a change."""
    with request.cdb.database.statement() as reader:
        record = lookup.change(reader, path.change)
    return shapes.change(record, request.cdb.rules.iov_mode)


@of_tag.get(answers.Changes, path=inputs.NamePath, query=inputs.HistoryQuery, errors=[NotFound])
def show_history(request: Request, path: inputs.NamePath, query: inputs.HistoryQuery) -> Response:
    """List the changes of a global tag: of this very one, not of others that had its name."""
    with request.cdb.database.snapshot() as reader:
        name, moment = moments.of_tag(reader, path.name, query.asOf)
        record = lookup.tag(reader, name, moment.change)
        wanted = replace(query.wanted(), tag_id=record.id)
        page = history.page(reader, wanted, moment.change)
    return json_response(_shown(request, page, query))


@of_list.get(
    answers.Changes, path=inputs.NamePath, query=inputs.ListHistoryQuery, errors=[NotFound]
)
def show_history_of_list(
    request: Request, path: inputs.NamePath, query: inputs.ListHistoryQuery
) -> Response:
    """List the changes of a payload list, in a tag or not: of this very one, and its log.

    What a clone shows of its source's log was changed there: its own history begins with
    the clone.
    """
    with asked.state(request, query.asOf) as (reader, at):
        record = lookup.list_(reader, path.name, at)
        page = history.page(reader, replace(query.wanted(), list_id=record.id), at)
    return json_response(_shown(request, page, query))


@reversion.post(
    answers.Reverted,
    permission=Permission.TAG_WRITE,
    path=inputs.NamePath,
    query=inputs.RevertQuery,
    errors=[NotFound, AppendOnly, Closed, PolicyRefused],
)
def revert_to(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.NamePath,
    query: inputs.RevertQuery,
) -> Response:
    """Make a global tag answer as it did as of a change; its status and its texts stay.

    One new change, that copies nothing, and can be reverted itself. With
    `dry_run=1` the answer says what would be done, and its ETag, sent back as
    `If-Match`, makes sure that nothing comes between.
    """
    done = revert.revert(
        request.cdb.database,
        session,
        request.cdb.rules,
        writer,
        path.name,
        query.to,
        query.payload_type,
    )
    response = json_response(
        {
            "global_tag": path.name,
            "reverted_to": done.to,
            "head": done.tag.head,
            "dry_run": writer.dry_run,
            "payload_lists": [step._asdict() for step in done.steps],
        }
    )
    response.headers["ETag"] = f'"{Holding.of(request, done.tag, LATEST).etag}"'
    return response


def _shown(request: Request, page: history.Page, query: inputs.ChangesQuery) -> shapes.Json:
    shape = shapes.light_change if query.light else shapes.change
    rows = [shape(record, request.cdb.rules.iov_mode) for record in page.changes]
    return {"changes": rows, "latest": page.latest, "next_after": page.next_after}
