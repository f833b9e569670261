"""Parcels' ways through the made-up county, one after another: what their scans would have been if all went its way.

Down: carrier's file → hub → centre → outlet shelf → picked up; one in twelve goes up: collected at an outlet → centre →
hub → handed to the carrier. Around one in ten meets something of real life: a missed scan, a double scan, a parcel
held, refused, damaged, lost, missorted, an undone scan. What asks for a person's attention is demo/odd.py's.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from common.clock import day_start
from common.ids import uuid7

CARRIER_MIX = {"ZTO": 20, "YTO": 16, "YUNDA": 14, "STO": 13, "JT": 13, "EMS": 10, "JD": 6, "SF": 6, "DEPPON": 2}
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英建华玉梅志红国庆春燕光福生德贵淑珍"
UP_SHARE = 0.08
TYPED_SHARE = 0.03
UNANNOUNCED_SHARE = 0.0007  # one a day whose carrier sent no file


@dataclass(frozen=True)
class Outlet:
    station: str
    centre: str
    village: str
    weight: float  # relative volume
    lng: float | None = None
    lat: float | None = None


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


@dataclass
class Scan:
    """One scan to be; `more` goes over what the other fields say. Without a waybill it is a bag's."""

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


def person(rng: random.Random) -> tuple[str, str]:
    name = rng.choice(SURNAMES) + "".join(rng.choice(GIVEN) for _ in range(rng.choice((1, 2, 2))))
    phone = f"1{rng.choice('3456789')}{rng.randrange(10**9):09d}"
    if rng.random() < 0.25:  # many platforms hand out masked numbers
        phone = phone[:3] + "****" + phone[-4:]
    return name, phone


def waybill(rng: random.Random, carrier: str) -> str:
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


class Way:
    """Collects a parcel's scans, one after another in time."""

    def __init__(
        self, rng: random.Random, outlet: Outlet, day: int, carrier: str, waybill_no: str, at: datetime
    ) -> None:
        self.rng, self.outlet, self.day, self.carrier, self.waybill_no, self.at = (
            rng, outlet, day, carrier, waybill_no, at,
        )  # fmt: skip
        self.announcement: Announcement | None = None
        self.scans: list[Scan] = []

    def wait(self, low_min: float, high_min: float) -> "Way":
        self.at += timedelta(minutes=self.rng.uniform(low_min, high_min))
        return self

    def until(self, hour: float, spread_min: float) -> "Way":
        """To a time of day (Shanghai), today or, if that has passed, tomorrow; never in the night."""
        local = self.at + timedelta(hours=8)
        target = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour)
        if target < local:
            target += timedelta(days=1)
        self.at = target - timedelta(hours=8) + timedelta(minutes=self.rng.uniform(0, spread_min))
        return self

    def scan(self, station: str, kind: str, **more: Any) -> Scan:
        made = Scan(self.day, station, self.at, kind, self.carrier, self.waybill_no, more, self.rng.getrandbits(74))
        if self.rng.random() < TYPED_SHARE:
            made.method = "typed"
        self.scans.append(made)
        return made


def down(
    rng: random.Random,
    network: Network,
    outlet: Outlet,
    index: int,
    day: date,
    people: Sequence[tuple[str, str]],
    shelf: dict[str, int],
) -> Way:
    carrier = rng.choices(list(CARRIER_MIX), weights=list(CARRIER_MIX.values()))[0]
    way = Way(
        rng, outlet, index, carrier, waybill(rng, carrier), day_start(day) + timedelta(hours=rng.uniform(5.8, 8.4))
    )
    name, phone = rng.choice(people)
    collected = way.at - timedelta(hours=max(10.0, rng.gauss(28, 9))) if rng.random() > 0.06 else None
    fate = rng.random()
    if fate >= UNANNOUNCED_SHARE:
        way.announcement = Announcement(carrier, way.waybill_no, name, phone, outlet.village, collected)
    way.scan(network.hub, "HUB_IN")
    if rng.random() < 0.02:  # scanned twice by a hurried hand
        way.wait(0.05, 0.5).scan(network.hub, "HUB_IN")
    if 0.0200 <= fate < 0.0208:
        way.until(14, 60).scan(network.hub, "LOST", reason="分拣后未找到")
        return way
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
        return way
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
        return way
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
        undo = way.wait(0.3, 3).scan(outlet.station, "CORRECTION", reason="点错了件")
        undo.more["corrects"] = wrong.event_id
        way.wait(60, 400)
    way.scan(outlet.station, rng.choices(("SIGNED_PICKUP", "SIGNED_AGENT"), (0.93, 0.07))[0], pickup_code=code)
    return way


def up(
    rng: random.Random,
    network: Network,
    outlet: Outlet,
    index: int,
    day: date,
    people: Sequence[tuple[str, str]],
    shelf: dict[str, int],
) -> Way:
    carrier = rng.choices(list(CARRIER_MIX), weights=list(CARRIER_MIX.values()))[0]
    way = Way(
        rng, outlet, index, carrier, waybill(rng, carrier), day_start(day) + timedelta(hours=rng.uniform(8.5, 16))
    )
    way.scan(outlet.station, "COLLECTED")
    way.until(16.5, 40).scan(outlet.station, "LOADED", trip=f"{day:%m%d}-{outlet.centre[-3:]}U")
    way.wait(25, 70).scan(outlet.centre, "UNLOADED")
    way.until(18, 30).scan(outlet.centre, "LOADED", trip=f"{day:%m%d}-{outlet.centre[-3:]}U")
    way.wait(45, 110).scan(network.hub, "HUB_IN")
    way.until(21, 45).scan(network.hub, "CARRIER_OUT")
    return way
