"""The rest of a day: what is driven, what is on board, what is free; and orders made to fit again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vehicles.checker import check
from vehicles.problem import Place, Plan, Problem, Profile, Task, Vehicle
from vehicles.solver.construct import construct
from vehicles.solver.model import Modeller
from vehicles.solver.repair import repair
from vehicles.solver.replan import replan
from vehicles.solver.rest import HORIZON, Changes, Rest, rest_of_day
from vehicles.solver.timing import Clock, plan_of

HOUR = 3600


def county(count: int, seed: int, trips: int = 2) -> Problem:
    """Stops around a hub, two kinds of vehicles, goods down and up."""
    rng = np.random.default_rng(seed)
    points = np.vstack([[0.0, 0.0], rng.uniform(-1500, 1500, (count, 2))])
    away = np.hypot(*(points[:, None] - points).transpose(2, 0, 1)).round().astype(np.int64)
    profiles = (Profile("van", away, away), Profile("trike", away, away * 2))
    tasks = tuple(
        Task(
            f"s{i}",
            i + 1,
            (int(rng.integers(1, 30)), int(rng.integers(1, 40))),
            (int(rng.integers(0, 12)), int(rng.integers(0, 15))),
            300,
            (8 * HOUR, 20 * HOUR),
            pieces=3,
        )
        for i in range(count)
    )
    vehicles = (
        Vehicle(
            "van", (120, 160), 0, 0, 0, 4, (6 * HOUR, 20 * HOUR), max_trips=trips, loading=900, fixed_cost=900,
            distance_cost=2,
        ),
        Vehicle("trike", (60, 80), 1, 0, 0, 3, (6 * HOUR, 20 * HOUR), loading=600, fixed_cost=400),
    )  # fmt: skip
    places = tuple(Place(str(i), float(x), float(y)) for i, (x, y) in enumerate(points))
    return Problem(places, tasks, vehicles, profiles)


def first_plan(problem: Problem) -> Plan:
    clock = Clock(Modeller(problem))
    return plan_of(clock, construct(clock)[0])


def repaired(rest: Rest) -> Plan:
    clock = Clock(Modeller(rest.problem))
    plan = plan_of(clock, repair(clock, rest.tours))
    assert check(rest.problem, plan).violations == ()
    return plan


def vehicle_of(plan: Plan) -> dict[int, int]:
    return {v.index: r.vehicle for r in plan.routes for t in r.trips for v in t.visits if v.kind == "task"}


@settings(max_examples=60, deadline=None)
@given(count=st.integers(3, 25), seed=st.integers(0, 10**6), hour=st.integers(6, 19), lose=st.booleans())
def test_whatever_the_hour_nothing_is_lost_and_what_is_on_board_stays(count, seed, hour, lose):
    problem = county(count, seed)
    plan = first_plan(problem)
    lost = frozenset({seed % len(plan.routes)}) if lose and plan.routes else frozenset()
    rest = rest_of_day(problem, plan, Changes(now=hour * HOUR + seed % HOUR, lost=lost), change_cost=100)
    there = [old for old in rest.old_task if old is not None]
    assert len(set(there)) == len(there)
    assert set(there) | rest.served == set(range(count))
    done = repaired(rest)
    by = vehicle_of(done)
    for index, task in enumerate(rest.problem.tasks):
        if task.keep is not None and task.allowed == {task.keep}:
            assert by[index] == task.keep
    if not lost:
        assert done.left_tasks == () or plan.left_tasks


def test_before_the_day_begins_the_rest_is_the_whole_and_stays_as_it_is():
    problem = county(15, 3)
    plan = first_plan(problem)
    rest = rest_of_day(problem, plan, Changes(now=0), change_cost=100)
    assert rest.served == frozenset()
    assert rest.kept(repaired(rest)) == (15, 15)


def test_what_begins_within_a_quarter_of_an_hour_counts_as_driven():
    problem = county(8, 5)
    plan = first_plan(problem)
    visit = plan.routes[0].trips[0].visits[0]
    assert visit.index not in rest_of_day(problem, plan, Changes(now=visit.start - HORIZON - 1), change_cost=1).served
    assert visit.index in rest_of_day(problem, plan, Changes(now=visit.start - HORIZON), change_cost=1).served


def test_goods_of_a_broken_down_van_are_fetched_where_it_stands():
    problem = county(12, 7)
    plan = first_plan(problem)
    number = max(range(len(plan.routes)), key=lambda n: len(plan.routes[n].trips[0].visits))
    trip = plan.routes[number].trips[0]
    now = trip.visits[0].start
    rest = rest_of_day(problem, plan, Changes(now=now, lost=frozenset({number})), change_cost=100)
    stood_at = {shipment.origin for shipment in rest.problem.shipments}
    assert stood_at <= {problem.tasks[v.index].place for v in trip.visits}
    assert rest.problem.shipments
    plan_b = repaired(rest)
    assert plan_b.left_shipments == ()
    assert number not in {rest.route[r.vehicle] for r in plan_b.routes}


def test_more_at_a_stop_is_fetched_by_somebody_and_the_others_stay():
    problem = county(20, 11)
    plan = first_plan(problem)
    grown = replace(problem.tasks[4], down=(100, 120))
    rest = rest_of_day(problem, plan, Changes(now=0, changed={4: grown}), change_cost=100)
    answer = repaired(rest)
    assert answer.left_tasks == ()
    stayed, promised = rest.kept(answer)
    assert promised == 19
    assert stayed >= 17


def test_a_cancelled_stop_is_not_driven_to_and_a_new_one_is():
    problem = county(10, 13)
    plan = first_plan(problem)
    new = Task("new", 3, (0, 0), (5, 5), 200, (8 * HOUR, 20 * HOUR))
    rest = rest_of_day(problem, plan, Changes(now=0, cancelled=frozenset({2}), new=(new,)), change_cost=100)
    assert 2 not in rest.old_task
    assert rest.old_task.index(None) in vehicle_of(repaired(rest))


def test_what_is_really_driven_goes_before_what_was_planned():
    problem = county(10, 17)
    plan = first_plan(problem)
    rest = rest_of_day(problem, plan, Changes(now=12 * HOUR, done={0: (0, 0)}), change_cost=100)
    assert not rest.served & {v.index for v in plan.routes[0].trips[0].visits}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), hour=st.integers(7, 12))
def test_a_short_search_keeps_nine_in_ten_and_never_makes_it_worse(seed, hour):
    problem = county(25, seed)
    plan = first_plan(problem)
    changes = Changes(now=hour * HOUR, lost=frozenset({0}), changed={3: replace(problem.tasks[3], up=(20, 20))})
    rest = rest_of_day(problem, plan, changes, change_cost=50)
    found = replan(rest, iterations=40)
    assert check(rest.problem, found.plan).violations == ()
    stayed, promised = rest.kept(found.plan)
    at_least = rest.kept(repaired(rest))[0]
    assert stayed >= min(0.9 * promised, at_least)
    assert found.plan.cost <= repaired(rest).cost or len(found.plan.left_tasks) < len(repaired(rest).left_tasks)


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing_left_is_no_error(count):
    problem = county(count, 1)
    plan = first_plan(problem) if count else Plan(())
    rest = rest_of_day(problem, plan, Changes(now=23 * HOUR), change_cost=1)
    assert rest.tours == ()
    assert repaired(rest).routes == ()
