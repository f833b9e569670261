"""Which vehicles drive on a day, with whom: papers to the minute, licences, shifts, absences; entered once."""

import threading
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import AuditEntry
from common.errors import Conflict, Refused
from stations.models import Organisation
from tests.conftest import NOW
from tests.vehicles.people import TOMORROW, add_driver, add_vehicle
from vehicles import services
from vehicles.models import Transition, Vehicle
from vehicles.queries.fleet import barred, members_on, missing_for, usable_vehicles
from vehicles.services import DriverFields, VehicleFields
from vehicles.states import VehicleKind, VehicleState

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # of TOMORROW, in Shanghai


def only(county):
    return usable_vehicles(county.h1, TOMORROW)[0]


def expire(vehicle: Vehicle, kind: str, at: datetime) -> None:
    vehicle.documents.filter(kind=kind).update(expires_at=at)


@pytest.mark.django_db
def test_a_van_with_driver_and_papers_drives_the_shift(county):
    van, driver = add_vehicle(county), add_driver(county)
    found = only(county)
    assert (found.vehicle, found.driver, found.window, found.usable) == (van, driver, (6 * 3600, 18 * 3600), True)


@pytest.mark.django_db
def test_an_inspection_that_expires_at_noon_drives_until_noon(county):
    van = add_vehicle(county)
    add_driver(county)
    expire(van, "inspection", NOON)
    found = only(county)
    assert found.window == (6 * 3600, 12 * 3600)
    assert found.notes == ("车辆年检到期：须在 12:00 前返回",)
    assert barred(van, at=NOON - timedelta(minutes=1)) == []
    assert barred(van, at=NOON) == ["车辆年检已过期"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "at", "said"),
    [
        ("inspection", NOON - timedelta(hours=12), "车辆年检已于 2026-11-20 过期"),
        ("insurance", NOON - timedelta(days=30), "过期"),
        ("licence", NOON - timedelta(hours=7), "须在 05:00 前返回"),
    ],
)
def test_what_has_expired_before_work_stays(county, kind, at, said):
    van = add_vehicle(county)
    add_driver(county)
    expire(van, kind, at)
    found = only(county)
    assert not found.usable
    assert found.driver is None
    assert said in "".join((*found.reasons, *found.notes))


@pytest.mark.django_db
def test_a_missing_paper_bars_and_the_newest_of_a_kind_counts(county):
    van = add_vehicle(county, papers=("licence", "insurance"))
    add_driver(county)
    assert only(county).reasons == ("车辆年检未登记",)
    for at in (NOW - timedelta(days=400), NOW + timedelta(days=100)):
        services.add_vehicle_document(vehicle_id=van.pk, kind="inspection", expires_at=at, by=None, at=NOW)
    assert only(county).usable


@pytest.mark.django_db
def test_drivers_are_matched_so_that_most_vehicles_drive(county):
    """The one who may drive the truck drives it, though the van is nearer in the list; usual vehicles first."""
    truck = add_vehicle(county, "渝F20001", kind=VehicleKind.TRUCK, payload_kg=3000, papers=("licence",))
    for kind in ("inspection", "insurance", "permit"):
        services.add_vehicle_document(
            vehicle_id=truck.pk, kind=kind, expires_at=NOW + timedelta(days=90), by=None, at=NOW
        )
    one, two = add_vehicle(county, "渝F10001"), add_vehicle(county, "渝F10002")
    heavy = add_driver(county, "heavy", papers=("licence", "safety", "qualification"))
    services.change_driver(
        driver_id=heavy.pk, seen=DriverFields("C1"), fields=DriverFields("B2"), by=county.people["officer"], at=NOW
    )
    light = add_driver(county, "light", usual_vehicle=two)
    found = {row.vehicle: row for row in usable_vehicles(county.h1, TOMORROW)}
    assert found[truck].driver == heavy
    assert found[two].driver == light
    assert found[one].reasons == ("当天的驾驶员都已安排其他车辆",)
    assert "准驾车型 C1，本车需要 A1/A2/B2" in missing_for(light, truck, at=NOW)


@pytest.mark.django_db
def test_absence_rest_day_and_a_closed_login_leave_a_vehicle_without_driver(county):
    van = add_vehicle(county)
    driver = add_driver(county, usual_vehicle=van)
    absence = services.add_absence(driver_id=driver.pk, first_on=TOMORROW, last_on=TOMORROW, by=None, at=NOW)
    assert "请假至 2026-11-21" in only(county).reasons[0]
    services.remove_absence(driver_id=driver.pk, absence_id=absence.pk, by=county.people["officer"], at=NOW)
    services.set_shifts(driver_id=driver.pk, shifts={0: (time(6), time(12))}, by=None, at=NOW)
    assert "当天轮休" in only(county).reasons[0]
    services.set_shifts(driver_id=driver.pk, shifts={5: (time(6), time(12))}, by=None, at=NOW)
    assert only(county).window == (6 * 3600, 12 * 3600)
    driver.user.is_active = False
    driver.user.save(update_fields=["is_active"])
    assert not only(county).usable


