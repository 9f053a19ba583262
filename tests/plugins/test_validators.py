"""What the built-in validators take, and what they say to the rest."""

import gzip
import hashlib
import json
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cdb.builtin.json_schema import JsonSchema, JsonSchemaOptions
from cdb.builtin.text_table import TextTable, TextTableOptions
from cdb.builtin.validators import Checksum, ChecksumOptions, NamePattern, NamePatternOptions
from cdb.plugin import Content, IncompleteOptions, OptionsError, PayloadReference, PayloadValidator

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "cms2017"
TABLES = ROOT / "cdb" / "demo" / "data" / "cms2017"


def problems(
    validator: PayloadValidator, content: bytes, name: str = "a", **more: str
) -> list[str]:
    payload = PayloadReference("Type", f"Type/{name}", **{"checksum": "", **more})
    return list(validator.problems(payload, Content.of(content)))


# --- names ------------------------------------------------------------------


def name_problems(pattern: str, name: str) -> list[str]:
    return problems(NamePattern("name-pattern", NamePatternOptions(pattern)), b"", name)


@pytest.mark.parametrize("name", ["BeamSpot_1.root", "BeamSpot_.root"])
def test_name_of_the_pattern_is_taken(name: str) -> None:
    assert name_problems("BeamSpot_*.root", name) == []


@pytest.mark.parametrize("name", ["beamspot_1.root", "BeamSpot_1.root.bak", "BeamSpot_1xroot"])
def test_name_of_another_pattern_is_refused(name: str) -> None:
    expected = f"The file name {name!r} does not match 'BeamSpot_*.root'."
    assert name_problems("BeamSpot_*.root", name) == [expected]


def test_pattern_with_many_stars_is_decided_in_bounded_time() -> None:
    assert name_problems("*a" * 50 + "b", "a" * 255) != []


def test_name_that_is_too_long_is_refused() -> None:
    assert name_problems("*", "x" * 256) == ["The file name has 256 characters; 255 are allowed."]


# --- checksums --------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "checksum"),
    [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("adler32", "024d0127"),
        ("crc32", "352441c2"),
    ],
)
def test_checksum_of_the_content_is_taken(algorithm: Any, checksum: str) -> None:
    validator = Checksum("checksum", ChecksumOptions(algorithm, verify=True))
    assert problems(validator, b"abc", checksum=checksum) == []
    assert problems(validator, b"abd", checksum=checksum) != []


def test_checksum_of_another_content_is_refused_with_both() -> None:
    validator = Checksum("checksum", ChecksumOptions("crc32", verify=True))
    assert problems(validator, b"abc", checksum="00000000") == [
        "The crc32 of the content is 352441c2, not 00000000."
    ]


@pytest.mark.parametrize("checksum", ["", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 31 + "\n"])
def test_checksum_of_another_form_is_refused(checksum: str) -> None:
    assert problems(Checksum("checksum", ChecksumOptions()), b"", checksum=checksum) == [
        "The checksum is not of the form of md5: 32 hexadecimal digits in lower case."
    ]


def test_content_of_several_blocks_is_read_to_its_end() -> None:
    content = b"x" * (3 << 20) + b"y"
    validator = Checksum("checksum", ChecksumOptions("adler32", verify=True))
    assert problems(validator, content, checksum=f"{zlib.adler32(content):08x}") == []


def test_content_is_read_only_where_it_is_verified() -> None:
    assert not Checksum("checksum", ChecksumOptions()).reads_content
    assert Checksum("checksum", ChecksumOptions(verify=True)).reads_content


# --- JSON -------------------------------------------------------------------


def json_problems(schema: dict[str, Any], document: Any) -> list[str]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return problems(JsonSchema("json-schema", JsonSchemaOptions(schema)), content)


def test_reason_says_where_it_is() -> None:
    schema = {"properties": {"gains": {"items": {"type": "number"}}}}
    assert json_problems(schema, {"gains": [1, "x"]}) == [
        "At $.gains[1]: 'x' is not of type 'number'"
    ]


def test_reasons_are_at_most_20() -> None:
    assert len(json_problems({"items": {"type": "number"}}, ["x"] * 1000)) == 20


def test_reason_is_not_longer_than_a_few_lines() -> None:
    (reason,) = json_problems({"type": "number"}, "x" * 100_000)
    assert len(reason) == 301
    assert reason.endswith("…")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b"{} {}", "Extra data"),
        (b"NaN", "NaN is not a number of JSON"),
        (b"1e999", "1e999 is too large a number"),
        (b'"\xff"', "can't decode byte 0xff"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM"),
    ],
)
def test_what_is_no_json_is_refused(content: bytes, reason: str) -> None:
    (found,) = json_problems({}, content)
    assert found.startswith("The content is not JSON in UTF-8: ")
    assert reason in found


