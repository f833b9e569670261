"""Where vehicles were: positions from handhelds, many at a time, each judged by itself; kept for a while only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common import text
from stations.models import Device
from vehicles import rules
from vehicles.models import Position, Trip

AHEAD = timedelta(minutes=2)  # what a clock may be off by unnoticed
SENTENCES: dict[str, str | Promise] = {
    "duplicate": _("This position is already stored."),
    "not_an_object": _("Each position must be a JSON object."),
    "id_format": _("The id must be a UUID."),
    "trip_unknown": _("This trip is not one of this handheld's driver."),
    "time_format": _("The time can't be read; write it like 2026-11-20T12:00:00+08:00."),
    "time_ahead": _("The time lies in the future."),
    "time_old": _("The position is older than positions are kept."),
    "lng_range": _("The longitude must be a number from -180 to 180."),
    "lat_range": _("The latitude must be a number from -90 to 90."),
    "accuracy_range": _("The accuracy must be a number of metres from 0 to 100,000."),
    "speed_range": _("The speed must be a number of km/h from 0 to 400."),
}


@dataclass(frozen=True)
class Verdict:
    """Of a position that was not plainly stored: `status` duplicate or invalid; `pointer` a JSON pointer."""

    index: int
    client_id: str | None
    status: str
    code: str
    detail: str
    pointer: str


@dataclass(frozen=True)
class Stored:
    accepted: int
    exceptions: list[Verdict]


class _Bad(Exception):
    def __init__(self, code: str, key: str = "") -> None:
        super().__init__(code)
        self.code, self.key = code, key


def record_positions(*, device: Device, rows: Sequence[object], at: datetime) -> Stored:
    """Store what is good; one bad row never keeps another back, and the same position sent twice is one. The handheld's
    user must be the driver of the trip."""
    codes = {row["trip"] for row in rows if isinstance(row, dict) and _storable(row.get("trip"))}
    mine = _trips_of(device, codes)
    good: dict[tuple[int, UUID], tuple[int, Position]] = {}
    found: list[Verdict] = []

    def keep(index: int, status: str, code: str, key: str = "") -> None:
        row = rows[index]
        client_id = row.get("client_id") if isinstance(row, dict) else None
        shown = client_id[:64] if isinstance(client_id, str) and not text.fault(client_id) else None
        pointer = f"/positions/{index}" + (f"/{key}" if key else "")
        found.append(Verdict(index, shown, status, code, str(SENTENCES[code]), pointer))

    for index, row in enumerate(rows):
        try:
            position = _read(row, mine, device, at)
        except _Bad as bad:
            keep(index, "invalid", bad.code, bad.key)
            continue
        key = (position.trip_id, position.client_id)
        if key in good:
            keep(index, "duplicate", "duplicate")
        else:
            good[key] = (index, position)
    before = set(
        Position.objects.filter(
            trip__in={trip for trip, _id in good}, client_id__in=[client_id for _trip, client_id in good]
        ).values_list("trip_id", "client_id")
    )
    for key in before & set(good):
        keep(good.pop(key)[0], "duplicate", "duplicate")
    # whoever sends the same at the same time: the constraint decides, and both have it stored
    Position.objects.bulk_create([position for _index, position in good.values()], ignore_conflicts=True)
    found.sort(key=lambda one: one.index)
    return Stored(len(good), found)


def _trips_of(device: Device, codes: set[str]) -> dict[str, Trip]:
    rows = Trip.objects.filter(county_code=device.station.county_code, code__in=codes, driver__user=device.user_id)
    return {trip.code: trip for trip in rows}


def _storable(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 40 and not text.fault(value)


def _read(row: object, trips: dict[str, Trip], device: Device, at: datetime) -> Position:
    if not isinstance(row, dict):
        raise _Bad("not_an_object")
    try:
        client_id = UUID(row["client_id"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise _Bad("id_format", "client_id") from None
    trip = trips.get(row["trip"]) if _storable(row.get("trip")) else None
    if trip is None:
        raise _Bad("trip_unknown", "trip")
    when = _time(row.get("at"))
    if when > at + AHEAD:
        raise _Bad("time_ahead", "at")
    if when < at - timedelta(days=rules.POSITION_DAYS):
        raise _Bad("time_old", "at")
    lng = _number(row.get("lng"), -180, 180)
    lat = _number(row.get("lat"), -90, 90)
    if lng is None:
        raise _Bad("lng_range", "lng")
    if lat is None:
        raise _Bad("lat_range", "lat")
    return Position(
        county_code=trip.county_code,
        trip=trip,
        device=device,
        client_id=client_id,
        at=when,
        received_at=at,
        lng=lng,
        lat=lat,
        accuracy_m=_maybe(row, "accuracy_m", 100_000, "accuracy_range"),
        speed_kmh=_maybe(row, "speed_kmh", 400, "speed_range"),
    )


def _time(value: Any) -> datetime:
    if not isinstance(value, str) or len(value) > 40:
        raise _Bad("time_format", "at")
    try:
        when = datetime.fromisoformat(value)
        if when.tzinfo is None:
            raise _Bad("time_format", "at")
        return when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Bad("time_format", "at") from None


def _number(value: object, least: float, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # compared first: a whole number of 400 digits is no float at all; NaN is in no range
    return float(value) if least <= value <= most else None


def _maybe(row: dict[str, Any], key: str, most: float, code: str) -> float | None:
    if row.get(key) is None:
        return None
    value = _number(row[key], 0, most)
    if value is None:
        raise _Bad(code, key)
    return value


def forget_positions(*, at: datetime, batch: int = 20_000) -> int:
    """Delete positions received more than rules.POSITION_DAYS ago; returns how many. Index: position_oldest."""
    old = Position.objects.filter(received_at__lt=at - timedelta(days=rules.POSITION_DAYS)).order_by("received_at")
    count = 0
    while found := list(old.values_list("pk", flat=True)[:batch]):
        count += Position.objects.filter(pk__in=found).delete()[0]
    return count
