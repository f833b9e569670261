"""What is paid for other things than parcels: grants for what was built or bought, by its invoices, and the yearly
award by scores. Both reach a station as adjustments of its statements; what is paid is never kept here a second time.
Migration 0007 holds what Django can't say: a scheme in force stays as it is."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from settlement.models.funds import Fund
from settlement.models.scoped import BY, YUAN, OfCounty, OfStation
from settlement.models.statements import Adjustment
from settlement.states import AwardState, Finding, Grade, GrantKind, GrantState, PolicyState, ProofKind
from stations.models import Station
from stations.states import StationLevel

_SHARE: dict[str, Any] = {"max_digits": 5, "decimal_places": 4}
# Claims that count: of a rejected one the invoices are free again.
ENDED_CLAIMS = (GrantState.REJECTED,)


class GrantScheme(models.Model):
    """What is granted for one kind of building or buying, by one document. At most share × investment, at most the
    cap; both × (1 + bonus) in the townships named; then × the share of the grade."""

    county_code = models.CharField(max_length=6)
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="+", verbose_name=_("fund"))
    document = models.CharField(_("document number"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=24, choices=GrantKind.choices)
    share = models.DecimalField(_("share of the investment"), **_SHARE)
    cap = models.DecimalField(_("cap per station, yuan"), **YUAN)
    bonus = models.DecimalField(_("bonus"), default=0, **_SHARE)
    bonus_townships = ArrayField(models.CharField(max_length=9), default=list)
    grade_shares = ArrayField(models.DecimalField(**_SHARE), size=4)  # A to D
    instalments = ArrayField(models.DecimalField(**_SHARE), size=12)  # add up to 1
    instalment_months = models.PositiveSmallIntegerField(default=12)  # from one instalment to the next
    sample_shares = ArrayField(models.DecimalField(**_SHARE), size=3)  # hubs, centres, outlets
    rectify_months = models.PositiveSmallIntegerField(default=3)
    valid_from = models.DateField(_("first day"))
    valid_until = models.DateField(_("last day"))  # to apply
    draws = models.PositiveSmallIntegerField(default=0)  # how often a sample was drawn
    state = models.CharField(max_length=6, choices=PolicyState.choices, default=PolicyState.DRAFT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    activated_at = models.DateTimeField(null=True)

    objects: "OfCounty[GrantScheme]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "document", "kind"], name="scheme_document_once"),
            models.CheckConstraint(condition=Q(kind__in=GrantKind.values), name="scheme_kind_known"),
            # NaN is greater than every number, so "at most" keeps it out
            models.CheckConstraint(
                condition=Q(share__gt=0, share__lte=1, cap__gt=0, cap__lte=10**8, bonus__gte=0, bonus__lte=1),
                name="scheme_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(rectify_months__gte=1, rectify_months__lte=12, instalment_months__lte=36),
                name="scheme_months_in_bounds",
            ),
            models.CheckConstraint(condition=Q(valid_until__gte=F("valid_from")), name="scheme_valid_span"),
            models.CheckConstraint(
                condition=Q(state=PolicyState.DRAFT, activated_by__isnull=True, activated_at__isnull=True)
                | (
                    Q(state=PolicyState.ACTIVE, activated_by__isnull=False, activated_at__isnull=False)
                    & ~Q(activated_by=F("created_by"))
                ),
                name="scheme_takes_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.name}"


class GrantClaim(models.Model):
    """A station asks for what it built or bought. Amounts in yuan; `investment` is the sum of its invoices, `eligible`
    of those an inspection didn't strike out."""

    county_code = models.CharField(max_length=6)
    scheme = models.ForeignKey(GrantScheme, models.PROTECT, related_name="claims")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    note = models.CharField(_("what was built or bought"), max_length=300)
    investment = models.DecimalField(**YUAN)
    state = models.CharField(max_length=10, choices=GrantState.choices, default=GrantState.APPLIED)
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    applied_at = models.DateTimeField()
    draw = models.PositiveSmallIntegerField(null=True)  # in which draw of the scheme it took part
    drawn = models.BooleanField(default=False)  # and was taken
    rectify_until = models.DateField(null=True)
    grade = models.CharField(max_length=1, choices=Grade.choices, blank=True)
    finding = models.CharField(max_length=300, blank=True)  # of the inspection as a whole
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)  # who drew it out or inspected it
    accepted_at = models.DateTimeField(null=True)
    eligible = models.DecimalField(null=True, **YUAN)
    amount = models.DecimalField(null=True, **YUAN)
    audit_note = models.CharField(max_length=300, blank=True)
    audited_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    audited_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    approved_at = models.DateTimeField(null=True)

    objects: "OfStation[GrantClaim]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scheme", "station"], condition=~Q(state__in=ENDED_CLAIMS), name="grant_once_a_station"
            ),
            models.CheckConstraint(condition=Q(state__in=GrantState.values), name="grant_state_known"),
            models.CheckConstraint(condition=Q(investment__gt=0, investment__lte=10**9), name="grant_in_bounds"),
            models.CheckConstraint(
                condition=Q(amount__isnull=True)
                | Q(eligible__isnull=False, amount__gt=0, amount__lte=F("eligible"), eligible__lte=F("investment")),
                name="grant_at_most_the_investment",
            ),
            models.CheckConstraint(
                condition=Q(accepted_by__isnull=True) | ~Q(accepted_by=F("applied_by")),
                name="grant_accepted_by_another",
            ),
            models.CheckConstraint(
                condition=Q(audited_by__isnull=True)
                | (~Q(audited_by=F("applied_by")) & ~Q(audited_by=F("accepted_by"))),
                name="grant_audited_by_another",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (
                    Q(audited_by__isnull=False)
                    & ~Q(approved_by=F("audited_by"))
                    & ~Q(approved_by=F("applied_by"))
                    & ~Q(approved_by=F("accepted_by"))
                ),
                name="grant_approved_by_another",
            ),
        ]
        indexes = [models.Index(fields=["county_code", "state"], name="grant_by_state")]

    def __str__(self) -> str:
        return f"grant {self.pk}: {self.state}"


