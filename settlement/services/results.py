"""The bank's answer: which payments arrived and which came back.

Rows are matched by payment number and amount. A row that fits is booked; a row that doesn't is listed with its line and
the reason and books nothing, and neither does a word that is neither paid nor failed. The batch stays "sent" until each
payment has a result, so that the answer may come in parts and twice.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import text
from common.crash import crash_point
from common.errors import Conflict, Refused
from orders.services.parcel_files import records_of, shape_of
from settlement.models import BankFileForm, Payment, PaymentBatch
from settlement.services.bank_files import form_of, normal_word
from settlement.services.books import move
from settlement.services.payments import audit_batch, close_paid_periods, give_back, locked_batch, pay
from settlement.states import BatchState, PaymentState, StatementState

FILE_MAX = 5_000_000  # bytes; 500 payments need a hundredth
ROWS_MAX = 20_000
HEADER_WITHIN = 20  # rows: banks put titles above their tables
_TOTALS = ("合计", "总计", "小计", "TOTAL")
_NUMBER_MASK = re.compile(r"\d{4,}(?=\d{4})")  # of 8 digits and more, all but the last four


@dataclass(frozen=True)
class RowProblem:
    """A row (as a spreadsheet counts) that booked nothing, and why."""

    line: int
    code: str
    sentence: Any


@dataclass
class Outcome:
    """What an answer did: payments booked now, those booked before, rows with a problem, payments without a result."""

    paid: list[Payment] = field(default_factory=list)
    failed: list[Payment] = field(default_factory=list)
    known: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    missing: list[Payment] = field(default_factory=list)
    complete: bool = False


@dataclass(frozen=True)
class _Row:
    line: int
    number: str
    amount: Decimal | None
    word: str
    reason: str


def read_results(*, batch_id: int, file: BinaryIO, by: User, at: datetime) -> Outcome:
    """Book what the bank answered (CSV or XLSX). Refused for a file that can't be read at all ("too_large", "columns"
    and those of parcel_files), Conflict "batch_not_sent" for a batch that isn't at the bank."""
    if file.seek(0, 2) > FILE_MAX:
        raise Refused("too_large", _("The file is larger than 5 MB."), pointer="/file", status=413)
    with transaction.atomic():
        batch = locked_batch(batch_id)
        if batch.state not in (BatchState.SENT, BatchState.RECONCILED):
            raise Conflict("batch_not_sent", _("This batch isn't at the bank."))
        form = form_of(batch.county_code)
        outcome = _book(batch, form, list(_rows(file, form)), by, at)
        crash_point("result.booked")
    crash_point("result.committed")
    return outcome


def _rows(file: BinaryIO, form: BankFileForm) -> Iterator[_Row]:
    """The rows under the header; blank rows and rows of totals are passed over."""
    wanted = [form.result_no, form.result_amount, form.result_state]
    places: dict[str, int] = {}
    seen: list[str] = []
    for count, (line, cells) in enumerate(records_of(file, shape_of(file)), 1):
        said = [_text(cell) for cell in cells]
        if count > ROWS_MAX:
            raise Refused("too_large", _("The file has more than 20,000 rows."), pointer="/file", status=413)
        if not any(said):
            continue
        if not places:
            headings = {heading: place for place, heading in reversed(list(enumerate(said)))}
            if all(heading in headings for heading in wanted):
                places = headings
            elif count >= HEADER_WITHIN:
                break
            else:
                seen = seen or said
            continue

        number = text.normal_code(_cell(said, places, form.result_no))
        if (not number or normal_word(number) in _TOTALS) and any(normal_word(value) in _TOTALS for value in said):
            continue
        yield _Row(
            line,
            number,
            _amount(_cell(said, places, form.result_amount)),
            _cell(said, places, form.result_state),
            _cell(said, places, form.result_reason),
        )
    if not places:
        raise Refused(
            "columns",
            _("The header row does not fit. Expected: %(expected)s. Found: %(found)s.")
            % {"expected": "、".join(wanted), "found": "、".join(cell[:30] for cell in seen[:20]) or "—"},
            pointer="/file",
        )


def _cell(said: Sequence[str], places: dict[str, int], heading: str) -> str:
    place = places.get(heading, len(said))
    return said[place] if place < len(said) else ""


