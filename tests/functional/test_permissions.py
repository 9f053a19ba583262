"""Every write asks whether it is permitted, for what it touches, before anything is written.

Who is refused, and how that is said, is in `test_attack_table.py`.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributions import installed, write
from every_write import DECLARED, WRITES, Write
from guarded import JWT, ROLES, as_role, dump, key_is_set, populate, row, service
from pyramid.response import Response
from sqlalchemy import text
from support import API, Client, rules

from cdb.plugin import Permission, Target
from cdb.rest import views
from cdb.rest.service import Resource
from cdb.services import global_tags, payload_lists
from cdb.services.writer import Writer
from cdb.store.engine import Database

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"])


EVERY_WRITE = pytest.mark.parametrize("write_", WRITES, ids=lambda each: each.view)


def test_no_write_is_left_out_here() -> None:
    assert {each.view for each in WRITES} == set(DECLARED)


def test_what_a_write_declares_is_among_what_it_asks() -> None:
    assert [
        each.view
        for each in WRITES
        if each.operation.permission not in {permission for permission, _ in each.asks}
    ] == []


@pytest.fixture(scope="module")
def original(databases: Any) -> Iterator[Path]:
    """The file of a populated database."""
    with databases("sqlite") as url:
        with service(url, allow_open_writes="true") as client:
            populate(client)
        yield Path(url.removeprefix("sqlite:///"))


class Restored:
    """A service whose database is a populated one again before each test."""

    def __init__(self, client: Client, url: str, original: Path) -> None:
        self.client = client
        self.url = url
        self._original = original

    def restore(self) -> None:
        # No connection is left, so the file is all that there is.
        self.client.app.registry.cdb.database.dispose()
        shutil.copy(self._original, self.url.removeprefix("sqlite:///"))


@contextmanager
def restored(original: Path, folder: Path, **settings: str) -> Iterator[Restored]:
    url = f"sqlite:///{shutil.copy(original, folder / 'copy.sqlite')}"
    with pytest.MonkeyPatch.context() as patch:
        key_is_set(patch)
        with service(url, payload_store=str(folder / "files"), **settings) as client:
            yield Restored(client, url, original)


# --- what is asked --------------------------------------------------------------

RECORDER = """
    from cdb.plugin import AuthorizationPolicy

    class Recorder(AuthorizationPolicy):
        requires_cdb = ">=1,<2"

        def __init__(self, name, options):
            super().__init__(name, options)
            self.asked = []
            self.refused_tag = None

        def permits(self, identity, permission, target):
            self.asked.append((permission, target))
            return self.refused_tag is None or target.global_tag != self.refused_tag
"""


@pytest.fixture(scope="module")
def recorder(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    folder = tmp_path_factory.mktemp("recorder")
    points = "[cdb.authorization_policies]\nrecorder = {module}:Recorder\n"
    settings = {**JWT, "authorization_policies": "recorder"}
    with (
        installed(write(folder, RECORDER, points)),
        restored(original, folder, **settings) as made,
    ):
        yield made


@pytest.fixture
def recording(recorder: Restored) -> Restored:
    """A populated service whose policy notes what it is asked."""
    recorder.restore()
    policy_of(recorder.client).asked.clear()
    policy_of(recorder.client).refused_tag = None
    return recorder


def policy_of(client: Client) -> Any:
    [policy] = client.app.registry.cdb.plugins.policies
    return policy


@EVERY_WRITE
def test_write_asks_for_exactly_what_it_touches(recording: Restored, write_: Write) -> None:
    done = write_.send(recording.client, headers=as_role("any"))
    assert done.status_int == 200, done.text
    assert set(policy_of(recording.client).asked) == write_.asks


@pytest.mark.parametrize("refused", ["Dev", "Prod"])
@pytest.mark.parametrize(
    "write_",
    [each for each in WRITES if {"Dev", "Prod"} <= {target.global_tag for _, target in each.asks}],
    ids=lambda each: each.view,
)
def test_write_to_two_tags_needs_the_permission_in_both(
    recording: Restored, write_: Write, refused: str
) -> None:
    before = dump(recording.url)
    policy_of(recording.client).refused_tag = refused
    answer = write_.send(recording.client, headers=as_role("any"), status=403)
    assert f"in global tag '{refused}'" in answer.json["detail"]
    assert dump(recording.url) == before


@pytest.fixture(scope="module")
def guarded(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    """A service with roles."""
    with restored(original, tmp_path_factory.mktemp("guarded"), **JWT, **ROLES) as made:
        yield made


@EVERY_WRITE
def test_write_with_credentials_that_permit_everything_succeeds(
    guarded: Restored, write_: Write
) -> None:
    guarded.restore()
    assert write_.send(guarded.client, headers=as_role("admin")).status_int == 200


# --- what a policy has to be asked ------------------------------------------------

MEMBERS = """
    from cdb.plugin import AuthorizationPolicy, Permission

    class Members(AuthorizationPolicy):
        requires_cdb = ">=1,<2"

        def permits(self, identity, permission, target):
            return permission is Permission.READ and "member" in identity.claims.get("roles", [])
