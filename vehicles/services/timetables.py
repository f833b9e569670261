"""Timetables by hand: calendars with their exceptions, departures with the room they have for parcels.

Whoever changes a county's timetable holds its lock (`hold_timetable`), an import too: two at once would see each
other's half.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import F, ProtectedError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common.errors import Refused
from stations.models import Station
from vehicles.models import Departure, LineService, ServiceException, StopTime, TransitLine, TransitStop
from vehicles.services.lines import note_line, stop_at

LAST_S = 36 * 3600  # a departure's last call: noon of the day after
MOST_DEPARTURES_AT_ONCE = 60


@dataclass(frozen=True)
class Hold:
    """The room a departure has for parcels; 0 pieces: none."""

    kg: int = 0
    litres: int = 0
    pieces: int = 0
    cold: bool = False


@dataclass(frozen=True)
class CallFields:
    """A stop of a departure, in seconds after it leaves the first one."""

    stop: TransitStop | Station  # at a station a stop is made where there is none yet
    after_s: int
    dwell_s: int = 0
    pickup: bool = True
    dropoff: bool = True


def hold_timetable(county_code: str) -> None:
    """Wait for one's turn at the county's timetable, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('vehicles.lines'), %s::int)", [int(county_code)])


def save_calendar(
    *,
    county_code: str,
    service_id: str,
    weekdays: Sequence[bool],
    start_on: date,
    end_on: date,
    by: User | None,
    at: datetime,
) -> LineService:
    """Open a calendar, or change the one of that name: weekdays from Monday, both days included."""
    if end_on < start_on:
        raise Refused("end_before_start", _("The last day lies before the first."), pointer="/end_on")
    values = {"weekdays": list(weekdays), "start_on": start_on, "end_on": end_on}
    with transaction.atomic():
        hold_timetable(county_code)
        calendar, _new = LineService.objects.update_or_create(
            county_code=county_code, service_id=service_id, defaults=values
        )
        audit(
            actor=by,
            action="calendar.saved",
            entity="calendar",
            entity_id=calendar.pk,
            at=at,
            county_code=county_code,
            label=service_id,
            after={key: str(value) for key, value in values.items()},
        )
    return calendar


def set_exception(*, calendar_id: int, on: date, runs: bool | None, by: User | None, at: datetime) -> None:
    """On that day it runs, or doesn't, whatever the weekday says; None: the weekday decides again."""
    with transaction.atomic():
        calendar = LineService.objects.get(pk=calendar_id)
        if runs is None:
            ServiceException.objects.filter(service=calendar, on=on).delete()
        else:
            ServiceException.objects.update_or_create(service=calendar, on=on, defaults={"runs": runs})
        audit(
            actor=by,
            action="calendar.exception",
            entity="calendar",
            entity_id=calendar.pk,
            at=at,
            county_code=calendar.county_code,
            label=calendar.service_id,
            after={"on": on.isoformat(), "runs": str(runs)},
        )


def add_departures(
    *,
    line_id: int,
    calendar_id: int,
    starts_s: Sequence[int],
    calls: Sequence[CallFields],
    hold: Hold,
    by: User | None,
    at: datetime,
    headsign: str = "",
    direction: int = 0,
) -> list[Departure]:
    """One departure for each start (seconds after midnight), all with the same calls. One that is there already stays
    as it is. Refused "too_few_stops", "timetable_backwards", "too_late", "too_many_departures", "other_county"."""
    _check_calls(starts_s, calls)
    with transaction.atomic():
        line = TransitLine.objects.get(pk=line_id)
        hold_timetable(line.county_code)
        calendar = LineService.objects.get(pk=calendar_id)
        if {line.county_code} != {calendar.county_code, *(call.stop.county_code for call in calls)}:
            raise Refused("other_county", _("A stop or the calendar is another county's."))
        stops = [stop_at(station=call.stop) if isinstance(call.stop, Station) else call.stop for call in calls]
        made = []
        for start in sorted(set(starts_s)):
            departure, new = Departure.objects.get_or_create(
                county_code=line.county_code,
                trip_id=_trip_id(line, calendar, direction, start),
                defaults={
                    "line": line,
                    "service": calendar,
                    "headsign": headsign or calls[-1].stop.name,
                    "direction": direction,
                    **_hold_values(hold),
                },
            )
            if new:
                StopTime.objects.bulk_create(
                    StopTime(
                        departure=departure,
                        seq=number,
                        stop=stop,
                        arrive_s=start + call.after_s,
                        leave_s=start + call.after_s + call.dwell_s,
                        pickup=0 if call.pickup else 1,
                        drop_off=0 if call.dropoff else 1,
                    )
                    for number, (call, stop) in enumerate(zip(calls, stops, strict=True), start=1)
                )
                made.append(departure)
        if made:
            note_line(line, "line.departures", by=by, at=at, after={"trips": " ".join(one.trip_id for one in made)})
    return made


