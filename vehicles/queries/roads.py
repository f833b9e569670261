"""Reads of a county's roads: the graph of a day, figures by class, lines to draw, the road nearest a point."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum

from stations.models import Station
from stations.queries import placed
from vehicles.graph import MODES, Reach, RoadGraph, split_long, travel
from vehicles.models import RoadEdition, RoadIncident, RoadSegment
from vehicles.states import INCIDENTS_IN_FORCE, IncidentEffect, RoadClass, Surface

GOOD = (RoadClass.I, RoadClass.II, RoadClass.III)  # "Class III and above"
DAY_S = 86_400


@dataclass(frozen=True)
class RoadDay:
    """What holds on a day: the edition, which segments are shut (incident or season), which are slow and how much."""

    edition: RoadEdition
    shut: frozenset[int] = frozenset()
    slow: dict[int, float] = field(default_factory=dict)  # segment: share of the usual speed

    @property
    def digest(self) -> str:
        """Changes with the roads, with incidents and with the season: what the matrices are cached by."""
        slow = sorted((pk, round(share, 3)) for pk, share in self.slow.items())
        text = f"{self.edition.pk}:{self.edition.digest}:{sorted(self.shut)}:{slow}"
        return hashlib.sha256(text.encode()).hexdigest()


def current_edition(county_code: str) -> RoadEdition | None:
    return RoadEdition.objects.filter(county_code=county_code, current=True).first()


def shut_in(month: int) -> Q:
    """Segments whose season of closure holds the month; 11 to 3 goes over the turn of the year."""
    plain = Q(closed_from__lte=month, closed_to__gte=month)
    rest = Q(closed_from__lte=month) | Q(closed_to__gte=month)
    return Q(closed_from__isnull=False) & (plain | (Q(closed_from__gt=F("closed_to")) & rest))


def road_day(county_code: str, day: date) -> RoadDay | None:
    """The roads of a county on a day; None where it has no graph."""
    edition = current_edition(county_code)
    if edition is None:
        return None
    shut = set(edition.segments.filter(shut_in(day.month)).values_list("pk", flat=True))
    slow: dict[int, float] = {}
    incidents = RoadIncident.objects.filter(
        county_code=county_code, state__in=INCIDENTS_IN_FORCE, segment__edition=edition
    )
    for segment, effect, factor in incidents.values_list("segment_id", "effect", "slow_factor"):
        if effect == IncidentEffect.CLOSED:
            shut.add(segment)
        else:
            slow[segment] = min(slow.get(segment, 1.0), 1 / float(factor))
    return RoadDay(edition, frozenset(shut), slow)


def graph_of(found: RoadDay) -> RoadGraph:
    """The day's graph as arrays; about 0.2 s for a county of 16,000 segments. Two-way roads become two edges."""
    nodes = np.array(list(found.edition.nodes.order_by("pk").values_list("pk", "lng", "lat")), dtype=np.float64)
    nodes = nodes.reshape(-1, 3)
    names = ("pk", "source_id", "target_id", "road_class", "width_cm", "length_m", "one_way", "surface")
    rows = list(found.edition.segments.order_by("pk").values_list(*names))
    pk = np.array([row[0] for row in rows], dtype=np.int64)
    start = np.searchsorted(nodes[:, 0], [row[1] for row in rows]).astype(np.int64)
    end = np.searchsorted(nodes[:, 0], [row[2] for row in rows]).astype(np.int64)
    both = ~np.array([row[6] for row in rows], dtype=bool)
    factor = np.ones(len(rows))
    for segment, share in found.slow.items():
        factor[pk == segment] = share

    def twice(column: Any, dtype: Any) -> np.ndarray:
        values = np.array(column, dtype=dtype)
        return np.concatenate((values, values[both]))

    return split_long(
        RoadGraph(
            lng=nodes[:, 1],
            lat=nodes[:, 2],
            start=np.concatenate((start, end[both])),
            end=np.concatenate((end, start[both])),
            road_class=twice([int(row[3]) for row in rows], np.int64),
            width_cm=twice([row[4] or 0 for row in rows], np.int64),
            length_m=twice([row[5] for row in rows], np.float64),
            paved=twice([row[7] in (Surface.PAVED, Surface.UNKNOWN) and int(row[3]) < 5 for row in rows], bool),
            closed=twice(np.isin(pk, list(found.shut)), bool),
            factor=twice(factor, np.float64),
        )
    )


