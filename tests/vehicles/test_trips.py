"""A trip's day by its scans: left, called, back; out of order, taken back, late; manifest, handover, custody."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from common.errors import Conflict, Refused
from tests.conftest import NOW, County
from tests.vehicles.issued import MORNING, Morning, make_trip, make_vehicle, second_driver
from vehicles.models import DepartureCheck, PlanParcel, Transition, Trip, VehicleDocument
from vehicles.queries.custody import handovers, offered_to, who_had
from vehicles.queries.sheets import trip_sheet
from vehicles.services.checks import check_departure, items_of
from vehicles.services.trips import assign_driver, break_down, cancel_trip, follow
from vehicles.states import HandoverState, LoadState, TripState

pytestmark = pytest.mark.django_db
MIN = timedelta(minutes=1)
WELL = dict.fromkeys(("lights", "tyres", "brakes", "load", "doors"), "")


@pytest.fixture
def morning(county: County) -> Morning:
    return Morning(county)


def checked(m: Morning, at=MORNING - 10 * MIN) -> DepartureCheck:
    return check_departure(trip_id=m.trip.pk, items=WELL, seal_no="S-1", by=m.user, at=at)


def drive(m: Morning) -> None:
    """The whole trip as it should be, scans only."""
    c, t = m.county, MORNING
    for parcel in (m.a, m.b, m.c):
        m.say("LOADED", c.h1, t - 5 * MIN, waybill_no=parcel.waybill_no)
    m.say("DEPARTED", c.h1, t)
    m.say("ARRIVED", c.o1, t + 30 * MIN)
    m.say("UNLOADED", c.o1, t + 31 * MIN, waybill_no=m.a.waybill_no)
    m.say("UNLOADED", c.o1, t + 31 * MIN, waybill_no=m.b.waybill_no)
    m.say("DEPARTED", c.o1, t + 35 * MIN)
    m.say("ARRIVED", c.o2, t + 62 * MIN)
    m.say("UNLOADED", c.o2, t + 63 * MIN, waybill_no=m.c.waybill_no)
    m.say("LOADED", c.o2, t + 64 * MIN, waybill_no=m.up.waybill_no)
    m.say("DEPARTED", c.o2, t + 66 * MIN)
    m.say("ARRIVED", c.h1, t + 90 * MIN)
    m.say("UNLOADED", c.h1, t + 95 * MIN, waybill_no=m.up.waybill_no)


def test_the_scans_move_the_trip_and_again_they_move_nothing(morning: Morning):
    checked(morning)
    drive(morning)
    assert follow(at=NOW) == 2  # left, and was back
    trip = morning.now()
    assert (trip.state, trip.live) == (TripState.COMPLETED, False)
    assert trip.departed_at == MORNING
    assert trip.completed_at == MORNING + 95 * MIN
    stops = morning.stops()
    assert [s.state for s in stops] == ["departed", "departed", "departed", "arrived"]
    assert [s.arrived_at for s in stops[1:]] == [MORNING + n * MIN for n in (30, 62, 90)]
    assert stops[1].left_at == MORNING + 35 * MIN
    assert not PlanParcel.objects.filter(trip=trip, live=True).exists()
    moves = list(Transition.objects.filter(entity="trip").order_by("id").values_list("from_state", "to_state"))
    assert moves == [("assigned", "checked"), ("checked", "departed"), ("departed", "completed")]
    assert follow(at=NOW) == 0
    assert Transition.objects.filter(entity="trip").count() == 3
    sheet = trip_sheet(trip, NOW)
    assert {load.state for load in sheet.loads} == {LoadState.DONE}
    assert not sheet.left_unchecked
    assert sheet.stops[2].late_min == 2


def test_any_order_and_step_by_step_give_the_same(morning: Morning, county: County):
    """Scans that arrive late and backwards end as those that came in time."""
    m, t, c = morning, MORNING, county
    m.say("ARRIVED", c.o2, t + 62 * MIN)
    assert follow(at=NOW) == 1
    assert m.now().departed_at == t + 62 * MIN  # it can't have left later
    assert [s.state for s in m.stops()] == ["departed", "skipped", "arrived", "pending"]
    m.say("DEPARTED", c.o1, t + 35 * MIN)
    m.say("ARRIVED", c.o1, t + 30 * MIN)
    m.say("DEPARTED", c.h1, t)
    follow(at=NOW)
    assert m.now().departed_at == t
    assert [s.state for s in m.stops()] == ["departed", "departed", "arrived", "pending"]
    assert m.stops()[1].arrived_at == t + 30 * MIN


def test_a_trip_that_left_without_a_check_is_flagged_not_lost(morning: Morning, county: County):
    morning.say("DEPARTED", county.h1, MORNING)
    follow(at=NOW)
    assert morning.now().state == TripState.DEPARTED
    assert trip_sheet(morning.trip, NOW).left_unchecked
    with pytest.raises(Conflict):  # a check made up afterwards
        checked(morning, at=NOW)


def test_a_departure_taken_back_is_one_that_never_was(morning: Morning, county: County):
    checked(morning)
    event = morning.say("DEPARTED", county.h1, MORNING)
    follow(at=NOW)
    assert morning.now().state == TripState.DEPARTED
    morning.say("CORRECTION", None, MORNING + MIN, corrects=event, trip=None)
    assert follow(at=NOW) == 1
    trip = morning.now()
    assert (trip.state, trip.departed_at) == (TripState.CHECKED, None)
    assert morning.stops()[0].state == "pending"


def test_a_hub_scan_in_between_does_not_end_the_trip(morning: Morning, county: County):
    """The hub finds one of the trip's parcels on its floor and unloads it there, an hour before the van is back."""
    drive_to = [("DEPARTED", county.h1, 0), ("ARRIVED", county.o1, 30)]
    for kind, station, minutes in drive_to:
        morning.say(kind, station, MORNING + minutes * MIN)
    morning.say("UNLOADED", county.h1, MORNING + 31 * MIN, waybill_no=morning.a.waybill_no)
    follow(at=NOW)
    assert morning.now().state == TripState.DEPARTED
    sheet = trip_sheet(morning.trip, NOW)
    assert next(x for x in sheet.loads if x.parcel.pk == morning.a.pk).state == LoadState.WRONG_STOP


