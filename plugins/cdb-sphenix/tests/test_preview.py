# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""How files of CDBTTree are shown."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import uproot

from cdb.plugin import Content, PayloadReference, Preview
from cdb.plugin.root import RootPreviewOptions
from cdb.plugin.testing import PayloadPreviewTests
from cdb_sphenix.preview import Constants

DATA = Path(__file__).parents[3] / "tests" / "data" / "cms2017"
CONSTANTS = Constants("sphenix-constants", RootPreviewOptions())
GAINS = PayloadReference("CEMC_Gain", "CEMC_Gain/aa/bb/aabb_gain.root", "aabb")


def written(*, channels: int) -> bytes:
    """Return a file as CDBTTree writes one; channel 0 has neither a gain nor a status."""
    number = np.arange(channels)
    multiple = {
        "Fgain": np.where(number, 1 + number / 8, np.nan).astype("f4"),
        "IID": number.astype("i4"),
        "Istatus": np.where(number, number, np.iinfo(np.int32).min).astype("i4"),
        "gtime": np.where(number, number, np.iinfo(np.uint64).max).astype("u8"),
    }
    single = {"Dvoltage": np.array([1500.25]), "Iversion": np.array([3], "i4")}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gain.root"
        with uproot.recreate(path) as file:
            for name, columns in (("Single", single), ("Multiple", multiple)):
                tree = file.mktree(name, {each: values.dtype for each, values in columns.items()})
                tree.extend(columns)
        return path.read_bytes()


def shown(raw: bytes) -> Preview:
    return CONSTANTS.preview(GAINS, Content.of(raw))


def test_constants_are_shown_by_their_names() -> None:
    single = shown(written(channels=3))
    multiple, objects = single.parts
    assert (single.title, single.content) == (
        "Constants",
        (("constant", "value"), ("voltage", "1500.25"), ("version", "3")),
    )
    assert (multiple.title, multiple.content) == (
        "Constants by channel",
        (
            ("channel", "gain", "status", "time"),
            ("0", "", "", ""),
            ("1", "1.125", "1", "1"),
            ("2", "1.25", "2", "2"),
        ),
    )
    assert [row[0] for row in objects.content] == ["name", "Single", "Multiple"]


def test_of_many_channels_the_first_are_shown() -> None:
    multiple = shown(written(channels=300)).parts[0]
    assert (len(multiple.content), multiple.is_truncated) == (201, True)


def test_another_root_file_is_shown_by_its_objects() -> None:
    preview = shown((DATA / "testSF2d.histo.root").read_bytes())
    assert preview.title == "Objects in the file"
    assert [part.kind for part in preview.parts] == ["svg"]


class TestConstants(PayloadPreviewTests):
    plugin = CONSTANTS
    # What a file looks like is said above; here it is damaged.
    shown = [((GAINS, written(channels=2)), shown(written(channels=2)))]
    not_accepted = [PayloadReference("CEMC_Gain", "CEMC_Gain/gain.txt", "")]
