"""What is wrong with a plugin stops the boot, and the message names the line of the ini."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributions import installed, write

from cdb.registry.plugins import load as load_plugins
from cdb.settings import SettingsError, load

CDB = Path(sys.executable).parent / "cdb"
URL = "sqlite:////unused.sqlite"

SOURCE = """
    from dataclasses import dataclass
    from datetime import timedelta
    from typing import ClassVar, Literal

    from cdb.plugin import (
        EventListener, IovDimension, OptionsError, PayloadValidator, Secret,
    )

    class Good(EventListener):
        requires_cdb = ">=1,<2"

        def committed(self, event):
            pass

    a_function = print
    an_instance = Good("mine", None)

    class Unrelated:
        requires_cdb = ">=1,<2"

    class OfAnotherKind(IovDimension):
        requires_cdb = ">=1,<2"
        components = ("a", "b")

        def parse(self, notation):
            raise NotImplementedError

        def format(self, point):
            raise NotImplementedError

    class Abstract(EventListener):
        requires_cdb = ">=1,<2"

    class SaysNoVersion(EventListener):
        def committed(self, event):
            pass

    class ForTheNext(Good):
        requires_cdb = ">=2"

    class ForNothing(Good):
        requires_cdb = "one or more"

    class NoDataclass(Good):
        class Options:
            pass

    @dataclass(frozen=True, slots=True)
    class UnreadableOptions:
        handler: "Nowhere" = None

    class Unreadable(Good):
        Options = UnreadableOptions

    @dataclass(frozen=True, slots=True)
    class OptionsOfAnyObject:
        handler: Unrelated | None = None

    class UnreadableType(Good):
        Options = OptionsOfAnyObject

    class Fails(Good):
        def __init__(self, name, options):
            raise RuntimeError("the disk is full of hunter2")

    @dataclass(frozen=True, slots=True)
    class SomeOptions:
        level: int
        mode: Literal["fast", "safe"] = "safe"
        every: timedelta = timedelta(minutes=1)
        key: Secret | None = None

    class WithOptions(Good):
        Options = SomeOptions

        def __init__(self, name, options):
            super().__init__(name, options)
            if options.level > 9:
                raise OptionsError("level is too high for this mode")

    class Validates(PayloadValidator):
        requires_cdb = ">=1,<2"
        Options = SomeOptions

        def problems(self, payload, content):
            return []
"""

POINTS = """
    [cdb.event_listeners]
    good = {module}:Good
    function = {module}:a_function
    instance = {module}:an_instance
    unrelated = {module}:Unrelated
    dimension = {module}:OfAnotherKind
    abstract = {module}:Abstract
    no-version = {module}:SaysNoVersion
    next = {module}:ForTheNext
    nothing = {module}:ForNothing
    no-dataclass = {module}:NoDataclass
    unreadable = {module}:Unreadable
    unreadable-type = {module}:UnreadableType
    fails = {module}:Fails
    options = {module}:WithOptions
    no-module = {module}_that_is_not_there:Good
    no-class = {module}:Nothing
    run-lumi = {module}:Good
    [cdb.payload_validators]
    validates = {module}:Validates
"""


@pytest.fixture(scope="module")
def throwaway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installed distribution with one good plugin, and many broken ones."""
    place = write(tmp_path_factory.mktemp("throwaway"), SOURCE, POINTS)
    with installed(place):
        yield place


def boot(settings: dict[str, str]) -> Any:
    keys = {f"cdb.{name}": value for name, value in settings.items()}
    return load_plugins(load({"cdb.database.url": URL, **keys}, {}))


def why(settings: dict[str, str]) -> str:
    """Return why settings stop the boot."""
    with pytest.raises(SettingsError) as stopped:
        boot(settings)
    return str(stopped.value)


@pytest.mark.usefixtures("throwaway")
def test_good_plugin_starts() -> None:
    plugins = boot({"event_listeners": "log good"})
    assert [name for group, name in plugins.enabled if group == "cdb.event_listeners"] == [
        "log",
        "good",
    ]


# --- the plugin itself --------------------------------------------------------------