def _text(cell: Any) -> str:
    """A cell as a person reads it; a workbook's 12.0 is "12"."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return text.clean(str(cell).replace("\x00", "").removeprefix("'"))


def _amount(said: str) -> Decimal | None:
    """Yuan with 2 places, None for what is none; "1,234.50" and "¥12" are understood."""
    plain = text.normal_code(said).replace(",", "").lstrip("¥").removesuffix("元")
    try:
        amount = Decimal(plain)
        cents = amount.quantize(Decimal("0.01"))
    except InvalidOperation:
        return None
    return cents if cents == amount else None


def _book(batch: PaymentBatch, form: BankFileForm, rows: list[_Row], by: User, at: datetime) -> Outcome:
    payments = {payment.number: payment for payment in batch.payments.select_for_update().order_by("pk")}
    lines: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        lines[row.number].append(row.line)
    elsewhere = dict(
        Payment.objects.filter(county_code=batch.county_code, number__in=set(lines) - set(payments)).values_list(
            "number", "batch__number"
        )
    )
    outcome = Outcome()
    for row in rows:
        problem = _judge(row, payments, lines[row.number], elsewhere, form, outcome)
        if problem is not None:
            outcome.problems.append(RowProblem(row.line, *problem))
    if outcome.failed:
        Payment.objects.bulk_update(outcome.failed, ["failure"])
        _move(outcome.failed, PaymentState.FAILED, by, at)
        give_back(outcome.failed, fund_id=batch.fund_id, to=StatementState.FAILED, by=by, at=at)
    if outcome.paid:
        _move(outcome.paid, PaymentState.PAID, by, at)
        pay(outcome.paid, fund_id=batch.fund_id, by=by, at=at)
    outcome.missing = [payment for payment in payments.values() if payment.state == PaymentState.SENT]
    outcome.complete = not outcome.missing
    if outcome.complete and batch.state == BatchState.SENT:
        move(batch, to=BatchState.RECONCILED, by=by, at=at, allowed=[BatchState.SENT], reconciled_at=at)
    if outcome.paid:
        close_paid_periods(county_code=batch.county_code, at=at)
    audit_batch(
        batch,
        "payment.results_read",
        by,
        at,
        paid=len(outcome.paid),
        failed=len(outcome.failed),
        problems=len(outcome.problems),
        missing=len(outcome.missing),
    )
    return outcome


def _move(payments: list[Payment], to: PaymentState, by: User, at: datetime) -> None:
    move(sorted(payments, key=lambda row: row.pk), to=to, by=by, at=at, allowed=[PaymentState.SENT], result_at=at)


def _judge(
    row: _Row,
    payments: dict[str, Payment],
    lines: list[int],
    elsewhere: dict[str, int],
    form: BankFileForm,
    outcome: Outcome,
) -> tuple[str, Any] | None:
    """Put the row's payment into the outcome, or say (code, sentence) why the row books nothing."""
    payment = payments.get(row.number)
    word = normal_word(row.word)
    if not row.number:
        return "no_number", _("The payment number is missing.")
    if row.number in elsewhere:
        return "other_batch", _("%(number)s belongs to batch %(batch)s: read it in there.") % {
            "number": row.number,
            "batch": elsewhere[row.number],
        }
    if payment is None:
        return "unknown_number", _("There is no payment %(number)s in this batch.") % {"number": row.number[:40]}
    if len(lines) > 1:
        return "twice", _(
            "%(number)s stands in the file more than once (lines %(lines)s): none of them was booked."
        ) % {
            "number": row.number,
            "lines": "、".join(map(str, lines[:10])),
        }
    if row.amount != payment.amount:
        return "other_amount", _("%(number)s is %(amount)s yuan, the file says %(said)s.") % {
            "number": row.number,
            "amount": payment.amount,
            "said": "—" if row.amount is None else row.amount,
        }
    if word in form.paid_words:
        to = PaymentState.PAID
    elif word in form.failed_words:
        to = PaymentState.FAILED
    else:
        return "unknown_word", _(
            "“%(word)s” is not known as a result. Wait for the final one, or add the word to the bank file form."
        ) % {"word": row.word[:40] or "—"}
    if payment.state == to:
        outcome.known += 1
        return None
    if payment.state != PaymentState.SENT:
        return "booked_otherwise", _("%(number)s was booked as “%(state)s” before. Ask the bank which is right.") % {
            "number": row.number,
            "state": PaymentState(payment.state).label,
        }
    payment.failure = "" if to == PaymentState.PAID else _NUMBER_MASK.sub("*", row.reason or row.word)[:200]
    (outcome.paid if to == PaymentState.PAID else outcome.failed).append(payment)
    return None
