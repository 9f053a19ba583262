"""The tests that every plugin of a kind has to pass; they need pytest and Hypothesis.

There is one class for each kind. Whoever writes a plugin inherits from it, says
which instance is tested, and gives examples of what it is for:

    class TestRunLumi(IovDimensionTests):
        plugin = RunLumi("run-lumi", EndOptions())
        examples = {"299400:12": (299400, 12)}
        bad_notations = ["299400:"]

Where the instance needs files or a server, a fixture of the class's scope that
is used by itself (`autouse`) sets `request.cls.plugin`.
"""

from cdb.plugin.testing.access import AuthenticatorTests, AuthorizationPolicyTests
from cdb.plugin.testing.changes import EventListenerTests, TagPolicyTests
from cdb.plugin.testing.dimensions import IovDimensionTests
from cdb.plugin.testing.payloads import (
    PayloadLayoutTests,
    PayloadPreviewTests,
    PayloadValidatorTests,
)

__all__ = [
    "AuthenticatorTests",
    "AuthorizationPolicyTests",
    "EventListenerTests",
    "IovDimensionTests",
    "PayloadLayoutTests",
    "PayloadPreviewTests",
    "PayloadValidatorTests",
    "TagPolicyTests",
]
