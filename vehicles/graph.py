"""Ways over the road network: travel times and road distances between stops, by scipy's Dijkstra. Pure.

1. A `RoadGraph` holds nodes and directed edges; a `RoadMode` says which of them a kind of vehicle may use, how fast.
2. Each stop is tied to the nearest node the vehicle can get to; the walk between the two counts in the metres and in
   the seconds. A tiny piece of road that leads nowhere is passed over where the network proper is within reach too.
3. The fastest way counts; its metres ride along. Dijkstra adds one float64 an edge: milliseconds × 2²⁴ + decimetres,
   both whole, so that sums stay exact (up to 149 hours and 1,677 km) and one run answers both questions.
4. Where there is no way, the answer says which kind of none it is (`Reach`); it never is a straight line. Only
   `estimate` goes by the straight line, times a stated factor, and is marked `estimated`.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from vehicles.problem import UNREACHABLE
from vehicles.rules import DETOUR

CLASSES = ("I", "II", "III", "IV", "below")  # road class 1 to 5
SPEEDS_KMH = (60.0, 50.0, 35.0, 22.0, 12.0)  # a van's by class (domain.md 3.4)
USUAL_WIDTH_CM = (0, 700, 700, 650, 350, 300)  # by class, where nobody measured
MAX_SNAP_M = 1_000.0  # farther from any road than this, no road reaches the stop
WALK_KMH = 5.0  # between the stop and the road
SMALL_PIECE = 20  # nodes: fewer, and a piece of road is passed over where a larger one is within reach
EARTH_M = 6_371_008.8
SPLIT_M = 250.0  # a longer edge gets nodes on the way, so that a stop beside it finds them
STRAIGHT = 1.15  # and only if it is about as long as the line between its ends: else nobody knows where it runs
_SHIFT = 2.0**24  # decimetres below, milliseconds above
_ROUND = 200  # sources of one Dijkstra call: bounds the memory to 200 rows of distances
VERSION = 1  # of the calculation: part of every hash, so that a changed rule asks the cache anew


class Reach(IntEnum):
    """How a stop stands to the roads, for one mode."""

    ON_ROAD = 0
    NO_ROAD = 1  # no road at all within the snap distance
    CLOSED = 2  # there is one this vehicle could use, were it not closed
    BARRED = 3  # there is an open one, too narrow or of too low a class for this vehicle
    OTHER_PIECE = 4  # on a road, which isn't joined to the piece most stops stand on


@dataclass(frozen=True, eq=False, slots=True)
class RoadGraph:
    """Nodes by longitude and latitude in degrees; directed edges. A road driven both ways is two edges."""

    lng: np.ndarray
    lat: np.ndarray
    start: np.ndarray  # of each edge, a node's index
    end: np.ndarray
    road_class: np.ndarray  # 1 to 5: CLASSES
    width_cm: np.ndarray  # 0: not measured
    length_m: np.ndarray
    paved: np.ndarray
    closed: np.ndarray
    factor: np.ndarray  # of the usual speed: 1 is normal, 0.5 half

    @property
    def nodes(self) -> int:
        return len(self.lng)

    @property
    def edges(self) -> int:
        return len(self.start)


@dataclass(frozen=True, slots=True)
class RoadMode:
    """What one kind of vehicle may drive on and how fast: speeds in km/h by class, before `factor`, under `cap_kmh`."""

    name: str
    worst_class: int = 5
    width_cm: int = 0  # roads narrower than this are closed to it
    speeds_kmh: tuple[float, ...] = SPEEDS_KMH
    cap_kmh: float = 120.0
    factor: float = 1.0  # of terrain, weather, kind: 0.8 mountain, 0.7 rain or ice, 0.9 a bus
    paved_only: bool = False
    flies: bool = False  # a drone: straight lines at `cap_kmh` are its true way


MODES = {
    "van": RoadMode("van"),
    "truck": RoadMode("truck", worst_class=4, width_cm=350, factor=0.9),
    "trike": RoadMode("trike", cap_kmh=30),
    "bus": RoadMode("bus", worst_class=4, width_cm=350, factor=0.9),
    "ugv": RoadMode("ugv", worst_class=4, cap_kmh=30, paved_only=True),
    "drone": RoadMode("drone", cap_kmh=60, flies=True),
    "cableway": RoadMode("cableway", cap_kmh=18, flies=True),
}  # by kind of vehicle, where nobody says more; a light truck needs 3.5 m (domain.md 3.4), speeds are estimates


@dataclass(frozen=True, eq=False, slots=True)
class Travel:
    """Between points, [from, to]: int64 seconds and metres, UNREACHABLE where there is no way; and each point's lot."""

    seconds: np.ndarray
    metres: np.ndarray
    reach: np.ndarray  # Reach of each point
    snap_m: np.ndarray  # walk from each point to its road; inf where none is near
    estimated: bool = False
    detour: float = 1.0  # of the estimate

    @property
    def reached(self) -> np.ndarray:
        """Whether a road the vehicle may use comes near, in whatever piece of the network."""
        return (self.reach == Reach.ON_ROAD) | (self.reach == Reach.OTHER_PIECE)


