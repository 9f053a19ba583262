"""Where a client finds its service: the environment, and profiles in a file.

`~/.config/cdb/config.toml` (`$XDG_CONFIG_HOME/cdb/config.toml`, or what `CDB_CONFIG` names)
holds one table for each profile. `CDB_PROFILE` chooses one, else `default` does:

    default = "cms"

    [profiles.cms]
    url = ["https://cdb.example.org/api/cdb_rest", "https://cdb2.example.org/api/cdb_rest"]
    proxy = "http://squid.example.org:3128"
    token_file = "~/.config/cdb/token"
    read_dirs = ["/cvmfs/cms.example.org/conditions"]

A variable of the environment wins over the profile; an argument wins over both.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cdb_client.credentials import Credentials
from cdb_client.errors import ConfigError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_URL = "http://127.0.0.1:8000/api/cdb_rest"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client has to know of its site.

    Attributes:
        url: base URLs of the same conditions, asked in turn; or one bundle's path.
        proxy: an HTTP proxy or Squid.
        token_file: holds the token.
        token_command: prints the token.
        insecure_token: whether the token may go over plain HTTP.
        read_dirs: folders that hold payload files below their payload_url.
        cache: the folder of the cache; empty for none.
        cache_mb: how large the cache may become, in MB (10⁶ bytes).

    """

    url: tuple[str, ...] = (DEFAULT_URL,)
    proxy: str | None = None
    token_file: str | None = None
    token_command: str | None = None
    insecure_token: bool = False
    read_dirs: tuple[str, ...] = ()
    cache: str | None = None
    cache_mb: int = 10_000

    def credentials(self, environ: Mapping[str, str]) -> Credentials:
        """Return where the token comes from."""
        return Credentials(
            environ.get("CDB_TOKEN", "").strip() or None,
            self.token_file,
            self.token_command,
            environ,
        )

    def cache_folder(self, environ: Mapping[str, str]) -> Path | None:
        """Return the folder of the cache; None for none."""
        if self.cache is not None:
            return Path(self.cache).expanduser() if self.cache else None
        return Path(environ.get("XDG_CACHE_HOME") or _home() / ".cache", "cdb")


def is_here(url: str) -> bool:
    """Tell whether a URL is of this machine; it can stand without a scheme, as a proxy's can."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname in _LOOPBACK
    except ValueError:
        return False


def load(name: str | None = None, environ: Mapping[str, str] | None = None) -> Profile:
    """Return the profile of a name, with what the environment says on top.

    Args:
        name: of a profile; without it `CDB_PROFILE`, or the file's `default`.
        environ: of the process, where it is not given.

    Raises:
        ConfigError: the file or a variable is wrong, or there is no such profile.

    """
    environ = os.environ if environ is None else environ
    profile = _from_file(name or environ.get("CDB_PROFILE") or None, environ)
    changed: dict[str, Any] = {}
    for variable, (key, read) in VARIABLES.items():
        if given := environ.get(variable):
            try:
                changed[key] = read(given)
            except ValueError:
                raise ConfigError(f"{variable} cannot be {given!r}.") from None
    return replace(profile, **changed)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        # A user whom the machine does not know, as in many a container.
        return Path("/")


def _urls(text: str) -> tuple[str, ...]:
    # The path of a bundle can have blanks in it.
    urls = tuple(text.split()) if "://" in text else (text,)
    if not all(urls) or not text.strip():
        raise ValueError(text)
    return urls


def _megabytes(text: str) -> int:
    if (size := int(text)) < 1:
        raise ValueError(text)
    return size


def _folders(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(os.pathsep)))


def _yes(text: str) -> bool:
    if text.lower() not in {"0", "1", "false", "true", "no", "yes"}:
        raise ValueError(text)
    return text.lower() in {"1", "true", "yes"}


VARIABLES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "CDB_URL": ("url", _urls),
    "CDB_PROXY": ("proxy", str),
    "CDB_TOKEN_FILE": ("token_file", str),
    "CDB_TOKEN_COMMAND": ("token_command", str),
    "CDB_INSECURE_TOKEN": ("insecure_token", _yes),
    "CDB_READ_DIRS": ("read_dirs", _folders),
    "CDB_CACHE": ("cache", lambda text: "" if text == "none" else text),
    "CDB_CACHE_MB": ("cache_mb", _megabytes),
}


def place(environ: Mapping[str, str]) -> Path:
    """Return where the file with the profiles lies."""
    if named := environ.get("CDB_CONFIG"):
        return Path(named).expanduser()
    return Path(environ.get("XDG_CONFIG_HOME") or _home() / ".config", "cdb", "config.toml")


def names(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the profiles in the file; none where there is no file."""
    return sorted(_tables(_content(place(os.environ if environ is None else environ))))


def _from_file(name: str | None, environ: Mapping[str, str]) -> Profile:
    file = place(environ)
    content = _content(file)
    chosen = name or content.get("default")
    if chosen is None:
        return Profile()
    tables = _tables(content)
    if chosen not in tables:
        known = ", ".join(sorted(tables)) or "none"
        raise ConfigError(f"There is no profile {chosen!r} in {file}; profiles there: {known}.")
    return _profile(tables[chosen], f"{file}: profile {chosen!r}")


def _content(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None


def _tables(content: Mapping[str, Any]) -> Mapping[str, Any]:
    tables = content.get("profiles", {})
    return tables if isinstance(tables, dict) else {}


def _profile(table: Any, where: str) -> Profile:
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is no table.")
    kinds = {field.name: field.type for field in fields(Profile)}
    known = {}
    for key, value in table.items():
        if key not in kinds:
            raise ConfigError(f"{where} has an unknown key {key!r}; known: {', '.join(kinds)}.")
        known[key] = _value(kinds[key], value, f"{where}: {key}")
    profile = Profile(**known)
    if not profile.url or profile.cache_mb < 1:
        raise ConfigError(f"{where} has no url, or a cache_mb that is not positive.")
    return profile


def _value(kind: Any, value: Any, where: str) -> Any:
    if kind == tuple[str, ...]:
        values = [value] if isinstance(value, str) else value
        if isinstance(values, list) and all(isinstance(one, str) for one in values):
            return tuple(values)
        raise ConfigError(f"{where} has to be a text, or a list of texts.")
    expected = kind if isinstance(kind, type) else str
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise ConfigError(f"{where} has to be a {expected.__name__}.")
    return value
