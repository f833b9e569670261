"""The two doors to settlement's rows: those of a county, those of an outlet."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from stations.scope import scope_of

if TYPE_CHECKING:
    from accounts.models import User

M = TypeVar("M", bound=models.Model)

RATE: dict[str, Any] = {"max_digits": 6, "decimal_places": 4}  # yuan a parcel
LINE_YUAN: dict[str, Any] = {"max_digits": 12, "decimal_places": 4}
YUAN: dict[str, Any] = {"max_digits": 14, "decimal_places": 2}
BY: dict[str, Any] = {"on_delete": models.PROTECT, "null": True, "related_name": "+"}  # the person, where there is one


class OfCounty(models.QuerySet[M]):
    """Rows that everybody who works in the county may read, if their role may at all."""

    def visible_to(self, user: "User", action: str = "policy.read") -> "OfCounty[M]":
        scope = scope_of(user, action)
        return self if scope.everywhere else self.filter(county_code__in=scope.counties)


class OfStation(models.QuerySet[M]):
    """Rows of one outlet: for those whose scope covers it."""

    def visible_to(self, user: "User", action: str = "settlement.read") -> "OfStation[M]":
        return scope_of(user, action).filter_by_station(self, "station_id", "county_code")
