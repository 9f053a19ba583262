"""Whether the file of an SQLite database is whole, and holds what its tables are declared to."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Integer, String, text

from cdb.store.engine import Reader
from cdb.store.models import Base, Iov, UtcDateTime

_MOMENT = "0000-00-00 00:00:00.000000".replace("0", "[0-9]")


def damage(reader: Reader, limit: int) -> list[str]:
    """Return what SQLite finds wrong with its file: pages, indexes, and what has to be there."""
    found = reader.execute(
        text("select integrity_check from pragma_integrity_check(:limit)"), {"limit": limit}
    )
    return [str(told) for told in found.scalars() if told != "ok"]


def unsound(reader: Reader, *, whole: bool = True) -> Iterator[str]:
    """Yield the tables in which something stands that their columns are not declared to hold.

    SQLite keeps whatever is put into a column, and what is read from it is believed.

    Args:
        reader: of an SQLite database.
        whole: look through all payload IOVs, too.

    """
    for table in Base.metadata.sorted_tables:
        if table.name == Iov.__tablename__ and not whole:
            continue
        sound = " and ".join(f"({_is_sound(column)})" for column in table.columns)
        found = reader.execute(text(f'select 1 from "{table.name}" where not ({sound}) limit 1'))  # noqa: S608 - the names of the models
        if found.first():
            yield table.name


def _is_sound(column: Column[Any]) -> str:
    """Return the condition that a column holds what it is declared to hold."""
    name, kind = f'"{column.name}"', column.type
    match kind:
        case Integer() | Boolean():
            sound = f"typeof({name}) = 'integer'"
        case UtcDateTime():
            # SQLite also reads the 31st of February, midnight at 24:00, and the year 0; and it
            # rounds what is behind the seconds.
            seconds = f"substr({name}, 1, 19)"
            sound = f"{_is_text(name)} and {name} glob '{_MOMENT}'"
            sound += f" and {seconds} > '0001' and datetime({seconds}, '+0 days') is {seconds}"
        case JSON():
            sound = f"typeof({name}) = 'text' and json_valid({name})"
        case String():
            sound = _is_text(name)
            sound += f" and length({name}) <= {kind.length}" if kind.length else ""
        case _:
            raise TypeError(f"Nobody has said how {column} is looked at.")
    return f"{name} is null or ({sound})" if column.nullable else sound


def _is_text(name: str) -> str:
    return f"typeof({name}) = 'text' and instr({name}, char(0)) = 0"
