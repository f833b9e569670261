"""Doubt: rules as versioned data, and cases a person decides. Nothing is refused by a score alone."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from settlement.models.lines import Line
from settlement.models.scoped import OfCounty, OfStation
from settlement.states import CallAnswer, CaseState, RuleKind, RuleState
from stations.models import Station


class FraudRule(models.Model):
    """One version of a rule's thresholds in a county; F1 … F14 of settlement.definitions. Changed by a new version."""

    county_code = models.CharField(max_length=6)
    code = models.CharField(max_length=4)
    version = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=4, choices=RuleKind.choices)
    thresholds = models.JSONField()  # {"max_kmh": 90, …}
    state = models.CharField(max_length=8, choices=RuleState.choices, default=RuleState.DRAFT)
    reason = models.CharField(max_length=200, blank=True)  # why the thresholds changed
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    activated_at = models.DateTimeField(null=True)

    objects: "OfCounty[FraudRule]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "code", "version"], name="fraudrule_version_once"),
            models.UniqueConstraint(
                fields=["county_code", "code"], condition=Q(state=RuleState.ACTIVE), name="fraudrule_one_in_force"
            ),
            models.CheckConstraint(
                condition=Q(activated_by__isnull=True) | Q(created_by__isnull=True) | ~Q(activated_by=F("created_by")),
                name="fraudrule_takes_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class FraudCase(models.Model):
    """What one version of a rule found at one outlet: its numbers, the thresholds then, the scans compared. `subject`
    names what was found ("day 2026-10-03"), so that looking again raises nothing twice."""

    county_code = models.CharField(max_length=6)
    rule = models.ForeignKey(FraudRule, models.PROTECT, related_name="cases")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    subject = models.CharField(max_length=80)
    numbers = models.JSONField()  # {"kmh": 310.5, "limit": 90, …}: what the sentence is made of
    event_ids = ArrayField(models.UUIDField(), default=list)
    raised_at = models.DateTimeField()
    answer_by = models.DateField()  # the station's last day to answer
    state = models.CharField(max_length=8, choices=CaseState.choices, default=CaseState.RAISED)
    answer = models.CharField(max_length=1000, blank=True)
    answer_photo = models.BinaryField(max_length=32, null=True)  # sha256 of a tracking.Photo
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=8, blank=True)  # pay or refuse, as proposed or decided
    verdict_reason = models.CharField(max_length=300, blank=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects: "OfStation[FraudCase]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "rule", "station", "subject"], name="case_once"),
            models.CheckConstraint(
                condition=Q(state__in=[CaseState.PAY, CaseState.REFUSE], decided_at__isnull=False)
                | Q(state__in=[CaseState.RAISED, CaseState.ANSWERED, CaseState.PROPOSED], decided_at__isnull=True),
                name="case_decided_by_a_person",
            ),
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=True) | Q(decided_by__isnull=True) | ~Q(proposed_by=F("decided_by")),
                name="case_takes_two_people",
            ),
        ]
        indexes = [models.Index(fields=["county_code", "state", "station"], name="case_by_state")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.station_id} {self.subject}"


class CaseLine(models.Model):
    """A line a case is about; it is held while any of its cases is open."""

    case = models.ForeignKey(FraudCase, models.CASCADE, related_name="case_lines")
    line = models.ForeignKey(Line, models.PROTECT, related_name="case_lines")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "line"], name="caseline_once")]

    def __str__(self) -> str:
        return f"{self.case_id}: line {self.line_id}"


class CallBack(models.Model):
    """A line drawn for a call to the recipient through the privacy number: did the parcel reach them? Holds nothing."""

    county_code = models.CharField(max_length=6)
    line = models.OneToOneField(Line, models.PROTECT, related_name="call_back")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+", db_index=False)  # the line's
    period = models.DateField()
    drawn_at = models.DateTimeField()
    answer = models.CharField(max_length=12, choices=CallAnswer.choices, blank=True)
    called_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    called_at = models.DateTimeField(null=True)

    objects: "OfStation[CallBack]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(answer__in=["", *CallAnswer.values]), name="callback_answer_known"),
        ]
        indexes = [models.Index(fields=["county_code", "period", "station"], name="callback_by_month")]

    def __str__(self) -> str:
        return f"line {self.line_id}: {self.answer or 'not called'}"
