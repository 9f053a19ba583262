"""`cdb timeline`, on a real service: in letters, as data, and as files."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from matplotlib.axes import Axes
from support import API, Client, serving

from cdb.app import make_app
from cdb.settings import load
from cdb_client import Client as Reader
from cdb_client import plot
from cdb_client.cli import main

EXPERIMENTS = (7, 8, 10)


@pytest.fixture(scope="module")
def url(databases: Any) -> Iterator[str]:
    """A service with a tag of three lists, of which one holds much, and its clone, changed."""
    with databases("sqlite") as database:
        app = make_app(load({"cdb.database.url": database, "cdb.allow_open_writes": "true"}, {}))
        client = Client(app)
        client.ok("POST", "gt", {"name": "Prod"})
        for name, rows in _content().items():
            client.ok("POST", "pt", {"name": name, "dimension": "run-lumi"})
            made = client.ok("POST", "pl", {"payload_type": name})["name"]
            client.ok("PUT", "pl_attach", {"global_tag": "Prod", "payload_list": made})
            client.ok("POST", "bulk_piov", [{"payload_list": made, **row} for row in rows])
        client.ok("POST", "cloneGlobalTag/Prod/Next")
        client.ok("DELETE", "deletePayloadIOV/Next/Beam/8/0")
        with serving(app) as root:
            yield root + API
        app.registry.cdb.database.dispose()


def _content() -> dict[str, list[dict[str, Any]]]:
    def row(name: str, start: tuple[int, int], end: tuple[int, int]) -> dict[str, Any]:
        return {
            "payload_url": name,
            "begin": f"{start[0]}:{start[1]}",
            "end": f"{end[0]}:{end[1]}",
        }

    many = [(run, lumi) for run in EXPERIMENTS for lumi in range(0, 2000, 3)]
    return {
        "Alignment": [{"payload_url": "a", "major_iov": 7, "minor_iov": 0}],
        "Beam": [row(f"b{run}", (run, 0), (run, 2000)) for run in EXPERIMENTS],
        "Lumi": [row(f"l{run}.{lumi}", (run, lumi), (run, lumi + 2)) for run, lumi in many],
    }


def cdb(url: str, *arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--url", url])


def test_tag_is_drawn_with_its_gaps(url: str) -> None:
    done = cdb(url, "timeline", "Prod", "--width", 60, "--gaps")

    assert done.exit_code == 0
    day = re.search(r"\d{4}-\d\d-\d\d", done.output)
    assert day
    drawn = [line.rstrip() for line in done.output.splitlines()]
    assert drawn[:16] == [
        "Prod",
        f"as of change 13 of {day[0]}   7:0 … 10:2000",
        "",
        "Alignment  █████████████████████████████████████████∞     1",
        "Beam       ██████████▇▓▓▓▓▓▓▓▓▓▄         ▁▒▒▒▒▒▒▒▒▒▒      3",
        "Lumi       ▆▆▆▆▆▆▆▆▆▆▅▆▆▆▆▆▆▆▆▆▃         ▁▆▆▆▆▆▆▆▆▆▆  2,001",
        "          └──────────┬───────────────────┬──────────",
        " run:lumi            8                  10",
        "",
        "█▒ one payload, the next   ▁▇ partly covered   ∞ has no end   at the right: payload IOVs",
        "",
        "Beam: 2 gaps",
        "  7:2000 … 8:0",
        "  8:2000 … 10:0",
        "Lumi: 2000 gaps",
        "  7:2 … 7:3",
    ]
    assert drawn[-1] == "  and 1980 more: cdb gt gaps lists all"


def test_window_types_and_change_are_asked_for(url: str) -> None:
    options = ("--from", "7:0", "--to", "7:100", "--type", "Beam", "--as-of", 9)
    done = cdb(url, "timeline", "Prod", "--width", 60, *options)

    assert "as of change 9 of" in done.output
    assert "7:0 … 7:100" in done.output
    assert "Alignment" not in done.output


def test_where_one_end_is_named_the_data_say_the_other(url: str) -> None:
    assert "8:0 … 10:2000" in cdb(url, "timeline", "Prod", "--from", "8:0").output
    assert "7:0 … 8:0" in cdb(url, "timeline", "Prod", "--to", "8:0").output


def test_window_beyond_the_data_says_how_far_they_reach(url: str) -> None:
    done = cdb(url, "timeline", "Prod", "--from", "90:0")

    assert done.exit_code == 1
    assert "The tag reaches from 7,0 to 10,2000." in done.output


def test_tag_without_payloads_has_no_picture(url: str) -> None:
    window = ["--from", "1:0", "--to", "2:0", "--width", "100"]
    drawn = cdb(url, "timeline", "Prod", "--type", "Beam", *window).output

    assert drawn.splitlines()[-2:] == [
        f"{'Beam':97} 0",
        "There are no payload IOVs here.",
    ]


def test_type_without_a_list_is_not_found(url: str) -> None:
    done = cdb(url, "timeline", "Prod", "--type", "Beams")

    assert (done.exit_code, done.output) == (5, "Error: Prod has no payload list of Beams.\n")


def test_timeline_as_data(url: str) -> None:
    told = json.loads(cdb(url, "timeline", "Prod", "--format", "json").output)
    rows = list(
        csv.DictReader(io.StringIO(cdb(url, "timeline", "Prod", "--format", "csv").output))
    )

    assert [lane["payload_type"] for lane in told["lanes"]] == ["Alignment", "Beam", "Lumi"]
    beam = [row for row in rows if row["payload_type"] == "Beam"]
    assert [row["payload_url"] for row in beam] == ["b7", "b8", "b10"]
    assert sum(int(row["iovs"]) for row in rows if row["payload_type"] == "Lumi") == 2001


def test_svg_has_text_and_is_the_same_each_time(url: str, tmp_path: Path) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for file in (first, second):
        assert cdb(url, "timeline", "Prod", "-o", file).exit_code == 0

    assert first.read_bytes() == second.read_bytes()
    for text in ("Prod", "Alignment", "Lumi", "run:lumi", "2,001", "as of change 13"):
        assert f">{text}" in first.read_text()


def test_png_is_one(url: str, tmp_path: Path) -> None:
    assert cdb(url, "timeline", "Prod", "-o", tmp_path / "a.png").exit_code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_other_endings_are_refused(url: str, tmp_path: Path) -> None:
    done = cdb(url, "timeline", "Prod", "-o", tmp_path / "a.txt")

    assert (done.exit_code, "has to end in .pdf, .png, .svg" in done.output) == (2, True)


def test_differences_are_drawn_above_their_table(url: str) -> None:
    done = cdb(url, "gt", "diff", "Prod", "Next", "--draw", "--width", 60)

    title, total, _, lane, *_ = done.output.splitlines()
    assert (title, total) == ("Prod → Next", "-1   8:0 … 8:2000")
    assert lane.split() == ["Beam", "-" * 45, "-1"]
    assert done.output.index(lane) < done.output.index("payload type")


def test_differences_in_a_pipe_are_the_table_alone(url: str) -> None:
    assert cdb(url, "gt", "diff", "Prod", "Next").output.startswith("payload type")


def test_differences_are_drawn_into_a_file(url: str, tmp_path: Path) -> None:
    for other in ("Next", "Prod"):
        done = cdb(url, "gt", "diff", "Prod", other, "-o", tmp_path / f"{other}.svg")
        assert done.exit_code == 0

    assert ">Prod → Next<" in (tmp_path / "Next.svg").read_text()
    assert ">no difference" in (tmp_path / "Prod.svg").read_text()


def test_where_matplotlib_is_missing_the_extra_is_named(url: str, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError")
    command = "from cdb_client.cli import main; main()"
    asked = ["timeline", "Prod", "-o", str(tmp_path / "a.svg"), "--url", url]
    done = subprocess.run(
        [sys.executable, "-c", command, *asked],
        env={"PYTHONPATH": str(tmp_path), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "pip install 'hep-cdb-client[plot]'" in done.stderr


def test_pictures_are_drawn_from_python(url: str) -> None:
    with Reader(url) as client:
        ax = plot.timeline(client, "Prod")
        changes = plot.diff(client, "Prod", "Next", ax=plot.timeline(client, "Next").figure.gca())

    assert isinstance(ax, Axes)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Alignment", "Beam", "Lumi"]
    assert "Prod → Next" in [changes.get_title(loc=side) for side in ("left", "center")]
