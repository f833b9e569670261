"""Positions by API: per-row verdicts, the same twice is one, another driver's trip, kept for thirty days."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from common import clock
from tests.conftest import County, make_device
from tests.vehicles.issued import Morning, make_trip, make_vehicle, second_driver
from vehicles.models import Position
from vehicles.rules import POSITION_DAYS
from vehicles.services import forget_positions

pytestmark = pytest.mark.django_db
URL = "/api/v1/positions/"


@pytest.fixture
def morning(county: County) -> Morning:
    m = Morning(county, departs_at=clock.now())
    make_device(county.h1, m.user, token="of-driver")
    return m


def at(minutes: float = 0) -> str:
    return (clock.now() + timedelta(minutes=minutes)).isoformat()


def row(m: Morning, **more: object) -> dict:
    place = {"client_id": str(uuid4()), "trip": m.trip.code, "at": at(-1), "lng": 107.7, "lat": 29.8}
    return {**place, **more}


def send(rows: object, token: str = "of-driver", **more):
    body = json.dumps({"positions": rows}) if not isinstance(rows, str) else rows
    headers = {"Authorization": f"Device {token}", "Accept-Language": "zh-hans"}
    return Client().post(URL, body, content_type="application/json", headers=headers)


def test_good_rows_are_stored_and_bad_ones_named(morning: Morning, county: County):
    other = make_trip(county.h1, [county.o3], vehicle=make_vehicle(county.h1, "渝F8"), driver=second_driver(county))
    bad = [
        (5, "not_an_object", ""),
        (row(morning, client_id="x"), "id_format", "/client_id"),
        (row(morning, trip=other.code), "trip_unknown", "/trip"),
        (row(morning, trip=["x"]), "trip_unknown", "/trip"),
        (row(morning, trip="\x00"), "trip_unknown", "/trip"),
        (row(morning, at="gestern"), "time_format", "/at"),
        (row(morning, at="2026-11-20T12:00:00"), "time_format", "/at"),
        (row(morning, at="0001-01-01T00:00:00+14:00"), "time_format", "/at"),
        (row(morning, at=at(10)), "time_ahead", "/at"),
        (row(morning, at=at(-60 * 24 * (POSITION_DAYS + 1))), "time_old", "/at"),
        (row(morning, lng=181), "lng_range", "/lng"),
        (row(morning, lat="29"), "lat_range", "/lat"),
        (row(morning, lat=True), "lat_range", "/lat"),
        (row(morning, accuracy_m=-1), "accuracy_range", "/accuracy_m"),
        (row(morning, speed_kmh=1000), "speed_range", "/speed_kmh"),
    ]
    good = row(morning, accuracy_m=8, speed_kmh=31.5, more="ignored")
    answer = send([good, *(one for one, _code, _pointer in bad), row(morning), good])
    assert answer.status_code == 200
    body = answer.json()
    assert body["accepted"] == 2
    expected = [("invalid", code, f"/positions/{n}{pointer}") for n, (_row, code, pointer) in enumerate(bad, 1)]
    expected.append(("duplicate", "duplicate", f"/positions/{len(bad) + 2}"))
    assert [(e["status"], e["code"], e["pointer"]) for e in body["exceptions"]] == expected
    assert Position.objects.count() == 2


def test_the_same_batch_again_adds_nothing(morning: Morning):
    rows = [row(morning) for _n in range(200)]
    assert send(rows).json()["accepted"] == 200
    again = send(rows).json()
    assert again["accepted"] == 0
    assert {e["status"] for e in again["exceptions"]} == {"duplicate"}
    assert Position.objects.count() == 200


def test_too_many_no_list_and_no_token(morning: Morning, county: County, sign_in):
    assert send([row(morning)] * 201).json()["code"] == "batch_too_large"
    assert send([row(morning)] * 201).status_code == 413
    for body in ("{}", "[]", '{"positions": 5}', "null"):
        assert (send(body).status_code, send(body).json()["code"]) == (400, "positions_missing")
    assert send("{").status_code == 400
    assert send([], token="nobody").status_code == 401
    assert sign_in("courier").post(URL, {}, content_type="application/json").status_code == 403


def test_another_drivers_handheld_sees_no_trip(morning: Morning, county: County):
    other = second_driver(county)
    make_device(county.h1, other.user, token="of-other", name="PDA-2")
    headers = {"Authorization": "Device of-other"}
    assert Client().get(f"/api/v1/trips/{morning.trip.code}/", headers=headers).status_code == 404
    assert Client().get("/api/v1/trips/mine/", headers=headers).json() == {"results": []}
    mine = {"Authorization": "Device of-driver"}
    assert [t["code"] for t in Client().get("/api/v1/trips/mine/", headers=mine).json()["results"]] == [
        morning.trip.code
    ]
    sheet = Client().get(f"/api/v1/trips/{morning.trip.code}/", headers=mine).json()
    assert [len(stop["drop"]) for stop in sheet["stops"]] == [0, 2, 1, 1]
    assert [len(stop["collect"]) for stop in sheet["stops"]] == [3, 0, 1, 0]
    assert sheet["may_leave"] is False


def test_positions_are_forgotten_after_their_days(morning: Morning):
    send([row(morning), row(morning)])
    one = Position.objects.first()
    Position.objects.filter(pk=one.pk).update(received_at=clock.now() - timedelta(days=POSITION_DAYS, minutes=1))
    assert forget_positions(at=clock.now()) == 1
    assert forget_positions(at=clock.now()) == 0
    assert Position.objects.count() == 1
