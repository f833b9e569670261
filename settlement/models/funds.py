"""Where the money comes from, and the rules by which it is paid."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from settlement.models.ledger import JournalEntry
from settlement.models.scoped import LINE_YUAN, RATE, YUAN, OfCounty
from settlement.rules import CLAMP_MAX, CLAMP_MIN, RATE_MAX
from settlement.states import BANDS, WORDS, FactorKind, PolicyState, ShortfallRule


class Fund(models.Model):
    """A special fund: what may be spent (budget). What was received, promised and paid stands in the ledger."""

    county_code = models.CharField(max_length=6)
    number = models.CharField(_("document number"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    source = models.CharField(_("source of the money"), max_length=120)
    budget = models.DecimalField(_("budget, yuan"), **YUAN)
    shortfall = models.CharField(
        _("if the money runs short"), max_length=10, choices=ShortfallRule.choices, default=ShortfallRule.QUEUE
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()

    objects: "OfCounty[Fund]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "number"], name="fund_number_once"),
            models.CheckConstraint(condition=Q(budget__gte=0, budget__lte=10**10), name="fund_budget_in_bounds"),
            models.CheckConstraint(condition=Q(shortfall__in=ShortfallRule.values), name="fund_shortfall_known"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Appropriation(models.Model):
    """Money received into a fund, by a document. Append-only; its entry moves the treasury account."""

    county_code = models.CharField(max_length=6)
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="appropriations")
    document = models.CharField(_("document"), max_length=60)
    amount = models.DecimalField(_("yuan"), **YUAN)
    received_on = models.DateField(_("received"))
    entry = models.OneToOneField(JournalEntry, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    objects: "OfCounty[Appropriation]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fund", "document"], name="appropriation_once"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lte=10**10), name="appropriation_in_bounds"),
        ]

    def __str__(self) -> str:
        return f"{self.document}: {self.amount}"


class PolicyQuerySet(OfCounty["Policy"]):
    def active(self) -> "PolicyQuerySet":
        return self.filter(state=PolicyState.ACTIVE)


class Policy(models.Model):
    """One version of the rule: what a parcel is worth at an outlet, from a day until (not including) another. Base
    rate × factors (PolicyFactor), plus the remote-area allowance, kept between the clamps."""

    county_code = models.CharField(max_length=6)
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="policies", verbose_name=_("fund"))
    number = models.CharField(_("document number"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    issuer = models.CharField(_("issued by"), max_length=120)
    rate_delivery = models.DecimalField(_("base rate of a delivery, yuan"), **RATE)
    rate_collection = models.DecimalField(_("base rate of a collection, yuan"), null=True, **RATE)  # null: not paid
    clamp_min = models.DecimalField(_("no less than, yuan a parcel"), default=CLAMP_MIN, **RATE)
    clamp_max = models.DecimalField(_("no more than, yuan a parcel"), default=CLAMP_MAX, **RATE)
    remote_allowance = models.DecimalField(_("remote-area allowance, yuan a parcel"), default=0, **RATE)
    remote_from_km = models.DecimalField(_("remote from, km"), max_digits=6, decimal_places=1, null=True)
    month_cap = models.DecimalField(_("cap per outlet and month, yuan"), null=True, **YUAN)
    entry_volume = models.PositiveIntegerField(_("volume of a new outlet, parcels a month"), default=0)
    host_kinds = ArrayField(models.CharField(max_length=20), default=list)  # eligible hosts; empty: all
    townships = ArrayField(models.CharField(max_length=9), null=True)  # eligible townships; null: the whole county
    clawback_days = models.PositiveSmallIntegerField(_("days in which a payment can be taken back"), default=90)
    award_shares = ArrayField(  # of the yearly award, for grades A to D
        models.DecimalField(max_digits=5, decimal_places=4), size=4, null=True
    )
    award_a_limit = models.DecimalField(max_digits=5, decimal_places=4, default="0.4500")  # share of outlets graded A
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
                condition=Q(rate_delivery__gt=0, rate_delivery__lte=RATE_MAX)
                & (Q(rate_collection__isnull=True) | Q(rate_collection__gt=0, rate_collection__lte=RATE_MAX)),
                name="policy_rates_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(remote_allowance=0, remote_from_km__isnull=True)
                | Q(
                    remote_allowance__gt=0,
                    remote_allowance__lte=RATE_MAX,
                    remote_from_km__gte=0,
                    remote_from_km__lte=1000,
                ),
                name="policy_remote_allowance",
            ),
            models.CheckConstraint(
                condition=Q(month_cap__isnull=True) | Q(month_cap__gt=0, month_cap__lte=10**8),
                name="policy_cap_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(townships__isnull=True) | ~Q(townships=[]), name="policy_area_is_not_empty"
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


class PolicyFactor(models.Model):
    """One multiplier of a policy: for a word (terrain, model, grade: `key`) or from a value on (tier, distance,
    density: `from_value`, up to the next band's). Where none fits, the factor is 1."""

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=10, choices=FactorKind.choices)
    key = models.CharField(max_length=12, blank=True)
    from_value = models.DecimalField(null=True, **LINE_YUAN)
    multiplier = models.DecimalField(max_digits=8, decimal_places=6)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "kind", "key", "from_value"], nulls_distinct=False, name="factor_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=BANDS, key="", from_value__gte=0, from_value__lte=10**7)
                | (Q(kind__in=WORDS, from_value__isnull=True) & ~Q(key="")),
                name="factor_by_word_or_by_band",
            ),
            models.CheckConstraint(condition=Q(multiplier__gt=0, multiplier__lte=10), name="factor_in_bounds"),
        ]
        ordering = ["kind", "from_value", "key"]

    def __str__(self) -> str:
        return f"{self.kind} {self.key or self.from_value}: × {self.multiplier}"
