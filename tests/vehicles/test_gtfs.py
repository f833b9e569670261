"""Timetables in GTFS terms: what is said about each fault, by file and line; what is written reads as the same feed."""

import io
import zipfile
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vehicles.gtfs_table import DATA, feeds, table, written
from vehicles import gtfs
from vehicles.gtfs import Limits, read_feed, write_feed
from vehicles.queries.gtfs_sentences import known_codes, sentence_of

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the public feeds (shared/data/gtfs) are not on this machine")

SOUND = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\nA,丰都公交,https://bus.example,Asia/Shanghai\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon\nH,县城,29.86,107.73\nM,高家镇,29.90,107.80\nC,虎威镇,29.93,107.88\n"
    ),
    "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type\nL1,A,1路,县城—虎威,3\n",
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "D,1,1,1,1,1,1,1,20260101,20271231\n"
    ),
    "trips.txt": "route_id,service_id,trip_id\nL1,D,T1\nL1,D,T2\n",
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "T1,08:00:00,08:00:00,H,1\nT1,,,M,2\nT1,08:40:00,08:40:00,C,3\n"
        "T2,23:50:00,23:50:00,C,1\nT2,24:30:00,24:30:00,H,2\n"
    ),
}


def zipped(**changes: str | bytes | None) -> bytes:
    """The sound feed with files replaced (name without .txt), added, or (None) taken away."""
    files: dict[str, str | bytes | None] = {**SOUND, **{f"{name}.txt": text for name, text in changes.items()}}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            if text is not None:
                archive.writestr(name, text)
    return packed.getvalue()


def replaced(name: str, old: str, new: str) -> bytes:
    assert old in SOUND[f"{name}.txt"]
    return zipped(**{name: SOUND[f"{name}.txt"].replace(old, new)})


@needs_data
def test_the_table_tells_what_each_public_feed_yields() -> None:
    assert written() == table(), "run: python -m tests.vehicles.gtfs_table"


@needs_data
@pytest.mark.parametrize("name", ["good_feed", "donan"])
def test_the_sound_feeds_load_without_an_error(name: str) -> None:
    feed = read_feed(feeds()[name])
    assert not feed.errors
    assert len(feed.routes) == {"good_feed": 5, "donan": 78}[name]
    assert len(feed.stop_times) == {"good_feed": 28, "donan": 26_408}[name]


@needs_data
@pytest.mark.parametrize("name", ["good_feed", "donan", "only_calendar_dates", "bad_utf8"])
def test_what_is_written_reads_as_the_same_feed(name: str) -> None:
    feed = read_feed(feeds()[name])
    packed = write_feed(feed)
    assert read_feed(packed) == feed
    assert write_feed(read_feed(packed)) == packed


