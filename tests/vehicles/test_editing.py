"""A draft changed by hand: times, loads and costs follow, rules hold in a sentence, and the last change comes back."""

from collections.abc import Sequence

import numpy as np
import pytest

from common.errors import Conflict, Refused
from stations.models import Station
from tests.conftest import County
from tests.vehicles.people import EVENING, TOMORROW, announced, at_hub, collected, make_plan, ready
from tests.vehicles.timetable import make_line
from vehicles import checker, services
from vehicles.models import Plan, PlanChange, Trip, TripStop
from vehicles.problem import Place, Problem, Profile
from vehicles.problem import Plan as Answer
from vehicles.queries.plans import last_change, plan_page
from vehicles.queries.violation_sentences import _SENTENCES, violation_sentence
from vehicles.services.snapshots import problem_of
from vehicles.services.tours import Tours
from vehicles.states import PlanState


@pytest.fixture
def plan(county: County) -> Plan:
    """虎威's outlets on one trip, 社坛's on another (they are too heavy for one)."""
    ready(county, vans=2)
    at_hub(county, "o1", 3, weight_g=100_000)
    at_hub(county, "o2", 2, weight_g=50_000)
    collected(county, "o2", 1)
    at_hub(county, "o3", 3, weight_g=200_000)
    made = make_plan(county)
    assert made.state == PlanState.DRAFT
    assert made.trips.count() == 2
    return made


def trip_at(plan: Plan, station: Station) -> Trip:
    return plan.trips.get(stops__station=station)


def stop_at(plan: Plan, station: Station) -> TripStop:
    return TripStop.objects.get(trip__plan=plan, station=station)


def stations(trip: Trip) -> list[int]:
    return list(trip.stops.order_by("seq").values_list("station_id", flat=True))


def sound(plan: Plan) -> bool:
    """What stands in the rows passes the checker, parcel by parcel."""
    plan.refresh_from_db()
    snapshot = problem_of(plan)
    tours = Tours.from_json(plan.incumbent)
    report = checker.check(snapshot.problem, tours.plan(snapshot.problem))
    for tour in tours.tours:
        for trip in tour.trips:
            parcels = {pk for task in trip.tasks for pk in snapshot.parcels_of_task[task]}
            assert parcels == set(plan.parcels.filter(trip=trip.trip_id).values_list("parcel_id", flat=True))
    assert {trip.trip_id for tour in tours.tours for trip in tour.trips} == set(plan.trips.values_list("pk", flat=True))
    assert abs(sum(trip.cost for trip in plan.trips.all()) - plan.cost) < 1
    return report.ok


def do(county: County, what: str, **more: object) -> PlanChange:
    return getattr(services, what)(by=county.people["hub"], at=EVENING, **more)


def test_a_stop_moves_with_its_goods(county: County, plan: Plan):
    source, target = trip_at(plan, county.o2), trip_at(plan, county.o3)
    cost = plan.cost
    parcels = set(plan.parcels.filter(station=county.o2).values_list("parcel_id", flat=True))
    do(county, "move_stop", plan_id=plan.pk, stop_id=stop_at(plan, county.o2).pk, to_trip_id=target.pk, seq=1)
    assert sound(plan)
    assert stations(target) == [county.h1.pk, county.o2.pk, county.o3.pk, county.h1.pk]
    assert stations(source) == [county.h1.pk, county.o1.pk, county.h1.pk]
    assert parcels <= set(target.parcels.values_list("parcel_id", flat=True))
    target.refresh_from_db()
    assert target.load_g == 700_000
    assert plan.cost > cost  # it was the best
    assert plan.edited
    assert Plan.objects.get(pk=plan.pk).figures["pieces"] == 9


def test_too_much_is_refused_in_kilos(county: County, plan: Plan):
    target = trip_at(plan, county.o3)
    before = stations(target)
    with pytest.raises(Refused) as refused:
        do(county, "move_stop", plan_id=plan.pk, stop_id=stop_at(plan, county.o1).pk, to_trip_id=target.pk, seq=1)
    assert refused.value.code == "plan_overload"
    assert "100 " in str(refused.value.message)
    assert target.vehicle.plate in str(refused.value.message)
    assert stations(target) == before
    assert not plan.changes.exists()
    assert sound(plan)


