"""A line of the small county: hub → 虎威镇 and back, on workdays, with room on the morning bus."""

import io
import zipfile
from datetime import date
from decimal import Decimal

from stations.models import Station
from tests.conftest import NOW, County
from vehicles import services
from vehicles.models import LineService, TransitLine
from vehicles.services import CallFields, Hold, LineFields

HOUR = 3600
MONDAY = date(2026, 11, 23)
POINTS = {
    "h1": ("107.730900", "29.862500"),
    "c1": ("107.880000", "29.930000"),
    "c2": ("107.600000", "29.800000"),
    "o1": ("107.900000", "29.950000"),
}


def place(county: County) -> None:
    """Give the stations of the line their points."""
    for name, (lng, lat) in POINTS.items():
        Station.objects.filter(pk=county.stations[name].pk).update(lng=lng, lat=lat)
        county.stations[name].refresh_from_db()


def make_calendar(county_code: str, service_id: str = "WORK") -> LineService:
    return services.save_calendar(
        county_code=county_code,
        service_id=service_id,
        weekdays=[True] * 5 + [False] * 2,
        start_on=date(2026, 1, 1),
        end_on=date(2027, 12, 31),
        by=None,
        at=NOW,
    )


def make_line(
    county: County, code: str = "B1", kind: str = "integrated", at: str = "c1", **more: object
) -> TransitLine:
    """The line with its 08:10 and 10:10 departures."""
    fields = {"code": code, "name": f"县城—虎威 {code}", "kind": kind, "tariff": Decimal("0.8"), **more}
    line = services.create_line(county_code=county.code, fields=LineFields(**fields), by=None, at=NOW)
    services.add_departures(
        line_id=line.pk,
        calendar_id=make_calendar(county.code).pk,
        starts_s=[8 * HOUR + 600, 10 * HOUR + 600],
        calls=[
            CallFields(services.stop_at(station=county.h1), 0),
            CallFields(services.stop_at(station=county.stations[at]), 40 * 60, 120),
        ],
        hold=Hold(kg=300, litres=1500, pieces=120),
        by=None,
        at=NOW,
    )
    return line


def make_rights_rows(hub: Station, centre: Station, prefix: str = "") -> dict[str, int]:
    """A line with one departure, its calendar and a stop: what the addresses of tests/rights.yaml are filled with."""
    for number, station in enumerate((hub, centre)):
        Station.objects.filter(pk=station.pk).update(lng="107.7", lat=f"29.{number + 7}")
        station.refresh_from_db()
    line = services.create_line(
        county_code=hub.county_code, fields=LineFields("R1", "县城专线", "integrated"), by=None, at=NOW
    )
    calendar = make_calendar(hub.county_code)
    departure = services.add_departures(
        line_id=line.pk,
        calendar_id=calendar.pk,
        starts_s=[8 * HOUR],
        calls=[CallFields(hub, 0), CallFields(centre, 1800)],
        hold=Hold(100, 500, 40),
        by=None,
        at=NOW,
    )[0]
    return {
        f"{prefix}transit_line": line.pk,
        f"{prefix}departure": departure.pk,
        f"{prefix}calendar": calendar.pk,
        f"{prefix}transit_stop": services.stop_at(station=centre).pk,
    }


FEED = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\nA,丰都公交,https://bus.example,Asia/Shanghai\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,stop_code\nH,县城客运站,29.8625,107.7309,FD-H1\n"
        "M,高家镇,29.7,107.7,\nC,虎威镇,29.9310,107.8805,\n"
    ),
    "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type\nL1,A,1路,县城—虎威,3\n",
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "D,1,1,1,1,1,1,1,20260101,20271231\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nD,20261125,2\n",
    "trips.txt": "route_id,service_id,trip_id\nL1,D,T1\nL1,D,T2\nL1,D,T3\n",
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "T1,08:00:00,08:00:00,H,1\nT1,,,M,2\nT1,08:40:00,08:40:00,C,3\n"
        "T2,23:50:00,23:50:00,C,1\nT2,24:30:00,24:30:00,H,2\n"
        "T3,06:00:00,06:00:00,H,1\nT3,06:40:00,06:40:00,C,2\n"
    ),
    "frequencies.txt": "trip_id,start_time,end_time,headway_secs\nT3,12:00:00,13:30:00,1800\n",
}


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()
