"""The reading half of the client: the same for a service and for a bundle."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cdb_client import questions
from cdb_client.bundle import Bundle
from cdb_client.cache import Cache
from cdb_client.conditions import ALL, Answer, Conditions, PayloadIOV, Places
from cdb_client.errors import BundleError, NotationError
from cdb_client.files import PayloadFiles
from cdb_client.points import OPEN, ORIGIN, Point
from cdb_client.profiles import Profile, is_here
from cdb_client.questions import Dimensions, Question, Written
from cdb_client.reading import ServiceReader
from cdb_client.stored import Stored

if TYPE_CHECKING:
    from cdb_client.http import Service

AsOf = int | str | datetime | None
"""A change, or a time (as a text in ISO 8601); None for the latest state."""


class _Reader(Protocol):
    """What a service and a bundle have in common."""

    def dimensions(self, question: Question, *, renew: bool = False) -> Dimensions:
        """Return the dimensions of what is asked, with what they call their two numbers."""

    def answer(self, question: Question, places: Places) -> Answer:
        """Return what is valid at some points."""

    def answers(self, question: Question, points: Sequence[Point | str]) -> list[Answer]:
        """Return what is valid at each of many points."""

    def iovs(
        self, question: Question, start: Point | str, end: Point | str
    ) -> Iterable[PayloadIOV]:
        """Return what overlaps a window."""

    def head(self, question: Question) -> int:
        """Return the last change that touched the tag."""


class Reads:
    """Reads conditions, and keeps what it has read for as long as it holds."""

    profile: Profile
    _token: str | None
    _limits: Mapping[str, float]
    _ages: Mapping[str, float]

    @cached_property
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
        credentials = self.profile.credentials(os.environ)
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
        # At one address of this machine there is now one service and then another.
        shared = self.profile.cache or not is_here(self._origin)
        stored = Stored(self._cache if shared else Cache(None, 0), self._origin)

        def written() -> int:
            return self.service.written if "service" in self.__dict__ else 0

        return ServiceReader(lambda: self.service, written, stored, **self._ages)

    @cached_property
    def _cache(self) -> Cache:
        return Cache(self.profile.cache_folder(os.environ), self.profile.cache_mb)

    @property
    def _origin(self) -> str:
        """What tells apart the answers of two services, and of two users of one."""
        return self.profile.url[0].rstrip("/")

    @cached_property
    def _files(self) -> PayloadFiles:
        folders = [Path(folder).expanduser() for folder in self.profile.read_dirs]
        bundle = self.bundle_path
        if bundle:
            folders.append(bundle.with_name(f"{bundle.name}.payloads"))
        service = None if bundle else lambda: self.service
        return PayloadFiles(folders, self._cache, self._origin, service, self._limits["patience"])

    def path(self, payload: PayloadIOV, *, verify: bool = True) -> Path:
        """Return a file with a payload, which is fetched where it is not here.

        It is looked for in the read directories, and beside a bundle; in the cache; in the
        service's store; and below what the service says payload URLs are relative to. Do not
        write to it.

        Args:
            payload: that is wanted.
            verify: compare what is found with the checksum and the size; what is damaged is
                looked for elsewhere.

        Raises:
            PayloadError: no source has it, or only damaged ones; or it has no checksum that
                can be compared, which `verify=False` puts up with.
            Unreachable: it would have to be fetched, and the service does not answer.

        """
        return self._files.path(payload, verify=verify)

    @property
    def _reader(self) -> "_Reader":
        return self._of_service if self.bundle_path is None else self.bundle

    def at(
        self,
        tag: str | Sequence[str],
        /,
        *point: Written | Mapping[str, Written],
        as_of: AsOf = None,
        types: str | Sequence[str] | None = None,
        expired: bool = False,
        complete: bool = False,
        **components: int | str | datetime,
    ) -> Conditions:
        """Return the payloads that are valid at a point.

        What holds at the next point, too, is given without asking: `valid_until` says how
        far that is.

        >>> conditions = client.at("CMS_2017", run=302635, lumi=1200, types="LumiCertification")
        >>> print(conditions)
        CMS_2017 at 302635,1200 (1 payload type, the same in [302635,1132, 302635,1207))
          LumiCertification  cms2017/Cert_294927-306462_13TeV_EOY2017ReReco_Coll...
        >>> conditions["LumiCertification"].size
        14627

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
        return Conditions(question.tags, places, answer, self.path)

    def batch(
        self,
        tag: str | Sequence[str],
        points: Iterable[Point | str | datetime],
        *,
        as_of: AsOf = None,
        types: str | Sequence[str] | None = None,
    ) -> list[Conditions]:
        """Return the payloads that are valid at each of many points, in one request for 10,000.

        All points are asked as of one change. Where they have the same answer, they share it.

        >>> first, second = client.batch("CMS_2017", ["302635:1200", (299350, 0)])
        >>> len(first), len(second)
        (5, 0)

        Args:
            tag: a global tag, or several, as in `at`.
            points: each of two numbers, or in the notation of the tag's only dimension.
            as_of: a change, or a time.
            types: the payload types that are wanted; all if not given.

        Raises:
            NotationError: one of them is no point of this tag.
            ServiceError: the service refused: `NotFound` where there is no such tag.
            Unreachable: the service did not answer.
            BundleError: the bundle has not what was asked.

        """
        question = questions.question(tag, as_of, types)
        places = [self._place(question, point) for point in points]
        found = self._reader.answers(question, places)
        return [
            self._conditions(question, {ALL: place}, answer)
            for place, answer in zip(places, found, strict=True)
        ]

    def iovs(
        self,
        tag: str,
        payload_type: str | None = None,
        *,
        start: Point | str | datetime | None = None,
        end: Point | str | datetime | None = None,
        as_of: AsOf = None,
    ) -> list[PayloadIOV]:
        """Return the payload IOVs of a global tag that overlap a window, by type and start.

        >>> found = client.iovs("CMS_2017", "JER_SF_AK8PFPuppi", start="302635:0", end="303000:0")
        >>> [(iov.start, iov.end, iov.revision) for iov in found]
        [((302030, 0), (303435, 0), '1')]

        Args:
            tag: a global tag, also as `tag@change`.
            payload_type: only this one.
            start: the first point of the window; the first of all if not given.
            end: the first point after it; the window is open if not given.
            as_of: a change, or a time.

        Raises:
            NotationError: `start` or `end` is no point of this tag.
            ServiceError: the service refused: `Invalid` where the end is not after the start.
            Unreachable: the service did not answer, or not to the end.
            BundleError: the bundle has not what was asked.

        """
        question = questions.question(tag, as_of, payload_type)
        window = tuple(
            other if edge is None else self._place(question, edge)
            for edge, other in ((start, ORIGIN), (end, OPEN))
        )
        return list(self._reader.iovs(question, window[0], window[1]))

    def change(self, tag: str, *, as_of: AsOf = None) -> int:
        """Return the last change that touched a global tag.

        Raises:
            ServiceError: the service refused: `NotFound` where there is no such tag.
            Unreachable: the service did not answer.
            BundleError: the bundle has another tag.

        """
        return self._reader.head(questions.question(tag, as_of))

    def pin(self, tag: str, *, as_of: AsOf = None) -> str:
        """Return the name of a tag as it is now, `tag@change`, which never answers differently.

        For jobs that have to see the same, whenever they run; raises as `change` does.

        >>> client.pin("CMS_2017")
        'CMS_2017@22'
        """
        return f"{tag.partition('@')[0]}@{self.change(tag, as_of=as_of)}"

    def _place(self, question: Question, point: Point | str | datetime) -> Point | str:
        """Return a point of the only axis of a tag; a text where only the service can read it."""
        if not isinstance(point, str | datetime):
            found = questions.numbers(point)
            if found is None:
                raise NotationError(f"{point!r} is no point: two numbers, or a text.")
            return found
        dimensions = self._reader.dimensions(question)
        places = questions.places_of_notation(point, dimensions)
        return next(iter(places.values()))

    def _close_files(self) -> None:
        for name in ("bundle", "_files"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()


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
