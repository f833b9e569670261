"""The day itself: what a departure check found, where vehicles were, and how states moved."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from common.moves import TransitionRow
from stations.models import Device
from vehicles.models.plans import Trip
from vehicles.models.scoped import BY


class DepartureCheck(models.Model):
    """The check list before a trip leaves; the newest one counts. items: [{"key", "ok", "note"}]."""

    trip = models.ForeignKey(Trip, models.CASCADE, related_name="checks")
    items = models.JSONField()
    passed = models.BooleanField()
    seal_no = models.CharField(max_length=40, blank=True)
    by = models.ForeignKey(**BY)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.trip_id} {self.passed}"


class Position(models.Model):
    """Where a trip's vehicle was. `client_id` is the handheld's: the same position twice is one."""

    county_code = models.CharField(max_length=6)
    trip = models.ForeignKey(Trip, models.CASCADE, related_name="positions")
    device = models.ForeignKey(Device, models.PROTECT, null=True, related_name="+")
    client_id = models.UUIDField()
    at = models.DateTimeField()  # by the handheld's clock
    received_at = models.DateTimeField()
    lng = models.FloatField()
    lat = models.FloatField()
    accuracy_m = models.FloatField(null=True)
    speed_kmh = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trip", "client_id"], name="position_once")]
        indexes = [
            models.Index(fields=["trip", "-at"], name="position_newest"),
            models.Index(fields=["received_at"], name="position_oldest"),  # kept for rules.POSITION_DAYS
        ]

    def __str__(self) -> str:
        return f"{self.trip_id} {self.at:%H:%M:%S}"


class Transition(TransitionRow):
    """A move of a plan, trip, incident: who, when, why."""

    class Meta:
        indexes = [models.Index(fields=["county_code", "entity", "entity_id", "id"], name="vehicles_transition_of")]


class PlanChange(models.Model):
    """What a dispatcher did to a draft, so that it can be undone: move, reorder, lock. Append-only."""

    plan = models.ForeignKey("vehicles.Plan", models.CASCADE, related_name="changes")
    what = models.CharField(max_length=12)
    trips = ArrayField(models.BigIntegerField(), default=list)
    before = models.JSONField()
    undone = models.BooleanField(default=False)
    by = models.ForeignKey(**BY)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.plan_id} {self.what}"
