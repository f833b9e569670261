"""The made-up stations of the real county 丰都: from its division list to what the registry's services take.

Outlets stand in nine of ten villages, busier near their township; hosts, capacity and brands vary by the seed.
Hills and mountains: the county's south and its high townships (a rough reading of the map, good enough for a demo).
"""

import csv
import random
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from demo.ways import CARRIER_MIX, Network, Outlet
from stations.services import StationFields

COUNTY = "500230"
DIVISIONS = Path(__file__).resolve().parent / "data" / "divisions.csv"
HUB_POINT = (Decimal("107.730900"), Decimal("29.862500"))
OTHERS = {
    "FD-COOP": ("丰都县供销合作社", "supply_coop"),
    "FD-BUS": ("丰都县公共交通公司", "bus_company"),
    "FD-LOG": ("丰都县城乡物流公司", "platform"),
}
HOSTS = (
    ("shop", 52, "便民超市"),
    ("village_committee", 26, "村委会"),
    ("supply_coop", 12, "供销社"),
    ("post_office", 10, "邮政所"),
)
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭"


def divisions() -> list[dict[str, str]]:
    """The rows of the shipped division list."""
    with DIVISIONS.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def terrain_of(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Terrain class by township code: along the Yangtze plain, the south mountainous, hills between."""
    terrain = {}
    for row in rows:
        if row["level"] == "township" and row["lat"]:
            lat = float(row["lat"])
            terrain[row["code"]] = "mountain" if lat < 29.72 else "plain" if lat > 29.93 else "hill"
    return terrain


def stations(rows: list[dict[str, str]], seed: int) -> list[StationFields]:
    """Hub, a centre a township, outlets in nine of ten villages (each township keeps at least one)."""
    rng = random.Random(seed)
    hub = StationFields(
        code="FD-H1",
        name="丰都县城乡物流中心",
        level="HUB",
        region_code=f"{COUNTY}000000",
        host_kind="logistics_centre",
        owner_code="FD-LOG",
        contact_name="周建国",
        contact_phone="023-70600001",
        address="三合街道平都大道西段",
        lng=HUB_POINT[0],
        lat=HUB_POINT[1],
        opening_hours="05:30-22:30",
        daily_capacity=6000,
        shelf_slots=0,
        brands=tuple(CARRIER_MIX),
        services=("parcel_in", "parcel_out", "farm_collection"),
    )
    plans = [hub]
    villages: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if row["level"] == "village":
            villages.setdefault(row["parent_code"], []).append(row)
    for number, township in enumerate((r for r in rows if r["level"] == "township"), 1):
        centre = f"FD-C{number:02d}"
        plans.append(_centre(rng, centre, township, number))
        for place, village in enumerate(villages.get(township["code"], [])):
            if place and (number * 31 + place * 7) % 10 == 3:
                continue  # one village in ten is without an outlet
            plans.append(_outlet(rng, f"FD-{number:02d}{place + 1:02d}", centre, village))
    return plans


def _point(row: Mapping[str, str]) -> tuple[Decimal | None, Decimal | None]:
    return (Decimal(row["lng"]), Decimal(row["lat"])) if row["lng"] else (None, None)


def _person(rng: random.Random) -> str:
    return rng.choice(SURNAMES) + rng.choice(("明", "秀英", "建华", "丽", "国强", "小兰", "德贵", "永红"))


def _centre(rng: random.Random, code: str, township: Mapping[str, str], number: int) -> StationFields:
    lng, lat = _point(township)
    at_bus = number % 3 == 0
    return StationFields(
        code=code,
        name=f"{township['name']}物流站",
        level="CENTRE",
        region_code=township["code"],
        parent_code="FD-H1",
        host_kind="passenger_station" if at_bus else "logistics_centre",
        owner_code="FD-BUS" if at_bus else "FD-LOG",
        contact_name=_person(rng),
        contact_phone=f"023-7060{number:02d}10",
        address=f"{township['name']}{'客运站' if at_bus else '场镇'}",
        lng=lng,
        lat=lat,
        opening_hours="07:00-20:00",
        daily_capacity=rng.randrange(300, 900, 50),
        shelf_slots=rng.randrange(60, 200, 20),
        brands=tuple(CARRIER_MIX),
        services=("parcel_in", "parcel_out", "farm_collection", "group_buy"),
    )


def _outlet(rng: random.Random, code: str, centre: str, village: Mapping[str, str]) -> StationFields:
    lng, lat = _point(village)
    kind, _share, words = rng.choices(HOSTS, weights=[share for _k, share, _w in HOSTS])[0]
    name = village["name"]
    for office in ("村民委员会", "居民委员会", "村委会", "居委会"):
        name = name.removesuffix(office)
    return StationFields(
        code=code,
        name=f"{name}{words.replace('村委会', '居委会') if name.endswith('社区') else words}服务点",
        level="OUTLET",
        region_code=village["code"],
        parent_code=centre,
        host_kind=kind,
        owner_code="FD-COOP" if kind == "supply_coop" else "EMS" if kind == "post_office" else "",
        contact_name=_person(rng),
        contact_phone=f"13{rng.randrange(10)}{rng.randrange(10**8):08d}",
        address=f"{name}{rng.choice(('村口', '小学旁', '卫生室旁', '公路边'))}",
        lng=lng,
        lat=lat,
        daily_capacity=rng.choice((60, 80, 100, 150)),
        shelf_slots=rng.choice((20, 30, 40, 60)),
        brands=tuple(code for code in CARRIER_MIX if rng.random() < 0.8) or ("EMS",),
        services=(
            "parcel_in",
            "parcel_out",
            *(s for s in ("recharge", "payment", "farm_collection") if rng.random() < 0.4),
        ),
    )


def network(plans: Iterable[StationFields], seed: int) -> Network:
    """What the simulator needs: outlets with their relative volume (median 60 a day of a busy county, a long tail)."""
    rng = random.Random(seed)
    outlets = tuple(
        Outlet(
            p.code,
            p.parent_code,
            p.region_code,
            rng.lognormvariate(0, 0.7),
            float(p.lng) if p.lng is not None else None,
            float(p.lat) if p.lat is not None else None,
        )
        for p in plans
        if p.level == "OUTLET"
    )
    return Network("FD-H1", outlets)
