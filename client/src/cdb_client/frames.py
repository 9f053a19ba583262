"""Payload IOVs as a table of pandas or Polars, where one of them is installed."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

from cdb_client.conditions import PayloadIOV
from cdb_client.errors import ConfigError

Library = Literal["pandas", "polars"]

COLUMNS: Mapping[str, type] = {
    "payload_type": str,
    "payload_url": str,
    "checksum": str,
    "size": int,
    "start_major": int,
    "start_minor": int,
    "end_major": int,
    "end_minor": int,
    "revision": str,
    "global_tag": str,
    "dimension": str,
}
"""The columns of a frame; `size` in bytes, ends exclusive."""


def frame(
    iovs: Iterable[PayloadIOV] | Mapping[str, PayloadIOV], library: Library = "pandas"
) -> Any:
    """Return payload IOVs as a data frame, one a row; numbers stay exact.

    Args:
        iovs: a list of them, or conditions.
        library: `pandas` or `polars`.

    Raises:
        ConfigError: it is not installed.

    """
    rows = iovs.values() if isinstance(iovs, Mapping) else iovs
    columns = list(zip(*map(_row, rows), strict=True)) or [()] * len(COLUMNS)
    data = dict(zip(COLUMNS, columns, strict=True))
    module = _imported(library)
    return _polars(module, data) if library == "polars" else _pandas(module, data)


def _row(iov: PayloadIOV) -> tuple[Any, ...]:
    return (
        iov.payload_type,
        iov.payload_url,
        iov.checksum,
        iov.size,
        *iov.start,
        *iov.end,
        iov.revision,
        iov.global_tag,
        iov.dimension,
    )


def _imported(library: str) -> ModuleType:
    if library not in ("pandas", "polars"):
        raise ConfigError(f"There are frames of pandas and polars, and none of {library!r}.")
    try:
        return import_module(library)
    except ImportError:
        raise ConfigError(
            f"{library} is not installed: pip install 'hep-cdb-client[{library}]'."
        ) from None


def _pandas(pandas: ModuleType, data: Mapping[str, Any]) -> Any:
    # Int64 has a place for 'no size'; a float would round it.
    types = {str: "string", int: "Int64"}
    series = {
        name: pandas.array(list(values), dtype=types[COLUMNS[name]])
        for name, values in data.items()
    }
    return pandas.DataFrame(series)


def _polars(polars: ModuleType, data: Mapping[str, Any]) -> Any:
    types = {str: polars.String, int: polars.Int64}
    return polars.DataFrame(data, schema={name: types[kind] for name, kind in COLUMNS.items()})
