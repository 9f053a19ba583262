"""What the validator of jet-energy corrections says about damaged files."""

import gzip
from importlib.resources import files

import pytest

from cdb.plugin import Content, OptionsError, PayloadReference
from cdb_cms.jec import JetCorrections, JetCorrectionsOptions

DATA = files("cdb.demo").joinpath("data", "cms2017")
PUPPI = DATA.joinpath("Fall17_17Nov2017_V32_MC_L2Relative_AK4PFPuppi.jec.txt").read_text()
UNCERTAINTY = DATA.joinpath("Fall17_17Nov2017_V32_MC_Uncertainty_AK4PFPuppi.junc.txt").read_text()
FLAVOUR = DATA.joinpath("Winter14_V8_MC_L5Flavor_AK5Calo.txt").read_text()

HEADER = "{1 JetEta 1 JetPt [0]+[1]*log10(x) Correction L2Relative}\n"
ROWS = "-1 0 4 8 1500 1.1 -0.1\n0 1 4 8 1500 1.2 -0.2\n"


def problems(
    text: str | bytes, name: str = "a.txt", options: JetCorrectionsOptions | None = None
) -> list[str]:
    validator = JetCorrections("cms-jec", options or JetCorrectionsOptions())
    raw = text.encode() if isinstance(text, str) else text
    return list(validator.problems(PayloadReference("JEC", name, ""), Content.of(raw)))


def test_small_table_is_taken() -> None:
    assert problems(HEADER + ROWS) == []


def test_packed_file_is_unpacked() -> None:
    assert problems(gzip.compress(PUPPI.encode()), "a.txt.gz") == []


def test_windows_line_ends_are_line_ends() -> None:
    assert problems(PUPPI.replace("\n", "\r\n")) == []


def test_real_file_with_a_missing_value_is_refused() -> None:
    lines = PUPPI.splitlines()
    lines[1000] = lines[1000].rsplit(maxsplit=1)[0]
    assert problems("\n".join(lines)) == [
        "Line 1001: Column 5 says that 7 values follow, and there are 6."
    ]


def test_real_file_with_two_swapped_rows_is_refused() -> None:
    lines = PUPPI.splitlines()
    lines[1], lines[2] = lines[2], lines[1]
    [problem] = problems("\n".join(lines))
    assert problem == (
        "Line 3: The range from 0.001 to 8.95328 overlaps or precedes the one from 8.95328 to "
        "10.4135 in line 2."
    )


def test_real_file_that_was_cut_off_is_refused() -> None:
    assert len(problems(PUPPI[:-60])) == 1


def test_real_uncertainty_that_was_cut_off_is_refused() -> None:
    [line, *_] = UNCERTAINTY.splitlines()[1:]
    short = " ".join(["-5.4 -5.0 149", *line.split()[3:-1]])
    assert problems(UNCERTAINTY.replace(line, short)) == [
        "Line 2: 149 values are not triples of point, up and down."
    ]


def test_points_of_an_uncertainty_ascend() -> None:
    header = '{1 JetEta 1 JetPt "" Correction Uncertainty}\n'
    assert problems(f"{header}-1 1 6 9 .1 .1 8 .1 .1\n") == [
        "Line 2: The points of the uncertainty do not ascend."
    ]


def test_table_without_rows_in_a_file_of_several_is_named() -> None:
    assert problems(FLAVOUR.split("\n[bJ]")[0] + "\n[bJ]\n[cJ]\n" + HEADER) == [
        "Table 'bJ' has no header in braces.",
        "Table 'cJ' has no rows.",
    ]


def test_two_tables_of_one_name_are_refused() -> None:
    table = f"[aJ]\n{HEADER}{ROWS}"
    assert problems(table + table) == ["Line 5: There are two tables 'aJ'."]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("{}", "'' is not a number of columns"),
        ("{x JetEta}", "'x' is not a number of columns"),
        ("{1 JetEta 2 JetPt}", "The header is not {bins … variables … formula kind level}"),
        ("{1 JetEta 0 None}", "The header is not {bins … variables … formula kind level}"),
        ("{1 JetEta 0 None ScaleFactor", "The header is not {bins … variables … formula kind"),
        ("{0 1 JetPt [0]*x Correction L1}", "The header names no variable that is binned in"),
        ("{9999999999 JetEta}", "'9999999999' is not a number of columns"),
    ],
)
def test_header_that_cannot_be_read_is_the_only_reason(header: str, reason: str) -> None:
    [found] = problems(f"{header}\n-1 1 1 1\nno row\n")
    assert found.startswith(f"Line 1: {reason}")


def test_rows_before_the_header_are_refused() -> None:
    assert problems(f"# a comment\n{ROWS}{HEADER}") == [
        "Line 2: The header in braces has to come before the rows.",
    ]


def test_second_header_is_refused() -> None:
    assert problems(HEADER + ROWS + HEADER) == ["Line 4: The table has a header already."]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1 2", "There are 2 columns, and the bin alone has 2."),
        ("1 2 5 8 1500 1 1", "Column 3 says that 5 values follow, and there are 4."),
        ("1 2 3 8 1500 1", "There are 3 values, and 4 are needed."),
        ("1 2 4 8 1500 1 nan", "'nan' is not a finite number."),
        ("1 2 4 8 1500 1 1_0", "'1_0' is not a finite number."),
        ("1 x 4 8 1500 1 1", "'x' is not a finite number."),
        ("2 1 4 8 1500 1 1", "The range from 2 to 1 is empty."),
        ("1 2 4 1500 8 1 1", "The range from 1500 to 8 is empty."),
        ("0 1 4 8 1500 1 1", "The bin is the one of line 3."),
        (
            "0.5 2 4 8 1500 1 1",
            "The range from 0.5 to 2 overlaps or precedes the one from 0 to 1 in line 3.",
        ),
    ],
)
def test_wrong_row_is_named(row: str, reason: str) -> None:
    assert problems(f"{HEADER}{ROWS}{row}\n") == [f"Line 4: {reason}"]


def test_a_gap_between_bins_is_no_problem() -> None:
    assert problems(f"{HEADER}{ROWS}1.5 2 4 8 1500 1 1\n") == []


def test_level_of_the_type_is_asked_for() -> None:
    options = JetCorrectionsOptions(level="L3Absolute")
    assert problems(HEADER + ROWS, options=options) == [
        "Line 1: The header is for 'L2Relative', not 'L3Absolute'."
    ]


def test_twenty_reasons_are_enough() -> None:
    assert len(problems(HEADER + "x\n" * 1000)) == 20


def test_text_that_unpacks_to_too_much_is_refused() -> None:
    bomb = gzip.compress(b"#" * (1 << 21))
    options = JetCorrectionsOptions(max_mb=1)
    assert problems(bomb, "a.txt.gz", options) == ["The text is larger than 1 MiB."]


def test_what_is_no_text_is_refused() -> None:
    assert problems(b"\xff") == ["The content is not UTF-8: invalid start byte at byte 0."]


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"^max_mb is less than 1"):
        JetCorrections("cms-jec", JetCorrectionsOptions(max_mb=0))
