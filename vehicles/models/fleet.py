"""The alliance's fleet and people: members, vehicles, drivers, their papers and shifts."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from stations.models import Organisation, Station
from vehicles.models.scoped import RATE, YUAN, OfHub, Owned
from vehicles.states import DriverDocumentKind, RoadClass, VehicleDocumentKind, VehicleKind, VehicleState


class Member(models.Model):
    """An organisation that has its parcels carried in the county's one pool, from a day on."""

    county_code = models.CharField(max_length=6)
    hub = models.ForeignKey(Station, models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("organisation"))
    contract_no = models.CharField(_("contract"), max_length=60, blank=True)
    joined_on = models.DateField(_("joined on"))
    left_on = models.DateField(_("left on"), null=True, blank=True)  # the first day it isn't a member any more

    objects: "OfHub[Member]" = OfHub.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["county_code", "organisation"], condition=Q(left_on__isnull=True), name="member_once"
            ),
            models.CheckConstraint(
                condition=Q(left_on__isnull=True) | Q(left_on__gt=F("joined_on")), name="member_span"
            ),
        ]

    def __str__(self) -> str:
        return str(self.organisation)


class Vehicle(models.Model):
    """A vehicle of any mode, by what the planner asks of it. A bus hold is a Departure's, not a row here."""

    county_code = models.CharField(max_length=6)
    hub = models.ForeignKey(Station, models.PROTECT, related_name="+", verbose_name=_("starts from"))
    owner = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("owner"))
    plate = models.CharField(_("plate"), max_length=20)
    kind = models.CharField(_("kind"), max_length=10, choices=VehicleKind.choices)
    payload_kg = models.PositiveIntegerField(_("payload, kg"))
    volume_l = models.PositiveIntegerField(_("volume, litres"))
    piece_capacity = models.PositiveIntegerField(_("parcels"))
    cold = models.BooleanField(_("cold box"), default=False)
    hazard = models.BooleanField(_("may carry dangerous goods"), default=False)
    worst_road = models.CharField(  # it takes this class and better
        _("worst road it takes"), max_length=1, choices=RoadClass.choices, default=RoadClass.BELOW
    )
    width_cm = models.PositiveSmallIntegerField(_("width, cm"), default=180)
    speed_cap_kmh = models.PositiveSmallIntegerField(_("top speed, km/h"), default=60)
    range_km = models.PositiveIntegerField(_("range, km"), null=True, blank=True)
    day_cost = models.DecimalField(_("yuan a day"), **YUAN)
    km_cost = models.DecimalField(_("yuan a km"), **RATE)
    hour_cost = models.DecimalField(_("yuan an hour"), default=0, **YUAN)
    state = models.CharField(_("state"), max_length=10, choices=VehicleState.choices, default=VehicleState.IN_SERVICE)
    version = models.PositiveIntegerField(default=1)

    objects: "Owned[Vehicle]" = Owned.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "plate"], name="vehicle_plate_once"),
            models.CheckConstraint(condition=Q(kind__in=VehicleKind.values), name="vehicle_kind_known"),
            models.CheckConstraint(condition=Q(state__in=VehicleState.values), name="vehicle_state_known"),
            models.CheckConstraint(condition=Q(worst_road__in=RoadClass.values), name="vehicle_road_known"),
            models.CheckConstraint(
                condition=Q(payload_kg__gt=0, volume_l__gt=0, piece_capacity__gt=0), name="vehicle_has_room"
            ),
            models.CheckConstraint(
                condition=Q(day_cost__gte=0, km_cost__gte=0, hour_cost__gte=0), name="vehicle_costs_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["county_code", "state"], name="vehicle_of_county")]

    def __str__(self) -> str:
        return self.plate


class VehicleDocument(models.Model):
    """A paper of a vehicle. Once the newest of a kind has expired, the vehicle goes nowhere from that minute on."""

    vehicle = models.ForeignKey(Vehicle, models.CASCADE, related_name="documents")
    kind = models.CharField(_("paper"), max_length=12, choices=VehicleDocumentKind.choices)
    number = models.CharField(_("number"), max_length=60, blank=True)
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "kind", "expires_at"], name="vehicledocument_once"),
            models.CheckConstraint(condition=Q(kind__in=VehicleDocumentKind.values), name="vehicledocument_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.vehicle} {self.get_kind_display()}"


class Driver(models.Model):
    """A user who drives for the alliance in a county; scans come from them as from any courier."""

    county_code = models.CharField(max_length=6)
    hub = models.ForeignKey(Station, models.PROTECT, related_name="+", verbose_name=_("starts from"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="drivers", verbose_name=_("person"))
    employer = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("employer")
    )
    licence_class = models.CharField(_("licence class"), max_length=4, default="C1")
    usual_vehicle = models.ForeignKey(
        Vehicle, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("usual vehicle")
    )
    ended_on = models.DateField(null=True, blank=True)

    objects: "OfHub[Driver]" = OfHub.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["county_code", "user"], condition=Q(ended_on__isnull=True), name="driver_once"
            ),
            models.CheckConstraint(
                condition=Q(licence_class__in=["A1", "A2", "A3", "B1", "B2", "C1", "C2", "C5", "D", "E", "F", "-"]),
                name="driver_licence_known",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user)


class DriverDocument(models.Model):
    """A licence, certificate or training of a driver. Expired or missing where the work asks for it: no trip."""

    driver = models.ForeignKey(Driver, models.CASCADE, related_name="documents")
    kind = models.CharField(_("paper"), max_length=14, choices=DriverDocumentKind.choices)
    number = models.CharField(_("number"), max_length=60, blank=True)
    expires_at = models.DateTimeField(_("valid until"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["driver", "kind", "expires_at"], name="driverdocument_once"),
            models.CheckConstraint(condition=Q(kind__in=DriverDocumentKind.values), name="driverdocument_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.driver} {self.get_kind_display()}"


class Shift(models.Model):
    """When a driver works, week by week. 0 is Monday."""

    driver = models.ForeignKey(Driver, models.CASCADE, related_name="shifts")
    weekday = models.PositiveSmallIntegerField(_("weekday"))
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["driver", "weekday"], name="shift_once_a_day"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="shift_weekday_known"),
            models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="shift_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return f"{self.driver_id} {self.weekday} {self.starts:%H:%M}–{self.ends:%H:%M}"


class Absence(models.Model):
    """Days on which a driver doesn't work, both included."""

    driver = models.ForeignKey(Driver, models.CASCADE, related_name="absences")
    first_on = models.DateField(_("first day"))
    last_on = models.DateField(_("last day"))
    reason = models.CharField(_("reason"), max_length=120, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(last_on__gte=F("first_on")), name="absence_span")]

    def __str__(self) -> str:
        return f"{self.driver_id} {self.first_on}–{self.last_on}"
