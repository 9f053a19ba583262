# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""The built-in plugins against the tests that every plugin of their kind has to pass."""

import gzip
import hashlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cdb.builtin.dimensions import EndOptions, MajorMinor, RunLumi, UtcTime
from cdb.builtin.json_schema import JsonSchema, JsonSchemaOptions
from cdb.builtin.layouts import Hashed
from cdb.builtin.log import Log
from cdb.builtin.previews import JsonPreview, JsonPreviewOptions, TextPreview, TextPreviewOptions
from cdb.builtin.root_file import RootFile, RootFileOptions
from cdb.builtin.root_preview import RootPreview
from cdb.builtin.standard import Standard
from cdb.builtin.text_table import TextTable, TextTableOptions
from cdb.builtin.validators import (
    AnyPayload,
    Checksum,
    ChecksumOptions,
    NamePattern,
    NamePatternOptions,
)
from cdb.plugin import MAX, Content, Event, NoOptions, PayloadReference, Preview, Upload
from cdb.plugin.root import RootPreviewOptions
from cdb.plugin.testing import (
    EventListenerTests,
    IovDimensionTests,
    PayloadLayoutTests,
    PayloadPreviewTests,
    PayloadValidatorTests,
    TagPolicyTests,
)

DATA = Path(__file__).parents[1] / "data" / "cms2017"
ELECTRONS = (DATA / "SFttbar_2016_ele_pt.root").read_bytes()
SCALE_FACTORS = (DATA / "testSF2d.histo.root").read_bytes()
UNCLOSED = (DATA / "bad_delphes.root").read_bytes()


def named(name: str, checksum: str = "") -> PayloadReference:
    return PayloadReference("BeamSpot", f"BeamSpot/{name}", checksum)


# --- dimensions -------------------------------------------------------------


class TestMajorMinor(IovDimensionTests):
    plugin = MajorMinor("major-minor", EndOptions())
    examples = {"12,3": (12, 3), "12": (12, 0), f"{MAX},{MAX}": (MAX, MAX), "007,08": (7, 8)}
    bad_notations = ["12:3", "12,", ",3", "-1", "1.5", "end", "1,end", "0x10"]


class TestInclusiveMajorMinor(IovDimensionTests):
    plugin = MajorMinor("major-minor", EndOptions("inclusive"))
    examples = {"12,3": (12, 3)}
    bad_notations = ["12:3"]


class TestRunLumi(IovDimensionTests):
    plugin = RunLumi("run-lumi", EndOptions())
    examples = {"299400:12": (299400, 12), "299400": (299400, 0), "299400,12": (299400, 12)}
    bad_notations = ["299400:", ":12", "299400:12:1", "299400 :12", "299400:end", "open"]


class TestInclusiveRunLumi(IovDimensionTests):
    plugin = RunLumi("run-lumi", EndOptions("inclusive"))
    examples = {"299400:12": (299400, 12)}
    bad_notations = ["299400:end"]


class TestUtcTime(IovDimensionTests):
    plugin = UtcTime("utc-time", NoOptions())
    examples = {
        "1970-01-01": (0, 0),
        "2017-06-01T00:00:00Z": (1496275200_000000000, 0),
        "2017-06-01T02:00+02:00": (1496275200_000000000, 0),
        "2017-06-01T00:00:00.000000001Z": (1496275200_000000001, 0),
        "2262-04-11T23:47:16.854775807Z": (MAX, 0),
        "5,6": (5, 6),
    }
    bad_notations = ["2017", "2017-06-01T00:00:00", "2017-06-01 00:00:00Z", "1969-12-31", "12:3"]


# --- validators -------------------------------------------------------------


class TestAnyPayload(PayloadValidatorTests):
    plugin = AnyPayload("any", NoOptions())
    good_payloads = [(named("a.root"), b""), (named(""), b"\0")]
    bad_payloads = []
    takes_everything = True


class TestNamePattern(PayloadValidatorTests):
    plugin = NamePattern("name-pattern", NamePatternOptions("*.root"))
    good_payloads = [(named("a.root"), b"")]
    bad_payloads = [(named("a.txt"), b""), (named("x" * 251 + ".root"), b"")]


class TestChecksum(PayloadValidatorTests):
    plugin = Checksum("checksum", ChecksumOptions("md5"))
    good_payloads = [(named("a", "0" * 32), b"")]
    bad_payloads = [(named("a", "0" * 31), b""), (named("a", "A" * 32), b"")]


class TestVerifiedChecksum(PayloadValidatorTests):
    plugin = Checksum("checksum", ChecksumOptions("sha256", verify=True))
    good_payloads = [(named("a", hashlib.sha256(ELECTRONS).hexdigest()), ELECTRONS)]
    bad_payloads = [(named("a", hashlib.sha256(ELECTRONS).hexdigest()), SCALE_FACTORS)]


