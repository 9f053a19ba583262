"""Profiles in a file, and what the environment says on top."""

from pathlib import Path

import pytest

from cdb_client import Client
from cdb_client.errors import ConfigError
from cdb_client.profiles import DEFAULT_URL, Profile, load, names, place

CONTENT = """
default = "cms"

[profiles.cms]
url = ["https://one.example.org/api", "https://two.example.org/api"]
token_command = "print-token"
read_dirs = "/cvmfs/cms"
cache_mb = 500

[profiles.test]
insecure_token = true
"""


@pytest.fixture
def environ(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(CONTENT)
    return {"CDB_CONFIG": str(file)}


def test_without_a_file_there_is_the_default(tmp_path):
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert load(environ=environ) == Profile(url=(DEFAULT_URL,))
    assert names(environ) == []
    assert place(environ) == tmp_path / "cdb" / "config.toml"


def test_the_default_is_chosen_unless_another_one_is(environ):
    cms = load(environ=environ)
    assert cms.url == ("https://one.example.org/api", "https://two.example.org/api")
    assert (cms.read_dirs, cms.cache_mb, cms.insecure_token) == (("/cvmfs/cms",), 500, False)
    assert load("test", environ).insecure_token is True
    assert load(environ=environ | {"CDB_PROFILE": "test"}).url == (DEFAULT_URL,)
    assert names(environ) == ["cms", "test"]


def test_the_environment_wins_over_the_profile(environ):
    environ |= {
        "CDB_URL": "http://a/api  http://b/api",
        "CDB_READ_DIRS": "/one:/two",
        "CDB_CACHE": "none",
        "CDB_INSECURE_TOKEN": "yes",
        "CDB_TOKEN": "abc ",
    }
    profile = load(environ=environ)
    assert profile.url == ("http://a/api", "http://b/api")
    assert (profile.read_dirs, profile.insecure_token) == (("/one", "/two"), True)
    assert profile.cache_folder(environ) is None
    assert profile.credentials(environ).current() == "abc"


def test_the_path_of_a_bundle_can_have_blanks(environ):
    assert load(environ=environ | {"CDB_URL": "/my data/x.cdb"}).url == ("/my data/x.cdb",)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CDB_URL", "  "),
        ("CDB_INSECURE_TOKEN", "maybe"),
        ("CDB_CACHE_MB", "big"),
        ("CDB_CACHE_MB", "-5"),
        ("CDB_CACHE_MB", "0"),
    ],
)
def test_a_variable_that_cannot_be_is_named(environ, variable, value):
    with pytest.raises(ConfigError, match=f"{variable} cannot be {value!r}"):
        load(environ=environ | {variable: value})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[profiles.x", "cannot be read"),
        ("default = 'x'", "no profile 'x' in .*; profiles there: none"),
        ("default = 5", "no profile 5"),
        ("default = 'x'\n[profiles.x]\nurll = 'a'", "unknown key 'urll'; known: url, proxy"),
        ("default = 'x'\n[profiles.x]\nurl = []", "has no url"),
        ("default = 'x'\n[profiles.x]\nurl = [5]", "url has to be a text, or a list of texts"),
        ("default = 'x'\n[profiles.x]\ncache_mb = true", "cache_mb has to be a int"),
        ("default = 'x'\n[profiles.x]\ncache_mb = 0", "cache_mb that is not positive"),
        ("default = 'x'\n[profiles.x]\nproxy = 5", "proxy has to be a str"),
        ("default = 'x'\n[profiles]\nx = 5", "is no table"),
    ],
)
def test_a_file_that_cannot_be_says_where(environ, content, told):
    Path(environ["CDB_CONFIG"]).write_text(content)
    with pytest.raises(ConfigError, match=told):
        load(environ=environ)


def test_a_user_without_a_home_has_no_profiles(monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    assert load(environ={}) == Profile()
    assert Profile().cache_folder({}) == Path("/.cache/cdb")


def test_a_client_takes_its_profile_and_arguments_win(environ, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with Client() as client:
        assert client.service.base == "https://one.example.org/api"
    with Client("http://here/api", profile="test") as client:
        assert client.service.base == "http://here/api"
