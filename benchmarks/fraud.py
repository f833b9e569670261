"""`make bench NAME=fraud`: what the checks F1 to F13 find of planted fraud, and what they do to honest outlets.

A database of its own: 120 outlets of the demo county, 90 days, seeded. Parcels and events are written in sets in the
shape the way in gives them; the real drain folds them, the real settle pays them, the real look checks them, with the
thresholds a county starts with. Twelve kinds of fraud are planted six times each, each at an outlet of its own, and six
honest oddities at others. The checks see no label: labels are compared at the end. Last line: one JSON object.

    make bench NAME=fraud                     goals: hard_recall 1.0, soft_recall >= 0.95, soft_precision >= 0.8,
    make bench NAME=fraud ARGS="--seed 7"     honest_held <= 0.005
"""

import argparse
import io
import json
import math
import random
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from benchmarks.pages import use_database

COUNTY = "500230"
OUTLETS, DAYS, TIMES = 120, 90, 6
FIRST = datetime(2026, 8, 24, 16, 0, tzinfo=UTC)  # midnight in Shanghai
END = FIRST + timedelta(days=DAYS)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
PEAK = range(70, 80)  # days of the shopping festival
HARD = ("repeat", "second", "invented", "twice")
CHECK_OF = {
    "outside": "F5",
    "travel": "F6",
    "burst": "F7",
    "in_out": "F8",
    "self": "F9",
    "night": "F10",
    "volume": "F11",
    "clock": "F12",
    "numbers": "F13",
}
HONEST = ("market", "offline", "van", "buyer", "wrong_clock", "night_shop")
PER_UPLOAD = 500
M_LAT = 1 / 111_195  # degrees a metre


@dataclass
class Outlet:
    pk: int
    lng: float
    lat: float
    device: int
    actor: int
    mean: float
    role: str = "plain"
    seq: int = 0
    planted: list[tuple[str, int]] = field(default_factory=list)  # (kind, day)


@dataclass
class Sent:
    """One parcel's way as it is going to be scanned."""

    waybill: str
    outlet: Outlet
    at: datetime
    arrived: datetime
    label: str = ""  # the kind of fraud; "" honest
    announced: bool = True
    upstream: bool = True
    phone: str = ""
    name: str = "张*"
    lng: float | None = None
    lat: float | None = None
    accuracy: float | None = None
    received: datetime | None = None
    occurred: datetime | None = None
    skewed: bool = False
    device: int | None = None
    actor: int | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    use_database("rlp_bench_fraud", fresh=True)
    # Django is set up now
    from demo.services import build_county

    began = time.perf_counter()
    dice = random.Random(options.seed)
    build_county(at=FIRST - timedelta(days=60))
    hub, outlets = _outlets(dice)
    sent = _plan(dice, outlets)
    again = _write(sent, hub, dice)
    print(f"{len(sent)} parcels written: {time.perf_counter() - began:.0f} s", flush=True)
    figures = _run()
    print(f"folded, settled, looked: {time.perf_counter() - began:.0f} s", flush=True)
    result = {**_judge(sent, again), **figures, "seconds": round(time.perf_counter() - began), "seed": options.seed}
    print(json.dumps(result))
    good = result["hard_recall"] == 1 and result["soft_recall"] >= 0.95
    sys.exit(0 if good and result["soft_precision"] >= 0.8 and result["honest_held"] <= 0.005 else 1)