class TestJsonSchema(PayloadValidatorTests):
    plugin = JsonSchema(
        "json-schema",
        JsonSchemaOptions(
            {
                "type": "object",
                "properties": {"x": {"$ref": "#/$defs/length"}, "y": {"multipleOf": 0.1}},
                "required": ["x"],
                "$defs": {"length": {"type": "number"}},
            }
        ),
    )
    good_payloads = [(named("a.json"), b'{"x": 0.1}'), (named("a.json"), b'{"x": 1, "y": 0}')]
    bad_payloads = [(named("a.json"), b"{}"), (named("a.json"), b"{"), (named("a.json"), b"\xff")]


class TestRootFile(PayloadValidatorTests):
    plugin = RootFile("root-file", RootFileOptions())
    good_payloads = [(named("a.root"), ELECTRONS), (named("b.root"), SCALE_FACTORS)]
    bad_payloads = [(named("a.root"), UNCLOSED), (named("a.root"), b"root"), (named("a"), b"")]


class TestRootFileWithObjects(PayloadValidatorTests):
    plugin = RootFile("root-file", RootFileOptions(("histo_eff_data:TH1D",)))
    good_payloads = [(named("a.root"), ELECTRONS)]
    bad_payloads = [(named("b.root"), SCALE_FACTORS)]


class TestTextTable(PayloadValidatorTests):
    plugin = TextTable("text-table", TextTableOptions(numeric=True))
    good_payloads = [
        (named("a.txt"), b"# eta factor\n-1.5 1\n 0.5 2e-3\n"),
        (named("a.txt.gz"), gzip.compress(b"1 2\n3 4\n", mtime=0)),
    ]
    bad_payloads = [
        (named("a.txt"), b"1 2\n3\n"),
        (named("a.txt"), b"1 x\n"),
        (named("a.txt"), b""),
        (named("a.txt.gz"), b"1 2\n"),
    ]


# --- previews and layouts ---------------------------------------------------


class TestTextPreview(PayloadPreviewTests):
    plugin = TextPreview("text", TextPreviewOptions(max_kb=1))
    shown = [
        ((named("a.txt"), "Größe\n".encode()), Preview("text", "Größe\n")),
        ((named("A.TXT"), b"x" * 1025), Preview("text", "x" * 1024, is_truncated=True)),
        ((named("a.csv"), b"a,b\n1,2\n"), Preview("table", (("a", "b"), ("1", "2")))),
    ]
    not_accepted = [named("a.root"), named("txt")]


class TestJsonPreview(PayloadPreviewTests):
    plugin = JsonPreview("json", JsonPreviewOptions(max_kb=1))
    shown = [
        ((named("a.json"), b'{"x":[1]}'), Preview("text", '{"x": [1]}')),
        ((named("a.json"), rb'"\ud800"'), Preview("text", r'"\ud800"')),
    ]
    not_accepted = [named("a.txt")]


_DRAWING = RootPreview("root", RootPreviewOptions())


class TestRootPreview(PayloadPreviewTests):
    plugin = RootPreview("root", RootPreviewOptions(max_pictures=0))
    shown = [
        (
            (named("a.root"), ELECTRONS),
            Preview(
                "table",
                (
                    ("name", "class", "title", "what is in it"),
                    (
                        "histo_eff_data",
                        "TH1D",
                        "ttbar/data efficiencies and SFs: 2016",
                        "10 bins, 33,686.5 entries",
                    ),
                ),
                title="Objects in the file",
            ),
        )
    ]
    not_accepted = [named("a.txt"), named("root")]


class TestRootPreviewThatDraws(PayloadPreviewTests):
    plugin = _DRAWING
    # What a picture looks like is for other tests to say.
    shown = [
        ((named("A.ROOT"), content), _DRAWING.preview(named("A.ROOT"), Content.of(content)))
        for content in (ELECTRONS, SCALE_FACTORS)
    ]
    not_accepted = [named("a.txt")]


class TestHashed(PayloadLayoutTests):
    plugin = Hashed("hashed", NoOptions())
    examples = [
        (
            Upload("BeamSpot", "a.root", "d41d8cd98f00b204e9800998ecf8427e", "0" * 64, 0),
            "BeamSpot/d4/1d/d41d8cd98f00b204e9800998ecf8427e_a.root",
        )
    ]


# --- tags and changes -------------------------------------------------------


class TestStandard(TagPolicyTests):
    plugin = Standard("standard", NoOptions())
    allowed = [
        ("unlocked", "locked"),
        ("locked", "unlocked"),
        ("locked", "frozen"),
        ("unlocked", "frozen"),
        ("frozen", "frozen"),
    ]
    refused = [("frozen", "locked"), ("frozen", "unlocked")]


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class TestLog(EventListenerTests):
    plugin = Log("log", NoOptions())
    event = Event(
        7, datetime(2017, 6, 1, tzinfo=UTC), "jane", "attach", "payload_list", "BeamSpot_1"
    )
    lines = Lines()

    @pytest.fixture(autouse=True)
    def listen(self) -> Iterator[None]:
        logger = logging.getLogger("cdb.changes")
        level = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(self.lines)
        yield
        logger.removeHandler(self.lines)
        logger.setLevel(level)

    def noticed(self) -> list[logging.LogRecord]:
        found = list(self.lines.records)
        self.lines.records.clear()
        return found
