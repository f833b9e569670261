"""tests/tracking/bad_scans.yaml through the API by URL: what is answered, what is stored, what is kept beside."""

import gzip
import hashlib
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery import current_app
from django.db import connection
from django.test import Client

from common import bell, clock, limits
from orders.models import Parcel
from stations.models import Device
from tests.conftest import make_device
from tests.tracking.scans import WAYBILL, scan
from tracking import services
from tracking.models import ScanEvent, SetAside

pytestmark = pytest.mark.django_db
URL = "/api/v1/scan-batches/"
TABLE: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "bad_scans.yaml").read_text(encoding="utf-8")
)


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(one, id=f"{one['row']} {one['name']}") for one in TABLE[kind]])


@pytest.fixture
def handhelds(county, neighbour) -> dict[str, Device]:
    people, make = county.people, make_device
    return {
        "hub": make(county.h1, people["hub"], "token-of-hub", "PDA-1"),
        "centre": make(county.c1, people["centre"], "token-of-centre", "PDA-2"),
        "other": make(county.o3, people["operator2"], "token-of-other", "PDA-3"),
    }


def send(body: bytes, *, authorization: str = "Device token-of-hub", kind: str = "application/json", **headers: str):
    extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    if authorization:
        extra["HTTP_AUTHORIZATION"] = authorization
    extra["CONTENT_TYPE"] = kind  # of an empty body too
    return Client().generic("POST", URL, body, kind, HTTP_ACCEPT_LANGUAGE="en", **extra)


def fresh(**change: Any) -> dict[str, Any]:
    kind = change.pop("type", "HUB_IN")
    event = scan("HUB_IN", "FD-H1", clock.now()) | {"type": kind} | change
    return {key: value for key, value in event.items() if value is not None}


def body_of(*events: object, **envelope: Any) -> bytes:
    return json.dumps({"device_now": clock.now().isoformat(), "events": events, **envelope}).encode()


def made(name: str) -> bytes:
    """The bodies that a line of YAML can't hold."""
    good = body_of(fresh(reason="张"))
    makers = {
        "plain": lambda: good,
        "bom": lambda: b"\xef\xbb\xbf" + good,
        "utf16": lambda: good.decode().encode("utf-16"),
        "gzip": lambda: gzip.compress(good),
        "gzip_twice": lambda: gzip.compress(good[:50]) + gzip.compress(good[50:]),
        "gzip_cut": lambda: gzip.compress(good)[:-9],
        "gzip_bomb": lambda: gzip.compress(b" " * 5_000_000),
        "gbk": lambda: '{"events": ["张"]}'.encode("gbk"),
        "nested_17": lambda: b'{"events": [' + b"[" * 17 + b"]" * 17 + b"]}",
        "nested_100000": lambda: b'{"events": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        "events_501": lambda: json.dumps({"events": [{}] * 501}).encode(),
        "spaces_600000": lambda: b" " * 600_000,
    }
    return makers[name]()


@cases("whole")
def test_a_body_nobody_can_use_is_refused_and_its_head_kept(handhelds, case):
    body = made(case["made"]) if "made" in case else case["body"].encode()
    ask = {"kind": case.get("type", "application/json"), **case.get("headers", {})}
    answer = send(body, **ask)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (case["status"], case["code"])
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["detail"]
    for key, value in case.get("says", {}).items():
        assert problem[key] == value if not isinstance(value, dict) else value.items() <= problem[key].items()
    rows = list(SetAside.objects.all())
    assert len(rows) == case.get("kept", False)
    for row in rows:
        assert (row.pk, row.code) == (problem["quarantine_id"], "unreadable")
        assert bytes(row.raw) == body[:65_536]
        assert bytes(row.raw_digest) == hashlib.sha256(body).digest()
        assert send(body, **ask).json()["quarantine_id"] == row.pk  # the same again adds nothing
    assert not ScanEvent.objects.exists()


@cases("readable")
def test_an_odd_body_is_read(handhelds, case):
    answer = send(made(case["made"]), kind=case.get("type", "application/json"), **case.get("headers", {}))
    assert answer.json()["accepted"] == 1, answer.content
    assert ScanEvent.objects.get().reason == "张"


