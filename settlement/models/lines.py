"""What each parcel earned: lines that name their scans, what is held back, and how far the parcels were read.

A line is appended, never changed. Turns are counted over a parcel and service, whatever the policy, so a parcel has at
most one line that stands for a service: even turns accrue, an odd turn reverses the turn before it. Migration 0002
holds what Django can't say: the key from a reversal to what it reverses, append-only, and that a policy in force only
ever ends earlier.
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Mod
from django.db.models.lookups import Exact

from common.fields import TransactionIdField
from orders.models import Parcel
from settlement.models.funds import Policy
from settlement.models.ledger import JournalEntry
from settlement.models.scoped import LINE_YUAN, RATE, OfStation
from settlement.rules import RATE_MAX
from settlement.states import Cause, EvidenceClass, HoldOutcome, HoldReason, PaidService
from stations.models import Station
from stations.scope import scope_of

if TYPE_CHECKING:
    from accounts.models import User


class LineQuerySet(models.QuerySet["Line"]):
    def visible_to(self, user: "User", action: str = "settlement.read") -> "LineQuerySet":
        """The lines of the outlets in scope."""
        return scope_of(user, action).filter_by_station(self, "station_id", "county_code")


class Line(models.Model):
    """One parcel's subsidy under one policy, or the reversal of one: outlet, month, amount, evidence. Immutable."""

    county_code = models.CharField(max_length=6)
    policy = models.ForeignKey(Policy, models.PROTECT, related_name="lines", db_index=False)
    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="+", db_index=False)
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)
    service = models.CharField(max_length=20, choices=PaidService.choices)
    turn = models.PositiveSmallIntegerField()
    period = models.DateField()  # the month it is paid in, its first day; the delivery's unless that was frozen
    effective_at = models.DateTimeField()  # of the delivery
    rate = models.DecimalField(**RATE)
    amount = models.DecimalField(**LINE_YUAN)
    evidence_class = models.CharField(max_length=1, choices=EvidenceClass.choices, default=EvidenceClass.A)
    cause = models.CharField(max_length=8, choices=Cause.choices, default=Cause.SCANS)
    reasons = models.JSONField()  # rules.Price.reasons; the first row's "code" says which words the rest are
    evidence = ArrayField(models.UUIDField())  # ids of the scans that carry the claim, in the fold's order
    reversed_turn = models.GeneratedField(  # what the key in migration 0002 points with
        expression=models.Case(models.When(Exact(Mod("turn", 2), 1), then=F("turn") - 1), default=None),
        output_field=models.SmallIntegerField(null=True),
        db_persist=True,
    )
    line_hash = models.GeneratedField(
        expression=Func(
            *("county_code", "policy", "parcel", "station", "service", "turn", "period", "effective_at"),
            *("rate", "amount", "reasons", "evidence", "evidence_class", "cause"),
            function="settlement_line_hash",
        ),
        output_field=models.BinaryField(max_length=32),
        db_persist=True,
    )
    entry = models.ForeignKey(  # of the books, posted in the same transaction; a foreign key would be looked up a line
        JournalEntry, models.DO_NOTHING, related_name="lines", db_index=False, db_constraint=False
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
            models.CheckConstraint(condition=Q(evidence_class__in=EvidenceClass.values), name="line_class_known"),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="line_cause_known"),
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


class Hold(models.Model):
    """A line that is not paid for now, and why. Closing it names the month whose statement takes the line up
    (`stated_in`); a refused or reversed line is taken up together with its reversal, so that they cancel out."""

    county_code = models.CharField(max_length=6)
    line = models.OneToOneField(Line, models.PROTECT, related_name="hold")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)  # the line's
    reason = models.CharField(max_length=14, choices=HoldReason.choices)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, choices=HoldOutcome.choices, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    close_reason = models.CharField(max_length=200, blank=True)
    stated_in = models.DateField(null=True)

    objects: "OfStation[Hold]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=HoldReason.values), name="hold_reason_known"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, outcome="", stated_in__isnull=True)
                | Q(closed_at__isnull=False, outcome__in=HoldOutcome.values, stated_in__day=1),
                name="hold_closed_with_an_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["county_code", "station"], condition=Q(closed_at__isnull=True), name="hold_open"),
            models.Index(fields=["county_code", "stated_in"], name="hold_by_month"),
        ]

    def __str__(self) -> str:
        return f"line {self.line_id}: {self.reason}"


class Cursor(models.Model):
    """How far a county's parcels were read: everything folded by a transaction below `upto`, under the policies
    whose fingerprint is `policy_mark`. Another fingerprint starts over at 0."""

    county_code = models.CharField(max_length=6, primary_key=True)
    upto = TransactionIdField(default=0)
    policy_mark = models.CharField(max_length=32, blank=True)
    settled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.county_code} < {self.upto}"
