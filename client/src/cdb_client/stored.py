"""Answers in the cache, where the processes of a user share them.

One question has a folder, and each of its answers a file there, named by the point from
which it holds: the answer for a point is the last one that does not begin after it.
"""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, astuple
from hashlib import sha256
from typing import Any

from cdb_client.cache import Cache
from cdb_client.conditions import ALL, Answer, PayloadIOV, Places
from cdb_client.holding import Held
from cdb_client.points import LAST, Point
from cdb_client.questions import Question

_FORMAT = 1
_OF_AXIS = re.compile(r"[0-9]{19}-[0-9]{19}\.json")


class Stored:
    """The answers of one service, or of one bundle, in a cache.

    What is there is never trusted to be whole, or to be of this version: what cannot be
    read is not there.

    Args:
        cache: where they lie.
        origin: the base URL of the service, so that answers of two never mix.

    """

    def __init__(self, cache: Cache, origin: str) -> None:
        self._cache = cache
        self._origin = origin

    def at(self, question: Question, places: Places) -> Held | None:
        """Return the answer that holds at some points, if it is stored."""
        folder = self._folder(question)
        name: str | None = _name(places)
        point = places.get(ALL)
        if isinstance(point, tuple):
            names = [each for each in self._cache.names(*folder) if _OF_AXIS.fullmatch(each)]
            index = bisect_right(names, _name_of(min(point, LAST)))
            name = names[index - 1] if index else None
        held = _decoded(self._cache.read(*folder, name), question) if name else None
        return held if held and (held.places == places or held.answer.covers(places)) else None

    def keep(self, question: Question, held: Held) -> None:
        """Store an answer."""
        self._cache.write(_encoded(held, question), *self._folder(question), _name_for(held))

    def forget(self, question: Question, held: Held) -> None:
        """Remove an answer that is out of date."""
        self._cache.remove(*self._folder(question), _name_for(held))

    def fact(self, name: str, question: Question | None = None) -> Any:
        """Return something else that the service said; None where nothing is stored."""
        try:
            content = json.loads(self._cache.read(*self._folder(question), name) or b"null")
            return content["value"], content["confirmed"] + 0.0
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def keep_fact(
        self, name: str, value: Any, confirmed: float, question: Question | None = None
    ) -> None:
        """Store something else that the service said."""
        content = {"value": value, "confirmed": confirmed}
        self._cache.write(json.dumps(content).encode(), *self._folder(question), name)

    def _folder(self, question: Question | None) -> tuple[str, str]:
        about = [_FORMAT, self._origin, astuple(question) if question else None]
        return "answers", sha256(json.dumps(about).encode()).hexdigest()


def _name_of(point: Point) -> str:
    return f"{point[0]:019d}-{point[1]:019d}.json"


def _name_for(held: Held) -> str:
    interval = held.answer.holds.get(ALL)
    if interval and isinstance(held.places.get(ALL), tuple):
        return _name_of(interval[0])
    return _name(held.places)


def _name(places: Places) -> str:
    """Return the name of an answer that is found by the very points that it was asked at."""
    return "at-" + sha256(json.dumps(sorted(places.items())).encode()).hexdigest() + ".json"


def _encoded(held: Held, question: Question) -> bytes:
    answer = held.answer
    content = {
        "question": asdict(question),
        "places": held.places,
        "confirmed": held.confirmed,
        "age": None if math.isinf(held.age) else held.age,
        "holds": answer.holds,
        "change": answer.change,
        "as_of": answer.as_of,
        "etag": answer.etag,
        "payloads": [astuple(each) for each in answer.payloads.values()],
    }
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _decoded(data: bytes | None, question: Question) -> Held | None:
    """Return a stored answer; None for what is damaged, or answers another question."""
    try:
        content = json.loads(data or b"null")
        if content["question"] != json.loads(json.dumps(asdict(question))):
            return None
        payloads = [_payload(row) for row in content["payloads"]]
        return Held(
            Answer(
                {each.payload_type: each for each in payloads},
                {name: (_point(a), _point(b)) for name, (a, b) in content["holds"].items()},
                content["change"],
                content["as_of"],
                content["etag"],
            ),
            _places(content["places"]),
            content["confirmed"] + 0.0,
            math.inf if content["age"] is None else content["age"] + 0.0,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _payload(row: list[Any]) -> PayloadIOV:
    name, url, checksum, size, start, end, revision, tag, dimension, written = row
    return PayloadIOV(
        name,
        url,
        checksum,
        size,
        _point(start),
        _point(end),
        revision,
        tag,
        dimension,
        (written[0], written[1]) if written else None,
    )


def _places(written: Mapping[str, Any]) -> Places:
    return {
        name: place if isinstance(place, str) else _point(place) for name, place in written.items()
    }


def _point(written: Any) -> Point:
    major, minor = written
    return major + 0, minor + 0
