"""Root file systems of their own, by bubblewrap: above all that of the image of deploy/Dockerfile.

The lines of the Dockerfile are performed as they are, in a root file system of which they see
the machine's `/usr` and Python, and beside that only what they made themselves; a container sees
it read-only. What is not the same: the base image is this machine, and as an ordinary user, who
cannot make files of others, the line that makes the user is left out.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from support import program

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "deploy/Dockerfile"

_MADE = ("etc", "opt", "src", "var")
"""The top folders that an image has of its own."""

_FROM_HERE = re.compile(r"(?i)(PIP_|SSL_|UV_(?!LINK|COMPILE)|(https?|no)_proxy$)")
"""The variables by which this machine reaches a package index."""

_TMP = ("--perms", "1777", "--tmpfs", "/tmp")  # noqa: S108 - a new one each time

_OF_ETC = ("group", "hosts", "login.defs", "nsswitch.conf", "passwd", "resolv.conf")


class Instruction(NamedTuple):
    """A line of a Dockerfile, as `RUN`, and what follows."""

    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """The words of an array, or of what the shell would see."""
        return json.loads(self.value) if self.value.startswith("[") else shlex.split(self.value)


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile, each on one line."""
    lines = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def left_out(path: str, rules: Sequence[str]) -> bool:
    """Tell whether .dockerignore keeps a path out of what is sent to be built."""
    out = False
    parts = path.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for rule in rules:
        pattern = re.escape(rule.removeprefix("!")).replace(r"\*\*/", "(.*/)?")
        pattern = pattern.replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, each) for each in above):
            out = not rule.startswith("!")
    return out


def context() -> list[str]:
    """Return the paths of the files that are sent to be built, of those that Git has or would."""
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    found = [name for name in names.split("\0") if name and not left_out(name, rules)]
    return [name for name in found if (ROOT / name).is_file()]


