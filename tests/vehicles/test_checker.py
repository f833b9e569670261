"""One sabotage a code: a plan that is right, broken in one way, yields exactly that violation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vehicles.checker import CODES, Report, check
from vehicles.problem import (
    UNREACHABLE,
    Call,
    Place,
    Plan,
    Problem,
    Profile,
    Route,
    Shipment,
    Task,
    Trip,
    Vehicle,
    Visit,
)

VAN, BUS = 0, 1


def line(places: int, metres: int = 10, seconds: int = 60) -> Profile:
    """Places along one road, the same way apart."""
    apart = np.abs(np.subtract.outer(np.arange(places), np.arange(places))).astype(np.int64)
    return Profile("van", apart * metres, apart * seconds)


def timed(problem: Problem, vehicle: Vehicle, stops: list[tuple[str, int]], depart: int) -> Trip:
    """The trip that drives at once and waits where it must."""
    duration = problem.profiles[vehicle.profile].duration
    here, now = vehicle.start, depart
    visits = []
    for kind, index in stops:
        if kind == "task":
            task = problem.tasks[index]
            there, service, window = task.place, task.service, task.window
        else:
            shipment = problem.shipments[index]
            there, service, window = (
                (shipment.origin, shipment.pickup_service, shipment.pickup_window)
                if kind == "pickup"
                else (shipment.destination, shipment.delivery_service, shipment.delivery_window)
            )
        arrive = now + int(duration[here, there])
        start = max(arrive, window[0])
        visits.append(Visit(kind, index, arrive, start, start + service))
        here, now = there, start + service
    return Trip(depart, tuple(visits), now + int(duration[here, vehicle.end]))


def county() -> Problem:
    """A hub and four villages on one road; a van with two trips, a bus to the end of it."""
    nowhere = np.full((5, 5), UNREACHABLE, dtype=np.int64)
    return Problem(
        places=tuple(Place(str(place)) for place in range(5)),
        tasks=(
            Task("A", 1, (40, 20), (10, 5), service=120, window=(21_600, 40_000), skills=frozenset({"cold"})),
            Task("B", 3, (60, 30), (20, 10), service=60, release=22_000, allowed=frozenset({VAN}), keep=BUS),
            Task("C", 2, (50, 25), (0, 0), window=(30_000, 40_000)),
            Task("D", 2, (10, 5), (0, 0), pieces=3),
            Task("E", 4, (5, 5), (5, 5), pieces=2),
            Task("F", 4, (90, 50), (0, 0), required=False, skip_cost=500),
        ),
        vehicles=(
            Vehicle(
                "van",
                capacity=(105, 52),
                profile=0,
                start=0,
                end=0,
                window=(21_600, 64_800),
                start_late=36_000,
                max_duration=20_000,
                max_distance=200,
                max_trips=2,
                loading=600,
                fixed_cost=1_000,
                distance_cost=2,
                duration_cost=1,
                skills=frozenset({"cold"}),
                initial_load=(5, 2),
            ),
            Vehicle(
                "bus",
                capacity=(20, 10),
                profile=1,
                start=0,
                end=4,
                timetable=(Call(0, 29_900, 30_000), Call(2, 30_600, 30_660), Call(4, 31_200, 31_200)),
                tariff=7,
            ),
        ),
        profiles=(line(5), Profile("bus", nowhere, nowhere)),
        shipments=(Shipment("S", 1, 3, (5, 5), pickup_service=30, delivery_service=30),),
        change_cost=300,
    )


def good(problem: Problem) -> Plan:
    van = problem.vehicles[VAN]
    first = timed(problem, van, [("task", 0), ("pickup", 0), ("task", 1), ("delivery", 0)], 22_000)
    second = timed(problem, van, [("task", 2)], first.back + van.loading)
    ride = Trip(
        30_000, (Visit("task", 3, 30_600, 30_600, 30_600), Visit("task", 4, 31_200, 31_200, 31_200)), back=31_200
    )
    return Plan((Route(VAN, (first, second)), Route(BUS, (ride,))), left_tasks=(5,))


def with_vehicle(problem: Problem, index: int, **changes: object) -> Problem:
    vehicles = list(problem.vehicles)
    vehicles[index] = replace(vehicles[index], **changes)
    return replace(problem, vehicles=tuple(vehicles))


def with_task(problem: Problem, index: int, **changes: object) -> Problem:
    tasks = list(problem.tasks)
    tasks[index] = replace(tasks[index], **changes)
    return replace(problem, tasks=tuple(tasks))


def with_trip(plan: Plan, route: int, trip: int, **changes: object) -> Plan:
    routes = list(plan.routes)
    trips = list(routes[route].trips)
    trips[trip] = replace(trips[trip], **changes)
    routes[route] = replace(routes[route], trips=tuple(trips))
    return replace(plan, routes=tuple(routes))


def with_visit(plan: Plan, route: int, trip: int, visit: int, **changes: object) -> Plan:
    visits = list(plan.routes[route].trips[trip].visits)
    visits[visit] = replace(visits[visit], **changes)
    return with_trip(plan, route, trip, visits=tuple(visits))


def with_route(problem: Problem, plan: Plan, stops: list[list[tuple[str, int]]]) -> Plan:
    """The van's day with these stops instead."""
    van, depart, trips = problem.vehicles[VAN], 22_000, []
    for each in stops:
        trips.append(timed(problem, van, each, depart))
        depart = trips[-1].back + van.loading
    return replace(plan, routes=(Route(VAN, tuple(trips)), plan.routes[1]))


