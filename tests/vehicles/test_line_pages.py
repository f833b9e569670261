"""The pages of lines: list with coverage, a line's day, forms, import with its findings, export."""

import io
import zipfile
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from common.models import Job
from common.services import run_waiting_jobs
from tests.conftest import NOW, County
from tests.vehicles.timetable import FEED, HOUR, MONDAY, make_calendar, make_line, place, zipped
from vehicles import gtfs, tasks
from vehicles.models import Departure, LineService, StopTime, TransitLine, TransitStop

pytestmark = pytest.mark.django_db


@pytest.fixture
def placed(county: County) -> County:
    place(county)
    return county


def url(name: str, *args: object) -> str:
    return reverse(f"vehicles:{name}", args=args)


LINE = {
    "code": "B7",
    "name": "县城—社坛",
    "kind": "integrated",
    "tariff": "0.8",
    "share_operator": "70",
    "share_hub": "30",
    "safety_items": "货箱锁好\n无危险品",
    "is_active": "on",
}
ROOM = {"kg": "300", "litres": "1500", "pieces": "120"}


def departures(county: County, **changes: str) -> dict[str, str]:
    return {
        "starts": "08:10, 10:10",
        "calendar": str(make_calendar(county.code).pk),
        "direction": "0",
        **ROOM,
        "stop_0": "FD-H1 丰都县级物流中心",
        "after_0": "0",
        "stop_1": "虎威镇物流站",
        "after_1": "40",
        "dwell_1": "2",
        "stop_2": "",
        **changes,
    }


def test_the_list_shows_lines_and_coverage(placed: County, sign_in) -> None:
    make_line(placed)
    page = sign_in("operator").get(url("lines")).content.decode()
    assert "县城—虎威 B1" in page
    assert "50.0" in page or "50 %" in page or "1/2" in page
    assert "社坛镇" in page
    assert url("line-new") not in page
    assert url("line-new") in sign_in("officer").get(url("lines")).content.decode()


def test_the_list_takes_a_fixed_number_of_queries(placed: County, sign_in, django_assert_max_num_queries) -> None:
    for number in range(6):
        make_line(placed, f"B{number}")
    client = sign_in("officer")
    client.get(url("lines"))
    with django_assert_max_num_queries(22):
        client.get(url("lines"))


def test_a_line_shows_its_day(placed: County, sign_in) -> None:
    line = make_line(placed)
    client = sign_in("clerk")
    page = client.get(url("line", line.pk), {"day": MONDAY.isoformat()}).content.decode()
    assert "08:10" in page
    assert "08:50" in page
    assert "120 件" in page
    sunday = client.get(url("line", line.pk), {"day": "2026-11-22"}).content.decode()
    assert "当天没有班次" in sunday
    for odd in ("", "x", "2026-02-31", "9999-12-31", "0001-01-01", "2026-13-01"):
        assert client.get(url("line", line.pk), {"day": odd}).status_code == 200


def test_the_neighbour_sees_no_line_of_ours(placed: County, neighbour: County, sign_in) -> None:
    line = make_line(placed)
    departure = Departure.objects.filter(line=line).first()
    assert departure is not None
    client = sign_in(neighbour.people["officer"])
    assert "县城—虎威" not in client.get(url("lines")).content.decode()
    assert "虎威" not in client.get(url("transit-stops")).content.decode()
    assert "WORK" not in client.get(url("calendars")).content.decode()
    for name, pk in (
        ("line", line.pk),
        ("line-edit", line.pk),
        ("departure-new", line.pk),
        ("departure-edit", departure.pk),
        ("calendar-edit", departure.service_id),
        ("transit-stop", TransitStop.objects.first().pk),
    ):
        assert client.get(url(name, pk)).status_code == 404, name
    assert client.post(url("line-hold", line.pk), ROOM).status_code == 404
    assert client.post(url("departure-remove", departure.pk)).status_code == 404
    with zipfile.ZipFile(io.BytesIO(client.get(url("lines-export")).content)) as packed:
        assert "虎威" not in packed.read("routes.txt").decode()


@pytest.mark.parametrize("who", ["hub", "township", "clerk", "carrier"])
def test_only_the_county_changes_lines(placed: County, sign_in, who: str) -> None:
    line = make_line(placed)
    client = sign_in(who)
    assert client.get(url("line", line.pk)).status_code == 200
    assert client.post(url("line-new"), LINE).status_code == 403
    assert client.post(url("line-edit", line.pk), LINE).status_code == 403
    assert client.get(url("lines-import")).status_code == 403


