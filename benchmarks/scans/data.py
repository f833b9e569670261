"""Parcels, handhelds and uploads for the scan benchmark: the same events for every contestant."""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from django.db import connection

from common import clock
from common.ids import uuid7
from demo.services import build_county
from stations.models import Device, Station
from stations.services import enrol_device
from stations.states import StationLevel
from tracking.states import RULES, Node

COUNTY = "500230"
BATCH = 200
HANDHELDS = {StationLevel.HUB: 8, StationLevel.CENTRE: 12, StationLevel.OUTLET: 20}
NODES = {
    StationLevel.HUB: (Node.HUB_IN, Node.LOADED),
    StationLevel.CENTRE: (Node.UNLOADED, Node.LOADED),
    StationLevel.OUTLET: (Node.OUTLET_IN, Node.SIGNED_PICKUP),
}
CARRIERS = ("ZTO", "YTO", "STO", "JT", "EMS")
_random = random.Random(500230)


@dataclass
class Handheld:
    """An enrolled handheld, its token, and the next number in its sequence."""

    device: Device
    token: str
    seq: int = 0


@dataclass(frozen=True)
class Upload:
    """A request's body with the token that sends it, and the same events as plain rows."""

    batch_id: UUID
    token: str
    body: bytes
    events: list[dict[str, object]]


def parcels() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders_parcel")
        return int(cursor.fetchone()[0])


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tracking_scanevent")
        return int(cursor.fetchone()[0])


def _steps(statement: str, count: int, step: int = 200_000) -> None:
    text = (Path(__file__).parent / statement).read_text(encoding="utf-8")
    for low in range(0, count, step):
        with connection.cursor() as cursor:
            cursor.execute(text, {"low": low, "high": min(low + step, count) - 1})
        print(".", end="", flush=True)


def fill(wanted_parcels: int, wanted_events: int) -> str:
    """The county with its stations, parcels nobody scanned yet, and the first events; nothing where they are there."""
    began = time.perf_counter()
    build_county(at=clock.now() - timedelta(days=60))
    if parcels() < wanted_parcels:
        _steps("fill_parcels.sql", wanted_parcels)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE orders_parcel")
    store_more(wanted_events)
    return f"{parcels():,} parcels, {stored():,} events ({time.perf_counter() - began:.0f} s)"


def store_more(wanted: int) -> str:
    """Old events, spread over the last year and over the parcels, until `wanted` are stored."""
    began, have = time.perf_counter(), stored()
    if have < wanted:
        _steps("fill_events.sql", wanted - have, 500_000)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE tracking_scanevent")
            cursor.execute("CHECKPOINT")
    return f"{stored():,} events stored ({time.perf_counter() - began:.0f} s)"


@cache
def handhelds() -> list[Handheld]:
    """Enrolled anew for each run: a token is known only when it is made."""
    made = []
    for level, number in HANDHELDS.items():
        stations = Station.objects.filter(county_code=COUNTY, level=level).order_by("pk")
        places = list(stations[:number])
        for n in range(number):
            station = places[n % len(places)]
            user = station.memberships.filter(role="station_operator").select_related("user").first().user
            device, token = enrol_device(
                station=station, user=user, name=f"bench {level} {n}", at=clock.now() - timedelta(days=30)
            )
            made.append(Handheld(device, token))
    return made


def _parcels() -> Iterator[int]:
    """Parcels in random order, each once before any comes again: between two scans of one lie hours."""
    while True:
        yield from _random.sample(range(parcel_count()), parcel_count())


_next_parcel = _parcels()


def event(handheld: Handheld, at: datetime) -> dict[str, object]:
    """One scan as a handheld would send it, of any of the parcels."""
    station = handheld.device.station
    handheld.seq += 1
    number = next(_next_parcel)
    return {
        "event_id": str(uuid7(int(at.timestamp() * 1000))),
        "seq": handheld.seq,
        "type": _random.choice(NODES[StationLevel(station.level)]).value,
        "carrier": CARRIERS[number % len(CARRIERS)],
        "waybill_no": f"B{number:013}",
        "station": station.code,
        "occurred_at": at.isoformat(timespec="milliseconds"),
        "method": "scan",
        "lng": round(107.7 + _random.random() / 10, 6),
        "lat": round(29.8 + _random.random() / 10, 6),
        "accuracy_m": 8.5,
    }


@cache
def parcel_count() -> int:
    return parcels()


def uploads(events: int, size: int = BATCH) -> list[Upload]:
    """That many events in uploads of `size`, the handhelds taking turns."""
    made, at = [], clock.now() - timedelta(minutes=30)
    for n in range(events // size):
        handheld = handhelds()[n % len(handhelds())]
        rows = [event(handheld, at + timedelta(milliseconds=n * 7 + i)) for i in range(size)]
        batch_id = uuid7()
        body = {"batch_id": str(batch_id), "device_now": clock.now().isoformat(), "events": rows}
        made.append(Upload(batch_id, handheld.token, json.dumps(body).encode(), rows))
    return made


def rank(kind: object) -> int:
    return RULES[Node(kind)].rank


def station_ids() -> Callable[[str], tuple[int, str]]:
    """code → (id, level) of the county's stations."""
    known = {s.code: (s.pk, s.level) for s in Station.objects.filter(county_code=COUNTY)}
    return known.__getitem__
