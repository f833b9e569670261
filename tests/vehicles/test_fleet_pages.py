"""The fleet's pages: who sees what, what is entered by whom, and refusals beside their fields."""

import pytest
from django.urls import reverse

from stations.models import Organisation
from tests.conftest import NOW
from tests.vehicles.people import add_driver, add_vehicle
from vehicles import services
from vehicles.models import Driver, Member, Vehicle
from vehicles.states import VehicleState

VEHICLE = {
    "plate": "渝f12345",
    "kind": "van",
    "payload_kg": "800",
    "volume_l": "4000",
    "piece_capacity": "250",
    "worst_road": "5",
    "width_cm": "175",
    "speed_cap_kmh": "60",
    "day_cost": "95",
    "km_cost": "0.85",
    "hour_cost": "20",
}


def owner() -> dict[str, int]:
    return {"owner": Organisation.objects.get(code="ZTO").pk}


@pytest.mark.django_db
def test_the_hub_enters_a_vehicle_its_papers_and_sees_it_barred_until_then(county, sign_in):
    hub = sign_in("hub")
    answer = hub.post(reverse("vehicles:vehicle-new"), {**VEHICLE, **owner()})
    van = Vehicle.objects.get()
    assert (answer.status_code, van.plate, van.hub) == (302, "渝F12345", county.h1)
    address = reverse("vehicles:vehicle", args=[van.pk])
    assert "保险未登记" in hub.get(address).content.decode()
    for kind in ("licence", "inspection", "insurance"):
        paper = {"kind": kind, "number": "1", "expires_on": "2027-05-01", "expires_time": "12:00"}
        assert hub.post(reverse("vehicles:vehicle-paper", args=[van.pk]), paper).status_code == 302
    assert van.documents.get(kind="licence").expires_at.isoformat() == "2027-05-01T04:00:00+00:00"
    assert "保险未登记" not in hub.get(address).content.decode()
    twice = hub.post(reverse("vehicles:vehicle-paper", args=[van.pk]), paper)
    assert twice.status_code == 409
    assert "已经登记过" in twice.content.decode()


@pytest.mark.django_db
def test_the_same_plate_twice_and_a_stale_version_are_told(county, sign_in):
    hub = sign_in("hub")
    hub.post(reverse("vehicles:vehicle-new"), {**VEHICLE, **owner()})
    again = hub.post(reverse("vehicles:vehicle-new"), {**VEHICLE, **owner()})
    assert again.status_code == 409
    assert "本县已有这个车牌的车辆" in again.content.decode()
    edit = reverse("vehicles:vehicle-edit", args=[Vehicle.objects.get().pk])
    changed = {**VEHICLE, **owner(), "version": "1", "payload_kg": "900"}
    assert hub.post(edit, changed).status_code == 302
    assert hub.post(edit, changed).status_code == 409
    assert Vehicle.objects.get().payload_kg == 900


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("plate", ""),
        ("plate", "\u200b"),
        ("plate", "a\x00"),
        ("kind", "bus"),
        ("payload_kg", "-1"),
        ("payload_kg", "99999999999999999999"),
        ("km_cost", "NaN"),
        ("day_cost", "1e99"),
        ("owner", "0"),
        ("owner", "x"),
    ],
)
def test_a_bad_vehicle_is_a_sentence(county, sign_in, field, value):
    answer = sign_in("hub").post(reverse("vehicles:vehicle-new"), {**VEHICLE, **owner(), field: value})
    assert answer.status_code == 422
    assert not Vehicle.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["courier", "operator", "township", "carrier", "auditor", "support", "clerk"])
def test_others_enter_nothing(county, sign_in, who):
    assert sign_in(who).post(reverse("vehicles:vehicle-new"), {**VEHICLE, **owner()}).status_code == 403
    assert sign_in(who).post(reverse("vehicles:members"), {}).status_code == 403


