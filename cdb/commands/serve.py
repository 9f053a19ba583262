"""`cdb serve`: the service of a deployment."""

import signal
from contextlib import suppress
from pathlib import Path

import click

from cdb.commands.deployment import INI, loader_of


@click.command()
@INI
@click.option(
    "--listen", metavar="HOST:PORT", help="Where to listen, instead of where the ini says."
)
def serve(ini: Path, listen: str | None) -> None:
    r"""Serve the API as INI says, until it is stopped.

    \b
    cdb serve development.ini
    cdb serve production.ini --listen 127.0.0.1:8080
    """
    import waitress

    from cdb.settings import SettingsError

    loader = loader_of(ini)
    options = {
        key: value for key, value in loader.get_settings("server:main").items() if key != "use"
    }
    if listen:
        options["listen"] = listen
    if not options.get("trusted_proxy"):
        # Else nobody could tell that a request came through a proxy: it would be a local one.
        options.setdefault("clear_untrusted_proxy_headers", "false")
    try:
        app = loader.get_wsgi_app(defaults={"listen": listen} if listen else None)
    except SettingsError as error:
        raise click.ClickException(f"{ini.name}: {error}") from None
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
