"""The made-up county's days: parcels and what their scans would have been, deterministic by seed and anchor.

Pure: a network in, announcements and uploads out. A parcel's way down: carrier's file → hub → centre → outlet shelf →
picked up; one in twelve goes up: collected at an outlet → centre → hub → handed to the carrier. Around one in eight
meets something of real life: a missed scan, a double scan, a handheld offline until tomorrow, a clock hours off; a
parcel held, refused, damaged, lost, missorted, never announced, an undone scan.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from common.clock import business_date, day_start
from common.ids import uuid7

CARRIER_MIX = {"ZTO": 20, "YTO": 16, "YUNDA": 14, "STO": 13, "JT": 13, "EMS": 10, "JD": 6, "SF": 6, "DEPPON": 2}
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英建华玉梅志红国庆春燕光福生德贵淑珍"
UP_SHARE = 0.08
OFFLINE_DAY_SHARE = 0.03  # of a device's half-days: what it scans then arrives up to 36 hours later
WRONG_CLOCK_SHARE = 0.01  # of devices: hours off, and they say so by device_now
TYPED_SHARE = 0.03
BATCH = 200


@dataclass(frozen=True)
class Outlet:
    station: str
    centre: str
    village: str
    weight: float  # relative volume


@dataclass(frozen=True)
class Network:
    """The stations of the county by code."""

    hub: str
    outlets: tuple[Outlet, ...]


@dataclass(frozen=True)
class Announcement:
    """A line of a carrier's file."""

    carrier: str
    waybill_no: str
    recipient: str
    phone: str
    village: str
    collected_at: datetime | None


@dataclass(frozen=True)
class SimUpload:
    """What one handheld sent in one go; `station` names the handheld, `device_now` its clock while sending."""

    station: str
    received_at: datetime
    device_now: datetime
    events: tuple[Mapping[str, Any], ...]
    resent: bool = False  # the answer got lost on the way: the same upload comes again


@dataclass
class Day:
    """The parcels announced on one day, with all their scans up to the anchor."""

    day: date
    announcements: list[Announcement] = field(default_factory=list)
    uploads: list[SimUpload] = field(default_factory=list)


@dataclass
class _Scan:
    day: int  # index of the parcel's day
    station: str
    at: datetime
    type: str
    carrier: str
    waybill_no: str
    more: dict[str, Any]
    id_bits: int
    method: str = "scan"
    seq: int = 0

    @property
    def event_id(self) -> str:
        return str(uuid7(int(self.at.timestamp() * 1000), self.id_bits))


def simulate(network: Network, *, anchor: datetime, days: int, per_day: int, seed: int) -> list[Day]:
    """`days` days of about `per_day` parcels up to the anchor's day (the day before, while it is too early for the
    first vans); nothing happens after `anchor`."""
    rng = random.Random(seed)
    last = anchor.astimezone(UTC)
    first_day = business_date(anchor - timedelta(hours=9)) - timedelta(days=days - 1)
    people = {o.village: [_person(rng) for _ in range(40)] for o in network.outlets}
    result: list[Day] = []
    scans: list[_Scan] = []
    shelf: dict[str, int] = defaultdict(int)
    for index in range(days):
        today = Day(first_day + timedelta(days=index))
        weekday = 1.12 if today.day.weekday() in (0, 5) else 0.97
        for _ in range(round(per_day * weekday * rng.uniform(0.92, 1.08))):
            outlet = rng.choices(network.outlets, weights=[o.weight for o in network.outlets])[0]
            maker = _up if rng.random() < UP_SHARE else _down
            announcement, made = maker(rng, network, outlet, index, today.day, people[outlet.village], shelf)
            if announcement:
                today.announcements.append(announcement)
            scans.extend(scan for scan in made if scan.at <= last)
        today.announcements = [a for a in today.announcements if day_start(today.day) + timedelta(hours=5) <= last]
        result.append(today)
    _number(scans)
    for day_index, upload in _uploads(seed, scans, last):
        result[day_index].uploads.append(upload)
    for made_day in result:
        made_day.uploads.sort(key=lambda u: (u.received_at, u.station))
    return result


def _person(rng: random.Random) -> tuple[str, str]:
    name = rng.choice(SURNAMES) + "".join(rng.choice(GIVEN) for _ in range(rng.choice((1, 2, 2))))
    phone = f"1{rng.choice('3456789')}{rng.randrange(10**9):09d}"
    if rng.random() < 0.25:  # many platforms hand out masked numbers
        phone = phone[:3] + "****" + phone[-4:]
    return name, phone


