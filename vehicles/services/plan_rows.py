"""A plan's rows: trips, their stops, and every parcel in scope with its trip or its one reason.

Written once, whole, when the plan is found (`write_plan`); after an edit only the trips that changed (`rewrite`).
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max

from common import clock
from vehicles import problem as p
from vehicles import rules
from vehicles.checker import Report, TripLoads
from vehicles.models import Plan, PlanParcel, StopTime, Trip, TripStop
from vehicles.queries.demand import DemandParcel
from vehicles.queries.lines import CARRIES_PARCELS
from vehicles.reasons import explain
from vehicles.services.snapshots import Carrier, Snapshot
from vehicles.services.tours import Tours
from vehicles.states import Direction, Reason

BATCH = 2000
CENT = Decimal("0.01")


@dataclass
class Sheet:
    """A trip as it is to be written."""

    route: p.Route
    at: int  # which trip of the route
    loads: TripLoads
    busy_before: datetime | None  # until when the vehicle's trip before keeps it


class Writer:
    """Turns timed routes into rows. All times are seconds after midnight of the plan's day."""

    def __init__(self, plan: Plan, snapshot: Snapshot, locked: Iterable[int]) -> None:
        self.plan = plan
        self.snapshot = snapshot
        self.problem = snapshot.problem
        self.locked = set(locked)
        self.parcels = {each.parcel_id: each for each in snapshot.scope}
        self.midnight = clock.day_start(plan.service_date)

    def at(self, seconds: int) -> datetime:
        return self.midnight + timedelta(seconds=seconds)

    def fill(self, trip: Trip, sheet: Sheet) -> list[TripStop]:
        """Everything of a trip but its code, number and locks; its stops, unsaved."""
        route, tour = sheet.route, sheet.route.trips[sheet.at]
        vehicle, carrier = self.problem.vehicles[route.vehicle], self.snapshot.carriers[route.vehicle]
        trip.vehicle_id, trip.departure_id = carrier.vehicle_id, carrier.departure_id
        rest = self.snapshot.continues.get(route.vehicle)
        if rest is not None:
            trip.continues_id, trip.continues_after = rest.trip_id, rest.after
        trip.driver_id = trip.driver_id if trip.pk else carrier.driver_id
        loading = self.at(tour.depart - vehicle.loading)
        trip.starts_at = max(loading, sheet.busy_before) if sheet.busy_before else loading
        trip.departs_at, trip.ends_at = self.at(tour.depart), self.at(max(tour.back, tour.depart))
        trip.starts_at = min(trip.starts_at, trip.departs_at)
        trip.busy_until = trip.ends_at + rules.BUFFER
        legs = sheet.loads.legs
        trip.distance_m = sum(leg.distance for leg in legs) * rules.DISTANCE_M
        trip.empty_m = sum(leg.distance for leg in legs if not any(leg.load)) * rules.DISTANCE_M
        trip.cost = self._cost(vehicle, sheet)
        down = [piece for visit in tour.visits for piece in self._of(visit.index, Direction.DOWN)]
        trip.load_g = sum(each.weight_g for each in down)
        trip.load_ml = sum(each.volume_ml for each in down)
        trip.load_pieces = len(down)
        return self._stops(trip, vehicle, tour, legs)

    def _of(self, task: int, direction: str) -> list[DemandParcel]:
        found = (self.parcels[pk] for pk in self.snapshot.parcels_of_task[task])
        return [each for each in found if each.direction == direction]

    def _cost(self, vehicle: p.Vehicle, sheet: Sheet) -> Decimal:
        """Of this trip; the vehicle's day and the time between its trips go with the first."""
        route, tour = sheet.route, sheet.route.trips[sheet.at]
        if vehicle.timetable:
            units = vehicle.fixed_cost + vehicle.tariff * sum(self.problem.tasks[v.index].pieces for v in tour.visits)
        else:
            before = route.trips[sheet.at - 1].back if sheet.at else tour.depart
            units = sheet.loads.distance * vehicle.distance_cost + (tour.back - before) * vehicle.duration_cost
            units += vehicle.fixed_cost if sheet.at == 0 else 0
        return yuan(units)

    def _stops(self, trip: Trip, vehicle: p.Vehicle, tour: p.Trip, legs: Sequence[object]) -> list[TripStop]:
        on_board = [trip.load_g, trip.load_ml, trip.load_pieces]
        stops: list[TripStop] = []
        if vehicle.start == 0:
            stops.append(self._stop(trip, 0, tour.depart, tour.depart, on_board))
            stops[0].arrives_at = trip.starts_at
        here = vehicle.start
        profile = self.problem.profiles[vehicle.profile]
        for visit in tour.visits:
            place = self.problem.tasks[visit.index].place
            distance = 0 if vehicle.timetable else int(profile.distance[here, place]) * rules.DISTANCE_M
            down, up = self._of(visit.index, Direction.DOWN), self._of(visit.index, Direction.UP)
            for sign, some in ((-1, down), (1, up)):
                on_board[0] += sign * sum(each.weight_g for each in some)
                on_board[1] += sign * sum(each.volume_ml for each in some)
                on_board[2] += sign * len(some)
            if place != here or not stops:
                stops.append(self._stop(trip, place, visit.arrive, visit.leave, on_board, distance))
            stop = stops[-1]
            stop.leaves_at = max(stop.leaves_at, self.at(visit.leave))
            stop.down_pieces, stop.down_g = stop.down_pieces + len(down), stop.down_g + sum(d.weight_g for d in down)
            stop.up_pieces, stop.up_g = stop.up_pieces + len(up), stop.up_g + sum(u.weight_g for u in up)
            stop.on_board_g, stop.on_board_ml, stop.on_board_pieces = on_board
            stop.locked = stop.locked or visit.index in self.locked
            here = place
        if vehicle.end == 0:
            distance = 0 if vehicle.timetable else int(profile.distance[here, 0]) * rules.DISTANCE_M
            stops.append(self._stop(trip, 0, tour.back, tour.back, [0, 0, 0], distance))
        for seq, stop in enumerate(stops):
            stop.seq = seq
        return stops

    def _stop(
        self, trip: Trip, place: int, arrive: int, leave: int, on_board: Sequence[int], distance: int = 0
    ) -> TripStop:
        return TripStop(
            trip=trip,
            station_id=self.snapshot.station_ids[place],
            arrives_at=self.at(arrive),
            leaves_at=self.at(leave),
            distance_m=distance,
            on_board_g=on_board[0],
            on_board_ml=on_board[1],
            on_board_pieces=on_board[2],
        )


