"""Who had a parcel at any second, and handovers with both their sides: read from the scans, never stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import User
from common import sql, text
from orders.models import Parcel
from orders.states import CustodianKind
from stations.models import Station
from tracking.queries import TAKE_WITHIN, custody_at
from tracking.states import Node
from vehicles.models import Trip
from vehicles.states import HandoverState

FORGIVEN = timedelta(minutes=2)  # what two clocks may differ by unnoticed


@dataclass(frozen=True)
class Holder:
    """Who had a parcel: `kind` in words, the station's or person's name, the trip and what drove it."""

    parcel: Parcel
    at: datetime
    kind: str
    name: str = ""
    trip: str = ""
    plate: str = ""


def who_had(parcel: Parcel, at: datetime, *, full_names: bool) -> Holder:
    """The custodian at that second, with driver, trip and vehicle. Names of people are masked unless `full_names`."""
    found = custody_at(parcel, at)
    kind = str(CustodianKind(found.kind).label)
    if found.kind == CustodianKind.STATION:
        station = Station.objects.filter(pk=found.ref or 0).first()
        return Holder(parcel, at, kind, station.name if station else "")
    if found.kind == CustodianKind.CARRIER:
        return Holder(parcel, at, kind, parcel.carrier.name)
    if found.kind != CustodianKind.ACTOR:
        return Holder(parcel, at, kind)
    person = User.objects.filter(pk=found.ref or 0).first()
    trip = Trip.objects.select_related("vehicle", "departure__line").filter(
        county_code=parcel.county_code, code=found.trip or ""
    ).first()  # fmt: skip
    carried_by = carrier_of(trip) if trip else ""
    return Holder(parcel, at, kind, named(person, full_names), found.trip or "", carried_by)


def carrier_of(trip: Trip) -> str:
    """What drives it, in words: the plate, or the bus line."""
    if trip.departure is not None:
        return trip.departure.line.name
    return trip.vehicle.plate if trip.vehicle else ""


def named(person: User | None, full_names: bool) -> str:
    if person is None:
        return ""
    return person.name if full_names else text.masked_name(person.name)


@dataclass
class Handover:
    """Parcels that changed hands together: `out`, away from the trip; else to it."""

    out: bool
    state: HandoverState
    at: datetime
    station: str
    giver: str
    taker: str
    other_trip: str
    parcels: int = 0

    @property
    def tone(self) -> str:
        return {"waiting": "wait", "confirmed": "ok", "timeout": "bad"}[self.state]


def handovers(trip: Trip, scans: Iterable[dict[str, Any]], at: datetime, *, full_names: bool) -> list[Handover]:
    """The handovers of a trip's scans, those of the same two sides at one place in one line. One-sided ones wait for
    two hours (tracking.queries.TAKE_WITHIN) and are then timed out."""
    halves = [scan for scan in scans if scan["type"] == Node.HANDOVER and (scan["waybill_no"] or scan["bag"])]
    if not halves:
        return []
    others = _other_sides(trip.county_code, halves)
    lines: dict[tuple[Any, ...], Handover] = {}
    people, places = _names(halves, others)
    for half in halves:
        other = _match(half, others.get(_subject(half), ()))
        if other is not None:
            state = HandoverState.CONFIRMED
        else:
            state = HandoverState.TIMEOUT if at > half["at"] + TAKE_WITHIN else HandoverState.WAITING
        out = half["side"] == "give"
        giver, taker = (half, other) if out else (other, half)
        other_trip = (other or {}).get("trip") or half["counterpart"] or ""
        key = (out, state, half["station_id"], half["actor_id"], (other or {}).get("actor_id"), other_trip)
        line = lines.setdefault(
            key,
            Handover(
                out=out,
                state=state,
                at=half["at"],
                station=places.get(half["station_id"], ""),
                giver=named(people.get(giver["actor_id"]), full_names) if giver else "",
                taker=_taker(taker, people, places, full_names),
                other_trip=places.get(other_trip, other_trip),
            ),
        )
        line.parcels += 1
    return sorted(lines.values(), key=lambda line: line.at)


def _subject(scan: dict[str, Any]) -> tuple[str, str]:
    return (scan["carrier"], scan["waybill_no"]) if scan["waybill_no"] else ("", scan["bag"])


def _other_sides(county_code: str, halves: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    parcels = sorted({(h["carrier"], h["waybill_no"]) for h in halves if h["waybill_no"]})
    rows = sql.rows(
        "vehicles",
        "handover_sides",
        {
            "county": county_code,
            "carriers": [carrier for carrier, _waybill in parcels],
            "waybills": [waybill for _carrier, waybill in parcels],
            "bags": sorted({h["bag"] for h in halves if not h["waybill_no"]}),
            "start": min(h["at"] for h in halves) - TAKE_WITHIN,
            "end": max(h["at"] for h in halves) + TAKE_WITHIN,
        },
    )
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(_subject(row), []).append(row)
    return found


def _match(half: dict[str, Any], candidates: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The other side of one half: another person's other half, or the station's own scan that it has the parcel."""
    gives = half["side"] == "give"
    first, last = (-FORGIVEN, TAKE_WITHIN) if gives else (-TAKE_WITHIN, FORGIVEN)
    for other in candidates:
        if other["actor_id"] == half["actor_id"] or not first <= other["at"] - half["at"] <= last:
            continue
        if other["type"] == Node.HANDOVER and other["side"] == ("take" if gives else "give"):
            return other
        if gives and other["type"] != Node.HANDOVER and other["station_id"] == half["station_id"]:
            return other
    return None


def _names(
    halves: list[dict[str, Any]], others: dict[tuple[str, str], list[dict[str, Any]]]
) -> tuple[dict[int, User], dict[Any, str]]:
    scans = [*halves, *(other for rows in others.values() for other in rows)]
    people = User.objects.in_bulk({scan["actor_id"] for scan in scans if scan["actor_id"]})
    codes = {half["counterpart"] for half in halves if half["counterpart"]}
    places: dict[Any, str] = {}
    for station in Station.objects.filter(pk__in={scan["station_id"] for scan in scans if scan["station_id"]}):
        places[station.pk] = station.name
        if station.code in codes:
            places[station.code] = station.name
    return people, places


def _taker(taker: dict[str, Any] | None, people: dict[int, User], places: dict[Any, str], full_names: bool) -> str:
    if taker is None:
        return ""
    if taker["type"] != Node.HANDOVER:
        return places.get(taker["station_id"], "")
    return named(people.get(taker["actor_id"]), full_names)


def offered_to(trip: Trip, at: datetime) -> list[dict[str, Any]]:
    """What other drivers gave to this trip and nobody took yet: carrier, waybill_no, station_id, trip, actor_id, at."""
    since = trip.departs_at - timedelta(days=1)
    near = (since, trip.departs_at + timedelta(days=1))
    codes = Trip.objects.filter(county_code=trip.county_code, departs_at__range=near).exclude(pk=trip.pk)
    return sql.rows(
        "vehicles",
        "offered_handovers",
        {
            "county": trip.county_code,
            "trips": list(codes.values_list("code", flat=True)[:1000]),
            "taker": trip.code,
            "since": max(since, at - timedelta(hours=12)),
        },
    )
