"""nopayloaddb's API as a source: the shapes of its recorded answers, and those of this service."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
from legacy import MAX, shown, state
from support import API, Client, rules, serving

from cdb.domain.points import IovMode
from cdb.errors import Invalid
from cdb.services import contents
from cdb.services.nopayloaddb.importing import Import
from cdb.services.nopayloaddb.over_http import HttpSource
from cdb.store import reads
from cdb.store.changes import CURRENT
from cdb.store.engine import Database

RULES = rules()
CREATED = datetime(2022, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def as_nopayloaddb(app: Any) -> Any:
    """Serve a service whose pages say no more of payload IOVs than nopayloaddb's."""

    def answer(environ: Any, start_response: Any) -> Any:
        started: list[Any] = []
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        body = b"".join(app(environ, lambda *args: started.append(args)))
        status, headers = started[0][:2]
        if environ["PATH_INFO"].endswith("/payload-iovs"):
            page = json.loads(body)
            page["results"] = [
                {key: value for key, value in row.items() if key not in ("size", "revision")}
                for row in page["results"]
            ]
            body = json.dumps(page).encode()
            headers = [each for each in headers if each[0].lower() != "content-length"]
        start_response(status, headers)
        return [body]

    return answer


def test_the_api_gives_the_same(make_client: Callable[..., Client], databases: Any) -> None:
    client = make_client()
    client.ok("POST", "gt", {"name": "Web", "author": "bob", "status": "unlocked"})
    for name in ("Beam", "Calo"):
        client.ok("POST", "pt", {"name": name})
        made = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": "Web", "payload_list": made})
        rows = [
            {
                "payload_url": f"{name}{start}",
                "checksum": "c",
                "size": start,
                "revision": str(start),
                "major_iov": start,
                "minor_iov": 0,
                "payload_list": made,
            }
            for start in range(5)
        ]
        client.ok("POST", "bulk_piov", rows)
    client.ok("PUT", "gt_change_status/Web/locked")
    with databases("sqlite") as url, serving(as_nopayloaddb(client.app)) as root:
        database = Database(url)
        source = HttpSource(root + API)
        summary = Import(database, RULES, source, IovMode.CONTINUOUS).run(20)
        source.close()
        assert (summary.rows, summary.taken, summary.different) == (10, 10, 0)
        assert summary.asked == 20
        assert state(database)[0] == [("Web", "locked")]
        with database.statement() as reader:
            tag = reads.tag(reader, "Web")
        assert tag
        assert tag.author == "bob"
        assert shown(database, "Web")["Beam"] == [
            ((start, 0), (start + 1, 0) if start < 4 else (MAX, MAX), f"Beam{start}", str(start))
            for start in range(5)
        ]
        database.dispose()


def test_an_api_that_is_none_is_said(server: str, database: Database) -> None:
    source = HttpSource(server + "/nothing")
    with pytest.raises(Invalid, match=r"nothing: "):
        Import(database, RULES, source, IovMode.CONTINUOUS).run()
    source.close()
    with pytest.raises(Invalid, match="URL"):
        HttpSource("ftp://x")


# --- what nopayloaddb itself answers ------------------------------------------------

STAMP = "2022-03-04T05:06:07.000089"
"""nopayloaddb writes its times without a zone."""


class Recorded:
    """Answers as nopayloaddb does, in the shapes of the recorded requests, two rows a page."""

    IOVS: ClassVar[list[dict[str, Any]]] = [
        {
            "id": number,
            "payload_url": f"p{number}",
            "checksum": "c",
            "major_iov": major,
            "minor_iov": 0,
            "major_iov_end": MAX,
            "minor_iov_end": MAX,
            "payload_list": name,
            "global_tag": name and "GT",
            "payload_type": name and "Beam",
            "inserted": STAMP,
        }
        for number, major, name in [
            (1, 30, "Beam_1"),
            (2, 10, "Beam_1"),
            (3, 20, "Beam_1"),
            (4, 20, "Beam_1"),
            (5, 5, None),
        ]
    ]
    STATUS: ClassVar[dict[str, Any]] = {"id": 1, "name": "unlocked", "created": STAMP}
    TAG: ClassVar[dict[str, Any]] = {
        "id": 1,
        "name": "GT",
        "author": None,
        "status": "unlocked",
        "payload_lists_count": 1,
        "payload_iov_count": 4,
        "created": STAMP,
        "updated": STAMP,
    }
    LIST: ClassVar[dict[str, Any]] = {
        "id": 1,
        "name": "Beam_1",
        "global_tag": "GT",
        "payload_type": "Beam",
        "iov_count": 4,
        "created": STAMP,
    }

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        asked = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
        answer = {
            "gtstatus": lambda: [self.STATUS],
            "pt": lambda: [{"id": 1, "name": "Beam", "created": STAMP}],
            "globalTags": lambda: [self.TAG],
            "payload-lists": lambda: self.page([self.LIST], asked),
            "payload-iovs": lambda: self.page(self.IOVS, asked),
            "payloadiovs": lambda: self.query(int(asked["majorIOV"])),
        }[environ["PATH_INFO"].strip("/")]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer()).encode()]

    def page(self, rows: list[dict[str, Any]], asked: dict[str, str]) -> dict[str, Any]:
        name = asked.get("payload_list")
        found = [row for row in rows if name in (None, row.get("payload_list"))]
        size, number = min(int(asked["page_size"]), 2), int(asked["page"])
        return {
            "count": len(found),
            "page": number,
            "page_size": size,
            "total_pages": -(-len(found) // size),
            "results": found[(number - 1) * size : number * size],
        }

    def query(self, major: int) -> list[dict[str, Any]]:
        before = [row for row in self.IOVS if row["payload_list"] and row["major_iov"] <= major]
        found = sorted(before, key=lambda row: (row["major_iov"], row["id"]))[-1:]
        extra = {"payload_type_name": "Beam", "size": 7, "revision": "2"}
        return [{**row, **extra} for row in found]


def test_what_nopayloaddb_answers_comes_in(database: Database) -> None:
    out = StringIO()
    with serving(Recorded()) as url:
        source = HttpSource(url)
        summary = Import(database, RULES, source, IovMode.CONTINUOUS).run(10, out=out)
        source.close()
    assert shown(database, "GT") == {
        "Beam": [
            ((10, 0), (20, 0), "p2", "2"),
            ((20, 0), (30, 0), "p4", "2"),
            ((30, 0), (MAX, MAX), "p1", "2"),
        ]
    }
    with database.statement() as reader:
        record = reads.list_(reader, "Beam_1")
    assert record
    [page] = contents.iovs_at(database, record, CURRENT)
    assert (record.created, page[0].inserted, page[0].size) == (CREATED, CREATED, 7)
    found = [(each["kind"], each["ids"]) for each in json.loads(out.getvalue())["findings"]]
    assert found == [
        ("duplicate", [3, 4]),
        ("until-next-start", [2, 4]),
        ("detached", [5]),
    ]
    assert (summary.asked, summary.different) == (4, 0)
