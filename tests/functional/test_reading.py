"""What jobs read through `Client.at`: a request for each part of the axis, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import API, serving

from cdb.app import make_app
from cdb.demo.load import load as load_demo
from cdb.services import bundles
from cdb.services.exports import DatabaseSource
from cdb.settings import load
from cdb_client import Client
from cdb_client.errors import BundleError, Conflict, NotationError, NotFound

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


def test_a_bundle_has_its_own_state_only(demo: Any) -> None:
    with Client(demo.bundle) as client:
        with pytest.raises(BundleError, match="and not as of 3"):
            client.at(TAG, 1, 2, as_of=3)
        with pytest.raises(BundleError, match="and no"):
            client.at([TAG, "Other"], 1, 2)


def test_conditions_show_themselves(client: Client) -> None:
    found = client.at(TAG, 302635, 1200, types="LumiCertification")

    assert repr(found).splitlines()[0] == (
        "CMS_2017 at 302635,1200 (1 payload types, the same in [302635,1132, 302635,1207))"
    )
    assert "<td>LumiCertification</td>" in found._repr_html_()
    assert Path(found["LumiCertification"].payload_url).name.startswith("Cert_")