def _outlets(dice: random.Random) -> tuple[dict[str, int], list[Outlet]]:
    """The hub with its handheld, and 120 outlets with theirs; each has one part to play."""
    from accounts.models import User
    from stations.models import Device, Membership, Station

    def person(name: str, station: Station) -> tuple[int, int]:
        user = User.objects.create(username=name, name=name, password="!", phone=f"1370000{station.pk % 10000:04d}")
        Membership.objects.create(
            user=user, role="station_operator", county_code=COUNTY, station=station, created_at=FIRST
        )
        device = Device.objects.create(
            name=name, station=station, user=user, token_digest=name, enrolled_at=FIRST - timedelta(days=30)
        )
        return device.pk, user.pk

    main_hub = Station.objects.filter(county_code=COUNTY, level="HUB").first()
    assert main_hub is not None
    device, actor = person("bench-hub", main_hub)
    hub = {"pk": main_hub.pk, "device": device, "actor": actor}
    found = []
    wanted = Station.objects.filter(county_code=COUNTY, level="OUTLET", lng__isnull=False).order_by("pk")[:OUTLETS]
    for station in wanted:
        device, actor = person(f"bench-{station.pk}", station)
        found.append(Outlet(station.pk, float(station.lng), float(station.lat), device, actor, dice.uniform(6, 14)))
    if len(found) < OUTLETS:
        sys.exit(f"the demo county has {len(found)} outlets with a point only")
    dice.shuffle(found)
    roles = [kind for kind in (*HARD, *CHECK_OF) if kind != "second" for _n in range(TIMES)]
    roles += [kind for kind in HONEST for _n in range(TIMES)]
    for outlet, role in zip(found, roles, strict=False):
        outlet.role = role
        if role in CHECK_OF or role in HARD:
            outlet.planted = [(role, dice.randrange(35, 68) if role != "invented" else dice.randrange(35, 65))]
    Station.objects.filter(pk__in=[o.pk for o in found]).update(opening_hours="08:00-20:00")
    Station.objects.filter(pk__in=[o.pk for o in found if o.role == "night_shop"]).update(opening_hours="18:00-03:00")
    return hub, found


def _plan(dice: random.Random, outlets: list[Outlet]) -> list[Sent]:
    """Every parcel: honest days with their oddities, and what is planted."""
    sent: list[Sent] = []
    for outlet in outlets:
        buyer = f"139****{dice.randrange(10_000):04d}"
        market = dice.randrange(5)
        for day in range(DAYS):
            mean = outlet.mean * (2.5 if day in PEAK else 1) * dice.uniform(0.85, 1.15)
            if outlet.role == "market" and day % 5 == market:
                mean *= 4
            for _n in range(_poisson(dice, mean)):
                sent.append(_honest(dice, outlet, day, buyer))
        for kind, day in outlet.planted:
            sent += _planted(dice, kind, outlet, day, outlets)
    return sent


def _poisson(dice: random.Random, mean: float) -> int:
    limit, product, number = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        number += 1
    return number


_used: set[str] = set()
_bought: Counter[tuple[str, int]] = Counter()


def _waybill(dice: random.Random) -> str:
    while (number := f"7{dice.choice('345689')}{dice.randrange(10**12):012d}") in _used:
        continue
    _used.add(number)
    return number


def _parcel(dice: random.Random, outlet: Outlet, at: datetime, **values: Any) -> Sent:
    """A parcel handed out at the outlet, with a position in three of four cases."""
    row = Sent(
        waybill=values.pop("waybill", None) or _waybill(dice),
        outlet=outlet,
        at=at,
        arrived=values.pop("arrived", None) or at - dice.uniform(0.5, 30) * HOUR,
        phone=f"138****{dice.randrange(10_000):04d}",
    )
    if dice.random() < 0.75:
        row.lng, row.lat, row.accuracy = _near(dice, outlet, dice.expovariate(1 / 20))
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _near(dice: random.Random, outlet: Outlet, metres: float) -> tuple[float, float, float]:
    """A position so far from the outlet, and its accuracy."""
    turn = dice.uniform(0, 2 * math.pi)
    return (
        outlet.lng + metres * math.cos(turn) * M_LAT / math.cos(math.radians(outlet.lat)),
        outlet.lat + metres * math.sin(turn) * M_LAT,
        dice.uniform(5, 40),
    )


