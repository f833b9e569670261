"""What a plan comes to, as numerators and denominators, so that days and counties can be added up and divided last.

1. Own vehicles alone count for loads and kilometres; a bus goes anyway: its departures, pieces and tariff stand apart.
2. Load at departure: Σ on board when each trip leaves ÷ Σ capacity of the vehicles that leave, in each dimension; a
   trip that leaves empty counts with nothing over its whole capacity. The *binding* dimension is the one whose rate
   over all is highest; it is picked after adding up, never trip by trip.
3. Load by kilometre: Σ load × distance ÷ Σ capacity × distance over every leg; never above 1, and about half of the
   load at departure for goods that are set down along the way.
4. Homeward is what a trip drives after the last stop where it set something down (one that only collects: after its
   last stop); empty return: the part of it with nothing on board.
5. Cost: days, distance and hours of the vehicles used and the buses' tariff: transport alone, no counter, no sorting.
6. A vehicle-day is a vehicle with its trips of one day, however many. Vehicles of one each are told apart by their key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce
from typing import Any

from vehicles import rules
from vehicles.problem import Load, Plan, Problem, Route, Shipment, Task, Trip, Vehicle, Visit

PRICE_YUAN = Decimal(3)  # the price of a parcel's last mile, where nobody says another (functions.md 14)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share with what it was divided out of."""

    amount: int = 0
    of: int = 0

    @property
    def share(self) -> float | None:
        return self.amount / self.of if self.of else None

    def __add__(self, other: "Ratio") -> "Ratio":
        return Ratio(self.amount + other.amount, self.of + other.of)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one plan or of many added up. Loads in the problem's units by dimension, metres, 1e-4 yuan, pieces."""

    days: int = 1
    vehicle_days: int = 0  # own vehicles
    trips: int = 0  # of own vehicles
    buses: int = 0  # departures that carry something
    pieces: int = 0  # carried, down and up, buses' too
    bus_pieces: int = 0
    left: Mapping[str, int] = field(default_factory=dict)  # pieces left out, by states.Reason; "": nobody said why
    metres: int = 0
    homeward: Ratio = Ratio()  # metres with nothing on board ÷ metres homeward
    cost: int = 0
    tariff: int = 0  # of cost, what buses are paid
    departure: Mapping[str, Ratio] = field(default_factory=dict)
    moving: Mapping[str, Ratio] = field(default_factory=dict)  # load × metres ÷ capacity × metres
    estimated: bool = False  # distances without a road graph

    @property
    def binding(self) -> str | None:
        """The dimension that is fullest at departure, over all trips together."""
        rates = {name: ratio.share for name, ratio in self.departure.items() if ratio.of}
        return max(rates, key=lambda name: rates[name] or 0.0) if rates else None

    @property
    def load_at_departure(self) -> Ratio:
        """Of the binding dimension."""
        return self.departure.get(self.binding or "", Ratio())

    @property
    def load_km(self) -> Ratio:
        """By kilometre, of the dimension that is fullest that way."""
        rates = [ratio for ratio in self.moving.values() if ratio.of]
        return max(rates, key=lambda ratio: ratio.share or 0.0, default=Ratio())

    @property
    def empty_return(self) -> Ratio:
        return self.homeward

    @property
    def km(self) -> Decimal:
        return Decimal(self.metres) / 1000

    @property
    def yuan(self) -> Decimal:
        return Decimal(self.cost) / rules.YUAN_UNITS

    @property
    def km_a_parcel(self) -> Decimal | None:
        """Own vehicles' kilometres over all that was carried, buses' pieces too: the bus spares those kilometres."""
        return self.km / self.pieces if self.pieces else None

    @property
    def yuan_a_parcel(self) -> Decimal | None:
        return self.yuan / self.pieces if self.pieces else None

    @property
    def vehicles_a_day(self) -> float | None:
        return self.vehicle_days / self.days if self.days else None

    @property
    def left_pieces(self) -> int:
        return sum(self.left.values())

    def inverted(self, price_yuan: Decimal = PRICE_YUAN) -> bool:
        """Price inversion: carrying a parcel costs more than is paid for it."""
        each = self.yuan_a_parcel
        return each is not None and each > price_yuan

    def __add__(self, other: "Figures") -> "Figures":
        """Of different days; two waves of one day: put the day's own `days` and `vehicle_days` afterwards."""
        return Figures(
            days=self.days + other.days,
            vehicle_days=self.vehicle_days + other.vehicle_days,
            trips=self.trips + other.trips,
            buses=self.buses + other.buses,
            pieces=self.pieces + other.pieces,
            bus_pieces=self.bus_pieces + other.bus_pieces,
            left=_sums(self.left, other.left, 0),
            metres=self.metres + other.metres,
            homeward=self.homeward + other.homeward,
            cost=self.cost + other.cost,
            tariff=self.tariff + other.tariff,
            departure=_sums(self.departure, other.departure, Ratio()),
            moving=_sums(self.moving, other.moving, Ratio()),
            estimated=self.estimated or other.estimated,
        )

    def to_json(self) -> dict[str, Any]:
        """Whole numbers, ratios as [amount, of]; from_json gives the same figures back."""
        names = (*_COUNTS, "estimated")
        answer: dict[str, Any] = {name: getattr(self, name) for name in names}
        answer["left"] = dict(self.left)
        answer["homeward"] = [self.homeward.amount, self.homeward.of]
        for name in ("departure", "moving"):
            answer[name] = {key: [ratio.amount, ratio.of] for key, ratio in getattr(self, name).items()}
        return answer

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Figures":
        """Of what to_json wrote; what is missing counts nothing."""
        counts: dict[str, Any] = {name: int(data.get(name, 1 if name == "days" else 0)) for name in _COUNTS}
        return cls(
            **counts,
            left={key: int(count) for key, count in data.get("left", {}).items()},
            homeward=Ratio(*map(int, data.get("homeward", (0, 0)))),
            estimated=bool(data.get("estimated", False)),
            departure=_ratios(data.get("departure", {})),
            moving=_ratios(data.get("moving", {})),
        )


