"""The planner's search: what every plan must keep, case by case, judged by the independent checker."""

from dataclasses import replace

import numpy as np
import pytest

from vehicles.checker import check
from vehicles.problem import UNREACHABLE, Call, Place, Plan, Problem, Profile, Shipment, Task, Vehicle
from vehicles.solver import solve, trips_bound
from vehicles.solver.construct import construct
from vehicles.solver.model import Modeller
from vehicles.solver.pool import Pool
from vehicles.solver.timing import Clock, plan_of, tours_of

ITERATIONS = 150
SPEED = 10  # metres a second: a matrix unit of distance is a second


def county(count=24, seed=3, **vehicle):
    """Stations on a square around a hub, one kind of van."""
    rng = np.random.default_rng(seed)
    points = np.vstack([[50.0, 50.0], rng.uniform(0, 100, (count, 2))])
    far = np.rint(np.hypot(*(points[:, None] - points).transpose(2, 0, 1)) * 30).astype(np.int64)
    profile = Profile("van", far, far)
    places = tuple(Place(f"P{i}", float(x), float(y)) for i, (x, y) in enumerate(points))
    tasks = tuple(
        Task(f"T{i}", i, (int(rng.integers(20, 60)), int(rng.integers(5, 30))), (int(rng.integers(0, 30)), 3), 120)
        for i in range(1, count + 1)
    )
    fields = {"count": 6, "window": (6 * 3600, 18 * 3600), "fixed_cost": 20_000, "distance_cost": 10} | vehicle
    return Problem(places, tasks, (Vehicle("van", (300, 150), 0, 0, 0, **fields),), (profile,))


def planned(problem, **options):
    """A plan with nothing wrong, and its report."""
    solved = solve(problem, seconds=60, seed=1, iterations=options.pop("iterations", ITERATIONS), **options)
    report = check(problem, solved.plan)
    assert report.violations == ()
    assert report.cost == solved.plan.cost
    return solved.plan


def changed(problem, number, **fields):
    tasks = list(problem.tasks)
    tasks[number] = replace(tasks[number], **fields)
    return replace(problem, tasks=tuple(tasks))


def vehicle_of(plan, task):
    return next(
        r.vehicle for r in plan.routes for t in r.trips for v in t.visits if (v.kind, v.index) == ("task", task)
    )


def test_a_day_is_planned_whole_and_cheaper_than_its_construction():
    problem = county()
    clock = Clock(Modeller(problem))
    first = plan_of(clock, construct(clock)[0])
    plan = planned(problem)
    assert plan.left_tasks == ()
    assert plan.cost < first.cost


def test_the_same_seed_and_iterations_give_the_same_plan():
    problem = county(max_trips=3, duration_cost=1, loading=600)
    assert planned(problem, iterations=300) == planned(problem, iterations=300)


def test_vans_reload_where_there_are_too_few():
    problem = county(count=1, max_trips=3, loading=900, fixed_cost=0)
    few = county(max_trips=4, loading=900)
    few = replace(few, vehicles=(replace(few.vehicles[0], count=2),))
    plan = planned(few)
    assert plan.left_tasks == ()
    assert max(len(r.trips) for r in plan.routes) > 1
    assert planned(problem).left_tasks == ()


def test_waves_reloads_and_shifts_together_come_to_an_end():
    problem = county(max_trips=3, loading=900, duration_cost=2, max_duration=6 * 3600)
    tasks = tuple(replace(t, release=(7 + 3 * (i % 2)) * 3600) for i, t in enumerate(problem.tasks))
    assert planned(replace(problem, tasks=tasks), iterations=400).left_tasks == ()


def test_windows_releases_range_and_latest_start_are_kept():
    problem = county(max_distance=12_000, start_late=9 * 3600, max_duration=8 * 3600)
    problem = changed(problem, 3, window=(9 * 3600, 9 * 3600 + 900), release=7 * 3600)
    assert planned(changed(problem, 5, window=(15 * 3600, 16 * 3600))).left_tasks == ()


