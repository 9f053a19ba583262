"""What is in the payload files of sPHENIX, and what is wrong with it."""

import io
import struct
from pathlib import Path

import pytest
import uproot

from cdb.plugin import Content, OptionsError, PayloadReference
from cdb_sphenix.validator import SphenixFile, SphenixFileOptions

DATA = Path(__file__).parents[3] / "tests" / "data" / "cms2017"
HISTOGRAMS = (DATA / "testSF2d.histo.root").read_bytes()
UNCLOSED = (DATA / "bad_delphes.root").read_bytes()

BILLION_LAUGHS = b"""<!DOCTYPE lolz [
<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
]><lolz>&lol2;</lolz>"""
FILE_OF_THE_SERVER = (
    b"""<!DOCTYPE gain [<!ENTITY e SYSTEM "file:///etc/passwd">]><gain>&e;</gain>"""
)
PARAMETER_ENTITY = b"""<!DOCTYPE gain [<!ENTITY % e SYSTEM "http://198.51.100.1/x">%e;]><gain/>"""
DTD_ELSEWHERE = b"""<!DOCTYPE gain SYSTEM "http://198.51.100.1/gain.dtd"><gain/>"""
ENTITIES = "The XML declares entities, or refers to something outside of it."


def problems(name: str, raw: bytes, **options: object) -> list[str]:
    """Return why a file is refused."""
    validator = SphenixFile("sphenix-file", SphenixFileOptions(**options))  # type: ignore[arg-type]
    payload = PayloadReference("CEMC_Gain", f"CEMC_Gain/aabb_{name}", "aabb")
    return list(validator.problems(payload, Content.of(raw)))


def with_list_of_objects(size: int) -> bytes:
    """Return a ROOT file that says that its list of objects has another size."""
    with uproot.open(io.BytesIO(HISTOGRAMS)) as file:
        place = file.file.fBEGIN + file.file.fNbytesName
    # After a version of 2 bytes, and two dates of 4 bytes each.
    return HISTOGRAMS[: place + 10] + struct.pack(">i", size) + HISTOGRAMS[place + 14 :]


# --- ROOT ---------------------------------------------------------------------


def test_root_file_with_histograms_is_taken() -> None:
    assert problems("a.root", HISTOGRAMS) == []


def test_root_file_that_was_never_closed_is_refused() -> None:
    assert problems("a.root", UNCLOSED) == ["The ROOT file was never closed."]


def test_root_file_that_is_cut_off_is_refused() -> None:
    size = len(HISTOGRAMS)
    assert problems("a.root", HISTOGRAMS[:-100]) == [
        f"The ROOT file is truncated: it has {size - 100} of {size} bytes."
    ]


def test_file_that_is_called_root_and_is_none_is_refused() -> None:
    assert problems("a.root", b"<gain/>") == ["The content is not a ROOT file."]


def test_root_file_without_objects_is_refused(tmp_path: Path) -> None:
    uproot.recreate(tmp_path / "a.root").close()
    assert problems("a.root", (tmp_path / "a.root").read_bytes()) == [
        "The ROOT file holds no objects."
    ]


@pytest.mark.parametrize("size", [2**31 - 1, -1])
def test_list_of_objects_is_not_read_if_it_cannot_be_one(size: int) -> None:
    assert problems("a.root", with_list_of_objects(size)) == [
        f"The list of objects of the ROOT file has {size} bytes."
    ]


def test_root_file_with_a_damaged_header_is_refused() -> None:
    [problem] = problems("a.root", HISTOGRAMS[:8] + b"\xff" * 60 + HISTOGRAMS[68:])
    assert problem.startswith("The ROOT file ")


def test_object_that_lies_outside_of_its_file_is_refused() -> None:
    with uproot.open(io.BytesIO(HISTOGRAMS)) as file:
        name, place = file.keys()[0], file.fSeekKeys
    # The first 4 bytes of a key, behind the list's own and the number of keys, are its size.
    list_key = struct.unpack(">h", HISTOGRAMS[place + 14 : place + 16])[0]
    first = place + list_key + 4
    damaged = HISTOGRAMS[:first] + struct.pack(">i", 2**30) + HISTOGRAMS[first + 4 :]
    assert problems("a.root", damaged) == [f"The object {name!r} is cut off."]


# --- XML ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"<gain/>",
        b"<?xml version='1.0' encoding='UTF-8'?>\n<gain>&lt;\xc2\xb5</gain>\n",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><gain>\xb5</gain>",
        b"<!DOCTYPE gain [<!ELEMENT gain ANY>]><gain/>",
        b"<a>" * 10_000 + b"</a>" * 10_000,
    ],
)
def test_well_formed_xml_is_taken(raw: bytes) -> None:
    assert problems("a.xml", raw) == []


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "The XML is not well-formed: no element found in line 1."),
        (b"<a>\n<b></a>", "The XML is not well-formed: mismatched tag in line 2."),
        (b"<a/><b/>", "The XML is not well-formed: junk after document element in line 1."),
        (b"<a>\xff</a>", "The XML is not well-formed: not well-formed (invalid token) in line 1."),
        (b"<a>&b;</a>", "The XML is not well-formed: undefined entity in line 1."),
        (BILLION_LAUGHS, ENTITIES),
        (FILE_OF_THE_SERVER, ENTITIES),
        (PARAMETER_ENTITY, ENTITIES),
        (DTD_ELSEWHERE, ENTITIES),
    ],
    ids=["empty", "tags", "two", "bytes", "entity", "laughs", "file", "parameter", "dtd"],
)
def test_other_xml_is_refused(raw: bytes, problem: str) -> None:
    assert problems("a.xml", raw) == [problem]


def test_xml_in_an_encoding_that_nobody_knows_is_refused() -> None:
    [problem] = problems("a.xml", b"<?xml version='1.0' encoding='no-such'?><a/>")
    assert problem == "The XML cannot be read: unknown encoding: no-such."


# --- text and data ------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"1 2 3\n", "µ".encode(), b"x" * (2**20 - 1) + "µ".encode()])
def test_text_in_utf_8_is_taken(raw: bytes) -> None:
    assert problems("a.txt", raw) == []


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "The file is empty."),
        (b" \n\t\n", "The file is empty."),
        (b"\xb5", "The file is no UTF-8: invalid start byte."),
        (b"gain \xc2", "The file is no UTF-8: unexpected end of data."),
        (b"1 2\0\0\0", "The file is no text: it has bytes of zero."),
    ],
)
def test_other_text_is_refused(raw: bytes, problem: str) -> None:
    assert problems("a.txt", raw) == [problem]


def test_data_may_be_anything_but_nothing() -> None:
    assert problems("a.dat", b"\xff\0") == []
    assert problems("a.dat", b"") == ["The file is empty."]


# --- names and options --------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a", "root", "a.root.gz"])
def test_other_extensions_are_refused(name: str) -> None:
    [problem] = problems(name, HISTOGRAMS)
    assert problem.endswith("has none of the extensions .dat, .root, .txt, .xml.")


def test_payload_type_can_take_fewer_extensions() -> None:
    assert problems("a.txt", b"1", extensions=(".root", ".xml")) == [
        "The file name 'aabb_a.txt' has none of the extensions .root, .xml."
    ]


@pytest.mark.parametrize("extensions", [(), (".csv",), ("root",), (".root", ".ROOT")])
def test_extensions_that_nobody_can_check_are_refused(extensions: tuple[str, ...]) -> None:
    with pytest.raises(OptionsError, match="extensions: "):
        problems("a.root", HISTOGRAMS, extensions=extensions)
