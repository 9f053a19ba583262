"""What parsers do with valid inputs that were damaged: their own errors, and nothing else."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from forging import AUDIENCE, ISSUER, issuer, signed
from histories import World
from support import DATA, rules
from torture.campaign import Campaign
from torture.mutation import mutated

from cdb.builtin.dimensions import EndOptions, MajorMinor, RunLumi, UtcTime
from cdb.builtin.jwks import _usable_keys
from cdb.builtin.jwt import Jwt, JwtOptions
from cdb.builtin.root_file import RootFile, RootFileOptions
from cdb.builtin.root_preview import RootPreview
from cdb.builtin.text_table import TextTable, TextTableOptions
from cdb.domain.points import Point
from cdb.errors import CdbError
from cdb.plugin import (
    Content,
    Credentials,
    CredentialsRefused,
    NotationError,
    PayloadReference,
)
from cdb.plugin.root import RootPreviewOptions
from cdb.services import bundles, json_lines
from cdb.services.bundles import BundleSource
from cdb.services.entering import Reference
from cdb.services.exports import DatabaseSource
from cdb.services.json_lines import JsonLinesSource
from cdb.settings import SettingsError, load
from cdb.store import bundles as files
from cdb.store.engine import Database
from cdb_client.bundle import Bundle
from cdb_client.errors import ClientError
from cdb_client.errors import NotationError as ClientNotationError
from cdb_client.notation import point_of
from cdb_client.questions import Question
from cdb_cms.jec import JetCorrections, JetCorrectionsOptions

RULES = rules()
CMS = DATA / "cms2017"


class Parser(NamedTuple):
    """Something that reads what anybody may have written.

    Attributes:
        read: does so with bytes.
        valid: examples of what it reads without an error.
        errors: its own.

    """

    read: Callable[[bytes], object]
    valid: Sequence[bytes]
    errors: tuple[type[Exception], ...]


# --- points, by the service and by the client --------------------------------------

DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        MajorMinor("major-minor", EndOptions()),
        RunLumi("run-lumi", EndOptions()),
        UtcTime("utc-time", None),
    )
}
NOTATIONS = [
    b"12,3",
    b"299400:12",
    b"9223372036854775807,0",
    b"2017-06-01T12:30:00.5+02:00",
    b"2262-04-11T23:47:16.854775807Z",
]


def read_points(raw: bytes) -> None:
    """Read a notation on both sides, which have to agree, and write and read it again."""
    notation = raw.decode("utf-8", "surrogateescape")
    for name, dimension in DIMENSIONS.items():
        here: Any = None
        there: Any = None
        with suppress(NotationError):
            here = tuple(dimension.parse(notation))
            assert dimension.parse(dimension.format(dimension.parse(notation))) == here
        with suppress(ClientNotationError):
            there = point_of(name, notation)
        assert here == there, (name, notation)


# --- tokens and keys ----------------------------------------------------------------


def token_reader(public_key: Path) -> Callable[[bytes], object]:
    """Let nobody in but by a token that says the same, and is signed."""
    public_key.write_bytes(issuer("RS256").public_pem)
    options = JwtOptions(
        algorithm="RS256", public_key=public_key, audience=AUDIENCE, issuer=ISSUER
    )
    authenticator = Jwt("jwt", options)

    def read(raw: bytes) -> None:
        found = authenticator.identify(Credentials("bearer", raw.decode("latin-1"), {}, ""))
        assert found is None or found.subject == "jane"

    return read


def read_keys(raw: bytes) -> None:
    assert _usable_keys(raw, ("RS256", "ES256"))


# --- payloads ------------------------------------------------------------------------

ROOT_FILES = ("testSF2d.histo.root", "SFttbar_2016_ele_pt.root")
REFERENCE = PayloadReference("Type", "Type/a.root", "")
ROOT_FILE = RootFile("root-file", RootFileOptions())
ROOT_PREVIEW = RootPreview("root-preview", RootPreviewOptions())
TABLE = TextTable("text-table", TextTableOptions())
JEC = JetCorrections("cms-jec", JetCorrectionsOptions())
JEC_FILE = b"""{1 JetEta 1 JetPt max(0.0001,[0]+[1]*x) Correction L2Relative}
-5.191 -2.5 4 4 1000 1.0 0.01
-2.5 2.5 4 4 1000 1.1 0.02
2.5 5.191 4 4 1000 1.2 0.03
"""


def validate(validator: Any) -> Callable[[bytes], object]:
    return lambda raw: list(validator.problems(REFERENCE, Content.of(raw)))


def preview(raw: bytes) -> object:
    return ROOT_PREVIEW.preview(REFERENCE, Content.of(raw))


# --- settings --------------------------------------------------------------------------

INI = b"""cdb.database.url = sqlite:////x.sqlite
cdb.iov_mode = discrete
cdb.freshness_ms = 100
cdb.max_body_mb = 10
cdb.payload_base_url = https://payloads.example.org/x
cdb.staged_keep = P7D
cdb.health_timeout = PT2S
cdb.authenticators = jwt bearer
cdb.plugin.jwt.secret = env:KEY
"""


def read_settings(raw: bytes) -> object:
    lines = raw.decode("utf-8", "replace").splitlines()
    pairs = (line.partition("=") for line in lines)
    return load({key.strip(): value.strip() for key, _, value in pairs}, {})


# --- bundles and JSON lines ---------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, databases: Any) -> Path:
    """A folder with a global tag in a bundle, and in JSON lines."""
    with databases("sqlite") as url:
        database = Database(url)
        world = World(database)
        (payload_list, *_) = world.lists(world.names[0]).values()
        for number in range(1, 40):
            world.attach(
                payload_list, Reference(f"u{number}", "c", Point(number, 0), None, number)
            )
        source = DatabaseSource(database, RULES, world.names[0])
        bundles.create(source, RULES, tmp_path / "valid.cdb")
        with (tmp_path / "valid.lines").open("wb") as file:
            json_lines.write(DatabaseSource(database, RULES, world.names[0]), file)
        database.dispose()
    return tmp_path


def bundle_reader(folder: Path) -> Callable[[bytes], object]:
    def read(raw: bytes) -> None:
        path = folder / "damaged.cdb"
        path.write_bytes(raw)
        with Bundle(path) as bundle:
            question = Question((bundle.global_tag,))
            for point in ((0, 0), (7, 3), (2**62, 0)):
                answer = bundle.answer(question, {"": point})
                [bundle.row(each) for each in answer.payloads.values()]
            list(bundle.iovs(question, (0, 0), (30, 0)))
            assert bundle.dimensions(question) is not None
            assert bundle.change

    return read


def bundle_importer(folder: Path) -> Callable[[bytes], object]:
    def read(raw: bytes) -> None:
        path = folder / "damaged.cdb"
        path.write_bytes(raw)
        with files.opened(path) as database:
            source = BundleSource(database, RULES)
            for _, iovs in source.lists():
                list(iovs)

    return read


def read_lines(raw: bytes) -> object:
    source = JsonLinesSource(BytesIO(raw))
    return [list(iovs) for _, iovs in source.lists()]


# --- all of them -----------------------------------------------------------------------------


@pytest.fixture
def parsers(folder: Path) -> dict[str, Parser]:
    token = signed(issuer("RS256")).encode()
    keys = json.dumps({"keys": [issuer("RS256").jwk(), issuer("ES256").jwk(kid="2")]})
    roots = [(CMS / name).read_bytes() for name in ROOT_FILES]
    bundle = (folder / "valid.cdb").read_bytes()
    lines = (folder / "valid.lines").read_bytes()
    return {
        "points": Parser(read_points, NOTATIONS, ()),
        "tokens": Parser(token_reader(folder / "public.pem"), [token], (CredentialsRefused,)),
        "key sets": Parser(read_keys, [keys.encode()], (ValueError,)),
        "ROOT files": Parser(validate(ROOT_FILE), roots, ()),
        "ROOT pictures": Parser(preview, roots, (ValueError,)),
        "tables": Parser(validate(TABLE), [b"1 2.5 x\n2 3 y\n"], ()),
        "jet corrections": Parser(validate(JEC), [JEC_FILE], ()),
        "settings": Parser(read_settings, [INI], (SettingsError,)),
        "bundles": Parser(bundle_reader(folder), [bundle], (ClientError,)),
        "imported bundles": Parser(bundle_importer(folder), [bundle], (CdbError,)),
        "JSON lines": Parser(read_lines, [lines], (CdbError,)),
    }


def test_parsers_refuse_what_is_damaged_in_their_own_words(
    campaign: Campaign, parsers: dict[str, Parser]
) -> None:
    for parser in parsers.values():
        for valid in parser.valid:
            parser.read(valid)
    for number in campaign.rounds(at_least=60):
        for name, parser in parsers.items():
            raw = mutated(campaign.random, parser.valid[number % len(parser.valid)])
            try:
                parser.read(raw)
                campaign.count(f"{name} taken")
            except parser.errors:
                campaign.count(f"{name} refused")
            except Exception as error:
                raise AssertionError(f"{name}: {error!r} for {raw[:2000]!r}") from error
