"""Stations as lists, the tree and the map read them. Each function takes stations that `visible_to` let through."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.fields import BooleanField
from django.db.models.functions import Coalesce, Concat

from stations.models import Region, ServiceOffer, Station, StationBrand
from stations.states import Service, StationLevel, Tenure

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class Listed(TypedDict):
    """What `listed` adds to a station."""

    township_name: str | None
    brand_names: list[str]
    service_codes: list[str]
    tenure_over: bool


class Placed(TypedDict):
    """What `placed` adds to a station."""

    x: Decimal | None
    y: Decimal | None


def listed(stations: QuerySet[Station], *, on: date) -> "QuerySet[WithAnnotations[Station, Listed]]":
    """What a row of a list shows, in one query: `township_name`, `brand_names`, `service_codes`, `tenure_over`."""
    township = Region.objects.filter(code=Concat(OuterRef("township_code"), Value("000")))
    brands = StationBrand.objects.filter(station=OuterRef("pk")).order_by("carrier__code")
    offers = ServiceOffer.objects.filter(station=OuterRef("pk")).order_by("service")
    over = Q(tenure=Tenure.TEMPORARY, tenure_until__lt=on)
    return stations.select_related("region", "parent", "owner").annotate(
        township_name=Subquery(township.values("name")),
        brand_names=ArraySubquery(brands.values("carrier__name")),
        service_codes=ArraySubquery(offers.values("service")),
        tenure_over=ExpressionWrapper(over, output_field=BooleanField()),
    )


def service_words(codes: Iterable[str]) -> list[str]:
    """The services' names in the reader's language."""
    return [str(Service(code).label) for code in codes]


def counties_with_stations() -> list[str]:
    """Counties that have a hub, by code."""
    hubs = Station.objects.filter(level=StationLevel.HUB)
    return sorted(hubs.values_list("county_code", flat=True).distinct())


def townships_of(stations: QuerySet[Station]) -> list[Region]:
    """The townships in which any of the stations stands, by code."""
    codes = stations.order_by().values_list("township_code", flat=True).distinct()
    return list(Region.objects.filter(code__in=[f"{code}000" for code in codes]).order_by("code"))


@dataclass(frozen=True)
class Branch:
    """A centre with the number of its outlets, or a hub with its centres."""

    station: Station
    below: "tuple[Branch, ...]" = ()
    outlet_count: int = 0


@dataclass(frozen=True)
class Tree:
    """Hubs with their centres; what hangs on a station that the reader doesn't see stands at the top."""

    hubs: tuple[Branch, ...]
    centres: tuple[Branch, ...]
    outlets: tuple[Station, ...]


def tree(stations: QuerySet[Station], *, on: date) -> Tree:
    """The two upper levels and how many outlets each centre has; the outlets themselves are read per centre."""
    upper = list(listed(stations.exclude(level=StationLevel.OUTLET), on=on).order_by("township_code", "code"))
    outlets = stations.filter(level=StationLevel.OUTLET)
    counts = dict(outlets.order_by().values_list("parent").annotate(n=Count("pk")))
    centres = [Branch(s, outlet_count=counts.get(s.pk, 0)) for s in upper if s.level == StationLevel.CENTRE]
    hub_ids = {s.pk for s in upper if s.level == StationLevel.HUB}
    hubs = []
    for station in upper:
        if station.pk in hub_ids:
            below = tuple(branch for branch in centres if branch.station.parent_id == station.pk)
            hubs.append(Branch(station, below, sum(branch.outlet_count for branch in below)))
    seen = {branch.station.pk for branch in centres}
    loose = listed(outlets.exclude(parent__in=seen), on=on).order_by("code") if counts.keys() - seen else ()
    return Tree(
        hubs=tuple(hubs),
        centres=tuple(branch for branch in centres if branch.station.parent_id not in hub_ids),
        outlets=tuple(loose),
    )


def placed(stations: QuerySet[Station]) -> "QuerySet[WithAnnotations[Station, Placed]]":
    """Stations with the point they are drawn at: `x`, `y` (degrees, WGS 84) are their own, else their division's."""
    return (
        stations.select_related("region")
        .annotate(x=Coalesce("lng", "region__lng"), y=Coalesce("lat", "region__lat"))
        .order_by("level", "code")
    )