@pytest.mark.usefixtures("throwaway")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no-class", "it cannot be imported (AttributeError: "),
        ("no-module", "it cannot be imported (ModuleNotFoundError: No module named "),
        ("function", "it is not a class derived from cdb.plugin.EventListener"),
        ("instance", "it is not a class derived from cdb.plugin.EventListener"),
        ("unrelated", "it is not a class derived from cdb.plugin.EventListener"),
        ("dimension", "it is not a class derived from cdb.plugin.EventListener"),
        ("abstract", "it does not define committed"),
        ("no-version", "it does not say which versions of cdb.plugin it works with"),
        ("next", "it works with cdb.plugin >=2, and this is 1."),
        ("nothing", "its requires_cdb is no version specifier: 'one or more'"),
        ("no-dataclass", "its Options cannot be used (TypeError: "),
        ("unreadable-type", "its Options cannot be used (PydanticSchemaGenerationError: Unable"),
        ("unreadable", "its Options cannot be used (NameError: "),
        ("fails", "it fails with these options (RuntimeError)"),
        ("absent", "no event_listener of this name is installed; there are "),
    ],
)
def test_broken_plugin_stops_the_boot(name: str, reason: str) -> None:
    said = why({"event_listeners": name})
    assert said.startswith(f"cdb.event_listeners: {name!r}: {reason}")
    assert len(said.splitlines()) == 1
    assert "hunter2" not in said


@pytest.mark.usefixtures("throwaway")
def test_every_problem_is_named_at_once() -> None:
    said = why({"event_listeners": "abstract next", "tag_policy": "absent"})
    assert [part.split(":")[0] for part in said.split("; cdb.")] == [
        "cdb.tag_policy",
        "event_listeners",
        "event_listeners",
    ]


@pytest.mark.usefixtures("throwaway")
def test_message_lists_what_is_installed() -> None:
    said = why({"tag_policy": "standrad"})
    assert "no tag_policy of this name is installed; there are " in said
    assert "standard" in said


@pytest.mark.usefixtures("throwaway")
def test_plugin_whose_constructor_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    why({"event_listeners": "fails"})
    assert "the plugin fails cannot be made" in caplog.text
    assert "the disk is full" in caplog.text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 +", "SyntaxError: "),
        ("raise SystemExit('bye')", "SystemExit: bye"),
    ],
)
def test_module_that_cannot_be_imported_stops_the_boot(
    tmp_path: Path, line: str, reason: str
) -> None:
    points = "[cdb.event_listeners]\nmine = {module}:Mine\n"
    with installed(write(tmp_path, line, points)):
        assert f"'mine': it cannot be imported ({reason}" in why({"event_listeners": "mine"})


def test_plugin_that_is_not_enabled_is_not_imported(tmp_path: Path) -> None:
    points = "[cdb.event_listeners]\nmine = {module}:Mine\n"
    place = write(tmp_path, "raise RuntimeError('imported')", points)
    with installed(place):
        boot({})
        assert place.name not in sys.modules


# --- options ------------------------------------------------------------------------


@pytest.mark.usefixtures("throwaway")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "cdb.plugin.options.level: missing"),
        ({"level": "high"}, "cdb.plugin.options.level: Input should be a valid integer"),
        ({"level": "1", "mode": "slow"}, "cdb.plugin.options.mode: Input should be 'fast' or"),
        ({"level": "1", "every": "often"}, "cdb.plugin.options.every: Input should be a valid"),
        (
            {"level": "1", "hue": "red"},
            "cdb.plugin.options.hue: options has no such option; it has every, key, level, mode",
        ),
        (
            {"level": "11"},
            "cdb.event_listeners: 'options': level is too high for this mode",
        ),
    ],
)
def test_wrong_option_stops_the_boot(options: dict[str, str], reason: str) -> None:
    keys = {f"plugin.options.{name}": value for name, value in options.items()}
    assert why({"event_listeners": "options", **keys}).startswith(reason)


@pytest.mark.usefixtures("throwaway")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("hunter2", "a secret is given as env:NAME or file:PATH"),
        ("hunter2:with-a-colon", "a secret is given as env:NAME or file:PATH"),
        ("ENV:CDB_NOT_SET", "a secret is given as env:NAME or file:PATH"),
        ("", "a secret is given as env:NAME or file:PATH"),
        ("env:CDB_NOT_SET", "the environment has no CDB_NOT_SET, or it is empty"),
        ("env:", "the environment has no , or it is empty"),
        ("file:/no/such/file", "/no/such/file cannot be read: No such file or directory"),
        ("file:/", "/ cannot be read: Is a directory"),
    ],
)
def test_secret_comes_from_elsewhere(value: str, reason: str) -> None:
    keys = {"plugin.options.level": "1", "plugin.options.key": value}
    said = why({"event_listeners": "options", **keys})
    assert said == f"cdb.plugin.options.key: {reason}"
    assert "hunter2" not in said


