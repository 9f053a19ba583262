"""What goes where in a picture, and how it is drawn in letters."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb_client.pictures import diffs, terminal
from cdb_client.pictures.axis import axis_of
from cdb_client.pictures.lanes import COLOURS, Picture, coloured, lanes_of
from cdb_client.pictures.notation import Notation, common, notation_of
from cdb_client.points import MAX, OPEN

LUMI = notation_of(("run", "lumi"))
PLAIN = Notation()
NUMBERS = st.one_of(st.integers(0, 20), st.integers(0, 5000), st.integers(0, MAX))
POINTS = st.tuples(NUMBERS, NUMBERS)
at_leisure = settings(deadline=None)
"""Others use the machine, too: how long one example takes says nothing."""


def interval(start, end, url="a"):
    return {"start": start, "end": end, "payload_url": url, "checksum": "", "revision": None}


def lane(name, intervals):
    return {"payload_type": name, "payload_list": f"{name}_1", "iovs": len(intervals),
            "intervals": intervals}  # fmt: skip


def picture(rows, edges, notation=LUMI, ends=None):
    axis, lanes = lanes_of(rows, edges, notation, ends or {})
    return Picture("Prod", "as of change 3", axis, notation, lanes)


def lines(drawn, width=60, style=terminal.SHADED):
    return [line.rstrip() for line in terminal.draw(drawn, width, style)]


# --- the axis -----------------------------------------------------------------------


@at_leisure
@given(st.lists(POINTS, min_size=2, max_size=60, unique=True))
def test_points_stand_in_their_order_from_0_to_1(points):
    points = sorted(points)
    axis = axis_of((points[0], points[-1]), points)

    places = [axis.at(each) for each in points]

    assert (places[0], places[-1]) == (0, 1)
    assert all(before <= after for before, after in pairwise(places))


@at_leisure
@given(st.lists(POINTS, min_size=2, max_size=60, unique=True), st.integers(1, 12))
def test_ticks_are_in_order_and_few(points, count):
    points = sorted(points)
    for notation in (PLAIN, LUMI, notation_of(("time", "none")), notation_of(("x", "timestamp"))):
        axis = axis_of((points[0], points[-1]), points)
        places = [place for place, _ in axis.ticks(notation, count)]
        assert places == sorted(places)
        assert all(0 <= place <= 1 for place in places)
        assert len(places) <= (4 * count + 4) * (1 + len(axis.breaks))


def test_runs_of_an_experiment_share_its_unit_as_far_as_they_reach():
    axis = axis_of(((7, 0), (9, 0)), [(7, 0), (7, 1000), (8, 500)])

    assert axis.at((7, 1000)) == pytest.approx(0.49)
    assert axis.at((8, 500)) == pytest.approx(0.745)
    assert axis.at((7, MAX)) == axis.at((8, 0)) == 0.5


def test_axis_is_cut_short_where_nothing_happens():
    data = [(experiment, run) for experiment in range(7, 27) for run in (0, 400, 900)]
    axis = axis_of(((7, 0), (1005, 0)), [*data, (1003, 0), (1004, 0)])

    (gap,) = axis.gaps
    assert axis.at((26, 900)) <= gap[0] < gap[1] <= axis.at((1003, 0))
    assert axis.at((16, 0)) == pytest.approx(0.4, abs=0.1)
    assert [text for place, text in axis.ticks(PLAIN, 5) if place > gap[1]] == ["1005"]


def test_axis_of_few_intervals_is_whole():
    assert not axis_of(((0, 0), (0, 10**6)), [(0, 0), (0, 999_999)]).breaks


def test_ticks_of_times_are_round_dates():
    day = 86_400 * 10**9
    axis = axis_of(((19_783 * day, 0), (19_988 * day, 0)), [])

    labels = [text for _, text in axis.ticks(notation_of(("time", "none")), 4)]

    assert labels == ["2024-03-01", "2024-05-01", "2024-07-01", "2024-09-01"]


# --- notations ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("components", "point", "written"),
    [
        (("run", "lumi"), (299400, 12), "299400:12"),
        (("experiment", "run"), (12, 34), "12,34"),
        (("time", "none"), (1_717_245_000_000_000_000, 0), "2024-06-01 12:30"),
        (("major", "timestamp"), (0, 1_714_521_600), "2024-05-01"),
        (("major", "run"), (0, 54321), "54321"),
        (("major", "minor"), (0, 54321), "0,54321"),
        (("run", "lumi"), OPEN, "∞"),
        (("run", "lumi"), (7, MAX), "7:end"),
    ],
)
def test_points_are_written_as_the_dimension_does(components, point, written):
    assert notation_of(components).write(point) == written


def test_packed_runs_are_drawn_as_runs():
    notation = notation_of(("run << 32 | lumi", "none"))

    assert notation.place((299400 << 32 | 12, 0)) == (299400, 12)
    assert notation.place(OPEN) == OPEN


def test_several_dimensions_have_the_plain_numbers_in_common():
    plugins = [{"name": "a", "components": ["run", "lumi"]}, {"name": "b", "components": None}]

    assert common(["a", "a"], plugins) == LUMI
    assert common(["a", "b"], plugins) == common([], plugins) == common(["b"], plugins) == PLAIN


# --- lanes --------------------------------------------------------------------------


@at_leisure
@given(st.lists(st.integers(0, 12), max_size=40))
def test_neighbours_with_other_payloads_have_other_colours(contents):
    colours = coloured(contents)

    assert all(0 <= colour < COLOURS for colour in colours)
    for (one, first), (other, second) in pairwise(zip(contents, colours, strict=True)):
        assert (one == other) == (first == second)


@at_leisure
@given(st.lists(st.integers(0, COLOURS - 2), max_size=40))
def test_a_payload_keeps_its_colour(contents):
    found = {}
    for content, colour in zip(contents, coloured(contents), strict=True):
        assert found.setdefault(content, colour) == colour


def test_buckets_become_pieces_as_full_as_they_are():
    buckets = {"payload_type": "A", "payload_list": "A_1", "iovs": 9,
               "counts": [1, 0, 0, 6, 0, 2], "payloads": [1, 0, 0, 6, 0, 2],
               "covered": [1000, 1000, 0, 1, 0, 500]}  # fmt: skip
    drawn = picture([buckets], [f"{run},0" for run in (100, 110, 120, 130, 140, 150, 160)])

    pieces = [(round(p.start, 2), round(p.end, 2), p.fill) for p in drawn.lanes[0].pieces]

    assert pieces == [(0.0, 0.33, 1.0), (0.5, 0.67, 0.001), (0.83, 1.0, 0.5)]


def test_what_reaches_beyond_the_picture_is_marked():
    rows = [
        lane("Before", [interval("90,0", "150,0")]),
        lane("Inside", [interval("100,0", "150,0")]),
        lane("Longer", [interval("100,0", "300,0")]),
        lane("Open", [interval("100,0", f"{MAX},{MAX}")]),
        lane("Empty", []),
    ]

    drawn = picture(rows, ["100,0", "200,0"])

    assert [(each.began, each.goes_on, each.is_open) for each in drawn.lanes] == [
        (True, False, False),
        (False, False, False),
        (False, True, False),
        (False, True, True),
        (False, False, False),
    ]


# --- letters ------------------------------------------------------------------------

ROWS = [
    lane(
        "Alignment",
        [
            interval("100,0", "130,0", "a"),
            interval("130,0", "160,0", "b"),
            interval("170,0", "200,0", "b"),
        ],
    ),
    lane("BeamSpotOnline", [interval("90,0", "120,0"), interval("120,0", f"{MAX},{MAX}")]),
]  # fmt: skip
BUCKETS = {"payload_type": "Lumi", "payload_list": "Lumi_1", "iovs": 1234,
           "counts": [4, 0, 1, 1], "payloads": [4, 0, 1, 1],
           "covered": [1, 0, 300, 1000]}  # fmt: skip
EDGES = ["100,0", "125,0", "150,0", "175,0", "200,0"]


LEGEND = (
    "█▒ one payload, the next   ▁▇ partly covered   ◀ began before   ∞ has no end   "
    "at the right: payload IOVs"
)


def test_picture_in_letters():
    assert lines(picture([*ROWS, BUCKETS], EDGES)) == [
        "Prod",
        "as of change 3",
        "",
        "Alignment       ███████████▓▓▓▓▓▓▓▓▓▓▅   ▇▓▓▓▓▓▓▓▓▓▓      3",
        "BeamSpotOnline ◀███████▐████████████████████████████∞     2",
        "Lumi            ▁▁▁▁▁▁▁▁▁         ▃▃▃▃▃▃▃▃▃▓▓▓▓▓▓▓▓▓  1,234",
        "               └┬─────────────────┬────────────────┬",
        "      run:lumi  100              150              200",
        "",
        LEGEND,
    ]


def test_picture_in_ascii():
    drawn = lines(picture([*ROWS, BUCKETS], EDGES), style=terminal.ASCII)

    assert all(line.isascii() for line in drawn)
    assert drawn[4] == "BeamSpotOnline <#######|############################*     2"
    assert drawn[3] == "Alignment       ###########==========:   :==========      3"


def test_picture_in_colours():
    drawn = lines(picture(ROWS, EDGES), style=terminal.COLOURED)

    first, second = terminal.COLOURS[:2]
    assert f"\x1b[38;5;{first}m" in drawn[3]
    assert f"\x1b[38;5;{second}m" in drawn[3]
    plain = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in drawn]
    assert len(plain[3]) == len(plain[4])


@pytest.mark.parametrize("width", [40, 61, 100, 300])
def test_picture_is_as_wide_as_it_may_be(width):
    for line in lines(picture([*ROWS, BUCKETS], EDGES), width)[3:8]:
        assert len(line) <= width


def test_names_cannot_steer_the_terminal():
    drawn = lines(picture([lane("Beam\x1b[2J\nX", [interval("100,0", "200,0")])], EDGES))

    assert drawn[3].startswith("Beam?[2J?X  ")


def test_style_follows_the_encoding():
    assert terminal.style_for("utf-8", coloured=True) is terminal.COLOURED
    assert terminal.style_for("utf-8", coloured=False) is terminal.SHADED
    assert terminal.style_for("latin-1", coloured=True) is terminal.ASCII


SHARES = st.lists(st.floats(0, 1, allow_nan=False), min_size=2, max_size=12, unique=True)


@at_leisure
@given(SHARES, st.integers(20, 90))
def test_only_what_is_all_covered_looks_full(places, columns):
    places = sorted({round(each, 3) for each in places})
    pieces = [
        terminal.Piece(start, end, 1.0, number % COLOURS, True)
        for number, (start, end) in enumerate(pairwise(places))
        if number % 2 == 0
    ]
    letters = [cell.letter for cell in terminal.cells(pieces, columns, terminal.SHADED)]

    assert len(letters) == columns
    for column, letter in enumerate(letters):
        left, right = column / columns, (column + 1) / columns
        inside = [p for p in pieces if p.start < right - 1e-9 and p.end > left + 1e-9]
        is_full = any(p.start <= left + 1e-9 and p.end >= right - 1e-9 for p in inside)
        if inside:
            assert (letter in terminal.SHADED.full) == is_full
            assert letter != " "


# --- differences --------------------------------------------------------------------


def difference(start, end, a, b, payload_type="Beam"):
    return {"payload_type": payload_type, "major_iov": start[0], "minor_iov": start[1],
            "major_iov_end": end[0], "minor_iov_end": end[1], "a": a, "b": b}  # fmt: skip


def test_differences_are_added_removed_or_changed():
    rows = [
        difference((100, 0), (110, 0), None, {}),
        difference((120, 0), (130, 0), {}, {}),
        difference((130, 0), OPEN, {}, None),
        difference((110, 0), (120, 0), {}, {}, "Alignment"),
    ]

    drawn = diffs.picture("A", "B", rows, LUMI)

    assert (drawn.title, drawn.subtitle) == ("A → B", "+1 -1 ~2   100:0 … 132:0")
    assert [each.note for each in drawn.lanes] == ["~1", "+1 -1 ~1"]
    assert [each.colour for each in drawn.lanes[1].pieces] == [
        diffs.ADDED, diffs.CHANGED, diffs.REMOVED,
    ]  # fmt: skip
    assert drawn.lanes[1].is_open


def test_differences_in_letters():
    rows = [
        difference((100, 0), (140, 0), None, {}),
        difference((140, 0), (161, 0), {}, {}),
        difference((161, 0), (163, 0), {}, None),
        difference((180, 0), (200, 0), {}, None),
        difference((190, 0), OPEN, {}, {}, "Zero"),
    ]

    drawn = diffs.picture("A", "A@7", rows, LUMI)

    expected = [
        "A -> A@7",
        "+1 -2 ~2   100:0 ... 205:0",
        "",
        "Beam      ++++++++++++++*~~~~~~~*-     ---------   +1 -2 ~1",
        "Zero                                       ~~~~~~*       ~1",
        "         +|------------------------------------|-",
        "run:lumi  100                                 200",
        "",
        "+ added   - removed   ~ changed   * several",
    ]
    written = list(terminal.draw(drawn, 60, terminal.ASCII, is_diff=True))
    assert [line.rstrip() for line in written] == expected


@at_leisure
@given(st.lists(st.tuples(POINTS, POINTS), min_size=1, max_size=20))
def test_every_difference_is_in_the_picture(spans):
    rows = [difference(*sorted(span), {}, None) for span in spans if span[0] != span[1]]

    drawn = diffs.picture("A", "B", rows, PLAIN)

    pieces = [piece for lane in drawn.lanes for piece in lane.pieces]
    assert len(pieces) == len(rows)
    assert all(0 <= piece.start <= piece.end <= 1 for piece in pieces)
