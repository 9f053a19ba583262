# ruff: noqa: S101 - tests are made of assertions.
"""What an IOV dimension has to pass."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import plugin as api
from cdb.plugin.testing.common import PluginTests, inherited, outcome, points


class IovDimensionTests(PluginTests):
    """What a dimension has to pass.

    Attributes:
        examples: notation → the point that it means.
        bad_notations: what means no point.

    """

    plugin: ClassVar[api.IovDimension]
    examples: ClassVar[Mapping[str, tuple[int, int]]]
    bad_notations: ClassVar[Sequence[str]]

    def answers(self) -> object:
        """Return what the examples mean."""
        notations = [*self.examples, *self.bad_notations]
        return [outcome(self.plugin.parse, notation) for notation in notations]

    def test_notations_mean_their_points(self) -> None:
        """Every example is read as it says."""
        assert self.examples
        found = {notation: tuple(self.plugin.parse(notation)) for notation in self.examples}
        assert found == self.examples

    def test_bad_notations_are_refused(self) -> None:
        """With a NotationError that has a message."""
        assert self.bad_notations
        for notation in self.bad_notations:
            with pytest.raises(api.NotationError, match=r"."):
                self.plugin.parse(notation)

    @pytest.mark.parametrize(
        "notation",
        [
            "",
            " ",
            "٣",
            "٣,٤",
            "1, 2",
            " 1,2",
            "1,2\n",
            "+1,2",
            f"{api.MAX + 1},0",
            f"0,{api.MAX + 1}",
        ],
    )
    def test_what_no_dimension_reads_is_refused(self, notation: str) -> None:
        """Digits are those of ASCII, there is no space, and numbers have 63 bits."""
        with pytest.raises(api.NotationError, match=r"."):
            self.plugin.parse(notation)

    @inherited
    @given(points)
    def test_two_numbers_are_understood(self, point: api.Point) -> None:
        """Every dimension also reads `major,minor`."""
        assert self.plugin.parse(f"{point.major},{point.minor}") == point

    @inherited
    @given(st.data())
    def test_every_point_is_read_as_it_was_written(self, data: st.DataObject) -> None:
        """`parse` undoes `format`, in the ranges of the dimension and outside."""
        for point in (data.draw(_starts_of(self.plugin)), data.draw(points)):
            assert self.plugin.parse(self.plugin.format(point)) == point

    @inherited
    @given(st.data())
    def test_every_end_is_read_as_it_was_written(self, data: st.DataObject) -> None:
        """`parse_end` undoes `format_end`, also for open ends."""
        start = min(data.draw(_starts_of(self.plugin)), api.LAST)
        within = [api.Point(start.major, api.MAX), api.Point(min(start.major + 1, api.MAX), 0)]
        some_end = points | st.sampled_from([api.OPEN, *within])
        end = data.draw(some_end.filter(lambda end: end > start))
        assert self.plugin.parse_end(self.plugin.format_end(end, start), start) == end

    def test_the_open_end_is_read(self) -> None:
        """`open_end` is how an end that never comes is written."""
        start = api.Point(*(low for low, _ in self.plugin.ranges))
        assert self.plugin.parse_end(self.plugin.open_end, start) == api.OPEN

    @inherited
    @given(st.text() | st.text("0123456789,:.;-+ TZopen"), points)
    def test_any_text_is_read_or_refused(self, text: str, start: api.Point) -> None:
        """There is a point or a NotationError, never anything else."""
        for read in (self.plugin.parse, lambda text: self.plugin.parse_end(text, start)):
            try:
                point = read(text)
            except api.NotationError:
                continue
            assert api.ORIGIN <= point <= api.OPEN
            assert max(point) <= api.MAX

    @inherited
    @given(st.data())
    def test_normalising_twice_is_normalising_once(self, data: st.DataObject) -> None:
        """A start inside the ranges is possible, and what is normal stays as it is."""
        start = min(data.draw(_starts_of(self.plugin)), api.LAST)
        once = self.plugin.normalise(start, None)
        assert self.plugin.normalise(*once) == once
        end = data.draw(points.filter(lambda end: end > start))
        try:
            once = self.plugin.normalise(start, end)
        except api.NotationError:
            return
        assert self.plugin.normalise(*once) == once

    @inherited
    @given(points)
    def test_starts_outside_of_the_ranges_are_refused(self, start: api.Point) -> None:
        """With a NotationError; what is left is inside them."""
        try:
            found, _ = self.plugin.normalise(start, None)
        except api.NotationError:
            return
        ranges = zip(found, self.plugin.ranges, strict=True)
        assert all(low <= number <= high for number, (low, high) in ranges)


def _starts_of(dimension: api.IovDimension) -> st.SearchStrategy[api.Point]:
    major, minor = (
        st.integers(low, high) | st.sampled_from([low, high]) for low, high in dimension.ranges
    )
    return st.builds(api.Point, major, minor)
