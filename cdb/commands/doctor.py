"""The server's half of `cdb doctor`: whether a deployment is well, before and after it starts.

The verb is the client's. It finds `check` by the entry point `doctor` in the group
`cdb.doctor`, hands it an ini, and prints what comes, as it comes.
"""

import logging
import stat
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdb.commands.deployment import loader_of, reason_of
from cdb.commands.serve import Asked, options_of

if TYPE_CHECKING:
    from cdb.registry.plugins import Plugins
    from cdb.services.condition import Found
    from cdb.services.rules import Rules
    from cdb.settings import Settings
    from cdb.store.engine import Database

Told = tuple[str, str, str]
"""The name of a check; `ok`, `warning` or `failed`; and one sentence."""

_Run = Generator[Told, None, bool]
"""Yields what a check finds, and returns whether nothing failed."""

_PATIENCE = timedelta(seconds=6)
"""How long a database has to answer that others write to."""

_SENSITIVE = ("key", "password", "secret", "token")
"""Words in the names of options that are not for everybody."""


def check(ini: Path) -> Iterator[Told]:
    """Look whether a deployment is well, and yield what each check finds, as it is done.

    What is wrong with the deployment is never raised. No secret is in a sentence, and
    nothing stays of what a check made. A check can find more than one thing; where it
    fails, others that depend on it are left out.

    Args:
        ini: of the deployment.

    Yields:
        The name of the check; `ok`, `warning` or `failed`; and one sentence.

    """
    known = _Known(ini)
    if not (yield from known.run("ini", known.read)):
        return
    yield from known.run("server", known.server)
    if not (yield from known.run("settings", known.load)):
        return
    if (yield from known.run("plugins", known.enable)):
        yield from known.run("open-writes", known.open_writes)
    yield from known.run("secrets", known.secrets)
    yield from _of_files(known, known.settings)
    database = _database(known.settings)
    try:
        yield from _of_database(known, known.settings, database)
    finally:
        database.dispose()


def _of_files(known: "_Known", settings: "Settings") -> Iterator[Told]:
    from cdb.services import condition

    yield from known.run("payload-store", lambda: condition.payload_store(settings))
    yield from known.run("compiled", lambda: condition.compiled(settings))


def _of_database(known: "_Known", settings: "Settings", database: "Database") -> Iterator[Told]:
    from cdb.services import condition

    run, rules = known.run, known.rules
    yield from run("replicas", lambda: condition.replicas(settings, database))
    if not (yield from run("database", lambda: condition.database(settings, database))):
        return
    is_migrated = yield from run("migrations", lambda: condition.migrations(database))
    yield from run("writes", lambda: condition.privileges(database, is_migrated=is_migrated))
    yield from run("clock", lambda: condition.clock(database, is_migrated=is_migrated))
    if is_migrated and rules:
        yield from run("statuses", lambda: condition.statuses(database, rules))
        yield from run("payload-types", lambda: condition.payload_types(database, rules))
    connections = known.most_connections()
    yield from run("connections", lambda: condition.connections(database, connections))


def _database(settings: "Settings") -> "Database":
    """Return the database of a deployment; a file that is not there is not made."""
    from cdb.store.engine import Database

    return Database(
        settings.database_url,
        pool_size=1,
        timeout=min(settings.database_timeout, _PATIENCE),
        replicas=settings.database_replicas,
        max_lag=settings.database_max_lag,
    )


