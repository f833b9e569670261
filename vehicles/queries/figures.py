"""Before and after: a county's days as figures, the frozen "before", and what each figure means in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from itertools import groupby

from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import sql
from vehicles.figures import Figures, Ratio, sum_of
from vehicles.models import Baseline, PlanParcel
from vehicles.states import PlanState

_LOADS = {"weight": "weight", "volume": "volume", "pieces": "load_pieces"}  # dimension: column of figures_by_day
GRAINS = ("day", "week", "month")


class Unit(Enum):
    SHARE = "share"
    NUMBER = "number"
    YUAN = "yuan"


@dataclass(frozen=True)
class Term:
    """A figure's name, how it is made, and whether less of it is better. A share's value is a Ratio."""

    key: str
    label: Promise
    sentence: Promise
    unit: Unit
    value: Callable[[Figures], Ratio | Decimal | None]
    parts: tuple[Promise, Promise] | None  # what stands above and below the line
    above: Callable[[Figures], Decimal]
    below: Callable[[Figures], Decimal]
    less_is_better: bool = True


def _mean(
    above: Callable[[Figures], Decimal], below: Callable[[Figures], Decimal]
) -> Callable[[Figures], Decimal | None]:
    return lambda found: above(found) / below(found) if below(found) else None


def _number(name: str) -> Callable[[Figures], Decimal]:
    return lambda found: Decimal(getattr(found, name))


DEFINITIONS: tuple[Term, ...] = (
    Term(
        "vehicles",
        _("Vehicles a day"),
        _(
            "Vehicles of the carriers or the alliance that drove, counted once a day however many trips each made, "
            "divided by the days with trips. Buses are not counted: they go anyway."
        ),
        Unit.NUMBER,
        _mean(_number("vehicle_days"), _number("days")),
        (_("vehicle-days"), _("days")),
        _number("vehicle_days"),
        _number("days"),
    ),
    Term(
        "parcels_a_vehicle",
        _("Parcels a vehicle and day"),
        _("Parcels that own vehicles carried, down and up, divided by vehicle-days: fair when volumes change too."),
        Unit.NUMBER,
        _mean(lambda found: Decimal(found.pieces - found.bus_pieces), _number("vehicle_days")),
        (_("parcels"), _("vehicle-days")),
        lambda found: Decimal(found.pieces - found.bus_pieces),
        _number("vehicle_days"),
        less_is_better=False,
    ),
    Term(
        "load_at_departure",
        _("Load at departure"),
        _(
            "What is on board when trips leave, divided by what those vehicles can carry, added up over all trips "
            "first. Reckoned for weight, volume and number of parcels; the highest counts, since it is what fills "
            "vehicles. A trip that leaves empty counts with all its room."
        ),
        Unit.SHARE,
        lambda found: found.load_at_departure,
        None,
        lambda found: Decimal(found.load_at_departure.amount),
        lambda found: Decimal(found.load_at_departure.of),
        less_is_better=False,
    ),
    Term(
        "load_km",
        _("Load by kilometre"),
        _(
            "Load times kilometres, divided by capacity times kilometres, over every stretch of every trip. Goods are "
            "set down along the way, so this is about half of the load at departure even where that is full."
        ),
        Unit.SHARE,
        lambda found: found.load_km,
        None,
        lambda found: Decimal(found.load_km.amount),
        lambda found: Decimal(found.load_km.of),
        less_is_better=False,
    ),
    Term(
        "empty_return",
        _("Empty return"),
        _(
            "Kilometres with nothing on board, divided by all kilometres homeward: those after the last stop where a "
            "trip set something down."
        ),
        Unit.SHARE,
        lambda found: found.homeward,
        (_("km empty"), _("km homeward")),
        lambda found: Decimal(found.homeward.amount) / 1000,
        lambda found: Decimal(found.homeward.of) / 1000,
    ),
    Term(
        "km_a_parcel",
        _("Kilometres a parcel"),
        _("Kilometres of own vehicles, divided by all parcels carried, down and up, on buses too."),
        Unit.NUMBER,
        lambda found: found.km_a_parcel,
        (_("km"), _("parcels")),
        lambda found: found.km,
        _number("pieces"),
    ),
    Term(
        "yuan_a_parcel",
        _("Yuan a parcel"),
        _(
            "The cost of driving in the last mile alone, without counters and sorting: vehicle-days, kilometres, hours "
            "and the buses' tariff, divided by all parcels carried. Price inversion: it is more than the price that is "
            "paid for the last mile."
        ),
        Unit.YUAN,
        lambda found: found.yuan_a_parcel,
        (_("yuan"), _("parcels")),
        lambda found: found.yuan,
        _number("pieces"),
    ),
)
TERMS = {term.key: term for term in DEFINITIONS}


@dataclass(frozen=True)
class Line:
    """A term before and after."""

    term: Term
    before: Ratio | Decimal | None
    after: Ratio | Decimal | None
    change: Decimal | None  # of the value, as a share of "before"; for shares in percentage points
    better: bool | None


def days(*, county_code: str, first_on: date, last_on: date) -> dict[date, Figures]:
    """Each day with trips of issued plans; whoever may read the county's proof may read these sums."""
    span = {"county_code": county_code, "first_on": first_on, "last_on": last_on}
    left = _left(county_code, first_on, last_on)
    found = {}
    for row in sql.rows("vehicles", "figures_by_day", span):
        found[row["service_date"]] = Figures(
            **{name: int(row[name]) for name in ("vehicle_days", "trips", "buses", "pieces", "bus_pieces", "metres")},
            left=left.get(row["service_date"], {}),
            homeward=Ratio(int(row["empty_m"]), int(row["homeward_m"])),
            cost=int(row["cost"]),
            tariff=int(row["tariff"]),
            departure={name: Ratio(int(row[key]), int(row[f"{key}_of"])) for name, key in _LOADS.items()},
            moving={name: Ratio(int(row[f"{key}_m"]), int(row[f"{key}_m_of"])) for name, key in _LOADS.items()},
            estimated=row["estimated"],
        )
    return found