A, B, C, S_UP, S_DOWN = ("task", 0), ("task", 1), ("task", 2), ("pickup", 0), ("delivery", 0)


def _travel(problem: Problem, plan: Plan) -> tuple[Problem, Plan]:
    """Says it arrives a minute before the road allows, and waits."""
    visit = plan.routes[0].trips[1].visits[0]
    return problem, with_visit(plan, 0, 1, 0, arrive=visit.arrive - 60)


def _later(problem: Problem, plan: Plan, seconds: int) -> Plan:
    """The first trip alone, moved."""
    van = problem.vehicles[VAN]
    trip = timed(problem, van, [A, S_UP, B, S_DOWN], seconds)
    return replace(plan, routes=(Route(VAN, (trip,)), plan.routes[1]), left_tasks=(2, 5))


def _both(problem: Problem, plan: Plan) -> tuple[Problem, Plan]:
    second = replace(plan.routes[0], trips=(timed(problem, problem.vehicles[VAN], [], 30_000),))
    return problem, replace(plan, routes=(*plan.routes, second))


def _closed(problem: Problem, plan: Plan) -> tuple[Problem, Plan]:
    distance = problem.profiles[0].distance.copy()
    distance[0, 2] = UNREACHABLE
    return replace(problem, profiles=(replace(problem.profiles[0], distance=distance), problem.profiles[1])), plan


def _shipped(problem: Problem, plan: Plan, stops: list[list[tuple[str, int]]]) -> tuple[Problem, Plan]:
    return problem, with_route(problem, plan, stops)


def _ride(plan: Plan, *visits: Visit) -> Plan:
    return with_trip(plan, 1, 0, visits=visits)


FIRST = Visit("task", 3, 30_600, 30_600, 30_600)
LAST = Visit("task", 4, 31_200, 31_200, 31_200)
STOWED = [A, S_UP, B, S_DOWN]

