"""The lines that the listener `log` writes."""

import json
import logging
from datetime import UTC, datetime

import pytest

from cdb.builtin.log import Log
from cdb.logs import JsonFormatter
from cdb.plugin import Event, NoOptions


def test_change_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    event = Event(
        change=7,
        at=datetime(2017, 6, 1, tzinfo=UTC),
        actor="jane",
        action="attach",
        object_type="payload_list",
        object_name="BeamSpot_1",
        comment="after the alignment",
    )
    with caplog.at_level(logging.INFO, "cdb.changes"):
        Log("log", NoOptions()).committed(event)
    [record] = caplog.records
    line = json.loads(JsonFormatter().format(record))
    assert line.pop("timestamp")
    assert line == {
        "level": "info",
        "logger": "cdb.changes",
        "event": "change 7",
        "change": 7,
        "actor": "jane",
        "action": "attach",
        "object_type": "payload_list",
        "object_name": "BeamSpot_1",
        "comment": "after the alignment",
    }
