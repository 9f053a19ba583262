"""The recorded contract of nopayloaddb: 103 requests in a row, on both databases."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from support import DATA, Client

EXCHANGES: list[dict[str, Any]] = json.loads(
    (DATA / "contract" / "nopayloaddb-wire.json").read_text()
)
MAX = 2**63 - 1

LIST_NAME = re.compile(r"\b(Beam|CEMC_Thresh)_(\d+)\b")


class Ids:
    """Which ids and generated names of the recording are which of ours."""

    def __init__(self) -> None:
        self.lists: dict[str, str] = {}
        self.iovs: dict[int, int] = {}

    def learn(self, recorded: Any, answered: Any) -> None:
        if not (isinstance(recorded, dict) and isinstance(answered, dict)):
            return
        if "comb_iov" in recorded:
            self.iovs[recorded["id"]] = answered["id"]
        elif LIST_NAME.fullmatch(str(recorded.get("name"))):
            self.lists[recorded["name"]] = answered["name"]
        else:
            for name in recorded.values():
                if LIST_NAME.fullmatch(str(name)):
                    ours = next(v for k, v in answered.items() if recorded[k] == name)
                    self.lists[name] = ours

    def translate(self, value: Any) -> Any:
        if isinstance(value, str):
            return LIST_NAME.sub(lambda match: self.lists.get(match[0], match[0]), value)
        if isinstance(value, list):
            return [self.translate(item) for item in value]
        if isinstance(value, dict):
            translated = {key: self.translate(item) for key, item in value.items()}
            if "piov_id" in translated:
                translated["piov_id"] = self.iovs.get(value["piov_id"], value["piov_id"])
            return translated
        return value


def compare(recorded: Any, answered: Any, path: str = "$") -> None:
    """Ask for the recorded shape and values, apart from what contract and README set free."""
    if recorded == "<timestamp>":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", answered), path
    elif isinstance(recorded, Mapping):
        assert recorded.keys() <= answered.keys(), path
        for key in recorded:
            if key != "id":
                compare(recorded[key], answered[key], f"{path}.{key}")
    elif isinstance(recorded, list):
        assert len(recorded) == len(answered), path
        if recorded and isinstance(recorded[0], dict | list):  # not the columns of a row
            recorded, answered = sorted(recorded, key=_order), sorted(answered, key=_order)
        for number, (theirs, ours) in enumerate(zip(recorded, answered, strict=True)):
            compare(theirs, ours, f"{path}[{number}]")
    elif recorded == MAX:
        assert answered >= 0, path  # an end that a later start cuts short shows that start
    elif path.endswith((".size", "[0][3]")) and recorded is None:
        assert answered is None or answered > 0, path
    else:
        assert recorded == answered, path


def _order(item: Any) -> Any:
    if isinstance(item, Mapping):
        keys = ("name", "payload_list", "payload_url", "major_iov", "minor_iov")
        return [str(item.get(key)).zfill(20) for key in keys]
    return str(item)


def replay(client: Client) -> list[tuple[dict[str, Any], Any]]:
    """Send all requests and return each with its answer, with the ids of the recording."""
    ids = Ids()
    answers = []
    for exchange in EXCHANGES:
        path = ids.translate(exchange["path"])
        if found := re.fullmatch(r"piov/(\d+)", path):
            path = f"piov/{ids.iovs.get(int(found[1]), found[1])}"
        answer = client.api(exchange["method"], path, ids.translate(exchange["body"]))
        if exchange["want_status"] == exchange["recorded_status"] == 200:
            ids.learn(exchange["recorded_json"], answer.json)
        recorded = ids.translate(exchange["recorded_json"])
        answers.append(({**exchange, "recorded_json": recorded}, answer))
    return answers


def test_all_exchanges_are_answered_as_wanted(client: Client) -> None:
    answers = replay(client)
    assert len(answers) == 103
    wrong = [
        (exchange["method"], exchange["path"], answer.status_int, answer.text)
        for exchange, answer in answers
        if answer.status_int != exchange["want_status"]
    ]
    assert wrong == []


def test_successes_have_the_recorded_shape_and_values(client: Client) -> None:
    compared = 0
    for exchange, answer in replay(client):
        recorded = exchange["recorded_json"]
        if exchange["want_status"] >= 400 or exchange["recorded_status"] >= 400:
            continue
        if exchange["path"] == "bulk_piov":
            assert answer.json == {"count": 3}
            continue
        compare(recorded, answer.json, exchange["path"])
        compared += 1
    assert compared == 67


def test_errors_have_the_shape_that_clients_parse(client: Client) -> None:
    seen = 0
    for _, answer in replay(client):
        if answer.status_int < 400:
            continue
        seen += 1
        assert answer.content_type == "application/json"
        body = answer.json
        assert isinstance(body.pop("code"), str)
        assert isinstance(body.get("detail", ""), str)
        assert isinstance(body.get("name", []), list)
        assert body
    assert seen == 34


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_read_comes_with_and_without_a_trailing_slash(client: Client, slash: str) -> None:
    replay(client)
    for exchange in EXCHANGES:
        if exchange["method"] == "GET" and exchange["want_status"] == 200:
            path, question, query = exchange["path"].partition("?")
            url = f"{path.rstrip('/')}{slash}{question}{query}"
            if not re.search(r"piov/1|pl/1|GT_C", url):
                client.api("GET", url, status=200)
                client.api("HEAD", url, status=200)
