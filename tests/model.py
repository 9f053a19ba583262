"""A conditions database that a child could check: every answer is kept point by point.

It knows no rows, no logs and no pins. A payload list is one slot for each point
of a small grid (`slots`), and a clone is a copy of the slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from slots import NewRow, RefusedError, Slots
from updates import appended

from cdb.domain.points import OPEN, Point

MODES = {"unlocked": "open", "locked": "append", "frozen": "closed"}


@dataclass(eq=False)
class ListModel:
    """A payload list: where it is, and what it answers."""

    name: str
    type: str
    ends: str
    slots: Slots = field(default_factory=Slots)
    tag: str | None = None
    is_clone: bool = False
    is_live: bool = True


@dataclass(frozen=True)
class Past:
    """A global tag at an earlier change: which one it was, and its lists by type."""

    id: int
    lists: dict[str, ListModel]


Pasts = dict[str, Past]
"""All global tags at an earlier change, by the names that they had then."""


@dataclass
class StagedModel:
    """A payload IOV that was staged; `attached` once it left the staging table."""

    row: NewRow
    attached: bool = False


class ServiceModel:
    """Global tags and payload lists; methods return how many changes the log gets."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.lists: list[ListModel] = []
        self._ids: dict[str, int] = {}
        self._made = 0

    def live_lists(self) -> list[ListModel]:
        return [entry for entry in self.lists if entry.is_live]

    def lists_of(self, tag: str) -> list[ListModel]:
        members = [entry for entry in self.live_lists() if entry.tag == tag]
        return sorted(members, key=lambda entry: entry.type)

    def create_tag(self, name: str, status: str) -> int:
        if name in self.tags:
            raise RefusedError(400)
        self._make(name, status)
        return 1

    def change_status(self, name: str, status: str) -> int:
        current = self._status(name)
        if status == current:
            return 0
        if current == "frozen":
            raise RefusedError(409)
        self.tags[name] = status
        return 1

    def describe_tag(self, name: str) -> int:
        self._status(name)
        return 1

    def rename_tag(self, name: str, new_name: str) -> int:
        status = self._status(name)
        if new_name != name:
            self._require(status, "open")
            if new_name in self.tags:
                raise RefusedError(400)
        for member in self.lists_of(name):
            member.tag = new_name
        self.tags[new_name] = self.tags.pop(name)
        self._ids[new_name] = self._ids.pop(name)
        return 1

    def delete_tag(self, name: str) -> int:
        self._require(self._status(name), "open")
        for member in self.lists_of(name):
            member.is_live = False
        del self.tags[name], self._ids[name]
        return 1

    def past(self) -> Pasts:
        """Return what every tag holds now, to be reverted to later."""
        return {
            tag: Past(
                self._ids[tag],
                {
                    member.type: replace(member, slots=member.slots.copy())
                    for member in self.lists_of(tag)
                },
            )
            for tag in self.tags
        }

    def revert(self, name: str, past: Pasts) -> int:
        """Let a tag answer as it did; lists that come back get names from `name_lists`."""
        self._require(self._status(name), "open", "append")
        differing = self.differing(name, past)
        for current, earlier in differing:
            if current is None and earlier is not None:
                copy = replace(earlier, name="", slots=earlier.slots.copy(), tag=name)
                self.lists.append(replace(copy, is_clone=True, is_live=True))
            elif current is not None and earlier is not None:
                current.slots = earlier.slots.copy()
                current.is_clone = True
            elif current is not None:
                current.tag = None
        return 1 if differing else 0

    def differing(self, name: str, past: Pasts) -> list[tuple[ListModel | None, ListModel | None]]:
        """Return the lists, now and then, that a revert of a tag has to do with."""
        then = next((each for each in past.values() if each.id == self._ids[name]), None)
        if then is None:
            raise RefusedError(404)
        appends = MODES[self.tags[name]] == "append"
        now = {member.type: member for member in self.lists_of(name)}
        found = []
        for type_name in sorted(now.keys() | then.lists.keys()):
            pair = now.get(type_name), then.lists.get(type_name)
            nothing = next(Slots(each.slots.grid) for each in pair if each)
            before, after = ((each.slots if each else nothing).answers() for each in pair)
            if appends and any(a and a != b for a, b in zip(before, after, strict=True)):
                raise RefusedError(409)
            if before != after or (None in pair and not appends):
                found.append(pair)
        return found

    def clone(self, source: str, target: str) -> int:
        """Copy a tag; the copies of its lists get their names from `name_lists`."""
        self._status(source)
        if target in self.tags:
            raise RefusedError(400)
        self._make(target, "unlocked")
        self.lists += [
            ListModel("", member.type, member.ends, member.slots.copy(), target, is_clone=True)
            for member in self.lists_of(source)
        ]
        return 1

    def name_lists(self, tag: str, names: dict[str, str]) -> None:
        """Give the lists of a new clone, or of a revert, the names that the service made."""
        members = self.lists_of(tag)
        if {member.type for member in members} != names.keys():
            raise AssertionError(f"the tag has lists of {sorted(names)}")
        for member in members:
            member.name = member.name or names[member.type]

    def merge(self, name: str, mode: str, sources: Sequence[tuple[str, Pasts | None]]) -> int:
        """Fill the gaps of a tag, or override what it answers, the first source winning.

        Args:
            name: of the tag; lists that it gets have their names from `name_lists`.
            mode: `fill` or `override`.
            sources: names of tags, each as it is now, or as it was in a past.

        """
        self._require(self._status(name), "open", "append")
        layers = [self._layer(*source) for source in sources]
        members = {member.type: member for member in self.lists_of(name)}
        entering = {}
        for type_name in sorted({each for layer in layers for each in layer}):
            like, *others = (layer[type_name] for layer in layers if type_name in layer)
            empty = ListModel("", type_name, like.ends, Slots(like.slots.grid), name)
            target = members.get(type_name, empty)
            rows = target.slots.entering(
                [each.slots for each in (like, *others)], overrides=mode == "override"
            )
            if self._mode(target) == "append" and any(map(target.slots.answers_in, rows)):
                raise RefusedError(409)
            if rows:
                entering[target] = rows
        for target, rows in entering.items():
            slots = self._writable(target)
            is_anew = mode == "override" and 2 * len(rows) > len(slots.intervals())
            slots = slots.without_ids() if is_anew else slots
            for row in rows:
                slots.attach(row, "open")
            self._written(target, slots)
            if target not in self.lists:
                self.lists.append(target)
        return 1 if entering else 0

    def update(
        self,
        name: str,
        sources: Sequence[tuple[str, Pasts | None]],
        begin: Point,
        closed: str,
        *,
        full: bool,
    ) -> int:
        """Let a tag go on with what its sources have from a point on, as `merge` takes them."""
        self._require(self._status(name), "open", "append")
        layers = [self._layer(*source) for source in sources]
        members = {member.type: member for member in self.lists_of(name)}
        changed = []
        for type_name in sorted({each for layer in layers for each in layer} | members.keys()):
            coming = [layer[type_name] for layer in layers if type_name in layer]
            if not coming and not full:
                continue
            like = (coming or [members[type_name]])[0]
            empty = ListModel("", type_name, like.ends, Slots(like.slots.grid), name)
            target = members.get(type_name, empty)
            before = target.slots.answers()
            slots = appended(
                target.slots, [each.slots for each in coming], begin, closed, full=full
            )
            if slots is None:
                continue
            answers = zip(before, slots.answers(), strict=True)
            if self._mode(target) == "append" and any(a and not b for a, b in answers):
                raise RefusedError(409)
            changed.append((target, slots))
        for target, slots in changed:
            self._written(target, slots.without_ids() if target.is_clone else slots)
            if target not in self.lists:
                self.lists.append(target)
        return 1 if changed else 0

    def _layer(self, source: str, past: Pasts | None) -> dict[str, ListModel]:
        if past is None:
            self._status(source)
            return {member.type: member for member in self.lists_of(source)}
        if source not in past:
            raise RefusedError(404)
        return past[source].lists

    def attach_list(self, target: ListModel, tag: str) -> int:
        status = self._status(tag)
        self._live(target)
        self._require(status, "open", "append")
        if target.tag == tag:
            return 0
        if target.tag is not None:
            self._require(self.tags[target.tag], "open")
        replaced = [member for member in self.lists_of(tag) if member.type == target.type]
        if replaced:
            self._require(status, "open")
        for member in replaced:
            member.tag = None
        target.tag = tag
        return 1

    def describe_list(self, target: ListModel) -> int:
        self._live(target)
        return 1

    def delete_list(self, target: ListModel) -> int:
        self._live(target)
        if target.slots.intervals():
            raise RefusedError(409)
        if target.tag is not None:
            self._require(self.tags[target.tag], "open")
        target.is_live = False
        return 1

    def attach(self, target: ListModel, staged: StagedModel) -> int:
        self._live(target)
        row = staged.row
        if staged.attached:
            if row.id in target.slots.ids():
                return 0
            raise RefusedError(409)
        end = OPEN if row.end is None and target.ends == "explicit" else row.end
        slots = self._writable(target)
        slots.attach(replace(row, end=end), self._mode(target))
        self._written(target, slots)
        staged.attached = True
        return 1

    def attach_at_once(self, target: ListModel, rows: Sequence[NewRow]) -> int:
        default = OPEN if target.ends == "explicit" else None
        return self.attach_many([(target, replace(row, end=row.end or default)) for row in rows])

    def attach_many(self, rows: Sequence[tuple[ListModel, NewRow]]) -> int:
        if any(row.end is not None and row.end <= row.start for _, row in rows):
            raise RefusedError(400)
        written = []
        targets = sorted({target for target, _ in rows}, key=lambda entry: entry.name)
        for target in targets:
            self._live(target)
            self._writable(target)
        for target in targets:
            slots = self._writable(target)
            slots.attach_batch([row for other, row in rows if other is target], self._mode(target))
            written.append((target, slots))
        for target, slots in written:
            self._written(target, slots)
        return 1 if rows else 0

    def delete(self, tag: str, type_name: str, start: Point, end: Point | None) -> int:
        if start == OPEN or (end is not None and end <= start):
            raise RefusedError(400)
        status = self._status(tag)
        member = next((entry for entry in self.lists_of(tag) if entry.type == type_name), None)
        if member is None:
            raise RefusedError(404)
        self._require(status, "open")
        slots = self._writable(member)
        slots.delete(start, end)
        self._written(member, slots)
        return 1

    def _make(self, name: str, status: str) -> None:
        self._made += 1
        self.tags[name] = status
        self._ids[name] = self._made

    def _status(self, tag: str) -> str:
        if tag not in self.tags:
            raise RefusedError(404)
        return self.tags[tag]

    def _mode(self, target: ListModel) -> str:
        return "open" if target.tag is None else MODES[self.tags[target.tag]]

    def _live(self, target: ListModel) -> None:
        if not target.is_live:
            raise RefusedError(404)

    def _require(self, status: str, *modes: str) -> None:
        if MODES[status] not in modes:
            raise RefusedError(409)

    def _writable(self, target: ListModel) -> Slots:
        """Return the slots to try a write on; `_written` puts them in place."""
        if self._mode(target) == "closed":
            raise RefusedError(409)
        return target.slots.without_ids() if target.is_clone else target.slots.copy()

    def _written(self, target: ListModel, slots: Slots) -> None:
        target.slots = slots
        target.is_clone = False
