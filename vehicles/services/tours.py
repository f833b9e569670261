"""A plan's tours as JSON beside the plan (Plan.incumbent): while it is being solved the best so far, from then on what
its trips are made of. Tasks by their number in the plan's problem."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vehicles.problem import Plan, Problem, Route, Trip, Visit
from vehicles.services.timing import timed


@dataclass
class TourTrip:
    """A trip of a tour: its row (None before it is written) and its tasks in order."""

    trip_id: int | None
    tasks: list[int]


@dataclass
class PlanTour:
    """A vehicle's day."""

    vehicle: int
    trips: list[TourTrip]


@dataclass
class Tours:
    """All of a plan."""

    tours: list[PlanTour]
    left: list[int]
    locked: list[int] = field(default_factory=list)  # tasks that stay with their vehicle

    def to_json(self) -> dict[str, Any]:
        return {
            "tours": [[tour.vehicle, [[trip.trip_id, trip.tasks] for trip in tour.trips]] for tour in self.tours],
            "left": self.left,
            "locked": self.locked,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Tours":
        return cls(
            [PlanTour(number, [TourTrip(pk, list(tasks)) for pk, tasks in trips]) for number, trips in data["tours"]],
            list(data["left"]),
            list(data["locked"]),
        )

    @classmethod
    def of_plan(cls, plan: Plan, locked: Iterable[int]) -> "Tours":
        return cls(
            [
                PlanTour(
                    route.vehicle, [TourTrip(None, [visit.index for visit in trip.visits]) for trip in route.trips]
                )
                for route in plan.routes
            ],
            list(plan.left_tasks),
            sorted(locked),
        )

    def trip(self, trip_id: int) -> tuple[PlanTour, TourTrip] | None:
        return next(((tour, trip) for tour in self.tours for trip in tour.trips if trip.trip_id == trip_id), None)

    def plan(self, problem: Problem, *, fixed: Sequence[Route] = ()) -> Plan:
        """With times reckoned anew; routes of `fixed` keep theirs."""
        kept = {route.vehicle: route for route in fixed}
        routes = []
        for tour in self.tours:
            order = [trip.tasks for trip in tour.trips if trip.tasks]
            if not order:
                continue
            known = kept.get(tour.vehicle)
            if known and [[visit.index for visit in trip.visits] for trip in known.trips] == order:
                routes.append(known)
            else:
                routes.append(timed(problem, tour.vehicle, order))
        return Plan(tuple(routes), left_tasks=tuple(sorted(self.left)))


def incumbent_out(plan: Plan) -> dict[str, Any]:
    """The best so far with its times, as a killed worker leaves it."""
    return {
        "cost": plan.cost,
        "routes": [
            [
                route.vehicle,
                [[t.depart, t.back, [[v.index, v.arrive, v.start, v.leave] for v in t.visits]] for t in route.trips],
            ]
            for route in plan.routes
        ],
        "left": list(plan.left_tasks),
    }


def incumbent_in(data: dict[str, Any] | None) -> Plan | None:
    if not data or "routes" not in data:
        return None
    routes: Iterable[Any] = data["routes"]
    return Plan(
        routes=tuple(
            Route(
                vehicle,
                tuple(
                    Trip(depart, tuple(Visit("task", *visit) for visit in visits), back)
                    for depart, back, visits in trips
                ),
            )
            for vehicle, trips in routes
        ),
        cost=data["cost"],
        left_tasks=tuple(data["left"]),
    )