def test_stops_in_another_order_get_other_times(county: County, plan: Plan):
    trip = trip_at(plan, county.o1)
    inner = [stop for stop in trip.stops.order_by("seq") if stop.station_id != county.h1.pk]
    times = {stop.station_id: stop.arrives_at for stop in inner}
    do(county, "reorder", trip_id=trip.pk, stop_ids=[stop.pk for stop in reversed(inner)])
    assert sound(plan)
    assert stations(trip)[1:-1] == [stop.station_id for stop in reversed(inner)]
    assert {stop.station_id: stop.arrives_at for stop in trip.stops.all() if stop.station_id in times} != times


def test_only_a_trip_s_own_stops_can_be_put_in_order(county: County, plan: Plan):
    trip = trip_at(plan, county.o1)
    for wrong in ([], [stop_at(plan, county.o3).pk], [stop_at(plan, county.o1).pk] * 2):
        with pytest.raises(Conflict) as refused:
            do(county, "reorder", trip_id=trip.pk, stop_ids=wrong)
        assert refused.value.code == "not_its_stops"


def test_the_last_change_comes_back_and_the_one_before(county: County, plan: Plan):
    source, target = trip_at(plan, county.o2), trip_at(plan, county.o3)
    rows = [(trip.code, stations(trip), trip.departs_at, trip.cost) for trip in plan.trips.order_by("seq")]
    do(county, "move_stop", plan_id=plan.pk, stop_id=stop_at(plan, county.o2).pk, to_trip_id=target.pk, seq=1)
    inner = [stop.pk for stop in target.stops.order_by("seq") if stop.station_id != county.h1.pk]
    do(county, "reorder", trip_id=target.pk, stop_ids=inner[::-1])
    do(county, "undo", plan_id=plan.pk)
    assert stations(target) == [county.h1.pk, county.o2.pk, county.o3.pk, county.h1.pk]
    do(county, "undo", plan_id=plan.pk)
    assert sound(plan)
    assert stations(source)[1:-1].count(county.o2.pk) == 1
    again = [(trip.code, stations(trip), trip.departs_at, trip.cost) for trip in plan.trips.order_by("seq")]
    assert [row[:2] for row in again] == [row[:2] for row in rows]
    assert not plan.edited
    with pytest.raises(Conflict) as nothing:
        do(county, "undo", plan_id=plan.pk)
    assert nothing.value.code == "nothing_to_undo"
    assert plan_page(plan).undoable is None


def test_what_others_changed_since_is_said(county: County, plan: Plan):
    seen = last_change(plan)
    target = trip_at(plan, county.o3)
    move = {"plan_id": plan.pk, "to_trip_id": target.pk, "seq": 1, "seen": seen}
    do(county, "move_stop", stop_id=stop_at(plan, county.o2).pk, **move)
    with pytest.raises(Conflict) as changed:
        do(county, "move_stop", stop_id=stop_at(plan, county.o2).pk, **move)
    assert changed.value.code == "plan_changed"
    with pytest.raises(Conflict):
        services.review_plan(plan_id=plan.pk, by=county.people["hub"], at=EVENING, seen=seen)


def test_locks_hold_the_hand_back(county: County):
    ready(county, vans=2)
    Station.objects.filter(level="OUTLET").update(opening_hours="08:00-10:30")  # one van can't do both
    for outlet in ("o1", "o2", "o3"):
        at_hub(county, outlet, 2)
    plan = make_plan(county)
    target = trip_at(plan, county.o3)
    stop = stop_at(plan, county.o2)
    do(county, "lock_stop", stop_id=stop.pk, locked=True)
    with pytest.raises(Refused) as refused:
        do(county, "move_stop", plan_id=plan.pk, stop_id=stop.pk, to_trip_id=target.pk, seq=1)
    assert refused.value.code == "stop_locked"
    inner = [each.pk for each in stop.trip.stops.order_by("seq") if each.station_id != county.h1.pk]
    do(county, "reorder", trip_id=stop.trip_id, stop_ids=inner[::-1])  # its place among the stops is free
    do(county, "undo", plan_id=plan.pk)
    assert stop_at(plan, county.o2).locked
    do(county, "lock_stop", stop_id=stop_at(plan, county.o2).pk, locked=False)
    do(county, "lock_trip", trip_id=target.pk, locked=True)
    with pytest.raises(Refused) as refused:
        do(county, "move_stop", plan_id=plan.pk, stop_id=stop_at(plan, county.o2).pk, to_trip_id=target.pk, seq=1)
    assert refused.value.code == "trip_locked"
    do(county, "undo", plan_id=plan.pk)
    target.refresh_from_db()
    assert not target.locked
    assert sound(plan)


