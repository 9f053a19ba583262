"""Payload lists."""

from pyramid.request import Request
from sqlalchemy.orm import Session

from cdb.errors import AppendOnly, Closed, NotEmpty, NotFound, PolicyRefused
from cdb.plugin import Permission
from cdb.rest import answers, asked, inputs, shapes, streams
from cdb.rest.service import Resource
from cdb.services import lookup, payload_lists
from cdb.services.writer import Writer
from cdb.store import browse

_GROUP = "Payload lists"

lists = Resource(_GROUP, ["payload-lists", "pl"])
by_id = Resource(_GROUP, ["payload-lists/{id}", "pl/{id}"])
by_name = Resource(_GROUP, ["payload-lists/by-name/{name}"])
attachment = Resource(_GROUP, ["payload-lists/attach", "pl_attach"])
deletion = Resource(_GROUP, ["payload-lists/{name}/delete", "deletePayloadList/{name}"])

RESOURCES = (lists, by_id, by_name, attachment, deletion)


@lists.get(list[answers.ListWithIovs] | answers.ListPage, query=inputs.ListBrowseQuery)
def list_all(request: Request, query: inputs.ListBrowseQuery) -> object:
    """List payload lists with their payload IOVs; with `page`, a page of their counts."""
    if query.page is None:
        head = asked.fixed(request, query.asOf)
        pieces = streams.lists(request.cdb.database, head.change, request.cdb.rules.iov_mode)
        return streams.streamed(request, pieces, [head])
    with asked.state(request, query.asOf) as (reader, at):
        found = browse.lists(reader, query.wanted(), at)
    rows = [{**shapes.list_(record), "iov_count": record.n_iov} for record in found.rows]
    return shapes.page(found, query.wanted(), rows)


@lists.post(
    answers.List,
    permission=Permission.LIST_CREATE,
    body=inputs.NewList,
    errors=[NotFound],
    makes="payload-lists/by-name/{name}",
)
def create(
    request: Request, session: Session, writer: Writer, body: inputs.NewList
) -> shapes.Json:
    """Make an empty payload list; its name is made from its type."""
    record = payload_lists.create(
        session,
        request.cdb.rules,
        writer,
        body.payload_type,
        body.ends,
        body.description,
        body.contact,
    )
    return shapes.list_(record)


@by_id.get(answers.ListWithIds, path=inputs.IdPath, query=inputs.AsOfQuery, errors=[NotFound])
def show_by_id(request: Request, path: inputs.IdPath, query: inputs.AsOfQuery) -> shapes.Json:
    """Show a payload list, given by its id, with the ids of its tag and type."""
    with asked.state(request, query.asOf) as (reader, at):
        record = lookup.list_by_id(reader, path.id, at)
    return {
        **shapes.list_(record),
        "global_tag": record.tag_id,
        "payload_type": record.type_id,
    }


@by_name.get(answers.ListSummary, path=inputs.NamePath, query=inputs.AsOfQuery, errors=[NotFound])
def show_by_name(request: Request, path: inputs.NamePath, query: inputs.AsOfQuery) -> shapes.Json:
    """Show a payload list with the number of its payload IOVs."""
    with asked.state(request, query.asOf) as (reader, at):
        record = lookup.list_(reader, path.name, at)
    return {**shapes.list_(record), "iov_count": record.n_iov}


@by_name.patch(
    answers.List,
    Permission.LIST_CREATE,
    path=inputs.NamePath,
    body=inputs.Description,
    errors=[NotFound],
)
def describe(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.NamePath,
    body: inputs.Description,
) -> shapes.Json:
    """Change the description or the contact of a payload list."""
    record = payload_lists.describe(session, request.cdb.rules, writer, path.name, body.values())
    return shapes.list_(record)


@attachment.put(
    answers.List,
    Permission.LIST_ATTACH,
    body=inputs.ListAttachment,
    errors=[NotFound, AppendOnly, Closed, PolicyRefused],
)
def attach(
    request: Request, session: Session, writer: Writer, body: inputs.ListAttachment
) -> shapes.Json:
    """Put a payload list into a global tag, in place of the one of its type."""
    record = payload_lists.attach(
        session, request.cdb.rules, writer, body.payload_list, body.global_tag
    )
    return shapes.list_(record)


@deletion.delete(
    answers.Deleted,
    Permission.LIST_DELETE,
    path=inputs.NamePath,
    errors=[NotFound, NotEmpty, AppendOnly, Closed, PolicyRefused],
)
def delete(
    request: Request, session: Session, writer: Writer, path: inputs.NamePath
) -> shapes.Json:
    """Delete an empty payload list."""
    payload_lists.delete(session, request.cdb.rules, writer, path.name)
    # nopayloaddb's own words, in which the list is a type.
    return {"detail": f"Payload Type {path.name} deleted."}
