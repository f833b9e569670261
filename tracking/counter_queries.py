"""What the counter and the work list show. Every statement names its county; station ids come as values.

`tracking_scanevent` is read by (county, station, effective_at), parcels by parcel_at_station, parcel_bound_for,
parcel_by_waybill and parcel_by_pickup_code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.models import User
from common import clock, sql
from orders.models import Parcel
from orders.states import CustodianKind, ParcelState
from stations.models import Organisation, Station
from stations.queries import counties_with_stations
from stations.states import StationLevel
from tracking.models import ScanEvent
from tracking.states import Node

PICKUP_LIMIT = timedelta(hours=48)
CENTRE_LIMIT = timedelta(hours=24)
HERE = (ParcelState.AT_HUB, ParcelState.AT_CENTRE, ParcelState.AT_OUTLET)
HANDLED = (*HERE, ParcelState.IN_NETWORK, ParcelState.IN_TRANSIT, ParcelState.OUT_FOR_DELIVERY)
UPSTREAM = (
    ParcelState.REGISTERED, ParcelState.IN_NETWORK, ParcelState.AT_HUB, ParcelState.IN_TRANSIT, ParcelState.AT_CENTRE,
)  # fmt: skip
AT_LEVEL = {
    StationLevel.HUB: ParcelState.AT_HUB,
    StationLevel.CENTRE: ParcelState.AT_CENTRE,
    StationLevel.OUTLET: ParcelState.AT_OUTLET,
}


def key_bound(at: datetime) -> bytes:
    """The least register key of an instant: `s_k__lt=key_bound(t)` reads "came before t" (docs/fold.md, order)."""
    return clock.micros(at).to_bytes(8, "big", signed=True)


def key_time(key: bytes | memoryview | None) -> datetime | None:
    """The instant in a register key."""
    if key is None:
        return None
    return clock.EPOCH + timedelta(microseconds=int.from_bytes(bytes(key)[:8], "big", signed=True))


def key_rank(key: bytes | memoryview | None) -> int | None:
    """The rank of the node in a register key."""
    return None if key is None else bytes(key)[8]


# --- the scanned code -------------------------------------------------------------------------------------


def parcels_of_waybill(county_code: str, waybill_no: str) -> list[Parcel]:
    """The county's parcels with this number, newest leg first: whoever holds a parcel may scan it, seen or not."""
    return list(
        Parcel.objects.filter(county_code=county_code, waybill_no=waybill_no)
        .select_related("carrier", "station", "destination", "destination__parent", "recipient")
        .order_by("carrier", "-leg_no")[:10]
    )


def parcels_of_pickup_code(station: Station, code: str) -> list[Parcel]:
    """The parcels of this station whose last pickup code is this one, those on the shelf and those gone."""
    return list(
        Parcel.objects.filter(county_code=station.county_code, station=station, pickup_code=code)
        .select_related("carrier", "station", "destination", "destination__parent", "recipient")
        .order_by("-last_scan_at")[:10]
    )


def pickup_codes_in_use(station: Station, shelf: str) -> set[str]:
    """The codes of this shelf (e.g. "3-2") that parcels awaiting pickup at the station hold."""
    return set(
        Parcel.objects.filter(
            county_code=station.county_code,
            station=station,
            state=ParcelState.AT_OUTLET,
            pickup_code__startswith=f"{shelf}-",
        ).values_list("pickup_code", flat=True)
    )


def carriers_named(codes: Sequence[str]) -> list[Organisation]:
    """The carriers in use among these codes; all of them where none is named."""
    rows = Organisation.objects.carriers().order_by("name")
    return list(rows.filter(code__in=codes) if codes else rows)


# --- the page ---------------------------------------------------------------------------------------------


def _voiding(level: int) -> QuerySet[ScanEvent]:
    """Corrections that count and name the outer row: level 1 voids a scan, level 2 undoes a level 1."""
    rows = ScanEvent.objects.filter(
        county_code=OuterRef("county_code"), corrects=OuterRef("event_id"), correction_counts=True
    )
    return rows if level == 2 else rows.exclude(Exists(_voiding(2)))


def scans_of_day(station: Station, at: datetime, actor: User | None = None) -> QuerySet[ScanEvent]:
    """The station's scans of the business day of `at` (a courier's own where `actor` is given)."""
    start, end = clock.day_span(clock.business_date(at))
    rows = ScanEvent.objects.filter(
        county_code=station.county_code, station=station, effective_at__gte=start, effective_at__lt=end
    ).exclude(type__in=(Node.CORRECTION, Node.SENSOR))
    return rows if actor is None else rows.filter(actor=actor)


