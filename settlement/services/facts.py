"""What a township enters about an outlet, from a later day on, with its reason."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import clock
from common.errors import Conflict, Refused
from settlement.models import OutletFact
from settlement.states import FactKind, Grade
from stations.models import Station
from stations.states import StationLevel

DISTANCE_MAX_KM = Decimal(1000)
DENSITY_MAX = Decimal(100_000)  # persons a km²
_HUNDREDTH = Decimal("0.01")


@transaction.atomic
def enter_fact(
    *,
    station_id: int,
    kind: str,
    grade: str = "",
    value: Decimal | None = None,
    valid_from: date,
    reason: str,
    by: User,
    at: datetime,
) -> OutletFact:
    """A grade, a distance (km) or a density (persons a km²) of an outlet from `valid_from` on: tomorrow at the
    earliest, so that no line that is written rested on something else. Refused "not_an_outlet", "fact_kind_unknown",
    "grade_unknown", "value_out_of_range", "valid_too_early", "valid_too_late", "reason_missing", Conflict
    "fact_taken"."""
    station = Station.objects.get(pk=station_id)
    if station.level != StationLevel.OUTLET:
        raise Refused("not_an_outlet", _("Only village outlets have these."), pointer="/station")
    if kind not in FactKind.values:
        raise Refused("fact_kind_unknown", _("A kind from the list, please."), pointer="/kind")
    if kind == FactKind.GRADE:
        if grade not in Grade.values:
            raise Refused("grade_unknown", _("A grade from A to D, please."), pointer="/grade")
        value = None
    else:
        grade = ""
        most = DISTANCE_MAX_KM if kind == FactKind.DISTANCE else DENSITY_MAX
        if value is None or not value.is_finite() or not 0 <= value <= most or value != value.quantize(_HUNDREDTH):
            raise Refused(
                "value_out_of_range",
                _("A number from 0 to %(most)s with at most 2 decimals.") % {"most": f"{most:,}"},
                pointer="/value",
            )
    today = clock.business_date(at)
    if valid_from <= today:
        raise Refused(
            "valid_too_early",
            _("At the earliest from %(day)s on: what was earned until today stays as it is.")
            % {"day": date_format(today + timedelta(days=1), "DATE_FORMAT")},
            pointer="/valid_from",
        )
    if valid_from > today + timedelta(days=366):
        raise Refused("valid_too_late", _("At most a year ahead."), pointer="/valid_from")
    if not reason.strip():
        raise Refused("reason_missing", _("Write down why."), pointer="/reason")
    try:
        with transaction.atomic():
            fact = OutletFact.objects.create(
                county_code=station.county_code,
                station=station,
                kind=kind,
                grade=grade,
                value=value,
                valid_from=valid_from,
                reason=reason,
                entered_by=by,
                entered_at=at,
            )
    except IntegrityError as twice:
        raise Conflict(
            "fact_taken", _("There is an entry of this kind from that day on already."), pointer="/valid_from"
        ) from twice
    audit(
        actor=by,
        action="fact.entered",
        entity="station",
        entity_id=station.pk,
        label=str(station),
        at=at,
        county_code=station.county_code,
        after={"kind": kind, "value": grade or str(value), "valid_from": valid_from.isoformat()},
        reason=reason,
    )
    return fact
