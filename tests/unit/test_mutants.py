"""What `make mutants` changes in a module, one thing at a time, and what it leaves as it is."""

import mutants

MODULE = '''
"""What is said, and not done: a < b."""

SEEN = text(
    """
    select max(change) from iov where series = :series and added_by <= :at
    and retired_by > :at
    order by start desc
    """
)
LAST = select(Iov).where(Iov.start >= POINT).order_by(Iov.start.desc())


def page(row: Row) -> int:
    """Return a page or nothing."""
    if row is None:  # and so on
        raise Invalid("There is none, and there was none.")
    return row.start + 1
'''


def test_what_is_done_is_changed_in_sql_and_in_python() -> None:
    changed = {mutant.of(MODULE) for mutant in mutants.mutants(MODULE)}
    assert changed == {
        MODULE.replace(was, becomes)
        for was, becomes in [
            ("max(", "min("),
            ("= :series", "<> :series"),
            (":series and", ":series or"),
            (" and added_by <= :at", ""),
            ("<=", "<"),
            ("and retired_by", "or retired_by"),
            (" and retired_by > :at", ""),
            ("retired_by > ", "retired_by >= "),
            (" desc", ""),
            (">= POINT", "> POINT"),
            (".desc()", ""),
            ("is None", "is not None"),
            ("start + 1", "start - 1"),
        ]
    }


def test_what_was_not_noticed_is_told_by_its_line() -> None:
    [told] = [each for each in mutants.mutants(MODULE) if each.instead == " - "]
    path = mutants.Path("cdb/store/x.py")
    assert told.shown(path, MODULE) == (
        "cdb/store/x.py:18: return row.start + 1  ->  return row.start - 1"
    )