def _waybill(rng: random.Random, carrier: str) -> str:
    def digits(n: int) -> str:
        return f"{rng.randrange(10**n):0{n}d}"

    forms = {
        "ZTO": lambda: "7" + rng.choice("3568") + digits(12),
        "YTO": lambda: "YT" + digits(13),
        "YUNDA": lambda: "46" + digits(13),
        "STO": lambda: "77" + digits(13),
        "JT": lambda: "JT" + digits(13),
        "EMS": lambda: "98" + digits(11),
        "JD": lambda: "JDVA" + digits(11),
        "SF": lambda: "SF1" + digits(12),
        "DEPPON": lambda: "DPK" + digits(12),
    }
    return forms[carrier]()


class _Way:
    """Collects a parcel's scans, one after another in time."""

    def __init__(self, rng: random.Random, day: int, carrier: str, waybill_no: str, at: datetime) -> None:
        self.rng, self.day, self.carrier, self.waybill_no, self.at = rng, day, carrier, waybill_no, at
        self.scans: list[_Scan] = []

    def wait(self, low_min: float, high_min: float) -> "_Way":
        self.at += timedelta(minutes=self.rng.uniform(low_min, high_min))
        return self

    def until(self, hour: float, spread_min: float) -> "_Way":
        """To a time of day (Shanghai), today or, if that has passed, tomorrow; never in the night."""
        local = self.at + timedelta(hours=8)
        target = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour)
        if target < local:
            target += timedelta(days=1)
        self.at = target - timedelta(hours=8) + timedelta(minutes=self.rng.uniform(0, spread_min))
        return self

    def scan(self, station: str, kind: str, **more: Any) -> _Scan:
        made = _Scan(self.day, station, self.at, kind, self.carrier, self.waybill_no, more, self.rng.getrandbits(74))
        if self.rng.random() < TYPED_SHARE:
            made.method = "typed"
        self.scans.append(made)
        return made


def _down(
    rng: random.Random,
    network: Network,
    outlet: Outlet,
    index: int,
    day: date,
    people: Sequence[tuple[str, str]],
    shelf: dict[str, int],
) -> tuple[Announcement | None, list[_Scan]]:
    carrier = rng.choices(list(CARRIER_MIX), weights=list(CARRIER_MIX.values()))[0]
    way = _Way(rng, index, carrier, _waybill(rng, carrier), day_start(day) + timedelta(hours=rng.uniform(5.8, 8.4)))
    name, phone = rng.choice(people)
    collected = way.at - timedelta(hours=max(10.0, rng.gauss(28, 9))) if rng.random() > 0.06 else None
    announcement = Announcement(carrier, way.waybill_no, name, phone, outlet.village, collected)
    fate = rng.random()
    if fate < 0.02:  # its carrier sent no file
        announcement = None  # type: ignore[assignment]
    way.scan(network.hub, "HUB_IN")
    if rng.random() < 0.02:  # scanned twice by a hurried hand
        way.wait(0.05, 0.5).scan(network.hub, "HUB_IN")
    if 0.0200 <= fate < 0.0208:
        way.until(14, 60).scan(network.hub, "LOST", reason="分拣后未找到")
        return announcement, way.scans
    if rng.random() < 0.02:
        way.wait(5, 30).scan(network.hub, "HELD", reason=rng.choice(("地址不清", "面单破损", "车辆已满")))
        way.wait(60 * 20, 60 * 26)
    trip = f"{day:%m%d}-{outlet.centre[-3:]}"
    way.until(8.6, 50).scan(network.hub, "LOADED", trip=trip)
    centre = outlet.centre
    if rng.random() < 0.006:  # missorted: unloaded at a wrong centre first
        other = rng.choice(network.outlets).centre
        way.wait(40, 120).scan(other, "UNLOADED")
        way.until(8.6, 50).scan(other, "LOADED", trip=trip)
    if rng.random() > 0.05:  # some centres forget this one
        way.wait(35, 110).scan(centre, "UNLOADED")
    else:
        way.wait(35, 110)
    if rng.random() < 0.0012:
        way.wait(1, 20).scan(centre, "DAMAGED", reason="外包装破损")
    if rng.random() < 0.09:  # the afternoon run was full: tomorrow's
        way.wait(60 * 14, 60 * 18)
    way.until(13, 90).scan(centre, "LOADED", trip=trip + "B")
    if 0.03 <= fate < 0.0305:  # lost between centre and outlet: no scan says so
        return announcement, way.scans
    shelf[outlet.station] += 1
    serial = shelf[outlet.station]
    code = f"{serial % 3 + 1}-{serial % 4 + 1}-{serial % 9000 + 1000}"
    way.wait(25, 100).scan(outlet.station, "OUTLET_IN", pickup_code=code)
    if rng.random() < 0.012:
        way.until(17, 120).scan(outlet.station, "REFUSED", reason=rng.choice(("不是本人下单", "与描述不符")))
        way.until(9, 60).scan(outlet.station, "LOADED", trip=trip + "R")
        way.wait(40, 90).scan(centre, "UNLOADED")
        way.until(15, 60).scan(centre, "LOADED", trip=trip + "R")
        way.wait(60, 120).scan(network.hub, "RETURNING")
        way.until(17, 60).scan(network.hub, "RETURNED")
        return announcement, way.scans
    waited = rng.random()
    if waited < 0.60:
        way.until(16.2, 200)
    elif waited < 0.88:
        way.wait(60 * 13, 60 * 20)
        way.until(9.5, 570)
    elif waited < 0.97:
        way.wait(60 * 20, 60 * 70)
        way.until(9.5, 570)
    else:  # still on the shelf after days
        way.wait(60 * 24 * 3, 60 * 24 * 9)
        way.until(10, 500)
        if rng.random() < 0.5:
            way.scan(outlet.station, "OVERDUE_PICKUP")
            way.until(10, 500)
    if rng.random() < 0.004:  # handed out by mistake, undone, handed out again
        wrong = way.scan(outlet.station, "SIGNED_PICKUP", pickup_code=code)
        undo = way.wait(0.3, 3).scan(outlet.station, "CORRECTION")
        undo.more["corrects"] = wrong.event_id
        way.wait(60, 400)
    way.scan(outlet.station, rng.choices(("SIGNED_PICKUP", "SIGNED_AGENT"), (0.93, 0.07))[0], pickup_code=code)
    return announcement, way.scans