def _left(county_code: str, first_on: date, last_on: date) -> dict[date, dict[str, int]]:
    """Parcels in scope without a trip, by reason, of the plans in force on each day."""
    rows = (
        PlanParcel.objects.filter(
            county_code=county_code,
            plan__county_code=county_code,
            plan__service_date__range=(first_on, last_on),
            plan__state__in=(PlanState.ISSUED, PlanState.CLOSED),
            trip__isnull=True,
        )
        .values("plan__service_date", "reason")
        .annotate(count=Count("pk"))
    )
    found: dict[date, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["plan__service_date"], {})[row["reason"]] = row["count"]
    return found


def trend(by_day: dict[date, Figures], grain: str) -> list[tuple[date, Figures]]:
    """Added up by day, week (from Monday) or month, each named by its first day; the oldest first."""
    starts = {
        "day": lambda day: day,
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
    }
    start = starts[grain]
    return [
        (first, sum_of(by_day[day] for day in those))
        for first, those in groupby(sorted(by_day), key=lambda day: start(day))
    ]


def compared(before: Figures | None, after: Figures | None) -> list[Line]:
    """Each term before and after, and what changed."""
    lines = []
    for term in DEFINITIONS:
        old, new = (term.value(found) if found else None for found in (before, after))
        change = _change(old, new)
        better = None if not change else (change < 0) == term.less_is_better
        lines.append(Line(term, old, new, change, better))
    return lines


def _change(old: Ratio | Decimal | None, new: Ratio | Decimal | None) -> Decimal | None:
    if isinstance(old, Ratio) and isinstance(new, Ratio):
        if not old.of or not new.of:
            return None
        return Decimal(new.amount) / new.of - Decimal(old.amount) / old.of
    if isinstance(old, Decimal) and isinstance(new, Decimal) and old:
        return (new - old) / old
    return None


def vehicles_saved(alone: Figures, pooled: Figures) -> float | None:
    """The part of a day's vehicles that isn't needed any more."""
    if not alone.vehicles_a_day or pooled.vehicles_a_day is None:
        return None
    return 1 - pooled.vehicles_a_day / alone.vehicles_a_day


def baselines(user: User, county_code: str) -> list[Baseline]:
    """Newest first; the first one counts."""
    rows = Baseline.objects.visible_to(user).filter(county_code=county_code)
    return list(rows.select_related("frozen_by").order_by("-frozen_at", "-pk"))
