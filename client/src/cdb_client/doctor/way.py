"""Whether what lies between a client and its service lets everything through, unchanged."""

import json
from collections.abc import Callable
from typing import NamedTuple

import requests

from cdb_client.asking import path_of
from cdb_client.doctor import FAILED, OK, WARNING, Findings, Told
from cdb_client.doctor.line import Line, absent, absent_name, body_of, is_service
from cdb_client.errors import MISFITS, NotJson, misfit

_LONG_URL = 6000
_LARGE_BODY = 1_500_000
_ANSWER_HEADERS = ("CDB-Change", "CDB-Valid-From", "CDB-Valid-Until", "ETag", "Cache-Control")
BROKEN = (requests.RequestException, NotJson, *MISFITS)
"""What is raised where the connection breaks, or an answer is not as the service sends it."""
_PATCH = json.dumps({"description": ""}).encode()


class Check(NamedTuple):
    """One thing that has to get through: its name, and what looks at it, for a global tag."""

    name: str
    look: Callable[[Line, str], tuple[str, str]]


def findings(line: Line, tag: str | None) -> Findings:
    """Yield what each check finds.

    Args:
        line: to the service.
        tag: a global tag that can be read; without one some checks cannot be done.

    """
    for check in CHECKS:
        yield _told(check, line, tag)


def _told(check: Check, line: Line, tag: str | None) -> Told:
    if tag is None and check in _NEED_A_TAG:
        return check.name, WARNING, "Not looked at: there is no global tag that can be read."
    try:
        return check.name, *check.look(line, tag or "")
    except BROKEN as error:
        return check.name, FAILED, broken(error)


def broken(error: Exception) -> str:
    """Return what one of `BROKEN` means, in a sentence."""
    if isinstance(error, requests.RequestException):
        return f"The connection broke: {type(error).__name__}."
    return f"An answer is not as the service sends it: {misfit(error)}."


def query(tag: str) -> str:
    """Return the path of the query at the start of the axis."""
    return f"payload-iovs/query?{_name_in_query(tag)}&majorIOV=0&minorIOV=0"


def _name_in_query(tag: str) -> str:
    return f"gtName={path_of(tag)}"


# --- what comes back ----------------------------------------------------------------


def _answer_headers(line: Line, tag: str) -> tuple[str, str]:
    answer = line.ask(query(tag))
    missing = [name for name in _ANSWER_HEADERS if name not in answer.headers]
    if missing:
        return FAILED, (
            f"Answers come without {', '.join(missing)}: let the proxy pass them on. "
            "Clients cannot tell for how long an answer holds."
        )
    return OK, "Answers say for how long they hold."


def _not_modified(line: Line, tag: str) -> tuple[str, str]:
    etag = line.ask(query(tag)).headers.get("ETag")
    if etag is None:
        return FAILED, "There is no ETag to ask with."
    answer = line.ask(query(tag), headers={"If-None-Match": etag})
    is_kept = answer.headers.get("ETag") == etag and answer.headers.keys() & {"Age", "X-Cache"}
    if answer.status_code != 304 and is_kept:
        # So does Squid, which compares what it has, and then gives it.
        return OK, "A cache on the way compares what it has, and sends that in full."
    if answer.status_code != 304:
        return WARNING, (
            "If-None-Match does not arrive, or the ETag was changed: what a client has is sent "
            "again in full. Let the proxy pass both on as they are."
        )
    return OK, "What a client has and still holds is not sent again."


def _head(line: Line, tag: str) -> tuple[str, str]:
    answer = line.ask(query(tag), method="HEAD")
    if answer.status_code != 200:
        return WARNING, f"HEAD is answered with {answer.status_code}: let the proxy pass it on."
    return OK, "HEAD is answered as GET is."


def _lines(line: Line, tag: str) -> tuple[str, str]:
    accepted = {"Accept": "application/x-ndjson"}
    answer = line.ask(f"global-tags/{path_of(tag)}/gaps", headers=accepted)
    kind = answer.headers.get("Content-Type", "")
    last = answer.text.strip().rpartition("\n")[2]
    if not kind.startswith("application/x-ndjson") or '"count"' not in last:
        return FAILED, (
            "Long answers do not come line by line with the last line that counts them: let the "
            "proxy pass Accept and Content-Type on, and cut nothing off."
        )
    return OK, "Long answers come line by line, to their end."


def _cache(line: Line, tag: str) -> tuple[str, str]:
    usual = line.ask(query(tag))
    fresh = line.ask(query(tag), headers={"Cache-Control": "no-cache"})
    shown, known = (each.headers.get("CDB-Change", "") for each in (usual, fresh))
    if shown.isdecimal() and known.isdecimal() and int(shown) < int(known):
        age = usual.headers.get("Age")
        since = f", {age} s old" if age else ""
        return WARNING, (
            f"A cache on the way answers as of change {shown}{since}, where {known} is known: it "
            "has to ask the service each time where Cache-Control says no-cache."
        )
    return OK, "No cache on the way gives older answers."


