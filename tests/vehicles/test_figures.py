"""What a plan comes to: by hand on a road of three villages, against the checker, and what no plan may exceed."""

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vehicles.checker import check
from vehicles.figures import Figures, Ratio, figures, side_by_side, sum_of
from vehicles.problem import Call, Place, Plan, Problem, Profile, Route, Shipment, Task, Trip, Vehicle, Visit

VAN, TRUCK, BUS = 0, 1, 2


def county(tasks: tuple[Task, ...], shipments: tuple[Shipment, ...] = ()) -> Problem:
    """A hub (place 0) and five villages 10 km apart on one road; a van, a truck, a bus to the third."""
    apart = np.abs(np.subtract.outer(np.arange(6), np.arange(6))).astype(np.int64)
    calls = (Call(0, 0, 100), Call(1, 700, 800), Call(2, 1400, 1500), Call(3, 2100, 2100))
    return Problem(
        places=tuple(Place(str(n)) for n in range(6)),
        tasks=tasks,
        shipments=shipments,
        vehicles=(
            Vehicle(
                "van", (1000, 4000), 0, 0, 0, max_trips=9, fixed_cost=1_500_000, distance_cost=75, duration_cost=17
            ),
            Vehicle("truck", (4000, 8000), 0, 0, 0, max_trips=9, fixed_cost=2_350_000, distance_cost=145),
            Vehicle("bus", (2000, 8000), 0, 0, 3, timetable=calls, tariff=3000),
        ),
        profiles=(Profile("van", apart * 1000, apart * 600, estimated=True),),
    )


def drive(problem: Problem, vehicle: int, stops: list[tuple[str, int]], depart: int) -> Trip:
    """Without a wait, service none."""
    duration = problem.profiles[0].duration
    here, now, visits = problem.vehicles[vehicle].start, depart, []
    for kind, index in stops:
        thing = problem.tasks[index] if kind == "task" else problem.shipments[index]
        there = thing.place if isinstance(thing, Task) else thing.origin if kind == "pickup" else thing.destination
        now += int(duration[here, there])
        visits.append(Visit(kind, index, now, now, now))
        here = there
    return Trip(depart, tuple(visits), now + int(duration[here, problem.vehicles[vehicle].end]))


def a_day() -> tuple[Problem, Plan]:
    problem = county(
        (
            Task("A", 1, (400, 1000), (0, 0), pieces=40),
            Task("B", 2, (400, 2000), (0, 0), pieces=60),
            Task("C", 3, (500, 1000), (100, 400), pieces=30),
            Task("D", 2, (200, 800), (0, 0), pieces=20),
            Task("E", 5, (5000, 9000), (0, 0), pieces=7, required=False),
        )
    )
    first = drive(problem, VAN, [("task", 0), ("task", 1)], 1000)
    second = drive(problem, VAN, [("task", 2)], first.back)
    bus = Trip(100, (Visit("task", 3, 1400, 1400, 1400),), 2100)
    return problem, Plan((Route(VAN, (first, second)), Route(BUS, (bus,))), left_tasks=(4,))


def test_two_trips_of_a_van_and_a_bus_by_hand() -> None:
    problem, plan = a_day()
    got = figures(problem, plan)
    assert (got.days, got.vehicle_days, got.trips, got.buses) == (1, 1, 2, 1)
    assert (got.pieces, got.bus_pieces, got.left) == (150, 20, {"": 7})
    assert got.metres == 100_000
    # 80 kg and 50 kg leave in a van of 100 kg, 3,000 l and 1,000 l in one of 4,000 l: weight is fuller
    assert got.departure == {"weight": Ratio(1300, 2000), "volume": Ratio(4000, 8000)}
    assert got.binding == "weight"
    assert got.load_at_departure.share == 0.65
    # first trip: 80 kg 10 km, 40 kg 10 km, empty 20 km; second: 50 kg 30 km out, 10 kg 30 km home
    kg_km = 800 * 10 + 400 * 10 + 500 * 30 + 100 * 30
    assert got.moving["weight"] == Ratio(kg_km * 1000, 1000 * 100_000)
    assert got.load_km.share == 0.3
    assert got.empty_return == Ratio(20_000, 50_000)
    lasted = plan.routes[0].trips[-1].back - 1000
    assert got.tariff == 20 * 3000
    assert got.cost == 1_500_000 + 10_000 * 75 + lasted * 17 + got.tariff
    assert got.km_a_parcel == Decimal(100) / 150
    assert got.estimated
    assert not got.inverted()
    assert got.inverted(Decimal("1.50"))


def test_a_vehicle_with_two_gaps_in_its_day_is_one_vehicle() -> None:
    problem, plan = a_day()
    van = problem.vehicles[VAN]
    twice = replace(problem, vehicles=(*problem.vehicles, van))
    first, second = plan.routes[0].trips
    routes = (Route(VAN, (first,)), Route(3, (second,)))
    assert figures(twice, Plan(routes)).vehicle_days == 1
    many = replace(problem, vehicles=(replace(van, count=5), *problem.vehicles[1:]))
    assert figures(many, Plan((Route(VAN, (first,)), Route(VAN, (second,))))).vehicle_days == 2


def test_one_reason_each_for_what_is_left() -> None:
    problem, plan = a_day()
    assert figures(problem, plan, left={"VEHICLE_CLASS": 7}).left == {"VEHICLE_CLASS": 7}


