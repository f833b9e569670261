"""The same problem put to VROOM and OR-Tools as well as they can take it; their routes come back as plans of ours.

Both get one core and the same seconds. VROOM: exploration level 5, its own timeout. OR-Tools: guided local search from
savings (with pairs: parallel cheapest insertion), matrices inside the library instead of callbacks.
Neither knows several trips of a vehicle with goods that come in later, so MTVRPTWR is put to neither.
"""

import math
from collections import defaultdict
from datetime import timedelta

import numpy as np
import vroom
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from benchmarks.vrplib_read import Stops, plan_of
from vehicles.problem import Plan, Problem, Task, Vehicle

PLENTY = 50  # a fleet up to that size is given whole, of a larger one what the load needs and a fifth more
VROOM_MOST = 2**31  # costs are 32-bit numbers there


def can_model(problem: Problem) -> bool:
    """Neither peer does several trips, or goods that are not there yet."""
    return all(vehicle.max_trips == 1 for vehicle in problem.vehicles) and not any(t.release for t in problem.tasks)


def fleet(problem: Problem) -> list[tuple[int, Vehicle]]:
    """Vehicle by vehicle, with its type."""
    loads = [max(sum(task.down[0] for task in problem.tasks), sum(task.up[0] for task in problem.tasks))]
    given = []
    for index, vehicle in enumerate(problem.vehicles):
        count = vehicle.count
        if count > PLENTY and loads[0]:
            count = min(count, math.ceil(1.2 * loads[0] / vehicle.capacity[0]) + 5)
        given += [(index, vehicle)] * count
    return given


def banned(problem: Problem) -> np.ndarray:
    """Arcs no vehicle may drive, from place to place: for linehaul first, from up to down and from the start to up."""
    places = len(problem.places)
    arcs = np.zeros((places, places), dtype=bool)
    if problem.linehaul_first:
        ups = [task.place for task in problem.tasks if any(task.up)]
        downs = [task.place for task in problem.tasks if any(task.down)]
        arcs[np.ix_(ups, downs)] = True
        arcs[problem.vehicles[0].start, ups] = True
    return arcs


def by_vroom(problem: Problem, seconds: float) -> Plan:
    """VROOM minimises time on the road, which is distance here. Linehaul first: no drive takes time, what goes down is
    due at 0, what comes up at 1, and distance is the cost; a trip that only collects pays more than it could save."""
    distance = problem.profiles[0].distance
    horizon = problem.vehicles[0].window[1]
    timed = horizon < 10**9
    # costs there are 32-bit: dear ones are reckoned in coarser units, and ours in the fine ones again
    dearest = max(vehicle.fixed_cost + vehicle.distance_cost * int(distance.max()) * 20 for vehicle in problem.vehicles)
    coarse = 1
    while dearest * min(len(problem.tasks) + len(problem.shipments), 50) / coarse > VROOM_MOST and not timed:
        coarse *= 10
    model = vroom.Input()
    if problem.linehaul_first:
        timed, horizon = True, 1
        matrix = distance.copy()
        matrix[banned(problem)] = int(distance.max()) * 20
        model.set_durations_matrix("car", np.zeros_like(distance))
        model.set_costs_matrix("car", matrix)
    else:
        model.set_durations_matrix("car", np.round(distance / coarse))
    window = {"time_window": vroom.TimeWindow(problem.vehicles[0].window[0], horizon)} if timed else {}
    types: dict[int, int] = {}
    for number, (index, vehicle) in enumerate(fleet(problem)):
        types[number] = index
        costs = vroom.VehicleCosts(fixed=vehicle.fixed_cost // coarse, per_hour=3600 * vehicle.distance_cost)
        model.add_vehicle(
            vroom.Vehicle(number, vehicle.start, vehicle.end, capacity=list(vehicle.capacity), costs=costs, **window)
        )

    def windows(given: tuple[int, int]) -> list[vroom.TimeWindow]:
        return [vroom.TimeWindow(*given)] if timed and given[1] < 10**9 else []

    def due(task: Task) -> tuple[int, int]:
        late = int(any(task.up))
        return (late, late) if problem.linehaul_first else task.window

    for index, task in enumerate(problem.tasks):
        model.add_job(
            vroom.Job(
                index,
                task.place,
                default_service=task.service,
                delivery=vroom.Amount(list(task.down)),
                pickup=vroom.Amount(list(task.up)),
                time_windows=windows(due(task)),
            )
        )
    for index, goods in enumerate(problem.shipments):
        model.add_shipment(
            vroom.ShipmentStep(
                index,
                goods.origin,
                default_service=goods.pickup_service,
                time_windows=windows(goods.pickup_window),
            ),
            vroom.ShipmentStep(
                index,
                goods.destination,
                default_service=goods.delivery_service,
                time_windows=windows(goods.delivery_window),
            ),
            amount=vroom.Amount(list(goods.load)),
        )
    found = model.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=seconds))
    routes: dict[int, Stops] = defaultdict(list)
    for step in found.routes.itertuples():
        kind = "task" if step.type == "job" else step.type
        if kind in ("task", "pickup", "delivery"):
            routes[int(step.vehicle_id)].append((kind, int(step.id)))
    return plan_of(problem, [(types[number], (stops,)) for number, stops in routes.items() if stops])


