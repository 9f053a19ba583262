"""Which requests `cdb serve` takes: none that somebody before it could have read otherwise."""

import re

from waitress.parser import HTTPRequestParser, ParsingError

_FOLDED = re.compile(rb"\r\n[ \t]")
_LENGTH = re.compile(rb"\r\nContent-Length[ \t]*:", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\nTransfer-Encoding[ \t]*:", re.IGNORECASE)


class Strict(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Refuses what waitress, as HTTP lets it, would read in one of two ways, with 400.

    A proxy that goes by the other one takes a part of a body for the next request.

    Attributes:
        path: what is asked for; nothing where the head could not be read.

    """

    path = ""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the first line and the headers.

        Raises:
            ParsingError: a line is folded, there are a length and an encoding, or the address
                or the length cannot be read.

        """
        if _FOLDED.search(header_plus):
            raise ParsingError("A header goes on in another line.")
        if _LENGTH.search(header_plus) and _ENCODING.search(header_plus):
            raise ParsingError("There are both Content-Length and Transfer-Encoding.")
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # which waitress lets end the connection, with a traceback
            raise ParsingError(f"The request cannot be read: {error}.") from None
