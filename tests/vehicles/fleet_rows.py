"""A vehicle, a driver, a member and a draft at a hub: what the table of rights fills its addresses with."""

from datetime import date, timedelta
from decimal import Decimal

from accounts.models import User
from stations.models import Organisation, Station
from tests.conftest import NOW
from vehicles import services
from vehicles.models import Plan, Trip, TripStop
from vehicles.services import DriverFields, VehicleFields
from vehicles.states import PlanState, VehicleKind


def make_fleet_rows(hub: Station, user: User, prefix: str = "") -> dict[str, object]:
    """Keys with `prefix`; the vehicle and the member are ZTO's."""
    owner = Organisation.objects.get(code="ZTO")
    vehicle = services.add_vehicle(
        hub=hub,
        fields=VehicleFields(
            owner=owner,
            plate="渝F90001",
            kind=VehicleKind.VAN,
            payload_kg=800,
            volume_l=4000,
            piece_capacity=250,
            day_cost=Decimal(150),
            km_cost=Decimal("0.75"),
        ),
        by=None,
        at=NOW,
    )
    driver = services.add_driver(hub=hub, user=user, fields=DriverFields("C1"), by=None, at=NOW)
    day = date(2026, 12, 1)
    absence = services.add_absence(driver_id=driver.pk, first_on=day, last_on=day, by=None, at=NOW)
    member = services.add_member(hub=hub, organisation=owner, joined_on=date(2026, 1, 1), by=None, at=NOW)
    return {
        f"{prefix}vehicle": vehicle.pk,
        f"{prefix}driver": driver.pk,
        f"{prefix}absence": absence.pk,
        f"{prefix}member": member.pk,
        **_draft(hub, vehicle.pk, prefix),
    }


def _draft(hub: Station, vehicle_id: int, prefix: str) -> dict[str, object]:
    """A draft with one trip and one stop, of a wave nobody else plans; without what it was reckoned from."""
    plan = Plan.objects.create(
        county_code=hub.county_code,
        hub=hub,
        service_date=date(2026, 12, 24),
        wave="noon",
        version=1,
        state=PlanState.DRAFT,
        made_at=NOW,
    )
    hour = timedelta(hours=1)
    trip = Trip.objects.create(
        county_code=hub.county_code,
        hub=hub,
        plan=plan,
        code=f"RIGHTS-{hub.code}",
        seq=1,
        vehicle_id=vehicle_id,
        starts_at=NOW,
        departs_at=NOW,
        ends_at=NOW + hour,
        busy_until=NOW + hour,
    )
    stop = TripStop.objects.create(trip=trip, seq=1, station=hub, arrives_at=NOW, leaves_at=NOW)
    return {f"{prefix}draft": plan.pk, f"{prefix}draft_trip": trip.pk, f"{prefix}draft_stop": stop.pk}