def test_a_line_from_the_first_form_to_its_departures(placed: County, sign_in) -> None:
    client = sign_in("officer")
    answer = client.post(url("line-new"), LINE)
    line = TransitLine.objects.get(code="B7")
    assert answer.url == url("departure-new", line.pk)
    assert [(one.role, one.share) for one in line.shares.order_by("-share")] == [
        ("operator", Decimal("0.7")),
        ("hub", Decimal("0.3")),
    ]
    assert line.safety_items == ["货箱锁好", "无危险品"]
    form = departures(placed)
    assert client.post(url("departure-new", line.pk), form).url == url("line", line.pk)
    client.post(url("departure-new", line.pk), form)  # twice is once
    assert Departure.objects.filter(line=line).count() == 2
    times = StopTime.objects.filter(departure__line=line, seq=2).order_by("arrive_s")
    assert [one.arrive_s for one in times] == [8 * HOUR + 3000, 10 * HOUR + 3000]
    filled = client.get(url("departure-new", line.pk)).content.decode()
    assert "FD-C1 虎威镇物流站" in filled


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"share_hub": "20"}, "合计为 90%"),
        ({"share_hub": "-1"}, "is-invalid"),
        ({"tariff": "abc"}, "is-invalid"),
        ({"kind": "rocket"}, "is-invalid"),
        ({"operator": "999999999999"}, "is-invalid"),
        ({"name": ""}, "is-invalid"),
        ({"code": "x" * 200}, "is-invalid"),
    ],
)
def test_a_line_that_cannot_be_is_told_beside_its_field(
    placed: County, sign_in, change: dict[str, str], words: str
) -> None:
    answer = sign_in("officer").post(url("line-new"), {**LINE, **change})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not TransitLine.objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"after_1": "5", "dwell_0": "10"}, "时刻在第 2 个停靠点"),
        ({"stop_1": "没有的站"}, "没有这个停靠点"),
        ({"after_1": ""}, "请填写几分钟后到达"),
        ({"starts": "8点"}, "请写成 08:10"),
        ({"starts": "99:99"}, "请写成 08:10"),
        ({"starts": ""}, "is-invalid"),
        ({"stop_1": ""}, "至少要有两个停靠点"),
        ({"kg": "-5"}, "is-invalid"),
        ({"calendar": "0"}, "is-invalid"),
        ({"stop_1": "社坛镇物流站\x00"}, ""),
    ],
)
def test_departures_that_cannot_be_are_told(placed: County, sign_in, change: dict[str, str], words: str) -> None:
    client = sign_in("officer")
    client.post(url("line-new"), LINE)
    line = TransitLine.objects.get()
    answer = client.post(url("departure-new", line.pk), departures(placed, **change))
    if words:
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not Departure.objects.exists()
    else:
        assert answer.status_code == 302


def test_two_officers_editing_one_line(placed: County, sign_in) -> None:
    line = make_line(placed)
    client = sign_in("officer")
    form = {**LINE, "code": "B1", "version": "1"}
    assert client.post(url("line-edit", line.pk), {**form, "name": "甲"}).status_code == 302
    late = client.post(url("line-edit", line.pk), {**form, "name": "乙"})
    assert late.status_code == 409
    assert "刚被别人改过" in late.content.decode()
    line.refresh_from_db()
    assert line.name == "甲"


def test_departure_hold_and_stop_are_changed_by_their_pages(placed: County, sign_in) -> None:
    line = make_line(placed)
    client = sign_in("officer")
    first, second = Departure.objects.filter(line=line).order_by("trip_id")
    change = {"starts": "7:30", "calendar": str(first.service_id), "headsign": "虎威", **ROOM, "pieces": "60"}
    assert client.post(url("departure-edit", first.pk), change).status_code == 302
    first.refresh_from_db()
    assert (first.hold_pieces, first.stop_times.get(seq=1).leave_s) == (60, 7 * HOUR + 1800)
    assert client.post(url("line-hold", line.pk), {**ROOM, "pieces": "90"}).status_code == 302
    assert client.post(url("line-hold", line.pk), {**ROOM, "pieces": "viele"}).status_code == 422
    second.refresh_from_db()
    assert second.hold_pieces == 90
    assert client.post(url("departure-remove", second.pk)).status_code == 302
    assert Departure.objects.filter(line=line).count() == 1
    stop = TransitStop.objects.get(station=placed.c1)
    client.post(url("transit-stop", stop.pk), {"station": "FD-C2 社坛镇物流站"})
    stop.refresh_from_db()
    assert stop.station == placed.c2
    assert client.post(url("transit-stop", stop.pk), {"station": "WZ-C1"}).status_code == 422
    client.post(url("transit-stop", stop.pk), {"station": ""})
    assert "虎威镇物流站" in client.get(url("transit-stops"), {"only": "unlinked"}).content.decode()


