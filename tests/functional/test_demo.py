"""The sample data, as a newcomer's queries see it, on both databases and in both IOV modes."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from support import Client

from cdb.app import make_app
from cdb.commands.demo import demo
from cdb.demo.content import (
    ERAS,
    HALF_WAY,
    TypeContent,
    certified,
    cms_2017,
    sphenix_example,
)
from cdb.demo.load import Loaded, load
from cdb.domain.points import MAX, IovMode
from cdb.errors import Invalid, Unavailable
from cdb.services.rules import Rules
from cdb.settings import load as load_settings
from cdb.store import migrate
from cdb.store.changes import latest
from cdb.store.engine import Database

CMS = "CMS_2017"
SPHENIX = "sPHENIX_ExampleGT_24"
DATA = files("cdb.demo").joinpath("data")


class Service(NamedTuple):
    """A service, and what it would take to load the sample data into its database."""

    client: Client
    database: Database
    rules: Rules
    url: str


@contextmanager
def service_of(databases: Any, kind: str, iov_mode: str) -> Iterator[Service]:
    with databases(kind) as url:
        ini = {"cdb.database.url": url, "cdb.iov_mode": iov_mode, "cdb.allow_open_writes": "true"}
        app = make_app(load_settings(ini, {}))
        context = app.registry.cdb
        yield Service(Client(app), context.database, context.rules, url)
        context.database.dispose()


@pytest.fixture(
    scope="module",
    params=[(kind, mode) for kind in ("sqlite", "postgresql") for mode in IovMode],
    ids="-".join,
)
def client(request: pytest.FixtureRequest, databases: Any) -> Iterator[Client]:
    """A client of a service with the sample data, which the tests only read."""
    with service_of(databases, *request.param) as service:
        load(service.database, service.rules)
        yield service.client


@pytest.fixture
def empty(databases: Any, database_kind: str) -> Iterator[Service]:
    """A service with an empty database."""
    with service_of(databases, database_kind, "continuous") as service:
        yield service


@pytest.fixture
def ini(tmp_path: Path, empty: Service) -> str:
    path = tmp_path / "service.ini"
    path.write_text(
        f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {empty.url.replace('%', '%%')}\n"
    )
    return str(path)


def valid(client: Client, run: int, section: int, tag: str = CMS) -> dict[str, Any]:
    """Return what is valid at a point, by payload type."""
    answer = client.ok(
        "GET",
        f"payloadiovs/?gtName={tag}&majorIOV={run}&minorIOV={section}&shape=dict",
    )
    return {row["payload_type_name"]: row for row in answer}


def is_certified(client: Client, run: int, section: int) -> bool:
    return "LumiCertification" in valid(client, run, section)


def test_there_are_828_certified_intervals(client: Client) -> None:
    assert len(certified()) == 828
    page = client.ok("GET", "payload-iovs?payload_type=LumiCertification&page=1")
    assert page["count"] == 828


def test_exactly_the_lumi_sections_of_the_file_are_certified(client: Client) -> None:
    shown = client.ok(
        "GET", "payload-iovs?payload_type=LumiCertification&page=1&page_size=1000&sort=major_iov"
    )["results"]
    inclusive = client.ok("GET", "settings/CDB_IOV_MODE")["CDB_IOV_MODE"] == "discrete"
    ends = [(row["major_iov_end"], row["minor_iov_end"] - (not inclusive)) for row in shown]
    starts = [(row["major_iov"], row["minor_iov"]) for row in shown]
    of_file = sorted(certified())
    assert starts == [iov.interval.start for iov in of_file]
    assert ends == [(iov.interval.end.major, iov.interval.end.minor - 1) for iov in of_file]


@pytest.mark.parametrize(
    ("run", "section", "expected"),
    [
        # the first run of the file: [[12, 137], [193, 776]]
        (297049, 500, False),
        (297050, 11, False),
        (297050, 12, True),
        (297050, 137, True),
        (297050, 138, False),
        (297050, 192, False),
        (297050, 193, True),
        (297050, 776, True),
        (297050, 777, False),
        (297051, 1, False),
        # the last one: [[1, 73]]
        (306460, 0, False),
        (306460, 1, True),
        (306460, 73, True),
        (306460, 74, False),
        (306461, 1, False),
    ],
)
def test_certification_begins_and_ends_where_the_file_says(
    client: Client, run: int, section: int, expected: bool
) -> None:
    assert is_certified(client, run, section) is expected


@pytest.mark.parametrize("era", sorted(ERAS))
def test_corrections_are_valid_from_the_first_to_the_last_run_of_an_era(
    client: Client, era: str
) -> None:
    first, last = ERAS[era]
    corrections = {
        "JEC_L2Relative_AK4",
        "JEC_L5Flavor_AK5Calo",
        "JEC_Uncertainty_AK4PFPuppi",
        "JER_SF_AK8PFPuppi",
    }
    assert corrections <= valid(client, first, 0).keys()
    assert corrections <= valid(client, last, MAX).keys()


@pytest.mark.parametrize("run", [297045, 299330, 299367, 303435, 303823, 304798, 305039, 306463])
def test_nothing_is_valid_between_the_eras(client: Client, run: int) -> None:
    assert valid(client, run, 0) == {}
    assert valid(client, run, MAX) == {}


def test_one_correction_is_replaced_half_way(client: Client) -> None:
    before = valid(client, HALF_WAY - 1, MAX)["JEC_L2Relative_AK4"]
    after = valid(client, HALF_WAY, 0)["JEC_L2Relative_AK4"]
    assert (before["revision"], after["revision"]) == ("1", "2")
    assert before["checksum"] != after["checksum"]
    assert before["payload_url"].endswith("AK4Calo.txt.gz")
    assert after["payload_url"].endswith("AK4PFPuppi.jec.txt")
    assert valid(client, 306462, 0)["JEC_L2Relative_AK4"]["revision"] == "2"


def test_checksums_and_sizes_are_those_of_the_files(client: Client) -> None:
    rows = client.ok("GET", f"payload-iovs?global_tag={CMS}&page=1&page_size=1000")["results"]
    shown = {(row["payload_url"], row["checksum"], row["size"]) for row in rows}
    assert len(shown) == 6
    assert shown == {
        (url, hashlib.md5(content, usedforsecurity=False).hexdigest(), len(content))
        for url, content in ((url, DATA.joinpath(url).read_bytes()) for url, _, _ in shown)
    }


def test_source_and_licence_come_with_the_files() -> None:
    folder = DATA.joinpath("cms2017")
    assert "BSD 3-Clause" in folder.joinpath("LICENSE.coffea").read_text()
    readme = folder.joinpath("README.md").read_text()
    named = [path.name for path in folder.iterdir() if path.name != "README.md"]
    assert [name for name in named if name not in readme] == []


def test_the_query_of_nopayloaddb_s_documentation_answers_as_printed(client: Client) -> None:
    rows = client.ok("GET", f"payloadiovs/?gtName={SPHENIX}&majorIOV=0&minorIOV=999999")
    assert [row[0] for row in rows] == ["Beam", "CEMC_Geo", "CEMC_Thresh", "FieldMap", "ZDC"]
    assert rows[0] == [
        "Beam",
        "D0DXMagnets.dat",
        "e99a18c428cb38d5f260853678922e03",
        1024,
        0,
        999999,
        MAX,
        MAX,
        None,
    ]


def test_the_tag_of_nopayloaddb_s_documentation_is_shown_whole(client: Client) -> None:
    tag = client.ok("GET", f"globalTag/{SPHENIX}")
    assert {member["payload_type"] for member in tag["payload_lists"]} == {
        "Beam",
        "CEMC_Geo",
        "CEMC_Thresh",
        "FieldMap",
        "ZDC",
    }
    assert all(member["payload_iov"] for member in tag["payload_lists"])


def test_loading_says_what_it_loaded(empty: Service) -> None:
    assert load(empty.database, empty.rules) == [Loaded(CMS, 5, 849), Loaded(SPHENIX, 5, 10)]


def test_loading_again_changes_nothing(empty: Service) -> None:
    load(empty.database, empty.rules)
    with empty.database.statement() as reader:
        before = latest(reader)
    assert load(empty.database, empty.rules) == []
    with empty.database.statement() as reader:
        assert latest(reader) == before


def test_the_files_of_the_payloads_are_stored_where_there_is_a_store(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    client = make_client(payload_store=str(tmp_path / "payloads"))
    context = client.app.registry.cdb
    load(context.database, context.rules, context.payload_store)
    writes = [write for content in cms_2017().types for write in content.writes]
    checksums = sorted({iov.checksum for write in writes for iov in write})
    found = client.ok("POST", "payloads/check", checksums)
    assert (len(found["present"]), found["missing"]) == (6, [])


def test_files_that_could_not_be_stored_are_stored_by_the_next_attempt(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    client = make_client(payload_store=str(tmp_path / "payloads"))
    context = client.app.registry.cdb
    # Where files are received there is a file, so that there can be no folder.
    (tmp_path / "payloads" / ".incoming").touch()
    with pytest.raises(Unavailable):
        load(context.database, context.rules, context.payload_store)
    (tmp_path / "payloads" / ".incoming").unlink()
    assert load(context.database, context.rules, context.payload_store) == []
    checksums = {iov.checksum for of in cms_2017().types for write in of.writes for iov in write}
    assert client.ok("POST", "payloads/check", sorted(checksums))["missing"] == []


def test_nothing_is_loaded_beside_another_tag(empty: Service) -> None:
    empty.client.ok("POST", "gt", {"name": "Mine"})
    assert load(empty.database, empty.rules) == []
    assert [tag["name"] for tag in empty.client.ok("GET", "globalTags")] == ["Mine"]


def test_types_that_are_there_already_are_used(empty: Service) -> None:
    empty.client.ok("POST", "pt", {"name": "Beam", "description": "Mine."})
    load(empty.database, empty.rules)
    types = {shown["name"]: shown["description"] for shown in empty.client.ok("GET", "pt")}
    assert len(types) == 10
    assert types["Beam"] == "Mine."


def test_a_failure_in_the_second_tag_leaves_nothing_of_the_first(
    empty: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = TypeContent("Twice", "Two intervals with one start.", [certified()[:1] * 2])
    broken = sphenix_example()._replace(types=[twice])
    monkeypatch.setattr("cdb.demo.load.tags", lambda: [cms_2017(), broken])
    with pytest.raises(Invalid):
        load(empty.database, empty.rules)
    assert empty.client.ok("GET", "globalTags") == []
    assert empty.client.ok("GET", "pt") == []
    with empty.database.statement() as reader:
        assert latest(reader)[0] == 0


def test_the_command_prints_what_it_loaded_and_queries_to_paste(empty: Service, ini: str) -> None:
    result = CliRunner().invoke(demo, ["load", ini, "--url", "http://127.0.0.1:8123"])
    assert result.exit_code == 0
    assert "Loaded CMS_2017: 5 payload types, 849 payload IOVs.\n" in result.output
    assert "Loaded sPHENIX_ExampleGT_24: 5 payload types, 10 payload IOVs.\n" in result.output
    (path,) = re.findall(r"curl 'http://127.0.0.1:8123(.*)'", result.output)
    assert len(empty.client.ok("GET", path)) == 5
    assert "query CMS_2017 302635 1200 --url http://127.0.0.1:8123/api/cdb_rest" in result.output


def test_the_command_says_that_it_loads_nothing_again(empty: Service, ini: str) -> None:
    CliRunner().invoke(demo, ["load", ini])
    again = CliRunner().invoke(demo, ["load", ini])
    assert again.exit_code == 0
    assert "no sample data was loaded" in again.output
    assert "curl 'http://127.0.0.1:8000/api/cdb_rest/payloadiovs/?gtName=CMS" in again.output
    assert "Loaded" not in again.output
    assert len(empty.client.ok("GET", "globalTags")) == 2


def test_the_command_asks_for_the_migrations_first(empty: Service, ini: str) -> None:
    migrate.downgrade(empty.database, "base")
    result = CliRunner().invoke(demo, ["load", ini])
    assert result.exit_code == 1
    assert "run `cdb db upgrade` first" in result.output
