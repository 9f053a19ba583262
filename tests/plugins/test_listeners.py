"""The lines that the listener `log` writes."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.builtin.log import Log
from cdb.plugin import Event, NoOptions

LOG = Log("log", NoOptions())
EVENT = Event(
    change=7,
    at=datetime(2017, 6, 1, tzinfo=UTC),
    actor="jane",
    action="attach",
    object_type="payload_list",
    object_name="BeamSpot_1",
    comment="after the alignment",
)


def lines(caplog: pytest.LogCaptureFixture, event: Event) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.INFO, "cdb.changes"):
        LOG.committed(event)
    return [record.getMessage() for record in caplog.records if record.name == "cdb.changes"]


def test_change_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = lines(caplog, EVENT)
    assert line == (
        'change=7 actor="jane" action="attach" type="payload_list" name="BeamSpot_1" '
        'comment="after the alignment"'
    )
    assert caplog.records[0].levelno == logging.INFO


def test_change_without_a_comment_says_so(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = lines(caplog, replace(EVENT, comment=None))
    assert line.endswith(" comment=null")


def test_comment_cannot_imitate_a_field_or_a_line(caplog: pytest.LogCaptureFixture) -> None:
    forged = 'x"\nchange=8 actor="root"'
    (line,) = lines(caplog, replace(EVENT, comment=forged))
    assert line.endswith(r' comment="x\"\nchange=8 actor=\"root\""')


@given(st.text(), st.text(), st.text())
def test_line_is_printable_ascii_whatever_is_sent(
    caplog: pytest.LogCaptureFixture, actor: str, name: str, comment: str
) -> None:
    event = replace(EVENT, actor=actor, object_name=name, comment=comment)
    (line,) = lines(caplog, event)
    assert line.isascii()
    assert line.isprintable()