def test_a_calendar_and_its_holiday_by_their_pages(placed: County, sign_in) -> None:
    client = sign_in("officer")
    form = {"service_id": "赶场日", "weekdays": ["0", "3"], "start_on": "2026-01-01", "end_on": "2026-12-31"}
    assert client.post(url("calendar-new"), {**form, "end_on": "2025-01-01"}).status_code == 422
    client.post(url("calendar-new"), form)
    calendar = LineService.objects.get()
    assert [day for day, runs in enumerate(calendar.weekdays) if runs] == [0, 3]
    client.post(url("calendar-exception", calendar.pk), {"on": "2026-10-01", "runs": "no"})
    assert [(one.on.isoformat(), one.runs) for one in calendar.exceptions.all()] == [("2026-10-01", False)]
    assert "2026-10-01" in client.get(url("calendar-edit", calendar.pk)).content.decode()
    client.post(url("calendar-exception", calendar.pk), {"on": "nie", "runs": "no"})
    client.post(url("calendar-exception", calendar.pk), {"on": "2026-10-01", "runs": "weekday"})
    assert not calendar.exceptions.exists()


def upload(client, packed: bytes, name: str = "bus.zip", **more: str):
    file = SimpleUploadedFile(name, packed, content_type="application/zip")
    answer = client.post(url("lines-import"), {"county": "500230", "file": file, **more})
    assert tasks.import_feed
    run_waiting_jobs(at=NOW)
    return answer


def test_a_feed_is_uploaded_and_its_findings_shown_by_file_and_line(placed: County, sign_in) -> None:
    client = sign_in("officer")
    times = FEED["stop_times.txt"].replace("T1,08:40:00,08:40:00", "T1,07:40:00,07:40:00")
    answer = upload(client, zipped({**FEED, "stop_times.txt": times}))
    page = client.get(answer.url).content.decode()
    assert "已导入，有错误的行除外" in page
    assert "时刻倒退：07:40:00" in page
    assert "stop_times.txt" in page
    assert ">4<" in page
    assert TransitLine.objects.count() == 1
    part = client.get(answer.url, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert client.get(url("lines-import")).status_code == 200


@pytest.mark.parametrize("packed", [b"", b"junk", b"PK\x03\x04" + b"\0" * 50, zipped({"agency.txt": "x"})])
def test_what_is_no_feed_is_told_and_nothing_changes(placed: County, sign_in, packed: bytes) -> None:
    client = sign_in("officer")
    answer = upload(client, packed)
    if answer.status_code == 302:
        page = client.get(answer.url).content.decode()
        assert "没有改动任何数据" in page
    else:
        assert answer.status_code == 422
    assert not TransitLine.objects.exists()


def test_a_feed_goes_only_into_ones_own_county(placed: County, neighbour: County, sign_in) -> None:
    file = SimpleUploadedFile("bus.zip", zipped(FEED))
    answer = sign_in("officer").post(url("lines-import"), {"county": neighbour.code, "file": file})
    assert answer.status_code == 422
    assert not Job.objects.exists()


def test_an_import_is_seen_by_who_started_it(placed: County, neighbour: County, sign_in) -> None:
    upload(sign_in("officer"), zipped(FEED))
    job = Job.objects.get()
    assert sign_in(neighbour.people["officer"]).get(url("lines-import-job", job.pk)).status_code == 404


def test_the_export_is_a_feed_without_fault(placed: County, sign_in) -> None:
    make_line(placed)
    answer = sign_in("auditor").get(url("lines-export"))
    assert answer["Content-Type"] == "application/zip"
    feed = gtfs.read_feed(answer.content)
    assert not feed.errors
    assert [one.long_name for one in feed.routes] == ["县城—虎威 B1"]
    assert len(feed.trips) == 2
