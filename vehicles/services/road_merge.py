"""Putting roads together: an edition read back as ways, what of it stays under a new file, nodes that are the same."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise

import numpy as np
from django.db.models import Min
from scipy.spatial import cKDTree

from vehicles.models import RoadEdition
from vehicles.services.road_files import Point, Roads, Way

TIE_M = 50.0  # an end of a road entered by hand joins a node within this
SAME_M = 1.5  # other points of it are a node's only if they stand on it
BATCH = 5000
_COLUMNS = (
    "way",
    "source_id",
    "target_id",
    "road_class",
    "name",
    "surface",
    "width_cm",
    "length_m",
    "one_way",
    "closed_from",
    "closed_to",
    "responsible",
)


def stored(edition: RoadEdition) -> Roads:
    """An edition as it was read: its ways put together again from their segments, in the order they were written."""
    # No join with the nodes: right after an import the tables' statistics are old, and the planner loops for minutes.
    nodes = list(edition.nodes.values_list("pk", "ref", "lng", "lat"))
    found = Roads(nodes={ref: (lng, lat) for _pk, ref, lng, lat in nodes})
    ref_of = {pk: ref for pk, ref, _lng, _lat in nodes}
    lone = least_way(edition)
    for ref, source, target, kind, name, surface, width, length, one_way, first, last, responsible in (
        edition.segments.order_by("pk").values_list(*_COLUMNS).iterator(chunk_size=BATCH)
    ):
        if ref is None:
            lone -= 1
            ref = lone
        season = (first, last) if first and last else None
        way = Way(
            ref, (ref_of[source], ref_of[target]), kind, name, surface, width, length, one_way, season, responsible
        )
        if found.ways and _goes_on(found.ways[-1], way):
            grown = found.ways[-1]
            metres = (grown.length_m or 0) + length
            found.ways[-1] = replace(grown, nodes=(*grown.nodes, way.nodes[1]), length_m=metres)
        else:
            found.ways.append(way)
    return found


def least_way(edition: RoadEdition) -> int:
    """The lowest number of a road entered by hand (they count down from -1); 0 where there is none."""
    return min(edition.segments.aggregate(least=Min("way"))["least"] or 0, 0)


def _goes_on(a: Way, b: Way) -> bool:
    return a.nodes[-1] == b.nodes[0] and replace(a, nodes=(), length_m=None) == replace(b, nodes=(), length_m=None)


def digest_of(found: Roads) -> str:
    """Of all that is known of the roads, whatever the numbers of nodes and of roads entered by hand."""
    rows = sorted(
        f"{max(way.ref, 0)}|{line(way, found.nodes)}|{way.road_class}|{way.name}|{way.surface}|{way.width_cm}|"
        f"{round(way.length_m or 0)}|{way.one_way}|{way.season}|{way.responsible}"
        for way in found.ways
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def line(way: Way, nodes: dict[int, Point]) -> tuple[Point, ...]:
    return tuple(nodes[ref] for ref in way.nodes)


def under(found: Roads, kept: Roads) -> tuple[Roads, int]:
    """A new extract with what it leaves open filled from the edition before, and that one's roads by hand: how many."""
    old = {way.ref: way for way in kept.ways if way.ref > 0}
    ways = []
    for way in found.ways:
        known = old.get(way.ref)
        ways.append(
            replace(
                way,
                surface=way.surface or known.surface,
                width_cm=way.width_cm or known.width_cm,
                season=way.season or known.season,
            )
            if known
            else way
        )
    by_hand = [way for way in kept.ways if way.ref < 0]
    more = joined(found.nodes, Roads({n: kept.nodes[n] for way in by_hand for n in way.nodes}, by_hand))
    nodes = {**found.nodes, **more.nodes}
    return Roads(nodes, [*ways, *more.ways], found.problems, found.left_out), len(by_hand)


def joined(base: dict[int, Point], more: Roads) -> Roads:
    """The roads of `more` on the nodes of `base`, where they end near one or run over one; their other nodes numbered
    anew, below all others. What lies between two ends crosses other roads without a junction."""
    names: dict[int, int] = {}
    nodes: dict[int, Point] = {}
    ends = {ref for way in more.ways for ref in (way.nodes[0], way.nodes[-1])}
    near = _near(base, more.nodes, ends)
    least = min([0, *base])
    for ref, point in more.nodes.items():
        if (same := near.get(ref)) is not None:
            names[ref] = same
            nodes[same] = base[same]
        else:
            least -= 1
            names[ref] = least
            nodes[least] = point
    ways = []
    for way in more.ways:
        refs = [names[ref] for ref in way.nodes]
        refs = [refs[0], *(b for a, b in pairwise(refs) if a != b)]
        if len(refs) > 1:
            ways.append(replace(way, nodes=tuple(refs)))
    return Roads(nodes, ways, more.problems, more.left_out)


def _near(base: dict[int, Point], points: dict[int, Point], ends: Collection[int]) -> dict[int, int]:
    """Which node of `base` each point is."""
    if not base or not points:
        return {}
    refs = list(base)
    ground = np.array([base[ref] for ref in refs])
    scale = np.array([111_320.0 * np.cos(np.radians(ground[0, 1])), 110_574.0])
    asked = list(points)
    metres, found = cKDTree(ground * scale).query(np.array([points[ref] for ref in asked]) * scale)
    return {
        ref: refs[int(i)]
        for ref, i, m in zip(asked, found, metres, strict=True)
        if m <= (TIE_M if ref in ends else SAME_M)
    }
