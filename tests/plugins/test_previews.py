"""How texts and JSON files are shown."""

import pytest

from cdb.builtin.previews import JsonPreview, PreviewOptions, TextPreview, TextPreviewOptions
from cdb.plugin import Content, OptionsError, PayloadReference, Preview

TEXT = TextPreview("text", TextPreviewOptions(max_kb=1))
JSON = JsonPreview("json", PreviewOptions(max_kb=1))


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


def test_json_is_indented_and_keeps_its_letters_and_its_order() -> None:
    assert show(JSON, '{"ö":1,"a":[]}'.encode()).content == '{\n  "ö": 1,\n  "a": []\n}'


def test_json_that_is_too_large_is_shown_as_it_is() -> None:
    shown = show(JSON, b"[" + b"1," * 1000 + b"1]")
    assert shown == Preview("text", ("[" + "1," * 512)[:1024], is_truncated=True)


def test_json_whose_indentation_is_too_large_is_cut() -> None:
    shown = show(JSON, b"[" * 100 + b"]" * 100)
    assert shown.is_truncated
    assert len(shown.content) == 1024


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"1e999", b"NaN"])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        show(JSON, content)


def test_json_that_is_too_deep_is_refused() -> None:
    preview = JsonPreview("json", PreviewOptions())
    with pytest.raises(ValueError, match=r"^The document is too deeply nested\.$"):
        show(preview, b"[" * 30_000 + b"]" * 30_000)


@pytest.mark.parametrize("make", [TextPreview, JsonPreview])
def test_preview_of_nothing_is_refused(make: type[TextPreview | JsonPreview]) -> None:
    with pytest.raises(OptionsError, match=r"^max_kb is less than 1"):
        make("preview", make.Options(max_kb=0))
