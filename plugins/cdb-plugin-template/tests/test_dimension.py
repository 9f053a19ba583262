# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""How points are written; the kit has the tests that every dimension has to pass."""

from cdb.plugin import NoOptions
from cdb.plugin.testing import IovDimensionTests
from cdb_plugin_template.dimension import RunSpill


class TestRunSpill(IovDimensionTests):
    plugin = RunSpill("run-spill", NoOptions())
    examples = {"1234.7": (1234, 7), "0.0": (0, 0), "1234,7": (1234, 7)}
    bad_notations = ["1234", "1234.", ".7", "1234.7.1", "1234:7", "-1.7", "open"]
