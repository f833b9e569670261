"""What the planner is given and what it answers: frozen data. The solver and the checker share this and nothing else.

Whole numbers throughout, in units the problem chooses; a county's are (rules.py): time in seconds after midnight of the
service day, which may run past 86,400; distance in 10 m; loads in 0.1 kg and litres; money in 1e-4 yuan. Places, tasks,
vehicles and profiles are named by their index.
"""

from dataclasses import dataclass

import numpy as np

Load = tuple[int, ...]  # one number a dimension
Window = tuple[int, int]  # earliest and latest start of service, both included
EVER: Window = (0, 10**9)
UNREACHABLE = 10**8  # in a matrix: no way for this profile


@dataclass(frozen=True, slots=True)
class Place:
    """A point a vehicle can stand at. `key`: a station's code, or what the caller knows it by."""

    key: str
    x: float = 0.0  # longitude
    y: float = 0.0  # latitude


@dataclass(frozen=True, slots=True)
class Task:
    """Goods for (`down`) and from (`up`) one place in one visit: `down` was loaded where the trip began, `up` rides to
    where it ends. Larger than a vehicle: split before."""

    key: str
    place: int
    down: Load
    up: Load
    service: int = 0
    window: Window = EVER
    skills: frozenset[str] = frozenset()  # the vehicle needs them all: "cold", "hazard"
    allowed: frozenset[int] | None = None  # the vehicles that may serve it; None: any
    pieces: int = 0  # for a bus's tariff, down and up together
    release: int = 0  # when the goods are ready where the trip begins: it can't leave before
    required: bool = True
    skip_cost: int = 0  # what leaving it out costs; of a required task nothing would be enough
    keep: int | None = None  # the vehicle it is promised to: another one costs Problem.change_cost


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods picked up at one place and set down at another by the same vehicle, in the same trip."""

    key: str
    origin: int
    destination: int
    load: Load
    pickup_service: int = 0
    delivery_service: int = 0
    pickup_window: Window = EVER
    delivery_window: Window = EVER
    skills: frozenset[str] = frozenset()
    allowed: frozenset[int] | None = None
    pieces: int = 0
    required: bool = True
    skip_cost: int = 0
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A bus's stop by its timetable."""

    place: int
    arrive: int
    leave: int


@dataclass(frozen=True, slots=True)
class Vehicle:
    """`count` vehicles that are alike. A bus (`timetable`) goes whether we load it or not: it starts at the first call,
    ends at the last, serves only places it calls at, in that order, at those times, and costs its tariff a piece."""

    key: str
    capacity: Load
    profile: int
    start: int  # a place
    end: int
    count: int = 1
    window: Window = EVER  # earliest departure, latest return
    start_late: int | None = None  # latest departure
    max_duration: int = 10**9  # from first departure to last return: the driver's shift
    max_distance: int = 10**9  # of all its trips: range
    max_trips: int = 1  # in a row, each from `start`; more than one only where start == end
    loading: int = 0  # before each trip leaves `start`
    fixed_cost: int = 0  # once, however many trips
    distance_cost: int = 1  # a unit of distance
    duration_cost: int = 0  # a second between first departure and last return
    skills: frozenset[str] = frozenset()
    initial_load: Load = ()  # collected before the plan begins, on board until its first trip ends
    timetable: tuple[Call, ...] = ()
    tariff: int = 0  # a piece, bus only


@dataclass(frozen=True, eq=False, slots=True)
class Profile:
    """How one kind of vehicle gets around: int64 matrices [from place, to place]; UNREACHABLE where it can't."""

    name: str
    distance: np.ndarray
    duration: np.ndarray
    estimated: bool = False  # no road graph behind it: shown as an estimate wherever it is shown


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """One planning problem: a county's day or wave, or a public instance."""

    places: tuple[Place, ...]
    tasks: tuple[Task, ...]
    vehicles: tuple[Vehicle, ...]
    profiles: tuple[Profile, ...]
    shipments: tuple[Shipment, ...] = ()
    dimensions: tuple[str, ...] = ("weight", "volume")
    change_cost: int = 0  # for each task or shipment that doesn't stay with its `keep`
    linehaul_first: bool = False  # on a trip no `down` after an `up` (goods stand in the way), and none of `up` alone


@dataclass(frozen=True, slots=True)
class Visit:
    """One stop of a trip: of a task, or of a shipment's pickup or delivery. arrive ≤ start; leave = start + service."""

    kind: str  # "task", "pickup", "delivery"
    index: int  # of the task or shipment
    arrive: int
    start: int
    leave: int


@dataclass(frozen=True, slots=True)
class Trip:
    """From `start` to `end` of the vehicle. `depart` is after loading."""

    depart: int
    visits: tuple[Visit, ...]
    back: int  # at the end


@dataclass(frozen=True, slots=True)
class Route:
    """One vehicle's day; of a type with `count` > 1 any one that no other route uses."""

    vehicle: int
    trips: tuple[Trip, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """An answer. Tasks and shipments that aren't in a route are left out. `cost` is what the solver says; the checker
    reckons its own."""

    routes: tuple[Route, ...]
    cost: int = 0
    left_tasks: tuple[int, ...] = ()
    left_shipments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Improvement:
    """A step of the search: seconds since its start, the incumbent's cost, what found it."""

    at_s: float
    cost: int
    found_by: str


@dataclass(frozen=True, slots=True)
class Solved:
    plan: Plan
    trace: tuple[Improvement, ...]
    iterations: int
    stopped: bool  # asked to stop before the deadline
