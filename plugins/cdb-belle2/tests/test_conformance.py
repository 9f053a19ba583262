# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""The plugins against the tests that every plugin of their kind has to pass."""

from dataclasses import replace

from cdb.plugin import ANONYMOUS, MAX, Identity, NoOptions, Permission, Target, Upload
from cdb.plugin.testing import (
    AuthorizationPolicyTests,
    IovDimensionTests,
    PayloadLayoutTests,
    TagPolicyTests,
)
from cdb_belle2.claims import Claims
from cdb_belle2.exp_run import ExpRun
from cdb_belle2.layout import Layout, LayoutOptions
from cdb_belle2.statuses import Statuses, StatusesOptions

P = Permission
BEAM = Upload("BeamParameters", "b.root", "a34ce5d2" + "0" * 24, "0" * 64, 0, "45")


class TestExpRun(IovDimensionTests):
    plugin = ExpRun("exp-run", NoOptions())
    examples = {"12,34": (12, 34), "12.34": (12, 34), "0,0": (0, 0), f"12,{MAX}": (12, MAX)}
    bad_notations = [
        "12",
        "12,",
        ",34",
        "12,-1",
        "-1,-1",
        "-1,5",
        "12/34",
        "e12r34",
        "12.34.56",
        "open",
    ]


class TestClaims(AuthorizationPolicyTests):
    plugin = Claims("belle2-claims", NoOptions())
    jane = Identity(
        "jane",
        "jwt",
        {
            "b2cdb:admin": ["user_jane_.*"],
            "b2cdb:createiov": ["staging_.*"],
            "b2cdb:createpayload": ["Beam.*"],
        },
    )
    head = Identity("head", "jwt", {"b2cdb:admin": [".*"]})
    permitted = [
        (jane, P.TAG_CREATE, Target("global_tag", "user_jane_x", "user_jane_x")),
        (jane, P.IOV_ATTACH, Target("payload_list", "SVD_1", "staging_1", "SVD")),
        (jane, P.PAYLOAD_WRITE, Target("payload", "b.root", payload_type="BeamSpot")),
        (jane, P.IOV_CREATE, Target("payload_iov")),
        (jane, P.READ, Target("service")),
        (head, P.ADMIN, Target("service")),
    ]
    denied = [
        (jane, P.TAG_CREATE, Target("global_tag", "staging_1", "staging_1")),
        (jane, P.IOV_ATTACH, Target("payload_list", "BeamSpot_1", "data_1", "BeamSpot")),
        (jane, P.PAYLOAD_WRITE, Target("payload", "s.root", payload_type="SVD")),
        (jane, P.ADMIN, Target("service")),
        (Identity("joe", "jwt", {"b2cdb:admin": ".*"}), P.IOV_CREATE, Target("payload_iov")),
        (ANONYMOUS, P.READ, Target("service")),
    ]


class TestStatuses(TagPolicyTests):
    plugin = Statuses("belle2", StatusesOptions())
    allowed = [
        ("OPEN", "TESTING"),
        ("TESTING", "VALIDATED"),
        ("TESTING", "OPEN"),
        ("VALIDATED", "PUBLISHED"),
        ("VALIDATED", "RUNNING"),
        ("VALIDATED", "OPEN"),
        ("OPEN", "INVALID"),
        ("TESTING", "INVALID"),
        ("VALIDATED", "INVALID"),
        ("PUBLISHED", "INVALID"),
        ("RUNNING", "INVALID"),
        ("OPEN", "OPEN"),
    ]
    refused = [
        ("OPEN", "VALIDATED"),
        ("OPEN", "PUBLISHED"),
        ("OPEN", "RUNNING"),
        ("TESTING", "PUBLISHED"),
        ("PUBLISHED", "OPEN"),
        ("PUBLISHED", "RUNNING"),
        ("RUNNING", "OPEN"),
        ("RUNNING", "PUBLISHED"),
        ("INVALID", "OPEN"),
    ]


class TestHashedLayout(PayloadLayoutTests):
    plugin = Layout("belle2-files", LayoutOptions())
    examples = [
        (BEAM, "a3/BeamParameters_r45.root"),
        (replace(BEAM, file_name="other.root"), "a3/BeamParameters_r45.root"),
    ]


class TestFlatLayout(PayloadLayoutTests):
    plugin = Layout("belle2-files", LayoutOptions("flat"))
    examples = [(BEAM, "dbstore_BeamParameters_rev_45.root")]
