"""Inserts that are collected, and sent in one request."""

from collections.abc import Iterable, Mapping
from operator import index
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from cdb_client.errors import ConfigError
from cdb_client.http import Answer, Service, Writing, path_of
from cdb_client.points import MAX, Point
from cdb_client.resources.payload_iovs import PayloadIovs
from cdb_client.resources.payloads import LocalFile, Payloads


class Inserting:
    """Inserts into a global tag or a payload list; made by `Client.inserting`.

    Attributes:
        answer: of the request; None until it was sent, and where there was nothing to send.
        created_lists: the payload types that the tag had no list for.
        sent: the numbers of the inserts that the request has, counted from 0, which is how the
            service calls them; a dry run leaves out those whose list it has not kept.

    """

    def __init__(
        self,
        service: Service,
        global_tag: str | None = None,
        *,
        payload_list: str | None = None,
        create_lists: bool = False,
        **writing: Unpack[Writing],
    ) -> None:
        if (global_tag is None) == (payload_list is None):
            raise ConfigError("Inserts go into a global tag or into a payload list: name one.")
        if create_lists and payload_list is not None:
            raise ConfigError("create_lists is for a global tag, whose lists may be missing.")
        if create_lists and writing.get("if_match"):
            raise ConfigError("A list that is made moves the tag: create_lists forbids if_match.")
        self._service = service
        self._global_tag = global_tag
        self._payload_list = payload_list
        self._create_lists = create_lists
        self._writing = writing
        self._rows: list[dict[str, Any]] = []
        self._files: dict[int, LocalFile] = {}
        self._starts: dict[object, int] = {}
        self.answer: Answer | None = None
        self.created_lists: list[str] = []
        self.sent: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._rows:
            self._send()

    @property
    def change(self) -> int | None:
        """The change that was made; None before, after a dry run, and where nothing changed."""
        return self.answer.change if self.answer else None

    @property
    def payload_iovs(self) -> list[dict[str, Any]]:
        """What has become of the inserts, where they are 100 at most."""
        shown = self.answer.body.get("payload_iovs") if self.answer else None
        return list(shown or ())

    def add(  # noqa: PLR0913 - each has a name, and a default
        self,
        payload_type: str | None = None,
        *,
        file: str | Path | None = None,
        url: str | None = None,
        checksum: str | None = None,
        size: int | None = None,
        revision: str | None = None,
        begin: str | None = None,
        end: str | None = None,
        start: Point | None = None,
        until: Point | None = None,
        upload: bool = True,
    ) -> None:
        """Add one insert.

        Args:
            payload_type: for a tag, which of its lists; a list has its own.
            file: the payload on this machine. It is sent to the service's store before the
                inserts, unless it is there, and its URL, checksum and size are the store's.
            url: of the payload, relative to the experiment's payload folder.
            checksum: of the payload, as MD5 or SHA-256, hexadecimal.
            size: of the payload, in bytes.
            revision: the payload's own, free text.
            begin: where the interval starts, in the notation of the dimension.
            end: where it ends, in that notation; where neither this nor `until` is given,
                the payload list says what that means.
            start: `begin` as two numbers.
            until: `end` as two numbers, as the service's IOV mode has them.
            upload: whether a file is sent; otherwise `url` says where it lies, and the
                file is only read for its checksum and size.

        Raises:
            ConfigError: it cannot be right, whatever the service holds.

        """
        row: dict[str, Any] = {"size": size, "revision": revision}
        if self._global_tag is not None:
            row["payload_type"] = _given(payload_type, "An insert into a tag has a payload type.")
        elif payload_type is not None:
            raise ConfigError("A payload list has its own payload type: name none.")
        row |= _interval(begin, end, start, until)
        known = None
        if file is None:
            row["payload_url"] = _given(url, "An insert has a url, or a file.")
            row["checksum"] = _given(checksum, "A url needs the payload's checksum.")
        else:
            known = LocalFile.at(file)
            row |= _of_file(known, url, checksum, upload=upload)
        self._once(row)
        if known and upload:
            self._files[len(self._rows)] = known
        self._rows.append({name: value for name, value in row.items() if value is not None})

    def add_rows(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add inserts by the API's names of their fields; only the service looks at them."""
        self._rows.extend(rows)

    def _once(self, row: Mapping[str, Any]) -> None:
        place = [row.get(name) for name in ("payload_type", "begin", "major_iov", "minor_iov")]
        first = self._starts.setdefault(tuple(place), len(self._rows))
        if first != len(self._rows):
            raise ConfigError(
                f"Inserts {first} and {len(self._rows)} both start at "
                f"{row.get('begin') or (row['major_iov'], row['minor_iov'])}."
            )

    def _send(self) -> None:
        if self._files:
            self._upload()
        if self._create_lists:
            self._create_missing()
        unkept = self.created_lists if self._writing.get("dry_run") else ()
        self.sent = [
            number
            for number, row in enumerate(self._rows)
            if not unkept or row.get("payload_type") not in unkept
        ]
        rows = [self._rows[number] for number in self.sent]
        inserts = PayloadIovs(self._service)
        if self._payload_list is not None:
            self.answer = inserts.attach_to_list(self._payload_list, rows, **self._writing)
        elif rows:
            self.answer = inserts.attach(str(self._global_tag), rows, **self._writing)

    def _upload(self) -> None:
        payloads = Payloads(self._service)
        own_type = self._type_of_list() if self._payload_list is not None else None
        present = payloads.check(list({file.md5 for file in self._files.values()}))
        for number, file in self._files.items():
            row = self._rows[number]
            payload_type = own_type or row["payload_type"]
            stored = present[file.md5]
            if stored is None or stored["payload_type"] != payload_type:
                stored = payloads.put(payload_type, file, **self._prepares()).body
                present[file.md5] = stored
            row |= {name: stored[name] for name in ("payload_url", "checksum", "size")}

    def _type_of_list(self) -> str:
        path = path_of("payload-lists", "by-name", str(self._payload_list))
        return str(self._service.get(path)["payload_type"])

    def _create_missing(self) -> None:
        tag = str(self._global_tag)
        there = self._service.get(path_of("global-tags", tag, "payload-lists"))
        for payload_type in dict.fromkeys(row.get("payload_type") for row in self._rows):
            if payload_type is None or payload_type in there:
                continue
            self.created_lists.append(payload_type)
            made = self._service.write(
                "POST", "payload-lists", {"payload_type": payload_type}, **self._prepares()
            )
            if not self._writing.get("dry_run"):
                attachment = {"global_tag": tag, "payload_list": made.body["name"]}
                self._service.write("PUT", "payload-lists/attach", attachment, **self._prepares())

    def _prepares(self) -> Writing:
        # The key and the condition are for the inserts alone.
        return {
            "reason": self._writing.get("reason"),
            "dry_run": self._writing.get("dry_run", False),
        }


def _given(value: str | None, otherwise: str) -> str:
    if not value:
        raise ConfigError(otherwise)
    return value


def _interval(
    begin: str | None, end: str | None, start: Point | None, until: Point | None
) -> dict[str, Any]:
    if (begin is None) == (start is None):
        raise ConfigError("An insert starts at `begin`, or at `start`: give one of them.")
    if end is not None and until is not None:
        raise ConfigError("An insert ends at `end`, or at `until`: give one of them.")
    row: dict[str, Any] = {"begin": begin, "end": end}
    if start is not None:
        row["major_iov"], row["minor_iov"] = start = _point(start)
    if until is not None:
        row["major_iov_end"], row["minor_iov_end"] = until = _point(until)
    if start is not None and until is not None and until < start:
        raise ConfigError(f"The interval ends at {until}, before it starts at {start}.")
    return row


def _point(given: Point) -> Point:
    try:
        major, minor = map(index, given)
    except (TypeError, ValueError):
        raise ConfigError(f"{given!r} is no point: two whole numbers are.") from None
    if not (0 <= major <= MAX and 0 <= minor <= MAX):
        raise ConfigError(f"{given!r} is no point: its numbers go from 0 to {MAX}.")
    return major, minor


def _of_file(
    known: LocalFile, url: str | None, checksum: str | None, *, upload: bool
) -> dict[str, Any]:
    if checksum is not None and checksum.lower() not in (known.md5, known.sha256):
        raise ConfigError(f"{known.path} has not the checksum {checksum}: it has {known.md5}.")
    if upload:
        if url is not None:
            raise ConfigError("The store says where a file that is sent lies: give no url.")
        return {}
    place = _given(url, "A file that is not sent needs the url where it lies.")
    return {"payload_url": place, "checksum": checksum or known.md5, "size": known.size}
