# ruff: noqa: S101 - tests are made of assertions.
"""What a tag policy and an event listener have to pass."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from cdb import plugin as api
from cdb.plugin.testing.common import PluginTests, identities, inherited, names, permissions, texts


class TagPolicyTests(PluginTests):
    """What a tag policy has to pass.

    Attributes:
        identity: who takes the transitions.
        allowed: pairs of the names of statuses: from one to another.
        refused: such pairs that are not possible.

    """

    plugin: ClassVar[api.TagPolicy]
    identity: ClassVar[api.Identity] = api.Identity("jane", "test")
    allowed: ClassVar[Sequence[tuple[str, str]]]
    refused: ClassVar[Sequence[tuple[str, str]]]

    def refusal(self, current: str, target: str) -> str | None:
        """Return why a tag cannot go from a status to another."""
        statuses = {status.name: status for status in self.plugin.statuses}
        return self.plugin.refuses_transition(
            "Tag", statuses[current], statuses[target], self.identity
        )

    def answers(self) -> object:
        """Return why the examples are refused."""
        return [self.refusal(*pair) for pair in (*self.allowed, *self.refused)]

    def test_statuses_have_different_names(self) -> None:
        """And there are some."""
        names = [status.name for status in self.plugin.statuses]
        assert names
        assert len(set(names)) == len(names)

    def test_a_new_tag_can_be_written(self) -> None:
        """It begins with the first status, which is neither closed nor final."""
        first = self.plugin.statuses[0]
        assert first.mode is not api.WriteMode.CLOSED
        assert not first.final

    def test_transitions_are_allowed_and_refused(self) -> None:
        """As the examples say, with a reason."""
        assert self.allowed
        assert self.refused
        assert [self.refusal(*pair) for pair in self.allowed] == [None] * len(self.allowed)
        assert all(self.refusal(*pair) for pair in self.refused)

    def test_a_final_status_is_not_left(self) -> None:
        """Whoever asks."""
        final = [status.name for status in self.plugin.statuses if status.final]
        others = [status.name for status in self.plugin.statuses]
        pairs = [(one, other) for one in final for other in others if one != other]
        assert all(self.refusal(*pair) for pair in pairs)

    @inherited
    @given(st.data())
    def test_every_question_is_answered(self, data: st.DataObject) -> None:
        """With None or a reason, also for statuses that were added and for anybody."""
        added = st.builds(
            api.Status, names(), st.sampled_from(list(api.WriteMode)), final=st.booleans()
        )
        some = st.sampled_from(list(self.plugin.statuses)) | added
        tag, identity = data.draw(names()), data.draw(identities)
        current, target = data.draw(some), data.draw(some)
        reasons: list[object] = [
            self.plugin.refuses_transition(tag, current, target, identity),
            self.plugin.refuses_write(tag, current, data.draw(permissions), identity),
        ]
        assert all(reason is None or (isinstance(reason, str) and reason) for reason in reasons)


_events = st.builds(
    api.Event,
    change=st.integers(1, api.MAX),
    at=st.datetimes(timezones=st.just(UTC)),
    actor=st.text(max_size=80),
    action=st.text(max_size=80),
    object_type=st.text(max_size=80),
    object_name=st.text(max_size=80),
    comment=st.none() | st.text(),
    detail=st.dictionaries(texts, texts | st.integers() | st.lists(texts)),
)


class EventListenerTests(PluginTests):
    """What a listener has to pass.

    Attributes:
        event: an example.

    """

    plugin: ClassVar[api.EventListener]
    event: ClassVar[api.Event]

    def noticed(self) -> Sequence[object]:
        """Return what the listener has done since the last call, for one or more events.

        A log has lines, a queue messages.
        """
        raise NotImplementedError

    def answers(self) -> object:
        """Tell it of the example."""
        self.plugin.committed(self.event)
        return self.event

    def test_it_takes_note(self) -> None:
        """Of each event."""
        self.noticed()
        self.plugin.committed(self.event)
        self.plugin.committed(self.event)
        assert len(self.noticed()) == 2

    @inherited
    @given(_events)
    def test_any_event_is_taken_and_left_as_it_is(self, event: api.Event) -> None:
        """Other listeners get the same one."""
        before = deepcopy(event)
        self.plugin.committed(event)
        assert event == before
