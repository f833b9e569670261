"""Money on its way: batches of at most 500 payments, a payment's statements and the account it went to."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from common.fields import EncryptedTextField
from settlement.models.funds import Fund
from settlement.models.scoped import YUAN, OfCounty, OfStation
from settlement.models.statements import Statement
from settlement.states import BatchState, PaymentState
from stations.models import Station

BATCH_MAX = 500  # payments


class BankFileForm(models.Model):
    """How a county's bank wants its file, and how its answer is read: columns in order, as (field, heading)."""

    county_code = models.CharField(max_length=6, unique=True)
    columns = models.JSONField()  # [["payment_no", "流水号"], ["holder", "户名"], …]: bank_files.FIELDS
    encoding = models.CharField(max_length=12, default="gb18030")  # or utf-8-sig
    totals_row = models.BooleanField(default=False)  # a last row with the sum
    result_no = models.CharField(max_length=40)  # headings of the answer: payment number, amount, result, reason
    result_amount = models.CharField(max_length=40)
    result_state = models.CharField(max_length=40)
    result_reason = models.CharField(max_length=40)
    paid_words = models.JSONField(default=list)  # what the bank writes for "paid": ["成功", "已入账"]
    failed_words = models.JSONField(default=list)  # and for "failed"; any other word ("处理中") books nothing
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    changed_at = models.DateTimeField()

    objects: "OfCounty[BankFileForm]" = OfCounty.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.county_code


class PaymentBatch(models.Model):
    """Payments that go to the bank in one file, out of one fund. `number` counts within the county."""

    county_code = models.CharField(max_length=6)
    number = models.PositiveIntegerField()
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=BatchState.choices, default=BatchState.ISSUED)
    payment_count = models.PositiveIntegerField()
    total_yuan = models.DecimalField(**YUAN)
    file_digest = models.CharField(max_length=64, blank=True)  # SHA-256 of the file last downloaded
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)

    objects: "OfCounty[PaymentBatch]" = OfCounty.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "number"], name="batch_number_once"),
            models.CheckConstraint(
                condition=Q(payment_count__gte=1, payment_count__lte=BATCH_MAX), name="batch_size_in_bounds"
            ),
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="batch_state_known"),
            models.CheckConstraint(
                condition=Q(sent_by__isnull=True) | ~Q(sent_by=F("created_by")), name="batch_takes_two_people"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.county_code}-{self.number}"


class Payment(models.Model):
    """One transfer to an outlet: the sum of its statements, to the account as it was then (a snapshot)."""

    county_code = models.CharField(max_length=6)
    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="payments")
    number = models.CharField(max_length=24)  # what the bank answers with: county, batch, place in it
    station = models.ForeignKey(Station, models.PROTECT, related_name="+")
    amount = models.DecimalField(**YUAN)
    state = models.CharField(max_length=10, choices=PaymentState.choices, default=PaymentState.ISSUED)
    holder = models.CharField(max_length=80)
    bank = models.CharField(max_length=120)
    account_number = EncryptedTextField()
    account_tail = models.CharField(max_length=4)
    result_at = models.DateTimeField(null=True)
    failure = models.CharField(_("the bank's reason"), max_length=200, blank=True)

    objects: "OfStation[Payment]" = OfStation.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["county_code", "number"], name="payment_number_once"),
            models.UniqueConstraint(fields=["batch", "station"], name="payment_once_a_batch"),
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lte=10**8), name="payment_in_bounds"),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.amount}"


class PaymentItem(models.Model):
    """A statement in a payment. `live` until the payment fails or is cancelled: a statement is in one live payment at
    most, so no two approvers, workers or batches pay it twice."""

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="items")
    statement = models.ForeignKey(Statement, models.PROTECT, related_name="payment_items")
    live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement"], condition=Q(live=True), name="statement_paid_once"),
            models.UniqueConstraint(fields=["payment", "statement"], name="paymentitem_once"),
        ]

    def __str__(self) -> str:
        return f"{self.payment_id}: statement {self.statement_id}"
