"""The demo county's alliance: its members, its vehicles, their papers and the people who drive them.

Most is as it should be on a plain morning; one vehicle's inspection has run out, one's runs out at noon the day after
the load, one is in repair, one driver is away: so that the pages have something to say.
"""

import random
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from accounts.roles import Role
from common import clock
from demo import network as plan
from demo.ways import CARRIER_MIX
from stations.models import Membership, Organisation, Station
from vehicles.models import Vehicle
from vehicles.rules import TYPICAL
from vehicles.services import (
    DriverFields,
    VehicleFields,
    add_absence,
    add_driver,
    add_driver_document,
    add_member,
    add_vehicle,
    add_vehicle_document,
    set_shifts,
    set_vehicle_state,
)
from vehicles.states import DriverDocumentKind, RoadClass, VehicleDocumentKind, VehicleKind, VehicleState

# yuan a day (the vehicle), a km, an hour (who drives it); width cm, top speed km/h, worst road, range km
COSTS = {
    VehicleKind.VAN: ("95", "0.85", "20", 175, 70, RoadClass.BELOW, None),
    VehicleKind.TRUCK: ("160", "1.60", "24", 210, 70, RoadClass.IV, None),
    VehicleKind.TRIKE: ("30", "0.20", "18", 140, 25, RoadClass.BELOW, 70),
    VehicleKind.UGV: ("110", "0.45", "0", 165, 40, RoadClass.IV, 120),
}
COLD_VANS = ("渝A·F3158", "渝A·F3209", "渝A·F3531", "渝A·F3702", "渝A·F3711")
# owner, kind, plate, cold box
FLEET = (
    ("ZTO", VehicleKind.VAN, "渝A·F1061", False),
    ("ZTO", VehicleKind.TRUCK, "渝A·F2817", False),
    ("YTO", VehicleKind.VAN, "渝A·F1352", False),
    ("YUNDA", VehicleKind.VAN, "渝A·F1488", False),
    ("STO", VehicleKind.VAN, "渝A·F1730", False),
    ("JT", VehicleKind.VAN, "渝A·F1905", False),
    ("EMS", VehicleKind.VAN, "渝A·F1116", False),
    ("EMS", VehicleKind.TRUCK, "渝A·F2036", False),
    ("FD-LOG", VehicleKind.VAN, "渝A·F1207", False),
    ("FD-LOG", VehicleKind.VAN, "渝A·F1219", True),
    ("FD-LOG", VehicleKind.TRUCK, "渝A·F2245", False),
    ("FD-LOG", VehicleKind.TRIKE, "丰电三0017", False),
    ("FD-LOG", VehicleKind.TRIKE, "丰电三0018", False),
    ("FD-BUS", VehicleKind.TRIKE, "丰电三0023", False),
    ("FD-LOG", VehicleKind.UGV, "丰无人0001", False),
    ("JD", VehicleKind.VAN, "渝A·F1633", False),
    *(
        (owner, VehicleKind.VAN, plate, plate in COLD_VANS)
        for owner, plate in zip(
            ("ZTO", "ZTO", "YTO", "YTO", "YUNDA", "STO", "JT", "EMS", "EMS", "SF", "FD-LOG", "FD-LOG"),
            (
                "渝A·F3015",
                "渝A·F3027",
                "渝A·F3158",
                "渝A·F3162",
                "渝A·F3209",
                "渝A·F3318",
                "渝A·F3426",
                "渝A·F3531",
                "渝A·F3533",
                "渝A·F3640",
                "渝A·F3702",
                "渝A·F3711",
            ),
            strict=True,
        )
    ),
)
EXPIRED, AT_NOON, SOON, IN_REPAIR = "渝A·F1730", "渝A·F1488", "渝A·F1207", "渝A·F1633"
COURIER_DRIVES = "渝A·F1061"
NAMES = (
    "谭建军", "向小平", "秦光荣", "冉启明", "陈世勇", "熊志强", "余国华", "隆文斌",
    "付长青", "江永胜", "代红梅", "湛学文", "杜春林", "敖明亮", "罗世碧", "舒大川", "甘小兵",
    "古维佳", "冷建平", "幸福成", "易昌德", "毛兴贵", "倪红军", "阮清泉", "柏正义", "费永康",
)  # fmt: skip
PAPERS = {
    VehicleKind.VAN: ("licence", "inspection", "insurance"),
    VehicleKind.TRUCK: ("licence", "inspection", "insurance", "permit"),
    VehicleKind.TRIKE: ("insurance",),
    VehicleKind.UGV: ("permit", "insurance"),
}


@dataclass(frozen=True)
class _Hand:
    """What every step needs."""

    hub: Station
    by: User
    at: datetime
    rng: random.Random