def test_content_that_is_too_deep_is_refused() -> None:
    assert json_problems({}, b"[" * 100_000) == [
        "The content, or the schema, is too deeply nested."
    ]


def test_content_that_is_too_large_is_refused() -> None:
    assert json_problems({}, b" " * ((1 << 20) + 1)) == ["The content is larger than 1 MiB."]


def test_number_that_is_too_large_for_a_schema_is_refused() -> None:
    assert json_problems({"multipleOf": 0.5}, 10**400) == [
        "The content has a number that is too large for the schema."
    ]


def test_reason_with_half_a_surrogate_pair_can_be_sent() -> None:
    (reason,) = json_problems({"additionalProperties": {"type": "null"}}, b'{"\\ud800": 1}')
    assert r"\ud800" in reason
    assert reason.encode().decode() == reason


def test_schema_that_multiplies_itself_is_stopped() -> None:
    names = [f"s{number}" for number in range(40)]
    twice = {
        name: {"allOf": [{"$ref": f"#/$defs/{following}"}] * 2}
        for name, following in pairwise(names)
    }
    schema = {"$ref": "#/$defs/s0", "$defs": {**twice, names[-1]: {}}}
    assert json_problems(schema, {}) == ["The check takes too many steps."]


def test_schema_that_refers_to_itself_for_ever_is_stopped() -> None:
    assert json_problems({"$ref": "#"}, {}) == [
        "The content, or the schema, is too deeply nested."
    ]


def test_reference_to_a_missing_part_is_a_reason() -> None:
    assert json_problems({"$ref": "#/$defs/missing"}, {}) == [
        "The schema refers to '/$defs/missing', which it does not have."
    ]


@pytest.mark.parametrize("key", ["$ref", "$dynamicRef"])
def test_schema_that_refers_to_another_place_is_refused(key: str) -> None:
    schema = {"properties": {"x": {key: "https://example.org/schema.json"}}}
    with pytest.raises(OptionsError, match=r"only its own parts are read"):
        JsonSchema("json-schema", JsonSchemaOptions(schema))


@pytest.mark.parametrize("schema", [{"pattern": "(a+)+$"}, {"items": {"patternProperties": {}}}])
def test_schema_of_a_payload_type_has_no_regular_expressions(schema: dict[str, Any]) -> None:
    with pytest.raises(OptionsError, match=r"that is only read from schema_file"):
        JsonSchema("json-schema", JsonSchemaOptions(schema))


@pytest.mark.parametrize("schema", [{"type": "text"}, {"required": 3}, {"multipleOf": 0}])
def test_schema_that_is_none_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(OptionsError, match=r"^The schema is not valid: At \$\."):
        JsonSchema("json-schema", JsonSchemaOptions(schema))


def test_schema_comes_from_one_place(tmp_path: Path) -> None:
    with pytest.raises(IncompleteOptions, match=r"^One of schema and schema_file is needed"):
        JsonSchema("json-schema", JsonSchemaOptions())
    with pytest.raises(OptionsError, match=r"^Only one of schema and schema_file"):
        JsonSchema("json-schema", JsonSchemaOptions({}, tmp_path / "schema.json"))


def test_schema_from_a_file_has_regular_expressions(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"pattern": "^[A-Z]+$"}')
    validator = JsonSchema("json-schema", JsonSchemaOptions(schema_file=file))
    assert problems(validator, b'"ECAL"') == []
    assert problems(validator, b'"ecal"') == ["At $: 'ecal' does not match '^[A-Z]+$'"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", r"^The schema cannot be read from "),
        ('{"pattern": "("}', r"'\(' is not a 'regex'"),
        ("3", r"^The schema is not valid: "),
    ],
)
def test_schema_file_that_is_none_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "schema.json"
    file.write_text(text)
    with pytest.raises(OptionsError, match=reason):
        JsonSchema("json-schema", JsonSchemaOptions(schema_file=file))


def test_schema_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match=r"^The schema cannot be read from "):
        JsonSchema("json-schema", JsonSchemaOptions(schema_file=tmp_path / "missing.json"))


# --- tables -----------------------------------------------------------------


