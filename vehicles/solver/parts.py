"""Plans of parts put together into one of the whole: where the search for a larger coalition begins.

A part's plan is told by what both problems know: its vehicles' names and the keys of the places it stops at. What the
parts bring to one place apart may be one task of the whole: the first tour that stops there takes it. A vehicle two
parts want is one vehicle: the second tour goes to one that stands idle, or becomes its further trips; two parts on one
bus share its hold. `repair` then takes out what doesn't fit and puts in what is missing.
"""

from collections.abc import Iterable, Sequence

from vehicles.problem import Plan, Problem
from vehicles.solver.access import call_of
from vehicles.solver.model import Modeller
from vehicles.solver.repair import repair
from vehicles.solver.timing import Clock, plan_of, tours_of
from vehicles.solver.tours import Tour

Told = Sequence[tuple[str, Sequence[Sequence[str]]]]  # a vehicle's name, its trips as keys of places


def told(problem: Problem, plan: Plan, names: Sequence[str]) -> Told:
    """A plan without shipments by its vehicles' `names` (one a vehicle of the problem) and its places' keys."""
    return [
        (names[tour.vehicle], [[problem.places[problem.tasks[n].place].key for n in trip] for trip in tour.trips])
        for tour in tours_of(problem, plan)
    ]


def joined(problem: Problem, parts: Iterable[Told], names: Sequence[str]) -> Plan:
    """One plan that keeps to the problem's limits, as near to those of the parts as they allow."""
    clock = Clock(Modeller(problem))
    whole = _Whole(clock, names)
    for part in parts:
        for name, trips in part:
            whole.add(name, trips)
    return plan_of(clock, repair(clock, [Tour(number, trips) for number, trips in whole.trips.items() if trips]))


class _Whole:
    """Tours that may break limits, one a vehicle (of a kind with several the first alone is used)."""

    def __init__(self, clock: Clock, names: Sequence[str]) -> None:
        self.clock, self.problem = clock, clock.problem
        self.numbers: dict[str, list[int]] = {}
        for number, name in enumerate(names):
            self.numbers.setdefault(name, []).append(number)
        self.waiting: dict[str, list[int]] = {}
        for index, task in enumerate(self.problem.tasks):
            self.waiting.setdefault(self.problem.places[task.place].key, []).append(index)
        self.trips: dict[int, tuple[tuple[int, ...], ...]] = {}

    def add(self, name: str, trips: Sequence[Sequence[str]]) -> None:
        ways = [(number, self._taken(number, trips)) for number in self.numbers.get(name, ())]
        ways = [(number, mine) for number, mine in ways if mine]
        if not ways:
            return
        number, mine = max(ways, key=lambda way: sum(map(len, way[1])))
        vehicle, known = self.problem.vehicles[number], self.trips.get(number, ())
        if known and vehicle.timetable:
            calls = call_of(vehicle)
            on_board = [node for trip in (*known, *mine) for node in trip]
            mine = (tuple(sorted(on_board, key=lambda node: calls[self.problem.tasks[node].place][0])),)
        elif known:
            idle = self._idle(trips)
            if idle is not None:
                number, mine = idle
            elif len(known) + len(mine) <= vehicle.max_trips:
                mine = (*known, *mine)
            else:
                return
        self.trips[number] = mine
        placed = {node for trip in mine for node in trip}
        for nodes in self.waiting.values():
            nodes[:] = [node for node in nodes if node not in placed]

    def _taken(self, number: int, trips: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
        """The tasks still waiting at those places that the vehicle may serve, one a stop."""
        forbidden, taken, answer = self.clock.modeller.forbidden[number], set[int](), []
        for trip in trips:
            nodes = []
            for key in trip:
                free = [n for n in self.waiting.get(key, ()) if n not in taken and not forbidden[n]]
                nodes += free[:1]
                taken.update(free[:1])
            answer.append(tuple(nodes))
        return tuple(trip for trip in answer if trip)

    def _idle(self, trips: Sequence[Sequence[str]]) -> tuple[int, tuple[tuple[int, ...], ...]] | None:
        """The cheapest idle vehicle, no bus, that can drive those trips."""
        best: tuple[int, int, tuple[tuple[int, ...], ...]] | None = None
        for number, vehicle in enumerate(self.problem.vehicles):
            if number in self.trips or vehicle.timetable:
                continue
            mine = self._taken(number, trips)
            timed = self.clock.timed(Tour(number, mine)) if mine else None
            if timed is not None and (best is None or timed.cost < best[0]):
                best = (timed.cost, number, mine)
        return None if best is None else best[1:]
