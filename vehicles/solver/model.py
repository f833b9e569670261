"""Problem ↔ pyvrp.ProblemData, for the whole problem or any part of it.

Every task and each end of a shipment is a location of its own (several may stand at one place), so that who may serve
it can be said by arcs: what a vehicle may not serve costs far more than any route and, where time plays a part, takes
longer than the day. Vehicles that see the same roads, tasks and tariffs share a PyVRP profile; a bus's profile runs
forward along its calls only, its "distance" into a stop is the tariff.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from pyvrp import Client, Depot, Location, ProblemData, VehicleType
from pyvrp import Shipment as PyvrpShipment

from vehicles.problem import UNREACHABLE, Problem, Shipment, Vehicle
from vehicles.solver.access import bus_carries, bus_fits, call_of, end_loading, may_serve, out_of_order
from vehicles.solver.tours import Model, Tour

NEVER = 10**9  # from here on a bound of problem.py means "none"
NO_BOUND = np.iinfo(np.int64).max


class Modeller:
    """Makes models of a problem's parts. `price_changes`: a vehicle that something is promised to gets a profile of its
    own, in which what is promised to another costs `change_cost` more (a range then counts that money, on the safe
    side)."""

    def __init__(self, problem: Problem, *, price_changes: bool = True) -> None:
        self.problem = problem
        self.task_count = len(problem.tasks)
        self.node_count = self.task_count + 2 * len(problem.shipments)
        self.depots: dict[tuple[int, int], int] = {}
        for vehicle in problem.vehicles:
            for place, loading in ((vehicle.start, vehicle.loading), (vehicle.end, end_loading(vehicle))):
                self.depots.setdefault((place, loading), len(self.depots))
        nodes = [t.place for t in problem.tasks] + [p for s in problem.shipments for p in (s.origin, s.destination)]
        self.place_of = np.array([place for place, _ in self.depots] + nodes, dtype=np.int64)
        self.first_node = len(self.depots)
        self.service_of = np.array(
            [0] * self.first_node
            + [t.service for t in problem.tasks]
            + [seconds for s in problem.shipments for seconds in (s.pickup_service, s.delivery_service)],
            dtype=np.int64,
        )
        self.down_of = np.array([any(t.down) for t in problem.tasks], dtype=bool)
        self.up_of = np.array([any(t.up) for t in problem.tasks], dtype=bool)
        self.keep_of = np.array(
            [-1 if t.keep is None else t.keep for t in problem.tasks]
            + [k for s in problem.shipments for k in (-1 if s.keep is None else s.keep,) * 2],
            dtype=np.int64,
        )
        self.priced = price_changes and problem.change_cost > 0 and bool((self.keep_of >= 0).any())
        self._measure()
        self.forbidden = [self._forbidden(number) for number in range(len(problem.vehicles))]
        self._releases()

    def _releases(self) -> None:
        """No vehicle leaves before the first goods it may carry are ready: where that says all, PyVRP needn't know of
        releases. It should not: with releases, reloads and a limited duration together its local search reckons moves
        inexactly and can go round in circles for ever (seen in 0.14.1 on a county's day within seconds). Where goods
        come in waves, vehicles with reloads therefore get a shift that begins when they may first leave."""
        problem = self.problem
        release = np.array([t.release for t in problem.tasks], dtype=np.int64)
        self.begin = [v.window[0] for v in problem.vehicles]
        first = np.full(self.task_count, NEVER, dtype=np.int64)
        for number, vehicle in enumerate(problem.vehicles):
            may = ~self.forbidden[number]
            if not vehicle.timetable and may[: self.task_count].any() and not may[self.task_count :].any():
                self.begin[number] = max(self.begin[number], int(release[may[: self.task_count]].min()))
            begin = vehicle.timetable[0].leave if vehicle.timetable else self.begin[number]
            first[may[: self.task_count]] = np.minimum(first[may[: self.task_count]], begin)
        self.release_of = np.where(release <= first, 0, release).tolist()
        self.waves = any(self.release_of)

    def _measure(self) -> None:
        """What an arc that may not be driven costs and takes, and what leaving a required task out costs."""
        problem = self.problem
        fares = [v.fixed_cost + v.tariff * 1000 for v in problem.vehicles]
        self.longest, slowest, unit = 1, 1, max(fares, default=1)
        for profile in problem.profiles:
            self.longest = max(self.longest, _largest(profile.distance))
            slowest = max(slowest, _largest(profile.duration))
        for vehicle in problem.vehicles:
            unit = max(
                unit,
                vehicle.fixed_cost + 4 * self.longest * vehicle.distance_cost + 4 * slowest * vehicle.duration_cost,
            )
        self.skip_cost = 4 * unit + 1
        self.ban_cost = 12 * unit + 12
        ends = [w for t in problem.tasks for w in t.window] + [w for v in problem.vehicles for w in v.window]
        ends += [w for s in problem.shipments for w in (*s.pickup_window, *s.delivery_window)]
        ends += [t.release for t in problem.tasks]
        late = max((end for end in ends if end < NEVER), default=0)
        timed = late > 0 or any(v.max_duration < NEVER for v in problem.vehicles)
        self.ban_time = 2 * late + 4 * slowest if timed else 0

    def _forbidden(self, number: int) -> np.ndarray:
        """True for the nodes a vehicle may never serve."""
        problem, vehicle = self.problem, self.problem.vehicles[number]
        answer = np.zeros(self.node_count, dtype=bool)
        calls = call_of(vehicle)
        for index, task in enumerate(problem.tasks):
            if not may_serve(task, vehicle, number) or (vehicle.timetable and not bus_fits(task, vehicle, calls)):
                answer[index] = True
        for index, shipment in enumerate(problem.shipments):
            if not may_serve(shipment, vehicle, number) or (
                vehicle.timetable and not bus_carries(shipment, vehicle, calls)
            ):
                answer[self.task_count + 2 * index : self.task_count + 2 * index + 2] = True
        return answer

    def model(
        self,
        tasks: Sequence[int] | None = None,
        shipments: Sequence[int] | None = None,
        fleet: Mapping[int, int] | None = None,
        *,
        soft: bool = False,
    ) -> Model:
        """PyVRP's data of a part (None: all; `fleet`: how many of each vehicle). `soft`: what is required may be left
        out at a cost above any route's, so that there is always an answer."""
        problem = self.problem
        tasks = range(self.task_count) if tasks is None else tasks
        shipments = range(len(problem.shipments)) if shipments is None else shipments
        counts = {n: v.count for n, v in enumerate(problem.vehicles)} if fleet is None else fleet
        numbers = tuple(n for n, count in counts.items() if count > 0)
        nodes = np.array(
            [*tasks, *(self.task_count + 2 * s + end for s in shipments for end in (0, 1))], dtype=np.int64
        )
        locations = np.concatenate([np.arange(self.first_node), nodes + self.first_node])
        profiles: dict[tuple[object, ...], int] = {}
        distances: list[Any] = []  # PyVRP's stubs type a matrix as ndarray[int]
        durations: list[Any] = []
        types, reloads = [], []
        for number in numbers:
            key = self._profile_key(number, nodes)
            if key not in profiles:
                profiles[key] = len(distances)
                distance, duration = self._matrices(number, nodes, locations)
                distances.append(distance)
                durations.append(duration)
            types.append(self._type(number, counts[number], profiles[key]))
            reloads.append(types[-1].start_depot)
        places = problem.places
        offset = self.first_node
        data = ProblemData(
            [Location(places[p].x, places[p].y) for p in self.place_of[locations]],
            [self._client(t, offset + i, soft) for i, t in enumerate(tasks)],
            [Depot(i, service_duration=loading) for i, (_, loading) in enumerate(self.depots)],
            types,
            distances,
            durations,
            [],
            [self._shipment(problem.shipments[s], offset + len(tasks) + 2 * i, soft) for i, s in enumerate(shipments)],
        )
        return Model(data, tuple(tasks), tuple(shipments), numbers, self.task_count, tuple(reloads))

    def _client(self, number: int, location: int, soft: bool) -> Client:
        task = self.problem.tasks[number]
        required, prize = self._prize(task.required, task.skip_cost, soft)
        return Client(
            location,
            list(task.down),
            list(task.up),
            task.service,
            task.window[0],
            _bound(task.window[1]),
            self.release_of[number],
            prize,
            required,
        )

    def _shipment(self, shipment: Shipment, location: int, soft: bool) -> PyvrpShipment:
        required, prize = self._prize(shipment.required, shipment.skip_cost, soft)
        return PyvrpShipment(
            location,
            location + 1,
            shipment.pickup_window[0],
            _bound(shipment.pickup_window[1]),
            shipment.pickup_service,
            shipment.delivery_window[0],
            _bound(shipment.delivery_window[1]),
            shipment.delivery_service,
            list(shipment.load),
            prize,
            required,
        )

    def _prize(self, required: bool, skip_cost: int, soft: bool) -> tuple[bool, int]:
        if required:
            return (False, self.skip_cost) if soft else (True, 0)
        return False, skip_cost

    def _type(self, number: int, count: int, profile: int) -> VehicleType:
        vehicle = self.problem.vehicles[number]
        start = self.depots[vehicle.start, vehicle.loading]
        end = self.depots[vehicle.end, end_loading(vehicle)]
        if vehicle.timetable:
            leave = vehicle.timetable[0].leave
            return VehicleType(
                count,
                list(vehicle.capacity),
                start,
                end,
                vehicle.fixed_cost,
                leave,
                start_late=leave,
                profile=profile,
                initial_load=list(vehicle.initial_load),
            )
        early, late = self.begin[number], vehicle.window[1]
        shift = vehicle.max_duration
        if self.waves and vehicle.max_trips > 1 and shift < NEVER:
            late, shift = min(late, early + vehicle.loading + shift), NEVER
        priced = self._is_priced(number)
        scale = max(1, vehicle.distance_cost) if priced else 1
        return VehicleType(
            count,
            list(vehicle.capacity),
            start,
            end,
            # loading before the first departure is in PyVRP's duration, but not in what a day costs
            vehicle.fixed_cost - vehicle.loading * vehicle.duration_cost,
            early,
            _bound(late),
            NO_BOUND if shift >= NEVER else shift + vehicle.loading,
            NO_BOUND if vehicle.max_distance >= NEVER else vehicle.max_distance * scale,
            1 if priced else vehicle.distance_cost,
            vehicle.duration_cost,
            profile,
            None if vehicle.start_late is None else max(early, vehicle.start_late - vehicle.loading),
            list(vehicle.initial_load),
            [start] if vehicle.max_trips > 1 else [],
            max(0, vehicle.max_trips - 1),
        )

    def _is_priced(self, number: int) -> bool:
        return self.priced and bool((self.keep_of >= 0).any())

    def _profile_key(self, number: int, nodes: np.ndarray) -> tuple[object, ...]:
        vehicle = self.problem.vehicles[number]
        forbidden = self.forbidden[number][nodes].tobytes()
        owner: object = None
        if self._is_priced(number):
            owner = (number in self.keep_of[nodes], number if number in self.keep_of[nodes] else -1)
        if vehicle.timetable:
            first = vehicle.timetable[0].leave
            calls = tuple((c.place, c.arrive - first) for c in vehicle.timetable)
            return ("bus", calls, vehicle.tariff, vehicle.end, forbidden, owner)
        return (vehicle.profile, forbidden, owner, vehicle.distance_cost if owner else 0)

    def _matrices(self, number: int, nodes: np.ndarray, locations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vehicle = self.problem.vehicles[number]
        depots = self.first_node
        if vehicle.timetable:
            distance, duration, banned = self._along(vehicle, nodes, locations)
            scale = 1
        else:
            profile = self.problem.profiles[vehicle.profile]
            places = self.place_of[locations]
            distance = np.ascontiguousarray(profile.distance[np.ix_(places, places)], dtype=np.int64)
            duration = np.ascontiguousarray(profile.duration[np.ix_(places, places)], dtype=np.int64)
            banned = (distance >= UNREACHABLE) | (duration >= UNREACHABLE)
            scale = max(1, vehicle.distance_cost)
        forbidden = np.concatenate([np.zeros(depots, dtype=bool), self.forbidden[number][nodes]])
        banned[forbidden, :] = True
        banned[:, forbidden] = True
        if self.problem.linehaul_first:
            is_task = nodes < self.task_count
            up, down = np.zeros(len(locations), dtype=bool), np.zeros(len(locations), dtype=bool)
            up[depots:][is_task] = self.up_of[nodes[is_task]]
            down[depots:][is_task] = self.down_of[nodes[is_task]]
            banned[np.ix_(up, down)] = True
            banned[:depots, up & ~down] = True
        if self._is_priced(number):
            keep = self.keep_of[nodes]
            extra = np.where((keep >= 0) & (keep != number), self.problem.change_cost, 0)
            extra[nodes >= self.task_count] //= 2  # a shipment is two nodes
            distance = distance * scale
            distance[:, depots:] += extra
            scale = 1
        distance[banned] = self.ban_cost // scale + 1
        duration[banned] = self.ban_time
        np.fill_diagonal(distance, 0)
        np.fill_diagonal(duration, 0)
        return distance, duration

    def _along(
        self, vehicle: Vehicle, nodes: np.ndarray, locations: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A bus: forward only, by the timetable, each stop at its tariff. What a client's service takes is taken out of
        the next leg, since the bus waits for nobody."""
        calls = call_of(vehicle)
        size, depots = len(locations), self.first_node
        order = np.full(size, -1, dtype=np.int64)
        arrive = np.zeros(size, dtype=np.int64)
        for i, place in enumerate(self.place_of[locations].tolist()):
            if i >= depots and place in calls:
                order[i], arrive[i] = calls[place][0], calls[place][1].arrive
        start = self.depots[vehicle.start, vehicle.loading]
        end = self.depots[vehicle.end, end_loading(vehicle)]
        at_end = len(vehicle.timetable)
        fare = np.zeros(size, dtype=np.int64)
        for i, node in enumerate(nodes.tolist()):
            fare[depots + i] = vehicle.tariff * self._fare_pieces(node)
        distance = np.broadcast_to(fare, (size, size)).copy()
        leaves = arrive + self.service_of[locations]
        leaves[start] = vehicle.timetable[0].leave
        duration = np.maximum(0, arrive[None, :] - leaves[:, None])
        banned = (order[:, None] < 0) | (order[None, :] < 0) | (order[:, None] > order[None, :])
        served = order >= 0
        banned[start, served] = False
        banned[served, end] = False
        duration[served, end] = np.maximum(0, vehicle.timetable[-1].arrive - leaves[served])
        banned[start, end] = False
        duration[start, end] = max(0, vehicle.timetable[at_end - 1].arrive - vehicle.timetable[0].leave)
        return distance, duration, banned

    def _fare_pieces(self, node: int) -> int:
        if node < self.task_count:
            return self.problem.tasks[node].pieces
        shipment, end = divmod(node - self.task_count, 2)
        return self.problem.shipments[shipment].pieces if end == 0 else 0

    def banned(self, tour: Tour) -> bool:
        """Whether a tour drives where its vehicle may not: PyVRP knows such arcs only by their cost."""
        vehicle = self.problem.vehicles[tour.vehicle]
        if self.forbidden[tour.vehicle][list(tour.nodes)].any():
            return True
        if vehicle.timetable:
            calls = call_of(vehicle)
            orders = [calls[int(self.place_of[self.first_node + n])][0] for n in tour.nodes]
            return orders != sorted(orders)
        profile = self.problem.profiles[vehicle.profile]
        for trip in tour.trips:
            places = [vehicle.start, *(int(self.place_of[self.first_node + n]) for n in trip), vehicle.end]
            for a, b in pairwise(places):
                if a != b and (profile.distance[a, b] >= UNREACHABLE or profile.duration[a, b] >= UNREACHABLE):
                    return True
            if self.problem.linehaul_first and out_of_order(
                [(bool(self.down_of[n]), bool(self.up_of[n])) for n in trip if n < self.task_count]
            ):
                return True
        return False


def _largest(matrix: np.ndarray) -> int:
    real = matrix[matrix < UNREACHABLE]
    return int(real.max()) if real.size else 1


def _bound(value: int) -> int:
    return NO_BOUND if value >= NEVER else value
