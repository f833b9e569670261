"""What is there twice: vehicles or lines that go the same way within an hour, outlets within a stone's throw."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from django.db.models import Q
from scipy.spatial import cKDTree

from accounts.models import User
from common import clock
from stations.models import Station
from stations.states import StationLevel
from vehicles.models import TripStop
from vehicles.queries.lines import departures_on
from vehicles.states import PlanState, TripState

NEAR_M = 300
WITHIN_S = 3600
SHARED_STOPS = 3  # fewer are a crossing, not a parallel route
DEGREE_M = 111_195  # metres a degree of latitude


@dataclass(frozen=True)
class Near:
    """Two outlets that could be one."""

    one: Station
    other: Station
    metres: int
    middle: tuple[float, float]  # longitude, latitude

    @property
    def same_village(self) -> bool:
        return self.one.region_id == self.other.region_id


def near_outlets(user: User, county_code: str, limit_m: int = NEAR_M) -> list[Near]:
    """Active outlets of the county closer than `limit_m` in a straight line, village by village, the nearest first."""
    outlets = list(
        Station.objects.visible_to(user)
        .active()
        .filter(county_code=county_code, level=StationLevel.OUTLET, lng__isnull=False, lat__isnull=False)
        .select_related("region")
        .order_by("code")
    )
    if len(outlets) < 2:
        return []
    degrees = np.array([(float(s.lng or 0), float(s.lat or 0)) for s in outlets])
    flat = degrees * DEGREE_M * [np.cos(np.radians(degrees[:, 1].mean())), 1.0]
    pairs = cKDTree(flat).query_pairs(limit_m, output_type="ndarray")
    found = [
        Near(
            outlets[a],
            outlets[b],
            round(float(np.hypot(*(flat[a] - flat[b])))),
            (float(degrees[[a, b], 0].mean()), float(degrees[[a, b], 1].mean())),
        )
        for a, b in (sorted(map(int, pair)) for pair in pairs)
    ]
    return sorted((each for each in found if each.metres < limit_m), key=lambda each: (each.one.region_id, each.metres))


@dataclass(frozen=True)
class Way:
    """One vehicle's trip or one departure of a line: who drives it, and when it is at which stop, in order."""

    group: str  # the carrier or the line: what is parallel to itself isn't counted
    name: str
    code: str
    stops: tuple[tuple[Hashable, str, int], ...]  # what it is known by, its name, seconds after midnight


@dataclass(frozen=True)
class Parallel:
    """Two carriers or lines that go the same way within an hour, and the closest example."""

    one: Way
    other: Way
    times: int  # how many pairs of departures
    stops: tuple[str, ...]  # shared, in order
    apart_s: int  # at the first of them


def parallel_routes(*, county_code: str, day: date) -> list[Parallel]:
    """Of the day's lines and the trips of its issued plans: most shared stops first."""
    return parallel([*_lines(county_code, day), *_trips(county_code, day)])


def parallel(ways: Sequence[Way]) -> list[Parallel]:
    """Pairs of different groups with SHARED_STOPS stops in the same order, each within WITHIN_S."""
    at_stop: dict[Hashable, list[tuple[int, int, int]]] = defaultdict(list)  # seconds, way, position
    for number, way in enumerate(ways):
        for position, (key, _name, seconds) in enumerate(way.stops):
            at_stop[key].append((seconds, number, position))
    shared: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)  # ways: position in one → position in other
    for calls in at_stop.values():
        calls.sort()
        for at, (seconds, one, here) in enumerate(calls):
            for later, other, there in calls[at + 1 :]:
                if later - seconds > WITHIN_S:
                    break
                if ways[one].group == ways[other].group:
                    continue
                if one < other:
                    shared[one, other].setdefault(here, there)
                else:
                    shared[other, one].setdefault(there, here)
    best: dict[tuple[str, str], list[Parallel]] = defaultdict(list)
    for (one, other), positions in shared.items():
        same_way = _in_order(sorted(positions.items()))
        if len(same_way) < SHARED_STOPS:
            continue
        a, b = ways[one], ways[other]
        first_a, first_b = same_way[0]
        found = Parallel(
            a, b, 1, tuple(a.stops[here][1] for here, _ in same_way), abs(a.stops[first_a][2] - b.stops[first_b][2])
        )
        groups = sorted((a.group, b.group))
        best[groups[0], groups[1]].append(found)
    answer = []
    for found_here in best.values():
        top = max(found_here, key=lambda each: (len(each.stops), -each.apart_s))
        answer.append(Parallel(top.one, top.other, len(found_here), top.stops, top.apart_s))
    return sorted(answer, key=lambda each: (-len(each.stops), -each.times, each.one.name))


def _in_order(positions: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of shared stops that both pass in the same order."""
    chains: list[list[tuple[int, int]]] = []
    for here, there in positions:
        longest = max((c for c in chains if c[-1][0] < here and c[-1][1] < there), key=len, default=[])
        chains.append([*longest, (here, there)])
    return max(chains, key=len, default=[])


def _lines(county_code: str, day: date) -> list[Way]:
    return [
        Way(
            f"line {run.departure.line_id}",
            run.departure.line.name,
            run.departure.trip_id,
            tuple((call.station_id or f"stop {call.stop.pk}", call.stop.name, call.arrive_s) for call in run.calls),
        )
        for run in departures_on(county_code=county_code, day=day, carrying=False)
    ]


def _trips(county_code: str, day: date) -> list[Way]:
    """Own vehicles' trips; buses stand among the lines already. The hub at both ends is nobody's duplicate."""
    rows = list(
        TripStop.objects.filter(
            Q(trip__plan__state__in=(PlanState.ISSUED, PlanState.CLOSED)) | Q(trip__departed_at__isnull=False),
            trip__county_code=county_code,
            trip__plan__county_code=county_code,
            trip__plan__service_date=day,
            trip__vehicle__isnull=False,
        )
        .exclude(trip__state=TripState.CANCELLED)
        .exclude(station__level=StationLevel.HUB)
        .select_related("station", "trip__vehicle__owner")
        .order_by("trip_id", "seq")
    )
    midnight = clock.day_start(day)
    ways: list[Way] = []
    starts = [at for at, row in enumerate(rows) if not at or rows[at - 1].trip_id != row.trip_id]
    for first, end in pairwise([*starts, len(rows)]):
        vehicle = rows[first].trip.vehicle
        assert vehicle is not None
        stops = tuple(
            (row.station_id, row.station.name, int((row.arrives_at - midnight).total_seconds()))
            for row in rows[first:end]
        )
        ways.append(Way(f"owner {vehicle.owner_id}", f"{vehicle.owner} {vehicle.plate}", rows[first].trip.code, stops))
    return ways