_COUNTS = ("days", "vehicle_days", "trips", "buses", "pieces", "bus_pieces", "metres", "cost", "tariff")


def figures(problem: Problem, plan: Plan, *, left: Mapping[str, int] | None = None) -> Figures:
    """Of a plan the checker passed, in a county's units (rules.py). `left`: the pieces left out by their reason."""
    if left is None:
        lost = sum(problem.tasks[t].pieces for t in plan.left_tasks)
        lost += sum(problem.shipments[s].pieces for s in plan.left_shipments)
        left = {"": lost} if lost else {}
    routes = [route for route in plan.routes if route.trips]
    own = [problem.vehicles[route.vehicle] for route in routes if not problem.vehicles[route.vehicle].timetable]
    one_by_one = {
        vehicle.key for vehicle in own if vehicle.count == 1
    }  # each gap in a vehicle's day is a row of its own
    vehicle_days = len(one_by_one) + sum(vehicle.count > 1 for vehicle in own)
    total = sum_of(_route(problem, route) for route in routes)
    return replace(total, days=1, vehicle_days=vehicle_days, left=dict(left))


def side_by_side(parts: Iterable[Figures]) -> Figures:
    """Of plans for one and the same day: carriers each for themselves."""
    return replace(sum_of(parts), days=1)


def sum_of(parts: Iterable[Figures]) -> Figures:
    """Added up over days; of nothing: nothing, on no day."""
    return reduce(lambda one, other: one + other, parts, Figures(days=0))


def _sums(one: Mapping[str, Any], other: Mapping[str, Any], nothing: Any) -> dict[str, Any]:
    names = dict.fromkeys((*one, *other))
    return {name: one.get(name, nothing) + other.get(name, nothing) for name in names}


def _ratios(pairs: Mapping[str, Any]) -> dict[str, Ratio]:
    return {name: Ratio(*map(int, pair)) for name, pair in pairs.items()}


def _route(problem: Problem, route: Route) -> Figures:
    vehicle = problem.vehicles[route.vehicle]
    things = [_thing(problem, v) for trip in route.trips for v in trip.visits if v.kind != "delivery"]
    pieces = sum(thing.pieces for thing in things)
    if vehicle.timetable:
        tariff = vehicle.tariff * pieces
        return Figures(buses=1, pieces=pieces, bus_pieces=pieces, cost=tariff + vehicle.fixed_cost, tariff=tariff)
    profile = problem.profiles[vehicle.profile]
    trips = [_trip(problem, vehicle, trip, first=not at) for at, trip in enumerate(route.trips)]
    total = sum_of(trips)
    lasted = route.trips[-1].back - route.trips[0].depart
    units = total.metres // rules.DISTANCE_M
    cost = vehicle.fixed_cost + units * vehicle.distance_cost + lasted * vehicle.duration_cost
    return replace(total, pieces=pieces, cost=cost, estimated=profile.estimated)


def _trip(problem: Problem, vehicle: Vehicle, trip: Trip, *, first: bool) -> Figures:
    """Loads and ways of one trip."""
    load: Load = vehicle.initial_load if first and vehicle.initial_load else (0,) * len(problem.dimensions)
    for visit in trip.visits:
        thing = _thing(problem, visit)
        if isinstance(thing, Task):
            load = _plus(load, thing.down)
    departure = load
    distance = problem.profiles[vehicle.profile].distance
    here = vehicle.start
    legs: list[tuple[int, Load]] = []  # metres, on board
    set_down = -1
    for number, visit in enumerate(trip.visits):
        thing = _thing(problem, visit)
        if isinstance(thing, Task):
            there, after = thing.place, _plus(_plus(load, thing.down, -1), thing.up)
            gives = any(thing.down)
        else:
            gives = visit.kind == "delivery"
            there = thing.destination if gives else thing.origin
            after = _plus(load, thing.load, -1 if gives else 1)
        legs.append((int(distance[here, there]) * rules.DISTANCE_M, load))
        set_down = number if gives else set_down
        here, load = there, after
    legs.append((int(distance[here, vehicle.end]) * rules.DISTANCE_M, load))
    metres = sum(each for each, _ in legs)
    home = legs[(set_down if set_down >= 0 else len(trip.visits) - 1) + 1 :]
    names = tuple(enumerate(problem.dimensions))
    return Figures(
        trips=1,
        metres=metres,
        homeward=Ratio(sum(each for each, on in home if not any(on)), sum(each for each, _ in home)),
        departure={name: Ratio(departure[at], vehicle.capacity[at]) for at, name in names},
        moving={
            name: Ratio(sum(each * on[at] for each, on in legs), vehicle.capacity[at] * metres) for at, name in names
        },
    )


def _thing(problem: Problem, visit: Visit) -> Task | Shipment:
    return problem.tasks[visit.index] if visit.kind == "task" else problem.shipments[visit.index]


def _plus(load: Load, more: Load, sign: int = 1) -> Load:
    return tuple(have + sign * add for have, add in zip(load, more, strict=True))
