"""A month's way from lines to an approved sum: the period, each outlet's statement, what is added to it or taken back,
and who objected. Every move is a row of Transition."""

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q

from common.fields import EncryptedTextField
from common.moves import TransitionRow
from settlement.models.funds import Fund
from settlement.models.ledger import JournalEntry
from settlement.models.lines import Line
from settlement.models.scoped import BY, LINE_YUAN, YUAN, OfCounty, OfStation
from settlement.states import (
    AdjustmentKind,
    AppealState,
    ClawbackCause,
    ClawbackState,
    PeriodState,
    StatementState,
)
from stations.models import Station


class Period(models.Model):
    """A settlement month that is not simply open; a month without a row is open. Who prepared it neither reviews nor
    approves it."""

    county_code = models.CharField(max_length=6)
    month = models.DateField()  # its first day
    state = models.CharField(max_length=10, choices=PeriodState.choices, default=PeriodState.OPEN)
    frozen_at = models.DateTimeField(null=True)
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    computed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    reviewed_at = models.DateTimeField(null=True)
    publicised_at = models.DateTimeField(null=True)
    notice_until = models.DateField(null=True)  # the last day of five working days in which anybody may object
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    approved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    objects: "OfCounty[Period]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "month"], name="period_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="period_is_a_first_day"),
            models.CheckConstraint(condition=Q(state__in=PeriodState.values), name="period_state_known"),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | ~Q(reviewed_by=F("prepared_by")),
                name="period_reviewed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (~Q(approved_by=F("prepared_by")) & ~Q(approved_by=F("reviewed_by"))),
                name="period_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.county_code} {self.month:%Y-%m}"


