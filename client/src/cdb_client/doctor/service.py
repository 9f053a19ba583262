"""Whether a service can be used from here: reached, itself, in time, and by whom."""

import base64
import json
import socket
import ssl
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from statistics import median
from typing import Any

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from cdb_client.answers import public
from cdb_client.doctor import FAILED, OK, WARNING, Findings, Told, way
from cdb_client.doctor.line import CONNECT_SECONDS, Line, body_of, reason

_SKEW_SECONDS = 30
_DAY = 86_400
_CERTIFICATE_DAYS = 14
_TOKEN_SECONDS = 600
_SLOW_SECONDS = 1.0
_ASKED = "user_settings/CDB_IOV_MODE"


def check(
    urls: Sequence[str],
    *,
    proxy: str | None = None,
    token: str | None = None,
    insecure_token: bool = False,
) -> Findings:
    """Look whether the services at some URLs can be used from here, and yield what is found.

    Args:
        urls: base URLs, of the same conditions.
        proxy: an HTTP proxy; without it the environment says.
        token: of who asks.
        insecure_token: whether it may go over plain HTTP to another machine.

    """
    way_to = partial(Line, token=token, insecure_token=insecure_token)
    for number, url in enumerate(urls):
        if number:
            yield "url", OK, f"The next one is {public(url)}."
        line = way_to(url, proxy=proxy)
        try:
            yield from _of_line(line)
            if line.proxy:
                yield from _compared(line, way_to(url, direct=True))
        except way.BROKEN as error:
            yield "answers", FAILED, way.broken(error)
    if len(urls) > 1:
        yield _same_content([way_to(url, proxy=proxy) for url in urls])


def _of_line(line: Line) -> Findings:
    reached, answer = _reachable(line)
    yield reached
    if answer is None:
        return
    itself = _service(line, answer)
    yield itself
    if itself[1] == FAILED:
        return
    yield _health(line)
    yield _clock(answer)
    if line.is_tls:
        yield _certificate(line)
    yield from _who(line)
    yield from way.findings(line, _tag(line))


def _reachable(line: Line) -> tuple[Told, requests.Response | None]:
    try:
        answer, first = line.timed(_ASKED)
        took = median(line.timed(_ASKED)[1] for _ in range(3))
    except requests.RequestException as error:
        through = f" through the proxy {public(line.proxy)}" if line.proxy else ""
        return (
            "reachable",
            FAILED,
            f"No answer from {line.host}{through}: {reason(error)}.",
        ), None
    told = f"A request takes {1000 * took:.0f} ms, the first one {1000 * first:.0f} ms."
    return ("reachable", WARNING if took > _SLOW_SECONDS else OK, told), answer


def _service(line: Line, answer: requests.Response) -> Told:
    if answer.is_redirect:
        target = answer.headers.get("Location", "")
        return "service", FAILED, f"It leads elsewhere, to {target}: give that base URL."
    about = body_of(line.ask("/"))
    is_cdb = isinstance(about, dict) and about.get("name") == "cdb"
    if "CDB_IOV_MODE" not in answer.text and answer.status_code not in {401, 403}:
        kind = answer.headers.get("Content-Type", "nothing").partition(";")[0]
        base = "https://conditions.example.org/api/cdb_rest"
        if is_cdb:
            base = line.origin + about["links"]["api"]
        what = f"no API of cdb ({answer.status_code}, {kind})"
        return "service", FAILED, f"There is {what}: give the base URL, as in {base}."
    if is_cdb:
        return "service", OK, f"It is cdb {about['version']}."
    return "service", OK, "It answers as cdb does; its version is not shown at this address."


def _health(line: Line) -> Told:
    answer = line.ask("/health/ready")
    body = body_of(answer)
    if not isinstance(body, dict) or "checks" not in body:
        return (
            "health",
            WARNING,
            (
                f"/health/ready cannot be asked from here ({answer.status_code}): fine, unless "
                "something here watches the service by it."
            ),
        )
    wrong = [f"{name}: {state}" for name, state in body["checks"].items() if state != "ok"]
    if answer.status_code != 200:
        return "health", FAILED, f"The service is not ready: {'; '.join(wrong)}."
    if wrong:
        return "health", WARNING, f"The service is {body.get('status')}: {'; '.join(wrong)}."
    return "health", OK, "The service is ready."


