"""A write happens wholly and is in the change log, or it does not happen."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from support import WRITER, Client, rules

from cdb.services import global_tags, payload_types
from cdb.store import reads
from cdb.store.changes import open_change
from cdb.store.engine import Database
from cdb.store.models import Change, Series

RULES = rules()


def changes(database: Database) -> list[Any]:
    with database.snapshot() as reader:
        return list(reader.execute(select(Change).order_by(Change.change)))


def create_and_fail(database: Database) -> None:
    """Write, and fail before the end."""
    with database.writing() as session:
        global_tags.create(session, RULES, WRITER, "A")
        raise RuntimeError("in the middle")


def test_a_write_that_fails_in_the_middle_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        create_and_fail(database)
    assert changes(database) == []
    with database.snapshot() as reader:
        assert reads.tags(reader) == []


def test_a_statement_that_is_no_object_of_the_orm_is_committed(database: Database) -> None:
    with database.writing() as session:
        open_change(session, WRITER.origin)
        session.connection().execute(insert(Series))
    with database.snapshot() as reader:
        assert reader.execute(text("select count(*) from series")).scalar_one() == 1


def test_a_change_says_who_when_what_and_why(database: Database) -> None:
    with database.writing() as session:
        payload_types.create(session, RULES, WRITER, "Beam")
    [change] = changes(database)
    assert change.change == 1
    assert (change.actor, change.comment) == ("tester", "to see whether it works")
    assert (change.action, change.object_type, change.object_name) == (
        "create",
        "payload_type",
        "Beam",
    )
    assert len(change.nonce) == 16
    chosen = {"dimension": None, "validator": None, "validator_options": None}
    assert change.detail == {"payload_types": ["Beam"], "after": chosen}


def test_times_of_changes_never_decrease(database: Database) -> None:
    with database.writing() as session:
        payload_types.create(session, RULES, WRITER, "Beam")
        ahead = datetime(2100, 1, 1, tzinfo=UTC)
        session.connection().execute(update(Change).values(at=ahead))
    with database.writing() as session:
        payload_types.create(session, RULES, WRITER, "Field")
    first, second = changes(database)
    assert second.at >= first.at
    assert second.at.year == 2100


WRITES = [
    ("POST", "gtstatus", {"name": "online"}),
    ("POST", "gt", {"name": "A"}),
    ("PATCH", "global-tags/A", {"description": "d"}),
    ("POST", "pt", {"name": "Beam"}),
    ("PATCH", "payload-types/Beam", {"contact": "c"}),
    ("POST", "pl", {"payload_type": "Beam"}),
    ("PATCH", "payload-lists/by-name/Beam_1", {"description": "d"}),
    ("PUT", "pl_attach", {"global_tag": "A", "payload_list": "Beam_1"}),
    (
        "POST",
        "bulk_piov",
        [{"payload_list": "Beam_1", "payload_url": "u", "major_iov": 5, "minor_iov": 0}],
    ),
    ("POST", "cloneGlobalTag/A/B", None),
    ("DELETE", "deletePayloadIOV/B/Beam/5/0", None),
    ("PUT", "gt_change_status/A/locked", None),
    ("DELETE", "deleteGlobalTag/B", None),
    ("POST", "pl", {"payload_type": "Beam"}),
    ("DELETE", "deletePayloadList/Beam_3", None),
]

WITHOUT_EFFECT = [
    ("POST", "gtstatus", {"name": "online"}),
    ("PUT", "gt_change_status/A/locked", None),
    ("PUT", "pl_attach", {"global_tag": "A", "payload_list": "Beam_1"}),
    ("POST", "bulk_piov", []),
    ("POST", "piov", {"payload_url": "u", "checksum": "c", "major_iov": 7, "minor_iov": 0}),
]


@pytest.fixture
def written(client: Client) -> Client:
    for method, path, body in WRITES:
        client.ok(method, path, body)
    return client


def test_each_write_is_one_change(written: Client, database: Database) -> None:
    assert written.ok("GET", "gtstatus")[-1]["name"] == "online"
    assert [change.change for change in changes(database)] == list(range(1, len(WRITES) + 1))


def test_what_changes_nothing_is_no_change(written: Client, database: Database) -> None:
    for method, path, body in WITHOUT_EFFECT:
        written.ok(method, path, body)
    assert len(changes(database)) == len(WRITES)


def test_the_head_of_a_tag_is_the_last_change_that_touched_it(
    written: Client, database: Database
) -> None:
    assert written.ok("GET", "globalTag/A")["status"]["name"] == "locked"
    with database.snapshot() as reader:
        tag = reads.tag(reader, "A")
    assert tag is not None
    assert tag.head == 12
