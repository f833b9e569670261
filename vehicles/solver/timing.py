"""A tour's times, loads and cost: what the solver believes of its own plans (the checker believes nothing of it)."""

from collections.abc import Iterable
from dataclasses import dataclass

from vehicles.problem import Plan, Problem, Route, Trip, Visit
from vehicles.solver.access import bus_start, call_of
from vehicles.solver.model import Modeller
from vehicles.solver.tours import Tour

REMEMBERED = 20_000  # tours


@dataclass(frozen=True, slots=True)
class Timed:
    """A tour that keeps all its vehicle's limits."""

    route: Route
    cost: int


class Clock:
    """Times tours of one problem."""

    def __init__(self, modeller: Modeller) -> None:
        self.modeller = modeller
        self.problem = problem = modeller.problem
        count = modeller.task_count
        self.count = count
        self.place = [t.place for t in problem.tasks] + [
            p for s in problem.shipments for p in (s.origin, s.destination)
        ]
        self.window = [t.window for t in problem.tasks] + [
            w for s in problem.shipments for w in (s.pickup_window, s.delivery_window)
        ]
        self.service = modeller.service_of[modeller.first_node :].tolist()
        self.keep = modeller.keep_of.tolist()
        self.known: dict[Tour, Timed | None] = {}

    def timed(self, tour: Tour) -> Timed | None:
        """Times and cost of a tour, None where it breaks a limit: leaving as late as its earliest return allows. Kept,
        since from one plan to the next most tours are the same."""
        if tour not in self.known:
            if len(self.known) > REMEMBERED:
                self.known.clear()
            self.known[tour] = self._timed(tour)
        return self.known[tour]

    def _timed(self, tour: Tour) -> Timed | None:
        if self.modeller.banned(tour) or not self._fits(tour):
            return None
        vehicle = self.problem.vehicles[tour.vehicle]
        if vehicle.timetable:
            return self._bus(tour)
        if len(tour.trips) > vehicle.max_trips:
            return None
        first = self._forward(tour, vehicle.window[0])
        if first is None:
            return None
        start = self._latest(tour, first[-1].back)
        trips = self._forward(tour, start) if start > vehicle.window[0] else first
        if trips is None or trips[-1].back != first[-1].back:
            trips = first
        duration = trips[-1].back - trips[0].depart
        distance = self.distance(tour)
        if duration > vehicle.max_duration or distance > vehicle.max_distance:
            return None
        cost = vehicle.fixed_cost + distance * vehicle.distance_cost + duration * vehicle.duration_cost
        return Timed(Route(tour.vehicle, trips), cost + self._changes(tour))

    def distance(self, tour: Tour) -> int:
        """Of all trips."""
        vehicle = self.problem.vehicles[tour.vehicle]
        matrix, total = self.problem.profiles[vehicle.profile].distance, 0
        for trip in tour.trips:
            at = vehicle.start
            for node in trip:
                total += int(matrix[at, self.place[node]])
                at = self.place[node]
            total += int(matrix[at, vehicle.end])
        return total

    def _changes(self, tour: Tour) -> int:
        moved = 0
        for node in tour.nodes:
            if self.keep[node] >= 0 and self.keep[node] != tour.vehicle:
                moved += node < self.count or (node - self.count) % 2 == 0
        return moved * self.problem.change_cost

    def _forward(self, tour: Tour, early: int) -> tuple[Trip, ...] | None:
        """The earliest times when loading begins no sooner than `early`."""
        vehicle = self.problem.vehicles[tour.vehicle]
        duration = self.problem.profiles[vehicle.profile].duration
        trips, now = [], early
        for number, trip in enumerate(tour.trips):
            release = max((self.problem.tasks[n].release for n in trip if n < self.count), default=0)
            depart = now = max(now, release) + vehicle.loading
            if (
                number == 0
                and vehicle.start_late is not None
                and depart > max(vehicle.start_late, vehicle.window[0] + vehicle.loading)
            ):
                return None
            at, visits = vehicle.start, []
            for node in trip:
                now += int(duration[at, self.place[node]])
                start = max(now, self.window[node][0])
                if start > self.window[node][1]:
                    return None
                visits.append(self._visit(node, now, start))
                now, at = start + self.service[node], self.place[node]
            now += int(duration[at, vehicle.end])
            trips.append(Trip(depart, tuple(visits), now))
        return tuple(trips) if now <= vehicle.window[1] else None

    def _latest(self, tour: Tour, back: int) -> int:
        """The latest begin of loading with the return at `back`."""
        vehicle = self.problem.vehicles[tour.vehicle]
        duration = self.problem.profiles[vehicle.profile].duration
        now = back
        for trip in reversed(tour.trips):
            at = vehicle.end
            for node in reversed(trip):
                now -= int(duration[self.place[node], at]) + self.service[node]
                now, at = min(now, self.window[node][1]), self.place[node]
            now -= int(duration[vehicle.start, at]) + vehicle.loading
        if vehicle.start_late is not None:
            now = min(now, vehicle.start_late - vehicle.loading)
        return max(now, vehicle.window[0])

    def _bus(self, tour: Tour) -> Timed | None:
        vehicle = self.problem.vehicles[tour.vehicle]
        calls = call_of(vehicle)
        if len(tour.trips) != 1:
            return None
        visits, pieces = [], 0
        for node in tour.trips[0]:
            call = calls[self.place[node]][1]
            start = bus_start(self.window[node], call)
            if start is None:
                return None
            visits.append(self._visit(node, call.arrive, start))
            pieces += self.modeller._fare_pieces(node)
        trip = Trip(vehicle.timetable[0].leave, tuple(visits), vehicle.timetable[-1].arrive)
        cost = vehicle.fixed_cost + vehicle.tariff * pieces + self._changes(tour)
        return Timed(Route(tour.vehicle, (trip,)), cost)

    def _visit(self, node: int, arrive: int, start: int) -> Visit:
        leave = start + self.service[node]
        if node < self.count:
            return Visit("task", node, arrive, start, leave)
        index, end = divmod(node - self.count, 2)
        return Visit("delivery" if end else "pickup", index, arrive, start, leave)

    def _fits(self, tour: Tour) -> bool:
        """Loads in every dimension on every leg; a shipment's ends in order and in one trip."""
        vehicle = self.problem.vehicles[tour.vehicle]
        tasks, shipments = self.problem.tasks, self.problem.shipments
        for number, trip in enumerate(tour.trips):
            on_board: set[int] = set()
            load = list(vehicle.initial_load) if number == 0 and vehicle.initial_load else [0] * len(vehicle.capacity)
            for node in trip:
                if node < self.count:
                    load = [a + b for a, b in zip(load, tasks[node].down, strict=True)]
            if any(a > b for a, b in zip(load, vehicle.capacity, strict=True)):
                return False
            for node in trip:
                if node < self.count:
                    task = tasks[node]
                    load = [a - b + c for a, b, c in zip(load, task.down, task.up, strict=True)]
                else:
                    index, end = divmod(node - self.count, 2)
                    if end:
                        if index not in on_board:
                            return False
                        on_board.discard(index)
                        load = [a - b for a, b in zip(load, shipments[index].load, strict=True)]
                    else:
                        on_board.add(index)
                        load = [a + b for a, b in zip(load, shipments[index].load, strict=True)]
                if any(a > b for a, b in zip(load, vehicle.capacity, strict=True)):
                    return False
            if on_board:
                return False
        return True


