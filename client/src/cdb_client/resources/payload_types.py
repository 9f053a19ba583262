"""Payload types: what kinds of conditions there are."""

from collections.abc import Iterator, Mapping
from typing import Any, Unpack

from cdb_client.http import Answer, Writing, path_of
from cdb_client.resources.base import AsOf, Resource, edited, given


class PayloadTypes(Resource):
    """Requests about payload types."""

    def list(self, *, search: str | None = None, as_of: AsOf = None) -> Iterator[dict[str, Any]]:
        """Yield the types by name.

        Args:
            search: a part of a name, in whatever case.
            as_of: a change or a time.

        """
        return self._pages("payload-types", {"search": search, "asOf": as_of, "sort": "name"})

    def show(self, name: str, *, as_of: AsOf = None) -> dict[str, Any]:
        """Return a type."""
        return self._one(path_of("payload-types", name), {"asOf": as_of})

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        contact: str | None = None,
        dimension: str | None = None,
        validator: str | None = None,
        validator_options: Mapping[str, Any] | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Make a type.

        Args:
            name: of the type.
            description: what it is for.
            contact: whom to ask.
            dimension: how its points are written; the service's where it is not given.
            validator: what is asked about each payload that becomes valid.
            validator_options: what the validator is told about this type.
            writing: reason, dry run, condition and key.

        """
        body = given(
            name=name,
            description=description,
            contact=contact,
            dimension=dimension,
            validator=validator,
            validator_options=validator_options,
        )
        return self.service.write("POST", "payload-types", body, **writing)

    def edit(
        self,
        name: str,
        *,
        description: str | None = None,
        contact: str | None = None,
        validator: str | None = None,
        validator_options: Mapping[str, Any] | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Change what is given; an empty text clears it. The dimension stays as it was made."""
        texts = edited(description=description, contact=contact, validator=validator)
        body = {**texts, **given(validator_options=validator_options)}
        return self.service.write("PATCH", path_of("payload-types", name), body, **writing)

    def delete(self, name: str, **writing: Unpack[Writing]) -> Answer:
        """Delete a type that no payload list has."""
        return self.service.write("DELETE", path_of("payload-types", name, "delete"), **writing)
