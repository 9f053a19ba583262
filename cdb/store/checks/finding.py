"""How a statement of this package is asked: for some of the rows that it finds, and a count."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, text

from cdb.store.engine import Reader
from cdb.store.models import UtcDateTime


class Found(NamedTuple):
    """Rows that break a rule: at most as many as were asked for, and how many there are."""

    rows: Sequence[Mapping[str, Any]]
    total: int


def find(reader: Reader, statement: str, limit: int, **parameters: object) -> Found:
    """Return what a statement finds, in the order of its first two columns.

    Args:
        reader: where to read.
        statement: one of this package.
        limit: how many rows are returned at most, 1 or more; all are counted.
        parameters: of the statement.

    """
    result = reader.execute(_limited(statement), {**parameters, "limit": limit})
    rows = [row._asdict() for row in result]
    return Found(rows, int(rows[0]["total"]) if rows else 0)


@cache
def _limited(statement: str) -> TextClause:
    made = text(
        f"""
        select wrong.*, count(*) over () as total from ({statement}) wrong
        order by 1, 2 limit :limit
        """  # noqa: S608 - constants
    )
    if ":before" not in statement:
        return made
    return made.bindparams(bindparam("before", type_=UtcDateTime))