def split_long(graph: RoadGraph) -> RoadGraph:
    """The same roads with nodes at most SPLIT_M apart where an edge runs straight; both directions share them."""
    chord = straight_m(graph.lng[graph.start], graph.lat[graph.start], graph.lng[graph.end], graph.lat[graph.end])
    long = (graph.length_m > SPLIT_M) & (graph.length_m <= chord * STRAIGHT)
    if not long.any():
        return graph
    between: dict[tuple[int, int, float], list[int]] = {}
    lng, lat = list(graph.lng), list(graph.lat)
    start, end, origin, share = [], [], [], []
    for k in np.flatnonzero(long):
        a, b = int(graph.start[k]), int(graph.end[k])
        key = (min(a, b), max(a, b), float(graph.length_m[k]))
        pieces = int(np.ceil(graph.length_m[k] / SPLIT_M))
        if key not in between:
            between[key] = list(range(len(lng), len(lng) + pieces - 1))
            for i in range(1, pieces):
                lng.append(lng[key[0]] + (lng[key[1]] - lng[key[0]]) * i / pieces)
                lat.append(lat[key[0]] + (lat[key[1]] - lat[key[0]]) * i / pieces)
        inner = between[key] if a <= b else between[key][::-1]
        start += [a, *inner]
        end += [*inner, b]
        origin += [int(k)] * pieces
        share += [1 / pieces] * pieces
    keep = np.flatnonzero(~long)
    rows = np.concatenate((keep, np.array(origin, dtype=np.int64)))
    return RoadGraph(
        lng=np.array(lng),
        lat=np.array(lat),
        start=np.concatenate((graph.start[keep], np.array(start, dtype=np.int64))),
        end=np.concatenate((graph.end[keep], np.array(end, dtype=np.int64))),
        road_class=graph.road_class[rows],
        width_cm=graph.width_cm[rows],
        length_m=graph.length_m[rows] * np.concatenate((np.ones(len(keep)), np.array(share))),
        paved=graph.paved[rows],
        closed=graph.closed[rows],
        factor=graph.factor[rows],
    )


def straight_m(lng_a: np.ndarray, lat_a: np.ndarray, lng_b: np.ndarray, lat_b: np.ndarray) -> np.ndarray:
    """Great-circle metres between points in degrees; numpy broadcasts."""
    a, b = np.radians(lat_a), np.radians(lat_b)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(np.subtract(lng_b, lng_a)) / 2) ** 2
    return 2 * EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


def passable(graph: RoadGraph, mode: RoadMode, *, though_closed: bool = False) -> np.ndarray:
    """Which edges the mode may use."""
    width = np.where(graph.width_cm > 0, graph.width_cm, np.array(USUAL_WIDTH_CM)[graph.road_class])
    may = (graph.road_class <= mode.worst_class) & (width >= mode.width_cm) & (graph.factor > 0)
    if mode.paved_only:
        may &= graph.paved
    return may if though_closed else may & ~graph.closed


def kmh(graph: RoadGraph, mode: RoadMode) -> np.ndarray:
    """The mode's speed on each edge."""
    usual = np.array((0.0, *mode.speeds_kmh))[graph.road_class]
    return np.minimum(usual * mode.factor, mode.cap_kmh) * graph.factor


