"""Reading a bundle: a global tag in one SQLite file, for jobs that reach no service."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from cdb_client.errors import BundleError
from cdb_client.points import MAX

APPLICATION_ID = 0x63646262
FORMAT = 1
"""What the header of the file says; `cdb bundle create` writes it."""

_MAPPED = 2**31 - 2**16

_LABEL = """
    select t.name, c.detail from global_tag t
    join change c on c.change = (select max(change) from change where action = 'import')
"""

# Row values, since only these become one descent of the index for each payload list.
_VALID = f"""
    select pt.name, i.payload_url, i.checksum, i.size, i.start_major, i.start_minor,
        i.end_major, i.end_minor, i.extra, pt.dimension
    from list_state s
    join payload_list l on l.id = s.payload_list
    join payload_type pt on pt.id = l.payload_type
    join iov i on i.id = (
        select id from iov where series = s.series and retired_by = {MAX}
        and (start_major, start_minor) <= (:major, :minor)
        order by start_major desc, start_minor desc limit 1
    ) and (:expired or (i.end_major, i.end_minor) > (:major, :minor))
    order by pt.name
"""  # noqa: S608 - a constant


class Bundle:
    """A bundle, opened for reading; the folder that it lies in may be read-only.

    Many processes may read it at once. Usable as a context manager, which closes
    it at its end.

    Attributes:
        global_tag: the name of the only tag that it has.
        digest: of that tag, 64 hexadecimal digits; the same as the service says.
        provenance: where the tag was taken from: `global_tag`, `change`, `taken`, ...

    """

    def __init__(self, path: str | Path) -> None:
        """Open a bundle.

        Raises:
            BundleError: the file is none.

        """
        place = quote(str(Path(path).resolve()))
        try:
            self._connection = sqlite3.connect(
                f"file:{place}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise BundleError(f"{path}: {error}.") from None
        try:
            # Read as memory: a third of the time of a query goes into copying pages.
            self._connection.execute(f"pragma mmap_size = {_MAPPED}")
            header = [self._one(f"pragma {name}") for name in ("application_id", "user_version")]
            label = self._one(_LABEL) if header == [(APPLICATION_ID,), (FORMAT,)] else None
        except sqlite3.Error as error:
            self.close()
            raise BundleError(f"{path} is no bundle: {error}.") from None
        if label is None:
            self.close()
            raise BundleError(f"{path} is no bundle of format {FORMAT}.")
        self.global_tag: str = label[0]
        told = json.loads(label[1])
        self.digest: str = told["after"]["digest"]
        self.provenance: dict[str, Any] = told["provenance"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def valid_at(
        self, global_tag: str, major: int, minor: int, *, expired: bool = False
    ) -> list[dict[str, Any]]:
        """Return the payloads that are valid at a point, by payload type.

        Args:
            global_tag: has to be the one of the bundle, which guards against the wrong file.
            major: 0 to 2**63 - 1, as `minor`.
            minor: the second number of the point.
            expired: also return the last payload of a type whose interval has ended.

        Returns:
            What the service answers, without `begin` and `end`: for each payload a
            dict with `payload_type_name`, `payload_url`, `checksum`, `size` in bytes,
            `major_iov`, `minor_iov`, `major_iov_end`, `minor_iov_end`, `revision`,
            `global_tag` and `dimension`.

        Raises:
            BundleError: the bundle has another tag, or is damaged.

        """
        if global_tag != self.global_tag:
            raise BundleError(f"The bundle has {self.global_tag!r}, and no {global_tag!r}.")
        if (major, minor) == (MAX, MAX):
            minor -= 1
        place = {"major": major, "minor": minor, "expired": expired}
        try:
            with closing(self._connection.execute(_VALID, place)) as rows:
                return [self._shown(row) for row in rows]
        except sqlite3.Error as error:
            raise BundleError(f"The bundle is damaged: {error}.") from None

    def _shown(self, row: tuple[Any, ...]) -> dict[str, Any]:
        end_major, end_minor = row[6:8]
        if self.provenance["iov_mode"] == "discrete" and (end_major, end_minor) != (MAX, MAX):
            end_major, end_minor = _before(end_major, end_minor)
        return {
            "payload_type_name": row[0],
            "payload_url": row[1],
            "checksum": row[2],
            "size": row[3],
            "major_iov": row[4],
            "minor_iov": row[5],
            "major_iov_end": end_major,
            "minor_iov_end": end_minor,
            "revision": row[8],
            "global_tag": self.global_tag,
            "dimension": row[9],
        }

    def _one(self, statement: str) -> Any:
        with closing(self._connection.execute(statement)) as rows:
            return rows.fetchone()


def _before(major: int, minor: int) -> tuple[int, int]:
    """Return the last point that belongs to an interval, as services of that mode show it."""
    return (major, minor - 1) if minor else (major - 1, MAX)
