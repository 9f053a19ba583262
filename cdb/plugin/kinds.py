"""The kinds of plugins: one abstract class each.

A plugin is a class that an entry point names. The service makes one instance of
it, with its options, and calls it from many threads at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from cdb.domain.points import MAX, OPEN, Point, after, before
from cdb.domain.statuses import Status
from cdb.plugin.types import (
    Content,
    Credentials,
    Event,
    Identity,
    NoOptions,
    NotationError,
    PayloadReference,
    Permission,
    Preview,
    Target,
    Upload,
)


class Plugin(ABC):
    """What all plugins have.

    Attributes:
        requires_cdb: the versions of `cdb.plugin` that it works with, as in
            `>=1,<2`; it has no default.
        Options: a frozen dataclass of what the ini can set; text, numbers,
            booleans, `timedelta`, `Path`, `Literal`, enumerations, tuples of
            text, `Lines` and `Secret` are read.

    """

    requires_cdb: ClassVar[str]
    Options: ClassVar[type] = NoOptions

    def __init__(self, name: str, options: Any) -> None:
        """Take the name that the plugin is enabled by, and its checked options.

        Raises:
            OptionsError: they contradict each other.

        """
        self.name = name
        self.options = options

    def problem(self) -> str | None:
        """Return why the plugin cannot do its work at the moment; None where all is well.

        It is half a sentence, as in 'the keys of the issuer cannot be loaded', for everybody:
        `/health/ready` tells it, and what it is asked of goes on. It is called every few
        seconds, by one thread at a time, so it looks at what is known, or asks something
        cheap; that may hang, too.
        """
        return None


class PayloadValidator(Plugin):
    """Decides whether a payload may become valid.

    It is asked when a payload IOV enters a payload list, never for a clone, and
    when a file is uploaded. Its options can be given for each payload type.
    """

    reads_content: bool = False
    """Whether `content` is needed; a payload that is not in the store is then refused.

    An instance can set it, where it depends on the options.
    """

    @abstractmethod
    def problems(self, payload: PayloadReference, content: Content | None) -> Iterable[str]:
        """Return why a payload is refused: one sentence for each reason, none if it is good.

        Args:
            payload: the reference.
            content: its bytes, where `reads_content` is set.

        """


class IovDimension(Plugin):
    """How an experiment writes points and intervals. Inside, ends are exclusive."""

    components: tuple[str, str]
    """What the major and the minor number are called, as in ('run', 'lumi').

    An instance can set it, where it depends on the options; `ranges`, too.
    """

    inclusive_ends: bool = False
    """Whether the notation of an end names the last point that is still valid.

    An instance can set it, where it depends on the options.
    """

    open_end: ClassVar[str] = "open"
    """How an end that never comes is written."""

    ranges: tuple[tuple[int, int], tuple[int, int]] = ((0, MAX), (0, MAX))
    """The smallest and largest major and minor number that a start can have."""

    @abstractmethod
    def parse(self, notation: str) -> Point:
        """Return the point that a notation means.

        Raises:
            NotationError: it means none; the message is shown to the client.

        """

    @abstractmethod
    def format(self, point: Point) -> str:
        """Return the notation of a point, such that `parse(format(p)) == p`.

        A point that has none is written as `major,minor`.
        """

    def parse_end(self, notation: str, start: Point) -> Point:
        """Return the exclusive end that a notation means for an interval from `start` on.

        Raises:
            NotationError: it means none.

        """
        if notation == self.open_end:
            return OPEN
        end = self.parse(notation)
        return after(end) if self.inclusive_ends else end

    def format_end(self, end: Point, start: Point) -> str:
        """Return the notation of an exclusive end, such that `parse_end` gives it back."""
        if end == OPEN:
            return self.open_end
        return self.format(before(end) if self.inclusive_ends else end)

    def normalise(self, start: Point, end: Point | None) -> tuple[Point, Point | None]:
        """Return the interval that is meant by the numbers of a write.

        Args:
            start: where it begins.
            end: where it ends, exclusive; None until the next start.

        Raises:
            NotationError: no such interval can be in this dimension.

        """
        for number, name, (low, high) in zip(start, self.components, self.ranges, strict=True):
            if not low <= number <= high:
                raise NotationError(f"{name} {number} is not in the range from {low} to {high}")
        return start, end


class Authenticator(Plugin):
    """Finds out who sends a request."""

    scheme: ClassVar[str] = ""
    """The scheme of the Authorization header that it reads, as in 'Bearer'; else empty.

    With such a header only the authenticators of its scheme are asked; without
    one, only those that read none.
    """

    @abstractmethod
    def identify(self, credentials: Credentials) -> Identity | None:
        """Return who it is, or None where these credentials are not for this authenticator.

        Raises:
            CredentialsRefused: they are, and do not hold.

        """


class AuthorizationPolicy(Plugin):
    """Decides who may do what. Where several are enabled, one that permits is enough."""

    is_open: ClassVar[bool] = False
    """Whether it lets everybody write; the service then asks for `cdb.allow_open_writes`."""

    @abstractmethod
    def permits(self, identity: Identity, permission: Permission, target: Target) -> bool:
        """Tell whether somebody may do something to an object."""

    def may_permit(self, identity: Identity, permission: Permission) -> bool:
        """Tell whether there can be an object to which somebody may do something.

        It is asked first, before a body is read.
        """
        return True


class TagPolicy(Plugin):
    """The statuses of global tags, and what is possible in them; one is enabled."""

    @property
    @abstractmethod
    def statuses(self) -> Sequence[Status]:
        """The statuses that the policy declares; a new tag begins with the first."""

    @abstractmethod
    def refuses_transition(
        self, tag: str, current: Status, target: Status, identity: Identity
    ) -> str | None:
        """Return why a tag cannot go from a status to another, or None where it can.

        The permission `tag.status` is asked for besides.
        """

    def refuses_write(
        self, tag: str, status: Status, permission: Permission, identity: Identity
    ) -> str | None:
        """Return why something cannot be written to a tag now, or None where it can.

        The write mode of the status holds besides.
        """
        return None


class EventListener(Plugin):
    """Is told of changes after they are committed; if it fails, the change stands."""

    @abstractmethod
    def committed(self, event: Event) -> None:
        """Take note of a change."""


class PayloadPreview(Plugin):
    """Shows what is in a payload."""

    @abstractmethod
    def accepts(self, payload: PayloadReference) -> bool:
        """Tell whether it can show such a payload; of several that can, the first is asked."""

    @abstractmethod
    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        """Return how a payload is shown.

        Raises:
            ValueError: its content is not what it seemed.

        """


class PayloadLayout(Plugin):
    """Where payload files lie in the payload store; one is enabled."""

    numbers_revisions: ClassVar[bool] = False
    """Whether the service numbers the payloads of a type in order of arrival, from 1 on.

    The same content of a type keeps its number. The number is the revision of
    every payload IOV that refers to the payload.
    """

    @abstractmethod
    def path(self, upload: Upload) -> str:
        """Return where a file goes: relative, parts joined by '/', the same for the same file."""


KINDS: Mapping[str, type[Plugin]] = {
    "cdb.payload_validators": PayloadValidator,
    "cdb.iov_dimensions": IovDimension,
    "cdb.authenticators": Authenticator,
    "cdb.authorization_policies": AuthorizationPolicy,
    "cdb.tag_policies": TagPolicy,
    "cdb.event_listeners": EventListener,
    "cdb.previews": PayloadPreview,
    "cdb.payload_layouts": PayloadLayout,
}
"""Entry-point group → kind."""