def yuan(units: int) -> Decimal:
    return (Decimal(units) / rules.YUAN_UNITS).quantize(CENT)


def sheets(plan: p.Plan, report: Report, midnight: datetime) -> list[list[Sheet]]:
    """The trips of each route, in the plan's order."""
    loads = {(each.route, each.trip): each for each in report.trip_loads}
    found = []
    for number, route in enumerate(plan.routes):
        rows: list[Sheet] = []
        busy: datetime | None = None
        for at, trip in enumerate(route.trips):
            rows.append(Sheet(route, at, loads[number, at], busy))
            busy = midnight + timedelta(seconds=trip.back) + rules.BUFFER
        found.append(rows)
    return found


def write_plan(
    *,
    plan: Plan,
    snapshot: Snapshot,
    found: p.Plan,
    report: Report,
) -> Tours:
    """All rows of a plan that has none; the hub is locked. Answers the tours with their trips' ids."""
    tours = Tours.of_plan(found, snapshot.locked_tasks)
    writer = Writer(plan, snapshot, tours.locked)
    locked = {route.vehicle for route in snapshot.fixed}
    code, number = codes_from(plan)
    trips: list[Trip] = []
    stops: list[TripStop] = []
    rows = sheets(found, report, writer.midnight)
    order = sorted((row.route.trips[row.at].depart, tour, row.at) for tour, some in enumerate(rows) for row in some)
    made: dict[tuple[int, int], Trip] = {}
    for seq, (_depart, tour, at) in enumerate(order, 1):
        trip = Trip(
            county_code=plan.county_code,
            hub_id=plan.hub_id,
            plan=plan,
            code=f"{code}{number + seq:02d}",
            seq=seq,
            locked=rows[tour][at].route.vehicle in locked,
        )
        stops += writer.fill(trip, rows[tour][at])
        trips.append(trip)
        made[tour, at] = trip
    Trip.objects.bulk_create(trips)
    for stop in stops:
        stop.trip_id = stop.trip.pk
    TripStop.objects.bulk_create(stops, batch_size=BATCH)
    trip_of: dict[int, int] = {}
    for (tour, at), trip in made.items():
        tours.tours[tour].trips[at].trip_id = trip.pk
        for task in tours.tours[tour].trips[at].tasks:
            trip_of.update(dict.fromkeys(snapshot.parcels_of_task[task], trip.pk))
    reasons = reasons_of(plan, snapshot, found)
    PlanParcel.objects.bulk_create(
        (_parcel_row(plan, each, trip_of, reasons) for each in snapshot.scope),
        batch_size=BATCH,
    )
    return tours


def _parcel_row(
    plan: Plan, each: DemandParcel, trip_of: dict[int, int], reasons: dict[int, tuple[str, dict[str, object]]]
) -> PlanParcel:
    trip_id = trip_of.get(each.parcel_id)
    reason, detail = ("", {}) if trip_id else reasons.get(each.parcel_id, (each.reason, each.detail))
    return PlanParcel(
        county_code=plan.county_code,
        plan=plan,
        parcel_id=each.parcel_id,
        direction=each.direction,
        station_id=each.station_id,
        weight_g=each.weight_g,
        volume_ml=each.volume_ml,
        trip_id=trip_id,
        reason=reason,
        detail=detail,
    )