def test_a_lock_comes_back_too(county: County, plan: Plan):
    do(county, "lock_stop", stop_id=stop_at(plan, county.o2).pk, locked=True)
    do(county, "undo", plan_id=plan.pk)
    assert not stop_at(plan, county.o2).locked
    assert not plan.edited


def test_the_hub_stays_where_it_is(county: County, plan: Plan):
    trip = trip_at(plan, county.o1)
    first = trip.stops.get(seq=0)
    for what, more in (
        ("move_stop", {"plan_id": plan.pk, "stop_id": first.pk, "to_trip_id": trip.pk, "seq": 2}),
        ("lock_stop", {"stop_id": first.pk, "locked": True}),
    ):
        with pytest.raises(Refused) as refused:
            do(county, what, **more)
        assert refused.value.code == "hub_stays"


def test_what_is_reviewed_is_not_changed(county: County, plan: Plan):
    by = county.people["hub"]
    services.review_plan(plan_id=plan.pk, by=by, at=EVENING)
    with pytest.raises(Conflict) as refused:
        do(county, "lock_trip", trip_id=plan.trips.first().pk, locked=True)
    assert refused.value.code == "not_a_draft"
    services.reopen_plan(plan_id=plan.pk, by=by, at=EVENING)
    do(county, "lock_trip", trip_id=plan.trips.first().pk, locked=True)


def test_a_stop_of_another_plan_is_not_there(county: County, plan: Plan):
    other = make_plan(county)
    with pytest.raises(TripStop.DoesNotExist):
        do(
            county,
            "move_stop",
            plan_id=plan.pk,
            stop_id=stop_at(other, county.o2).pk,
            to_trip_id=trip_at(plan, county.o3).pk,
            seq=1,
        )


def test_goods_go_onto_a_bus_only_where_it_calls(county: County):
    """Announced goods are ready at 06:30: the bus of 08:10 takes them; the van's other stop isn't on its line."""
    ready(county)
    make_line(county)
    announced(county, "c1", 2)
    at_hub(county, "o3", 2)
    plan = make_plan(county, day=TOMORROW.replace(day=23))
    bus, van = trip_at(plan, county.c1), trip_at(plan, county.o3)
    assert bus.departure_id
    with pytest.raises(Refused) as refused:
        do(county, "move_stop", plan_id=plan.pk, stop_id=stop_at(plan, county.o3).pk, to_trip_id=bus.pk, seq=1)
    assert refused.value.code == "plan_bus_stop"
    assert county.o3.name in str(refused.value.message)
    do(county, "move_stop", plan_id=plan.pk, stop_id=stop_at(plan, county.c1).pk, to_trip_id=van.pk, seq=1)
    assert sound(plan)
    assert not Trip.objects.filter(pk=bus.pk).exists()
    do(county, "undo", plan_id=plan.pk)
    assert sound(plan)
    assert trip_at(plan, county.c1).departure_id == bus.departure_id


def test_every_code_of_the_checker_has_its_sentence():
    assert set(_SENTENCES) == set(checker.CODES)


@pytest.mark.parametrize("code", checker.CODES)
def test_a_sentence_needs_no_more_than_the_checker_gives(code: str):
    """Details as checker.py writes them for each code."""
    given: dict[str, Sequence[str]] = {
        "unknown_vehicle": ("vehicle",),
        "too_many_vehicles": ("vehicle", "used", "available"),
        "too_many_trips": ("trips", "allowed"),
        "departs_early": ("depart", "earliest"),
        "departs_late": ("depart", "latest"),
        "loading_time": ("depart", "loaded"),
        "returns_late": ("back", "latest"),
        "not_ready": ("depart", "ready"),
        "no_road": ("origin", "destination"),
        "window": ("start", "earliest", "latest"),
        "overload": ("dimension", "load", "capacity"),
        "shift": ("duration", "allowed"),
        "range": ("distance", "allowed"),
        "bus_stop": ("place",),
        "bus_order": ("place",),
    }
    zeros = np.zeros((1, 1), dtype=np.int64)
    problem = Problem((Place("FD-H1"),), (), (), (Profile("van", zeros, zeros),))
    found = checker.Violation(code, detail=dict.fromkeys(given.get(code, ()), 0))
    assert violation_sentence(problem, Answer(()), found, {"FD-H1": "县中心"})
