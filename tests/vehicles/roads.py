"""Roads for the small county: made by the services, as everybody's are."""

from datetime import datetime

from stations.models import Station
from tests.conftest import COUNTY, NOW, County
from vehicles.models import RoadEdition
from vehicles.services import import_roads as service
from vehicles.services.incidents import report_incident
from vehicles.services.road_files import Roads, Way, hand_way

SPOTS = {
    "h1": (107.73, 29.86),
    "c1": (107.78, 29.88),
    "o1": (107.80, 29.89),
    "o2": (107.80, 29.87),
    "c2": (107.68, 29.84),
    "o3": (107.66, 29.83),
}


def place_stations(county: County) -> None:
    for name, (lng, lat) in SPOTS.items():
        Station.objects.filter(pk=county.stations[name].pk).update(lng=lng, lat=lat)
        county.stations[name].refresh_from_db()


def text(*names: str) -> str:
    return "; ".join(f"{SPOTS[n][0]} {SPOTS[n][1]}" for n in names)


def hand_roads(rows: list[dict[str, str]]) -> Roads:
    """The rows of a table, as `read_csv` gives them."""
    refs: dict[tuple[float, float], int] = {}
    ways: list[Way] = []
    for row in rows:
        way, points = hand_way(row, stations={}, ref=-len(ways) - 1)
        nodes = tuple(refs.setdefault(point, -len(refs) - 1) for point in points)
        ways.append(Way(**{**{f: getattr(way, f) for f in Way.__slots__}, "nodes": nodes}))
    return Roads({ref: point for point, ref in refs.items()}, ways)


USUAL = [
    {"name": "县道一号", "points": text("h1", "c1"), "class": "III", "surface": "paved"},
    {"name": "县道二号", "points": text("h1", "c2"), "class": "III", "surface": "paved"},
    {"name": "大池路", "points": text("c1", "o1"), "class": "IV", "width_m": "4"},
    {"name": "同德路", "points": text("c1", "o2"), "class": "IV", "width_m": "3"},
    {"name": "明月路", "points": text("c2", "o3"), "class": "below", "closed_from": "12", "closed_to": "2"},
]


def make_roads(county: County, *, at: datetime = NOW, rows: list[dict[str, str]] | None = None) -> RoadEdition:
    """h1 in the middle; c1 with o1 and o2 (narrow) east, c2 with o3 (below Class IV, closed in winter) west."""
    place_stations(county)
    done = service.replace_roads(
        county_code=COUNTY,
        found=hand_roads(rows or USUAL),
        source="hand",
        name="县乡道路",
        by=county.people["officer"],
        at=at,
    )
    assert done.edition
    return done.edition


def make_road_rows(county_code: str, prefix: str = "") -> dict[str, int]:
    """A road and a report on it: what the addresses of tests/rights.yaml are filled with."""
    rows = [{"name": "路", "points": "107.7 29.8; 107.71 29.81", "class": "IV"}]
    done = service.replace_roads(
        county_code=county_code, found=hand_roads(rows), source="hand", name="路", by=None, at=NOW
    )
    assert done.edition
    segment = done.edition.segments.get()
    incident = report_incident(county_code=county_code, kind="flood", effect="closed", at=NOW, lng=107.705, lat=29.805)
    return {f"{prefix}road_segment": segment.pk, f"{prefix}incident": incident.pk}