def _clock(answer: requests.Response) -> Told:
    told = answer.headers.get("Date")
    if told is None:
        return "clock", WARNING, "Answers have no Date: whether clocks agree cannot be told."
    try:
        there = parsedate_to_datetime(told).timestamp() + int(answer.headers.get("Age", 0))
    except ValueError:
        return "clock", WARNING, f"The Date of answers is none: {told!r}."
    skew = time.time() - there
    if abs(skew) > _SKEW_SECONDS:
        which = "ahead of" if skew > 0 else "behind"
        return (
            "clock",
            WARNING,
            (
                f"The clock of this machine is {abs(skew):.0f} s {which} the service's: tokens "
                "may seem to have run out, and --as-of may seem to be in the future."
            ),
        )
    return "clock", OK, "The clocks agree."


def _certificate(line: Line) -> Told:
    if line.proxy:
        return "certificate", OK, "It is good; for how long cannot be told through a proxy."
    context = ssl.create_default_context(cafile=line.authorities or DEFAULT_CA_BUNDLE_PATH)
    try:
        with (
            socket.create_connection((line.host, line.port), CONNECT_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=line.host) as wrapped,
        ):
            ends = ssl.cert_time_to_seconds(str((wrapped.getpeercert() or {})["notAfter"]))
    except (OSError, KeyError) as error:
        return "certificate", WARNING, f"It cannot be looked at: {error}."
    left = ends - time.time()
    state = WARNING if left < _CERTIFICATE_DAYS * _DAY else OK
    return "certificate", state, f"It is good for another {_span(left)}."


# --- who asks -----------------------------------------------------------------------


def _who(line: Line) -> Findings:
    if line.withholds_token:
        yield "token", WARNING, "The token is not sent over plain HTTP: give an https URL."
    elif line.token:
        yield _token(line.token)
    answer = line.ask("whoami")
    body = body_of(answer)
    if not answer.ok or not isinstance(body, dict) or "permissions" not in body:
        detail = body.get("detail") if isinstance(body, dict) else None
        yield (
            "whoami",
            FAILED if line.token else WARNING,
            (f"The service does not say who asks: {detail or answer.status_code}"),
        )
        return
    permitted = ", ".join(sorted(body["permissions"])) or "nothing"
    yield "whoami", OK, f"You are {body['subject']}, and may {permitted}."


def _token(token: str) -> Told:
    """Tell when a token runs out, as it says itself; nobody verifies it here."""
    ends = _claims(token).get("exp")
    if not isinstance(ends, int | float):
        return "token", OK, "There is one; it does not say when it runs out."
    left = ends - time.time()
    if left <= 0:
        return "token", FAILED, f"It ran out {_span(-left)} ago: get another one."
    if left < _TOKEN_SECONDS:
        return "token", WARNING, f"It runs out in {_span(left)}: get another one for a long job."
    return "token", OK, f"It runs out in {_span(left)}."


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _span(seconds: float) -> str:
    for name, length in (("days", _DAY), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} seconds"


# --- several ------------------------------------------------------------------------


def _tag(line: Line) -> str | None:
    body = body_of(line.ask("global-tags?page=1&page_size=1&sort=name"))
    results = body.get("results") if isinstance(body, dict) else None
    return str(results[0]["name"]) if results else None


def _compared(line: Line, direct: Line) -> Findings:
    """Yield what is another without the proxy."""
    where = public(line.proxy or "")
    try:
        tag = _tag(direct)
        alone = dict(each[:2] for each in way.findings(direct, tag))
        through = dict(each[:2] for each in way.findings(line, tag))
    except requests.RequestException:
        yield "direct", OK, f"The service is reached through the proxy {where} only."
        return
    worse = {name: state for name, state in through.items() if state != OK and alone[name] == OK}
    if worse:
        yield (
            "direct",
            FAILED if FAILED in worse.values() else WARNING,
            (
                f"Without the proxy {where} all is well with {', '.join(worse)}: it is that proxy "
                "which is in the way."
            ),
        )
    else:
        yield "direct", OK, f"The proxy {where} changes nothing."


def _same_content(lines: Sequence[Line]) -> Told:
    known = []
    for line in lines:
        try:
            body = body_of(line.ask("changes?order=desc&limit=1"))
        except way.BROKEN:
            continue
        if isinstance(body, dict) and body.keys() >= {"latest", "changes"}:
            known.append((f"{line.host}:{line.port}", body["latest"], body["changes"]))
    shown = ", ".join(f"{where} at change {latest}" for where, latest, _ in known)
    if len(known) < len(lines):
        return "content", WARNING, f"Not all tell their last change: {shown or 'none does'}."
    if any(each[1:] != known[0][1:] for each in known):
        sentence = f"They are not at the same change: {shown}. One lags, or has other content."
        return "content", WARNING, sentence
    return "content", OK, f"All are at change {known[0][1]}."