class GrantProof(models.Model):
    """An invoice (with its yuan) or the serial number of a machine. In a county each counts once, over all schemes:
    no investment is paid for twice. A rejected claim lets go of its own (`counts`)."""

    county_code = models.CharField(max_length=6)
    claim = models.ForeignKey(GrantClaim, models.PROTECT, related_name="proofs")
    kind = models.CharField(max_length=8, choices=ProofKind.choices)
    number = models.CharField(max_length=40)  # common.text.normal_code
    what = models.CharField(max_length=120, blank=True)
    yuan = models.DecimalField(null=True, **YUAN)
    counts = models.BooleanField(default=True)
    finding = models.CharField(max_length=8, choices=Finding.choices, blank=True)
    remark = models.CharField(max_length=200, blank=True)

    objects: "OfCounty[GrantProof]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["county_code", "kind", "number"], condition=Q(counts=True), name="proof_once_a_county"
            ),
            models.CheckConstraint(
                condition=Q(kind=ProofKind.INVOICE, yuan__isnull=False, yuan__gt=0, yuan__lte=10**9)
                | Q(kind=ProofKind.SERIAL, yuan__isnull=True),
                name="proof_invoice_has_yuan",
            ),
            models.CheckConstraint(condition=Q(finding__in=["", *Finding.values]), name="proof_finding_known"),
        ]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class GrantInstalment(models.Model):
    """A part of an approved grant: asked for when it is due and the station still works, released by another person
    as an adjustment of the station's next open month."""

    county_code = models.CharField(max_length=6)
    claim = models.ForeignKey(GrantClaim, models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField()  # 1, 2, …
    amount = models.DecimalField(**YUAN)
    due_on = models.DateField()
    note = models.CharField(max_length=300, blank=True)  # what was looked at before it was asked for
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    prepared_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    released_at = models.DateTimeField(null=True)
    adjustment = models.OneToOneField(Adjustment, models.PROTECT, null=True, related_name="+")

    objects: "OfCounty[GrantInstalment]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["claim", "number"], name="instalment_once"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lte=10**7), name="instalment_in_bounds"),
            models.CheckConstraint(
                condition=Q(released_by__isnull=True, adjustment__isnull=True)
                | (
                    Q(released_by__isnull=False, prepared_by__isnull=False, adjustment__isnull=False)
                    & ~Q(released_by=F("prepared_by"))
                ),
                name="instalment_takes_two_people",
            ),
        ]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"grant {self.claim_id}, {self.number}: {self.amount}"


