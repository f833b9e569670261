"""Freeze a county's "before". Rows are added, never changed (a trigger sees to it); the newest counts.

Three sources: measured over a span of issued plans here; reckoned by a what-if, each carrier alone by our own solver;
entered by hand from somebody's books, with a note that says whose.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import NotAllowed, Refused
from stations.scope import scope_of
from vehicles.figures import Figures, Ratio, side_by_side, sum_of
from vehicles.models import Baseline, WhatIf
from vehicles.queries.figures import days
from vehicles.queries.whatif import alone_of
from vehicles.rules import YUAN_UNITS
from vehicles.states import BaselineSource

SHARES_OF = 10_000  # a share typed by hand has no numerator of its own
MOST_DAYS = 400


@dataclass(frozen=True)
class Entered:
    """A day's mean as somebody knows it. Shares from 0 to 1; km and yuan of a day."""

    vehicles: Decimal
    parcels: int
    km: Decimal
    yuan: Decimal
    load_at_departure: Decimal | None = None
    load_km: Decimal | None = None
    empty_return: Decimal | None = None


def freeze_measured(
    *, county_code: str, first_on: date, last_on: date, name: str, note: str, by: User, at: datetime
) -> Baseline:
    """Refused "no_trips" where no issued plan has a trip in the span, "span"."""
    _allow(by, county_code)
    _span(first_on, last_on)
    found = sum_of(days(county_code=county_code, first_on=first_on, last_on=last_on).values())
    if not found.trips and not found.buses:
        raise Refused("no_trips", _("No issued plan has a trip in these days: choose others."), pointer="/first_on")
    return _freeze(county_code, first_on, last_on, BaselineSource.MEASURED, found, name, note, by, at)


def freeze_reckoned(*, whatif: WhatIf, name: str, note: str, by: User, at: datetime) -> Baseline:
    """What a day would have taken with each carrier alone. Refused "not_reckoned"."""
    _allow(by, whatif.county_code)
    alone = alone_of(whatif)
    if alone is None:
        raise Refused("not_reckoned", _("Not every carrier has been reckoned alone yet."))
    found = side_by_side(alone.values())
    day = whatif.service_date
    return _freeze(whatif.county_code, day, day, BaselineSource.RECKONED, found, name, note, by, at)


def freeze_entered(
    *,
    county_code: str,
    first_on: date,
    last_on: date,
    entered: Entered,
    name: str,
    note: str,
    by: User,
    at: datetime,
) -> Baseline:
    """Refused "note_needed", "span", "share" (not from 0 to 1), "nothing_entered"."""
    _allow(by, county_code)
    _span(first_on, last_on)
    if not note.strip():
        raise Refused("note_needed", _("Say where these numbers come from."), pointer="/note")
    if entered.vehicles <= 0 or entered.parcels <= 0 or entered.km < 0 or entered.yuan < 0:
        raise Refused("nothing_entered", _("Vehicles and parcels a day are needed, both above 0."), pointer="/vehicles")
    count = (last_on - first_on).days + 1
    found = Figures(
        days=count,
        vehicle_days=round(entered.vehicles * count),
        pieces=entered.parcels * count,
        metres=round(entered.km * 1000 * count),
        homeward=_share(entered.empty_return, "/empty_return"),
        cost=round(entered.yuan * YUAN_UNITS * count),
        departure={"entered": _share(entered.load_at_departure, "/load_at_departure")},
        moving={"entered": _share(entered.load_km, "/load_km")},
    )
    return _freeze(county_code, first_on, last_on, BaselineSource.ENTERED, found, name, note, by, at)


def _allow(by: User, county_code: str) -> None:
    if not scope_of(by, "proof.make").covers_county(county_code):
        raise NotAllowed(_("Your role may not do this."))


def _span(first_on: date, last_on: date) -> None:
    if not 0 <= (last_on - first_on).days < MOST_DAYS:
        raise Refused("span", _("The last day comes after the first, at most a year later."), pointer="/last_on")


def _share(share: Decimal | None, pointer: str) -> Ratio:
    if share is None:
        return Ratio()
    if not 0 <= share <= 1:
        raise Refused("share", _("A share lies between 0 and 100 percent."), pointer=pointer)
    return Ratio(round(share * SHARES_OF), SHARES_OF)


def _freeze(
    county_code: str,
    first_on: date,
    last_on: date,
    source: BaselineSource,
    found: Figures,
    name: str,
    note: str,
    by: User,
    at: datetime,
) -> Baseline:
    return Baseline.objects.create(
        county_code=county_code,
        name=name,
        source=source,
        first_on=first_on,
        last_on=last_on,
        figures=found.to_json(),
        note=note,
        frozen_by=by,
        frozen_at=at,
    )
