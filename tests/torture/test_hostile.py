"""What a service answers that is broken, or means harm: the client says so in a line.

A real service answers, and what it answers is damaged on its way. A command then ends with one of
its exit statuses and shows nothing that steers a terminal; the Python client raises an error of
its own, or gives payloads whose fields are of the kinds that they are said to be.
"""

import gzip
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from commanded import Commanded
from support import API, Client, serving
from torture.campaign import Campaign
from torture.mutation import mutated, twisted

from cdb.app import make_app
from cdb.commands.import_ import import_
from cdb.services import json_lines
from cdb.services.exports import DatabaseSource
from cdb.settings import load
from cdb_client import Client as Conditions
from cdb_client.conditions import PayloadIOV
from cdb_client.errors import ClientError
from cdb_client.points import is_number

ABC = "900150983cd24fb0d6963f7d28e17f72"
"""The MD5 of abc."""

READS = (
    *("gt list", "gt list --format csv", "gt show GT", "gt lists GT", "gt diff GT Other"),
    *("gt diff GT Other --format json", "gt gaps GT", "gt history GT", "gt digest GT"),
    *("gt status GT", "pl list", "pl show {list}", "pt list", "pt show Beam", "log", "whoami"),
    *("iov ls GT", "iov ls GT --format csv", "iov show {iov}", "query GT 7 0", "query GT 7:0"),
    *("query GT --at run-lumi:7:0", "query GT 7 0 --format json", "timeline GT", "doctor {url}"),
    *("timeline GT --format json", "payload usage {abc}", "payload check {file}"),
    *("payload get {abc}", "payload get {abc} -o {out}", "payload get GT Beam 7 0 -o {out}"),
)
WRITES = (
    *("gt merge Other GT --mode fill", "gt revert GT --to 6 --yes", "gt clone GT New"),
    *("gt lock GT", "gt create New", "pl create Beam", "pl attach {list} GT", "pt create New"),
    *("iov delete GT Beam 7:0", "payload put Beam {file}", "bulk {rows} --tag GT"),
    *("insert GT Beam --file {file} --start 9 0", "insert GT Beam u --checksum x --begin 9:0"),
)
COMMANDS = (*READS, *(f"{write} --dry-run" for write in WRITES))

STATUSES = (200, 204, 301, 302, 304, 307, 400, 401, 403, 404, 409, 412, 413, 418, 500, 503, 599)
HEADERS = (
    *("CDB-Change", "CDB-Valid-From", "CDB-Valid-Until", "CDB-As-Of", "ETag", "Cache-Control"),
    *("Age", "Content-Type", "Content-Encoding", "Retry-After", "Location", "Date"),
)
SAID = (
    *("", "x", "9" * 5000, "-1", "0,0", ":9,9", "1,2,3; x:9,8", f"{'9' * 19},{'9' * 19}", '"'),
    *("http://[x", "file:///etc/passwd", "//x", "\xe9\x9b\x80", "W/", "immutable", "text/html"),
    *("max-age=99999999999", "application/x-ndjson", "Mon, 01 Jan 0001 00:00:00 +2359", "gzip"),
    *("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", "deflate, gzip, deflate, gzip, br, x"),
)
"""What headers say, whichever."""


class Answered(NamedTuple):
    """An answer of HTTP."""

    status: str
    headers: dict[str, str]
    body: bytes


