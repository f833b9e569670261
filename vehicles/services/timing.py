"""When a trip is where, from the order of its stops alone: for trips that people put together.

Late is late: nothing is refused here, the checker says what is wrong. A vehicle leaves as late as its earliest return
allows, so that it waits at the hub and not in front of a closed door; a bus keeps its timetable.
"""

from collections.abc import Sequence

from vehicles.problem import Call, Problem, Route, Trip, Vehicle, Visit

Order = Sequence[Sequence[int]]  # tasks of each trip


def timed(problem: Problem, vehicle: int, order: Order, *, leave: int | None = None) -> Route:
    """A vehicle's day with its times. `leave`: it leaves exactly then (the first trip)."""
    one = problem.vehicles[vehicle]
    if one.timetable:
        return Route(vehicle, tuple(_ride(problem, one, tasks) for tasks in order))
    if leave is not None:
        return Route(vehicle, _forward(problem, one, order, leave - one.loading))
    first = _forward(problem, one, order, one.window[0])
    start = _latest(problem, one, order, first[-1].back)
    if start > one.window[0]:
        later = _forward(problem, one, order, start)
        if later[-1].back == first[-1].back and not _later_than_windows(problem, later):
            first = later
    return Route(vehicle, first)


def _forward(problem: Problem, vehicle: Vehicle, order: Order, early: int) -> tuple[Trip, ...]:
    """The earliest times when loading begins no sooner than `early`."""
    duration = problem.profiles[vehicle.profile].duration
    trips, now = [], early
    for tasks in order:
        release = max((problem.tasks[index].release for index in tasks), default=0)
        depart = now = max(now, release) + vehicle.loading
        here, visits = vehicle.start, []
        for index in tasks:
            task = problem.tasks[index]
            now += int(duration[here, task.place])
            start = max(now, task.window[0])
            visits.append(Visit("task", index, now, start, start + task.service))
            now, here = start + task.service, task.place
        now += int(duration[here, vehicle.end])
        trips.append(Trip(depart, tuple(visits), now))
    return tuple(trips)


def _latest(problem: Problem, vehicle: Vehicle, order: Order, back: int) -> int:
    """The latest begin of loading with the return at `back`."""
    duration = problem.profiles[vehicle.profile].duration
    now = back
    for tasks in reversed(order):
        here = vehicle.end
        for index in reversed(tasks):
            task = problem.tasks[index]
            now = min(now - int(duration[task.place, here]) - task.service, task.window[1])
            here = task.place
        now -= int(duration[vehicle.start, here]) + vehicle.loading
    return now


def _later_than_windows(problem: Problem, trips: Sequence[Trip]) -> bool:
    return any(visit.start > problem.tasks[visit.index].window[1] for trip in trips for visit in trip.visits)


def _ride(problem: Problem, bus: Vehicle, tasks: Sequence[int]) -> Trip:
    """In the order given, each at the next call at its place (at the first one there, where none is ahead)."""
    visits, reached = [], 0
    for index in tasks:
        task = problem.tasks[index]
        there = [order for order, call in enumerate(bus.timetable) if call.place == task.place]
        ahead = [order for order in there if order >= reached]
        if ahead:
            reached = ahead[0]
        call = bus.timetable[(ahead or there)[0]] if there else Call(task.place, 0, 0)
        start = min(max(call.arrive, task.window[0]), max(call.arrive, call.leave))
        visits.append(Visit("task", index, call.arrive, start, start + task.service))
    return Trip(bus.timetable[0].leave, tuple(visits), bus.timetable[-1].arrive)