def _honest(dice: random.Random, outlet: Outlet, day: int, buyer: str) -> Sent:
    start = FIRST + timedelta(days=day)
    at = start + dice.uniform(8.6, 19.5) * HOUR
    row = _parcel(dice, outlet, at)
    if dice.random() < 0.01:  # somebody waited for the van
        row.arrived = at - dice.uniform(20, 55) * SECOND
    if outlet.role == "offline" and day % 9 < 2:  # two days without a network
        row.received = start + timedelta(days=2 - day % 9) + 22 * HOUR
    elif outlet.role == "van" and row.lng is not None:  # handed out at the doors
        row.lng, row.lat, row.accuracy = _near(dice, outlet, dice.uniform(200, 400))
    elif outlet.role == "buyer" and _bought[buyer, (day + 1) // 7] < 13 and dice.random() < 0.3:  # calendar weeks
        _bought[buyer, (day + 1) // 7] += 1
        row.phone, row.name = buyer, "王*"
    elif outlet.role == "wrong_clock" and 30 <= day < 45:  # seven hours slow, and says so at each upload
        row.occurred, row.skewed = at - 7 * HOUR, True
    elif outlet.role == "night_shop":
        row.at = start + dice.uniform(18.2, 26.8) * HOUR
        row.arrived = row.at - dice.uniform(0.5, 20) * HOUR
    return row


def _planted(dice: random.Random, kind: str, outlet: Outlet, day: int, outlets: list[Outlet]) -> list[Sent]:
    """One instance of a kind of fraud."""
    start = FIRST + timedelta(days=day)

    def some(number: int, **values: Any) -> list[Sent]:
        return [_parcel(dice, outlet, start + dice.uniform(9, 19) * HOUR, label=kind, **values) for _n in range(number)]

    if kind in ("repeat", "twice"):
        return some(5)
    if kind == "invented":
        return some(5, announced=False)
    if kind == "outside":
        far = [*some(dice.randrange(3, 9))]
        for row in far:
            row.lng, row.lat, row.accuracy = _near(dice, outlet, dice.uniform(900, 4000))
        return far
    if kind == "travel":
        # the handheld signs at home, and minutes later in a village far away where it was lent to
        other = max(outlets, key=lambda o: (o.lng - outlet.lng) ** 2 + (o.lat - outlet.lat) ** 2)
        found = []
        for number in range(3):
            at = start + (10 + 2 * number) * HOUR
            here = _parcel(dice, outlet, at, label=kind)
            here.lng, here.lat, here.accuracy = _near(dice, outlet, 10)
            there = _parcel(dice, other, at + 6 * MINUTE, label=kind, device=outlet.device, actor=outlet.actor)
            there.lng, there.lat, there.accuracy = _near(dice, other, 10)
            found += [here, there]
        return found
    if kind == "burst":
        return [
            _parcel(dice, outlet, start + 15 * HOUR + dice.uniform(0, 59) * SECOND, label=kind)
            for _n in range(dice.randrange(46, 60))
        ]
    if kind == "in_out":
        quick = some(dice.randrange(6, 10))
        for row in quick:
            row.arrived = row.at - dice.uniform(5, 50) * SECOND
        return quick
    if kind == "self":
        if dice.random() < 0.5:
            own = f"137****{outlet.pk % 10000:04d}"
            rows = some(dice.randrange(8, 12), phone=own, name="李*")
        else:
            rows = some(dice.randrange(20, 26), phone=f"136****{dice.randrange(10_000):04d}", name="赵*")
        monday = start - timedelta(days=(start + 8 * HOUR).weekday())
        for row in rows:
            row.at = monday + timedelta(days=dice.randrange(6)) + dice.uniform(9, 19) * HOUR
            row.arrived = row.at - dice.uniform(1, 20) * HOUR
        return rows
    if kind == "night":
        return [
            _parcel(dice, outlet, start + dice.uniform(0.5, 4.8) * HOUR, label=kind)
            for _n in range(dice.randrange(8, 13))
        ]
    if kind == "volume":
        return [
            _parcel(dice, outlet, start + timedelta(days=more) + dice.uniform(9, 19) * HOUR, label=kind)
            for more in range(4)
            for _n in range(int(outlet.mean * 3) + 8)
        ]
    if kind == "clock":
        return some(12)  # _write turns this handheld's clock back and forth
    first = dice.randrange(10**9)
    return (
        some(8, upstream=False)
        if not first
        else [
            _parcel(
                dice,
                outlet,
                start + dice.uniform(9, 19) * HOUR,
                label=kind,
                waybill=f"735{first:09d}{number:02d}",
                upstream=False,
            )
            for number in range(10, 19)
        ]
    )


def _write(sent: list[Sent], hub: dict[str, int], dice: random.Random) -> dict[str, int]:
    """Parcels and recipients, then uploads with their events in the order they arrived. Returns how many scans were
    sent again (as a person's broken handheld would, with a new id)."""
    from django.db import connection

    from settlement.models import Fund, Policy
    from tracking.states import RULES, Node

    with connection.cursor() as db:
        db.execute("SELECT id FROM accounts_user ORDER BY id LIMIT 2")
        (drafter,), (signer,) = db.fetchall()
        db.cursor.copy_expert(
            "COPY orders_parcel (county_code, carrier, waybill_no, leg_no, announced, destination_id, created_at,"
            " damaged, fold_version) FROM STDIN",
            io.StringIO(
                "".join(
                    f"{COUNTY}\tZTO\t{p.waybill}\t1\tt\t{p.outlet.pk}\t{p.arrived - timedelta(days=1)}\tf\t1\n"
                    for p in sent
                    if p.announced
                )
            ),
        )
        db.execute("SELECT waybill_no, id FROM orders_parcel")
        ids = dict(db.fetchall())
        db.cursor.copy_expert(
            "COPY orders_recipient (parcel_id, name, phone, name_masked, phone_masked, phone_tail) FROM STDIN",
            io.StringIO(
                "".join(f"{ids[p.waybill]}\t\t\t{p.name}\t{p.phone}\t{p.phone[-4:]}\n" for p in sent if p.announced)
            ),
        )
    fund = Fund.objects.create(
        county_code=COUNTY, number="1", name="bench", source="bench", budget=10**6, created_by_id=drafter,
        created_at=FIRST,
    )  # fmt: skip
    Policy.objects.create(
        county_code=COUNTY, fund=fund, number="1", name="bench", issuer="bench", rate_delivery="0.4", state="active",
        valid_from=FIRST.date() - timedelta(days=60), created_by_id=drafter, created_at=FIRST, activated_by_id=signer,
        activated_at=FIRST,
    )  # fmt: skip

    events: list[dict[str, Any]] = []

    def event(p: Sent, kind: str, at: datetime, station: int, level: str, **values: Any) -> None:
        events.append(
            {
                "type": kind, "rank": RULES[Node(kind)].rank, "waybill_no": p.waybill, "station_id": station,
                "station_level": level, "at": at, "received": at + 5 * SECOND, "occurred": at, "skewed": False,
                **values,
            }
        )  # fmt: skip

    twice = {p.waybill: p for p in sent if p.label == "twice"}
    others = [p.outlet for p in sent if p.outlet.role == "plain"] or [sent[0].outlet]
    again: Counter[str] = Counter()
    for p in sent:
        device = {"device": p.device or p.outlet.device, "actor": p.actor or p.outlet.actor}
        if p.upstream:
            way = {"device": hub["device"], "actor": hub["actor"]}
            event(p, "HUB_IN", p.arrived - 9 * HOUR, hub["pk"], "HUB", **way)
        late = {"received": p.received} if p.received and p.received > p.at else {}
        clock = {"occurred": p.occurred, "skewed": True} if p.occurred else {}
        here = {"lng": p.outlet.lng, "lat": p.outlet.lat, "acc": 15.0} if dice.random() < 0.5 else {}
        if p.label in ("travel",) or p.device:
            here = {}
        own = {"device": p.outlet.device, "actor": p.outlet.actor}
        event(p, "OUTLET_IN", p.arrived, p.outlet.pk, "OUTLET", **own, **here)
        where = {"lng": p.lng, "lat": p.lat, "acc": p.accuracy}
        event(p, "SIGNED_PICKUP", p.at, p.outlet.pk, "OUTLET", **device, **where, **late, **clock)
        if p.label == "repeat":
            event(p, "SIGNED_PICKUP", p.at + timedelta(milliseconds=1), p.outlet.pk, "OUTLET", **device, **where)
            again["repeat"] += 1
        if p.waybill in twice:
            other = dice.choice(others)
            event(
                p, "SIGNED_PICKUP", p.at + dice.uniform(1, 30) * HOUR, other.pk, "OUTLET", device=other.device,
                actor=other.actor,
            )  # fmt: skip
            again["twice"] += 1
    _number(events, sent)
    _store(events, dice)
    return again


def _number(events: list[dict[str, Any]], sent: list[Sent]) -> None:
    """Each handheld's scans get its numbers in the order they were really made; a tricked clock says other times."""
    tricked = {p.waybill for p in sent if p.label == "clock"}
    counters: dict[int, int] = defaultdict(int)
    turn = 0
    for one in sorted(events, key=lambda e: (e["at"], e["rank"])):
        counters[one["device"]] += 1
        one["seq"] = counters[one["device"]]
        if one["type"] == "SIGNED_PICKUP" and one["waybill_no"] in tricked:
            turn += 1
            if turn % 2:  # back by two to five hours, and forth again
                one["occurred"] = one["at"] = one["at"] - (120 + turn % 180) * MINUTE


def _store(events: list[dict[str, Any]], dice: random.Random) -> None:
    """Uploads of one sender's events each, waiting for the drain; events by COPY."""
    from django.db import connection

    lanes: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in sorted(events, key=lambda e: e["received"]):
        lanes[one["device"]].append(one)
        millis = int(one["occurred"].timestamp() * 1000)
        one["id"] = UUID(
            int=(millis << 80) | (7 << 76) | (dice.getrandbits(12) << 64) | (2 << 62) | dice.getrandbits(62)
        )
    uploads, rows, number = [], [], 0
    for device, lane in lanes.items():
        for low in range(0, len(lane), PER_UPLOAD):
            batch = lane[low : low + PER_UPLOAD]
            number += 1
            names = sorted(str(e["id"]) for e in batch)
            received = batch[-1]["received"]
            uploads.append(
                f"{number}\t{COUNTY}\t{device}\t{received}\t{len(batch)}\t0\t0\t{names[0]}\t{names[-1]}\t0\n"
            )
            for e in batch:
                position = "\t".join("\\N" if e.get(key) is None else f"{e[key]:.7f}" for key in ("lng", "lat", "acc"))
                rows.append(
                    f"{COUNTY}\t{e['id']}\t{number}\t{e['type']}\t{e['rank']}\tZTO\t{e['waybill_no']}\t"
                    f"{e['station_id']}\t{e['station_level']}\t{device}\t{e['actor']}\t{e['seq']}\t{e['occurred']}\t"
                    f"{e['received']}\t{e['at']}\t{'t' if e['skewed'] else 'f'}\tf\tscan\t{position}\t"
                    f"\\\\x{e['id'].hex}{e['id'].hex}\n"
                )
    with connection.cursor() as db:
        db.cursor.copy_expert(
            "COPY tracking_scanevent (county_code, event_id, upload_id, type, rank, carrier, waybill_no, station_id,"
            " station_level, device_id, actor_id, seq, occurred_at, received_at, effective_at, skewed, untrusted,"
            " method, lng, lat, accuracy_m, content_hash) FROM STDIN",
            io.StringIO("".join(rows)),
        )
        db.cursor.copy_expert(
            "COPY tracking_upload (id, county_code, device_id, received_at, event_count, duplicates, refused,"
            " first_event, last_event, attempts) FROM STDIN",
            io.StringIO("".join(uploads)),
        )
        db.execute("ANALYZE")
    print(f"{len(events)} events in {number} uploads", flush=True)


def _run() -> dict[str, Any]:
    """Fold, settle, settle all again, look, look again."""
    from orders.models import Parcel
    from settlement.models import Cursor, Line
    from settlement.services import look, settle
    from tracking.services import fold_waiting

    fold_waiting(at=END)
    newest = max(Parcel.objects.filter(folded_in__isnull=False).values_list("folded_in", flat=True))

    def settle_all() -> None:  # a transaction open anywhere in the cluster holds the cursor back
        for _attempt in range(120):
            settle(at=END, county_code=COUNTY)
            if Cursor.objects.get(county_code=COUNTY).upto > newest:
                return
            time.sleep(1)
        sys.exit("somebody holds a transaction open in this cluster")

    settle_all()
    lines = Line.objects.count()
    Cursor.objects.update(upto=0)  # everything is read a second time: nobody is paid twice
    settle_all()
    began = time.perf_counter()
    looked = look(at=END, county_code=COUNTY)
    took = time.perf_counter() - began
    again = look(at=END, county_code=COUNTY)
    return {
        "lines": lines,
        "second_accruals": Line.objects.count() - lines,
        "cases": looked.raised,
        "cases_again": again.raised,
        "look_seconds": round(took, 1),
    }


def _judge(sent: list[Sent], again: dict[str, int]) -> dict[str, Any]:
    """Compare what was found with what was planted."""
    from django.db import IntegrityError, connection, transaction

    from settlement.models import CaseLine, FraudCase, Hold, Line

    labels = {p.waybill: p for p in sent}
    lines = list(Line.objects.values_list("pk", "parcel__waybill_no", "station_id"))
    held = set(Hold.objects.filter(reason="fraud", closed_at__isnull=True).values_list("line_id", flat=True))
    of_case: dict[int, list[str]] = defaultdict(list)
    for case, waybill in CaseLine.objects.values_list("case_id", "line__parcel__waybill_no"):
        of_case[case].append(waybill)
    cases = list(FraudCase.objects.values_list("pk", "rule__code", "station_id"))

    # hard: each planted parcel is paid once at most, to the first, or held
    paid = Counter(waybill for _pk, waybill, _station in lines)
    stations = {waybill: station for _pk, waybill, station in lines}
    hard: dict[str, list[bool]] = defaultdict(list)
    for p in sent:
        if p.label == "repeat":
            hard["F1"].append(paid[p.waybill] == 1)
        elif p.label == "twice":
            hard["F4"].append(paid[p.waybill] == 1 and stations[p.waybill] == p.outlet.pk)
    invented = {p.waybill for p in sent if p.label == "invented"}
    hard["F3"] = [pk in held for pk, waybill, _station in lines if waybill in invented]
    for pk, _waybill, _station in lines[:50]:
        try:
            with transaction.atomic(), connection.cursor() as db:
                columns = (
                    "county_code, policy_id, parcel_id, station_id, service, turn, period, effective_at, rate, amount,"
                    " evidence_class, cause, reasons, evidence, entry_id, created_at"
                )
                db.execute(
                    f"INSERT INTO settlement_line ({columns}) SELECT {columns} FROM settlement_line WHERE id = %s", [pk]
                )
            hard["F2"].append(False)
        except IntegrityError:
            hard["F2"].append(True)
    four = {waybill for p in sent if p.label == "twice" for waybill in [p.waybill]}
    four_cases = FraudCase.objects.filter(rule__code="F4").values_list("subject", flat=True)
    hard["F4"] += [any(waybill in subject for subject in four_cases) for waybill in four]

    # soft: each planted instance has a case of its check at its outlet with its parcels in it
    instances: dict[tuple[str, int], set[str]] = defaultdict(set)
    for p in sent:
        if p.label in CHECK_OF and not (p.label == "travel" and p.device):
            instances[p.label, p.outlet.pk].add(p.waybill)
    found: dict[str, list[bool]] = defaultdict(list)
    for (kind, station), waybills in instances.items():
        code = CHECK_OF[kind]
        hit = any(c == code and s == station and waybills & set(of_case[pk]) for pk, c, s in cases)
        found[code].append(hit)
    right: dict[str, list[bool]] = defaultdict(list)
    for pk, code, _station in cases:
        if code in CHECK_OF.values():
            mine = of_case[pk]
            right[code].append(bool(mine) and sum(bool(labels[w].label) for w in mine) * 2 >= len(mine))
    honest = [pk for pk, waybill, _station in lines if not labels[waybill].label]
    wrong = [pk for pk in honest if pk in held]
    by_role = Counter(labels[w].outlet.role for pk, w, _s in lines if pk in held and not labels[w].label)
    print(f"honest lines held, by the outlet's part: {dict(by_role)}")
    odd = Counter(
        (code, labels[of_case[pk][0]].outlet.role)
        for pk, code, _s in cases
        if code in CHECK_OF.values() and of_case[pk] and not any(labels[w].label for w in of_case[pk])
    )
    print(f"cases about honest parcels only, by check and part: {dict(odd)}", flush=True)

    def share(of: list[bool]) -> float:
        return round(sum(of) / len(of), 4) if of else 0.0

    codes = sorted({*found, *right}, key=lambda code: int(code[1:]))
    return {
        "hard_recall": share([one for rows in hard.values() for one in rows]),
        "soft_recall": share([one for rows in found.values() for one in rows]),
        "soft_precision": share([one for rows in right.values() for one in rows]),
        "honest_held": round(len(wrong) / max(len(honest), 1), 5),
        "hard": {code: share(rows) for code, rows in sorted(hard.items())},
        "soft": {
            code: {"recall": share(found[code]), "precision": share(right[code]), "cases": len(right[code])}
            for code in codes
        },
        "sent_again": sum(again.values()),
        "honest_lines": len(honest),
    }


if __name__ == "__main__":
    main()
