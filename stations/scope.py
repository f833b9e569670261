"""What rows a user may touch: memberships and the table of rights become plain lists of ids, resolved first.

Two `IN (SELECT …)` joined by OR scan the whole table; two lists of ids give a BitmapOr. So the subtree of a person's
stations is read once a request (three levels, a few hundred ids at most) and handed to the queries as values.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.roles import AT_COUNTY, AT_ORGANISATION, AT_STATION, AT_TOWNSHIP, CELLS, EVERYWHERE, Role, roles_that_may
from common import clock

if TYPE_CHECKING:
    from stations.models import Membership, Station

QS = TypeVar("QS", bound=QuerySet[Any])


@dataclass(frozen=True)
class Scope:
    """Where a user may do one action. Falsy where they may nowhere."""

    everywhere: bool = False
    county_codes: tuple[str, ...] = ()
    station_ids: tuple[int, ...] = ()
    station_counties: tuple[str, ...] = ()  # the counties of station_ids: every hot query names its county
    carriers: tuple[tuple[str, str], ...] = ()  # (county, carrier code): a carrier's own parcels

    def __bool__(self) -> bool:
        return bool(self.everywhere or self.county_codes or self.station_ids or self.carriers)

    def filter_stations(self, stations: QS) -> QS:
        """The stations inside."""
        return self.filter_by_station(stations, "pk", "county_code", carrier_counties=True)

    def filter_by_station(
        self, rows: QS, station_field: str, county_field: str, *, carrier_counties: bool = False
    ) -> QS:
        """Rows that hang on one station."""
        if self.everywhere:
            return rows
        counties = set(self.county_codes)
        if carrier_counties:
            counties |= {county for county, _carrier in self.carriers}
        inside = Q()
        if counties:
            inside |= Q(**{f"{county_field}__in": sorted(counties)})
        if self.station_ids:
            inside |= Q(**{f"{station_field}__in": self.station_ids})
        return rows.filter(inside) if inside else rows.none()

    def filter_memberships(self, memberships: QS) -> QS:
        """Memberships at stations inside, and those of the counties inside."""
        if self.everywhere:
            return memberships
        inside = Q(station_id__in=self.station_ids)
        if self.county_codes:
            inside |= Q(county_code__in=self.county_codes)
        return memberships.filter(inside) if self else memberships.none()

    @property
    def counties(self) -> tuple[str, ...]:
        """Every county the scope touches, sorted."""
        return tuple(sorted({*self.county_codes, *self.station_counties, *(county for county, _c in self.carriers)}))

    def covers_county(self, county_code: str) -> bool:
        return self.everywhere or county_code in self.county_codes

    def covers_station(self, station: "Station") -> bool:
        return self.covers_county(station.county_code) or station.pk in self.station_ids


NOWHERE = Scope()


def memberships_of(user: User | AnonymousUser) -> list["Membership"]:
    """A user's current memberships, read once a request (kept on the user object)."""
    if not user.is_authenticated:
        return []
    kept = getattr(user, "_memberships", None)
    if kept is None:
        # by name: the models' own QuerySets import this module
        membership = apps.get_model("stations", "Membership")
        kept = list(
            membership.objects.filter(user=user)
            .current(clock.now())
            .select_related("station", "region", "organisation")
        )
        user.__dict__["_memberships"] = kept
    return kept


def scope_of(user: User | AnonymousUser, action: str, *, beyond_own: bool = False) -> Scope:
    """The scope of one action for one user; kept on the user object for the request. `beyond_own`: without the roles
    that may do it to what is their own user's alone (O)."""
    if not user.is_authenticated:
        return NOWHERE
    # keyed by the memberships that count, not by the action: most actions of a role share one scope, and one query
    allowed = [m for m in memberships_of(user) if m.role in roles_that_may(action)]
    if beyond_own:
        allowed = [m for m in allowed if CELLS[action, Role(m.role)][0] != "O"]
    alone = [m.pk for m in allowed if CELLS[action, Role(m.role)][0] == "W"]
    kept: dict[tuple[tuple[int, ...], ...], Scope] = user.__dict__.setdefault("_scopes", {})
    key = (tuple(m.pk for m in allowed), tuple(alone))
    if key not in kept:
        kept[key] = _resolve(allowed, alone)
    return kept[key]


def scope_of_station(station: "Station") -> Scope:
    """A handheld's: the station it is enrolled at and what hangs below."""
    below = apps.get_model("stations", "Station").objects.below(station).values_list("pk", flat=True)
    return Scope(station_ids=tuple(sorted(below)), station_counties=(station.county_code,))


def may(user: User | AnonymousUser, action: str) -> bool:
    """Whether the user holds any role that may do it, wherever."""
    return bool(scope_of(user, action))


def _resolve(allowed: list["Membership"], alone: list[int]) -> Scope:
    """`alone`: the memberships that reach their own station and nothing below."""
    if any(m.role in EVERYWHERE for m in allowed):
        return Scope(everywhere=True)
    counties = {m.county_code for m in allowed if m.role in AT_COUNTY}
    carriers = {(m.county_code, m.organisation.code) for m in allowed if m.role in AT_ORGANISATION and m.organisation}
    tops = [m.station_id for m in allowed if m.role in AT_STATION and m.pk not in alone]
    townships = [m.region_id[:9] for m in allowed if m.role in AT_TOWNSHIP and m.region_id]
    below = Q(pk__in=[m.station_id for m in allowed if m.pk in alone]) if alone else Q()
    if tops:
        below |= Q(pk__in=tops) | Q(parent__in=tops) | Q(parent__parent__in=tops)
    for code in townships:
        below |= Q(county_code=code[:6], township_code=code)
    station = apps.get_model("stations", "Station")
    found = list(station.objects.filter(below).values_list("pk", "county_code")) if below else []
    return Scope(
        county_codes=tuple(sorted(counties)),
        station_ids=tuple(sorted(pk for pk, _county in found)),
        station_counties=tuple(sorted({county for _pk, county in found})),
        carriers=tuple(sorted(carriers)),
    )


M = TypeVar("M", bound=models.Model)


class OfCounty(models.QuerySet[M]):
    """Rows that everybody who works in the county may read, if their role may at all."""

    reads = ""  # the action asked for where the caller names none

    def visible_to(self, user: User, action: str = "") -> "OfCounty[M]":
        scope = scope_of(user, action or self.reads)
        return self if scope.everywhere else self.filter(county_code__in=scope.counties)


class OfStation(models.QuerySet[M]):
    """Rows of one station (`at`): for those whose scope covers it."""

    reads = ""
    at = "station_id"

    def visible_to(self, user: User, action: str = "") -> "OfStation[M]":
        return scope_of(user, action or self.reads).filter_by_station(self, self.at, "county_code")
