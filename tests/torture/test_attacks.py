"""Names, patterns and paths at random: does anybody reach a tag that no grant of theirs names?

What a grant covers is decided here a second time, in another way. A write that is answered with
200 tells which global tags it would change; each has to be covered, and the permission granted.
"""

import json
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from guarded import JWT, ROLES, Headers, as_role, bearer, dump, key_is_set, row, service
from support import API, Client
from torture.campaign import Campaign

NAMES = [
    "Prod",
    "prod",
    "PROD",
    "Prod_1",
    "Prod.",
    "Prod*",
    "Prod?",
    "Prod;Dev",
    "Prod%2FDev",
    "%50rod",
    "[P]rod",
    "Ｐrod",
    "Рrod",  # the first letter is Cyrillic
    "Prod Dev",
    "Größe",
    unicodedata.normalize("NFD", "Größe"),
    "Dev",
    "Dev&gtName=Prod",
    "...",
    "*",
]


class Kind(NamedTuple):
    """A write to a global tag, to the list in it or to both, and the permissions that it needs."""

    method: str
    path: str
    body: Any
    permissions: frozenset[str]


def kind(method: str, path: str, body: Any, *permissions: str) -> Kind:
    return Kind(method, path, body, frozenset(permissions))


KINDS = [
    kind("PATCH", "global-tags/{tag}", {"description": "x"}, "tag.write"),
    kind("PATCH", "global-tags/{tag}", {"name": "{new}"}, "tag.write", "tag.delete", "tag.create"),
    kind("DELETE", "deleteGlobalTag/{tag}", None, "tag.delete"),
    kind("PUT", "gt_change_status/{tag}/locked", None, "tag.status"),
    kind("POST", "cloneGlobalTag/{other}/{new}", None, "tag.create"),
    kind("POST", "gt", {"name": "{new}"}, "tag.create"),
    kind("POST", "global-tags/{tag}/iovs", [{**row(8), "payload_type": "T"}], "iov.attach"),
    kind("POST", "payload-lists/{list}/iovs", [row(8)], "iov.attach"),
    kind("POST", "bulk_piov", [{**row(8), "payload_list": "{list}"}], "iov.attach"),
    kind("PUT", "pl_attach", {"payload_list": "{list}", "global_tag": "{other}"}, "list.attach"),
    kind("DELETE", "deletePayloadList/{list}", None, "list.delete"),
    kind("DELETE", "deletePayloadIOV/{tag}/T/5/0", None, "iov.delete"),
    kind(
        "POST",
        "global-tags/{tag}/merge",
        {"sources": ["{other}"], "mode": "fill"},
        "tag.write",
        "iov.attach",
    ),
]
PERMISSIONS = sorted({each for kind in KINDS for each in kind.permissions})

TRICKS: list[Headers] = [
    {},
    {},
    {"X-HTTP-Method-Override": "DELETE"},
    {"X-Original-URL": f"{API}/deleteGlobalTag/Prod", "X-Forwarded-For": "127.0.0.1"},
    {"X-Remote-User": "admin"},
    {"CDB-Comment": "Prod"},
    {"Idempotency-Key": "the-same"},
]


