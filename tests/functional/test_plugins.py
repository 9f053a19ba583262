"""Plugins of a running service: what is listed, who is told of changes, and what fails closed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributions import installed, write
from guarded import dump, row, service
from pyramid.response import Response
from sqlalchemy import func, select, text
from support import API, Client, rules

from cdb.plugin import Event, EventListener, Permission, Target
from cdb.rest import views
from cdb.rest.service import Resource
from cdb.services import global_tags
from cdb.services.writer import Writer
from cdb.store.engine import Database
from cdb.store.models import Change

CDB = Path(sys.executable).parent / "cdb"
COLUMNS = {"name", "kind", "distribution", "version", "state", "error", "components"}

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"])

MakeClient = Callable[..., Client]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Install a throw-away distribution: `install(source, points)`."""
    with ExitStack() as stack:

        def install(source: str, points: str) -> Path:
            place = write(tmp_path, source, points)
            stack.enter_context(installed(place))
            return place

        yield install


# --- the list -----------------------------------------------------------------------

MIXED = """
    from cdb.plugin import EventListener

    class Good(EventListener):
        requires_cdb = ">=1,<2"

        def committed(self, event):
            pass

    class Old(Good):
        requires_cdb = "<1"
"""
MIXED_POINTS = """
    [cdb.event_listeners]
    good = {module}:Good
    old = {module}:Old
"""


