"""Lines by hand: their contract, tariff, split of revenue and safety items; their stops."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import text
from common.errors import Conflict, Refused
from stations.models import Organisation, Station
from vehicles.models import LineShare, TransitLine, TransitStop

MOST_SAFETY_ITEMS = 20


@dataclass(frozen=True)
class LineFields:
    """What a person decides about a line. `shares`: part of the revenue by role; none at all, or they sum to 1."""

    code: str
    name: str
    kind: str
    operator: Organisation | None = None
    contract_no: str = ""
    liability: str = ""
    tariff: Decimal = Decimal(0)
    safety_items: tuple[str, ...] = ()
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    is_active: bool = True


def create_line(*, county_code: str, fields: LineFields, by: User | None, at: datetime) -> TransitLine:
    """Refused "line_code_taken", "shares_not_whole", "too_many_safety_items"."""
    values = _line_values(fields)
    try:
        with transaction.atomic():
            line = TransitLine.objects.create(county_code=county_code, **values)
            _set_shares(line, fields.shares)
            note_line(line, "line.created", by=by, at=at, after=_said(fields))
    except IntegrityError as clash:
        raise Refused(
            "line_code_taken", _("There is a line with this code already."), pointer="/code", status=409
        ) from clash
    return line


def edit_line(*, line_id: int, seen: int, fields: LineFields, by: User | None, at: datetime) -> TransitLine:
    """Conflict "line_changed" where somebody else was faster than the version `seen`."""
    values = _line_values(fields)
    try:
        with transaction.atomic():
            changed = TransitLine.objects.filter(pk=line_id, version=seen).update(version=F("version") + 1, **values)
            line = TransitLine.objects.get(pk=line_id)
            if not changed:
                raise Conflict("line_changed", _("Somebody changed the line meanwhile. Look again, then change it."))
            _set_shares(line, fields.shares)
            note_line(line, "line.edited", by=by, at=at, after=_said(fields))
    except IntegrityError as clash:
        raise Refused(
            "line_code_taken", _("There is a line with this code already."), pointer="/code", status=409
        ) from clash
    return line


def _line_values(fields: LineFields) -> dict[str, object]:
    items = [text.clean(item)[:80] for item in fields.safety_items if text.clean(item)]
    if len(items) > MOST_SAFETY_ITEMS:
        raise Refused(
            "too_many_safety_items", _("No more than twenty safety items: nobody checks more."), pointer="/safety_items"
        )
    whole = sum(fields.shares.values(), Decimal(0))
    if fields.shares and whole != 1:
        percent = f"{whole * 100:.2f}".rstrip("0").rstrip(".")
        raise Refused(
            "shares_not_whole",
            _("The parts come to %(percent)s %%; together they must be 100 %%.") % {"percent": percent},
            pointer="/shares",
        )
    if any(share <= 0 for share in fields.shares.values()):
        raise Refused("share_not_positive", _("A part is more than nothing."), pointer="/shares")
    return {
        "code": fields.code,
        "name": fields.name,
        "kind": fields.kind,
        "operator": fields.operator,
        "contract_no": fields.contract_no,
        "liability": fields.liability,
        "tariff": fields.tariff,
        "safety_items": list(dict.fromkeys(items)),
        "is_active": fields.is_active,
    }


def _set_shares(line: TransitLine, shares: Mapping[str, Decimal]) -> None:
    LineShare.objects.filter(line=line).delete()
    LineShare.objects.bulk_create(LineShare(line=line, role=role, share=share) for role, share in shares.items())


def _said(fields: LineFields) -> dict[str, str]:
    return {
        "name": fields.name,
        "kind": fields.kind,
        "tariff": str(fields.tariff),
        "shares": " ".join(f"{role} {share}" for role, share in fields.shares.items()),
        "active": str(fields.is_active),
    }


def note_line(line: TransitLine, action: str, *, by: User | None, at: datetime, after: Mapping[str, object]) -> None:
    audit(
        actor=by,
        action=action,
        entity="line",
        entity_id=line.pk,
        at=at,
        county_code=line.county_code,
        label=line.name,
        after=after,
    )


def stop_at(*, station: Station) -> TransitStop:
    """The stop where a station stands, made if there is none. Refused "station_without_point"."""
    stop = TransitStop.objects.filter(county_code=station.county_code, station=station).order_by("pk").first()
    if stop is not None:
        return stop
    if station.lng is None or station.lat is None:
        raise Refused(
            "station_without_point", _("%(station)s has no place on the map yet.") % {"station": station.name}
        )
    values = {"name": station.name, "lng": float(station.lng), "lat": float(station.lat), "station": station}
    return TransitStop.objects.get_or_create(county_code=station.county_code, stop_id=station.code, defaults=values)[0]


def link_stop(*, stop_id: int, station: Station | None, by: User | None, at: datetime) -> TransitStop:
    """Say which station stands at a stop, or that none does. Refused "other_county"."""
    with transaction.atomic():
        stop = TransitStop.objects.select_for_update().get(pk=stop_id)
        if station is not None and station.county_code != stop.county_code:
            raise Refused("other_county", _("That station is in another county."), pointer="/station")
        before, stop.station = stop.station_id, station
        stop.save(update_fields=["station"])
        audit(
            actor=by,
            action="stop.linked",
            entity="stop",
            entity_id=stop.pk,
            at=at,
            county_code=stop.county_code,
            label=stop.name,
            before={"station": str(before or "")},
            after={"station": str(station.pk if station else "")},
        )
    return stop
