"""The rest of a day planned anew: what is on the road stays there, who has a stop keeps it, new orders come along."""

from datetime import UTC, datetime, timedelta

import pytest

from common.errors import Conflict
from common.services import run_waiting_jobs
from orders.models import Parcel
from tests.conftest import NOW, County
from tests.tracking.scans import fold, record, scan
from tests.vehicles.people import NEXT_YEAR, TOMORROW, at_hub, collected, handheld, issued, make_plan, ready
from vehicles import services
from vehicles.models import Driver, Plan, PlanParcel, Trip, Vehicle
from vehicles.services.snapshots import problem_of
from vehicles.states import PlanState, StopState, TripState

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)


@pytest.fixture
def day(county: County, time_machine) -> Plan:
    """Issued the evening before: parcels for three outlets, two vans."""
    time_machine.move_to(NOW, tick=False)
    ready(county, vans=2)
    at_hub(county, "o1", 6)
    at_hub(county, "o2", 5)
    at_hub(county, "o3", 150)
    return issued(county, make_plan(county))


def anew(county: County, plan: Plan, at: datetime) -> Plan:
    rest = services.plan_rest(plan_id=plan.pk, by=county.people["hub"], at=at)
    run_waiting_jobs(at=at + timedelta(seconds=1))
    rest.refresh_from_db()
    assert rest.state == PlanState.DRAFT, rest.job.message
    return rest


def force(county: County, plan: Plan, at: datetime) -> Plan:
    services.review_plan(plan_id=plan.pk, by=county.people["hub"], at=at)
    return services.issue_plan(plan_id=plan.pk, by=county.people["hub"], at=at)


def leave(county: County, trip: Trip) -> None:
    """The hub scans it out."""
    event = scan("DEPARTED", county.h1.code, trip.departs_at, waybill_no=None, carrier=None, trip=trip.code, bag="B1")
    record(handheld(county, county.h1), event, at=trip.departs_at)
    fold(trip.departs_at)
    services.follow(at=trip.departs_at)
    trip.refresh_from_db()
    assert trip.state == TripState.DEPARTED


def stations(trip: Trip) -> list[int]:
    return list(trip.stops.order_by("seq").values_list("station_id", flat=True))


def first_out(plan: Plan) -> Trip:
    return plan.trips.order_by("departs_at", "pk")[0]


def live_once(plan: Plan) -> None:
    rows = PlanParcel.objects.filter(live=True).values_list("parcel_id", flat=True)
    assert len(rows) == len(set(rows))


def test_before_anything_left_the_same_vehicles_keep_their_stops(county: County, day: Plan, time_machine):
    at = first_out(day).starts_at - timedelta(hours=1)
    time_machine.move_to(at, tick=False)
    before = {(trip.vehicle_id, tuple(stations(trip))) for trip in day.trips.all()}
    rest = force(county, anew(county, day, at), at)
    assert {(trip.vehicle_id, tuple(stations(trip))) for trip in rest.trips.all()} == before
    day.refresh_from_db()
    assert day.state == PlanState.SUPERSEDED
    live_once(rest)


def test_what_is_on_the_road_goes_on_and_takes_a_new_pickup_along(county: County, day: Plan, time_machine):
    trip = first_out(day)
    time_machine.move_to(trip.departs_at, tick=False)
    leave(county, trip)
    aboard = set(trip.parcels.filter(live=True).values_list("parcel_id", flat=True))
    calls = set(stations(trip))
    outlet = next(name for name in ("o1", "o2", "o3") if county.stations[name].pk in calls)
    (new,) = collected(county, outlet)
    at = trip.departs_at + timedelta(minutes=1)
    time_machine.move_to(at, tick=False)
    draft = anew(county, day, at)
    rest = draft.trips.get(continues=trip)
    assert rest.continues_after == 0
    assert new.pk in set(draft.parcels.filter(trip__isnull=False).values_list("parcel_id", flat=True))
    force(county, draft, at)
    trip.refresh_from_db()
    assert (trip.state, trip.live) == (TripState.DEPARTED, True)
    assert set(trip.parcels.filter(live=True).values_list("parcel_id", flat=True)) >= aboard
    assert not Trip.objects.filter(continues__isnull=False).exists()
    assert [s.seq for s in trip.stops.order_by("seq")] == list(range(trip.stops.count()))
    assert stations(trip)[0] == stations(trip)[-1] == county.h1.pk
    live_once(draft)