def rows_of(*arguments: str | Path, path: Path) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status and the rows of `cdb plugins --format json`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    done = subprocess.run(
        [CDB, "plugins", *arguments, "--format", "json"],
        check=False,
        capture_output=True,
        text=True,
        env={**own, "PYTHONPATH": str(path)},
        timeout=120,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def ini_of(folder: Path, *lines: str) -> Path:
    ini = folder / "service.ini"
    text_ = [
        "[app:main]",
        "use = egg:hep-cdb",
        f"cdb.database.url = sqlite:///{folder}/cdb.sqlite",
    ]
    ini.write_text("\n".join([*text_, *lines]) + "\n")
    return ini


def states(rows: list[dict[str, Any]], kind: str = "event_listener") -> dict[str, str]:
    return {each["name"]: each["state"] for each in rows if each["kind"] == kind}


def test_plugins_are_listed_with_their_states(tmp_path: Path) -> None:
    place = write(tmp_path, MIXED, MIXED_POINTS)
    ini = ini_of(tmp_path, "cdb.event_listeners = good")
    status, rows = rows_of(ini, path=place)
    assert status == 0
    assert all(set(each) == COLUMNS for each in rows)
    assert states(rows) == {"good": "enabled", "log": "installed", "old": "installed"}
    assert states(rows, "tag_policy")["standard"] == "enabled"
    assert rows == sorted(rows, key=lambda each: (each["kind"], each["name"]))
    [good] = [each for each in rows if each["name"] == "good"]
    assert (good["distribution"], good["version"], good["error"]) == ("throwaway", "1.0", None)


def test_check_also_imports_what_is_not_enabled(tmp_path: Path) -> None:
    place = write(tmp_path, MIXED, MIXED_POINTS)
    status, rows = rows_of(ini_of(tmp_path), "--check", path=place)
    assert status == 1
    assert states(rows) == {"good": "installed", "log": "installed", "old": "broken"}
    [old] = [each for each in rows if each["name"] == "old"]
    assert old["error"].startswith("it works with cdb.plugin <1, and this is ")


def test_what_only_misses_its_extra_is_not_broken(tmp_path: Path) -> None:
    points = "[cdb.event_listeners]\nfar = {module}:Far [more]\n"
    place = write(tmp_path, "import nothing_has_this_name", points)
    status, rows = rows_of(ini_of(tmp_path), "--check", path=place)
    [far] = [each for each in rows if each["name"] == "far"]
    assert (status, far["state"]) == (0, "installed")
    assert far["error"] == "it needs pip install 'throwaway[more]'"


def test_without_an_ini_nothing_is_enabled(tmp_path: Path) -> None:
    status, rows = rows_of(path=tmp_path)
    assert status == 0
    assert {each["state"] for each in rows} == {"installed"}


def test_list_of_the_service_is_that_of_the_command(
    tmp_path: Path, install: Callable[..., Path]
) -> None:
    place = install(MIXED, MIXED_POINTS)
    _, rows = rows_of(ini_of(tmp_path, "cdb.event_listeners = good"), path=place)
    url = f"sqlite:///{tmp_path}/cdb.sqlite"
    with service(url, event_listeners="good", allow_open_writes="true") as client:
        assert client.ok("GET", "plugins") == rows


def test_dimensions_that_are_enabled_name_their_numbers(shared: Client) -> None:
    found = {each["name"]: each["components"] for each in shared.ok("GET", "plugins")}
    assert (found["run-lumi"], found["utc-time"]) == (["run", "lumi"], ["time", "none"])
    assert (found["standard"], found["log"]) == (None, None)


# --- listeners ----------------------------------------------------------------------

LISTENERS = """
    from cdb.plugin import EventListener

    class Notes(EventListener):
        requires_cdb = ">=1,<2"

        def __init__(self, name, options):
            super().__init__(name, options)
            self.told = []
            self.look = lambda event: None

        def committed(self, event):
            self.told.append(event)
            self.look(event)

    class Fails(EventListener):
        requires_cdb = ">=1,<2"

        def committed(self, event):
            raise RuntimeError("no connection to the message queue")
"""
LISTENER_POINTS = """
    [cdb.event_listeners]
    notes = {module}:Notes
    fails = {module}:Fails
"""


@pytest.fixture
def listened(make_client: MakeClient, install: Callable[..., Path]) -> Client:
    """A client of a service with a listener that fails, and one that takes notes."""
    install(LISTENERS, LISTENER_POINTS)
    return make_client(event_listeners="fails notes")


def notes_of(client: Client) -> Any:
    return client.app.registry.cdb.plugins.of(EventListener)["notes"]


def told(client: Client) -> list[tuple[int, str, str]]:
    return [(each.change, each.action, each.object_name) for each in notes_of(client).told]


def test_listener_can_read_the_change_that_it_is_told_of(
    listened: Client, database: Database
) -> None:
    seen = []

    def look(event: Event) -> None:
        with database.snapshot() as reader:
            found = select(Change.action).where(Change.change == event.change)
            seen.append(reader.execute(found).scalar_one_or_none())

    notes_of(listened).look = look
    listened.ok("POST", "gt", {"name": "A"})
    listened.ok("DELETE", "deleteGlobalTag/A")
    assert seen == ["create", "delete"]
    assert told(listened) == [(1, "create", "A"), (2, "delete", "A")]


def test_event_is_what_the_change_log_has(listened: Client, database_url: str) -> None:
    listened.ok("POST", "pt", {"name": "Beam"})
    [event] = notes_of(listened).told
    [change] = dump(database_url)["change"]
    assert (event.change, event.actor, event.action) == (1, change["actor"], change["action"])
    assert (event.object_type, event.object_name) == ("payload_type", "Beam")
    assert event.detail["payload_types"] == ["Beam"]


def test_listener_that_fails_is_logged_and_counted_and_the_write_stands(
    listened: Client, caplog: pytest.LogCaptureFixture
) -> None:
    listened.ok("POST", "gt", {"name": "A"})
    listened.ok("POST", "gt", {"name": "B"})
    assert [tag["name"] for tag in listened.ok("GET", "globalTags")] == ["A", "B"]
    assert [change for change, *_ in told(listened)] == [1, 2]
    assert "the event listener fails failed on change 2" in caplog.text
    assert "no connection to the message queue" in caplog.text
    rows = {each["name"]: each for each in listened.ok("GET", "plugins")}
    assert (rows["fails"]["state"], rows["fails"]["error"]) == (
        "failing",
        "failures since the start: 2",
    )
    assert rows["notes"]["state"] == "enabled"


NO_CHANGES = [
    ("POST", "gt", {"name": "A"}, 400),
    ("POST", "gt", {"name": "B", "status": "none"}, 404),
    ("DELETE", "deleteGlobalTag/none", None, 404),
    ("POST", "bulk_piov", [{**row(1), "payload_list": "none"}], 404),
    ("PUT", "gt_change_status/A/unlocked", None, 200),
    ("POST", "piov", row(1), 200),
]


def test_nobody_is_told_of_what_is_no_change(listened: Client) -> None:
    listened.ok("POST", "gt", {"name": "A"})
    statuses = [listened.api(*sent).status_int for *sent, _ in NO_CHANGES]
    assert statuses == [status for *_, status in NO_CHANGES]
    assert told(listened) == [(1, "create", "A")]


def refuses_late(_request: Any, session: Any, writer: Writer) -> Response:
    """Write, then answer with an error instead of raising it."""
    writer.require(Permission.TAG_CREATE, Target("global_tag"))
    global_tags.create(session, rules(), Writer.operator("tester"), "Late")
    return Response(status=409)


def fails_late(_request: Any, session: Any, writer: Writer) -> Response:
    """Write, then fail."""
    refuses_late(_request, session, writer)
    raise RuntimeError("after the write")


@ON_SQLITE
@pytest.mark.parametrize(("view", "status"), [(refuses_late, 409), (fails_late, 500)])
def test_nobody_is_told_of_a_write_that_is_not_committed(
    make_client: MakeClient,
    install: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    view: Any,
    status: int,
) -> None:
    install(LISTENERS, LISTENER_POINTS)
    resource = Resource("Late", ["late"])
    resource.post(dict, permission=Permission.TAG_CREATE)(view)
    monkeypatch.setattr(views, "RESOURCES", (*views.RESOURCES, resource))
    client = make_client(event_listeners="notes")
    assert client.api("POST", "late", {}).status_int == status
    assert told(client) == []
    assert client.ok("GET", "globalTags") == []


COMMIT_FAILS = """
    create sequence attempts;
    create function refuse() returns trigger language plpgsql as $$
        begin
            if nextval('attempts') <= {times} then
                raise exception 'not now' using errcode = '{code}';
            end if;
            return null;
        end $$;
    create constraint trigger at_commit after insert on change
        deferrable initially deferred for each row execute function refuse();
"""


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("times", "code", "status", "expected"),
    [
        (1, "40001", 200, [(1, "create", "A")]),
        (2, "40001", 200, [(1, "create", "A")]),
        (9, "40001", 503, []),
        (1, "23505", 500, []),
    ],
    ids=["second attempt", "third attempt", "never", "not tried again"],
)
def test_a_write_is_told_once_however_often_its_commit_is_tried(
    listened: Client,
    database: Database,
    times: int,
    code: str,
    status: int,
    expected: list[Any],
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(COMMIT_FAILS.format(times=times, code=code)))
    assert listened.api("POST", "gt", {"name": "A"}).status_int == status
    assert told(listened) == expected
    with database.snapshot() as reader:
        assert reader.execute(select(func.count(Change.change))).scalar_one() == len(expected)