SABOTAGE: dict[str, Callable[[Problem, Plan], tuple[Problem, Plan]]] = {
    "unknown_vehicle": lambda p, plan: (p, replace(plan, routes=(*plan.routes, Route(9, ())))),
    "unknown_visit": lambda p, plan: (p, replace(plan, left_tasks=(5, 77))),
    "too_many_vehicles": _both,
    "empty_route": lambda p, plan: (
        with_vehicle(p, VAN, count=2),
        replace(plan, routes=(*plan.routes, Route(VAN, ()))),
    ),
    "too_many_trips": lambda p, plan: (with_vehicle(p, VAN, max_trips=1), plan),
    "reload_elsewhere": lambda p, plan: (
        q := with_vehicle(p, VAN, end=1),
        with_route(q, plan, [STOWED, [C]]),
    ),
    "loading_time": lambda p, plan: (with_vehicle(p, VAN, loading=601), plan),
    "departs_early": lambda p, plan: (with_vehicle(p, VAN, window=(22_001, 64_800)), plan),
    "departs_late": lambda p, plan: (with_vehicle(p, VAN, start_late=21_999), plan),
    "returns_late": lambda p, plan: (with_vehicle(p, VAN, window=(21_600, plan.routes[0].trips[1].back - 1)), plan),
    "not_ready": lambda p, plan: (with_task(p, 1, release=22_001), plan),
    "no_road": _closed,
    "travel_time": _travel,
    "starts_early": lambda p, plan: (
        with_task(p, 0, window=(0, 40_000), service=121),
        with_visit(plan, 0, 0, 0, start=plan.routes[0].trips[0].visits[0].start - 1),
    ),
    "window": lambda p, plan: (with_task(p, 0, window=(21_600, 22_000)), plan),
    "service": lambda p, plan: (with_task(p, 0, service=121), plan),
    "overload": lambda p, plan: (with_vehicle(p, VAN, capacity=(105, 51)), plan),
    "skills": lambda p, plan: (with_vehicle(p, VAN, skills=frozenset()), plan),
    "not_allowed": lambda p, plan: (with_task(p, 1, allowed=frozenset({BUS})), plan),
    "bus_stop": lambda p, plan: (with_task(p, 4, place=3), plan),
    "bus_order": lambda p, plan: (p, _ride(plan, LAST, FIRST)),
    "bus_time": lambda p, plan: (p, _ride(plan, FIRST, replace(LAST, arrive=31_199))),
    "shift": lambda p, plan: (with_vehicle(p, VAN, max_duration=1_000), plan),
    "range": lambda p, plan: (with_vehicle(p, VAN, max_distance=99), plan),
    "pair_split": lambda p, plan: _shipped(p, plan, [[A, S_UP, B], [C, S_DOWN]]),
    "pair_order": lambda p, plan: _shipped(p, plan, [[A, S_DOWN, B, S_UP], [C]]),
    "linehaul_first": lambda p, plan: (replace(with_task(p, 4, up=(0, 0)), linehaul_first=True), plan),
    "served_twice": lambda p, plan: _shipped(with_task(p, 2, down=(5, 2)), plan, [STOWED, [C, C]]),
    "unaccounted": lambda p, plan: (p, replace(plan, left_tasks=())),
    "left_and_served": lambda p, plan: (p, replace(plan, left_tasks=(2, 5))),
}


def codes(report: Report) -> set[str]:
    return {violation.code for violation in report.violations}


def test_the_whole_plan_is_right_and_reckoned() -> None:
    problem = county()
    report = check(problem, good(problem))
    assert report.violations == ()
    assert report.ok
    assert report.left_out == ()
    # A 10 out and 30 back, B 20 on; C 20 out and back
    assert report.distance == 60 + 40
    first, second = good(problem).routes[0].trips
    assert report.duration == second.back - first.depart
    assert report.costs.fixed == 1_000
    assert report.costs.distance == 200
    assert report.costs.duration == report.duration
    assert report.costs.tariff == 7 * 5
    assert report.costs.skipped == 500
    assert report.costs.changed == 300
    assert report.cost == 1_000 + 200 + report.duration + 35 + 500 + 300
    assert (report.vehicles_used, report.buses_used, report.trips) == (1, 1, 3)
    van, _, bus = report.trip_loads
    assert van.at_departure == (105, 52)
    assert [leg.load for leg in van.legs] == [(105, 52), (75, 37), (80, 42), (40, 22), (35, 17)]
    assert [leg.distance for leg in van.legs] == [10, 0, 20, 0, 30]
    assert bus.at_departure == (15, 10)
    assert [leg.load for leg in bus.legs] == [(15, 10), (5, 5), (5, 5)]
    assert bus.distance == 0


@pytest.mark.parametrize("code", [code for code in CODES if code != "left_required"])
def test_one_sabotage_one_violation(code: str) -> None:
    problem = county()
    broken, plan = SABOTAGE[code](problem, good(problem))
    assert codes(check(broken, plan)) == {code}


def test_a_required_task_left_out_is_kept_apart() -> None:
    problem = county()
    plan = with_route(problem, replace(good(problem), left_tasks=(2, 5)), [STOWED])
    report = check(problem, plan)
    assert report.ok
    assert [(violation.code, violation.detail) for violation in report.left_out] == [("left_required", {"task": 2})]


def test_the_numbers_say_where_and_by_how_much() -> None:
    problem = with_vehicle(county(), VAN, capacity=(105, 41))
    report = check(problem, good(county()))
    (overload,) = report.violations
    assert (overload.route, overload.trip, overload.visit) == (0, 0, None)  # at departure
    assert overload.detail == {"dimension": 1, "load": 52, "capacity": 41}


def test_what_was_on_board_counts_to_the_end_of_the_first_trip_only() -> None:
    problem = with_task(county(), 2, down=(105, 52))
    assert check(problem, good(problem)).ok
    heavier = with_task(county(), 0, down=(41, 20))
    assert codes(check(heavier, good(heavier))) == {"overload"}


