"""Records as the interface shows them."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from cdb.domain.points import OPEN, IovMode, Point, combined
from cdb.plugin import Event
from cdb.services.diff import ListDifference, TypeDifference
from cdb.services.diff_timeline import DiffTimeline, TwoLanes
from cdb.services.digest import TagDigest
from cdb.services.gaps import Gap
from cdb.services.merges.merge import Merged
from cdb.services.payload_iovs import Attached
from cdb.services.ranges import MadeIov
from cdb.services.rules import Rules
from cdb.services.timeline import Lane, Timeline
from cdb.services.trial import Trial
from cdb.store.browse import Found, Wanted
from cdb.store.iovs import IovRecord, ShownRow
from cdb.store.log import ChangeRecord
from cdb.store.reads import ListRecord, StatusRecord, TagRecord, TypeRecord

Json = dict[str, Any]


def status(record: StatusRecord) -> Json:
    """Show a status."""
    return record._asdict()


def tag(record: TagRecord) -> Json:
    """Show a global tag with the name of its status; a closed one with its digest."""
    shown = {
        "id": record.id,
        "name": record.name,
        "author": record.author,
        "description": record.description,
        "contact": record.contact,
        "status": record.status,
        "created": record.created,
        "updated": record.updated,
    }
    return shown if record.digest is None else {**shown, "digest": record.digest}


def tag_summary(record: TagRecord, counts: tuple[int, int]) -> Json:
    """Show a global tag with the numbers of its lists and IOVs."""
    lists, iovs = counts
    return {**tag(record), "payload_lists_count": lists, "payload_iov_count": iovs}


def type_(record: TypeRecord) -> Json:
    """Show a payload type."""
    return record._asdict()


def list_(record: ListRecord) -> Json:
    """Show a payload list."""
    return {
        "id": record.id,
        "name": record.name,
        "description": record.description,
        "contact": record.contact,
        "ends": record.ends,
        "global_tag": record.tag,
        "payload_type": record.type,
        "created": record.created,
    }


def iov(record: IovRecord, payload_list: str | None, mode: IovMode) -> Json:
    """Show a payload IOV; an end that is still to be decided shows as open."""
    payload = (record.id, record.payload_url, record.checksum, record.size, record.extra)
    row = (*payload, *record.start, *(record.end or OPEN), record.inserted)
    return iovs([row], payload_list, mode)[0]


def iovs(rows: Iterable[ShownRow], payload_list: str | None, mode: IovMode) -> list[Json]:
    """Show payload IOVs of a payload list, of which there may be very many."""
    if mode is not IovMode.CONTINUOUS:
        rows = [
            (*row[:-3], *mode.end_to_interface(Point(row[-3], row[-2])), row[-1]) for row in rows
        ]
    return [
        {
            "id": id_,
            "payload_url": payload_url,
            "checksum": checksum,
            "size": size,
            "revision": revision,
            "major_iov": major,
            "minor_iov": minor,
            "comb_iov": combined(major, minor),
            "major_iov_end": major_end,
            "minor_iov_end": minor_end,
            "payload_list": payload_list,
            "inserted": inserted,
        }
        for (
            id_,
            payload_url,
            checksum,
            size,
            revision,
            major,
            minor,
            major_end,
            minor_end,
            inserted,
        ) in rows
    ]


def attached(found: Attached, mode: IovMode) -> Json:
    """Show payload IOVs that were attached at once."""
    rows = [iov(each.iov, each.payload_list, mode) for each in found.shown or ()]
    return {"count": found.number, "payload_iovs": None if found.shown is None else rows}


def iov_row(row: Any, rules: Rules) -> Json:
    """Show a row of the list of payload IOVs, with numbers and in notation."""
    end = rules.iov_mode.end_to_interface(Point(row.end_major, row.end_minor))
    return {
        "id": row.id,
        "payload_url": row.payload_url,
        "checksum": row.checksum,
        "size": row.size,
        "revision": row.extra,
        "major_iov": row.start_major,
        "minor_iov": row.start_minor,
        "major_iov_end": end.major,
        "minor_iov_end": end.minor,
        "payload_list": row.payload_list,
        "global_tag": row.global_tag,
        "payload_type": row.payload_type,
        "inserted": row.inserted,
        **row_in_notation(row, rules),
    }


def span(start: Point, end: Point, mode: IovMode) -> Json:
    """Show a part of the axis as the interval of a payload IOV."""
    shown = mode.end_to_interface(end)
    return {
        "major_iov": start.major,
        "minor_iov": start.minor,
        "major_iov_end": shown.major,
        "minor_iov_end": shown.minor,
    }


def gap(found: Gap, mode: IovMode) -> Json:
    """Show what a payload list does not cover."""
    return {
        "payload_type": found.payload_type,
        "payload_list": found.payload_list,
        **span(found.start, found.end, mode),
    }


def iov_of_list(made: MadeIov, record: ListRecord, dimension: str, rules: Rules) -> Json:
    """Show a payload IOV of a list, also in notation, and the change that made it."""
    found, maker = made
    return {
        "payload_type": record.type,
        **iov(found, record.name, rules.iov_mode),
        **in_notation(dimension, found.start, found.end or OPEN, rules),
        "change": maker.change,
        "changed": maker.at,
        "actor": maker.actor,
        "comment": maker.comment,
    }


def gap_of_list(found: Gap, dimension: str, rules: Rules) -> Json:
    """Show what a payload list does not cover, also in notation."""
    return gap(found, rules.iov_mode) | in_notation(dimension, found.start, found.end, rules)


def difference(found: TypeDifference, dimension: str, rules: Rules) -> Json:
    """Show where two tags answer differently, also in the notation of a dimension."""
    return {
        "payload_type": found.payload_type,
        **span(found.start, found.end, rules.iov_mode),
        "a": found.a and found.a._asdict(),
        "b": found.b and found.b._asdict(),
        **in_notation(dimension, found.start, found.end, rules),
    }


def list_difference(found: ListDifference, dimension: str, rules: Rules) -> Json:
    """Show a payload type that two tags answer differently."""
    where = rules.dimensions.get(dimension)
    return {
        "payload_type": found.payload_type,
        "a": found.list_a,
        "b": found.list_b,
        "first": found.first and list(found.first),
        "dimension": dimension,
        "begin": where.format(found.first) if where and found.first else None,
    }


def merged(found: Merged, rules: Rules, *, dry_run: bool) -> Json:
    """Show what a merge did, or what a dry run found that it would do."""
    differences = [
        difference(each, found.dimensions[each.payload_type], rules) for each in found.differences
    ]
    return {
        "sources": [
            {"global_tag": source.tag.name, "change": source.change} for source in found.sources
        ],
        "head": found.tag.head,
        "dry_run": dry_run,
        "payload_lists": [step._asdict() for step in found.steps],
        "differences": differences if dry_run else None,
        "differences_count": found.differences_count if dry_run else None,
    }


def digest(tag: TagRecord, found: TagDigest, change: int) -> Json:
    """Show the digest of a global tag, and of what it is made."""
    return {
        "global_tag": tag.name,
        "change": change,
        "digest": found.digest,
        "payload_types": [asdict(each) for each in found.lists],
    }


def timeline(found: Timeline) -> Json:
    """Show a picture of a global tag; what a lane does not have is left out."""
    lanes = [_filled(lane) for lane in found.lanes]
    return {"change": found.change, "edges": found.edges, "lists": found.lists, "lanes": lanes}


def diff_timeline(found: DiffTimeline) -> Json:
    """Show a picture of two sides; null is a list that a side has not."""
    return {
        "change_a": found.change_a,
        "change_b": found.change_b,
        "edges": found.edges,
        "types": found.types,
        "lanes": [_two_lanes(each) for each in found.lanes],
    }


def _two_lanes(both: TwoLanes) -> Json:
    lanes = {
        "payload_type": both.payload_type,
        "a": both.a and _filled(both.a),
        "b": both.b and _filled(both.b),
    }
    return lanes | {name: value for name, value in _filled(both).items() if name not in lanes}


def _filled(lane: Lane | TwoLanes) -> Json:
    return {
        field.name: value
        for field in fields(lane)
        if (value := getattr(lane, field.name)) is not None
    }


def change(record: ChangeRecord, mode: IovMode) -> Json:
    """Show a change. Of an API token nothing is shown but that it was made or revoked."""
    return {"change": record.change, "at": record.at, **_entry(record, mode)}


def light_change(record: ChangeRecord, mode: IovMode) -> Json:
    """Show a change with how many payload IOVs it took and made, and none of these."""
    sides = {
        name: {key: value for key, value in side.items() if key != "payload_iovs"}
        for name in ("before", "after")
        if (side := record.detail.get(name))
    }
    return change(record._replace(detail={**record.detail, **sides}), mode)


def trial(found: Trial, rules: Rules) -> Json:
    """Show what a write would change: without a number and a time, which it has not got yet."""
    return {
        "change": found.change and _entry(found.change, rules.iov_mode),
        "differences": [
            {
                "global_tag": tag.global_tag,
                **difference(each, tag.dimensions[each.payload_type], rules),
            }
            for tag in found.differences
            for each in tag.told
        ],
        "differences_are_all": not any(tag.are_more for tag in found.differences),
    }


def _entry(record: ChangeRecord | Event, mode: IovMode) -> Json:
    detail = {} if record.object_type == "token" else record.detail
    return {
        "actor": record.actor,
        "action": record.action,
        "object_type": record.object_type,
        "object_name": record.object_name,
        "comment": record.comment,
        "global_tags": detail.get("global_tags", []),
        "payload_lists": detail.get("payload_lists", []),
        "payload_types": detail.get("payload_types", []),
        "before": _side(detail.get("before"), mode),
        "after": _side(detail.get("after"), mode),
    }


def _side(side: Json | None, mode: IovMode) -> Json | None:
    """Show what was there before or after a change; the log keeps ends exclusive."""
    if side is None or "payload_iovs" not in side:
        return side
    return {**side, "payload_iovs": [_told_iov(told, mode) for told in side["payload_iovs"]]}


def _told_iov(told: Json, mode: IovMode) -> Json:
    start, end = Point(*told["start"]), mode.end_to_interface(Point(*told["end"]))
    return {
        "payload_list": told["payload_list"],
        "payload_url": told["payload_url"],
        "checksum": told["checksum"],
        "size": told["size"],
        "revision": told["revision"],
        "major_iov": start.major,
        "minor_iov": start.minor,
        "major_iov_end": end.major,
        "minor_iov_end": end.minor,
    }


def row_in_notation(row: Any, rules: Rules) -> Json:
    """Show the interval of a row in the notation of its dimension."""
    name = row.dimension or rules.default_dimension
    start, end = Point(row.start_major, row.start_minor), Point(row.end_major, row.end_minor)
    return in_notation(name, start, end, rules)


def in_notation(name: str, start: Point, end: Point, rules: Rules) -> Json:
    """Show a half-open interval in the notation of a dimension."""
    dimension = rules.dimensions.get(name)
    if dimension is None:  # it was enabled when the type was made
        return {"dimension": name, "begin": None, "end": None}
    return {
        "dimension": name,
        "begin": dimension.format(start),
        "end": dimension.format_end(end, start),
    }


def page(found: Found, wanted: Wanted, results: list[Json]) -> Json:
    """Show a page of a list."""
    return {
        "count": found.count,
        "page": wanted.page,
        "page_size": wanted.page_size,
        "total_pages": max(1, -(-found.count // wanted.page_size)),
        "results": results,
    }
