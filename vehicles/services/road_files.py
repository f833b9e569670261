"""Reading roads from files: an OpenStreetMap extract (.osm.pbf, by pyosmium) or our own CSV. Plain data out.

Which tag becomes which class stands in docs/roads.md, and here once: `CLASS_OF`, `_osm_way`.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import osmium
from django.utils.translation import gettext as _

from common.errors import Refused
from vehicles.graph import straight_m
from vehicles.states import ResponsibleLevel, RoadClass, Surface

Point = tuple[float, float]  # longitude, latitude in degrees
Box = tuple[float, float, float, float]  # west, south, east, north
Step = Callable[[int, int], None]
MOST_NODES = 400_000  # a county's roads have a tenth of it
MOST_LINES = 20_000
COLUMNS = (
    "name",
    "points",
    "class",
    "surface",
    "width_m",
    "length_m",
    "one_way",
    "closed_from",
    "closed_to",
    "responsible",
)

CLASS_OF = {
    "motorway": RoadClass.I,
    "trunk": RoadClass.I,
    "primary": RoadClass.II,
    "secondary": RoadClass.III,
    "tertiary": RoadClass.III,
    "unclassified": RoadClass.IV,
    "residential": RoadClass.IV,
    "living_street": RoadClass.IV,
    "road": RoadClass.IV,
    "service": RoadClass.IV,
    "track": RoadClass.BELOW,
}
TRACKS_OF_CLASS_IV = ("grade1", "grade2")
PAVED = {"paved", "asphalt", "concrete", "concrete:plates", "concrete:lanes", "chipseal", "paving_stones", "sett"}
GRAVEL = {"gravel", "fine_gravel", "compacted", "pebblestone", "cobblestone", "unhewn_cobblestone", "unpaved"}
EARTH = {"earth", "dirt", "ground", "mud", "sand", "grass", "clay", "woodchips"}
IMPASSABLE = {"horrible", "very_horrible", "impassable"}
SHUT = {"no", "private", "agricultural", "forestry", "emergency"}
LANE_CM = 325
RESPONSIBLE = {RoadClass.IV: ResponsibleLevel.TOWNSHIP, RoadClass.BELOW: ResponsibleLevel.VILLAGE}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SEASON = re.compile(r"no\s*@\s*\(?\s*([A-Za-z]{3})[a-z]*\s*\d*\s*-\s*([A-Za-z]{3})[a-z]*")
_WIDTH = re.compile(r"^\s*([0-9]{1,2}(?:[.,][0-9]{1,2})?)\s*(?:m|metres|meters)?\s*$")


@dataclass(frozen=True, slots=True)
class Way:
    """A road as a line of nodes, with one set of properties. `ref` is OSM's; below zero: entered by hand."""

    ref: int
    nodes: tuple[int, ...]
    road_class: str
    name: str = ""
    surface: str = ""
    width_cm: int | None = None
    length_m: float | None = None  # measured on the road; None: along the points
    one_way: bool = False
    season: tuple[int, int] | None = None  # closed from this month to that, both included
    responsible: str = ResponsibleLevel.COUNTY


@dataclass(frozen=True, slots=True)
class RowProblem:
    row: int
    column: str
    code: str
    detail: str
    value: str = ""


@dataclass
class Roads:
    """What a file holds."""

    nodes: dict[int, Point] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    left_out: int = 0  # ways outside the county, or that no vehicle may use


def length_of(points: list[Point]) -> list[float]:
    """Metres of each stretch between one point and the next."""
    return [float(straight_m(a[0], a[1], b[0], b[1])) for a, b in pairwise(points)]  # type: ignore[arg-type]


def _surface(text: str) -> str:
    for words, surface in ((PAVED, Surface.PAVED), (GRAVEL, Surface.GRAVEL), (EARTH, Surface.EARTH)):
        if text.split(";")[0] in words:
            return surface
    return Surface.UNKNOWN


def _width(tags: Mapping[str, str]) -> int | None:
    for key in ("width", "est_width"):
        if found := _WIDTH.match(tags.get(key, "")):
            return min(round(float(found[1].replace(",", ".")) * 100), 10_000)
    lanes = tags.get("lanes", "")
    return int(lanes) * LANE_CM if lanes.isdigit() and 1 <= int(lanes) <= 12 else None


