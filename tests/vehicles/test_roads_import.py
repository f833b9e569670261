"""Roads from an OpenStreetMap extract and from a table, again and again."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile

import vehicles.tasks  # noqa: F401 -- registers the job
from common.errors import Refused
from common.models import Job
from common.services import run_waiting_jobs, start_job
from stations.models import Station
from tests.conftest import COUNTY, NOW, County
from tests.vehicles.roads import SPOTS, USUAL, make_roads, place_stations
from vehicles.models import RoadEdition, RoadIncident, RoadNode, RoadSegment
from vehicles.queries import roads as reads
from vehicles.services import import_roads as service
from vehicles.services.road_files import Roads, Way, osm_way, read_csv, read_osm
from vehicles.states import RoadClass, Surface

ANDORRA = Path(__file__).resolve().parents[3] / "shared" / "data" / "osm" / "andorra.osm.pbf"
needs_extract = pytest.mark.skipif(not ANDORRA.exists(), reason="Andorra's extract is not on this machine")


@pytest.mark.parametrize(
    ("tags", "road_class"),
    [
        ({"highway": "trunk"}, RoadClass.I),
        ({"highway": "primary_link"}, RoadClass.II),
        ({"highway": "secondary"}, RoadClass.III),
        ({"highway": "unclassified"}, RoadClass.IV),
        ({"highway": "unclassified", "surface": "dirt"}, RoadClass.BELOW),
        ({"highway": "track", "tracktype": "grade2"}, RoadClass.IV),
        ({"highway": "track"}, RoadClass.BELOW),
        ({"highway": "footway"}, None),
        ({"highway": "residential", "access": "private"}, None),
        ({"highway": "residential", "access": "private", "motor_vehicle": "yes"}, RoadClass.IV),
        ({"highway": "track", "smoothness": "impassable"}, None),
        ({"highway": "construction"}, None),
    ],
)
def test_tags_become_classes(tags: dict[str, str], road_class: str | None) -> None:
    way = osm_way(1, tags, (1, 2))
    assert (way.road_class if way else None) == road_class


def test_tags_become_properties() -> None:
    way = osm_way(
        7,
        {
            "highway": "tertiary",
            "oneway": "-1",
            "width": "4,5 m",
            "surface": "gravel",
            "motor_vehicle:conditional": "no @ (Nov-Apr)",
            "name": "CG-1",
        },
        (1, 2, 3),
    )
    assert way
    assert way.one_way
    assert way.nodes == (3, 2, 1)
    assert (way.width_cm, way.surface, way.season, way.name) == (450, Surface.GRAVEL, (11, 4), "CG-1")
    one_lane = osm_way(8, {"highway": "residential", "lanes": "1"}, (1, 2))
    assert one_lane
    assert one_lane.width_cm == 325


@needs_extract
def test_an_extract_is_read_and_read_again(county: County) -> None:
    step: list[tuple[int, int]] = []

    def run() -> service.RoadsImported:
        return service.import_roads(
            county_code=COUNTY,
            path=ANDORRA,
            source="osm",
            name="Andorra",
            by=None,
            at=NOW,
            whole_file=True,
            step=lambda done, total: step.append((done, total)),
        )

    done = run()
    edition = done.edition
    assert edition
    assert edition.current
    assert edition.attribution.startswith("© OpenStreetMap")
    assert done.segments == RoadSegment.objects.count() > 10_000
    assert step[-1][0] > 0
    assert not RoadSegment.objects.filter(length_m=0).exists()
    again = run()
    assert again.unchanged
    assert RoadEdition.objects.count() == 1
    found = reads.figures(edition)
    assert found.metres == done.metres > 500_000
    assert 0 < found.good_m < found.metres
    lines = reads.lines(edition)
    assert sum(len(line["p"]) - 1 for line in lines) == done.segments


@needs_extract
def test_what_the_extract_leaves_open_and_roads_by_hand_stay(county: County) -> None:
    options = {"county_code": COUNTY, "source": "osm", "by": None, "at": NOW}
    found = read_osm(ANDORRA)
    first = service.replace_roads(found=found, name="1", **options)  # type: ignore[arg-type]
    assert first.edition
    way = first.edition.segments.filter(width_cm__isnull=True).values_list("way", flat=True)[0]
    first.edition.segments.filter(way=way).update(width_cm=320, closed_from=11, closed_to=3)
    lng, lat = next(iter(found.nodes.values()))
    by_hand = Roads({-1: (lng, lat), -2: (lng + 0.01, lat)}, [Way(-1, (-1, -2), "4", "村道")])
    service.add_roads(county_code=COUNTY, found=by_hand, name="", by=None, at=NOW)
    second = service.replace_roads(found=read_osm(ANDORRA), name="2", **options)  # type: ignore[arg-type]
    assert second.edition
    assert second.unchanged  # nothing of the file is new, and the rest was kept
    fewer = read_osm(ANDORRA)
    fewer.ways = [w for w in fewer.ways if w.road_class != RoadClass.BELOW or w.ref == way]
    third = service.replace_roads(found=fewer, name="3", **options)  # type: ignore[arg-type]
    assert third.edition
    assert third.by_hand == 1
    kept = third.edition.segments.filter(way=way).values_list("width_cm", "closed_from", "closed_to")
    assert set(kept) == {(320, 11, 3)}
    road = third.edition.segments.get(way=-1)
    assert road.source.ref > 0 or road.target.ref > 0  # tied to the extract's own node
    assert not RoadSegment.objects.exclude(edition=third.edition).exists()
    assert not RoadNode.objects.exclude(edition=third.edition).exists()
    assert list(RoadEdition.objects.filter(current=True)) == [third.edition]


@needs_extract
def test_only_what_touches_the_county_is_taken(county: County) -> None:
    place_stations(county)
    with pytest.raises(Refused) as refused:
        service.import_roads(county_code=COUNTY, path=ANDORRA, source="osm", name="", by=None, at=NOW)
    assert refused.value.code == "no_roads"
    Station.objects.filter(pk=county.h1.pk).update(lng=1.52, lat=42.5)
    done = service.import_roads(county_code=COUNTY, path=ANDORRA, source="osm", name="", by=None, at=NOW)
    assert done.segments > 10_000


def test_what_is_no_extract_is_refused(tmp_path: Path, county: County) -> None:
    path = tmp_path / "roads.osm.pbf"
    for data in (b"", b"not a map", b"\x00\x00\x00\x0d" + b"x" * 400):
        path.write_bytes(data)
        with pytest.raises(Refused) as refused:
            service.import_roads(county_code=COUNTY, path=path, source="osm", name="", by=None, at=NOW, whole_file=True)
        assert refused.value.code in ("not_osm", "no_roads")


TABLE = """name,points,class,surface,width_m,length_m,one_way,closed_from,closed_to,responsible
县道,FD-H1; 107.755 29.87; FD-C1,III,paved,6.5,6000,,,,county
村道,FD-C1; FD-O1,below,earth,3,,,11,3,village
没有这个站,FD-C1; FD-X9,IV,,,,,,,
类别,FD-C1; FD-O2,V,,,,,,,
一个点,FD-C1,IV,,,,,,,
宽度,FD-C1; FD-O2,IV,,1e9,,,,,
太短,FD-H1; FD-C1,IV,,,10,,,,
半个季节,FD-C1; FD-O2,IV,,,,,11,,
多余,FD-C1; FD-O2,IV,,,,,,,,多,的
单行,FD-C1; FD-O2,IV,paved,,,是,,,
"""


def test_a_table_by_hand_keeps_what_is_good(tmp_path: Path, county: County) -> None:
    place_stations(county)
    path = tmp_path / "roads.csv"
    for encoding in ("utf-8-sig", "gb18030"):
        path.write_bytes(TABLE.encode(encoding))
        found = read_csv(path, stations=reads.station_points(COUNTY))
        assert [way.name for way in found.ways] == ["县道", "村道", "多余", "单行"]
        assert [(p.row, p.code) for p in found.problems] == [
            (4, "bad_point"),
            (5, "bad_class"),
            (6, "one_point"),
            (7, "bad_number"),
            (8, "too_short"),
            (9, "half_a_season"),
        ]
    done = service.import_roads(county_code=COUNTY, path=path, source="hand", name="乡村道路", by=None, at=NOW)
    assert done.edition
    main = RoadSegment.objects.filter(name="县道")
    assert sum(s.length_m for s in main) == 6000
    assert main.count() == 2
    village = RoadSegment.objects.get(name="村道")
    assert (village.closed_from, village.closed_to, village.responsible) == (11, 3, "village")
    assert RoadSegment.objects.get(name="单行").one_way
    again = service.import_roads(county_code=COUNTY, path=path, source="hand", name="乡村道路", by=None, at=NOW)
    assert again.unchanged
    added = service.import_roads(county_code=COUNTY, path=path, source="hand", name="", by=None, at=NOW, add=True)
    assert added.unchanged  # a road that stands there already isn't doubled


def test_a_table_without_its_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roads.csv"
    for data in (b"", b"a,b\n1,2\n", b"\xff\xfe\x00\x81\x30"):
        path.write_bytes(data)
        with pytest.raises(Refused):
            read_csv(path, stations={})


def test_roads_are_added_to_those_there_are(county: County) -> None:
    edition = make_roads(county)
    before = edition.digest
    lng, lat = SPOTS["o1"]
    more = Roads({-1: (lng + 0.0003, lat), -2: (lng + 0.02, lat)}, [Way(-1, (-1, -2), "4", "新路")])
    done = service.add_roads(county_code=COUNTY, found=more, name="", by=None, at=NOW)
    assert done.segments == 1
    edition.refresh_from_db()
    assert edition.digest != before
    road = RoadSegment.objects.get(name="新路")
    assert road.way == -len(USUAL) - 1
    assert (road.source.lng, road.source.lat) == SPOTS["o1"]  # joined to the end that stood 30 m off


def test_open_incidents_go_over_to_the_next_edition(county: County) -> None:
    edition = make_roads(county)
    segment = edition.segments.get(name="大池路")
    common = {"county_code": COUNTY, "kind": "flood", "effect": "closed", "reported_at": NOW, "segment": segment}
    stays = RoadIncident.objects.create(lng=107.79, lat=29.885, way=segment.way, state="confirmed", **common)
    lost = RoadIncident.objects.create(lng=107.5, lat=29.5, way=segment.way, state="reported", **common)
    past = RoadIncident.objects.create(lng=107.79, lat=29.885, way=segment.way, state="reopened", **common)
    rows = [{**row, "surface": "gravel"} for row in USUAL]
    newer = make_roads(county, rows=rows)
    for incident in (stays, lost, past):
        incident.refresh_from_db()
    assert newer != edition
    assert stays.segment
    assert (stays.segment.name, stays.segment.edition) == ("大池路", newer)
    assert lost.segment is None
    assert past.segment is None
    assert past.lng == 107.79


@pytest.mark.django_db(transaction=True)
def test_the_job_reads_the_file_and_says_what_came_of_it(county: County, tmp_path: Path) -> None:
    place_stations(county)
    job = start_job(
        kind="vehicles.import_roads",
        title="道路",
        user=county.people["officer"],
        at=NOW,
        params={"source": "hand", "name": "乡村道路", "add": False, "whole_file": False, "language": "zh-hans"},
        input_file=ContentFile(TABLE.encode(), "roads.csv"),
        county_code=COUNTY,
    )
    run_waiting_jobs(at=NOW)
    job = Job.objects.get(pk=job.pk)
    assert job.state == "done", job.message
    assert job.result["segments"] == 5
    assert job.problem_count == 6
    assert job.problems.first().row == 4  # type: ignore[union-attr]
