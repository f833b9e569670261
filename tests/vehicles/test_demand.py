"""What waits becomes tasks; what can't come along has its one reason; vehicles and buses as the day has them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from common.errors import Refused
from orders.models import Parcel
from orders.states import GoodsClass
from stations.models import Station
from tests.conftest import NOW, County, make_parcel
from tests.tracking.scans import fold, record, scan
from tests.vehicles.people import (
    EVENING,
    TOMORROW,
    add_driver,
    add_vehicle,
    announced,
    at_hub,
    collected,
    handheld,
    join,
    on_map,
    ready,
)
from tests.vehicles.timetable import make_line
from vehicles import services
from vehicles.models import Vehicle
from vehicles.problem import UNREACHABLE
from vehicles.queries.demand import Demand, DemandParcel, demand
from vehicles.services.carriage import gaps
from vehicles.services.demand import Built, problem_for, split
from vehicles.services.snapshots import digest_of, pack, unpack

MONDAY = date(2026, 11, 23)


def waiting(county: County, **more: object) -> Demand:
    return demand(**{"hub": county.h1, "day": TOMORROW, "wave": "day", "at": EVENING, **more})


def build(county: County, **more: object) -> Built:
    return problem_for(**{"hub": county.h1, "day": TOMORROW, "wave": "day", "at": EVENING, **more})


def by_id(found: Demand) -> dict[int, DemandParcel]:
    return {parcel.parcel_id: parcel for parcel in found.parcels}


def test_down_up_and_announced_are_in_scope(county: County):
    ready(county)
    (down,) = at_hub(county, "o1")
    (coming,) = announced(county, "o2")
    (up,) = collected(county, "o3")
    found = by_id(waiting(county))
    assert set(found) == {down.pk, coming.pk, up.pk}
    assert (found[down.pk].direction, found[down.pk].station_id, found[down.pk].ready_s) == ("down", county.o1.pk, 0)
    assert (found[coming.pk].announced, found[coming.pk].ready_s) == (True, 6 * 3600 + 1800)
    assert (found[up.pk].direction, found[up.pk].station_id) == ("up", county.o3.pk)
    assert found[coming.pk].weight_g == 1200  # nobody said
    assert not waiting(county).barred


def test_what_is_delivered_loaded_shelved_or_old_is_not(county: County):
    ready(county)
    parcels = at_hub(county, "o1", 3)
    device = handheld(county, county.h1)
    record(device, scan("LOADED", county.h1.code, NOW, waybill_no=parcels[0].waybill_no))
    record(device, scan("OUTLET_IN", county.o1.code, NOW, waybill_no=parcels[1].waybill_no))
    record(device, scan("SIGNED_PICKUP", county.o1.code, NOW, waybill_no=parcels[2].waybill_no))
    fold()
    (old,) = announced(county, "o2")
    Parcel.objects.filter(pk=old.pk).update(created_at=NOW - timedelta(days=9))
    assert waiting(county).parcels == ()


def test_one_that_went_astray_or_is_sent_back_comes_up(county: County):
    ready(county)
    device = handheld(county, county.h1)
    astray, back = at_hub(county, "o1", 2)
    record(device, scan("OUTLET_IN", county.o3.code, NOW, waybill_no=astray.waybill_no))
    record(device, scan("OUTLET_IN", county.o1.code, NOW, waybill_no=back.waybill_no))
    record(device, scan("RETURNING", county.o1.code, NOW + timedelta(minutes=1), waybill_no=back.waybill_no))
    fold(NOW + timedelta(minutes=1))
    found = by_id(waiting(county))
    assert {pk: (one.direction, one.station_id) for pk, one in found.items()} == {
        astray.pk: ("up", county.o3.pk),
        back.pk: ("up", county.o1.pk),
    }


@pytest.mark.parametrize(
    ("change", "reason", "why"),
    [
        ({"opening_hours": "08:00-20:00,周六休息"}, "TIME_WINDOW", "rests"),
        ({"state": "suspended"}, "TIME_WINDOW", "suspended"),
        ({"dispatch_enabled": False}, "TIME_WINDOW", "no_dispatch"),
        ({"vehicle_access": False}, "VEHICLE_CLASS", "no_access"),
    ],
)
def test_a_station_that_takes_nothing_is_a_reason(county: County, change: dict[str, object], reason: str, why: str):
    ready(county)
    at_hub(county, "o1")
    Station.objects.filter(pk=county.o1.pk).update(**change)
    (parcel,) = waiting(county).parcels
    assert (parcel.reason, parcel.detail) == (reason, {"why": why})


def test_who_is_no_member_and_what_is_held_stay(county: County):
    ready(county)
    (stranger,) = at_hub(county, "o1", carrier="JT")
    (held,) = at_hub(county, "o1")
    record(handheld(county, county.h1), scan("HELD", county.h1.code, NOW, waybill_no=held.waybill_no, reason="破损"))
    fold()
    found = by_id(waiting(county))
    assert (found[stranger.pk].reason, found[held.pk].reason) == ("ORG_SCOPE", "NOT_READY")
    assert by_id(waiting(county, members=["YTO"]))[held.pk].reason == "ORG_SCOPE"


def test_announced_goods_miss_the_last_truck(county: County):
    ready(county)
    (coming,) = announced(county, "o1")
    Parcel.objects.filter(pk=coming.pk).update(created_at=NOW)
    late = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)  # 16:00 there
    assert by_id(waiting(county, at=late))[coming.pk].detail == {"why": "no_truck"}


def test_tasks_carry_everything_once_and_fit(county: County):
    ready(county)
    down = at_hub(county, "o1", 130)
    up = collected(county, "o1", 3)
    cold = at_hub(county, "o2", goods_class=GoodsClass.FRESH)
    built = build(county)
    tasks = built.problem.tasks
    assert sorted(pk for parcels in built.parcels_of_task for pk in parcels) == sorted(
        parcel.pk for parcel in (*down, *up, *cold)
    )
    assert [task.pieces for task in tasks] == [128, 5, 1]  # half a van's pieces, the rest, the cold one alone
    assert tasks[0].down == (1250, 750, 125)
    assert tasks[0].up == (36, 18, 3)  # 1.2 kg and 6 litres where nobody said
    assert tasks[2].skills == {"cold"}
    assert tasks[0].window == (8 * 3600, 20 * 3600)
    assert tasks[0].service == 240 + 2 * 128
    assert built.problem.profiles[0].estimated
    assert built.estimated


def test_the_vehicle_has_its_row_s_numbers(county: County):
    ready(county)
    at_hub(county, "o1")
    (van,) = build(county).problem.vehicles
    assert van.capacity == (8000, 4000, 250)
    assert van.window == (6 * 3600, 18 * 3600)
    assert (van.fixed_cost, van.distance_cost, van.duration_cost) == (1_500_000, 75, 69)
    assert van.max_trips == 3


def test_a_van_whose_inspection_expires_at_noon_is_back_by_noon(county: County):
    on_map(county)
    join(county)
    van = add_vehicle(county, papers=("licence", "insurance"))
    noon = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
    services.add_vehicle_document(vehicle_id=van.pk, kind="inspection", expires_at=noon, by=None, at=NOW)
    add_driver(county)
    at_hub(county, "o1")
    assert build(county).problem.vehicles[0].window == (6 * 3600, 12 * 3600)


def test_today_begins_now_and_a_wave_that_is_over_is_refused(county: County):
    ready(county)
    at_hub(county, "o1")
    ten = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    assert build(county, at=ten).problem.vehicles[0].window[0] == 10 * 3600 + 900
    with pytest.raises(Refused) as refused:
        build(county, at=datetime(2026, 11, 21, 5, 0, tzinfo=UTC), wave="morning")
    assert refused.value.code == "wave_over"
    with pytest.raises(Refused) as refused:
        build(county, at=EVENING + timedelta(days=2))
    assert refused.value.code == "day_passed"


def test_without_a_vehicle_or_a_place_there_is_no_problem(county: County):
    join(county)
    at_hub(county, "o1")
    with pytest.raises(Refused) as refused:
        build(county)
    assert refused.value.code == "hub_not_on_map"
    on_map(county)
    add_vehicle(county)  # nobody drives it
    with pytest.raises(Refused) as refused:
        build(county)
    assert refused.value.code == "no_vehicle"


def test_a_station_that_is_not_on_the_map_is_reached_by_nobody(county: County):
    ready(county)
    Station.objects.filter(pk=county.o2.pk).update(lng=None, lat=None)
    at_hub(county, "o2")
    built = build(county)
    assert built.problem.profiles[0].distance[0, 1] == UNREACHABLE


def test_buses_run_by_their_calendar_and_carry_no_dangerous_goods(county: County):
    ready(county)
    make_line(county)
    at_hub(county, "o1")
    at_hub(county, "c1")
    collected(county, "c1")
    at_hub(county, "c1", goods_class=GoodsClass.HAZARDOUS)
    assert all(not vehicle.timetable for vehicle in build(county).problem.vehicles)  # a Saturday: it rests
    built = build(county, day=MONDAY, at=EVENING + timedelta(days=2))
    buses = [vehicle for vehicle in built.problem.vehicles if vehicle.timetable]
    assert [(bus.timetable[0].leave, bus.capacity, bus.tariff) for bus in buses] == [
        (8 * 3600 + 600, (3000, 1500, 120), 8000),
        (10 * 3600 + 600, (3000, 1500, 120), 8000),
    ]
    ours = {number for number, vehicle in enumerate(built.problem.vehicles) if not vehicle.timetable}
    at_centre = [task for task in built.problem.tasks if built.station_ids[task.place] == county.c1.pk]
    assert len(at_centre) == 3  # down and up apart, dangerous goods alone
    assert {task.allowed for task in at_centre if any(task.up)} == {frozenset(ours)}
    assert not any("hazard" in bus.skills for bus in buses)
    assert all(not vehicle.timetable for vehicle in build(county, day=MONDAY, buses=False).problem.vehicles)


def test_gaps_between_trips():
    assert gaps(0, 10_000, []) == [(0, 10_000)]
    assert gaps(0, 10_000, [(3000, 6000)]) == [(0, 3000), (6000, 10_000)]
    assert gaps(0, 10_000, [(500, 6000), (5000, 9000)]) == []


def test_a_parcel_larger_than_the_limit_is_a_part_of_its_own():
    one = DemandParcel(1, "ZTO", 1, "down", 1000, 1000, frozenset(), 0, False)
    parts = split([one, replace(one, parcel_id=2, weight_g=90_000), replace(one, parcel_id=3)], (500, 500, 5))
    assert [[each.parcel_id for each in part] for part in parts] == [[1], [2], [3]]


def test_a_snapshot_is_the_same_problem(county: County):
    ready(county)
    make_line(county)
    at_hub(county, "o1", 3)
    at_hub(county, "c1", 2)
    built = build(county, day=MONDAY, at=EVENING + timedelta(days=2))
    again = unpack(pack(built))
    assert again.problem.tasks == built.problem.tasks
    assert again.problem.vehicles == built.problem.vehicles
    assert (again.problem.profiles[0].duration == built.problem.profiles[0].duration).all()
    assert again.parcels_of_task == built.parcels_of_task
    assert again.carriers == built.carriers
    assert digest_of(again) == digest_of(built)


def test_the_neighbour_s_parcels_are_not_ours(county: County, neighbour: County):
    ready(county)
    make_parcel(neighbour, "73190553199999", village="v1", destination="no")
    assert waiting(county).parcels == ()
    assert Vehicle.objects.filter(hub=county.h1).count() == 1
