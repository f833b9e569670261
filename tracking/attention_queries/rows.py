"""The lines in words: their scans with stations, handhelds and people (masked), and what each is compared with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock, text
from orders.models import Parcel
from stations.models import Device, Station
from stations.scope import Scope, scope_of
from tracking.attention_queries.found import Finding, Window, standing
from tracking.attention_queries.kinds import WORDS, Kind
from tracking.models import Dismissal, ScanEvent
from tracking.queries import FLAGS
from tracking.states import RULES, Method, Node

OLD = timedelta(days=7)  # an announcement that hasn't come by then won't come by itself
CLOCK_SHOWN = 30  # of a day's scans with a wrong clock: they are all alike
_ARRIVALS = (Node.HUB_IN, Node.UNLOADED, Node.OUTLET_IN, Node.COLLECTED)


@dataclass
class Scan:
    """A stored scan in words; `actor` is masked."""

    event: ScanEvent
    label: Any
    station: str = ""
    actor: str = ""
    device: str = ""
    method: Any = ""
    voided_by: UUID | None = None
    voided_at: datetime | None = None
    may_act: bool = False


@dataclass
class Row:
    """A line of the page."""

    finding: Finding
    words: Any
    scans: list[Scan] = field(default_factory=list)
    parcel_id: int | None = None
    waybill_no: str = ""
    carrier: str = ""
    old: bool = False
    dismissal: Dismissal | None = None


def dressed(found: Sequence[Finding], user: User, window: Window) -> list[Row]:
    """A page of lines with their scans, stations, devices and people."""
    rows = []
    for county in sorted({one.county_code for one in found}):
        mine = [one for one in found if one.county_code == county]
        ids = {one.event_id for one in mine} | {one.other_id for one in mine if one.other_id}
        events = {e.event_id: e for e in ScanEvent.objects.filter(county_code=county, event_id__in=ids)}
        scans = {scan.event.event_id: scan for scan in in_words(events.values(), user)}
        parcels = _parcels(county, events.values())
        dismissals = {}
        if any(one.kind == Kind.DISMISSED for one in mine):
            by_id = [one.number for one in mine]
            dismissals = {d.pk: d for d in Dismissal.objects.filter(pk__in=by_id).select_related("by")}
        for one in mine:
            event = events.get(one.event_id)
            named = events.get(one.other_id, event) if one.other_id and one.kind == Kind.CORRECTED else event
            parcel = parcels.get((named.carrier, named.waybill_no)) if named else None
            dismissal = dismissals.get(one.number)
            shown = [scans[i] for i in (one.other_id, one.event_id) if i in scans]  # the earlier one first
            rows.append(
                Row(
                    finding=one,
                    words=Kind(dismissal.kind).label
                    if dismissal
                    else words(one.kind, event, events.get(one.other_id) if one.other_id else None),
                    scans=shown,
                    parcel_id=parcel.pk if parcel else None,
                    waybill_no=(named.waybill_no or named.bag or "") if named else "",
                    carrier=parcel.carrier.name if parcel else "",
                    old=one.kind == Kind.UNANNOUNCED and one.at < window.at - OLD,
                    dismissal=dismissal,
                )
            )
    return sorted(rows, key=lambda row: (row.finding.at, row.finding.event_id), reverse=True)


def words(kind: str, event: ScanEvent | None, other: ScanEvent | None = None) -> Any:
    """What is wrong, as the parcel's page says it."""
    if kind == Kind.SECOND_END and event and other and event.station_id != other.station_id:
        return _("Two stations each say it ended with them")
    if kind == Kind.ONE_SIDED:
        return FLAGS["no_taker"] if event and event.side == "give" else _("Taken over, but nobody scanned giving it")
    if kind == Kind.GAP:
        ended = event is not None and RULES[Node(event.type)].t
        return _("Signed for, but never shelved") if ended else _("Nothing was scanned before it reached the outlet")
    return WORDS.get(kind, "")


