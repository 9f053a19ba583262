"""Whole parts of the axis: what is there, is missing, differs; and many points at once."""

from collections.abc import Iterable, Iterator
from itertools import chain

from pyramid.request import Request
from pyramid.response import Response

from cdb.domain.points import Interval, Point
from cdb.errors import Invalid, NotFound
from cdb.rest import answers, asked, inputs, shapes, streams
from cdb.rest.service import Resource, dumps, json_response
from cdb.services import batch, diff, digest, gaps, intervals, ranges, resolve, timeline, usage
from cdb.services.contents import ListPage
from cdb.services.resolve import Question
from cdb.store import query as store_query

_GROUP = "Ranges"

tag_iovs = Resource(_GROUP, ["global-tags/{name}/iovs"])
tag_gaps = Resource(_GROUP, ["global-tags/{name}/gaps"])
tag_diff = Resource(_GROUP, ["global-tags/{a}/diff/{b}"])
many = Resource("Query", ["payload-iovs/query/batch"])
used = Resource(_GROUP, ["payloads/{checksum}/usage"])

tag_digest = Resource(_GROUP, ["global-tags/{name}/digest"])
tag_timeline = Resource(_GROUP, ["global-tags/{name}/timeline"])

RESOURCES = (tag_iovs, tag_gaps, tag_diff, many, used, tag_digest, tag_timeline)


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
        if tag.holding.is_known:
            return tag.holding.not_modified()
        window = _window(request, query, tag)
    pages = ranges.of_tag(request.cdb.database, tag.record, tag.fixed_change, window, query.types)
    shown = ({"payload_type": page.record.type, **row} for page, row in _rows(request, pages))
    return tag.holding.sealed(streams.listed(request, shown, tag.fixed_change))


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
        if tag.holding.is_known:
            return tag.holding.not_modified()
        window = _window(request, query, tag)
    found = gaps.of_tag(request.cdb.database, tag.record, tag.fixed_change, window, query.types)
    shown = (shapes.gap(each, request.cdb.rules.iov_mode) for each in found)
    return tag.holding.sealed(streams.listed(request, shown, tag.fixed_change))


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

    By payload type and start, intervals as long as both payloads stay the same.
    """
    database, mode = request.cdb.database, request.cdb.rules.iov_mode
    names = (path.a, path.b)
    with asked.two_tags(request, names, query.sides(*names)) as (a, b, holding):
        if holding.is_known:
            return holding.not_modified()
        window = _window(request, query, a, b)
    side_a, side_b = (diff.Side(each.record, each.fixed_change) for each in (a, b))
    if query.level == "lists":
        lists = diff.lists(database, side_a, side_b, window, query.types)
        shown = (shapes.list_difference(each) for each in lists)
    else:
        found = diff.intervals(database, side_a, side_b, window, query.types)
        shown = (shapes.difference(each, mode) for each in found)
    change = max(side_a.change, side_b.change)
    return holding.sealed(streams.listed(request, shown, change))


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
        if tag.holding.is_known:
            return tag.holding.not_modified()
    change = tag.fixed_change
    found = digest.of_tag(request.cdb.database, request.cdb.rules, tag.record, change)
    return tag.holding.sealed(json_response(shapes.digest(tag.record, found, change)))


@tag_timeline.get(
    answers.Timeline,
    path=inputs.NamePath,
    query=inputs.TimelineQuery,
    errors=[NotFound],
    says_how_long=True,
)
def show_timeline(
    request: Request, path: inputs.NamePath, query: inputs.TimelineQuery
) -> Response:
    """Show a global tag as a picture: a lane for each payload list, in buckets of the axis.

    Points are strings, since they can be larger than what JavaScript keeps exact.
    """
    with asked.tag(request, path.name, query.asOf) as tag:
        if tag.holding.is_known:
            return tag.holding.not_modified()
        window = None
        if (query.begin, query.end) != (None, None):
            dimensions = tag.dimensions(request.cdb.rules)
            window = intervals.window(request.cdb.rules, query.begin, query.end, dimensions)
    wanted = timeline.Wanted(
        window, query.buckets, query.lanes_offset, min(query.lanes_limit, 1000)
    )
    found = timeline.of_tag(
        request.cdb.database, request.cdb.rules, tag.record, tag.fixed_change, wanted
    )
    return tag.holding.sealed(json_response(shapes.timeline(found)))


@many.post(answers.BatchAnswers, body=inputs.Batch, errors=[NotFound])
def valid_at_many(request: Request, body: inputs.Batch) -> Response:
    """Show which payloads are valid at up to 10,000 points, all as of one change.

    Points with the same answer share it: `points` says for each, in the order
    in which they were sent, which of the answers it has.
    """
    database, rules = request.cdb.database, request.cdb.rules
    with database.snapshot() as reader:
        layers = asked.layers(reader, body.tags, body.asOf)
        heads = [resolve.head(reader, layer) for layer in layers.tags]
        fixed = [(tag.name, tag.head.change) for tag in heads]
        dimensions = {
            dimension or rules.default_dimension
            for layer in fixed
            for dimension in (store_query.dimensions_of(reader, *layer) or {}).values()
        }
    points = [
        intervals.at(rules, each, dimensions) if isinstance(each, str) else Point(*each)
        for each in body.points
    ]
    types = None if body.types is None else frozenset(body.types)
    question = Question(fixed, points[0], types=types)
    numbers: list[int] = []
    parts = batch.parts(database, rules, question, points, numbers)
    shown = (
        {
            "valid_from": list(part.holds.start),
            "valid_until": list(part.holds.end),
            "payloads": shapes.valid_rows(part.valid, rules.iov_mode),
        }
        for part in parts
    )
    change = max(change for _, change in fixed)
    pieces = chain(
        [dumps({"change": change})[:-1], b',"answers":'],
        streams.array(shown),
        _end_of_batch(numbers),
    )
    return streams.streamed(pieces, request.cdb.streams)


@used.get(
    list[answers.UsedIov],
    path=inputs.ChecksumPath,
    query=inputs.AsOfQuery,
    errors=[NotFound],
    streams=True,
)
def show_usage(request: Request, path: inputs.ChecksumPath, query: inputs.AsOfQuery) -> Response:
    """List the payload IOVs that have a checksum, with the lists and tags that show them."""
    change = asked.fixed_change(request, query.asOf)
    pages = usage.of_checksum(request.cdb.database, path.checksum, change)
    shown = (
        {"payload_type": page.record.type, "global_tag": page.record.tag, **row}
        for page, row in _rows(request, pages)
    )
    return streams.listed(request, shown, change)


def _end_of_batch(numbers: list[int]) -> Iterator[bytes]:
    yield b',"points":' + dumps(numbers) + b"}"


def _rows(request: Request, pages: Iterable[ListPage]) -> Iterator[tuple[ListPage, shapes.Json]]:
    for page in pages:
        for iov in page.iovs:
            yield page, shapes.iov(iov, page.record.name, request.cdb.rules.iov_mode)


def _window(request: Request, query: inputs.WindowQuery, *tags: asked.AskedTag) -> Interval:
    """Return the part of the axis that is asked for, in the notation of the tags' dimension."""
    rules, at = request.cdb.rules, getattr(query, "at", None)
    if (query.begin, query.end, at) == (None, None, None):
        return intervals.window(rules, None, None, ())
    dimensions = set().union(*(tag.dimensions(rules) for tag in tags))
    if at is None:
        return intervals.window(rules, query.begin, query.end, dimensions)
    if (query.begin, query.end) != (None, None):
        raise Invalid.field("at", "It is one point, and there are from or to as well.")
    return intervals.around(rules, at, dimensions)
