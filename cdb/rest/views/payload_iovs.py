"""Payload IOVs, and the query: which payloads are valid at a point."""

from collections.abc import Iterable

from pyramid.request import Request
from sqlalchemy.orm import Session

from cdb.domain.points import AXIS, Point
from cdb.errors import (
    AppendOnly,
    AttachedElsewhere,
    Closed,
    Incomplete,
    NotFound,
    Overlap,
    PayloadRefused,
    PolicyRefused,
)
from cdb.plugin import Permission
from cdb.rest import answers, asked, inputs, shapes, streams
from cdb.rest.kept import Answers, Kept
from cdb.rest.service import Resource
from cdb.rest.valid_payloads import VALID_PAYLOADS
from cdb.rest.views.ranges import tag_iovs
from cdb.services import payload_iovs, resolve, usage
from cdb.services.entering import Reference
from cdb.services.writer import Writer
from cdb.store import browse

_GROUP = "Payload IOVs"

query = Resource("Query", ["payload-iovs/query", "payloadiovs"])
iovs = Resource(_GROUP, ["payload-iovs", "piov"])
one = Resource(_GROUP, ["payload-iovs/{id}", "piov/{id}"])
bulk = Resource(_GROUP, ["payload-iovs/bulk", "bulk_piov"])
into_list = Resource(_GROUP, ["payload-lists/{name}/iovs"])
attachment = Resource(_GROUP, ["payload-iovs/attach", "piov_attach"])
deletion = Resource(
    _GROUP,
    [
        "payload-iovs/{tag}/{type}/{major}/{minor}/delete",
        "deletePayloadIOV/{tag}/{type}/{major}/{minor}",
    ],
)
exact_deletion = Resource(
    _GROUP,
    [
        "payload-iovs/{tag}/{type}/{major}/{minor}/{major_end}/{minor_end}/delete",
        "deletePayloadIOV/{tag}/{type}/{major}/{minor}/{major_end}/{minor_end}",
    ],
)

RESOURCES = (
    query,
    iovs,
    one,
    bulk,
    into_list,
    attachment,
    deletion,
    exact_deletion,
)

_ATTACHING = (NotFound, Overlap, Closed, PolicyRefused, PayloadRefused)


@query.get(
    list[answers.ValidRow] | list[answers.ValidPayload],
    query=inputs.PointQuery,
    errors=[NotFound, Incomplete],
    says_how_long=True,
    in_lane=True,
)
def valid_at(request: Request, query: inputs.PointQuery) -> object:
    """Show which payloads are valid in a global tag at a point.

    At most one of each payload type, in the order of the types' names; a type
    that nothing covers at the point is left out. The point is given by two
    numbers, or by `at` in the notation of the types' dimension; where the types
    of a tag have several, once for each. `CDB-Valid-From` and `CDB-Valid-Until`
    say around the point how far this very answer holds.
    """
    answers_kept: Answers = request.cdb.answers
    compiled = request.cdb.compiled
    if seen := answers_kept.seen(request, query.question_anywhere):
        holding = seen.holding(request)
        holding.stop_where_known()
        if kept := answers_kept.at(seen.state, query.place):
            return kept.response(holding, "kept")
        if compiled and (made := compiled.at(seen.state, query)):
            answers_kept.keep_at(seen.state, made)
            return made.response(holding, "compiled")
    rules = request.cdb.rules
    with asked.reader(request, several=query.needs_snapshot) as reader:
        layers = asked.layers(reader, query.gtName, query.asOf)
        if not seen and "If-None-Match" in request.headers:
            heads = [resolve.head(reader, each) for each in layers.tags]
            layers.holding(request, heads).stop_where_known()
        found = resolve.answer(reader, rules, query.question(layers.tags))
    body = VALID_PAYLOADS[query.shape].body(found.valid, rules)
    holding = layers.holding(request, found.tags)
    answer = Kept(body, found.holds, AXIS if query.at else found.holds[""])
    if found.is_of_tags:
        answers_kept.keep(query.question_anywhere, holding, answer)
    return answer.response(holding)


@iovs.get(list[answers.Iov] | answers.IovPage, query=inputs.IovBrowseQuery)
def list_all(request: Request, query: inputs.IovBrowseQuery) -> object:
    """List all payload IOVs, those that wait to be attached last; with `page`, a page.

    A page has attached IOVs only, and counts what a search finds up to 10,000. As
    of a change nothing waits: that is no part of history.
    """
    database, mode = request.cdb.database, request.cdb.rules.iov_mode
    if query.page is None:
        head = asked.fixed(request, query.asOf)
        pieces = streams.iovs(database, head.change, mode, with_staged=not query.asOf)
        return streams.streamed(request, pieces, [head])
    with asked.state(request, query.asOf) as (reader, at):
        checksums = usage.meant(reader, query.checksum) if query.checksum else None
        found = browse.iovs(reader, query.wanted(), at, checksums)
    rows = [shapes.iov_row(row, request.cdb.rules) for row in found.rows]
    page = shapes.page(found, query.wanted(), rows)
    return {**page, "count_is_lower_bound": found.count_is_lower_bound}


