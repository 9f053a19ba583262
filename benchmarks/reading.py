"""How many requests a job makes that asks for its conditions at each lumi section.

A service with the sample data is started for it. Printed are the requests and the time of the
same job with an empty cache, with one that an earlier job has filled, with one whose answers are
old, and on a bundle.

    python benchmarks/reading.py [--sections 1000]
"""

import argparse
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import waitress

from cdb.app import make_app
from cdb.demo.load import load as load_demo
from cdb.services import bundles
from cdb.services.exports import DatabaseSource
from cdb.settings import load
from cdb.store import migrate
from cdb_client import Client

TAG, RUN = "CMS_2017", 302635


class Counting:
    """An application that counts what it is asked."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.statuses: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer a request."""

        def noting(status: str, headers: Any, *rest: Any) -> Any:
            self.statuses.append(status[:3])
            return start_response(status, headers, *rest)

        return self.app(environ, noting)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, Counting]]:
    """Serve the sample data on a free port, and make a bundle of them; gives the base URL."""
    ini = {"cdb.database.url": f"sqlite:///{folder}/cdb.sqlite", "cdb.allow_open_writes": "true"}
    app = make_app(load(ini, {}))
    context = app.registry.cdb
    migrate.upgrade(context.database)
    load_demo(context.database, context.rules)
    source = DatabaseSource(context.database, context.rules, TAG)
    bundles.create(source, context.rules, folder / "cms.cdb")
    counting = Counting(app)
    server = waitress.create_server(counting, listen="127.0.0.1:0")
    Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}/api/cdb_rest", counting


def job(url: str | Path, cache: Path | str, sections: int) -> int:
    """Ask at each lumi section; return how many different answers there were."""
    with Client(url, cache=cache) as client:
        seen = {client.at(TAG, run=RUN, lumi=lumi).valid_from for lumi in range(1, sections + 1)}
    return len(seen)


def make_old(cache: Path) -> None:
    """Make all answers in a cache look as if they were of long ago."""
    for path in cache.glob("answers/*/*.json"):
        path.write_text(re.sub(r'"confirmed": [0-9.]+', '"confirmed": 1.0', path.read_text()))


def main() -> None:
    """Run the job in each way, and print a row for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sections", type=int, default=1000, help="lumi sections (1000)")
    sections = parser.parse_args().sections
    os.environ["NO_PROXY"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served(folder) as (url, counting):
            cache = folder / "cache"
            ways: list[tuple[str, str | Path, Path | str]] = [
                ("no cache", url, ""),
                ("cold cache", url, cache),
                ("warm cache", url, cache),
                ("old cache", url, cache),
                ("bundle", folder / "cms.cdb", ""),
            ]
            print(f"{'':12}{'answers':>8}{'requests':>10}{'304':>6}{'ms':>8}{'µs a call':>12}")
            for way, place, kept in ways:
                if way == "old cache":
                    make_old(cache)
                counting.statuses.clear()
                start = time.perf_counter()
                answers = job(place, kept, sections)
                spent = time.perf_counter() - start
                print(
                    f"{way:12}{answers:8}{len(counting.statuses):10}"
                    f"{counting.statuses.count('304'):6}{1e3 * spent:8.1f}"
                    f"{1e6 * spent / sections:12.1f}"
                )


if __name__ == "__main__":
    main()
