"""Lists of divisions: imported, renewed, refused row by row."""

import zipfile
from datetime import date
from pathlib import Path

import pytest

from accounts.models import AuditEntry
from common.errors import Refused
from stations import services
from stations.models import Region, RegionChange
from stations.services.divisions import ImportResult
from tests.conftest import NOW, County

pytestmark = pytest.mark.django_db

HEADER = "code,name,level,parent_code,lng,lat,point_source"
COUNTY_ROW = "500236000000,奉节县,county,500200000000,,,"
TOWN = "500236101000,白帝镇,township,500236000000,109.57,31.04,geonames:1"
VILLAGE = "500236101200,八阵村民委员会,village,500236101000,,,"
OTHER = "500236101201,九盘村民委员会,village,500236101000,,,"
FENGDU = Path(__file__).parents[2] / "demo" / "data" / "divisions.csv"


@pytest.fixture
def put(tmp_path: Path):
    """Import lines (or raw bytes) as a file of our form."""

    def run(*lines: str, raw: bytes | None = None, edition: str = "2023", dry_run: bool = False) -> ImportResult:
        path = tmp_path / "list.csv"
        path.write_bytes("\n".join([HEADER, *lines, ""]).encode() if raw is None else raw)
        day = date(int(edition[:4]), 1, 1)
        return services.import_divisions(path=path, edition=edition, valid_from=day, at=NOW, dry_run=dry_run)

    return run


def codes(result: ImportResult) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.code) for problem in result.problems]


def changes() -> list[tuple[str, str]]:
    return list(RegionChange.objects.order_by("id").values_list("region_id", "kind"))


def test_a_list_becomes_regions(put):
    result = put(COUNTY_ROW, TOWN, VILLAGE, OTHER)
    assert (result.rows, result.opened, result.problems) == (4, 4, [])
    village = Region.objects.get(pk="500236101200")
    assert (village.parent_id, village.county_code, village.initials) == ("500236101000", "500236", "bzcmwyh")
    assert (village.edition, village.valid_from, village.terrain) == ("2023", date(2023, 1, 1), "plain")
    town = Region.objects.get(pk="500236101000")
    assert (str(town.lng), town.point_source) == ("109.570000", "geonames:1")
    assert Region.objects.get(pk="500236000000").parent is None
    assert AuditEntry.objects.filter(action="divisions.imported").count() == 1


def test_the_same_list_again_changes_no_row(put):
    put(COUNTY_ROW, TOWN, VILLAGE)
    again = put(COUNTY_ROW, TOWN, VILLAGE)
    assert (again.written, again.rows) == (0, 3)
    assert changes() == []


def test_a_trial_run_counts_and_stores_nothing(put):
    result = put(COUNTY_ROW, TOWN, "x,y", dry_run=True)
    assert (result.opened, len(result.problems)) == (2, 1)
    assert not Region.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_newer_edition_renames_opens_closes_and_an_even_newer_one_reopens(put):
    put(COUNTY_ROW, TOWN, VILLAGE, OTHER)
    new = "500236101202,十里村民委员会,village,500236101000,,,"
    result = put(COUNTY_ROW, TOWN, VILLAGE.replace("八阵", "七阵"), new, edition="2024")
    assert (result.opened, result.renamed, result.closed, result.moved) == (1, 1, 1, 0)
    gone = Region.objects.get(pk="500236101201")
    assert (gone.valid_to, gone.edition) == (date(2024, 1, 1), "2023")
    assert set(Region.objects.current().values_list("edition", flat=True)) == {"2024"}
    assert changes() == [("500236101200", "renamed"), ("500236101202", "opened"), ("500236101201", "closed")]
    renamed = RegionChange.objects.get(kind="renamed")
    assert (renamed.before, renamed.after) == ("八阵村民委员会", "七阵村民委员会")
    back = put(COUNTY_ROW, TOWN, VILLAGE, OTHER, new, edition="2025")
    assert (back.reopened, back.closed) == (1, 0)
    gone.refresh_from_db()
    assert (gone.valid_to, gone.valid_from) == (None, date(2025, 1, 1))
    assert Region.objects.count() == 5


def test_a_village_moves_to_another_township(put):
    second = "500236102000,草堂镇,township,500236000000,,,"
    put(COUNTY_ROW, TOWN, second, VILLAGE)
    result = put(COUNTY_ROW, TOWN, second, VILLAGE.replace(",500236101000,", ",500236102000,"), edition="2024")
    assert result.moved == 1
    assert Region.objects.get(pk="500236101200").parent_id == "500236102000"


def test_a_vanished_township_takes_its_natural_villages_along(put):
    natural = "50023610120001,大屋,natural_village,500236101200,,,"
    put(COUNTY_ROW, TOWN, VILLAGE, natural)
    second = "500236102000,草堂镇,township,500236000000,,,"
    result = put(COUNTY_ROW, second, "500236102200,竹坪村民委员会,village,500236102000,,,", edition="2024")
    assert result.closed == 3
    assert not Region.objects.current().filter(pk__startswith="500236101").exists()


