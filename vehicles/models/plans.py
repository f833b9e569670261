"""A plan and what it is made of: trips, their stops, and every parcel in scope with a trip or a reason.

`live` is true on the trips and parcels of an issued plan until it is superseded or the trip ends: the constraints that
keep a vehicle, a driver and a parcel from being in two places look at live rows alone, so drafts may try anything.
"""

from typing import TYPE_CHECKING

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from common.models import Job
from orders.models import Parcel
from stations.models import Station
from stations.scope import may, scope_of
from vehicles.models.fleet import Driver, Vehicle
from vehicles.models.lines import Departure
from vehicles.models.scoped import BY, YUAN, OfHub
from vehicles.states import RUNNING, Direction, PlanState, Reason, StopState, TripState

if TYPE_CHECKING:
    from accounts.models import User

_WINDOW = Func("starts_at", "busy_until", function="tstzrange", output_field=DateTimeRangeField())


class Plan(models.Model):
    """One version of the plan of a hub's day or wave."""

    county_code = models.CharField(max_length=6)
    hub = models.ForeignKey(Station, models.PROTECT, related_name="+")
    service_date = models.DateField(_("day"))
    wave = models.CharField(_("wave"), max_length=12, default="day")  # "day", "morning", "noon" …
    version = models.PositiveIntegerField()
    base = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")  # what it plans anew
    state = models.CharField(max_length=10, choices=PlanState.choices, default=PlanState.SOLVING)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    asked = models.JSONField(default=dict)  # seconds, seed, buses, members: what it was asked for
    incumbent = models.JSONField(null=True)  # the best so far while it is being solved: a killed worker leaves it
    trace = models.JSONField(default=list)  # [[seconds, yuan, found by], …]
    estimated = models.BooleanField(default=False)  # distances without a road graph
    cost = models.DecimalField(null=True, **YUAN)  # yuan, by the checker
    figures = models.JSONField(default=dict)  # figures.Figures of it, numerators and denominators
    digest = models.CharField(max_length=64, blank=True)  # of what was given to the solver
    edited = models.BooleanField(default=False)  # moved or reordered by hand since it was solved
    made_by = models.ForeignKey(**BY)
    made_at = models.DateTimeField()
    reviewed_by = models.ForeignKey(**BY)
    reviewed_at = models.DateTimeField(null=True)
    issued_by = models.ForeignKey(**BY)
    issued_at = models.DateTimeField(null=True)

    objects: "OfHub[Plan]" = OfHub.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hub", "service_date", "wave", "version"], name="plan_version_once"),
            models.UniqueConstraint(
                fields=["hub", "service_date", "wave"], condition=Q(state=PlanState.ISSUED), name="plan_one_issued"
            ),
            models.CheckConstraint(condition=Q(state__in=PlanState.values), name="plan_state_known"),
        ]
        indexes = [models.Index(fields=["county_code", "-service_date", "-version"], name="plan_newest")]

    def __str__(self) -> str:
        return f"{self.service_date:%m-%d} {self.wave} v{self.version}"


class PlanProblem(models.Model):
    """What a plan was reckoned from, as it was then (services/snapshots.py): editing takes it up again. Kept while the
    plan may still be changed or driven."""

    plan = models.OneToOneField(Plan, models.CASCADE, primary_key=True, related_name="problem")
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.plan_id}"


class TripQuerySet(models.QuerySet["Trip"]):
    def visible_to(self, user: "User", action: str = "trip.read") -> "TripQuerySet":
        """The county; who works at the hub or where the trip calls; and the driver, their own."""
        scope = scope_of(user, action, beyond_own=True)
        if scope.everywhere:
            return self
        inside = Q()
        driven = Q(live=True) | Q(departed_at__isnull=False)  # ended ones too: what is unloaded after the end
        if may(user, action):
            inside |= Q(driver__user=user) & driven
        if scope.county_codes:
            inside |= Q(county_code__in=scope.county_codes)
        if scope.station_ids:
            here = TripStop.objects.filter(trip=OuterRef("pk"), station__in=scope.station_ids)
            inside |= Q(hub__in=scope.station_ids) | (driven & Q(Exists(here)))
        return self.filter(inside) if inside else self.none()

    def live(self) -> "TripQuerySet":
        return self.filter(live=True)

    def running(self) -> "TripQuerySet":
        return self.filter(live=True, state__in=RUNNING)