def test_what_is_to_be_collected_keeps_what_it_asks_of_a_vehicle(county: County, time_machine):
    """A cold pickup promised to a van on the road may go to another cold vehicle, to no other."""
    time_machine.move_to(NOW, tick=False)
    van, _other = ready(county, vans=2)
    Vehicle.objects.filter(pk=van.pk).update(cold=True)
    for driver in Driver.objects.all():
        services.add_driver_document(driver_id=driver.pk, kind="cold", number="", expires_at=NEXT_YEAR, by=None, at=NOW)
    at_hub(county, "o1", 3)
    (fresh,) = collected(county, "o2")
    Parcel.objects.filter(pk=fresh.pk).update(goods_class="fresh")
    plan = issued(county, make_plan(county))
    trip = plan.trips.get(vehicle=van)
    time_machine.move_to(trip.departs_at, tick=False)
    leave(county, trip)
    draft = anew(county, plan, trip.departs_at + timedelta(minutes=1))
    snapshot = problem_of(draft)
    (task,) = (
        t for t, parcels in zip(snapshot.problem.tasks, snapshot.parcels_of_task, strict=True) if fresh.pk in parcels
    )
    assert task.skills == {"cold"}
    assert draft.parcels.get(parcel=fresh).trip.vehicle_id == van.pk


def test_a_trip_that_moved_on_meanwhile_is_not_overwritten(county: County, day: Plan, time_machine):
    trip = first_out(day)
    time_machine.move_to(trip.departs_at, tick=False)
    leave(county, trip)
    at = trip.departs_at + timedelta(minutes=1)
    time_machine.move_to(at, tick=False)
    draft = anew(county, day, at)
    draft.trips.get(continues=trip)
    first = trip.stops.order_by("seq")[1]
    first.state, first.arrived_at = StopState.ARRIVED, at
    first.save()
    with pytest.raises(Conflict) as refused:
        force(county, draft, at)
    assert refused.value.code == "trip_moved_on"
    day.refresh_from_db()
    assert day.state == PlanState.ISSUED


def test_a_broken_down_van_s_stops_go_to_the_others(county: County, day: Plan, time_machine):
    trip = first_out(day)
    at = trip.starts_at - timedelta(hours=1)
    time_machine.move_to(at, tick=False)
    by = county.people["hub"]
    services.break_down(trip_id=trip.pk, reason="发动机故障", by=by, at=at)
    trip.vehicle.state = "repair"
    trip.vehicle.save()
    rest = force(county, anew(county, day, at), at)
    assert trip.vehicle_id not in set(rest.trips.values_list("vehicle_id", flat=True))
    assert rest.parcels.filter(trip__isnull=False).count() == day.parcels.count()
    live_once(rest)


def test_only_the_plan_in_force_is_planned_anew(county: County, time_machine):
    time_machine.move_to(NOW, tick=False)
    ready(county)
    at_hub(county, "o1", 2)
    plan = make_plan(county)
    with pytest.raises(Conflict) as refused:
        services.plan_rest(plan_id=plan.pk, by=county.people["hub"], at=NOW)
    assert refused.value.code == "state_changed"


def test_the_day_s_hours_are_as_the_test_thinks(day: Plan):
    assert day.service_date == TOMORROW
    assert first_out(day).departs_at > datetime(2026, 11, 20, 22, tzinfo=UTC)
