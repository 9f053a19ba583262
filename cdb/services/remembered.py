"""What was worked out before and can never become wrong, kept within a bound."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Remembered(Generic[_Key, _Value]):
    """Values by their keys; what nobody has asked for longest is forgotten first.

    Any thread may use it. Two that miss a value at once both work it out.

    Args:
        bound: what all values may weigh together.
        forget: what is told of the key of each value that goes to make room.

    """

    def __init__(self, bound: int, forget: Callable[[_Key], object] = lambda _key: None) -> None:
        self._bound = bound
        self._forget = forget
        self._weight = 0
        self._values: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._lock = Lock()

    @property
    def weight(self) -> int:
        """What all values weigh together."""
        return self._weight

    def get(self, key: _Key) -> _Value | None:
        """Return a value, or None where it is not there."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def keep(self, key: _Key, value: _Value, weight: int = 1) -> bool:
        """Keep a value, and tell so: one that weighs more than all of them may is not kept."""
        if weight > self._bound:
            return False
        gone = []
        with self._lock:
            self._weight += weight - self._values.pop(key, (value, 0))[1]
            self._values[key] = value, weight
            while self._weight > self._bound:
                left, (_, lighter) = self._values.popitem(last=False)
                self._weight -= lighter
                gone.append(left)
        for left in gone:
            self._forget(left)
        return True
