"""`cdb token`: the API tokens of a deployment."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb.commands.deployment import INI, deployment_of, with_database

if TYPE_CHECKING:
    from cdb.store.engine import Database
    from cdb.store.tokens import TokenRecord

_FORMAT = click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@click.group()
def token() -> None:
    """Make, list and revoke API tokens.

    \b
    Examples:
      cdb token create production.ini --owner calibration-bot --scope cdb.write
      cdb token list production.ini
      cdb token revoke production.ini 7
    """


@token.command()
@INI
@click.option("--owner", required=True, help="Whom the change log names for its writes.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="What it is limited to: cdb.read, cdb.write, cdb.write:/Prod*, cdb.admin. Repeatable.",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Valid so long."
)
@click.option("--description", help="What it is for.")
def create(
    ini: Path, owner: str, scopes: tuple[str, ...], days: int, description: str | None
) -> None:
    """Make an API token and print it; it is not kept, and cannot be shown again.

    An authorization policy has to permit what its owner does: `scopes` permits
    what the scopes say.

    \b
    Examples:
      cdb token create production.ini --owner calibration-bot --scope 'cdb.write:/Prod*'
      cdb token create production.ini --owner dashboard --scope cdb.read --days 30
    """
    from cdb.builtin.credentials import subject_problem
    from cdb.builtin.grants import scope_grant
    from cdb.services import tokens
    from cdb.services.writer import Writer

    if problem := subject_problem(owner):
        raise click.BadParameter(f"the name {problem}", param_hint="--owner")
    for scope in scopes:
        if scope_grant(scope) is None:
            reason = f"{scope!r} is none, such as cdb.read, cdb.write or cdb.iov.attach:/Prod*"
            raise click.BadParameter(reason, param_hint="--scope")
    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        expires = datetime.now(UTC) + timedelta(days=days)
        with database.writing() as session:
            made, record = tokens.create(
                session,
                deployment.rules,
                Writer.operator("cdb token"),
                owner,
                list(scopes),
                expires,
                description,
            )
        click.echo(made)
        click.echo(
            f"API token {record.id} of {owner}, valid until {_day(record.expires)}.", err=True
        )

    with_database(deployment, run)


@token.command("list")
@INI
@_FORMAT
def list_(ini: Path, format_: str) -> None:
    """List the API tokens, also those that are no longer valid.

    \b
    Examples:
      cdb token list production.ini
      cdb token list production.ini --format json
    """
    from cdb.store import tokens

    def run(database: "Database") -> None:
        with database.statement() as reader:
            records = tokens.tokens(reader)
        if format_ == "json":
            shown = [{**record._asdict(), "state": _state(record)} for record in records]
            click.echo(json.dumps(shown, indent=2, default=str))
            return
        for record in records:
            used = _day(record.last_used) if record.last_used else "never"
            click.echo(
                f"{record.id}  {_state(record)}  {record.owner}  {' '.join(record.scopes)}  "
                f"until {_day(record.expires)}  used {used}"
            )

    with_database(deployment_of(ini), run)


@token.command()
@INI
@click.argument("token_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
def revoke(ini: Path, token_id: int) -> None:
    """Make the API token with this ID invalid, at once.

    \b
    Examples:
      cdb token revoke production.ini 7
    """
    from cdb.services import tokens
    from cdb.services.writer import Writer

    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        with database.writing() as session:
            writer = Writer.operator("cdb token")
            record = tokens.revoke(session, deployment.rules, writer, token_id)
        click.echo(f"API token {record.id} of {record.owner} is revoked.")

    with_database(deployment, run)


def _state(record: "TokenRecord") -> str:
    if record.revoked:
        return "revoked"
    return "expired" if record.expires and record.expires <= datetime.now(UTC) else "valid"


def _day(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d") if moment else "for ever"
