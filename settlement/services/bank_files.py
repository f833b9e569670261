"""The file a bank is given: columns, words and encoding as the county's bank wants them, the same bytes each time."""

import codecs
import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import text
from common.errors import Conflict, Refused
from common.exports import safe_cell
from settlement.models import BankFileForm, Payment, PaymentBatch
from settlement.services.payments import audit_batch, locked_batch
from settlement.states import BatchState

CSV, XLSX = "csv", "xlsx"
KINDS = {CSV: "text/csv", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
ENCODINGS = {"gb18030": _("GB18030 (most Chinese banks)"), "utf-8-sig": _("UTF-8 with a mark")}
COLUMNS_MAX = 10
WORDS_MAX = 20

# What a column can hold: its name for people, and how it is read off a payment and its place in the batch.
FIELDS: dict[str, tuple[Any, Callable[[Payment, int], Any]]] = {
    "place": (_("Place in the file"), lambda payment, place: place),
    "payment_no": (_("Payment number"), lambda payment, place: payment.number),
    "holder": (_("Account holder"), lambda payment, place: payment.holder),
    "number": (_("Account number"), lambda payment, place: payment.account_number),
    "bank": (_("Bank and branch"), lambda payment, place: payment.bank),
    "amount": (_("Amount, yuan"), lambda payment, place: payment.amount),
    "currency": (_("Currency"), lambda payment, place: "人民币"),
    "station": (_("Outlet"), lambda payment, place: payment.station.name),
    "station_code": (_("Outlet's code"), lambda payment, place: payment.station.code),
    "purpose": (_("Purpose"), lambda payment, place: "村级寄递物流补贴"),
}
NEEDED = ("payment_no", "holder", "number", "amount")
_DEFAULT: dict[str, Any] = {
    "columns": [
        ["place", "序号"],
        ["payment_no", "付款编号"],
        ["holder", "收款户名"],
        ["number", "收款账号"],
        ["bank", "开户行"],
        ["amount", "金额"],
        ["purpose", "用途"],
    ],
    "encoding": "gb18030",
    "totals_row": False,
    "result_no": "付款编号",
    "result_amount": "金额",
    "result_state": "处理结果",
    "result_reason": "失败原因",
    "paid_words": ["成功", "交易成功", "已入账"],
    "failed_words": ["失败", "交易失败", "退回", "退票"],
}


@dataclass(frozen=True)
class BankFormFields:
    """What a county sets: columns as (field, heading), headings of the answer, the bank's words."""

    columns: Sequence[tuple[str, str]]
    encoding: str
    totals_row: bool
    result_no: str
    result_amount: str
    result_state: str
    result_reason: str
    paid_words: Sequence[str]
    failed_words: Sequence[str]


def form_of(county_code: str) -> BankFileForm:
    """The county's form, or a usual one (unsaved) where it has none."""
    kept = BankFileForm.objects.filter(county_code=county_code).first()
    return kept or BankFileForm(county_code=county_code, **_DEFAULT)


def preview_bank_form(*, county_code: str, fields: BankFormFields) -> BankFileForm:
    """The form as it would be kept, unsaved. Refused "bank_form" with the field at fault."""
    return BankFileForm(county_code=county_code, **_checked(fields))


@transaction.atomic
def set_bank_form(*, county_code: str, fields: BankFormFields, by: User, at: datetime) -> BankFileForm:
    """Change how the county's files look and how answers are read. Refused "bank_form" with the field at fault."""
    values = _checked(fields)
    form, _made = BankFileForm.objects.update_or_create(
        county_code=county_code, defaults={**values, "changed_by": by, "changed_at": at}
    )
    audit(
        actor=by,
        action="payment.form_changed",
        entity="bank_form",
        entity_id=form.pk,
        county_code=county_code,
        after=values,
        at=at,
    )
    return form


def _checked(fields: BankFormFields) -> dict[str, Any]:
    columns = [[name, text.clean(heading)] for name, heading in fields.columns]
    names = [name for name, _heading in columns]
    headings = [heading for _name, heading in columns]
    missing = [str(FIELDS[name][0]) for name in NEEDED if name not in names]
    if missing:
        raise _fault("columns", _("These columns are needed: %(names)s.") % {"names": "、".join(missing)})
    if set(names) - set(FIELDS) or len(set(names)) != len(names) or len(columns) > COLUMNS_MAX:
        raise _fault("columns", _("Each column once."))
    if len(set(headings)) != len(headings) or not all(0 < len(heading) <= 40 for heading in headings):
        raise _fault("columns", _("Each column needs a heading of its own, up to 40 characters."))
    if fields.encoding not in ENCODINGS:
        raise _fault("encoding", _("Choose one of the encodings."))
    values: dict[str, Any] = {
        name: text.clean(getattr(fields, name))
        for name in ("result_no", "result_amount", "result_state", "result_reason")
    }
    if len(set(values.values())) != len(values) or not all(0 < len(value) <= 40 for value in values.values()):
        raise _fault("result_no", _("The answer's four columns need headings of their own, up to 40 characters."))
    for name in ("paid_words", "failed_words"):
        values[name] = [word for word in dict.fromkeys(normal_word(word) for word in getattr(fields, name)) if word]
        if not values[name] or len(values[name]) > WORDS_MAX or any(len(word) > 40 for word in values[name]):
            raise _fault(name, _("Between one and twenty words, please."))
    if set(values["paid_words"]) & set(values["failed_words"]):
        raise _fault("failed_words", _("A word can't mean both paid and failed."))
    return {**values, "columns": columns, "encoding": fields.encoding, "totals_row": fields.totals_row}


def normal_word(word: str) -> str:
    """A bank's word for a result as it is compared: no spaces, no difference between wide and narrow letters."""
    return text.normal_code(word.replace("\x00", ""))


def _fault(field: str, sentence: object) -> Refused:
    return Refused("bank_form", sentence, pointer=f"/{field}")


def bank_file(*, batch: PaymentBatch, kind: str, form: BankFileForm | None = None) -> bytes:
    """The batch as CSV or XLSX by the county's form; the same batch and form give the same bytes. Holds whole account
    numbers: keep it off pages and logs."""
    form = form or form_of(batch.county_code)
    payments = list(batch.payments.select_related("station").order_by("pk"))
    rows = [
        [FIELDS[name][1](payment, place) for name, _heading in form.columns]
        for place, payment in enumerate(payments, 1)
    ]
    return render_file(form, rows, kind, batch.created_at)


def render_file(form: BankFileForm, rows: Sequence[Sequence[Any]], kind: str, made_at: datetime) -> bytes:
    """Header, rows and, where the bank wants it, a last row with the sum of the amounts."""
    names = [name for name, _heading in form.columns]
    table = [[heading for _name, heading in form.columns], *rows]
    if form.totals_row:
        amount = names.index("amount")
        last: list[Any] = [""] * len(names)
        last[0 if amount else 1] = "合计"
        last[amount] = sum((row[amount] for row in rows), Decimal("0.00"))
        table.append(last)
    return _xlsx(table, made_at) if kind == XLSX else _csv(table, form.encoding)


def _csv(table: Sequence[Sequence[Any]], encoding: str) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows([safe_cell(cell) for cell in row] for row in table)
    return codecs.encode(written.getvalue(), encoding)


def _xlsx(table: Sequence[Sequence[Any]], made_at: datetime) -> bytes:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        book.set_properties({"created": made_at.replace(tzinfo=None)})  # or the same batch had another digest each time
        sheet = book.add_worksheet()
        head, money = book.add_format({"bold": True}), book.add_format({"num_format": "0.00"})
        sheet.set_column(0, len(table[0]) - 1, 22)
        for row_no, row in enumerate(table):
            for column, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    sheet.write_number(row_no, column, float(cell), money)  # up to 15 digits: exact to the cent
                elif isinstance(cell, int):
                    sheet.write_number(row_no, column, cell)
                else:  # a text, never a formula; an account number keeps its digits
                    sheet.write_string(row_no, column, safe_cell(str(cell)), head if row_no == 0 else None)
    return written.getvalue()


def file_sum(batch: PaymentBatch) -> Decimal:
    """The amounts of the batch's file, read back from its bytes."""
    form = form_of(batch.county_code)
    data = bank_file(batch=batch, kind=CSV, form=form).decode(form.encoding)
    amount = [name for name, _heading in form.columns].index("amount")
    rows = list(csv.reader(io.StringIO(data)))[1 : -1 if form.totals_row else None]
    return sum((Decimal(row[amount]) for row in rows), Decimal("0.00"))


@transaction.atomic
def download_bank_file(*, batch_id: int, kind: str, by: User, at: datetime) -> tuple[bytes, str]:
    """The file of a released batch and its SHA-256, which is kept; audited, as it names whole accounts. Refused
    "unknown_format", Conflict "batch_not_released" before the second person released it."""
    if kind not in KINDS:
        raise Refused("unknown_format", _("CSV or XLSX."), status=404)
    batch = locked_batch(batch_id)
    if batch.state not in (BatchState.SENT, BatchState.RECONCILED):
        raise Conflict("batch_not_released", _("The file is there once a second person has released the batch."))
    data = bank_file(batch=batch, kind=kind)
    batch.file_digest = hashlib.sha256(data).hexdigest()
    batch.save(update_fields=["file_digest"])
    audit_batch(batch, "payment.file_downloaded", by, at, kind=kind, sha256=batch.file_digest)
    return data, batch.file_digest


def example_rows(form: BankFileForm) -> list[list[Any]]:
    """Two made-up payments as this form shows them, header first."""
    said: Sequence[Mapping[str, Any]] = [
        {
            "place": place,
            "payment_no": f"500000-1-{place:03}",
            "holder": holder,
            "number": "6200" + "0" * 14 + str(place),
            "bank": "示例农村商业银行",
            "amount": amount,
            "currency": "人民币",
            "station": station,
            "station_code": f"XX-O{place}",
            "purpose": "村级寄递物流补贴",
        }
        for place, holder, station, amount in (
            (1, "示例甲", "示例村服务点", Decimal("164.80")),
            (2, "示例乙", "样本村服务点", Decimal("92.35")),
        )
    ]
    return [[heading for _name, heading in form.columns], *([row[name] for name, _h in form.columns] for row in said)]
