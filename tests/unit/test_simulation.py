"""The simulation of `benchmarks/` agrees with what can be worked out without it."""

import random
import sys
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import pytest
import simpy

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# Only for these imports: benchmarks/plugins.py is not what others mean by `plugins`.
sys.path.append(str(BENCHMARKS))
from simulation import clients, one_machine, plans, report, storm, theory  # noqa: E402
from simulation.servers import ALWAYS, STATUS, Databases, Freshness, Front, Habits, Place, Process  # noqa: E402
from simulation.stations import Operation, Station, Steps  # noqa: E402

sys.path.remove(str(BENCHMARKS))

CHEAP = Operation(service=0.0005, database=0.0, rest=0.0, spread=0.0, size=400)
DEAR = Operation(service=0.002, database=0.003, rest=0.0, spread=0.0, size=36_000)
LOOK = Operation(service=0.0, database=0.001, rest=0.0, spread=0.0, size=0)
FREE = Operation(service=0.0, database=0.0, rest=0.0, spread=0.0, size=0)
COSTS = plans.Costs(
    {"query": DEAR, "hot": CHEAP, "not-modified": CHEAP, "status": CHEAP}, FREE, 0.00005, {}
)
MINUTE_OLD = Freshness(60.0)


class Behind:
    """Answers everything after a second, and notes what was asked."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.asked: list[bool] = []

    def answer(self, key: Hashable, *, known: bool = False) -> Steps:
        self.asked.append(known)
        yield self.env.timeout(1.0)
        return True


def front(env: simpy.Environment, habits: Habits) -> tuple[Front, Behind]:
    behind = Behind(env)
    return Front(env, behind, Place(Station(env, 2), 0.001, 0.1), habits), behind


def ask_together(front: Front, number: int) -> None:
    env = front.env
    asked = [env.process(front.answer("key")) for _ in range(number)]
    env.run(env.all_of(asked))


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 0.6)])
def test_who_comes_at_random_waits_as_erlang_says(servers: int, load: float) -> None:
    exact = theory.waiting_time(load * servers, 1.0, servers)
    found = report.simulated_wait(load * servers, servers, number=60_000)
    assert found == pytest.approx(exact, rel=0.06)


def test_erlangs_formula_has_the_value_of_the_textbooks() -> None:
    # M/M/1: the mean wait is the load over the idle share; M/M/2 at load 1: a third.
    assert theory.waiting_time(0.75, 1.0, 1) == pytest.approx(3.0)
    assert theory.waiting_time(1.0, 1.0, 2) == pytest.approx(1 / 3)


def test_a_closed_network_has_the_throughput_of_mean_value_analysis() -> None:
    demands, customers, seconds = (1.0, 0.6), 4, 20_000.0
    chance, env = random.Random(1), simpy.Environment()
    stations = [Station(env, 1) for _ in demands]
    done = 0

    def customer() -> clients.Walk:
        nonlocal done
        while True:
            for station, demand in zip(stations, demands, strict=True):
                yield env.timeout(station.delay(chance.expovariate(1 / demand)))
            done += 1

    for _ in range(customers):
        env.process(customer())
    env.run(seconds)
    assert done / seconds == pytest.approx(theory.closed_throughput(demands, customers), rel=0.02)


@pytest.mark.parametrize(("threads", "seconds"), [(1, 0.005), (8, 0.003)])
def test_threads_of_a_process_share_its_core_and_wait_for_the_database_together(
    threads: int, seconds: float
) -> None:
    # One database core: with threads enough that is what is full, at 3 ms a query.
    env, chance = simpy.Environment(), random.Random(1)
    databases = Databases(env, [Station(env, 1)], 0.0)
    process = Process(env, COSTS, databases, Station(env, 1), chance, threads=threads)
    asked = [env.process(process.answer(number)) for number in range(400)]
    env.run(env.all_of(asked))
    assert env.now / 400 == pytest.approx(seconds, rel=0.02)


def process_that_looks(fresh: Freshness) -> Process:
    env, costs = simpy.Environment(), replace(COSTS, look=LOOK)
    databases = Databases(env, [Station(env, 1)], 0.0)
    process = Process(env, costs, databases, Station(env, 1), random.Random(1), fresh)
    process.remembers.add("point")
    return process


def ask_in_turns(process: Process, number: int, key: str = "point", *, known: bool = False) -> int:
    def ask() -> clients.Walk:
        for _ in range(number):
            yield from process.answer(key, known=known)

    process.env.run(process.env.process(ask()))
    return process.looks


@pytest.mark.parametrize(
    ("fresh", "looks"),
    [(ALWAYS, 50), (MINUTE_OLD, 1), (Freshness(0.01), 3), (Freshness(is_closed=True), 1)],
)
def test_a_process_looks_as_often_as_answers_have_to_be_fresh(
    fresh: Freshness, looks: int
) -> None:
    # 50 kept answers take 25 ms, and the looks 1 ms each.
    assert ask_in_turns(process_that_looks(fresh), 50) == looks


def test_of_requests_that_wait_together_one_looks_for_all() -> None:
    process = process_that_looks(ALWAYS)

    def ask(late: float) -> clients.Walk:
        yield process.env.timeout(late)
        yield from process.answer("point")

    # A look takes 1 ms: the last seven wait for the one that begins after that of the first.
    asked = [process.env.process(ask(number / 10_000)) for number in range(8)]
    process.env.run(process.env.all_of(asked))
    assert process.looks == 2


def test_statuses_are_looked_at_even_if_the_tag_is_closed() -> None:
    assert ask_in_turns(process_that_looks(Freshness(is_closed=True)), 5, STATUS) == 5


def test_who_has_a_copy_is_answered_after_a_look() -> None:
    assert ask_in_turns(process_that_looks(MINUTE_OLD), 5, known=True) == 5


def test_requests_for_one_answer_collapse_into_one() -> None:
    cache, behind = front(simpy.Environment(), Habits(fresh=MINUTE_OLD))
    ask_together(cache, 50)
    assert behind.asked == [False]
    ask_together(cache, 50)
    assert behind.asked == [False]


def test_without_collapsing_each_asks() -> None:
    cache, behind = front(simpy.Environment(), Habits(fresh=MINUTE_OLD, collapses=False))
    ask_together(cache, 50)
    assert behind.asked == [False] * 50


def test_a_copy_that_does_not_hold_costs_each_a_question() -> None:
    cache, behind = front(simpy.Environment(), Habits(fresh=ALWAYS))
    ask_together(cache, 50)
    ask_together(cache, 50)
    assert behind.asked == [False] + [True] * 50


def test_too_many_are_refused() -> None:
    cache, behind = front(simpy.Environment(), Habits(keeps=False, limit=10))
    ask_together(cache, 50)
    assert len(behind.asked) == cache.most == 10
    assert cache.refused == 40


def restart(manners: clients.Manners, horizon: float = 60.0, **plan: object) -> storm.Storm:
    small = plans.Plan(processes=1, sites=5, **plan)  # type: ignore[arg-type] # by name
    return storm.restart(small, COSTS, manners, jobs=1_000, horizon=horizon)


def test_every_job_of_a_restart_is_ready_in_the_end() -> None:
    hasty = clients.Manners()
    bare = restart(hasty, site_keeps=False, front_keeps=False)
    assert len(bare.ready) == bare.jobs
    assert bare.reach == 2 * bare.jobs
    cached = restart(hasty, fresh=MINUTE_OLD)
    assert len(cached.ready) == cached.jobs
    assert cached.reach < 0.8 * bare.reach
    assert (cached.until(1.0) or 60.0) < (bare.until(1.0) or 0.0)
    assert restart(hasty, fresh=MINUTE_OLD) == cached


def test_jobs_that_give_up_early_keep_a_service_busy_for_nobody() -> None:
    bare = {"site_keeps": False, "front_keeps": False}
    patient = restart(clients.Manners(), **bare)
    hasty = restart(clients.Manners(limit=0.5), **bare)
    assert patient.timed_out == 0 < hasty.timed_out
    assert hasty.reach > 1.5 * patient.reach
    assert (hasty.until(1.0) or 60.0) > (patient.until(1.0) or 60.0)
    refused = restart(clients.Manners(limit=0.5, backs_off=True), limit=100, **bare)
    assert len(refused.ready) == refused.jobs
    assert refused.timed_out == 0 < refused.refused


def test_a_topology_that_was_sized_is_as_busy_as_it_should_be() -> None:
    way = plans.Plan(site_keeps=False, front_keeps=False, novel=1.0)
    enough, found = plans.sized(way, COSTS, 2_000.0, requests=4_000)
    assert found.service == pytest.approx(2_000 * DEAR.service, rel=0.05)
    assert 0.5 < found.service / enough.processes <= plans.FULL * 1.05


def test_the_measured_costs_can_be_read_and_foretell_the_measured_runs() -> None:
    costs = plans.Costs.read(BENCHMARKS / "service_times.json")
    lines = one_machine.compare(costs, seconds=2.0)
    rates = {(line.work, line.connections): line.foretold[0] for line in lines}
    assert set(rates) == {(work, number) for work in ("query", "hot") for number in (4, 50)}
    # Two cores, all work on them: the rate is bounded by what one query costs.
    query, cores = costs.operations["query"], costs.figures["measured"]["cores"]
    assert 0 < rates["query", 50] < cores / (query.service + query.database)
    # One process: of kept answers it gives at most as many as one core can.
    assert rates["query", 50] < rates["hot", 50] < 1 / costs.operations["hot"].service