def scan_to_undo(station: Station, at: datetime, actor: User | None, event_id: UUID) -> Any:
    """One scan of today with `voided`, or None."""
    rows = scans_of_day(station, at, actor).filter(event_id=event_id)
    return rows.annotate(voided=Exists(_voiding(1))).first()


@dataclass(frozen=True)
class Day:
    """A station's day: how many scans of each node stand, and the last ones (with `voided`)."""

    counts: dict[str, int]
    recent: list[Any]


def day_at(station: Station, at: datetime, actor: User | None = None, limit: int = 10) -> Day:
    """1. Count by node, with each node's last ids. 2. The last scans, by their ids: one partition, where a day's span
    is planned over all of them. 3. What was undone: looked up from the few corrections, not from the many scans, for
    each of a hub's thousands would be a probe into every partition."""
    start, end = clock.day_span(clock.business_date(at))
    by_node = sql.rows(
        "tracking",
        "station_day",
        {
            "county": station.county_code,
            "station": station.pk,
            "start": start,
            "end": end,
            "actor": actor.pk if actor else None,
            "newest": limit,
        },
    )
    counts: dict[str, int] = {row["type"]: row["number"] for row in by_node}
    events = ScanEvent.objects.filter(county_code=station.county_code)
    newest = events.filter(event_id__in=[event_id for row in by_node for event_id in row["newest"]])
    recent: list[Any] = list(newest.order_by("-effective_at", "-event_id")[:limit])
    here = Q(type=Node.CORRECTION, station=station, effective_at__gte=start, effective_at__lt=end)
    first = dict(
        events.filter(here | Q(corrects__in=[scan.event_id for scan in recent]), correction_counts=True).values_list(
            "event_id", "corrects"
        )
        if counts
        else ()
    )
    voided: set[UUID | None] = set()
    if first:
        named = events.filter(Q(event_id__in=first.values()) | Q(corrects__in=first, correction_counts=True))
        found = list(named.only("event_id", "type", "corrects", "station_id", "effective_at", "actor_id"))
        again = {event.corrects for event in found if event.type == Node.CORRECTION}
        voided = {target for event_id, target in first.items() if event_id not in again}
        for event in found:
            mine = event.station_id == station.pk and start <= event.effective_at < end
            if (
                event.event_id in voided
                and event.type in counts
                and mine
                and (actor is None or event.actor_id == actor.pk)
            ):
                counts[event.type] -= 1
    for scan in recent:
        scan.voided = scan.event_id in voided
    return Day(counts, recent)


@dataclass(frozen=True)
class Waiting:
    """What stands at a station: the oldest first."""

    parcels: list[Any]  # Parcel with `since` and `late`
    total: int
    late: int


def waiting_at(station: Station, at: datetime, limit: int = 20) -> Waiting:
    """Parcels at the station, longest there first; late is over 48 h at an outlet, over 24 h elsewhere."""
    state = AT_LEVEL[StationLevel(station.level)]
    rows = Parcel.objects.filter(county_code=station.county_code, station=station, state=state)
    return _waiting(rows, at, PICKUP_LIMIT if state == ParcelState.AT_OUTLET else CENTRE_LIMIT, limit)


def in_hands(user: User, station: Station, at: datetime, limit: int = 20) -> Waiting:
    """What a courier took from the station and still has; late is over 24 h."""
    rows = Parcel.objects.filter(
        county_code=station.county_code,
        station=station,
        state__in=(ParcelState.IN_TRANSIT, ParcelState.OUT_FOR_DELIVERY),
        c_kind=CustodianKind.ACTOR,
        c_ref=user.pk,
    )
    return _waiting(rows, at, CENTRE_LIMIT, limit)


def _waiting(rows: QuerySet[Parcel], at: datetime, limit_age: timedelta, limit: int) -> Waiting:
    sums = rows.aggregate(total=Count("id"), late=Count("id", filter=Q(s_k__lt=key_bound(at - limit_age))))
    # masked words only: what is deferred would be decrypted row by row
    masked = rows.select_related("carrier", "recipient").defer("recipient__name", "recipient__phone")
    shown: list[Any] = list(masked.order_by("last_scan_at", "id")[:limit])
    for parcel in shown:
        parcel.since = key_time(parcel.s_k)
        parcel.late = parcel.since is not None and parcel.since < at - limit_age
    return Waiting(shown, sums["total"], sums["late"])