# --- who and whether: a plugin that fails denies ------------------------------------

ACCESS = """
    from cdb.plugin import Authenticator, AuthorizationPolicy, CredentialsRefused, Identity

    class ByHeader(Authenticator):
        requires_cdb = ">=1,<2"

        def identify(self, credentials):
            match credentials.headers.get("x-who"):
                case "raise":
                    raise RuntimeError("the directory is away, asked with hunter2")
                case "rubbish":
                    return "jane"
                case "lines":
                    raise CredentialsRefused('bad"\\\\\\r\\nSet-Cookie: a=b \\u202e é')
                case "long":
                    raise CredentialsRefused("x" * 100_000)
                case None:
                    return None
                case name:
                    return Identity(name, self.name)

    class Odd(AuthorizationPolicy):
        requires_cdb = ">=1,<2"

        def permits(self, identity, permission, target):
            match identity.subject:
                case "raises":
                    raise RuntimeError("asked with hunter2")
                case "answers-text":
                    return "no"
                case "answers-number":
                    return 1
                case "answers-nothing":
                    return None
            return identity.subject == "jane"

        def may_permit(self, identity, permission):
            if identity.subject == "raises-early":
                raise RuntimeError("asked with hunter2")
            return True

    class Grants(AuthorizationPolicy):
        requires_cdb = ">=1,<2"

        def permits(self, identity, permission, target):
            return True
"""
ACCESS_POINTS = """
    [cdb.authenticators]
    by-header = {module}:ByHeader
    [cdb.authorization_policies]
    odd = {module}:Odd
    grants = {module}:Grants
"""


@contextmanager
def odd_service(url: str, policies: str = "odd", **settings: str) -> Iterator[Client]:
    given = {"authenticators": "by-header", "authorization_policies": policies, **settings}
    with service(url, **given) as client:
        yield client


