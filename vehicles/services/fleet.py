"""The alliance's vehicles: entered, changed against the version that was seen, their papers, repair and retirement."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Refused
from common.text import clean, fault, normal_code
from stations.models import Organisation, Station
from vehicles.models import Driver, Trip, Vehicle, VehicleDocument
from vehicles.services.moves import move
from vehicles.states import RUNNING, RoadClass, VehicleDocumentKind, VehicleKind, VehicleState

MOST_KG = 20_000
MOST_L = 100_000
MOST_PIECES = 10_000


@dataclass(frozen=True)
class VehicleFields:
    """What somebody enters about a vehicle; units as in the names, costs in yuan."""

    owner: Organisation
    plate: str
    kind: str
    payload_kg: int
    volume_l: int
    piece_capacity: int
    day_cost: Decimal
    km_cost: Decimal
    hour_cost: Decimal = Decimal(0)
    cold: bool = False
    hazard: bool = False
    worst_road: str = RoadClass.BELOW
    width_cm: int = 180
    speed_cap_kmh: int = 60
    range_km: int | None = None


def _checked(fields: VehicleFields) -> dict[str, Any]:
    """Values to store. Refused with the field as the pointer."""
    if fault(fields.plate) or not normal_code(fields.plate):
        raise Refused("plate_missing", _("A vehicle needs its plate, or a number."), pointer="/plate")
    if fields.kind not in VehicleKind.values or fields.kind == VehicleKind.BUS:
        raise Refused("kind_unknown", _("Choose a kind. The hold of a bus is entered with its line."), pointer="/kind")
    if fields.worst_road not in RoadClass.values:
        raise Refused("road_unknown", _("Choose a class of road."), pointer="/worst_road")
    limits: tuple[tuple[str, float | None, float, float], ...] = (
        ("payload_kg", fields.payload_kg, 1, MOST_KG),
        ("volume_l", fields.volume_l, 1, MOST_L),
        ("piece_capacity", fields.piece_capacity, 1, MOST_PIECES),
        ("width_cm", fields.width_cm, 30, 400),
        ("speed_cap_kmh", fields.speed_cap_kmh, 1, 150),
        ("range_km", fields.range_km, 1, 5000),
    )
    costs = (("day_cost", fields.day_cost), ("km_cost", fields.km_cost), ("hour_cost", fields.hour_cost))
    for name, value, least, most in limits:
        if value is not None and not least <= value <= most:
            raise Refused(
                "out_of_range",
                _("Between %(least)s and %(most)s.") % {"least": f"{least:g}", "most": f"{most:g}"},
                pointer=f"/{name}",
            )
    for name, yuan in costs:
        if not yuan.is_finite() or not 0 <= yuan <= 10_000:
            raise Refused(
                "out_of_range",
                _("Between %(least)s and %(most)s.") % {"least": "0", "most": "10000"},
                pointer=f"/{name}",
            )
    return {name: getattr(fields, name) for name in VehicleFields.__dataclass_fields__} | {
        "plate": normal_code(fields.plate)[:20]
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """For the audit."""
    return {
        k: v.code if isinstance(v, Organisation) else v if isinstance(v, int | bool) else str(v)
        for k, v in values.items()
    }


@transaction.atomic
def add_vehicle(*, hub: Station, fields: VehicleFields, by: User | None, at: datetime) -> Vehicle:
    """A vehicle that starts from `hub`. Refused with the field, Conflict "plate_taken"."""
    values = _checked(fields)
    try:
        with transaction.atomic():
            vehicle = Vehicle.objects.create(county_code=hub.county_code, hub=hub, **values)
    except IntegrityError as taken:
        raise _plate_taken() from taken
    _trace(vehicle, "vehicle.added", by, at, after=_plain(values))
    return vehicle


@transaction.atomic
def change_vehicle(*, vehicle_id: int, seen: int, fields: VehicleFields, by: User, at: datetime) -> Vehicle:
    """Other facts about a vehicle; `seen` is the version they were read at. Conflict "changed_meanwhile",
    "vehicle_retired", "plate_taken"."""
    values = _checked(fields)
    before = Vehicle.objects.select_for_update().select_related("owner").get(pk=vehicle_id)
    if before.state == VehicleState.RETIRED:
        raise Conflict("vehicle_retired", _("This vehicle is retired; nothing about it changes any more."))
    try:
        with transaction.atomic():
            done = Vehicle.objects.filter(pk=vehicle_id, version=seen).update(version=F("version") + 1, **values)
    except IntegrityError as taken:
        raise _plate_taken() from taken
    if not done:
        raise Conflict("changed_meanwhile", _("Somebody changed this vehicle meanwhile. Look at it again."))
    old = {name: getattr(before, name) for name in values}
    changed = {name for name in values if old[name] != values[name]}
    _trace(
        before,
        "vehicle.changed",
        by,
        at,
        before=_plain({name: old[name] for name in sorted(changed)}),
        after=_plain({name: values[name] for name in sorted(changed)}),
    )
    before.refresh_from_db()
    return before


@transaction.atomic
def set_vehicle_state(*, vehicle_id: int, to: str, reason: str, by: User, at: datetime) -> Vehicle:
    """To repair, back into service, or retired for good. Refused "reason_missing", "state_unknown", Conflict
    "vehicle_on_the_road" while a trip of an issued plan needs it, "state_changed"."""
    if to not in VehicleState.values:
        raise Refused("state_unknown", _("Choose a state."), pointer="/to")
    if fault(reason) or not clean(reason):
        raise Refused("reason_missing", _("Say why."), pointer="/reason")
    vehicle = Vehicle.objects.get(pk=vehicle_id)
    if vehicle.state == VehicleState.RETIRED:
        raise Conflict("vehicle_retired", _("This vehicle is retired; nothing about it changes any more."))
    if to == VehicleState.RETIRED:
        trip = Trip.objects.filter(vehicle=vehicle, live=True, state__in=RUNNING).order_by("departs_at").first()
        if trip:
            raise Conflict(
                "vehicle_on_the_road",
                _("Trip %(code)s of an issued plan still needs it. Give that trip to another vehicle first.")
                % {"code": trip.code},
            )
        Driver.objects.filter(usual_vehicle=vehicle).update(usual_vehicle=None)
    others = [state for state in (VehicleState.IN_SERVICE, VehicleState.REPAIR) if state != to]
    move(vehicle, to=to, by=by, at=at, reason=clean(reason)[:300], allowed=others, version=F("version") + 1)
    _trace(vehicle, "vehicle.moved", by, at, after={"state": to}, reason=clean(reason)[:300])
    return vehicle


@transaction.atomic
def add_vehicle_document(
    *, vehicle_id: int, kind: str, expires_at: datetime, by: User | None, at: datetime, number: str = ""
) -> VehicleDocument:
    """A paper of a vehicle; the one that expires last counts. Refused "kind_unknown", "expires_too_far", Conflict
    "document_taken"."""
    vehicle = Vehicle.objects.get(pk=vehicle_id)
    check_paper(kind, VehicleDocumentKind.values, number, expires_at, at)
    try:
        with transaction.atomic():
            row = VehicleDocument.objects.create(
                vehicle=vehicle, kind=kind, number=clean(number)[:60], expires_at=expires_at
            )
    except IntegrityError as taken:
        raise paper_taken() from taken
    after = {"kind": kind, "expires_at": expires_at.isoformat()}
    _trace(vehicle, "vehicle.document", by, at, after=after)
    return row


def check_paper(kind: str, kinds: list[str], number: str, expires_at: datetime, at: datetime) -> None:
    """What a vehicle's and a driver's papers have in common."""
    if kind not in kinds:
        raise Refused("kind_unknown", _("Choose a paper."), pointer="/kind")
    if fault(number):
        raise Refused(fault(number), _("This text can't be stored."), pointer="/number")
    if not at.year - 10 <= expires_at.year <= at.year + 50:
        raise Refused("expires_too_far", _("Ten years back and fifty ahead, at most."), pointer="/expires_at")


def paper_taken() -> Conflict:
    return Conflict("document_taken", _("This paper with this last day is entered already."), pointer="/expires_at")


def _plate_taken() -> Conflict:
    return Conflict("plate_taken", _("The county has a vehicle of this plate already."), pointer="/plate")


def _trace(
    vehicle: Vehicle,
    action: str,
    by: User | None,
    at: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    audit(
        actor=by,
        action=action,
        entity="vehicle",
        entity_id=vehicle.pk,
        label=vehicle.plate,
        at=at,
        county_code=vehicle.county_code,
        before=before,
        after=after,
        reason=reason,
    )
