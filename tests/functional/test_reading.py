"""What jobs read through `Client.at`: a request for each part of the axis, and no more."""

import doctest
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from processes import ROOT
from reading_jobs import read_all
from support import API, serving

from cdb.app import make_app
from cdb.demo.load import load as load_demo
from cdb.services import bundles
from cdb.services.exports import DatabaseSource
from cdb.settings import load
from cdb_client import Client, frame, reading
from cdb_client.errors import (
    BundleError,
    ConfigError,
    Conflict,
    Invalid,
    NotationError,
    NotFound,
    Unreachable,
)

TAG = "CMS_2017"


class Counting:
    """Counts what a service is asked."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.asked: list[str] = []
        self.statuses: list[int] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.asked.append(f"{environ['PATH_INFO'].removeprefix(API)}?{environ['QUERY_STRING']}")

        def started(status: str, headers: Any, *rest: Any) -> Any:
            self.statuses.append(int(status[:3]))
            return start_response(status, headers, *rest)

        return self.app(environ, started)

    def queries(self) -> int:
        return sum(each.startswith("/payload-iovs/query?") for each in self.asked)


@contextmanager
def served(url: str, **settings: str) -> Iterator[Any]:
    ini = {f"cdb.{key}": value for key, value in settings.items()}
    ini |= {"cdb.database.url": url, "cdb.allow_open_writes": "true"}
    app = make_app(load(ini, {}))
    counting = Counting(app)
    with serving(counting) as root:
        yield SimpleNamespace(url=root + API, counting=counting, context=app.registry.cdb)
    app.registry.cdb.database.dispose()


@pytest.fixture(scope="module")
def demo(databases: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """A service with the sample data, which no test changes, and a bundle of it."""
    with databases("sqlite") as url, served(url) as service:
        context = service.context
        load_demo(context.database, context.rules)
        service.bundle = tmp_path_factory.mktemp("bundles") / "cms.cdb"
        bundles.create(
            DatabaseSource(context.database, context.rules, TAG), context.rules, service.bundle
        )
        yield service


@pytest.fixture(params=["service", "bundle"])
def client(request: Any, demo: Any) -> Iterator[Client]:
    """A client of the service, and one of the bundle."""
    demo.counting.asked.clear()
    with Client(demo.url if request.param == "service" else demo.bundle, cache="") as made:
        yield made


def test_every_way_to_write_a_point_gives_the_same(client: Client) -> None:
    expected = client.at(TAG, 302635, 1200)

    assert list(expected) == [
        "JEC_L2Relative_AK4",
        "JEC_L5Flavor_AK5Calo",
        "JEC_Uncertainty_AK4PFPuppi",
        "JER_SF_AK8PFPuppi",
        "LumiCertification",
    ]
    assert expected.valid_from == (302635, 1132)
    assert expected.valid_until == (302635, 1207)
    for found in (
        client.at(TAG, (302635, 1200)),
        client.at(TAG, "302635:1200"),
        client.at(TAG, "302635,1200"),
        client.at(TAG, "run-lumi:302635:1200"),
        client.at(TAG, run=302635, lumi=1200),
        client.at(TAG, lumi=1200, run=302635),
        client.at(TAG, {"run-lumi": "302635:1200"}),
        client.at(TAG, {"run-lumi": (302635, 1200)}),
        client.at([TAG], 302635, 1200),
        client.at(f"{TAG}@{expected.change}", 302635, 1200),
        client.at(TAG, 302635, 1200, as_of=expected.change),
    ):
        assert dict(found) == dict(expected)
        assert (found.valid_from, found.valid_until) == ((302635, 1132), (302635, 1207))
        assert found.point == (302635, 1200)


def test_service_and_bundle_give_the_same(demo: Any) -> None:
    with Client(demo.url, cache="") as service, Client(demo.bundle) as bundle:
        for point in [(0, 0), (299350, 0), (297700, 0), (306460, 73), (2**63 - 1, 2**63 - 1)]:
            for options in ({}, {"expired": True}, {"types": "LumiCertification"}):
                one, other = (each.at(TAG, point, **options) for each in (service, bundle))
                assert dict(one) == dict(other)
                assert one.valid_from == other.valid_from
                assert one.valid_until == other.valid_until
                assert one.change == other.change


@pytest.mark.parametrize(
    ("point", "components", "message"),
    [
        ((), {"exp": 1}, r"no 'exp': it is asked by run-lumi \(run, lumi\)"),
        ((), {"lumi": 12}, "'lumi' needs 'run' beside it"),
        ((), {"run": 1, "time": 5}, "no 'time'"),
        ((), {"run": "299400:12"}, "not two numbers"),
        ((), {"run": -1}, "numbers go from 0"),
        ((1, 2), {"run": 1}, "is no point"),
        ((), {}, "is no point"),
        (("12.3",), {}, "is not written as 'run:lumi'"),
        (({"utc-time": "2017-06-01"},), {}, "has no dimension 'utc-time'; it has run-lumi"),
        ((1, 2, 3), {}, "is no point"),
    ],
)
def test_what_is_no_point_of_the_tag_says_what_is(
    client: Client, point: Any, components: Any, message: str
) -> None:
    with pytest.raises(NotationError, match=message):
        client.at(TAG, *point, **components)


def test_what_is_not_there_is_an_error(client: Client) -> None:
    with pytest.raises((NotFound, BundleError), match="NoSuchTag"):
        client.at("NoSuchTag", 1, 2)
    with pytest.raises((NotFound, BundleError), match="NoSuchType"):
        client.at(TAG, 1, 2, types=["NoSuchType"])
    with pytest.raises(Conflict) as refused:
        client.at(TAG, 299350, 0, complete=True)
    assert refused.value.code == "incomplete"
    assert len(refused.value.body["missing"]) == 5


def test_the_next_point_inside_costs_no_request_and_one_outside_does(demo: Any) -> None:
    demo.counting.asked.clear()
    with Client(demo.url, cache="") as client:
        client.at(TAG, run=302635, lumi=1132)
        assert len(demo.counting.asked) == 3  # the tag's dimensions, the mode, the answer
        for lumi in range(1133, 1207):
            assert client.at(TAG, run=302635, lumi=lumi)["LumiCertification"].end == (302635, 1207)
        assert len(demo.counting.asked) == 3
        client.at(TAG, run=302635, lumi=1207)
        assert len(demo.counting.asked) == 4
        client.at(TAG, run=302635, lumi=1150)
        assert len(demo.counting.asked) == 4


def test_what_is_too_old_is_compared_and_one_comparison_is_for_all(demo: Any) -> None:
    with Client(demo.url, cache="", max_age=0) as client:
        first = client.at(TAG, 302635, 1200)
        demo.counting.asked.clear()
        demo.counting.statuses.clear()
        assert dict(client.at(TAG, 302635, 1150)) == dict(first)
        assert demo.counting.statuses == [304]
        client.at(TAG, 302635, 1200, as_of=first.change)
        client.at(TAG, 302635, 1199, as_of=first.change)
        assert demo.counting.statuses == [304, 200]


def test_many_points_are_one_request_and_share_what_is_the_same(client: Client) -> None:
    points = [(302635, 1200), "302635:1131", (302635, 1150), (0, 0)]
    found = client.batch(TAG, points)

    assert [each.point for each in found] == [(302635, 1200), (302635, 1131), *points[2:]]
    assert found[0].answer is found[2].answer
    for each in found:
        expected = client.at(TAG, each.point)
        assert dict(each) == dict(expected)
        assert each.valid_from == expected.valid_from
        assert each.valid_until == expected.valid_until
        assert each.change == expected.change


def test_more_points_than_a_request_takes_are_several_as_of_one_change(
    demo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "POINTS_AT_ONCE", 3)
    points = [(302635, lumi) for lumi in range(1200, 1210)]
    with Client(demo.url) as client:
        client.at(TAG, 0, 0)
        demo.counting.asked.clear()
        found = client.batch(TAG, points, types="LumiCertification")
        assert demo.counting.asked == ["/payload-iovs/query/batch?"] * 4
        assert client.batch(TAG, []) == []
        expected = [client.at(TAG, point, types="LumiCertification") for point in points]
    assert [dict(each) for each in found] == [dict(each) for each in expected]


def test_a_window_has_the_payload_iovs_that_overlap_it(client: Client) -> None:
    found = client.iovs(TAG, "LumiCertification", start="302635:1128", end=(302635, 1133))

    assert [(each.start, each.end) for each in found] == [
        ((302635, 1126), (302635, 1130)),
        ((302635, 1132), (302635, 1207)),
    ]
    assert {each.global_tag for each in found} == {TAG}
    assert len(client.iovs(TAG)) == 849
    with pytest.raises(Invalid, match="does not come after"):
        client.iovs(TAG, start=(5, 0), end=(4, 0))


def test_payload_iovs_become_a_frame_with_exact_numbers(client: Client) -> None:
    found = client.iovs(TAG, "JER_SF_AK8PFPuppi")
    table = frame(found)

    assert list(table["start_major"]) == [each.start[0] for each in found]
    assert table["end_minor"].max() <= 2**63 - 1
    assert list(table["size"]) == [each.size for each in found]
    assert table["checksum"][0] == found[0].checksum
    assert len(frame(client.at(TAG, 0, 0))) == 0
    big = replace(found[0], end=(2**63 - 1, 2**53 + 1), size=None)
    assert list(frame([big])[["end_major", "end_minor"]].iloc[0]) == [2**63 - 1, 2**53 + 1]
    with pytest.raises(ConfigError, match="none of 'excel'"):
        frame(found, "excel")  # type: ignore[arg-type]


def test_a_pinned_tag_is_asked_as_of_its_last_change(client: Client) -> None:
    pinned = client.pin(TAG)

    assert pinned == f"{TAG}@{client.change(TAG)}"
    assert client.pin(pinned) == pinned
    assert dict(client.at(pinned, run=302635)) == dict(client.at(TAG, run=302635))


def test_nothing_but_the_standard_library_reads_a_bundle(demo: Any) -> None:
    script = f"""