"""


def test_policy_that_only_says_what_it_permits_decides_who_reads(
    original: Path, tmp_path: Path
) -> None:
    points = "[cdb.authorization_policies]\nmembers = {module}:Members\n"
    settings = {**JWT, "authorization_policies": "members", "read_access": "authenticated"}
    with (
        installed(write(tmp_path, MEMBERS, points)),
        restored(original, tmp_path, **settings) as made,
    ):
        client = made.client
        assert client.ok("GET", "globalTags", headers=as_role("member"))
        refused = client.api("GET", "globalTags", headers=as_role("guest"), status=403)
        assert refused.json["detail"] == "jane has no permission read."
        assert client.api("GET", "/metrics", headers=as_role("guest")).status_int == 403
        assert client.api("GET", "whoami", headers=as_role("guest")).status_int == 403


def test_who_may_not_write_to_a_tag_cannot_take_it_to_a_name_where_they_may(
    original: Path, tmp_path: Path
) -> None:
    grants = "worker: tag.create tag.write on Prod*\nworker: write on Dev*"
    settings = {**JWT, **ROLES, "plugin.roles.grants": grants}
    with restored(original, tmp_path, **settings) as made:
        before = dump(made.url)
        answer = made.client.api(
            "PATCH", "global-tags/Prod", {"name": "Dev2"}, headers=as_role("worker"), status=403
        )
        assert answer.json["detail"] == "jane has no permission tag.delete in global tag 'Prod'."
        assert dump(made.url) == before


# --- the safety net: a view that forgets to ask ---------------------------------


def forgets(_request: Any, session: Any, **_: Any) -> dict[str, str]:
    """Write without asking."""
    make_a_tag(session)
    return {}


def asks_for_another(_request: Any, session: Any, writer: Writer) -> dict[str, str]:
    """Ask for another permission than the one that it declares, and write."""
    writer.require(Permission.TAG_WRITE, Target("global_tag"))
    make_a_tag(session)
    return {}


def refuses_late(_request: Any, session: Any, writer: Writer) -> Response:
    """Ask and write, then answer with an error instead of raising it."""
    writer.require(Permission.TAG_CREATE, Target("global_tag"))
    make_a_tag(session)
    return Response(status=400)


def make_a_tag(session: Any) -> None:
    global_tags.create(session, rules(), Writer.operator("mistaken"), "Mistake")


MISTAKES = {
    "forgets": (forgets, 500),
    "asks": (asks_for_another, 500),
    "late": (refuses_late, 400),
}


@ON_SQLITE
@pytest.mark.parametrize(("mistake", "status"), MISTAKES.values(), ids=MISTAKES)
def test_view_that_does_not_ask_as_it_declares_commits_nothing(
    database_url: str,
    make_client: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mistake: Any,
    status: int,
) -> None:
    resource = Resource("Mistakes", ["mistakes"])
    resource.post(dict, permission=Permission.TAG_CREATE)(mistake)
    monkeypatch.setattr(views, "RESOURCES", (*views.RESOURCES, resource))
    client = make_client()
    before = dump(database_url)
    answer = client.api("POST", "mistakes", {})
    assert answer.status_int == status
    assert dump(database_url) == before
    reason = f"{mistake.__name__} did not ask for tag.create"
    assert (reason in caplog.text) == (status == 500)
    assert reason not in answer.text


def fails(_request: Any, **_: Any) -> None:
    """Fail, as a mistake does."""
    raise RuntimeError("hunter2")


@ON_SQLITE
def test_path_of_a_request_that_fails_cannot_forge_an_entry_of_the_log(
    make_client: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    resource = Resource("Mistakes", ["mistakes/{name}"])
    resource.get(dict)(fails)
    monkeypatch.setattr(views, "RESOURCES", (*views.RESOURCES, resource))
    answer = make_client().api("GET", "mistakes/x%0AERROR all is lost", status=500)
    [entry] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert entry == f"GET '{API}/mistakes/x\\nERROR all is lost' failed"
    request_id = answer.headers["X-Request-ID"]
    detail = f"The service failed. Its log says why, of the request {request_id}."
    assert answer.json == {"detail": detail, "code": "internal"}


# --- between the question and the write ------------------------------------------


@pytest.fixture
def calibration(make_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of a populated service in which a role may write to Dev alone."""
    key_is_set(monkeypatch)
    populate(make_client())
    grants = "calibrator: list.attach iov.attach iov.delete on Dev"
    return make_client(**JWT, authorization_policies="roles", **{"plugin.roles.grants": grants})