@pytest.mark.django_db
def test_the_neighbour_sees_nothing_and_a_carrier_its_own(county, neighbour, sign_in):
    mine = add_vehicle(county, "渝F10001", owner=Organisation.objects.get(code="ZTO"))
    other = add_vehicle(county, "渝F10002", owner=Organisation.objects.get(code="YTO"))
    driver = add_driver(county, usual_vehicle=mine)
    services.set_shifts(driver_id=driver.pk, shifts={}, by=None, at=NOW)  # and so nobody drives it
    foreign = sign_in(neighbour.people["officer"])
    assert "渝F1000" not in foreign.get(reverse("vehicles:fleet")).content.decode()
    for address in ("vehicle", "vehicle-edit"):
        assert foreign.get(reverse(f"vehicles:{address}", args=[mine.pk])).status_code == 404
    assert foreign.get(reverse("vehicles:driver", args=[driver.pk])).status_code == 404
    page = sign_in("carrier").get(reverse("vehicles:fleet")).content.decode()
    assert "渝F10001" in page
    assert "渝F10002" not in page
    assert driver.user.name not in page
    own = sign_in("carrier").get(reverse("vehicles:vehicle", args=[mine.pk])).content.decode()
    assert driver.user.name not in own
    assert sign_in("carrier").get(reverse("vehicles:vehicle", args=[other.pk])).status_code == 404


@pytest.mark.django_db
def test_a_driver_from_entering_to_ending(county, sign_in):
    hub = sign_in("hub")
    van = add_vehicle(county)
    courier = county.people["courier"]
    values = {"user": courier.pk, "licence_class": "C1", "usual_vehicle": van.pk}
    assert hub.post(reverse("vehicles:driver-new"), values).status_code == 302
    driver = Driver.objects.get()
    assert hub.post(reverse("vehicles:driver-new"), values).status_code == 422  # not among the people any more
    edit = reverse("vehicles:driver-edit", args=[driver.pk])
    stale = {"licence_class": "B2", "usual_vehicle": van.pk, "seen": f"C2||{van.pk}"}
    assert hub.post(edit, stale).status_code == 409
    assert hub.post(edit, {**stale, "seen": f"C1||{van.pk}"}).status_code == 302
    week = {"starts_0": "06:00", "ends_0": "12:00", "starts_1": "07:00", "ends_1": ""}
    shifts = reverse("vehicles:driver-shifts", args=[driver.pk])
    half = hub.post(shifts, week)
    assert half.status_code == 422
    assert "要么都填" in half.content.decode()
    assert hub.post(shifts, {**week, "ends_1": "06:00"}).status_code == 422
    assert hub.post(shifts, {**week, "ends_1": "16:00"}).status_code == 302
    assert driver.shifts.count() == 2
    away = {"first_on": "2026-11-30", "last_on": "2026-12-02"}
    address = reverse("vehicles:driver-absence", args=[driver.pk])
    assert hub.post(address, {**away, "last_on": "2026-11-01"}).status_code == 422
    assert [hub.post(address, away).status_code for _time in range(2)] == [302, 409]
    row = driver.absences.get()
    remove = reverse("vehicles:absence-remove", args=[driver.pk, row.pk])
    assert [hub.post(remove).status_code for _time in range(2)] == [302, 302]
    assert not driver.absences.exists()
    assert hub.post(reverse("vehicles:driver-end", args=[driver.pk])).status_code == 302
    driver.refresh_from_db()
    assert driver.ended_on


@pytest.mark.django_db
def test_state_moves_with_a_reason(county, sign_in):
    van = add_vehicle(county)
    address = reverse("vehicles:vehicle-state", args=[van.pk])
    hub = sign_in("hub")
    assert hub.post(address, {"to": "repair", "reason": ""}).status_code == 422
    assert hub.post(address, {"to": "repair", "reason": "换胎"}).status_code == 302
    assert hub.post(address, {"to": "repair", "reason": "换胎"}).status_code == 422
    van.refresh_from_db()
    assert van.state == VehicleState.REPAIR
    assert "维修中" in hub.get(reverse("vehicles:fleet")).content.decode()


@pytest.mark.django_db
def test_a_member_joins_once_and_leaves(county, sign_in):
    officer = sign_in("officer")
    joins = {"organisation": owner()["owner"], "joined_on": "2026-01-01", "contract_no": "1号"}
    assert [officer.post(reverse("vehicles:members"), joins).status_code for _time in range(2)] == [302, 409]
    member = Member.objects.get()
    leave = reverse("vehicles:member-leave", args=[member.pk])
    assert officer.post(leave, {"left_on": "2025-01-01"}).status_code == 422
    assert [officer.post(leave, {"left_on": "2026-06-01"}).status_code for _time in range(2)] == [302, 409]
    assert "已退出" in officer.get(reverse("vehicles:members")).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("who", "first"), [("hub", "plans"), ("officer", "plans"), ("carrier", "fleet")])
def test_the_entry_leads_to_the_first_page_that_is_theirs(county, sign_in, who, first):
    answer = sign_in(who).get(reverse("vehicles:home"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse(f"vehicles:{first}"))
