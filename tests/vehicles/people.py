"""A small county on the map with a pool of carriers, vans with drivers and parcels that wait: for plans."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count

from accounts.models import User
from accounts.roles import Role
from common.services import run_waiting_jobs
from orders.models import Parcel
from stations.models import Organisation, Station
from tests.conftest import NOW, County, make_device, make_member, make_parcel
from tests.tracking.scans import fold, record, scan
from vehicles import services, tasks
from vehicles.models import Driver, Plan, Vehicle
from vehicles.services import DriverFields, VehicleFields
from vehicles.states import RoadClass, VehicleKind

assert tasks  # registers the job
TOMORROW = date(2026, 11, 21)  # a Saturday
EVENING = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # 20:00 in Shanghai
NEXT_YEAR = NOW + timedelta(days=365)
POINTS = {
    "h1": ("107.730900", "29.862500"),
    "c1": ("107.880000", "29.930000"),
    "c2": ("107.600000", "29.800000"),
    "o1": ("107.900000", "29.950000"),
    "o2": ("107.860000", "29.950000"),
    "o3": ("107.580000", "29.780000"),
}
_numbers = count(1)


def on_map(county: County) -> None:
    """No roads in the county: distances are estimated."""
    for name, (lng, lat) in POINTS.items():
        Station.objects.filter(pk=county.stations[name].pk).update(lng=lng, lat=lat)
        county.stations[name].refresh_from_db()


def join(county: County, *codes: str) -> None:
    for code in codes or ("ZTO", "YTO"):
        services.add_member(
            hub=county.h1,
            organisation=Organisation.objects.get(code=code),
            contract_no="",
            joined_on=date(2026, 1, 1),
            by=county.people["officer"],
            at=NOW,
        )


def add_vehicle(county: County, plate: str = "渝F10001", *, papers: Sequence[str] = (), **more: object) -> Vehicle:
    """A micro van with valid papers."""
    owner, _made = Organisation.objects.get_or_create(code="FD-LOG", defaults={"name": "丰都物流", "kind": "platform"})
    values: dict[str, object] = {
        "owner": owner,
        "plate": plate,
        "kind": VehicleKind.VAN,
        "payload_kg": 800,
        "volume_l": 4000,
        "piece_capacity": 250,
        "day_cost": Decimal(150),
        "km_cost": Decimal("0.75"),
        "hour_cost": Decimal(25),
        "worst_road": RoadClass.BELOW,
        **more,
    }
    vehicle = services.add_vehicle(hub=county.h1, fields=VehicleFields(**values), by=None, at=NOW)
    for kind in papers or ("licence", "inspection", "insurance"):
        services.add_vehicle_document(
            vehicle_id=vehicle.pk, kind=kind, number="", expires_at=NEXT_YEAR, by=None, at=NOW
        )
    return vehicle


def add_driver(county: County, username: str = "driver", *, papers: Sequence[str] = (), **more: object) -> Driver:
    """Works 06:00–18:00 on every day."""
    user = make_member(username, Role.COURIER, county.code, station=county.h1)
    driver = services.add_driver(hub=county.h1, user=user, fields=DriverFields("C1", **more), by=None, at=NOW)
    services.set_shifts(driver_id=driver.pk, shifts={day: (time(6), time(18)) for day in range(7)}, by=None, at=NOW)
    for kind in papers or ("licence", "safety"):
        services.add_driver_document(driver_id=driver.pk, kind=kind, number="", expires_at=NEXT_YEAR, by=None, at=NOW)
    return driver


def ready(county: County, vans: int = 1) -> list[Vehicle]:
    """On the map, two carriers in the pool, so many vans with drivers."""
    on_map(county)
    join(county)
    fleet = [add_vehicle(county, f"渝F1000{number}") for number in range(1, vans + 1)]
    for number in range(1, vans + 1):
        add_driver(county, f"driver{number}")
    return fleet


def handheld(county: County, station: Station):
    devices = county.__dict__.setdefault("handhelds", {})
    if station.pk not in devices:
        who = county.people["hub"] if station.level == "HUB" else county.people["centre"]
        devices[station.pk] = make_device(station, who, token=f"token-{station.code}", name=station.code)
    return devices[station.pk]


def at_hub(county: County, outlet: str, number: int = 1, *, carrier: str = "ZTO", **more: object) -> list[Parcel]:
    """Parcels at the hub, bound for an outlet."""
    waybills = [f"7319055{next(_numbers):07d}" for _ in range(number)]
    parcels = [make_parcel(county, waybill, carrier=carrier, destination=outlet) for waybill in waybills]
    Parcel.objects.filter(pk__in=[parcel.pk for parcel in parcels]).update(**{"weight_g": 1000, **more})
    events = [scan("HUB_IN", county.h1.code, NOW, waybill_no=waybill, carrier=carrier) for waybill in waybills]
    record(handheld(county, county.h1), *events)
    fold()
    return parcels


def announced(county: County, outlet: str, number: int = 1, *, carrier: str = "ZTO") -> list[Parcel]:
    """Parcels nobody has seen yet."""
    return [
        make_parcel(county, f"7319055{next(_numbers):07d}", carrier=carrier, destination=outlet) for _ in range(number)
    ]


def collected(county: County, outlet: str, number: int = 1, *, carrier: str = "ZTO") -> list[Parcel]:
    """Parcels that wait at an outlet to leave the county."""
    waybills = [f"7319055{next(_numbers):07d}" for _ in range(number)]
    station = county.stations[outlet]
    events = [scan("COLLECTED", station.code, NOW, waybill_no=waybill, carrier=carrier) for waybill in waybills]
    record(handheld(county, station), *events)
    fold()
    return list(Parcel.objects.filter(waybill_no__in=waybills).order_by("pk"))


def ask(county: County, *, by: User | None = None, at: datetime = EVENING, **more: object) -> Plan:
    """A plan in the state "solving", its job waiting."""
    values = {"day": TOMORROW, "wave": "day", "seconds": 1, "seed": 1, "buses": True, "members": None, **more}
    return services.start_plan(hub=county.h1, by=by or county.people["hub"], at=at, **values)


def make_plan(county: County, **more: object) -> Plan:
    """A plan as the worker leaves it."""
    plan = ask(county, **more)
    run_waiting_jobs(at=NOW + timedelta(seconds=1))
    plan.refresh_from_db()
    return plan


def issued(county: County, plan: Plan, at: datetime = EVENING) -> Plan:
    by = county.people["hub"]
    services.review_plan(plan_id=plan.pk, by=by, at=at)
    return services.issue_plan(plan_id=plan.pk, by=by, at=at)
