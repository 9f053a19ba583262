"""Where payload files lie."""

from cdb.builtin.layouts import Hashed
from cdb.plugin import NoOptions, Upload

HASHED = Hashed("hashed", NoOptions())


def test_hashed_file_lies_where_nopayloadclient_looks() -> None:
    upload = Upload("BeamSpot", "a.root", "900150983cd24fb0d6963f7d28e17f72", "0" * 64, 3)
    assert HASHED.path(upload) == "BeamSpot/90/01/900150983cd24fb0d6963f7d28e17f72_a.root"


def test_revisions_are_not_numbered() -> None:
    assert not HASHED.numbers_revisions
