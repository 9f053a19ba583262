"""What clients do beside reading and writing on a few tags: all else that a service is asked."""

import http.client
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import requests
from forging import SECRET
from jwt import encode
from support import API
from torture.campaign import Campaign

_FILES = 40
"""Payload files, which come again and again: the store has each once."""

_TIMEOUT_S = 120.0

PATHS = (
    "global-tags/{tag}", "global-tags/{tag}/iovs", "global-tags/{tag}/timeline",
    "global-tags/{tag}/gaps", "global-tags/{tag}/digest", "global-tags/{tag}/history",
    "global-tags/{tag}/diff/{other}", "global-tags/{tag}/payload-lists",
    "globalTags", "gtstatus", "gt", "pt", "pl?page=1", "piov?page=1", "changes?limit=20",
    "whoami?global_tag={tag}", "plugins", "points?at=1,2", "user_settings/CDB_PAYLOAD_BASE_URL",
    "payload-lists/by-name/{list}/iovs", "payload-lists/by-name/{list}/timeline",
)  # fmt: skip
"""What is read, as the web interface does."""

PAGES = ("/", "/ui/", "/ui/tags/any", "/docs", "/openapi.json", "/health/ready", "/metrics")

WRONG = (
    ("GET", "nosuch/{number}", None),
    ("GET", "payloadiovs?gtName={number}&majorIOV=1&minorIOV=0", None),
    ("GET", "payloadiovs?gtName={tag}&majorIOV=x&minorIOV={number}", None),
    ("GET", "global-tags/{tag}?x={long}", None),
    ("GET", "global-tags/{tag}/iovs?asOf=999999999", None),
    ("POST", "gt", {"nom": "{number}"}),
    ("POST", "gt", "{number}"),
    ("DELETE", "gtstatus", None),
    ("PUT", "pl_attach", {"global_tag": "{number}", "payload_list": "none"}),
)
"""Requests that nobody should send, with what is another one each time."""


class Names(NamedTuple):
    """What is there to ask for; it goes on to change."""

    tags: Sequence[str]
    types: Sequence[str]
    lists: Sequence[str]


class Visitor(Thread):
    """A client that does one thing after the other, and notes what must not be.

    Args:
        url: of the service.
        names: of what is there.
        random: decides what it does.
        campaign: counts that.

    Attributes:
        failed: requests that the service failed, with what it said.

    """

    def __init__(self, url: str, names: Names, random: Random, campaign: Campaign) -> None:
        super().__init__(daemon=True)
        self.ends = Event()
        self.failed: list[str] = []
        self._url, self._names, self._random, self._campaign = url, names, random, campaign
        self._session = requests.Session()
        self._session.trust_env = False

    def run(self) -> None:
        while not self.ends.is_set():
            does = self._random.choices(_DOES, _WEIGHTS)[0]
            try:
                does(self)
                self._campaign.count(does.__name__.strip("_").replace("_", " "))
            except requests.RequestException as error:
                self.failed.append(f"{does.__name__}: {error}")
        self._session.close()

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> requests.Response:
        url = self._url + (path if path.startswith("/") else f"{API}/{path}")
        got = self._session.request(method, url, headers=headers, timeout=_TIMEOUT_S, **sent)
        if got.status_code >= 500:
            self.failed.append(f"{method} {path[:100]}: {got.status_code} {got.text[:200]}")
        return got

    def _filled(self, path: str) -> str:
        choose = self._random.choice
        return path.format(
            tag=quote(choose(self._names.tags)),
            other=quote(choose(self._names.tags)),
            list=quote(choose(self._names.lists)),
            number=self._random.getrandbits(40),
            long=self._random.randbytes(2000).hex(),
        )

    # --- what it does --------------------------------------------------------------------

    def _ask_at_a_point(self) -> None:
        point = f"majorIOV={self._random.randrange(10**6)}&minorIOV={self._random.randrange(10)}"
        self._ask("GET", self._filled(f"payloadiovs/?gtName={{tag}}&{point}"))

    def _ask_as_of(self) -> None:
        latest = self._ask("GET", "changes?limit=1").json()["latest"]
        change = self._random.randint(max(1, latest - 1000), latest)
        self._ask("GET", self._filled(f"{self._random.choice(PATHS[:4])}?asOf={change}"))

    def _browse(self) -> None:
        self._ask("GET", self._filled(self._random.choice(PATHS)))

    def _open_a_page(self) -> None:
        self._ask("GET", self._random.choice(PAGES))

    def _follow_the_log(self) -> None:
        latest = self._ask("GET", "changes?limit=1").json()["latest"]
        self._ask("GET", f"changes?after={max(0, latest - self._random.randrange(50))}&limit=50")

    def _send_and_fetch_a_file(self) -> None:
        number = self._random.randrange(_FILES)
        content = Random(number).randbytes(20_000 + 5_000 * number)
        sent = self._ask("PUT", f"payloads/{self._names.types[0]}/{number}.bin", data=content)
        if sent.status_code == 200:
            fetched = self._ask("GET", f"payloads/{sent.json()['checksum']}")
            if fetched.status_code == 200 and fetched.content != content:
                self.failed.append(f"file {number} came back changed")

    def _merge(self) -> None:
        tag, other = self._random.choice(self._names.tags), self._random.choice(self._names.tags)
        self._ask("POST", f"global-tags/{tag}/merge", json={"sources": [other], "mode": "fill"})

    def _come_with_a_token(self) -> None:
        expires = time.time() + self._random.choice((-100, 100))
        claims = {"sub": f"job {self._random.getrandbits(40)}", "exp": expires}
        token = encode(claims, self._random.choice((SECRET, SECRET[::-1])))
        self._ask("GET", "whoami", {"Authorization": f"Bearer {token}"})

    def _ask_what_is_wrong(self) -> None:
        method, path, body = self._random.choice(WRONG)
        number = str(self._random.getrandbits(40))
        if isinstance(body, dict):
            body = {name: value.format(number=number) for name, value in body.items()}
        headers = {"X-Request-ID": f"job-{number}", "If-None-Match": f'"{number}"'}
        self._ask(method, self._filled(path), headers, json=body)

    def _break_off(self) -> None:
        parts = urlsplit(self._url)
        path = self._filled(f"{API}/{self._random.choice(PATHS)}")
        sent = f"GET {path} HTTP/1.1\r\nHost: cdb\r\n\r\n".encode()
        with socket.create_connection((parts.hostname, parts.port), timeout=_TIMEOUT_S) as cut:
            length = self._random.randint(1, 2 * len(sent))
            cut.sendall(sent[:length])
            if length >= len(sent) and self._random.random() < 0.3:
                cut.recv(self._random.randint(1, 1000))

    def _break_off_in_a_body(self) -> None:
        made = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=_TIMEOUT_S)
        made.putrequest("PUT", f"{API}/payloads/{self._names.types[0]}/cut.bin")
        made.putheader("Content-Length", "3000000")
        made.endheaders(self._random.randbytes(self._random.randrange(200_000)))
        made.close()


_OFTEN: Mapping[Callable[[Visitor], None], int] = {
    Visitor._ask_at_a_point: 40,
    Visitor._ask_as_of: 8,
    Visitor._browse: 25,
    Visitor._open_a_page: 5,
    Visitor._follow_the_log: 8,
    Visitor._send_and_fetch_a_file: 4,
    Visitor._merge: 2,
    Visitor._come_with_a_token: 8,
    Visitor._ask_what_is_wrong: 15,
    Visitor._break_off: 8,
    Visitor._break_off_in_a_body: 2,
}
_DOES, _WEIGHTS = list(_OFTEN), list(_OFTEN.values())