def test_it_stays_open_for_unloading_then_ends_by_itself(morning: Morning, county: County):
    m = morning
    m.say("DEPARTED", county.h1, MORNING)
    m.say("ARRIVED", county.o2, MORNING + 60 * MIN)
    m.say("LOADED", county.o2, MORNING + 61 * MIN, waybill_no=m.up.waybill_no)
    m.say("ARRIVED", county.h1, MORNING + 90 * MIN)
    follow(at=MORNING + 95 * MIN)
    assert m.now().state == TripState.DEPARTED
    follow(at=MORNING + 111 * MIN)
    assert m.now().state == TripState.COMPLETED
    assert next(x for x in trip_sheet(m.trip, NOW).loads if x.parcel.pk == m.up.pk).state == LoadState.LEFT_ON
    m.say("UNLOADED", county.h1, MORNING + 112 * MIN, waybill_no=m.up.waybill_no)
    follow(at=NOW)
    assert m.now().completed_at == MORNING + 112 * MIN  # late scans still set its times


def test_the_manifest_says_what_is_missing_left_over_and_in_the_wrong_place(morning: Morning, county: County):
    m, t = morning, MORNING
    surplus = "73190553100099"
    m.say("LOADED", county.h1, t - 5 * MIN, waybill_no=m.a.waybill_no)
    m.say("LOADED", county.h1, t - 5 * MIN, waybill_no=m.c.waybill_no)
    m.say("LOADED", county.h1, t - 5 * MIN, waybill_no=surplus)
    m.say("DEPARTED", county.h1, t)
    m.say("ARRIVED", county.o1, t + 30 * MIN)
    m.say("UNLOADED", county.o1, t + 31 * MIN, waybill_no=m.c.waybill_no)
    m.say("DEPARTED", county.o1, t + 33 * MIN)
    follow(at=NOW)
    sheet = trip_sheet(m.now(), NOW)
    found = {load.parcel.waybill_no: load for load in sheet.loads}
    assert found[m.a.waybill_no].state == LoadState.LEFT_ON
    assert found[m.b.waybill_no].state == LoadState.NOT_LOADED
    assert (found[m.c.waybill_no].state, found[m.c.waybill_no].place) == (LoadState.WRONG_STOP, "大池村服务点")
    assert found[m.up.waybill_no].state == LoadState.TO_LOAD
    assert found[surplus].extra
    assert len(sheet.odd) == 4


