"""What a vehicle may serve: skills, permission, a bus's calls and its timetable, goods out before goods back."""

from collections.abc import Mapping, Sequence

from vehicles.problem import Call, Shipment, Task, Vehicle, Window


def end_loading(vehicle: Vehicle) -> int:
    """PyVRP's depot carries the loading time, so a vehicle that comes home comes to the depot it started from."""
    return vehicle.loading if vehicle.end == vehicle.start else 0


def call_of(vehicle: Vehicle) -> dict[int, tuple[int, Call]]:
    """A bus's first call at each place after its start, with its number in the timetable."""
    calls: dict[int, tuple[int, Call]] = {}
    for order, call in enumerate(vehicle.timetable):
        calls.setdefault(call.place, (order, call))
    return calls


def bus_start(window: Window, call: Call) -> int | None:
    """When a bus's stop can be served, None: not by this call."""
    start = max(call.arrive, window[0])
    return start if start <= min(call.leave, window[1]) else None


def may_serve(work: Task | Shipment, vehicle: Vehicle, number: int) -> bool:
    return work.skills <= vehicle.skills and (work.allowed is None or number in work.allowed)


def bus_fits(task: Task, vehicle: Vehicle, calls: Mapping[int, tuple[int, Call]]) -> bool:
    return (
        task.place in calls
        and task.release <= vehicle.timetable[0].leave
        and bus_start(task.window, calls[task.place][1]) is not None
    )


def bus_carries(shipment: Shipment, vehicle: Vehicle, calls: Mapping[int, tuple[int, Call]]) -> bool:
    if shipment.origin not in calls or shipment.destination not in calls:
        return False
    (first, on), (last, off) = calls[shipment.origin], calls[shipment.destination]
    return (
        first <= last
        and bus_start(shipment.pickup_window, on) is not None
        and bus_start(shipment.delivery_window, off) is not None
    )


def out_of_order(kinds: Sequence[tuple[bool, bool]]) -> bool:
    """Whether a trip has `down` after an `up`, or only `up`."""
    seen_up = False
    for down, up in kinds:
        if down and seen_up:
            return True
        seen_up = seen_up or up
    return bool(kinds) and not any(down for down, _ in kinds)
