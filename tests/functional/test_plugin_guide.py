"""The pages about plugins: the guide is followed, the rest is compared with the code."""

import doctest
import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from markdown_it import MarkdownIt
from pages import CURL, goes_on, same

from cdb.plugin import API_VERSION, KINDS, PayloadPreview, Plugin
from cdb.settings import Settings, key_of

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "plugins"
TEMPLATE = "plugins/cdb-plugin-template"
DOCUMENTED_URL = "http://127.0.0.1:8000"

# --- what a page says -------------------------------------------------------


class Step(NamedTuple):
    """What the reader does: write a file, or run a command, and what it prints."""

    line: int
    command: str = ""
    printed: str = ""
    file: str = ""
    content: str = ""


def steps(page: Path) -> Iterator[Step]:
    """Give what the blocks of a page say, in order."""
    for token in MarkdownIt().parse(page.read_text()):
        if token.type != "fence":
            continue
        assert token.map
        first = token.map[0] + 2
        if token.info == "console":
            yield from commands(first, token.content)
        elif token.info.startswith("{code-block}"):
            caption, _, content = token.content.partition("\n\n")
            yield Step(first, file=caption.removeprefix(":caption: "), content=content)


def commands(first: int, block: str) -> list[Step]:
    """Return the commands of a console block, each with what it prints."""
    found: list[Step] = []
    for number, line in enumerate(block.splitlines(), start=first):
        if line.startswith("$ "):
            found.append(Step(number, line[2:]))
        elif goes_on(found[-1].command):
            found[-1] = found[-1]._replace(command=f"{found[-1].command}\n{line}")
        else:
            found[-1] = found[-1]._replace(printed=f"{found[-1].printed}{line}\n")
    return found


# --- the guide --------------------------------------------------------------

SERVE = """
mkfifo said && exec 3<>said
{command} --listen 127.0.0.1:0 2>&3 &
trap "kill $!" EXIT
read -r -t 60 line <&3
[[ $line =~ http://[0-9.:]+ ]]
SERVED=${{BASH_REMATCH[0]}}
"""
"""A second terminal; the service says where it serves, which is not where the page says."""


FEW_EXAMPLES = """
from hypothesis import settings

settings.register_profile("few", max_examples=5)
settings.load_profile("few")
"""
"""A plugin of pytest."""


def script(done: list[Step]) -> str:
    """Return what a shell does to follow the steps; it prints a mark after each."""
    lines = []
    for step in done:
        if step.file:
            lines.append(f"cat > {step.file} <<'END OF FILE'\n{step.content}END OF FILE")
        elif step.command.startswith("cdb serve"):
            lines.append(SERVE.format(command=step.command))
        else:
            lines.append(step.command.replace(DOCUMENTED_URL, "$SERVED"))
        lines.append('echo "=== status $? ==="')
    return "\n".join(lines)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with a checkout of cdb, and `bin` with the commands of cdb, pip and pytest.

    They belong to an environment of its own, into which packages are installed; what is
    there already is what these tests run with.
    """
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    paths = sysconfig.get_paths(scheme="venv", vars={"base": str(environment)})
    own = f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
    (Path(paths["purelib"]) / "these-tests.pth").write_text(own)
    (Path(paths["purelib"]) / "few_examples.py").write_text(FEW_EXAMPLES)
    for name in ("cdb", "pip", "pytest"):
        [point] = entry_points(group="console_scripts", name=name)
        command = Path(paths["scripts"]) / name
        command.write_text(
            f"#!{paths['scripts']}/python\nimport sys\n"
            f"from {point.module} import {point.attr}\nsys.exit({point.attr}())\n"
        )
        command.chmod(0o755)
    ignored = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist", "var")
    shutil.copytree(ROOT / TEMPLATE, tmp_path / "cdb" / TEMPLATE, ignore=ignored)
    return tmp_path


def follow(machine: Path, done: list[Step]) -> list[tuple[str, int]]:
    """Follow the steps in one shell, and return what each printed, and its status."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CDB_", "PIP_", "PYTEST_", "PYTHON"))
    }
    environ |= {
        "PATH": f"{machine}/environment/bin:{environ['PATH']}:{CURL.parent}",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "LC_ALL": "C.UTF-8",
        # What is needed is there; nothing is fetched, nor compared with all else that is there.
        # The 0 is what each of the options of the same name means, whatever it looks like.
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_WARN_CONFLICTS": "0",
        "PIP_ROOT_USER_ACTION": "ignore",
        # The reader's pytest has none of the plugins of ours. And of what the kit makes up, which
        # plugins of ours are tried with at length, a little is enough here.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "-p few_examples",
    }
    ran = subprocess.run(
        ["bash"],
        input=script(done),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=machine,
        env=environ,
        timeout=500,
        check=False,
    )
    parts = re.split(r"=== status (\d+) ===\n", ran.stdout)
    assert len(parts) == 2 * len(done) + 1, ran.stdout + ran.stderr
    return list(zip(parts[:-1:2], map(int, parts[1::2]), strict=True))


def test_who_follows_the_guide_has_a_plugin_that_works(machine: Path) -> None:
    done = list(steps(PAGES / "guide.md"))
    assert len(done) > 20
    wrong = [
        f"guide.md:{step.line}\n$ {step.command or step.file}\n{printed}(status {status})"
        for step, (printed, status) in zip(done, follow(machine, done), strict=True)
        if not same(step.printed, printed) or bool(status) != step.printed.startswith("Error: ")
    ]
    assert not wrong, "\n".join(wrong)