def reasons_of(plan: Plan, snapshot: Snapshot, found: p.Plan) -> dict[int, tuple[str, dict[str, object]]]:
    """By parcel, of the tasks that are left out. Where no road leads but a line does on other days, the line counts."""
    answer: dict[int, tuple[str, dict[str, object]]] = {}
    by_line: set[int] | None = None
    for task, reason in explain(snapshot.problem, found).items():
        code, detail = reason.code, reason.detail()
        if code == Reason.ROAD_CLOSED:
            by_line = stations_on_lines(plan.county_code) if by_line is None else by_line
            station = snapshot.station_ids[snapshot.problem.tasks[task].place]
            code = Reason.NO_LINE if station in by_line else code
        words = (code, json.loads(json.dumps(detail, default=int)))  # numpy's numbers among them
        for pk in snapshot.parcels_of_task[task]:
            answer[pk] = words
    return answer


def stations_on_lines(county_code: str) -> set[int]:
    """Stations where a departure with room for parcels calls on some day."""
    calls = StopTime.objects.filter(
        departure__county_code=county_code,
        departure__line__is_active=True,
        departure__line__kind__in=CARRIES_PARCELS,
        departure__hold_pieces__gt=0,
        stop__station__isnull=False,
    )
    return {pk for pk in calls.values_list("stop__station_id", flat=True).distinct() if pk is not None}


def codes_from(plan: Plan) -> tuple[str, int]:
    """What the plan's codes begin with, and the highest number given so far that day: T261124-FDH1-07."""
    hub = re.sub(r"[^A-Z0-9]", "", plan.hub.code)
    prefix = f"T{plan.service_date:%y%m%d}-{hub}-"
    codes = Trip.objects.filter(code__startswith=prefix).values_list("code", flat=True)
    return prefix, max((int(tail) for code in codes if (tail := code.removeprefix(prefix)).isdigit()), default=0)


def rewrite(
    *, plan: Plan, snapshot: Snapshot, tours: Tours, found: p.Plan, report: Report, changed: set[int]
) -> list[int]:
    """Make the rows of the `changed` vehicles what `tours` say: new times, stops and parcels; trips without stops go.
    What is left out stays left out. Answers the trips' ids."""
    writer = Writer(plan, snapshot, tours.locked)
    trips = {trip.pk: trip for trip in plan.trips.select_for_update().order_by("pk")}
    for tour in tours.tours:
        tour.trips = [trip for trip in tour.trips if trip.tasks]
    tours.tours = [tour for tour in tours.tours if tour.trips]
    named = {trip.trip_id for tour in tours.tours for trip in tour.trips}
    spare = {pk: trip for pk, trip in trips.items() if pk not in named}
    touched: list[int] = []
    for tour, rows in zip(tours.tours, sheets(found, report, writer.midnight), strict=True):
        for tour_trip, sheet in zip(tour.trips, rows, strict=True) if tour.vehicle in changed else ():
            trip = trips.get(tour_trip.trip_id or 0) or _another(plan, snapshot.carriers[tour.vehicle], spare)
            stops = writer.fill(trip, sheet)
            trip.save()
            tour_trip.trip_id = trip.pk
            trip.stops.all().delete()
            for stop in stops:
                stop.trip_id = trip.pk
            TripStop.objects.bulk_create(stops)
            _put_on(plan, snapshot, tour_trip.tasks, trip.pk)
            touched.append(trip.pk)
    plan.trips.filter(pk__in=spare).delete()
    return touched


def _another(plan: Plan, carrier: Carrier, spare: dict[int, Trip]) -> Trip:
    """For a trip that comes back: a row of the same vehicle or bus that is not used any more, else a new one."""
    for pk, trip in spare.items():
        if (trip.vehicle_id, trip.departure_id) == (carrier.vehicle_id, carrier.departure_id):
            return spare.pop(pk)
    code, number = codes_from(plan)
    seq = plan.trips.aggregate(most=Max("seq"))["most"] or 0
    return Trip(
        county_code=plan.county_code, hub_id=plan.hub_id, plan=plan, code=f"{code}{number + 1:02d}", seq=seq + 1
    )


def _put_on(plan: Plan, snapshot: Snapshot, tasks: Iterable[int], trip_id: int) -> None:
    parcels = [pk for task in tasks for pk in snapshot.parcels_of_task[task]]
    rows = PlanParcel.objects.filter(plan=plan, parcel_id__in=parcels)
    rows.exclude(trip=trip_id).update(trip=trip_id, reason="", detail={})
