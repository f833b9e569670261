"""Public instances as our problems: VRPLIB files and Li & Lim's, each in its own rounding; their solutions as plans.

Distances: CVRP and VRPB round to whole numbers; with time windows (RC208, VRPTW, MTVRPTWR) ten times as large and cut
(the DIMACS challenge's rule); HFVRP a thousand times as large and rounded; Li & Lim likewise (they reckon in doubles).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import vrplib

from vehicles.problem import EVER, Place, Plan, Problem, Profile, Route, Shipment, Task, Trip, Vehicle, Visit

Rounding = Callable[[np.ndarray], np.ndarray]
Stops = list[tuple[str, int]]  # kind and index of each visit

ROUND: Rounding = lambda values: np.round(values).astype(np.int64)  # noqa: E731
DIMACS: Rounding = lambda values: (10 * np.asarray(values)).astype(np.int64)  # noqa: E731
EXACT: Rounding = lambda values: np.round(1000 * np.asarray(values)).astype(np.int64)  # noqa: E731

# By TYPE: the rounding, and our units of cost for one of the solution file's.
KINDS: dict[str, tuple[Rounding, int]] = {
    "CVRP": (ROUND, 1),
    "VRPB": (ROUND, 1),
    "CVRPTW": (DIMACS, 10),
    "VRPTW": (DIMACS, 10),
    "MTVRPTWR": (DIMACS, 1),  # its solution file has the scaled cost
    "HFVRP": (EXACT, 100_000),  # costs in the file are in hundredths
}
# Li & Lim compare vehicles, then distance: a vehicle costs as much as so many of the longest drives. More would be no
# clearer an order, and a search by cost alone loses its way among figures of very different size.
VEHICLE_FIRST = 5
LILIM_SCALE = 1000


@dataclass(frozen=True)
class Instance:
    """A problem with its best known solution. `units`: our units of cost for one of the solution file's."""

    name: str
    kind: str  # the file's TYPE, or "PDPTW"
    problem: Problem
    units: int
    best_cost: float  # the solution file's figure; of Li & Lim the distance
    best_routes: tuple[tuple[int, tuple[Stops, ...]], ...]  # vehicle, trips

    @property
    def goal(self) -> float:
        """The best known cost in our units; of Li & Lim with the vehicles' fixed cost."""
        fixed = len(self.best_routes) * self.problem.vehicles[0].fixed_cost if self.kind == "PDPTW" else 0
        return fixed + self.best_cost * self.units


def instances(folder: Path) -> list[Path]:
    """The instance files of a folder that have a solution beside them."""
    return [path for path in sorted(folder.iterdir()) if path.suffix in (".vrp", ".txt") and _solution_of(path)]


def read(path: Path) -> Instance:
    """One instance and its solution. ValueError where the file has something that our problem can't say."""
    solution = _solution_of(path)
    if solution is None:
        raise ValueError(f"{path.name} has no solution file beside it.")
    return _read_lilim(path, solution) if path.suffix == ".txt" else _read_vrplib(path, solution)


def plan_of(problem: Problem, routes: Sequence[tuple[int, Sequence[Stops]]]) -> Plan:
    """Routes given by the order of their visits, driven as early as possible. What no route has is left out."""
    seen: set[tuple[str, int]] = set()
    planned = []
    for index, trips in routes:
        vehicle = problem.vehicles[index]
        now, driven = vehicle.window[0], []
        for stops in trips:
            trip = _drive(problem, vehicle, stops, now + (vehicle.loading if driven else 0))
            driven.append(trip)
            now = trip.back
            seen.update(stops)
        planned.append(Route(index, tuple(driven)))
    return Plan(
        tuple(planned),
        left_tasks=tuple(index for index in range(len(problem.tasks)) if ("task", index) not in seen),
        left_shipments=tuple(index for index in range(len(problem.shipments)) if ("pickup", index) not in seen),
    )


def _drive(problem: Problem, vehicle: Vehicle, stops: Stops, ready: int) -> Trip:
    duration = problem.profiles[vehicle.profile].duration
    depart = max([ready, *(problem.tasks[index].release for kind, index in stops if kind == "task")])
    here, now, visits = vehicle.start, depart, []
    for kind, index in stops:
        if kind == "task":
            task = problem.tasks[index]
            place, service, window = task.place, task.service, task.window
        else:
            goods = problem.shipments[index]
            place, service, window = (
                (goods.origin, goods.pickup_service, goods.pickup_window)
                if kind == "pickup"
                else (goods.destination, goods.delivery_service, goods.delivery_window)
            )
        arrive = now + int(duration[here, place])
        start = max(arrive, window[0])
        visits.append(Visit(kind, index, arrive, start, start + service))
        here, now = place, start + service
    return Trip(depart, tuple(visits), now + int(duration[here, vehicle.end]))


def _solution_of(path: Path) -> Path | None:
    """The .sol of the same name; Li & Lim's are named after their vehicles and distance too."""
    plain = path.with_suffix(".sol")
    return plain if plain.exists() else next(iter(sorted(path.parent.glob(f"{path.stem}.*.sol"))), None)


