"""What a test finds in a database that another one has used: what is in a new one."""

from collections.abc import Iterator

import pytest
from emptied import Emptied
from guarded import dump, populate, service
from sqlalchemy import create_engine, make_url, text


@pytest.fixture(scope="module")
def emptied(postgresql_server: str) -> Iterator[Emptied]:
    """Databases that no other tests use."""
    made = Emptied(make_url(postgresql_server))
    yield made
    made.drop()


def use(emptied: Emptied, statement: str) -> str:
    with emptied.one() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()
        return url


def fill(emptied: Emptied) -> str:
    with emptied.one() as url, service(url, allow_open_writes="true") as client:
        populate(client)
        assert client.ok("GET", "piov/1")["major_iov"] == 7
        return url


def test_database_that_comes_again_is_as_new(emptied: Emptied) -> None:
    used = [fill(emptied) for _ in range(6)]
    assert len({*used}) < len(used)
    with emptied.one() as url:
        assert url in used
        rows = {table: len(found) for table, found in dump(url).items() if found}
    assert rows == {"tag_status": 3, "schema_revision": 1}


@pytest.mark.parametrize(
    "statement",
    [
        "alter table change drop comment",
        "alter table change add other text",
        "create index other on change (comment)",
        "drop index uq_payload_type_live_name",
        "create function other() returns int language sql as 'select 1'",
        "create view other as select 1",
        "insert into series select from generate_series(1, 60000)",
    ],
)
def test_what_is_not_as_new_does_not_come_again(emptied: Emptied, statement: str) -> None:
    changed = use(emptied, statement)
    assert changed not in [use(emptied, "select 1") for _ in range(6)]