def test_an_older_edition_is_refused(put):
    put(COUNTY_ROW, TOWN, edition="2024")
    with pytest.raises(Refused) as refusal:
        put(COUNTY_ROW, TOWN, edition="2023")
    assert refusal.value.code == "older_edition"
    assert "奉节县" in str(refusal.value.message)


@pytest.mark.parametrize("edition", ["", "23", "2023/12", "next", "２０２３"])
def test_an_edition_is_a_date(put, tmp_path: Path, edition: str):
    with pytest.raises(Refused):
        services.import_divisions(path=tmp_path, edition=edition, valid_from=date(2023, 1, 1), at=NOW)


def test_other_counties_are_left_alone(put, county: County, neighbour: County):
    before = list(Region.objects.order_by("pk").values())
    put(COUNTY_ROW, TOWN, edition="2030")
    assert list(Region.objects.exclude(county_code="500236").order_by("pk").values()) == before


def test_a_part_of_a_county_closes_nothing(put):
    put(COUNTY_ROW, TOWN, VILLAGE, OTHER)
    assert put("50023610120001,大屋,natural_village,500236101200,,,", edition="2024").closed == 0
    assert put(COUNTY_ROW, TOWN, edition="2025").closed == 0  # says nothing about villages


def test_what_a_refused_row_names_is_not_closed(put):
    put(COUNTY_ROW, TOWN, VILLAGE, OTHER)
    result = put(COUNTY_ROW, TOWN, VILLAGE, OTHER.replace(",,,", ",999,0,"), edition="2024")
    assert (result.closed, len(result.problems)) == (0, 1)
    result = put(COUNTY_ROW, TOWN, VILLAGE, "5002361,九盘,village,500236101000,,,", edition="2024")
    assert result.closed == 0
    assert result.closing_withheld
    assert Region.objects.current().count() == 4


