"""Payload types."""

from pyramid.request import Request
from sqlalchemy.orm import Session

from cdb.errors import InUse, NameTaken, NotFound
from cdb.plugin import Permission
from cdb.rest import answers, asked, inputs, shapes
from cdb.rest.service import Resource
from cdb.services import lookup, payload_types
from cdb.services.writer import Writer
from cdb.store import browse, reads

_GROUP = "Payload types"

types = Resource(_GROUP, ["payload-types", "pt"])
one = Resource(_GROUP, ["payload-types/{name}"])
deletion = Resource(_GROUP, ["payload-types/{name}/delete", "deletePayloadType/{name}"])

RESOURCES = (types, one, deletion)


@types.get(list[answers.Type] | answers.TypePage, query=inputs.BrowseQuery)
def list_all(request: Request, query: inputs.BrowseQuery) -> object:
    """List payload types; with `page`, a page of them."""
    with asked.state(request, query.asOf) as (reader, at):
        if query.page is None:
            return [shapes.type_(record) for record in reads.types(reader, at)]
        found = browse.types(reader, query.wanted(), at)
    return shapes.page(found, query.wanted(), [shapes.type_(record) for record in found.rows])


@types.post(
    answers.Type,
    permission=Permission.TYPE_CREATE,
    body=inputs.NewType,
    errors=[NameTaken],
    makes="payload-types/{name}",
)
def create(
    request: Request, session: Session, writer: Writer, body: inputs.NewType
) -> shapes.Json:
    """Make a payload type."""
    record = payload_types.create(
        session,
        request.cdb.rules,
        writer,
        body.name,
        body.description,
        body.contact,
        body.choice(),
    )
    return shapes.type_(record)


@one.get(answers.Type, path=inputs.NamePath, query=inputs.AsOfQuery, errors=[NotFound])
def show(request: Request, path: inputs.NamePath, query: inputs.AsOfQuery) -> shapes.Json:
    """Show a payload type."""
    with asked.state(request, query.asOf) as (reader, at):
        return shapes.type_(lookup.type_(reader, path.name, at))


@one.patch(
    answers.Type,
    Permission.TYPE_CREATE,
    path=inputs.NamePath,
    body=inputs.TypeDescription,
    errors=[NotFound],
)
def describe(
    request: Request,
    session: Session,
    writer: Writer,
    path: inputs.NamePath,
    body: inputs.TypeDescription,
) -> shapes.Json:
    """Change the description or the contact of a payload type."""
    record = payload_types.describe(session, request.cdb.rules, writer, path.name, body.values())
    return shapes.type_(record)


@deletion.delete(
    answers.Deleted, Permission.TYPE_DELETE, path=inputs.NamePath, errors=[NotFound, InUse]
)
def delete(
    request: Request, session: Session, writer: Writer, path: inputs.NamePath
) -> shapes.Json:
    """Delete a payload type that no payload list has."""
    payload_types.delete(session, request.cdb.rules, writer, path.name)
    return {"detail": f"Payload Type {path.name} deleted."}