def test_skills_and_permitted_vehicles_bind():
    problem = county()
    cold = replace(problem.vehicles[0], key="cold van", skills=frozenset({"cold"}), count=1, fixed_cost=90_000)
    problem = replace(problem, vehicles=(*problem.vehicles, cold))
    problem = changed(problem, 4, skills=frozenset({"cold"}))
    plan = planned(changed(problem, 7, allowed=frozenset({1})))
    assert vehicle_of(plan, 4) == vehicle_of(plan, 7) == 1


def test_a_closed_road_keeps_the_truck_away_but_not_the_van():
    problem = county()
    closed = problem.profiles[0].distance.copy(), problem.profiles[0].duration.copy()
    for matrix in closed:
        matrix[5, :] = matrix[:, 5] = UNREACHABLE
        matrix[5, 5] = 0
    truck = replace(problem.vehicles[0], key="truck", capacity=(3000, 1500), profile=1, fixed_cost=1)
    problem = replace(
        problem, vehicles=(*problem.vehicles, truck), profiles=(*problem.profiles, Profile("truck", *closed))
    )
    plan = planned(problem)
    assert plan.left_tasks == ()
    assert vehicle_of(plan, 4) == 0


def test_what_no_vehicle_could_serve_is_left_and_all_else_is_planned():
    problem = changed(county(), 2, down=(10_000, 10))  # larger than every van
    problem = changed(problem, 6, window=(2 * 3600, 3 * 3600))  # passed before anybody starts
    problem = changed(problem, 9, skills=frozenset({"hazard"}))  # nobody may
    plan = planned(problem)
    assert plan.left_tasks == (2, 6, 9)


def test_too_few_vehicles_leave_something_but_still_give_a_plan():
    plan = planned(county(count=24, max_duration=2 * 3600))
    few = county(count=24)
    few = replace(few, vehicles=(replace(few.vehicles[0], count=2),))
    left = planned(few).left_tasks
    assert 0 < len(left) < 24
    assert len(plan.routes) <= 6


def test_what_may_wait_is_left_when_it_costs_more_to_go():
    problem = changed(county(), 0, required=False, skip_cost=1)
    assert 0 in planned(problem).left_tasks
    dear = changed(county(), 0, required=False, skip_cost=10**6)
    assert planned(dear).left_tasks == ()


def test_shipments_stay_in_one_trip_in_order():
    problem = county(count=12)
    shipments = (
        Shipment("S0", 2, 9, (30, 10), 60, 60),
        Shipment("S1", 11, 4, (30, 10), 60, 60, delivery_window=(10 * 3600, 11 * 3600)),
        Shipment("S2", 1, 3, (9000, 10)),
    )
    plan = planned(replace(problem, shipments=shipments))
    assert plan.left_tasks == ()
    assert plan.left_shipments == (2,)


def bus_line(problem, tariff=1):
    """A line that calls at three places outward, and comes home."""
    calls = (Call(0, 7 * 3600, 7 * 3600), Call(3, 7 * 3600 + 900, 7 * 3600 + 1000))
    calls += (Call(8, 7 * 3600 + 1800, 7 * 3600 + 1900), Call(5, 7 * 3600 + 2700, 7 * 3600 + 2800))
    bus = Vehicle("bus", (200, 100), 0, 0, 0, timetable=(*calls, Call(0, 8 * 3600, 8 * 3600)), tariff=tariff)
    tasks = tuple(replace(t, pieces=10) for t in problem.tasks)
    return replace(problem, vehicles=(*problem.vehicles, bus), tasks=tasks)


def test_a_cheap_bus_takes_what_lies_on_its_line_and_nothing_else():
    plan = planned(bus_line(county()))
    on_bus = [v.index for r in plan.routes if r.vehicle == 1 for t in r.trips for v in t.visits]
    assert on_bus
    assert set(on_bus) <= {2, 7, 4}
    assert on_bus == sorted(on_bus, key=[2, 7, 4].index)


def test_a_dear_bus_goes_empty_and_a_late_window_misses_it():
    assert all(r.vehicle == 0 for r in planned(bus_line(county(), tariff=10**6)).routes)
    late = changed(bus_line(county()), 2, window=(12 * 3600, 13 * 3600))
    assert vehicle_of(planned(late), 2) == 0