def wait_for_a_waiting_writer(database: Database, attempted: Future[Any]) -> None:
    """Return once a request waits for the writer's lock, which this test holds."""
    waiting = text(
        "select 1 from pg_locks where locktype = 'advisory' and not granted and database = "
        "(select oid from pg_database where datname = current_database())"
    )
    with database.statement() as reader:
        while not attempted.done() and reader.execute(waiting).first() is None:
            pass


RACES = [
    ("PUT", "piov_attach", {"payload_list": "Beam_1", "piov_id": 1}, 403),
    ("POST", "bulk_piov", [{**row(30), "payload_list": "Beam_1"}], 403),
    ("POST", "payload-lists/Beam_1/iovs", [row(30)], 403),
    ("PUT", "pl_attach", {"payload_list": "Field_3", "global_tag": "Dev"}, 403),
    ("DELETE", "deletePayloadIOV/Dev/Beam/5/0", None, 404),  # the tag has no such list any more
    ("POST", "global-tags/Dev/iovs", [{**row(30), "payload_type": "Beam"}], 404),
]


Change = Callable[[Database, Any], object]


def answer_after(
    database: Database, client: Client, change: Change, method: str, path: str, body: Any
) -> Any:
    """Send a request, and change something while it waits for the lock; return its answer."""

    def attempt() -> Any:
        return client.api(method, path, body, headers=as_role("calibrator"))

    with ThreadPoolExecutor(1) as pool:
        with database.writing() as session:
            change(database, session)
            attempted = pool.submit(attempt)
            wait_for_a_waiting_writer(database, attempted)
        return attempted.result()


def move_to_prod(_database: Database, session: Any) -> None:
    for name in ("Beam_1", "Field_3"):
        payload_lists.attach(session, rules(), Writer.operator("expert"), name, "Prod")


def freeze_dev(database: Database, session: Any) -> None:
    expert = Writer.operator("expert")
    global_tags.change_status(database, session, rules(), expert, "Dev", "frozen")


def shown_in(client: Client, tag_: str) -> dict[str, list[str]]:
    """Return the URLs in each payload list of a tag."""
    lists = client.ok("GET", f"globalTag/{tag_}")["payload_lists"]
    return {each["name"]: [iov["payload_url"] for iov in each["payload_iov"]] for each in lists}


@ON_POSTGRESQL
@pytest.mark.parametrize(("method", "path", "body", "status"), RACES)
def test_permission_is_asked_again_once_nobody_else_writes(
    calibration: Client, database: Database, method: str, path: str, body: Any, status: int
) -> None:
    """A list moves to a protected tag while somebody who may write to its old tag waits."""
    answer = answer_after(database, calibration, move_to_prod, method, path, body)
    assert answer.status_int == status, answer.text
    assert shown_in(calibration, "Prod") == {"Beam_1": ["5.root"], "Field_3": []}


@ON_POSTGRESQL
@pytest.mark.parametrize(("method", "path", "body"), [race[:3] for race in (RACES[1], *RACES[4:])])
def test_status_is_asked_again_once_nobody_else_writes(
    calibration: Client, database: Database, method: str, path: str, body: Any
) -> None:
    """A tag is frozen while somebody who may write to it waits."""
    answer = answer_after(database, calibration, freeze_dev, method, path, body)
    assert (answer.status_int, answer.json["code"]) == (409, "closed")
    assert shown_in(calibration, "Dev") == {"Beam_1": ["5.root"], "Field_3": []}
