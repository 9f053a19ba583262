"""Global tags and their statuses."""

from collections.abc import Iterable, Mapping

from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.orm import Session

from cdb.domain.statuses import WriteMode
from cdb.errors import (
    AppendOnly,
    Closed,
    Final,
    NameTaken,
    NotAppendable,
    NotFound,
    PolicyRefused,
    TransitionRefused,
)
from cdb.plugin import Permission
from cdb.rest import answers, asked, inputs, shapes, streams
from cdb.rest.holding import Holding, Layers
from cdb.rest.media import json_response
from cdb.rest.service import Resource
from cdb.services import global_tags, lookup, statuses
from cdb.services.merges import merge as merging
from cdb.services.moments import LATEST
from cdb.services.writer import Writer
from cdb.store import browse, reads

_GROUP = "Global tags"

seed_tags = Resource(_GROUP, ["gt"])
seed_tag = Resource(_GROUP, ["gt/{id}"])
tags = Resource(_GROUP, ["global-tags", "globalTags"])
tag = Resource(_GROUP, ["global-tags/{name}", "globalTag/{name}"])
tag_lists = Resource(_GROUP, ["global-tags/{name}/payload-lists", "gtPayloadLists/{name}"])
deletion = Resource(_GROUP, ["global-tags/{name}/delete", "deleteGlobalTag/{name}"])
cloning = Resource(
    _GROUP, ["global-tags/{source}/clone/{target}", "cloneGlobalTag/{source}/{target}"]
)
merging_in = Resource(_GROUP, ["global-tags/{name}/merge"])
status_change = Resource(
    _GROUP, ["global-tags/{name}/change-status/{status}", "gt_change_status/{name}/{status}"]
)
tag_statuses = Resource(_GROUP, ["global-tags/statuses", "gtstatus"])

RESOURCES = (
    tags,
    tag,
    tag_lists,
    deletion,
    cloning,
    merging_in,
    status_change,
    tag_statuses,
    seed_tags,
    seed_tag,
)


@seed_tags.get(list[answers.TagWithLists], query=inputs.AsOfQuery)
def list_whole(request: Request, query: inputs.AsOfQuery) -> Response:
    """List all global tags with everything in them.

    The answer is as of one change, however long it takes to read.
    """
    head = asked.fixed(request, query.asOf)
    pieces = streams.tags(request.cdb.database, head.change, request.cdb.rules.iov_mode)
    return streams.streamed(request, pieces, [head])


@seed_tags.post(
    answers.Tag,
    makes="global-tags/{name}",
    permission=Permission.TAG_CREATE,
    body=inputs.NewTag,
    errors=[NameTaken, NotFound, TransitionRefused],
)
def create(request: Request, session: Session, writer: Writer, body: inputs.NewTag) -> shapes.Json:
    """Make an empty global tag."""
    record = global_tags.create(
        session,
        request.cdb.rules,
        writer,
        body.name,
        body.author,
        body.status,
        body.description,
        body.contact,
    )
    return shapes.tag(record)


@seed_tag.get(
    answers.TagWithLists,
    path=inputs.IdPath,
    query=inputs.AsOfQuery,
    errors=[NotFound],
    says_how_long=True,
)
def show_by_id(request: Request, path: inputs.IdPath, query: inputs.AsOfQuery) -> Response:
    """Show a global tag, given by its id, with everything in it."""
    with asked.tag_by_id(request, path.id, query.asOf) as tag:
        return _whole(request, tag)


@tags.get(
    list[answers.TagSummary] | answers.TagPage,
    query=inputs.TagBrowseQuery,
    says_how_long=True,
    is_kept=True,
    in_lane=True,
)
def list_summaries(request: Request, query: inputs.TagBrowseQuery) -> Response:
    """List global tags with the numbers of their lists and IOVs; with `page`, a page of them."""
    with asked.log(request, query.asOf) as log:
        if query.page is None:
            counts = reads.tag_counts(log.reader, at=log.change)
            shown: object = _summaries(reads.tags(log.reader, log.change), counts)
        else:
            found = browse.tags(log.reader, query.wanted(), log.change)
            counts = reads.tag_counts(log.reader, [each.id for each in found.rows], log.change)
            shown = shapes.page(found, query.wanted(), _summaries(found.rows, counts))
    return log.holding.sealed(json_response(shown))


@tag.get(
    answers.TagWithLists | answers.TagWithDimensions,
    path=inputs.NamePath,
    query=inputs.TagQuery,
    errors=[NotFound],
    says_how_long=True,
    is_kept=True,
)
def show(request: Request, path: inputs.NamePath, query: inputs.TagQuery) -> object:
    """Show a global tag with everything in it, or with `light=1` how much that is.

    Then also the dimensions of its payload types, and what these call their two numbers.
    A service can be set to leave the payload IOVs out (`cdb.global_tag_detail`).
    """
    with asked.tag(request, path.name, query.asOf) as tag:
        if not query.light:
            return _whole(request, tag)
        counts = reads.tag_counts(tag.reader, [tag.record.id], tag.moment.change)
        dimensions = tag.components(request.cdb.rules)
    shown = shapes.tag_summary(tag.record, counts.get(tag.record.id, (0, 0)))
    return tag.holding.sealed(json_response({**shown, "dimensions": dimensions}))


