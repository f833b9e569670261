"""A plan's problem, as it was: packed beside the plan and taken up again.

The matrices are whole numbers below 2³¹ in numpy's own compressed format, everything else is JSON in the same archive;
nothing is pickled. Half a megabyte for 200 stops and three kinds of vehicle.
"""

import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vehicles.models import Plan, PlanProblem
from vehicles.problem import Call, Place, Problem, Profile, Route, Task, Trip, Vehicle, Visit
from vehicles.queries.demand import DemandParcel
from vehicles.states import Reason


@dataclass(frozen=True, slots=True)
class Carrier:
    """The rows behind a vehicle of the problem: one of ours with its driver, or a bus's departure."""

    vehicle_id: int | None = None
    driver_id: int | None = None
    departure_id: int | None = None


@dataclass(frozen=True, slots=True)
class Continued:
    """A vehicle of the problem that is the rest of a trip on the road: its stops up to `after` (seq) stay."""

    trip_id: int
    after: int


@dataclass(frozen=True)
class Snapshot:
    """A problem and what its numbers stand for. The first `free_tasks` and `free_vehicles` are the solver's; the others
    belong to locked trips."""

    problem: Problem
    parcels_of_task: list[list[int]]
    carriers: list[Carrier]
    station_ids: list[int]  # of each place; the first is the hub's
    free_tasks: int
    free_vehicles: int
    scope: tuple[DemandParcel, ...]  # every parcel the plan answers for
    fixed: tuple[Route, ...] = ()
    fixed_trips: tuple[int, ...] = ()  # the base's trip behind each of them
    locked_tasks: frozenset[int] = field(default_factory=frozenset)  # stay with their vehicle, by a dispatcher's lock
    # Of the rest of a day (under_way.py): the orders there are, by vehicle and trip; tasks something happened to.
    orders: tuple[tuple[int, tuple[tuple[int, ...], ...]], ...] = ()
    touched: frozenset[int] = field(default_factory=frozenset)
    continues: dict[int, Continued] = field(default_factory=dict)

    @property
    def open_problem(self) -> Problem:
        """What is left to the solver."""
        problem = self.problem
        return replace(problem, tasks=problem.tasks[: self.free_tasks], vehicles=problem.vehicles[: self.free_vehicles])


def save_problem(plan: Plan, snapshot: Snapshot) -> None:
    data = pack(snapshot)
    PlanProblem.objects.update_or_create(plan=plan, defaults={"data": data})


def problem_of(plan: Plan) -> Snapshot | None:
    """None where it isn't kept any more."""
    row = PlanProblem.objects.filter(plan=plan).first()
    return unpack(bytes(row.data)) if row else None


def pack(snapshot: Snapshot) -> bytes:
    archive = io.BytesIO()
    np.savez_compressed(archive, **_arrays(snapshot))  # type: ignore[arg-type]
    return archive.getvalue()


def digest_of(snapshot: Snapshot) -> str:
    """The same for the same problem: hex of SHA-256."""
    found = hashlib.sha256()
    for name, array in sorted(_arrays(snapshot).items()):
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()


def _arrays(snapshot: Snapshot) -> dict[str, np.ndarray]:
    problem = snapshot.problem
    counts = [len(parcels) for parcels in snapshot.parcels_of_task]
    words: dict[str, Any] = {
        "places": [[place.key, place.x, place.y] for place in problem.places],
        "tasks": [_task_out(task) for task in problem.tasks],
        "vehicles": [_vehicle_out(vehicle) for vehicle in problem.vehicles],
        "profiles": [[profile.name, profile.estimated] for profile in problem.profiles],
        "dimensions": problem.dimensions,
        "change_cost": problem.change_cost,
        "carriers": [[one.vehicle_id, one.driver_id, one.departure_id] for one in snapshot.carriers],
        "stations": snapshot.station_ids,
        "free": [snapshot.free_tasks, snapshot.free_vehicles],
        "fixed": [_route_out(route) for route in snapshot.fixed],
        "fixed_trips": snapshot.fixed_trips,
        "locked": sorted(snapshot.locked_tasks),
        "orders": snapshot.orders,
        "touched": sorted(snapshot.touched),
        "continues": [[number, one.trip_id, one.after] for number, one in sorted(snapshot.continues.items())],
        "scope": [
            [one.parcel_id, one.station_id, one.direction, one.weight_g, one.volume_ml, one.reason, one.detail]
            for one in snapshot.scope
        ],
    }
    arrays: dict[str, np.ndarray] = {
        "words": np.frombuffer(json.dumps(words, ensure_ascii=False).encode(), dtype=np.uint8),
        "parcels": np.array([pk for parcels in snapshot.parcels_of_task for pk in parcels], dtype=np.int64),
        "counts": np.array(counts, dtype=np.int32),
    }
    for number, profile in enumerate(problem.profiles):
        arrays[f"distance{number}"] = profile.distance.astype(np.int32)
        arrays[f"duration{number}"] = profile.duration.astype(np.int32)
    return arrays