@pytest.fixture(scope="module")
def odd(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str]]:
    """A client of a service with odd plugins, and its database."""
    place = write(tmp_path_factory.mktemp("odd"), ACCESS, ACCESS_POINTS)
    with ExitStack() as stack:
        url = stack.enter_context(databases("sqlite"))
        with installed(place):  # only while it starts: other tests install their own
            client = stack.enter_context(odd_service(url))
        yield client, url


@pytest.mark.parametrize(
    ("who", "status", "detail"),
    [
        ("jane", 200, None),
        ("raise", 401, "The credentials could not be checked."),
        ("rubbish", 401, "The credentials could not be checked."),
        ("raises", 403, "raises has no permission tag.create in global tag 'A'."),
        ("raises-early", 403, "raises-early has no permission tag.create."),
        ("answers-text", 403, "answers-text has no permission tag.create in global tag 'A'."),
        ("answers-number", 403, "answers-number has no permission tag.create in global tag 'A'."),
        (
            "answers-nothing",
            403,
            "answers-nothing has no permission tag.create in global tag 'A'.",
        ),
    ],
)
def test_plugin_that_fails_denies(
    odd: tuple[Client, str],
    caplog: pytest.LogCaptureFixture,
    who: str,
    status: int,
    detail: str | None,
) -> None:
    client, url = odd
    before = len(dump(url)["change"])
    answer = client.api("POST", "gt", {"name": "A"}, headers={"X-Who": who})
    assert (answer.status_int, answer.json.get("detail")) == (status, detail)
    assert ("and denies" in caplog.text) == who.startswith(("rais", "rubbish"))
    assert len(dump(url)["change"]) - before == (status == 200)
    assert client.api("GET", "globalTags", headers={"X-Who": who}).status_int == 200


@ON_SQLITE
@pytest.mark.parametrize(
    ("who", "status"), [("jane", 200), ("raise", 401), ("rubbish", 401), ("raises-early", 403)]
)
def test_plugin_that_fails_denies_reads_that_are_protected(
    install: Callable[..., Path], database_url: str, who: str, status: int
) -> None:
    install(ACCESS, ACCESS_POINTS)
    with odd_service(database_url, read_access="authenticated") as client:
        assert client.api("GET", "globalTags", headers={"X-Who": who}).status_int == status


@ON_SQLITE
def test_policy_that_fails_is_not_passed_over_for_the_next_one(
    install: Callable[..., Path], database_url: str
) -> None:
    install(ACCESS, ACCESS_POINTS)
    statuses = {}
    for policies in ("odd grants", "grants odd"):
        with odd_service(database_url, policies) as client:
            body, headers = {"name": policies}, {"X-Who": "raises"}
            statuses[policies] = client.api("POST", "gt", body, headers=headers).status_int
    assert statuses == {"odd grants": 403, "grants odd": 200}


@pytest.mark.parametrize("who", ["lines", "long"])
def test_reason_of_a_plugin_cannot_break_the_answer(odd: tuple[Client, str], who: str) -> None:
    answer = odd[0].api("POST", "gt", {"name": "A"}, headers={"X-Who": who})
    challenge = answer.headers["WWW-Authenticate"]
    assert answer.status_int == 401
    assert "Set-Cookie" not in answer.headers
    assert challenge.isascii()
    assert challenge.isprintable()
    assert challenge.count('"') == 6
    assert "\\" not in challenge
    assert len(challenge) < 300


# --- validators and tag policies that fail ------------------------------------------

