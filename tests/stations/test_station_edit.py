"""Editing and adding stations by page: rights, the typed form kept, two people at once, a trace of what changed."""

import threading
from dataclasses import replace

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry
from common.errors import Conflict
from stations import services
from stations.models import Equipment, Station
from stations.services import fields_of
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
NEW = reverse("stations:station-new")


def edit(station: Station) -> str:
    return reverse("stations:station-edit", args=[station.pk])


def sent(station: Station, **changes: object) -> dict[str, object]:
    """What a browser sends for the whole form of a station as it stands."""
    values = {**vars(fields_of(station)), "version": station.version, "township": station.township_code}
    return {name: value for name, value in {**values, **changes}.items() if value is not None and value is not False}


NEW_OUTLET = {
    "county": "500230",
    "level": "OUTLET",
    "township": "500230102",
    "region_code": "500230102201",
    "parent_code": "FD-C2",
    "code": "FD-O9",
    "name": "大坪村服务点",
    "host_kind": "shop",
    "daily_capacity": 30,
    "shelf_slots": 20,
    "cold_m3": "0",
    "tenure": "permanent",
    "user_access": "on",
    "brands": ["ZTO"],
    "services": ["parcel_in"],
}


def test_an_officer_adds_an_outlet(sign_in, county):
    response = sign_in("officer").post(NEW, NEW_OUTLET)
    station = Station.objects.get(code="FD-O9")
    assert response.status_code == 302
    assert response.url == reverse("stations:station", args=[station.pk])
    assert (station.state, station.initials, station.vehicle_access) == ("proposed", "dpcfwd", False)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"code": "FD-O1"}, "code", "FD-O1"),
        ({"parent_code": "FD-C1"}, "parent_code", "虎威镇物流站"),
        ({"parent_code": ""}, "parent_code", ""),
        ({"parent_code": "FD-H1"}, "parent_code", ""),
        ({"region_code": "500230101200"}, "region_code", ""),
        ({"tenure": "temporary"}, "tenure_until", ""),
        ({"lng": "107.5"}, "lng", ""),
        ({"lng": "NaN", "lat": "1"}, "lng", ""),
        ({"daily_capacity": "many"}, "daily_capacity", ""),
        ({"daily_capacity": "99999999999"}, "daily_capacity", ""),
        ({"name": ""}, "name", ""),
        ({"brands": ["XX"]}, "brands", "XX"),
    ],
)
def test_a_bad_field_keeps_the_form_and_says_why(sign_in, county, change, field, words):
    response = sign_in("officer").post(NEW, {**NEW_OUTLET, **change})
    assert response.status_code in (409, 422)
    errors = response.context["form"].errors
    assert list(errors) == [field]
    assert words in str(errors[field])
    if field != "name":
        assert 'value="大坪村服务点"' in response.content.decode()


def test_the_places_offered_fit_one_another(sign_in, county):
    url = reverse("stations:station-places")
    html = (
        sign_in("officer")
        .get(url, {"level": "OUTLET", "township": "500230102", "parent_code": "FD-C1"})
        .content.decode()
    )
    assert "明月村" in html
    assert "大池村" not in html
    assert '<option value="FD-C2" selected>' in html
    centre = sign_in("officer").get(url, {"level": "CENTRE"}).content.decode()
    assert "丰都县级物流中心" in centre
    assert "社坛镇" in centre
    assert sign_in("officer").get(url, {"level": "SHED", "township": "zz", "county": "000000"}).status_code == 200


def test_a_township_adds_outlets_in_itself_only(sign_in, county):
    client = sign_in("township")
    other = client.post(NEW, NEW_OUTLET)
    assert other.status_code == 422
    assert not Station.objects.filter(code="FD-O9").exists()
    own = {"township": "500230101", "region_code": "500230101201", "parent_code": "FD-C1"}
    assert client.post(NEW, {**NEW_OUTLET, **own}).status_code == 302
    centre = {**NEW_OUTLET, "code": "FD-C9", "level": "CENTRE", "region_code": "500230101000", "parent_code": "FD-H1"}
    assert client.post(NEW, centre).status_code == 422


@pytest.mark.parametrize(("who", "status"), [("operator", 403), ("auditor", 403), ("carrier", 403), ("clerk", 403)])
def test_others_may_not_add(sign_in, county, who, status):
    assert sign_in(who).get(NEW).status_code == status
    assert sign_in(who).post(NEW, NEW_OUTLET).status_code == status


