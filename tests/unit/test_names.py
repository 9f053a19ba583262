"""What may be a name."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdb.domain.names import (
    NAME_LENGTH,
    UNSEEN,
    control_character,
    name_problem,
    tag_name_problem,
)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "x" * 80,
        "CMS_2017",
        "2026-11 (late)",
        "Größe",
        "光",
        "a.b",
        "...",
        "a%b",
        "a?b#c",
        "a\\b",
    ],
)
def test_name_that_is_taken(name: str) -> None:
    assert name_problem(name) is None
    assert tag_name_problem(name) is None


@pytest.mark.parametrize("name", ["", "x" * 81])
def test_name_has_1_to_80_characters(name: str) -> None:
    assert name_problem(name) == "A name has 1 to 80 characters."


@pytest.mark.parametrize("character", ["/", "@"])
@pytest.mark.parametrize("place", ["{}a", "a{}b", "a{}"])
def test_name_has_no_character_that_paths_need(character: str, place: str) -> None:
    assert name_problem(place.format(character)) == f"A name has no {character!r}."


@pytest.mark.parametrize(
    ("character", "called"),
    [
        ("\0", "U+0000"),
        ("\a", "U+0007"),
        ("\n", "U+000A"),
        ("\x1f", "U+001F"),
        ("\x7f", "U+007F"),
        ("\x80", "U+0080"),
        ("\x9f", "U+009F"),
        ("\ud800", "U+D800"),
        ("\udfff", "U+DFFF"),
    ],
)
def test_control_character_is_named(character: str, called: str) -> None:
    assert control_character(f"a{character}b") == called
    assert name_problem(f"a{character}b") == (
        f"A name has only what can be seen; this one has {called}."
    )


@pytest.mark.parametrize("character", [" ", "~", "\xa0", "\ud7ff", "\ue000", "\U0010ffff"])
def test_neighbours_of_control_characters_are_none(character: str) -> None:
    assert control_character(character) is None


@pytest.mark.parametrize(
    ("character", "called"),
    [
        ("\u00ad", "U+00AD"),
        ("\u200b", "U+200B"),
        ("\u200d", "U+200D"),
        ("\u202e", "U+202E"),
        ("\u2028", "U+2028"),
        ("\u2066", "U+2066"),
        ("\u3164", "U+3164"),
        ("\ufe0f", "U+FE0F"),
        ("\ufeff", "U+FEFF"),
        ("\U000e0041", "U+E0041"),
    ],
)
@pytest.mark.parametrize("place", ["{}Prod", "Pr{}od", "Prod{}"])
def test_name_looks_like_no_other_by_what_cannot_be_seen(
    place: str, character: str, called: str
) -> None:
    assert name_problem(place.format(character)) == (
        f"A name has only what can be seen; this one has {called}."
    )


@pytest.mark.parametrize("name", [" a", "a ", "\u2003a", "a\xa0", " "])
def test_name_has_no_white_space_at_its_ends(name: str) -> None:
    assert name_problem(name) == "A name has no white space at its ends."


@pytest.mark.parametrize("name", [".", ".."])
def test_name_is_no_relative_path(name: str) -> None:
    assert name_problem(name) == "A name is not a relative path."


def test_statuses_is_a_name_but_not_of_a_tag() -> None:
    assert name_problem("statuses") is None
    assert tag_name_problem("statuses") == "'statuses' is a path of the interface."


@given(st.text())
@example("\u034f")  # which Python would print, and nobody sees
def test_name_that_is_taken_stays_what_it_is_in_utf8_and_in_a_path(name: str) -> None:
    taken = name_problem(name) is None
    fits = 1 <= len(name) <= NAME_LENGTH and name == name.strip() and name not in (".", "..")
    plain = name.isprintable() and not re.search(f"[/@{UNSEEN}]", name)
    assert taken or not (fits and plain)
    assert not taken or (fits and name.encode().decode() == name and "/" not in name)
