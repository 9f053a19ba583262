"""What an import reads that is broken, or means harm: refused in a sentence, and bounded."""

import gzip
import json
from io import BytesIO
from typing import Any

import pytest
from support import serving

from cdb.errors import Corrupt, Invalid
from cdb.services.json_lines import JsonLinesSource
from cdb.services.nopayloaddb.over_http import HttpSource
from cdb.store.nopayloaddb import LegacyList

ENDLESS = gzip.compress(b" " * 20_000_000)


def cut_short(packed: bytes) -> bytes:
    return packed[: len(packed) // 2]


def changed(packed: bytes) -> bytes:
    return packed[:10] + b"\xff" * 8 + packed[18:]


@pytest.mark.parametrize(
    ("packed", "told"),
    [
        (ENDLESS, "line 1: it has more than 10,000,000 bytes"),
        (cut_short(ENDLESS), "What is compressed is damaged"),
        (changed(gzip.compress(bytes(range(256)) * 40)), "What is compressed is damaged"),
        (gzip.compress(b"[" * 100_000 + b"\n"), "line 1: this is no JSON"),
        (gzip.compress(b'{"cdb":' + b"9" * 100_000 + b"}\n"), "line 1: "),
    ],
    ids=["endless", "cut-short", "changed", "deep", "long-number"],
)
def test_compressed_lines_that_cannot_be_are_refused(packed: bytes, told: str) -> None:
    with gzip.open(BytesIO(packed)) as file, pytest.raises(Corrupt, match=told):
        JsonLinesSource(file)  # type: ignore[arg-type]  # as binary a file as any


class Answering:
    """An API that answers the same to everything."""

    def __init__(self) -> None:
        self.body: Any = None

    def __call__(self, _environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(self.body).encode()]


TAG = {"id": 1, "name": "A", "author": None, "status": "unlocked", "created": None}
LIST = LegacyList(1, "Beam_1", None, "Beam", None, None, 1)
ROW = {"id": 1, "payload_url": "u", "checksum": "c", "major_iov": 1, "minor_iov": 0}
ROW |= {"major_iov_end": 2, "minor_iov_end": 0, "payload_list": "Beam_1"}
PAGE = {"count": 1, "page_size": 1000, "total_pages": 1, "results": [ROW]}


@pytest.fixture(scope="module")
def api() -> Any:
    answering = Answering()
    with serving(answering) as root:
        source = HttpSource(root)
        yield answering, source
        source.close()


@pytest.mark.parametrize(
    "wrong",
    [
        *([7], "text", [TAG | {"id": "1"}], [TAG | {"id": None}], [TAG | {"name": 5}]),
        *([TAG | {"status": None}], [TAG | {"created": "soon"}], [TAG | {"created": 5}]),
        *([TAG | {"name": "\ud800"}], [TAG | {"id": 2**63}], [{"id": 1}]),
    ],
    ids=repr,
)
def test_tags_that_cannot_be_are_refused(api: Any, wrong: Any) -> None:
    answering, source = api
    answering.body = wrong
    with pytest.raises(Invalid, match="is not as expected"), source.state() as state:
        state.tags()


@pytest.mark.parametrize(
    "wrong",
    [
        *([], {}, {"results": 5}, PAGE | {"results": 5}, PAGE | {"results": [5]}),
        *(PAGE | {"total_pages": "x"}, PAGE | {"results": [ROW | {"major_iov": 1.5}]}),
        *(PAGE | {"results": [ROW | {name: None}]} for name in ("checksum", "minor_iov_end")),
    ],
    ids=repr,
)
def test_payload_iovs_that_cannot_be_are_refused(api: Any, wrong: Any) -> None:
    answering, source = api
    answering.body = wrong
    with pytest.raises(Invalid, match="is not as expected"), source.state() as state:
        list(state.rows(LIST))


def test_pages_that_never_end_end(api: Any) -> None:
    answering, source = api
    answering.body = PAGE | {"results": [], "page_size": 0, "total_pages": 2**62}
    with source.state() as state:
        assert list(state.rows(LIST)) == []
