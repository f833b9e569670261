"""Makes the county in the fault run's database, through the services everybody uses. A program of its own, so that
the run itself needs no Django: `python -m benchmarks.faults.county build|announce FILE` (JSON in, JSON out)."""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path

COUNTY = "500230"


def build(path: Path) -> None:
    """Schema, county, forty handhelds with real tokens; what the checker may need to know of them goes to the file."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from benchmarks.faults import plan
    from common import clock
    from demo.services import build_county
    from stations.models import Membership, Station
    from stations.services import enrol_device

    call_command("migrate", verbosity=0)
    now = clock.now()
    build_county(at=now)
    with connection.cursor() as cursor:
        # A parcel whose row refuses every fold: the poison that the drain must find and set aside.
        cursor.execute(
            "ALTER TABLE orders_parcel ADD CONSTRAINT poison CHECK (waybill_no NOT LIKE 'POISON%' OR l_k IS NULL)"
        )
    holders = {m.station_id: m.user for m in Membership.objects.filter(station__isnull=False).select_related("user")}
    rows = Station.objects.filter(county_code=COUNTY).order_by("code")
    hub = rows.get(level="HUB")
    below = {centre: list(rows.filter(parent=centre)[: plan.OUTLETS_EACH]) for centre in rows.filter(level="CENTRE")}
    centres = [centre for centre, outlets in below.items() if len(outlets) == plan.OUTLETS_EACH][: plan.CENTRES]
    stations = [hub] * plan.HUB_DEVICES
    for centre in centres:
        stations += [centre, *below[centre]]
    with transaction.atomic():
        handhelds = []
        for number, station in enumerate(stations):
            device, token = enrol_device(
                station=station, user=holders[station.pk], name=f"fault run {number}", at=now - timedelta(days=30)
            )
            handhelds.append(
                {
                    "device_id": device.pk,
                    "token": token,
                    "station": station.code,
                    "level": station.level,
                    "parent": station.parent.code if station.parent else None,
                }
            )
    path.write_text(json.dumps(handhelds))


def announce(path: Path) -> None:
    """The parcels that the file lists as [carrier, waybill]."""
    from common import clock
    from demo import network
    from orders.rules import ParcelLine
    from orders.services import import_parcels

    village = next(row["code"] for row in network.divisions() if row["level"] == "village")
    lines = [
        ParcelLine(number, carrier, waybill_no, "陈秀英", "13800000000", village)
        for number, (carrier, waybill_no) in enumerate(json.loads(path.read_text()), 2)
    ]
    result = import_parcels(county_code=COUNTY, lines=lines, at=clock.now(), by=None)
    print(result)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    {"build": build, "announce": announce}[sys.argv[1]](Path(sys.argv[2]))


if __name__ == "__main__":
    main()