@dataclass(frozen=True)
class ClassShare:
    road_class: str
    label: str
    metres: int
    roads: int
    share: float  # of the longest class: for a bar


@dataclass(frozen=True)
class Figures:
    """Kilometres by class. A road with a carriageway each way counts both, as the file draws it."""

    classes: list[ClassShare]
    metres: int
    good_m: int  # Class III and above
    below_m: int
    seasonal_m: int
    unpaved_m: int


def figures(edition: RoadEdition) -> Figures:
    rows = edition.segments.values("road_class").annotate(m=Sum("length_m"), roads=Count("way", distinct=True))
    found = {row["road_class"]: row for row in rows.order_by("road_class")}
    longest = max((row["m"] for row in found.values()), default=1)
    classes = [
        ClassShare(kind.value, str(kind.label), found[kind]["m"], found[kind]["roads"], found[kind]["m"] / longest)
        for kind in RoadClass
        if kind in found
    ]
    more = edition.segments.aggregate(
        seasonal=Sum("length_m", filter=Q(closed_from__isnull=False)),
        unpaved=Sum("length_m", filter=Q(surface__in=[Surface.GRAVEL, Surface.EARTH])),
    )
    return Figures(
        classes=classes,
        metres=sum(row.metres for row in classes),
        good_m=sum(row.metres for row in classes if row.road_class in GOOD),
        below_m=sum(row.metres for row in classes if row.road_class == RoadClass.BELOW),
        seasonal_m=more["seasonal"] or 0,
        unpaved_m=more["unpaved"] or 0,
    )


def roads(edition: RoadEdition, *, road_class: str = "", words: str = "", seasonal: bool = False) -> QuerySet[Any]:
    """Roads (all segments of a way) with their length, longest first; each a dict."""
    found = edition.segments.all()
    if road_class:
        found = found.filter(road_class=road_class)
    if words:
        found = found.filter(name__icontains=words)
    if seasonal:
        found = found.filter(closed_from__isnull=False)
    return (
        found.values("way", "name", "road_class", "surface", "responsible", "one_way")
        .annotate(
            metres=Sum("length_m"),
            narrowest_cm=Min("width_cm"),
            closed_from=Max("closed_from"),
            closed_to=Max("closed_to"),
            first=Min("pk"),
        )
        .order_by("-metres", "way")
    )


def way_segments(segment: RoadSegment) -> QuerySet[RoadSegment]:
    """The whole road a segment belongs to."""
    if segment.way is None:
        return RoadSegment.objects.filter(pk=segment.pk)
    return RoadSegment.objects.filter(edition=segment.edition_id, way=segment.way).order_by("pk")


def lines(edition: RoadEdition, *, shut: frozenset[int] = frozenset()) -> list[dict[str, Any]]:
    """Roads to draw: class, name, whether shut, and points [lat, lng] one after another."""
    spots = {pk: [round(lat, 5), round(lng, 5)] for pk, lng, lat in edition.nodes.values_list("pk", "lng", "lat")}
    found: list[dict[str, Any]] = []
    last: tuple[Any, ...] = ()
    end = None
    columns = ("pk", "way", "source_id", "target_id", "road_class", "name", "closed_from", "closed_to")
    for pk, way, source, target, kind, name, closed_from, closed_to in (
        edition.segments.order_by("pk").values_list(*columns).iterator(chunk_size=5000)
    ):
        key = (way, kind, pk in shut)
        if key == last and end == source and way is not None:
            found[-1]["p"].append(spots[target])
        else:
            season = [closed_from, closed_to] if closed_from else None
            line = {"c": kind, "n": name, "x": pk in shut, "m": season, "id": pk, "p": [spots[source], spots[target]]}
            found.append(line)
        last, end = key, target
    return found


