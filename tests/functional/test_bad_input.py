"""What a client can do wrong: a clear answer each time, and nothing changes.

The tests share one service for each database. Every one of them compares all
tables with what they were at first, so none can disturb another.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine
from support import API, Client, contents

from cdb.app import make_app
from cdb.rest.views import RESOURCES
from cdb.settings import load

MAX = 2**63 - 1

INNARDS = (
    "traceback",
    'file "',
    "sqlalchemy",
    "psycopg",
    "sqlite",
    "select ",
    "insert ",
    "pydantic",
)

SAMPLES = {
    "name": "Open",
    "id": "1",
    "source": "Open",
    "target": "New",
    "status": "locked",
    "tag": "Open",
    "type": "Beam",
    "major": "0",
    "minor": "0",
    "major_end": "100",
    "minor_end": "0",
    "payload_type": "Beam",
    "file_name": "run7.txt",
    "checksum": "0" * 32,
    "a": "Open",
    "b": "Locked",
    "change": "1",
}
PATHS = [
    (f"/{path}" if resource.rooted else f"{API}/{path}", resource)
    for resource in RESOURCES
    for path in resource.paths
]
OPERATIONS = [
    (operation, resource.paths[-1])
    for resource in RESOURCES
    for operation in resource.operations
    if not resource.rooted
]
"""Every operation under one of its names; `test_clients.py` asks for the same from the others."""
TAKING_BODIES = [
    (operation.method, path.format(**SAMPLES))
    for operation, path in OPERATIONS
    if operation.body is not None
]
TAKING_NONE = [
    (operation.method, path.format(**SAMPLES))
    for operation, path in OPERATIONS
    if operation.writes
    and operation.body is None
    and not operation.raw_body
    and operation.method != "DELETE"
]
TAKING_QUERIES = [
    (operation.method, path.format(**SAMPLES))
    for operation, path in OPERATIONS
    if operation.query is not None
]
VARIABLES = [
    (operation.method, path.format(**{**SAMPLES, variable: "{}"}), variable)
    for operation, path in OPERATIONS
    for variable in SAMPLES
    if f"{{{variable}}}" in path
]
NAMES_IN_PATHS = [
    (method, path) for method, path, variable in VARIABLES if variable in ("name", "tag", "source")
]
NUMBERS_IN_PATHS = [
    (method, path, variable)
    for method, path, variable in VARIABLES
    if variable.startswith(("id", "major", "minor"))
]


def populate(client: Client) -> None:
    """Make something of everything: ids 1 and 2 wait, 3 is attached, 4 was deleted."""
    for name in ("Beam", "Field", "Unused"):
        client.ok("POST", "pt", {"name": name})
    for name in ("Open", "Locked", "Frozen"):
        client.ok("POST", "gt", {"name": name})
    for payload_type in ("Beam", "Beam", "Beam", "Beam", "Field", "Field"):
        client.ok("POST", "pl", {"payload_type": payload_type})
    iov = {"payload_url": "a.root", "checksum": "c", "minor_iov": 0, "minor_iov_end": 0}
    client.ok("POST", "piov", {**iov, "major_iov": 50, "major_iov_end": 60})
    client.ok("POST", "piov", {**iov, "major_iov": 500, "major_iov_end": 600})
    client.ok("POST", "piov", {**iov, "major_iov": 0, "major_iov_end": 100})
    client.ok("POST", "piov", {**iov, "major_iov": 900, "major_iov_end": 901})
    client.ok("PUT", "piov_attach", {"payload_list": "Beam_1", "piov_id": 3})
    client.ok("PUT", "piov_attach", {"payload_list": "Beam_1", "piov_id": 4})
    client.ok("PUT", "pl_attach", {"global_tag": "Open", "payload_list": "Beam_1"})
    client.ok("DELETE", "deletePayloadIOV/Open/Beam/900/0")
    for name in ("Beam_2", "Beam_3", "Beam_4"):
        row = {"payload_list": name, "payload_url": "b.root", "major_iov": 0, "minor_iov": 0}
        client.ok("POST", "bulk_piov", [{**row, "major_iov_end": 100, "minor_iov_end": 0}])
    for tag, payload_list in (
        ("Locked", "Beam_2"),
        ("Frozen", "Beam_3"),
        ("Locked", "Field_5"),
        ("Frozen", "Field_6"),
    ):
        client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": payload_list})
    client.ok("PUT", "gt_change_status/Locked/locked")
    client.ok("PUT", "gt_change_status/Frozen/frozen")


WRITTEN = {
    "sqlite": "pragma data_version",
    "postgresql": "select pg_snapshot_xmax(pg_current_snapshot())",
}
"""What is another number once somebody else has written anything at all."""


class World:
    """A service with something of everything, and all that its database holds.

    Thousands of requests are refused, so what it holds is read again only where somebody wrote.
    """

    def __init__(self, url: str) -> None:
        ini = {
            "cdb.database.url": url,
            "cdb.allow_open_writes": "true",
            "cdb.max_body_mb": "1",
        }
        self.client = Client(make_app(load(ini, {})))
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._connection = self._engine.connect()
        populate(self.client)
        self._written = self._number()
        self._before = self._held = contents(self._connection)

    def is_unchanged(self) -> bool:
        if (number := self._number()) != self._written:
            self._written, self._held = number, contents(self._connection)
        return self._held == self._before

    def _number(self) -> int:
        cursor = self._connection.connection.cursor()
        cursor.execute(WRITTEN[self._engine.dialect.name])
        return int(cursor.fetchone()[0])

    def dispose(self) -> None:
        self._connection.close()
        self._engine.dispose()
        self.client.app.registry.cdb.database.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, databases: Any) -> Iterator[World]:
    with databases(request.param) as url:
        made = World(url)
        yield made
        made.dispose()


Refuse = Callable[..., dict[str, Any]]


@pytest.fixture
def refuse(world: World) -> Refuse:
    """Send a request, see it refused well-formed and nothing changed; give the body."""

    def refuse(method: str, path: str, status: int, code: str, **options: Any) -> dict[str, Any]:
        url = path if path.startswith("/") else f"{API}/{path}"
        answer = world.client.request(url, method=method, status="*", **options)
        assert (answer.status_int, answer.content_type) == (status, "application/json"), (
            answer.text
        )
        assert [word for word in INNARDS if word in answer.text.lower()] == []
        body: dict[str, Any] = answer.json
        said = {key: value for key, value in body.items() if key != "code"}
        assert body["code"] == code
        assert said, "neither a sentence nor a field"
        assert isinstance(said.pop("detail", ""), str)
        assert all(messages and isinstance(messages, list) for messages in said.values())
        assert all(isinstance(line, str) for messages in said.values() for line in messages)
        assert world.is_unchanged()
        return body

    return refuse


@pytest.fixture
def refuse_json(refuse: Refuse) -> Refuse:
    """The same for a body that is given as text, JSON or nearly."""

    def refuse_json(
        method: str, path: str, body: str | bytes, status: int = 400, code: str = "invalid"
    ) -> dict[str, Any]:
        sent = body if isinstance(body, bytes) else body.encode()
        return refuse(method, path, status, code, body=sent, content_type="application/json")

    return refuse_json


def test_a_write_does_not_go_unnoticed(database_url: str) -> None:
    made = World(database_url)
    assert made.is_unchanged()
    made.client.ok("POST", "gt", {"name": "New"})
    assert not made.is_unchanged()
    made.dispose()


# --- what does not exist -----------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        f"{API}",
        f"{API}/nothing",
        f"{API}/gt/1/2",
        f"{API}/globalTag",
        f"{API}/globalTag//",
        f"{API}/user_settings",
        f"{API}/a%2Fb",
        f"{API}/%00",
        "/health",
        "/static/nothing.js",
        "/static",
        "/static/vendor",
        "/static/../settings.py",
        "/static/__init__.py/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_unknown_path_is_404(refuse: Refuse, method: str, path: str) -> None:
    body = refuse(method, path, 404, "not-found")
    assert body["detail"] == "There is nothing at this path."


@pytest.mark.parametrize(
    "name", ["NOPE", "open", "Open%20x", "%25", "_", "'%3B--", "%F0%9F%92%A5", "x" * 255]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "globalTag/{}"),
        ("GET", "global-tags/{}?light=1"),
        ("GET", "gtPayloadLists/{}"),
        ("PUT", "gt_change_status/{}/locked"),
        ("PUT", "gt_change_status/Open/{}"),
        ("POST", "cloneGlobalTag/{}/New"),
        ("DELETE", "deleteGlobalTag/{}"),
        ("GET", "payload-types/{}"),
        ("DELETE", "deletePayloadType/{}"),
        ("GET", "payload-lists/by-name/{}"),
        ("DELETE", "deletePayloadList/{}"),
        ("DELETE", "deletePayloadIOV/{}/Beam/0/0"),
        ("DELETE", "deletePayloadIOV/Open/{}/0/0"),
        ("DELETE", "deletePayloadIOV/{}/Beam/0/0/100/0"),
        ("GET", "payloadiovs/?gtName={}&majorIOV=0&minorIOV=0"),
        ("GET", "user_settings/{}"),
    ],
)
def test_unknown_name_is_404(refuse: Refuse, method: str, path: str, name: str) -> None:
    body = refuse(method, path.format(name), 404, "not-found")
    assert "does not exist" in body["detail"]


LIST_IOV = '{"payload_url": "x", "checksum": "c", "major_iov": 0, "minor_iov": 0}'
TAG_IOV = f'{{"payload_type": "Beam", {LIST_IOV[1:]}'


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "gt", '{"name": "New", "status": "nosuch"}'),
        ("POST", "pl", '{"payload_type": "NOPE"}'),
        ("PUT", "pl_attach", '{"global_tag": "NOPE", "payload_list": "Beam_4"}'),
        ("PUT", "pl_attach", '{"global_tag": "Open", "payload_list": "NOPE"}'),
        ("PUT", "piov_attach", '{"payload_list": "NOPE", "piov_id": 1}'),
        ("PUT", "piov_attach", '{"payload_list": "Beam_4", "piov_id": 999}'),
        ("PUT", "piov_attach", f'{{"payload_list": "Beam_4", "piov_id": {MAX}}}'),
        (
            "POST",
            "bulk_piov",
            '[{"payload_list": "NOPE", "payload_url": "x", "major_iov": 0, "minor_iov": 0}]',
        ),
        ("POST", "payload-lists/NOPE/iovs", f"[{LIST_IOV}]"),
        ("POST", "global-tags/NOPE/iovs", f"[{TAG_IOV}]"),
        ("POST", "global-tags/Open/iovs", f"[{TAG_IOV.replace('Beam', 'NOPE')}]"),
        ("PATCH", "global-tags/NOPE", '{"description": "x"}'),
        ("PATCH", "payload-types/NOPE", '{"description": "x"}'),
        ("PATCH", "payload-lists/by-name/NOPE", '{"description": "x"}'),
    ],
)
def test_unknown_name_in_a_body_is_404(
    refuse_json: Refuse, method: str, path: str, body: str
) -> None:
    refuse_json(method, path, body, 404, "not-found")


@pytest.mark.parametrize("number", ["0", "999", str(MAX)])
@pytest.mark.parametrize(
    "path", ["gt/{}", "pl/{}", "payload-lists/{}", "piov/{}", "payload-iovs/{}"]
)
def test_unknown_id_is_404(refuse: Refuse, path: str, number: str) -> None:
    refuse("GET", path.format(number), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "deletePayloadIOV/Open/Beam/1/0",
        "deletePayloadIOV/Open/Beam/0/0/99/0",
        "deletePayloadIOV/Open/Beam/900/0",
        "deletePayloadIOV/Open/Field/0/0",
        f"deletePayloadIOV/Open/Beam/{MAX}/0",
    ],
)
def test_deleting_an_iov_that_is_not_there_is_404(refuse: Refuse, path: str) -> None:
    refuse("DELETE", path, 404, "not-found")


def test_iov_that_was_deleted_is_404(refuse: Refuse) -> None:
    refuse("GET", "piov/4", 404, "not-found")


@pytest.mark.parametrize("name", ["CDB_DATABASE_URL", "PATH", "cdb.database.url", "database_url"])
def test_no_other_setting_is_shown(refuse: Refuse, name: str) -> None:
    refuse("GET", f"settings/{name}", 404, "not-found")


# --- methods, media types, sizes ---------------------------------------------


@pytest.mark.parametrize(("path", "resource"), PATHS, ids=[path for path, _ in PATHS])
def test_wrong_method_is_405_and_says_which_are_right(
    refuse: Refuse, world: World, path: str, resource: Any
) -> None:
    right = {operation.method for operation in resource.operations}
    wrong = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - right
    for method in sorted(wrong):
        url = path.format(**SAMPLES)
        refuse(method, url, 405, "method-not-allowed")
        answer = world.client.request(url, method=method, status=405)
        assert set(answer.allow) == right | ({"HEAD"} & {"HEAD" for m in right if m == "GET"})


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/xml", "image/png"],
)
@pytest.mark.parametrize(("method", "path"), TAKING_BODIES)
def test_other_media_type_is_415(refuse: Refuse, method: str, path: str, media_type: str) -> None:
    refuse(method, path, 415, "media-type", body=b'{"name": "New"}', content_type=media_type)


@pytest.mark.parametrize(("method", "path"), TAKING_BODIES)
def test_too_large_body_is_413(refuse_json: Refuse, method: str, path: str) -> None:
    refuse_json(method, path, b" " * (2**20 + 1), 413, "too-large")


@pytest.mark.parametrize("body", [b"{}x", b'{"status": "frozen"}', b"1", b"x" * 100])
@pytest.mark.parametrize(("method", "path"), TAKING_NONE)
def test_body_where_none_is_taken_is_400(
    refuse_json: Refuse, method: str, path: str, body: bytes
) -> None:
    refuse_json(method, path, body)


# --- bodies that are no JSON, or not of the right shape ----------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"name=New", id="form"),
        pytest.param(b"[" + b"{}," * 300_000 + b"{}]", id="300,000 empty rows"),
        pytest.param(
            b"{" + b",".join(b'"%d":1' % each for each in range(50_000)) + b"}",
            id="50,000 fields",
        ),
        pytest.param(b"{", id="half"),
        pytest.param(b'{"name": "New"} x', id="more"),
        pytest.param(b'{"name": "New",}', id="comma"),
        pytest.param(b"{'name': 'New'}", id="quotes"),
        pytest.param(b'{"name": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"name": "\xed\xa0\x80"}', id="surrogate bytes"),
        pytest.param(b'{"name": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"name": "\x00"}', id="bare NUL"),
        pytest.param(b'{"name": NaN}', id="NaN"),
        pytest.param(b'{"name": Infinity}', id="Infinity"),
        pytest.param(b'{"name": 1e999}', id="beyond a double"),
        pytest.param(b'{"name": 1' + b"0" * 400 + b"}", id="ten to the 400"),
        pytest.param(b'{"name": ' + b"9" * 500_000 + b"}", id="half a million digits"),
        pytest.param(b"[" * 100_000, id="100,000 open brackets"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 nested arrays"),
        pytest.param(b'{"name":' * 100_000 + b"1" + b"}" * 100_000, id="100,000 nested objects"),
        pytest.param(b'{"name": ' + b"[" * 900 + b"]" * 900 + b"}", id="900 nested arrays"),
        pytest.param(b"null", id="null"),
        pytest.param(b"1", id="number"),
        pytest.param(b'"New"', id="string"),
        pytest.param(b"true", id="boolean"),
        pytest.param(b"[1]", id="array of a number"),
        pytest.param(b"[[]]", id="array of an array"),
        pytest.param(b"[null]", id="array of null"),
        pytest.param(b"{}", id="empty object"),
        pytest.param(b"[{}]", id="array of an empty object"),
    ],
)
@pytest.mark.parametrize(("method", "path"), TAKING_BODIES)
def test_body_of_the_wrong_shape_is_400(
    refuse_json: Refuse, method: str, path: str, body: bytes
) -> None:
    refuse_json(method, path, body)


VALID_BODIES = [
    ("POST", "gt", '{"name": "New"%s}'),
    ("POST", "pt", '{"name": "New"%s}'),
    ("POST", "gtstatus", '{"name": "New"%s}'),
    ("POST", "pl", '{"payload_type": "Beam"%s}'),
    (
        "POST",
        "piov",
        '{"payload_url": "x", "checksum": "c", "major_iov": 0, "minor_iov": 0%s}',
    ),
    (
        "POST",
        "bulk_piov",
        '[{"payload_list": "Beam_4", "payload_url": "x", "major_iov": 7, "minor_iov": 0%s}]',
    ),
    (
        "POST",
        "payload-lists/Beam_4/iovs",
        '[{"payload_url": "x", "checksum": "c", "major_iov": 7, "minor_iov": 0%s}]',
    ),
    (
        "POST",
        "global-tags/Open/iovs",
        '[{"payload_type": "Beam", "payload_url": "x", "checksum": "c", "begin": "7:0"%s}]',
    ),
    ("PUT", "pl_attach", '{"global_tag": "Open", "payload_list": "Beam_4"%s}'),
    ("PUT", "piov_attach", '{"payload_list": "Beam_4", "piov_id": 2%s}'),
    ("PATCH", "global-tags/Open", '{"description": "x"%s}'),
    ("PATCH", "payload-types/Beam", '{"description": "x"%s}'),
    ("PATCH", "payload-lists/by-name/Beam_4", '{"description": "x"%s}'),
]
"""Bodies that would be taken, with a place for one field more."""


@pytest.mark.parametrize("field", ["colour", "Name", "major_iov_edn", "é", "a b"])
@pytest.mark.parametrize(("method", "path", "body"), VALID_BODIES)
def test_unknown_field_is_named(
    refuse_json: Refuse, method: str, path: str, body: str, field: str
) -> None:
    answer = refuse_json(method, path, body % f', "{field}": 1')
    assert list(answer) == [field, "code"]


@pytest.mark.parametrize("field", ["detail", "code"])
@pytest.mark.parametrize(("method", "path", "body"), VALID_BODIES)
def test_unknown_field_called_like_one_of_the_answer_is_named_in_the_sentence(
    refuse_json: Refuse, method: str, path: str, body: str, field: str
) -> None:
    answer = refuse_json(method, path, body % f', "{field}": 1')
    assert field in answer["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "gt", '{"author": "a"}', "name"),
        ("POST", "gt", '{"name": null}', "name"),
        ("POST", "gt", '{"name": 5}', "name"),
        ("POST", "gt", '{"name": ["New"]}', "name"),
        ("POST", "gt", '{"name": "New", "author": 1}', "author"),
        ("POST", "gt", '{"name": "New", "status": 1}', "status"),
        ("POST", "gt", '{"name": "New", "description": {}}', "description"),
        ("POST", "pt", '{"description": "d"}', "name"),
        ("POST", "pt", '{"name": true}', "name"),
        ("POST", "gtstatus", "{}", "name"),
        ("POST", "gtstatus", '{"name": "New", "mode": "half-open"}', "mode"),
        ("POST", "gtstatus", '{"name": "New", "final": 1}', "final"),
        ("POST", "gtstatus", '{"name": "New", "final": "yes"}', "final"),
        ("POST", "pl", "{}", "payload_type"),
        ("POST", "pl", '{"payload_type": 1}', "payload_type"),
        ("POST", "pl", '{"payload_type": ""}', "payload_type"),
        ("POST", "pl", '{"payload_type": "Beam", "ends": "never"}', "ends"),
        ("PUT", "pl_attach", '{"global_tag": "Open"}', "payload_list"),
        ("PUT", "pl_attach", '{"payload_list": "Beam_4"}', "global_tag"),
        ("PUT", "piov_attach", '{"piov_id": 1}', "payload_list"),
        ("PUT", "piov_attach", '{"payload_list": "Beam_4"}', "piov_id"),
        ("PATCH", "global-tags/Open", '{"contact": 1}', "contact"),
        ("PATCH", "payload-types/Beam", '{"description": []}', "description"),
        ("PATCH", "payload-lists/by-name/Beam_4", '{"contact": false}', "contact"),
    ],
)
def test_missing_or_wrong_field_is_named(
    refuse_json: Refuse, method: str, path: str, body: str, field: str
) -> None:
    answer = refuse_json(method, path, body)
    assert list(answer) == [field, "code"]


@pytest.mark.parametrize("field", ["payload_url", "checksum", "major_iov", "minor_iov"])
def test_iov_without_a_needed_field_is_refused(refuse_json: Refuse, field: str) -> None:
    body = {"payload_url": '"x"', "checksum": '"c"', "major_iov": "0", "minor_iov": "0"}
    del body[field]
    sent = ", ".join(f'"{key}": {value}' for key, value in body.items())
    assert list(refuse_json("POST", "piov", f"{{{sent}}}")) == [field, "code"]


def test_wrong_row_of_a_bulk_is_named(refuse_json: Refuse) -> None:
    row = '{"payload_list": "Beam_4", "payload_url": "x", "major_iov": %s, "minor_iov": 0}'
    answer = refuse_json("POST", "bulk_piov", f"[{row % 7}, {row % 8}, {row % -1}]")
    assert list(answer) == ["major_iov", "code"]
    assert answer["major_iov"][0].startswith("row 2: ")


@pytest.mark.parametrize(
    ("path", "row"),
    [("payload-lists/Beam_4/iovs", LIST_IOV), ("global-tags/Open/iovs", TAG_IOV)],
)
def test_wrong_row_of_many_iovs_is_named(refuse_json: Refuse, path: str, row: str) -> None:
    wrong = row.replace('"minor_iov": 0', '"minor_iov": -1')
    assert refuse_json("POST", path, f"[{row}, {wrong}]")["minor_iov"][0].startswith("row 1: ")
    early = row.replace('"minor_iov": 0', '"minor_iov": 0, "major_iov_end": 0, "minor_iov_end": 0')
    answer = refuse_json("POST", path, f"[{row}, {early}]")
    assert answer["detail"] == "row 1: The end (0, 0) does not come after the start (0, 0)."
    assert "Rows 0 and 1 both start" in refuse_json("POST", path, f"[{row}, {row}]")["detail"]
    assert "at least 1 item" in refuse_json("POST", path, "[]")["detail"]
    for field in ("payload_url", "checksum", "major_iov"):
        unnamed = row.replace(f'"{field}"', '"size"')
        assert "required" in refuse_json("POST", path, f"[{unnamed}]")[field][0]


def test_iovs_of_a_tag_need_their_type_and_take_no_list(refuse_json: Refuse) -> None:
    assert refuse_json("POST", "global-tags/Open/iovs", f"[{LIST_IOV}]").keys() >= {"payload_type"}
    listed = LIST_IOV.replace("{", '{"payload_list": "Beam_1", ')
    for path in ("payload-lists/Beam_4/iovs", "global-tags/Open/iovs"):
        assert refuse_json("POST", path, f"[{listed}]").keys() >= {"payload_list"}


def test_type_that_a_tag_has_no_list_of_is_404(refuse_json: Refuse) -> None:
    body = f"[{TAG_IOV}, {TAG_IOV.replace('Beam', 'Unused')}]"
    answer = refuse_json("POST", "global-tags/Open/iovs", body, 404, "not-found")
    assert answer["detail"] == "Global tag 'Open' has no payload list of type 'Unused'."


def test_two_names_of_the_revision_with_two_values_are_refused(refuse_json: Refuse) -> None:
    fields = '"checksum": "c", "major_iov": 0, "minor_iov": 0, "revision": "1", "extra": "2"'
    refuse_json("POST", "piov", f'{{"payload_url": "x", {fields}}}')


# --- names and texts ----------------------------------------------------------


BAD_NAMES = [
    pytest.param("", id="empty"),
    pytest.param("x" * 81, id="81 characters"),
    pytest.param("é" * 81, id="81 characters beyond ASCII"),
    pytest.param("a/b", id="slash"),
    pytest.param("a@b", id="at sign"),
    pytest.param("a\\u0000b", id="NUL"),
    pytest.param("a\\u0007b", id="bell"),
    pytest.param("a\\nb", id="line feed"),
    pytest.param("a\\u007fb", id="delete"),
    pytest.param("a\\u0085b", id="next line"),
    pytest.param(" a", id="white space in front"),
    pytest.param("a ", id="white space behind"),
    pytest.param(".", id="dot"),
    pytest.param("..", id="dots"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("path", ["gt", "pt", "payload-types", "gtstatus", "global-tags/statuses"])
def test_what_cannot_be_a_name_is_refused(refuse_json: Refuse, path: str, name: str) -> None:
    answer = refuse_json("POST", path, f'{{"name": "{name}"}}')
    assert list(answer) == ["name", "code"]


@pytest.mark.parametrize(
    "name", ["x" * 81, "a%40b", "a%00b", "a%07b", "a%C2%85b", "%20a", "a%20", "statuses"]
)
@pytest.mark.parametrize("path", ["cloneGlobalTag/Open/{}", "global-tags/Open/clone/{}"])
def test_what_cannot_be_a_name_is_refused_for_a_clone(
    refuse: Refuse, path: str, name: str
) -> None:
    assert list(refuse("POST", path.format(name), 400, "invalid")) == ["target", "code"]


def test_global_tag_cannot_be_called_statuses(refuse_json: Refuse) -> None:
    answer = refuse_json("POST", "gt", '{"name": "statuses"}')
    assert answer["name"] == ["'statuses' is a path of the interface."]


@pytest.mark.parametrize("value", ["x" * 256, "a\\u0000b", "a\\u001bb", "a\\nb"])
@pytest.mark.parametrize("field", ["payload_url", "checksum", "revision", "extra"])
@pytest.mark.parametrize(("path", "open_", "close"), [("piov", "", ""), ("bulk_piov", "[", "]")])
def test_text_of_an_iov_has_255_characters_and_no_control_characters(
    refuse_json: Refuse, path: str, open_: str, close: str, field: str, value: str
) -> None:
    fields = {"payload_url": "x", "checksum": "c", "payload_list": "Beam_4", field: value}
    sent = ", ".join(f'"{key}": "{text}"' for key, text in fields.items())
    answer = refuse_json("POST", path, f'{open_}{{"major_iov": 7, "minor_iov": 0, {sent}}}{close}')
    assert list(answer) == [field, "code"]


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("gt", "author", "x" * 256),
        ("gt", "author", "a\\u0000b"),
        ("gt", "contact", "x" * 256),
        ("gt", "description", "x" * 10_001),
        ("gt", "description", "a\\u0000b"),
        ("pt", "description", "x" * 10_001),
        ("pt", "contact", "a\\u0000b"),
        ("gtstatus", "description", "a\\u0000b"),
    ],
)
def test_prose_has_limits(refuse_json: Refuse, path: str, field: str, value: str) -> None:
    answer = refuse_json("POST", path, f'{{"name": "New", "{field}": "{value}"}}')
    assert list(answer) == [field, "code"]


# --- numbers ------------------------------------------------------------------


NO_NUMBERS = [
    pytest.param("-1", id="negative"),
    pytest.param("9223372036854775808", id="2**63"),
    pytest.param("18446744073709551616", id="2**64"),
    pytest.param("1" + "0" * 400, id="ten to the 400"),
    pytest.param("1e5", id="1e5"),
    pytest.param("1.0", id="1.0"),
    pytest.param("0.5", id="0.5"),
    pytest.param("1e400", id="1e400"),
    pytest.param("true", id="true"),
    pytest.param("NaN", id="NaN"),
]
NO_NUMBERS_OF_JSON = [
    *NO_NUMBERS,
    pytest.param('"5"', id="string"),
    pytest.param("[5]", id="array"),
    pytest.param("{}", id="object"),
    pytest.param("+5", id="plus"),
    pytest.param("٣", id="Arabic digit"),
    pytest.param("0x10", id="hexadecimal"),
]
NO_NUMBERS_OF_TEXT = [
    *NO_NUMBERS,
    pytest.param("+5", id="plus as a space"),
    pytest.param("%2B5", id="plus"),
    pytest.param("%205%20", id="white space"),
    pytest.param("5%0A", id="line feed"),
    pytest.param("%D9%A3", id="Arabic digit"),
    pytest.param("%EF%BC%95", id="full-width digit"),
    pytest.param("%C2%B2", id="superscript"),
    pytest.param("1_000", id="underscore"),
    pytest.param("0x10", id="hexadecimal"),
    pytest.param("x", id="letter"),
    pytest.param("5%00", id="NUL"),
]


@pytest.mark.parametrize("number", NO_NUMBERS_OF_JSON)
@pytest.mark.parametrize(
    "field", ["major_iov", "minor_iov", "major_iov_end", "minor_iov_end", "size"]
)
@pytest.mark.parametrize(("path", "open_", "close"), [("piov", "", ""), ("bulk_piov", "[", "]")])
def test_what_is_no_number_is_refused_in_a_body(
    refuse_json: Refuse, path: str, open_: str, close: str, field: str, number: str
) -> None:
    numbers = {"major_iov": "7", "minor_iov": "0", field: number}
    sent = ", ".join(f'"{key}": {value}' for key, value in numbers.items())
    text = '"payload_url": "x", "checksum": "c", "payload_list": "Beam_4"'
    refuse_json("POST", path, f"{open_}{{{text}, {sent}}}{close}")


@pytest.mark.parametrize("number", NO_NUMBERS_OF_JSON)
def test_what_is_no_number_is_refused_as_an_id_in_a_body(refuse_json: Refuse, number: str) -> None:
    refuse_json("PUT", "piov_attach", f'{{"payload_list": "Beam_4", "piov_id": {number}}}')


@pytest.mark.parametrize("number", NO_NUMBERS_OF_TEXT)
@pytest.mark.parametrize(("method", "path", "variable"), NUMBERS_IN_PATHS)
def test_what_is_no_number_is_refused_in_a_path(
    refuse: Refuse, method: str, path: str, variable: str, number: str
) -> None:
    assert list(refuse(method, path.format(number), 400, "invalid")) == [variable, "code"]


@pytest.mark.parametrize("number", [*NO_NUMBERS_OF_TEXT, pytest.param("", id="empty")])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("payloadiovs/?gtName=Open&minorIOV=0&majorIOV={}", "majorIOV"),
        ("payload-iovs/query/?gtName=Open&majorIOV=0&minorIOV={}", "minorIOV"),
        ("global-tags?page={}", "page"),
        ("payload-types?page={}", "page"),
        ("payload-lists?page={}", "page"),
        ("payload-iovs?page={}", "page"),
        ("globalTags?page=1&page_size={}", "page_size"),
        ("pt?page=1&page_size={}", "page_size"),
        ("pl?page=1&page_size={}", "page_size"),
        ("piov?page=1&page_size={}", "page_size"),
        ("timeout?seconds={}", "seconds"),
    ],
)
def test_what_is_no_number_is_refused_in_a_query_string(
    refuse: Refuse, path: str, field: str, number: str
) -> None:
    assert list(refuse("GET", path.format(number), 400, "invalid")) == [field, "code"]


# --- query strings and bytes --------------------------------------------------


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("payloadiovs/", ["gtName", "majorIOV", "minorIOV"]),
        ("payloadiovs/?gtName=Open", ["majorIOV", "minorIOV"]),
        ("payloadiovs/?majorIOV=0&minorIOV=0", ["gtName"]),
        ("payloadiovs/?gtName=&majorIOV=0&minorIOV=0", ["gtName"]),
        ("payloadiovs/?gtName=a%00b&majorIOV=0&minorIOV=0", ["gtName"]),
        (f"payloadiovs/?gtName={'x' * 256}&majorIOV=0&minorIOV=0", ["gtName"]),
        (f"payloadiovs/?{'gtName=Open&' * 21}majorIOV=0&minorIOV=0", ["gtName"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&asOf=x", ["asOf"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&asOf=1000000", ["asOf"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&asOf=9223372036854775808", ["asOf"]),
        (f"payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&asOf={'9' * 255}", ["asOf"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&asOf=-1", ["asOf"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&asOf=2999-01-01", ["asOf"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&asOf=2026-13-01", ["asOf"]),
        ("payloadiovs/?gtName=Open@1&majorIOV=0&minorIOV=0&asOf=1", ["asOf"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&complete=maybe", ["complete"]),
        (f"payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&types={'x' * 256}", ["types"]),
        ("payloadiovs/?gtName=Open&gtName=A&majorIOV=0&minorIOV=0&expired=include", ["expired"]),
        ("globalTags?asOf=x", ["asOf"]),
        ("pt?asOf=x&page=1", ["asOf"]),
        ("pl?asOf=x", ["asOf"]),
        ("piov?asOf=x", ["asOf"]),
        ("gt?asOf=x", ["asOf"]),
        ("gtPayloadLists/Open?asOf=x", ["asOf"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&majorIOV=1&minorIOV=0", ["majorIOV"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&shape=tree", ["shape"]),
        ("payloadiovs/?gtName=Open&majorIOV=0&minorIOV=0&expired=yes", ["expired"]),
        ("global-tags/Open?light=maybe", ["light"]),
        ("global-tags?page=0", ["page"]),
        ("global-tags?page=1&page_size=0", ["page_size"]),
        ("global-tags?page=1&order=up", ["order"]),
        ("global-tags?page=1&status=a%00b", ["status"]),
        ("payload-types?page=1&search=a%00b", ["search"]),
        ("payload-types?page=1&sort=a%00b", ["sort"]),
        (f"payload-types?page=1&search={'x' * 256}", ["search"]),
        ("payload-lists?page=1&global_tag=a%00b", ["global_tag"]),
        ("payload-lists?page=1&payload_type=a%1Bb", ["payload_type"]),
        ("payload-iovs?page=1&payload_list=a%00b", ["payload_list"]),
        ("payload-iovs?page=1&page=2", ["page"]),
        ("timeout?seconds=61", ["seconds"]),
    ],
)
def test_wrong_query_string_is_400(refuse: Refuse, path: str, fields: list[str]) -> None:
    assert list(refuse("GET", path, 400, "invalid")) == [*fields, "code"]


@pytest.mark.parametrize("text", ["%FF", "a%FF", "%C3", "%ED%A0%80", "%C0%AF"])
@pytest.mark.parametrize(("method", "path", "_variable"), VARIABLES)
def test_path_that_is_not_utf8_is_400(
    refuse: Refuse, method: str, path: str, _variable: str, text: str
) -> None:
    assert refuse(method, path.format(text), 400, "invalid")["detail"] == "The path is not UTF-8."


@pytest.mark.parametrize("text", ["%FF", "%ED%A0%80"])
@pytest.mark.parametrize("place", ["gtName={}", "{}=1", "unknown={}"])
@pytest.mark.parametrize(("method", "path"), TAKING_QUERIES)
def test_query_string_that_is_not_utf8_is_400(
    refuse: Refuse, method: str, path: str, place: str, text: str
) -> None:
    refuse(method, f"{path}?{place.format(text)}", 400, "invalid")


@pytest.mark.parametrize("name", ["a\0b", "a\x07b", "a\x85b", "x" * 256])
@pytest.mark.parametrize(("method", "path"), NAMES_IN_PATHS)
def test_text_that_no_name_can_have_is_400_in_a_path(
    refuse: Refuse, method: str, path: str, name: str
) -> None:
    refuse(
        method,
        path.format(quote(name)),
        400,
        "invalid",
        **(
            {"body": b'{"contact": "x"}', "content_type": "application/json"}
            if method == "PATCH"
            else {}
        ),
    )


# --- conflicts ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "gt", '{"name": "Open"}'),
        ("POST", "gt", '{"name": "Frozen", "status": "unlocked"}'),
        ("POST", "pt", '{"name": "Beam"}'),
        ("POST", "payload-types", '{"name": "Unused"}'),
        ("POST", "cloneGlobalTag/Open/Locked", "null"),
        ("POST", "global-tags/Open/clone/Open", ""),
    ],
)
def test_name_that_is_taken_is_400(refuse_json: Refuse, method: str, path: str, body: str) -> None:
    answer = refuse_json(method, path, body, 400, "name-taken")
    assert list(answer) == ["name", "code"]


@pytest.mark.parametrize(
    ("start", "end"),
    [((5, 0), (4, 0)), ((5, 0), (5, 0)), ((5, 3), (5, 2)), ((MAX, MAX), (MAX, MAX))],
)
@pytest.mark.parametrize(("path", "open_", "close"), [("piov", "", ""), ("bulk_piov", "[", "]")])
def test_interval_that_is_empty_or_backwards_is_400(
    refuse_json: Refuse, path: str, open_: str, close: str, start: Any, end: Any
) -> None:
    numbers = (
        f'"major_iov": {start[0]}, "minor_iov": {start[1]}, '
        f'"major_iov_end": {end[0]}, "minor_iov_end": {end[1]}'
    )
    text = '"payload_url": "x", "checksum": "c", "payload_list": "Beam_4"'
    assert "detail" in refuse_json("POST", path, f"{open_}{{{text}, {numbers}}}{close}")


@pytest.mark.parametrize(
    "intervals", [((7, 9), (7, 8)), ((7, 9), (8, 10)), ((5, 20), (7, 8))], ids=str
)
def test_rows_of_a_bulk_that_contradict_each_other_are_named(
    refuse_json: Refuse, intervals: Any
) -> None:
    rows = ", ".join(
        f'{{"payload_list": "Beam_4", "payload_url": "x", "major_iov": {start}, "minor_iov": 0, '
        f'"major_iov_end": {end}, "minor_iov_end": 0}}'
        for start, end in intervals
    )
    answer = refuse_json("POST", "bulk_piov", f"[{rows}]")
    assert answer["detail"].startswith("Rows 0 and 1 ")


def bulk_row(payload_list: str, start: int) -> str:
    return (
        f'{{"payload_list": "{payload_list}", "payload_url": "x", "major_iov": {start}, '
        f'"minor_iov": 0, "major_iov_end": {start + 1}, "minor_iov_end": 0}}'
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        pytest.param(
            "PUT", "piov_attach", '{"payload_list": "Beam_2", "piov_id": 1}', "overlap",
            id="attaching over what a locked tag has",
        ),
        pytest.param(
            "POST", "bulk_piov", f"[{bulk_row('Beam_2', 99)}]", "overlap",
            id="bulk over what a locked tag has",
        ),
        pytest.param(
            "POST", "bulk_piov", f"[{bulk_row('Beam_2', 500)}, {bulk_row('Beam_2', 0)}]",
            "overlap",
            id="bulk of which one row overlaps",
        ),
        pytest.param(
            "POST", "bulk_piov", f"[{bulk_row('Beam_1', 500)}, {bulk_row('Beam_2', 0)}]",
            "overlap",
            id="bulk of which one list refuses",
        ),
        pytest.param(
            "PUT", "piov_attach", '{"payload_list": "Beam_3", "piov_id": 2}', "closed",
            id="attaching to a frozen tag",
        ),
        pytest.param(
            "POST", "bulk_piov", f"[{bulk_row('Beam_3', 500)}]", "closed",
            id="bulk to a frozen tag",
        ),
        pytest.param(
            "POST", "payload-lists/Beam_2/iovs", f"[{LIST_IOV}]", "overlap",
            id="IOVs over what a locked tag has",
        ),
        pytest.param(
            "POST", "global-tags/Locked/iovs", f"[{TAG_IOV}]", "overlap",
            id="IOVs over what a locked tag has, by type",
        ),
        pytest.param(
            "POST", "payload-lists/Beam_3/iovs", f"[{LIST_IOV}]", "closed",
            id="IOVs to a list of a frozen tag",
        ),
        pytest.param(
            "POST", "global-tags/Frozen/iovs", f"[{TAG_IOV}]", "closed",
            id="IOVs to a frozen tag",
        ),
        pytest.param(
            "PUT", "pl_attach", '{"global_tag": "Locked", "payload_list": "Beam_4"}',
            "append-only",
            id="second list of a type in a locked tag",
        ),
        pytest.param(
            "PUT", "pl_attach", '{"global_tag": "Open", "payload_list": "Beam_2"}', "append-only",
            id="taking a list out of a locked tag",
        ),
        pytest.param(
            "PUT", "pl_attach", '{"global_tag": "Open", "payload_list": "Beam_3"}', "closed",
            id="taking a list out of a frozen tag",
        ),
        pytest.param(
            "PUT", "pl_attach", '{"global_tag": "Frozen", "payload_list": "Beam_4"}', "closed",
            id="putting a list into a frozen tag",
        ),
        pytest.param(
            "DELETE", "deletePayloadIOV/Locked/Beam/0/0", "", "append-only",
            id="deleting an IOV in a locked tag",
        ),
        pytest.param(
            "DELETE", "deletePayloadIOV/Locked/Beam/0/0/100/0", "", "append-only",
            id="deleting an exact interval in a locked tag",
        ),
        pytest.param(
            "DELETE", "deletePayloadIOV/Frozen/Beam/0/0", "", "closed",
            id="deleting an IOV in a frozen tag",
        ),
        pytest.param(
            "DELETE", "deleteGlobalTag/Locked", "", "append-only", id="deleting a locked tag"
        ),
        pytest.param(
            "DELETE", "deleteGlobalTag/Frozen", "", "closed", id="deleting a frozen tag"
        ),
        pytest.param(
            "PUT", "gt_change_status/Frozen/unlocked", "", "final-status", id="thawing"
        ),
        pytest.param(
            "PUT", "gt_change_status/Frozen/locked", "", "final-status", id="thawing a little"
        ),
        pytest.param(
            "DELETE", "deletePayloadType/Beam", "", "in-use", id="deleting a type in use"
        ),
        pytest.param(
            "DELETE", "deletePayloadList/Beam_1", "", "not-empty",
            id="deleting a full list of a tag",
        ),
        pytest.param(
            "DELETE", "deletePayloadList/Beam_4", "", "not-empty", id="deleting a full list"
        ),
        pytest.param(
            "DELETE", "deletePayloadList/Field_5", "", "append-only",
            id="deleting an empty list of a locked tag",
        ),
        pytest.param(
            "DELETE", "deletePayloadList/Field_6", "", "closed",
            id="deleting an empty list of a frozen tag",
        ),
        pytest.param(
            "PUT", "piov_attach", '{"payload_list": "Beam_4", "piov_id": 3}', "attached-elsewhere",
            id="attaching what another list has",
        ),
        pytest.param(
            "PUT", "piov_attach", '{"payload_list": "Beam_1", "piov_id": 4}', "attached-elsewhere",
            id="attaching what was deleted",
        ),
    ],
)  # fmt: skip
def test_conflict_is_409_with_its_code(
    refuse_json: Refuse, method: str, path: str, body: str, code: str
) -> None:
    refuse_json(method, path, body, 409, code)


# --- the limits themselves are taken ------------------------------------------


def test_longest_names_and_texts_are_taken(client: Client) -> None:
    client.ok("POST", "gt", {"name": "é" * 80, "author": "a" * 255, "description": "d" * 10_000})
    client.ok("POST", "pt", {"name": "t" * 80})
    client.ok("POST", "gtstatus", {"name": "s" * 80})
    made = client.ok("POST", "pl", {"payload_type": "t" * 80})
    texts = {"payload_url": "u" * 255, "checksum": "c" * 255, "revision": "r" * 255}
    iov = client.ok("POST", "piov", {**texts, "major_iov": 0, "minor_iov": 0})
    client.ok("PUT", "piov_attach", {"payload_list": made["name"], "piov_id": iov["id"]})
    client.ok("PUT", "pl_attach", {"payload_list": made["name"], "global_tag": "é" * 80})
    query = f"payloadiovs/?gtName={quote('é' * 80)}&majorIOV=0&minorIOV=0"
    assert client.ok("GET", query)[0][:3] == ["t" * 80, "u" * 255, "c" * 255]


def test_largest_numbers_are_taken(client: Client) -> None:
    client.ok("POST", "pt", {"name": "Beam"})
    client.ok("POST", "gt", {"name": "GT"})
    client.ok("POST", "pl", {"payload_type": "Beam"})
    client.ok("PUT", "pl_attach", {"payload_list": "Beam_1", "global_tag": "GT"})
    row = {"payload_list": "Beam_1", "payload_url": "x", "size": MAX}
    client.ok("POST", "bulk_piov", [{**row, "major_iov": MAX, "minor_iov": MAX - 1}])
    found = client.ok("GET", f"payloadiovs/?gtName=GT&majorIOV={MAX}&minorIOV={MAX}")
    assert found == [["Beam", "x", "", MAX, MAX, MAX - 1, MAX, MAX, None]]


def test_largest_body_is_taken(make_client: Callable[..., Client]) -> None:
    client = make_client(max_body_mb="1")
    body = b'{"name": "New"}'.ljust(2**20)
    client.request(
        f"{API}/gt", method="POST", body=body, content_type="application/json", status=200
    )
