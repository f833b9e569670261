"""What each indicator is, once: its words for the reader and the columns that count it.

`numerator` and `denominator` name boolean columns of sql/parcel_facts.sql (source PARCELS) or parts that
services/compute.py knows (the other sources). Both the computation and the list behind a number are made from here.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.utils.translation import gettext_lazy as _


class Source(Enum):
    PARCELS = "parcels"
    LINES = "lines"
    STATIONS = "stations"
    VILLAGES = "villages"
    RADIUS = "radius"


class Unit(Enum):
    PARCELS = "parcels"
    SHARE = "share"  # numerator ÷ denominator
    YUAN = "yuan"  # of `numerator` parcels
    KM = "km"


@dataclass(frozen=True)
class Definition:
    code: str
    label: Any
    sentence: Any
    unit: Unit
    source: Source
    numerator: str
    denominator: str = ""
    unknown: str = ""  # a column that counts what the indicator can't judge
    township: str = "township"  # the column that says whose parcel it is


DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "volume_in",
        _("Incoming parcels"),
        _("Parcels whose first arrival at the county hub falls in the month, by township of destination."),
        Unit.PARCELS,
        Source.PARCELS,
        "came_in",
    ),
    Definition(
        "volume_out",
        _("Outgoing parcels"),
        _("Parcels whose first collection at a station of the county falls in the month, by township of that station."),
        Unit.PARCELS,
        Source.PARCELS,
        "went_out",
        township="township_out",
    ),
    Definition(
        "delivered",
        _("Delivered parcels"),
        _("Parcels signed for in the month, wherever in the county."),
        Unit.PARCELS,
        Source.PARCELS,
        "was_delivered",
    ),
    Definition(
        "village_24h",
        _("To the village within 24 hours"),
        _(
            "Parcels bound for a village that reached a village outlet within 24 hours of their first arrival at the "
            "hub, of those that arrived at the hub in the month and whose 24 hours have passed."
        ),
        Unit.SHARE,
        Source.PARCELS,
        "made_24h",
        "due_24h",
    ),
    Definition(
        "on_time_72h",
        _("Delivered within 72 hours"),
        _(
            "Parcels delivered within 72 hours of their collection, of those that arrived at the hub in the month and "
            "are delivered or whose 72 hours have passed. Parcels whose collection is not known are left out and "
            "counted apart."
        ),
        Unit.SHARE,
        Source.PARCELS,
        "made_72h",
        "due_72h",
        unknown="unknown_72h",
    ),
    Definition(
        "damaged",
        _("Damaged parcels"),
        _("Parcels first reported damaged in the month."),
        Unit.PARCELS,
        Source.PARCELS,
        "was_damaged",
    ),
    Definition(
        "lost",
        _("Lost parcels"),
        _("Parcels reported lost in the month and not found since."),
        Unit.PARCELS,
        Source.PARCELS,
        "was_lost",
    ),
    Definition(
        "coverage",
        _("Villages covered"),
        _(
            "Villages with an outlet that scanned at least once in the last 30 days of the month (or until now), of "
            "the villages in the list of divisions on its last day."
        ),
        Unit.SHARE,
        Source.VILLAGES,
        "covered",
        "villages",
    ),
    Definition(
        "stations",
        _("Stations that reported"),
        _("Stations that scanned at least once in the month, of those in service or reporting."),
        Unit.SHARE,
        Source.STATIONS,
        "reported",
        "expected",
    ),
    Definition(
        "subsidy",
        _("Subsidy of the month"),
        _("Sum of the subsidy lines of the month, and the parcels they pay for, by township of the outlet."),
        Unit.YUAN,
        Source.LINES,
        "paid",
    ),
    Definition(
        "radius",
        _("Service radius"),
        _(
            "Straight line from the county hub to its village outlets, mean and the distance nine in ten stay below. "
            "An estimate: roads are longer."
        ),
        Unit.KM,
        Source.RADIUS,
        "measured",
        "outlets",
    ),
)
BY_CODE = {definition.code: definition for definition in DEFINITIONS}
RANKED_BY = "village_24h"
UNKNOWN_REGION = "-"  # parcels whose township nobody knows
