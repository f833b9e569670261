"""Lines and timetables in GTFS's terms: stops, routes (lines), services (calendars), trips (departures), stop times."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from stations.models import Organisation, Station
from vehicles.models.scoped import RATE, OfLine
from vehicles.states import LineKind, ShareRole


class TransitStop(models.Model):
    """A stop of the timetable, beside the station that stands there, if one does."""

    county_code = models.CharField(max_length=6)
    stop_id = models.CharField(max_length=80)
    name = models.CharField(_("name"), max_length=120)
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    station = models.ForeignKey(Station, models.PROTECT, null=True, blank=True, related_name="+")

    objects: "OfLine[TransitStop]" = OfLine.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["county_code", "stop_id"], name="transitstop_once")]

    def __str__(self) -> str:
        return self.name


class TransitLine(models.Model):
    """A passenger, freight or integrated line (GTFS route) with its contract."""

    county_code = models.CharField(max_length=6)
    code = models.CharField(_("code"), max_length=80)  # GTFS route_id
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=10, choices=LineKind.choices)
    route_type = models.PositiveSmallIntegerField(default=3)  # GTFS: 3 is a bus
    operator = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("operator")
    )
    agency_id = models.CharField(max_length=80, blank=True)  # of the feed it came from
    contract_no = models.CharField(_("contract"), max_length=60, blank=True)
    liability = models.CharField(_("liability"), max_length=300, blank=True)
    tariff = models.DecimalField(_("yuan a parcel"), default=0, **RATE)
    safety_items = ArrayField(models.CharField(max_length=80), default=list, blank=True)  # asked before departure
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    objects: "OfLine[TransitLine]" = OfLine.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "code"], name="transitline_once"),
            models.CheckConstraint(condition=Q(kind__in=LineKind.values), name="transitline_kind_known"),
            models.CheckConstraint(condition=Q(tariff__gte=0), name="transitline_tariff_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class LineShare(models.Model):
    """Who gets what part of a line's parcel revenue; the parts of a line sum to 1 (services.lines)."""

    line = models.ForeignKey(TransitLine, models.CASCADE, related_name="shares")
    role = models.CharField(max_length=10, choices=ShareRole.choices)
    share = models.DecimalField(max_digits=5, decimal_places=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "role"], name="lineshare_once"),
            models.CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="lineshare_is_a_part"),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.role} {self.share}"


class LineService(models.Model):
    """On which days: weekdays in a span (GTFS calendar). 7 booleans from Monday."""

    county_code = models.CharField(max_length=6)
    service_id = models.CharField(max_length=80)
    weekdays = ArrayField(models.BooleanField(), size=7)
    start_on = models.DateField(null=True)  # null: only the exceptions count (GTFS allows it)
    end_on = models.DateField(null=True)

    objects: "OfLine[LineService]" = OfLine.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "service_id"], name="lineservice_once"),
            models.CheckConstraint(
                condition=Q(start_on__isnull=True, end_on__isnull=True) | Q(end_on__gte=F("start_on")),
                name="lineservice_span",
            ),
        ]

    def __str__(self) -> str:
        return self.service_id


class ServiceException(models.Model):
    """A day on which a service runs though its weekday doesn't, or doesn't though it does (a holiday)."""

    service = models.ForeignKey(LineService, models.CASCADE, related_name="exceptions")
    on = models.DateField()
    runs = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "on"], name="serviceexception_once")]

    def __str__(self) -> str:
        return f"{self.service_id} {self.on} {self.runs}"


class Departure(models.Model):
    """One run of a line by its timetable (GTFS trip) with the hold it has for parcels."""

    county_code = models.CharField(max_length=6)
    line = models.ForeignKey(TransitLine, models.CASCADE, related_name="departures")
    service = models.ForeignKey(LineService, models.PROTECT, related_name="departures")
    trip_id = models.CharField(max_length=80)
    headsign = models.CharField(max_length=120, blank=True)
    direction = models.PositiveSmallIntegerField(null=True)  # GTFS: 0 out, 1 back
    hold_kg = models.PositiveIntegerField(_("hold, kg"), default=0)  # 0: it carries no parcels
    hold_l = models.PositiveIntegerField(_("hold, litres"), default=0)
    hold_pieces = models.PositiveIntegerField(_("hold, parcels"), default=0)
    cold = models.BooleanField(default=False)

    objects: "OfLine[Departure]" = OfLine.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["county_code", "trip_id"], name="departure_once")]

    def __str__(self) -> str:
        return f"{self.line} {self.trip_id}"


class StopTime(models.Model):
    """Seconds after noon minus 12 h of the service day, as GTFS reckons; may pass 86,400."""

    departure = models.ForeignKey(Departure, models.CASCADE, related_name="stop_times")
    seq = models.PositiveIntegerField()
    stop = models.ForeignKey(TransitStop, models.PROTECT, related_name="+")
    arrive_s = models.PositiveIntegerField()
    leave_s = models.PositiveIntegerField()
    pickup = models.PositiveSmallIntegerField(default=0)  # GTFS: 0 regular, 1 none
    drop_off = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["departure", "seq"], name="stoptime_once"),
            models.CheckConstraint(condition=Q(leave_s__gte=F("arrive_s")), name="stoptime_leaves_after_it_arrives"),
        ]

    def __str__(self) -> str:
        return f"{self.departure_id} {self.seq}"
