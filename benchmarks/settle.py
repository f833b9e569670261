"""`make bench NAME=settle`: settling a county from its scans, against bare SQL and against a loop over the ORM.

A database of its own with the demo county's outlets, 1,000,000 parcels and 6,000,000 scans over sixty days, three
policy versions with every kind of factor, and facts that change (kept between runs; `--fresh` builds it anew, `--quick`
makes a tenth of it under another name). services.settle and a hand-written INSERT … SELECT of the same lines
(benchmarks/sql/settle_bare.sql says what it leaves out) take turns into the same empty table, each in a transaction
with its checks run and then rolled back; their lines are compared. Fraud checks are off on both sides and timed apart.
Last line: one JSON object. `ratio` = our parcels a second ÷ bare SQL's (goal ≥ 0.5), `ratio_orm` = ÷ an ORM loop's over
20,000 of them (goal ≥ 20), `fraud_share` = a look's share of run and look, `again` = lines a second run adds (0).
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.pages import use_database

COUNTY = "500230"
DAYS = 60
START = datetime(2026, 9, 1, 16, 0, tzinfo=UTC)  # midnight in Shanghai
AT = START + timedelta(days=DAYS + 3)
CHANGES = (date(2026, 9, 1), date(2026, 9, 22), date(2026, 10, 13))  # of policy
ORM_PARCELS = 20_000
ROUNDS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    parcels = 100_000 if options.quick else 1_000_000
    use_database(f"rlp_bench_settle_{parcels}", fresh=options.fresh)
    print(_fill(parcels, options.seed), flush=True)
    _price()
    print(json.dumps(_measure(parcels, options.rounds)))


def _sql(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")


_FUNCTIONS = """
CREATE TABLE bench_outlet AS
    SELECT o.id, o.region_id, o.parent_id AS centre_id, c.parent_id AS hub_id,
           (row_number() OVER (ORDER BY o.id) - 1)::int AS slot
    FROM stations_station o JOIN stations_station c ON c.id = o.parent_id WHERE o.level = 'OUTLET';
