"""Change a draft by hand: move a stop, put stops in another order, lock; and take the last change back.

Each change is made on the plan's own problem, timed anew with its own travel times and driven again by the checker;
what breaks a rule is refused in a sentence and changes nothing. `seen` is the plan's last change as the page showed it
(queries.plans.last_change): whoever edits what somebody else has changed since is told so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import Conflict, Refused
from vehicles import checker
from vehicles.models import Plan, PlanChange, Trip, TripStop
from vehicles.queries.plans import last_change, station_names
from vehicles.queries.violation_sentences import violation_sentence
from vehicles.services.plan_rows import rewrite, yuan
from vehicles.services.snapshots import Snapshot, problem_of
from vehicles.services.solving import figures_of
from vehicles.services.tours import PlanTour, Tours, TourTrip
from vehicles.states import PlanState

MOVES = ("move", "reorder")  # what a lock isn't


class _Desk:
    """A draft opened for a change: locked, with its problem and its tours."""

    def __init__(self, plan_id: int, seen: int | None) -> None:
        self.plan = Plan.objects.select_for_update(of=("self",)).select_related("hub").get(pk=plan_id)
        if self.plan.state != PlanState.DRAFT:
            raise Conflict("not_a_draft", _("Only a draft can be changed: this plan has gone further by now."))
        if seen is not None and seen != last_change(self.plan):
            raise Conflict("plan_changed", _("Somebody else has changed this plan meanwhile: look again."))
        snapshot = problem_of(self.plan)
        if snapshot is None or not self.plan.incumbent:
            raise Conflict("plan_too_old", _("This plan can't be changed any more: make a new one."))
        self.snapshot: Snapshot = snapshot
        self.tours = Tours.from_json(self.plan.incumbent)
        self.before: dict[str, Any] = {"tours": self.plan.incumbent}

    def trip_of(self, trip_id: int) -> tuple[PlanTour, TourTrip]:
        found = self.tours.trip(trip_id)
        if found is None:
            raise Trip.DoesNotExist
        return found

    def tasks_of(self, trip: TourTrip, stop: TripStop) -> list[int]:
        """The tasks of a stop: those of its station among the trip's that stand together there."""
        problem, station_ids = self.snapshot.problem, self.snapshot.station_ids
        stops = [each for each in stop.trip.stops.order_by("seq") if each.station_id != self.plan.hub_id]
        groups = groups_of(trip.tasks, problem.tasks)
        if len(stops) != len(groups):
            raise Conflict("plan_changed", _("Somebody else has changed this plan meanwhile: look again."))
        group = groups[[each.pk for each in stops].index(stop.pk)]
        assert station_ids[problem.tasks[group[0]].place] == stop.station_id
        return group

    def save(self, what: str, changed: set[int], trips: Sequence[int], *, by: User, at: datetime) -> PlanChange:
        """Check, reckon, write; Refused in the checker's words where the change breaks a rule."""
        if what != "undo":
            self._no_locked_trip(changed)
        found = self.tours.plan(self.snapshot.problem, fixed=self.snapshot.fixed)
        report = checker.check(self.snapshot.problem, found)
        if not report.ok:
            first = report.violations[0]
            names = station_names(self.snapshot.station_ids)
            raise Refused(
                f"plan_{first.code}"[:60],
                violation_sentence(self.snapshot.problem, found, first, names),
                extra={"violation": first.code},
            )
        rewrite(plan=self.plan, snapshot=self.snapshot, tours=self.tours, found=found, report=report, changed=changed)
        self.plan.incumbent = self.tours.to_json()
        self.plan.edited = self.plan.changes.filter(undone=False, what__in=MOVES).exists() or what in MOVES
        self.plan.cost, self.plan.figures = yuan(report.cost), figures_of(self.plan, self.snapshot, found)
        self.plan.save(update_fields=["incumbent", "edited", "cost", "figures"])
        return note(self.plan, what, trips, self.before, by=by, at=at, undone=what == "undo")

    def _no_locked_trip(self, changed: set[int]) -> None:
        """A locked trip isn't changed; nor are its vehicle's other trips pushed into it: the checker sees to that."""
        before = Tours.from_json(self.before["tours"])
        locked = set(self.plan.trips.filter(locked=True).values_list("pk", flat=True))
        now = {trip.trip_id: trip.tasks for tour in self.tours.tours for trip in tour.trips}
        for tour in before.tours:
            for trip in tour.trips:
                if tour.vehicle in changed and trip.trip_id in locked and now.get(trip.trip_id) != trip.tasks:
                    raise Refused("trip_locked", _("This trip is locked: unlock it first."), status=409)


def groups_of(order: Sequence[int], tasks: Sequence[Any]) -> list[list[int]]:
    """Tasks of a trip by stop: neighbours at the same place are one."""
    found: list[list[int]] = []
    for index in order:
        if found and tasks[found[-1][-1]].place == tasks[index].place:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def note(
    plan: Plan, what: str, trips: Sequence[int], before: dict[str, Any], *, by: User, at: datetime, undone: bool = False
) -> PlanChange:
    return PlanChange.objects.create(
        plan=plan, what=what, trips=list(trips), before=before, undone=undone, by=by, at=at
    )