@iovs.post(
    answers.Iov,
    permission=Permission.IOV_CREATE,
    body=inputs.NewIov,
    makes="payload-iovs/{id}",
)
def stage(request: Request, session: Session, writer: Writer, body: inputs.NewIov) -> shapes.Json:
    """Keep a payload IOV until it is attached to a payload list.

    Without an end it is open, or holds until the next start: that depends on
    the list. Half an end is open in the other half.
    """
    shown = payload_iovs.stage(
        session, request.cdb.rules, writer, body.reference(), body.dimension
    )
    return shapes.iov(shown.iov, shown.payload_list, request.cdb.rules.iov_mode)


@one.get(answers.Iov, path=inputs.IdPath, query=inputs.AsOfQuery, errors=[NotFound])
def show(request: Request, path: inputs.IdPath, query: inputs.AsOfQuery) -> shapes.Json:
    """Show a payload IOV that waits to be attached, or that a payload list shows."""
    with asked.state(request, query.asOf) as (reader, at):
        shown = payload_iovs.find(reader, path.id, at)
    return shapes.iov(shown.iov, shown.payload_list, request.cdb.rules.iov_mode)


@bulk.post(
    answers.BulkAnswer,
    permission=Permission.IOV_ATTACH,
    body=inputs.BulkRows,
    errors=_ATTACHING,
)
def attach_many(
    request: Request, session: Session, writer: Writer, body: list[inputs.Placed]
) -> shapes.Json:
    """Attach new payload IOVs to payload lists, all or none of them.

    They are attached in order of their starts. One without an end holds until
    the next start.
    """
    rows = _rows(body)
    count = payload_iovs.attach_many(session, request.cdb.rules, writer, rows)
    return {"count": count}


@into_list.post(
    answers.Attached,
    permission=Permission.IOV_ATTACH,
    path=inputs.NamePath,
    body=inputs.ListIovs,
    errors=_ATTACHING,
)
def attach_to_list(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.NamePath,
    body: list[inputs.Placed],
) -> shapes.Json:
    """Attach new payload IOVs to a payload list, all or none of them.

    It does what keeping and attaching them one by one does, in order of their
    starts: without an end one is open, or holds until the next start, as the
    list says.
    """
    rules = request.cdb.rules
    rows = list(enumerate(reference for _, reference in body))
    attached = payload_iovs.attach_to_list(session, rules, writer, path.name, rows)
    return shapes.attached(attached, rules.iov_mode)


@tag_iovs.post(
    answers.Attached,
    permission=Permission.IOV_ATTACH,
    path=inputs.NamePath,
    body=inputs.TagIovs,
    errors=_ATTACHING,
)
def attach_to_tag(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.NamePath,
    body: list[inputs.Placed],
) -> shapes.Json:
    """Attach new payload IOVs to the payload lists of a global tag, all or none of them.

    Each goes into the list that the tag has for its payload type, as by the
    request to that list.
    """
    rules = request.cdb.rules
    rows = _rows(body)
    attached = payload_iovs.attach_to_tag(session, rules, writer, path.name, rows)
    return shapes.attached(attached, rules.iov_mode)


def _rows(body: Iterable[inputs.Placed]) -> dict[str, list[tuple[int, Reference]]]:
    rows: dict[str, list[tuple[int, Reference]]] = {}
    for number, (place, reference) in enumerate(body):
        rows.setdefault(place, []).append((number, reference))
    return rows


@attachment.put(
    answers.Iov,
    Permission.IOV_ATTACH,
    body=inputs.IovAttachment,
    errors=[*_ATTACHING, AttachedElsewhere],
)
def attach(
    request: Request, session: Session, writer: Writer, body: inputs.IovAttachment
) -> shapes.Json:
    """Put a payload IOV into a payload list.

    In an open tag the new interval wins: what it covers goes, what it cuts
    keeps the rest. In a tag that only takes additions it may cover what nothing
    covers, or close an open last interval.
    """
    shown = payload_iovs.attach(
        session, request.cdb.rules, writer, body.payload_list, body.piov_id
    )
    return shapes.iov(shown.iov, shown.payload_list, request.cdb.rules.iov_mode)


@deletion.delete(
    answers.Deleted,
    Permission.IOV_DELETE,
    path=inputs.IovPath,
    errors=[NotFound, AppendOnly, Closed, PolicyRefused],
)
def delete(
    request: Request, session: Session, writer: Writer, path: inputs.IovPath
) -> shapes.Json:
    """Delete the payload IOV of a type in a global tag that starts at a point.

    Its time goes back to the interval before it, up to where that was meant to end.
    """
    return _delete(request, session, writer, path)


@exact_deletion.delete(
    answers.Deleted,
    Permission.IOV_DELETE,
    path=inputs.ExactIovPath,
    errors=[NotFound, AppendOnly, Closed, PolicyRefused],
)
def delete_exactly(
    request: Request, session: Session, writer: Writer, path: inputs.ExactIovPath
) -> shapes.Json:
    """Delete the payload IOV of a type in a global tag that has exactly this interval."""
    return _delete(request, session, writer, path)


def _delete(
    request: Request, session: Session, writer: Writer, path: inputs.IovPath
) -> shapes.Json:
    deleted = payload_iovs.delete(
        session,
        request.cdb.rules,
        writer,
        path.tag,
        path.type,
        Point(path.major, path.minor),
        path.end,
    )
    return {"detail": f"PayloadIOV {deleted.payload_url} deleted."}
