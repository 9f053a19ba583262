"""`cdb profile`: what is configured, without any secret."""

import os
from collections.abc import Mapping
from typing import Any

import click

from cdb_client.commands.failures import failures
from cdb_client.commands.options import ProfileName, shown
from cdb_client.commands.output import Columns, show, show_one

COLUMNS: Columns = {"profile": "name", "url": lambda row: " ".join(row["url"])}


@click.group()
def profile() -> None:
    """Show what is configured: profiles of ~/.config/cdb/config.toml, and the environment.

    \b
    Examples:
      cdb profile list
      cdb profile show cms
    """


@profile.command("list")
@shown
def list_(form: str) -> None:
    """List the profiles, each as it is with the environment on top.

    \b
    Examples:
      cdb profile list
      cdb profile list --format json
    """
    from cdb_client import profiles

    with failures():
        show([{"name": name, **_fields(name)} for name in profiles.names()], COLUMNS, form)


@profile.command("show")
@click.argument("name", type=ProfileName(), required=False)
@shown
def show_(name: str | None, form: str) -> None:
    """Show the profile NAME, or the one that is used, with the environment on top.

    \b
    Examples:
      cdb profile show
      cdb profile show cms --format json | jq -r .url[0]
    """
    with failures():
        show_one(_fields(name), form)


def _fields(name: str | None) -> Mapping[str, Any]:
    """Return what a profile says; a token, and what gives one, is only said to be there."""
    from cdb_client import profiles
    from cdb_client.answers import public

    found = profiles.load(name)
    return {
        "url": [public(url) for url in found.url],
        "proxy": found.proxy and public(found.proxy),
        "token": "set" if os.environ.get("CDB_TOKEN") else None,
        "token_file": found.token_file,
        "token_command": "set" if found.token_command else None,
        "insecure_token": found.insecure_token,
        "read_dirs": list(found.read_dirs),
        "cache": str(found.cache_folder(os.environ) or "none"),
        "cache_mb": found.cache_mb,
    }
