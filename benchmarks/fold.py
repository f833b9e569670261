"""`make bench NAME=fold`: the fold in SQL against the fold in Python, on a hundred thousand made-up parcels.

A database of its own with the demo county's stations. Worlds of benchmarks/journeys.py are shuffled, cut into uploads
by sender and clock, stored by the way in and folded by the drain while others are still to come; at the end all
parcels are folded anew. Both rows of every parcel are compared, field by field, with tracking/fold.py; a difference is
printed with its events. Last line: one JSON object; `disagreements` and `refold_disagreements` must be 0.

    make bench NAME=fold                         100,000 parcels
    make bench NAME=fold ARGS="--quick --seed 7"   5,000
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from benchmarks.pages import use_database

JOURNEYS, QUICK = 100_000, 5_000
WORLDS_AT_ONCE = 800  # shuffled together
EVENTS_AN_UPLOAD = 200
REFOLD_AT_ONCE = 2_000
BASE = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
COUNTY = "500230"
SHOWN = 20  # disagreements printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    use_database("rlp_bench_fold", fresh=True)
    # Django is set up now
    from demo.services import build_county

    began = time.perf_counter()
    build_county(at=BASE)
    worlds, journeys = _fill(options.seed, QUICK if options.quick else JOURNEYS)
    print(f"{worlds} worlds, {journeys} journeys stored and folded: {time.perf_counter() - began:.0f} s", flush=True)
    _refold()
    print(f"folded anew: {time.perf_counter() - began:.0f} s", flush=True)
    counts = _compare()
    result = {"journeys": journeys, **counts, "seconds": round(time.perf_counter() - began), "seed": options.seed}
    print(json.dumps(result))
    sys.exit(1 if counts["disagreements"] or counts["refold_disagreements"] or counts["lost"] else 0)


def _senders() -> dict[str, Any]:
    """Two handhelds at the hub, its operator (may correct others' scans), a courier (may not)."""
    from accounts.models import User
    from accounts.roles import Role
    from stations.models import Device, Station
    from stations.services import add_person, enrol_device
    from tracking.services import sender_for_device, sender_for_user

    hub = Station.objects.get(code="FD-H1")
    courier, operator = User.objects.get(username="courier"), User.objects.get(username="hub")
    early = BASE - timedelta(days=30)
    other, _password = add_person(username="bench", name="另一人", role=Role.STATION_OPERATOR, station=hub, at=early)
    first = Device.objects.get(station=hub)
    second, _token = enrol_device(station=hub, user=other, name="bench", at=early)
    centre = courier.memberships.get().station
    return {
        "a": sender_for_device(first),
        "b": sender_for_device(second),
        "hub": sender_for_user(operator, hub),
        "courier": sender_for_user(courier, centre),
    }


def _fill(seed: int, journeys: int) -> tuple[int, int]:
    """Worlds until there are so many journeys; (worlds, journeys) stored and folded."""
    from benchmarks.journeys import world
    from common import clock
    from tracking.services import fold_waiting

    senders = _senders()
    names = {
        who: sorted(sender.stations)[:2] + sorted(sender.stations)[-3:] if sender.device else sorted(sender.stations)
        for who, sender in senders.items()
    }
    dice = random.Random(seed)
    number = told = 0
    while told < journeys:
        sent = []
        for _ in range(WORLDS_AT_ONCE):
            made = world(random.Random(f"{seed}-{number}"), number, base=BASE, senders=names)
            number += 1
            told += len({one.event["waybill_no"] for one in made if "waybill_no" in one.event})
            sent += made
            if told >= journeys:
                break
        dice.shuffle(sent)
        uploads = _uploads(sent)
        dice.shuffle(uploads)
        for place, (who, clock_name, events) in enumerate(uploads):
            _record(senders[who], clock_name, events, dice)
            if place % 7 == 6:
                fold_waiting(at=clock.now())
        fold_waiting(at=clock.now())
        print(f"{told} journeys", flush=True)
    return number, told


def _uploads(sent: list[Any]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """[(sender, clock, events)]: one sender and one clock to an upload."""
    lanes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in sent:
        lanes.setdefault((one.sender, one.clock), []).append(one.event)
    return [
        (who, clock_name, events[low : low + EVENTS_AN_UPLOAD])
        for (who, clock_name), events in lanes.items()
        for low in range(0, len(events), EVENTS_AN_UPLOAD)
    ]


def _record(sender: Any, clock_name: str, events: list[dict[str, Any]], dice: random.Random) -> None:
    from benchmarks.journeys import CLOCKS, SPAN_MINUTES
    from tracking.services import record_scans

    # Some uploads arrive before their own scans' times: those are the future's, and are pulled back.
    received_at = BASE + timedelta(minutes=SPAN_MINUTES + dice.randrange(-200, 600))
    ahead = CLOCKS[clock_name]
    receipt = record_scans(
        sender=sender,
        batch_id=None,
        device_now=None if ahead is None else received_at + ahead,
        events=events,
        received_at=received_at,
    )
    invalid = [one for one in receipt.exceptions if one.status == "invalid"]
    if invalid:
        sys.exit(f"the generator made a scan that can't be used: {invalid[0]}")


def _refold() -> None:
    """Keep the rows as the drain left them, then fold every parcel anew."""
    from django.db import connection

    from benchmarks.journeys import ROW
    from orders.models import Parcel
    from tracking.services import refold_parcels

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_drained AS SELECT carrier, waybill_no, {', '.join(ROW)} FROM orders_parcel")
        cursor.execute("CREATE INDEX ON bench_drained (waybill_no)")
    ids = list(Parcel.objects.order_by("pk").values_list("pk", flat=True))
    for low in range(0, len(ids), REFOLD_AT_ONCE):
        refold_parcels(county_code=COUNTY, parcel_ids=ids[low : low + REFOLD_AT_ONCE], at=BASE)


def _compare() -> dict[str, int]:
    """Every parcel's two rows against the reference; `lost`: parcels or uploads that never came into a row."""
    from benchmarks.journeys import expected, named_parcels, world_of
    from tracking.models import SetAside, Upload

    counts = dict.fromkeys(("events", "parcels", "disagreements", "refold_disagreements"), 0)
    lost = Upload.objects.filter(folded_at=None).count() + SetAside.objects.filter(code="fold_failed").count()
    shown = 0
    drained, anew = _rows("bench_drained"), _rows("orders_parcel")
    for _number, group in groupby(_events(), key=lambda event: world_of(event.event_id)):
        events = list(group)
        counts["events"] += len(events)
        for carrier, waybill_no in sorted(named_parcels(events)):
            counts["parcels"] += 1
            wanted = expected(carrier, waybill_no, events)
            got = {"disagreements": drained.pop(waybill_no, None), "refold_disagreements": anew.pop(waybill_no, None)}
            for name, row in got.items():
                if row != wanted:
                    counts[name] += 1
                    shown += 1
                    if shown <= SHOWN:
                        _show(name, waybill_no, row, wanted, events)
    counts["lost"] = lost + len(drained) + len(anew)  # rows of parcels no stored scan names
    return counts


def _events() -> Iterator[Any]:
    """All stored events, world by world: the last eight bytes of an id begin with its world's number."""
    from django.db.models import F, Func, Value

    from benchmarks.journeys import EVENT_FIELDS
    from tracking.fold import Event
    from tracking.models import ScanEvent

    tail = Func(Func(F("event_id"), function="uuid_send"), Value(9), function="substr")
    for row in ScanEvent.objects.annotate(tail=tail).order_by("tail").values(*EVENT_FIELDS).iterator(5_000):
        yield Event(**row)


def _rows(table: str) -> dict[str, dict[str, Any]]:
    from django.db import connection

    from benchmarks.journeys import ROW, row_of

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT waybill_no, {', '.join(ROW)} FROM {table}")
        return {row[0]: row_of(dict(zip(ROW, row[1:], strict=True))) for row in cursor.fetchall()}


def _show(name: str, waybill_no: str, row: dict[str, Any] | None, wanted: dict[str, Any], events: list[Any]) -> None:
    print(f"\n{name}: {waybill_no}")
    for key, value in wanted.items():
        if row is None or row[key] != value:
            print(f"  {key}: SQL {row and row[key]!r}, reference {value!r}")
    for event in sorted(events, key=lambda one: one.k):
        print(f"  {event}")


if __name__ == "__main__":
    main()