def unpack(data: bytes) -> Snapshot:
    archive = np.load(io.BytesIO(data), allow_pickle=False)
    words = json.loads(archive["words"].tobytes())
    ends = np.cumsum(archive["counts"])[:-1]
    parcels = [part.tolist() for part in np.split(archive["parcels"], ends)] if len(archive["counts"]) else []
    profiles = tuple(
        Profile(
            name,
            archive[f"distance{number}"].astype(np.int64),
            archive[f"duration{number}"].astype(np.int64),
            estimated,
        )
        for number, (name, estimated) in enumerate(words["profiles"])
    )
    problem = Problem(
        places=tuple(Place(key, x, y) for key, x, y in words["places"]),
        tasks=tuple(_task_in(row) for row in words["tasks"]),
        vehicles=tuple(_vehicle_in(row) for row in words["vehicles"]),
        profiles=profiles,
        dimensions=tuple(words["dimensions"]),
        change_cost=words["change_cost"],
    )
    return Snapshot(
        problem=problem,
        parcels_of_task=parcels,
        carriers=[Carrier(*row) for row in words["carriers"]],
        station_ids=words["stations"],
        free_tasks=words["free"][0],
        free_vehicles=words["free"][1],
        scope=tuple(_parcel_in(*row) for row in words["scope"]),
        fixed=tuple(_route_in(row) for row in words["fixed"]),
        fixed_trips=tuple(words["fixed_trips"]),
        locked_tasks=frozenset(words["locked"]),
        orders=tuple((number, tuple(tuple(trip) for trip in trips)) for number, trips in words["orders"]),
        touched=frozenset(words["touched"]),
        continues={number: Continued(trip_id, after) for number, trip_id, after in words["continues"]},
    )


def _parcel_in(
    pk: int, station_id: int, direction: str, weight_g: int, volume_ml: int, reason: str, detail: dict[str, Any]
) -> DemandParcel:
    """As far as the plan's rows need it: what it asks of a vehicle and when it is ready stand in its task."""
    return DemandParcel(
        pk,
        "",
        station_id,
        direction,
        weight_g,
        volume_ml,
        frozenset(),
        0,
        False,
        Reason(reason) if reason else "",
        detail,
    )


def _task_out(task: Task) -> dict[str, Any]:
    answer = {name: getattr(task, name) for name in Task.__slots__}
    answer["skills"] = sorted(task.skills)
    answer["allowed"] = None if task.allowed is None else sorted(task.allowed)
    return answer


def _task_in(row: dict[str, Any]) -> Task:
    allowed = row["allowed"]
    more = {
        "down": tuple(row["down"]),
        "up": tuple(row["up"]),
        "window": tuple(row["window"]),
        "skills": frozenset(row["skills"]),
        "allowed": None if allowed is None else frozenset(allowed),
    }
    return Task(**{**row, **more})


def _vehicle_out(vehicle: Vehicle) -> dict[str, Any]:
    answer = {name: getattr(vehicle, name) for name in Vehicle.__slots__}
    answer["skills"] = sorted(vehicle.skills)
    answer["timetable"] = [[call.place, call.arrive, call.leave] for call in vehicle.timetable]
    return answer


def _vehicle_in(row: dict[str, Any]) -> Vehicle:
    more = {
        "capacity": tuple(row["capacity"]),
        "window": tuple(row["window"]),
        "skills": frozenset(row["skills"]),
        "initial_load": tuple(row["initial_load"]),
        "timetable": tuple(Call(*call) for call in row["timetable"]),
    }
    return Vehicle(**{**row, **more})


def _route_out(route: Route) -> list[Any]:
    trips = [
        [trip.depart, trip.back, [[v.index, v.arrive, v.start, v.leave] for v in trip.visits]] for trip in route.trips
    ]
    return [route.vehicle, trips]


def _route_in(row: list[Any]) -> Route:
    trips = tuple(
        Trip(depart, tuple(Visit("task", *visit) for visit in visits), back) for depart, back, visits in row[1]
    )
    return Route(row[0], trips)
