"""What the carriers announce for the morning after: the load of the next plan. Deterministic by seed and day."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from accounts.models import User
from common import clock
from demo import network as plan
from demo.ways import CARRIER_MIX, Network, person, waybill
from orders.rules import ParcelLine
from orders.services import import_parcels
from orders.states import GoodsClass
from vehicles.models import Baseline
from vehicles.services import Entered, freeze_entered

PER_MORNING = 4000  # the season before the new year: more than twice an ordinary day of the demo
# Shares of what isn't ordinary, and what such parcels weigh (kg, median) and take (litres a kg).
GOODS = ((GoodsClass.FRESH, 0.015, 3.0), (GoodsClass.FRAGILE, 0.04, 1.5), (GoodsClass.HAZARDOUS, 0.002, 0.8))
MEDIAN_KG, SIGMA, LITRES_A_KG = 0.6, 0.9, 5.0


def announce_morning(*, network: Network, seed: int, at: datetime) -> int:
    """The parcels that the carriers' trucks bring tomorrow morning; the number of new ones (0: they were there)."""
    day = clock.business_date(at) + timedelta(days=1)
    lines = list(_lines(network, seed, day, at))
    return import_parcels(county_code=plan.COUNTY, lines=lines, at=at, by=None).new


def remember_before(*, at: datetime) -> None:
    """What the county knows of the time before the pool: nine carriers' own lists, once."""
    if Baseline.objects.filter(county_code=plan.COUNTY).exists():
        return
    freeze_entered(
        county_code=plan.COUNTY,
        name="共配前（2025 年，九家企业台账）",
        first_on=date(2025, 1, 1),
        last_on=date(2025, 12, 31),
        entered=Entered(
            vehicles=Decimal(38),
            parcels=4000,
            km=Decimal(8600),
            yuan=Decimal(18_900),
            load_at_departure=Decimal("0.36"),
            empty_return=Decimal("0.72"),
        ),
        note="演示数据：按旺季一天的均值填写",
        by=User.objects.get(username="county"),
        at=at,
    )


def _lines(network: Network, seed: int, day: date, at: datetime) -> Iterator[ParcelLine]:
    rng = random.Random(f"{seed} morning {day}")
    weights = [outlet.weight for outlet in network.outlets]
    carriers, shares = list(CARRIER_MIX), list(CARRIER_MIX.values())
    for number in range(2, PER_MORNING + 2):
        outlet = rng.choices(network.outlets, weights=weights)[0]
        carrier = rng.choices(carriers, weights=shares)[0]
        name, phone = person(rng)
        goods, median_kg = _goods(rng)
        weight_g = max(50, round(1000 * median_kg * rng.lognormvariate(0, SIGMA)))
        volume_ml = max(200, round(weight_g * LITRES_A_KG * rng.uniform(0.5, 1.6)))
        yield ParcelLine(
            number, carrier, waybill(rng, carrier), name, phone, outlet.village, at - timedelta(hours=20),
            min(weight_g, 30_000), "", min(volume_ml, 200_000), goods,
        )  # fmt: skip


def _goods(rng: random.Random) -> tuple[str, float]:
    die = rng.random()
    for goods, share, median_kg in GOODS:
        if die < share:
            return goods, median_kg
        die -= share
    return GoodsClass.NORMAL, MEDIAN_KG
