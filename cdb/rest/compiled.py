"""Answers of the query that are put together from compiled lists, without a statement."""

from functools import partial
from pathlib import Path

import lmdb

from cdb.domain.points import clamp
from cdb.rest.inputs import PointQuery
from cdb.rest.kept import Kept, State
from cdb.rest.valid_payloads import VALID_PAYLOADS, joined
from cdb.services.compiling import CompiledTag, Compiler, Rendering
from cdb.services.rules import Rules
from cdb.settings import Settings, SettingsError, key_of
from cdb.store.compiled import CompiledFile
from cdb.store.engine import Database
from cdb.store.query import TagHead


class Compiled:
    """The compiled lists of a service, as its query shows them.

    Args:
        compiler: who compiles them.
        rules: of the service.
        format_: what stands for all that decides what the same content looks like.

    """

    def __init__(self, compiler: Compiler, rules: Rules, format_: str) -> None:
        self.compiler = compiler
        self._rules = rules
        self._format = format_

    @classmethod
    def of(
        cls, settings: Settings, database: Database, rules: Rules, format_: str
    ) -> "Compiled | None":
        """Return those of a service; None where it has no folder for them.

        Raises:
            SettingsError: there can be no file in the folder.

        """
        if not settings.compiled:
            return None
        try:
            file = CompiledFile.opened(Path(settings.compiled), settings.compiled_mb * 2**20)
        except (OSError, lmdb.Error) as error:
            raise SettingsError([(key_of("compiled"), str(error))]) from None
        return cls(Compiler(database, file), rules, format_)

    def at(self, state: State, query: PointQuery) -> Kept | None:
        """Return the answer to a question; None where the database has to be asked.

        Args:
            state: what the question is answered from.
            query: asked by numbers; of one tag, all its types and what covers them.

        """
        place = query.place
        if place is None or len(state.heads) > 1 or query.types or query.complete:
            return None
        if state.compiled is None:
            state.compiled = self.tag(
                state.heads[0], query.shape, expired=query.expired == "include"
            )
        found = state.compiled.at(clamp(place))
        return found and Kept(joined(found.shown), {"": found.holds}, found.holds)

    def tag(self, tag: TagHead, shape: str, *, expired: bool = False) -> CompiledTag:
        """Return a global tag as the query shows it in one of the shapes."""
        shown = VALID_PAYLOADS[shape]
        opening = partial(shown.opening, global_tag=tag.name)
        rest = partial(shown.rest, rules=self._rules)
        rendering = Rendering(f"{shape} {self._format}", expired, opening, rest)
        return CompiledTag(self.compiler, tag, rendering)