@transaction.atomic
def open_fleet(*, at: datetime) -> bool:
    """Members, vehicles, drivers. Does nothing where the county has vehicles already."""
    hub = Station.objects.filter(county_code=plan.COUNTY, code="FD-H1").first()
    if hub is None or Vehicle.objects.filter(county_code=plan.COUNTY).exists():
        return False
    hand = _Hand(hub, User.objects.get(username="county"), at, random.Random(plan.COUNTY))
    organisations = {row.code: row for row in Organisation.objects.filter(is_active=True)}
    for number, code in enumerate(CARRIER_MIX):
        add_member(
            hub=hub,
            organisation=organisations[code],
            contract_no=f"丰共配〔2026〕{number + 1:02d}号",
            joined_on=clock.business_date(at - timedelta(days=60)),
            by=hand.by,
            at=at,
        )
    vehicles = [_vehicle(hand, organisations[owner], kind, plate, cold) for owner, kind, plate, cold in FLEET]
    driven = [v for v in vehicles if v.kind != VehicleKind.UGV and v.plate != IN_REPAIR]
    courier = User.objects.get(username="courier")
    _driver(hand, courier, next(v for v in driven if v.plate == COURIER_DRIVES), number=0)
    names = iter(NAMES)
    for number, vehicle in enumerate((v for v in driven if v.plate != COURIER_DRIVES), 1):
        name = next(names, None)
        if name is not None:
            _driver(hand, _person(hand, name, number), vehicle, number=number)
    set_vehicle_state(
        vehicle_id=next(v.pk for v in vehicles if v.plate == IN_REPAIR),
        to=VehicleState.REPAIR,
        reason="变速箱大修",
        by=hand.by,
        at=at,
    )
    return True


def _noon(at: datetime, days: int) -> datetime:
    """Noon in Shanghai, so many days on."""
    return clock.day_start(clock.business_date(at) + timedelta(days=days)) + timedelta(hours=12)


def _end_of(at: datetime, days: int) -> datetime:
    """The last minute of a day, as papers say it."""
    return clock.day_start(clock.business_date(at) + timedelta(days=days + 1))


def _vehicle(hand: _Hand, owner: Organisation, kind: VehicleKind, plate: str, cold: bool) -> Vehicle:
    day, km, hour, width, speed, road, reach = COSTS[kind]
    payload, volume, pieces = TYPICAL[kind]
    vehicle = add_vehicle(
        hub=hand.hub,
        fields=VehicleFields(
            owner=owner,
            plate=plate,
            kind=kind,
            payload_kg=payload,
            volume_l=volume,
            piece_capacity=pieces,
            day_cost=Decimal(day),
            km_cost=Decimal(km),
            hour_cost=Decimal(hour),
            cold=cold,
            worst_road=road,
            width_cm=width,
            speed_cap_kmh=speed,
            range_km=reach,
        ),
        by=hand.by,
        at=hand.at,
    )
    for paper in PAPERS[kind]:
        expires_at = _end_of(hand.at, hand.rng.randrange(70, 340))
        if paper == VehicleDocumentKind.INSPECTION:
            if plate == EXPIRED:
                expires_at = _end_of(hand.at, -3)
            elif plate == AT_NOON:
                expires_at = _noon(hand.at, 1)
            elif plate == SOON:
                expires_at = _end_of(hand.at, 12)
        add_vehicle_document(
            vehicle_id=vehicle.pk,
            kind=paper,
            number=f"{hand.rng.randrange(10**9, 10**10)}",
            expires_at=expires_at,
            by=hand.by,
            at=hand.at,
        )
    return vehicle


def _person(hand: _Hand, name: str, number: int) -> User:
    """A courier at the hub whom nobody signs in as: no password is hashed for them."""
    user, _made = User.objects.get_or_create(
        username=f"driver-{number:02d}",
        defaults={"name": name, "password": "!demo", "is_demo": True},
    )
    Membership.objects.get_or_create(
        user=user, role=Role.COURIER, county_code=plan.COUNTY, station=hand.hub, defaults={"created_at": hand.at}
    )
    return user


def _driver(hand: _Hand, user: User, vehicle: Vehicle, *, number: int) -> None:
    """A driver with a usual vehicle: six days a week, a rest day each; the tenth is on leave."""
    driver = add_driver(
        hub=hand.hub,
        user=user,
        fields=DriverFields(
            licence_class="B2" if vehicle.kind == VehicleKind.TRUCK else "C1" if number % 3 else "C2",
            employer=vehicle.owner,
            usual_vehicle=vehicle,
        ),
        by=hand.by,
        at=hand.at,
    )
    papers = [DriverDocumentKind.LICENCE, DriverDocumentKind.SAFETY, DriverDocumentKind.MEDICAL]
    if vehicle.kind == VehicleKind.TRUCK:
        papers.append(DriverDocumentKind.QUALIFICATION)
    if vehicle.cold:
        papers.append(DriverDocumentKind.COLD)
    for paper in papers:
        days = hand.rng.randrange(120, 1500)
        if number == 4 and paper == DriverDocumentKind.MEDICAL:
            days = 9
        add_driver_document(
            driver_id=driver.pk,
            kind=paper,
            number=f"{hand.rng.randrange(10**9, 10**10)}",
            expires_at=_end_of(hand.at, days),
            by=hand.by,
            at=hand.at,
        )
    rest = None if number == 0 else (number * 3) % 7  # the demo login drives on any day somebody looks
    early = number % 2 == 0
    hours = (time(5, 30), time(15, 30)) if early else (time(6, 30), time(18, 0))
    set_shifts(
        driver_id=driver.pk,
        shifts={weekday: hours for weekday in range(7) if weekday != rest},
        by=hand.by,
        at=hand.at,
    )
    if number == 10:
        today = clock.business_date(hand.at)
        add_absence(
            driver_id=driver.pk,
            first_on=today,
            last_on=today + timedelta(days=4),
            reason="年休假",
            by=hand.by,
            at=hand.at,
        )