def in_words(events: Iterable[ScanEvent], user: User) -> list[Scan]:
    """Scans with their stations, devices, people and what voids them; three reads whatever their number."""
    events = list(events)
    stations = Station.objects.in_bulk({e.station_id for e in events if e.station_id})
    devices = dict(Device.objects.filter(pk__in={e.device_id for e in events}).values_list("pk", "name"))
    people = dict(User.objects.filter(pk__in={e.actor_id for e in events}).values_list("pk", "name"))
    void: dict[UUID, tuple[UUID, datetime]] = {}
    for county in {e.county_code for e in events}:
        void |= standing(county, [e.event_id for e in events if e.county_code == county])
    acting = scope_of(user, "attention.act")
    methods = dict(Method.choices)
    found = []
    for event in events:
        name = people.get(event.actor_id, "")  # type: ignore[arg-type]
        by, since = void.get(event.event_id, (None, None))
        found.append(
            Scan(
                event=event,
                label=Node(event.type).label,
                station=stations[event.station_id].name if event.station_id in stations else "",
                actor=text.masked_name(name),
                device=devices.get(event.device_id, ""),  # type: ignore[arg-type]
                method=methods.get(event.method, ""),
                voided_by=by,
                voided_at=since,
                may_act=covers(acting, event),
            )
        )
    return found


def covers(scope: Scope, event: ScanEvent) -> bool:
    """Whether a scan is the scope's: by its station; one without a station by its county."""
    return scope.covers_county(event.county_code) or (
        event.county_code in scope.station_counties and event.station_id in scope.station_ids
    )


def _parcels(county_code: str, events: Iterable[ScanEvent]) -> dict[tuple[str | None, str | None], Parcel]:
    numbers = {e.waybill_no for e in events if e.waybill_no}
    rows = Parcel.objects.filter(county_code=county_code, waybill_no__in=numbers, leg_no=1).select_related("carrier")
    return {(row.carrier_id, row.waybill_no): row for row in rows} if numbers else {}


def scan_in_view(scope: Scope, event_id: UUID) -> ScanEvent | None:
    """A scan by its id in one of the scope's counties; whether it may be seen is `compared`'s to say."""
    return ScanEvent.objects.filter(county_code__in=scope.counties, event_id=event_id).first()


def compared(kind: str, event: ScanEvent) -> list[ScanEvent]:
    """The scans a line is about, in the fold's order; the odd one is among them."""
    rows = ScanEvent.objects.filter(county_code=event.county_code)
    if kind == Kind.CLOCK:
        start, end = _day_of(event.effective_at)
        same = rows.filter(untrusted=True, effective_at__gte=start, effective_at__lt=end, device=event.device_id)
        same = same if event.device_id else same.filter(actor=event.actor_id)
        newest = same.exclude(event_id=event.event_id).order_by("-k")[: CLOCK_SHOWN - 1]
        return sorted([*newest, event], key=lambda e: bytes(e.k))
    if event.waybill_no is None:
        return [event]
    own = list(rows.filter(carrier=event.carrier, waybill_no=event.waybill_no).order_by("k"))
    void = standing(event.county_code, [e.event_id for e in own])
    own = [e for e in own if e.event_id not in void]
    key = bytes(event.k)
    before = [e for e in own if bytes(e.k) < key]
    if kind in (Kind.SECOND_END, Kind.AFTER_END):
        found = [e for e in before if RULES[Node(e.type)].t][:1]
    elif kind == Kind.CANCELLED:
        found = [e for e in before if RULES[Node(e.type)].c][:1]
    elif kind == Kind.FOUND:
        found = [e for e in before if e.type == Node.LOST][-1:]
    elif kind == Kind.TWO_PLACES:
        minute = event.effective_at.replace(second=0, microsecond=0)
        found = [
            e for e in own
            if e.event_id != event.event_id and e.type in _ARRIVALS
            and minute <= e.effective_at < minute + timedelta(minutes=1)
        ]  # fmt: skip
    elif kind == Kind.ONE_SIDED:
        found = [e for e in own if e.event_id != event.event_id and e.type == Node.HANDOVER]
    elif kind == Kind.UNANNOUNCED:
        found = [e for e in own if e.event_id != event.event_id][:5]
    else:
        found = []
    return sorted([*found, event], key=lambda e: bytes(e.k))


def _day_of(at: datetime) -> tuple[datetime, datetime]:
    return clock.day_span(clock.business_date(at))


def dismissal_of(event: ScanEvent, kind: str) -> Dismissal | None:
    """Who let this line stand, if anybody did."""
    rows = Dismissal.objects.filter(county_code=event.county_code, kind=kind, event_id=event.event_id)
    return rows.select_related("by").first()