def test_an_officer_edits_and_the_audit_keeps_what_changed(sign_in, county):
    response = sign_in("officer").post(
        edit(county.o1), sent(county.o1, name="大池村驿站", contact_phone="13912345678", brands=["YTO"])
    )
    assert response.status_code == 302
    station = Station.objects.get(pk=county.o1.pk)
    assert (station.name, station.version, station.initials) == ("大池村驿站", 2, "dccyz")
    entry = AuditEntry.objects.get(action="station.changed")
    assert entry.before == {"name": "大池村服务点", "contact_phone": "", "brands": []}
    assert entry.after == {"name": "大池村驿站", "contact_phone": "139****5678", "brands": ["YTO"]}


def test_saving_what_is_there_changes_nothing(sign_in, county):
    assert sign_in("officer").post(edit(county.o1), sent(county.o1)).status_code == 302
    assert Station.objects.get(pk=county.o1.pk).version == 1
    assert not AuditEntry.objects.exists()


def test_code_and_level_stay(sign_in, county):
    sign_in("officer").post(edit(county.o1), sent(county.o1, code="FD-X", level="HUB", name="新名"))
    station = Station.objects.get(pk=county.o1.pk)
    assert (station.code, station.level, station.name) == ("FD-O1", "OUTLET", "新名")


def test_the_second_of_two_people_keeps_the_typed_form_and_may_save_again(sign_in, county):
    seen = sent(county.o1, name="乙的名字")
    services.edit_station(
        station_id=county.o1.pk,
        version=1,
        fields=replace(fields_of(county.o1), name="甲的名字"),
        by=county.people["officer"],
        at=NOW,
    )
    client = sign_in("officer")
    response = client.post(edit(county.o1), seen)
    html = response.content.decode()
    assert response.status_code == 409
    assert 'value="乙的名字"' in html
    assert "甲的名字" in html
    assert 'name="version" value="2"' in html
    assert client.post(edit(county.o1), {**seen, "version": 2}).status_code == 302
    assert Station.objects.get(pk=county.o1.pk).name == "乙的名字"


def test_an_operator_changes_the_contact_and_nothing_else(sign_in, county):
    client = sign_in("operator")
    response = client.post(
        edit(county.o1), {"version": 1, "contact_name": "王掌柜", "contact_phone": "13900001111", "name": "我的店"}
    )
    assert response.status_code == 302
    station = Station.objects.get(pk=county.o1.pk)
    assert (station.contact_name, station.name) == ("王掌柜", "大池村服务点")
    assert client.get(edit(county.o2)).status_code == 404


def test_neighbours_and_readers_may_not_edit(sign_in, county, neighbour):
    assert sign_in(neighbour.people["officer"]).post(edit(county.o1), {}).status_code == 404
    for who in ("auditor", "carrier", "courier", "clerk", "support"):
        assert sign_in(who).get(edit(county.o1)).status_code == 403


def test_a_centre_with_outlets_cannot_move_to_another_township(sign_in, county):
    response = sign_in("officer").post(edit(county.c1), sent(county.c1, region_code="500230102000"))
    assert response.status_code == 422
    assert "region_code" in response.context["form"].errors


def test_equipment_is_noted_once_and_changes_state(sign_in, county):
    client = sign_in("officer")
    add = reverse("stations:equipment-add", args=[county.o1.pk])
    client.post(add, {"kind": "电子秤", "serial": "S-1"})
    client.post(add, {"kind": "电子秤", "serial": "S-1"})
    client.post(add, {"kind": "", "serial": "S-2"})
    piece = Equipment.objects.get()
    state = reverse("stations:equipment-state", args=[county.o1.pk, piece.pk])
    assert client.post(state, {"state": "faulty"}).status_code == 302
    assert client.post(state, {"state": "magic"}).status_code == 422
    assert Equipment.objects.get().state == "faulty"
    assert AuditEntry.objects.filter(action="station.equipped").count() == 2
    assert sign_in("operator").post(state, {"state": "working"}).status_code == 403
    elsewhere = reverse("stations:equipment-state", args=[county.o2.pk, piece.pk])
    assert client.post(elsewhere, {"state": "working"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_edits_at_once_one_wins(county):
    gate, answers = threading.Barrier(2), []

    def save(name: str) -> None:
        try:
            fields = replace(fields_of(county.o1), name=name)
            gate.wait()
            services.edit_station(station_id=county.o1.pk, version=1, fields=fields, by=None, at=NOW)
            answers.append("saved")
        except Conflict as conflict:
            answers.append(conflict.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=(name,)) for name in ("甲", "乙")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(answers) == ["changed_meanwhile", "saved"]
