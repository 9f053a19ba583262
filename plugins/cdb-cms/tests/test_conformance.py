# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""The plugins against the tests that every plugin of their kind has to pass."""

from importlib.resources import files

from cdb.plugin import Interval, PayloadReference, Point
from cdb.plugin.testing import IovDimensionTests, PayloadValidatorTests
from cdb_cms.jec import JetCorrections, JetCorrectionsOptions
from cdb_cms.lumi import CmsLumi, LumiOptions
from cdb_cms.synchronization import Synchronization, SynchronizationOptions

DATA = files("cdb.demo").joinpath("data", "cms2017")


class TestPackedLumi(IovDimensionTests):
    plugin = CmsLumi("cms-lumi", LumiOptions())
    examples = {
        "299400:12": (299400 * 2**32 + 12, 0),
        "299400": (299400 * 2**32, 0),
        "0:0": (0, 0),
        "2147483647:4294967295": (2**63 - 1, 0),
        "1285913208422400,0": (1285913208422400, 0),
    }
    bad_notations = ["299400:", ":12", "299400:12:1", "299400:end", "open", "2147483648:1"]


class TestPairedLumi(IovDimensionTests):
    plugin = CmsLumi("cms-lumi", LumiOptions("pair"))
    examples = {"299400:12": (299400, 12), "299400": (299400, 0), "299400,12": (299400, 12)}
    bad_notations = ["299400:4294967296", "299400:-1", "299400 12", "2147483648"]


def starting_at(run: int) -> PayloadReference:
    return PayloadReference(
        "BeamSpot", "BeamSpot/1.txt", "1", interval=Interval(Point(run, 0), Point(run + 1, 0))
    )


class TestSynchronization(PayloadValidatorTests):
    plugin = Synchronization(
        "cms-synchronization", SynchronizationOptions("prompt", ("prompt 362000",), "pair")
    )
    good_payloads = [(starting_at(362000), b""), (starting_at(400000), b"")]
    bad_payloads = [(starting_at(361999), b""), (starting_at(1), b"")]


def named(name: str) -> PayloadReference:
    return PayloadReference("JEC_L2Relative", f"cms2017/{name}", "")


class TestJetCorrections(PayloadValidatorTests):
    plugin = JetCorrections("cms-jec", JetCorrectionsOptions())
    good_payloads = [
        (named(each.name), each.read_bytes())
        for each in (
            DATA.joinpath("Fall17_17Nov2017B_V32_DATA_L2Relative_AK4Calo.txt.gz"),
            DATA.joinpath("Fall17_17Nov2017_V32_MC_Uncertainty_AK4PFPuppi.junc.txt"),
            DATA.joinpath("Fall17_V2_MC_SF_AK8PFPuppi.jersf.txt"),
            DATA.joinpath("Winter14_V8_MC_L5Flavor_AK5Calo.txt"),
        )
    ]
    bad_payloads = [
        (named("a.txt"), b""),
        (named("a.txt"), b"{1 JetEta 0 None ScaleFactor}\n"),
        (named("a.txt"), b"-1 1 1 1.0\n"),
        (named("a.txt.gz"), b"{1 JetEta 0 None ScaleFactor}\n-1 1 1 1.0\n"),
    ]
