"""A preview of ROOT files; it needs uproot, from the extra `root`."""

from cdb.plugin.root import RootFilePreview


class RootPreview(RootFilePreview):
    """Shows which objects a ROOT file has, and draws its histograms and graphs.

    Drawn are TH1, TH2, TProfile, TProfile2D, TGraph and its kinds with errors. No object is
    interpreted by what the file says about its class.
    """