def move_stop(
    *, plan_id: int, stop_id: int, to_trip_id: int, seq: int, by: User, at: datetime, seen: int | None = None
) -> PlanChange:
    """Put a stop with all its goods on another trip (or elsewhere on its own), as its `seq`-th stop (1 is the first
    after the hub). Refused in the checker's words, "stop_locked", "trip_locked", "hub_stays"; "plan_changed"."""
    with transaction.atomic():
        desk = _Desk(plan_id, seen)
        stop = TripStop.objects.select_related("trip").get(pk=stop_id, trip__plan=plan_id)
        tour, trip = desk.trip_of(stop.trip_id)
        to_tour, to_trip = desk.trip_of(to_trip_id)
        if stop.station_id == desk.plan.hub_id:
            raise Refused("hub_stays", _("A trip begins and ends at the hub."))
        if stop.locked and to_tour.vehicle != tour.vehicle:
            raise Refused("stop_locked", _("This stop is locked to its vehicle: unlock it first."), status=409)
        tasks = desk.tasks_of(trip, stop)
        trip.tasks = [index for index in trip.tasks if index not in tasks]
        groups = groups_of(to_trip.tasks, desk.snapshot.problem.tasks)
        place = max(0, min(seq - 1, len(groups)))
        to_trip.tasks = [index for group in [*groups[:place], tasks, *groups[place:]] for index in group]
        return desk.save("move", {tour.vehicle, to_tour.vehicle}, [stop.trip_id, to_trip_id], by=by, at=at)


def reorder(*, trip_id: int, stop_ids: Sequence[int], by: User, at: datetime, seen: int | None = None) -> PlanChange:
    """Put a trip's stops (all but the hub's, each once) in this order. Refused as move_stop; "not_its_stops"."""
    with transaction.atomic():
        plan_id = Trip.objects.values_list("plan_id", flat=True).get(pk=trip_id)
        desk = _Desk(plan_id, seen)
        tour, trip = desk.trip_of(trip_id)
        stops = list(TripStop.objects.filter(trip=trip_id).exclude(station=desk.plan.hub_id).order_by("seq"))
        if sorted(stop.pk for stop in stops) != sorted(stop_ids):
            raise Conflict("not_its_stops", _("The stops of this trip have changed meanwhile: look again."))
        groups = groups_of(trip.tasks, desk.snapshot.problem.tasks)
        by_stop = dict(zip((stop.pk for stop in stops), groups, strict=True))
        trip.tasks = [index for pk in stop_ids for index in by_stop[pk]]
        return desk.save("reorder", {tour.vehicle}, [trip_id], by=by, at=at)


def lock_stop(*, stop_id: int, locked: bool, by: User, at: datetime, seen: int | None = None) -> PlanChange:
    """Keep a stop's goods with this vehicle, here and when the day is planned anew; or let them go. "hub_stays"."""
    with transaction.atomic():
        stop = TripStop.objects.select_related("trip").get(pk=stop_id)
        desk = _Desk(stop.trip.plan_id, seen)
        if stop.station_id == desk.plan.hub_id:
            raise Refused("hub_stays", _("A trip begins and ends at the hub."))
        tasks = desk.tasks_of(desk.trip_of(stop.trip_id)[1], stop)
        kept = set(desk.tours.locked) | set(tasks) if locked else set(desk.tours.locked) - set(tasks)
        desk.tours.locked = sorted(kept)
        desk.plan.incumbent = desk.tours.to_json()
        desk.plan.save(update_fields=["incumbent"])
        TripStop.objects.filter(pk=stop_id).update(locked=locked)
        return note(desk.plan, "lock_stop", [stop.trip_id], desk.before, by=by, at=at)


def lock_trip(*, trip_id: int, locked: bool, by: User, at: datetime, seen: int | None = None) -> PlanChange:
    """Keep a trip as it is, here and when the day is planned anew; or open it again."""
    with transaction.atomic():
        trip = Trip.objects.get(pk=trip_id)
        desk = _Desk(trip.plan_id, seen)
        Trip.objects.filter(pk=trip_id).update(locked=locked)
        before = {**desk.before, "trip_locked": trip.locked}
        return note(desk.plan, "lock_trip", [trip_id], before, by=by, at=at)


def undo(*, plan_id: int, by: User, at: datetime, seen: int | None = None) -> PlanChange:
    """Take back the last change that isn't taken back yet. Conflict "nothing_to_undo"."""
    with transaction.atomic():
        desk = _Desk(plan_id, seen)
        change = desk.plan.changes.filter(undone=False).order_by("-pk").first()
        if change is None:
            raise Conflict("nothing_to_undo", _("There is nothing to take back."))
        if change.what == "lock_trip":
            Trip.objects.filter(pk__in=change.trips, plan=plan_id).update(locked=change.before["trip_locked"])
        before = Tours.from_json(change.before["tours"])
        changed = _differing(desk.tours, before)
        desk.tours = before
        PlanChange.objects.filter(pk=change.pk).update(undone=True)
        return desk.save("undo", changed, change.trips, by=by, at=at)


def _differing(one: Tours, other: Tours) -> set[int]:
    """Vehicles whose trips or locks are not the same in both."""

    def parts(tours: Tours) -> dict[int, list[tuple[int | None, list[int], list[int]]]]:
        kept = set(tours.locked)
        return {
            tour.vehicle: [
                (trip.trip_id, trip.tasks, [index for index in trip.tasks if index in kept]) for trip in tour.trips
            ]
            for tour in tours.tours
        }

    mine, theirs = parts(one), parts(other)
    return {vehicle for vehicle in mine.keys() | theirs.keys() if mine.get(vehicle) != theirs.get(vehicle)}