@pytest.mark.django_db
def test_an_unmanned_vehicle_needs_no_driver_and_a_cold_box_a_trained_one(county):
    add_vehicle(county, "渝F30001", kind=VehicleKind.UGV, papers=("permit", "insurance"))
    assert (only(county).usable, only(county).driver) == (True, None)
    Vehicle.objects.all().delete()
    add_vehicle(county, cold=True)
    add_driver(county, "plain")
    assert not only(county).usable
    trained = add_driver(county, "trained", papers=("licence", "safety", "cold"))
    assert only(county).driver == trained


@pytest.mark.django_db
def test_repair_keeps_it_home_and_retired_is_for_good(county):
    van, officer = add_vehicle(county), county.people["officer"]
    add_driver(county)
    services.set_vehicle_state(vehicle_id=van.pk, to=VehicleState.REPAIR, reason="刹车", by=officer, at=NOW)
    assert only(county).reasons == ("维修中",)
    services.set_vehicle_state(vehicle_id=van.pk, to=VehicleState.RETIRED, reason="报废", by=officer, at=NOW)
    assert usable_vehicles(county.h1, TOMORROW) == []
    assert Transition.objects.filter(entity="vehicle", entity_id=van.pk).count() == 2
    with pytest.raises(Conflict, match="vehicle_retired"):
        services.set_vehicle_state(vehicle_id=van.pk, to=VehicleState.IN_SERVICE, reason="又好了", by=officer, at=NOW)


def fields(**more: object) -> VehicleFields:
    values: dict[str, object] = {
        "owner": Organisation.objects.get(code="ZTO"),
        "plate": "渝F77777",
        "kind": "van",
        "payload_kg": 800,
        "volume_l": 4000,
        "piece_capacity": 250,
        "day_cost": Decimal(100),
        "km_cost": Decimal(1),
        **more,
    }
    return VehicleFields(**values)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plate", ""),
        ("plate", "a\x00"),
        ("kind", "bus"),
        ("kind", "rocket"),
        ("payload_kg", 0),
        ("volume_l", 10**9),
        ("km_cost", Decimal("NaN")),
        ("day_cost", Decimal(-1)),
        ("worst_road", "9"),
    ],
)
def test_a_bad_vehicle_is_refused_with_its_field(county, name, value):
    with pytest.raises(Refused) as refused:
        services.add_vehicle(hub=county.h1, fields=fields(**{name: value}), by=None, at=NOW)
    assert refused.value.pointer == f"/{name}"
    assert not Vehicle.objects.exists()


@pytest.mark.django_db
def test_a_plate_is_entered_once_and_a_stale_change_is_told(county):
    officer = county.people["officer"]
    van = services.add_vehicle(hub=county.h1, fields=fields(), by=officer, at=NOW)
    with pytest.raises(Conflict, match="plate_taken"):
        services.add_vehicle(hub=county.h1, fields=fields(), by=officer, at=NOW)
    services.change_vehicle(vehicle_id=van.pk, seen=1, fields=fields(payload_kg=900), by=officer, at=NOW)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        services.change_vehicle(vehicle_id=van.pk, seen=1, fields=fields(payload_kg=500), by=officer, at=NOW)
    assert AuditEntry.objects.get(action="vehicle.changed").after == {"payload_kg": 900}


@pytest.mark.django_db(transaction=True)
def test_two_who_change_a_vehicle_at_once(county):
    officer = county.people["officer"]
    van = services.add_vehicle(hub=county.h1, fields=fields(), by=officer, at=NOW)
    gate, answers = threading.Barrier(2), []

    def change(payload: int) -> None:
        wanted = fields(payload_kg=payload)
        gate.wait()
        try:
            services.change_vehicle(vehicle_id=van.pk, seen=1, fields=wanted, by=officer, at=NOW)
            answers.append("in")
        except Conflict as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=[kg]) for kg in (700, 900)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["changed_meanwhile", "in"]


@pytest.mark.django_db
def test_a_member_counts_from_its_first_day_to_the_one_it_leaves(county):
    carrier = Organisation.objects.get(code="ZTO")
    member = services.add_member(hub=county.h1, organisation=carrier, joined_on=TOMORROW, by=None, at=NOW)
    assert not members_on(county.code, TOMORROW - timedelta(days=1)).exists()
    assert members_on(county.code, TOMORROW).exists()
    with pytest.raises(Conflict, match="member_already"):
        services.add_member(hub=county.h1, organisation=carrier, joined_on=TOMORROW, by=None, at=NOW)
    with pytest.raises(Refused, match="left_before_joining"):
        services.end_member(member_id=member.pk, left_on=TOMORROW, by=county.people["officer"], at=NOW)
    week = TOMORROW + timedelta(days=7)
    services.end_member(member_id=member.pk, left_on=week, by=county.people["officer"], at=NOW)
    assert not members_on(county.code, week).exists()
    assert services.add_member(hub=county.h1, organisation=carrier, joined_on=week, by=None, at=NOW)
