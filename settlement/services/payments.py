"""From approved statements to money at the bank.

A batch is made in one transaction: the county's funds are locked (the money is counted and numbers are given under that
lock), the plan of queries.payments is made, and each payment takes its statements by live items, whose unique index is
the last guard against paying twice. Another person sends the batch, or it is cancelled before that. Locks are taken in
the order funds, batch, payments, statements, periods.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common.crash import crash_point
from common.errors import Conflict, Refused
from settlement.models import Fund, Payment, PaymentBatch, PaymentItem, Period, Statement
from settlement.models.payments import BATCH_MAX
from settlement.queries.payments import PaymentPlan, PlannedPayment, payment_plan, unpaid_statements
from settlement.services.books import Leg, move, post
from settlement.states import Account, BatchState, PaymentState, PeriodState, StatementState


def issue_batches(*, county_code: str, fund_id: int, by: User, at: datetime) -> list[PaymentBatch]:
    """Put everything that can be paid out of a fund now into batches of at most 500 payments. What waits, and why, is
    queries.payments.payment_plan. Conflict "nothing_to_pay" where nothing can be paid (or somebody just did it)."""
    try:
        with transaction.atomic():
            fund = _locked_fund(county_code, fund_id)
            crash_point("pay.locked")
            list(unpaid_statements(county_code, fund_id).select_for_update(of=("self",)).order_by("pk"))
            plan = payment_plan(county_code, fund)
            batches = _write(plan, fund, by, at)
            crash_point("pay.issued")
    except IntegrityError as twice:  # statement_paid_once: whoever came past the locks
        raise Conflict("state_changed", _("Somebody else was faster: look again.")) from twice
    crash_point("pay.committed")
    return batches


def _locked_fund(county_code: str, fund_id: int) -> Fund:
    """All funds of the county are locked as one: batch numbers count within the county."""
    funds = Fund.objects.select_for_update(no_key=True).filter(county_code=county_code).order_by("pk")
    return {fund.pk: fund for fund in funds}[fund_id]


def _write(plan: PaymentPlan, fund: Fund, by: User, at: datetime) -> list[PaymentBatch]:
    if not plan.payments:
        raise Conflict("nothing_to_pay", _("There is nothing that can be paid now."))
    last = PaymentBatch.objects.filter(county_code=fund.county_code).aggregate(number=Max("number"))["number"] or 0
    batches = [
        _write_batch(plan.payments[start : start + BATCH_MAX], fund, last + 1 + start // BATCH_MAX, by, at)
        for start in range(0, len(plan.payments), BATCH_MAX)
    ]
    taken = [statement for planned in plan.payments for statement in planned.statements]
    move(
        taken,
        to=StatementState.IN_BATCH,
        by=by,
        at=at,
        allowed=[StatementState.APPROVED, StatementState.FAILED],
    )
    periods = Period.objects.select_for_update().filter(
        county_code=fund.county_code, month__in={row.period for row in taken}, state=PeriodState.APPROVED
    )
    move(list(periods.order_by("pk")), to=PeriodState.PAYING, by=by, at=at, allowed=[PeriodState.APPROVED])
    return batches


def _write_batch(planned: Sequence[PlannedPayment], fund: Fund, number: int, by: User, at: datetime) -> PaymentBatch:
    county_code = fund.county_code
    total = sum((one.amount for one in planned), Decimal(0))
    batch = PaymentBatch.objects.create(
        county_code=county_code,
        number=number,
        fund=fund,
        payment_count=len(planned),
        total_yuan=total,
        created_by=by,
        created_at=at,
    )
    payments = Payment.objects.bulk_create(
        Payment(
            county_code=county_code,
            batch=batch,
            # with dashes: spreadsheets turn long bare numbers into 5.0023E+13
            number=f"{county_code}-{number}-{place:03}",
            station=one.station,
            amount=one.amount,
            holder=one.account.holder,
            bank=one.account.bank,
            account_number=one.account.number,
            account_tail=one.account.tail,
        )
        for place, one in enumerate(planned, 1)
    )
    PaymentItem.objects.bulk_create(
        PaymentItem(payment=payment, statement=statement)
        for payment, one in zip(payments, planned, strict=True)
        for statement in one.statements
    )
    for payment in payments:
        _book(payment, "payment", fund.pk, (Account.PAYABLE, Account.SENT), by, at)
    audit_batch(batch, "payment.batch_issued", by, at)
    return batch


def _book(
    payment: Payment, key: str, fund_id: int, accounts: tuple[Account, Account], by: User | None, at: datetime
) -> None:
    """The amount to the debit of the first account and the credit of the second; the treasury is nobody's."""
    debit, credit = accounts
    post(
        county_code=payment.county_code,
        source_key=f"{key}:{payment.pk}",
        legs=[
            Leg(debit, payment.amount, fund_id, payment.station_id),
            Leg(credit, -payment.amount, fund_id, None if credit == Account.TREASURY else payment.station_id),
        ],
        at=at,
        by=by,
        note=payment.number,
    )