def test_a_stations_own_scan_counts_as_dropped(morning: Morning, county: County):
    """The shopkeeper shelves the parcel; nobody scanned it off the van."""
    m = morning
    m.say("LOADED", county.h1, MORNING - MIN, waybill_no=m.a.waybill_no)
    m.say("DEPARTED", county.h1, MORNING)
    m.say("OUTLET_IN", county.o1, MORNING + 40 * MIN, waybill_no=m.a.waybill_no, trip=None)
    follow(at=NOW)
    load = next(x for x in trip_sheet(m.now(), NOW).loads if x.parcel.pk == m.a.pk)
    assert (load.state, load.dropped_at) == (LoadState.DONE, MORNING + 40 * MIN)


# --- custody and handover ---------------------------------------------------------------------------------


def test_custody_is_answerable_for_any_second(morning: Morning, county: County):
    drive(morning)
    t = MORNING

    def holder(at):
        return who_had(morning.a, at, full_names=True)

    assert holder(t + 63 * MIN).name == "大池村服务点"
    on_way = holder(t + 30 * MIN + timedelta(seconds=20))
    assert (on_way.name, on_way.trip, on_way.plate) == (morning.user.name, morning.trip.code, "渝F12345")
    assert holder(t - 30 * MIN).name == ""
    masked = who_had(morning.a, t + 30 * MIN, full_names=False)
    assert masked.name not in ("", morning.user.name)


def test_a_handover_has_two_sides_or_is_flagged(morning: Morning, county: County):
    m, other = morning, second_driver(county)
    away = make_trip(county.h1, [county.o1], vehicle=make_vehicle(county.h1, "渝F2"), driver=other)
    for parcel in (m.a, m.b):
        m.say("LOADED", county.h1, MORNING - MIN, waybill_no=parcel.waybill_no)
        m.say("HANDOVER", county.o1, MORNING + 30 * MIN, waybill_no=parcel.waybill_no, side="give",
              counterpart=away.code)  # fmt: skip
    assert {offer["waybill_no"] for offer in offered_to(away, MORNING + 31 * MIN)} == {m.a.waybill_no, m.b.waybill_no}
    m.say("HANDOVER", county.o1, MORNING + 32 * MIN, waybill_no=m.a.waybill_no, side="take", trip=away.code,
          who=other.user)  # fmt: skip
    assert [offer["waybill_no"] for offer in offered_to(away, MORNING + 33 * MIN)] == [m.b.waybill_no]

    def states(trip, at):
        scans = trip_sheet(trip, at).scans
        return {(h.state, h.parcels, h.out) for h in handovers(trip, scans, at, full_names=False)}

    waiting, confirmed, late = HandoverState.WAITING, HandoverState.CONFIRMED, HandoverState.TIMEOUT
    assert states(m.now(), MORNING + 40 * MIN) == {(waiting, 1, True), (confirmed, 1, True)}
    assert states(m.now(), MORNING + 300 * MIN) == {(late, 1, True), (confirmed, 1, True)}
    assert states(away, MORNING + 40 * MIN) == {(confirmed, 1, False)}
    loads = {x.parcel.pk: x for x in trip_sheet(m.now(), NOW).loads}
    m.a.refresh_from_db()
    assert (loads[m.a.pk].state, loads[m.a.pk].place) == (LoadState.GIVEN, away.code)
    assert loads[m.b.pk].on_board
    assert who_had(m.a, MORNING + 33 * MIN, full_names=True).name == other.user.name


def test_a_station_confirms_a_handover_by_its_own_scan(morning: Morning, county: County):
    m = morning
    m.say("LOADED", county.h1, MORNING - MIN, waybill_no=m.a.waybill_no)
    m.say("HANDOVER", county.o1, MORNING + 30 * MIN, waybill_no=m.a.waybill_no, side="give", counterpart="FD-O1")
    m.say("OUTLET_IN", county.o1, MORNING + 31 * MIN, waybill_no=m.a.waybill_no, trip=None,
          who=county.people["operator"])  # fmt: skip
    (line,) = handovers(m.trip, trip_sheet(m.trip, NOW).scans, NOW, full_names=False)
    assert (line.state, line.taker, line.other_trip) == (HandoverState.CONFIRMED, "大池村服务点", "大池村服务点")


