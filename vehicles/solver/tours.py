"""Tours in the problem's own numbers, and PyVRP's solutions of a part as such.

A *node* is a task (0 … T-1) or a shipment's pickup (T + 2s) or delivery (T + 2s + 1); a *tour* is a vehicle and its
trips as tuples of nodes. Both are named by the whole problem, so tours can be moved between models of parts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pyvrp import ProblemData, Solution
from pyvrp import Route as PyvrpRoute
from pyvrp._pyvrp import Activity, ActivityType


class Tour(NamedTuple):
    """A vehicle's day: its trips as tuples of nodes."""

    vehicle: int
    trips: tuple[tuple[int, ...], ...]

    @property
    def nodes(self) -> tuple[int, ...]:
        return tuple(node for trip in self.trips for node in trip)


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """PyVRP's data for some tasks, shipments and vehicles, with the way back to the problem's own numbers."""

    data: ProblemData
    tasks: tuple[int, ...]  # of PyVRP's clients
    shipments: tuple[int, ...]  # of PyVRP's shipments
    vehicles: tuple[int, ...]  # of PyVRP's vehicle types
    task_count: int  # of the whole problem: where the nodes of shipments begin
    reload_of: tuple[int, ...]  # a vehicle type's start depot

    def tours(self, solution: Solution) -> list[Tour]:
        """The routes of a solution, feasible or not, in the problem's own numbers."""
        return [self.tour(route) for route in solution.routes()]

    def tour(self, route: PyvrpRoute) -> Tour:
        trips: list[tuple[int, ...]] = []
        trip: list[int] = []
        for activity in list(route)[1:]:
            kind = activity.type
            if kind == ActivityType.CLIENT:
                trip.append(self.tasks[activity.idx])
            elif kind == ActivityType.DEPOT:
                if trip:
                    trips.append(tuple(trip))
                trip = []
            else:
                node = self.task_count + 2 * self.shipments[activity.idx]
                trip.append(node + (kind == ActivityType.DELIVERY))
        return Tour(self.vehicles[route.vehicle_type()], tuple(trips))

    def solution(self, tours: Iterable[Tour]) -> Solution:
        """Tours as a solution to start from; all their nodes and vehicles must be in this model."""
        client = {task: i for i, task in enumerate(self.tasks)}
        shipment = {number: i for i, number in enumerate(self.shipments)}
        kinds = {vehicle: i for i, vehicle in enumerate(self.vehicles)}
        routes = []
        for tour in tours:
            kind = kinds[tour.vehicle]
            activities = []
            for number, trip in enumerate(tour.trips):
                if number:
                    activities.append(Activity(ActivityType.DEPOT, self.reload_of[kind]))
                for node in trip:
                    if node < self.task_count:
                        activities.append(Activity(ActivityType.CLIENT, client[node]))
                    else:
                        number_, end = divmod(node - self.task_count, 2)
                        step = ActivityType.DELIVERY if end else ActivityType.PICKUP
                        activities.append(Activity(step, shipment[number_]))
            if activities:
                routes.append(PyvrpRoute(self.data, activities, kind))
        return Solution(self.data, routes)
