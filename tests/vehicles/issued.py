"""Trips as an issued plan leaves them, and the scans that drive them. The planning builder's rows without planning."""

from datetime import datetime, timedelta
from itertools import count

from accounts.models import User
from accounts.roles import Role
from common import clock
from orders.models import Parcel
from stations.models import Organisation, Station
from stations.states import OrganisationKind
from tests.conftest import NOW, County, make_member, make_parcel
from tests.tracking.scans import scan
from tracking.services import fold_upload, record_scans
from tracking.services.senders import Sender
from vehicles.models import Driver, DriverDocument, Plan, PlanParcel, Trip, TripStop, Vehicle, VehicleDocument
from vehicles.states import Direction, PlanState, TripState

MORNING = NOW - timedelta(hours=3)  # 09:00 in Shanghai: when the trip should leave
_numbers = count(1)


def make_vehicle(hub: Station, plate: str = "渝F12345", **more: object) -> Vehicle:
    owner, _made = Organisation.objects.get_or_create(
        code="JOINT", defaults={"name": "共配公司", "kind": OrganisationKind.CARRIER}
    )
    vehicle = Vehicle.objects.create(
        county_code=hub.county_code,
        hub=hub,
        owner=owner,
        plate=plate,
        kind="van",
        payload_kg=800,
        volume_l=4000,
        piece_capacity=250,
        day_cost=200,
        km_cost=1,
        **more,
    )
    for kind in ("licence", "inspection", "insurance"):
        VehicleDocument.objects.create(vehicle=vehicle, kind=kind, expires_at=NOW + timedelta(days=90))
    return vehicle


def make_driver(hub: Station, user: User) -> Driver:
    driver = Driver.objects.create(county_code=hub.county_code, hub=hub, user=user)
    for kind in ("licence", "safety"):
        DriverDocument.objects.create(driver=driver, kind=kind, expires_at=NOW + timedelta(days=90))
    return driver


def second_driver(county: County) -> Driver:
    """Somebody else who drives from the same hub."""
    return make_driver(county.h1, make_member("driver2", Role.COURIER, county.code, station=county.h1))


def make_trip(
    hub: Station,
    stations: list[Station],
    *,
    vehicle: Vehicle,
    driver: Driver | None,
    departs_at: datetime = MORNING,
    state: str = TripState.ASSIGNED,
    live: bool = True,
) -> Trip:
    """Out to the stations, half an hour each, and back."""
    version = next(_numbers)
    plan = Plan.objects.create(
        county_code=hub.county_code,
        hub=hub,
        service_date=clock.business_date(departs_at),
        version=version,
        wave=f"w{version}",
        state=PlanState.ISSUED,
        made_at=departs_at - timedelta(hours=2),
        issued_at=departs_at - timedelta(hours=1),
    )
    ends_at = departs_at + timedelta(minutes=30 * (len(stations) + 1))
    trip = Trip.objects.create(
        county_code=hub.county_code,
        hub=hub,
        plan=plan,
        code=f"{hub.code}-{departs_at:%y%m%d}-{version}",
        seq=1,
        vehicle=vehicle,
        driver=driver,
        starts_at=departs_at - timedelta(minutes=20),
        departs_at=departs_at,
        ends_at=ends_at,
        busy_until=ends_at + timedelta(minutes=15),
        live=live,
        state=state,
    )
    for seq, station in enumerate([hub, *stations, hub]):
        arrives = departs_at + timedelta(minutes=30 * seq) if seq else departs_at - timedelta(minutes=20)
        leaves = departs_at if not seq else arrives + timedelta(minutes=5)
        TripStop.objects.create(trip=trip, seq=seq, station=station, arrives_at=arrives, leaves_at=leaves)
    return trip


def put_on(trip: Trip, parcel: Parcel, station: Station, direction: str = Direction.DOWN) -> PlanParcel:
    return PlanParcel.objects.create(
        county_code=trip.county_code,
        plan=trip.plan,
        parcel=parcel,
        direction=direction,
        station=station,
        weight_g=1200,
        volume_ml=6000,
        trip=trip,
        live=trip.live,
    )


def make_trip_rows(hub: Station, outlet: Station, user: User, prefix: str = "") -> dict[str, str]:
    """A trip for the matrix of rights: that user drives it from the hub to the outlet."""
    driver = Driver.objects.filter(user=user).first() or make_driver(hub, user)
    vehicle = make_vehicle(hub, f"渝T{hub.pk}")
    return {f"{prefix}trip": make_trip(hub, [outlet], vehicle=vehicle, driver=driver).code}


class Morning:
    """The courier's trip H1 → O1 → O2 → H1 with two parcels down to O1, one to O2, one up from O2."""

    WAYBILLS = ("73190553100011", "73190553100012", "73190553100021", "73190553100022")

    def __init__(self, county: County, departs_at: datetime = MORNING) -> None:
        self.county = county
        self.user = county.people["courier"]
        self.driver = make_driver(county.h1, self.user)
        self.vehicle = make_vehicle(county.h1)
        stops = [county.o1, county.o2]
        self.trip = make_trip(county.h1, stops, vehicle=self.vehicle, driver=self.driver, departs_at=departs_at)
        self.a, self.b, self.c, self.up = (make_parcel(county, w) for w in self.WAYBILLS)
        put_on(self.trip, self.a, county.o1)
        put_on(self.trip, self.b, county.o1)
        put_on(self.trip, self.c, county.o2)
        put_on(self.trip, self.up, county.o2, Direction.UP)

    def say(self, kind: str, station: Station | None, at: datetime, *, who: User | None = None, **more: object) -> str:
        """One scan with the trip's code, as anybody's handheld would send it; stored and folded, nothing followed."""
        values: dict[str, object] = {"trip": self.trip.code, "waybill_no": None, "carrier": None, **more}
        if values["waybill_no"]:
            values["carrier"] = "ZTO"
        event = scan(kind, station.code if station else None, at, **values)
        rows = Station.objects.filter(county_code=self.county.code)
        sender = Sender(
            county_code=self.county.code,
            user=who or self.user,
            device=None,
            stations={s.code: (s.pk, s.level) for s in rows},
            may_correct=True,
        )
        receipt = record_scans(sender=sender, batch_id=None, device_now=None, events=[event], received_at=at)
        assert receipt.accepted == 1, receipt
        fold_upload(upload_id=receipt.upload_id, at=at)
        return str(event["event_id"])

    def now(self) -> Trip:
        self.trip.refresh_from_db()
        return self.trip

    def stops(self) -> list[TripStop]:
        return list(TripStop.objects.filter(trip=self.trip).order_by("seq"))
