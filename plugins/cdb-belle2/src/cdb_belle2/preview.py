"""How payload files of Belle II are shown: by the object that basf2 reads, and its class."""

from collections.abc import Iterator, Sequence

from cdb.plugin import PayloadReference, Preview
from cdb.plugin.root import Entry, Records, RootFilePreview, members_of, shown_text

_MEMBERS = 200
"""Members of a class that are shown at most."""


class PayloadObject(RootFilePreview):
    """Shows the members of the class that a payload is of, and all that a ROOT file has.

    basf2 looks in a payload file for the object that is called as the payload type.
    """

    def parts(
        self, payload: PayloadReference, records: Records, entries: Sequence[Entry]
    ) -> Iterator[Preview]:
        """Yield the members of the object's class, as the file describes it."""
        named = [entry for entry in entries if entry.path == payload.payload_type]
        if not named:
            text = f"basf2 would look for an object {payload.payload_type!r}: there is none."
            yield Preview("text", shown_text(text), title="The payload")
            return
        newest = max(named, key=lambda entry: entry.cycle)
        members = members_of(records, newest.class_name)
        rows = [(each.name, each.type_name, each.comment) for each in members[:_MEMBERS]]
        said = f"An object of the class {shown_text(newest.class_name)}."
        yield Preview(
            "table",
            (("member", "type", "comment"), *(tuple(map(shown_text, row)) for row in rows)),
            is_truncated=len(members) > _MEMBERS,
            title="The payload",
            description=said if rows else f"{said} The file does not describe this class.",
        )
