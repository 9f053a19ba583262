"""The Helm chart: what it makes is what Kubernetes takes, and wrong values are refused."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import jsonschema
import pytest
import yaml
from charts import (
    CHART,
    EXPERIMENTS,
    GIVEN,
    NEWEST,
    OLDEST,
    ROOT,
    SWITCHES,
    invalid,
    one,
    refusal,
    rendered,
    run_helm,
    schema,
    values_of,
)

STRANGERS: dict[str, Any] = {
    "Route": {
        "host": {"type": "string"},
        "path": {"type": "string", "pattern": "^/"},
        "to": {
            "type": "object",
            "properties": {
                "kind": {"const": "Service"},
                "name": {"type": "string"},
                "weight": {"type": "integer", "minimum": 0, "maximum": 256},
            },
            "required": ["kind", "name", "weight"],
            "additionalProperties": False,
        },
        "port": {
            "type": "object",
            "properties": {"targetPort": {"type": ["string", "integer"]}},
            "required": ["targetPort"],
            "additionalProperties": False,
        },
        "tls": {
            "type": "object",
            "properties": {
                "termination": {"enum": ["edge", "passthrough", "reencrypt"]},
                "insecureEdgeTerminationPolicy": {"enum": ["Allow", "Redirect", "None"]},
            },
            "required": ["termination"],
            "additionalProperties": False,
        },
    },
    "ServiceMonitor": {
        "jobLabel": {"type": "string"},
        "selector": {"type": "object", "required": ["matchLabels"]},
        "endpoints": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "port": {"type": "string"},
                    "path": {"type": "string"},
                    "interval": {"type": "string", "pattern": "^[0-9]+[sm]$"},
                    "authorization": {
                        "type": "object",
                        "properties": {
                            "credentials": {"type": "object", "required": ["name", "key"]}
                        },
                        "additionalProperties": False,
                    },
                },
                "additionalProperties": False,
            },
        },
    },
    "PrometheusRule": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "interval": {"type": "string"},
                    "rules": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "properties": {
                                "alert": {"type": "string"},
                                "record": {"type": "string"},
                                "expr": {"type": ["string", "integer"]},
                                "for": {"type": "string"},
                                "labels": {"type": "object"},
                                "annotations": {"type": "object"},
                            },
                            "required": ["expr"],
                            "additionalProperties": False,
                        },
                    },
                },
                "required": ["name", "rules"],
                "additionalProperties": False,
            },
        },
    },
}
"""The kinds that Kubernetes itself does not have: the fields of their `spec` that are used."""


def test_the_chart_is_clean_for_lint() -> None:
    done = run_helm("lint", "--strict", str(CHART), *GIVEN)
    assert done.returncode == 0, done.stdout
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.parametrize("switches", SWITCHES)
def test_kubernetes_takes_what_the_chart_makes(switches: str) -> None:
    objects = rendered(*SWITCHES[switches])
    own = [each for each in objects if each["kind"] not in STRANGERS]
    assert invalid(own, NEWEST) == []
    for each in objects:
        if fields := STRANGERS.get(each["kind"]):
            schema = {"type": "object", "properties": fields, "additionalProperties": False}
            jsonschema.validate(each["spec"], schema)


def test_the_oldest_kubernetes_takes_it_too() -> None:
    assert f">={OLDEST}." in yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    objects = (*rendered(*SWITCHES["all"]), *rendered(*SWITCHES["none"]))
    assert invalid([each for each in objects if each["kind"] not in STRANGERS], OLDEST) == []


def test_everything_is_rendered_somewhere() -> None:
    made = {each["kind"] for options in SWITCHES.values() for each in rendered(*options)}
    assert made == {
        *STRANGERS,
        *("ConfigMap", "CronJob", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job"),
        *("NetworkPolicy", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget"),
        *("Service", "ServiceAccount"),
    }


def test_no_object_is_there_twice() -> None:
    for name, options in SWITCHES.items():
        names = [(each["kind"], each["metadata"]["name"]) for each in rendered(*options)]
        assert len(names) == len(set(names)), name


def test_the_chart_is_of_this_version() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == version("hep-cdb")


COPIES = {
    "nginx/cdb.conf": "cdb.conf",
    "prometheus/rules.yml": "prometheus/rules.yml",
    **{
        f"grafana/dashboards/{each.name}": f"grafana/{each.name}"
        for each in sorted((ROOT / "deploy/grafana/dashboards").iterdir())
    },
}
"""What the chart has of the rest of deploy/, since it can read its own files only."""


@pytest.mark.parametrize("original", COPIES)
def test_a_copy_in_the_chart_is_one_of_the_original(original: str) -> None:
    copy = CHART / "files" / COPIES[original]
    same = copy.exists() and copy.read_text() == (ROOT / "deploy" / original).read_text()
    assert same, f"cp deploy/{original} deploy/helm/cdb/files/{COPIES[original]}"


def test_the_chart_has_copies_and_nothing_else() -> None:
    here = {each.relative_to(CHART / "files") for each in (CHART / "files").rglob("*.*")}
    assert sorted(map(str, here)) == sorted(COPIES.values())


def test_alerts_and_dashboards_come_as_they_are() -> None:
    objects = rendered(*SWITCHES["all"])
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())
    assert one(objects, "PrometheusRule", "cdb")["spec"] == rules
    shown = one(objects, "ConfigMap", "cdb-dashboards")["data"]
    for file in (ROOT / "deploy/grafana/dashboards").iterdir():
        assert json.loads(shown[file.name]) == json.loads(file.read_text())
    # The alerts know the job by this name.
    assert 'job="cdb"' in json.dumps(rules).replace("\\", "")
    assert one(objects, "ServiceMonitor", "cdb")["spec"]["jobLabel"].endswith("/part-of")
    assert (
        one(objects, "Service", "cdb")["metadata"]["labels"]["app.kubernetes.io/part-of"] == "cdb"
    )


# --- values -----------------------------------------------------------------------------


WRONG = {
    "a value that there is not": "replcas=3",
    "one deep inside": "nginx.image.repo=x",
    "a platform": "platform=docker",
    "no processes": "server.workers=0",
    "a word for a number": "replicas=many",
    "the latest version": "image.tag=latest",
    "a digest that is none": "image.digest=sha256:12",
    "a level": "logging.level=verbose",
    "a secret among the variables": "env.CDB_JWT_SECRET=hunter2",
    "a password among the variables": "env.PGPASSWORD=hunter2",
    "an address with a password": "env.CDB_DATABASE_URL=postgresql://u:p@h/d",
    "a private key": "files.key=-----BEGIN PRIVATE KEY-----",
    "another ini": "files.cdb\\.ini=x",
    "a store": "payloads.store=tape",
    "credentials of S3": "payloads.s3.options.key=AKIA",
    "a path that ends nowhere": "payloads.volume.servedAt=/dbstore",
    "a host with a path": "database.host=db.example.org/cdb",
    "an interval": "monitoring.serviceMonitor.interval=30",
    "resources without memory": "resources.limits=null",
    "a schedule": "backup.schedule=daily",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_value_is_refused_by_the_schema(wrong: str) -> None:
    assert "values don't meet the specifications" in refusal(*GIVEN, "--set", WRONG[wrong])


CONTRADICTIONS = {
    "config=[server:main]": "config has a section",
    "config=cdb.payload_store = /x": "config has cdb.payload_store, which the values",
    "config=cdb.plugin.jwt.public_key = /etc/cdb/a.pem": "--set-file 'files.a\\.pem=…'",
    "pgbouncer.enabled=true,database.secret.urlKey=url": "pgbouncer needs database.host",
    "route.enabled=true": "route is for platform openshift",
    "platform=openshift,ingress.enabled=true": "ingress is for platform kubernetes",
    "ingress.enabled=true": "ingress.hosts needs the names",
    "backup.enabled=true": "backup.existingClaim is needed",
    "pgbouncer.enabled=true,pgbouncer.serverTls=verify-full": "pgbouncer.serverCa is needed",
    "payloads.store=s3": "payloads.s3.url is needed",
    "payloads.store=volume,payloads.volume.servedAt=/p/,config=cdb.read_access = authenticated": (
        "gives files to everybody, and cdb.read_access is authenticated"
    ),
    "image.repository=": "image.repository is needed",
    "database.host=": "database.host is needed",
}


@pytest.mark.parametrize("said", CONTRADICTIONS)
def test_values_that_contradict_each_other_are_refused(said: str) -> None:
    assert CONTRADICTIONS[said] in refusal(*GIVEN, "--set", said)


def test_every_object_of_the_schema_refuses_what_it_does_not_know() -> None:
    for path, part in objects_of(schema()):
        assert part.get("additionalProperties") is not None, path


def objects_of(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        if "properties" in part:
            yield path, part
        for name, each in part.items():
            yield from objects_of(each, f"{path}/{name}")


# --- switches ---------------------------------------------------------------------------


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_values_of_an_experiment_name_no_user_on_openshift(experiment: str) -> None:
    objects = rendered(*values_of(experiment))
    users = {
        each["spec"]["template"]["spec"]["securityContext"].get("runAsUser")
        for each in objects
        if each["kind"] == "Deployment"
    }
    assert (users == {None}) is (experiment == "belle2")


def test_a_pod_has_longer_than_what_it_is_told_to_finish_in() -> None:
    options = (*GIVEN, "--set", "server.grace=60,server.preStop=20")
    spec = one(rendered(*options), "Deployment", "cdb")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] > 60 + 20


def test_another_ini_makes_other_pods() -> None:
    def checksum(*more: str) -> str:
        deployment = one(rendered(*GIVEN, *more), "Deployment", "cdb")
        found = deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return str(found)

    assert checksum() != checksum("--set", "server.threads=8")
    assert checksum() != checksum("--set", "files.a=b")
    assert checksum() == checksum("--set", "replicas=5")


def test_the_migration_needs_nothing_of_the_release() -> None:
    # It runs before anything else of the release is there.
    for options in (SWITCHES["all"], SWITCHES["belle2"]):
        objects = rendered(*options)
        first = [each for each in objects if "pre-install" in hook(each, "hook")]
        [job] = [each for each in first if each["kind"] == "Job"]
        spec = job["spec"]["template"]["spec"]
        needed = [v["configMap"]["name"] for v in spec["volumes"] if "configMap" in v]
        there = [each["metadata"]["name"] for each in first if each["kind"] == "ConfigMap"]
        assert needed == there
        assert "serviceAccountName" not in spec
        assert all(
            int(hook(each, "hook-weight")) < int(hook(job, "hook-weight"))
            for each in first
            if each is not job
        )
        assert "pgbouncer" not in json.dumps(spec)
        # The files are those that the pods of the release get.
        migrating = one(objects, "ConfigMap", "cdb-migration")["data"]
        assert migrating == one(objects, "ConfigMap", "cdb")["data"]


def hook(each: dict[str, Any], name: str) -> str:
    return str(each["metadata"].get("annotations", {}).get(f"helm.sh/{name}", ""))


def test_a_scaled_deployment_says_no_number_of_pods() -> None:
    assert "replicas" not in one(rendered(*SWITCHES["all"]), "Deployment", "cdb")["spec"]
    assert one(rendered(*GIVEN), "Deployment", "cdb")["spec"]["replicas"] == 2


def test_notes_say_where_clients_ask() -> None:
    done = run_helm(
        "install", "cdb", str(CHART), "--dry-run=client", "--namespace", "c", *SWITCHES["sphenix"]
    )
    assert done.returncode == 0, done.stderr
    notes = done.stdout.partition("NOTES:")[2]
    assert "Clients ask at https://sphenix-cdb.example.org/api/cdb_rest" in notes
    assert re.search(r"exec deployment/cdb -- cdb doctor /etc/cdb/cdb\.ini", notes)
