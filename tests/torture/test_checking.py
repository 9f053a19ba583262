"""The checker of histories finds what is planted in a history that is good."""

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from model import ListModel, ServiceModel
from slots import NewRow, Slots
from support import serving
from torture.campaign import Campaign
from torture.checking import check
from torture.journal import Journal, Question
from torture.states import GRID
from torture.workload import Client, Workload

from cdb.app import make_app
from cdb.domain.points import OPEN, Point
from cdb.settings import load

Recorded = tuple[Journal, str]

LAST = 99
"""The client that comes after all others."""


@pytest.fixture(scope="module")
def recorded(databases: Any) -> Iterator[Recorded]:
    """A history in which all is well, and the service that it is of."""
    campaign = Campaign("planted", None)
    campaign.random = Random(1)
    with databases("sqlite") as url:
        app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
        with serving(app) as root:
            journal = Journal()
            with Workload([root], campaign, journal, clients=4, writing=40) as workload:
                workload.goes_on(150)
            end(workload)
            yield journal, root
        app.registry.cdb.database.dispose()


def end(workload: Workload) -> None:
    """Let one client do and ask what is known, after all others."""
    client = Client(workload, LAST, Random(1))
    tag, [kind, _] = f"{workload.journal.name}-Z", workload.types
    middle = Point(5, 0)
    client.write(client.make_tag(tag))
    client.write(client.make_list(kind))
    client.write(client.attach_list(tag, workload.lists[-1]))
    client.read(Question("query", (tag, *middle)))
    rows = [(kind, NewRow(Point(0, 0), middle, "one")), (kind, NewRow(middle, OPEN, "two"))]
    client.write(client.attach(tag, rows))
    for read in ("query", "objects"):
        client.read(Question(read, (tag, *middle)))
    change = max(each.change or 0 for each in workload.journal.exchanges)
    client.read(Question("query", (tag, *middle), change))
    rows = [(kind, NewRow(middle, OPEN, "three"))]
    other = f"{workload.journal.name}-Y"
    client.write(client.make_tag(other))
    client.write(client.make_list(kind))
    client.write(client.attach_list(other, workload.lists[-1]))
    client.write(client.attach(other, rows))
    client.write(client.merge(other, [(tag, None)], "fill"))
    client.read(Question("ranges", (other,)))
    running, empty = f"{workload.journal.name}-X", f"{workload.journal.name}-W"
    for name in (running, empty):
        client.write(client.make_tag(name))
    client.write(client.update(running, [(other, None)], Point(0, 3), "refuse", full=False))
    client.read(Question("ranges", (running,)))
    client.write(client.update(running, [(empty, None)], GRID[-2], "allow", full=True))
    client.read(Question("counts", ()))
    client.session.close()


def put(journal: Journal, place: int, **different: Any) -> None:
    """Plant something in an exchange of the last client, counted by its kind."""
    journal.exchanges[place] = journal.exchanges[place]._replace(**different)


def place_of(journal: Journal, kind: str, number: int = 0) -> int:
    """Return where the last client did or asked something of a kind."""
    each = enumerate(journal.exchanges)
    return [n for n, e in each if (e.client, e.about.kind) == (LAST, kind)][number]


def put_write(journal: Journal, **different: Any) -> None:
    place = place_of(journal, "attach")
    put(journal, place, about=journal.exchanges[place].about._replace(**different))


def lose_a_confirmed_write(journal: Journal) -> None:
    known = journal.exchanges[place_of(journal, "attach")]
    journal.exchanges.append(known._replace(about=known.about._replace(name="lost")))


def refuse_what_is_done(journal: Journal) -> None:
    put(journal, place_of(journal, "attach"), status=409, headers={}, body=b"{}")


def say_503_of_what_is_done(journal: Journal) -> None:
    put(journal, place_of(journal, "attach"), status=503, headers={}, body=b"{}")


def confirm_under_another_number(journal: Journal) -> None:
    put(journal, place_of(journal, "attach"), headers={"CDB-Change": "1"})


def do_half_of_a_write(journal: Journal) -> None:
    tag, rows = journal.exchanges[place_of(journal, "attach")].about.arguments
    put_write(journal, arguments=(tag, rows[:1]))


def let_another_one_win_a_merge(journal: Journal) -> None:
    place = place_of(journal, "merge")
    about = journal.exchanges[place].about
    tag, sources, _ = about.arguments
    put(journal, place, about=about._replace(arguments=(tag, sources, "override")))


def merge_what_was_before(journal: Journal) -> None:
    place = place_of(journal, "merge")
    about, attached = (
        journal.exchanges[place].about,
        journal.exchanges[place_of(journal, "attach")],
    )
    tag, [(source, _)], mode = about.arguments
    before = [(source, int(attached.headers["CDB-Change"]) - 1)]
    put(journal, place, about=about._replace(arguments=(tag, before, mode)))


def begin_an_update_earlier(journal: Journal) -> None:
    place = place_of(journal, "update")
    about = journal.exchanges[place].about
    tag, sources, _, *how = about.arguments
    put(journal, place, about=about._replace(arguments=(tag, sources, Point(0, 0), *how)))


def let_an_update_be_of_its_sources_alone(journal: Journal) -> None:
    place = place_of(journal, "update", 1)
    about = journal.exchanges[place].about
    put(journal, place, about=about._replace(arguments=(*about.arguments[:-1], False)))


def do_what_could_not_be_done(journal: Journal) -> None:
    tag, _ = journal.exchanges[place_of(journal, "attach")].about.arguments
    put_write(journal, kind="make tag", arguments=(tag,))