@pytest.mark.usefixtures("throwaway")
def test_secret_is_read_from_where_the_ini_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME_OF_IT", "hunter2")
    file = tmp_path / "secret"
    file.write_text("hunter3\n")
    for place, secret in (("env:NAME_OF_IT", "hunter2"), (f"file:{file}", "hunter3")):
        keys = {"plugin.options.level": "1", "plugin.options.key": place}
        plugin = boot({"event_listeners": "options", **keys}).enabled[
            "cdb.event_listeners", "options"
        ]
        assert plugin.options.key.value == secret
        assert secret not in f"{plugin.options!r} {plugin.options.key} {plugin.options.key!r}"


@pytest.mark.parametrize("name", ["roels", "roles"])
def test_options_of_what_is_not_enabled_stop_the_boot(name: str) -> None:
    said = why({f"plugin.{name}.claim": "groups"})
    assert said == f"cdb.plugin.{name}.claim: no plugin {name!r} is enabled"


# --- choices that contradict each other ---------------------------------------------


@pytest.mark.usefixtures("throwaway")
def test_one_name_in_two_kinds_stops_the_boot() -> None:
    said = why({"event_listeners": "run-lumi"})
    assert said == (
        "cdb.event_listeners: 'run-lumi' is enabled as iov_dimension, too: options go by the name"
    )


def test_one_name_twice_stops_the_boot() -> None:
    said = why({"event_listeners": "log log"})
    assert said == "cdb.event_listeners: 'log' is enabled twice: options go by the name"


@pytest.mark.usefixtures("throwaway")
def test_one_plugin_of_two_distributions_stops_the_boot(tmp_path: Path) -> None:
    points = "[cdb.event_listeners]\ngood = {module}:Good\n"
    with installed(write(tmp_path, SOURCE, points, name="another")):
        said = why({"event_listeners": "good"})
    assert said == (
        "cdb.event_listeners: 'good': it is in another and throwaway: uninstall one of them"
    )


@pytest.mark.usefixtures("throwaway")
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"forced_validators": "JEC_* text-tabel"},
            "cdb.forced_validators: 'text-tabel' is none of cdb.payload_validators",
        ),
        (
            {"forced_validators": "JEC_* validates", "payload_validators": "any validates"},
            "cdb.plugin.validates.level: missing",
        ),
        ({"forced_validators": "JEC_*"}, "cdb.forced_validators: each line is two words"),
        (
            {"default_dimension": "utc-time", "iov_dimensions": "major-minor"},
            "cdb.default_dimension: it is none of cdb.iov_dimensions",
        ),
        (
            {"iov_dimensions": ""},
            "cdb.default_dimension: it is none of cdb.iov_dimensions",
        ),
    ],
)
def test_choice_that_cannot_be_stops_the_boot(settings: dict[str, str], reason: str) -> None:
    assert why(settings).startswith(reason)


@pytest.mark.usefixtures("throwaway")
def test_validator_that_types_complete_starts_without_its_options() -> None:
    plugins = boot({"payload_validators": "validates"})
    assert plugins.makers["validates"]({"level": 3}).options.level == 3


# --- the line of the ini ------------------------------------------------------------

INI = """\
[app:main]
use = egg:hep-cdb
cdb.database.url = sqlite:////unused.sqlite
cdb.event_listeners = log
    abstract
cdb.plugin.log.colour = red

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:0
"""


@pytest.mark.parametrize("verb", [["serve"], ["plugins", "--check"]])
def test_command_names_the_line_of_the_ini(
    throwaway: Path, tmp_path: Path, verb: list[str]
) -> None:
    ini = tmp_path / "mine.ini"
    ini.write_text(INI)
    own = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    done = subprocess.run(
        [CDB, *verb, ini],
        check=False,
        capture_output=True,
        text=True,
        env={**own, "PYTHONPATH": str(throwaway)},
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: mine.ini: "
        "cdb.plugin.log.colour: log has no such option; it has none (line 6); "
        "cdb.event_listeners: 'abstract': it does not define committed (line 4)\n"
    )
