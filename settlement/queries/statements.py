"""Reads of the subsidy that need no month's sums: what a line rests on, deliveries nobody's policy covers."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Max, Min, Q

from accounts.models import User
from common import clock
from orders.models import Parcel
from orders.states import ParcelState
from settlement.models import Line, Policy
from settlement.rules import reason_sentences
from stations.models import Region, Station
from stations.scope import scope_of
from stations.states import RegionLevel, StationLevel
from tracking.models import ScanEvent


def policy_mark(county_code: str) -> str:
    """The fingerprint of a county's policies in force; a change makes settlement read every parcel again."""
    rows = Policy.objects.active().filter(county_code=county_code).order_by("pk")
    spans = [f"{pk}:{first}:{end}" for pk, first, end in rows.values_list("pk", "valid_from", "valid_to")]
    return hashlib.sha256("|".join(spans).encode()).hexdigest()[:32] if spans else ""


def months_with_lines(user: User) -> list[date]:
    """The months from the first to the last that has a line the user may read, newest first; two ends of an index
    instead of a DISTINCT over all lines."""
    ends = Line.objects.visible_to(user).aggregate(first=Min("period"), last=Max("period"))
    if ends["first"] is None:
        return []
    months = [ends["first"]]
    while months[-1] < ends["last"]:
        months.append(clock.next_month(months[-1]))
    return months[::-1][:60]


def townships_visible(user: User) -> list[Region]:
    """Townships that may appear on the user's statements."""
    stations = Station.objects.visible_to(user, "settlement.read").filter(level=StationLevel.OUTLET)
    codes = {f"{code}000" for code in stations.values_list("township_code", flat=True).distinct()}
    return list(Region.objects.filter(code__in=codes, level=RegionLevel.TOWNSHIP).order_by("code"))


@dataclass(frozen=True)
class LineView:
    """A line as a person reads it: which parcel, why this rate, on which scans."""

    line: Line
    parcel: Parcel
    why: list[str]
    scans: list[ScanEvent]


def line_views(lines: Iterable[Line]) -> list[LineView]:
    """Lines of one county with their parcels and evidence, in two queries. The caller has checked the lines' scope;
    that a line may be read means that its evidence may."""
    rows = list(lines)
    if not rows:
        return []
    county = rows[0].county_code
    parcels = Parcel.objects.filter(county_code=county, pk__in={row.parcel_id for row in rows}).select_related(
        "carrier"
    )
    parcel_by_id = {parcel.pk: parcel for parcel in parcels}
    ids: set[UUID] = {event_id for row in rows for event_id in row.evidence}
    events = {
        event.event_id: event
        for event in ScanEvent.objects.filter(county_code=county, event_id__in=ids).select_related("station")
    }
    return [
        LineView(
            row,
            parcel_by_id[row.parcel_id],
            reason_sentences(row.reasons),
            [events[event_id] for event_id in row.evidence if event_id in events],
        )
        for row in rows
    ]


def uncovered_days(county_code: str, month: date) -> list[tuple[date, date]]:
    """Spans [from, to) of a month's days on which no policy is in force."""
    day, end = month, clock.next_month(month)
    spans = []
    for first, last in (
        Policy.objects.active()
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=month), county_code=county_code, valid_from__lt=end)
        .order_by("valid_from")
        .values_list("valid_from", "valid_to")
    ):
        if first > day:
            spans.append((day, first))
        day = max(day, last or end)
    if day < end:
        spans.append((day, end))
    return spans


def deliveries_without_policy(user: User, *, month: date) -> int:
    """How many parcels were delivered at outlets in scope on days without a policy. Where every day is covered (nearly
    always) no parcel is read; else parcel_ended, outlet by outlet."""
    scope = scope_of(user, "settlement.read")
    count = 0
    for county in scope.counties:
        for first, end in uncovered_days(county, month):
            outlets = Station.objects.visible_to(user, "settlement.read").filter(
                county_code=county, level=StationLevel.OUTLET
            )
            count += Parcel.objects.filter(
                county_code=county,
                t_station__in=list(outlets.values_list("pk", flat=True)),
                t_at__gte=clock.day_start(first),
                t_at__lt=clock.day_start(end),
                state=ParcelState.DELIVERED,
            ).count()
    return count


def policy_in_the_way(policy: Policy) -> Policy | None:
    """The policy in force that begins before this one and would reach into it: activation ends it."""
    return (
        Policy.objects.active()
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=policy.valid_from), county_code=policy.county_code)
        .filter(valid_from__lt=policy.valid_from)
        .first()
    )


def last_day(policy: Policy) -> date | None:
    """The last day a policy holds; None while it has no end."""
    return policy.valid_to - timedelta(days=1) if policy.valid_to else None