@cases("events")
def test_a_bad_scan_is_kept_beside_and_the_rest_is_stored(handhelds, case):
    who = case.get("device", "hub")
    station = handhelds[who].station.code
    long = {key: "7" * size for key, size in case.get("long", {}).items()}
    event = json.dumps(fresh(**({"station": station} | case.get("change", {}) | long)))
    if "append" in case:
        event = event[:-1] + case["append"].replace("…", "0" * 5000) + "}"
    good = json.dumps(fresh(station=station))
    answer = send(f'{{"events": [{good}, {event}]}}'.encode(), authorization=f"Device token-of-{who}")
    body = answer.json()
    assert (answer.status_code, body["accepted"]) == (200, 1), body
    [one] = body["exceptions"]
    assert (one["index"], one["status"], one["code"]) == (1, "invalid", case["code"])
    assert one["pointer"] == f"/events/1/{case['at']}"
    assert one["detail"]
    assert "明月村" not in one["detail"]  # where a station is somebody else's, not even its name
    kept = SetAside.objects.get()
    assert (kept.code, kept.verdict, kept.position, kept.device_id) == (case["code"], "invalid", 1, handhelds[who].pk)
    assert bytes(kept.raw).decode() == event  # byte by byte as it came


UNITS = {"h": 3600, "m": 60, "s": 1}


def span(text: str) -> timedelta:
    """ "3h", "-40m", "60s"."""
    found = re.fullmatch(r"(-?\d+)([hms])", text)
    assert found, text
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


class Story:
    """The uploads of a story as they are sent; scans by the names they have there."""

    def __init__(self, handhelds: dict[str, Device]) -> None:
        self.handhelds = handhelds
        self.scans: dict[str, dict[str, Any]] = {}
        self.now = clock.now()

    def event(self, given: dict[str, Any], ahead: timedelta) -> dict[str, Any]:
        given = dict(given)
        name, ago = given.pop("id", None), given.pop("ago", None)
        if given.get("occurred_at") == "noon":
            given["occurred_at"] = (self.now - timedelta(hours=1)).isoformat()
        if ago:
            given["occurred_at"] = (self.now - span(ago) + ahead).isoformat()
        event = (self.scans.get(name) if name else None) or fresh()
        event = event | given
        if name:
            self.scans.setdefault(name, event)
        return event

    def upload(self, step: dict[str, Any]) -> None:
        ahead = span(step["clock"]) if "clock" in step else timedelta()
        who = step.get("device", "hub")
        if step.get("revoke"):
            Device.objects.filter(pk=self.handhelds[who].pk).update(revoked_at=clock.now())
        authorization = step.get("authorization", f"Device token-of-{who}")
        if "authorization_long" in step:
            authorization = "Device " + "x" * step["authorization_long"]
        headers = {"App-Version": step["app_version"]} if "app_version" in step else {}
        events = [self.event(given, ahead) for given in step["scans"]]
        body = body_of(*events, device_now=(clock.now() + ahead).isoformat())
        answer = send(body, authorization=authorization, **headers)
        said = answer.json()
        assert answer.status_code == step.get("status", 200), said
        if answer.status_code != 200:
            assert (said["code"], answer["Content-Type"]) == (step["code"], "application/problem+json")
            return
        assert said["accepted"] == step["accepted"], said
        exceptions = [[one["index"], one["status"], one["code"]] for one in said["exceptions"]]
        assert exceptions == step.get("exceptions", [])
        if "highest" in step:
            assert said["highest_contiguous_seq"] == step["highest"]

    def stored(self, name: str) -> ScanEvent:
        return ScanEvent.objects.get(event_id=self.scans[name]["event_id"])


def shown(row: ScanEvent) -> str:
    """Which of its clocks a scan's effective time follows."""
    if row.effective_at == row.received_at:
        return "received"
    return "occurred" if row.effective_at == row.occurred_at else "moved"


