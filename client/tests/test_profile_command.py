"""`cdb profile`: what is configured, and never a secret."""

import json

import pytest

from cdb_client.cli import main

FILE = """
default = "cms"

[profiles.cms]
url = ["https://user:hunter2@cdb.example.org/api", "https://cdb2.example.org/api"]
proxy = "http://squid:hunter2@squid.example.org:3128"
token_command = "get-token --secret hunter2"

[profiles.test]
url = "http://127.0.0.1:8000/api"
"""


@pytest.fixture(autouse=True)
def _file(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text(FILE)
    monkeypatch.setenv("CDB_CONFIG", str(tmp_path / "config.toml"))


def test_profiles_are_listed(cli):
    lines = cli.invoke(main, ["profile", "list"]).output.splitlines()

    assert [line.split() for line in lines] == [
        ["profile", "url"],
        ["cms", "https://cdb.example.org/api", "https://cdb2.example.org/api"],
        ["test", "http://127.0.0.1:8000/api"],
    ]


def test_the_default_is_shown_with_the_environment_on_top(cli):
    environ = {"CDB_CACHE_MB": "5", "CDB_TOKEN": "hunter2"}
    shown = json.loads(
        cli.invoke(main, ["profile", "show", "--format", "json"], env=environ).output
    )

    assert shown["url"] == ["https://cdb.example.org/api", "https://cdb2.example.org/api"]
    assert (shown["cache_mb"], shown["token"], shown["token_command"]) == (5, "set", "set")


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_no_secret_is_shown(cli, form):
    for words in (["list"], ["show", "cms"]):
        done = cli.invoke(
            main, ["profile", *words, "--format", form], env={"CDB_TOKEN": "hunter2"}
        )
        assert (done.exit_code, "hunter2" in done.output) == (0, False)


def test_unknown_profile_is_a_wrong_configuration(cli):
    done = cli.invoke(main, ["profile", "show", "atlas"])

    assert (done.exit_code, "profiles there: cms, test" in done.output) == (2, True)
