"""How ROOT files are shown: by name, and what can be drawn of them."""

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import uproot
from uproot.writing.identify import to_TAxis, to_TProfile, to_TProfile2D

from cdb.builtin.root_preview import RootPreview
from cdb.plugin import Content, OptionsError, PayloadReference, Preview
from cdb.plugin.plots import CannotBeDrawn, heatmap, histogram, points
from cdb.plugin.root import (
    Column,
    Damaged,
    Entry,
    Graph,
    Histogram,
    Histogram2D,
    Member,
    Records,
    RootFilePreview,
    RootPreviewOptions,
    Words,
    columns_of,
    members_of,
    opened,
    read_object,
    table_of,
)

DATA = Path(__file__).parents[1] / "data" / "cms2017"
PAYLOAD = PayloadReference("Type", "Type/a.root", "")
SVG = "{http://www.w3.org/2000/svg}"


def show(content: bytes, **options: Any) -> Preview:
    return RootPreview("root", RootPreviewOptions(**options)).preview(PAYLOAD, Content.of(content))


def written(path: Path, compression: Any = None, **objects: Any) -> bytes:
    with uproot.recreate(path, compression=compression) as file:
        for name, value in objects.items():
            file[name.replace("__", "/")] = value
    return path.read_bytes()


def read(content: bytes) -> dict[str, Any]:
    """Return the objects of a file by their names."""
    with opened(BytesIO(content), len(content), 2**24) as records:
        return {
            entry.path: read_object(entry.class_name, records.content(entry))
            for entry in records.entries()
        }


def texts(svg: object) -> list[str | None]:
    """Return what is written in a picture."""
    return [each.text for each in _tree(svg).iter(f"{SVG}text")]


def _tree(svg: object) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg))  # noqa: S314 - of the code under test


# --- what objects are ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["SFttbar_2016_ele_pt.root", "testSF2d.histo.root"])
def test_histograms_of_cms_are_read_as_uproot_reads_them(name: str) -> None:
    ((path, found),) = read((DATA / name).read_bytes()).items()
    with uproot.open(DATA / name) as file:
        known = file[path]
        # uproot has the axis x first.
        assert np.array_equal(found.values, known.values().T)
        assert np.array_equal(found.x.edges, known.axes[0].edges())
        assert found.x.title == known.axes[0].member("fTitle")
        assert found.entries == known.member("fEntries")
        if isinstance(found, Histogram):
            assert found.errors is not None
            assert np.allclose(found.errors, known.errors())


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "f4", "f8"])
def test_each_kind_of_bin_is_read(tmp_path: Path, dtype: str) -> None:
    edges = np.array([0.0, 1.0, 10.0])
    one, two = np.array([1, 2], dtype), np.array([[1, 2, 3], [4, 5, 6]], dtype)
    content = written(
        tmp_path / "a.root", a=(one, edges), b=(two, edges, np.array([0.0, 1.0, 2.0, 3.0]))
    )
    found = read(content)
    assert found["a"].values.tolist() == [1, 2]
    assert found["a"].x.edges.tolist() == [0, 1, 10]
    assert found["b"].values.tolist() == [[1, 4], [2, 5], [3, 6]]


