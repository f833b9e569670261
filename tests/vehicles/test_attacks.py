"""Two at once, and out of order: a rest planned twice; calling a trip off, following and issuing at the same moment."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from common.errors import Conflict, Refused
from tests.conftest import NOW, County, make_device
from tests.vehicles.issued import Morning, second_driver
from tests.vehicles.people import EVENING, at_hub, issued, make_plan, ready
from tests.vehicles.test_positions import row, send
from tests.vehicles.test_replanning import QUARTER, anew, day, first_out, force, leave  # noqa: F401
from vehicles import services
from vehicles.models import Plan, PlanParcel, Transition
from vehicles.states import PlanState, TripState


@pytest.mark.django_db
def test_a_number_of_four_hundred_digits_is_a_bad_position(county: County):
    morning = Morning(county)
    make_device(county.h1, morning.user, token="of-driver")
    huge = 10**400
    for key in ("lng", "lat", "accuracy_m", "speed_kmh"):
        answer = send([row(morning, **{key: huge}), row(morning, **{key: -huge})])
        assert answer.status_code == 200, key
        assert {one["pointer"].split("/")[-1] for one in answer.json()["exceptions"]} <= {key, "at"}
    raw = json.dumps({"positions": [row(morning)]}).replace("107.7", "NaN")
    assert send(raw).status_code < 500


@pytest.mark.django_db
def test_a_base_that_only_looks_like_a_number(county: County, sign_in):
    ready(county)
    client = sign_in("hub")
    for odd in ("²", "①", "٣", "9" * 18):
        assert client.get("/vehicles/plans/new/", {"base": odd}).status_code == 200
        assert client.post("/vehicles/plans/new/", {"base": odd}).status_code == 422


@pytest.mark.django_db
def test_a_trip_s_history_has_no_driver_s_full_name(county: County):
    morning = Morning(county)
    other = second_driver(county)
    services.assign_driver(trip_id=morning.trip.pk, driver_id=other.pk, by=county.people["officer"], at=NOW)
    said = Transition.objects.get(entity="trip", entity_id=morning.trip.pk, to_state=TripState.ASSIGNED).reason
    assert said
    assert other.user.name not in said


@pytest.mark.django_db
def test_of_two_rests_of_one_plan_the_first_issued_holds(county: County, day: Plan):  # noqa: F811
    trip = first_out(day)
    leave(county, trip)
    at = trip.departs_at + QUARTER
    one, two = anew(county, day, at), anew(county, day, at)
    force(county, one, at)
    before = list(PlanParcel.objects.filter(live=True).order_by("pk").values_list("pk", "trip_id"))
    with pytest.raises(Conflict) as refused:
        force(county, two, at)
    assert refused.value.code == "other_issued"
    one.refresh_from_db()
    assert one.state == PlanState.ISSUED
    assert before == list(PlanParcel.objects.filter(live=True).order_by("pk").values_list("pk", "trip_id"))


def together(*calls) -> list[str]:
    """What each call came to, all begun at the same moment."""
    said: list[str] = []
    start = threading.Barrier(len(calls))

    def run(call) -> None:
        start.wait()
        try:
            call()
            said.append("done")
        except Refused as refused:
            said.append(refused.code)
        except Exception as fault:  # a deadlock, or anything else nobody should see
            said.append(repr(fault))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


@pytest.mark.django_db(transaction=True)
def test_issuing_while_trips_are_called_off_and_followed(county: County):
    ready(county, vans=2)
    at_hub(county, "o1", 8)
    at_hub(county, "o2", 8)
    by = county.people["hub"]
    current = issued(county, make_plan(county))
    for turn in range(4):
        at = EVENING + timedelta(seconds=turn)
        newer = make_plan(county, base=current)
        services.review_plan(plan_id=newer.pk, by=by, at=at)
        trip = current.trips.filter(live=True).order_by("-pk")[0]
        said = together(
            lambda: services.issue_plan(plan_id=newer.pk, by=by, at=at),  # noqa: B023
            lambda: services.break_down(trip_id=trip.pk, reason="坏了", by=by, at=at),  # noqa: B023
            lambda: services.follow(at=at),  # noqa: B023
            lambda: services.follow(at=at, county_code=county.code),  # noqa: B023
        )
        assert set(said) <= {"done", "state_changed"}, said
        current = newer
        current.refresh_from_db()
        assert current.state == PlanState.ISSUED
        live = list(PlanParcel.objects.filter(live=True).values_list("parcel_id", flat=True))
        assert len(live) == len(set(live))
        assert not PlanParcel.objects.filter(live=True, trip__live=False).exists()


@pytest.mark.django_db(transaction=True)
def test_who_reports_a_breakdown_and_who_follows_do_not_wait_in_a_circle(county: County):
    """Following takes its own lock, then the rows: whoever stands in line behind it must hold none of them yet."""
    morning = Morning(county)
    by, pk = county.people["officer"], morning.trip.pk
    said: list[str] = []

    def breakdown() -> None:
        try:
            services.break_down(trip_id=pk, reason="坏了", by=by, at=NOW)
            said.append("done")
        except Exception as fault:
            said.append(repr(fault))
        finally:
            connection.close()

    thread = threading.Thread(target=breakdown)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('vehicles.follow'), %s::int)", [county.code])
        thread.start()
        waiting = 0
        while not waiting:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            (waiting,) = cursor.fetchone()
        cursor.execute("SELECT 1 FROM vehicles_trip WHERE id = %s FOR UPDATE NOWAIT", [pk])
    thread.join()
    assert said == ["done"]
    assert morning.now().state == TripState.BROKEN_DOWN