class Statement(models.Model):
    """What an outlet is paid for a month out of one fund: round(lines + adjustments, 2), and the remainder. Its lines
    are those of the month that are not held, and held ones whose hold was closed into it (queries.stated_lines)."""

    county_code = models.CharField(max_length=6)
    period = models.DateField()
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="+", db_index=False)
    parcels = models.IntegerField()  # accruals less reversals: negative in a month of reversals only
    lines_yuan = models.DecimalField(**LINE_YUAN)
    adjusted_yuan = models.DecimalField(default=0, **LINE_YUAN)
    held_parcels = models.PositiveIntegerField(default=0)  # of the month's lines when it was computed, not stated here
    held_yuan = models.DecimalField(default=0, **LINE_YUAN)
    payable_yuan = models.DecimalField(**YUAN)
    flags = models.JSONField(default=list)  # [{"code": …, numbers}]: what an approver should look at first
    state = models.CharField(max_length=10, choices=StatementState.choices, default=StatementState.DRAFT)
    computed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    confirmed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)  # the township's
    reviewed_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)  # the county's
    approved_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)

    objects: "OfStation[Statement]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "period", "station", "fund"], name="statement_once"),
            models.CheckConstraint(condition=Q(period__day=1), name="statement_of_a_month"),
            models.CheckConstraint(condition=Q(state__in=StatementState.values), name="statement_state_known"),
            models.CheckConstraint(  # PostgreSQL rounds halves of numeric away from zero, as common.money does
                condition=Q(
                    payable_yuan=Func(
                        F("lines_yuan") + F("adjusted_yuan"),
                        2,
                        function="round",
                        output_field=models.DecimalField(**YUAN),
                    )
                ),
                name="statement_is_the_rounded_sum",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | Q(reviewed_by__isnull=False) & ~Q(approved_by=F("reviewed_by")),
                name="statement_approved_by_another",
            ),
        ]
        indexes = [
            models.Index(fields=["county_code", "station", "-period"], name="statement_by_outlet"),
            models.Index(fields=["county_code", "state"], name="statement_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.station_id} {self.period:%Y-%m}: {self.payable_yuan}"


class Adjustment(models.Model):
    """An amount of a statement that is no parcel's: a cap, a share of a short fund, an appeal upheld, an award, a
    correction. Append-only; a wrong one is followed by its opposite."""

    county_code = models.CharField(max_length=6)
    period = models.DateField()
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=AdjustmentKind.choices)
    amount = models.DecimalField(**LINE_YUAN)
    reason = models.CharField(max_length=300)
    source_key = models.CharField(max_length=80)  # once only: "cap:2026-10:12", "appeal:7"
    entry = models.ForeignKey(JournalEntry, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)  # null: computed
    at = models.DateTimeField()

    objects: "OfStation[Adjustment]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "source_key"], name="adjustment_source_once"),
            models.CheckConstraint(condition=Q(kind__in=AdjustmentKind.values), name="adjustment_kind_known"),
            models.CheckConstraint(
                condition=~Q(amount=0) & Q(amount__gte=-(10**7), amount__lte=10**7), name="adjustment_in_bounds"
            ),
            models.CheckConstraint(condition=Q(period__day=1), name="adjustment_of_a_month"),
        ]
        indexes = [models.Index(fields=["county_code", "period", "station"], name="adjustment_by_statement")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class Transition(TransitionRow):
    """A move of a period, statement, payment batch, clawback, appeal or case: who, when, why. Append-only."""

    class Meta:
        indexes = [models.Index(fields=["county_code", "entity", "entity_id", "id"], name="transition_of")]


class Clawback(models.Model):
    """A paid line that shall be taken back: proposed, notified, accepted or appealed, then set off by a reversing line
    in the next open month, or waived."""

    county_code = models.CharField(max_length=6)
    line = models.ForeignKey(Line, models.PROTECT, related_name="clawbacks")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    cause = models.CharField(max_length=16, choices=ClawbackCause.choices)
    reason = models.CharField(max_length=300)
    evidence = models.JSONField(default=list)  # ids of the scans (or the complaint's number) that say so
    state = models.CharField(max_length=10, choices=ClawbackState.choices, default=ClawbackState.PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)  # null: found in the scans
    proposed_at = models.DateTimeField()
    answer_by = models.DateField(null=True)  # the outlet's last day to appeal, once notified
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    decided_at = models.DateTimeField(null=True)
    reversal = models.OneToOneField(Line, models.PROTECT, null=True, related_name="+")

    objects: "OfStation[Clawback]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line"], condition=~Q(state=ClawbackState.WAIVED), name="clawback_once_a_line"
            ),
            models.CheckConstraint(condition=Q(state__in=ClawbackState.values), name="clawback_state_known"),
            models.CheckConstraint(
                condition=Q(state=ClawbackState.NETTED, reversal__isnull=False)
                | (~Q(state=ClawbackState.NETTED) & Q(reversal__isnull=True)),
                name="clawback_netted_by_its_reversal",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(proposed_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="clawback_takes_two_people",
            ),
        ]
        indexes = [models.Index(fields=["county_code", "state"], name="clawback_by_state")]

    def __str__(self) -> str:
        return f"line {self.line_id}: {self.cause}"


class Appeal(models.Model):
    """Somebody objects: the public to a notice, an outlet to its statement or to a clawback. The claimant's name and
    phone are encrypted; the answer is for everybody."""

    county_code = models.CharField(max_length=6)
    period = models.DateField()
    station = models.ForeignKey(Station, models.PROTECT, null=True, related_name="+")
    statement = models.ForeignKey(Statement, models.PROTECT, null=True, related_name="appeals")
    clawback = models.ForeignKey(Clawback, models.PROTECT, null=True, related_name="appeals")
    text = models.CharField(max_length=1000)
    claimant_name = EncryptedTextField(null=True)
    claimant_phone = EncryptedTextField(null=True)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)  # null: the public
    opened_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=AppealState.choices, default=AppealState.OPEN)
    answer = models.CharField(max_length=1000, blank=True)
    adjustment = models.OneToOneField(Adjustment, models.PROTECT, null=True, related_name="appeal")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    decided_at = models.DateTimeField(null=True)

    objects: "OfStation[Appeal]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state=AppealState.OPEN, decided_at__isnull=True)
                | (Q(state__in=[AppealState.UPHELD, AppealState.REJECTED], decided_at__isnull=False) & ~Q(answer="")),
                name="appeal_decided_with_an_answer",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(opened_by__isnull=True) | ~Q(decided_by=F("opened_by")),
                name="appeal_decided_by_another",
            ),
        ]
        indexes = [models.Index(fields=["county_code", "state"], name="appeal_by_state")]

    def __str__(self) -> str:
        return f"appeal {self.pk}: {self.state}"
