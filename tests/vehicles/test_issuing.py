"""From draft to force: reviewed, issued once, replaced, closed; no parcel, vehicle or driver in two places."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from common.errors import Conflict, Refused
from tests.conftest import County
from tests.tracking.scans import fold, record, scan
from tests.vehicles.people import EVENING, TOMORROW, ask, at_hub, handheld, issued, make_plan, ready
from vehicles import services
from vehicles.models import Plan, PlanProblem, Transition, Trip
from vehicles.states import PlanState, TripState


def issue(county: County, plan: Plan, who: str = "hub") -> Plan:
    return services.issue_plan(plan_id=plan.pk, by=county.people[who], at=EVENING)


def review(county: County, plan: Plan) -> Plan:
    return services.review_plan(plan_id=plan.pk, by=county.people["hub"], at=EVENING)


def test_reviewed_then_issued(county: County):
    ready(county)
    at_hub(county, "o1", 2)
    plan = make_plan(county)
    with pytest.raises(Conflict) as refused:
        issue(county, plan)
    assert refused.value.code == "state_changed"
    review(county, plan)
    plan = issue(county, plan)
    trip = plan.trips.get()
    assert (plan.state, plan.issued_by, plan.reviewed_at) == (PlanState.ISSUED, county.people["hub"], EVENING)
    assert (trip.live, trip.state) == (True, TripState.ASSIGNED)
    assert set(plan.parcels.values_list("live", flat=True)) == {True}
    moves = Transition.objects.filter(entity="plan", entity_id=plan.pk).values_list("to_state", flat=True)
    assert list(moves.order_by("pk")) == ["draft", "reviewed", "issued"]
    with pytest.raises(Conflict) as again:
        issue(county, plan, "officer")
    assert "just issued" in str(again.value.message) or "刚刚" in str(again.value.message)


def test_an_empty_plan_is_not_reviewed(county: County):
    ready(county)
    plan = make_plan(county)
    with pytest.raises(Refused) as refused:
        review(county, plan)
    assert refused.value.code == "plan_empty"


def test_a_newer_version_takes_over_what_has_not_left(county: County):
    ready(county, vans=2)
    at_hub(county, "o1", 2)
    first = issued(county, make_plan(county))
    (late,) = at_hub(county, "o1")
    second = issued(county, make_plan(county, base=first))
    first.refresh_from_db()
    assert (first.state, second.state) == (PlanState.SUPERSEDED, PlanState.ISSUED)
    assert not first.trips.filter(live=True).exists()
    assert not first.parcels.filter(live=True).exists()
    assert second.parcels.filter(live=True).count() == 3
    assert second.parcels.get(parcel=late).live
    assert not PlanProblem.objects.filter(plan=first).exists()


def test_a_trip_on_the_road_keeps_its_row_its_parcels_and_its_van(county: County):
    ready(county)
    gone = at_hub(county, "o1", 2)
    first = issued(county, make_plan(county))
    trip = first.trips.get()
    Trip.objects.filter(pk=trip.pk).update(state=TripState.DEPARTED)
    (late,) = at_hub(county, "o2")
    second = issued(county, make_plan(county, base=first))
    trip.refresh_from_db()
    assert trip.live
    assert set(first.parcels.filter(live=True).values_list("parcel_id", flat=True)) == {p.pk for p in gone}
    assert [row.parcel_id for row in second.parcels.all()] == [late.pk]
    assert second.trips.get().starts_at >= trip.busy_until
    assert second.trips.get().cost < trip.cost  # its day is paid for


def test_a_trip_that_is_just_the_same_keeps_its_code(county: County):
    ready(county)
    at_hub(county, "o1", 2)
    first = issued(county, make_plan(county))
    code = first.trips.get().code
    second = make_plan(county, base=first)
    assert second.trips.get().code != code
    second = issued(county, second)
    assert second.trips.get().code == code
    assert first.trips.get().code != code


def test_a_parcel_that_is_on_another_plan_by_now(county: County):
    ready(county, vans=2)
    at_hub(county, "o1", 2)
    morning, day = make_plan(county, wave="morning"), make_plan(county)
    issued(county, morning)
    with pytest.raises(Conflict) as refused:
        issued(county, day)
    assert refused.value.code in ("parcel_in_live_plan", "trip_overlaps")
    day.refresh_from_db()
    assert day.state == PlanState.REVIEWED
    assert not day.trips.filter(live=True).exists()


def test_a_van_on_another_trip_within_the_quarter_of_an_hour(county: County):
    ready(county)
    at_hub(county, "o1", 2)
    morning = make_plan(county, wave="morning", buses=False)
    (other,) = at_hub(county, "o3")
    members = ["YTO"]
    at_hub(county, "o3", carrier="YTO")
    day = make_plan(county, members=members)
    Plan.objects.filter(pk=day.pk)
    issued(county, morning)
    trip, busy = day.trips.get(), morning.trips.get()
    shift = busy.ends_at + timedelta(minutes=14) - trip.starts_at
    for field in ("starts_at", "departs_at", "ends_at", "busy_until"):
        setattr(trip, field, getattr(trip, field) + shift)
    trip.save()
    with pytest.raises(Conflict) as refused:
        issued(county, day)
    assert refused.value.code == "trip_overlaps"
    trip.refresh_from_db()
    for field in ("starts_at", "departs_at", "ends_at", "busy_until"):
        setattr(trip, field, getattr(trip, field) + timedelta(minutes=1))
    trip.save()
    assert services.issue_plan(plan_id=day.pk, by=county.people["hub"], at=EVENING).state == PlanState.ISSUED
    assert other.pk


def test_a_van_whose_papers_run_out_meanwhile(county: County):
    (van,) = ready(county)
    at_hub(county, "o1")
    plan = make_plan(county)
    van.documents.filter(kind="inspection").update(expires_at=EVENING)
    with pytest.raises(Refused) as refused:
        issued(county, plan)
    assert refused.value.code == "vehicle_barred"
    assert van.plate in str(refused.value.message)


def test_too_late_to_issue(county: County):
    ready(county)
    at_hub(county, "o1")
    plan = make_plan(county)
    review(county, plan)
    for at, code in (
        (plan.trips.get().departs_at, "trip_passed"),
        (EVENING + timedelta(days=2), "day_passed"),
    ):
        with pytest.raises(Refused) as refused:
            services.issue_plan(plan_id=plan.pk, by=county.people["hub"], at=at)
        assert refused.value.code == code


def test_thrown_away_its_parcels_are_free(county: County):
    ready(county)
    at_hub(county, "o1")
    plan = make_plan(county)
    services.discard_plan(plan_id=plan.pk, by=county.people["hub"], at=EVENING)
    plan.refresh_from_db()
    assert plan.state == PlanState.DISCARDED
    assert not plan.parcels.exists()
    live = issued(county, make_plan(county))
    with pytest.raises(Conflict):
        services.discard_plan(plan_id=live.pk, by=county.people["hub"], at=EVENING)


def test_throwing_away_stops_the_reckoning(county: County):
    ready(county)
    plan = ask(county)
    services.discard_plan(plan_id=plan.pk, by=county.people["hub"], at=EVENING)
    plan.job.refresh_from_db()
    assert plan.job.cancel_asked


def test_closed_when_nothing_is_on_the_road(county: County):
    ready(county)
    parcels = at_hub(county, "o1", 2)
    plan = issued(county, make_plan(county))
    by = county.people["hub"]
    Trip.objects.filter(plan=plan).update(state=TripState.DEPARTED)
    with pytest.raises(Conflict) as refused:
        services.close_plan(plan_id=plan.pk, by=by, at=EVENING)
    assert refused.value.code == "trips_on_the_road"
    Trip.objects.filter(plan=plan).update(state=TripState.ASSIGNED)
    services.close_plan(plan_id=plan.pk, by=by, at=EVENING)
    assert not plan.parcels.filter(live=True).exists()
    assert not plan.trips.filter(live=True).exists()
    assert make_plan(county, day=TOMORROW + timedelta(days=2)).parcels.count() == len(parcels)


def test_a_parcel_that_was_carried_is_not_planned_again(county: County):
    ready(county)
    first, second = at_hub(county, "o1", 2)
    record(handheld(county, county.h1), scan("LOADED", county.h1.code, waybill_no=first.waybill_no))
    fold()
    assert [row.parcel_id for row in make_plan(county).parcels.all()] == [second.pk]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False])
def test_two_dispatchers_issue_at_once(county: County, same: bool):
    """The same plan, or two versions of it: one issues; with versions the later one replaces, or is told."""
    ready(county)
    at_hub(county, "o1", 3)
    first = make_plan(county)
    second = first if same else make_plan(county)
    review(county, first)
    if not same:
        review(county, second)
    gate = threading.Barrier(2)
    said: list[str] = []

    def press(plan: Plan, who: str) -> None:
        try:
            gate.wait(10)
            said.append(issue(county, plan, who).state)
        except Conflict as told:
            said.append(told.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(plan, who)) for plan, who in ((first, "hub"), (second, "officer"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(said) == (["issued", "state_changed"] if same else ["issued", "issued"])
    assert Plan.objects.filter(state=PlanState.ISSUED).count() == 1
    assert Trip.objects.live().count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_waves_want_the_same_van_at_once(county: County):
    """Their plans were made without each other: the one that comes second is told, and nothing deadlocks."""
    ready(county)
    at_hub(county, "o1", 3)
    plans = [make_plan(county, wave="morning"), make_plan(county)]
    for plan in plans:
        review(county, plan)
    gate = threading.Barrier(2)
    said: list[str] = []

    def press(plan: Plan) -> None:
        try:
            gate.wait(10)
            said.append(issue(county, plan).state)
        except Conflict as told:
            said.append(told.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert "issued" in said
    assert len(said) == 2
    assert set(said) - {"issued"} <= {"parcel_in_live_plan", "trip_overlaps"}
    assert said.count("issued") == 1
