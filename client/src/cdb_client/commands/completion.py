"""`cdb completion`: what a shell needs to complete the command line."""

import click
from click.shell_completion import ShellComplete, get_completion_class

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CDB_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script by which SHELL completes commands, options and names.

    Names of tags, payload types, lists and statuses are asked of the service that the line
    says, or the profile, for at most a second.

    \b
    Examples:
      cdb completion bash > ~/.local/share/bash-completion/completions/cdb
      cdb completion zsh > ~/.zfunc/_cdb  # with fpath+=~/.zfunc before compinit
      cdb completion fish > ~/.config/fish/completions/cdb.fish
      eval "$(cdb completion bash)"
    """
    made = get_completion_class(shell)
    assert made  # noqa: S101 - click has one for each of SHELLS
    # Not that of bash itself, which looks for a bash to tell its version.
    click.echo(ShellComplete.source(made(ctx.find_root().command, {}, "cdb", _VARIABLE)))
