"""Everything left out has one reason, with the numbers a dispatcher can act on and what would make it fit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vehicles.test_checker import timed
from vehicles.checker import check
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
from vehicles.queries.reason_sentences import sentence
from vehicles.reasons import Reason, explain, explain_shipments
from vehicles.states import Reason as Codes

HOUR = 3_600
NAMES = {"van": "川A12345", "truck": "货车", "village": "李家村", "far": "张家坪", "cold": "冷藏车"}


def roads(closed: tuple[int, ...] = ()) -> Profile:
    """Four places, 10 km and 20 minutes apart on one road; nothing goes to or from `closed`."""
    apart = np.abs(np.subtract.outer(np.arange(4), np.arange(4))).astype(np.int64)
    distance, duration = apart * 1_000, apart * 1_200
    for place in closed:
        distance[place, :] = distance[:, place] = UNREACHABLE
        distance[place, place] = 0
    return Profile("roads", distance, duration)


def bus(hour: int, minute: int, **changes: object) -> Vehicle:
    leaves = hour * HOUR + minute * 60
    calls = (Call(0, leaves, leaves), Call(2, leaves + 2_400, leaves + 2_460), Call(3, leaves + 3_600, leaves + 3_600))
    return replace(
        Vehicle(f"bus-{hour:02d}{minute:02d}", (500, 300, 20), 0, 0, 3, timetable=calls, tariff=50), **changes
    )


VAN = Vehicle("van", (8_000, 4_000, 250), 0, 0, 0, window=(6 * HOUR, 18 * HOUR), fixed_cost=1_000_000, loading=600)
TASK = Task("T", 2, (400, 100, 4), (0, 0, 0), service=240, pieces=4)


def county(*vehicles: Vehicle, tasks: tuple[Task, ...] = (TASK,), profile: Profile | None = None) -> Problem:
    return Problem(
        tuple(Place(key) for key in ("hub", "township", "village", "far")),
        tasks,
        vehicles,
        (profile or roads(),),
        dimensions=("weight", "volume", "pieces"),
    )


def left(problem: Problem, plan: Plan | None = None, task: int = 0) -> Reason:
    """The reason for one task in a plan the checker finds right but for what is left out."""
    plan = plan or Plan((), left_tasks=tuple(range(len(problem.tasks))))
    assert check(problem, plan).ok
    reasons = explain(problem, plan)
    assert set(reasons) == set(plan.left_tasks)
    assert reasons[task].code in Codes.values
    json.dumps(reasons[task].detail())
    assert Reason.of_detail(reasons[task].code, reasons[task].detail()) == reasons[task]
    return reasons[task]


def said(reason: Reason, language: str = "en") -> str:
    with translation.override(language):
        return sentence(reason, NAMES)


def ridden(problem: Problem, vehicle: int, task: int, left_tasks: tuple[int, ...]) -> Plan:
    """The bus carries one task, the others stay."""
    calls = problem.vehicles[vehicle].timetable
    call = next(each for each in calls if each.place == problem.tasks[task].place)
    visit = Visit("task", task, call.arrive, call.arrive, call.arrive + problem.tasks[task].service)
    return Plan((Route(vehicle, (Trip(calls[0].leave, (visit,), calls[-1].arrive),)),), left_tasks=left_tasks)


def test_three_kilos_over_the_early_bus_while_the_later_one_has_room() -> None:
    early = replace(TASK, window=(8 * HOUR, 9 * HOUR), down=(130, 20, 2))
    problem = county(bus(8, 10), bus(10, 10), tasks=(TASK, early))
    reason = left(problem, ridden(problem, 0, 0, (1,)), task=1)
    assert reason.code == "CAPACITY_WEIGHT"
    assert reason.params["over"] == 30
    assert reason.params["over_all"] == {"weight": 30, "volume": 0, "pieces": 0}
    assert reason.params["free"][0] == 100
    assert (reason.alternatives[0].key, reason.alternatives[0].lacks) == ("bus-1010", "window")
    assert said(reason) == "3 kg over the 08:10 bus; the 10:10 bus has room, at another time."
    assert said(reason, "zh-hans") == "08:10 的班车超载 3 公斤；10:10 的班车有余量，但时间不合。"


def test_promised_to_the_early_bus_the_later_one_is_offered() -> None:
    heavy = replace(TASK, down=(130, 20, 2), allowed=frozenset({0}))
    problem = county(bus(8, 10), bus(10, 10), tasks=(TASK, heavy))
    reason = left(problem, ridden(problem, 0, 0, (1,)), task=1)
    assert said(reason) == "3 kg over the 08:10 bus; the 10:10 bus has room."
    assert reason.alternatives[0].free == (500, 300, 20)


@pytest.mark.parametrize(
    ("load", "code", "over"),
    [
        ((8_100, 1, 1), "CAPACITY_WEIGHT", "10 kg"),
        ((1, 4_007, 1), "CAPACITY_VOLUME", "7 litres"),
        ((1, 1, 252), "CAPACITY_PIECES", "2 pieces"),
    ],
)
def test_larger_than_every_vehicle(load: tuple[int, ...], code: str, over: str) -> None:
    reason = left(county(VAN, bus(8, 10), tasks=(replace(TASK, down=load),)))
    assert reason.code == code
    assert reason.params["alone"]
    assert reason.alternatives == ()
    assert said(reason) == f"{over} more than even the largest fitting vehicle (川A12345) takes."


def test_a_full_van_says_by_how_much() -> None:
    problem = county(VAN, tasks=(replace(TASK, down=(7_700, 100, 4)), TASK))
    plan = Plan((Route(0, (timed(problem, VAN, [("task", 0)], 6 * HOUR),)),), left_tasks=(1,))
    reason = left(problem, plan, task=1)
    assert (reason.code, reason.params["over"], reason.params["start"]) == ("CAPACITY_WEIGHT", 100, 6 * HOUR)
    assert said(reason) == "10 kg over 川A12345 leaving at 06:00."


def test_what_is_collected_finds_room_after_what_is_delivered() -> None:
    """Down and up share the van: only the legs it would ride on count."""
    full = replace(TASK, place=1, down=(8_000, 0, 0))
    problem = county(VAN, tasks=(full, replace(TASK, down=(0, 0, 0), up=(8_000, 0, 0))))
    plan = Plan((Route(0, (timed(problem, VAN, [("task", 0)], 6 * HOUR),)),), left_tasks=(1,))
    assert left(problem, plan, task=1).code == "LOWER_PRIORITY"


def test_a_window_no_vehicle_meets() -> None:
    reason = left(county(VAN, tasks=(replace(TASK, window=(5 * HOUR, 6 * HOUR + 30 * 60)),)))
    assert reason.code == "TIME_WINDOW"
    assert reason.params["over"] == 1_200  # loaded at 06:10
    assert said(reason) == "川A12345 gets to 李家村 20 min after it closes at 06:30."
    assert said(reason, "zh-hans").startswith("川A12345到李家村时已关门，晚 20 分钟（06:30 关门）")


def test_a_bus_that_comes_before_the_village_opens() -> None:
    reason = left(county(bus(8, 10), tasks=(replace(TASK, window=(9 * HOUR, 12 * HOUR)),)))
    assert (reason.code, reason.params["over"]) == ("TIME_WINDOW", 9 * HOUR - (8 * HOUR + 600 + 2_460))
    assert said(reason).startswith("The 08:10 bus is at 李家村 9 min before it opens at 09:00")


def test_a_van_with_room_but_no_time() -> None:
    van = replace(VAN, loading=0, window=(6 * HOUR, 6 * HOUR + 2 * 2_400 + 240 + 60))
    problem = county(van, tasks=(TASK, TASK))
    plan = Plan((Route(0, (timed(problem, van, [("task", 0)], 6 * HOUR),)),), left_tasks=(1,))
    reason = left(problem, plan, task=1)
    assert (reason.code, reason.params["limit"], reason.params["over"]) == ("TIME_WINDOW", "back", 180)
    assert said(reason).startswith("With it 川A12345 leaving at 06:00 would be back 3 min after 07:25")


@pytest.mark.parametrize(
    ("skill", "code"), [("cold", "SKILL_COLD"), ("hazard", "SKILL_HAZMAT"), ("lift", "VEHICLE_CLASS")]
)
def test_a_skill_nobody_has(skill: str, code: str) -> None:
    reason = left(county(VAN, bus(8, 10), tasks=(replace(TASK, skills=frozenset({skill})),)))
    assert (reason.code, reason.params["skill"]) == (code, skill)
    assert said(reason).endswith(".")


def test_the_skill_stands_in_somebody_elses_yard() -> None:
    problem = county(
        VAN,
        replace(VAN, key="cold", skills=frozenset({"cold"})),
        tasks=(replace(TASK, skills=frozenset({"cold"}), allowed=frozenset({0})),),
    )
    reason = left(problem)
    assert reason.code == "SKILL_COLD"
    assert said(reason) == "No cold vehicle is free to carry it; 冷藏车, not meant for it, has room."


def test_a_closed_road() -> None:
    reason = left(county(VAN, profile=roads(closed=(2,))))
    assert (reason.code, reason.params["place"]) == ("ROAD_CLOSED", "village")
    assert said(reason, "zh-hans") == "去李家村的路不通。"


def test_a_bus_still_goes_where_the_road_is_closed_to_vans() -> None:
    assert left(county(VAN, bus(8, 10), profile=roads(closed=(2,)))).code == "LOWER_PRIORITY"


def test_a_road_that_takes_only_the_smaller_vehicle() -> None:
    truck = replace(VAN, key="truck", profile=1)
    problem = county(truck, replace(VAN, capacity=(50, 50, 5)), tasks=(replace(TASK, allowed=frozenset({0})),))
    problem = replace(problem, profiles=(roads(), roads(closed=(2,))))
    reason = left(problem)
    assert (reason.code, reason.params["key"]) == ("VEHICLE_CLASS", "van")
    assert said(reason) == "The road to 李家村 takes no vehicle that may carry it; 川A12345 could go there."


def test_no_line_goes_there_that_day() -> None:
    reason = left(county(bus(8, 10), tasks=(replace(TASK, place=1),)))
    assert (reason.code, reason.params["place"]) == ("NO_LINE", "township")


@pytest.mark.parametrize(
    ("limits", "limit", "over"),
    [({"max_distance": 3_500}, "range", 500), ({"max_duration": 4_800}, "shift", 240)],
)
def test_beyond_the_range(limits: dict[str, int], limit: str, over: int) -> None:
    reason = left(county(replace(VAN, **limits)))
    assert (reason.code, reason.params["limit"], reason.params["over"]) == ("DISTANCE_LIMIT", limit, over)
    words = "5 km beyond the range of 川A12345" if limit == "range" else "4 min over the shift"
    assert words in said(reason)


def test_goods_that_come_after_the_bus_has_left() -> None:
    reason = left(county(bus(8, 10), bus(7, 10), tasks=(replace(TASK, release=8 * HOUR + 20 * 60),)))
    assert (reason.code, reason.params["over"], reason.params["key"]) == ("NOT_READY", 600, "bus-0810")
    assert said(reason).startswith("Ready at 08:20, after the bus has left at 08:10")


def test_goods_too_late_for_a_van_that_could_have_been_in_time() -> None:
    late = replace(TASK, release=9 * HOUR, window=(6 * HOUR, 9 * HOUR))
    reason = left(county(VAN, tasks=(late,)))
    assert (reason.code, reason.params["by"]) == ("NOT_READY", 9 * HOUR - 2_400 - VAN.loading)


def test_loaded_after_the_latest_hour_of_leaving() -> None:
    reason = left(county(replace(VAN, start_late=6 * HOUR)))
    assert (reason.code, reason.params["limit"]) == ("TIME_WINDOW", "start")
    assert said(reason) == "With it 川A12345 would leave 10 min after 06:00."


def test_nobody_may_carry_it() -> None:
    reason = left(county(VAN, tasks=(replace(TASK, allowed=frozenset()),)))
    assert reason.code == "ORG_SCOPE"
    assert reason.alternatives[0].key == "van"
    assert said(reason).startswith("Its carrier has not joined")


def test_not_worth_a_vehicle_of_its_own() -> None:
    reason = left(county(VAN, tasks=(replace(TASK, required=False, skip_cost=30_000),)))
    assert reason.code == "LOWER_PRIORITY"
    assert reason.params["extra"] == VAN.fixed_cost + 4_000
    assert said(reason) == (
        "Taking it would cost 100.4 yuan more, leaving it is reckoned at 3 yuan; 川A12345 leaving at 06:10 has room."
    )


def test_a_second_trip_is_an_offer_too() -> None:
    van = replace(VAN, max_trips=2)
    problem = county(van, tasks=(replace(TASK, down=(8_000, 0, 0)), TASK))
    trip = timed(problem, van, [("task", 0)], 6 * HOUR)
    reason = left(problem, Plan((Route(0, (trip,)),), left_tasks=(1,)), task=1)
    assert reason.code == "LOWER_PRIORITY"
    assert reason.alternatives[0].start == trip.back + van.loading


def test_a_shipment_has_its_reason_too() -> None:
    problem = replace(
        county(VAN, tasks=()), shipments=(Shipment("S", 1, 2, (8_010, 0, 0)), Shipment("R", 2, 1, (1, 0, 0)))
    )
    plan = Plan((), left_shipments=(0, 1))
    reasons = explain_shipments(problem, plan)
    assert {index: reason.code for index, reason in reasons.items()} == {0: "CAPACITY_WEIGHT", 1: "LOWER_PRIORITY"}
    assert reasons[0].params["over"] == 10


@st.composite
def days(draw: st.DrawFn) -> tuple[Problem, Plan]:
    """A van and two buses with anything to carry, some of it carried."""
    few = st.integers(0, 6)
    load = st.tuples(*(st.sampled_from([0, 1, 5, 9, 20]) for _ in range(3)))
    skills = st.frozensets(st.sampled_from(["cold", "hazard"]), max_size=1)
    allowed = st.none() | st.frozensets(st.integers(0, 2), max_size=2)
    window = st.tuples(st.integers(0, 8), st.integers(6, 24)).map(lambda each: (each[0] * HOUR, each[1] * HOUR))

    def task(index: int) -> Task:
        return Task(
            str(index),
            draw(st.integers(1, 3)),
            draw(load),
            draw(load),
            service=60,
            window=draw(window),
            skills=draw(skills),
            allowed=draw(allowed),
            release=draw(few) * HOUR,
            required=draw(st.booleans()),
            pieces=draw(few),
            skip_cost=draw(few) * 300_000,
            keep=draw(st.none() | st.integers(0, 2)),
        )

    van = Vehicle(
        "van",
        (10, 10, 10),
        0,
        0,
        0,
        count=draw(st.integers(1, 2)),
        window=(6 * HOUR, 18 * HOUR),
        start_late=draw(st.none() | st.just(9 * HOUR)),
        max_distance=draw(st.sampled_from([3_000, 5_000, 10**9])),
        max_duration=draw(st.sampled_from([HOUR, 4 * HOUR, 10**9])),
        max_trips=draw(st.integers(1, 2)),
        fixed_cost=draw(few) * 100_000,
        duration_cost=draw(few),
        loading=draw(few) * 60,
        skills=draw(skills),
    )
    early, late = (bus(hour, 10, capacity=(6, 6, 6), skills=draw(skills)) for hour in (8, 10))
    problem = county(
        van,
        early,
        late,
        tasks=tuple(task(index) for index in range(draw(st.integers(1, 5)))),
        profile=roads(draw(st.sampled_from([(), (2,), (3,)]))),
    )
    shipment = Shipment("S", 1, 2, draw(load), skills=draw(skills), allowed=draw(allowed), pieces=draw(few))
    problem = replace(problem, shipments=(shipment,), change_cost=draw(few) * 1_000, linehaul_first=draw(st.booleans()))
    stops = [("task", index) for index in range(len(problem.tasks)) if draw(st.booleans())]
    carried = Plan(
        (Route(0, (timed(problem, van, stops, 6 * HOUR),)),) if stops else (),
        left_tasks=tuple(index for index in range(len(problem.tasks)) if ("task", index) not in stops),
        left_shipments=(0,),
    )
    return problem, carried


@given(days())
@settings(max_examples=300, deadline=None)
def test_whatever_is_left_out_has_one_reason_with_a_sentence(day: tuple[Problem, Plan]) -> None:
    problem, plan = day
    reasons = explain(problem, plan)
    assert tuple(reasons) == plan.left_tasks
    for reason in [*reasons.values(), *explain_shipments(problem, plan).values()]:
        assert reason.code in Codes.values
        for language in ("en", "zh-hans"):
            words = said(Reason.of_detail(reason.code, json.loads(json.dumps(reason.detail()))), language)
            assert "%(" not in words
            assert words.endswith("." if language == "en" else "。")
