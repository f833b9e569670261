"""What stands at a station: scales, shelves, freezers, lockers, each by its serial number."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common import sql, text
from common.errors import Conflict, Refused
from stations.models import Equipment, Station
from stations.states import EquipmentState


def add_equipment(*, station: Station, kind: str, serial: str, by: User | None, at: datetime) -> Equipment:
    """Note a piece as working. Conflict "serial_taken": a serial number is one thing, wherever it stands."""
    piece = Equipment(station=station, kind=text.clean(kind), serial=text.clean(serial))
    for name in ("kind", "serial"):
        if not 1 <= len(getattr(piece, name)) <= 60:
            raise Refused("invalid_value", _("1 to 60 characters, please."), pointer=f"/{name}")
    try:
        with transaction.atomic():
            piece.save(force_insert=True)
            _audit(piece, station, by=by, at=at, before="", after=EquipmentState.WORKING)
    except IntegrityError as taken:
        raise Conflict(
            "serial_taken", _("This serial number is in the registry already."), pointer="/serial"
        ) from taken
    return piece


def set_equipment_state(*, equipment: Equipment, state: str, by: User | None, at: datetime) -> bool:
    """Working, faulty or retired; False (and no trace) where it was so already."""
    if state not in EquipmentState.values:
        raise Refused("unknown_state", _("There is no such state of equipment."), pointer="/state")
    with transaction.atomic():
        values = {"state": state, "equipment_id": equipment.pk, "station_id": equipment.station_id}
        if not sql.run("stations", "set_equipment_state", values):
            return False
        _audit(equipment, equipment.station, by=by, at=at, before=equipment.state, after=state)
    return True


def _audit(piece: Equipment, station: Station, *, by: User | None, at: datetime, before: str, after: str) -> None:
    audit(
        actor=by,
        action="station.equipped",
        entity="station",
        entity_id=station.pk,
        county_code=station.county_code,
        label=f"{station.code} {station.name}",
        at=at,
        before={"equipment": str(piece), "equipment_state": str(before)} if before else {},
        after={"equipment": str(piece), "equipment_state": str(after)},
    )