def table_problems(content: bytes, name: str = "a.txt", **options: Any) -> list[str]:
    return problems(TextTable("text-table", TextTableOptions(**options)), content, name)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("Fall17_17Nov2017_V32_MC_L2Relative_AK4PFPuppi.jec.txt", 12),
        ("Fall17_17Nov2017_V32_MC_Uncertainty_AK4PFPuppi.junc.txt", 153),
        ("Fall17_V2_MC_SF_AK8PFPuppi.jersf.txt", 6),
        ("Fall17_17Nov2017B_V32_DATA_L2Relative_AK4Calo.txt.gz", 13),
    ],
)
def test_corrections_of_cms_are_tables(name: str, columns: int) -> None:
    content = (TABLES / name).read_bytes()
    assert table_problems(content, name, header="free", columns=columns, numeric=True) == []
    assert table_problems(content, name, header="free", columns=columns + 1) != []


def test_correction_in_sections_is_no_single_table() -> None:
    content = (TABLES / "Winter14_V8_MC_L5Flavor_AK5Calo.txt").read_bytes()
    assert table_problems(content)[0] == "Line 14 has 7 columns instead of 1."


def test_row_of_another_width_is_named_by_its_line() -> None:
    assert table_problems(b"# eta  factor\n1 2\n\n3\n4 5 6\n") == [
        "Line 4 has 1 columns instead of 2.",
        "Line 5 has 3 columns instead of 2.",
    ]


def test_header_names_every_column() -> None:
    assert table_problems(b"eta,factor\n1,2\n", header="names", delimiter=",", numeric=True) == []
    assert table_problems(b"eta\n1,2\n", header="names", delimiter=",") == [
        "Line 2 has 2 columns instead of 1."
    ]
    assert table_problems(b"eta\n1\n", header="names", columns=2) == [
        "Line 1 has 1 columns instead of 2.",
        "Line 2 has 1 columns instead of 2.",
    ]


@pytest.mark.parametrize("cell", ["x", "nan", "inf", "1e999", "1_000", "٣", "0x10", "1,5"])
def test_cell_that_is_no_number_is_named_by_its_place(cell: str) -> None:
    assert table_problems(f"1 2\n3 {cell}\n".encode(), numeric=True) == [
        f"Line 2, column 2: {cell!r} is not a finite number."
    ]


@pytest.mark.parametrize("cell", ["1", "-1", "+1.5", ".5", "1.", "2e-3", "0"])
def test_cell_that_is_a_number_is_taken(cell: str) -> None:
    assert table_problems(cell.encode(), numeric=True) == []


def test_reasons_of_a_table_are_at_most_20() -> None:
    assert len(table_problems(b"x\n" * 1000, numeric=True)) == 20


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only a comment\n"])
def test_table_without_rows_is_refused(content: bytes) -> None:
    assert table_problems(content) == ["The table has no rows."]


def test_lines_can_end_as_on_windows() -> None:
    assert table_problems(b"1\t2\r\n3\t4\r\n", delimiter="tab", columns=2, numeric=True) == []


def test_empty_cells_count_where_there_is_a_delimiter() -> None:
    assert table_problems(b"1,2\n3,\n", delimiter=",") == []


def test_table_that_is_not_utf8_is_refused() -> None:
    assert table_problems(b"1 \xff\n") == [
        "The content is not UTF-8: invalid start byte at byte 2."
    ]


def test_packed_table_is_read_to_a_bound() -> None:
    content = gzip.compress(b"1\n" * (1 << 20))
    assert table_problems(content, "a.gz", max_mb=2) == []
    assert table_problems(content, "a.gz", max_mb=1) == ["The text is larger than 1 MiB."]


@pytest.mark.parametrize(
    "content", [b"1 2\n", b"\x1f\x8b", gzip.compress(b"1 2\n" * 100, mtime=0)[:-12]]
)
def test_table_that_cannot_be_unpacked_is_refused(content: bytes) -> None:
    (reason,) = table_problems(content, "a.gz")
    assert reason.startswith("The content cannot be unpacked: ")


# --- options ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("validator", "options"),
    [
        (NamePattern, NamePatternOptions("")),
        (NamePattern, NamePatternOptions("*", 0)),
        (JsonSchema, JsonSchemaOptions({}, max_mb=0)),
        (TextTable, TextTableOptions(columns=0)),
        (TextTable, TextTableOptions(delimiter=", ")),
        (TextTable, TextTableOptions(max_mb=0)),
    ],
)
def test_options_that_would_refuse_everything_are_refused(validator: Any, options: Any) -> None:
    with pytest.raises(OptionsError):
        validator("validator", options)


def test_sha256_is_the_one_of_hashlib() -> None:
    content = (DATA / "testSF2d.histo.root").read_bytes()
    validator = Checksum("checksum", ChecksumOptions("sha256", verify=True))
    assert problems(validator, content, checksum=hashlib.sha256(content).hexdigest()) == []
