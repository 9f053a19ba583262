# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""How payload files of Belle II are shown."""

from pathlib import Path

from cdb.plugin import Content, PayloadReference, Preview
from cdb.plugin.root import RootPreviewOptions
from cdb.plugin.testing import PayloadPreviewTests
from cdb_belle2.preview import PayloadObject

DATA = Path(__file__).parents[3] / "tests" / "data" / "cms2017"
RAW = (DATA / "testSF2d.histo.root").read_bytes()
"""Its one object is of a class that the file describes."""

PAYLOAD = PayloadObject("belle2-payload", RootPreviewOptions())


def shown(payload_type: str) -> Preview:
    payload = PayloadReference(payload_type, f"a3/{payload_type}_r45.root", "a3")
    return PAYLOAD.preview(payload, Content.of(RAW))


def test_the_class_of_the_payload_is_shown_with_its_members() -> None:
    preview = shown("scalefactors_Tight_Electron")
    assert (preview.title, preview.description) == ("The payload", "An object of the class TH2F.")
    assert preview.content == (
        ("member", "type", "comment"),
        ("TH2", "BASE", "2-Dim histogram base class"),
        ("TArrayF", "BASE", "Array of floats"),
    )
    assert [part.kind for part in preview.parts] == ["table", "svg"]


def test_a_file_without_the_object_that_basf2_looks_for_says_so() -> None:
    preview = shown("BeamParameters")
    assert preview.content == "basf2 would look for an object 'BeamParameters': there is none."
    assert preview.parts[0].title == "Objects in the file"


class TestPayloadObject(PayloadPreviewTests):
    plugin = PAYLOAD
    # What a file looks like is said above; here it is damaged.
    shown = [
        (
            (PayloadReference("scalefactors_Tight_Electron", "a_r1.root", ""), RAW),
            shown("scalefactors_Tight_Electron"),
        )
    ]
    not_accepted = [PayloadReference("BeamParameters", "b.txt", "")]
