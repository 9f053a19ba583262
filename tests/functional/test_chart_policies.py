"""What everything that the chart makes has to keep to, whatever its values are."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from charts import GIVEN, SWITCHES, Object, containers, one, pods, rendered

NAMES = ("name", "instance", "component")
"""The labels by which objects of the chart find each other."""

SERVING = ("cdb", "nginx", "pgbouncer")
"""The containers that answer somebody."""


@pytest.fixture(params=SWITCHES)
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    """What the chart makes with each of the switches."""
    return rendered(*SWITCHES[request.param])


def test_pods_are_confined(objects: tuple[Object, ...]) -> None:
    for name, pod in pods(objects):
        spec = pod["spec"]
        assert spec["enableServiceLinks"] is False, name
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["securityContext"].get("runAsUser") != 0, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        assert not any("hostPath" in each for each in spec["volumes"]), name


def test_containers_are_confined(objects: tuple[Object, ...]) -> None:
    for name, container in containers(objects):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name


def test_containers_say_what_they_need(objects: tuple[Object, ...]) -> None:
    for name, container in containers(objects):
        for kind in ("requests", "limits"):
            assert {"cpu", "memory"} <= container["resources"][kind].keys(), name


def test_what_is_written_to_has_an_end(objects: tuple[Object, ...]) -> None:
    for name, pod in pods(objects):
        for volume in pod["spec"]["volumes"]:
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], name


def test_images_are_of_one_version(objects: tuple[Object, ...]) -> None:
    for name, container in containers(objects):
        assert re.fullmatch(r"[^@]+(:[\w.-]+|@sha256:[0-9a-f]{64})", container["image"]), name
        assert not container["image"].endswith(":latest"), name


def test_what_serves_is_probed(objects: tuple[Object, ...]) -> None:
    for name, container in containers(objects):
        probes = {each for each in container if each.endswith("Probe")}
        if container["name"] in SERVING:
            assert {"readinessProbe", "livenessProbe"} <= probes, name
            assert container["lifecycle"]["preStop"], name
        else:
            assert probes == set(), name


def test_volumes_are_those_that_are_mounted(objects: tuple[Object, ...]) -> None:
    for name, pod in pods(objects):
        volumes = [each["name"] for each in pod["spec"]["volumes"]]
        mounts = [
            mount["name"] for each in pod["spec"]["containers"] for mount in each["volumeMounts"]
        ]
        assert sorted(volumes) == sorted(set(mounts)), name


def test_files_that_are_named_are_there() -> None:
    objects = rendered(*SWITCHES["all"])
    pooler = one(objects, "ConfigMap", "cdb-pgbouncer")["data"]["pgbouncer.ini"]
    assert "server_tls_ca_file = /etc/cdb/ca.pem" in pooler
    for name, container in containers(objects):
        if "/etc/cdb/ca.pem" in json.dumps(container.get("env", ())) or "pgbouncer" in name:
            assert "/etc/cdb" in [each["mountPath"] for each in container["volumeMounts"]], name


def test_a_new_version_of_cdb_leaves_other_pods_alone() -> None:
    def pod(version: str, name: str) -> Object:
        options = (*GIVEN, "--set", f"pgbouncer.enabled=true,image.tag={version}")
        found: Object = one(rendered(*options), "Deployment", name)["spec"]["template"]
        return found

    # nginx would begin with an empty cache.
    for name in ("cdb-nginx", "cdb-pgbouncer"):
        assert pod("0.1.0", name) == pod("0.2.0", name)
    assert pod("0.1.0", "cdb") != pod("0.2.0", "cdb")


# --- secrets ----------------------------------------------------------------------------


def test_no_secret_is_in_clear(objects: tuple[Object, ...]) -> None:
    assert [each["kind"] for each in objects if each["kind"] == "Secret"] == []
    for name, container in containers(objects):
        for variable in container.get("env", ()):
            if re.search("PASSWORD|SECRET|TOKEN|_KEY", variable["name"]):
                assert variable["valueFrom"].keys() == {"secretKeyRef"}, name
            assert not re.search("//[^@/ ]*:[^@/ ]*@", variable.get("value", "")), name
    assert "PRIVATE KEY" not in json.dumps(objects)


def test_no_variable_is_there_twice(objects: tuple[Object, ...]) -> None:
    for name, container in containers(objects):
        names = [each["name"] for each in container.get("env", ())]
        assert len(names) == len(set(names)), name


# --- what belongs together --------------------------------------------------------------


def test_objects_have_the_labels_of_the_chart(objects: tuple[Object, ...]) -> None:
    for each in objects:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "cdb"
        assert {f"app.kubernetes.io/{name}" for name in NAMES} <= labels.keys()


def of_names(labels: dict[str, str]) -> dict[str, str]:
    return {name: labels[f"app.kubernetes.io/{name}"] for name in NAMES}


def selectors(part: Any) -> Iterator[dict[str, str]]:
    """Give the selectors of pods in an object, but those of spreads, which are the pod's own."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("podSelector", "selector") and value:
                yield value.get("matchLabels", value)
            else:
                yield from selectors(value)
    elif isinstance(part, list):
        for each in part:
            yield from selectors(each)


