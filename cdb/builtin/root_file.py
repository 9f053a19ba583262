"""A validator for ROOT files.

It needs uproot, from the extra `root`. No object is interpreted: for that,
uproot would write a program by what the file says and run it. What can be told
without is whether the file was closed, is as long as it says, and has all its
records, whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from cdb.plugin import Content, OptionsError, PayloadReference, PayloadValidator
from cdb.plugin.root.records import Damaged, opened, shortened


@dataclass(frozen=True, slots=True)
class RootFileOptions:
    """What is in the file, and how much of it is unpacked."""

    objects: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "Which objects the file has to have: `name`, `name;cycle` or "
            "`directory/name`, each also with its class, as in `efficiency:TH2F`."
        },
    )
    max_mb: int = field(
        default=1024,
        metadata={
            "help": "How large all objects are at most, unpacked, in units of 2**20 bytes; the "
            "baskets of trees do not count."
        },
    )


class RootFile(PayloadValidator):
    """Takes ROOT files that were closed, are whole, and have the named objects.

    Every record that a directory names, and the streamer info, is read and
    unpacked; only the baskets of trees are not.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    reads_content = True
    Options: ClassVar[type] = RootFileOptions
    options: RootFileOptions

    def __init__(self, name: str, options: RootFileOptions) -> None:
        super().__init__(name, options)
        if options.max_mb < 1:
            raise OptionsError("max_mb is less than 1: no object would be small enough.")
        self._wanted = [_Wanted.read(text) for text in options.objects]

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return what is damaged, or which objects are not there."""
        if content is None:
            yield "The content is not in the payload store, so it cannot be checked."
            return
        try:
            found = _objects(content, self.options.max_mb << 20)
        except Damaged as error:
            yield str(error)
        else:
            for wanted in self._wanted:
                yield from wanted.problems(found)


def _objects(content: Content, limit: int) -> dict[str, dict[int, str]]:
    """Return the class of every object: path → cycle → class, after all records are read once.

    Raises:
        Damaged: the file is not whole, or too large.

    """
    found: dict[str, dict[int, str]] = {}
    with content.open() as file, opened(file, content.size, limit) as records:
        records.check_streamer_info()
        for entry in records.entries():
            records.check(entry)
            found.setdefault(entry.path, {})[entry.cycle] = entry.class_name
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An object that has to be there."""

    path: str
    cycle: int | None
    class_name: str | None

    @classmethod
    def read(cls, text: str) -> "_Wanted":
        place, _, class_name = text.partition(":")
        path, separator, cycle = place.strip("/").partition(";")
        if not path or (separator and not (cycle.isascii() and cycle.isdigit())):
            raise OptionsError(
                f"objects: {text!r} is not written as `name`, `name;cycle` or `name:class`."
            )
        return cls(path, int(cycle) if cycle else None, class_name or None)

    def problems(self, found: dict[str, dict[int, str]]) -> Iterator[str]:
        """Return why it is not among what was found: path → cycle → class."""
        cycles = found.get(self.path, {})
        cycle = max(cycles, default=0) if self.cycle is None else self.cycle
        called = self.path if self.cycle is None else f"{self.path};{self.cycle}"
        if cycle not in cycles:
            yield f"The file has no object {called!r}."
        elif self.class_name not in (None, cycles[cycle]):
            yield (
                f"The object {called!r} is of the class {shortened(cycles[cycle])!r}, "
                f"not {self.class_name!r}."
            )
