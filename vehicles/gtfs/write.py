"""A feed as a zip: the same feed gives the same bytes, and reading it gives the same feed."""

import csv
import io
import zipfile
from collections.abc import Iterable
from datetime import date

from vehicles.gtfs.feed import Feed
from vehicles.gtfs.read import clock
from vehicles.gtfs.tables import DAYS

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # a zip's first day: the time of writing is nobody's business

Cell = str | int | float | date | bool | None


def write_feed(feed: Feed) -> bytes:
    """The feed's rows as GTFS files in a zip; files without rows are left out where the standard lets them be."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (header, rows) in _tables(feed).items():
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _csv(header, rows))
    return packed.getvalue()


def _csv(header: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue().encode("utf-8")


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    return repr(value) if isinstance(value, float) else str(value)


def _clock(seconds: int | None) -> str:
    return "" if seconds is None else clock(seconds)


def _tables(feed: Feed) -> dict[str, tuple[tuple[str, ...], list[tuple[Cell, ...]]]]:
    tables: dict[str, tuple[tuple[str, ...], list[tuple[Cell, ...]]]] = {
        "agency.txt": (
            ("agency_id", "agency_name", "agency_url", "agency_timezone", "agency_lang", "agency_phone"),
            [(one.id, one.name, one.url, one.timezone, one.lang, one.phone) for one in feed.agencies],
        ),
        "stops.txt": (
            ("stop_id", "stop_code", "stop_name", "stop_lat", "stop_lon", "location_type", "parent_station"),
            [(one.id, one.code, one.name, one.lat, one.lon, one.kind, one.parent) for one in feed.stops],
        ),
        "routes.txt": (
            ("route_id", "agency_id", "route_short_name", "route_long_name", "route_desc", "route_type"),
            [(one.id, one.agency, one.short_name, one.long_name, one.desc, one.type) for one in feed.routes],
        ),
        "trips.txt": (
            ("route_id", "service_id", "trip_id", "trip_headsign", "trip_short_name", "direction_id", "block_id"),
            [
                (one.route, one.service, one.id, one.headsign, one.short_name, one.direction, one.block)
                for one in feed.trips
            ],
        ),
        "stop_times.txt": (
            ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence", "pickup_type", "drop_off_type"),
            [
                (one.trip, _clock(one.arrive), _clock(one.depart), one.stop, one.sequence, one.pickup, one.drop_off)
                for one in feed.stop_times
            ],
        ),
    }
    if feed.services or not feed.exceptions:
        rows: list[tuple[Cell, ...]] = [(one.id, *one.weekdays, one.start, one.end) for one in feed.services]
        tables["calendar.txt"] = (("service_id", *DAYS, "start_date", "end_date"), rows)
    if feed.exceptions:
        tables["calendar_dates.txt"] = (
            ("service_id", "date", "exception_type"),
            [(one.service, one.day, 1 if one.added else 2) for one in feed.exceptions],
        )
    if feed.frequencies:
        tables["frequencies.txt"] = (
            ("trip_id", "start_time", "end_time", "headway_secs", "exact_times"),
            [(one.trip, _clock(one.start), _clock(one.end), one.headway_s, one.exact) for one in feed.frequencies],
        )
    if feed.feed_info is not None:
        info = feed.feed_info
        tables["feed_info.txt"] = (
            (
                "feed_publisher_name",
                "feed_publisher_url",
                "feed_lang",
                "feed_start_date",
                "feed_end_date",
                "feed_version",
            ),
            [(info.publisher, info.url, info.lang, info.start, info.end, info.version)],
        )
    return tables
