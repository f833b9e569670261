"""Where a person may put a station, and what a form may offer them there."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from accounts.roles import AT_TOWNSHIP, roles_that_may
from stations.models import Organisation, Region, Station
from stations.scope import memberships_of, scope_of
from stations.states import ENDED, PARENT_LEVEL, RegionLevel, StationLevel


@dataclass(frozen=True)
class BuildingGround:
    """Where a user may put stations: whole counties, or single townships (codes of 6 and 9 digits)."""

    counties: tuple[str, ...]
    townships: tuple[str, ...]

    @property
    def levels(self) -> tuple[StationLevel, ...]:
        """A township's manager adds outlets; hubs and centres are the county's."""
        return tuple(StationLevel) if self.counties else (StationLevel.OUTLET,)

    @property
    def every_county(self) -> tuple[str, ...]:
        return tuple(sorted({*self.counties, *(code[:6] for code in self.townships)}))

    def covers(self, region_code: str) -> bool:
        return region_code[:6] in self.counties or region_code[:9] in self.townships


def building_ground(user: User) -> BuildingGround:
    """From the memberships whose role may change stations; who may everywhere gets the counties that have any."""
    scope = scope_of(user, "station.change")
    if scope.everywhere:
        found = Station.objects.order_by("county_code").values_list("county_code", flat=True).distinct()
        return BuildingGround(tuple(found), ())
    roles = roles_that_may("station.change")
    townships = {
        m.region_id[:9] for m in memberships_of(user) if m.role in roles and m.role in AT_TOWNSHIP and m.region_id
    }
    return BuildingGround(scope.county_codes, tuple(sorted(townships)))


def counties_named(county_codes: Iterable[str]) -> QuerySet[Region]:
    """The counties' own divisions, by code."""
    return Region.objects.filter(code__in=[f"{code}000000" for code in county_codes]).order_by("code")


def townships_to_build_in(ground: BuildingGround, county_code: str) -> QuerySet[Region]:
    found = Region.objects.current().of_county(county_code).filter(level=RegionLevel.TOWNSHIP).order_by("code")
    if county_code in ground.counties:
        return found
    return found.filter(code__in=[f"{code}000" for code in ground.townships])


def next_level(county_code: str) -> StationLevel:
    """What a county lacks most: its hub, else a first centre, else an outlet."""
    present = set(Station.objects.filter(county_code=county_code).order_by().values_list("level", flat=True).distinct())
    missing = [level for level in StationLevel if level not in present]
    return missing[0] if missing else StationLevel.OUTLET


def places_for(level: str, *, county_code: str, township_code: str) -> QuerySet[Region]:
    """Divisions where a station of `level` may stand: villages and hamlets for an outlet, townships for a centre."""
    found = Region.objects.current().of_county(county_code)
    if level == StationLevel.OUTLET:
        hamlets = (RegionLevel.VILLAGE, RegionLevel.NATURAL_VILLAGE)
        return found.filter(level__in=hamlets, code__startswith=township_code or county_code).order_by("code")
    if level == StationLevel.CENTRE:
        return found.filter(level=RegionLevel.TOWNSHIP).order_by("code")
    return found.filter(level__in=(RegionLevel.COUNTY, RegionLevel.TOWNSHIP)).order_by("code")


def parents_for(level: str, *, county_code: str) -> QuerySet[Station]:
    """Stations one level up in the county on which a new one may hang."""
    above = {low.value: high.value for low, high in PARENT_LEVEL.items()}
    return (
        Station.objects.filter(county_code=county_code, level=above.get(level, ""))
        .exclude(state__in=ENDED)
        .select_related("region")
        .order_by("township_code", "code")
    )


def owners() -> QuerySet[Organisation]:
    return Organisation.objects.filter(is_active=True).order_by("name")
