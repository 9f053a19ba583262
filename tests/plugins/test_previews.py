"""How texts and JSON files are shown."""

import gzip

import pytest

from cdb.builtin.previews import JsonPreview, JsonPreviewOptions, TextPreview, TextPreviewOptions
from cdb.plugin import Content, OptionsError, PayloadReference, Preview

TEXT = TextPreview("text", TextPreviewOptions(max_kb=1))
JSON = JsonPreview("json", JsonPreviewOptions(max_kb=1))


def payload(name: str) -> PayloadReference:
    return PayloadReference("BeamSpot", f"BeamSpot/{name}", "")


def show(preview: TextPreview | JsonPreview, content: bytes) -> Preview:
    return preview.preview(payload("a.json"), Content.of(content))


def test_long_text_is_cut_between_two_characters() -> None:
    shown = show(TEXT, b"x" + "ö".encode() * 1000)
    assert shown == Preview("text", "x" + "ö" * 511, is_truncated=True)


def test_text_that_just_fits_is_whole() -> None:
    assert show(TEXT, b"x" * 1024) == Preview("text", "x" * 1024, is_truncated=False)


@pytest.mark.parametrize("content", [b"\0", b"root\0\0", b"\x1b[31m", b"\xff", b"\xc3"])
def test_binary_content_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"control characters|can't decode"):
        show(TEXT, content)


def test_suffixes_of_texts_can_be_chosen() -> None:
    preview = TextPreview("text", TextPreviewOptions(suffixes=(".lua",)))
    assert preview.accepts(payload("a.LUA"))
    assert not preview.accepts(payload("a.txt"))


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        (
            "a.csv",
            b'run,"what, so"\n1,x\n2,"y z"\n',
            (("run", "what, so"), ("1", "x"), ("2", "y z")),
        ),
        ("a.csv", b"1;2\n3;4\n", (("1", "2"), ("1", "2"), ("3", "4"))),
        ("a.tsv", b"a\tb c\n1\t\n", (("a", "b c"), ("1", ""))),
        (
            "a.txt",
            b"# run gain\n1 0.5\n\n2 -1e3\n",
            (("run", "gain"), ("1", "0.5"), ("2", "-1e3")),
        ),
        ("a.dat", b"run  gain\n1 .5\n2 nan\n", (("run", "gain"), ("1", ".5"), ("2", "nan"))),
        ("A.TXT.GZ", gzip.compress(b"1 2\n3 4\n", mtime=0), (("1", "2"), ("1", "2"), ("3", "4"))),
    ],
)
def test_a_table_is_shown_as_one(name: str, content: bytes, rows: tuple[tuple[str, ...]]) -> None:
    assert TEXT.accepts(payload(name))
    shown = TEXT.preview(payload(name), Content.of(content))
    assert (shown.kind, shown.content) == ("table", rows)


def test_what_stands_before_a_table_is_said_of_it() -> None:
    content = b"# of 2017\n{1 JetEta 0 None ScaleFactor}\n-5.1 3\n 5.1 4\n"
    shown = TEXT.preview(payload("a.txt"), Content.of(content))
    assert shown.description == "# of 2017 {1 JetEta 0 None ScaleFactor}"
    assert shown.content == (("1", "2"), ("-5.1", "3"), ("5.1", "4"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "Fit of run 7.\nIt went well.\n"),
        ("a.txt", "one two\nthree four\n"),
        ("a.txt", "1 2\n3 4 5\n"),
        ("a.txt", "1\n2\n"),
        ("a.txt", "1 2\n"),
        ("a.yaml", "a: 1\nb: 2\n"),
        ("a.csv", 'a,b\n"' + "1" * 200_000),
        ("a.csv", ""),
    ],
)
def test_a_text_that_is_no_table_is_shown_as_it_is(name: str, content: str) -> None:
    preview = TextPreview("text", TextPreviewOptions(max_kb=256))
    shown = preview.preview(payload(name), Content.of(content.encode()))
    assert shown == Preview("text", content)


