"""Incidents on the road: reported by anybody, confirmed and given to who is responsible, until the road is open again.

reported → confirmed → assigned → reopened, or → rejected. What a report says takes hold once somebody confirmed it:
then the segment is closed or slow for every plan reckoned from that moment on, and `reopened` lifts it.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import Conflict, Refused
from stations.models import Station
from stations.queries import placed
from vehicles.models import RoadIncident, RoadSegment
from vehicles.queries import roads as reads
from vehicles.services.moves import move
from vehicles.states import (
    INCIDENTS_IN_FORCE,
    OPEN_INCIDENTS,
    IncidentEffect,
    IncidentKind,
    IncidentState,
    ResponsibleLevel,
)

NEAR_M = 1000.0  # a report farther from every road has none yet: whoever confirms it picks one


def report_incident(
    *,
    county_code: str,
    kind: str,
    effect: str,
    at: datetime,
    by: User | None = None,
    lng: float | None = None,
    lat: float | None = None,
    station: Station | None = None,
    slow_factor: Decimal = Decimal(2),
    note: str = "",
    client_id: UUID | None = None,
) -> RoadIncident:
    """A report by a point or a station, or both; sent again with the same `client_id` it is the same row.
    `slow_factor`: times slower. Refused "no_place", "off_earth", "other_county", "bad_kind"."""
    if kind not in IncidentKind.values or effect not in IncidentEffect.values:
        raise Refused("bad_kind", _("Say what happened, and whether there is a way through."), pointer="/kind")
    if station is not None and station.county_code != county_code:
        raise Refused("other_county", _("The station is in another county."), pointer="/station")
    if (lng is None or lat is None) and station is not None:
        here = placed(Station.objects.filter(pk=station.pk)).first()
        if here is not None and here.x is not None and here.y is not None:
            lng, lat = float(here.x), float(here.y)
    if (lng is None or lat is None) and station is None:
        raise Refused("no_place", _("Say where: touch the map, or choose a station nearby."), pointer="/station")
    if lng is not None and lat is not None and not (-180 <= lng <= 180 and -90 <= lat <= 90):
        raise Refused("off_earth", _("This point is not on the map."), pointer="/station")
    edition = reads.current_edition(county_code)
    near: list[reads.NearRoad] = []
    if edition and lng is not None and lat is not None:
        near = reads.nearest_roads(edition, lng, lat, limit=1, within_m=NEAR_M)
    try:
        with transaction.atomic():
            return RoadIncident.objects.create(
                county_code=county_code,
                segment=near[0].segment if near else None,
                way=near[0].segment.way if near else None,
                station=station,
                lng=lng,
                lat=lat,
                kind=kind,
                effect=effect,
                slow_factor=slow_factor,
                note=note[:300],
                responsible=near[0].segment.responsible if near else "",
                reported_by=by,
                reported_at=at,
                client_id=client_id,
            )
    except IntegrityError:
        known = RoadIncident.objects.filter(client_id=client_id, county_code=county_code).first() if client_id else None
        if known is None:
            raise Conflict("report_exists", _("This report is there already.")) from None
        return known


def confirm_incident(
    *,
    incident: RoadIncident,
    by: User,
    at: datetime,
    segment: RoadSegment | None = None,
    effect: str = "",
    slow_factor: Decimal | None = None,
    reason: str = "",
) -> None:
    """It is so: from now on the road is closed or slow. `segment`: another one than the nearest to the report.
    Refused "no_road" where none is known; Conflict if it isn't a mere report any more."""
    on = segment or incident.segment
    if on is None:
        raise Refused("no_road", _("Choose the road it is on."), pointer="/segment")
    if on.county_code != incident.county_code or not on.edition.current:
        raise Refused("old_road", _("This road is not in the county's present graph."), pointer="/segment")
    move(
        incident,
        to=IncidentState.CONFIRMED,
        by=by,
        at=at,
        reason=reason,
        allowed=[IncidentState.REPORTED],
        segment=on,
        way=on.way,
        responsible=on.responsible,
        effect=effect or incident.effect,
        slow_factor=slow_factor or incident.slow_factor,
    )


def assign_incident(*, incident: RoadIncident, level: str, by: User, at: datetime, reason: str = "") -> None:
    """Give it to the level that is responsible; again, to another one. Conflict if it isn't confirmed or has ended."""
    if level not in ResponsibleLevel.values:
        raise Refused("bad_level", _("Choose who is responsible."), pointer="/level")
    move(
        incident,
        to=IncidentState.ASSIGNED,
        by=by,
        at=at,
        reason=reason,
        allowed=INCIDENTS_IN_FORCE,
        responsible=level,
    )


def reopen_incident(*, incident: RoadIncident, by: User, at: datetime, reason: str = "") -> None:
    """The road is open again. Conflict if it wasn't confirmed, or has ended."""
    move(
        incident,
        to=IncidentState.REOPENED,
        by=by,
        at=at,
        reason=reason,
        allowed=INCIDENTS_IN_FORCE,
        ended_at=at,
    )


def reject_incident(*, incident: RoadIncident, by: User, at: datetime, reason: str) -> None:
    """It isn't so, with a reason. Refused "no_reason"; Conflict if it has ended."""
    if not reason.strip():
        raise Refused("no_reason", _("Say why it is not so."), pointer="/reason")
    move(
        incident,
        to=IncidentState.REJECTED,
        by=by,
        at=at,
        reason=reason,
        allowed=OPEN_INCIDENTS,
        ended_at=at,
    )
