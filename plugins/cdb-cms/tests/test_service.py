"""What clients see of a service with the conventions of CMS."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cdb.settings import SettingsError
from cdb.testing import API, Client, service

INI = Path(__file__).parents[3] / "deploy" / "ini" / "cms.ini"
DATA = files("cdb.demo").joinpath("data", "cms2017")
CERTIFICATION = DATA.joinpath("Cert_294927-306462_13TeV_EOY2017ReReco_Collisions17_JSON.txt")
KEY = ec.generate_private_key(ec.SECP256R1())


def token(**changes: Any) -> dict[str, str]:
    """Return the header of somebody whom the WLCG profile describes."""
    now = int(time.time())
    claims = {
        "wlcg.ver": "1.0",
        "iss": "https://iam.example.org/",
        "aud": "https://cdb.example.org",
        "sub": "jane",
        "iat": now,
        "exp": now + 600,
        "jti": "1",
        "wlcg.groups": ["/cms", "/cms/alca"],
        **changes,
    }
    encoded = jwt.encode(claims, KEY, "ES256", {"kid": "1"})
    return {"Authorization": f"Bearer {encoded}"}


@contextmanager
def serving(
    folder: Path, settings: Mapping[str, str] | None = None, **options: str
) -> Iterator[Client]:
    """Give a client of a service of cms.ini whose tokens are signed with KEY."""
    key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key()))
    keys = folder / "jwks.json"
    keys.write_text(json.dumps({"keys": [{**key, "kid": "1", "alg": "ES256"}]}))
    changed = {
        "cdb.plugin.oidc.jwks": str(keys),
        "cdb.payload_store": str(folder / "payloads"),
        **(settings or {}),
        **{f"cdb.plugin.{name}": value for name, value in options.items()},
    }
    with service(INI, folder, changed) as client:
        yield client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path) as client:
        yield client


def with_list(client: Client, payload_type: str, **chosen: Any) -> str:
    """Make a tag '2017' with a list of a type, and return the list's name."""
    client.ok("POST", "gt", {"name": "2017", "author": "jane"}, token())
    client.ok("POST", "pt", {"name": payload_type, **chosen}, token())
    name = client.ok("POST", "pl", {"payload_type": payload_type}, token())["name"]
    client.ok("PUT", "pl_attach", {"global_tag": "2017", "payload_list": name}, token())
    return str(name)


def iov(payload_list: str, begin: str, end: str | None = None) -> dict[str, str]:
    """Return a row of a bulk; the URL is the interval itself."""
    row = {"payload_list": payload_list, "payload_url": f"{begin}-{end}", "begin": begin}
    return row if end is None else {**row, "end": end}


def valid_at(client: Client, notation: str) -> list[str]:
    """Return the URLs that are valid at a point."""
    return [row[1] for row in client.ok("GET", f"payloadiovs?gtName=2017&at={notation}")]


def valid_at_each(client: Client, notations: Sequence[str]) -> list[list[str]]:
    """Return the URLs that are valid at each of many points, which are asked at once."""
    asked = {"gtName": "2017", "points": notations}
    found = client.ok("POST", "payload-iovs/query/batch", asked)
    answers = [[row[1] for row in each["payloads"]] for each in found["answers"]]
    return [answers[number] for number in found["points"]]


# --- the certified lumi sections of 2017 ------------------------------------

RANGES = [
    (int(run), first, last)
    for run, sections in json.loads(CERTIFICATION.read_text()).items()
    for first, last in sections
]
RUNS = sorted({run for run, _, _ in RANGES})