CREATE FUNCTION bench_time(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
    $$ SELECT date_trunc('milliseconds', '{start}'::timestamptz + n::float8 / {parcels} * {days} * interval '1 day') $$;
CREATE FUNCTION bench_slot(n bigint) RETURNS int LANGUAGE sql IMMUTABLE AS
    $$ SELECT (hashint8extended(n, {seed}) & 2147483647)::bigint %% {outlets} $$;
CREATE FUNCTION bench_event(at timestamptz, n bigint, step int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT encode(substring(int8send((extract(epoch FROM at) * 1000)::bigint) FROM 3) || '\\x7000'::bytea
                     || int8send(n * 8 + step), 'hex')::uuid $$;
CREATE FUNCTION bench_k(at timestamptz, rank int, n bigint, step int) RETURNS bytea LANGUAGE sql IMMUTABLE AS
    $$ SELECT int8send((extract(epoch FROM at) * 1000000)::bigint) || substring(int4send(rank) FROM 4)
              || uuid_send(bench_event(at, n, step)) $$;
"""


def _fill(parcels: int, seed: int) -> str:
    from django.db import connection, transaction

    from demo.services import build_county
    from stations.models import Station
    from stations.states import StationLevel

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders_parcel")
        if cursor.fetchone()[0] == parcels:
            return "kept"
        began = time.perf_counter()
        build_county(at=START - timedelta(days=90))
        outlets = Station.objects.filter(level=StationLevel.OUTLET).count()
        with transaction.atomic():
            values = {"start": START.isoformat(), "parcels": parcels, "days": DAYS, "seed": seed, "outlets": outlets}
            cursor.execute(_FUNCTIONS.format(**values).replace("%%", "%"))
        _rules()
        step = 50_000
        for low in range(0, parcels, step):
            span = {"low": low, "high": min(low + step, parcels) - 1}
            cursor.execute(_sql("settle_parcels"), span)
            cursor.execute(_sql("settle_events"), span)
            print(".", end="", flush=True)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM tracking_scanevent")
        events = cursor.fetchone()[0]
    return f" {parcels} parcels, {events} events, {outlets} outlets in {time.perf_counter() - began:.0f} s"


def _rules() -> None:
    """A fund, three policies with all factors, and each outlet's facts: two grades, a distance, a density."""
    from accounts.models import User
    from settlement.models import Fund, OutletFact, Policy
    from settlement.services import activate_policy
    from settlement.states import FactKind, FactorKind, Grade
    from stations.models import Station
    from stations.states import StationLevel

    clerk, approver = (User.objects.get(username=name) for name in ("clerk", "approver"))
    fund = Fund.objects.create(
        county_code=COUNTY, number="B-1", name="bench", source="bench", budget=10**7, created_at=START
    )
    for number, first in enumerate(CHANGES):
        policy = Policy.objects.create(
            county_code=COUNTY, fund=fund, number=f"B-{number}", name="bench", issuer="bench",
            rate_delivery=Decimal("0.30") + Decimal("0.02") * number, rate_collection=Decimal("0.40"),
            remote_allowance=Decimal("0.05"), remote_from_km=Decimal(20), entry_volume=500, valid_from=first,
            created_by=clerk, created_at=START,
        )  # fmt: skip
        words = {"hill": "1.1", "mountain": "1.25"}, {"to_door": "1.15"}, {"A": "1.1", "B": "1", "C": "0.9", "D": "0.8"}
        for kind, rows in zip((FactorKind.TERRAIN, FactorKind.MODEL, FactorKind.GRADE), words, strict=True):
            for key, times in rows.items():
                policy.factors.create(kind=kind, key=key, multiplier=Decimal(times))
        bands = {FactorKind.TIER: (0, 1000), FactorKind.DISTANCE: (0, 10, 20), FactorKind.DENSITY: (0, 50)}
        for kind, starts in bands.items():
            for place, start in enumerate(starts):
                policy.factors.create(kind=kind, from_value=start, multiplier=Decimal(1) + Decimal("0.05") * place)
        activate_policy(policy_id=policy.pk, by=approver, at=START)
    facts = []
    for number, station in enumerate(Station.objects.filter(level=StationLevel.OUTLET).order_by("pk")):
        of_outlet = (
            (FactKind.GRADE, CHANGES[0], {"grade": Grade.values[number % 4]}),
            (FactKind.GRADE, date(2026, 10, 1), {"grade": Grade.values[(number + 1) % 4]}),
            (FactKind.DISTANCE, CHANGES[0], {"value": Decimal(number % 30)}),
            (FactKind.DENSITY, CHANGES[0], {"value": Decimal(20 + number % 60)}),
        )
        facts += [
            OutletFact(
                county_code=COUNTY, station=station, kind=kind, valid_from=since, reason="bench", entered_by=clerk,
                entered_at=START, **values,
            )
            for kind, since, values in of_outlet
        ]  # fmt: skip
    OutletFact.objects.bulk_create(facts)


def _price() -> None:
    """Bare SQL's price list, ready before its clock starts: what each outlet earns a parcel, service, model and day."""
    from django.db import connection, transaction

    from settlement.services.settle import finished_below, stage

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_price")
        stage(county_code=COUNTY, since=0, upto=finished_below(), at=AT)
        cursor.execute(
            "CREATE TABLE bench_price AS SELECT * FROM settlement_carded JOIN settlement_card USING (card_id)"
        )
        cursor.execute("ANALYZE bench_price")


def _measure(parcels: int, rounds: int) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {"ours": [], "bare": []}
    seals = {}
    for _ in range(rounds):
        for name, act in (("ours", _ours), ("bare", _bare)):
            took, seals[name] = _timed(act)
            seconds[name].append(took)
            print(f"{name}: {parcels / took:,.0f} parcels/s", flush=True)
    if seals["ours"] != seals["bare"]:
        raise SystemExit(f"the two don't write the same lines: {seals}")
    ours, bare = (parcels / statistics.median(seconds[name]) for name in ("ours", "bare"))
    some = min(ORM_PARCELS, parcels // 50)
    took, _seal = _timed(lambda: _orm(some))
    orm = some / took
    print(f"an ORM loop: {orm:,.0f} parcels/s over {some}", flush=True)
    again, fraud_share = _twice_and_look()
    return {
        "ratio": round(ours / bare, 3),
        "ratio_orm": round(ours / orm, 1),
        "fraud_share": fraud_share,
        "again": again,
        "parcels": parcels,
        "lines": seals["ours"][0],
        "parcels_s": round(ours),
        "bare_parcels_s": round(bare),
        "orm_parcels_s": round(orm),
    }


def _timed(act: Callable[[], object]) -> tuple[float, tuple[Any, ...]]:
    """Seconds of an act with its deferred checks, and what it wrote: count, sum, hash over all lines; undone."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("VACUUM settlement_line, settlement_posting, settlement_hold")
        cursor.execute("CHECKPOINT")
        with transaction.atomic():
            began = time.perf_counter()
            act()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            took = time.perf_counter() - began
            cursor.execute(
                "SELECT count(*), sum(amount), sum(('x' || substr(md5(concat_ws('|', policy_id, parcel_id, station_id,"
                " service, turn, period, effective_at, rate, amount, evidence_class, reasons, evidence)), 1, 15))"
                "::bit(60)::bigint) FROM settlement_line"
            )
            wrote = cursor.fetchone()
            transaction.set_rollback(True)
    return took, wrote


def _ours() -> None:
    from settlement.services import settle

    settle(at=AT, county_code=COUNTY)


def _bare() -> None:
    from django.db import connection

    from common import sql
    from settlement.services.settle import WORK_MEM

    with sql.local_settings(work_mem=WORK_MEM), connection.cursor() as cursor:
        cursor.execute(_sql("settle_bare"), {"at": AT})


def _orm(some: int) -> None:
    """As one would begin: a parcel at a time, its scans, its price, its line."""
    from common import clock
    from orders.models import Parcel
    from settlement.models import Line, Policy
    from settlement.queries.policies import rule_of
    from settlement.rules import price
    from settlement.services.rates import FactBook, keep_months
    from stations.models import Station
    from tracking.models import ScanEvent

    outlets = list(Station.objects.filter(level="OUTLET").values_list("pk", flat=True))
    keep_months(county_code=COUNTY, months=[(pk, date(2026, m, 1)) for pk in outlets for m in (9, 10, 11)], at=AT)
    facts = FactBook(COUNTY, outlets)
    policies = [
        (row, rule_of(row)) for row in Policy.objects.active().prefetch_related("factors").order_by("valid_from")
    ]
    for parcel in Parcel.objects.filter(county_code=COUNTY, t_state="delivered").order_by("pk")[:some]:
        day = clock.business_date(parcel.t_at)
        policy, rule = [pair for pair in policies if pair[0].valid_from <= day][-1]
        model = "pickup" if parcel.t_node == "SIGNED_PICKUP" else "to_door"
        outlet_id = parcel.t_station_id or 0
        priced = price(rule, facts.on(outlet_id, day), "outlet_delivery", model)
        assert priced  # every policy pays deliveries
        scans = list(
            ScanEvent.objects.filter(
                county_code=COUNTY, carrier=parcel.carrier_id, waybill_no=parcel.waybill_no, k__lte=parcel.t_k
            )
            .exclude(type="SORTED")
            .order_by("k")
        )
        came = [scan for scan in scans if scan.type == "OUTLET_IN" and scan.station_id == outlet_id]
        typed = (scans[-1].method != "scan") + (bool(came) and came[-1].method != "scan")
        Line.objects.create(
            county_code=COUNTY, policy=policy, parcel=parcel, station_id=outlet_id, service="outlet_delivery",
            turn=0, period=day.replace(day=1), effective_at=parcel.t_at, rate=priced.rate, amount=priced.amount,
            evidence_class="C" if not came or typed == 2 else "B" if typed or not parcel.announced else "A",
            reasons=[dict(reason) for reason in priced.reasons], evidence=[scan.event_id for scan in scans], entry_id=0,
            created_at=AT,
        )  # fmt: skip


def _twice_and_look() -> tuple[int, float]:
    """Lines that a second run over everything adds to the first one's, and a fraud look's share of run and look."""
    from django.db import connection, transaction

    from settlement.models import Cursor
    from settlement.services import settle
    from settlement.services.fraud import look

    with transaction.atomic(), connection.cursor() as cursor:
        began = time.perf_counter()
        settle(at=AT, county_code=COUNTY)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        run = time.perf_counter() - began
        cursor.execute("ANALYZE settlement_line")
        Cursor.objects.update(upto=0)
        again = settle(at=AT, county_code=COUNTY)
        began = time.perf_counter()
        look(at=AT, county_code=COUNTY)
        looked = time.perf_counter() - began
        transaction.set_rollback(True)
    return again.accrued + again.reversed, round(looked / (run + looked), 3)


if __name__ == "__main__":
    main()
