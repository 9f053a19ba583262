"""What a shell completes: words of the command, and names that the service knows."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner
from conditions import fill
from support import API, Client, program, serving

from cdb.app import make_app
from cdb.settings import load
from cdb_client.cli import main
from cdb_client.commands import completing


@pytest.fixture(scope="module")
def url(databases: Any) -> Iterator[str]:
    """A service with the tags A and B; T is a payload type in both, and U in none."""
    with databases("sqlite") as database:
        app = make_app(load({"cdb.database.url": database, "cdb.allow_open_writes": "true"}, {}))
        fill(Client(app))
        Client(app).ok("POST", "gt", {"name": "Another tag"})
        with serving(app) as root:
            yield root + API
        app.registry.cdb.database.dispose()


@pytest.fixture(autouse=True)
def _service(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_URL", url)


def completed(line: str) -> list[str]:
    """Return what completes a line whose last word is begun, by click's protocol."""
    kind = get_completion_class("bash")
    assert kind
    *words, begun = line.split(" ")
    return [
        each.value for each in kind(main, {}, "cdb", "_CDB_COMPLETE").get_completions(words, begun)
    ]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("timel", ["timeline"]),
        ("gt show ", ["A", "Another tag", "B"]),
        ("gt show An", ["Another tag"]),
        ("insert A ", ["T"]),
        ("pt show ", ["T", "U"]),
        ("pl show T", ["T_1", "T_2"]),
        ("gt create New --status f", ["frozen"]),
        ("gt show No", []),
    ],
)
def test_names_come_from_the_service(
    line: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the second is over before the service has answered.
    monkeypatch.setattr(completing, "SECONDS", 30.0)
    assert completed(line) == names


def test_profiles_come_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDB_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text('[profiles.cms]\nurl = "u"\n[profiles.belle2]\n')

    assert completed("gt show --profile ") == ["belle2", "cms"]
    (tmp_path / "config.toml").write_text("[")
    assert completed("gt show --profile ") == []


def test_a_service_that_does_not_answer_costs_a_second(
    silent: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDB_URL", f"{silent} {silent} {silent} {silent}")
    waited: list[float | None] = []
    join = threading.Thread.join
    monkeypatch.setattr(
        threading.Thread, "join", lambda self, wait=None: (waited.append(wait), join(self, wait))
    )

    assert completed("gt show ") == []

    # Not one for each.
    assert waited == [completing.SECONDS]
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    import socket  # noqa: PLC0415 - of this fixture only

    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_of_a_shell_asks_the_command(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])

    assert done.exit_code == 0
    assert f"_CDB_COMPLETE={shell}_complete" in done.output


def test_a_real_bash_completes(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[profiles."Another one"]\nurl = "u"\n[profiles.cms]\nurl = "u"\n')
    line = "gt show --profile An"
    script = f"""
    eval "$(cdb completion bash)"
    COMP_WORDS=(cdb {line}) COMP_CWORD=4
    _cdb_completion cdb
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [program("bash"), "--norc", "-c", script],
        env={"PATH": path, "CDB_CONFIG": str(config), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("Another one\n", "")