def _weights(graph: RoadGraph, mode: RoadMode, edges: np.ndarray) -> csr_matrix:
    """Edge costs as in the module's point 3; of parallel edges the cheapest (a sparse matrix would add them up)."""
    ms = np.rint(graph.length_m[edges] * 3600.0 / kmh(graph, mode)[edges])
    cost = np.maximum(ms, 1.0) * _SHIFT + np.rint(graph.length_m[edges] * 10.0)
    start, end = graph.start[edges], graph.end[edges]
    order = np.lexsort((cost, end, start))
    start, end, cost = start[order], end[order], cost[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    return csr_matrix((cost[first], (start[first], end[first])), shape=(graph.nodes, graph.nodes))


def _xyz(lng: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Points on the ground in metres: a chord is as good as an arc for what is near."""
    lo, la = np.radians(lng), np.radians(lat)
    return EARTH_M * np.column_stack((np.cos(la) * np.cos(lo), np.cos(la) * np.sin(lo), np.sin(la)))


def _ends(graph: RoadGraph, edges: np.ndarray) -> np.ndarray:
    """The nodes that edges touch."""
    return np.unique(np.concatenate((graph.start[edges], graph.end[edges])))


def _near(graph: RoadGraph, nodes: np.ndarray, points: np.ndarray, max_m: float) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of `nodes` to each point and the metres to it; inf beyond `max_m`."""
    if not len(nodes) or not len(points):
        return np.zeros(len(points), dtype=np.int64), np.full(len(points), np.inf)
    tree = cKDTree(_xyz(graph.lng[nodes], graph.lat[nodes]))
    metres, found = tree.query(_xyz(points[:, 0], points[:, 1]), distance_upper_bound=max_m)
    return nodes[np.minimum(found, len(nodes) - 1)], metres


def _snap(
    graph: RoadGraph, weights: csr_matrix, edges: np.ndarray, points: np.ndarray, max_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Node, metres and piece of each point. A piece: nodes from each of which one gets to each other, and back."""
    nodes = _ends(graph, edges)
    _count, piece = connected_components(weights, directed=True, connection="strong")
    large = nodes[np.bincount(piece, minlength=1)[piece[nodes]] >= SMALL_PIECE]
    node, metres = _near(graph, nodes, points, max_m)
    better, better_m = _near(graph, large, points, max_m)
    take = np.isfinite(better_m)
    return np.where(take, better, node), np.where(take, better_m, metres), piece


def _reach(graph: RoadGraph, mode: RoadMode, points: np.ndarray, on_road: np.ndarray, max_m: float) -> np.ndarray:
    reach = np.full(len(points), int(Reach.NO_ROAD), dtype=np.int8)
    for edges, kind in ((~graph.closed, Reach.BARRED), (passable(graph, mode, though_closed=True), Reach.CLOSED)):
        near = np.isfinite(_near(graph, _ends(graph, np.flatnonzero(edges)), points, max_m)[1])
        reach[near] = kind
    reach[on_road] = Reach.ON_ROAD
    return reach


def travel(graph: RoadGraph, points: np.ndarray, mode: RoadMode, *, max_snap_m: float = MAX_SNAP_M) -> Travel:
    """Fastest ways between all `points` (rows of longitude, latitude in degrees) for one mode.

    1. Keep the edges the mode may use. 2. Tie each point to a node. 3. Dijkstra from the nodes that were used. 4. Add
    the walks. 5. Say for each point that has no road why, and which points stand on another piece than most.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if mode.flies:
        return _flight(points, mode)
    n = len(points)
    edges = np.flatnonzero(passable(graph, mode))
    seconds = np.full((n, n), UNREACHABLE, dtype=np.int64)
    metres = np.full((n, n), UNREACHABLE, dtype=np.int64)
    snap_m = np.full(n, np.inf)
    on_road = np.zeros(n, dtype=bool)
    piece_of = np.full(n, -1)
    if len(edges) and n:
        weights = _weights(graph, mode, edges)
        node, snap_m, piece = _snap(graph, weights, edges, points, max_snap_m)
        on_road = np.isfinite(snap_m)
        piece_of[on_road] = piece[node[on_road]]
        stops = np.flatnonzero(on_road)
        used, which = np.unique(node[stops], return_inverse=True)
        for first in range(0, len(used), _ROUND):
            cost = dijkstra(weights, indices=used[first : first + _ROUND])[:, used]
            rows = np.flatnonzero((which >= first) & (which < first + _ROUND))
            part = cost[which[rows] - first][:, which]
            _fill(seconds, metres, stops[rows], stops, part, snap_m)
    seconds[np.arange(n), np.arange(n)] = 0
    metres[np.arange(n), np.arange(n)] = 0
    reach = _reach(graph, mode, points, on_road, max_snap_m)
    if on_road.any():
        names, counts = np.unique(piece_of[on_road], return_counts=True)
        reach[on_road & (piece_of != names[np.argmax(counts)])] = Reach.OTHER_PIECE
    return Travel(seconds, metres, reach, snap_m)


def _fill(
    seconds: np.ndarray, metres: np.ndarray, rows: np.ndarray, columns: np.ndarray, cost: np.ndarray, snap_m: np.ndarray
) -> None:
    """Decode costs and add the walk at both ends; whole numbers, so that no way round is shorter by a rounding."""
    there = np.isfinite(cost)
    whole = np.where(there, cost, 0.0)
    ms = np.floor(whole / _SHIFT)
    walk_dm = np.rint(np.where(np.isfinite(snap_m), snap_m, 0.0) * 10)
    walk_ms = np.rint(walk_dm * 360 / WALK_KMH)
    took = np.ceil((ms + walk_ms[rows][:, None] + walk_ms[columns]) / 1000)
    went = np.ceil((whole - ms * _SHIFT + walk_dm[rows][:, None] + walk_dm[columns]) / 10)
    seconds[np.ix_(rows, columns)] = np.where(there, took, UNREACHABLE).astype(np.int64)
    metres[np.ix_(rows, columns)] = np.where(there, went, UNREACHABLE).astype(np.int64)


def _flight(points: np.ndarray, mode: RoadMode) -> Travel:
    straight = straight_m(points[:, 0][:, None], points[:, 1][:, None], points[:, 0], points[:, 1])
    took = np.ceil(straight * 3.6 / (mode.cap_kmh * mode.factor)).astype(np.int64)
    none = np.zeros(len(points))
    return Travel(took, np.ceil(straight).astype(np.int64), np.zeros(len(points), dtype=np.int8), none)


def estimate(points: np.ndarray, mode: RoadMode, *, detour: float = DETOUR) -> Travel:
    """Without a road graph: straight metres × `detour`, half of them on Class III, half on IV. Marked estimated."""
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if mode.flies:
        return _flight(points, mode)
    straight = straight_m(points[:, 0][:, None], points[:, 1][:, None], points[:, 0], points[:, 1])
    third, fourth = (min(mode.speeds_kmh[c] * mode.factor, mode.cap_kmh) for c in (2, 3))
    speed = 2 / (1 / third + 1 / fourth)
    went = straight * detour
    return Travel(
        np.ceil(went * 3.6 / speed).astype(np.int64),
        np.ceil(went).astype(np.int64),
        np.zeros(len(points), dtype=np.int8),
        np.zeros(len(points)),
        estimated=True,
        detour=detour,
    )


def way(graph: RoadGraph, points: np.ndarray, mode: RoadMode, *, max_snap_m: float = MAX_SNAP_M) -> list[np.ndarray]:
    """For drawing: from each point to the next, the longitudes and latitudes of the nodes along the fastest way.

    A leg without a way has no rows. The points themselves aren't in it.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    none = np.empty((0, 2))
    edges = np.flatnonzero(passable(graph, mode))
    if mode.flies or not len(edges) or len(points) < 2:
        return [none for _leg in points[1:]]
    weights = _weights(graph, mode, edges)
    node, metres, _piece = _snap(graph, weights, edges, points, max_snap_m)
    used, which = np.unique(node, return_inverse=True)
    _cost, before = dijkstra(weights, indices=used, return_predecessors=True)
    legs = []
    for i in range(len(points) - 1):
        at, steps = int(node[i + 1]), [int(node[i + 1])]
        while at != node[i] and at >= 0:
            at = int(before[which[i], at])
            steps.append(at)
        found = at >= 0 and np.isfinite(metres[i]) and np.isfinite(metres[i + 1])
        legs.append(np.column_stack((graph.lng[steps[::-1]], graph.lat[steps[::-1]])) if found else none)
    return legs


def graph_hash(graph: RoadGraph) -> str:
    """Same roads, same hash, however nodes and edges are numbered."""
    micro = [np.rint(axis[ends] * 1e6) for ends in (graph.start, graph.end) for axis in (graph.lng, graph.lat)]
    rest = (graph.road_class, graph.width_cm, np.rint(graph.length_m * 10), graph.paved, graph.closed)
    table = np.column_stack([*micro, *rest, np.rint(graph.factor * 1000)]).astype("<i8")
    table = table[np.lexsort(table.T[::-1])] if len(table) else table
    return hashlib.sha256(f"{VERSION}:{table.shape}".encode() + table.tobytes()).hexdigest()


def stops_hash(of_graph: str, points: np.ndarray, mode: RoadMode, *, max_snap_m: float = MAX_SNAP_M) -> str:
    """The cache's key: of a graph (its hash; "" for an estimate), the stops in their order, a mode (not its name)."""
    spot = np.rint(np.asarray(points, dtype=np.float64).reshape(-1, 2) * 1e6).astype("<i8")
    rule = (
        mode.worst_class, mode.width_cm, mode.speeds_kmh, mode.cap_kmh, mode.factor, mode.paved_only, mode.flies
    )  # fmt: skip
    constants = (VERSION, max_snap_m, WALK_KMH, DETOUR, USUAL_WIDTH_CM, SMALL_PIECE)
    return hashlib.sha256(f"{of_graph}:{rule}:{constants}:{spot.shape}".encode() + spot.tobytes()).hexdigest()
