"""Where payload files lie, such that basf2 finds them."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from cdb.plugin import PayloadLayout, Upload


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """Which of basf2's two layouts it is."""

    style: Literal["hashed", "flat"] = field(
        default="hashed",
        metadata={
            "help": "`hashed` for `<first two digits of the MD5>/<type>_r<revision>.root`, or "
            "`flat` for `dbstore_<type>_rev_<revision>.root`."
        },
    )


class Layout(PayloadLayout):
    """Files named by payload type and revision, in a layout that basf2 recognises.

    basf2 looks in both ways for a payload below each directory of its
    `payload_locations`, and puts the path behind the base URL where it downloads.
    The name that a file was sent with does not matter.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = LayoutOptions
    options: LayoutOptions
    numbers_revisions: ClassVar[bool] = True

    def path(self, upload: Upload) -> str:
        """Return the path of a file; its type and revision are all that tells files apart."""
        if self.options.style == "flat":
            return f"dbstore_{upload.payload_type}_rev_{upload.revision}.root"
        return f"{upload.md5[:2]}/{upload.payload_type}_r{upload.revision}.root"
