# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""The plugins against the tests that every plugin of their kind has to pass."""

from pathlib import Path

from cdb.plugin import MAX, PayloadReference
from cdb.plugin.testing import IovDimensionTests, PayloadValidatorTests
from cdb_sphenix.dimension import Sphenix, SphenixOptions
from cdb_sphenix.validator import SphenixFile, SphenixFileOptions


def named(name: str) -> PayloadReference:
    return PayloadReference("CEMC_Gain", f"CEMC_Gain/aa/bb/aabb_{name}", "aabb")


DATA = Path(__file__).parents[3] / "tests" / "data" / "cms2017"
ROOT = (DATA / "SFttbar_2016_ele_pt.root").read_bytes()
GOOD = [
    (named("gain.root"), ROOT),
    (named("GAIN.ROOT"), ROOT),
    (named("gain.dat"), b"\0\1"),
    (named("gain.txt"), "1 2 µ\n".encode()),
    (named("gain.xml"), b"<gain><tower id='1'>2</tower></gain>"),
]


class TestRuns(IovDimensionTests):
    plugin = Sphenix("sphenix", SphenixOptions())
    examples = {"54321": (0, 54321), "0": (0, 0), "0,54321": (0, 54321), str(MAX): (0, MAX)}
    bad_notations = ["run 54321", "54321.0", "-1", "0:54321", "open", "2024-05-01", str(MAX + 1)]


class TestTimestamps(IovDimensionTests):
    plugin = Sphenix("sphenix", SphenixOptions("timestamp"))
    examples = {
        "2024-05-01T12:00:00Z": (0, 1714564800),
        "2024-05-01T14:00:00+02:00": (0, 1714564800),
        "2024-05-01": (0, 1714521600),
        "1714564800": (0, 1714564800),
        "9999-12-31T23:59:59Z": (0, 253402300799),
        "253402300800": (0, 253402300800),
        "1970-01-01": (0, 0),
    }
    bad_notations = [
        "1969-12-31",
        "2024-05-01T12:00:00",
        "2024-05-01T12:00Z",
        "2024-05-01T12:00:00.5Z",
        "2024-13-01",
        "2024-05-01T12:00:00+99:00",
        "0001-01-01T00:00:00+23:00",
        "yesterday",
        "-1",
    ]


class TestFiles(PayloadValidatorTests):
    plugin = SphenixFile("sphenix-file", SphenixFileOptions())
    good_payloads = GOOD
    bad_payloads = [
        (named("gain.csv"), b"1,2"),
        (named("gain"), b"1"),
        (named("gain.root.bak"), ROOT),
        (named("gain.root"), b"1 2\n"),
        (named("gain.root"), ROOT[:-1]),
        (named("gain.dat"), b""),
        (named("gain.txt"), b""),
        (named("gain.txt"), b"\xff\xfe1"),
        (named("gain.xml"), b"<gain>"),
    ]


class TestNamesOnly(PayloadValidatorTests):
    plugin = SphenixFile(
        "sphenix-file", SphenixFileOptions(extensions=(".root",), require_content=False)
    )
    good_payloads = [(named("gain.root"), b"")]
    bad_payloads = [(named("gain.txt"), b"")]
