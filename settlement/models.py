"""The subsidy: policies with dated rates, lines that name their scans, months, and how far the parcels were read.

A line is appended, never changed. Turns are counted over a parcel and service, whatever the policy, so a parcel has at
most one line that stands: even turns accrue, an odd turn reverses the turn before it. Migration 0002 holds what Django
can't say: the key from a reversal to what it reverses, append-only, and that a policy in force only ever ends earlier.
"""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Mod
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from common.fields import TransactionIdField
from orders.models import Parcel
from settlement.rules import CLAMP_MAX, CLAMP_MIN, RATE_MAX
from settlement.states import PaidService, PeriodState, PolicyState
from stations.models import Station
from stations.scope import scope_of

if TYPE_CHECKING:
    from accounts.models import User

RATE: dict[str, Any] = {"max_digits": 6, "decimal_places": 4}


class PolicyQuerySet(models.QuerySet["Policy"]):
    def visible_to(self, user: "User", action: str = "policy.read") -> "PolicyQuerySet":
        """A county's policies: for everybody who works in it."""
        scope = scope_of(user, action)
        return self if scope.everywhere else self.filter(county_code__in=scope.counties)

    def active(self) -> "PolicyQuerySet":
        return self.filter(state=PolicyState.ACTIVE)


class Policy(models.Model):
    """What a parcel delivered at an outlet is worth, from a day until (not including) another, by terrain."""

    county_code = models.CharField(max_length=6)
    number = models.CharField(_("document number"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    issuer = models.CharField(_("issued by"), max_length=120)
    rate_plain = models.DecimalField(_("plain, yuan a parcel"), **RATE)
    rate_hill = models.DecimalField(_("hills, yuan a parcel"), **RATE)
    rate_mountain = models.DecimalField(_("mountains, yuan a parcel"), **RATE)
    clamp_min = models.DecimalField(default=CLAMP_MIN, **RATE)
    clamp_max = models.DecimalField(default=CLAMP_MAX, **RATE)
    valid_from = models.DateField(_("first day"))
    valid_to = models.DateField(null=True)  # exclusive; null: until another policy takes over
    state = models.CharField(max_length=6, choices=PolicyState.choices, default=PolicyState.DRAFT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    activated_at = models.DateTimeField(null=True)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "number"], name="policy_number_once"),
            models.CheckConstraint(condition=Q(state__in=PolicyState.values), name="policy_state_known"),
            # NaN is greater than every number, so "at most" keeps it out
            models.CheckConstraint(
                condition=Q(clamp_min__gte=0, clamp_max__lte=RATE_MAX, clamp_min__lte=F("clamp_max")),
                name="policy_clamp_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(
                    rate_plain__range=(F("clamp_min"), F("clamp_max")),
                    rate_hill__range=(F("clamp_min"), F("clamp_max")),
                    rate_mountain__range=(F("clamp_min"), F("clamp_max")),
                ),
                name="policy_rates_inside_clamp",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")), name="policy_valid_span"
            ),
            models.CheckConstraint(
                condition=Q(state=PolicyState.DRAFT, activated_by__isnull=True, activated_at__isnull=True)
                | Q(state=PolicyState.ACTIVE, activated_by__isnull=False, activated_at__isnull=False),
                name="policy_active_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(activated_by__isnull=True) | ~Q(activated_by=F("created_by")),
                name="policy_takes_two_people",
            ),
            ExclusionConstraint(
                name="policy_one_a_day",
                expressions=[
                    ("county_code", RangeOperators.EQUAL),
                    (
                        Func("valid_from", "valid_to", function="daterange", output_field=DateRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(state=PolicyState.ACTIVE),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Period(models.Model):
    """A settlement month that is not simply open; a month without a row is open."""

    county_code = models.CharField(max_length=6)
    month = models.DateField()  # its first day
    state = models.CharField(max_length=6, choices=PeriodState.choices, default=PeriodState.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "month"], name="period_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="period_is_a_first_day"),
            models.CheckConstraint(condition=Q(state__in=PeriodState.values), name="period_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.county_code} {self.month:%Y-%m}"


class LineQuerySet(models.QuerySet["Line"]):
    def visible_to(self, user: "User", action: str = "settlement.read") -> "LineQuerySet":
        """The lines of the outlets in scope."""
        return scope_of(user, action).filter_by_station(self, "station_id", "county_code")

    def of_month(self, month: object) -> "LineQuerySet":
        return self.filter(period=month)


class Line(models.Model):
    """One parcel's subsidy under one policy, or the reversal of one: outlet, month, amount, evidence. Immutable."""

    county_code = models.CharField(max_length=6)
    policy = models.ForeignKey(Policy, models.PROTECT, related_name="lines", db_index=False)
    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="+", db_index=False)
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)
    service = models.CharField(max_length=16, choices=PaidService.choices)
    turn = models.PositiveSmallIntegerField()
    period = models.DateField()  # the month it is paid in, its first day; the delivery's unless that was frozen
    effective_at = models.DateTimeField()  # of the delivery
    rate = models.DecimalField(**RATE)
    amount = models.DecimalField(max_digits=12, decimal_places=4)
    reasons = models.JSONField()  # [{"code": "terrain", "terrain": …, "village": …, "rate": …, "policy": …}]
    evidence = ArrayField(models.UUIDField())  # ids of the scans that carry the claim, in the fold's order
    reversed_turn = models.GeneratedField(  # what the key in migration 0002 points with
        expression=models.Case(models.When(Exact(Mod("turn", 2), 1), then=F("turn") - 1), default=None),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )
    line_hash = models.GeneratedField(
        expression=Func(
            *("county_code", "policy", "parcel", "station", "service", "turn", "period", "effective_at"),
            *("rate", "amount", "reasons", "evidence"),
            function="settlement_line_hash",
        ),
        output_field=models.BinaryField(max_length=32),
        db_persist=True,
    )
    created_at = models.DateTimeField()

    objects = LineQuerySet.as_manager()

    class Meta:
        constraints = [
            # stronger than (county, policy, parcel, service, turn): one yuan, one parcel, one time, over all policies
            models.UniqueConstraint(fields=["county_code", "parcel", "service", "turn"], name="line_once"),
            models.CheckConstraint(condition=Q(service__in=PaidService.values), name="line_service_known"),
            models.CheckConstraint(condition=Q(period__day=1), name="line_period_is_a_first_day"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=RATE_MAX), name="line_rate_in_bounds"),
            models.CheckConstraint(
                condition=Q(reversed_turn__isnull=True, amount__gte=0, amount__lte=1000)
                | Q(reversed_turn__isnull=False, amount__lte=0, amount__gte=-1000),
                name="line_sign_by_turn",
            ),
            models.CheckConstraint(condition=~Q(evidence=[]), name="line_names_its_scans"),
        ]
        indexes = [
            models.Index(
                fields=["county_code", "period", "station"], include=["turn", "amount"], name="line_by_statement"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parcel_id} turn {self.turn}: {self.amount}"

    @property
    def is_reversal(self) -> bool:
        return self.turn % 2 == 1


class Cursor(models.Model):
    """How far a county's parcels were read: everything folded by a transaction below `upto`, under the policies
    whose fingerprint is `policy_mark`. Another fingerprint starts over at 0."""

    county_code = models.CharField(max_length=6, primary_key=True)
    upto = TransactionIdField(default=0)
    policy_mark = models.CharField(max_length=32, blank=True)
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.county_code} < {self.upto}"