FAILING = """
    from dataclasses import dataclass, field
    from pathlib import Path
    from typing import Annotated

    from cdb.builtin.standard import Standard
    from cdb.plugin import PayloadValidator, Secret

    class Validator(PayloadValidator):
        requires_cdb = ">=1,<2"

    class Raises(Validator):
        def problems(self, payload, content):
            raise RuntimeError("asked with hunter2")

    class RaisesLate(Validator):
        def problems(self, payload, content):
            yield "One thing is wrong."
            raise RuntimeError("asked with hunter2")

    class AnswersNothing(Validator):
        def problems(self, payload, content):
            return None

    @dataclass(frozen=True, slots=True)
    class Files:
        text: str = ""
        file: Path | None = None
        files: tuple[Path, ...] = ()
        by_name: dict[str, Path] = field(default_factory=dict)
        noted: Annotated[Path, "a note"] | None = None
        secret: Secret | None = None
        secrets: tuple[Secret, ...] = ()

    class Reads(Validator):
        Options = Files

        def problems(self, payload, content):
            return [self.options.text]

    @dataclass(frozen=True, slots=True)
    class Words:
        text: str = ""

    class FailsToStart(Validator):
        Options = Words

        def __init__(self, name, options):
            super().__init__(name, options)
            if options.text:
                raise KeyError("hunter2")

        def problems(self, payload, content):
            return []

    class Policy(Standard):
        def refuses_write(self, tag, status, permission, identity):
            raise RuntimeError("asked with hunter2")
"""
FAILING_POINTS = """
    [cdb.payload_validators]
    raises = {module}:Raises
    raises-late = {module}:RaisesLate
    answers-nothing = {module}:AnswersNothing
    reads = {module}:Reads
    fails-to-start = {module}:FailsToStart
    [cdb.tag_policies]
    failing = {module}:Policy
"""
VALIDATORS = "any json-schema raises raises-late answers-nothing reads fails-to-start"


@pytest.fixture
def failing(make_client: MakeClient, install: Callable[..., Path]) -> Client:
    """A client of a service with validators that fail."""
    install(FAILING, FAILING_POINTS)
    return make_client(payload_validators=VALIDATORS)


def a_list(client: Client, validator: str) -> str:
    client.ok("POST", "pt", {"name": "Beam", "validator": validator})
    return str(client.ok("POST", "pl", {"payload_type": "Beam"})["name"])


@ON_SQLITE
@pytest.mark.parametrize("validator", ["raises", "raises-late", "answers-nothing"])
def test_validator_that_fails_refuses(
    failing: Client, database_url: str, caplog: pytest.LogCaptureFixture, validator: str
) -> None:
    name = a_list(failing, validator)
    staged = failing.ok("POST", "piov", row(1))
    before = dump(database_url)
    attach = failing.api("PUT", "piov_attach", {"payload_list": name, "piov_id": staged["id"]})
    bulk = failing.api("POST", "bulk_piov", [{**row(2), "payload_list": name}])
    assert (attach.status_int, bulk.status_int) == (422, 422)
    assert attach.json["payload"] == [f"{validator}: it failed on this payload."]
    assert "hunter2" not in attach.text + bulk.text
    assert f"the payload validator {validator} failed" in caplog.text
    assert dump(database_url) == before