# --- what people decide -----------------------------------------------------------------------------------


def test_a_check_passes_only_whole(morning: Morning):
    with pytest.raises(Refused, match="not_looked_at"):
        check_departure(trip_id=morning.trip.pk, items={"lights": ""}, seal_no="", by=morning.user, at=MORNING)
    bad = check_departure(
        trip_id=morning.trip.pk, items={**WELL, "tyres": "左后轮扎钉"}, seal_no="", by=morning.user, at=MORNING
    )
    assert not bad.passed
    assert morning.now().state == TripState.ASSIGNED
    assert checked(morning).passed
    assert morning.now().state == TripState.CHECKED
    check_departure(trip_id=morning.trip.pk, items={**WELL, "lights": "x"}, seal_no="", by=morning.user, at=MORNING)
    assert morning.now().state == TripState.ASSIGNED  # the newest counts


def test_a_vehicle_whose_inspection_expired_at_noon_does_not_pass_after_noon(morning: Morning):
    VehicleDocument.objects.filter(vehicle=morning.vehicle, kind="inspection").update(expires_at=NOW)
    assert all(item.judged is not False for item in items_of(morning.trip, NOW - MIN))
    check = check_departure(trip_id=morning.trip.pk, items=WELL, seal_no="", by=morning.user, at=NOW)
    assert not check.passed
    assert morning.now().state == TripState.ASSIGNED


def test_a_driver_is_assigned_once_at_a_time(morning: Morning, county: County):
    hub = county.people["hub"]
    van = make_vehicle(county.h1, "渝F3")
    same_time = make_trip(county.h1, [county.o3], vehicle=van, driver=None, state=TripState.PLANNED)
    with pytest.raises(Conflict, match="driver_busy"):
        assign_driver(trip_id=same_time.pk, driver_id=morning.driver.pk, by=hub, at=NOW)
    other = second_driver(county)
    trip = assign_driver(trip_id=same_time.pk, driver_id=other.pk, by=hub, at=NOW)
    assert (trip.state, trip.driver_id) == (TripState.ASSIGNED, other.pk)
    assign_driver(trip_id=same_time.pk, driver_id=other.pk, by=hub, at=NOW)
    assert Transition.objects.filter(entity="trip", entity_id=trip.pk).count() == 1
    other.documents.filter(kind="licence").update(expires_at=MORNING - MIN)
    with pytest.raises(Refused, match="driver_unfit"):
        assign_driver(trip_id=morning.trip.pk, driver_id=other.pk, by=hub, at=NOW)


def test_a_trip_on_the_road_is_not_called_off(morning: Morning, county: County):
    hub = county.people["hub"]
    with pytest.raises(Refused, match="reason_missing"):
        cancel_trip(trip_id=morning.trip.pk, reason=" ", by=hub, at=NOW)
    morning.say("DEPARTED", county.h1, MORNING)  # nobody followed yet
    with pytest.raises(Conflict):
        cancel_trip(trip_id=morning.trip.pk, reason="雨", by=hub, at=NOW)
    trip = break_down(trip_id=morning.trip.pk, reason="爆胎", by=hub, at=NOW)
    assert (trip.state, trip.live) == (TripState.BROKEN_DOWN, False)
    assert not PlanParcel.objects.filter(live=True).exists()
    with pytest.raises(Conflict):
        break_down(trip_id=morning.trip.pk, reason="爆胎", by=hub, at=NOW)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("known_carriers")
def test_two_that_follow_at_once_write_each_move_once(county: County):
    m = Morning(county)
    m.say("DEPARTED", county.h1, MORNING)
    found: list[int] = []
    gate = threading.Barrier(2)

    def run() -> None:
        try:
            gate.wait(10)
            found.append(follow(at=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == [0, 1]
    assert Transition.objects.filter(entity="trip", to_state="departed").count() == 1
    assert Trip.objects.get(pk=m.trip.pk).state == TripState.DEPARTED


def test_following_reads_a_day_in_few_statements(morning: Morning, django_assert_max_num_queries):
    drive(morning)
    with django_assert_max_num_queries(8):
        follow(at=NOW, county_code=morning.county.code)
    with django_assert_max_num_queries(7):
        trip_sheet(morning.now(), NOW)
