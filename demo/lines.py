"""The demo county's buses: fourteen lines from the county seat to its townships, ten of which also carry parcels.

Times follow the distance between the townships at a country bus's speed; nobody's real timetable.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from demo import network as plan
from stations.models import Organisation, Station
from vehicles.graph import straight_m
from vehicles.models import LineService, TransitLine
from vehicles.rules import DETOUR
from vehicles.services import (
    CallFields,
    Hold,
    LineFields,
    add_departures,
    create_line,
    save_calendar,
    set_exception,
)
from vehicles.states import LineKind, ShareRole

KMH = 32  # a country bus between two stops
STANDS_S = 120  # at a stop on the way
DAILY, WORKDAYS = "每天", "周一至周五"
HOLIDAYS = (date(2026, 10, 1), date(2027, 1, 1), date(2027, 2, 5), date(2027, 2, 6))
SAFETY = (
    "货舱与客舱隔开，舱门锁好",
    "没有危险品、易燃品和活体动物",
    "快件固定好，不占座位和过道",
    "件数与交接单一致",
)
SPLIT = {ShareRole.OPERATOR: "0.60", ShareRole.HUB: "0.15", ShareRole.CENTRE: "0.15", ShareRole.OUTLET: "0.10"}
NO_ROOM = Hold()


@dataclass(frozen=True)
class _Line:
    """Its centres in order; when it leaves the seat, and how long it turns round at the end, minutes."""

    code: str
    name: str
    centres: tuple[str, ...]
    starts: tuple[str, ...]
    hold: Hold = NO_ROOM
    tariff: str = "0"
    calendar: str = DAILY
    turn_min: int = 20


NEAR = ("08:10", "10:10", "14:30")
FAR = ("07:20", "13:40")
LINES = (
    _Line("301", "县城—名山—虎威", ("FD-C02", "FD-C03"), NEAR, Hold(250, 1500, 120), "0.30"),
    _Line("302", "县城—社坛—兴龙", ("FD-C04", "FD-C20"), NEAR, Hold(300, 1800, 140), "0.32"),
    _Line("303", "县城—三元—许明寺", ("FD-C05", "FD-C06"), ("07:20", "10:40", "14:30"), Hold(350, 2200, 160), "0.38"),
    _Line("304", "县城—保合—双龙—董家", ("FD-C19", "FD-C24", "FD-C07"), FAR, Hold(350, 2200, 160), "0.38"),
    _Line("305", "县城—树人—十直—青龙", ("FD-C08", "FD-C09", "FD-C26"), NEAR, Hold(300, 1800, 140), "0.35"),
    _Line("306", "县城—兴义—高家—龙孔", ("FD-C11", "FD-C10", "FD-C22"), NEAR, Hold(500, 3000, 200, True), "0.30"),
    _Line("307", "县城—双路—江池", ("FD-C12", "FD-C13"), FAR, Hold(250, 1500, 120), "0.36"),
    _Line("308", "县城—栗子—龙河—武平", ("FD-C29", "FD-C14", "FD-C15"), NEAR, Hold(300, 1800, 140), "0.38"),
    _Line("309", "县城—湛普—仁沙", ("FD-C17", "FD-C21"), FAR, Hold(200, 1200, 100), "0.34", WORKDAYS),
    _Line("310", "县城—南天湖—暨龙", ("FD-C18", "FD-C23"), FAR, Hold(250, 1500, 120), "0.40"),
    _Line("311", "县城—三建", ("FD-C30",), NEAR),
    _Line("312", "县城—包鸾", ("FD-C16",), NEAR),
    _Line("313", "县城—太平坝—都督", ("FD-C27", "FD-C28"), ("07:00",)),
    _Line("314", "县城—仙女湖", ("FD-C25",), FAR, calendar=WORKDAYS),
)


def open_lines(*, at: datetime) -> bool:
    """The county's lines with their timetables; False if it has any, or has no hub yet."""
    stations = {one.code: one for one in Station.objects.filter(county_code=plan.COUNTY, level__in=("HUB", "CENTRE"))}
    if "FD-H1" not in stations or TransitLine.objects.filter(county_code=plan.COUNTY).exists():
        return False
    officer = User.objects.filter(username="county").first()
    operator = Organisation.objects.get(code="FD-BUS")
    with transaction.atomic():
        calendars = _calendars(officer, at)
        for line in LINES:
            _open(line, stations, calendars[line.calendar], operator, officer, at)
    return True


def _calendars(officer: User | None, at: datetime) -> dict[str, LineService]:
    """Every day, and workdays without the holidays."""
    found = {
        name: save_calendar(
            county_code=plan.COUNTY,
            service_id=name,
            weekdays=[True] * 5 + [name == DAILY] * 2,
            start_on=date(2026, 1, 1),
            end_on=date(2035, 12, 31),
            by=officer,
            at=at,
        )
        for name in (DAILY, WORKDAYS)
    }
    for day in HOLIDAYS:
        set_exception(calendar_id=found[WORKDAYS].pk, on=day, runs=False, by=officer, at=at)
    return found


def _open(
    line: _Line,
    stations: dict[str, Station],
    calendar: LineService,
    operator: Organisation,
    officer: User | None,
    at: datetime,
) -> None:
    carries = line.hold.pieces > 0
    row = create_line(
        county_code=plan.COUNTY,
        fields=LineFields(
            code=line.code,
            name=line.name,
            kind=LineKind.INTEGRATED if carries else LineKind.PASSENGER,
            operator=operator,
            contract_no=f"丰客货邮〔2026〕{line.code}号" if carries else "",
            liability="运输途中丢失、损毁由经营单位按实际损失赔偿；交接后由接收站点负责。" if carries else "",
            tariff=Decimal(line.tariff),
            safety_items=SAFETY if carries else (),
            shares={role: Decimal(share) for role, share in SPLIT.items()} if carries else {},
        ),
        by=officer,
        at=at,
    )
    way = [stations["FD-H1"], *(stations[code] for code in line.centres)]
    out, back = _calls(way), _calls(way[::-1])
    starts = [int(hour) * 3600 + int(minute) * 60 for hour, minute in (one.split(":") for one in line.starts)]
    returns = [start + out[-1].after_s + line.turn_min * 60 for start in starts]
    for direction, leaves, calls in ((0, starts, out), (1, returns, back)):
        add_departures(
            line_id=row.pk,
            calendar_id=calendar.pk,
            starts_s=leaves,
            calls=calls,
            hold=line.hold,
            direction=direction,
            by=officer,
            at=at,
        )


def _calls(way: list[Station]) -> list[CallFields]:
    """Each stop at whole minutes after the start."""
    calls, after = [], 0
    for number, station in enumerate(way):
        if number:
            after += max(6, round(_km(way[number - 1], station) * DETOUR / KMH * 60)) * 60
        dwell = STANDS_S if 0 < number < len(way) - 1 else 0
        calls.append(CallFields(station, after, dwell))
        after += dwell
    return calls


def _km(a: Station, b: Station) -> float:
    if a.lng is None or a.lat is None or b.lng is None or b.lat is None:
        return 10.0
    return float(straight_m(float(a.lng), float(a.lat), float(b.lng), float(b.lat))) / 1000  # type: ignore[arg-type]