class Machine:
    """A root file system: what is in a folder, and of this machine `/usr` and Python.

    Attributes:
        root: the folder.
        environ: the variables that processes get.
        settings: who they are and the like, by the name of a Dockerfile's instruction.

    """

    def __init__(self, root: Path) -> None:
        """Begin with an empty folder, which need not be there."""
        self.root = root
        for each in _MADE:
            (self.root / each).mkdir(parents=True)
        for each in _OF_ETC:
            if (Path("/etc") / each).exists():
                shutil.copy(Path("/etc") / each, self.root / "etc")
        # Where the Python is that is taken for that of the base image.
        self.environ = {"PATH": f"{sys.base_prefix}/bin:/usr/sbin:/usr/bin"}
        self.settings: dict[str, list[str]] = {"WORKDIR": ["/"], "STOPSIGNAL": ["SIGTERM"]}

    def shell(self, command: str, *mounts: str, **variables: str) -> str:
        """Run a command as root, who may write; return what it prints."""
        where = ["env", "--chdir", *self.settings["WORKDIR"], "-i", *self.variables(variables)]
        ordered = [*self.mounts("--bind"), *mounts, *where, "/bin/sh", "-c", command]
        done = subprocess.run(
            [program("bwrap", "bubblewrap"), *ordered],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def mounts(self, how: str) -> list[str]:
        """Return what is seen of this machine, and of the image: by `--bind` or `--ro-bind`."""
        seen = ["--die-with-parent", "--unshare-pid", "--ro-bind", "/usr", "/usr"]
        for name in ("bin", "sbin", "lib", "lib64"):
            if Path("/", name).is_symlink():
                seen += ["--symlink", f"usr/{name}", f"/{name}"]
        for name in _MADE:
            seen += [how, str(self.root / name), f"/{name}"]
        python = Path(sys.base_prefix)
        for folder in reversed(python.parents[:-1]):
            seen += ["--perms", "0755", "--dir", str(folder)]
        seen += ["--ro-bind", str(python), str(python), "--ro-bind-try", "/etc/ssl", "/etc/ssl"]
        return [*seen, "--proc", "/proc", "--dev", "/dev", "--dir", "/run", *_TMP]

    def variables(self, more: Mapping[str, str]) -> list[str]:
        """Return what `env` is told: the variables of the image, and more."""
        return [f"{name}={value}" for name, value in {"HOME": "/", **self.environ, **more}.items()]


class Image(Machine):
    """What the lines of the Dockerfile make, stage after stage.

    Attributes:
        stages: the folder of each stage, by its name; the last one has none.
        labels: what the image says about itself.

    """

    def __init__(self, folder: Path, **arguments: str) -> None:
        """Make the image in an empty folder, with build arguments."""
        self.folder = folder
        self.stages: dict[str, Path] = {}
        self.arguments = arguments
        for instruction in instructions(DOCKERFILE.read_text()):
            getattr(self, f"_{instruction.name.lower()}")(instruction)

    def _from(self, instruction: Instruction) -> None:
        name = instruction.words[2] if len(instruction.words) > 1 else ""
        super().__init__(self.folder / (name or "image"))
        self.stages[name] = self.root
        self._given: dict[str, str] = {}
        self.labels: dict[str, str] = {}

    def _arg(self, instruction: Instruction) -> None:
        name, _, default = instruction.words[0].partition("=")
        if self.stages:
            self._given[name] = self.arguments.get(name, default)

    def _env(self, instruction: Instruction) -> None:
        for word in instruction.words:
            name, _, value = word.partition("=")
            self.environ[name] = self._filled(value)

    def _label(self, instruction: Instruction) -> None:
        for word in instruction.words:
            name, _, value = word.partition("=")
            self.labels[name] = self._filled(value)

    def _filled(self, value: str) -> str:
        known = self.environ | self._given
        return re.sub(r"\$\{?(\w+)\}?", lambda found: known[found[1]], value)

    def _workdir(self, instruction: Instruction) -> None:
        self.settings["WORKDIR"] = instruction.words
        (self.root / instruction.value.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _note(self, instruction: Instruction) -> None:
        self.settings[instruction.name] = instruction.words

    _user = _expose = _stopsignal = _entrypoint = _cmd = _volume = _note

    def _healthcheck(self, instruction: Instruction) -> None:
        self.settings["HEALTHCHECK"] = json.loads(instruction.value.partition(" CMD ")[2])

    def _copy(self, instruction: Instruction) -> None:
        *sources, target = instruction.words
        place = self.root / Path(*self.settings["WORKDIR"], target).relative_to("/")
        if sources[0].startswith("--from="):
            stage = self.stages[sources.pop(0).removeprefix("--from=")]
            for source in sources:
                shutil.copytree(
                    stage / source.lstrip("/"), place, symlinks=True, copy_function=os.link
                )
            return
        files = context()
        for source in sources:
            found = [name for name in files if name == source or name.startswith(f"{source}/")]
            assert found, f"{source} is not in what is sent to be built"
            for name in found:
                # Of a folder what is in it is copied, of a file the file.
                inside = name[len(source) + 1 :] or Path(name).name
                (place / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, place / inside)

    def _run(self, instruction: Instruction) -> None:
        if "useradd" in instruction.value and os.geteuid() != 0:
            for each in ("var/lib/cdb/payloads", "var/cache/cdb", "etc/cdb"):
                (self.root / each).mkdir(parents=True)
            return
        here = {name: value for name, value in os.environ.items() if _FROM_HERE.match(name)}
        cache = Path(os.environ.get("UV_CACHE_DIR", Path.home() / ".cache/uv"))
        cache.mkdir(parents=True, exist_ok=True)
        # What changes nothing of the outcome: what was downloaded before, and no bytecode, which
        # takes as long as all else.
        here |= self._given | {"UV_CACHE_DIR": "/tmp/uv", "UV_COMPILE_BYTECODE": "0"}  # noqa: S108 - a new one
        self.shell(instruction.value, "--bind", str(cache), "/tmp/uv", **here)  # noqa: S108 - the same


class Container:
    """A process in a root file system that nobody can write to, but for what `VOLUME` names."""

    def __init__(self, image: Machine, *command: str, **variables: str) -> None:
        """Start it; the image's own command if none is given."""
        self.image = image
        self._variables = image.variables(variables)
        read, write = os.pipe()
        arguments = [program("bwrap", "bubblewrap"), *image.mounts("--ro-bind")]
        for volume in image.settings["VOLUME"]:
            arguments += ["--bind", f"{image.root}{volume}", volume]
        arguments += ["--remount-ro", "/", "--unshare-net", "--info-fd", str(write)]
        arguments += ["--as-pid-1"]
        if os.geteuid() != 0:
            user, _, group = image.settings["USER"][0].partition(":")
            arguments += ["--unshare-user", "--uid", user, "--gid", group or "0"]
        ordered = command or image.settings["CMD"]
        self.process = subprocess.Popen(
            [*arguments, *self._as_user(), *image.settings.get("ENTRYPOINT", []), *ordered],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[write],
        )
        os.close(write)
        with os.fdopen(read) as told:
            self._inside = str(json.load(told)["child-pid"])

    def _as_user(self) -> list[str]:
        user = []
        if os.geteuid() == 0:
            # The user of the image, and really so: none of root's rights are left.
            name, _, group = self.image.settings["USER"][0].partition(":")
            ids = ["--reuid", name, "--regid", group or "0", "--clear-groups"]
            user = ["setpriv", *ids, "--no-new-privs"]
        return [*user, "env", "--chdir", *self.image.settings["WORKDIR"], "-i", *self._variables]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the process, as `docker exec` does."""
        spaces = ["--mount", "--net", "--pid"]
        if os.geteuid() != 0:
            spaces += ["--user", "--preserve-credentials"]
        return subprocess.run(
            ["nsenter", "--target", self._inside, *spaces, *self._as_user(), *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=180,
        )

    def is_healthy(self) -> bool:
        """Tell whether the health check of the image is content."""
        return self.run(*self.image.settings["HEALTHCHECK"]).returncode == 0

    def stop(self) -> tuple[int, str]:
        """Send the signal that stops it, and wait for the end; see `ended`."""
        os.kill(int(self._inside), signal.Signals[self.image.settings["STOPSIGNAL"][0]])
        return self.ended()

    def close(self) -> None:
        """End bubblewrap, and with it all that it runs."""
        with self.process:
            self.process.kill()

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and what was printed."""
        printed, _ = self.process.communicate(timeout=180)
        return self.process.returncode, printed
