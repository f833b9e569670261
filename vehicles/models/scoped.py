"""The doors to the vehicles' rows: a hub's, a county's, a member's own."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from stations import scope
from stations.scope import scope_of

if TYPE_CHECKING:
    from accounts.models import User

M = TypeVar("M", bound=models.Model)

YUAN: dict[str, Any] = {"max_digits": 12, "decimal_places": 2}
RATE: dict[str, Any] = {"max_digits": 10, "decimal_places": 4}
BY: dict[str, Any] = {"to": settings.AUTH_USER_MODEL, "on_delete": models.PROTECT, "null": True, "related_name": "+"}


class OfCounty(scope.OfCounty[M]):
    """Roads, lines: everybody in the county whose role may."""

    reads = "road.read"


class OfLine(scope.OfCounty[M]):
    reads = "line.read"


class OfProof(scope.OfCounty[M]):
    reads = "proof.read"


class OfHub(scope.OfStation[M]):
    """Plans and drivers: the county, and who works at the hub."""

    reads = "plan.read"
    at = "hub_id"


class Owned(scope.OfStation[M]):
    """Vehicles: the county, the hub they are based at, and the member that owns them."""

    reads = "fleet.read"
    at = "hub_id"

    def visible_to(self, user: "User", action: str = "") -> "Owned[M]":
        found = scope_of(user, action or self.reads)
        mine = Q()
        for county, carrier in found.carriers:
            mine |= Q(county_code=county, owner__code=carrier)
        if not mine:
            return found.filter_by_station(self, self.at, "county_code")
        return self.filter(mine | Q(county_code__in=found.county_codes) | Q(hub__in=found.station_ids))
