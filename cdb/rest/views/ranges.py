"""Whole parts of the axis: what is there, is missing, differs; and many points at once."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from pyramid.request import Request
from pyramid.response import Response

from cdb.domain.points import AXIS, Interval
from cdb.errors import NotFound
from cdb.rest import answers, asked, inputs, shapes, streams, valid_payloads
from cdb.rest.media import dumps
from cdb.rest.service import Resource
from cdb.services import (
    batch,
    diff,
    diff_timeline,
    digest,
    gaps,
    intervals,
    ranges,
    timeline,
    usage,
)
from cdb.services.contents import ListPage

_GROUP = "Ranges"

tag_iovs = Resource(_GROUP, ["global-tags/{name}/iovs"])
tag_gaps = Resource(_GROUP, ["global-tags/{name}/gaps"])
tag_diff = Resource(_GROUP, ["global-tags/{a}/diff/{b}"])
many = Resource("Query", ["payload-iovs/query/batch"])
used = Resource(_GROUP, ["payloads/{checksum}/usage"])
tag_digest = Resource(_GROUP, ["global-tags/{name}/digest"])
tag_timeline = Resource(_GROUP, ["global-tags/{name}/timeline"])
diff_picture = Resource(_GROUP, ["global-tags/{a}/diff/{b}/timeline"])
iovs_of_list = Resource(_GROUP, ["payload-lists/by-name/{name}/iovs"])
gaps_of_list = Resource(_GROUP, ["payload-lists/by-name/{name}/gaps"])
timeline_of_list = Resource(_GROUP, ["payload-lists/by-name/{name}/timeline"])

RESOURCES = (
    tag_iovs,
    tag_gaps,
    tag_diff,
    many,
    used,
    tag_digest,
    tag_timeline,
    diff_picture,
    iovs_of_list,
    gaps_of_list,
    timeline_of_list,
)


@tag_iovs.get(
    list[answers.RangeIov],
    path=inputs.NamePath,
    query=inputs.WindowQuery,
    errors=[NotFound],
    says_how_long=True,
    streams=True,
)
def list_iovs(request: Request, path: inputs.NamePath, query: inputs.WindowQuery) -> Response:
    """List the payload IOVs of a global tag that overlap a part of the axis.

    By payload type and start, whole ones. With `Accept: application/x-ndjson`
    they come one a line, and a last line counts them.
    """
    with asked.tag(request, path.name, query.asOf) as tag:
        window = _window(request, query, tag)
    pages = ranges.of_tag(request.cdb.database, tag.record, tag.fixed_change, window, query.types)
    shown = ({"payload_type": page.record.type, **row} for page, row in _rows(request, pages))
    return tag.holding.sealed(streams.listed(request, shown, tag.holding.heads))


@tag_gaps.get(
    list[answers.Gap],
    path=inputs.NamePath,
    query=inputs.WindowQuery,
    errors=[NotFound],
    says_how_long=True,
    streams=True,
)
def list_gaps(request: Request, path: inputs.NamePath, query: inputs.WindowQuery) -> Response:
    """List the parts of the axis that a global tag has no payload for, by payload type."""
    with asked.tag(request, path.name, query.asOf) as tag:
        window = _window(request, query, tag)
    found = gaps.of_tag(request.cdb.database, tag.record, tag.fixed_change, window, query.types)
    shown = (shapes.gap(each, request.cdb.rules.iov_mode) for each in found)
    return tag.holding.sealed(streams.listed(request, shown, tag.holding.heads))


@tag_diff.get(
    list[answers.Difference] | list[answers.ListDifference],
    path=inputs.DiffPath,
    query=inputs.DiffQuery,
    errors=[NotFound],
    says_how_long=True,
    streams=True,
)
def compare(request: Request, path: inputs.DiffPath, query: inputs.DiffQuery) -> Response:
    """List where two global tags, or one as of two changes, have different payloads.

    By payload type and start, intervals as long as both payloads stay the same. At
    a point it is the part around it in which neither tag shows another payload IOV.
    """
    database, rules, names = request.cdb.database, request.cdb.rules, (path.a, path.b)
    with asked.two_tags(request, names, query.sides(*names)) as (a, b, holding):
        window = _window(request, query, a, b)
        dimension_of = a.dimension_of(rules) | b.dimension_of(rules)
        point = None
        if query.at is not None:
            point = intervals.at(rules, query.at, {*dimension_of.values()})
    sides = (diff.Side(a.record, a.fixed_change), diff.Side(b.record, b.fixed_change))
    shown: Iterable[shapes.Json]
    if query.level == "lists":
        lists = diff.lists(database, *sides, window=window, types=query.types)
        shown = (
            shapes.list_difference(each, dimension_of[each.payload_type], rules) for each in lists
        )
    else:
        found: Iterable[diff.TypeDifference] = (
            diff.intervals(database, *sides, window=window, types=query.types)
            if point is None
            else diff.at(database, *sides, point=point, types=query.types)
        )
        shown = (shapes.difference(each, dimension_of[each.payload_type], rules) for each in found)
    return holding.sealed(streams.listed(request, islice(shown, query.limit), holding.heads))


@tag_digest.get(
    answers.Digest,
    path=inputs.NamePath,
    query=inputs.AsOfQuery,
    errors=[NotFound],
    says_how_long=True,
)
def show_digest(request: Request, path: inputs.NamePath, query: inputs.AsOfQuery) -> Response:
    """Show the digest of what a global tag answers: what a paper cites.

    It is the same for the same content on every server and database; no names of
    tags, ids or times are in it.
    """
    with asked.tag(request, path.name, query.asOf) as tag:
        change = tag.fixed_change
    found = digest.of_tag(request.cdb.database, request.cdb.rules, tag.record, change)
    return asked.sealed(request, tag.holding, shapes.digest(tag.record, found, change))


@tag_timeline.get(
    answers.Timeline,
    path=inputs.NamePath,
    query=inputs.TimelineQuery,
    errors=[NotFound],
    says_how_long=True,
    is_packed=True,
)
def show_timeline(
    request: Request, path: inputs.NamePath, query: inputs.TimelineQuery
) -> Response:
    """Show a global tag as a picture: a lane for each payload list, in buckets of the axis.

    Points are strings, since they can be larger than what JavaScript keeps exact.
    """
    with asked.tag(request, path.name, query.asOf) as tag:
        window = _window(request, query, tag) if query.has_window else None
    wanted = _wanted(query, window)
    found = timeline.of_tag(
        request.cdb.database, request.cdb.rules, tag.record, tag.fixed_change, wanted
    )
    return asked.sealed(request, tag.holding, shapes.timeline(found))


@diff_picture.get(
    answers.DiffTimeline,
    path=inputs.DiffPath,
    query=inputs.DiffTimelineQuery,
    errors=[NotFound],
    says_how_long=True,
    is_packed=True,
)
def show_diff_timeline(
    request: Request, path: inputs.DiffPath, query: inputs.DiffTimelineQuery
) -> Response:
    """Show two global tags, or one as of two changes, as one picture, with what differs.

    For each payload type the lanes of both, in the same buckets of the axis; types
    that do not differ are there, too, unless `types` leaves them out.
    """
    names = (path.a, path.b)
    with asked.two_tags(request, names, query.sides(*names)) as (a, b, holding):
        window = _window(request, query, a, b) if query.has_window else None
    found = diff_timeline.of_two(
        request.cdb.database,
        request.cdb.rules,
        diff.Side(a.record, a.fixed_change),
        diff.Side(b.record, b.fixed_change),
        _wanted(query, window),
        query.types or None,
    )
    return asked.sealed(request, holding, shapes.diff_timeline(found))


@iovs_of_list.get(
    list[answers.IovOfList],
    path=inputs.NamePath,
    query=inputs.ListIovsQuery,
    errors=[NotFound],
    says_how_long=True,
    streams=True,
)
def list_iovs_of_list(
    request: Request, path: inputs.NamePath, query: inputs.ListIovsQuery
) -> Response:
    """List the payload IOVs of a payload list, in a tag or not, that overlap a part of the axis.

    By start, whole ones, with the change that made each as it is; with `limit` as many
    of them, which go on `after` the start of the last. `at` asks for the one that holds
    at a point: `CDB-Valid-From` and `CDB-Valid-Until` say from where to where that, or
    that there is none, stays the same.
    """
    database, rules = request.cdb.database, request.cdb.rules
    found = asked.list_(request, path.name, query.asOf)
    record, change = found.record, found.fixed_change
    dimension = found.dimension(rules)
    window = _window_of_list(request, query, found)
    holds = None
    if query.at is not None:
        point = intervals.at(rules, query.at, {dimension})
        holds = {"": ranges.around(database, record, change, point)}
        made = ranges.at(database, record, change, point)
    else:
        after = None if query.after is None else intervals.at(rules, query.after, {dimension})
        limit = None if query.limit is None else min(query.limit, 1000)
        made = ranges.of_list(database, record, change, window, after, limit)
    shown = (shapes.iov_of_list(each, record, dimension, rules) for each in made)
    return found.holding.sealed(streams.listed(request, shown, found.holding.heads), holds)


@gaps_of_list.get(
    list[answers.GapOfList],
    path=inputs.NamePath,
    query=inputs.AxisQuery,
    errors=[NotFound],
    says_how_long=True,
    streams=True,
)
def list_gaps_of_list(
    request: Request, path: inputs.NamePath, query: inputs.AxisQuery
) -> Response:
    """List the parts of the axis that a payload list, in a tag or not, has no payload for."""
    database, rules = request.cdb.database, request.cdb.rules
    found = asked.list_(request, path.name, query.asOf)
    window = _window_of_list(request, query, found)
    all_gaps = gaps.of_list(database, found.record, found.fixed_change, window)
    shown = (shapes.gap_of_list(each, found.dimension(rules), rules) for each in all_gaps)
    return found.holding.sealed(streams.listed(request, shown, found.holding.heads))


@timeline_of_list.get(
    answers.Timeline,
    path=inputs.NamePath,
    query=inputs.ListTimelineQuery,
    errors=[NotFound],
    says_how_long=True,
    is_packed=True,
)
def show_timeline_of_list(
    request: Request, path: inputs.NamePath, query: inputs.ListTimelineQuery
) -> Response:
    """Show a payload list, in a tag or not, as a picture with one lane, as that of a tag."""
    found = asked.list_(request, path.name, query.asOf)
    window = _window_of_list(request, query, found) if query.has_window else None
    wanted = timeline.Wanted(window, query.buckets)
    picture = timeline.of_list(
        request.cdb.database, request.cdb.rules, found.record, found.fixed_change, wanted
    )
    return asked.sealed(request, found.holding, shapes.timeline(picture))


@many.post(answers.BatchAnswers, body=inputs.Batch, errors=[NotFound])
def valid_at_many(request: Request, body: inputs.Batch) -> Response:
    """Show which payloads are valid at up to 10,000 points, all as of one change.

    Points with the same answer share it: `points` says for each, in the order
    in which they were sent, which of the answers it has.
    """
    database, rules = request.cdb.database, request.cdb.rules
    with database.snapshot() as reader:
        layers = asked.layers(reader, body.tags, body.asOf)
        types = None if body.types is None else frozenset(body.types)
        asking = batch.prepare(reader, rules, layers.tags, body.points, types)
    numbers: list[int] = []
    shown = (
        {
            "valid_from": list(part.holds.start),
            "valid_until": list(part.holds.end),
            "payloads": valid_payloads.rows(part.valid, rules.iov_mode),
        }
        for part in batch.parts(database, rules, asking, numbers)
    )
    pieces = chain(
        [dumps({"change": asking.change})[:-1], b',"answers":'],
        streams.array(shown),
        _end_of_batch(numbers),
    )
    return streams.streamed(request, pieces, asking.heads)


@used.get(
    list[answers.UsedIov],
    path=inputs.ChecksumPath,
    query=inputs.AsOfQuery,
    errors=[NotFound],
    streams=True,
)
def show_usage(request: Request, path: inputs.ChecksumPath, query: inputs.AsOfQuery) -> Response:
    """List the payload IOVs that have a checksum, with the lists and tags that show them."""
    head = asked.fixed(request, query.asOf)
    pages = usage.of_checksum(request.cdb.database, path.checksum, head.change)
    shown = (
        {"payload_type": page.record.type, "global_tag": page.record.tag, **row}
        for page, row in _rows(request, pages)
    )
    return streams.listed(request, shown, [head])


def _end_of_batch(numbers: list[int]) -> Iterator[bytes]:
    yield b',"points":' + dumps(numbers) + b"}"


def _rows(request: Request, pages: Iterable[ListPage]) -> Iterator[tuple[ListPage, shapes.Json]]:
    for page in pages:
        for iov in page.iovs:
            yield page, shapes.iov(iov, page.record.name, request.cdb.rules.iov_mode)


def _wanted(query: inputs.TimelineQuery, window: Interval | None) -> timeline.Wanted:
    lanes = min(query.lanes_limit, 1000)
    return timeline.Wanted(window, query.buckets, query.lanes_offset, lanes)


def _window(request: Request, query: inputs.AxisQuery, *tags: asked.AskedTag) -> Interval:
    """Return the part of the axis that is asked for, in the notation of the tags' dimension."""
    if not query.has_window:
        return AXIS
    dimensions = _dimensions(request, *tags)
    return intervals.window(request.cdb.rules, query.begin, query.end, dimensions)


def _window_of_list(request: Request, query: inputs.AxisQuery, found: asked.AskedList) -> Interval:
    rules = request.cdb.rules
    return intervals.window(rules, query.begin, query.end, {found.dimension(rules)})


def _dimensions(request: Request, *tags: asked.AskedTag) -> set[str]:
    return {name for tag in tags for name in tag.dimensions(request.cdb.rules)}
