"""What the sample data is: two global tags, from the files beside this module."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from posixpath import basename
from typing import NamedTuple

from cdb.domain.points import OPEN, Interval, Point


class Iov(NamedTuple):
    """A payload and the interval that it is valid in; the end is exclusive."""

    interval: Interval
    payload_url: str
    checksum: str
    size: int | None
    revision: str | None = None


class TypeContent(NamedTuple):
    """A payload type, and the writes that fill its payload list, one after the other.

    `dimension` is the notation of its points, where the service has that.
    """

    name: str
    description: str
    writes: Sequence[Sequence[Iov]]
    dimension: str | None = None


class TagContent(NamedTuple):
    """A global tag, and a point at which something of each of its types is valid."""

    name: str
    description: str
    types: Sequence[TypeContent]
    example: Point
    example_reads: str


def stored_files() -> Iterator[tuple[str, str, bytes]]:
    """Yield the files of the payloads: the type, the name, and what is in it.

    Those of sPHENIX are not public.
    """
    for type_ in cms_2017().types:
        for name in dict.fromkeys(
            basename(iov.payload_url) for write in type_.writes for iov in write
        ):
            yield type_.name, name, read("cms2017", name)


def tags() -> list[TagContent]:
    """Return the global tags of the demo."""
    return [cms_2017(), sphenix_example()]


# --- CMS --------------------------------------------------------------------

_CERTIFICATION = "Cert_294927-306462_13TeV_EOY2017ReReco_Collisions17_JSON.txt"
_L2_CALO = "Fall17_17Nov2017B_V32_DATA_L2Relative_AK4Calo.txt.gz"
_L2_PUPPI = "Fall17_17Nov2017_V32_MC_L2Relative_AK4PFPuppi.jec.txt"
_UNCERTAINTY = "Fall17_17Nov2017_V32_MC_Uncertainty_AK4PFPuppi.junc.txt"
_RESOLUTION = "Fall17_V2_MC_SF_AK8PFPuppi.jersf.txt"
_FLAVOUR = "Winter14_V8_MC_L5Flavor_AK5Calo.txt"

_RUN_LUMI = "run-lumi"

ERAS = {
    "B": (297046, 299329),
    "C": (299368, 302029),
    "D": (302030, 303434),
    "E": (303824, 304797),
    "F": (305040, 306462),
}
"""The data-taking eras of 2017: first and last run, both inclusive."""

HALF_WAY = 302635
"""The run in which half of the certified lumi sections of 2017 are reached."""


def cms_2017() -> TagContent:
    """Return the tag on the axis (run, lumi section), with gaps where nothing is certified."""
    eras = [(Point(first, 0), Point(last + 1, 0)) for first, last in ERAS.values()]
    later = [(max(start, Point(HALF_WAY, 0)), end) for start, end in eras if end[0] > HALF_WAY]
    return TagContent(
        name="CMS_2017",
        description="CMS, proton-proton collisions of 2017, by run and lumi section.",
        types=[
            TypeContent(
                "LumiCertification",
                "Which lumi sections are certified.",
                [certified()],
                _RUN_LUMI,
            ),
            TypeContent(
                "JEC_L2Relative_AK4",
                "Jet-energy correction, relative in eta; revised half way through the year.",
                [_valid_in(eras, _L2_CALO, "1"), _valid_in(later, _L2_PUPPI, "2")],
                _RUN_LUMI,
            ),
            TypeContent(
                "JEC_Uncertainty_AK4PFPuppi",
                "Uncertainty of the jet-energy scale.",
                [_valid_in(eras, _UNCERTAINTY, "1")],
                _RUN_LUMI,
            ),
            TypeContent(
                "JER_SF_AK8PFPuppi",
                "Scale factors of the jet-energy resolution.",
                [_valid_in(eras, _RESOLUTION, "1")],
                _RUN_LUMI,
            ),
            TypeContent(
                "JEC_L5Flavor_AK5Calo",
                "Flavour correction of the jet energy.",
                [_valid_in(eras, _FLAVOUR, "1")],
                _RUN_LUMI,
            ),
        ],
        example=Point(302635, 1200),
        example_reads="CMS run 302635, lumi section 1200",
    )


def certified() -> list[Iov]:
    """Return the certified intervals.

    The file counts lumi sections inclusively, so an interval ends one further.
    """
    ranges = json.loads(read("cms2017", _CERTIFICATION))
    return [
        _file_valid_in(Point(int(run), first), Point(int(run), last + 1), _CERTIFICATION, None)
        for run, sections in ranges.items()
        for first, last in sections
    ]


def _valid_in(
    intervals: Sequence[tuple[Point, Point]], name: str, revision: str | None
) -> list[Iov]:
    return [_file_valid_in(start, end, name, revision) for start, end in intervals]


def _file_valid_in(start: Point, end: Point, name: str, revision: str | None) -> Iov:
    content = read("cms2017", name)
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Iov(Interval(start, end), f"cms2017/{name}", checksum, len(content), revision)


def read(*path: str) -> bytes:
    """Return a file of the demo, by its path in the folder `data`."""
    return files("cdb.demo").joinpath("data", *path).read_bytes()


# --- sPHENIX ----------------------------------------------------------------


def sphenix_example() -> TagContent:
    """Return the tag of the examples in nopayloaddb's documentation, on (0, run).

    Names and values are those that it prints. It prints the checksum and size
    of one payload, and the files are not public: the others have none.
    """
    printed = {
        "Beam": ("D0DXMagnets.dat", "e99a18c428cb38d5f260853678922e03", 1024),
        "FieldMap": ("sphenix3dbigmapxyz.root", "", None),
        "CEMC_Thresh": ("CEMCprof_Thresh30MeV.root", "", None),
        "ZDC": ("towerMap_ZDC.txt", "", None),
        "CEMC_Geo": ("cemc_geoparams-0-0-4294967295-1536789215.xml", "", None),
    }
    run = Point(0, 999999)
    return TagContent(
        name="sPHENIX_ExampleGT_24",
        description="The example of nopayloaddb's documentation, by run.",
        types=[
            TypeContent(
                name,
                "From nopayloaddb's documentation.",
                [[Iov(Interval(Point(0, 0), run), *payload), Iov(Interval(run, OPEN), *payload)]],
            )
            for name, payload in printed.items()
        ],
        example=run,
        example_reads="sPHENIX run 999999",
    )
