"""What schemathesis has to be told of cdb: it loads this module, here and in its own process."""

import re
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from cdb.domain.points import MAX

_numbers = st.integers(0, 20) | st.integers(0, MAX)

for _form, _texts in {
    "point": st.builds("{},{}".format, _numbers, _numbers),
    "change-or-time": st.integers(1, 5).map(str) | st.just("2026-01-01T00:00:00Z"),
    "time": st.datetimes().map(lambda time: f"{time.isoformat()}Z"),
    "dimension": st.just("major-minor"),
    "validator": st.just("any"),
    "entity-tags": st.just("*"),
}.items():
    schemathesis.openapi.format(_form, _texts)


@schemathesis.hook
def before_load_schema(_context: Any, raw_schema: Any) -> None:
    """Describe tuples less exactly: schemathesis cannot read them in answers of OpenAPI 3.1."""
    for value in raw_schema.values() if isinstance(raw_schema, dict) else raw_schema:
        if isinstance(value, dict) and "prefixItems" in value:
            value["items"] = {"anyOf": value.pop("prefixItems")}
        if isinstance(value, dict | list):
            before_load_schema(_context, value)


UNSAID = re.compile(
    # The state of the database, by the status that nopayloaddb gives it.
    "exists already|There is no change|is in the future|says already as of when|is missing after"
    # How two numbers are to each other, and which texts mean the same point.
    "|does not come after|starts? at|overlap|the start is given twice|the end is given twice"
    # Which parameters there are together: OpenAPI describes each by itself.
    "|is one point; |are needed both|Field required|is of what is in a global_tag"
    "|are the same field, with two values|can be asked of one global tag only"
    "|append has no to|append needs from|are for append|There are two points for the dimension"
    # JSON Schema takes 5.0 for an integer. Here it may be one that has lost its last digits.
    "|valid integer"
    # What stands behind the @ of a name.
    "|is not the number of a change"
    # How long a file name may be, which depends on the layout of the payload store.
    "|it would be stored as"
    # What a plugin says to its options, its points and its payloads.
    "|validator_options|has no such option|This service has|is not one of this service"
    "|is not written as|is larger than|is the last"
)
"""What an error says where the request is as documented: no document could say it before."""


@schemathesis.check
def accepts_what_is_documented(ctx: Any, response: Any, case: Any) -> bool | None:
    """Refuse a refusal of what the document permits, but for those reasons."""
    # Another condition, or the state of what is written to.
    if response.status_code in (412, 416, 422):
        return None
    if response.status_code == 400 and UNSAID.search(response.text):
        return None
    found: bool | None = positive_data_acceptance(ctx, response, case)
    return found