def _up(
    rng: random.Random,
    network: Network,
    outlet: Outlet,
    index: int,
    day: date,
    people: Sequence[tuple[str, str]],
    shelf: dict[str, int],
) -> tuple[None, list[_Scan]]:
    carrier = rng.choices(list(CARRIER_MIX), weights=list(CARRIER_MIX.values()))[0]
    way = _Way(rng, index, carrier, _waybill(rng, carrier), day_start(day) + timedelta(hours=rng.uniform(8.5, 16)))
    way.scan(outlet.station, "COLLECTED")
    way.until(16.5, 40).scan(outlet.station, "LOADED", trip=f"{day:%m%d}-{outlet.centre[-3:]}U")
    way.wait(25, 70).scan(outlet.centre, "UNLOADED")
    way.until(18, 30).scan(outlet.centre, "LOADED", trip=f"{day:%m%d}-{outlet.centre[-3:]}U")
    way.wait(45, 110).scan(network.hub, "HUB_IN")
    way.until(21, 45).scan(network.hub, "CARRIER_OUT")
    return None, way.scans


def _number(scans: list[_Scan]) -> None:
    """A device's own sequence, 1, 2, 3 … in the order of its scans."""
    scans.sort(key=lambda s: (s.at, s.id_bits))
    seqs: dict[str, int] = defaultdict(int)
    for scan in scans:
        seqs[scan.station] += 1
        scan.seq = seqs[scan.station]


def _uploads(seed: int, scans: list[_Scan], last: datetime) -> Iterator[tuple[int, SimUpload]]:
    """Scans as their handhelds sent them: every half-day's in one go, late where there was no network, twice where the
    answer was lost, with the wrong time where the clock was off. Each group has dice of its own: a later anchor must
    not change what an earlier one sent."""
    groups: dict[tuple[int, str, datetime], list[_Scan]] = defaultdict(list)
    for scan in scans:
        slot = scan.at.replace(minute=0, second=0, microsecond=0)
        slot -= timedelta(hours=slot.hour % 6)
        groups[(scan.day, scan.station, slot)].append(scan)
    for (day, station, slot), group in sorted(groups.items()):
        clock_dice = random.Random(f"{seed} clock of {station}")
        wrong = clock_dice.random() < WRONG_CLOCK_SHARE
        drift = timedelta(hours=clock_dice.choice((-8, 3, -24 * 365, 1)), seconds=clock_dice.gauss(0, 40))
        if not wrong:
            drift = timedelta(seconds=clock_dice.gauss(0, 40))
        rng = random.Random(f"{seed} {day} {station} {slot:%Y%m%d%H}")
        for start in range(0, len(group), BATCH):
            part = group[start : start + BATCH]
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
                received,
                received + drift,
                tuple(_event(scan, drift) for scan in part),
                resent=rng.random() < 0.02,
            )
            yield day, upload


def _event(scan: _Scan, drift: timedelta) -> dict[str, Any]:
    """The event as the API takes it."""
    event: dict[str, Any] = {
        "event_id": scan.event_id,
        "seq": scan.seq,
        "type": scan.type,
        "station": scan.station,
        "occurred_at": (scan.at + drift).isoformat(timespec="milliseconds"),
        "method": scan.method,
        **scan.more,
    }
    if scan.type != "CORRECTION":
        event |= {"carrier": scan.carrier, "waybill_no": scan.waybill_no}
    return event
