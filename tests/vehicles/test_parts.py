"""Plans of parts put into one of the whole: a vehicle is one vehicle, a bus has one hold, and the checker agrees."""

from dataclasses import replace

import numpy as np

from vehicles import checker
from vehicles.problem import Call, Place, Plan, Problem, Profile, Task, Vehicle
from vehicles.solver import joined, solve, told

HOURS = (0, 40_000)
NAMES = ("van-1", "van-2", "bus")


def problem(*pieces: int) -> Problem:
    """Three places on a road out of the hub, so many pieces for each; two vans and a bus that calls at the first."""
    at = [0, 100, 200, 300]
    metres = np.abs(np.subtract.outer(at, at)).astype(np.int64)
    van = Vehicle("van", (50,), 0, 0, 0, window=HOURS, fixed_cost=1000, distance_cost=10)
    bus = Vehicle(
        "bus",
        (30,),
        0,
        0,
        1,
        fixed_cost=0,
        distance_cost=0,
        timetable=(Call(0, 500, 600), Call(1, 1000, 1100)),
        tariff=1,
    )
    return Problem(
        places=tuple(Place(name) for name in ("hub", "near", "middle", "far")),
        tasks=tuple(Task(f"t{n}", n + 1, (each,), (0,), pieces=each) for n, each in enumerate(pieces) if each),
        vehicles=(van, replace(van, key="other"), bus),
        profiles=(Profile("road", metres, metres),),
        dimensions=("pieces",),
    )


def best(part: Problem) -> Plan:
    return solve(part, seconds=10, iterations=300).plan


def test_tasks_of_one_place_are_one_and_the_same_van_twice_is_two_vans_or_two_trips() -> None:
    whole = problem(0, 30, 30)
    first, second = problem(0, 10, 30), problem(0, 20, 0)
    tours = [told(part, best(part), NAMES) for part in (first, second)]
    clashing = [[("van-1", trips) for _name, trips in part] for part in tours]
    plan = joined(whole, clashing, NAMES)
    report = checker.check(whole, plan)
    assert report.ok
    assert plan.left_tasks == ()
    assert plan.cost == report.cost
    assert len({route.vehicle for route in plan.routes}) == len(plan.routes) == 2, "60 pieces in vans of 50"


def test_a_bus_has_one_hold() -> None:
    part = problem(20, 0, 0)
    bus = told(part, best(part), NAMES)
    assert bus == [("bus", [["near"]])]
    for together, by_bus in ((30, True), (40, False)):
        whole = problem(together, 0, 0)
        plan = joined(whole, [bus, bus], NAMES)
        assert checker.check(whole, plan).ok
        assert plan.left_tasks == ()
        assert [route.vehicle == 2 for route in plan.routes] == [by_bus]


def test_what_no_part_stopped_at_and_whose_vehicle_is_gone_is_put_in() -> None:
    whole = problem(5, 5, 5)
    plan = joined(whole, [[("sold", [["far"]]), ("van-2", [["middle", "nowhere"]])]], NAMES)
    assert checker.check(whole, plan).ok
    assert plan.left_tasks == ()


def test_the_search_begins_there() -> None:
    whole = problem(5, 30, 30)
    plan = joined(whole, [told(whole, best(whole), NAMES)], NAMES)
    assert plan.cost == best(whole).cost
    assert solve(whole, seconds=10, iterations=1, warm=plan).plan.cost <= plan.cost