def test_a_sound_zip_has_nothing_said_about_it() -> None:
    feed = read_feed(zipped())
    assert feed.findings == ()
    assert [one.id for one in feed.trips] == ["T1", "T2"]
    assert feed.stop_times[-1].arrive == 24 * 3600 + 30 * 60


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (replaced("stop_times", "08:40:00,08:40:00", "07:40:00,07:40:00"), ("goes_backwards", "stop_times.txt", 4)),
        (replaced("stop_times", "T1,08:00:00", "T1,08:10:00"), ("leaves_before_arriving", "stop_times.txt", 2)),
        (replaced("stop_times", "T1,08:40:00,08:40:00", "T1,,"), ("no_end_time", "stop_times.txt", 4)),
        (replaced("stop_times", "T1,,,M,2", "T1,,,M,1"), ("duplicate", "stop_times.txt", 3)),
        (replaced("stop_times", "T1,,,M,2", "T1,8点,,M,2"), ("bad_time", "stop_times.txt", 3)),
        (replaced("stop_times", "T1,,,M,2", "T1,,,X,2"), ("points_nowhere", "stop_times.txt", 3)),
        (replaced("stop_times", "T1,,,M,2", "TX,,,M,2"), ("points_nowhere", "stop_times.txt", 3)),
        (replaced("trips", "L1,D,T2", "LX,D,T2"), ("points_nowhere", "trips.txt", 3)),
        (replaced("trips", "L1,D,T2", "L1,X,T2"), ("points_nowhere", "trips.txt", 3)),
        (replaced("trips", "L1,D,T2", "L1,D,T1"), ("duplicate", "trips.txt", 3)),
        (replaced("calendar", "20260101,20271231", "20271231,20260101"), ("end_before_start", "calendar.txt", 2)),
        (replaced("calendar", "20260101", "20260230"), ("bad_date", "calendar.txt", 2)),
        (replaced("calendar", "D,1,1", "D,2,1"), ("bad_number", "calendar.txt", 2)),
        (replaced("stops", "29.90,107.80", "129.90,107.80"), ("bad_point", "stops.txt", 3)),
        (replaced("stops", "29.90", "２９"), ("bad_point", "stops.txt", 3)),
        (replaced("stops", "高家镇,", "高家,镇,"), ("extra_cells", "stops.txt", 3)),
        (replaced("routes", "L1,A,1路,县城—虎威,3", "L1,A,,,3"), ("no_route_name", "routes.txt", 2)),
        (replaced("routes", ",3\n", ",\n"), ("bad_number", "routes.txt", 2)),
        (replaced("routes", "L1,A", "L1,B"), ("points_nowhere", "routes.txt", 2)),
        (replaced("agency", "Asia/Shanghai", "北京时间"), ("bad_timezone", "agency.txt", 2)),
        (replaced("agency", "丰都公交", '"丰都公交'), ("broken_quoting", "agency.txt", 2)),
        (replaced("agency", "丰都公交", "丰都\0公交"), ("bad_bytes", "agency.txt", 2)),
        (zipped(calendar=None), ("missing_calendar", "calendar.txt", 0)),
        (zipped(routes=None), ("missing_file", "routes.txt", 0)),
        (zipped(routes=""), ("empty_file", "routes.txt", 0)),
        (zipped(trips="route_id,service_id\nL1,D\n"), ("missing_column", "trips.txt", 1)),
        (zipped(trips="route_id,trip_id,trip_id,service_id\nL1,T1,T1,D\n"), ("duplicate_column", "trips.txt", 1)),
        (zipped(agency=SOUND["agency.txt"].encode("gb18030")), ("bad_bytes", "agency.txt", 2)),
        (zipped(agency=SOUND["agency.txt"].encode("utf-16")), ("not_utf8", "agency.txt", 1)),
        (zipped(agency=SOUND["agency.txt"].encode("utf-16-le")), ("not_utf8", "agency.txt", 1)),
        (
            zipped(frequencies="trip_id,start_time,end_time,headway_secs\nT1,06:00:00,08:00:00,600\nT1,07:00:00,09:00:00,600\n"),
            ("overlap", "frequencies.txt", 3),
        ),
        (
            zipped(frequencies="trip_id,start_time,end_time,headway_secs\nT1,06:00:00,05:00:00,600\n"),
            ("end_before_start", "frequencies.txt", 2),
        ),
        (
            zipped(calendar_dates="service_id,date,exception_type\nD,20261001,2\nD,20261001,1\n"),
            ("duplicate", "calendar_dates.txt", 3),
        ),
        (b"no zip at all", ("not_a_feed", "", 0)),
        (b"", ("not_a_feed", "", 0)),
    ],
)  # fmt: skip
def test_each_fault_is_an_error_by_file_and_line(packed: bytes, expected: tuple[str, str, int]) -> None:
    feed = read_feed(packed)
    assert expected in [(one.code, one.file, one.line) for one in feed.errors]
    if not feed.refused:
        assert read_feed(write_feed(feed)) == feed


def test_a_faulty_row_takes_only_what_hangs_on_it() -> None:
    feed = read_feed(replaced("stop_times", "T1,08:40:00,08:40:00", "T1,07:40:00,07:40:00"))
    assert not feed.refused
    assert [one.id for one in feed.trips] == ["T2"]
    assert {one.trip for one in feed.stop_times} == {"T2"}


def test_a_byte_order_mark_and_a_folder_in_the_zip_are_no_fault() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in SOUND.items():
            archive.writestr(f"feed/{name}", "\ufeff" + text)
        archive.writestr("__MACOSX/feed/._agency.txt", b"\0\1")
    feed = read_feed(packed.getvalue())
    assert [(one.level, one.code) for one in feed.findings] == [("warning", "in_a_folder")]
    assert len(feed.trips) == 2