def locked_batch(batch_id: int) -> PaymentBatch:
    """The batch for an act on it: one at a time."""
    return PaymentBatch.objects.select_for_update().get(pk=batch_id)


@transaction.atomic
def send_batch(*, batch_id: int, by: User, at: datetime) -> PaymentBatch:
    """Release a batch to the bank: from now on its file may be downloaded. Refused "same_person" for who made it,
    Conflict "state_changed" if it was released or cancelled already."""
    batch = locked_batch(batch_id)
    if batch.created_by_id == by.pk:
        raise Refused("same_person", _("Who made a batch can't release it. Ask a second person."))
    move(batch, to=BatchState.SENT, by=by, at=at, allowed=[BatchState.ISSUED], sent_by=by, sent_at=at)
    move(list(batch.payments.order_by("pk")), to=PaymentState.SENT, by=by, at=at, allowed=[PaymentState.ISSUED])
    audit_batch(batch, "payment.batch_sent", by, at)
    return batch


@transaction.atomic
def cancel_batch(*, batch_id: int, by: User, at: datetime, reason: str = "") -> PaymentBatch:
    """Take a batch back before it is released: its statements wait for the next one. Conflict "state_changed" if it was
    released or cancelled already."""
    batch = locked_batch(batch_id)
    move(batch, to=BatchState.CANCELLED, by=by, at=at, reason=reason[:300], allowed=[BatchState.ISSUED])
    payments = list(batch.payments.order_by("pk"))
    move(payments, to=PaymentState.CANCELLED, by=by, at=at, allowed=[PaymentState.ISSUED])
    give_back(payments, fund_id=batch.fund_id, to=StatementState.APPROVED, by=by, at=at)
    audit_batch(batch, "payment.batch_cancelled", by, at, reason=reason)
    return batch


def give_back(payments: Sequence[Payment], *, fund_id: int, to: StatementState, by: User | None, at: datetime) -> None:
    """The money of payments that came to nothing is owed again, and their statements may be paid by another batch."""
    statements = statements_of(payments)
    PaymentItem.objects.filter(payment__in=payments, live=True).update(live=False)
    move(statements, to=to, by=by, at=at, allowed=[StatementState.IN_BATCH])
    for payment in payments:
        _book(payment, "failed", fund_id, (Account.SENT, Account.PAYABLE), by, at)


def pay(payments: Sequence[Payment], *, fund_id: int, by: User | None, at: datetime) -> None:
    """The money has left the treasury, the statements are paid."""
    move(
        statements_of(payments),
        to=StatementState.PAID,
        by=by,
        at=at,
        allowed=[StatementState.IN_BATCH],
        paid_at=at,
    )
    for payment in payments:
        _book(payment, "paid", fund_id, (Account.SENT, Account.TREASURY), by, at)


def statements_of(payments: Iterable[Payment]) -> list[Statement]:
    """The statements that live items tie to these payments, in the order of locks."""
    items = PaymentItem.objects.filter(payment__in=list(payments), live=True).values("statement")
    return list(Statement.objects.filter(pk__in=items).order_by("pk"))


@transaction.atomic
def close_paid_periods(*, county_code: str, at: datetime) -> list[date]:
    """Close the months of which nothing positive is unpaid any more; returns them."""
    unpaid = Statement.objects.filter(
        county_code=OuterRef("county_code"), period=OuterRef("month"), payable_yuan__gt=0
    ).exclude(state=StatementState.PAID)
    states = [PeriodState.APPROVED, PeriodState.PAYING]  # an approved month may have nothing to pay at all
    periods = list(
        Period.objects.select_for_update()
        .filter(~Exists(unpaid), county_code=county_code, state__in=states)
        .order_by("pk")
    )
    move(periods, to=PeriodState.CLOSED, by=None, at=at, allowed=states, closed_at=at)
    return [period.month for period in periods]


def audit_batch(batch: PaymentBatch, action: str, by: User, at: datetime, reason: str = "", **more: object) -> None:
    """What a batch said when somebody did something to it."""
    audit(
        actor=by,
        action=action,
        entity="batch",
        entity_id=batch.pk,
        label=str(batch),
        county_code=batch.county_code,
        after={"payments": batch.payment_count, "total_yuan": str(batch.total_yuan), **more},
        reason=reason,
        at=at,
    )