def test_a_trip_that_only_collects_stands_in_its_own_way() -> None:
    problem = replace(with_task(county(), 2, down=(0, 0), up=(5, 5)), linehaul_first=True)
    problem = with_task(with_task(with_task(problem, 0, up=(0, 0)), 1, up=(0, 0)), 4, up=(0, 0))
    report = check(problem, good(problem))
    assert [(each.code, each.trip, each.visit) for each in report.violations] == [("linehaul_first", 1, None)]


def test_a_line_that_passes_a_place_twice_serves_it_at_either_call() -> None:
    problem = with_vehicle(
        county(), BUS, end=2, timetable=(Call(0, 0, 10), Call(2, 60, 70), Call(4, 120, 130), Call(2, 180, 180))
    )
    on_the_way_back = (Visit("task", 4, 120, 120, 120), Visit("task", 3, 180, 180, 180))
    plan = with_trip(good(problem), 1, 0, depart=10, visits=on_the_way_back, back=180)
    assert check(problem, plan).ok
    assert codes(check(problem, with_visit(plan, 1, 0, 1, arrive=60, start=60, leave=60))) == {"bus_time"}


def test_a_broken_plan_raises_nothing() -> None:
    problem = county()
    trip = Trip(0, (Visit("parcel", 0, 0, 0, 0), Visit("task", -1, 0, 0, 0), Visit("pickup", 5, 0, 0, 0)), 0)
    plan = Plan((Route(VAN, (trip,)), Route(-1, (trip,)), Route(BUS, ())), left_shipments=(-4,))
    assert {"unknown_vehicle", "unknown_visit", "empty_route", "unaccounted"} <= codes(check(problem, plan))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Anything small in which one vehicle a task can serve it."""
    places = draw(st.integers(2, 6))
    numbers = st.integers(0, 500)
    matrix = st.lists(numbers, min_size=places * places, max_size=places * places)

    def square() -> np.ndarray:
        filled = np.array(draw(matrix), dtype=np.int64).reshape(places, places)
        np.fill_diagonal(filled, 0)
        return filled

    tasks = draw(st.integers(1, 6))
    load = st.tuples(st.integers(0, 30), st.integers(0, 30))
    return Problem(
        places=tuple(Place(str(place)) for place in range(places)),
        tasks=tuple(
            Task(
                str(task),
                draw(st.integers(0, places - 1)),
                draw(load),
                draw(load),
                service=draw(st.integers(0, 300)),
                window=(draw(st.integers(0, 5_000)), 10_000),
                release=draw(st.integers(0, 3_000)),
                skip_cost=draw(numbers),
            )
            for task in range(tasks)
        ),
        vehicles=(
            Vehicle(
                "van",
                (30, 30),
                0,
                draw(st.integers(0, places - 1)),
                draw(st.integers(0, places - 1)),
                count=tasks,
                fixed_cost=draw(numbers),
                distance_cost=draw(st.integers(0, 9)),
                duration_cost=draw(st.integers(0, 9)),
            ),
        ),
        profiles=(Profile("any", square(), square()),),
    )


def naive(problem: Problem) -> Plan:
    van = problem.vehicles[0]
    trips = [timed(problem, van, [("task", index)], task.release) for index, task in enumerate(problem.tasks)]
    return Plan(tuple(Route(0, (trip,)) for trip in trips))


@given(problems())
@settings(max_examples=150, deadline=None)
def test_one_task_a_trip_always_passes(problem: Problem) -> None:
    report = check(problem, naive(problem))
    assert report.violations == ()
    van, profile = problem.vehicles[0], problem.profiles[0]
    driven = sum(int(profile.distance[van.start, t.place] + profile.distance[t.place, van.end]) for t in problem.tasks)
    assert report.distance == driven
    assert report.cost == len(problem.tasks) * van.fixed_cost + driven * van.distance_cost + (
        report.duration * van.duration_cost
    )


@given(problems(), st.data())
@settings(max_examples=150, deadline=None)
def test_no_time_can_be_moved_unseen(problem: Problem, data: st.DataObject) -> None:
    plan = naive(problem)
    route = data.draw(st.integers(0, len(plan.routes) - 1))
    shift = data.draw(st.integers(-500, 500).filter(bool))
    trip = plan.routes[route].trips[0]
    name = data.draw(st.sampled_from(["depart", "back", "arrive", "start", "leave"]))
    moved = (
        with_trip(plan, route, 0, **{name: getattr(trip, name) + shift})
        if name in ("depart", "back")
        else with_visit(plan, route, 0, 0, **{name: getattr(trip.visits[0], name) + shift})
    )
    assert not check(problem, moved).ok
