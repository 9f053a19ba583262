# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""The tests for plugins find plugins that break a rule."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from cdb.builtin.dimensions import EndOptions, RunLumi
from cdb.builtin.layouts import Hashed
from cdb.builtin.log import Log
from cdb.builtin.previews import TextPreview, TextPreviewOptions
from cdb.builtin.standard import Standard
from cdb.builtin.validators import NamePattern, NamePatternOptions
from cdb.plugin import (
    Authenticator,
    AuthorizationPolicy,
    Content,
    Credentials,
    Event,
    Identity,
    NoOptions,
    PayloadReference,
    Permission,
    Point,
    Preview,
    Status,
    Target,
    Upload,
)
from cdb.plugin.testing import (
    AuthenticatorTests,
    AuthorizationPolicyTests,
    EventListenerTests,
    IovDimensionTests,
    PayloadLayoutTests,
    PayloadPreviewTests,
    PayloadValidatorTests,
    TagPolicyTests,
)

ROOT_FILE = PayloadReference("BeamSpot", "BeamSpot/a.root", "")
TEXT_FILE = PayloadReference("BeamSpot", "BeamSpot/a.txt", "")


class OfAnotherVersion(RunLumi):
    requires_cdb = ">=2"


@dataclass(slots=True)
class ChangingOptions:
    ends: str = "exclusive"


class WithChangingOptions(RunLumi):
    Options = ChangingOptions


class WithoutFallback(RunLumi):
    def parse(self, notation: str) -> Point:
        return Point(*map(int, notation.split(":")))


class LosingTheMinorNumber(RunLumi):
    def format(self, point: Point) -> str:
        return str(point.major)


class WithInclusiveFormat(RunLumi):
    def format_end(self, end: Point, start: Point) -> str:
        return RunLumi("", EndOptions("inclusive")).format_end(end, start)


class Dimension(IovDimensionTests):
    examples = {"1:2": (1, 2)}
    bad_notations = ["1:2:3"]


class WithEmptyReason(NamePattern):
    def problems(self, payload: PayloadReference, content: Content | None) -> Any:
        return [""] if payload.file_name != "a.root" else []


class FailingOnOddNames(NamePattern):
    def problems(self, payload: PayloadReference, content: Content | None) -> Any:
        name, ending = payload.file_name.split(".")
        return [] if ending == "root" else [f"{name} is not a ROOT file"]


class Validator(PayloadValidatorTests):
    good_payloads = [(ROOT_FILE, b"")]
    bad_payloads = [(TEXT_FILE, b"")]


class ShowingBytes(TextPreview):
    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        return Preview("text", content.read(100).decode("utf-8", "surrogateescape"))


class WithScript(TextPreview):
    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        svg = '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'
        return Preview("text", "", parts=(Preview("svg", svg),))


class WithMarkup(TextPreview):
    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        return Preview("svg", '<svg xmlns="http://www.w3.org/2000/svg"><text>a < b</text></svg>')


class WithPartsOfParts(TextPreview):
    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        return Preview("text", "", parts=(Preview("text", "", parts=(Preview("text", ""),)),))


class PreviewOfText(PayloadPreviewTests):
    shown = [((TEXT_FILE, b"abc"), Preview("text", "abc"))]
    not_accepted = [ROOT_FILE]


class WithoutHash(Hashed):
    def path(self, upload: Upload) -> str:
        return f"{upload.payload_type}/{upload.file_name}"


class Absolute(Hashed):
    def path(self, upload: Upload) -> str:
        return f"/{super().path(upload)}"


class Layout(PayloadLayoutTests):
    examples = []


class Believing(Authenticator):
    requires_cdb = ">=1,<2"
    scheme = "Bearer"

    def identify(self, credentials: Credentials) -> Identity | None:
        return Identity(credentials.token or "jane", "believing")


class AuthenticatorOfAll(AuthenticatorTests):
    valid_credentials = [Credentials("bearer", "jane")]
    refused_credentials = [Credentials("bearer", "")]


class SecretlyOpen(AuthorizationPolicy):
    requires_cdb = ">=1,<2"

    def permits(self, identity: Identity, permission: Permission, target: Target) -> bool:
        return True


