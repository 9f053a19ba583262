"""The command `cdb` asking a real service: in this process, or on a terminal."""

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from click.testing import CliRunner, Result
from processes import CDB, environ
from support import API, Client, serving

from cdb.app import make_app
from cdb.settings import load
from cdb_client.cli import main


class Commanded:
    """A service, and the command asking it."""

    def __init__(self, client: Client, root: str) -> None:
        self.client = client
        self.url = root + API
        self.names = (f"Tag{number}" for number in range(10**6))

    def cdb(self, *arguments: object, input: str | None = None, **variables: str) -> Result:  # noqa: A002 - click's
        """Run the command where there is no terminal."""
        given = [str(each) for each in arguments]
        nowhere = {"CDB_URL": self.url, "CDB_CONFIG": os.devnull}
        return CliRunner().invoke(main, given, input=input, env={**nowhere, **variables})

    def done(self, *arguments: object) -> Result:
        """Run a command that has to succeed."""
        result = self.cdb(*arguments)
        assert result.exit_code == 0, result.output
        return result

    def on_a_terminal(self, *arguments: object, typed: str) -> subprocess.CompletedProcess[str]:
        """Run the command where somebody can be asked, who types something."""
        ours, theirs = pty.openpty()
        with closing(os.fdopen(ours, "wb", buffering=0)) as keyboard, os.fdopen(theirs) as stdin:
            keyboard.write(typed.encode())
            return subprocess.run(
                [CDB, *map(str, arguments)],
                stdin=stdin,
                capture_output=True,
                text=True,
                check=False,
                env=environ(CDB_URL=self.url, CDB_CONFIG=os.devnull),
                timeout=120,
            )

    def latest(self) -> int:
        """Return the number of the last change."""
        return int(self.client.ok("GET", "changes?limit=1")["latest"])

    def last_change(self) -> dict[str, Any]:
        """Return the last change."""
        return dict(self.client.ok("GET", f"changes/{self.latest()}"))

    def tag(self, *payload_types: str, ends: str = "explicit") -> str:
        """Make a tag with an empty list of each type."""
        name = next(self.names)
        self.client.ok("POST", "gt", {"name": name})
        for payload_type in payload_types:
            made = self.client.ok("POST", "pl", {"payload_type": payload_type, "ends": ends})
            attachment = {"global_tag": name, "payload_list": made["name"]}
            self.client.ok("PUT", "pl_attach", attachment)
        return name

    def iovs(self, tag: str) -> list[tuple[Any, ...]]:
        """Return what a tag holds: URL, start and end of each."""
        rows = self.client.ok("GET", f"global-tags/{tag}/iovs")
        names = ("payload_url", "major_iov", "minor_iov", "major_iov_end", "minor_iov_end")
        return [tuple(row[name] for name in names) for row in rows]

    def insert(self, tag: str, payload_type: str, url: str, start: int, end: int) -> None:
        """Attach a payload to the list of a tag, from one major number to another."""
        row = {"payload_type": payload_type, "payload_url": url, "checksum": url}
        interval = {"major_iov": start, "minor_iov": 0, "major_iov_end": end, "minor_iov_end": 0}
        self.client.ok("POST", f"global-tags/{tag}/iovs", [{**row, **interval}])


@contextmanager
def commanded(databases: Any, **settings: str) -> Iterator[Commanded]:
    """Give a service with an empty SQLite, and the command that asks it."""
    with databases("sqlite") as url:
        ini = {f"cdb.{name}": value for name, value in settings.items()}
        app = make_app(load({"cdb.database.url": url, **ini}, {}))
        try:
            with serving(app) as root:
                yield Commanded(Client(app), root)
        finally:
            app.registry.cdb.database.dispose()
