"""Deliveries by the dozen, as an outlet's own handheld would scan them, to look for doubt in."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count

from settlement.models import FraudCase, Line
from settlement.services import settle
from settlement.services.fraud import look
from stations.models import Device, Station
from tests.conftest import NOW, County, make_device, make_parcel
from tests.tracking.scans import fold, record, scan

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
MORNING = NOW - timedelta(hours=2)  # 10:00 in Shanghai
_numbers = count(1)


def handheld(county: County, station: Station, who: str) -> Device:
    kept = county.__dict__.setdefault("handhelds", {})
    if station.code not in kept:
        kept[station.code] = make_device(station, county.people[who], token=f"token-{station.code}", name=station.code)
    return kept[station.code]


def waybills(number: int) -> list[str]:
    """Numbers far apart, as a carrier's arrive in a village."""
    return [f"7319{(next(_numbers) * 7919) % 10**10:010d}" for _ in range(number)]


def deliver(
    county: County,
    times: Iterable[datetime],
    *,
    outlet: str = "o1",
    who: str = "operator",
    announced: bool = True,
    upstream: bool = True,
    arrived: timedelta = 2 * HOUR,
    numbers: list[str] | None = None,
    received: datetime | None = None,
    signed: dict | None = None,
    recipients: list[tuple[str, str]] | None = None,
    kind: str = "SIGNED_PICKUP",
) -> list[str]:
    """One parcel for each time of hand-over; returns the waybills."""
    times = list(times)
    station = county.stations[outlet]
    numbers = numbers or waybills(len(times))
    hub, device = handheld(county, county.h1, "hub"), handheld(county, station, who)
    latest = received or max(times) + MINUTE
    for place, (number, at) in enumerate(zip(numbers, times, strict=True)):
        if announced:
            name, phone = recipients[place] if recipients else ("张三丰", f"138{place:04d}{number[-4:]}")
            make_parcel(county, number, destination=outlet, name=name, phone=phone)
        if upstream:
            record(hub, scan("HUB_IN", "FD-H1", at - 8 * HOUR, waybill_no=number), at=latest)
    scans = [scan("OUTLET_IN", station.code, at - arrived, waybill_no=n) for n, at in zip(numbers, times, strict=True)]
    scans += [
        scan(kind, station.code, at, waybill_no=n, **(signed or {})) for n, at in zip(numbers, times, strict=True)
    ]
    for low in range(0, len(scans), 200):
        record(device, *scans[low : low + 200], at=latest)
    fold(latest)
    return numbers


def spread(day: datetime, number: int, minutes: int = 17) -> list[datetime]:
    return [day + place * minutes * MINUTE for place in range(number)]


def looked(county: County, at: datetime = NOW) -> list[FraudCase]:
    """Settle, look, and give the cases in the order they were raised."""
    settle(at=at, county_code=county.code)
    look(at=at, county_code=county.code)
    return list(FraudCase.objects.filter(county_code=county.code).select_related("rule").order_by("pk"))


def held(case: FraudCase) -> int:
    return Line.objects.filter(case_lines__case=case, hold__closed_at__isnull=True, hold__isnull=False).count()
