"""`cdb doctor`: whether a service, a bundle or a deployment is well."""

import json
import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb_client.commands.failures import failures
from cdb_client.commands.options import ProfileName, shown
from cdb_client.commands.output import as_csv, printable, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cdb_client.doctor import Told

GROUP = "cdb.doctor"
"""Of the entry point that looks at an ini; the server has it."""

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}
_FIELDS = ("name", "state", "sentence")


@click.command()
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option(
    "--profile",
    type=ProfileName(),
    envvar="CDB_PROFILE",
    show_envvar=True,
    help="A profile of ~/.config/cdb/config.toml.",
)
@shown
def doctor(targets: tuple[str, ...], profile: str | None, form: str) -> None:
    """Look whether TARGET is well: a service, a bundle, or a deployment.

    TARGET is the base URL of a service, or several of the same conditions; the file of a
    bundle; or the ini of a deployment, where the server is installed. Without one it is the
    service of the profile. Of a service it says whether it can be reached and by whom, and
    whether all that clients rely on gets through the proxies and caches on the way. Nothing
    is written.

    \b
    Exit status:
      0  all is well, or there are only warnings
      1  something failed
      2  the command line or the configuration is wrong

    \b
    Examples:
      cdb doctor
      cdb doctor https://conditions.example.org/api/cdb_rest
      cdb doctor prod2026.cdb
      cdb doctor production.ini --format json
    """
    with failures():
        has_failed = False
        rows = []
        for name, state, sentence in _findings(targets, profile):
            has_failed |= state == "failed"
            if form == "table":
                _tell(name, state, sentence)
            else:
                rows.append({"name": name, "state": state, "sentence": sentence})
    if form == "json":
        write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    elif form == "csv":
        write(as_csv(rows, _FIELDS))
    raise click.exceptions.Exit(1 if has_failed else 0)


def _findings(targets: tuple[str, ...], profile: str | None) -> "Iterator[Told]":
    from cdb_client.profiles import load

    files = [each for each in targets if "://" not in each]
    if files and len(targets) > 1:
        raise click.UsageError("A file is looked at alone.")
    if files:
        return _of_file(Path(files[0]))
    known = load(profile)
    urls = targets or known.url
    if "://" not in urls[0]:
        return _of_file(Path(urls[0]))
    from cdb_client.doctor import service

    return service.check(
        urls,
        proxy=known.proxy,
        token=known.credentials(os.environ).current(),
        insecure_token=known.insecure_token,
    )


def _of_file(file: Path) -> "Iterator[Told]":
    if not file.is_file():
        raise click.UsageError(f"{file} is no file; a URL begins with http:// or https://.")
    if file.suffix == ".ini":
        return _of_ini(file)
    from cdb_client.doctor import bundle

    return bundle.check(file)


def _of_ini(ini: Path) -> "Iterator[Told]":
    found = list(entry_points(group=GROUP, name="doctor"))
    if not found:
        raise click.UsageError(
            f"To look at {ini} the server has to be installed here: pip install hep-cdb."
        )
    checked: Iterable[Told] = found[0].load()(ini)
    return iter(checked)


def _tell(name: str, state: str, sentence: str) -> None:
    shade = None if os.environ.get("NO_COLOR") else _COLOURS.get(state)
    click.echo(f"{click.style(f'{state:8}', fg=shade)} {name:16} {printable(sentence)}")