def by_ortools(problem: Problem, seconds: float) -> Plan:
    """Nodes are places (each has one visit); a load dimension each for down and up, or for pairs; one of time."""
    vehicles, places = fleet(problem), len(problem.places)
    manager = pywrapcp.RoutingIndexManager(places, len(vehicles), problem.vehicles[0].start)
    routing = pywrapcp.RoutingModel(manager)
    distance = problem.profiles[0].distance
    costs = {
        unit: routing.RegisterTransitMatrix((distance * unit).tolist())
        for unit in {vehicle.distance_cost for vehicle in problem.vehicles}
    }
    for number, (_, vehicle) in enumerate(vehicles):
        routing.SetArcCostEvaluatorOfVehicle(costs[vehicle.distance_cost], number)
        routing.SetFixedCostOfVehicle(vehicle.fixed_cost, number)
    capacities = [vehicle.capacity[0] for _, vehicle in vehicles]
    visit = _ortools_loads(problem, routing, capacities)
    _ortools_hours(problem, routing, manager)
    for place, behind in zip(*np.nonzero(banned(problem)), strict=True):
        if place == problem.vehicles[0].start:
            for number in range(len(vehicles)):
                routing.NextVar(routing.Start(number)).RemoveValue(manager.NodeToIndex(int(behind)))
        else:
            routing.NextVar(manager.NodeToIndex(int(place))).RemoveValue(manager.NodeToIndex(int(behind)))
    for goods in problem.shipments:
        ends = manager.NodeToIndex(goods.origin), manager.NodeToIndex(goods.destination)
        routing.AddPickupAndDelivery(*ends)
        routing.solver().Add(routing.VehicleVar(ends[0]) == routing.VehicleVar(ends[1]))
        time = routing.GetDimensionOrDie("time")
        routing.solver().Add(time.CumulVar(ends[0]) <= time.CumulVar(ends[1]))
    search = pywrapcp.DefaultRoutingSearchParameters()
    first = routing_enums_pb2.FirstSolutionStrategy
    search.first_solution_strategy = first.PARALLEL_CHEAPEST_INSERTION if problem.shipments else first.SAVINGS
    search.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    search.time_limit.FromTimedelta(timedelta(seconds=seconds))
    found = routing.SolveWithParameters(search)
    routes: list[tuple[int, tuple[Stops, ...]]] = []
    for number, (index, _) in enumerate(vehicles if found else []):
        at, stops = found.Value(routing.NextVar(routing.Start(number))), []
        while not routing.IsEnd(at):
            stops.append(visit[manager.IndexToNode(at)])
            at = found.Value(routing.NextVar(at))
        if stops:
            routes.append((index, (stops,)))
    return plan_of(problem, routes)


def _ortools_loads(
    problem: Problem, routing: pywrapcp.RoutingModel, capacities: list[int]
) -> dict[int, tuple[str, int]]:
    """A dimension for what goes down, one for what comes up (exact where down comes first), one for pairs."""
    columns = {name: [0] * len(problem.places) for name in ("down", "up", "pairs")}
    visit: dict[int, tuple[str, int]] = {}
    for index, task in enumerate(problem.tasks):
        columns["down"][task.place], columns["up"][task.place] = task.down[0], task.up[0]
        visit[task.place] = ("task", index)
    for index, goods in enumerate(problem.shipments):
        columns["pairs"][goods.origin], columns["pairs"][goods.destination] = goods.load[0], -goods.load[0]
        visit[goods.origin], visit[goods.destination] = ("pickup", index), ("delivery", index)
    for name, loads in columns.items():
        if any(loads):
            routing.AddDimensionWithVehicleCapacity(
                routing.RegisterUnaryTransitVector(loads), 0, capacities, True, name
            )
    return visit


def _ortools_hours(problem: Problem, routing: pywrapcp.RoutingModel, manager: pywrapcp.RoutingIndexManager) -> None:
    opens, closes = problem.vehicles[0].window
    if closes >= 10**9:
        return
    service = np.zeros(len(problem.places), dtype=np.int64)
    windows: dict[int, tuple[int, int]] = {}
    for task in problem.tasks:
        service[task.place], windows[task.place] = task.service, task.window
    for goods in problem.shipments:
        service[goods.origin], windows[goods.origin] = goods.pickup_service, goods.pickup_window
        service[goods.destination], windows[goods.destination] = goods.delivery_service, goods.delivery_window
    transit = routing.RegisterTransitMatrix((problem.profiles[0].duration + service[:, None]).tolist())
    routing.AddDimension(transit, closes, closes, False, "time")
    time = routing.GetDimensionOrDie("time")
    for place, (early, late) in windows.items():
        time.CumulVar(manager.NodeToIndex(place)).SetRange(early, min(late, closes))
    for number in range(routing.vehicles()):
        time.CumulVar(routing.Start(number)).SetRange(opens, closes)
