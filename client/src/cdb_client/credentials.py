"""Where the token comes from: the environment, a file, a command, or WLCG's usual places.

A token is looked up when a request needs one, so that a file which something else
renews is read anew. The places, first come first served:

1. `CDB_TOKEN`, the token itself;
2. `CDB_TOKEN_FILE`, or `token_file` of the profile;
3. `CDB_TOKEN_COMMAND`, or `token_command` of the profile: what it prints;
4. those of the WLCG bearer token discovery (https://doi.org/10.5281/zenodo.3937438):
   `BEARER_TOKEN`, `BEARER_TOKEN_FILE`, `$XDG_RUNTIME_DIR/bt_u<uid>`, `/tmp/bt_u<uid>`.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdb_client.errors import ConfigError

COMMAND_SECONDS = 60


@dataclass(slots=True)
class Credentials:
    """Finds the token to send.

    Args:
        token: itself, where it is known.
        file: that holds it, in one line.
        command: that prints it; split as a shell would, but run without one.
        environ: in which the places of WLCG are looked up; empty for none of them.

    """

    token: str | None = field(default=None, repr=False)
    file: str | None = None
    command: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    _printed: str | None = field(default=None, init=False, repr=False)

    def current(self, refused: str | None = None) -> str | None:
        """Return the token; None where there is none.

        Args:
            refused: by the service: where the command printed it, it is run again.

        Raises:
            ConfigError: the file cannot be read, the command fails, or what they give
                is no token.

        """
        if self.token:
            return _checked(self.token, "CDB_TOKEN")
        if self.file:
            return _read(Path(self.file).expanduser())
        if self.command:
            if self._printed in (None, refused):
                self._printed = _run(self.command)
            return self._printed
        return self._discovered()

    def _discovered(self) -> str | None:
        if token := self.environ.get("BEARER_TOKEN", "").strip():
            return _checked(token, "BEARER_TOKEN")
        if named := self.environ.get("BEARER_TOKEN_FILE"):
            return _read(Path(named))
        # Nobody but this user can have written what is trusted here.
        owner = os.getuid() if hasattr(os, "getuid") else None
        for folder in filter(None, (self.environ.get("XDG_RUNTIME_DIR"), self._common())):
            place = Path(folder, f"bt_u{owner}")
            try:
                # Of a link, who made it counts: it could lead to any file of this user.
                if place.lstat().st_uid == owner:
                    return _read(place)
            except OSError:
                continue
        return None

    def _common(self) -> str | None:
        return "/tmp" if self.environ else None  # noqa: S108 - the place that the standard names


def _read(place: Path) -> str:
    try:
        return _checked(place.read_text("ascii", "replace").strip(), str(place))
    except OSError as error:
        raise ConfigError(f"The token file {place} cannot be read: {error.strerror}.") from None


def _run(command: str) -> str:
    try:
        words = shlex.split(command)
        done = subprocess.run(  # noqa: S603 - the user's own command
            words, stdout=subprocess.PIPE, timeout=COMMAND_SECONDS, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"The token command did not end within {COMMAND_SECONDS} s: {command}"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"The token command {command!r} cannot be run: {error}.") from None
    if done.returncode:
        raise ConfigError(f"The token command {command!r} ended with status {done.returncode}.")
    return _checked(done.stdout.strip(), f"the token command {command!r}")


def _checked(token: str, source: str) -> str:
    # It goes into a header; and is in no message, whatever it is.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"What {source} gives is no token.")
    return token
