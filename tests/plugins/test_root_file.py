"""Which ROOT files are taken, and what is said of the rest."""

import zlib
from pathlib import Path
from typing import Any

import pytest
import uproot

from cdb.builtin.root_file import RootFile, RootFileOptions
from cdb.plugin import Content, OptionsError, PayloadReference

DATA = Path(__file__).parents[1] / "data" / "cms2017"


def root_problems(content: bytes, *objects: str, max_mb: int = 1024) -> list[str]:
    validator = RootFile("root-file", RootFileOptions(objects, max_mb))
    payload = PayloadReference("Type", "Type/a.root", "")
    return list(validator.problems(payload, Content.of(content)))


def written(path: Path, compression: Any = None, **objects: Any) -> bytes:
    with uproot.recreate(path, compression=compression) as file:
        for name, value in objects.items():
            file[name.replace("__", "/")] = value
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("SFttbar_2016_ele_pt.root", "histo_eff_data"),
        ("SFttbar_2016_ele_pt.root", "histo_eff_data;1:TH1D"),
        ("testSF2d.histo.root", "/scalefactors_Tight_Electron:TH2F"),
    ],
)
def test_root_file_with_its_object_is_taken(name: str, wanted: str) -> None:
    assert root_problems((DATA / name).read_bytes(), wanted) == []


def test_root_file_without_its_object_is_refused() -> None:
    content = (DATA / "SFttbar_2016_ele_pt.root").read_bytes()
    assert root_problems(content, "efficiency", "histo_eff_data;2", "histo_eff_data:TH2F") == [
        "The file has no object 'efficiency'.",
        "The file has no object 'histo_eff_data;2'.",
        "The object 'histo_eff_data' is of the class 'TH1D', not 'TH2F'.",
    ]


def test_root_file_that_was_never_closed_is_refused() -> None:
    assert root_problems((DATA / "bad_delphes.root").read_bytes()) == [
        "The file was never closed: it has no list of free places, which ROOT writes last."
    ]


def test_truncated_root_file_is_refused() -> None:
    content = (DATA / "testSF2d.histo.root").read_bytes()
    assert root_problems(content[:-1]) == ["The file is truncated: it has 7435 of 7436 bytes."]


def test_root_file_with_a_damaged_object_is_refused() -> None:
    content = bytearray((DATA / "testSF2d.histo.root").read_bytes())
    content[1000] ^= 1
    (reason,) = root_problems(bytes(content))
    assert reason.startswith("The record of the object 'scalefactors_Tight_Electron' cannot be ")


def test_what_is_no_root_file_is_refused() -> None:
    assert root_problems(b"PK" + b"\0" * 500) == ["The content is not a ROOT file."]


@pytest.mark.parametrize(
    "compression", [None, uproot.ZLIB(1), uproot.LZMA(1), uproot.LZ4(1), uproot.ZSTD(1)]
)
def test_every_compression_of_root_is_read(tmp_path: Path, compression: Any) -> None:
    content = written(tmp_path / "a.root", compression, a__b__long="x" * 10_000)
    assert root_problems(content, "a/b/long", "a:TDirectory") == []


@pytest.mark.parametrize("compression", [uproot.LZMA(1), uproot.LZ4(1), uproot.ZSTD(1)])
def test_damage_is_found_in_every_compression(tmp_path: Path, compression: Any) -> None:
    content = bytearray(written(tmp_path / "a.root", compression, long="x" * 10_000))
    kind = {"LZMA": b"XZ", "LZ4": b"L4", "ZSTD": b"ZS"}[compression.name]
    # Behind the name of the object: the UUID of the file, before it, can have these bytes, too.
    block = content.index(kind, content.index(b"long"))
    content[block + 17 : block + 25] = b"\xff" * 8
    (reason,) = root_problems(bytes(content))
    assert reason.startswith("The record of the object 'long' cannot be unpacked: ")


def test_empty_root_file_is_taken(tmp_path: Path) -> None:
    assert root_problems(written(tmp_path / "a.root")) == []


def test_objects_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "a.root", uproot.ZLIB(9), long="x" * (2 << 20))
    assert len(content) < 100_000
    assert root_problems(content, max_mb=1) == ["The objects are larger than 1 MiB."]
    assert root_problems(content, max_mb=3) == []


def test_block_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "a.root", uproot.ZLIB(9), long="x" * 10_000)
    block = content.index(b"ZL", content.index(b"long"))
    size = int.from_bytes(content[block + 3 : block + 6], "little")
    packed = content[block + 9 : block + 9 + size]
    bomb = zlib.compress(b"\0" * 20_000, 9)
    assert len(bomb) < len(packed)
    (reason,) = root_problems(content.replace(packed, bomb.ljust(size, b"\0")))
    assert reason.startswith("The record of the object 'long' cannot be unpacked: a block does")


@pytest.mark.parametrize("wanted", ["", "/", ":TH1D", "a;x", "a;", "a;٣"])
def test_object_that_is_not_written_as_one_is_refused(wanted: str) -> None:
    with pytest.raises(OptionsError, match=r"is not written as `name`"):
        RootFile("root-file", RootFileOptions((wanted,)))


def test_bound_that_would_refuse_everything_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"^max_mb is less than 1"):
        RootFile("root-file", RootFileOptions(max_mb=0))
