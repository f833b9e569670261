"""The made-up county's days: parcels and what their scans would have been, deterministic by seed and anchor.

Pure: a network in, announcements and uploads out. demo/ways.py leads each parcel through the county, demo/odd.py adds
what else happens in the newest days; here handhelds number their scans and send them: late where there was no network,
twice where the answer was lost, with the wrong time where the clock was off.
"""

import random
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from common.clock import business_date, day_start
from demo.odd import Handhelds, Oddities, Photo, odd_handhelds, sign
from demo.ways import Announcement, Network, Outlet, Scan, Way, down, person, up

UP_SHARE = 0.08
OFFLINE_DAY_SHARE = 0.03  # of a device's half-days: what it scans then arrives up to 36 hours later
BATCH = 200
WITHIN = timedelta(minutes=50)  # so soon the newest app sends what it has; the one before waited half a day
NEWEST = 3  # days; their parcels' scans are numbered (the app before did not), and odd things happen to them
SPREAD_DEG = 0.0006  # of latitude and longitude, around an outlet


@dataclass(frozen=True)
class SimUpload:
    """What one handheld sent in one go; `station` names the handheld, `device_now` its clock while sending."""

    station: str
    batch_id: uuid.UUID
    received_at: datetime
    device_now: datetime
    events: tuple[Mapping[str, Any], ...]
    resent: bool = False  # the answer got lost on the way: the same upload comes again


@dataclass
class Day:
    """The parcels announced on one day, with all their scans up to the anchor and the photos of these."""

    day: date
    announcements: list[Announcement] = field(default_factory=list)
    uploads: list[SimUpload] = field(default_factory=list)
    photos: list[Photo] = field(default_factory=list)


def simulate(
    network: Network, *, anchor: datetime, days: int, per_day: int, seed: int, wanted: range | None = None
) -> list[Day]:
    """`days` days of about `per_day` parcels up to the anchor's day (the day before, while it is too early for the
    first vans); nothing happens after `anchor`. Days outside `wanted`, where it is given, come without uploads: half
    of the work is making these."""
    rng = random.Random(seed)
    last = anchor.astimezone(UTC)
    newest = business_date(anchor - timedelta(hours=9))
    first_day = newest - timedelta(days=days - 1)
    people = {o.village: [person(rng) for _ in range(40)] for o in network.outlets}
    result = [Day(first_day + timedelta(days=index)) for index in range(days)]
    ways: list[Way] = []
    shelf: dict[str, int] = defaultdict(int)
    for index, today in enumerate(result):
        weekday = 1.12 if today.day.weekday() in (0, 5) else 0.97
        for _ in range(round(per_day * weekday * rng.uniform(0.92, 1.08))):
            outlet = rng.choices(network.outlets, weights=[o.weight for o in network.outlets])[0]
            maker = up if rng.random() < UP_SHARE else down
            ways.append(maker(rng, network, outlet, index, today.day, people[outlet.village], shelf))
    handhelds = odd_handhelds(network, newest)
    recent = [way for way in ways if way.day >= days - NEWEST]
    oddities = Oddities(network, recent, handhelds, seed)
    oddities.happen()
    for day_index, photo in sign(recent, handhelds, last):
        result[day_index].photos.append(photo)
    for way in ways:
        today = result[way.day]
        if way.announcement and day_start(today.day) + timedelta(hours=5) <= last:
            today.announcements.append(way.announcement)
    scans = [scan for scan in (*oddities.scans, *(s for way in ways for s in way.scans)) if scan.at <= last]
    _number(scans, days - NEWEST)
    scans = [scan for scan in scans if wanted is None or scan.day in wanted]
    for day_index, upload in _uploads(seed, scans, last, network, handhelds):
        result[day_index].uploads.append(upload)
    for made_day in result:
        made_day.uploads.sort(key=lambda u: (u.received_at, u.station))
    return result


def _number(scans: list[Scan], since: int) -> None:
    """A device's own sequence, 1, 2, 3 … in the order of its scans, from some day's parcels on: the newest days are
    loaded before the others, and a handheld must not look as if it held back a month meanwhile."""
    scans.sort(key=lambda s: (s.at, s.id_bits))
    seqs: dict[str, int] = defaultdict(int)
    for scan in scans:
        if scan.day >= since:
            seqs[scan.station] += 1
            scan.seq = seqs[scan.station]


def _uploads(
    seed: int, scans: list[Scan], last: datetime, network: Network, handhelds: Handhelds
) -> Iterator[tuple[int, SimUpload]]:
    """Scans as their handhelds sent them, a half-day's at most in one go. Each group has dice of its own: a later
    anchor must not change what an earlier one sent."""
    outlets = {outlet.station: outlet for outlet in network.outlets}
    groups: dict[tuple[int, str, datetime], list[Scan]] = defaultdict(list)
    for scan in scans:
        if not handhelds.keeps(scan):
            slot = scan.at.replace(minute=0, second=0, microsecond=0)
            slot -= timedelta(hours=slot.hour % 6)
            groups[(scan.day, scan.station, slot)].append(scan)
    for (day, station, slot), group in sorted(groups.items()):
        ahead = handhelds.clock(seed, station, slot)
        name = f"{seed} {day} {station} {slot:%Y%m%d%H}"
        rng = random.Random(name)
        for start, part in _parts(group):
            received = part[-1].at + timedelta(seconds=rng.uniform(2, 90))
            if rng.random() < OFFLINE_DAY_SHARE:
                received += timedelta(hours=rng.uniform(2, 36))
            if received > last:  # still on the handheld
                if slot < last - timedelta(hours=6):
                    received = last
                else:
                    continue
            upload = SimUpload(
                station,
                uuid.UUID(int=random.Random(f"{name} {start}").getrandbits(128), version=4),
                received,
                received + ahead,
                tuple(_event(scan, ahead, outlets.get(station)) for scan in part),
                resent=rng.random() < 0.02,
            )
            yield day, upload


def _parts(group: list[Scan]) -> Iterator[tuple[int, list[Scan]]]:
    """Where each upload of a group starts, and its scans: at most 200, and numbered ones within the hour."""
    start = 0
    for end, scan in enumerate([*group[1:], None], 1):
        first = group[start]
        if scan is None or end - start == BATCH or (first.seq and scan.at - first.at > WITHIN):
            yield start, group[start:end]
            start = end


def _event(scan: Scan, ahead: timedelta, outlet: Outlet | None) -> dict[str, Any]:
    """The event as the API takes it, by a clock that is so much ahead; with a position at two outlets of three."""
    event: dict[str, Any] = {
        "event_id": scan.event_id,
        "type": scan.type,
        "station": scan.station,
        "occurred_at": (scan.at + ahead).isoformat(timespec="milliseconds"),
        "method": scan.method,
    }
    if scan.seq:
        event["seq"] = scan.seq
    if scan.waybill_no and scan.type != "CORRECTION":
        event["carrier"], event["waybill_no"] = scan.carrier, scan.waybill_no
    if outlet and outlet.lng is not None and outlet.lat is not None and int(outlet.station[-2:]) % 3:
        bits = scan.id_bits
        event["lng"] = round(outlet.lng + ((bits & 1023) / 1024 - 0.5) * SPREAD_DEG, 6)
        event["lat"] = round(outlet.lat + ((bits >> 10 & 1023) / 1024 - 0.5) * SPREAD_DEG, 6)
        event["accuracy_m"] = 4 + (bits >> 20 & 31)
    return event | scan.more