def _season(tags: Mapping[str, str]) -> tuple[int, int] | None:
    """`no @ (Nov-Apr)` on a conditional access tag."""
    for key in ("motor_vehicle:conditional", "vehicle:conditional", "access:conditional"):
        found = _SEASON.search(tags.get(key, ""))
        if found and found[1].lower() in _MONTHS and found[2].lower() in _MONTHS:
            return _MONTHS.index(found[1].lower()) + 1, _MONTHS.index(found[2].lower()) + 1
    return None


def osm_way(ref: int, tags: Mapping[str, str], nodes: tuple[int, ...]) -> Way | None:
    """A way of OpenStreetMap in our words; None where no vehicle of ours may drive."""
    highway = tags.get("highway", "")
    kind = CLASS_OF.get(highway.removesuffix("_link"))
    access = next((tags[k] for k in ("motor_vehicle", "motorcar", "vehicle", "access") if k in tags), "")
    season = _season(tags)
    if kind is None or (access in SHUT and season is None) or tags.get("smoothness") in IMPASSABLE:
        return None
    if tags.get("area") == "yes" or len(nodes) < 2:
        return None
    surface = _surface(tags.get("surface", ""))
    if highway == "track" and tags.get("tracktype") in TRACKS_OF_CLASS_IV:
        kind = RoadClass.IV
    if surface == Surface.EARTH and kind in (RoadClass.III, RoadClass.IV):
        kind = RoadClass.BELOW
    direction = tags.get("oneway", "")
    if not direction and (tags.get("junction") in ("roundabout", "circular") or highway.startswith("motorway")):
        direction = "yes"
    return Way(
        ref=ref,
        nodes=nodes[::-1] if direction in ("-1", "reverse") else nodes,
        road_class=kind,
        name=(tags.get("name:zh") or tags.get("name") or tags.get("ref") or "")[:120],
        surface=surface,
        width_cm=_width(tags),
        one_way=direction in ("yes", "true", "1", "-1", "reverse"),
        season=season,
        responsible=RESPONSIBLE.get(kind, ResponsibleLevel.COUNTY),
    )


def read_osm(path: Path, *, within: Box | None = None, step: Step | None = None) -> Roads:
    """The drivable ways of an extract, those that touch `within`. Refused "not_osm", "too_many_roads"."""
    found = Roads()
    try:
        reader = osmium.FileProcessor(str(path)).with_locations().with_filter(osmium.filter.KeyFilter("highway"))
        for count, item in enumerate(reader):
            if step and count % 20_000 == 0:
                step(count, 0)
            if not isinstance(item, osmium.osm.Way):
                continue
            tags = {tag.k: tag.v for tag in item.tags}
            placed = [(n.ref, (round(n.lon, 7), round(n.lat, 7))) for n in item.nodes if n.location.valid()]
            refs = tuple(ref for i, (ref, _point) in enumerate(placed) if i == 0 or placed[i - 1][0] != ref)
            way = osm_way(item.id, tags, refs)
            if way is None or (within and not any(_inside(point, within) for _ref, point in placed)):
                found.left_out += 1
                continue
            found.ways.append(way)
            found.nodes.update(placed)
            if len(found.nodes) > MOST_NODES:
                raise Refused(
                    "too_many_roads",
                    _("The extract holds more roads than a county has. Take only what lies around its stations."),
                    pointer="/file",
                )
    except (RuntimeError, OSError, ValueError) as broken:
        raise Refused("not_osm", _("This is no OpenStreetMap extract (.osm.pbf)."), pointer="/file") from broken
    return found


def _inside(point: Point, box: Box) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _text(path: Path) -> str:
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("not_text", _("The file is no text: save the table as CSV."), pointer="/file")


def read_csv(path: Path, *, stations: Mapping[str, Point], first_ref: int = -1, step: Step | None = None) -> Roads:
    """Roads entered by hand, one a line. `points`: "lng lat; lng lat …" or codes of stations. Lines that can't be used
    are problems; the rest is good. Refused "not_text", "header_missing", "too_many_lines"."""
    reader = csv.DictReader(io.StringIO(_text(path)))
    header = [(name or "").strip().lower() for name in reader.fieldnames or []]
    if not {"points", "class"} <= set(header):
        raise Refused(
            "header_missing",
            _("The first line must name the columns: %(columns)s.") % {"columns": ", ".join(COLUMNS)},
            pointer="/file",
        )
    reader.fieldnames = header
    found, refs = Roads(), dict[Point, int]()
    for number, row in enumerate(reader, start=2):
        if number > MOST_LINES:
            raise Refused("too_many_lines", _("At most %(most)d lines in one file.") % {"most": MOST_LINES})
        if step and number % 1000 == 0:
            step(number, 0)
        cells = {key: (value or "").strip() for key, value in row.items() if isinstance(key, str) and not _many(value)}
        try:
            way, points = hand_way(cells, stations=stations, ref=first_ref - len(found.ways))
        except Refused as refusal:
            column = refusal.pointer.removeprefix("/")
            found.problems.append(
                RowProblem(number, column, refusal.code, str(refusal.message), cells.get(column, "")[:200])
            )
            continue
        nodes = tuple(refs.setdefault(point, -len(refs) - 1) for point in points)
        found.ways.append(replace(way, nodes=nodes))
    found.nodes = {ref: point for point, ref in refs.items()}
    return found


