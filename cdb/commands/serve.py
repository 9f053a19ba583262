"""`cdb serve`: the service of a deployment."""

import logging
import re
import signal
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cdb.commands.deployment import INI_PATH, loader_of, quieten, reading

if TYPE_CHECKING:
    from cdb.rest.tallies import Tallies

log = logging.getLogger("cdb.serve")

_COUNT = re.compile(r"0*[1-9][0-9]{0,3}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]*)?|\.[0-9]+")

_BUNDLES_OPTIONS = {"listen": "127.0.0.1:8000", "threads": 8}

_GRACE = 25.0
"""Seconds in which answers are finished when a process stops: Kubernetes kills it after 30."""

_MAX_WAIT = 10.0
"""Seconds that a request waits for a thread: clients give up on an answer after 30."""


@click.command()
@click.argument("ini", type=INI_PATH, envvar="CDB_INI", required=False)
@click.option(
    "--listen", metavar="HOST:PORT", help="Where to listen, instead of where the ini says."
)
@click.option(
    "--bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve the global tag of this bundle, to read, instead of what an ini says.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="The same as --listen 127.0.0.1:PORT.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1000),
    help="Processes that answer, instead of the number in the ini; SIGHUP renews them.",
)
def serve(
    ini: Path | None,
    listen: str | None,
    bundle: Path | None,
    port: int | None,
    workers: int | None,
) -> None:
    """Serve the API as INI says, until it is stopped.

    \b
    Examples:
      cdb serve development.ini
      cdb serve production.ini --listen 127.0.0.1:8080 --workers 4
      cdb serve --bundle prod2026.cdb --port 8080
    """
    if listen and port is not None:
        raise click.UsageError("--port and --listen exclude each other.")
    where = listen if port is None else f"127.0.0.1:{port}"
    said = {"listen": where, "workers": workers}
    given = {key: value for key, value in said.items() if value is not None}
    if bundle:
        _run(lambda: Asked.of({**_BUNDLES_OPTIONS, **given}), _bundle_app(bundle))
    elif ini:
        _run(lambda: Asked.of({**options_of(ini), **given}), lambda: app_of(ini, where))
    else:
        raise click.UsageError("An INI or --bundle is needed.")


def options_of(ini: Path) -> dict[str, Any]:
    """Return what an ini says about the web server.

    Raises:
        ClickException: it is no ini.

    """
    with reading(ini):
        found = loader_of(ini).get_settings("server:main")
    options = {key: value for key, value in found.items() if key != "use"}
    if not options.get("trusted_proxy"):
        # Else nobody could tell that a request came through a proxy: it would be a local one.
        options.setdefault("clear_untrusted_proxy_headers", "false")
    return options


def app_of(ini: Path, listen: str | None) -> Any:
    """Return the service of an ini.

    Raises:
        ClickException: the ini, a setting or a plugin is wrong.

    """
    from cdb.settings import SettingsError

    with reading(ini):
        loader = loader_of(ini)
        loader.get_wsgi_app_settings()  # else it is first read while the service is made
    try:
        return loader.get_wsgi_app(defaults={"listen": listen} if listen else None)
    except SettingsError as error:
        raise click.ClickException(f"{ini.name}: {error}") from None


def _bundle_app(path: Path) -> Callable[[], Any]:
    """Return what makes the service of a bundle: everybody may read, nobody can write.

    Raises:
        ClickException: it is no bundle.

    """
    quieten()
    from cdb import logs
    from cdb.app import make_app
    from cdb.errors import CdbError
    from cdb.services.bundles import Label, settings_of
    from cdb.settings import load
    from cdb.store import bundles

    try:
        with bundles.opened(path) as database:
            label = Label.of(database)
    except CdbError as error:
        raise click.ClickException(error.detail) from None
    click.echo(f"{path}: global tag {label.global_tag}, digest {label.digest}", err=True)
    logs.show_on_terminal()
    return lambda: make_app(load(settings_of(path, label), {}))


class Asked(NamedTuple):
    """What the web server is told.

    Attributes:
        options: of waitress.
        workers: how many processes answer; None for the one that was started.
        grace: seconds in which answers are finished when a process stops.
        max_wait: seconds that a request waits for a thread before it is refused.

    """

    options: Mapping[str, Any]
    workers: int | None
    grace: float
    max_wait: float

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Asked":
        """Read what an ini and the command line say.

        Raises:
            ClickException: what has to be a number is none.

        """
        options = dict(said)
        workers = options.pop("workers", None)
        if workers is not None and not _COUNT.fullmatch(str(workers)):
            raise click.ClickException(
                f"workers: a number of processes is needed, not {workers!r}"
            )
        grace, max_wait = (
            _seconds(name, options.pop(name, default))
            for name, default in (("grace", _GRACE), ("max_wait", _MAX_WAIT))
        )
        return cls(options, int(workers) if workers else None, grace, max_wait)


def _seconds(name: str, said: object) -> float:
    if not _SECONDS.fullmatch(str(said)):
        raise click.ClickException(f"{name}: a number of seconds is needed, not {said!r}")
    return float(str(said))


def _run(ask: Callable[[], Asked], make_app: Callable[[], Any]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        ask: tells how, anew for each process that is started.
        make_app: makes the application, in the process that serves it.

    Raises:
        ClickException: what is asked for is wrong, or the place is taken.

    """
    from cdb.commands.listening import Server, address, bound
    from cdb.commands.workers import Workers

    asked = ask()
    sockets = bound(asked.options)

    def boot() -> Server:
        app, now = make_app(), ask()
        try:
            return Server(app, now.options, sockets, now.grace, now.max_wait)
        except (OSError, ValueError) as error:
            reason = f"cannot listen on {now.options.get('listen')}: {error}"
            raise click.ClickException(reason) from None

    def tell() -> None:
        for each in sockets:
            log.info("cdb serves %s (Ctrl-C stops it)", address(each))

    if asked.workers:
        with closing(_tallies()) as tallies:
            _import_service()
            Workers(
                boot, lambda: ask().workers or 1, sockets, asked.grace, tell, tallies.fold
            ).run()
        return
    server = boot()
    server.stop_on(signal.SIGTERM, signal.SIGINT)
    tell()
    server.run()


def _tallies() -> "Tallies":
    """Return where the processes count together, before anything is imported that counts.

    Raises:
        ClickException: there is no room for that.

    """
    from cdb.rest.tallies import Tallies

    try:
        return Tallies()
    except OSError as error:
        raise click.ClickException(f"there is no directory for metrics: {error}") from None


def _import_service() -> None:
    """Import what every process needs, so that all of them share it in memory."""
    quieten()
    import cdb.app
    import cdb.rest.openapi
    import cdb.rest.views  # noqa: F401 - to have it
