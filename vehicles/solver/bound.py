"""How few trips could carry the goods: a lower bound by bin packing."""

from collections.abc import Iterable, Sequence

from vehicles.problem import Plan, Problem, Vehicle


def trips_bound(problem: Problem, plan: Plan | None = None) -> int:
    """Trips (buses' apart) that no plan can do with fewer of. Without `plan`: of everything that must go and fits no
    bus, in the largest vehicles there are. With one: of what it carries with each capacity, in that capacity, as many
    as would do if goods could be cut at will; the choice between large and small vehicles is then the plan's."""
    if plan is not None:
        by_capacity: dict[tuple[int, ...], list[int]] = {}
        for route in plan.routes:
            vehicle = problem.vehicles[route.vehicle]
            if not vehicle.timetable:
                carried = by_capacity.setdefault(vehicle.capacity, [])
                carried += [v.index for t in route.trips for v in t.visits if v.kind == "task"]
        return sum(_fractional(problem, tasks, [(c, 10**6)]) for c, tasks in by_capacity.items())
    own = [v for v in problem.vehicles if not v.timetable]
    buses = [v for v in problem.vehicles if v.timetable]
    must = [i for i, t in enumerate(problem.tasks) if t.required]
    bins = sorted(((v.capacity, v.count * v.max_trips) for v in own), key=lambda b: b[0], reverse=True)
    return max(0, _fractional(problem, must, bins, spare=_spare(problem, buses)), _large(problem, own, must))


def _spare(problem: Problem, buses: Sequence[Vehicle]) -> tuple[int, ...]:
    """What all buses together could take."""
    dimensions = range(len(problem.dimensions))
    return tuple(sum(b.capacity[d] * b.count for b in buses) for d in dimensions)


def _fractional(
    problem: Problem, tasks: Iterable[int], bins: Sequence[tuple[tuple[int, ...], int]], spare: Sequence[int] = ()
) -> int:
    """The largest bins first, goods cut at will, dimension by dimension, out and back apart."""
    chosen, most = list(tasks), 0
    for dimension in range(len(problem.dimensions)):
        for loads in ([problem.tasks[t].down for t in chosen], [problem.tasks[t].up for t in chosen]):
            rest = sum(load[dimension] for load in loads) - (spare[dimension] if spare else 0)
            count = 0
            for capacity, available in sorted(bins, key=lambda b: b[0][dimension], reverse=True):
                if rest <= 0 or not capacity[dimension]:
                    break
                needed = min(available, -(-rest // capacity[dimension]))
                count, rest = count + needed, rest - needed * capacity[dimension]
            most = max(most, count)
    return most


def _large(problem: Problem, own: Sequence[Vehicle], tasks: Iterable[int]) -> int:
    """No two tasks above half of every vehicle share a trip (only where no bus could take one)."""
    if not own or len(own) != len(problem.vehicles):
        return 0
    chosen, most = list(tasks), 0
    for dimension in range(len(problem.dimensions)):
        half = max(v.capacity[dimension] for v in own)
        for out in (True, False):
            loads = [problem.tasks[t].down if out else problem.tasks[t].up for t in chosen]
            most = max(most, sum(2 * load[dimension] > half for load in loads))
    return most