@pytest.fixture(scope="module", params=["packed", "pair"])
def certified(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A service with the certified lumi sections, written in notation."""
    settings = {
        "cms-lumi.packing": request.param,
        "cms-synchronization.packing": request.param,
    }
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("certified")
        client = stack.enter_context(serving(folder, **settings))
        name = with_list(client, "LumiCertification")
        rows = [iov(name, f"{run}:{first}", f"{run}:{last}") for run, first, last in RANGES]
        assert client.ok("POST", "bulk_piov", rows, token()) == {"count": 828}
        yield client


def test_both_ends_of_every_range_are_certified(certified: Client) -> None:
    expected = [[f"{run}:{first}-{run}:{last}"] for run, first, last in RANGES]
    assert valid_at_each(certified, [f"{run}:{first}" for run, first, _ in RANGES]) == expected
    assert valid_at_each(certified, [f"{run}:{last}" for run, _, last in RANGES]) == expected


def test_the_sections_around_every_range_are_what_the_file_says(certified: Client) -> None:
    covered = {
        (run, edge): f"{run}:{first}-{run}:{last}"
        for run, first, last in RANGES
        for edge in (first, last)
    }
    around = [(run, edge) for run, first, last in RANGES for edge in (first - 1, last + 1)]
    found = valid_at_each(certified, [f"{run}:{edge}" for run, edge in around])
    assert found == [[covered[each]] if each in covered else [] for each in around]


def test_runs_without_certified_sections_have_none(certified: Client) -> None:
    without = sorted(set(range(RUNS[0], RUNS[-1])) - set(RUNS))[::500]
    assert without
    assert [valid_at(certified, f"{run}:1") for run in without] == [[]] * len(without)


def test_answer_has_its_interval_in_notation(certified: Client) -> None:
    [row] = certified.ok("GET", "payloadiovs?gtName=2017&at=297050:137&shape=dict")
    assert (row["begin"], row["end"]) == ("297050:12", "297050:137")


def test_numbers_are_those_of_the_packing(tmp_path: Path) -> None:
    for packing, start, end in [
        ("packed", [297050 * 2**32 + 12, 0], [297050 * 2**32 + 138, 0]),
        ("pair", [297050, 12], [297050, 138]),
    ]:
        folder = tmp_path / packing
        folder.mkdir()
        settings = {"cms-lumi.packing": packing, "cms-synchronization.packing": packing}
        with serving(folder, **settings) as client:
            name = with_list(client, "LumiCertification")
            client.ok("POST", "bulk_piov", [iov(name, "297050:12", "297050:137")], token())
            [row] = client.ok("GET", "payloadiovs?gtName=2017&at=297050:12")
            assert row[4:8] == [*start, *end]


# --- since-only lists -------------------------------------------------------


def test_payload_holds_until_the_next_one_starts(client: Client) -> None:
    name = with_list(client, "BeamSpot")
    for begin in ("362010", "362030", "362020:5"):
        client.ok("POST", "bulk_piov", [iov(name, begin)], token())
    points = ["362009:999", "362010:1", "362020:4", "362020:5", "362029:9", "362030", "400000"]
    assert [valid_at(client, point) for point in points] == [
        [],
        ["362010-None"],
        ["362010-None"],
        ["362020:5-None"],
        ["362020:5-None"],
        ["362030-None"],
        ["362030-None"],
    ]


def test_single_payload_holds_until_the_next_one_starts(client: Client) -> None:
    name = with_list(client, "BeamSpot")
    for begin in ("362030", "362010"):
        staged = {"payload_url": begin, "checksum": "1", "begin": begin}
        number = client.ok("POST", "piov", staged, token())["id"]
        client.ok("PUT", "piov_attach", {"payload_list": name, "piov_id": number}, token())
    assert valid_at(client, "362029:9") == ["362010"]
    assert valid_at(client, "362030") == ["362030"]


# --- synchronization --------------------------------------------------------


def test_payload_before_the_first_safe_point_is_refused_and_nothing_stored(client: Client) -> None:
    name = with_list(client, "BeamSpot", validator="cms-synchronization")
    rows = [iov(name, "362000"), iov(name, "361999:77")]
    refused = client.api("POST", "bulk_piov", rows, 422, token()).json
    assert refused["code"] == "payload-refused"
    [problem] = refused["payload"]
    assert problem == (
        "row 1: cms-synchronization: It starts at 361999:77, and prompt has used what is before "
        "362000:0."
    )
    assert valid_at(client, "362000") == []


def test_type_chooses_its_synchronization(client: Client) -> None:
    options = {"synchronization": "hlt"}
    name = with_list(
        client, "BeamSpotHLT", validator="cms-synchronization", validator_options=options
    )
    refused = client.api("POST", "bulk_piov", [iov(name, "362103")], 422, token()).json
    [problem] = refused["payload"]
    assert problem.endswith("hlt has used what is before 362104:0.")
    client.ok("POST", "bulk_piov", [iov(name, "362104")], token())


def test_forced_synchronization_holds_whatever_a_type_chooses(tmp_path: Path) -> None:
    forced = {"cdb.forced_validators": "* cms-synchronization"}
    options = {"synchronization": "any"}
    with serving(tmp_path, forced) as client:
        name = with_list(
            client, "BeamSpot", validator="cms-synchronization", validator_options=options
        )
        refused = client.api("POST", "bulk_piov", [iov(name, "361999")], 422, token()).json
    assert len(refused["payload"]) == 1


def test_unknown_synchronization_is_refused_when_the_type_is_made(client: Client) -> None:
    chosen = {"validator": "cms-synchronization", "validator_options": {"synchronization": "daq"}}
    refused = client.api("POST", "pt", {"name": "BeamSpot", **chosen}, 400, token()).json
    assert "synchronization" in str(refused)


# --- jet-energy corrections -------------------------------------------------


def put(client: Client, payload_type: str, name: str, content: bytes, status: int) -> Any:
    """Send a payload file, and return the answer."""
    path = f"{API}/payloads/{payload_type}/{name}"
    return client.put(path, content, token(), status=status).json


def test_real_corrections_are_stored_and_become_valid(client: Client) -> None:
    name = with_list(client, "JEC_L2Relative")
    urls = []
    for run, file in [
        (362000, "Fall17_17Nov2017B_V32_DATA_L2Relative_AK4Calo.txt.gz"),
        (362100, "Fall17_17Nov2017_V32_MC_L2Relative_AK4PFPuppi.jec.txt"),
    ]:
        content = DATA.joinpath(file).read_bytes()
        stored = put(client, "JEC_L2Relative", file, content, 200)
        row = {key: stored[key] for key in ("payload_url", "checksum", "size")}
        row |= {"payload_list": name, "begin": str(run)}
        client.ok("POST", "bulk_piov", [row], token())
        urls.append(row["payload_url"])
    assert [valid_at(client, at) for at in ("362099:9", "362100")] == [[urls[0]], [urls[1]]]


def test_damaged_correction_is_refused_and_not_stored(client: Client) -> None:
    with_list(client, "JEC_L2Relative")
    file = "Fall17_17Nov2017_V32_MC_L2Relative_AK4PFPuppi.jec.txt"
    content = DATA.joinpath(file).read_bytes()[:-60]
    refused = put(client, "JEC_L2Relative", file, content, 422)
    assert refused["payload"][0].startswith("cms-jec: Line 1893: ")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert client.api("GET", f"payloads/{md5}", status=404)


def test_correction_that_is_not_in_the_payload_store_is_refused(client: Client) -> None:
    name = with_list(client, "JEC_L2Relative")
    refused = client.api("POST", "bulk_piov", [iov(name, "362000")], 422, token()).json
    assert "cms-jec: the payload with checksum '' has to be in the payload store" in str(refused)


# --- who may write ----------------------------------------------------------


def test_everybody_reads_and_nobody_writes_without_a_token(client: Client) -> None:
    assert client.ok("GET", "globalTags") == []
    refused = client.api("POST", "gt", {"name": "2017"}, 401)
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_scope_of_the_token_permits_what_it_says(client: Client) -> None:
    scoped = token(**{"wlcg.groups": [], "scope": "cdb.tag.create:/2017*"})
    client.ok("POST", "gt", {"name": "2017_v1"}, scoped)
    assert client.api("POST", "gt", {"name": "2018_v1"}, 403, scoped).json["code"] == "forbidden"


def test_group_permits_what_the_ini_grants(client: Client) -> None:
    client.ok("POST", "gt", {"name": "2017"}, token())
    client.api("DELETE", "deleteGlobalTag/2017", status=403, headers=token())
    expert = token(**{"wlcg.groups": ["/cms/conditions"]})
    client.api("DELETE", "deleteGlobalTag/2017", status=200, headers=expert)


def test_member_of_another_group_may_not_write(client: Client) -> None:
    other = token(**{"wlcg.groups": ["/cms", "/atlas/alca"]})
    client.api("POST", "gt", {"name": "2017"}, 403, other)


@pytest.mark.parametrize(
    "changes",
    [
        {"wlcg.ver": "2.0"},
        {"aud": "https://other.example.org"},
        {"iss": "https://iam.example.com/"},
        {"exp": 1},
    ],
    ids=["profile", "audience", "issuer", "expired"],
)
def test_token_that_does_not_hold_is_refused(client: Client, changes: dict[str, Any]) -> None:
    client.api("POST", "gt", {"name": "2017"}, 401, token(**changes))


# --- the ini ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("cms-lumi.packing", "tight", "cdb.plugin.cms-lumi.packing: "),
        ("cms-synchronization.first_safe", "prompt x", "'prompt x': 'x' is not written as"),
        ("cms-jec.max_mb", "0", "max_mb is less than 1"),
        ("cms-lumi.ends", "inclusive", "cdb.plugin.cms-lumi.ends: cms-lumi has no such option"),
    ],
)
def test_wrong_option_stops_the_service(tmp_path: Path, key: str, value: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason), serving(tmp_path, **{key: value}):
        pass
