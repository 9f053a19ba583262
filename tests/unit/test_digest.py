"""The digest of what is fed to it, compared with the plain Python of the documentation."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plain_digest import DOCUMENTED, PRINTED, SHOWN, list_digest, tag_digest

from cdb.domain import digest
from cdb.domain.content import Content, Stretch
from cdb.domain.digest import ListDigest
from cdb.domain.points import MAX, OPEN, Point
from cdb.domain.portable import PortableList, PortableType, digest_of

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
contents = st.builds(Content, texts, texts, st.none() | texts)
points = st.builds(Point, st.integers(0, MAX), st.integers(0, MAX))


@st.composite
def stretches(draw: st.DrawFn) -> list[Stretch]:
    edges = sorted(draw(st.sets(points, max_size=8)))
    some = draw(st.lists(contents, min_size=1, max_size=3))
    return [
        Stretch(start, end, draw(st.sampled_from(some)))
        for start, end in pairwise(edges)
        if draw(st.booleans())
    ]


def as_list(stretch: Stretch) -> list[Any]:
    return [*stretch.start, *stretch.end, *stretch.content]


@given(stretches())
@example(
    [Stretch(Point(0, 0), OPEN, Content("".join(map(chr, range(256))), "\u2028\U0001f300", ""))]
)
def test_any_list_has_the_digest_of_the_documentation(found: list[Stretch]) -> None:
    assert digest.of_list(found).digest == list_digest([as_list(each) for each in found])


@given(st.dictionaries(texts, st.tuples(texts, texts), max_size=6), st.randoms())
def test_any_tag_has_the_digest_of_the_documentation(
    lists: dict[str, tuple[str, str]], chance: Any
) -> None:
    given_lists = [
        (name, dimension, digest.of_list([Stretch(Point(0, 0), OPEN, Content(text, "", None))]))
        for name, (dimension, text) in lists.items()
    ]
    chance.shuffle(given_lists)
    found = digest.of_tag(
        ListDigest(name, dimension, each.digest, each.intervals)
        for name, dimension, each in given_lists
    )
    assert found == tag_digest(
        [
            (name, dimension, [[0, 0, MAX, MAX, text, "", None]])
            for name, (dimension, text) in lists.items()
        ]
    )


def test_the_documentation_prints_what_it_says() -> None:
    assert DOCUMENTED == PRINTED


def test_the_test_vector_of_the_documentation() -> None:
    lists = []
    for name, dimension, intervals in SHOWN["LISTS"]:
        rows = (Stretch(Point(*row[:2]), Point(*row[2:4]), Content(*row[4:])) for row in intervals)
        log = digest.of_list(rows)
        lists.append(ListDigest(name, dimension, log.digest, log.intervals))
    assert [each.intervals for each in lists] == [3, 0]
    assert DOCUMENTED.split() == [lists[0].digest, digest.of_tag(lists)]
    assert lists[1].digest == NOTHING


def test_nothing_has_the_digest_of_nothing() -> None:
    assert digest.of_list([]) == digest.LogDigest(NOTHING, 0)
    assert digest.of_tag([]) == NOTHING


WHOLE = [
    Stretch(Point(1, 0), Point(2, 0), Content("u", "c", None)),
    Stretch(Point(3, 0), Point(4, 5), Content("u", "c", "1")),
]


@pytest.mark.parametrize(
    "other",
    [
        [],
        WHOLE[:1],
        [WHOLE[0]._replace(start=Point(1, 1)), WHOLE[1]],
        [WHOLE[0]._replace(end=Point(2, 1)), WHOLE[1]],
        [WHOLE[0], WHOLE[1]._replace(end=OPEN)],
        [WHOLE[0]._replace(content=Content("v", "c", None)), WHOLE[1]],
        [WHOLE[0]._replace(content=Content("u", "d", None)), WHOLE[1]],
        [WHOLE[0]._replace(content=Content("u", "c", "")), WHOLE[1]],
        [WHOLE[0]._replace(content=Content("u", "c", "null")), WHOLE[1]],
        [WHOLE[0]._replace(content=Content("uc", "", None)), WHOLE[1]],
        [WHOLE[0]._replace(end=Point(3, 0)), WHOLE[1]],
    ],
)
def test_whatever_an_answer_says_counts(other: list[Stretch]) -> None:
    assert digest.of_list(other).digest != digest.of_list(WHOLE).digest


def test_how_the_time_is_cut_does_not_count() -> None:
    content = Content("u", "c", "1")
    cut = [
        WHOLE[0],
        Stretch(Point(3, 0), Point(3, MAX), content),
        Stretch(Point(3, MAX), Point(4, 0), content),
        Stretch(Point(4, 0), Point(4, 5), content),
    ]
    assert digest.of_list(cut) == digest.of_list(WHOLE)


@pytest.mark.parametrize(
    "other", [("U", "run-lumi", "0"), ("T", "utc-time", "0"), ("T", "run-lumi", "1")]
)
def test_types_and_dimensions_count(other: tuple[str, str, str]) -> None:
    whole = ListDigest("T", "run-lumi", "0", 1)
    assert digest.of_tag([ListDigest(*other, 1)]) != digest.of_tag([whole])


def test_an_empty_list_counts() -> None:
    assert digest.of_tag([ListDigest("T", "run-lumi", NOTHING, 0)]) != digest.of_tag([])


def test_a_tag_that_is_carried_elsewhere_has_the_digest_of_its_types_and_what_they_show() -> None:
    lists = [PortableList(PortableType(name, "run-lumi"), "L", "explicit") for name in "BA"]
    logs = [digest.of_list(WHOLE), digest.of_list(WHOLE[:1])]
    assert digest_of(zip(lists, logs, strict=True)) == digest.of_tag(
        [ListDigest(name, "run-lumi", log.digest, 0) for name, log in zip("BA", logs, strict=True)]
    )
