"""What global tags answer after each change, worked out from what the writes were to do.

The service says which writes it has done, and in which order: its change log has their names.
What comes of them is worked out by the model of `tests/model.py`, which knows neither rows nor
logs; the service is never asked what a state answers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from model import ListModel, Pasts, ServiceModel, StagedModel
from slots import NewRow, RefusedError, Slots
from torture.journal import Write

from cdb.domain.points import MAX, OPEN, Point

GRID = (*(Point(major, minor) for major in (0, 5, 2**53 + 1) for minor in (0, 3, MAX)), OPEN)
"""Where intervals begin and end; few places, so that writes collide."""

Logged = Mapping[str, Any]
"""A change, as the change log tells it."""

Interval = tuple[Point, Point, str]
"""Start, exclusive end, payload."""

Source = tuple[str, int | None]
"""What is merged: a global tag as of a change, or as it is."""


class ListState(NamedTuple):
    """A payload list: its name, type, tag, and what it holds."""

    name: str
    type: str
    tag: str | None
    intervals: tuple[Interval, ...]


class TagState(NamedTuple):
    """A global tag at a change."""

    status: str
    head: int
    lists: tuple[ListState, ...]
    """In the order of their types."""


class State(NamedTuple):
    """All that is there after a change. Tags that are the same are the same object."""

    change: int
    tags: Mapping[str, TagState]
    lists: Mapping[str, ListState]


class Replay:
    """Follows the change log; `problems` says what cannot have been."""

    def __init__(self, began: int, needed: set[int]) -> None:
        self.problems: list[str] = []
        self.states = [State(began, {}, {})]
        self._model = ServiceModel()
        self._needed = needed
        self._pasts: dict[int, Pasts] = {}
        self._seen: dict[str, tuple[object, ListState]] = {}

    def follow(self, logged: Logged, write: Write | None) -> None:
        """Do what a change has done; without a write it is of somebody else."""
        change, before = logged["change"], self.states[-1]
        if write is None:
            self.states.append(before._replace(change=change))
        else:
            self._check_head(write, logged, before)
            try:
                if _APPLIED[write.kind](self._model, logged, *self._arguments(write)) != 1:
                    self._say(change, write, "changes nothing, and is a change")
            except (RefusedError, KeyError, IndexError) as error:
                self._say(change, write, f"could not be done ({error!r}), and was")
            self.states.append(self._state(change, before, logged))
        if change in self._needed:
            self._pasts[change] = self._model.past()

    def _arguments(self, write: Write) -> tuple[Any, ...]:
        if write.kind == "revert":
            tag, to = write.arguments
            return (tag, self._pasts[to])
        if write.kind in ("merge", "update"):
            tag, sources, *how = write.arguments
            return (tag, [(name, at and self._pasts[at]) for name, at in sources], *how)
        return write.arguments

    def _say(self, change: int, write: Write, what: str) -> None:
        self.problems.append(
            f"change {change}: {write.name} ({write.kind} {write.arguments}) {what}"
        )

    def _check_head(self, write: Write, logged: Logged, before: State) -> None:
        tag = before.tags.get(str(write.arguments[0]))
        if write.needs is not None and (tag is None or tag.head != write.needs):
            self._say(logged["change"], write, f"was for the head {write.needs} only: {tag}")

    def _state(self, change: int, before: State, logged: Logged) -> State:
        # The dead are not needed again, and there are many.
        self._model.lists = self._model.live_lists()
        lists = {each.name: self._list_state(each) for each in self._model.lists}
        touched = set(logged["global_tags"])
        tags = {}
        for name, status in self._model.tags.items():
            members = tuple(lists[each.name] for each in self._model.lists_of(name))
            found = before.tags.get(name)
            if name in touched or found is None:
                found = TagState(status, change, members)
            elif (found.status, found.lists) != (status, members):
                self.problems.append(f"change {change} does not say that it has touched {name}")
            tags[name] = found
        return State(change, tags, lists)

    def _list_state(self, entry: ListModel) -> ListState:
        # A write gives a list other slots, and leaves those that it had as they were.
        key = (entry.slots, entry.tag)
        seen = self._seen.get(entry.name)
        if seen is None or seen[0] != key:
            held = tuple(
                (start, end, piece.payload) for start, end, piece in entry.slots.intervals()
            )
            seen = (key, ListState(entry.name, entry.type, entry.tag, held))
            self._seen[entry.name] = seen
        return seen[1]


def needed_of(write: Write) -> set[int]:
    """Return the changes whose states a write asks for."""
    if write.kind == "revert":
        return {write.arguments[1]}
    if write.kind in ("merge", "update"):
        return {at for _, at in write.arguments[1] if at}
    return set()


# --- what each kind of write does: the number of changes ---------------------------------


def _list(model: ServiceModel, name: str) -> ListModel:
    return next(entry for entry in model.lists if entry.name == name)


def _make_list(model: ServiceModel, logged: Logged, type_name: str, ends: str) -> int:
    model.lists.append(ListModel(logged["object_name"], type_name, ends, Slots(GRID)))
    return 1


def _attach(model: ServiceModel, _: Logged, tag: str, rows: Sequence[tuple[str, NewRow]]) -> int:
    by_type = {entry.type: entry for entry in model.lists_of(tag)}
    return model.attach_many([
        (by_type[name], _ending(by_type[name], row)) for name, row in rows
    ])  # fmt: skip


def _ending(entry: ListModel, row: NewRow) -> NewRow:
    return replace(row, end=OPEN) if row.end is None and entry.ends == "explicit" else row


def _bulk(model: ServiceModel, _: Logged, rows: Sequence[tuple[str, NewRow]]) -> int:
    return model.attach_many([(_list(model, name), row) for name, row in rows])


def _attach_staged(model: ServiceModel, _: Logged, name: str, row: NewRow) -> int:
    return model.attach(_list(model, name), StagedModel(row))


def _clone(model: ServiceModel, logged: Logged, source: str, target: str) -> int:
    done = model.clone(source, target)
    model.name_lists(target, logged["after"]["payload_lists"])
    return done


def _revert(model: ServiceModel, logged: Logged, tag: str, past: Pasts) -> int:
    done = model.revert(tag, past)
    _name_lists(model, logged, tag)
    return done


def _merge(
    model: ServiceModel,
    logged: Logged,
    tag: str,
    sources: Sequence[tuple[str, Pasts | None]],
    mode: str,
) -> int:
    done = model.merge(tag, mode, sources)
    _name_lists(model, logged, tag)
    return done


def _update(
    model: ServiceModel,
    logged: Logged,
    tag: str,
    sources: Sequence[tuple[str, Pasts | None]],
    begin: Point,
    closed: str,
    full: bool,
) -> int:
    done = model.update(tag, sources, begin, closed, full=full)
    _name_lists(model, logged, tag)
    return done


def _name_lists(model: ServiceModel, logged: Logged, tag: str) -> None:
    """Give the lists that a tag has got the names that the service made."""
    known = {entry.name for entry in model.lists}
    made = {name.rsplit("_", 1)[0]: name for name in logged["payload_lists"] if name not in known}
    for entry in model.lists_of(tag):
        entry.name = entry.name or made[entry.type]


_APPLIED: Mapping[str, Callable[..., int]] = {
    "make type": lambda _model, _logged, _name: 1,
    "make tag": lambda model, _, name: model.create_tag(name, "unlocked"),
    "delete tag": lambda model, _, name: model.delete_tag(name),
    "describe tag": lambda model, _, name: model.describe_tag(name),
    "change status": lambda model, _, name, status: model.change_status(name, status),
    "make list": _make_list,
    "attach list": lambda model, _, tag, name: model.attach_list(_list(model, name), tag),
    "delete list": lambda model, _, name: model.delete_list(_list(model, name)),
    "attach": _attach,
    "bulk": _bulk,
    "attach staged": _attach_staged,
    "delete": lambda model, _, *place: model.delete(*place),
    "clone": _clone,
    "revert": _revert,
    "merge": _merge,
    "update": _update,
}