def test_a_table_is_cut_between_rows_and_columns() -> None:
    shown = TEXT.preview(payload("a.txt"), Content.of(b"12345 6789\n" * 100))
    assert shown.is_truncated
    assert {*shown.content[1:]} == {("12345", "6789")}
    small = TextPreview("text", TextPreviewOptions(max_rows=1, max_columns=2))
    shown = small.preview(payload("a.txt"), Content.of(b"1 2 3\n4 5 6\n"))
    assert shown == Preview("table", (("1", "2"), ("1", "2")), is_truncated=True)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"1 2\n", mtime=0)[:-9]])
def test_what_cannot_be_unpacked_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The content cannot be unpacked"):
        TEXT.preview(payload("a.txt.gz"), Content.of(content))


def test_a_small_file_that_unpacks_to_a_large_one_is_shown_in_part() -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    shown = TEXT.preview(payload("a.txt.gz"), Content.of(packed))
    assert shown == Preview("text", "x" * 1024, is_truncated=True)


def test_suffixes_of_json_can_be_chosen() -> None:
    preview = JsonPreview("json", JsonPreviewOptions(suffixes=("_JSON.txt",)))
    assert preview.accepts(payload("Cert_json.TXT"))
    assert not preview.accepts(payload("a.json"))


@pytest.mark.parametrize("number", ["1e999", "-0", "0.10", "2.5E3", "1" * 500])
def test_a_number_of_json_is_shown_as_it_is_written(number: str) -> None:
    assert show(JSON, number.encode()).content == number


def test_json_that_fits_stays_on_a_line() -> None:
    assert (
        show(JSON, b'{"a": [1, {"b": null}], "c": []}').content
        == '{"a": [1, {"b": null}], "c": []}'
    )


def test_json_is_indented_and_keeps_its_letters_and_its_order() -> None:
    long = "x" * 98
    shown = show(JSON, f'{{"ö":1,"a":["{long}",[],2]}}'.encode())
    assert shown.content == f'{{\n  "ö": 1,\n  "a": [\n    "{long}",\n    [],\n    2\n  ]\n}}'


def test_json_that_is_too_large_is_shown_as_it_is() -> None:
    shown = show(JSON, b"[" + b"1," * 1000 + b"1]")
    assert shown == Preview("text", ("[" + "1," * 512)[:1024], is_truncated=True)


def test_json_whose_indentation_is_too_large_is_cut() -> None:
    shown = show(JSON, b"[" * 300 + b"]" * 300)
    assert shown.is_truncated
    assert len(shown.content) == 1024


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[NaN]", b"-Infinity"])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        show(JSON, content)


def test_json_that_is_too_deep_is_refused() -> None:
    preview = JsonPreview("json", JsonPreviewOptions())
    with pytest.raises(ValueError, match=r"^The document is too deeply nested\.$"):
        show(preview, b"[" * 30_000 + b"]" * 30_000)


@pytest.mark.parametrize("options", [{"max_rows": 0}, {"max_columns": 0}])
def test_preview_of_a_table_without_rows_or_columns_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(OptionsError, match=r"^max_rows or max_columns is less than 1"):
        TextPreview("text", TextPreviewOptions(**options))


@pytest.mark.parametrize("make", [TextPreview, JsonPreview])
def test_preview_of_nothing_is_refused(make: type[TextPreview | JsonPreview]) -> None:
    with pytest.raises(OptionsError, match=r"^max_kb is less than 1"):
        make("preview", make.Options(max_kb=0))


def test_a_long_cell_of_digits_is_looked_at_once() -> None:
    # From each digit anew it would take minutes.
    preview = TextPreview("text", TextPreviewOptions())
    cell = b"1" * 120_000 + b"x"
    shown = preview.preview(payload("a.csv"), Content.of(cell + b",2\n3,4\n"))
    assert shown.kind in {"table", "text"}