@cases("stories")
def test_a_story(handhelds, settings, sign_in, case):
    settings.MIN_APP_VERSION = "1.0"
    story = Story(handhelds)
    for step in case["uploads"]:
        story.upload(step)
    assert ScanEvent.objects.count() == case["stored"]
    assert SetAside.objects.count() == case.get("aside", 0)
    for name, which in case.get("effective", {}).items():
        assert shown(story.stored(name)) == which
    if "effective" in case:
        for flag in ("untrusted", "skewed"):
            assert [name for name in story.scans if getattr(story.stored(name), flag)] == case.get(flag, [])
    services.fold_waiting(at=clock.now())
    if wanted := case.get("parcel"):
        parcel = Parcel.objects.get(waybill_no=case.get("waybill_no", WAYBILL))
        got = {key: getattr(parcel, key) for key in wanted if key != "station"}
        got |= {"station": parcel.station.code} if "station" in wanted else {}
        assert got == wanted
        rows = sign_in("officer").get(f"/api/v1/parcels/{parcel.pk}/events/").json()["results"]
        assert {row["type"]: row["flags"] for row in rows if row["flags"] and row["type"] in case.get("marks", {})} == (
            case.get("marks", {})
        )


def test_a_moved_time_is_the_true_one(handhelds):
    """A clock three hours ahead, exactly: the scan's time less the clock's error, to the microsecond."""
    now = clock.now()
    event = fresh(occurred_at=(now + timedelta(hours=3, minutes=-5)).isoformat())
    device_now = now + timedelta(hours=3)
    assert send(body_of(event, device_now=device_now.isoformat())).json()["accepted"] == 1
    row = ScanEvent.objects.get()
    assert row.effective_at == row.occurred_at + (row.received_at - device_now)
    assert datetime.fromisoformat(event["occurred_at"]) == row.occurred_at


def test_fifty_unreadable_bodies_a_day_are_kept(handhelds):
    for n in range(50):
        services.keep_unreadable(device=handhelds["hub"], raw=b"%d" % n, received_at=clock.now())
    assert send(b"garbage").json()["quarantine_id"] is None
    assert SetAside.objects.count() == 50


# --- row 29: what is away --------------------------------------------------------------------------------


def assert_try_later(answer) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"], answer["Content-Type"]) == (
        503,
        "try_later",
        "application/problem+json",
    )
    assert int(answer["Retry-After"]) > 0
    assert not re.search(r"nowhere|psycopg|SELECT|Traceback", answer.content.decode())


@pytest.mark.django_db(transaction=True)
def test_postgresql_away_is_try_later(county, monkeypatch):
    make_device(county.h1, county.people["hub"], "token-of-hub")
    sent = body_of(fresh())
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nowhere")
        assert_try_later(send(sent))
        assert_try_later(Client().get("/api/v1/parcels/", HTTP_AUTHORIZATION="Device token-of-hub"))
    assert send(sent).json()["accepted"] == 1  # nothing was lost


def test_a_full_disk_is_try_later(handhelds):
    sent = body_of(fresh())
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
            "CREATE TRIGGER full_disk BEFORE INSERT ON tracking_upload EXECUTE FUNCTION disk_is_full()"
        )
    assert_try_later(send(sent))
    assert not ScanEvent.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER full_disk ON tracking_upload")
    assert send(sent).json()["accepted"] == 1


def test_redis_away_costs_nothing(handhelds, monkeypatch, django_capture_on_commit_callbacks):
    """The doorbell can't ring, the answer is the same; the drain finds the rows by itself."""
    nowhere = "redis+socket:///nowhere/redis.sock"
    monkeypatch.setattr(current_app.conf, "broker_url", nowhere)
    monkeypatch.setattr(current_app.conf, "broker_write_url", nowhere)
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
    with django_capture_on_commit_callbacks(execute=True) as rung:
        assert send(body_of(fresh())).json()["accepted"] == 1
    assert len(rung) == 1
    assert not bell.publish("tracking.tasks.drain")  # the broker really is away
    assert services.fold_waiting(at=clock.now()) == 1


# --- row 30 ----------------------------------------------------------------------------------------------


def test_six_hundred_uploads_a_minute(handhelds):
    key = f"here:scans:{handhelds['hub'].pk}:"
    assert send(body_of()).status_code == 200
    [slot] = [slot for slot in limits._local if slot.startswith(key)]
    for minute in (0, 1):  # the minute may turn
        limits._local[f"{key}{int(slot.removeprefix(key)) + minute}"] = 600
    answer = send(body_of())
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "too_often", "60")


def test_every_row_of_the_table_is_here():
    rows = {case["row"] for kind in TABLE.values() for case in kind}
    assert rows == set(range(31))
    assert all(case["test"] in globals() for case in TABLE["functions"])
    names = [(kind, case["name"]) for kind, found in TABLE.items() for case in found if "name" in case]
    assert len(names) == len(set(names))