def covers(pattern: str, name: str) -> bool:
    """Tell whether a pattern covers a name; what stands in brackets are single characters."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(covers(pattern[1:], name[skipped:]) for skipped in range(len(name) + 1))
    if not name:
        return False
    if pattern[0] == "[" and (end := pattern.find("]", 2)) > 0:
        chosen, rest = pattern[1:end], pattern[end + 1 :]
        is_in = name[0] in chosen[1:] if chosen[0] == "!" else name[0] in chosen
        return is_in != (chosen[0] == "!") and covers(rest, name[1:])
    return pattern[0] in ("?", name[0]) and covers(pattern[1:], name[1:])


@pytest.mark.parametrize(
    ("pattern", "covered", "others"),
    [
        ("Prod*", ["Prod", "Prod_1", "Prod\nDev"], ["prod", "XProd", ""]),
        ("P[!a]o?", ["Prod", "Pxoo"], ["Paod", "Prods"]),
        ("[P]rod", ["Prod"], ["[P]rod"]),
        ("*o*", ["Prod", "o"], ["Dev"]),
    ],
)
def test_the_other_way_to_decide(pattern: str, covered: list[str], others: list[str]) -> None:
    assert [name for name in covered + others if covers(pattern, name)] == covered


def pattern_like(random: Random, name: str) -> str:
    """Return a pattern that has something of a name; scopes have no spaces in it."""
    place = random.randrange(len(name))
    first, one, rest = name[:place], name[place], name[place + 1 :]
    written = random.choice(
        [
            name,
            f"{first}*",
            f"*{rest}",
            f"{first}?{rest}",
            f"{first}[{one}x]{rest}",
            f"{first}[!{one}]{rest}",
            f"{first}**{rest}",
            f"{name}?*",
            name.swapcase(),
            unicodedata.normalize("NFKC", name),
            quote(name),
        ]
    )
    return written.replace(" ", "?")


def spelled(random: Random, name: str) -> str:
    """Return a name as a part of a path: well, or in one of the ways that could be misread."""
    usual = quote(name, safe="")
    if random.random() < 0.6:
        return usual
    return random.choice(
        [
            quote(usual, safe=""),
            "".join(f"%{byte:02x}" for byte in name.encode()),
            quote(unicodedata.normalize("NFC", name), safe=""),
            quote(unicodedata.normalize("NFKC", name), safe=""),
            quote(name.upper(), safe=""),
            f"{usual}/",
            f"{usual}//",
            f"/{usual}",
            f"./{usual}",
            f"x/../{usual}",
            f"x%2F..%2F{usual}",
            f"{usual}%00",
            f"{usual}%20",
            f"{usual}.",
            f"{usual};name=Prod",
            f"{usual}@1",
            f"{usual}%0A",
            f"{usual}%C0%AE",
            f"{usual}%E2%80%8B",
        ]
    )


def written(random: Random, body: Any, filled: dict[str, str]) -> bytes:
    """Return a body; sometimes it says something twice, the first time as it is not meant."""
    if body is None:
        return b""
    text = json.dumps(body)
    for key, value in filled.items():
        text = text.replace(f'"{{{key}}}"', json.dumps(value))
    if random.random() < 0.2:
        for key in ("name", "global_tag", "payload_list"):
            text = text.replace(
                f'"{key}": ', f'"{key}": {json.dumps(random.choice(NAMES))}, "{key}": '
            )
    return text.encode()


class World:
    """A service with a tag of each name, each with a list, and what is in its database."""

    def __init__(self, client: Client, url: str, lists: dict[str, str]) -> None:
        self.client = client
        self.lists = lists
        self.url = url
        self.before = dump(url)


@pytest.fixture(scope="module")
def world(databases: Any) -> Iterator[World]:
    with ExitStack() as stack:
        key_is_set(stack.enter_context(pytest.MonkeyPatch.context()))
        url = stack.enter_context(databases("sqlite"))
        lists = {}
        with service(url, allow_open_writes="true") as everybody:
            everybody.ok("POST", "pt", {"name": "T"})
            for name in NAMES:
                everybody.ok("POST", "gt", {"name": name})
                made = everybody.ok("POST", "pl", {"payload_type": "T"})["name"]
                everybody.ok("PUT", "pl_attach", {"payload_list": made, "global_tag": name})
                everybody.ok("POST", f"payload-lists/{made}/iovs", [row(5)])
                lists[name] = made
        settings = {**JWT, **ROLES, "authorization_policies": "roles scopes"}
        guarded = service(url, read_access="authenticated", **settings)
        client = Client(stack.enter_context(guarded).app, lint=False)
        yield World(client, url, lists)


def test_no_trick_reaches_a_tag_of_others(world: World, campaign: Campaign) -> None:
    for _ in campaign.rounds(at_least=400):
        attempt(world, campaign)
    # Else nothing was tried but what is refused anyway.
    assert campaign.figures["done"] > campaign.figures["rounds"] / 50
    assert campaign.figures["refused"] > campaign.figures["rounds"] / 50
    assert dump(world.url) == world.before


def attempt(world: World, campaign: Campaign) -> None:
    random = campaign.random
    chosen = random.choice(KINDS)
    tag, other = random.sample(NAMES, 2)
    granted = {each: pattern_like(random, random.choice([tag, other])) for each in PERMISSIONS}
    if random.random() < 0.7:  # one pattern for all, so that more than one permission fits
        granted = dict.fromkeys(granted, random.choice([*granted.values(), f"{tag[0]}*", "*rod*"]))
    scope = " ".join(f"cdb.{each}:/{pattern}" for each, pattern in granted.items())
    new = random.choice([f"{tag}_2", f"{other}2", other, f"{tag}\u200b", f"{tag} ", f"{tag}/../x"])
    filled = {
        "tag": tag,
        "other": other,
        "new": new,
        "list": world.lists[random.choice([tag, other])],
    }
    path = chosen.path.format(**{key: spelled(random, value) for key, value in filled.items()})
    twice = random.choice(["", "&dry_run=change&name=Prod", "&gtName=Prod&tag=Prod"])
    headers = {**random.choice(TRICKS), **as_role("x", scope=scope)}
    body = written(random, chosen.body, filled)
    url = f"{API}/{path}?dry_run=change{twice}"
    answer = world.client.request(
        url, method=chosen.method, body=body, headers=headers, status="*"
    )
    assert answer.status_int < 500, (url, body, scope)
    if answer.status_int == 200 and (change := answer.json.get("change")):
        campaign.count("done")
        needed, changed = [granted[each] for each in chosen.permissions], change["global_tags"]
        for name in changed:
            assert any(covers(each, name) for each in needed), (url, body, scope, change)
        for each in needed:
            assert any(covers(each, name) for name in changed), (url, body, scope, change)
    elif answer.status_int == 403:
        campaign.count("refused")
    read_as_nobody(world, random, url.partition("?")[0])


def read_as_nobody(world: World, random: Random, url: str) -> None:
    """Ask the same path as somebody who may not read: no spelling of it says anything."""
    method = random.choice(["GET", "HEAD", "POST", "OPTIONS", "get"])
    who = random.choice([{}, bearer("x"), {"Authorization": "Basic eA=="}, *TRICKS])
    answer = world.client.request(url, method=method, headers=who, status="*")
    assert answer.status_int in (400, 401, 404, 405), (method, url)
    said = answer.text
    assert not any(each in said for each in world.lists.values()), (method, url, said)
