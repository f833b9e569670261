"""The made-up county's roads, by hand like everything here: a tree of county and village roads between its stations.

Each township centre hangs on the nearest one nearer to the hub (Class II near it, III farther out), each outlet on the
nearest outlet nearer to its centre (III, IV or below), with a few links between neighbours. Roads wind: points on the
way stand beside the straight line, and the length says how much farther one drives. The dice are seeded.
"""

import math
import random
from datetime import datetime

from accounts.models import User
from stations.models import Station
from stations.queries import placed
from vehicles.queries.roads import current_edition
from vehicles.services.import_roads import replace_roads
from vehicles.services.incidents import confirm_incident, report_incident
from vehicles.services.road_files import Point, Roads, Way, length_of
from vehicles.states import ResponsibleLevel, RoadClass, RoadSource, Surface

SEED = 500230
WINDING = {RoadClass.II: 1.2, RoadClass.III: 1.35, RoadClass.IV: 1.5, RoadClass.BELOW: 1.6}  # road to straight line
WIDTH_CM = {RoadClass.II: 850, RoadClass.III: 700, RoadClass.IV: 450, RoadClass.BELOW: 320}
LEVEL = {RoadClass.IV: ResponsibleLevel.TOWNSHIP, RoadClass.BELOW: ResponsibleLevel.VILLAGE}
NEAR_KM = 15  # centres this near the hub have a road of Class II
Spot = tuple[str, float, float]  # name, longitude, latitude


def open_roads(*, at: datetime, county_code: str) -> None:
    """The county's roads and two incidents on them, once."""
    if current_edition(county_code) is not None:
        return
    officer = User.objects.get(username="county")
    found = build(county_code)
    replace_roads(
        county_code=county_code, found=found, source=RoadSource.HAND, name="演示路网（虚构）", by=officer, at=at
    )
    village = [way for way in found.ways if way.road_class == RoadClass.IV]
    for way, kind, effect in ((village[40], "landslide", "closed"), (village[90], "works", "slowed")):
        lng, lat = found.nodes[way.nodes[len(way.nodes) // 2]]
        incident = report_incident(county_code=county_code, kind=kind, effect=effect, at=at, lng=lng, lat=lat)
        if effect == "slowed":
            confirm_incident(incident=incident, by=officer, at=at)


def build(county_code: str) -> Roads:
    """The graph; the same stations give the same roads."""
    rng = random.Random(SEED)
    rows = [s for s in placed(Station.objects.filter(county_code=county_code)) if s.x is not None and s.y is not None]
    spots = {s.pk: (s.region.short_name, float(s.x or 0), float(s.y or 0)) for s in rows}  # none is without, see above
    made = Roads()
    hub = next(s for s in rows if s.level == "HUB")
    centres = [s.pk for s in rows if s.level == "CENTRE"]
    for pk, onto in _tree(hub.pk, centres, spots):
        near = _km(spots[pk], spots[hub.pk]) < NEAR_KM
        _road(made, rng, spots[onto], spots[pk], RoadClass.II if near else RoadClass.III, "县道")
    for a, b in _links(centres, spots, 6):
        _road(made, rng, spots[a], spots[b], RoadClass.III, "联络线")
    for centre in centres:
        outlets = [s.pk for s in rows if s.level == "OUTLET" and s.parent_id == centre]
        for pk, onto in _tree(centre, outlets, spots):
            kind = rng.choices((RoadClass.III, RoadClass.IV, RoadClass.BELOW), (2, 7, 1))[0]
            _road(made, rng, spots[onto], spots[pk], kind, "村道")
    return made


def _km(a: Spot, b: Spot) -> float:
    return math.hypot((a[1] - b[1]) * 96.5, (a[2] - b[2]) * 110.6)  # at 30° north


def _tree(root: int, others: list[int], spots: dict[int, Spot]) -> list[tuple[int, int]]:
    """(station, the one its road comes from): the nearest among those nearer to the root; same points share a node."""
    order = sorted(others, key=lambda pk: (_km(spots[pk], spots[root]), pk))
    found, done = [], [root]
    for pk in order:
        onto = min(done, key=lambda other: (_km(spots[pk], spots[other]), other))
        if _km(spots[pk], spots[onto]) > 0:
            found.append((pk, onto))
        done.append(pk)
    return found


def _links(centres: list[int], spots: dict[int, Spot], count: int) -> list[tuple[int, int]]:
    pairs = [(a, b) for i, a in enumerate(centres) for b in centres[i + 1 :] if _km(spots[a], spots[b]) > 3]
    return sorted(pairs, key=lambda pair: (_km(spots[pair[0]], spots[pair[1]]), pair))[: count * 4 : 4]


def _road(made: Roads, rng: random.Random, a: Spot, b: Spot, kind: RoadClass, word: str) -> None:
    """A winding line of points about a kilometre apart."""
    steps = max(2, round(_km(a, b)))
    points: list[Point] = [_spot(a)]
    for i in range(1, steps):
        aside = rng.uniform(-0.12, 0.12) * min(_km(a, b), 4) / 100
        along = i / steps
        points.append(
            (
                round(a[1] + (b[1] - a[1]) * along - (b[2] - a[2]) / max(_km(a, b), 0.1) * aside * 100, 5),
                round(a[2] + (b[2] - a[2]) * along + (b[1] - a[1]) / max(_km(a, b), 0.1) * aside * 100, 5),
            )
        )
    points.append(_spot(b))
    known = {point: ref for ref, point in made.nodes.items()}
    refs = []
    for point in points:
        if point not in known:
            known[point] = -len(made.nodes) - 1
            made.nodes[known[point]] = point
        refs.append(known[point])
    poor = kind == RoadClass.BELOW
    made.ways.append(
        Way(
            ref=-len(made.ways) - 1,
            nodes=tuple(ref for i, ref in enumerate(refs) if i == 0 or refs[i - 1] != ref),
            road_class=kind,
            name=f"{a[0]}—{b[0]}{word}",
            surface=Surface.EARTH if poor else Surface.PAVED,
            width_cm=WIDTH_CM[kind] if rng.random() > 0.15 else WIDTH_CM[kind] - (0 if poor else 120),
            length_m=round(max(sum(length_of(points)), _km(a, b) * 1000 * WINDING[kind])),
            season=(12, 2) if poor and rng.random() < 0.4 else None,
            responsible=LEVEL.get(kind, ResponsibleLevel.COUNTY),
        )
    )


def _spot(a: Spot) -> Point:
    return round(a[1], 5), round(a[2], 5)
