"""The page about the chart: its values are rendered, its commands are those of helm and oc."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from charts import CHART, GIVEN, KEY, ROOT, known_values, processed, rendered, run_helm

TEXT = (ROOT / "docs/kubernetes.md").read_text()

VALUES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)

MY_VALUES = VALUES[0]
"""What the page calls my-values.yaml."""

NEEDS_A_CLUSTER = {"test", "history", "rollback"}
"""Verbs of helm that make nothing to look at."""


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_values_of_the_page_are_those_of_the_chart(number: int, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(VALUES[number])
    assert rendered(*GIVEN, "--values", str(file))


def commands(program: str) -> Iterator[list[str]]:
    """Give the words of the commands of a program on the page, with what stands in a sentence."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in "".join(blocks).replace("\\\n", " ").splitlines():
        if line.startswith(f"{program} "):
            yield shlex.split(line.partition(" | ")[0])


def test_commands_of_the_page_are_taken_by_helm(tmp_path: Path) -> None:
    file = tmp_path / "my-values.yaml"
    file.write_text(MY_VALUES)
    made = 0
    for _, verb, *words in commands("helm"):
        if verb in NEEDS_A_CLUSTER:
            continue
        assert verb in ("install", "upgrade")
        here = [{"my-values.yaml": str(file)}.get(word, word) for word in words]
        here = [str(ROOT / word) if word.startswith("deploy/") else word for word in here]
        done = run_helm("template", *[word for word in here if word != "--wait"])
        assert done.returncode == 0, done.stderr
        made += 1
    assert made == 3


def test_belle2_is_installed_as_its_values_say() -> None:
    said = (CHART / "values-belle2.yaml").read_text()
    assert KEY[1].partition("=")[0] in said
    assert KEY[1].partition("=")[0] in TEXT


def test_commands_of_the_page_are_taken_by_the_template() -> None:
    template = yaml.safe_load((ROOT / "deploy/openshift/template.yaml").read_text())
    [words] = [words for words in commands("oc") if words[1] == "process"]
    given = dict(re.findall(r"-p (\w+)=(\S+)", shlex.join(words)))
    assert processed(template, **given)
    # The same stands at the beginning of the template.
    shown = (ROOT / "deploy/openshift/template.yaml").read_text().splitlines()[2]
    assert re.findall(r"-p (\w+)=", shown) == list(given)


@pytest.fixture
def reference() -> ModuleType:
    path = ROOT / "docs/_ext/values_reference.py"
    spec = importlib.util.spec_from_file_location("values_reference", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_has_every_value_of_the_schema(reference: ModuleType) -> None:
    found = [value.path for value in reference.values((CHART / "values.yaml").read_text())]
    assert sorted(found) == sorted(known_values())
    assert reference.reference().count("* - `") == len(found)


def test_a_value_without_a_comment_is_noticed(reference: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"^a\.c has no comment"):
        list(reference.values("a:\n  # Something.\n  b: 1\n\n  c: 2\n"))