def _many(value: object) -> bool:
    """More cells than columns: the csv module hands the rest over as a list."""
    return isinstance(value, list)


def hand_way(cells: Mapping[str, str], *, stations: Mapping[str, Point], ref: int) -> tuple[Way, list[Point]]:
    """A line of the table, or the form: the way without its nodes, and its points (to five decimals, about a metre).
    Refused with the column as the pointer."""
    points = points_of(cells.get("points", ""), stations)
    kind = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "below": "5"}.get(cells.get("class", "").lower(), "")
    kind = kind or cells.get("class", "")
    if kind not in RoadClass.values:
        raise Refused("bad_class", _("The class is I, II, III, IV or below."), pointer="/class")
    surface = cells.get("surface", "").lower()
    if surface not in Surface.values:
        raise Refused("bad_surface", _("The surface is paved, gravel or earth, or empty."), pointer="/surface")
    width = _number(cells.get("width_m", ""), "width_m", 0.5, 100)
    length = _number(cells.get("length_m", ""), "length_m", 1, 500_000)
    straight = sum(length_of(points))
    if length is not None and length < straight * 0.98:
        raise Refused(
            "too_short", _("The road can't be shorter than the line through its points."), pointer="/length_m"
        )
    season = tuple(_number(cells.get(key, ""), key, 1, 12) for key in ("closed_from", "closed_to"))
    if (season[0] is None) != (season[1] is None):
        raise Refused("half_a_season", _("A season has a first and a last month."), pointer="/closed_to")
    responsible = cells.get("responsible", "").lower() or RESPONSIBLE.get(RoadClass(kind), ResponsibleLevel.COUNTY)
    if responsible not in ResponsibleLevel.values:
        raise Refused("bad_level", _("Responsible is county, township or village."), pointer="/responsible")
    way = Way(
        ref=ref,
        nodes=(),
        road_class=kind,
        name=cells.get("name", "")[:120],
        surface=surface,
        width_cm=None if width is None else round(width * 100),
        length_m=length,
        one_way=cells.get("one_way", "").lower() in ("1", "yes", "true", "是"),
        season=(int(season[0]), int(season[1])) if season[0] and season[1] else None,
        responsible=responsible,
    )
    return way, points


def points_of(text: str, stations: Mapping[str, Point]) -> list[Point]:
    """ "107.73 29.86; FD-C1": two points or more."""
    found: list[Point] = []
    for token in (part.strip() for part in re.split(r"[;；\n]", text)):
        if not token:
            continue
        numbers = re.split(r"[\s,，]+", token)
        if token in stations:
            point = stations[token]
        elif len(numbers) == 2 and all(re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]+)?", n) for n in numbers):
            point = (float(numbers[0]), float(numbers[1]))
        else:
            raise Refused(
                "bad_point",
                _("“%(point)s” is neither longitude and latitude nor the code of a station with a point.")
                % {"point": token[:60]},
                pointer="/points",
            )
        if not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
            raise Refused(
                "off_earth", _("Longitude first (-180 to 180), then latitude (-90 to 90)."), pointer="/points"
            )
        spot = (round(point[0], 5), round(point[1], 5))
        if not found or found[-1] != spot:
            found.append(spot)
    if len(found) < 2:
        raise Refused("one_point", _("A road needs two points at least."), pointer="/points")
    if len(found) > 500:
        raise Refused("many_points", _("At most 500 points for one road."), pointer="/points")
    return found


def _number(text: str, column: str, least: float, most: float) -> float | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,7}([.,][0-9]{1,3})?", text) or not least <= float(text.replace(",", ".")) <= most:
        raise Refused(
            "bad_number",
            _("A number from %(least)g to %(most)g.") % {"least": least, "most": most},
            pointer=f"/{column}",
        )
    return float(text.replace(",", "."))
