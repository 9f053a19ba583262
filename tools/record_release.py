"""Record what the version of this checkout leaves in a database, before it is released.

    .venv/bin/python tools/record_release.py 0.2.0

writes tests/data/released/0.2.0: a small database on SQLite and on PostgreSQL, what it
answers, and the statements of this version. What comes later is tested against that, so it
is never recorded anew once the version is released. docs/development.md says more.
"""

import json
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

import released  # noqa: E402 - the folder of the tests has to be known first
from cluster import cluster  # noqa: E402
from support import Client  # noqa: E402

from cdb.app import make_app  # noqa: E402
from cdb.settings import load  # noqa: E402
from cdb.store import migrate, schema  # noqa: E402
from cdb.store.engine import Database  # noqa: E402


def record(kind: str, url: str, folder: Path) -> None:
    """Record on one of the two kinds of databases."""
    database = Database(url)
    migrate.upgrade(database)
    sent: list[str] = []
    with tempfile.TemporaryDirectory() as store, released.noted(sent):
        ini = {"cdb.database.url": url, "cdb.payload_store": store}
        client = Client(make_app(load({**ini, "cdb.allow_open_writes": "true"}, {})))
        released.fill(client)
        answers = released.asked(client, [*released.CONTENT, *released.LATER])
        requests = list(released.requests_of(client, sent))
        client.app.registry.cdb.database.dispose()
    lines = "".join(f"{json.dumps(each)}\n" for each in requests)
    (folder / f"statements.{kind}.jsonl").write_text(lines)
    (folder / f"answers.{kind}.json").write_text(f"{json.dumps(answers, indent=1)}\n")
    released.dump(database.url, folder / f"{schema.head()}.{kind}.sql")
    database.dispose()


def main() -> None:
    """Record the release that is named, on both."""
    [name] = sys.argv[1:]
    folder = released.FOLDER / name
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="cdb-release-") as place:
        record("sqlite", f"sqlite:///{place}/cdb.sqlite", folder)
    with cluster(0) as (primary, _):
        record("postgresql", primary.url(), folder)


if __name__ == "__main__":
    main()
