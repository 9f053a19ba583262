"""Global tags: listing, making, changing and comparing them."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Unpack
from urllib.parse import urlencode

from cdb_client.http import Answer, Writing, path_of
from cdb_client.resources.base import AsOf, Resource, edited, given, part_of
from cdb_client.resources.changes import pages_of
from cdb_client.resources.payload_lists import PayloadLists

Mode = Literal["fill", "override", "append"]
"""How a merge goes. What it brings in fills gaps, wins where it has a payload, or goes on."""


class GlobalTags(Resource):
    """Requests about global tags.

    A name can carry a change, as in `CMS_2017@22`, wherever it is only read. A point of a
    window is in the notation of a dimension, as `299400:12`, or `major,minor`.
    """

    def list(
        self, *, search: str | None = None, status: str | None = None, as_of: AsOf = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the tags by name, with the numbers of their lists and payload IOVs.

        Args:
            search: a part of a name or an author, in whatever case.
            status: only those that have it.
            as_of: a change or a time.

        """
        params = {"search": search, "status": status, "asOf": as_of, "sort": "name"}
        return self._pages("global-tags", params)

    def show(self, name: str, *, as_of: AsOf = None) -> dict[str, Any]:
        """Return a tag with the numbers of its lists and payload IOVs."""
        return self._one(path_of("global-tags", name), {"light": 1, "asOf": as_of})

    def payload_lists(self, name: str, *, as_of: AsOf = None) -> dict[str, str]:
        """Return the name of the tag's list for each payload type."""
        return self._one(path_of("global-tags", name, "payload-lists"), {"asOf": as_of})

    def show_with_lists(self, name: str, *, as_of: AsOf = None) -> dict[str, Any]:
        """Return a tag as `show` does, with its `payload_lists`, each with `iov_count`.

        That is two requests, and one state of the tag.
        """
        shown = self._answer(path_of("global-tags", name), {"light": 1, "asOf": as_of})
        then = name.partition("@")[2] or as_of or shown.change
        lists = PayloadLists(self.service).list(
            global_tag=part_of(shown.body, "name", str), as_of=then
        )
        found = sorted(lists, key=lambda each: str(each["payload_type"]))
        return {**shown.body, "payload_lists": found}

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        author: str | None = None,
        contact: str | None = None,
        status: str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Make a tag, empty."""
        body = given(
            name=name, description=description, author=author, contact=contact, status=status
        )
        return self.service.write("POST", "gt", body, **writing)

    def clone(
        self,
        source: str,
        target: str,
        *,
        as_of: int | str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Make an unlocked tag with what another one holds; nothing is copied for it.

        Args:
            source: the other one; as of a change, its name then.
            target: the name of the new one.
            as_of: a change, or a time in ISO 8601, for what it held then.
            writing: reason, dry run, condition and key.

        """
        query = urlencode(given(asOf=as_of))
        path = path_of("global-tags", source, "clone", target) + (f"?{query}" if query else "")
        return self.service.write("POST", path, **writing)

    def edit(
        self,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        contact: str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Change what is given; an empty text clears it. A new name needs an open tag."""
        body = {**edited(description=description, contact=contact), **given(name=new_name)}
        return self.service.write("PATCH", path_of("global-tags", name), body, **writing)

    def set_status(self, name: str, status: str, **writing: Unpack[Writing]) -> Answer:
        """Give a tag a status; one that is final cannot be left."""
        path = path_of("global-tags", name, "change-status", status)
        return self.service.write("PUT", path, **writing)

    def delete(self, name: str, **writing: Unpack[Writing]) -> Answer:
        """Delete a tag with its payload lists; clones of it stay whole."""
        return self.service.write("DELETE", path_of("global-tags", name, "delete"), **writing)

    def statuses(self, *, as_of: AsOf = None) -> Sequence[dict[str, Any]]:
        """Return the statuses that tags can have, each with its `mode` and whether it is final."""
        found: Sequence[dict[str, Any]] = self.service.get("global-tags/statuses", {"asOf": as_of})
        return found

    def declare_status(
        self,
        name: str,
        *,
        mode: Literal["open", "append", "closed"] = "open",
        final: bool = False,
        description: str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Declare a status; one that exists stays as it is, and is the answer.

        Args:
            name: of the status.
            mode: what may be written to tags that have it: anything, additions, nothing.
            final: whether it cannot be left.
            description: what it is for.
            writing: reason, dry run, condition and key.

        """
        body = given(name=name, mode=mode, final=final, description=description)
        return self.service.write("POST", "global-tags/statuses", body, **writing)

    def history(
        self,
        name: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        payload_type: str | None = None,
        since: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        as_of: AsOf = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the changes of this very tag, not of others that had its name.

        Args:
            name: of the tag.
            actor: only what this one did.
            action: only this verb, as `bulk`.
            payload_type: only changes of this type, or of its lists.
            since: only changes at this time or later; ISO 8601.
            newest_first: instead of in the order in which they were made.
            limit: how many at most.
            as_of: only changes up to then.

        """
        wanted = {
            "actor": actor,
            "action": action,
            "payload_type": payload_type,
            "since": since,
            "asOf": as_of,
        }
        path = path_of("global-tags", name, "history")
        return pages_of(self.service, path, wanted, newest_first=newest_first, limit=limit)

    def diff(  # noqa: PLR0913 - each has a name, and a default
        self,
        a: str,
        b: str,
        *,
        begin: str | None = None,
        end: str | None = None,
        at: str | None = None,
        payload_type: str | None = None,
        level: Literal["iovs", "lists"] = "iovs",
        limit: int | None = None,
        a_as_of: AsOf = None,
        b_as_of: AsOf = None,
        as_of: AsOf = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield where two tags, or two states of one, answer differently, as it comes in.

        By type and start, intervals as long as both payloads stay the same.

        Args:
            a: one tag.
            b: the other one.
            begin: the first point of a window.
            end: the point after its last one.
            at: one point instead of a window.
            payload_type: only this type.
            level: `lists` tells only which types differ, and where first.
            limit: only so many of them, the first ones; all if none is given.
            a_as_of: as of when the first tag is asked.
            b_as_of: as of when the second tag is asked.
            as_of: as of when both are asked, unless they say it themselves.

        """
        wanted = {
            "from": begin,
            "to": end,
            "at": at,
            "payload_type": payload_type,
            "level": level,
            "limit": limit,
            "a_as_of": a_as_of,
            "b_as_of": b_as_of,
            "asOf": as_of,
        }
        return self.service.lines(path_of("global-tags", a, "diff", b), wanted)

    def gaps(
        self,
        name: str,
        *,
        begin: str | None = None,
        end: str | None = None,
        payload_type: str | None = None,
        as_of: AsOf = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the parts of a window that a tag has no payload for, by type and start.

        Args:
            name: of the tag.
            begin: the first point of the window.
            end: the point after its last one.
            payload_type: only this type.
            as_of: a change or a time.

        """
        wanted = {"from": begin, "to": end, "payload_type": payload_type, "asOf": as_of}
        return self.service.lines(path_of("global-tags", name, "gaps"), wanted)

    def timeline(
        self,
        name: str,
        *,
        begin: str | None = None,
        end: str | None = None,
        buckets: int = 600,
        offset: int = 0,
        lanes: int = 200,
        as_of: AsOf = None,
    ) -> Answer:
        """Return a tag as lanes, one for each list: their intervals, or numbers by buckets.

        Args:
            name: of the tag.
            begin: the first point of a window; without one the window is what the data fill.
            end: the point after its last one.
            buckets: how many there are at most, 2 … 1500.
            offset: lanes to leave out before the first.
            lanes: how many at most, up to 1000.
            as_of: a change or a time.

        """
        wanted = {"from": begin, "to": end, "buckets": buckets, "asOf": as_of}
        page = {"lanes_offset": offset, "lanes_limit": lanes}
        return self.service.ask("GET", path_of("global-tags", name, "timeline"), wanted | page)

    def digest(self, name: str, *, as_of: AsOf = None) -> dict[str, Any]:
        """Return the digest of all that a tag answers, and of each of its payload types."""
        return self._one(path_of("global-tags", name, "digest"), {"asOf": as_of})

    def merge(
        self,
        name: str,
        sources: Sequence[str],
        mode: Mode,
        *,
        begin: str | None = None,
        end: str | None = None,
        types: Sequence[str] | None = None,
        closed: Literal["refuse", "allow", "fix"] | None = None,
        full: bool = False,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Bring what other tags hold into one, as one change.

        The answer of a dry run tells what would differ; its `etag`, as `if_match`, makes
        sure that just that is done.

        Args:
            name: of the tag that is written to.
            sources: one to a hundred tags, also as `tag@change`; the first one wins.
            mode: what becomes of what is there.
            begin: the first point; `append` begins there.
            end: the point after the last one; not for `append`.
            types: only these payload types.
            closed: for `append`: what becomes of intervals that end before the next begins.
            full: for `append`: whether types that no source has end at `begin`.
            writing: reason, dry run, condition and key.

        """
        body = given(
            sources=[*sources],
            mode=mode,
            **{"from": begin, "to": end},
            types=[*types] if types else None,
            closed=closed,
            full=full or None,
        )
        return self.service.write("POST", path_of("global-tags", name, "merge"), body, **writing)

    def revert(
        self,
        name: str,
        to: int | str,
        *,
        payload_type: str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Make a tag answer as it did, as one new change; its status and texts stay.

        The answer of a dry run tells what would become of each list; its `etag`, as
        `if_match`, makes sure that just that is done.

        Args:
            name: of the tag.
            to: a change, or a time in ISO 8601.
            payload_type: only this type.
            writing: reason, dry run, condition and key.

        """
        query = urlencode(given(to=to, payload_type=payload_type))
        path = f"{path_of('global-tags', name, 'revert')}?{query}"
        return self.service.write("POST", path, **writing)