def do_what_was_overtaken(journal: Journal) -> None:
    put_write(journal, needs=journal.began)


def answer_what_was(journal: Journal) -> None:
    moment = journal.exchanges[-1].received + 1
    put(journal, place_of(journal, "query"), sent=moment, received=moment + 0.001)


def answer_less_than_was_seen(journal: Journal) -> None:
    answer_what_was(journal)
    change = journal.exchanges[place_of(journal, "attach")].headers["CDB-Change"]
    put(journal, place_of(journal, "query"), sent_headers={"CDB-Min-Change": change})


def answer_what_comes_later(journal: Journal) -> None:
    put(journal, place_of(journal, "counts"), sent=0.0, received=0.1)


def answer_no_state(journal: Journal) -> None:
    place = place_of(journal, "counts")
    rows = json.loads(journal.exchanges[place].body)
    rows[-1]["payload_iov_count"] += 100
    put(journal, place, body=json.dumps(rows).encode())


def say_304_for_what_nobody_has_seen(journal: Journal) -> None:
    place = place_of(journal, "query", 1)
    put(journal, place, status=304, body=b"", sent_headers={"If-None-Match": '"another"'})


def say_304_for_what_has_changed(journal: Journal) -> None:
    known = journal.exchanges[place_of(journal, "query")]
    sent_headers = {"If-None-Match": known.headers["ETag"]}
    put(journal, place_of(journal, "query", 1), status=304, sent_headers=sent_headers)


def change_what_is_past(journal: Journal) -> None:
    known = journal.exchanges[place_of(journal, "query", 2)]
    journal.exchanges.append(known._replace(body=known.body + b" "))


def say_that_it_holds_for_longer(journal: Journal) -> None:
    place = place_of(journal, "query", 1)
    put(journal, place, headers={**journal.exchanges[place].headers, "CDB-Valid-From": "0,0"})


def let_all_caches_keep_it(journal: Journal) -> None:
    place = place_of(journal, "query", 1)
    headers = {**journal.exchanges[place].headers, "Cache-Control": "public, max-age=86400"}
    put(journal, place, headers=headers)


def end_in_the_middle(journal: Journal) -> None:
    place = place_of(journal, "counts")
    put(journal, place, body=journal.exchanges[place].body[:-40])


PLANTED = {
    lose_a_confirmed_write: "is lost",
    refuse_what_is_done: "not done, it was said",
    say_503_of_what_is_done: "not done, it was said",
    confirm_under_another_number: "and confirmed as",
    do_half_of_a_write: "not of the states",
    let_another_one_win_a_merge: "not of the states",
    merge_what_was_before: "changes nothing, and is a change",
    begin_an_update_earlier: "not of the states",
    let_an_update_be_of_its_sources_alone: "changes nothing, and is a change",
    do_what_could_not_be_done: "could not be done",
    do_what_was_overtaken: "was for the head",
    answer_what_was: "not of the states",
    answer_what_comes_later: "not of",
    answer_no_state: "an answer of no state",
    say_304_for_what_nobody_has_seen: "a 304 for what the client cannot have seen",
    say_304_for_what_has_changed: "not of the states",
    change_what_is_past: "as of a change, and not",
    say_that_it_holds_for_longer: "an answer of no state",
    let_all_caches_keep_it: "kept for a day",
    end_in_the_middle: "no answer that can be read",
}


def test_a_good_history_has_no_problems(recorded: Recorded) -> None:
    assert check(*recorded) == []


@pytest.fixture
def journal(recorded: Recorded) -> Journal:
    """A copy of the history, to plant something in."""
    made = copy.copy(recorded[0])
    made.exchanges = list(made.exchanges)
    return made


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_is_planted_is_found(
    recorded: Recorded, journal: Journal, plant: Callable[[Journal], None]
) -> None:
    plant(journal)
    found = check(journal, recorded[1])
    assert any(PLANTED[plant] in problem for problem in found), found


def test_what_may_be_stale_is_never_below_min_change(recorded: Recorded, journal: Journal) -> None:
    answer_what_was(journal)
    assert check(journal, recorded[1], stale_s=60) == []
    answer_less_than_was_seen(journal)
    assert len(check(journal, recorded[1], stale_s=60)) == 1


def test_what_is_lost_where_it_may_be_is_named(recorded: Recorded, journal: Journal) -> None:
    lose_a_confirmed_write(journal)
    lost: list[str] = []
    assert check(journal, recorded[1], lost=lost) == []
    assert [each.split(",")[0] for each in lost] == ["lost"]


SHOWN = (
    answer_no_state,
    say_304_for_what_nobody_has_seen,
    say_304_for_what_has_changed,
    change_what_is_past,
    end_in_the_middle,
)


@pytest.mark.parametrize("plant", SHOWN, ids=lambda plant: plant.__name__)
def test_where_something_was_lost_all_is_right_again_after_that(
    recorded: Recorded, journal: Journal, plant: Callable[[Journal], None]
) -> None:
    journal.marks = [(0.0, "restored")]
    plant(journal)
    found = check(journal, recorded[1], lost=[])
    assert any(PLANTED[plant] in problem for problem in found), found


def test_what_a_revert_does_is_worked_out_on_the_grid_of_the_workload() -> None:
    model = ServiceModel()
    model.create_tag("A", "unlocked")
    past = model.past()
    model.lists.append(ListModel("L", "T", "explicit", Slots(GRID), "A"))
    model.change_status("A", "locked")
    assert model.revert("A", past) == 0  # it holds nothing, and nothing goes away