@dataclass(frozen=True)
class NearRoad:
    """A road near a point: its nearest segment."""

    segment: RoadSegment
    metres: float


def nearest_roads(
    edition: RoadEdition, lng: float, lat: float, *, limit: int = 5, within_m: float = 2000, way: int | None = None
) -> list[NearRoad]:
    """The nearest segment of each of the nearest roads."""
    rows = edition.segments.filter(way=way) if way is not None else edition.segments.all()
    table = list(rows.values_list("pk", "way", "source_id", "target_id"))
    if not table:
        return []
    spots = {pk: (x, y) for pk, x, y in edition.nodes.values_list("pk", "lng", "lat")}
    metres = _off_segments(lng, lat, np.array([(*spots[row[2]], *spots[row[3]]) for row in table], dtype=np.float64))
    best: dict[Any, tuple[float, int]] = {}
    for i in np.argsort(metres)[:400]:
        key = table[i][1] if table[i][1] is not None else f"#{table[i][0]}"
        if metres[i] <= within_m and key not in best:
            best[key] = (float(metres[i]), table[i][0])
        if len(best) == limit:
            break
    segments = RoadSegment.objects.in_bulk([pk for _metres, pk in best.values()])
    return [NearRoad(segments[pk], m) for m, pk in best.values()]


def _off_segments(lng: float, lat: float, ends: np.ndarray) -> np.ndarray:
    """Metres from a point to each segment, on the flat ground around the point."""
    east = np.cos(np.radians(lat)) * 111_320.0
    ax, ay = (ends[:, 0] - lng) * east, (ends[:, 1] - lat) * 110_574.0
    bx, by = (ends[:, 2] - lng) * east, (ends[:, 3] - lat) * 110_574.0
    dx, dy = bx - ax, by - ay
    length = np.maximum(dx * dx + dy * dy, 1e-9)
    along = np.clip(-(ax * dx + ay * dy) / length, 0, 1)
    return np.hypot(ax + along * dx, ay + along * dy)


@dataclass(frozen=True)
class Joined:
    """How the county's stations stand to its roads, for a van."""

    total: int
    reached: int
    away: list[tuple[int, str, str]]  # station, its name, Reach's name
    unplaced: int  # stations without a point


def joined(found: RoadDay, stations: "QuerySet[Station]") -> Joined:
    """Which stations a van reaches over the roads of the day; reckoned once for each state of the roads."""
    spots = [
        (station.pk, station.name, float(station.x), float(station.y))
        for station in placed(stations)
        if station.x is not None and station.y is not None
    ]
    total = stations.count()
    mark = hashlib.sha256(repr(spots).encode()).hexdigest()[:16]
    key = f"roads-joined:{found.digest}:{mark}"
    reach = cache.get(key)
    if reach is None:
        points = np.array([spot[2:] for spot in spots], dtype=np.float64).reshape(-1, 2)
        reach = [int(kind) for kind in travel(graph_of(found), points, MODES["van"]).reach]
        cache.set(key, reach, DAY_S)
    away = [
        (pk, name, Reach(kind).name)
        for (pk, name, _lng, _lat), kind in zip(spots, reach, strict=True)
        if kind != Reach.ON_ROAD
    ]
    return Joined(total, len(spots) - len(away), away, total - len(spots))


def station_points(county_code: str) -> dict[str, tuple[float, float]]:
    """Where the county's stations stand, by code; those without a point of their own at their division's."""
    found = placed(Station.objects.filter(county_code=county_code))
    return {s.code: (float(s.x), float(s.y)) for s in found if s.x is not None and s.y is not None}


def box_around(county_code: str, *, margin_deg: float = 0.2) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the county's stations and some 20 km around; None without any."""
    spots = list(station_points(county_code).values())
    if not spots:
        return None
    lngs, lats = zip(*spots, strict=True)
    return min(lngs) - margin_deg, min(lats) - margin_deg, max(lngs) + margin_deg, max(lats) + margin_deg
