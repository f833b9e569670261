"""Trips on the day: who drives, what is called off, and moving them on by what the scans say.

Nobody writes that a trip left, arrived or came back: `follow` reads it out of the scan stream, again and again, in one
statement a county. A scan that comes late, or is taken back, changes what is read the next time.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import sql, text
from common.errors import Conflict, Refused
from vehicles import rules
from vehicles.models import Driver, PlanParcel, Trip
from vehicles.queries.fleet import missing_for
from vehicles.services.locks import lock_hub
from vehicles.services.moves import move
from vehicles.states import TripState

PASSES = 3  # planned → departed → completed, where all scans came at once
LATE_SCANS = timedelta(days=3)  # of trips that are over; sql/follow_trips.sql has the same
BEFORE = (TripState.PLANNED, TripState.ASSIGNED, TripState.CHECKED)


def follow(*, at: datetime, county_code: str | None = None) -> int:
    """Move running trips on by their scans; returns how many moved. Idempotent; one transaction a county."""
    if county_code is None:
        ended = Trip.objects.filter(state=TripState.COMPLETED, completed_at__gt=at - LATE_SCANS)
        rows = Trip.objects.running().order_by().values_list("county_code").union(ended.values_list("county_code"))
        counties = sorted(county for (county,) in rows)
    else:
        counties = [county_code]
    return sum(_follow(county, at) for county in counties)


def hold_still(county_code: str) -> None:
    """For this transaction: nobody follows the county's trips meanwhile. To be asked for before rows are locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('vehicles.follow'), %s::int)", [county_code])


def _follow(county_code: str, at: datetime) -> int:
    moved = 0
    with transaction.atomic():
        hold_still(county_code)  # two at once would write each move twice, or wait for each other's rows
        params = {"county": county_code, "at": at, "unloading": timedelta(minutes=rules.UNLOADING_MIN)}
        for _pass in range(PASSES):
            rows = sql.rows("vehicles", "follow_trips", params)
            moved += len(rows)
            if not rows:
                break
    return moved


def assign_driver(*, trip_id: int, driver_id: int, by: User, at: datetime) -> Trip:
    """Give a trip its driver, or another one before it left. Refused "driver_elsewhere", "driver_unfit",
    "driver_of_another_hub"; Conflict "state_changed", "driver_busy"."""
    with transaction.atomic():
        lock_hub(Trip.objects.values_list("hub_id", flat=True).get(pk=trip_id))  # as issuing: no two in a constraint
        trip = Trip.objects.select_for_update(of=("self",)).select_related("vehicle", "driver").get(pk=trip_id)
        driver = Driver.objects.select_related("user").prefetch_related("documents").get(pk=driver_id)
        if driver.hub_id != trip.hub_id:
            raise Refused("driver_of_another_hub", _("This driver starts from another hub."), pointer="/driver")
        if driver.ended_on is not None or not driver.user.is_active:
            raise Refused("driver_gone", _("This person drives no more."), pointer="/driver")
        reasons = missing_for(driver, trip.vehicle, at=trip.departs_at) if trip.vehicle else []
        if reasons:
            raise Refused("driver_unfit", "; ".join(reasons), pointer="/driver")
        if trip.driver_id == driver.pk and trip.state != TripState.PLANNED:
            return trip
        try:
            with transaction.atomic():  # whoever was checked out with another driver is checked again
                move(
                    trip,
                    to=TripState.ASSIGNED,
                    by=by,
                    at=at,
                    reason=text.masked_name(driver.user.name),
                    allowed=BEFORE,
                    driver=driver,
                )
        except IntegrityError:
            raise Conflict(
                "driver_busy", _("This driver has another trip at that time, or less than 15 minutes from it.")
            ) from None
    return trip


def cancel_trip(*, trip_id: int, reason: str, by: User, at: datetime) -> Trip:
    """Call a trip off that has not left; its parcels are free for another plan. Conflict "state_changed"."""
    return _end(trip_id, TripState.CANCELLED, BEFORE, reason, by, at)


def break_down(*, trip_id: int, reason: str, by: User, at: datetime) -> Trip:
    """A trip that can't go on. What is on board stays in its driver's custody until somebody takes it over; what was
    never loaded is free for another plan. Conflict "state_changed"."""
    return _end(trip_id, TripState.BROKEN_DOWN, (*BEFORE, TripState.DEPARTED), reason, by, at)


def _end(trip_id: int, to: TripState, allowed: tuple[TripState, ...], reason: str, by: User, at: datetime) -> Trip:
    reason = reason.strip()
    if not reason:
        raise Refused("reason_missing", _("Say why."), pointer="/reason")
    with transaction.atomic():
        # a trip that has left can't be called off, though nobody looked yet; before the row is locked, since whoever
        # follows at the same time holds its own lock first and the rows after it
        _follow(Trip.objects.values_list("county_code", flat=True).get(pk=trip_id), at)
        trip = Trip.objects.select_for_update(of=("self",)).get(pk=trip_id)
        move(trip, to=to, by=by, at=at, reason=reason[:300], allowed=allowed, live=False)
        PlanParcel.objects.filter(trip=trip, live=True).update(live=False)
    return trip