class AwardRound(models.Model):
    """A year's award among a county's outlets or centres: what counts for how much, and what there is to share."""

    county_code = models.CharField(max_length=6)
    year = models.PositiveSmallIntegerField()
    level = models.CharField(max_length=6, choices=[(x.value, x.label) for x in StationLevel if x != StationLevel.HUB])
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="+", verbose_name=_("fund"))
    pot = models.DecimalField(null=True, **YUAN)  # shared by points × the grade's share; or
    yuan_per_point = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    weights = models.JSONField()  # {Indicator: points}, 100 in all
    a_limit = models.DecimalField(**_SHARE)
    grade_from = ArrayField(models.DecimalField(max_digits=5, decimal_places=2), size=3)  # points for A, B, C
    shares = ArrayField(models.DecimalField(**_SHARE), size=4)  # A to D
    first_day = models.DateField()
    last_day = models.DateField()
    state = models.CharField(max_length=9, choices=AwardState.choices, default=AwardState.DRAFT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    computed_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, **BY)
    approved_at = models.DateTimeField(null=True)

    objects: "OfCounty[AwardRound]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "year", "level"], name="award_once_a_year"),
            models.CheckConstraint(condition=Q(state__in=AwardState.values), name="award_state_known"),
            models.CheckConstraint(
                condition=Q(pot__isnull=False, pot__gt=0, pot__lte=10**7, yuan_per_point__isnull=True)
                | Q(pot__isnull=True, yuan_per_point__isnull=False, yuan_per_point__gt=0, yuan_per_point__lte=10**4),
                name="award_pot_or_yuan_per_point",
            ),
            models.CheckConstraint(condition=Q(a_limit__gte=0, a_limit__lte=1), name="award_limit_in_bounds"),
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="award_span"),
            models.CheckConstraint(
                condition=Q(checked_by__isnull=True) | ~Q(checked_by=F("created_by")), name="award_checked_by_another"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (Q(checked_by__isnull=False) & ~Q(approved_by=F("checked_by")) & ~Q(approved_by=F("created_by"))),
                name="award_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.level}"


class AwardScore(models.Model):
    """A station's year: each indicator as [numerator, denominator, points], the points in all, rank, grade, yuan."""

    county_code = models.CharField(max_length=6)
    round = models.ForeignKey(AwardRound, models.CASCADE, related_name="scores")
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    indicators = models.JSONField()
    points = models.DecimalField(max_digits=5, decimal_places=2)
    rank = models.PositiveIntegerField()
    grade = models.CharField(max_length=1, choices=Grade.choices)
    amount = models.DecimalField(**YUAN)
    adjustment = models.OneToOneField(Adjustment, models.PROTECT, null=True, related_name="+")

    objects: "OfStation[AwardScore]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "station"], name="awardscore_once"),
            models.CheckConstraint(condition=Q(points__gte=0, points__lte=100), name="awardscore_points"),
            models.CheckConstraint(condition=Q(grade__in=Grade.values), name="awardscore_grade_known"),
            models.CheckConstraint(condition=Q(amount__gte=0, amount__lte=10**7), name="awardscore_in_bounds"),
        ]
        ordering = ["rank", "station_id"]

    def __str__(self) -> str:
        return f"{self.station_id}: {self.points} {self.grade}"
