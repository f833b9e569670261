"""Lines: contract and split, timetables by hand, feeds in and out, what runs on a day, which townships are reached."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from common.errors import Conflict, Refused
from common.models import Job
from common.services import run_waiting_jobs, start_job
from common.states import JobState
from tests.conftest import NOW, County
from tests.vehicles.gtfs_table import feeds
from tests.vehicles.test_gtfs import needs_data
from tests.vehicles.timetable import FEED, HOUR, MONDAY, make_calendar, make_line, place, zipped
from vehicles import gtfs, services, tasks
from vehicles.models import Departure, LineShare, Plan, ServiceException, StopTime, TransitLine, TransitStop, Trip
from vehicles.queries.line_feed import county_feed
from vehicles.queries.lines import departures_on, line_rows, line_stops, township_cover
from vehicles.services import CallFields, Hold, LineFields
from vehicles.states import LineKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def placed(county: County) -> County:
    place(county)
    return county


def import_bytes(county: County, packed: bytes, *, dry_run: bool = False) -> Job:
    job = start_job(
        kind="vehicles.import_feed",
        title="feed",
        user=county.people["officer"],
        at=NOW,
        input_file=ContentFile(packed, name="feed.zip"),
        county_code=county.code,
        dry_run=dry_run,
    )
    assert tasks.import_feed  # the module registers the job
    run_waiting_jobs(at=NOW)
    job.refresh_from_db()
    return job


# --- the line ---------------------------------------------------------------------------------------------------


def test_a_line_is_made_and_edited_once_for_each_version_seen(county: County) -> None:
    fields = LineFields(
        code="B1", name="县城—虎威", kind="integrated", shares={"operator": Decimal("0.6"), "hub": Decimal("0.4")}
    )
    line = services.create_line(county_code=county.code, fields=fields, by=county.people["officer"], at=NOW)
    assert sum(LineShare.objects.filter(line=line).values_list("share", flat=True)) == 1
    again = LineFields(code="B1", name="新名", kind="freight", safety_items=(" 货箱锁好 ", "", "货箱锁好"))
    changed = services.edit_line(line_id=line.pk, seen=1, fields=again, by=None, at=NOW)
    assert (changed.name, changed.version, changed.safety_items) == ("新名", 2, ["货箱锁好"])
    assert not LineShare.objects.filter(line=line).exists()
    with pytest.raises(Conflict) as late:
        services.edit_line(line_id=line.pk, seen=1, fields=fields, by=None, at=NOW)
    assert late.value.code == "line_changed"
    with pytest.raises(Refused) as taken:
        services.create_line(county_code=county.code, fields=fields, by=None, at=NOW)
    assert taken.value.code == "line_code_taken"


@pytest.mark.parametrize("parts", [("0.6", "0.3"), ("0.7", "0.4"), ("1.5", "-0.5")])
def test_a_split_that_is_not_the_whole_is_refused(county: County, parts: tuple[str, str]) -> None:
    shares = {"operator": Decimal(parts[0]), "hub": Decimal(parts[1])}
    with pytest.raises(Refused) as refusal:
        services.create_line(
            county_code=county.code, fields=LineFields("B1", "x", "integrated", shares=shares), by=None, at=NOW
        )
    assert refusal.value.code in ("shares_not_whole", "share_not_positive")
    assert not TransitLine.objects.exists()


# --- timetables by hand -----------------------------------------------------------------------------------------


def test_departures_entered_twice_are_there_once(placed: County) -> None:
    line = make_line(placed)
    again = services.add_departures(
        line_id=line.pk,
        calendar_id=make_calendar(placed.code).pk,
        starts_s=[8 * HOUR + 600, 9 * HOUR],
        calls=[CallFields(stop, n * 1800) for n, stop in enumerate(line_stops(line))],
        hold=Hold(),
        by=None,
        at=NOW,
    )
    assert len(again) == 1
    assert Departure.objects.filter(line=line).count() == 3


def test_a_timetable_that_goes_backwards_is_refused(placed: County) -> None:
    line = make_line(placed)
    stops = line_stops(line)
    with pytest.raises(Refused) as refusal:
        services.add_departures(
            line_id=line.pk,
            calendar_id=make_calendar(placed.code).pk,
            starts_s=[7 * HOUR],
            calls=[CallFields(stops[0], 600, 60), CallFields(stops[1], 0)],
            hold=Hold(),
            by=None,
            at=NOW,
        )
    assert refusal.value.code == "timetable_backwards"
    assert "虎威镇物流站" in str(refusal.value.message)


@pytest.mark.parametrize(
    ("starts", "stops", "code"),
    [([], 2, "too_many_departures"), ([35 * HOUR + 1800], 2, "too_late"), ([8 * HOUR], 1, "too_few_stops")],
)
def test_what_is_no_departure_is_refused(placed: County, starts: list[int], stops: int, code: str) -> None:
    line = make_line(placed)
    calls = [CallFields(stop, n * 3600) for n, stop in enumerate(line_stops(line))][:stops]
    with pytest.raises(Refused) as refusal:
        services.add_departures(
            line_id=line.pk, calendar_id=make_calendar(placed.code).pk, starts_s=starts, calls=calls, hold=Hold(),
            by=None, at=NOW,
        )  # fmt: skip
    assert refusal.value.code == code


def test_a_stop_or_calendar_of_the_neighbour_is_refused(placed: County, neighbour: County) -> None:
    line = make_line(placed)
    with pytest.raises(Refused) as refusal:
        services.add_departures(
            line_id=line.pk,
            calendar_id=make_calendar(neighbour.code).pk,
            starts_s=[8 * HOUR],
            calls=[CallFields(stop, n * 1800) for n, stop in enumerate(line_stops(line))],
            hold=Hold(),
            by=None,
            at=NOW,
        )
    assert refusal.value.code == "other_county"


def test_the_calls_move_with_the_start(placed: County) -> None:
    line = make_line(placed)
    departure = Departure.objects.filter(line=line).order_by("trip_id").first()
    assert departure is not None
    services.edit_departure(
        departure_id=departure.pk,
        calendar_id=departure.service_id,
        starts_s=7 * HOUR,
        hold=Hold(100, 400, 50),
        by=None,
        at=NOW,
    )
    times = list(StopTime.objects.filter(departure=departure).order_by("seq").values_list("leave_s", flat=True))
    assert times == [7 * HOUR, 7 * HOUR + 42 * 60]
    departure.refresh_from_db()
    assert departure.hold_pieces == 50


def test_a_departure_that_a_plan_counts_on_stays(placed: County) -> None:
    line = make_line(placed)
    used, free = Departure.objects.filter(line=line).order_by("trip_id")
    trip_on(placed, used)
    services.remove_departure(departure_id=free.pk, by=None, at=NOW)
    with pytest.raises(Refused) as refusal:
        services.remove_departure(departure_id=used.pk, by=None, at=NOW)
    assert refusal.value.code == "departure_used"
    assert list(Departure.objects.filter(line=line)) == [used]


def trip_on(county: County, departure: Departure) -> Trip:
    """A bus trip of a plan."""
    plan = Plan.objects.create(county_code=county.code, hub=county.h1, service_date=MONDAY, version=1, made_at=NOW)
    return Trip.objects.create(
        county_code=county.code,
        hub=county.h1,
        plan=plan,
        code="BUS-1",
        seq=1,
        departure=departure,
        starts_at=NOW,
        departs_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        busy_until=NOW + timedelta(hours=2),
    )


# --- what runs on a day -----------------------------------------------------------------------------------------


def test_a_bus_runs_on_its_weekdays_within_its_season(placed: County) -> None:
    make_line(placed)
    runs = departures_on(county_code=placed.code, day=MONDAY)
    assert [run.starts_s for run in runs] == [8 * HOUR + 600, 10 * HOUR + 600]
    first = runs[0]
    assert (first.hold_kg, first.hold_l, first.hold_pieces, first.tariff) == (300, 1500, 120, Decimal("0.8"))
    assert [call.station_id for call in first.calls] == [placed.h1.pk, placed.c1.pk]
    assert (first.calls[1].arrive_s, first.calls[1].leave_s) == (8 * HOUR + 50 * 60, 8 * HOUR + 52 * 60)
    assert departures_on(county_code=placed.code, day=date(2026, 11, 22)) == []  # a Sunday
    assert departures_on(county_code=placed.code, day=date(2028, 1, 3)) == []  # after its season


def test_a_bus_on_a_holiday_does_not_run_and_on_the_make_up_sunday_it_does(placed: County) -> None:
    make_line(placed)
    calendar = make_calendar(placed.code)
    holiday, sunday = date(2026, 10, 1), date(2026, 9, 27)
    for day, runs in ((holiday, False), (sunday, True)):
        services.set_exception(calendar_id=calendar.pk, on=day, runs=runs, by=placed.people["officer"], at=NOW)
    assert departures_on(county_code=placed.code, day=holiday) == []
    assert len(departures_on(county_code=placed.code, day=holiday + timedelta(days=1))) == 2
    assert len(departures_on(county_code=placed.code, day=sunday)) == 2
    services.set_exception(calendar_id=calendar.pk, on=holiday, runs=None, by=None, at=NOW)
    assert len(departures_on(county_code=placed.code, day=holiday)) == 2


def test_only_lines_that_take_parcels_carry_them(placed: County) -> None:
    make_line(placed, "P1", kind=LineKind.PASSENGER)
    full = make_line(placed, "B2")
    services.set_hold(line_id=full.pk, hold=Hold(), by=None, at=NOW)
    make_line(placed, "OLD", is_active=False)
    assert departures_on(county_code=placed.code, day=MONDAY) == []
    assert len(departures_on(county_code=placed.code, day=MONDAY, carrying=False)) == 4


def test_the_neighbours_lines_are_not_ours(placed: County, neighbour: County) -> None:
    make_line(placed)
    assert departures_on(county_code=neighbour.code, day=MONDAY) == []
    assert not TransitLine.objects.visible_to(neighbour.people["officer"]).exists()
    assert TransitLine.objects.visible_to(placed.people["officer"]).count() == 1


def test_coverage_counts_townships_with_a_line_that_takes_parcels(placed: County) -> None:
    cover = township_cover(county_code=placed.code, day=MONDAY)
    assert (len(cover.covered), cover.total) == (0, 2)
    make_line(placed)
    make_line(placed, "P2", kind=LineKind.PASSENGER, at="c2")
    cover = township_cover(county_code=placed.code, day=MONDAY)
    assert [one.name for one in cover.covered] == ["虎威镇"]
    assert [one.name for one in cover.without] == ["社坛镇"]
    ended = township_cover(county_code=placed.code, day=date(2028, 1, 1))
    assert ended.covered == ()


def test_the_list_says_how_often_a_line_runs(placed: County) -> None:
    line = make_line(placed)
    row = line_rows([line], day=MONDAY)[0]
    assert (row.departures, row.stops, row.first_s, row.last_s, row.hold_pieces) == (
        2, 2, 8 * HOUR + 600, 10 * HOUR + 600, 240,
    )  # fmt: skip


# --- feeds ------------------------------------------------------------------------------------------------------


def test_a_feed_becomes_lines_calendars_departures_and_stops(placed: County) -> None:
    job = import_bytes(placed, zipped(FEED))
    assert job.state == JobState.DONE
    assert (job.result["lines"], job.result["departures"], job.result["stops"]) == (1, 5, 3)
    line = TransitLine.objects.get()
    assert (line.name, line.kind, line.code) == ("1路 县城—虎威", "passenger", "L1")
    starts = [run.starts_s for run in departures_on(county_code=placed.code, day=MONDAY, carrying=False)]
    assert starts == [8 * HOUR, 12 * HOUR, 12 * HOUR + 1800, 13 * HOUR, 23 * HOUR + 3000]
    assert departures_on(county_code=placed.code, day=date(2026, 11, 25), carrying=False) == []
    filled = StopTime.objects.get(departure__trip_id="T1", seq=2)
    assert filled.arrive_s == 8 * HOUR + 20 * 60


def test_stops_find_their_stations_by_code_then_by_nearness(placed: County) -> None:
    job = import_bytes(placed, zipped(FEED))
    stations = {stop.stop_id: stop.station for stop in TransitStop.objects.select_related("station")}
    assert stations == {"H": placed.h1, "C": placed.c1, "M": None}
    assert job.result["unlinked"] == 1
    near = job.problems.get(code="note.near_station")
    assert (near.row, near.column) == (4, "stops.txt stop_id")
    assert "虎威镇物流站" in near.detail


def test_the_same_feed_twice_is_the_feed_once_and_peoples_words_stay(placed: County) -> None:
    import_bytes(placed, zipped(FEED))
    line = TransitLine.objects.get()
    fields = LineFields(code=line.code, name="别名", kind="integrated", tariff=Decimal("0.9"))
    services.edit_line(line_id=line.pk, seen=line.version, fields=fields, by=None, at=NOW)
    services.set_hold(line_id=line.pk, hold=Hold(100, 500, 40), by=None, at=NOW)
    wrong = TransitStop.objects.get(stop_id="C")
    services.link_stop(stop_id=wrong.pk, station=placed.c2, by=None, at=NOW)
    before = set(Departure.objects.values_list("pk", "trip_id", "hold_pieces"))
    counts = (TransitStop.objects.count(), StopTime.objects.count(), ServiceException.objects.count())
    job = import_bytes(placed, zipped(FEED))
    assert job.result["removed"] == 0
    assert set(Departure.objects.values_list("pk", "trip_id", "hold_pieces")) == before
    assert (TransitStop.objects.count(), StopTime.objects.count(), ServiceException.objects.count()) == counts
    line.refresh_from_db()
    assert (line.kind, line.tariff) == ("integrated", Decimal("0.9"))
    wrong.refresh_from_db()
    assert wrong.station == placed.c2


def test_departures_the_feed_no_longer_has_go(placed: County) -> None:
    import_bytes(placed, zipped(FEED))
    make_line(placed)  # by hand: not the feed's
    job = import_bytes(placed, zipped({**FEED, "trips.txt": "route_id,service_id,trip_id\nL1,D,T1\n"}))
    assert job.result["removed"] == 4
    assert set(Departure.objects.filter(line__code="L1").values_list("trip_id", flat=True)) == {"T1"}
    assert Departure.objects.filter(line__code="B1").count() == 2


def test_one_that_a_plan_counts_on_stays_and_never_runs(placed: County) -> None:
    import_bytes(placed, zipped(FEED))
    trip_on(placed, Departure.objects.get(trip_id="T2"))
    for _time in range(2):
        import_bytes(placed, zipped({**FEED, "trips.txt": "route_id,service_id,trip_id\nL1,D,T1\n"}))
        runs = departures_on(county_code=placed.code, day=MONDAY, carrying=False)
        assert [run.departure.trip_id for run in runs] == ["T1"]
        assert Departure.objects.filter(trip_id="T2").exists()


def test_a_faulty_row_is_left_out_and_told_by_file_and_line(placed: County) -> None:
    times = FEED["stop_times.txt"].replace("T1,08:40:00,08:40:00", "T1,07:40:00,07:40:00")
    job = import_bytes(placed, zipped({**FEED, "stop_times.txt": times}))
    assert job.state == JobState.DONE
    told = job.problems.get(code="error.goes_backwards")
    assert (told.row, told.column) == (4, "stop_times.txt arrival_time")
    assert not Departure.objects.filter(trip_id="T1").exists()
    assert Departure.objects.filter(trip_id="T2").exists()


def test_a_refused_feed_changes_nothing(placed: County) -> None:
    import_bytes(placed, zipped(FEED))
    before = set(Departure.objects.values_list("pk", flat=True))
    job = import_bytes(placed, zipped({name: text for name, text in FEED.items() if name != "stops.txt"}))
    assert (job.state, job.result["code"]) == (JobState.FAILED, "feed_refused")
    assert job.problems.filter(code="error.missing_file", column="stops.txt").exists()
    assert set(Departure.objects.values_list("pk", flat=True)) == before


def test_a_trial_run_stores_nothing(placed: County) -> None:
    job = import_bytes(placed, zipped(FEED), dry_run=True)
    assert (job.state, job.result["departures"]) == (JobState.DONE, 5)
    assert not TransitLine.objects.exists()
    assert not TransitStop.objects.exists()


def test_ids_and_names_of_any_length_fit(placed: County) -> None:
    long = "超" * 300
    files = {name: text.replace("T1,", f"{long},").replace(",T1\n", f",{long}\n") for name, text in FEED.items()}
    files["routes.txt"] = files["routes.txt"].replace("县城—虎威", long)
    for _time in range(2):
        assert import_bytes(placed, zipped(files)).state == JobState.DONE
    assert Departure.objects.count() == 5


def test_what_goes_out_comes_in_again_as_the_same(placed: County) -> None:
    make_line(placed)
    make_line(placed, "B2", at="c2")
    services.set_exception(calendar_id=make_calendar(placed.code).pk, on=MONDAY, runs=False, by=None, at=NOW)
    feed = county_feed(county_code=placed.code, base_url="https://county.example/", today=MONDAY)
    packed = gtfs.write_feed(feed)
    back = gtfs.read_feed(packed)
    assert back == feed
    assert [one for one in back.findings if one.level != "note"] == []
    before = list(Departure.objects.order_by("pk").values())
    job = import_bytes(placed, packed)
    assert (job.state, job.result["removed"], job.problem_count) == (JobState.DONE, 0, 0)
    assert list(Departure.objects.order_by("pk").values()) == before


@needs_data
def test_a_real_bus_companys_feed_is_taken_in(placed: County) -> None:
    folder: Path = feeds()["donan"]
    wanted = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name != "fare_rules.txt"}
    job = import_bytes(placed, zipped(wanted))
    assert job.state == JobState.DONE, job.message
    assert (job.result["lines"], job.result["departures"], job.result["error"]) == (78, 706, 0)
    assert StopTime.objects.count() == 26_408
    holiday = date(2017, 5, 3)  # a Wednesday: the weekend's buses run, says the feed
    runs = departures_on(county_code=placed.code, day=holiday, carrying=False)
    assert {run.departure.service.service_id for run in runs} == {"weekend"}