def test_what_the_list_is_silent_about_stays(put):
    put(COUNTY_ROW, TOWN)
    Region.objects.filter(pk="500236101000").update(terrain="mountain", population=900)
    put(COUNTY_ROW, TOWN.replace("109.57,31.04,geonames:1", ",,"), edition="2024")
    town = Region.objects.get(pk="500236101000")
    assert (town.terrain, town.population, town.point_source) == ("mountain", 900, "geonames:1")
    assert town.lng is not None


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("500236101200,八阵,village", "", "malformed_row"),
        (VILLAGE + ",more", "", "malformed_row"),
        (VILLAGE.replace("500236101200", "50023610120", 1), "code", "bad_code"),
        (VILLAGE.replace("500236101200", "５00236101200", 1), "code", "bad_code"),
        (VILLAGE.replace("village", "hamlet"), "level", "unknown_level"),
        (VILLAGE.replace("village", "township"), "level", "level_mismatch"),
        (VILLAGE.replace(",500236101000,", ",500236109000,"), "parent_code", "parent_missing"),
        (VILLAGE.replace(",500236101000,", ",500236000000,"), "parent_code", "parent_missing"),
        (VILLAGE.replace(",500236101000,", ",,"), "parent_code", "bad_parent"),
        (VILLAGE.replace(",500236101000,", ",500230101000,"), "parent_code", "parent_elsewhere"),
        (TOWN, "code", "duplicate_code"),
        (VILLAGE.replace(",,,", ",200,30,"), "lng", "bad_point"),
        (VILLAGE.replace(",,,", ",107.1,,"), "lat", "bad_point"),
        (VILLAGE.replace(",,,", ",nan,30,"), "lng", "bad_point"),
        (VILLAGE.replace("八阵村民委员会", " "), "name", "empty_name"),
        (VILLAGE.replace("八阵", "八" * 90), "name", "name_too_long"),
        (VILLAGE.replace("八阵", "八\x00阵"), "name", "nul_character"),
        ('500236101200,"八阵,village,500236101000,,,', "", "bad_quotes"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_kept(put, line: str, column: str, code: str):
    result = put(COUNTY_ROW, TOWN, line, OTHER)
    assert codes(result) == [(4, column, code)]
    assert Region.objects.count() == 3
    assert "\x00" not in result.problems[0].value


@pytest.mark.parametrize("bad", [b"\xff\xfe\xb0", b"\xed\xa0\x80", b"\xe5\x85"])
def test_bytes_that_are_no_text_cost_their_row_only(put, bad: bytes):
    lines = [HEADER, COUNTY_ROW, TOWN, VILLAGE, OTHER]
    raw = [line.encode() for line in lines]
    raw[3] = raw[3].replace("八阵".encode(), bad)
    result = put(raw=b"\n".join(raw))
    assert codes(result) == [(4, "", "bad_utf8")]
    assert Region.objects.count() == 3


def test_a_refused_township_takes_its_villages_along(put):
    result = put(COUNTY_ROW, TOWN.replace("109.57", "abc"), VILLAGE)
    assert codes(result) == [(3, "lng", "bad_point"), (4, "parent_code", "parent_missing")]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_and_line_ends_of_office_programs(put, encoding: str, ending: str):
    result = put(raw=ending.join([HEADER, COUNTY_ROW, TOWN, "", VILLAGE]).encode(encoding))
    assert result.problems == []
    assert Region.objects.get(pk="500236101200").name == "八阵村民委员会"
    assert ("GB18030" in result.message) == (encoding == "gb18030")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n", "empty_file"),
        (HEADER.replace("parent_code", "parent").encode(), "header_missing"),
        (HEADER.replace("lng", "longitude").encode(), "header_unknown"),
        (HEADER.replace("lng", "code").encode(), "header_twice"),
        (HEADER.encode("utf-16"), "not_utf8"),
        (b"\x00" * 40, "header_missing"),
        (b"\x1f\x8b\x08garbage", "archive_broken"),
        (b"PK\x03\x04garbage", "archive_broken"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(put, raw: bytes, code: str):
    with pytest.raises(Refused) as refusal:
        put(raw=raw)
    assert refusal.value.code == code
    assert str(refusal.value.message)


def test_optional_columns(put):
    raw = "code,name,level,parent_code,terrain,population,province_name\n500236000000,奉节县,county,,,,重庆市\n"
    raw += "500236101000,白帝镇,township,500236000000,山区,1200,\n500236102000,草堂镇,township,500236000000,swamp,1,\n"
    result = put(raw=raw.encode())
    assert codes(result) == [(4, "terrain", "unknown_terrain")]
    assert Region.objects.get(pk="500236000000").province_name == "重庆市"
    town = Region.objects.get(pk="500236101000")
    assert (town.terrain, town.population) == ("mountain", 1200)


NATIONAL = {
    "provinces.csv": 'code,name\n50,"重庆市"\n44,"广东省"\n35,"福建省"\n',
    "cities.csv": 'code,name,provinceCode\n5002,"县",50\n4419,"东莞市",44\n3505,"泉州市",35\n',
    "areas.csv": 'code,name,cityCode,provinceCode\n500236,"奉节县",5002,50\n350527,"金门县",3505,35\n',
    "streets.csv": "code,name,areaCode,provinceCode,cityCode\n"
    '500236101,"白帝镇",500236,50,5002\n441900003,"东城街道",441900,44,4419\n350527000,"金门县",350527,35,3505\n',
    "villages.csv": "code,name,streetCode,provinceCode,cityCode,areaCode\n"
    '500236101200,"八阵村民委员会",500236101,50,5002,500236\n441900003001,"岗贝社区",441900003,44,4419,441900\n'
    '350527000000,"金门县",350527000,35,3505,350527\n50023610199,"坏",500236101,50,5002,500236\n'
    '500236109200,"孤村",500236109,50,5002,500236\n',
}


def check_national(result: ImportResult) -> None:
    assert codes(result) == [(5, "villages.csv: code", "bad_code"), (6, "villages.csv: parent", "parent_missing")]
    assert result.placeholders == 1
    root = Region.objects.get(pk="441900000000")  # towns without a county level
    assert (root.name, root.level, root.province_name) == ("东莞市", "county", "广东省")
    assert Region.objects.get(pk="500236000000").prefecture_name == ""  # "县" is no prefecture's name
    assert Region.objects.count() == 7


def test_the_national_list_as_folder(tmp_path: Path):
    folder = tmp_path / "dist"
    folder.mkdir()
    for name, text in NATIONAL.items():
        (folder / name).write_text(text, encoding="utf-8")
    check_national(services.import_divisions(path=tmp_path, edition="2023", valid_from=date(2023, 1, 1), at=NOW))


def test_the_national_list_as_archive(tmp_path: Path):
    path = tmp_path / "list.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in NATIONAL.items():
            archive.writestr(f"../package/dist/{name}", text)
    check_national(services.import_divisions(path=path, edition="2023", valid_from=date(2023, 1, 1), at=NOW))
    again = services.import_divisions(path=path, edition="2023", valid_from=date(2023, 1, 1), at=NOW)
    assert again.written == 0


def test_an_archive_without_the_files_says_which(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "list.zip", "w") as archive:
        archive.writestr("villages.csv", "x")
    with pytest.raises(Refused) as refusal:
        services.import_divisions(path=tmp_path / "list.zip", edition="2023", valid_from=date(2023, 1, 1), at=NOW)
    assert refusal.value.code == "files_missing"
    assert "areas.csv" in str(refusal.value.message)


def test_fengdu_is_whole():
    result = services.import_divisions(path=FENGDU, edition="2023", valid_from=date(2023, 1, 1), at=NOW)
    assert (result.rows, result.problems) == (369, [])
    assert Region.objects.of_county("500230").villages().count() == 338
    assert Region.objects.get(pk="500230000000").initials == "fdx"


def test_terrain_is_set_for_a_township_and_all_below(county: County):
    changed = services.set_terrain(region=county.regions["t1"], terrain="mountain", by=county.people["officer"], at=NOW)
    assert changed == 3
    assert Region.objects.filter(pk__startswith="500230101", terrain="mountain").count() == 3
    with pytest.raises(Refused):
        services.set_terrain(region=county.regions["t1"], terrain="swamp", by=county.people["officer"], at=NOW)