# --- what arrives -------------------------------------------------------------------


def _names(line: Line, _: str) -> tuple[str, str]:
    name = absent_name()
    answer = line.ask(f"global-tags/{path_of(name)}/payload-lists")
    body = body_of(answer)
    detail = body.get("detail", "") if isinstance(body, dict) else ""
    if is_service(answer) and (name in detail or answer.status_code in {401, 403}):
        return OK, "Names with blanks, signs and letters of all scripts arrive as they are."
    return FAILED, (
        f"A name with escaped letters does not arrive ({answer.status_code}): the proxy must not "
        "decode paths."
    )


def _long_url(line: Line, _: str) -> tuple[str, str]:
    answer = line.ask(f"user_settings/CDB_IOV_MODE?cdb-doctor={'x' * _LONG_URL}")
    if is_service(answer):
        return OK, f"URLs of {_LONG_URL} characters arrive."
    return WARNING, (
        f"A URL of {_LONG_URL} characters is refused with {answer.status_code}: allow it "
        "(large_client_header_buffers of nginx), or ask for many types by POST."
    )


def _batch(line: Line, tag: str) -> tuple[str, str]:
    body = json.dumps({"gtName": tag, "points": [[0, 0]]}).encode()
    answer = line.ask("payload-iovs/query/batch", method="POST", data=body)
    if answer.status_code == 200 and body_of(answer) is not None:
        return OK, "Many points can be asked for in one request."
    return FAILED, (
        f"POST payload-iovs/query/batch, which only reads, is answered with {answer.status_code}: "
        "let the proxy pass it on."
    )


def _large_body(line: Line, tag: str) -> tuple[str, str]:
    body = json.dumps({"gtName": tag, "points": [[0, 0]]}).encode()
    answer = line.ask(
        "payload-iovs/query/batch", method="POST", data=body + b" " * (_LARGE_BODY - len(body))
    )
    size = f"{_LARGE_BODY / 10**6:.1f} MB"
    if is_service(answer):
        return OK, f"Bodies of {size} arrive."
    return WARNING, (
        f"A body of {size} is refused with {answer.status_code}: allow what the service takes "
        "(client_max_body_size of nginx)."
    )


_REQUEST_HEADERS: dict[str, str | bytes] = {
    # Each is wrong on purpose: where it arrives it is complained about.
    "If-Match": '"of-no-tag"',
    "CDB-Comment": b"\xff",
    "Idempotency-Key": "k" * 300,
}


def _request_headers(line: Line, _: str) -> tuple[str, str]:
    lost = []
    for name, value in _REQUEST_HEADERS.items():
        answer = line.ask(
            f"global-tags/{absent()}", method="PATCH", headers={name: value}, data=_PATCH
        )
        body = body_of(answer)
        if answer.status_code in {401, 403} and is_service(answer):
            return OK, "Not looked at: it needs a token that may write."
        detail = body.get("detail", "") if isinstance(body, dict) else ""
        if name not in detail:
            lost.append(name)
    if lost:
        return FAILED, (
            f"{', '.join(lost)} of writes do not arrive: let the proxy pass them on. "
            "Without them writes cannot be safe."
        )
    return OK, f"{', '.join(_REQUEST_HEADERS)} of writes arrive."


_WRITES = {
    "PUT": "global-tags/{}/change-status/locked?dry_run=1",
    "PATCH": "global-tags/{}?dry_run=1",
    "DELETE": "global-tags/{}/delete?dry_run=1",
    "POST": "global-tags/{}/clone/{}?dry_run=1",
}


def _methods(line: Line, _: str) -> tuple[str, str]:
    refused = []
    for method, path in _WRITES.items():
        data = _PATCH if method == "PATCH" else None
        answer = line.ask(path.format(absent(), absent()), method=method, data=data)
        if not is_service(answer):
            refused.append(f"{method} ({answer.status_code})")
    if refused:
        return FAILED, f"The proxy refuses {', '.join(refused)}: allow them, for those who write."
    return OK, f"{', '.join(_WRITES)} arrive."


CHECKS = (
    Check("answer-headers", _answer_headers),
    Check("not-modified", _not_modified),
    Check("head", _head),
    Check("lines", _lines),
    Check("cache", _cache),
    Check("names", _names),
    Check("long-url", _long_url),
    Check("batch", _batch),
    Check("large-body", _large_body),
    Check("methods", _methods),
    Check("request-headers", _request_headers),
)
_NEED_A_TAG = frozenset(
    each for each in CHECKS if each.name not in {"names", "long-url", "methods", "request-headers"}
)
