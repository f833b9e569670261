"""The check before departure: what papers say by themselves, and what somebody looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from common.errors import Refused
from orders.states import GoodsClass
from vehicles import rules
from vehicles.models import DepartureCheck, PlanParcel, Trip
from vehicles.queries.fleet import barred, missing_for
from vehicles.services.moves import move
from vehicles.services.trips import BEFORE
from vehicles.states import TripState

# In the order of walking round the vehicle.
BY_EYE: tuple[tuple[str, str | Promise], ...] = (
    ("lights", gettext_lazy("Lights work")),
    ("tyres", gettext_lazy("Tyres are good")),
    ("brakes", gettext_lazy("Brakes work")),
    ("load", gettext_lazy("The load is secured")),
    ("doors", gettext_lazy("Doors are closed and sealed")),
)
ON_A_BUS: tuple[tuple[str, str | Promise], ...] = (
    ("hold", gettext_lazy("Parcels are in the hold alone, apart from the passengers' things")),
)
LINE = "line:"  # the safety items of the bus line's contract: their number follows


@dataclass(frozen=True)
class Item:
    """One line of the list. `judged` is what the records say; None: somebody has to look."""

    key: str
    label: str
    judged: bool | None = None
    note: str = ""


def items_of(trip: Trip, at: datetime) -> list[Item]:
    """The list of one trip at one instant: the papers and the load first, then what is looked at."""
    items = []
    if trip.vehicle is not None:
        reasons = barred(trip.vehicle, at=at)
        items.append(Item("papers", _("The vehicle's papers are valid"), not reasons, "; ".join(reasons)))
    if trip.driver is not None and trip.vehicle is not None:
        reasons = missing_for(trip.driver, trip.vehicle, at=at)
        items.append(Item("licence", _("The driver's licence and papers are valid"), not reasons, "; ".join(reasons)))
    if trip.departure is not None:
        hazard = PlanParcel.objects.filter(trip=trip, parcel__goods_class=GoodsClass.HAZARDOUS).count()
        note = _("%(n)d parcels with dangerous goods are planned on it") % {"n": hazard} if hazard else ""
        items.append(Item("hazard", _("No dangerous goods on the bus"), not hazard, note))
    items += [Item(key, str(label)) for key, label in BY_EYE]
    if trip.departure is not None:
        items += [Item(key, str(label)) for key, label in ON_A_BUS]
        items += [Item(f"{LINE}{n}", text) for n, text in enumerate(trip.departure.line.safety_items)]
    return items


def check_departure(*, trip_id: int, items: Mapping[str, str], seal_no: str, by: User, at: datetime) -> DepartureCheck:
    """Keep a check: `items` is key → "" where all is well, else what is wrong; a key left out was not looked at.
    Passed, the trip may leave; failed, it waits. Refused "no_driver", "not_looked_at"; Conflict "state_changed"."""
    with transaction.atomic():
        trip = (
            Trip.objects.select_for_update(of=("self",))
            .select_related("vehicle", "driver__user", "departure__line")
            .get(pk=trip_id)
        )
        if trip.vehicle is not None and trip.driver is None and trip.vehicle.kind not in rules.UNMANNED:
            raise Refused("no_driver", _("Give the trip a driver first."))
        found: list[dict[str, Any]] = []
        for item in items_of(trip, at):
            if item.judged is not None:
                found.append({"key": item.key, "label": item.label, "ok": item.judged, "note": item.note})
                continue
            if item.key not in items:
                raise Refused(
                    "not_looked_at", _("Not looked at: %(item)s") % {"item": item.label}, pointer=f"/{item.key}"
                )
            note = items[item.key].strip()[:200]
            found.append({"key": item.key, "label": item.label, "ok": not note, "note": note})
        passed = all(item["ok"] for item in found)
        check = DepartureCheck.objects.create(
            trip=trip, items=found, passed=passed, seal_no=seal_no.strip()[:40], by=by, at=at
        )
        to = TripState.CHECKED if passed else TripState.ASSIGNED if trip.driver_id else TripState.PLANNED
        if trip.state != to or trip.state not in BEFORE:
            move(trip, to=to, by=by, at=at, reason="" if passed else _first_fault(found), allowed=BEFORE)
    return check


def _first_fault(found: list[dict[str, Any]]) -> str:
    wrong = next(item for item in found if not item["ok"])
    return f"{wrong['label']}: {wrong['note']}"[:300]
