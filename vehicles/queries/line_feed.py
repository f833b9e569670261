"""The county's lines as a GTFS feed, for whoever publishes timetables."""

from datetime import date

from stations.models import Region, Station
from vehicles import gtfs
from vehicles.models import Departure, LineService, TransitLine
from vehicles.queries.lines import calls_by_departure


def county_feed(*, county_code: str, base_url: str, today: date) -> gtfs.Feed:
    """The county's lines as a feed. Departures whose calendar never runs stay out; a line without an operator is the
    county's. `base_url`: the platform's own address, for operators whose web address nobody entered."""
    county = Region.objects.filter(code=f"{county_code}000000").first()
    name = county.name if county else county_code
    lines = list(
        TransitLine.objects.filter(county_code=county_code, is_active=True).select_related("operator").order_by("code")
    )
    services = list(
        LineService.objects.filter(county_code=county_code).prefetch_related("exceptions").order_by("service_id")
    )
    alive = {one.pk: one for one in services if (one.start_on and any(one.weekdays)) or one.exceptions.all()}
    departures = list(
        Departure.objects.filter(county_code=county_code, line__in=lines, service__in=alive)
        .select_related("line")
        .order_by("line__code", "trip_id")
    )
    calls = calls_by_departure([one.pk for one in departures])
    departures = [one for one in departures if len(calls.get(one.pk, ())) > 1]
    stops = {call.stop.pk: call.stop for one in departures for call in calls[one.pk]}
    codes = dict(Station.objects.filter(pk__in=[s.station_id for s in stops.values()]).values_list("pk", "code"))
    agencies = {_agency(line): line.operator.name if line.operator else name for line in lines}
    return gtfs.Feed(
        agencies=tuple(
            gtfs.Agency(key, said, base_url, "Asia/Shanghai", "zh") for key, said in sorted(agencies.items())
        ),
        stops=tuple(
            gtfs.Stop(one.stop_id, one.name, one.lat, one.lng, codes.get(one.station_id or 0, ""))
            for one in sorted(stops.values(), key=lambda one: one.stop_id)
        ),
        routes=tuple(gtfs.Route(line.code, line.route_type, _agency(line), long_name=line.name) for line in lines),
        services=tuple(_service(one) for one in alive.values() if one.start_on),
        exceptions=tuple(
            gtfs.DayException(one.service_id, day.on, day.runs)
            for one in alive.values()
            for day in sorted(one.exceptions.all(), key=lambda day: day.on)
        ),
        trips=tuple(
            gtfs.Trip(one.trip_id, one.line.code, alive[one.service_id].service_id, one.headsign, "", one.direction)
            for one in departures
        ),
        stop_times=tuple(
            gtfs.StopTime(
                one.trip_id,
                at,
                call.stop.stop_id,
                call.arrive_s,
                call.leave_s,
                0 if call.pickup_ok else 1,
                0 if call.dropoff_ok else 1,
            )
            for one in departures
            for at, call in enumerate(calls[one.pk], start=1)
        ),
        feed_info=gtfs.FeedInfo(name, base_url, "zh", version=today.isoformat()),
    )


def _agency(line: TransitLine) -> str:
    return line.operator.code if line.operator else f"COUNTY-{line.county_code}"


def _service(one: LineService) -> gtfs.Service:
    mon, tue, wed, thu, fri, sat, sun = (bool(day) for day in one.weekdays)
    start, end = one.start_on or date.min, one.end_on or date.min  # asked for only where both are given
    return gtfs.Service(one.service_id, (mon, tue, wed, thu, fri, sat, sun), start, end)