class StrictFirst(SecretlyOpen):
    def may_permit(self, identity: Identity, permission: Permission) -> bool:
        return False


class Policy(AuthorizationPolicyTests):
    permitted = [(Identity("jane", "test"), Permission.ADMIN, Target("global_tag"))]
    denied = []


class Thawing(Standard):
    def refuses_transition(
        self, tag: str, current: Status, target: Status, identity: Identity
    ) -> str | None:
        return None


class TagRules(TagPolicyTests):
    allowed = [("unlocked", "locked")]
    refused = [("frozen", "locked")]


class Renaming(Log):
    def committed(self, event: Event) -> None:
        object.__setattr__(event, "actor", "somebody")


class Listener(EventListenerTests):
    event = Event(1, datetime(2017, 6, 1, tzinfo=UTC), "jane", "attach", "payload_list", "L")


def run(tests: type[Any], plugin: object, name: str) -> None:
    case = type(tests.__name__, (tests,), {"plugin": plugin})()
    getattr(case, f"test_{name}")()


@pytest.mark.parametrize(
    ("tests", "plugin", "name"),
    [
        (
            Dimension,
            OfAnotherVersion("d", EndOptions()),
            "it_works_with_this_version_of_cdb",
        ),
        (
            Dimension,
            WithChangingOptions("d", ChangingOptions()),
            "its_options_are_a_frozen_dataclass",
        ),
        (
            Dimension,
            WithChangingOptions("d", ChangingOptions()),
            "each_option_says_what_it_is_for",
        ),
        (
            Dimension,
            LosingTheMinorNumber("d", EndOptions()),
            "every_point_is_read_as_it_was_written",
        ),
        (
            Dimension,
            WithInclusiveFormat("d", EndOptions()),
            "every_end_is_read_as_it_was_written",
        ),
        (Validator, WithEmptyReason("v", NamePatternOptions()), "bad_payloads_are_refused"),
        (Validator, NamePattern("v", NamePatternOptions()), "bad_payloads_are_refused"),
        (
            PreviewOfText,
            ShowingBytes("p", TextPreviewOptions()),
            "any_content_is_shown_or_refused",
        ),
        *(
            (PreviewOfText, make("p", TextPreviewOptions()), "any_content_is_shown_or_refused")
            for make in (WithScript, WithMarkup, WithPartsOfParts)
        ),
        (Layout, Hashed("l", NoOptions()), "files_lie_where_the_examples_say"),
        (Layout, WithoutHash("l", NoOptions()), "two_contents_of_one_name_do_not_meet"),
        (Layout, Absolute("l", NoOptions()), "a_path_stays_inside_the_store"),
        (AuthenticatorOfAll, Believing("a", NoOptions()), "invented_credentials_name_nobody"),
        (Policy, SecretlyOpen("p", NoOptions()), "nobody_writes_without_a_name_unless_it_is_open"),
        (Policy, SecretlyOpen("p", NoOptions()), "what_is_denied_is_denied"),
        (Policy, StrictFirst("p", NoOptions()), "what_it_permits_it_may_permit"),
        (TagRules, Thawing("t", NoOptions()), "transitions_are_allowed_and_refused"),
        (TagRules, Thawing("t", NoOptions()), "a_final_status_is_not_left"),
        (Listener, Renaming("l", NoOptions()), "any_event_is_taken_and_left_as_it_is"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_broken_plugin_is_found(tests: type[Any], plugin: object, name: str) -> None:
    with pytest.raises(AssertionError):
        run(tests, plugin, name)


@pytest.mark.parametrize(
    ("tests", "plugin", "name", "error"),
    [
        (
            Dimension,
            WithoutFallback("d", EndOptions()),
            "two_numbers_are_understood",
            ValueError,
        ),
        (
            AuthenticatorOfAll,
            Believing("a", NoOptions()),
            "refused_credentials_are_refused_with_a_reason",
            pytest.fail.Exception,
        ),
        (
            Validator,
            FailingOnOddNames("v", NamePatternOptions()),
            "any_payload_is_judged",
            ValueError,
        ),
    ],
)
def test_plugin_that_fails_is_found(
    tests: type[Any], plugin: object, name: str, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        run(tests, plugin, name)
