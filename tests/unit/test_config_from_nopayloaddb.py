"""An ini from the configuration of a nopayloaddb boots, has no secret, and comes with warnings."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cdb.builtin.credentials import secret_problem
from cdb.commands.config import config
from cdb.commands.deployment import deployment_of
from cdb.errors import Invalid
from cdb.services.nopayloaddb.configuration import Converted, converted, of_file, of_values

KEY = "c6f1a0d94e7b4d1e8a5f3b2c9d0e7f61"
KNOWN = "changetosomething"
CLASSES = "cdb_rest.permissions_plugins"
ENVIRON = {
    "POSTGRES_HOST_W": "db.example.org",
    "POSTGRES_PORT_W": "5433",
    "POSTGRES_DB_W": "npdb",
    "POSTGRES_USER_W": "cdb",
    "POSTGRES_PASSWORD_W": "p%ss",
    "JWT_SECRET": KEY,
    "CDB_AUTH_CLASS": "cdb_rest.authentication.CustomJWTAuthentication",
    "CDB_IOV_MODE": "discrete",
    "CDB_PAYLOAD_BASE_URL": "https://x.example.org/a%20b/",
    "PATH": "/bin",
}


def convert(**changed: str | None) -> Converted:
    environ = {**ENVIRON, **changed}
    given = {name: value for name, value in environ.items() if value is not None}
    return converted(given, secret_problem)


def warned(made: Converted, *words: str) -> bool:
    return any(all(word in warning for word in words) for warning in made.warnings)


def test_the_ini_boots_with_what_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", KEY)
    ini = tmp_path / "new.ini"
    ini.write_text(convert().ini)
    settings = deployment_of(ini).settings
    assert settings.database_url == "postgresql+psycopg2://cdb@db.example.org:5433/npdb_cdb"
    assert (settings.iov_mode, settings.unavailable_status) == ("discrete", 504)
    assert settings.payload_base_url == "https://x.example.org/a%20b/"
    assert settings.authenticators == ("jwt",)
    assert settings.authorization_policies == ("roles", "scopes")
    assert settings.allow_open_writes is False


def test_no_secret_comes_into_it() -> None:
    made = convert()
    assert KEY not in made.ini + "".join(made.warnings)
    assert "p%ss" not in made.ini + "".join(made.warnings)
    assert warned(made, "POSTGRES_PASSWORD_W", "CDB_DATABASE_URL")
    assert "--from postgresql+psycopg2://cdb@db.example.org:5433/npdb\n" in made.ini


def test_what_was_open_is_said() -> None:
    made = convert(CDB_AUTH_CLASS="", JWT_SECRET=KNOWN)
    assert warned(made, "CDB_AUTH_CLASS was empty", "everybody", "could write")
    assert warned(made, "JWT_SECRET", "does not start")
    assert warned(made, "permitted everything")
    assert warned(convert(JWT_SECRET=None), "JWT_SECRET is not set")
    assert not warned(convert(), "JWT_SECRET")
    assert not warned(convert(), "could write, without")


def test_the_permission_plugin_of_belle_2_has_a_counterpart() -> None:
    made = convert(CDB_PERMISSION_PLUGIN_CLASS=f"{CLASSES}.belle2.Belle2PermissionPlugin")
    assert "cdb.authorization_policies = belle2-claims" in made.ini
    assert not warned(made, "permitted everything")


def test_classes_without_a_counterpart_are_named() -> None:
    made = convert(CDB_PERMISSION_PLUGIN_CLASS="own.Plugin", CDB_AUTH_CLASS="own.Auth")
    assert warned(made, "own.Plugin", "no counterpart")
    assert warned(made, "own.Auth", "no counterpart")


def test_other_databases_and_shown_variables_are_warned_of() -> None:
    made = convert(POSTGRES_HOST_R1="other", POSTGRES_HOST_R2="db.example.org", CDB_COLOUR="x")
    assert warned(made, "POSTGRES_*_R1", "other")
    assert not warned(made, "POSTGRES_*_R2")
    assert warned(made, "CDB_COLOUR", "showed")


def test_what_is_not_set_has_the_default_of_then() -> None:
    made = converted({"JWT_SECRET": KEY}, secret_problem)
    assert "postgresql+psycopg2://login@localhost:5432/dbname_cdb" in made.ini
    assert warned(made, "POSTGRES_HOST_W", "'localhost'")
    assert "cdb.iov_mode = continuous" in made.ini


@pytest.mark.parametrize(
    "changed",
    [{"CDB_IOV_MODE": "both"}, {"POSTGRES_PORT_W": "x"}, {"CDB_PAYLOAD_BASE_URL": "a\nb = c"}],
)
def test_values_that_cannot_be_meant_are_refused(changed: dict[str, str]) -> None:
    with pytest.raises(Invalid, match=next(iter(changed))):
        convert(**changed)


def test_files_of_variables_are_read_as_shells_do() -> None:
    text = "# c\nexport A=b\nC='d e' # f\n\nG=\n"
    assert of_file(text) == {"A": "b", "C": "d e", "G": ""}
    with pytest.raises(Invalid, match="Line 2"):
        of_file("A=b\nC")
    with pytest.raises(Invalid, match="Line 1"):
        of_file("A='b")


VALUES: dict[str, Any] = {
    "backend": {"type": "django"},
    "database": {
        "writer": {"host": "w", "port": 5432, "name": "cdb", "user": "u", "password": "secret"},
        "reader1": {"host": "r", "port": 5432, "name": "cdb", "user": "u", "password": "secret"},
    },
    "cdb": {
        "iovMode": "discrete",
        "payloadBaseUrl": "",
        "permissionPluginClass": f"{CLASSES}.belle2.Belle2PermissionPlugin",
        "authClass": "",
        "jwtSecret": "",
    },
    "nginx": {"cacheControl": "max-age=3600"},
    "pgbouncer": {"enabled": False},
}


def of_chart(values: dict[str, Any]) -> Converted:
    environ, warnings = of_values(values)
    return converted(environ, secret_problem, warnings)


def test_values_of_the_chart_are_the_variables_that_it_sets() -> None:
    made = of_chart(VALUES)
    assert "postgresql+psycopg2://u@w:5432/cdb_cdb" in made.ini
    assert "cdb.iov_mode = discrete" in made.ini
    assert "secret\n" not in made.ini
    assert warned(made, "PERMISSION_PLUGIN_CLASS", "does not read", "everything was permitted")
    assert warned(made, "POSTGRES_*_R1")
    assert warned(made, "nginx", "Cache-Control")
    assert warned(made, "CDB_AUTH_CLASS was empty")


def test_values_of_the_older_charts_do() -> None:
    made = of_chart({"dbhost_w": "h", "dbname_w": "n", "dbuser_w": "u", "dbhost_r1": "r"})
    assert "postgresql+psycopg2://u@h:5432/n_cdb" in made.ini
    assert warned(made, "POSTGRES_*_R1", "on r")
    first = of_chart({"dbhost": "h", "dbname": "n", "dbuser": "u", "dbpassword": "p"})
    assert "postgresql+psycopg2://u@h:5432/n_cdb" in first.ini


def test_the_database_that_the_chart_brings_is_warned_of() -> None:
    bundled = {"enabled": True, "auth": {"username": "b", "database": "d"}}
    made = of_chart({**VALUES, "postgresql": bundled, "backend": {"type": "java"}})
    assert "postgresql+psycopg2://b@RELEASE-postgresql:5432/d_cdb" in made.ini
    assert warned(made, "goes with it")
    assert warned(made, "java")


@pytest.mark.parametrize("values", [None, [], {}, {"cdb": {"iovMode": "discrete"}}])
def test_other_values_are_refused(values: object) -> None:
    with pytest.raises(Invalid, match=r"^The values are"):
        of_values(values)


def command(*arguments: object, environ: dict[str, str] | None = None) -> Result:
    runner = CliRunner(env=environ)
    return runner.invoke(config, ["from-nopayloaddb", *map(str, arguments)])


def test_the_command_prints_or_writes(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("dbhost_w: h\ndbname_w: n\ndbuser_w: u\n")
    printed = command("--values", values)
    assert printed.exit_code == 0
    assert "postgresql+psycopg2://u@h:5432/n_cdb" in printed.stdout
    assert "warning: CDB_AUTH_CLASS was empty" in printed.stderr
    output = tmp_path / "new.ini"
    assert command("--values", values, "-o", output).exit_code == 0
    assert output.read_text() == printed.stdout
    again = command("--values", values, "-o", output)
    assert (again.exit_code, "is there already" in again.stderr) == (1, True)


def test_the_command_reads_variables(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("export POSTGRES_HOST_W=fromfile\n")
    assert "@fromfile:" in command("--env", file).stdout
    assert "@fromhere:" in command(environ={"POSTGRES_HOST_W": "fromhere"}).stdout
    assert command("--env", file, "--values", file).exit_code == 2


def test_the_command_says_what_it_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("a: [")
    assert "is no YAML" in command("--values", file).stderr
    file.write_text("a: b")
    assert "not those of a chart" in command("--values", file).stderr
