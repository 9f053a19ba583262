"""The compose files: right by the specification, and all that they name is there.

No container engine is needed. That the configuration works is seen by the stack without
containers, which takes the same files: `test_stack.py`.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from support import DATA
from typed import parse

from cdb.registry.plugins import load as load_plugins
from cdb.settings import load, loader_of

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = [DEPLOY / "compose.yaml", DEPLOY / "compose.dev.yaml"]
PUBLIC = {"nginx"}
"""What is published to others than this machine."""

INI = "/etc/cdb/cdb.ini"
"""Where a container has it."""

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def composed(path: Path) -> dict[str, Any]:
    """Return a compose file, with the defaults of its variables."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", path.read_text("utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def services(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from composed(path)["services"].items()


def mounts(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield what is mounted: the service, what, and where it comes to."""
    for name, service in services(path):
        for mounted in service.get("volumes", ()):
            source, target, *_ = mounted.split(":")
            yield name, source, target


# --- the files themselves ---------------------------------------------------------------


@each_file
def test_file_is_as_the_specification_wants_it(path: Path) -> None:
    schema = json.loads((DATA / "compose/compose_spec.json").read_text("utf-8"))
    jsonschema.Draft7Validator(schema).validate(composed(path))


def test_schema_finds_what_is_wrong() -> None:
    schema = json.loads((DATA / "compose/compose_spec.json").read_text("utf-8"))
    wrong = composed(FILES[0])
    wrong["services"]["nginx"]["depends_on"]["cdb1"]["condition"] = "service_is_well"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(wrong)


@each_file
def test_every_image_has_a_version(path: Path) -> None:
    for name, service in services(path):
        image, _, version = service["image"].partition(":")
        assert version not in {"", "latest"}, name
        # Ours is built from this checkout; the others come as they are.
        assert ("build" in service) == (image == "cdb"), name


@each_file
def test_image_is_built_from_a_file_that_is_there(path: Path) -> None:
    built = [service["build"] for _, service in services(path) if "build" in service]
    assert built
    for build in built:
        assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


@each_file
def test_all_that_is_mounted_is_there(path: Path) -> None:
    volumes = composed(path)["volumes"]
    used = set()
    for name, source, target in mounts(path):
        if source.startswith("."):
            assert (DEPLOY / source).exists(), f"{name}: {source} for {target}"
        else:
            assert source in volumes, f"{name}: {source} for {target}"
            used.add(source)
    assert used == set(volumes)


@each_file
def test_networks_and_secrets_are_declared_and_used(path: Path) -> None:
    found = composed(path)
    for kind in ("networks", "secrets"):
        used = {each for _, service in services(path) for each in service.get(kind, ())}
        assert used == set(found.get(kind, {})), kind


@each_file
def test_service_waits_for_what_it_needs(path: Path) -> None:
    found = composed(path)["services"]
    for name, service in services(path):
        for needed, how in service.get("depends_on", {}).items():
            one_off = found[needed].get("healthcheck", {}).get("disable", False)
            expected = "service_completed_successfully" if one_off else "service_healthy"
            assert how["condition"] == expected, f"{name}: {needed}"
            assert one_off or "healthcheck" in found[needed], f"{name}: {needed}"


# --- security ---------------------------------------------------------------------------


@each_file
def test_no_container_can_write_to_its_root_or_gain_privileges(path: Path) -> None:
    for name, service in services(path):
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name


def test_only_nginx_is_published_beyond_this_machine() -> None:
    for path in FILES:
        for name, service in services(path):
            for port in service.get("ports", ()):
                assert name in PUBLIC or port.startswith("127.0.0.1:"), f"{path.name}: {name}"


def test_databases_are_reached_by_those_who_need_them() -> None:
    found = composed(FILES[0])
    assert found["networks"]["data"] == {"internal": True}
    on_it = {name for name, service in services(FILES[0]) if "data" in service["networks"]}
    assert on_it == {"postgres", "replica", "pgbouncer", "migrate", "cdb1", "cdb2"}


def test_secrets_are_files_which_one_command_makes(tmp_path: Path) -> None:
    declared = composed(FILES[0])["secrets"]
    assert {name: given["file"] for name, given in declared.items()} == {
        name: f"./secrets/{name}" for name in declared
    }
    secrets = tmp_path / "secrets"
    made(secrets)
    assert {path.name for path in secrets.iterdir()} == set(declared)
    assert secrets.stat().st_mode & 0o777 == 0o700
    contents = {path.name: path.read_text() for path in secrets.iterdir()}
    assert len({contents[name] for name in contents}) == len(contents)

    made(secrets)  # what is there is left alone
    assert {path.name: path.read_text() for path in secrets.iterdir()} == contents
    ignored = subprocess.run(
        ["git", "-C", DEPLOY, "check-ignore", "secrets/jwt_secret"], check=False, stdout=-3
    )
    assert ignored.returncode == 0


def made(secrets: Path) -> None:
    subprocess.run([DEPLOY / "compose/secrets.sh", secrets], check=True)


@each_file
def test_no_secret_is_in_the_file_or_in_an_environment(path: Path) -> None:
    for name, service in services(path):
        for variable, value in service.get("environment", {}).items():
            is_secret = re.search("PASSWORD|SECRET|TOKEN|KEY", variable)
            assert not is_secret or str(value).startswith("/run/secrets/"), f"{name}: {variable}"


# --- what is mounted --------------------------------------------------------------------


def test_secrets_that_files_name_are_given_to_the_container() -> None:
    for name, service in services(FILES[0]):
        texts = [json.dumps(service.get("environment", {}))]
        texts += [
            (DEPLOY / source).read_text()
            for mounted, source, _ in mounts(FILES[0])
            if mounted == name and (DEPLOY / source).is_file()
        ]
        named = set(re.findall(r"(?:/run/secrets|\$SECRETS)/(\w+)", "\n".join(texts)))
        assert named == set(service.get("secrets", ())), name


def test_service_can_be_started_with_its_ini(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path)
    ini = tmp_path / "cdb.ini"
    ini.write_text((DEPLOY / "compose/cdb.ini").read_text().replace("/run/secrets", str(tmp_path)))
    monkeypatch.delenv("CDB_CACHE")
    keys = loader_of(ini).get_settings("app:main")
    settings = load(keys, {})
    assert settings.database_url.endswith("@pgbouncer:6432/primary")
    assert [url.rpartition("@")[2] for url in settings.database_replicas] == [
        "pgbouncer:6432/replica1"
    ]
    assert load_plugins(settings)


def test_service_logs_as_in_production() -> None:
    def logging(ini: Path) -> str:
        return ini.read_text().partition("[loggers]")[2]

    assert logging(DEPLOY / "compose/cdb.ini") == logging(DEPLOY.parent / "production.ini") != ""


@each_file
def test_commands_are_those_that_cdb_has(path: Path) -> None:
    for name, service in services(path):
        if "build" in service:
            ini = next(source for of, source, to in mounts(path) if (of, to) == (name, INI))
            words = [str(DEPLOY / ini) if word == INI else word for word in service["command"]]
            parse(["cdb", *words])


def test_laptop_lets_this_machine_write() -> None:
    service = composed(FILES[1])["services"]["cdb"]
    keys = loader_of(DEPLOY.parent / "development.ini").get_settings("app:main")
    settings = load(keys, service["environment"])
    assert settings.database_url == "sqlite:////var/lib/cdb/cdb.sqlite"
    assert settings.allow_open_writes
    assert service["ports"] == ["127.0.0.1:8000:8000"]


def test_hosts_that_files_name_are_services() -> None:
    names = set(composed(FILES[0])["services"])
    pooler = (DEPLOY / "compose/pgbouncer.ini").read_text()
    assert set(re.findall(r"host=(\w+)", pooler)) == {"postgres", "replica"} <= names
    told = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    asked = {
        target
        for job in told["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    assert asked == {f"{name}:8000" for name in ("cdb1", "cdb2")}
    nginx = (DEPLOY / "compose/nginx.sh").read_text()
    assert "SERVICES:=cdb1:8000 cdb2:8000" in nginx


def test_site_that_nginx_gets_in_its_container_has_nothing_left_to_fill_in(tmp_path: Path) -> None:
    (tmp_path / "nginx").write_text('#!/bin/sh\necho "$@"\n')  # it is told, and not started
    (tmp_path / "nginx").chmod(0o755)
    variables = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SITE": str(DEPLOY / "nginx/cdb.conf"),
        "MAIN": str(DEPLOY / "compose/nginx.conf"),
        "RUN": str(tmp_path),
    }
    script = DEPLOY / "compose/nginx.sh"
    said = subprocess.check_output(["sh", script], env=variables, text=True)
    assert said.split() == f"-e stderr -c {tmp_path}/main.conf -g daemon off;".split()
    site = (tmp_path / "cdb.conf").read_text()
    told = "\n".join(line for line in site.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search("<|127.0.0.1|/etc/ssl|nginx-cdb", told)
    assert "server cdb1:8000; server cdb2:8000;" in told
    assert "listen 8443 ssl;" in told
    service = composed(FILES[0])["services"]["nginx"]
    assert {port.rpartition(":")[2] for port in service["ports"]} == {"8080", "8443"}
    targets = {target for name, _, target in mounts(FILES[0]) if name == "nginx"}
    assert {"/etc/cdb/nginx/cdb.conf", "/etc/cdb/nginx/nginx.conf"} <= targets


def test_connections_that_pgbouncer_opens_are_let_in() -> None:
    pooler = (DEPLOY / "compose/pgbouncer.ini").read_text()
    server = (DEPLOY / "compose/postgres/postgresql.conf").read_text()
    opened = int(re.findall(r"^default_pool_size = (\d+)", pooler, re.MULTILINE)[0])
    let_in = int(re.findall(r"^max_connections = (\d+)", server, re.MULTILINE)[0])
    assert 2 * opened <= let_in


@pytest.mark.parametrize(
    "script", sorted((DEPLOY / "compose").rglob("*.sh")), ids=lambda path: path.name
)
def test_scripts_are_for_any_shell(script: Path) -> None:
    assert script.read_text().startswith("#!/bin/sh\n")
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)
