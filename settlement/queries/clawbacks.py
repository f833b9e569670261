"""Clawbacks as people read them: the parcel, the scans on both sides, and what happened so far."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from orders.models import Parcel
from settlement.models import Clawback, Line, Transition
from settlement.queries.statements import LineView, line_views
from settlement.states import ClawbackCause, ClawbackState
from stations.scope import scope_of
from tracking.models import ScanEvent


@dataclass(frozen=True)
class Step:
    """One row of a history, in words."""

    label: str
    state: str
    transition: Transition


def history(row: models.Model, labels: type[models.TextChoices], entity: str) -> list[Step]:
    """What happened to a clawback or appeal, oldest first, by transition_of."""
    steps = (
        Transition.objects.filter(county_code=row.county_code, entity=entity, entity_id=row.pk)  # type: ignore[attr-defined]
        .select_related("by")
        .order_by("pk")
    )
    return [Step(str(labels(step.to_state).label), step.to_state, step) for step in steps]


def clawbacks(user: User, *, state: str = "") -> QuerySet[Clawback]:
    """The clawbacks in scope, newest first."""
    rows = Clawback.objects.visible_to(user).select_related("line", "station", "proposed_by")
    return (rows.filter(state=state) if state else rows).order_by("-proposed_at", "-pk")


def line_view(line: Line) -> LineView:
    """One line with its parcel and scans."""
    return line_views([line])[0]


def against(clawback: Clawback) -> tuple[list[ScanEvent], list[str]]:
    """What speaks against the delivery: scans, and anything else its evidence names (a complaint's number)."""
    ids, other = [], []
    for piece in clawback.evidence:
        try:
            ids.append(UUID(str(piece)))
        except ValueError:
            other.append(str(piece))
    scans = ScanEvent.objects.filter(county_code=clawback.county_code, event_id__in=ids).select_related("station")
    return list(scans.order_by("effective_at")), other


def reason_of(clawback: Clawback) -> str:
    """Why, in a sentence: a person's words, or what the scans say."""
    if clawback.proposed_by_id or clawback.reason not in ClawbackCause.values:
        return clawback.reason
    return {
        ClawbackCause.RETURN.value: _("After the delivery the parcel was scanned as returned."),
        ClawbackCause.LOSS.value: _("After the delivery the parcel was scanned as lost."),
        ClawbackCause.FALSE_SIGNATURE.value: _("After the delivery another outlet scanned a signature too."),
    }.get(clawback.cause, clawback.get_cause_display())


def lines_of_waybill(user: User, waybill_no: str) -> list[LineView]:
    """The newest line of each service of the parcels with that number, where the user may propose."""
    counties = scope_of(user, "clawback.propose").counties
    parcels = Parcel.objects.filter(county_code__in=counties, waybill_no=waybill_no).values_list("pk", flat=True)[:20]
    lines = (
        Line.objects.visible_to(user, "clawback.propose")
        .filter(county_code__in=counties, parcel_id__in=list(parcels))  # by parcel_by_waybill, then line_once
        .order_by("county_code", "parcel_id", "service", "-turn")
        .distinct("county_code", "parcel_id", "service")
        .select_related("station")
    )
    return _views(lines[:20])


def _views(lines: Iterable[Line]) -> list[LineView]:
    rows = list(lines)
    return [
        view
        for county in sorted({row.county_code for row in rows})
        for view in line_views(row for row in rows if row.county_code == county)
    ]


def was_accepted(clawback: Clawback) -> bool:
    """Whether the outlet agreed before it was set off."""
    return _moved_to(clawback, ClawbackState.ACCEPTED) is not None


def told_at(clawback: Clawback) -> datetime | None:
    """When the outlet was first told."""
    step = _moved_to(clawback, ClawbackState.NOTIFIED)
    return step.at if step else None


def _moved_to(clawback: Clawback, state: ClawbackState) -> Transition | None:
    return (
        Transition.objects.filter(
            county_code=clawback.county_code, entity="clawback", entity_id=clawback.pk, to_state=state
        )
        .order_by("pk")
        .first()
    )
