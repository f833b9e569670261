"""Ways over the road graph: against brute force, by vehicle, and what is said where there is no way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vehicles.graph import (
    WALK_KMH,
    Reach,
    RoadGraph,
    RoadMode,
    estimate,
    graph_hash,
    kmh,
    passable,
    stops_hash,
    straight_m,
    travel,
    way,
)
from vehicles.problem import UNREACHABLE
from vehicles.rules import DETOUR

VAN = RoadMode("van")
TRUCK = RoadMode("truck", worst_class=4, width_cm=350, factor=0.9)
Edge = tuple[int, int, int, float]  # from, to, class, metres


def build(nodes: list[tuple[float, float]], edges: list[Edge], **more: list[object]) -> RoadGraph:
    count = len(edges)
    given_: dict[str, list[object]] = {
        "width_cm": [0] * count,
        "paved": [True] * count,
        "closed": [False] * count,
        "factor": [1.0] * count,
        **more,
    }
    return RoadGraph(
        lng=np.array([lng for lng, _lat in nodes], dtype=float),
        lat=np.array([lat for _lng, lat in nodes], dtype=float),
        start=np.array([e[0] for e in edges], dtype=np.int64),
        end=np.array([e[1] for e in edges], dtype=np.int64),
        road_class=np.array([e[2] for e in edges], dtype=np.int64),
        width_cm=np.array(given_["width_cm"], dtype=np.int64),
        length_m=np.array([e[3] for e in edges], dtype=float),
        paved=np.array(given_["paved"], dtype=bool),
        closed=np.array(given_["closed"], dtype=bool),
        factor=np.array(given_["factor"], dtype=float),
    )


def both(*edges: Edge) -> list[Edge]:
    return [*edges, *((b, a, c, m) for a, b, c, m in edges)]


def grid(n: int) -> list[tuple[float, float]]:
    """Nodes three kilometres apart: nothing snaps to a neighbour."""
    return [(107.0 + 0.03 * (i % 4), 29.0 + 0.03 * (i // 4)) for i in range(n)]


@st.composite
def networks(draw: st.DrawFn) -> tuple[RoadGraph, RoadMode]:
    n = draw(st.integers(2, 9))
    edges = draw(
        st.lists(
            st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(1, 5), st.floats(1, 20_000)),
            min_size=1,
            max_size=24,
        )
    )
    count = len(edges)
    graph = build(
        grid(n),
        edges,
        closed=draw(st.lists(st.booleans(), min_size=count, max_size=count)),
        factor=draw(st.lists(st.sampled_from([0.3, 0.5, 1.0]), min_size=count, max_size=count)),
        width_cm=draw(st.lists(st.sampled_from([0, 300, 400]), min_size=count, max_size=count)),
    )
    return graph, draw(st.sampled_from([VAN, TRUCK]))


def brute_force(graph: RoadGraph, mode: RoadMode) -> tuple[np.ndarray, np.ndarray]:
    """Floyd and Warshall over (milliseconds, decimetres), in Python's whole numbers."""
    n, far = graph.nodes, (10**15, 10**15)
    best = [[(0, 0) if i == j else far for j in range(n)] for i in range(n)]
    speed, may = kmh(graph, mode), passable(graph, mode)
    for k in np.flatnonzero(may):
        a, b = int(graph.start[k]), int(graph.end[k])
        cost = (max(1, int(np.rint(graph.length_m[k] * 3600 / speed[k]))), int(np.rint(graph.length_m[k] * 10)))
        if a != b:
            best[a][b] = min(best[a][b], cost)
    for m in range(n):
        for i in range(n):
            for j in range(n):
                first, then = best[i][m], best[m][j]
                best[i][j] = min(best[i][j], (first[0] + then[0], first[1] + then[1]))
    ms = np.array([[cell[0] for cell in row] for row in best])
    dm = np.array([[cell[1] for cell in row] for row in best])
    return ms, dm


