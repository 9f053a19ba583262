# ruff: noqa: S101 - tests are made of assertions.
"""What a payload validator, a preview and a layout have to pass."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import ClassVar
from xml.etree import ElementTree

from hypothesis import assume, given
from hypothesis import strategies as st

from cdb import plugin as api
from cdb.plugin.testing.common import PluginTests, inherited, names, numbers, points

_REASONS = 1000

_SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE = {"script", "style", "foreignObject", "iframe", "image", "use", "a", "set", "animate"}
"""Elements of an SVG that can run or load something, or lead elsewhere."""

Example = tuple[api.PayloadReference, bytes]
"""A payload: how it is referred to, and its content."""

_intervals = st.tuples(points, points).map(lambda pair: api.Interval(*sorted(pair)))
_references = st.builds(
    api.PayloadReference,
    payload_type=names(),
    payload_url=st.text(max_size=255),
    checksum=st.text(max_size=255) | st.text("0123456789abcdef", max_size=64),
    size=st.none() | numbers,
    revision=st.none() | st.text(max_size=255),
    interval=st.none() | _intervals,
    global_tag=st.none() | names(),
)


@st.composite
def _damaged(draw: st.DrawFn, examples: Sequence[Example]) -> Example:
    """Return one of some payloads with a few bytes changed, or the end cut off."""
    payload, content = draw(st.sampled_from(examples))
    raw = bytearray(content)
    places = st.tuples(st.integers(0, max(len(raw) - 1, 0)), st.integers(0, 255))
    for place, byte in draw(st.lists(places, max_size=4)):
        raw[place : place + 1] = bytes([byte])
    return payload, bytes(raw[: draw(st.just(len(raw)) | st.integers(0, len(raw)))])


class PayloadValidatorTests(PluginTests):
    """What a validator has to pass.

    Attributes:
        good_payloads: what it takes.
        bad_payloads: what it refuses; empty only where `takes_everything` is set.

    """

    plugin: ClassVar[api.PayloadValidator]
    good_payloads: ClassVar[Sequence[Example]]
    bad_payloads: ClassVar[Sequence[Example]]
    takes_everything: ClassVar[bool] = False

    def problems(self, payload: api.PayloadReference, content: bytes | None) -> list[str]:
        """Return why a payload is refused."""
        given_content = None
        if self.plugin.reads_content and content is not None:
            given_content = api.Content.of(content)
        return list(islice(self.plugin.problems(payload, given_content), _REASONS + 1))

    def answers(self) -> object:
        """Return what is wrong with the examples."""
        return [self.problems(*each) for each in (*self.good_payloads, *self.bad_payloads)]

    def test_good_payloads_are_taken(self) -> None:
        """Without a reason against."""
        assert self.good_payloads
        assert [self.problems(*each) for each in self.good_payloads] == [[]] * len(
            self.good_payloads
        )

    def test_bad_payloads_are_refused(self) -> None:
        """Each with a reason that can be read."""
        assert bool(self.bad_payloads) != self.takes_everything
        assert all(self.problems(*each) for each in self.bad_payloads)
        assert all(_are_reasons(self.problems(*each)) for each in self.bad_payloads)

    def test_a_payload_without_its_content_is_refused_where_it_is_needed(self) -> None:
        """The service does not ask then, but a validator that is asked does not say yes."""
        refused = [bool(self.problems(payload, None)) for payload, _ in self.good_payloads]
        assert refused == [self.plugin.reads_content] * len(self.good_payloads)

    @inherited
    @given(_references, st.binary() | st.text().map(str.encode))
    def test_any_payload_is_judged(self, payload: api.PayloadReference, content: bytes) -> None:
        """Nothing that is sent makes it fail."""
        assert _are_reasons(self.problems(payload, content))

    @inherited
    @given(st.data())
    def test_any_damage_is_judged(self, data: st.DataObject) -> None:
        """Nor does a damaged file; and the same file has the same reasons."""
        payload, content = data.draw(_damaged(self.good_payloads))
        reasons = self.problems(payload, content)
        assert _are_reasons(reasons)
        assert self.problems(payload, content) == reasons


def _are_reasons(reasons: Sequence[object]) -> bool:
    """Tell whether reasons are texts that can be sent, and not too many for an answer."""
    return len(reasons) <= _REASONS and all(each and _can_be_sent(each) for each in reasons)


def _can_be_sent(text: object) -> bool:
    """Tell whether something is a text that UTF-8 has."""
    return isinstance(text, str) and text.encode("utf-8", "replace").decode() == text


class PayloadPreviewTests(PluginTests):
    """What a preview has to pass.

    Attributes:
        shown: payload and content → what is shown of it.
        not_accepted: what it does not show.

    """

    plugin: ClassVar[api.PayloadPreview]
    shown: ClassVar[Sequence[tuple[Example, api.Preview]]]
    not_accepted: ClassVar[Sequence[api.PayloadReference]]

    def answers(self) -> object:
        """Return how the examples are shown."""
        return [
            self.plugin.preview(payload, api.Content.of(raw)) for (payload, raw), _ in self.shown
        ]

    def test_payloads_are_shown(self) -> None:
        """As the examples say."""
        assert self.shown
        assert all(self.plugin.accepts(payload) for (payload, _), _ in self.shown)
        assert self.answers() == [preview for _, preview in self.shown]

    def test_other_payloads_are_not_accepted(self) -> None:
        """Another preview has to have its chance."""
        assert self.not_accepted
        assert not any(self.plugin.accepts(payload) for payload in self.not_accepted)

    @inherited
    @given(st.data())
    def test_any_content_is_shown_or_refused(self, data: st.DataObject) -> None:
        """There is a preview that can be sent, or a ValueError."""
        payload, content = data.draw(_damaged([example for example, _ in self.shown]))
        try:
            preview = self.plugin.preview(payload, api.Content.of(content))
        except ValueError:
            return
        assert not any(part.parts for part in preview.parts)
        for part in (preview, *preview.parts):
            is_table = part.kind == "table"
            assert isinstance(part.content, tuple if is_table else str)
            cells = [cell for row in part.content for cell in row]
            assert all(_can_be_sent(each) for each in (part.title, part.description, *cells))
            assert part.kind != "svg" or _is_harmless(part.content)


def _is_harmless(svg: object) -> bool:
    """Tell whether an SVG is well-formed, runs nothing and loads nothing, also where it is opened.

    What is in a payload, whoever sent it, is text in it.
    """
    try:
        root = ElementTree.fromstring(str(svg))  # noqa: S314 - of the plugin under test
    except ElementTree.ParseError:
        return False
    names = {element.tag.removeprefix(_SVG) for element in root.iter()}
    attributes = {name for element in root.iter() for name in element.attrib}
    is_active = any(name.lower().startswith("on") or "href" in name for name in attributes)
    return root.tag == f"{_SVG}svg" and not is_active and not names & _ACTIVE


_uploads = st.builds(
    api.Upload,
    payload_type=names(),
    file_name=names(255),
    md5=st.binary(min_size=16, max_size=16).map(bytes.hex),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    size=numbers,
    revision=st.integers(1, api.MAX).map(str),
)


class PayloadLayoutTests(PluginTests):
    """What a layout has to pass.

    Attributes:
        examples: pairs of an upload and its path.

    """

    plugin: ClassVar[api.PayloadLayout]
    examples: ClassVar[Sequence[tuple[api.Upload, str]]]

    def answers(self) -> object:
        """Return the paths of the examples."""
        return [self.plugin.path(upload) for upload, _ in self.examples]

    def test_files_lie_where_the_examples_say(self) -> None:
        """It is what clients look for."""
        assert self.examples
        assert self.answers() == [path for _, path in self.examples]

    @inherited
    @given(_uploads)
    def test_a_path_stays_inside_the_store(self, upload: api.Upload) -> None:
        """It is relative, without empty parts, dots and control characters, and not too long."""
        path = self.plugin.path(upload)
        assert not {"", ".", ".."} & set(path.split("/"))
        assert "\\" not in path
        assert path.isprintable()
        assert len(path) <= 512
        assert self.plugin.path(upload) == path

    @inherited
    @given(_uploads, _uploads)
    def test_two_contents_of_one_name_do_not_meet(self, one: api.Upload, two: api.Upload) -> None:
        """A file never takes the place of another: the content or the revision is in the path."""
        other = replace(two, payload_type=one.payload_type, file_name=one.file_name)
        differing = ("revision",) if self.plugin.numbers_revisions else ("md5", "sha256")
        assume(all(getattr(one, each) != getattr(other, each) for each in differing))
        assert self.plugin.path(other) != self.plugin.path(one)
