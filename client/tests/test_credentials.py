"""Where the token comes from, and what is no token."""

import os
import shlex
import sys

import pytest

from cdb_client.credentials import Credentials
from cdb_client.errors import ConfigError


def command(script):
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}"


@pytest.fixture
def file(tmp_path):
    place = tmp_path / "token"
    place.write_text(" from-file\n")
    return str(place)


def test_the_token_wins_over_the_file_and_the_file_over_the_command(file):
    printing = command("print('printed')")
    assert Credentials("given", file, printing).current() == "given"
    assert Credentials(None, file, printing).current() == "from-file"
    assert Credentials(None, None, printing).current() == "printed"
    assert Credentials().current() is None


def test_a_command_is_run_again_only_where_its_token_was_refused(tmp_path):
    seen = tmp_path / "seen"
    credentials = Credentials(
        command=command(f"f=open({str(seen)!r},'a'); f.write('x'); f.flush(); print(f.tell())")
    )
    assert [credentials.current(), credentials.current()] == ["1", "1"]
    assert [credentials.current("another"), credentials.current("1")] == ["1", "2"]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("print()", "is no token"),
        ("print('a b')", "is no token"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "cannot be run|is no token"),
    ],
)
def test_a_command_without_a_token_is_told(script, told):
    with pytest.raises(ConfigError, match=told):
        Credentials(command=command(script)).current()


@pytest.mark.parametrize("words", ["no-such-command-anywhere", "'unclosed"])
def test_a_command_that_cannot_be_run_is_told(words):
    with pytest.raises(ConfigError, match="cannot be run"):
        Credentials(command=words).current()


@pytest.mark.parametrize("token", ["a b", "a\nb", "ä", "\x00"])
def test_what_is_no_token_is_not_repeated(token):
    with pytest.raises(ConfigError, match="What CDB_TOKEN gives is no token") as error:
        Credentials(token).current()
    assert token not in str(error.value)
    assert token not in repr(Credentials(token))


def test_a_token_file_that_is_missing_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Credentials(file=str(tmp_path / "none")).current()


# --- the places of WLCG ---------------------------------------------------------------


def test_the_places_of_wlcg_are_looked_up_in_their_order(tmp_path, file):
    own = tmp_path / f"bt_u{os.getuid()}"
    own.write_text("from-runtime-dir")
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert Credentials(environ=environ).current() == "from-runtime-dir"
    environ["BEARER_TOKEN_FILE"] = file
    assert Credentials(environ=environ).current() == "from-file"
    environ |= {"BEARER_TOKEN": "from-environment"}
    assert Credentials(environ=environ).current() == "from-environment"