def test_goods_out_come_off_before_goods_back_go_on():
    problem = county()
    tasks = tuple(
        replace(t, down=(0, 0), up=(20, 5)) if i % 3 == 0 else replace(t, up=(0, 0))
        for i, t in enumerate(problem.tasks)
    )
    plan = planned(replace(problem, tasks=tasks, linehaul_first=True), iterations=400)
    assert plan.left_tasks == ()


def test_what_is_on_board_at_the_start_takes_room_on_the_first_trip():
    problem = county(count=4, max_trips=2, initial_load=(230, 0))
    problem = replace(problem, vehicles=(replace(problem.vehicles[0], count=1),))
    plan = planned(problem)
    assert plan.left_tasks == ()
    assert len(plan.routes[0].trips) == 2


def test_a_change_of_vehicle_is_paid_for():
    problem = county(count=12)
    twin = replace(problem.vehicles[0], key="other van")
    problem = replace(problem, vehicles=(replace(problem.vehicles[0], count=1), twin), change_cost=10**6)
    problem = replace(problem, tasks=tuple(replace(t, keep=int(i < 3)) for i, t in enumerate(problem.tasks)))
    plan = planned(
        replace(problem, tasks=tuple(replace(t, keep=1 if i < 3 else None) for i, t in enumerate(problem.tasks)))
    )
    assert {vehicle_of(plan, i) for i in range(3)} == {1}


def test_a_plan_to_start_from_is_kept_or_bettered():
    problem = county()
    good = planned(problem, iterations=600)
    again = planned(problem, warm=good, iterations=1)
    assert again.cost <= good.cost
    smaller = changed(problem, 0, down=(10_000, 1))
    assert planned(smaller, warm=good, iterations=50).left_tasks == (0,)


def test_progress_is_told_and_a_stop_is_obeyed():
    told = []
    asked = iter([False, False, True])
    solved = solve(
        county(count=40), seconds=60, on_better=lambda plan, step: told.append((plan, step)),
        should_stop=lambda: next(asked, True),
    )  # fmt: skip
    assert solved.stopped
    assert solved.plan == told[-1][0]
    costs = [step.cost for _, step in told]
    assert costs == sorted(costs, reverse=True)
    assert solved.trace[-1].cost == solved.plan.cost


def test_nothing_to_do_and_nobody_to_do_it():
    problem = county(count=3)
    assert solve(replace(problem, tasks=()), seconds=1).plan == Plan(())
    assert solve(replace(problem, vehicles=()), seconds=1).plan.left_tasks == (0, 1, 2)


def test_fewest_trips_by_bin_packing():
    problem = county()
    heavy = sum(t.down[0] for t in problem.tasks)
    assert trips_bound(problem) >= -(-heavy // 300)
    plan = planned(problem)
    trips = sum(len(r.trips) for r in plan.routes)
    assert trips_bound(problem) <= trips_bound(problem, plan) <= trips


def test_the_pool_puts_routes_of_two_plans_together():
    clock = Clock(Modeller(county(count=8)))
    tours = construct(clock)[0]
    pool = Pool()
    for tour in tours:
        pool.add(tour, clock.timed(tour).cost)
    upper = sum(clock.timed(t).cost for t in tours)
    assert pool.best([6], [10**9] * 8, upper, seconds=5) is None
    assert pool.best([6], [10**9] * 8, upper + 1, seconds=5) is not None


@pytest.mark.parametrize("options", [{}, {"soft": True}])
def test_model_and_plan_agree_on_cost_and_come_back_the_same(options):
    problem = bus_line(county(max_trips=2, loading=600, duration_cost=3))
    modeller = Modeller(problem)
    clock = Clock(modeller)
    plan = planned(problem)
    tours = tours_of(problem, plan)
    model = modeller.model(**options)
    solution = model.solution(tours)
    assert solution.is_feasible()
    assert sorted(model.tours(solution)) == sorted(tours)
    cost = solution.distance_cost() + solution.duration_cost() + solution.fixed_vehicle_cost()
    assert cost == plan.cost == plan_of(clock, tours).cost
