"""Connections to a service that may be broken, or mean harm: no more is taken than is of use."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url

from cdb_client.answers import public
from cdb_client.errors import NotJson

DISTRIBUTION = "hep-cdb-client"
MAX_ANSWER_MB = 256
"""Of an answer that is read at once, unpacked: a few kilobytes can be packed gigabytes."""

_CONNECTIONS = 64
"""Kept for each host: as many threads can ask at once without opening new ones."""
_MB = 10**6


class Session(requests.Session):
    """A session in which what a service answers decides neither who asks nor how much is read.

    Args:
        max_answer_mb: of an answer that is read at once, of an error and of a redirect, in 10⁶
            bytes; more is a `NotJson`. What is read piece by piece has no limit.

    """

    def __init__(self, max_answer_mb: float = MAX_ANSWER_MB) -> None:
        super().__init__()
        # Whose password for this host stands in ~/.netrc is not who asks here.
        self.auth = _of_url
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(int(max_answer_mb * _MB)))
        self.headers["User-Agent"] = f"{DISTRIBUTION}/{version(DISTRIBUTION)}"

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Take no credentials to where a redirect leads elsewhere.

        The library would, beside that, send there what ~/.netrc has for that host.
        """
        old, new = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]  # by its stubs
            prepared_request.headers.pop("Authorization", None)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where an answer leads; raises `requests.InvalidURL` where that is no URL."""
        target: str | None = super().get_redirect_target(resp)
        try:
            urlsplit(target or "")
        except ValueError:
            resp.close()
            raise requests.exceptions.InvalidURL("it leads to what is no URL") from None
        return target


class _Adapter(HTTPAdapter):
    def __init__(self, limit: int) -> None:
        super().__init__(pool_maxsize=_CONNECTIONS)
        self._limit = limit

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, *args: Any, **kwargs: Any
    ) -> requests.Response:
        response = super().send(request, stream, *args, **kwargs)
        # Redirects and errors are read at once, too, whoever asked.
        is_streamed = stream and response.ok and not response.is_redirect
        return response if is_streamed else _Limited(response, self._limit)


class _Limited(requests.Response):
    def __init__(self, response: requests.Response, limit: int) -> None:
        super().__init__()
        vars(self).update(vars(response))
        self._limit = limit

    def iter_content(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        try:
            yield from self._pieces(super().iter_content(*args, **kwargs))
        except Exception:
            # The library leaves the connection open where what came cannot be unpacked.
            self.close()
            raise

    def _pieces(self, coming: Iterator[Any]) -> Iterator[Any]:
        taken = 0
        for piece in coming:
            taken += len(piece)
            if taken > self._limit:
                raise NotJson(
                    self.status_code,
                    f"The answer of {public(self.url).partition('?')[0]} is larger than "
                    f"{self._limit / _MB:g} MB: is this the service's base URL?",
                )
            yield piece


def _of_url(request: requests.PreparedRequest) -> requests.PreparedRequest:
    name, password = get_auth_from_url(request.url or "")
    if name and "Authorization" not in request.headers:
        HTTPBasicAuth(name, password)(request)
    return request