@settings(max_examples=200, deadline=None)
@given(networks())
def test_same_as_brute_force(case: tuple[RoadGraph, RoadMode]) -> None:
    graph, mode = case
    points = np.column_stack((graph.lng, graph.lat))
    found = travel(graph, points, mode, max_snap_m=10)
    ms, dm = brute_force(graph, mode)
    touched = np.zeros(graph.nodes, dtype=bool)
    may = passable(graph, mode)
    touched[graph.start[may]] = touched[graph.end[may]] = True
    assert (found.reached == touched).all()
    want = np.where(ms < 10**14, np.ceil(ms / 1000), UNREACHABLE)
    assert (found.seconds == want).all()
    assert (found.metres == np.where(ms < 10**14, np.ceil(dm / 10), UNREACHABLE)).all()


@settings(max_examples=100, deadline=None)
@given(networks())
def test_no_way_round_is_shorter(case: tuple[RoadGraph, RoadMode]) -> None:
    graph, mode = case
    rng = np.random.default_rng(1)
    points = np.column_stack((graph.lng, graph.lat)) + rng.uniform(-0.003, 0.003, (graph.nodes, 2))
    s = travel(graph, points, mode).seconds
    for k in range(len(s)):
        assert (s <= s[:, [k]] + s[[k], :]).all()


def test_one_way_is_driven_one_way() -> None:
    graph = build(grid(3), [(0, 1, 3, 1000), (1, 2, 3, 1000), (2, 0, 3, 5000)])
    found = travel(graph, np.column_stack((graph.lng, graph.lat)), VAN)
    assert found.metres[0, 1] == 1000
    assert found.metres[1, 0] == 6000
    dead_end = build(grid(2), [(0, 1, 3, 1000)])
    found = travel(dead_end, np.column_stack((dead_end.lng, dead_end.lat)), VAN)
    assert found.seconds[0, 1] == 103  # 1 km at 35 km/h
    assert found.seconds[1, 0] == UNREACHABLE
    assert Reach.OTHER_PIECE in found.reach


def test_the_fastest_way_counts_and_its_metres_with_it() -> None:
    """Ten kilometres of Class I beat six of a road below grade."""
    graph = build(grid(3), both((0, 1, 5, 6000), (0, 2, 1, 5000), (2, 1, 1, 5000)))
    found = travel(graph, np.column_stack((graph.lng, graph.lat)), VAN)
    assert (found.seconds[0, 1], found.metres[0, 1]) == (600, 10_000)


def test_each_vehicle_has_its_own_roads() -> None:
    narrow = build(grid(2), both((0, 1, 4, 1000)), width_cm=[320, 320])
    points = np.column_stack((narrow.lng, narrow.lat))
    assert travel(narrow, points, VAN).reached.all()
    barred = travel(narrow, points, TRUCK)
    assert (barred.reach == Reach.BARRED).all()
    assert barred.seconds[0, 1] == UNREACHABLE
    closed = build(grid(2), both((0, 1, 3, 1000)), closed=[True, True])
    assert (travel(closed, points, VAN).reach == Reach.CLOSED).all()
    slow = build(grid(2), both((0, 1, 3, 1000)), factor=[0.5, 0.5])
    assert travel(slow, points, VAN).seconds[0, 1] == 206
    capped = RoadMode("trike", cap_kmh=20)
    assert travel(build(grid(2), both((0, 1, 1, 1000))), points, capped).seconds[0, 1] == 180
    bus = RoadMode("bus", paved_only=True)
    unpaved = build(grid(2), both((0, 1, 3, 1000)), paved=[False, False])
    assert (travel(unpaved, points, bus).reach == Reach.BARRED).all()


def test_a_stop_no_road_reaches_is_told_from_a_graph_in_two_pieces() -> None:
    nodes = grid(5)
    graph = build(nodes, both((0, 1, 3, 1000), (1, 2, 3, 1000), (3, 4, 3, 1000)))
    points = np.array([*nodes, (107.5, 29.5)])
    found = travel(graph, points, VAN)
    assert list(found.reach) == [0, 0, 0, Reach.OTHER_PIECE, Reach.OTHER_PIECE, Reach.NO_ROAD]
    assert found.seconds[0, 3] == UNREACHABLE
    assert found.seconds[3, 4] == 103
    assert (found.seconds[5, :5] == UNREACHABLE).all()
    assert found.seconds[5, 5] == 0
    assert np.isinf(found.snap_m[5])