class Damaged:
    """An application between a service and its clients, which damages what it answers.

    Attributes:
        random: what it draws from; as long as there is none, all is well.
        share: of the answers that are damaged.
        last: what it answered to the last request, for the message of a test that fails.

    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.random: Random | None = None
        self.share = 0.7
        self.last: Answered | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        begun: list[Any] = []
        body = b"".join(self._app(environ, lambda *said: begun.append(said)))
        status, headers, *_ = begun[-1]
        found = Answered(status, {name.title(): value for name, value in headers}, body)
        if self.random and self.random.random() < self.share:
            found = self.random.choice(DAMAGES)(self.random, found)
        self.last = found
        found.headers["Content-Length"] = str(len(found.body))
        start_response(found.status, list(found.headers.items()))
        return [found.body]


def _other_things(random: Random, found: Answered) -> Answered:
    """Put something else into the JSON of an answer."""
    *before, last = found.body.splitlines() or [b""]
    lines = [*before, last]
    at = random.randrange(len(lines))
    try:
        lines[at] = json.dumps(twisted(random, json.loads(lines[at]))).encode()
    except ValueError:
        lines[at] = mutated(random, lines[at])
    return found._replace(body=b"\n".join(lines) + b"\n")


def _other_bytes(random: Random, found: Answered) -> Answered:
    return found._replace(body=mutated(random, found.body))


def _other_headers(random: Random, found: Answered) -> Answered:
    drawn = {random.choice(HEADERS).title(): random.choice(SAID) for _ in range(3)}
    return found._replace(headers=found.headers | drawn)


def _other_status(random: Random, found: Answered) -> Answered:
    status = random.choice(STATUSES)
    body = b"" if status in (204, 304) else found.body
    return _other_headers(random, found._replace(status=f"{status} X", body=body))


DAMAGES: tuple[Callable[[Random, Answered], Answered], ...] = (
    *(_other_things,) * 4,
    *(_other_bytes, _other_headers, _other_status),
)


class World(NamedTuple):
    """A service whose answers can be damaged, and what a command line can name there."""

    commanded: Commanded
    damaged: Damaged
    names: dict[str, object]


@pytest.fixture
def world(databases: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_bytes(b"abc")
    Path("rows.csv").write_text(
        "payload_type,payload_url,checksum,begin\nBeam,u,x,50:0\n", "utf-8"
    )
    with databases("sqlite") as url:
        ini = {"allow_open_writes": "true", "payload_store": "store", "database.url": url}
        app = make_app(load({f"cdb.{name}": value for name, value in ini.items()}, {}))
        damaged = Damaged(app)
        with serving(damaged) as root:
            commanded = Commanded(Client(app), root)
            names = {"abc": ABC, "file": "file.txt", "rows": "rows.csv", "out": "out"}
            yield World(commanded, damaged, {**names, "url": root + API, **_filled(commanded)})
        app.registry.cdb.database.dispose()


def _filled(commanded: Commanded) -> dict[str, object]:
    client = commanded.client
    client.ok("POST", "pt", {"name": "Beam", "dimension": "run-lumi"})
    for tag in ("Other", "GT"):
        client.ok("POST", "gt", {"name": tag})
        made = client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": made})
    client.put(f"{API}/payloads/Beam/fetched.txt", b"abc")
    for start in ("7:0", "12:0"):
        commanded.done("insert", "GT", "Beam", "--file", "file.txt", "--begin", start)
    [iov, _] = client.ok("GET", "global-tags/GT/iovs")
    return {"list": made, "iov": iov["id"]}


def test_any_answer_ends_a_command_in_a_line(campaign: Campaign, world: World) -> None:
    lines = [command.format_map(world.names) for command in COMMANDS]
    for line in lines:
        world.commanded.done(*line.split())
        Path("fetched.txt").unlink(missing_ok=True)
    for number in campaign.rounds(at_least=len(lines)):
        line = lines[number % len(lines)]
        world.damaged.random = campaign.random
        got = world.commanded.cdb(*line.split(), CDB_PATIENCE="0")
        told = f"cdb {line}: {got.output} {world.damaged.last}"
        Path("fetched.txt").unlink(missing_ok=True)
        assert got.exception is None or isinstance(got.exception, SystemExit), told
        assert got.exit_code in {0, 1, 3, 4, 5, 6}, told
        shown = got.stderr if "--format" in line else got.output
        assert all(each.isprintable() or each == "\n" for each in shown), told
        if got.exit_code and "doctor" not in line:
            assert len(got.stderr.splitlines()) == 1, told
        campaign.count(f"exit status {got.exit_code}")


def _everything(client: Conditions) -> list[PayloadIOV]:
    """Ask all that the Python client can ask, and return the payloads that it gave."""
    at = client.at("GT", 7, 0)
    for payload in at.values():
        client.path(payload)
    batch = client.batch("GT", ["7:0", (12, 0), (2**62, 5)])
    client.pin("GT")
    return [
        *at.values(),
        *(each for found in batch for each in found.values()),
        *client.iovs("GT"),
    ]


def _is_sound(payload: PayloadIOV) -> bool:
    numbers = (*payload.start, *payload.end)
    texts = (payload.payload_type, payload.payload_url, payload.checksum, *(payload.written or ()))
    others = (payload.revision, payload.global_tag, payload.dimension)
    return (
        all(map(is_number, numbers))
        and all(isinstance(each, str) for each in texts)
        and all(each is None or isinstance(each, str) for each in others)
        and (payload.size is None or is_number(payload.size))
    )


def test_any_answer_is_an_error_of_the_client_or_sound(campaign: Campaign, world: World) -> None:
    # Of the five requests of a round.
    world.damaged.share = 0.2
    for number in campaign.rounds(at_least=40):
        # Two look into one cache: what was damaged is kept there, too.
        cache = f"cache-{number // 2}"
        world.damaged.random = campaign.random if number else None
        with (
            Conditions(str(world.names["url"]), cache=cache, patience=0, max_age=0) as client,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            try:
                assert all(map(_is_sound, _everything(client))), world.damaged.last
                campaign.count("taken")
            except ClientError:
                campaign.count("refused")


# --- imports ------------------------------------------------------------------------------------


def test_any_import_ends_in_a_line(campaign: Campaign, world: World, databases: Any) -> None:
    ini, file, packed = Path("import.ini"), Path("gt.jsonl"), Path("gt.jsonl.gz")
    with databases("sqlite") as url:
        ini.write_text(f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {url}\n", "utf-8")
        lines = _exported(world.commanded)
        imports = (
            ("nopayloaddb", "--from", str(world.names["url"])),
            ("jsonl", str(file)),
            ("jsonl", str(packed)),
        )
        for number in campaign.rounds(at_least=30):
            random = campaign.random if number >= len(imports) else None
            world.damaged.random = random
            world.damaged.share = 0.1
            file.write_bytes(mutated(random, lines) if random else lines)
            content = gzip.compress(file.read_bytes(), 1)
            packed.write_bytes(mutated(random, content) if random else content)
            command = imports[number % len(imports)]
            got = CliRunner().invoke(import_, [*command, "--ini", str(ini), "--dry-run"])
            told = f"{command}: {got.output} {got.exc_info} {world.damaged.last}"
            assert got.exception is None or isinstance(got.exception, SystemExit), told
            assert got.exit_code in ({0, 1} if random else {0}), told
            assert all(each.isprintable() or each == "\n" for each in got.output), told
            # Before it, how far it came.
            wrong = [line for line in got.stderr.splitlines() if not _PROGRESS.fullmatch(line)]
            assert len(wrong) == got.exit_code, told
            campaign.count(f"{command[0]}: exit status {got.exit_code}")


_PROGRESS = re.compile("[0-9,]+ of [0-9,]+ .*|Dry run, nothing is kept.")


def _exported(commanded: Commanded) -> bytes:
    app = commanded.client.app.registry.cdb
    file = BytesIO()
    json_lines.write(DatabaseSource(app.database, app.rules, "GT"), file)
    return file.getvalue()
