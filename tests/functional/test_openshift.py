"""The OpenShift template: what the chart makes there, for those without Helm."""

import copy
import re
from typing import Any

import pytest
import yaml
from charts import (
    GIVEN,
    NEWEST,
    ROOT,
    Object,
    containers,
    invalid,
    one,
    pods,
    processed,
    rendered,
)

FILE = ROOT / "deploy/openshift/template.yaml"

ASKED = {
    "IMAGE": "registry.example.org/cdb:0.1.0",
    "HOST": "conditions.example.org",
    "DATABASE_HOST": "db.example.org",
}
"""The parameters that have to be given."""

CHART = (
    *GIVEN,
    *("--set", "image.tag=0.1.0,platform=openshift,nginx.enabled=false"),
    *(
        "--set",
        "serviceAccount.create=false,route.enabled=true,route.hosts={conditions.example.org}",
    ),
)
"""The same by the chart, for the account `cdb`."""


@pytest.fixture(scope="module")
def template() -> Object:
    loaded: Object = yaml.safe_load(FILE.read_text())
    return loaded


@pytest.fixture(scope="module")
def objects(template: Object) -> list[Object]:
    return processed(template, **ASKED)


def test_kubernetes_takes_what_the_template_makes(objects: list[Object]) -> None:
    assert invalid([each for each in objects if each["kind"] != "Route"], NEWEST) == []


def test_every_parameter_is_used_and_described(template: Object) -> None:
    names = {each["name"] for each in template["parameters"]}
    assert set(re.findall(r"\${{?(\w+)}", yaml.dump(template["objects"]))) == names
    assert all(each["description"] for each in template["parameters"])


def test_what_has_to_be_given_is_asked_for(template: Object) -> None:
    for name in ASKED:
        with pytest.raises(ValueError, match=name):
            processed(template, **{**ASKED, name: ""})
    with pytest.raises(KeyError):
        processed(template, **ASKED, PASSWORD="x")  # noqa: S106 - there is no such parameter


def test_the_name_is_in_all_names(template: Object) -> None:
    for each in processed(template, **ASKED, NAME="test"):
        assert each["metadata"]["name"].startswith("test")
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "test"


def test_no_secret_is_in_the_template(objects: list[Object]) -> None:
    assert not [each for each in objects if each["kind"] == "Secret"]
    for name, container in containers(objects):
        for variable in container["env"]:
            if re.search("PASSWORD|SECRET", variable["name"]):
                assert variable["valueFrom"].keys() == {"secretKeyRef"}, name


# --- as the chart -----------------------------------------------------------------------


def spec(objects: Any, kind: str, name: str) -> Object:
    """Return the pod of an object, without what the two have in their own way."""
    pod = copy.deepcopy(one(objects, kind, name)["spec"]["template"]["spec"])
    pod.pop("serviceAccountName", None)
    for volume in pod["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["name"] = "of either"
    found: Object = pod
    return found


def test_the_ini_is_that_of_the_chart(objects: list[Object]) -> None:
    theirs = one(rendered(*CHART), "ConfigMap", "cdb")["data"]
    assert one(objects, "ConfigMap", "cdb")["data"] == theirs


def test_pods_are_those_of_the_chart(objects: list[Object]) -> None:
    theirs = rendered(*CHART)
    assert spec(objects, "Deployment", "cdb") == spec(theirs, "Deployment", "cdb")
    assert spec(objects, "Job", "cdb-migration-1") == spec(theirs, "Job", "cdb-migration")
    assert len(list(pods(objects))) == 2


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget"])
def test_other_objects_are_those_of_the_chart(objects: list[Object], kind: str) -> None:
    assert one(objects, kind, "cdb")["spec"] == one(rendered(*CHART), kind, "cdb")["spec"]


def test_the_deployment_is_renewed_as_by_the_chart(objects: list[Object]) -> None:
    own = one(objects, "Deployment", "cdb")["spec"]
    theirs = one(rendered(*CHART), "Deployment", "cdb")["spec"]
    assert {key: own[key] for key in own if key != "template"} == {
        key: theirs[key] for key in theirs if key != "template"
    }
    assert own["template"]["metadata"]["labels"].items() >= own["selector"]["matchLabels"].items()


def test_routes_are_among_those_of_the_chart(objects: list[Object]) -> None:
    def routes(of: Any) -> list[Object]:
        return [each["spec"] for each in of if each["kind"] == "Route"]

    assert all(each in routes(rendered(*CHART)) for each in routes(objects))
    assert {each["path"] for each in routes(objects)} == {"/api/cdb_rest", "/ui"}