# --- the kinds --------------------------------------------------------------


class Section(NamedTuple):
    """A section of a page, with its blocks of Python."""

    text: str
    code: list[str]


def sections(page: Path) -> dict[str, Section]:
    """Return the sections of a page by their titles."""
    found = {}
    for part in page.read_text().split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        tokens = MarkdownIt().parse(text)
        code = [each.content for each in tokens if each.type == "fence" and each.info == "python"]
        found[title] = Section(text, code)
    return found


def title_of(kind: type[Plugin]) -> str:
    """Return what the pages call a kind: 'IOV dimension' for IovDimension."""
    words = re.findall("[A-Z][a-z]+", kind.__name__)
    return " ".join(words).capitalize().replace("Iov", "IOV")


def test_every_kind_has_a_section_and_no_other() -> None:
    found = sections(PAGES / "kinds.md")
    assert list(found) == [title_of(kind) for kind in KINDS.values()]
    for group, kind in KINDS.items():
        assert (
            found[title_of(kind)].text.lstrip().startswith(f"`{kind.__name__}`, group `{group}`: ")
        )


@pytest.mark.parametrize("kind", KINDS.values(), ids=title_of)
def test_every_member_of_a_kind_is_explained(kind: type[Plugin]) -> None:
    section = sections(PAGES / "kinds.md")[title_of(kind)].text
    table = "\n".join(line for line in section.splitlines() if line.startswith("| `"))
    explained = set(re.findall(r"`(\w+)", table))
    members = {*vars(kind), *kind.__annotations__}
    assert {name for name in members if not name.startswith("_")} - explained == set()
    assert set(kind.__abstractmethods__) <= explained


@pytest.mark.parametrize("kind", KINDS.values(), ids=title_of)
def test_the_example_of_a_kind_does_what_the_page_says(
    kind: type[Plugin], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown = sections(PAGES / "kinds.md")[title_of(kind)].code
    try_example(code, shown, kind)


def test_the_example_of_root_files_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try_example(*sections(PAGES / "root.md")["A preview of your own"].code, PayloadPreview)


def try_example(code: str, shown: str, kind: type[Plugin]) -> None:
    """Run the plugin of a page, and what the page says of it."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(code, names)  # noqa: S102 - the page is ours
    defined = [each for each in names.values() if getattr(each, "__module__", "") == "example"]
    [plugin] = [each for each in defined if issubclass(each, Plugin)]
    assert issubclass(plugin, kind)
    assert not plugin.__abstractmethods__
    said: list[str] = []
    examples = doctest.DocTestParser().get_doctest(shown, names, kind.__name__, None, 0)
    outcome = doctest.DocTestRunner().run(examples, out=said.append)
    assert outcome.attempted
    assert not outcome.failed, "".join(said)


# --- the overview and the reference -----------------------------------------


def test_the_overview_has_every_kind_and_its_setting() -> None:
    rows = re.findall(
        r"^\| [^|]+ \| \[([\w ]+)\]\(kinds.md#([\w-]+)\) \| `([\w.]+)` \| `([\w.]+)`",
        (PAGES / "index.md").read_text(),
        re.MULTILINE,
    )
    titles = {title_of(kind).lower(): group for group, kind in KINDS.items()}
    assert {title.lower(): group for title, _, group, _ in rows} == titles
    assert all(anchor == title.lower().replace(" ", "-") for title, anchor, _, _ in rows)
    assert {setting for *_, setting in rows} <= {key_of(name) for name in Settings.model_fields}


def test_the_pages_are_about_this_version_of_the_interface() -> None:
    major = API_VERSION.partition(".")[0]
    written = set()
    for page in PAGES.glob("*.md"):
        written |= set(
            re.findall(r'requires_cdb(?:: ClassVar\[str\])? = "([^"]+)"', page.read_text())
        )
    assert written == {f">={major},<{int(major) + 1}"}


@pytest.fixture(scope="module")
def reference() -> Any:
    """The module that writes the reference of the built-in plugins."""
    path = ROOT / "docs" / "_ext" / "plugin_reference.py"
    spec = importlib.util.spec_from_file_location("plugin_reference", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("group", KINDS)
def test_every_built_in_plugin_is_in_the_reference(reference: Any, group: str) -> None:
    plugins = dict(reference.built_in(group))
    assert set(plugins) == {
        point.name for point in entry_points(group=group) if point.value.startswith("cdb.builtin.")
    }
    for name, plugin in plugins.items():
        text = "\n".join(reference.described(name, plugin))
        assert text.startswith(f"**`{name}`**\n\n{plugin.__doc__.splitlines()[0]}")
        options = re.findall(r"^\* - `(\w+)`$", text, re.MULTILINE)
        assert options == list(plugin.Options.__dataclass_fields__)


def test_an_option_is_described_as_an_ini_has_it(reference: Any) -> None:
    plugins = dict(reference.built_in("cdb.authenticators"))
    text = "\n".join(reference.described("jwt", plugins["jwt"]))
    assert "* - `algorithm`\n  - `HS256` or `RS256` or `ES256`\n  - `HS256`\n" in text
    assert "* - `secret`\n  - secret\n  - empty\n" in text
    assert "* - `leeway`\n  - ISO 8601 duration, or seconds\n  - `PT10S`\n" in text


def test_every_local_link_of_the_packages_leads_somewhere() -> None:
    pages = [ROOT / "plugins" / "README.md", *ROOT.glob("plugins/*/README.md")]
    broken = [
        (str(page.relative_to(ROOT)), target)
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
