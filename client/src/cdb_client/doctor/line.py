"""A line to a service: requests as they are, by one way, and answers as they come."""

import os
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from cdb_client.answers import cause
from cdb_client.profiles import is_here
from cdb_client.session import Session

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0


class Line:
    """A way to a service: through a proxy, through what the environment says, or directly.

    Args:
        base: the base URL of the service's API.
        proxy: an HTTP proxy.
        direct: whether no proxy is asked at all.
        token: is sent where it is safe there.
        insecure_token: whether it may go over plain HTTP to another machine.

    """

    def __init__(
        self,
        base: str,
        *,
        proxy: str | None = None,
        direct: bool = False,
        token: str | None = None,
        insecure_token: bool = False,
    ) -> None:
        self.base = base.rstrip("/")
        parts = urlsplit(self.base)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.host, self.is_tls = parts.hostname or "", parts.scheme == "https"
        self.port = parts.port or (443 if self.is_tls else 80)
        is_safe = self.is_tls or is_here(self.base) or insecure_token
        self.token = token if is_safe else None
        self.withholds_token = token is not None and self.token is None
        self._session = Session()
        self._session.auth = _nobody
        # Whose certificates are trusted is said by the environment, also for a direct line.
        self.authorities = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        self._session.verify = self.authorities or True
        self._session.trust_env = not direct
        given = {"http": proxy, "https": proxy} if proxy and not direct else {}
        settings = self._session.merge_environment_settings(self.base, given, None, None, None)
        # With each request, since a proxy of the environment would win over one of the session.
        self._proxies = settings["proxies"]
        self.proxy: str | None = self._proxies.get(parts.scheme)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str | bytes] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        """Return the answer to a request; one elsewhere is not followed.

        Args:
            path: relative to the base; with a slash at its start, to the host.
            method: of HTTP.
            headers: of the request.
            data: its body, JSON.

        Raises:
            requests.RequestException: no answer came.

        """
        told: dict[str, str | bytes] = {"Accept": "application/json", **(headers or {})}
        if data is not None:
            told["Content-Type"] = "application/json"
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        url = self.origin + path if path.startswith("/") else f"{self.base}/{path}"
        return self._session.request(
            method,
            url,
            headers=told,
            data=data,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            proxies=self._proxies,
            allow_redirects=False,
        )

    def timed(self, path: str) -> tuple[requests.Response, float]:
        """Return an answer, and the seconds that it took."""
        start = time.perf_counter()
        answer = self.ask(path)
        return answer, time.perf_counter() - start


def body_of(answer: requests.Response) -> Any:
    """Return the JSON of an answer; None where it is none."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def is_service(answer: requests.Response) -> bool:
    """Tell whether an answer is the service's own: a success, or an error with its code."""
    body = body_of(answer)
    return body is not None and (answer.ok or (isinstance(body, dict) and "code" in body))


def absent() -> str:
    """Return a name that nothing has, with what has to be escaped, as it stands in a path."""
    return quote(absent_name(), safe="")


def absent_name() -> str:
    """Return a name that nothing has: by chance, since it is drawn anew each time."""
    return f"cdb doctor é+&% {secrets.token_hex(8)}"


def reason(error: requests.RequestException) -> str:
    """Return why there was no answer, in the words of the operating system."""
    return cause(error)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # Whose password for this host stands in ~/.netrc is not who asks here.
    return request
