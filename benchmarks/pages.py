"""`make bench NAME=pages`: how much longer the busiest pages take than an empty one, with a province's worth of rows.

A database of its own with 1,000,000 parcels and 6,000,000 events (kept between runs; `--fresh` builds it anew,
`--quick` makes a tenth of it under another name). Each round asks every page once, the empty page between them, caches
off; the medians' quotient is what counts. Queries are counted on the way. Last line: one JSON object; `ratio` is the
worst of them.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

ROUNDS = 25
MONTH_DAYS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    parcels = 100_000 if options.quick else 1_000_000
    name = f"rlp_bench_pages_{parcels}"
    use_database(name, fresh=options.fresh)
    print(f"database {name}: ", end="", flush=True)
    print(_fill(parcels))
    print(json.dumps(_measure(options.rounds), ensure_ascii=False))


def use_database(name: str, *, fresh: bool) -> None:
    """Point Django at a database of our own on the same server, migrated."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["DB_STATEMENT_TIMEOUT_MS"] = "0"
    os.environ["LOG_LEVEL"] = "ERROR"
    import django
    from django.conf import settings

    django.setup()
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    settings.ROOT_URLCONF = "benchmarks.urls"
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        known = cursor.fetchone()
        if known and fresh:
            cursor.execute(f'DROP DATABASE "{name}"')
        if fresh or not known:
            cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
    call_command("migrate", verbosity=0)


def _sql(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _fill(parcels: int) -> str:
    """The demo county's stations and people, then parcels and events in sets; nothing where they are there."""
    from django.db import connection

    from common import clock
    from demo.services import build_county
    from orders.models import Parcel
    from reports.services import compute_report

    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders_parcel")
        if cursor.fetchone()[0] >= parcels:
            return "kept"
    build_county(at=now - timedelta(days=60))
    start = clock.day_start(clock.business_date(now)) - timedelta(days=MONTH_DAYS - 1)
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_outlet AS SELECT o.id, o.region_id, o.parent_id AS centre_id, c.parent_id AS hub_id,"
            " (row_number() OVER (ORDER BY o.id) - 1)::int AS slot FROM stations_station o"
            " JOIN stations_station c ON c.id = o.parent_id WHERE o.level = 'OUTLET'"
        )
        cursor.execute("SELECT count(*) FROM bench_outlet")
        outlets = cursor.fetchone()[0]
        step = 100_000
        for low in range(0, parcels, step):
            values = {"start": start, "parcels": parcels, "days": MONTH_DAYS - 0.5, "outlets": outlets}
            cursor.execute(_sql("fill_parcels"), {**values, "low": low, "high": min(low + step, parcels) - 1})
            print(".", end="", flush=True)
        first = Parcel.objects.order_by("id").first().pk
        for low in range(first, first + parcels, step):
            cursor.execute(_sql("fill_events"), {"low": low, "high": low + step - 1})
            cursor.execute(_sql("fill_recipients"), {"low": low, "high": low + step - 1})
            print(".", end="", flush=True)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM tracking_scanevent")
        events = cursor.fetchone()[0]
    compute_report(county_code="500230", month=clock.month_of(now), at=now)
    return f" {parcels} parcels, {events} events in {time.perf_counter() - began:.0f} s"


def _measure(rounds: int) -> dict[str, object]:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User
    from orders.models import Parcel
    from reports.models import Report

    settings.ALLOWED_HOSTS = ["*"]

    def client(username: str) -> Client:
        made = Client()
        made.force_login(User.objects.get(username=username), "accounts.backends.DemoAwareBackend")
        return made

    county, township, outlet = client("county"), client("township"), client("outlet")
    parcel = Parcel.objects.order_by("-id")[5000]
    report = Report.objects.order_by("-id").first()
    pages: dict[str, Callable[[], object]] = {
        "station_list": lambda: county.get("/stations/"),
        "parcel_search": lambda: county.get("/parcels/", {"q": parcel.waybill_no}),
        "parcel_list": lambda: county.get("/parcels/"),
        "parcel": lambda: county.get(f"/parcels/{parcel.pk}/"),
        "worklist": lambda: township.get("/worklist/"),
        "counter": lambda: outlet.get("/counter/"),
        "report": lambda: county.get(f"/reports/{report.pk}/"),
    }
    times: dict[str, list[float]] = {name: [] for name in [*pages, "empty"]}
    queries: dict[str, int] = {}
    for name, ask in pages.items():  # warm: templates, plans, connection; and count
        ask()
        with CaptureQueriesContext(connection) as seen:
            answer = ask()
        assert answer.status_code == 200, (name, answer.status_code)  # type: ignore[attr-defined]
        queries[name] = len(seen)
    empty = lambda: county.get("/bench/empty/")  # noqa: E731
    empty()
    for _ in range(rounds):
        for name, ask in pages.items():
            for label, call in (("empty", empty), (name, ask)):
                began = time.perf_counter()
                call()
                times[label].append((time.perf_counter() - began) * 1000)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratios = {name: round(medians[name] / medians["empty"], 2) for name in pages}
    for name in pages:
        print(f"{name:14} {medians[name]:7.1f} ms  {ratios[name]:5.2f} × empty  {queries[name]:2} queries")
    return {
        "ratio": max(ratios.values()),
        "worst": max(ratios, key=ratios.__getitem__),
        "empty_ms": round(medians["empty"], 1),
        "ratios": ratios,
        "ms": {name: round(medians[name], 1) for name in pages},
        "queries": queries,
        "queries_max": max(queries.values()),
    }


if __name__ == "__main__":
    sys.exit(main())
