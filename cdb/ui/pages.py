"""The page of the interface, and its files, with what a browser is told about both.

There is one page for all paths below `/ui/`: what it shows is decided in the browser, by the
path. Nothing in it is absolute, so that it works behind any prefix.
"""

import re
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import urlsplit

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response

from cdb.ui.assets import Asset, assets

_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Pictures of payloads come by the API, and are shown from the memory of the page.
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No text becomes markup, whoever writes it: the page makes elements only.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)

_HEADERS_OF_PAGE = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # It names the files by their content, so it must not be older than they are.
    "Cache-Control": "no-cache",
}

_FOR_EVER = "public, max-age=31536000, immutable"

_VERSION = re.compile(r"v[0-9a-f]{12}")


def includeme(config: Configurator) -> None:
    """Register the routes; with another method than GET and HEAD there is nothing."""
    shown = ("GET", "HEAD")
    config.add_route("ui", "/ui", request_method=shown)
    config.add_route("ui-page", "/ui/*path", request_method=shown)
    config.add_route("static", "/static/*path", request_method=shown)
    config.add_view(show_page, route_name="ui")
    config.add_view(show_page, route_name="ui-page")
    config.add_view(show_file, route_name="static")


def show_page(request: Request) -> Response:
    """Show the page, whatever the path says: the browser finds out."""
    root = _way_up(request)
    below = f"{root}static/{assets().version}"
    page = _template().substitute(
        api=escape(request.registry.cdb.settings.api_base.strip("/")),
        below=below,
        styles=_links("stylesheet", below, assets().styles),
        modules=_links("modulepreload", below, assets().modules),
    )
    response = Response(page, content_type="text/html", charset="utf-8")
    response.headers.update(_HEADERS_OF_PAGE)
    return response


def show_file(request: Request) -> Response:
    """Show a file; below the version of all files it is the same for ever.

    The version of another process, as while a service is renewed, is answered with what there
    is, which nobody keeps.
    """
    first, *rest = request.matchdict["path"]
    is_versioned = _VERSION.fullmatch(first) is not None
    found = assets().files.get("/".join(rest if is_versioned else [first, *rest]))
    if found is None:
        raise HTTPNotFound
    response = _sent(found, request)
    response.headers["Cache-Control"] = _FOR_EVER if first == assets().version else "no-cache"
    # Now, so that who looks on sees whether it becomes a 304.
    return request.get_response(response)


def _sent(asset: Asset, request: Request) -> Response:
    packed = asset.gzipped if _takes_gzip(request) else None
    charset = None if asset.media_type == "application/json" else "utf-8"
    response = Response(packed or asset.body, content_type=asset.media_type, charset=charset)
    if packed:
        response.content_encoding = "gzip"
    response.vary = ["Accept-Encoding"]
    response.etag = f"{asset.digest}-gzip" if packed else asset.digest
    response.conditional_response = True
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _takes_gzip(request: Request) -> bool:
    taken = request.accept_encoding
    # Who says nothing would take anything, by the letter.
    return bool(taken) and bool(taken.acceptable_offers(["gzip"]))


def _links(relation: str, below: str, paths: list[str]) -> str:
    return "\n".join(f'  <link rel="{relation}" href="{below}/{path}">' for path in paths)


def _template() -> Template:
    return Template(files("cdb.ui").joinpath("index.html").read_text("utf-8"))


def _way_up(request: Request) -> str:
    """Return the relative path from where the browser is to the root of the service.

    It is counted in the path as it was sent: an encoded slash is none, and one at the end,
    which is dropped before a route is looked for, is one.
    """
    environ = request.environ
    sent = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ["PATH_INFO"]
    path: str = urlsplit(sent).path.removeprefix(request.script_name)
    return "../" * (path.count("/") - 1)
