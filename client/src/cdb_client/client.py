"""The client: one object for reading conditions and for writing them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, Unpack

from cdb_client import questions
from cdb_client.bundle import Bundle
from cdb_client.conditions import ALL, Answer, Conditions, Places
from cdb_client.errors import BundleError, ConfigError, NotationError
from cdb_client.profiles import Profile, load
from cdb_client.questions import Dimensions, Question, Written
from cdb_client.reading import ServiceReader

if TYPE_CHECKING:
    from cdb_client.http import Service, Writing
    from cdb_client.inserting import Inserting
    from cdb_client.resources import (
        Changes,
        GlobalTags,
        PayloadIovs,
        PayloadLists,
        Payloads,
        PayloadTypes,
    )


class _Reader(Protocol):
    """What a service and a bundle have in common."""

    def dimensions(self, question: Question, *, renew: bool = False) -> Dimensions:
        """Return the dimensions of what is asked, with what they call their two numbers."""

    def answer(self, question: Question, places: Places) -> Answer:
        """Return what is valid at some points."""


class Client:
    """Conditions of one service, or of one bundle.

    Args:
        url: the base URL of a service, several ones of the same conditions, or the path of
            a bundle. Without it the environment (`CDB_URL`) and the profile say.
        profile: the name of one in `~/.config/cdb/config.toml`.
        token: for writes, and for services that ask who reads; without it the environment
            and the profile say where it comes from.
        proxy: an HTTP proxy or a site's Squid.
        read_dirs: folders that hold payload files, such as a mounted store.
        cache: the folder of the cache, which processes share; an empty text for none.
        connect: seconds until a connection stands.
        read: seconds of waiting for the next bytes of an answer.
        patience: seconds in which a request is tried again.
        max_age: seconds in which an answer is given again without asking whether it still
            holds: a job then sees one state, and asks once for each part of the axis. 0 asks
            each time, but for what never changes. For a state that is the same in all jobs,
            ask as of a change: `pin` gives one.
        stale_if_error: seconds beyond that in which an answer is given, with a warning, where
            the service cannot be reached.

    Raises:
        ConfigError: the profile, a variable or a URL is wrong.
        BundleError: the file is no bundle.

    """

    def __init__(  # noqa: PLR0913 - each has a name, and a default
        self,
        url: str | Path | Sequence[str] | None = None,
        *,
        profile: str | None = None,
        token: str | None = None,
        proxy: str | None = None,
        read_dirs: Sequence[str | Path] | None = None,
        cache: str | Path | None = None,
        connect: float = 5.0,
        read: float = 30.0,
        patience: float = 60.0,
        max_age: float = 300.0,
        stale_if_error: float = 0.0,
    ) -> None:
        given: dict[str, Any] = {
            "url": _urls(url),
            "proxy": proxy,
            "read_dirs": None if read_dirs is None else tuple(map(str, read_dirs)),
            "cache": None if cache is None else str(cache),
        }
        self.profile: Profile = replace(
            load(profile), **{key: value for key, value in given.items() if value is not None}
        )
        self._token = token
        self._limits = {"connect": connect, "read": read, "patience": patience}
        self._ages = {"max_age": max_age, "stale_if_error": stale_if_error}
        _check_place(self.profile.url[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open; a later request opens it anew."""
        if "service" in self.__dict__:
            self.service.close()
        if "bundle" in self.__dict__:
            self.__dict__.pop("bundle").close()

    @property
    def bundle_path(self) -> Path | None:
        """Where the bundle lies that is read; None for a service."""
        first = self.profile.url[0]
        return Path(first) if "://" not in first and Path(first).is_file() else None

    @cached_property
    def service(self) -> "Service":
        """The service that is asked.

        Raises:
            BundleError: a bundle is read, which answers the query and no more.

        """
        # Where a bundle is read the standard library is enough.
        from cdb_client.http import Service  # noqa: PLC0415

        if self.bundle_path:
            raise BundleError(f"{self.bundle_path} is a bundle: this needs a service.")
        credentials = self.profile.credentials(_environ())
        if self._token:
            credentials = replace(credentials, token=self._token)
        return Service(
            self.profile.url,
            credentials=credentials,
            proxy=self.profile.proxy,
            insecure_token=self.profile.insecure_token,
            **self._limits,
        )

    @cached_property
    def bundle(self) -> Bundle:
        """The bundle that is read.

        Raises:
            BundleError: the file is no bundle, or a service is asked.

        """
        if self.bundle_path is None:
            raise BundleError(f"{self.profile.url[0]} is no bundle.")
        return Bundle(self.bundle_path)

    @cached_property
    def _of_service(self) -> ServiceReader:
        return ServiceReader(lambda: self.service, **self._ages)

    @property
    def _reader(self) -> "_Reader":
        return self._of_service if self.bundle_path is None else self.bundle

    def at(
        self,
        tag: str | Sequence[str],
        /,
        *point: Written | Mapping[str, Written],
        as_of: int | str | datetime | None = None,
        types: str | Sequence[str] | None = None,
        expired: bool = False,
        complete: bool = False,
        **components: int | str | datetime,
    ) -> Conditions:
        """Return the payloads that are valid at a point.

        What holds at the next point, too, is given without asking: `valid_until` says how
        far that is.

        Args:
            tag: a global tag, also as `tag@change`. Of several, the first one that covers the
                point wins, for each payload type.
            point: two numbers, one notation as in `"299400:12"`, a time, or a mapping with a
                point for each dimension of the tag's payload types.
            as_of: a change, or a time.
            types: the payload types that are wanted; all if not given.
            expired: also the last payload of a type whose interval has ended.
            complete: whether a type without a payload is an error, `Conflict`.
            components: the numbers of the point by what the dimension calls them, as in
                `run=299400, lumi=12`; the second one may be left out, and is 0 then.

        Raises:
            NotationError: what is given means no point of this tag.
            ServiceError: the service refused: `NotFound` where there is no such tag.
            Unreachable: the service did not answer.
            BundleError: the bundle has not what was asked.

        """
        question = questions.question(tag, as_of, types, expired=expired, complete=complete)
        found = questions.numbers(_flat(point)) if not components else None
        if found is not None:
            places: Places = {ALL: found}
            return self._conditions(question, places, self._reader.answer(question, places))
        return self._at_written(question, point, components)

    def _at_written(
        self,
        question: Question,
        point: Sequence[Written | Mapping[str, Written]],
        components: Mapping[str, int | str | datetime],
    ) -> Conditions:
        for renew in (False, True):
            dimensions = self._reader.dimensions(question, renew=renew)
            try:
                places = _places(point, components, dimensions)
            except NotationError:
                # The tag may have got another dimension since that was asked.
                if renew or self.bundle_path:
                    raise
                continue
            answer = self._reader.answer(question, places)
            odd = [p for p in answer.payloads.values() if p.dimension not in dimensions]
            if not odd:
                break
        else:
            raise NotationError(
                f"Payload type {odd[0].payload_type!r} has the dimension {odd[0].dimension!r}, "
                "which the service has not enabled: give two numbers."
            )
        return self._conditions(question, places, answer)

    def _conditions(self, question: Question, places: Places, answer: Answer) -> Conditions:
        return Conditions(question.tags, places, answer)

    @cached_property
    def global_tags(self) -> "GlobalTags":
        """Requests about global tags."""
        from cdb_client.resources import GlobalTags  # noqa: PLC0415

        return GlobalTags(self.service)

    @cached_property
    def payload_iovs(self) -> "PayloadIovs":
        """Requests about payload IOVs."""
        from cdb_client.resources import PayloadIovs  # noqa: PLC0415

        return PayloadIovs(self.service)

    @cached_property
    def payloads(self) -> "Payloads":
        """Requests about payload files."""
        from cdb_client.resources import Payloads  # noqa: PLC0415

        return Payloads(self.service)

    def inserting(
        self,
        global_tag: str | None = None,
        *,
        payload_list: str | None = None,
        create_lists: bool = False,
        **writing: "Unpack[Writing]",
    ) -> "Inserting":
        """Return a batch of inserts, which a `with` block fills and sends at its end.

            with client.inserting("CMS_2017", reason="new jet corrections") as batch:
                batch.add("JEC_L2Relative", file="l2.txt", begin="302635:0", end="303435:0")
            print(batch.change)

        All of them are sent in one request, and done or not as one; an exception in the
        block sends nothing.

        Args:
            global_tag: the tag that they go into.
            payload_list: the list that they go into, instead of a tag.
            create_lists: make the lists that the tag lacks for their types.
            writing: reason, dry run, condition and key.

        Raises:
            ConfigError: neither a tag nor a list is named, or both.
            BundleError: a bundle is read, which cannot be written to.

        """
        from cdb_client.inserting import Inserting  # noqa: PLC0415

        return Inserting(
            self.service,
            global_tag,
            payload_list=payload_list,
            create_lists=create_lists,
            **writing,
        )

    @cached_property
    def payload_types(self) -> "PayloadTypes":
        """Requests about payload types."""
        from cdb_client.resources import PayloadTypes  # noqa: PLC0415

        return PayloadTypes(self.service)

    @cached_property
    def payload_lists(self) -> "PayloadLists":
        """Requests about payload lists."""
        from cdb_client.resources import PayloadLists  # noqa: PLC0415

        return PayloadLists(self.service)

    @cached_property
    def changes(self) -> "Changes":
        """Requests about the change log."""
        from cdb_client.resources import Changes  # noqa: PLC0415

        return Changes(self.service)

    def whoami(self) -> dict[str, Any]:
        """Return who the service takes the sender for, and what they may do somewhere."""
        return self.service.whoami()


def _environ() -> Mapping[str, str]:
    return os.environ


def _urls(url: str | Path | Sequence[str] | None) -> tuple[str, ...] | None:
    if url is None:
        return None
    return (str(url),) if isinstance(url, str | Path) else tuple(url)


def _check_place(url: str) -> None:
    if "://" not in url and not Path(url).is_file():
        raise ConfigError(f"{url!r} is neither the URL of a service nor the path of a bundle.")


def _flat(point: Sequence[Any]) -> Sequence[Any]:
    """Return the two numbers, where they were given as one point."""
    return point[0] if len(point) == 1 and isinstance(point[0], tuple) else point


def _places(
    point: Sequence[Written | Mapping[str, Written]],
    components: Mapping[str, int | str | datetime],
    dimensions: Dimensions,
) -> Places:
    if components and not point:
        return questions.places_of_components(components, dimensions)
    if len(point) == 1 and not components:
        if isinstance(point[0], Mapping):
            return questions.places_by_dimension(point[0], dimensions)
        if isinstance(point[0], str | datetime):
            return questions.places_of_notation(point[0], dimensions)
    raise NotationError(
        f"{point!r} is no point: give two numbers, a notation, a mapping by dimension, or the "
        "numbers by their names."
    )