def test_a_profile_has_the_means_of_its_bins(tmp_path: Path) -> None:
    axis = to_TAxis("x", "", 2, 0.0, 2.0)
    sums, counts = np.array([0.0, 6.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0, 0.0])
    rest = (2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    squares = np.array([0.0, 20.0, 0.0, 0.0])
    made = to_TProfile("p", "", sums, *rest, squares, counts, counts, axis)
    found = read(written(tmp_path / "a.root", p=made))["p"]
    assert isinstance(found, Histogram)
    assert found.values[0] == 3
    assert found.errors is not None
    assert found.errors[0] == pytest.approx(1 / np.sqrt(2))
    assert np.isnan(found.values[1])


def test_a_profile_of_two_dimensions_has_the_means_of_its_bins(tmp_path: Path) -> None:
    axis = to_TAxis("x", "", 1, 0.0, 1.0)
    sums, counts = np.zeros(9), np.zeros(9)
    sums[4], counts[4] = 6.0, 2.0
    rest = (2.0, *[0.0] * 9)
    made = to_TProfile2D("p", "", sums, *rest[:10], sums, counts, counts, axis, axis)
    found = read(written(tmp_path / "a.root", p=made))["p"]
    assert isinstance(found, Histogram2D)
    assert found.values.tolist() == [[3.0]]


def test_graphs_are_read_with_their_errors(tmp_path: Path) -> None:
    made = uproot.as_TGraph({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    content = written(tmp_path / "a.root", g=made)
    with opened(BytesIO(content), len(content), 2**24) as records:
        (entry,) = records.entries()
        record = records.content(entry)
    plain = read_object("TGraph", record)
    assert isinstance(plain, Graph)
    assert (plain.x.tolist(), plain.y.tolist(), plain.low) == ([1, 2], [3, 4], None)

    def with_errors(*errors: list[float]) -> bytes:
        inside = record + b"".join(b"\1" + struct.pack(">2d", *each) for each in errors)
        return struct.pack(">IH", 0x40000000 | (len(inside) + 2), 3) + inside

    same = read_object("TGraphErrors", with_errors([9, 9], [0.1, 0.2]))
    both = read_object("TGraphAsymmErrors", with_errors([9, 9], [9, 9], [0.1, 0.2], [0.3, 0.4]))
    assert isinstance(same, Graph)
    assert isinstance(both, Graph)
    assert [list(map(list, (each.low, each.high))) for each in (same, both)] == [  # type: ignore[arg-type]  # both are there
        [[0.1, 0.2], [0.1, 0.2]],
        [[0.1, 0.2], [0.3, 0.4]],
    ]


def test_words_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file["note"] = "measured in run 7"
        file.mktree("tree", {"a": np.int32})
        file["tree"].extend({"a": np.arange(1234, dtype=np.int32)})
    assert read(path.read_bytes()) == {
        "note": Words("measured in run 7"),
        "tree": Words("1,234 entries"),
    }


# --- what is shown of them -----------------------------------------------------------


def test_objects_are_named_and_drawn(tmp_path: Path) -> None:
    content = written(
        tmp_path / "a.root",
        mass=(np.array([1.0, 5.0]), np.array([80.0, 90.0, 100.0])),
        maps__map=(np.ones((2, 3)), np.arange(3.0), np.arange(4.0)),
        note="<b>&",
    )
    shown = show(content)
    assert shown.kind == "table"
    assert [row[:2] + row[3:] for row in shown.content] == [
        ("name", "class", "what is in it"),
        ("mass", "TH1D", "2 bins, 6 entries"),
        ("maps", "TDirectory", ""),
        ("maps/map", "TH2D", "2 × 3 bins, 6 entries"),
        ("note", "TObjString", "<b>&"),
    ]
    assert [(part.kind, part.title) for part in shown.parts] == [
        ("svg", "mass"),
        ("svg", "maps/map"),
    ]
    assert shown.parts[0].description == (
        "TH1D: 2 bins from 80 to 100, values from 1 to 5; 6 entries."
    )
    assert {"80", "100", "4"} <= set(texts(shown.parts[0].content))


def test_what_a_file_says_is_text_in_a_picture() -> None:
    title = '</text><script>alert("1")</script>\x00\ud800 #eta'
    svg = histogram([0, 1], [1], None, title, title)
    root = _tree(svg)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == {"svg", "path", "text"}
    assert '</text><script>alert("1")</script> #eta' in texts(svg)


def test_titles_have_their_greek_letters() -> None:
    shown = show((DATA / "testSF2d.histo.root").read_bytes())
    assert "SuperCluster η" in texts(shown.parts[0].content)
    assert "p_T [GeV]" in texts(shown.parts[0].content)
    assert shown.parts[0].description.startswith("TH2F, e/γ scale factors: 10 × 6 bins")


def test_only_so_much_is_shown(tmp_path: Path) -> None:
    one = (np.array([1.0]), np.array([0.0, 1.0]))
    content = written(tmp_path / "a.root", a=one, b=one, c=one)
    shown = show(content, max_objects=2, max_pictures=1)
    assert ([row[0] for row in shown.content], shown.is_truncated) == (["name", "a", "b"], True)
    assert [part.title for part in shown.parts] == ["a"]


def test_an_object_that_unpacks_to_too_much_is_named_only(tmp_path: Path) -> None:
    content = written(
        tmp_path / "a.root",
        uproot.ZLIB(9),
        large=(np.zeros(2**18), np.arange(2.0**18 + 1)),
        small=(np.array([1.0]), np.array([0.0, 1.0])),
    )
    shown = show(content, max_mb=1)
    assert shown.content[1][3] == "The objects are larger than 1 MiB."
    assert shown.content[2][0] == "small"


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    assert show(written(tmp_path / "a.root")).description == "The file holds no objects."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The content is not a ROOT file."),
        (b"PK" + b"\0" * 500, "The content is not a ROOT file."),
        (b"root" + b"\xff" * 20, "The file is damaged: it cannot be read"),
        ((DATA / "bad_delphes.root").read_bytes(), "The file was never closed"),
        ((DATA / "testSF2d.histo.root").read_bytes()[:-1], "The file is truncated"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        show(content)


@pytest.mark.parametrize(
    "class_name", ["TH1D", "TH2F", "TProfile", "TGraph", "TTree", "TObjString"]
)
@pytest.mark.parametrize(
    "record", [b"", b"\x40\0\0\x02\0\1", b"\xff" * 64, b"\x40\xff\xff\xff" * 9]
)
def test_a_record_of_something_else_is_refused(class_name: str, record: bytes) -> None:
    with pytest.raises(Damaged):
        read_object(class_name, record)


def test_bounds_that_would_show_nothing_are_refused() -> None:
    for options in ({"max_objects": 0}, {"max_mb": 0}, {"max_pictures": -1}):
        with pytest.raises(OptionsError):
            RootPreview("root", RootPreviewOptions(**options))


# --- trees ---------------------------------------------------------------------------


def tree_of(path: Path, **columns: Any) -> bytes:
    with uproot.recreate(path) as file:
        file.mktree("tree", {name: each.dtype for name, each in columns.items()})
        for part in range(2):  # two baskets
            file["tree"].extend({name: each[part::2] for name, each in columns.items()})
    return path.read_bytes()


def columns(content: bytes, limit: int = 100) -> list[Column]:
    with opened(BytesIO(content), len(content), 2**24) as records:
        return columns_of(records, next(records.entries()), limit)


def test_columns_of_a_tree_are_read(tmp_path: Path) -> None:
    kinds = ("i4", "u4", "i8", "u8", "f4", "f8", "?", "i2", "u2")
    given = {kind.replace("?", "b"): np.array([1, 0, 1, 1], kind) for kind in kinds}
    found = columns(tree_of(tmp_path / "a.root", **given))
    assert [column.name for column in found] == list(given)
    assert [column.values.tolist() for column in found] == [[1, 1, 0, 1]] * len(kinds)
    assert found[0].values.dtype.kind == "i"
    assert columns(tree_of(tmp_path / "b.root", **given), 2)[0].values.tolist() == [1, 1]


def test_branches_with_several_numbers_in_an_entry_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file.mktree("tree", {"a": np.dtype(("f4", (3,))), "b": "var * float32", "c": "i4"})
    assert [column.name for column in columns(path.read_bytes())] == ["nb", "c"]


class WithTrees(RootFilePreview):
    """Shows all trees."""

    def parts(
        self, payload: PayloadReference, records: Records, entries: Sequence[Entry]
    ) -> Iterator[Preview]:
        yield Preview("text", "before")
        for entry in entries:
            yield table_of(entry.path, columns_of(records, entry, 10), 10)


def test_a_tree_that_cannot_be_read_is_said_to_be_and_the_rest_is_shown(tmp_path: Path) -> None:
    raw = bytearray(tree_of(tmp_path / "a.root", a=np.arange(4)))
    place = raw.index(b"TBranch\0")  # the class of its one branch
    raw[place : place + 7] = b"TBrunch"
    shown = WithTrees("trees", RootPreviewOptions()).preview(PAYLOAD, Content.of(bytes(raw)))
    assert shown.content == "before"
    assert [part.title for part in shown.parts] == ["What cannot be shown", "Objects in the file"]
    assert "cannot be read" in shown.parts[0].content


def test_columns_are_shown_as_a_table() -> None:
    given = [Column("a", np.array([1, 2, 3])), Column("b", np.array([0.5, np.nan]))]
    assert table_of("Gains", given, 2) == Preview(
        "table",
        (("a", "b"), ("1", "0.5"), ("2", "nan")),
        is_truncated=True,
        title="Gains",
    )


# --- what a file says of its classes -------------------------------------------------


def test_members_of_a_class_are_named_as_the_file_describes_them() -> None:
    content = (DATA / "testSF2d.histo.root").read_bytes()
    with opened(BytesIO(content), len(content), 2**24) as records:
        members = members_of(records, "TH2")
        assert members_of(records, "NoSuchClass") == []
    assert members[0] == Member("BASE", "TH1", "1-Dim histogram base class")
    assert ("double", "fScalefactor", "Scale factor") in members


def test_a_file_without_descriptions_has_none(tmp_path: Path) -> None:
    content = bytearray(written(tmp_path / "a.root"))
    content[37:41] = bytes(4)  # fSeekInfo
    with opened(BytesIO(bytes(content)), len(content), 2**24) as records:
        assert members_of(records, "TH1") == []


# --- plots ---------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[np.nan], [1e308, -1e308], [np.inf], [1.0, 1.0 + 1e-15]])
def test_what_cannot_be_drawn_says_so(values: list[float]) -> None:
    with pytest.raises(CannotBeDrawn):
        histogram(list(range(len(values) + 1)), values)
    with pytest.raises(CannotBeDrawn):
        points([], [])


@pytest.mark.parametrize("values", [[1.0, np.nan], [0.0], [1e-300, 2e-300], [np.inf, 1.0], [-5e8]])
def test_what_can_be_drawn_is(values: list[float]) -> None:
    edges = list(range(len(values) + 1))
    for svg in (
        histogram(edges, values, values),
        heatmap(edges, [0, 1], [values]),
        points(edges[1:], values, values, values),
    ):
        assert "M" in svg
        assert not {"nan", "inf"} & {*texts(svg)}
        assert "nan" not in svg.replace("font-", "")


def test_many_bins_and_cells_make_a_small_picture() -> None:
    many = np.random.default_rng(1).normal(size=250_000)
    one = histogram(list(range(len(many) + 1)), many.tolist())
    edges = list(range(501))
    two = heatmap(edges, edges, many.reshape(500, 500).tolist())
    some = points(many.tolist(), many.tolist())
    assert max(map(len, (one, two, some))) < 200_000
