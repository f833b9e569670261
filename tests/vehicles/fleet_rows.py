"""A vehicle, a driver and a member at a hub: what the table of rights fills its addresses with."""

from datetime import date
from decimal import Decimal

from accounts.models import User
from stations.models import Organisation, Station
from tests.conftest import NOW
from vehicles import services
from vehicles.services import DriverFields, VehicleFields
from vehicles.states import VehicleKind


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
    }
