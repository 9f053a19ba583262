"""The campaigns of `make torture`, of which `make test` makes the first few rounds.

A campaign is a test that asks for `campaign`, goes on for `campaign.rounds()`, and counts what it
did. What it counted is printed at the end, and kept in the folder that TORTURE_REPORT names.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from torture.campaign import Campaign

_ended = pytest.StashKey[list[Campaign]]()


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Iterator[Campaign]:
    """The campaign that this test is."""
    kept = os.environ.get("TORTURE_REPORT")
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    made = Campaign(name, Path(kept) if kept else None)
    yield made
    made.end()
    request.config.stash.setdefault(_ended, []).append(made)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each campaign did, where this process ran them."""
    ended = terminalreporter.config.stash.get(_ended, [])
    if ended:
        terminalreporter.section("campaigns")
    for each in ended:
        said = each.report()
        figures = ", ".join(f"{number:,} {what}" for what, number in each.figures.items())
        terminalreporter.write_line(
            f"{said['campaign']}: {said['seconds']} s, seed {said['seed']}: {figures}"
        )