def test_what_only_collects_is_homeward_after_its_last_stop() -> None:
    problem = county((Task("A", 3, (0, 0), (200, 400), pieces=9), Task("B", 1, (0, 0), (100, 100), pieces=2)))
    trip = drive(problem, TRUCK, [("task", 0), ("task", 1)], 0)
    got = figures(problem, Plan((Route(TRUCK, (trip,)),)))
    assert got.load_at_departure == Ratio(0, 4000), "a trip that leaves empty counts with all its room"
    assert got.empty_return == Ratio(0, 10_000)


def test_a_shipment_along_the_way() -> None:
    problem = county((), (Shipment("S", 1, 2, (1000, 2000), pieces=4),))
    trip = drive(problem, VAN, [("pickup", 0), ("delivery", 0)], 0)
    got = figures(problem, Plan((Route(VAN, (trip,)),)))
    assert got.pieces == 4
    assert got.moving["weight"] == Ratio(1000 * 10_000, 1000 * 40_000)
    assert got.empty_return == Ratio(20_000, 20_000)


def test_nothing_has_no_rates() -> None:
    problem, _ = a_day()
    got = figures(problem, Plan((), left_tasks=(0, 1, 2, 3, 4)))
    assert (got.binding, got.load_at_departure.share, got.km_a_parcel, got.left_pieces) == (None, None, None, 157)
    assert not got.inverted()
    assert sum_of([]) == Figures(days=0)
    assert sum_of([]).vehicles_a_day is None


def test_days_add_up_and_carriers_of_one_day_stay_one_day() -> None:
    got = figures(*a_day())
    week = sum_of([got] * 7)
    assert (week.days, week.vehicles_a_day, week.pieces) == (7, 1, 7 * 150)
    assert week.load_at_departure.share == got.load_at_departure.share
    both = side_by_side([got, got])
    assert (both.days, both.vehicles_a_day) == (1, 2)


def test_through_json_and_back() -> None:
    got = figures(*a_day(), left={"TIME_WINDOW": 7})
    assert Figures.from_json(json.loads(json.dumps(got.to_json()))) == got
    assert Figures.from_json({}) == Figures()


@st.composite
def days(draw: st.DrawFn) -> tuple[Problem, Plan]:
    """Tasks put on trips of a van and a truck for as long as they fit."""
    load = st.tuples(st.integers(0, 900), st.integers(0, 3500))
    drawn = draw(st.lists(st.tuples(st.integers(1, 5), load, load, st.integers(0, 50)), min_size=1, max_size=12))
    tasks = tuple(Task(str(n), at, down, up, pieces=count) for n, (at, down, up, count) in enumerate(drawn))
    problem = county(tasks)
    trips: dict[int, list[list[int]]] = {VAN: [], TRUCK: []}
    for index in draw(st.permutations(range(len(tasks)))):
        vehicle = draw(st.sampled_from([VAN, TRUCK]))
        if trips[vehicle] and _fits(problem, vehicle, [*trips[vehicle][-1], index]) and draw(st.booleans()):
            trips[vehicle][-1].append(index)
        elif len(trips[vehicle]) < 9:
            trips[vehicle].append([index])
    routes, served = [], set()
    for vehicle, lists in trips.items():
        now, driven = 0, []
        for each in lists:
            driven.append(drive(problem, vehicle, [("task", t) for t in each], now))
            now = driven[-1].back
            served.update(each)
        if driven:
            routes.append(Route(vehicle, tuple(driven)))
    left = tuple(sorted(set(range(len(tasks))) - served))
    return problem, Plan(tuple(routes), left_tasks=left)


def _fits(problem: Problem, vehicle: int, tasks: list[int]) -> bool:
    for dimension, capacity in enumerate(problem.vehicles[vehicle].capacity):
        on = sum(problem.tasks[t].down[dimension] for t in tasks)
        for t in tasks:
            if on > capacity:
                return False
            on += problem.tasks[t].up[dimension] - problem.tasks[t].down[dimension]
        if on > capacity:
            return False
    return True


@settings(max_examples=200, deadline=None)
@given(days())
def test_agrees_with_the_checker_and_stays_a_share(day: tuple[Problem, Plan]) -> None:
    problem, plan = day
    report = check(problem, plan)
    assert report.ok, report.violations
    got = figures(problem, plan)
    assert got.cost == report.cost
    assert got.metres == report.distance * 10
    assert (got.trips, got.vehicle_days) == (report.trips, report.vehicles_used)
    for ratio in (*got.departure.values(), *got.moving.values(), got.empty_return):
        assert 0 <= ratio.amount <= ratio.of
    served = sum(problem.tasks[v.index].pieces for r in plan.routes for t in r.trips for v in t.visits)
    assert got.pieces == served
    assert got.pieces + got.left_pieces == sum(task.pieces for task in problem.tasks)


@settings(max_examples=50, deadline=None)
@given(days(), days())
def test_adding_up_is_of_all_alike(one: tuple[Problem, Plan], other: tuple[Problem, Plan]) -> None:
    a, b = figures(*one), figures(*other)
    assert a + b == b + a
    assert (a + b).metres == a.metres + b.metres
    assert replace(a + b, days=1) == side_by_side([a, b])