@tag.patch(
    answers.Tag,
    Permission.TAG_WRITE,
    path=inputs.NamePath,
    body=inputs.TagDescription,
    errors=[NotFound, NameTaken, AppendOnly, Closed, PolicyRefused],
)
def describe(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.NamePath,
    body: inputs.TagDescription,
) -> shapes.Json:
    """Change the description or the contact of a global tag, whatever its status, or its name.

    A new name needs a status that lets things go away, since the old name does.
    """
    record = global_tags.describe(session, request.cdb.rules, writer, path.name, body.values())
    return shapes.tag(record)


@tag_lists.get(
    dict[str, str],
    path=inputs.NamePath,
    query=inputs.AsOfQuery,
    errors=[NotFound],
    says_how_long=True,
    is_kept=True,
)
def show_lists(request: Request, path: inputs.NamePath, query: inputs.AsOfQuery) -> Response:
    """Show which payload list a global tag has for each payload type."""
    with asked.tag(request, path.name, query.asOf) as tag:
        members = reads.lists_of(tag.reader, tag.record.id, tag.moment.change)
    shown = {member.type: member.name for member in members}
    return tag.holding.sealed(json_response(shown))


@deletion.delete(
    answers.Deleted,
    Permission.TAG_DELETE,
    path=inputs.NamePath,
    errors=[NotFound, AppendOnly, Closed, PolicyRefused],
)
def delete(
    request: Request, session: Session, writer: Writer, path: inputs.NamePath
) -> shapes.Json:
    """Delete a global tag with its payload lists; clones of it stay whole."""
    global_tags.delete(session, request.cdb.rules, writer, path.name)
    return {"detail": f"Global tag {path.name} deleted."}


@cloning.post(
    answers.TagSummary,
    makes="global-tags/{name}",
    permission=Permission.TAG_CREATE,
    path=inputs.ClonePath,
    query=inputs.AsOfQuery,
    errors=[NotFound, NameTaken],
)
def clone(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.ClonePath,
    query: inputs.AsOfQuery,
) -> shapes.Json:
    """Make an unlocked global tag with the content that another one has, or had.

    Nothing is copied, so it takes as long for a million payload IOVs as for one.
    """
    record = global_tags.clone(
        session, request.cdb.rules, writer, path.source, path.target, query.asOf
    )
    counts = reads.tag_counts(session, [record.id])
    return shapes.tag_summary(record, counts.get(record.id, (0, 0)))


@merging_in.post(
    answers.Merged,
    permission=Permission.TAG_WRITE,
    path=inputs.NamePath,
    body=inputs.Merge,
    errors=[NotFound, AppendOnly, NotAppendable, Closed, PolicyRefused],
)
def merge(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.NamePath,
    body: inputs.Merge,
) -> Response:
    """Bring what other global tags hold into this one, as one change.

    Types that it has no payload list of get one. With `dry_run=1`, in the query
    or in the body, the answer says what would be done. Its ETag, sent back as
    `If-Match`, makes sure that just that is done: it is of the tag, and of the
    sources that are taken as they are now. Payload validators are not asked
    again: they were when the payloads became valid in the sources.
    """
    context = request.cdb
    done = merging.merge(
        context.database, session, context.rules, writer, path.name, body.wanted()
    )
    shown = shapes.merged(done, context.rules, dry_run=writer.dry_run)
    response = json_response({"global_tag": path.name, "mode": body.mode, **shown})
    read = [done.tag, *(source.tag for source in done.sources if source.is_current)]
    heads = [head for record in read for head in Holding.of(request, record, LATEST).tags]
    response.headers["ETag"] = f'"{Layers.of([]).holding(request, heads).etag}"'
    return response


@status_change.put(
    answers.TagWithStatusId,
    Permission.TAG_STATUS,
    path=inputs.StatusPath,
    errors=[NotFound, Final, TransitionRefused],
)
def change_status(
    request: Request, session: Session, writer: Writer, path: inputs.StatusPath
) -> shapes.Json:
    """Give a global tag another status."""
    record = global_tags.change_status(
        request.cdb.database, session, request.cdb.rules, writer, path.name, path.status
    )
    return {**shapes.tag(record), "status": record.status_id}


@tag_statuses.get(
    list[answers.Status],
    query=inputs.AsOfQuery,
    says_how_long=True,
    is_kept=True,
    in_lane=True,
)
def list_statuses(request: Request, query: inputs.AsOfQuery) -> Response:
    """List the statuses that global tags can have."""
    with asked.log(request, query.asOf) as log:
        shown = [shapes.status(record) for record in reads.statuses(log.reader, log.change)]
    return log.holding.sealed(json_response(shown))


@tag_statuses.post(answers.Status, permission=Permission.STATUS_CREATE, body=inputs.NewStatus)
def declare_status(
    request: Request, session: Session, writer: Writer, body: inputs.NewStatus
) -> shapes.Json:
    """Declare a status; one that exists stays as it is, and is the answer."""
    record = statuses.declare(
        session,
        request.cdb.rules,
        writer,
        body.name,
        WriteMode(body.mode),
        body.final,
        body.description,
    )
    return shapes.status(record)


def _summaries(
    records: Iterable[reads.TagRecord], counts: Mapping[int, tuple[int, int]]
) -> list[shapes.Json]:
    return [shapes.tag_summary(record, counts.get(record.id, (0, 0))) for record in records]


def _whole(request: Request, tag: asked.AskedTag) -> Response:
    pieces = streams.tag(
        request.cdb.database,
        tag.record,
        lookup.status(tag.reader, tag.record.status),
        tag.fixed_change,
        request.cdb.rules.iov_mode,
        with_iovs=request.cdb.settings.global_tag_detail == "full",
    )
    return tag.holding.sealed(streams.streamed(request, pieces, tag.holding.heads))