@dataclass(slots=True)
class _Known:
    """What is known of a deployment: what a check has read, those after it use.

    Attributes:
        ini: the file.
        keys: of its section `[app:main]`.
        asked: what its section `[server:main]` asks for.
        threads: that each process has.
        settings: only once they are loaded.
        plugins: only once they are enabled, as `rules`.

    """

    ini: Path
    keys: Mapping[str, Any] = field(default_factory=dict)
    asked: Asked | None = None
    threads: int = 1
    settings: "Settings" = field(init=False)
    plugins: "Plugins" = field(init=False)
    rules: "Rules | None" = None

    def run(self, name: str, look: "Callable[[], Iterator[Found]]") -> _Run:
        """Yield what a check finds; what it raises is a finding, too."""
        from cdb.services.condition import FAILED, Found

        found: list[Found] = []
        try:
            with _silent():
                found += look()
        except Exception as error:  # noqa: BLE001 - whatever it is, the deployment is not well
            found.append(Found(FAILED, _sentence(error)))
        for each in found:
            yield name, each.state, self._without_secrets(each.sentence)
        return all(each.state != FAILED for each in found)

    def _without_secrets(self, sentence: str) -> str:
        for password in _passwords(self.keys, getattr(self, "settings", None)):
            sentence = sentence.replace(password, "…")
        return sentence

    # --- the checks of the ini ---

    def read(self) -> "Iterator[Found]":
        """Read the ini, and set up logging as it says."""
        from cdb.services.condition import OK, Found

        loader = loader_of(self.ini)
        self.keys = {"__file__": str(self.ini), **loader.get_wsgi_app_settings()}
        yield Found(OK, f"{self.ini.name} can be read.")

    def server(self) -> "Iterator[Found]":
        """Look at where the service listens, and with how many threads."""
        import warnings

        from waitress.adjustments import Adjustments

        from cdb.services.condition import OK, WARNING, Found

        self.asked = Asked.of(options_of(self.ini))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            wanted = Adjustments(**self.asked.options)
        for each in told:
            yield Found(WARNING, _as_sentence(str(each.message)))
        self.threads = int(wanted.threads)
        places = (
            [wanted.unix_socket]
            if wanted.unix_socket
            else [":".join(map(str, each[3][:2])) for each in wanted.listen]
        )
        processes = f"{self.asked.workers or 1} × {self.threads} threads"
        yield Found(OK, f"{processes} listen on {', '.join(places)}.")

    def load(self) -> "Iterator[Found]":
        """Read the settings, from the ini and the environment."""
        import os

        from cdb import settings
        from cdb.services.condition import OK, WARNING, Found

        self.settings = settings.load(self.keys, os.environ)
        yield Found(OK, "All are valid.")
        for each in settings.ignored(self.keys, os.environ):
            yield Found(WARNING, f"{each}.")
        if self.asked and self.settings.max_streams >= self.threads:
            yield Found(
                WARNING,
                f"cdb.max_streams is {self.settings.max_streams}, and there are {self.threads} "
                "threads: slow readers of long answers can take them all.",
            )

    def enable(self) -> "Iterator[Found]":
        """Make the plugins that the ini enables."""
        from cdb.registry import plugins
        from cdb.registry.installed import installed
        from cdb.registry.rules import rules_of
        from cdb.services.condition import OK, Found

        self.plugins = plugins.load(self.settings, str(self.ini))
        self.rules = rules_of(self.settings, self.plugins)
        enabled = [each for each in installed() if (each.group, each.name) in self.plugins.enabled]
        packages = sorted({f"{each.distribution} {each.version}" for each in enabled})
        yield Found(OK, f"{len(enabled)} of {', '.join(packages)} are enabled.")

    def open_writes(self) -> "Iterator[Found]":
        """Look whether everybody can write."""
        from cdb.security import exposure
        from cdb.services.condition import OK, WARNING, Found

        exposure.check_open_writes(self.settings, self.plugins, str(self.ini))
        policies = [policy.name for policy in self.plugins.policies if policy.is_open]
        if not policies:
            yield Found(OK, "Who writes is asked for a permission.")
        elif exposure.listens_on_this_machine(str(self.ini)):
            yield Found(OK, "Everybody may write, and only this machine can connect.")
        else:
            yield Found(
                WARNING,
                f"The policy {policies[0]!r} lets everybody write who reaches the service, as "
                "cdb.allow_open_writes says; a gateway has to decide who that is.",
            )

    def secrets(self) -> "Iterator[Found]":
        """Look who else can read what only the service should know."""
        from cdb.services.condition import OK, WARNING, Found

        files = {
            place: key
            for key, value in self.keys.items()
            if key.startswith("cdb.plugin.")
            and (place := str(value).removeprefix("file:")) != value
        }
        open_to_all = [place for place in files if _is_readable_by_all(Path(place))]
        for place in open_to_all:
            yield Found(WARNING, f"{files[place]}: everybody on this machine can read {place}.")
        if _passwords(self.keys, None) and _is_readable_by_all(self.ini):
            yield Found(
                WARNING,
                f"{self.ini.name} has a password, and everybody on this machine can read it: take "
                "the reading from others, or set CDB_DATABASE_URL in its place.",
            )
        elif not open_to_all:
            yield Found(OK, "Nobody else can read what the ini has or names.")

    def most_connections(self) -> int:
        """Return how many connections all processes of this ini can have at a time."""
        workers = (self.asked.workers if self.asked else None) or 1
        of_requests = min(4 * self.settings.database_pool_size, 2 * self.threads)
        return workers * (of_requests + self.settings.metrics)


def _passwords(keys: Mapping[str, Any], settings: "Settings | None") -> set[str]:
    """Return the passwords in an ini, and in what the environment says in its place."""
    import json

    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    urls = [
        str(keys.get("cdb.database.url", "")),
        *str(keys.get("cdb.database.replicas", "")).split(),
    ]
    options = keys.get("cdb.payload_store_options", "{}")
    if settings:
        urls += [settings.database_url, *settings.database_replicas]
    found = set()
    for url in urls:
        try:
            found.add(make_url(url).password)
        except ArgumentError:  # the check of the settings tells
            continue
    try:
        given = json.loads(options)
    except json.JSONDecodeError:
        given = {}
    for name, value in given.items():
        if any(word in name.casefold() for word in _SENSITIVE):
            found.add(str(value))
    return {str(each) for each in found if each}


def _is_readable_by_all(place: Path) -> bool:
    try:
        return bool(place.stat().st_mode & stat.S_IROTH)
    except OSError:  # the check of the plugins tells
        return False


def _sentence(error: Exception) -> str:
    """Return what an error says as a sentence, without what it would repeat of the ini."""
    from sqlalchemy.exc import DBAPIError

    said = str(error.orig) if isinstance(error, DBAPIError) else reason_of(error)
    return _as_sentence(said)


def _as_sentence(said: str) -> str:
    line = " ".join(said.strip().partition("\n")[0].split()).rstrip(".")
    if "." in line.partition(" ")[0]:  # the key of a setting
        return f"{line}."
    return f"{line[:1].upper()}{line[1:]}."


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what is logged meanwhile from the terminal: the findings say it."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)