def parcels_searched(user: User, station: Station, text: str) -> list[Parcel]:
    """At most 20 parcels of this station by pickup code or phone tail, of the user's scope by waybill."""
    mine = Parcel.objects.visible_to(user).filter(county_code=station.county_code)
    inside = Q(waybill_no=text)
    if len(text) < 12:
        inside |= Q(station=station, pickup_code=text)
    if len(text) == 4 and text.isdigit():
        inside |= Q(station=station, state__in=HANDLED, recipient__phone_tail=text)
        inside |= Q(destination=station, state__in=UPSTREAM, recipient__phone_tail=text)
    rows = mine.filter(inside).select_related("carrier", "station", "recipient").order_by("-last_scan_at")[:20]
    found: list[Any] = list(rows)
    for parcel in found:
        parcel.since = key_time(parcel.s_k)
    return found


# --- the work list ----------------------------------------------------------------------------------------

KINDS = ("coming", "here", "late", "hold", "damaged")


@dataclass
class WorkRow:
    """A line of the work list: a station, or a township of a county officer's view."""

    key: str
    name: str
    level: str
    coming: int = 0
    here: int = 0
    late: int = 0
    hold: int = 0
    damaged: int = 0

    def add(self, other: "WorkRow") -> None:
        for kind in KINDS:
            setattr(self, kind, getattr(self, kind) + getattr(other, kind))

    def cells(self) -> list[tuple[str, int]]:
        return [(kind, getattr(self, kind)) for kind in KINDS]


def _late(at: datetime) -> Q:
    return Q(state=ParcelState.AT_OUTLET, s_k__lt=key_bound(at - PICKUP_LIMIT)) | Q(
        state__in=(ParcelState.AT_CENTRE, ParcelState.AT_HUB), s_k__lt=key_bound(at - CENTRE_LIMIT)
    )


def work_of_kind(parcels: QuerySet[Parcel], kind: str, station_ids: Sequence[int], at: datetime) -> QuerySet[Parcel]:
    """The parcels behind one number of the work list."""
    if kind == "coming":
        return parcels.filter(destination__in=station_ids, state__in=UPSTREAM).exclude(station=F("destination"))
    here = parcels.filter(station__in=station_ids)
    if kind == "here":
        return here.filter(state__in=HERE)
    if kind == "late":
        return here.filter(_late(at), state__in=HERE)
    if kind == "hold":
        return here.filter(state__in=HANDLED, on_hold=True)
    return here.filter(state__in=HANDLED, damaged=True)


def work_by_station(parcels: QuerySet[Parcel], stations: Sequence[Station], at: datetime) -> list[WorkRow]:
    """One row a station, with every count; two statements whatever the number of stations."""
    ids = [station.pk for station in stations]
    rows = {s.pk: WorkRow(str(s.pk), s.name, s.level) for s in stations}
    counted = (
        parcels.filter(station__in=ids, state__in=HANDLED)
        .order_by()
        .values("station")
        .annotate(
            here=Count("id", filter=Q(state__in=HERE)),
            late=Count("id", filter=_late(at)),
            hold=Count("id", filter=Q(on_hold=True)),
            bad=Count("id", filter=Q(damaged=True)),
        )
    )
    for line in counted:
        row = rows[line["station"]]
        row.here, row.late, row.hold, row.damaged = line["here"], line["late"], line["hold"], line["bad"]
    bound = work_of_kind(parcels, "coming", ids, at).order_by().values("destination").annotate(number=Count("id"))
    for arriving in bound:
        rows[arriving["destination"]].coming = arriving["number"]
    return list(rows.values())


# --- the public page --------------------------------------------------------------------------------------


def parcels_tracked(carrier: str, waybill_no: str, phone_tail: str) -> list[Parcel]:
    """The parcels a stranger may follow who knows number and phone tail; any carrier where `carrier` is ""."""
    # the county leads parcel_by_waybill: name them all (a few rows) instead of scanning
    rows = Parcel.objects.filter(
        county_code__in=counties_with_stations(), waybill_no=waybill_no, recipient__phone_tail=phone_tail
    ).exclude(recipient__phone_tail="")
    if carrier:
        rows = rows.filter(carrier__code=carrier)
    return list(rows.select_related("carrier", "station", "destination").order_by("-last_scan_at", "-id")[:5])


def custodian_name(parcel: Parcel) -> str:
    """Who holds the parcel, by name: a station, or the courier or driver; "" for everybody else."""
    if parcel.c_ref is None:
        return ""
    if parcel.custodian_kind == CustodianKind.STATION:
        if parcel.station is not None and parcel.station.pk == parcel.c_ref:
            return parcel.station.name
        return Station.objects.filter(pk=parcel.c_ref).values_list("name", flat=True).first() or ""
    if parcel.custodian_kind == CustodianKind.ACTOR:
        return User.objects.filter(pk=parcel.c_ref).values_list("name", flat=True).first() or ""
    return ""
