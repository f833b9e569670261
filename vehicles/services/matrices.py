"""Travel times and road distances between stops, for each kind of vehicle: the one door to the road graph.

Whoever plans asks `matrices`, and doesn't learn where the answer comes from: the cache, Dijkstra over the county's
roads, or, where the county has no roads yet, an estimate (marked as one). Another engine, say an OSRM of the county's
own, would stand behind the same function.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from common import clock
from stations.states import Terrain
from vehicles.graph import MODES, RoadGraph, RoadMode, Travel, estimate, stops_hash, travel
from vehicles.models import MatrixCache, Vehicle
from vehicles.queries import roads as reads

MARGIN_CM = 120  # of a road beyond the vehicle's own width
KEEP = 120  # matrices a county; 400 stops take about half a megabyte each
TERRAIN_FACTOR = {Terrain.MOUNTAIN: 0.8}  # of the usual speeds (domain.md 3.4)
TOUCH_S = 3600  # `used_at` is written that often at most


def mode_of(vehicle: Vehicle, *, terrain: str = Terrain.PLAIN) -> RoadMode:
    """What roads a vehicle takes and how fast; two that are alike get equal modes."""
    usual = MODES[vehicle.kind]
    width = max(usual.width_cm, vehicle.width_cm + MARGIN_CM) if not usual.flies else 0
    return RoadMode(
        name=f"{vehicle.kind}-{vehicle.worst_road}-{width}-{vehicle.speed_cap_kmh}",
        worst_class=int(vehicle.worst_road),
        width_cm=width,
        cap_kmh=float(vehicle.speed_cap_kmh),
        factor=usual.factor * (1.0 if usual.flies else TERRAIN_FACTOR.get(Terrain(terrain), 1.0)),
        paved_only=usual.paved_only,
        flies=usual.flies,
    )


def matrices(
    *, county_code: str, points: Sequence[tuple[float, float]], modes: Sequence[RoadMode], at: datetime
) -> list[Travel]:
    """For each mode the `Travel` between all `points` (longitude, latitude in degrees), on the roads as they are `at`.

    Cached by the hash of roads (incidents and season in it), stops and mode. Without a graph in the county: estimated.
    """
    spots = np.array(points, dtype=np.float64).reshape(-1, 2)
    found = reads.road_day(county_code, clock.business_date(at))
    if found is None:
        return [estimate(spots, mode) for mode in modes]
    keys = [stops_hash(found.digest, spots, mode) for mode in modes]
    answers = {row.key: _unpacked(row) for row in MatrixCache.objects.filter(pk__in=keys)}
    _touch(list(answers), at)
    graph: RoadGraph | None = None
    fresh = []
    for key, mode in zip(keys, modes, strict=True):
        if key not in answers:
            graph = graph or reads.graph_of(found)
            answers[key] = travel(graph, spots, mode)
            fresh.append(_packed(key, county_code, answers[key], at))
    if fresh:
        MatrixCache.objects.bulk_create(fresh, ignore_conflicts=True)  # another worker may have been faster
        _forget_oldest(county_code)
    return [answers[key] for key in keys]


def _packed(key: str, county_code: str, found: Travel, at: datetime) -> MatrixCache:
    more: dict[str, Any] = {
        "reach": found.reach.tolist(),
        "snap_m": [round(float(m), 1) if np.isfinite(m) else None for m in found.snap_m],
    }
    return MatrixCache(
        key=key,
        county_code=county_code,
        size=len(found.reach),
        seconds=zlib.compress(found.seconds.astype("<i4").tobytes(), 1),
        metres=zlib.compress(found.metres.astype("<i4").tobytes(), 1),
        more=more,
        made_at=at,
        used_at=at,
    )


def _unpacked(row: MatrixCache) -> Travel:
    def matrix(data: bytes) -> np.ndarray:
        return np.frombuffer(zlib.decompress(data), dtype="<i4").reshape(row.size, row.size).astype(np.int64)

    return Travel(
        seconds=matrix(bytes(row.seconds)),
        metres=matrix(bytes(row.metres)),
        reach=np.array(row.more["reach"], dtype=np.int8),
        snap_m=np.array([np.inf if m is None else m for m in row.more["snap_m"]], dtype=np.float64),
    )


def _touch(keys: list[str], at: datetime) -> None:
    before = datetime.fromtimestamp(at.timestamp() - TOUCH_S, tz=at.tzinfo)
    MatrixCache.objects.filter(pk__in=keys, used_at__lt=before).update(used_at=at)


def _forget_oldest(county_code: str) -> None:
    rows = MatrixCache.objects.filter(county_code=county_code).order_by("-used_at", "-made_at")
    stale = list(rows.values_list("pk", flat=True)[KEEP:])
    if stale:
        MatrixCache.objects.filter(pk__in=stale).delete()
