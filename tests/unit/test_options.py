"""From the text of an ini to the options of a plugin."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from cdb.plugin import Event, EventListener, Lines, Secret
from cdb.registry.options import OptionProblem, make


@dataclass(frozen=True, slots=True)
class Options:
    words: tuple[str, ...] = ()
    lines: Lines = ()
    wait: timedelta = timedelta(0)
    number: int = 0
    is_on: bool = False
    choice: Literal["a", "b"] = "a"
    file: Path | None = None
    secret: Secret | None = None


class Listener(EventListener):
    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = Options

    def committed(self, event: Event) -> None:
        """Do nothing."""


def read(**given: Any) -> Options:
    options: Options = make(Listener, "listener", given).options
    return options


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("words", " a b\n c ", ("a", "b", "c")),
        ("words", "", ()),
        ("lines", "\n a b \n\n c: d\n", ("a b", "c: d")),
        ("wait", "PT1M30S", timedelta(seconds=90)),
        ("wait", "90", timedelta(seconds=90)),
        ("number", "7", 7),
        ("is_on", "true", True),
        ("is_on", "false", False),
        ("choice", "b", "b"),
        ("file", "/a/b", Path("/a/b")),
    ],
)
def test_text_becomes_what_the_option_is(option: str, text: str, value: object) -> None:
    assert getattr(read(**{option: text}), option) == value


@pytest.mark.parametrize(
    ("option", "text"),
    [("wait", "soon"), ("wait", "٣"), ("number", "7.5"), ("is_on", "perhaps"), ("choice", "c")],
)
def test_a_wrong_text_names_the_option(option: str, text: str) -> None:
    with pytest.raises(OptionProblem) as wrong:
        read(**{option: text})
    assert wrong.value.option == option


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTENER_SECRET", "hunter2")
    made = read(secret="env:LISTENER_SECRET")  # noqa: S106 - where it is
    assert made.secret == Secret("hunter2")
    assert "hunter2" not in f"{made} {made.secret}"


def test_a_secret_comes_from_a_file_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    assert read(secret=f"file:{tmp_path}/secret").secret == Secret("hunter2")


@pytest.mark.parametrize("given", ["hunter2", "env:", "env:NOT_THERE", "file:/not/there", "ENV:X"])
def test_a_secret_that_is_nowhere_is_refused(given: str) -> None:
    with pytest.raises(OptionProblem) as wrong:
        read(secret=given)
    assert wrong.value.option == "secret"
    assert "hunter2" not in str(wrong.value)