def _read_vrplib(path: Path, solution: Path) -> Instance:
    data = vrplib.read_instance(path)
    kind = str(data.get("type", "CVRP"))
    if kind not in KINDS:
        raise ValueError(f"{path.name} is of type {kind}: only {', '.join(KINDS)} can be read.")
    rounding, units = KINDS[kind]
    places = int(data["dimension"])
    if list(data.get("depot", [0])) != [0]:
        raise ValueError(f"{path.name} has more than one depot, or one that is not its first place.")

    def column(name: str, empty: float = 0) -> np.ndarray:
        return np.broadcast_to(np.asarray(data.get(name, empty)), places)

    service = rounding(column("service_time"))
    windows = rounding(data["time_window"]) if "time_window" in data else np.array([EVER] * places)
    release = rounding(column("release_time"))
    # loads are scaled with everything else by the public readers; it changes nothing, so they stay as they are
    down, up = column("demand"), column("backhaul")
    tasks = tuple(
        Task(
            key=str(place),
            place=place,
            down=(int(down[place]),),
            up=(int(up[place]),),
            service=int(service[place]),
            window=(int(windows[place][0]), int(windows[place][1])),
            release=int(release[place]),
        )
        for place in range(1, places)
    )
    vehicles, of_number = _vehicles(data, rounding, len(tasks), (int(windows[0][0]), int(windows[0][1])))
    distance = rounding(data["edge_weight"])
    problem = Problem(
        places=tuple(Place(str(at), float(x), float(y)) for at, (x, y) in enumerate(data["node_coord"])),
        tasks=tasks,
        vehicles=vehicles,
        profiles=(Profile("plane", distance, distance),),
        dimensions=("load",),
        linehaul_first=kind == "VRPB",
    )
    best = vrplib.read_solution(solution)
    routes = tuple(
        (of_number[number], _trips(visits)) for number, visits in enumerate(best["routes"]) if len(visits) > 0
    )
    return Instance(path.stem, kind, problem, units, float(best["cost"]), routes)


def _trips(visits: Sequence[int]) -> tuple[Stops, ...]:
    """Places to tasks; the depot in between begins another trip."""
    trips: list[Stops] = [[]]
    for place in visits:
        if place == 0:
            trips.append([])
        else:
            trips[-1].append(("task", int(place) - 1))
    return tuple(trips)


def _vehicles(
    data: dict, rounding: Rounding, tasks: int, window: tuple[int, int]
) -> tuple[tuple[Vehicle, ...], list[int]]:
    """Types of vehicle, and of each vehicle of the file its type."""
    count = int(data.get("vehicles", tasks))
    capacity = np.broadcast_to(np.asarray(data.get("capacity", 10**9)), count)
    fixed = rounding(np.broadcast_to(np.asarray(data.get("vehicles_fixed_cost", 0)), count))
    per_unit = np.broadcast_to(np.asarray(data.get("vehicles_unit_distance_cost", 1)), count)
    reloads = "vehicles_reload_depot" in data
    numbers: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for number in range(count):
        numbers[int(capacity[number]), int(fixed[number]), int(per_unit[number])].append(number)
    of_number = [0] * count
    vehicles = []
    for index, ((load, cost, unit), alike) in enumerate(numbers.items()):
        for number in alike:
            of_number[number] = index
        vehicles.append(
            Vehicle(
                key=str(index),
                capacity=(load,),
                profile=0,
                start=0,
                end=0,
                count=len(alike),
                window=window,
                max_trips=tasks if reloads else 1,
                fixed_cost=cost,
                distance_cost=unit,
            )
        )
    return tuple(vehicles), of_number


def _read_lilim(path: Path, solution: Path) -> Instance:
    """https://www.sintef.no/projectweb/top/pdptw/documentation/: vehicles, capacity; then a row a place."""
    head, *rows = [[int(cell) for cell in line.split()] for line in path.read_text().splitlines() if line.strip()]
    count, capacity = head[:2]
    coordinates = np.array([row[1:3] for row in rows], dtype=float)
    apart = np.sqrt(((coordinates[:, None, :] - coordinates[None, :, :]) ** 2).sum(axis=2))
    distance = EXACT(apart)

    def window(row: list[int]) -> tuple[int, int]:
        return row[4] * LILIM_SCALE, row[5] * LILIM_SCALE

    goods, visit_of = [], {}
    for row in rows:
        if row[8]:  # a pickup: where its delivery is
            there = rows[row[8]]
            visit_of[row[0]], visit_of[there[0]] = ("pickup", len(goods)), ("delivery", len(goods))
            goods.append(
                Shipment(
                    key=str(row[0]),
                    origin=row[0],
                    destination=there[0],
                    load=(row[3],),
                    pickup_service=row[6] * LILIM_SCALE,
                    delivery_service=there[6] * LILIM_SCALE,
                    pickup_window=window(row),
                    delivery_window=window(there),
                )
            )
    van = Vehicle(
        "0", (capacity,), 0, 0, 0, count=count, window=window(rows[0]), fixed_cost=VEHICLE_FIRST * int(distance.max())
    )
    problem = Problem(
        places=tuple(Place(str(row[0]), float(row[1]), float(row[2])) for row in rows),
        tasks=(),
        shipments=tuple(goods),
        vehicles=(van,),
        profiles=(Profile("plane", distance, distance),),
        dimensions=("load",),
    )
    routes = tuple(
        (0, ([visit_of[int(place)] for place in line.split(":")[1].split()],))
        for line in solution.read_text().splitlines()
        if line.startswith("Route")
    )
    figure = next(line for line in solution.read_text().splitlines() if line.startswith("Solution")).split("/")[1]
    return Instance(path.stem, "PDPTW", problem, LILIM_SCALE, float(figure), routes)