def _trip_id(line: TransitLine, calendar: LineService, direction: int, start: int) -> str:
    """A name that says what it is: the same departure entered twice is one."""
    return f"{line.code[:40]}.{calendar.service_id[:24]}.{direction}.{start // 3600:02d}{start // 60 % 60:02d}"


def _check_calls(starts_s: Sequence[int], calls: Sequence[CallFields]) -> None:
    if len(calls) < 2:
        raise Refused("too_few_stops", _("A departure needs two stops at least."), pointer="/calls")
    if len(set(starts_s)) > MOST_DEPARTURES_AT_ONCE or not starts_s:
        raise Refused("too_many_departures", _("Between one and sixty departures at a time."), pointer="/starts")
    before = 0
    for number, call in enumerate(calls, start=1):
        if call.after_s < before or call.dwell_s < 0:
            raise Refused(
                "timetable_backwards",
                _("The timetable goes backwards at stop %(number)s (%(stop)s): it arrives before it left the last.")
                % {"number": number, "stop": call.stop.name},
                pointer="/calls",
            )
        before = call.after_s + call.dwell_s
    if min(starts_s) < 0 or max(starts_s) + before > LAST_S:
        raise Refused("too_late", _("The last stop must be reached by noon of the day after."), pointer="/starts")


def edit_departure(
    *, departure_id: int, calendar_id: int, starts_s: int, hold: Hold, by: User | None, at: datetime, headsign: str = ""
) -> Departure:
    """Another calendar, start, hold; the calls move with the start."""
    with transaction.atomic():
        departure = Departure.objects.select_related("line").get(pk=departure_id)
        hold_timetable(departure.county_code)
        calendar = LineService.objects.get(pk=calendar_id)
        if calendar.county_code != departure.county_code:
            raise Refused("other_county", _("A stop or the calendar is another county's."))
        times = list(StopTime.objects.filter(departure=departure).order_by("seq"))
        shift = starts_s - times[0].leave_s if times else 0
        if times and (times[0].arrive_s + shift < 0 or times[-1].leave_s + shift > LAST_S):
            raise Refused("too_late", _("The last stop must be reached by noon of the day after."), pointer="/starts")
        if shift:
            StopTime.objects.filter(departure=departure).update(
                arrive_s=F("arrive_s") + shift, leave_s=F("leave_s") + shift
            )
        values = {"service": calendar, "headsign": headsign or departure.headsign, **_hold_values(hold)}
        for name, value in values.items():
            setattr(departure, name, value)
        departure.save(update_fields=list(values))
        after = {"trip": departure.trip_id, "start_s": str(starts_s), "hold_pieces": str(hold.pieces)}
        note_line(departure.line, "line.departure_edited", by=by, at=at, after=after)
    return departure


def remove_departure(*, departure_id: int, by: User | None, at: datetime) -> None:
    """Refused "departure_used" where a plan has loaded parcels on it: end its calendar instead."""
    try:
        with transaction.atomic():
            departure = Departure.objects.select_related("line").get(pk=departure_id)
            note_line(departure.line, "line.departure_removed", by=by, at=at, after={"trip": departure.trip_id})
            departure.delete()
    except ProtectedError as used:
        raise Refused(
            "departure_used",
            _("A plan counts on this departure. Give it a calendar that has ended instead."),
            status=409,
        ) from used


def set_hold(*, line_id: int, hold: Hold, by: User | None, at: datetime) -> int:
    """The same room on all departures of a line; how many there are."""
    with transaction.atomic():
        line = TransitLine.objects.get(pk=line_id)
        changed = Departure.objects.filter(line=line).update(**_hold_values(hold))
        after = {"kg": str(hold.kg), "litres": str(hold.litres), "pieces": str(hold.pieces), "cold": str(hold.cold)}
        note_line(line, "line.hold", by=by, at=at, after=after)
    return changed


def _hold_values(hold: Hold) -> dict[str, object]:
    return {"hold_kg": hold.kg, "hold_l": hold.litres, "hold_pieces": hold.pieces, "cold": hold.cold}