import sys
for name in ("requests", "urllib3", "click", "rich", "certifi"):
    sys.modules[name] = None
from cdb_client import Client
with Client({str(demo.bundle)!r}) as client:
    found = client.at({TAG!r}, run=302635, lumi=1200)
    assert client.batch({TAG!r}, ["302635:1200"]) == [found], found
    print(len(found), len(client.iovs({TAG!r})), found.valid_until)
"""
    printed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert printed == "5 849 (302635, 1207)\n"


# --- the cache that processes share -----------------------------------------------


def test_what_one_client_was_told_the_next_one_knows(demo: Any, tmp_path: Path) -> None:
    with Client(demo.url, cache=tmp_path) as client:
        first = client.at(TAG, run=302635, lumi=1200)
    demo.counting.asked.clear()
    with Client(demo.url, cache=tmp_path) as client:
        found = client.at(TAG, run=302635, lumi=1150)
        assert dict(found) == dict(first)
        assert (found.valid_until, found.etag, found.change) == (
            first.valid_until,
            first.etag,
            first.change,
        )
        assert found["LumiCertification"].written == first["LumiCertification"].written
        assert demo.counting.asked == []
        # Another question has other answers.
        client.at(TAG, 302635, 1150, expired=True)
        client.at(f"{TAG}@{first.change}", 302635, 1150)
        assert demo.counting.queries() == 2


def test_what_is_old_in_the_cache_is_compared_once_for_all(demo: Any, tmp_path: Path) -> None:
    points = [(302635, 1), (302635, 1150), (306460, 73)]
    with Client(demo.url, cache=tmp_path) as client:
        first = [dict(client.at(TAG, point)) for point in points]
    for path in tmp_path.glob("answers/*/[0-9]*.json"):
        path.write_text(re.sub(r'"confirmed": [0-9.]+', '"confirmed": 1.5', path.read_text()))
    demo.counting.statuses.clear()
    with Client(demo.url, cache=tmp_path) as client:
        assert [dict(client.at(TAG, point)) for point in points] == first
        assert demo.counting.statuses == [304]
    with Client(demo.url, cache=tmp_path) as client:
        client.at(TAG, points[0])
        assert demo.counting.statuses == [304]


def test_what_is_out_of_date_makes_room_for_what_takes_its_place(
    databases: Any, tmp_path: Path
) -> None:
    options = {"types": "JER_SF_AK8PFPuppi"}
    with databases("sqlite") as url, served(url) as service:
        load_demo(service.context.database, service.context.rules)
        with Client(service.url, cache=tmp_path, max_age=0) as client:
            client.at(TAG, (302635, 0), **options)
        with Client(service.url) as writer, writer.inserting(TAG) as batch:
            batch.add(options["types"], url="new", checksum="1", begin="302000:0", end="302700:0")
        with Client(service.url, cache=tmp_path, max_age=0) as client:
            assert client.at(TAG, (302635, 0), **options).valid_from == (302000, 0)
        service.counting.statuses.clear()
        with Client(service.url, cache=tmp_path) as client:
            found = client.at(TAG, (302635, 0), **options)
            assert found["JER_SF_AK8PFPuppi"].payload_url == "new"
        assert service.counting.statuses == []


def test_two_services_never_mix_in_a_cache(demo: Any, databases: Any, tmp_path: Path) -> None:
    with databases("sqlite") as url, served(url) as other:
        with Client(demo.url, cache=tmp_path) as client:
            client.at(TAG, 302635, 1200)
        with Client(other.url, cache=tmp_path) as client, pytest.raises(NotFound):
            client.at(TAG, 302635, 1200)


def test_only_the_user_can_read_the_cache(demo: Any, tmp_path: Path) -> None:
    with Client(demo.url, cache=tmp_path / "deep" / "cache") as client:
        client.at(TAG, 302635, 1200)
    made = [path for path in (tmp_path / "deep" / "cache").rglob("*") if path.name != ".lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700, 0o600}
    assert stat.S_IMODE((tmp_path / "deep" / "cache").stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b'{"question": 1}', b"\xff", b"[" * 99999])
def test_what_is_damaged_in_the_cache_is_fetched_again(
    demo: Any, tmp_path: Path, damage: bytes
) -> None:
    with Client(demo.url, cache=tmp_path) as client:
        first = dict(client.at(TAG, run=302635, lumi=1200))
    for path in tmp_path.glob("answers/*/*.json"):
        path.write_bytes(damage)
    with Client(demo.url, cache=tmp_path) as client:
        assert dict(client.at(TAG, run=302635, lumi=1200)) == first
    demo.counting.asked.clear()
    with Client(demo.url, cache=tmp_path) as client:
        client.at(TAG, run=302635, lumi=1200)
    assert demo.counting.asked == []


def test_a_cache_that_cannot_be_written_is_no_error(demo: Any, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with Client(demo.url, cache=blocked) as client:
        assert len(client.at(TAG, 302635, 1200)) == 5


def test_without_the_service_nothing_old_is_given_unless_it_is_allowed(
    databases: Any, tmp_path: Path
) -> None:
    with databases("sqlite") as url:
        with served(url) as service:
            load_demo(service.context.database, service.context.rules)
            options = {"cache": tmp_path, "max_age": 0, "patience": 0}
            strict = Client(service.url, **options)
            lenient = Client(service.url, **options, stale_if_error=60)
            first = strict.at(TAG, 302635, 1200)
            lenient.at(TAG, 302635, 1200)
            pinned = strict.at(TAG, 302635, 1200, as_of=first.change)
        with pytest.raises(Unreachable):
            strict.at(TAG, 302635, 1150)
        with pytest.warns(UserWarning, match="An answer is 0 s old"):
            assert dict(lenient.at(TAG, 302635, 1150)) == dict(first)
        # What never changes needs nobody to confirm it.
        assert dict(strict.at(TAG, 302635, 1150, as_of=first.change)) == dict(pinned)


def test_a_stale_answer_is_one_of_the_point_that_is_asked(
    databases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"types": "JER_SF_AK8PFPuppi"}
    with databases("sqlite") as url, served(url) as service:
        load_demo(service.context.database, service.context.rules)
        with Client(service.url, max_age=0, patience=0, stale_if_error=60) as client:
            first = client.at(TAG, (302100, 0), **options)
            with Client(service.url) as writer, writer.inserting(TAG) as batch:
                batch.add(options["types"], url="new", checksum="1", begin="303000:0")
            assert first.valid_until > (303001, 0)
            asked = client._of_service._asked

            def once(*arguments: Any) -> Any:
                if arguments[1] == {"": (303001, 0)}:
                    raise Unreachable("cut off after the first comparison")
                return asked(*arguments)

            monkeypatch.setattr(client._of_service, "_asked", once)
            with pytest.warns(UserWarning, match="cut off after"):
                found = client.at(TAG, (303001, 0), **options)
            assert found == first


def test_processes_at_once_share_a_cache(demo: Any, tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(read_all, demo.url, str(tmp_path)) for _ in range(3)]
        results = {job.result(timeout=120) for job in jobs}
    assert len(results) == 1
    demo.counting.asked.clear()
    assert {read_all(demo.url, str(tmp_path))} == results
    assert demo.counting.asked == []
    assert list(tmp_path.rglob(".partial-*")) == []


def test_ends_are_exclusive_in_discrete_mode_too(databases: Any) -> None:
    with databases("sqlite") as url, served(url, iov_mode="discrete") as service:
        load_demo(service.context.database, service.context.rules)
        with Client(service.url) as client:
            [found] = client.at(TAG, 302635, 1200, types="LumiCertification").values()
            assert (found.start, found.end) == ((302635, 1132), (302635, 1207))
            assert client.iovs(TAG, "LumiCertification", start=(302635, 1200))[0] == found
            assert client.batch(TAG, [(302635, 1200)])[0]["LumiCertification"] == found


def test_a_notation_of_a_plugin_is_read_by_the_service(databases: Any) -> None:
    options = {"iov_dimensions": "cms-lumi", "default_dimension": "cms-lumi"}
    options["plugin.cms-lumi.packing"] = "pair"
    with databases("sqlite") as url, served(url, **options) as service:
        load_demo(service.context.database, service.context.rules)
        with Client(service.url) as client:
            found = client.at(TAG, "302635:1200")
            assert found.point == "302635:1200"
            assert found.valid_until == (302635, 1207)
            assert client.at(TAG, run=302635, lumi=1200) == found
            service.counting.asked.clear()
            client.at(TAG, "302635:1200")
            assert service.counting.queries() == 0
            assert client.at(TAG, "302635:1201") == found
            assert service.counting.queries() == 1
            assert client.batch(TAG, ["302635:1200"]) == [found]


def test_a_client_sees_what_it_has_written(databases: Any) -> None:
    with databases("sqlite") as url, served(url) as service:
        load_demo(service.context.database, service.context.rules)
        with Client(service.url) as client:
            before = client.at(TAG, run=302635)
            pinned = client.at(TAG, run=302635, as_of=before.change)
            with client.inserting(TAG) as batch:
                batch.add("JER_SF_AK8PFPuppi", url="new", checksum="1", begin="302635:0")
            after = client.at(TAG, run=302635)
            assert after["JER_SF_AK8PFPuppi"].payload_url == "new"
            assert client.at(TAG, run=302635, as_of=before.change) == pinned == before


def test_numbers_of_numpy_are_numbers(client: Client) -> None:
    runs = np.array([302635, 1200])

    assert client.at(TAG, runs[0], runs[1]) == client.at(TAG, run=runs[0], lumi=runs[1])
    with pytest.raises(NotationError):
        client.at(TAG, True, 1)
    with pytest.raises(NotationError):
        client.at(TAG, 1.5, 1)  # type: ignore[arg-type]


def test_a_bundle_has_its_own_state_only(demo: Any) -> None:
    with Client(demo.bundle) as client:
        with pytest.raises(BundleError, match="and not as of 3"):
            client.at(TAG, 1, 2, as_of=3)
        with pytest.raises(BundleError, match="and no"):
            client.at([TAG, "Other"], 1, 2)


@pytest.mark.parametrize("where", ["docs/python-client.md", "cdb_client.reads"])
def test_what_the_documentation_shows_is_what_happens(
    demo: Any, client: Client, where: str
) -> None:
    place = str(client.bundle_path or demo.url)
    tests = list(documented(where, {"client": client}, place))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    printed: list[str] = []
    for test in tests:
        runner.run(test, out=printed.append)
    assert sum(len(test.examples) for test in tests) > 5
    assert "".join(printed) == ""


def documented(where: str, names: dict[str, Any], place: str) -> Iterator[doctest.DocTest]:
    if not where.endswith(".md"):
        yield from doctest.DocTestFinder().find(import_module(where), extraglobs=names)
        return
    text = (ROOT / where).read_text()
    shown = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    shown = shown.replace("http://127.0.0.1:8000/api/cdb_rest", place)
    yield doctest.DocTestParser().get_doctest(shown, {}, where, where, 0)


def test_conditions_show_themselves(client: Client) -> None:
    found = client.at(TAG, 302635, 1200, types="LumiCertification")

    assert repr(found).splitlines()[0] == (
        "CMS_2017 at 302635,1200 (1 payload type, the same in [302635,1132, 302635,1207))"
    )
    assert "<td>LumiCertification</td>" in found._repr_html_()
    assert Path(found["LumiCertification"].payload_url).name.startswith("Cert_")