class Trip(models.Model):
    """One way out and back of a vehicle, or one bus departure that carries parcels. Scans name it by `code`."""

    county_code = models.CharField(max_length=6)
    hub = models.ForeignKey(Station, models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="trips")
    code = models.CharField(_("trip"), max_length=40, unique=True)
    seq = models.PositiveSmallIntegerField()  # on the plan's page
    vehicle = models.ForeignKey(Vehicle, models.PROTECT, null=True, related_name="+")
    departure = models.ForeignKey(Departure, models.PROTECT, null=True, related_name="+")
    driver = models.ForeignKey(Driver, models.PROTECT, null=True, related_name="trips")
    starts_at = models.DateTimeField()  # loading begins
    departs_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    busy_until = models.DateTimeField()  # ends_at + rules.BUFFER
    distance_m = models.PositiveIntegerField(default=0)
    empty_m = models.PositiveIntegerField(default=0)  # of it with nothing on board
    cost = models.DecimalField(default=0, **YUAN)
    load_g = models.PositiveIntegerField(default=0)  # at departure
    load_ml = models.PositiveBigIntegerField(default=0)
    load_pieces = models.PositiveIntegerField(default=0)
    locked = models.BooleanField(default=False)  # stays as it is when the day is planned anew
    # A draft's row that is the rest of a trip on the road: that trip, whose stops up to the seq stay as they are.
    continues = models.ForeignKey("self", models.CASCADE, null=True, related_name="+")
    continues_after = models.PositiveSmallIntegerField(null=True)
    live = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=TripState.choices, default=TripState.PLANNED)
    departed_at = models.DateTimeField(null=True)  # by the scans
    completed_at = models.DateTimeField(null=True)

    objects = TripQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(vehicle__isnull=False, departure__isnull=True)
                | Q(vehicle__isnull=True, departure__isnull=False),
                name="trip_by_vehicle_or_bus",
            ),
            models.CheckConstraint(condition=Q(state__in=TripState.values), name="trip_state_known"),
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("departs_at"), departs_at__gte=F("starts_at"), busy_until__gte=F("ends_at")),
                name="trip_times_in_order",
            ),
            ExclusionConstraint(
                name="trip_vehicle_once_at_a_time",
                expressions=[("vehicle", RangeOperators.EQUAL), (_WINDOW, RangeOperators.OVERLAPS)],
                condition=Q(live=True),
            ),
            ExclusionConstraint(
                name="trip_driver_once_at_a_time",
                expressions=[("driver", RangeOperators.EQUAL), (_WINDOW, RangeOperators.OVERLAPS)],
                condition=Q(live=True),
            ),
            models.UniqueConstraint(
                fields=["plan", "departure"], condition=Q(departure__isnull=False), name="trip_bus_once_a_plan"
            ),
        ]
        indexes = [
            models.Index(
                fields=["county_code", "departs_at"],
                condition=Q(live=True, state__in=[s.value for s in RUNNING]),
                name="trip_running",
            ),
            models.Index(fields=["driver", "-departs_at"], condition=Q(live=True), name="trip_of_driver"),
            models.Index(  # late scans still set their times
                fields=["county_code", "completed_at"], condition=Q(state=TripState.COMPLETED), name="trip_ended"
            ),
            models.Index(fields=["county_code", "departs_at"], name="trip_of_day"),
        ]

    def __str__(self) -> str:
        return self.code


class TripStop(models.Model):
    """A stop of a trip; the first and the last are the hub's (seq 0 and the highest)."""

    trip = models.ForeignKey(Trip, models.CASCADE, related_name="stops")
    seq = models.PositiveSmallIntegerField()
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    arrives_at = models.DateTimeField()  # planned
    leaves_at = models.DateTimeField()
    distance_m = models.PositiveIntegerField(default=0)  # from the stop before
    down_pieces = models.PositiveIntegerField(default=0)
    down_g = models.PositiveIntegerField(default=0)
    up_pieces = models.PositiveIntegerField(default=0)
    up_g = models.PositiveIntegerField(default=0)
    on_board_g = models.PositiveIntegerField(default=0)  # when it leaves
    on_board_ml = models.PositiveBigIntegerField(default=0)
    on_board_pieces = models.PositiveIntegerField(default=0)
    locked = models.BooleanField(default=False)  # stays with this vehicle when the day is planned anew
    state = models.CharField(max_length=8, choices=StopState.choices, default=StopState.PENDING)
    arrived_at = models.DateTimeField(null=True)  # by the scans
    left_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["trip", "seq"], name="tripstop_once", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(condition=Q(leaves_at__gte=F("arrives_at")), name="tripstop_times_in_order"),
        ]
        indexes = [models.Index(fields=["station", "arrives_at"], name="tripstop_at_station")]

    def __str__(self) -> str:
        return f"{self.trip_id}:{self.seq}"


class PlanParcel(models.Model):
    """A parcel in a plan's scope: on one trip between two stops, or with exactly one reason why not."""

    county_code = models.CharField(max_length=6)
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="parcels")
    parcel = models.ForeignKey(Parcel, models.CASCADE, related_name="+", db_index=False)
    direction = models.CharField(max_length=4, choices=Direction.choices)
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)  # the end that isn't the hub
    weight_g = models.PositiveIntegerField()
    volume_ml = models.PositiveIntegerField()
    trip = models.ForeignKey(Trip, models.CASCADE, null=True, related_name="parcels")
    reason = models.CharField(max_length=16, choices=Reason.choices, blank=True)
    detail = models.JSONField(default=dict)  # the numbers of the reason's sentence (reasons.Reason.params)
    live = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "parcel"], name="planparcel_once"),
            models.UniqueConstraint(fields=["parcel"], condition=Q(live=True), name="planparcel_in_one_live_plan"),
            models.CheckConstraint(
                condition=Q(trip__isnull=False, reason="") | (Q(trip__isnull=True) & ~Q(reason="")),
                name="planparcel_trip_or_one_reason",
            ),
            models.CheckConstraint(condition=Q(live=False) | Q(trip__isnull=False), name="planparcel_live_on_a_trip"),
        ]
        indexes = [models.Index(fields=["plan", "station"], name="planparcel_of_station")]

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.parcel_id}"
