"""The client: one object for reading conditions and for writing them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from cdb_client.errors import ConfigError
from cdb_client.profiles import Profile, load
from cdb_client.reads import Reads

if TYPE_CHECKING:
    from cdb_client.http import Writing
    from cdb_client.inserting import Inserting
    from cdb_client.resources import (
        Changes,
        GlobalTags,
        PayloadIovs,
        PayloadLists,
        Payloads,
        PayloadTypes,
    )


class Client(Reads):
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
        max_answer_mb: how large an answer of the service may be, unpacked, in 10⁶ bytes.

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
        max_answer_mb: float = 256.0,
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
        self._limits = {
            "connect": connect,
            "read": read,
            "patience": patience,
            "max_answer_mb": max_answer_mb,
        }
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
        self._close_files()

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

        ::

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


def _urls(url: str | Path | Sequence[str] | None) -> tuple[str, ...] | None:
    if url is None:
        return None
    return (str(url),) if isinstance(url, str | Path) else tuple(url)


def _check_place(url: str) -> None:
    if "://" not in url and not _is_file(url):
        raise ConfigError(f"{url!r} is neither the URL of a service nor the path of a bundle.")


def _is_file(path: str) -> bool:
    with suppress(OSError):  # no name of a file is so long
        return Path(path).is_file()
    return False
