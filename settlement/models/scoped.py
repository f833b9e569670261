"""The two doors to settlement's rows, those of a county and those of an outlet; the forms of its sums."""

from typing import Any, TypeVar

from django.db import models

from stations import scope

M = TypeVar("M", bound=models.Model)

RATE: dict[str, Any] = {"max_digits": 6, "decimal_places": 4}  # yuan a parcel
LINE_YUAN: dict[str, Any] = {"max_digits": 12, "decimal_places": 4}
YUAN: dict[str, Any] = {"max_digits": 14, "decimal_places": 2}
BY: dict[str, Any] = {"on_delete": models.PROTECT, "null": True, "related_name": "+"}  # the person, where there is one


class OfCounty(scope.OfCounty[M]):
    reads = "policy.read"


class OfStation(scope.OfStation[M]):
    reads = "settlement.read"
