"""Which villages have an outlet, and how far the outlets lie from their hub; every share with both its numbers."""

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce, Left

from stations.models import Region, Station
from stations.queries.stations import placed
from stations.states import StationLevel, StationState

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

EARTH_RADIUS_KM = 6371.0088  # IUGG mean


class Covered(TypedDict):
    """What `villages` adds to a division."""

    has_outlet: bool


def villages(*, county_code: str, township_code: str = "") -> "QuerySet[WithAnnotations[Region, Covered]]":
    """Villages of the newest list with `has_outlet`: an active outlet stands in the village or a hamlet of it.

    Coverage by activity, the figure of the reports, is reports/'s: it needs the scans.
    """
    outlets = Station.objects.filter(
        county_code=county_code, level=StationLevel.OUTLET, state=StationState.ACTIVE
    ).annotate(village_code=Left("region_id", 12))
    found = Region.objects.villages().current().of_county(county_code)
    if township_code:
        found = found.filter(code__startswith=township_code)
    return found.annotate(has_outlet=Exists(outlets.filter(village_code=OuterRef("code")))).order_by("code")


@dataclass(frozen=True)
class TownshipCover:
    """Villages of a township, and how many of them have an active outlet."""

    name: str
    code: str
    covered: int
    villages: int


def cover_by_township(*, county_code: str) -> list[TownshipCover]:
    """One row a township of the newest list, by code."""
    rows = (
        villages(county_code=county_code).order_by("parent_id").values_list("parent_id", "parent__name", "has_outlet")
    )
    return [
        TownshipCover(name, code, sum(flags := [has for _code, _name, has in group]), len(flags))
        for (code, name), group in groupby(rows, key=lambda row: (row[0], row[1]))
    ]


@dataclass(frozen=True)
class ServiceRadius:
    """Straight-line distance from hub to outlet. An estimate: a road in the mountains is far longer.
    `measured` of `outlets` outlets have a point, and so has their hub."""

    measured: int
    outlets: int
    mean_km: float | None = None
    p90_km: float | None = None


def service_radius(stations: QuerySet[Station]) -> ServiceRadius:
    """Mean and 90th percentile (nearest rank) over the active outlets among `stations`."""
    outlets = placed(stations.filter(level=StationLevel.OUTLET, state=StationState.ACTIVE)).annotate(
        hub_x=Coalesce("parent__parent__lng", "parent__parent__region__lng"),
        hub_y=Coalesce("parent__parent__lat", "parent__parent__region__lat"),
    )
    rows = list(outlets.values_list("hub_x", "hub_y", "x", "y"))
    distances = sorted(distance_km(*map(float, row)) for row in rows if None not in row)
    if not distances:
        return ServiceRadius(0, len(rows))
    return ServiceRadius(
        measured=len(distances),
        outlets=len(rows),
        mean_km=round(sum(distances) / len(distances), 1),
        p90_km=round(distances[math.ceil(0.9 * len(distances)) - 1], 1),
    )


def distance_km(lng1: float, lat1: float, lng2: float, lat2: float) -> float:
    """Great-circle distance by the haversine formula; degrees in, kilometres out."""
    a, b = math.radians(lat1), math.radians(lat2)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(lng2 - lng1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))
