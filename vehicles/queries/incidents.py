"""Reads of road incidents: the list, one with its history and the roads near it."""

from collections.abc import Iterable

from django.db.models import QuerySet

from stations.models import Region, Station
from vehicles.models import RoadIncident, Transition
from vehicles.states import OPEN_INCIDENTS

NEAREST = 6


def incidents(rows: QuerySet[RoadIncident], *, state: str = "", past: bool = False) -> QuerySet[RoadIncident]:
    """Newest first; those still open unless a state, or the past, is asked for."""
    if state:
        rows = rows.filter(state=state)
    elif not past:
        rows = rows.filter(state__in=OPEN_INCIDENTS)
    return rows.select_related("segment", "station").order_by("-reported_at", "-pk")


def history(incident: RoadIncident) -> QuerySet[Transition]:
    return (
        Transition.objects.filter(county_code=incident.county_code, entity="incident", entity_id=incident.pk)
        .select_related("by")
        .order_by("id")
    )


def spots(rows: Iterable[RoadIncident]) -> list[dict[str, object]]:
    """To draw on a map."""
    return [
        {"id": row.pk, "lng": row.lng, "lat": row.lat, "kind": row.get_kind_display(), "effect": row.effect,
         "words": f"{row.get_effect_display()} · {row.get_state_display()}", "state": row.state}
        for row in rows
        if row.lng is not None and row.lat is not None
    ]  # fmt: skip


def county_of_report(county_code: str) -> Region | None:
    """The county's own division, where it has stations: only there somebody would read a report."""
    if not Station.objects.filter(county_code=county_code).exists():
        return None
    return Region.objects.filter(code=f"{county_code}000000").first()


def stations_to_name(county_code: str) -> QuerySet[Station]:
    """Stations in service, for a report's "near"."""
    return Station.objects.filter(county_code=county_code).in_service().order_by("township_code", "level", "code")