def test_the_walk_to_the_road_is_counted_at_both_ends() -> None:
    graph = build(grid(2), both((0, 1, 3, 1000)))
    off = np.array([(107.0, 29.002), (107.03, 29.0)])
    found = travel(graph, off, VAN)
    walk = float(straight_m(107.0, 29.0, 107.0, 29.002))  # type: ignore[arg-type]
    assert found.snap_m[0] == pytest.approx(walk, abs=0.1)
    assert found.metres[0, 1] == pytest.approx(1000 + walk, abs=1)
    assert found.seconds[0, 1] == pytest.approx(103 + walk * 3.6 / WALK_KMH, abs=1)
    assert travel(graph, off, VAN, max_snap_m=100).reach[0] == Reach.NO_ROAD


def test_a_scrap_of_road_is_passed_over_for_the_network() -> None:
    """A stop beside a parking place's own few metres still gets onto the road behind it."""
    line = [(107.0 + 0.002 * i, 29.0) for i in range(25)]
    nodes = [*line, (107.0, 29.002), (107.0005, 29.002)]
    edges = both(*((i, i + 1, 3, 195.0) for i in range(24)), (25, 26, 5, 50.0))
    found = travel(build(nodes, edges), np.array([(107.0, 29.0021), (107.048, 29.0)]), VAN)
    assert (found.reach == Reach.ON_ROAD).all()
    assert found.seconds[0, 1] < UNREACHABLE


def test_an_estimate_says_so_and_a_drone_flies_straight() -> None:
    points = np.array([(107.0, 29.0), (107.1, 29.0)])
    straight = float(straight_m(107.0, 29.0, 107.1, 29.0))  # type: ignore[arg-type]
    guess = estimate(points, VAN)
    assert guess.estimated
    assert guess.detour == DETOUR
    assert guess.metres[0, 1] == np.ceil(straight * DETOUR)
    drone = RoadMode("drone", flies=True, cap_kmh=60)
    flight = travel(build(grid(2), both((0, 1, 3, 1000))), points, drone)
    assert not flight.estimated
    assert flight.metres[0, 1] == np.ceil(straight)
    assert flight.seconds[0, 1] == np.ceil(straight * 3.6 / 60)


def test_nothing_asked_nothing_answered() -> None:
    empty = build([], [])
    assert travel(empty, np.empty((0, 2)), VAN).seconds.shape == (0, 0)
    found = travel(empty, np.array([(107.0, 29.0), (107.1, 29.0)]), VAN)
    assert (found.reach == Reach.NO_ROAD).all()


def test_the_hash_is_of_the_roads_not_of_their_numbers() -> None:
    nodes = grid(3)
    one = build(nodes, both((0, 1, 3, 1000), (1, 2, 4, 900)))
    other = build(nodes[::-1], both((1, 0, 4, 900), (2, 1, 3, 1000)))
    assert graph_hash(one) == graph_hash(other)
    shut = build(nodes, both((0, 1, 3, 1000), (1, 2, 4, 900)), closed=[False, True, False, False])
    slow = build(nodes, both((0, 1, 3, 1000), (1, 2, 4, 900)), factor=[1.0, 0.5, 1.0, 1.0])
    assert len({graph_hash(one), graph_hash(shut), graph_hash(slow)}) == 3
    points = np.array(nodes)
    keys = {
        stops_hash(graph_hash(one), points, VAN),
        stops_hash(graph_hash(one), points[::-1], VAN),
        stops_hash(graph_hash(one), points, TRUCK),
        stops_hash(graph_hash(shut), points, VAN),
    }
    assert len(keys) == 4
    assert stops_hash(graph_hash(one), points, RoadMode("another name")) in keys


def test_the_way_is_drawn_node_by_node() -> None:
    nodes = grid(5)
    graph = build(nodes, both((0, 1, 3, 1000), (1, 2, 3, 1000), (3, 4, 3, 1000)))
    legs = way(graph, np.array([nodes[0], nodes[2], nodes[3]]), VAN)
    assert legs[0].tolist() == [list(nodes[0]), list(nodes[1]), list(nodes[2])]
    assert not len(legs[1])
