"""Where payload files lie."""

from typing import ClassVar

from cdb.plugin import PayloadLayout, Upload


class Hashed(PayloadLayout):
    """`<type>/<aa>/<bb>/<md5>_<file name>`, where the MD5 begins with aabb.

    It is where nopayloadclient looks for payloads below its read directories.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"

    def path(self, upload: Upload) -> str:
        """Return the path of a file."""
        md5 = upload.md5
        return f"{upload.payload_type}/{md5[:2]}/{md5[2:4]}/{md5}_{upload.file_name}"
