"""Finding parcels: newest first, a page at a time, never counting a whole county."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, Q

from accounts.models import User
from common import clock, text
from common.models import Job
from orders.models import Parcel, ParcelQuerySet
from stations.models import Organisation, Region, Station
from stations.scope import Scope, scope_of
from stations.states import RegionLevel, StationLevel

PAGE_SIZE = 25
PAGES = 40  # a thousand parcels; who has not found theirs by then needs a narrower filter
EXPORT_LIMIT = 20_000
STATIONS_OFFERED = 40
NARROW = 8  # characters of a waybill that few parcels share
_PICKUP_CODE = re.compile(r"\d{1,4}(?:-\d{1,5})+")
_SHOWN = ("carrier", "village", "destination", "station", "recipient")


@dataclass(frozen=True)
class ParcelFilter:
    """What a person may narrow the list by; an empty field narrows nothing."""

    q: str = ""  # a waybill or its beginning, the last four digits of the phone, or a pick-up code
    state: str = ""
    carrier: str = ""
    township: str = ""  # first nine digits of the code
    station: int | None = None
    flag: str = ""  # on_hold | damaged
    created_from: date | None = None
    created_to: date | None = None


@dataclass(frozen=True)
class ParcelPage:
    """A slice of the list, as partials/pagination.html wants it. `more` says that the last page is not the end."""

    rows: list[Parcel]
    number: int
    has_next: bool
    more: bool

    def __iter__(self) -> Iterator[Parcel]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def has_previous(self) -> bool:
        return self.number > 1

    @property
    def next_page_number(self) -> int:
        return self.number + 1

    @property
    def previous_page_number(self) -> int:
        return self.number - 1


def found_parcels(user: User, wanted: ParcelFilter, action: str = "parcel.read") -> ParcelQuerySet:
    """The parcels a person may read that fit, newest first. Indexes: parcel_newest; parcel_by_waybill for a waybill,
    recipient_by_phone_tail, parcel_by_pickup_code; parcel_undelivered for a state; parcel_in_trouble for a flag."""
    found = Parcel.objects.visible_to(user, action).filter(_said(wanted.q, scope_of(user, "scan.send")))
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.carrier:
        found = found.filter(carrier__code=wanted.carrier)
    if wanted.flag == "on_hold":
        found = found.filter(on_hold=True)
    elif wanted.flag == "damaged":
        found = found.filter(damaged=True)
    if wanted.township:  # ids first: the list's index can't follow a join
        bound_for = Station.objects.filter(county_code=wanted.township[:6], township_code=wanted.township)
        found = found.filter(destination__in=list(bound_for.values_list("pk", flat=True)))
    if wanted.station:
        found = found.filter(Q(destination=wanted.station) | Q(station=wanted.station))
    if wanted.created_from:
        found = found.filter(created_at__gte=clock.day_start(wanted.created_from))
    if wanted.created_to:
        found = found.filter(created_at__lt=clock.day_span(wanted.created_to)[1])
    if len(text.normal_code(wanted.q)) >= NARROW:
        # "+ 0" keeps the planner off parcel_newest: it takes a waybill's beginning for common and would walk the county
        return found.order_by((F("created_at") + timedelta(0)).desc(), "-id")
    return found.order_by("-created_at", "-id")


def _said(q: str, counters: Scope) -> Q:
    """What the search box asks for. A pickup code is as good as the parcel: it finds only where one may hand out."""
    said = text.normal_code(q)
    if not said:
        return Q()
    if re.fullmatch(r"\d{4}", said):
        return Q(recipient__phone_tail=said)
    if _PICKUP_CODE.fullmatch(said):
        return Q(pickup_code=said, station__in=counters.station_ids) | Q(waybill_no=said)
    return Q(waybill_no__startswith=said)


def parcel_page(user: User, wanted: ParcelFilter, number: int) -> ParcelPage:
    """Page `number` (1 to 40) of the list; full names and phones stay in the database."""
    number = min(max(number, 1), PAGES)
    start = (number - 1) * PAGE_SIZE
    rows = (
        found_parcels(user, wanted)
        .select_related(*_SHOWN)
        .defer("recipient__name", "recipient__phone")[start : start + PAGE_SIZE + 1]
    )
    kept = list(rows)
    beyond = len(kept) > PAGE_SIZE
    return ParcelPage(kept[:PAGE_SIZE], number, beyond and number < PAGES, beyond and number == PAGES)


def exported_parcels(user: User, wanted: ParcelFilter) -> list[Parcel]:
    """At most 20,000 parcels of the list, for a person who may export them."""
    rows = found_parcels(user, wanted, "parcel.export").select_related(*_SHOWN)
    return list(rows.defer("recipient__name", "recipient__phone")[:EXPORT_LIMIT])


@dataclass(frozen=True)
class FilterChoices:
    """What the list's filter offers a person: (value, label) each."""

    carriers: list[tuple[str, str]]
    townships: list[tuple[str, str]]
    stations: list[tuple[int, str]]


def filter_choices(user: User) -> FilterChoices:
    """Carriers, the townships of the person's counties, and their stations where these are few."""
    scope = scope_of(user, "parcel.read")
    carriers = Organisation.objects.carriers().order_by("name").values_list("code", "name")
    if scope.carriers and not (scope.station_ids or scope.county_codes):
        carriers = carriers.filter(code__in=[code for _county, code in scope.carriers])
    townships: list[tuple[str, str]] = []
    stations: list[tuple[int, str]] = []
    if scope.county_codes or scope.carriers or scope.everywhere:
        regions = Region.objects.current().filter(county_code__in=scope.counties, level=RegionLevel.TOWNSHIP)
        townships = [(code[:9], name) for code, name in regions.order_by("code").values_list("code", "name")]
    elif 1 < len(scope.station_ids) <= STATIONS_OFFERED:
        mine = Station.objects.filter(pk__in=scope.station_ids).order_by("level", "code")
        stations = list(mine.values_list("pk", "name"))
    return FilterChoices(list(carriers), townships, stations)


def import_counties(user: User) -> list[tuple[str, str]]:
    """The counties a person may import parcels into: (code, name)."""
    scope: Scope = scope_of(user, "order.import")
    counties = Region.objects.current().filter(level=RegionLevel.COUNTY)
    if not scope.everywhere:
        counties = counties.filter(county_code__in=scope.counties)
    return list(counties.order_by("code").values_list("county_code", "name"))


def own_imports(user: User, kind: str) -> Any:
    """A person's checks and imports, newest first."""
    return Job.objects.visible_to(user).filter(kind=kind, user=user).order_by("-id")


def example_village(user: User) -> str:
    """The code of a village the person may import for, to stand in the template."""
    scope = scope_of(user, "order.import")
    outlets = Station.objects.active().filter(level=StationLevel.OUTLET)
    mine = (
        outlets.filter(pk__in=scope.station_ids)
        if scope.station_ids
        else outlets.filter(county_code__in=scope.counties)
    )
    return mine.order_by("code").values_list("region_id", flat=True).first() or "500230101200"
