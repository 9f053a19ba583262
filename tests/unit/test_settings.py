"""Settings: from the ini and the environment, typed, and wrong ones named."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cdb.settings import Settings, SettingsError, ignored, key_of, load, variable_of
from cdb_client import profiles

URL = "sqlite:////data/cdb.sqlite"
INI = {"cdb.database.url": URL}


def why(ini: dict[str, str], environ: dict[str, str] | None = None) -> str:
    """Return why these settings stop the boot."""
    with pytest.raises(SettingsError) as stopped:
        load(ini, environ or {})
    return str(stopped.value)


# --- where values come from -------------------------------------------------------


def test_only_the_database_has_to_be_set() -> None:
    settings = load(INI, {})
    assert settings.database_url == URL
    assert (settings.api_base, settings.iov_mode, settings.max_body_mb) == (
        "/api/cdb_rest",
        "continuous",
        64,
    )


def test_variable_stands_for_an_ini_key() -> None:
    assert variable_of("cdb.database.url") == "CDB_DATABASE_URL"
    assert load({}, {"CDB_DATABASE_URL": URL}).database_url == URL


def test_environment_wins_over_the_ini() -> None:
    ini = {**INI, "cdb.iov_mode": "continuous", "cdb.max_body_mb": "7"}
    settings = load(ini, {"CDB_IOV_MODE": "discrete"})
    assert (settings.iov_mode, settings.max_body_mb) == ("discrete", 7)


def test_environment_mends_a_wrong_value_of_the_ini() -> None:
    assert load({**INI, "cdb.iov_mode": "x"}, {"CDB_IOV_MODE": "discrete"}).iov_mode == "discrete"


def test_addresses_of_databases_can_be_in_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql+psycopg2://cdb:secret@db/cdb\n")
    (tmp_path / "replicas").write_text(
        "postgresql+psycopg2://cdb:secret@a/cdb\npostgresql+psycopg2://cdb:secret@b/cdb\n"
    )
    ini = {
        "cdb.database.url": f"file:{tmp_path}/url",
        "cdb.database.replicas": f"file:{tmp_path}/replicas",
    }
    settings = load(ini, {})
    assert settings.database_url == "postgresql+psycopg2://cdb:secret@db/cdb"
    assert settings.database_replicas == (
        "postgresql+psycopg2://cdb:secret@a/cdb",
        "postgresql+psycopg2://cdb:secret@b/cdb",
    )


def test_file_that_should_have_the_address_is_named_and_not_shown(tmp_path: Path) -> None:
    missing = why({"cdb.database.url": f"file:{tmp_path}/url"})
    assert f"cdb.database.url: {tmp_path}/url cannot be read: No such file or directory" in missing
    (tmp_path / "url").write_text("mysql://cdb:secret@db/cdb")
    wrong = why({"cdb.database.url": f"file:{tmp_path}/url"})
    assert "it starts with postgresql+psycopg2://" in wrong
    assert "secret" not in wrong


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_a_key_a_variable_and_a_description(field: str) -> None:
    key = key_of(field)
    assert key.startswith("cdb.")
    assert variable_of(key) == f"CDB_{field.upper()}"
    assert len(str(Settings.model_fields[field].description)) > 20


def test_keys_of_others_are_left_alone() -> None:
    assert load({**INI, "pyramid.reload_templates": "true", "use": "egg:hep-cdb"}, {})


@pytest.mark.parametrize(
    ("key", "text", "field", "value"),
    [
        ("cdb.database.pool_size", "3", "database_pool_size", 3),
        ("cdb.database.timeout", "PT0.5S", "database_timeout", timedelta(milliseconds=500)),
        ("cdb.api_base", "/cond/v1", "api_base", "/cond/v1"),
        ("cdb.default_ends", "next-start", "default_ends", "next-start"),
        ("cdb.locked_delete", "allow", "locked_delete", "allow"),
        ("cdb.staged_keep", "P7D", "staged_keep", timedelta(days=7)),
        ("cdb.global_tag_detail", "no-iovs", "global_tag_detail", "no-iovs"),
        ("cdb.payload_base_url", "https://x/y", "payload_base_url", "https://x/y"),
        ("cdb.max_streams", "1", "max_streams", 1),
        ("cdb.unavailable_status", "504", "unavailable_status", 504),
        ("cdb.timeout_endpoint", "false", "timeout_endpoint", False),
        ("cdb.read_access", "authenticated", "read_access", "authenticated"),
        ("cdb.authenticators", "jwt\n  oidc", "authenticators", ("jwt", "oidc")),
        (
            "cdb.forced_validators",
            "\nJEC_* any\n\nB? checksum",
            "forced_validators",
            (("JEC_*", "any"), ("B?", "checksum")),
        ),
        ("cdb.payload_store_options", '{"a": 1}', "payload_store_options", {"a": 1}),
        ("cdb.event_listeners", "", "event_listeners", ()),
        ("cdb.allow_open_writes", "true", "allow_open_writes", True),
    ],
)
def test_text_becomes_a_typed_value(key: str, text: str, field: str, value: Any) -> None:
    assert getattr(load({**INI, key: text}, {}), field) == value
    assert getattr(load(INI, {variable_of(key): text}), field) == value


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg2://cdb@db.example.org/cdb", "postgresql+psycopg2:///cdb?host=/run"]
)
def test_postgresql_is_taken(url: str) -> None:
    assert load({"cdb.database.url": url}, {}).database_url == url


# --- what stops the boot ----------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["cdb.databse.url", "cdb.iovmode", "cdb.port", "cdb.", "cdb.IOV_MODE"]
)
def test_unknown_key_stops_the_boot_and_is_named(key: str) -> None:
    assert why({**INI, key: "x"}) == f"{key}: no setting has this name"


def test_missing_database_is_named_with_its_variable() -> None:
    assert why({}) == (
        "cdb.database.url: missing; set it in the ini, or CDB_DATABASE_URL in the environment"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cdb.database.url", "cdb.sqlite"),
        ("cdb.database.url", "mysql://host/cdb"),
        ("cdb.database.url", "postgresql://host/cdb"),
        ("cdb.database.url", "sqlite://"),
        ("cdb.database.url", "sqlite:///:memory:"),
        ("cdb.database.url", ""),
        ("cdb.database.pool_size", "0"),
        ("cdb.database.pool_size", "many"),
        ("cdb.database.timeout", "-PT1S"),
        ("cdb.database.timeout", "soon"),
        ("cdb.api_base", "api"),
        ("cdb.api_base", "/api/"),
        ("cdb.api_base", "/a b"),
        ("cdb.api_base", "/{name}"),
        ("cdb.iov_mode", "Discrete"),
        ("cdb.default_ends", "open"),
        ("cdb.locked_delete", "yes"),
        ("cdb.staged_keep", "P0D"),
        ("cdb.global_tag_detail", "light"),
        ("cdb.payload_base_url", "x" * 256),
        ("cdb.max_body_mb", "0"),
        ("cdb.max_body_mb", "1.5"),
        ("cdb.max_streams", "0"),
        ("cdb.unavailable_status", "500"),
        ("cdb.unavailable_status", "٥٠٣"),
        ("cdb.timeout_endpoint", "perhaps"),
        ("cdb.allow_open_writes", ""),
    ],
)
def test_wrong_value_stops_the_boot_and_is_named(key: str, value: str) -> None:
    message = why({**INI, key: value})
    assert message.startswith(f"{key}: ")
    assert len(message) > len(key) + 10


def test_wrong_value_of_the_environment_names_the_variable() -> None:
    message = why(INI, {"CDB_IOV_MODE": "x"})
    assert message.startswith("cdb.iov_mode: ")
    assert message.endswith("(from CDB_IOV_MODE)")


def test_every_problem_is_named_at_once() -> None:
    message = why({"cdb.iov_mode": "x", "cdb.colour": "red"})
    assert [part.split(":")[0] for part in message.split("; ") if part.startswith("cdb.")] == [
        "cdb.database.url",
        "cdb.iov_mode",
        "cdb.colour",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://cdb:s3cret@host/cdb",
        "mysql://cdb:s3cret@host/cdb",
        "s3cret",
        "postgresql+psycopg2://cdb:s3cret@host:port/cdb",
    ],
)
def test_no_message_has_the_password_of_the_database(url: str) -> None:
    assert "s3cret" not in why({"cdb.database.url": url, "cdb.max_body_mb": "0"})


REPLICA = "postgresql+psycopg2://cdb@replica1/cdb"


def test_replicas_are_separated_by_white_space() -> None:
    ini = {"cdb.database.url": "postgresql+psycopg2://cdb@primary/cdb"}
    other = REPLICA.replace("1", "2")
    settings = load(ini | {"cdb.database.replicas": f"\n{REPLICA}\n{other}"}, {})
    assert settings.database_replicas == (REPLICA, other)
    assert settings.database_max_lag == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("primary", "replicas", "reason"),
    [
        (URL, REPLICA, "only PostgreSQL has replicas"),
        (REPLICA, URL, "only PostgreSQL has replicas"),
        (REPLICA, "replica2", "this is no database URL"),
        (REPLICA, f"{REPLICA}?host=a,b", "each URL is of one server"),
        (REPLICA, "postgresql+psycopg2:///cdb?host=a&host=b", "each URL is of one server"),
    ],
)
def test_what_cannot_be_a_replica_stops_the_boot(primary: str, replicas: str, reason: str) -> None:
    ini = {"cdb.database.url": primary, "cdb.database.replicas": replicas}
    assert why(ini).startswith(f"cdb.database.replicas: {reason}")


# --- what is only remarked ----------------------------------------------------------


def test_unknown_variable_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert load(INI, {"CDB_COLOUR": "red"}).database_url == URL
    assert caplog.messages == ["CDB_COLOUR is no setting of cdb and is ignored"]


def test_variables_of_the_client_are_not_remarked() -> None:
    names = {*profiles.VARIABLES, "CDB_CONFIG", "CDB_PATIENCE", "CDB_PROFILE", "CDB_TOKEN"}
    assert ignored(INI, dict.fromkeys(names, "x")) == []


@pytest.mark.parametrize(
    "variable", ["CDB_PORT", "CDB_SERVICE_HOST", "CDB_SERVICE_PORT", "CDB_PORT_8000_TCP_ADDR"]
)
def test_variable_that_a_container_platform_sets_changes_nothing(variable: str) -> None:
    assert load(INI, {variable: "tcp://10.0.0.1:8000"}) == load(INI, {})


@pytest.mark.parametrize("variable", ["CDB_PORT", "CDB_SERVICE_HOST", "CDB_SERVICE_PORT"])
def test_no_setting_maps_to_what_a_container_platform_sets(variable: str) -> None:
    assert variable not in {variable_of(key_of(field)) for field in Settings.model_fields}


@pytest.mark.parametrize("variable", ["CDB_URL", "CDB_TOKEN", "CDB_TEST_DATABASE_URL", "PATH"])
def test_variables_of_others_are_not_remarked(
    caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    with caplog.at_level(logging.WARNING):
        load(INI, {variable: "x"})
    assert caplog.messages == []


def test_value_of_an_unknown_variable_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        load(INI, {"CDB_DATABASE_PASSWORD": "s3cret"})
    assert "CDB_DATABASE_PASSWORD" in caplog.text
    assert "s3cret" not in caplog.text


# --- variables of nopayloaddb -----------------------------------------------------


def test_variable_of_nopayloaddb_is_told_what_it_is_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        load(INI, {"CDB_AUTH_CLASS": "x", "POSTGRES_HOST_W": "db"})
    told = [message.partition(";")[0] for message in caplog.messages]
    assert told == [
        "CDB_AUTH_CLASS is ignored: it is of nopayloaddb, and cdb.authenticators here",
        "POSTGRES_HOST_W is ignored: it is of nopayloaddb, and cdb.database.url here",
    ]


def test_missing_database_is_told_with_the_old_variable() -> None:
    reason = why({}, {"POSTGRES_DB_W": "npdb"})
    assert "CDB_DATABASE_URL" in reason
    assert "POSTGRES_DB_W" in reason
    assert "cdb config from-nopayloaddb" in reason
    assert "nopayloaddb" not in why({})