def test_a_feed_beyond_the_bounds_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped(shapes=b"0" * 3_000_000)
    assert read_feed(bomb, Limits(size=1_000_000)).errors[0].code == "too_large"
    assert read_feed(zipped(), Limits(rows=5)).refused
    assert read_feed(zipped(), Limits(files=3)).errors[0].code == "too_many_files"


def test_many_faults_alike_are_counted_not_listed() -> None:
    rows = "".join(f"L1,D,X{n},\n" for n in range(500))
    feed = read_feed(zipped(trips="route_id,service_id,trip_id\n" + rows))
    alike = [one for one in feed.findings if one.code == "spare_commas"]
    assert len(alike) == 100
    assert ("n", "400") in next(one for one in feed.findings if one.code == "and_more").params


def test_empty_times_in_the_middle_are_spread_evenly() -> None:
    calls = [one for one in read_feed(zipped()).stop_times if one.trip == "T1"]
    assert calls[1].arrive is None
    assert gtfs.interpolated(calls) == [(28_800, 28_800), (30_000, 30_000), (31_200, 31_200)]


def test_an_exception_decides_about_its_day() -> None:
    feed = read_feed(zipped(calendar_dates="service_id,date,exception_type\nD,20261001,2\nX,20261002,1\n"))
    holiday, after = date(2026, 10, 1), date(2026, 10, 2)
    of_d = [one for one in feed.exceptions if one.service == "D"]
    assert not gtfs.runs_on(holiday, feed.services[0], of_d)
    assert gtfs.runs_on(after, feed.services[0], of_d)
    assert gtfs.runs_on(after, None, [one for one in feed.exceptions if one.service == "X"])


@needs_data
def test_every_finding_has_its_sentence() -> None:
    for path in feeds().values():
        for one in read_feed(path).findings:
            assert one.code in known_codes()
            assert sentence_of(one) not in ("", one.code)


_words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=12
)


@st.composite
def whole_feeds(draw: st.DrawFn) -> gtfs.Feed:
    """Feeds that hold together: some stops, lines, a calendar, trips whose times never go back."""
    stops = draw(st.lists(_words, min_size=2, max_size=6, unique=True))
    routes = draw(st.lists(_words, min_size=1, max_size=3, unique=True))
    trips, times = [], []
    for n in range(draw(st.integers(0, 4))):
        trips.append(
            gtfs.Trip(f"t{n}", draw(st.sampled_from(routes)), "s", direction=draw(st.sampled_from([None, 0, 1])))
        )
        moment = draw(st.integers(0, 80_000))
        for at in range(draw(st.integers(2, 5))):
            arrive = moment + draw(st.integers(0, 3000))
            moment = arrive + draw(st.integers(0, 600))
            times.append(gtfs.StopTime(f"t{n}", at * 10, draw(st.sampled_from(stops)), arrive, moment))
    return gtfs.Feed(
        agencies=(gtfs.Agency("A", draw(_words), "https://bus.example", "Asia/Shanghai"),),
        stops=tuple(
            gtfs.Stop(stop, draw(_words), draw(st.floats(1, 80)), draw(st.floats(1, 170))) for stop in stops
        ),
        routes=tuple(gtfs.Route(route, 3, "A", long_name=draw(_words)) for route in routes),
        services=(gtfs.Service("s", (True,) * 5 + (False,) * 2, date(2026, 1, 1), date(2027, 1, 1)),),
        exceptions=(gtfs.DayException("s", date(2026, 10, 1), added=False),),
        trips=tuple(trips),
        stop_times=tuple(times),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(whole_feeds())
def test_any_feed_that_holds_together_survives_the_way_out_and_in(feed: gtfs.Feed) -> None:
    back = read_feed(write_feed(feed))
    assert back == feed
    assert not back.errors


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_break_the_reader(name: str, junk: bytes, at: int) -> None:
    text = SOUND[name].encode()
    feed = read_feed(zipped(**{name.removesuffix(".txt"): text[:at] + junk + text[at:]}))
    for one in feed.findings:
        assert sentence_of(one)
    if not feed.refused:
        assert read_feed(write_feed(feed)) == feed