def plan_of(clock: Clock, tours: Iterable[Tour]) -> Plan:
    """The plan of tours; a tour that breaks a limit is left out with all it serves, so that none is ever shown. Costs
    are those of the routes and of what may be left out; `shortfall` counts what may not."""
    problem: Problem = clock.problem
    routes, cost = [], 0
    left = set(range(clock.modeller.node_count))
    for tour in tours:
        timed = clock.timed(tour) if tour.trips else None
        if timed is not None:
            routes.append(timed.route)
            cost += timed.cost
            left.difference_update(tour.nodes)
    left_tasks = tuple(sorted(n for n in left if n < clock.count))
    left_shipments = tuple(sorted({(n - clock.count) // 2 for n in left if n >= clock.count}))
    cost += sum(problem.tasks[t].skip_cost for t in left_tasks if not problem.tasks[t].required)
    cost += sum(problem.shipments[s].skip_cost for s in left_shipments if not problem.shipments[s].required)
    return Plan(tuple(routes), cost, left_tasks, left_shipments)


def shortfall(problem: Problem, plan: Plan) -> int:
    """How much that is required a plan leaves out: no saving makes up for it."""
    return sum(problem.tasks[t].required for t in plan.left_tasks) + sum(
        problem.shipments[s].required for s in plan.left_shipments
    )


def tours_of(problem: Problem, plan: Plan) -> list[Tour]:
    """A plan's routes as tours."""
    count = len(problem.tasks)
    offset = {"task": (1, 0), "pickup": (2, count), "delivery": (2, count + 1)}
    answer = []
    for route in plan.routes:
        trips = []
        for trip in route.trips:
            trips.append(tuple(offset[v.kind][0] * v.index + offset[v.kind][1] for v in trip.visits))
        answer.append(Tour(route.vehicle, tuple(t for t in trips if t)))
    return [tour for tour in answer if tour.trips]
