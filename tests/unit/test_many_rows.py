"""Bodies of many payload IOVs: a quick way and the models, which have to read the same."""

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from cdb.domain.points import MAX
from cdb.rest import inputs
from cdb.rest.inputs.bodies import BulkRow, ListIov, TagIov

KINDS = [
    (inputs.BulkRows, BulkRow, "payload_list"),
    (inputs.ListIovs, ListIov, None),
    (inputs.TagIovs, TagIov, "payload_type"),
]

numbers = st.sampled_from([0, 1, MAX, MAX + 1, -1, True, 1.0, "1", None, 10**30])
texts = st.sampled_from(
    ["a.root", "", "é", "x" * 255, "x" * 256, "a\u00a0b", "a\tb", "\x7f", "\u2028", 7, None, ["a"]]
)
plain = st.fixed_dictionaries(
    {
        "payload_url": st.just("a.root"),
        "checksum": st.just("c"),
        "major_iov": st.integers(0, 3),
        "minor_iov": st.just(0),
    }
)
odd = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("payload_url", "checksum", "revision", "extra", "begin", "end"), texts),
        **dict.fromkeys(("payload_list", "payload_type", "comb_iov", "colour"), texts),
        **dict.fromkeys(("major_iov", "minor_iov", "size"), numbers),
        **dict.fromkeys(("major_iov_end", "minor_iov_end"), numbers),
    },
)


@st.composite
def bodies(draw: st.DrawFn, place: str | None) -> Any:
    """Rows that are right but for a few fields, some left out, and things that are no rows."""
    rows: list[Any] = []
    for base, changed in draw(st.lists(st.tuples(plain, odd), max_size=3)):
        named = {place: "T_1"} if place else {}
        gone = draw(st.sets(st.sampled_from(["checksum", "major_iov"]), max_size=1))
        rows.append({**{k: v for k, v in base.items() if k not in gone}, **named, **changed})
    return draw(st.sampled_from([rows, rows, rows, [*rows, None], [*rows, []], {}, None]))


def outcome(read: Any) -> Any:
    try:
        return read()
    except ValidationError as error:
        return error.errors(include_url=False, include_context=False)


@pytest.mark.parametrize(("rows", "model", "place"), KINDS, ids=["bulk", "list", "tag"])
def test_what_is_read_is_what_the_models_read(rows: Any, model: Any, place: str | None) -> None:
    quick = TypeAdapter(rows)
    shortest = 0 if model is BulkRow else 1
    models = TypeAdapter(Annotated[list[model], Field(fail_fast=True)])

    def by_models(body: Any) -> Any:
        read = models.validate_python(body, strict=True)
        return [(getattr(row, place) if place else "", row.reference()) for row in read]

    @settings(max_examples=100)
    @given(body=bodies(place))
    def check(body: Any) -> None:
        found = outcome(lambda: quick.validate_python(body, strict=True))
        if body == [] and shortest:
            assert found[0]["type"] == "too_short"
        else:
            assert found == outcome(lambda: by_models(body))

    check()