@ON_SQLITE
def test_tag_policy_that_fails_refuses(
    make_client: MakeClient,
    install: Callable[..., Path],
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    install(FAILING, FAILING_POINTS)
    client = make_client(tag_policy="failing")
    client.ok("POST", "gt", {"name": "A"})
    before = dump(database_url)
    refused = client.api("DELETE", "deleteGlobalTag/A", status=409)
    assert refused.json == {"detail": "The tag policy failed on this write.", "code": "tag-policy"}
    assert "the tag policy failing failed, and refuses" in caplog.text
    assert dump(database_url) == before


# --- options that a client gives ----------------------------------------------------


class Strict:
    """A service with a payload type, which requests that are refused share."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self.url = url
        client.ok("POST", "pt", {"name": "Beam"})
        self.before = dump(url)


@pytest.fixture(scope="module")
def strict(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    place = write(tmp_path_factory.mktemp("strict"), FAILING, FAILING_POINTS)
    settings = {"payload_validators": VALIDATORS, "allow_open_writes": "true"}
    with ExitStack() as stack:
        url = stack.enter_context(databases("sqlite"))
        with installed(place):  # only while it starts: other tests install their own
            client = stack.enter_context(service(url, **settings))
        yield Strict(client, url)


NOT_FOR_CLIENTS = [
    ("json-schema", {"schema_file": "/etc/passwd"}),
    ("json-schema", {"schema_file": None}),
    ("reads", {"file": "/etc/passwd"}),
    ("reads", {"file": None}),
    ("reads", {"files": ["/etc/passwd"]}),
    ("reads", {"files": []}),
    ("reads", {"by_name": {"x": "/etc/passwd"}}),
    ("reads", {"noted": "/etc/passwd"}),
    ("reads", {"secret": "env:HUNTER"}),
    ("reads", {"secret": {"value": "hunter2"}}),
    ("reads", {"secrets": ["env:HUNTER"]}),
    ("reads", {"text": "good", "secret": "file:/etc/passwd"}),
]


@pytest.mark.parametrize(("validator", "options"), NOT_FOR_CLIENTS)
def test_client_cannot_make_the_service_read_its_files_or_environment(
    strict: Strict, monkeypatch: pytest.MonkeyPatch, validator: str, options: dict[str, Any]
) -> None:
    monkeypatch.setenv("HUNTER", "hunter2")
    chosen = {"validator": validator, "validator_options": options}
    made = strict.client.api("POST", "pt", {"name": "New", **chosen})
    changed = strict.client.api("PATCH", "payload-types/Beam", chosen)
    for answer in (made, changed):
        assert answer.status_int == 400
        [message] = answer.json["validator_options"]
        assert message.endswith(": only the ini of the service can set it")
        assert "hunter2" not in answer.text
        assert "root:" not in answer.text
    assert dump(strict.url) == strict.before


@ON_SQLITE
def test_text_of_a_client_is_never_looked_up(
    failing: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUNTER", "hunter2")
    chosen = {"validator": "reads", "validator_options": {"text": "env:HUNTER"}}
    failing.ok("POST", "pt", {"name": "Beam", **chosen})
    name = failing.ok("POST", "pl", {"payload_type": "Beam"})["name"]
    refused = failing.api("POST", "bulk_piov", [{**row(2), "payload_list": name}], status=422)
    assert refused.json["payload"] == ["row 0: reads: env:HUNTER"]


def test_validator_that_cannot_be_made_is_a_400_that_tells_nothing(
    strict: Strict, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = {"validator": "fails-to-start", "validator_options": {"text": "x"}}
    refused = strict.client.api("POST", "pt", {"name": "New", **chosen}, status=400)
    assert refused.json["validator_options"] == ["it fails with these options (KeyError)"]
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "file:///etc/passwd"},
        {"$ref": "https://attacker.example/schema.json"},
        {"properties": {"a": {"$dynamicRef": "/etc/passwd"}}},
        {"$id": "file:///etc/", "$ref": "passwd"},
        {"pattern": "(a+)+$"},
    ],
)
def test_schema_of_a_client_reaches_nothing(strict: Strict, schema: dict[str, Any]) -> None:
    chosen = {"validator": "json-schema", "validator_options": {"schema": schema}}
    refused = strict.client.api("POST", "pt", {"name": "New", **chosen}, status=400)
    assert "validator_options" in refused.json
    assert dump(strict.url) == strict.before


@ON_SQLITE
@pytest.mark.parametrize(
    ("depth", "status"), [(62, 200), (63, 400), (250, 400), (500, 400), (900, 400), (1018, 400)]
)
def test_options_of_a_client_that_are_nested_deeply_stop_nobody(
    failing: Client, depth: int, status: int
) -> None:
    schema = f'{{"enum": {"[" * depth + "]" * depth}}}'
    chosen = f'"validator": "json-schema", "validator_options": {{"schema": {schema}}}'
    body = f'{{"name": "Beam", {chosen}}}'.encode()
    made = failing.post(f"{API}/pt", body, content_type="application/json", status="*")
    assert made.status_int == status, made.text
    assert len(failing.ok("GET", "pt")) == (status == 200)
    assert failing.ok("GET", "payload-types?page=1")["count"] == (status == 200)


@pytest.fixture
def changed_ini(make_client: MakeClient) -> Client:
    """A client of a service whose ini contradicts what a payload type has chosen before."""
    own = {"validator": "json-schema", "validator_options": {"schema": {}}}
    client = make_client()
    client.ok("POST", "pt", {"name": "Beam", **own})
    client.ok("POST", "pl", {"payload_type": "Beam"})
    return make_client(**{"plugin.json-schema.max_mb": "0"})


@ON_SQLITE
def test_validator_that_a_new_ini_contradicts_refuses(changed_ini: Client) -> None:
    refused = changed_ini.api("POST", "bulk_piov", [{**row(2), "payload_list": "Beam_1"}])
    assert refused.status_int == 422, refused.text
    [problem] = refused.json["payload"]
    assert problem.startswith("Payload type 'Beam': its validator 'json-schema' cannot be used: ")
