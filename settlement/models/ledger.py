"""The books: entries whose postings sum to zero (a deferred trigger, migration 0005), appended and never changed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from settlement.models.scoped import OfCounty
from settlement.states import Account


class JournalEntry(models.Model):
    """One thing that happened to the money. `source_key` names it ("settle:731", "statement:12"): it is posted once."""

    county_code = models.CharField(max_length=6)
    source_key = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)  # the word before the colon of source_key
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # null: by the clock
    note = models.CharField(max_length=200, blank=True)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")

    objects: "OfCounty[JournalEntry]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "source_key"], name="entry_source_once"),
            models.CheckConstraint(condition=Q(source_key__contains=":"), name="entry_source_named"),
        ]
        indexes = [models.Index(fields=["county_code", "-at"], name="entry_newest")]

    def __str__(self) -> str:
        return self.source_key


class Posting(models.Model):
    """An amount on an account, debit positive. `fund` always; `station` and `period` where they are somebody's."""

    county_code = models.CharField(max_length=6)
    entry = models.ForeignKey(JournalEntry, models.PROTECT, related_name="postings")
    account = models.CharField(max_length=14, choices=Account.choices)
    fund = models.ForeignKey("settlement.Fund", models.PROTECT, related_name="+", db_index=False)
    station = models.ForeignKey("stations.Station", models.PROTECT, null=True, related_name="+", db_index=False)
    period = models.DateField(null=True)
    amount = models.DecimalField(max_digits=14, decimal_places=4)

    objects: "OfCounty[Posting]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(account__in=Account.values), name="posting_account_known"),
            models.CheckConstraint(
                condition=~Q(amount=0) & Q(amount__gte=-(10**9), amount__lte=10**9), name="posting_in_bounds"
            ),
            models.CheckConstraint(
                condition=~Q(account__in=[Account.ACCRUED, Account.PAYABLE, Account.SENT]) | Q(station__isnull=False),
                name="posting_owed_to_somebody",
            ),
        ]
        indexes = [
            models.Index(
                fields=["county_code", "fund", "account", "station"], include=["amount"], name="posting_by_account"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"


class BookCheck(models.Model):
    """What a night's check of the books found (services.checks.Finding as JSON); none: all sums agree."""

    county_code = models.CharField(max_length=6)
    at = models.DateTimeField()
    count = models.PositiveIntegerField()
    findings = models.JSONField(default=list)  # the first ones

    objects: "OfCounty[BookCheck]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index(fields=["county_code", "-at"], name="bookcheck_newest")]

    def __str__(self) -> str:
        return f"{self.county_code} {self.at:%Y-%m-%d}: {self.count}"
