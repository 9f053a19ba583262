"""Payload types."""

from pyramid.request import Request
from sqlalchemy.orm import Session

from cdb.errors import InUse, NameTaken, NotFound
from cdb.rest import schemas, shapes
from cdb.rest.service import Resource
from cdb.services import lookup, payload_types
from cdb.store import browse, reads

_GROUP = "Payload types"

types = Resource(_GROUP, ["payload-types", "pt"])
one = Resource(_GROUP, ["payload-types/{name}"])
deletion = Resource(_GROUP, ["payload-types/{name}/delete", "deletePayloadType/{name}"])

RESOURCES = (types, one, deletion)


@types.get(list[schemas.Type] | schemas.TypePage, query=schemas.BrowseQuery)
def list_all(request: Request, query: schemas.BrowseQuery) -> object:
    """List payload types; with `page`, a page of them."""
    with request.cdb.database.snapshot() as reader:
        if query.page is None:
            return [shapes.type_(record) for record in reads.types(reader)]
        found = browse.types(reader, query.wanted())
    return shapes.page(found, query.wanted(), [shapes.type_(record) for record in found.rows])


@types.post(schemas.Type, body=schemas.NewType, errors=[NameTaken])
def create(request: Request, session: Session, body: schemas.NewType) -> shapes.Json:
    """Make a payload type."""
    record = payload_types.create(
        session,
        request.cdb.rules,
        request.cdb.origin,
        body.name,
        body.description,
        body.contact,
    )
    return shapes.type_(record)


@one.get(schemas.Type, path=schemas.NamePath, errors=[NotFound])
def show(request: Request, path: schemas.NamePath) -> shapes.Json:
    """Show a payload type."""
    with request.cdb.database.statement() as reader:
        return shapes.type_(lookup.type_(reader, path.name))


@one.patch(schemas.Type, path=schemas.NamePath, body=schemas.Description, errors=[NotFound])
def describe(
    request: Request, session: Session, path: schemas.NamePath, body: schemas.Description
) -> shapes.Json:
    """Change the description or the contact of a payload type."""
    record = payload_types.describe(
        session, request.cdb.rules, request.cdb.origin, path.name, body.values()
    )
    return shapes.type_(record)


@deletion.delete(schemas.Deleted, path=schemas.NamePath, errors=[NotFound, InUse])
def delete(request: Request, session: Session, path: schemas.NamePath) -> shapes.Json:
    """Delete a payload type that no payload list has."""
    payload_types.delete(session, request.cdb.rules, request.cdb.origin, path.name)
    return {"detail": f"Payload Type {path.name} deleted."}