def test_selectors_find_pods_of_the_chart(objects: tuple[Object, ...]) -> None:
    kinds = [pod["metadata"]["labels"] for _, pod in pods(objects)]
    for each in objects:
        for selector in selectors(each.get("spec", {})):
            if each["kind"] != "ServiceMonitor":
                found = [labels for labels in kinds if selector.items() <= labels.items()]
                assert len(found) == 1, (each["kind"], each["metadata"]["name"], selector)


def test_pods_are_found_by_what_makes_them(objects: tuple[Object, ...]) -> None:
    for each in objects:
        if each["kind"] == "Deployment":
            labels = each["spec"]["template"]["metadata"]["labels"]
            assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()
            for spread in each["spec"]["template"]["spec"]["topologySpreadConstraints"]:
                assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
            assert each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_ports_that_are_named_are_there(objects: tuple[Object, ...]) -> None:
    ports = {
        (of_names(pod["metadata"]["labels"])["component"], port["name"]): port["containerPort"]
        for _, pod in pods(objects)
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
    }
    for each in objects:
        if each["kind"] == "Service":
            component = of_names(each["spec"]["selector"])["component"]
            for port in each["spec"]["ports"]:
                assert ports[component, port["targetPort"]] == port["port"]


def test_the_outside_is_led_to_a_service(objects: tuple[Object, ...]) -> None:
    services = {each["metadata"]["name"] for each in objects if each["kind"] == "Service"}
    led = re.findall(
        r'"service": {"name": "([^"]+)"|"to": {"kind": "Service", "name": "([^"]+)"',
        json.dumps([each for each in objects if each["kind"] in ("Ingress", "Route")]),
    )
    assert {name for pair in led for name in pair if name} <= services


# --- who reaches whom -------------------------------------------------------------------


def test_every_pod_has_a_policy_for_what_it_reaches() -> None:
    objects = rendered(*SWITCHES["all"])
    policies = [
        each["spec"]["podSelector"]["matchLabels"]
        for each in objects
        if each["kind"] == "NetworkPolicy" and "Egress" in each["spec"]["policyTypes"]
    ]
    for name, pod in pods(objects):
        labels = pod["metadata"]["labels"].items()
        if name != "Pod cdb-test":  # it plays a client
            assert sum(each.items() <= labels for each in policies) == 1, name


def test_only_nginx_and_prometheus_reach_the_service() -> None:
    policy = one(rendered(*GIVEN), "NetworkPolicy", "cdb")["spec"]
    peers = [peer for rule in policy["ingress"] for peer in rule["from"]]
    assert [next(iter(peer)) for peer in peers] == ["podSelector", "namespaceSelector"]
    assert of_names(peers[0]["podSelector"]["matchLabels"])["component"] == "nginx"
    assert "monitoring" in peers[1]["namespaceSelector"]["matchLabels"].values()


def test_behind_pgbouncer_the_service_reaches_no_database() -> None:
    policy = one(rendered(*SWITCHES["all"]), "NetworkPolicy", "cdb")["spec"]
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert {6432, 443} <= set(ports)
    assert not {5432, 5433} & set(ports)
    pooler = one(rendered(*SWITCHES["all"]), "NetworkPolicy", "cdb-pgbouncer")["spec"]
    assert {5432, 5433} <= {port["port"] for rule in pooler["egress"] for port in rule["ports"]}


def test_without_nginx_metrics_are_not_led_outside() -> None:
    for switches in ("none", "none-openshift"):
        said = json.dumps(
            [
                each
                for each in rendered(*SWITCHES[switches])
                if each["kind"] in ("Ingress", "Route")
            ]
        )
        paths = re.findall(r'"path": "([^"]+)"', said)
        assert "/api/cdb_rest" in paths
        assert not any(path == "/" or path.startswith("/metrics") for path in paths)
