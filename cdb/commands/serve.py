"""`cdb serve`: the service of a deployment."""

import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from cdb.commands.deployment import INI_PATH, loader_of, quieten

_BUNDLES_LISTEN = "127.0.0.1:8000"
_THREADS = 8


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
def serve(ini: Path | None, listen: str | None, bundle: Path | None, port: int | None) -> None:
    r"""Serve the API as INI says, until it is stopped.

    \b
    cdb serve development.ini
    cdb serve production.ini --listen 127.0.0.1:8080
    cdb serve --bundle prod2026.cdb --port 8080
    """
    from cdb.settings import SettingsError

    if listen and port is not None:
        raise click.UsageError("--port and --listen exclude each other.")
    where = listen if port is None else f"127.0.0.1:{port}"
    if bundle:
        _run(_bundle_app(bundle), {"listen": where or _BUNDLES_LISTEN, "threads": _THREADS})
        return
    if ini is None:
        raise click.UsageError("An INI or --bundle is needed.")
    loader = loader_of(ini)
    options = {
        key: value for key, value in loader.get_settings("server:main").items() if key != "use"
    }
    if where:
        options["listen"] = where
    if not options.get("trusted_proxy"):
        # Else nobody could tell that a request came through a proxy: it would be a local one.
        options.setdefault("clear_untrusted_proxy_headers", "false")
    try:
        app = loader.get_wsgi_app(defaults={"listen": where} if where else None)
    except SettingsError as error:
        raise click.ClickException(f"{ini.name}: {error}") from None
    _run(app, options)


def _bundle_app(path: Path) -> Any:
    """Return the service of a bundle: everybody may read, nobody can write.

    Raises:
        ClickException: it is no bundle.

    """
    quieten()
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
    return make_app(load(settings_of(path, label), {}))


def _run(app: Any, options: Mapping[str, Any]) -> None:
    import waitress

    try:
        server = waitress.create_server(app, **options)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"cannot listen on {options.get('listen')}: {error}") from None
    # As Ctrl-C: what is being answered is answered, then the process ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        for host, port in _addresses(server):
            click.echo(f"cdb serves http://{host}:{port} (Ctrl-C stops it)", err=True)
        server.run()


def _addresses(server: object) -> list[tuple[str, int]]:
    several = getattr(server, "effective_listen", None)
    if several:
        return list(several)
    return [(server.effective_host, server.effective_port)]  # type: ignore[attr-defined]
