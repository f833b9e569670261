"""The bank's file: columns in order, its encoding, the same bytes each time, nothing a spreadsheet would run."""

import csv
import hashlib
import io

import pytest
from python_calamine import CalamineWorkbook

from accounts.models import AuditEntry
from common.errors import Conflict, Refused
from settlement.models import BankFileForm, Payment
from settlement.services.bank_files import (
    BankFormFields,
    bank_file,
    download_bank_file,
    file_sum,
    form_of,
    set_bank_form,
)
from settlement.services.payments import issue_batches
from tests.conftest import NOW
from tests.settlement.money import NUMBER, ready, sent

FIELDS = {
    "columns": [("payment_no", "流水号"), ("number", "账号"), ("holder", "户名"), ("amount", "金额")],
    "encoding": "utf-8-sig",
    "totals_row": True,
    "result_no": "流水号",
    "result_amount": "金额",
    "result_state": "状态",
    "result_reason": "原因",
    "paid_words": ["成功"],
    "failed_words": ["失败"],
}


def set_form(county, **values):
    fields = BankFormFields(**{**FIELDS, **values})
    return set_bank_form(county_code=county.code, fields=fields, by=county.people["clerk"], at=NOW)


def cells(data: bytes, encoding: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(encoding))))


@pytest.mark.django_db
def test_without_a_form_a_usual_one_serves(county):
    batch = sent(county)
    rows = cells(bank_file(batch=batch, kind="csv"), "gb18030")
    assert rows[0] == ["序号", "付款编号", "收款户名", "收款账号", "开户行", "金额", "用途"]
    assert rows[1] == ["1", "500230-1-001", "王大池", NUMBER, "丰都农商行虎威支行", "164.80", "村级寄递物流补贴"]
    assert len(rows) == 3
    assert not BankFileForm.objects.exists()


@pytest.mark.django_db
def test_the_county_says_columns_encoding_and_a_last_row(county):
    batch = sent(county)
    set_form(county)
    data = bank_file(batch=batch, kind="csv")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = cells(data, "utf-8-sig")
    assert rows[0] == ["流水号", "账号", "户名", "金额"]
    assert rows[-1] == ["合计", "", "", "257.15"]
    assert file_sum(batch) == batch.total_yuan


@pytest.mark.django_db
def test_the_workbook_says_the_same_with_numbers_as_text(county):
    batch = sent(county)
    data = bank_file(batch=batch, kind="xlsx")
    assert data == bank_file(batch=batch, kind="xlsx")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert sheet[1][3] == NUMBER
    assert sheet[1][5] == 164.8


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_formula_is_a_text(county, kind):
    batch = sent(county)
    Payment.objects.update(holder="=1+1")  # past the service, which refuses it
    data = bank_file(batch=batch, kind=kind)
    if kind == "csv":
        assert cells(data, "gb18030")[1][2] == "'=1+1"
    else:
        assert CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()[1][2] == "'=1+1"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"columns": [("payment_no", "流水号"), ("amount", "金额")]}, "columns"),
        ({"columns": [*FIELDS["columns"], ("amount", "金额2")]}, "columns"),
        ({"columns": [*FIELDS["columns"], ("nonsense", "别的")]}, "columns"),
        ({"columns": [*FIELDS["columns"], ("bank", "金额")]}, "columns"),
        ({"columns": [*FIELDS["columns"], ("bank", "x" * 41)]}, "columns"),
        ({"encoding": "rot13"}, "encoding"),
        ({"result_no": ""}, "result_no"),
        ({"result_no": "金额"}, "result_no"),
        ({"paid_words": []}, "paid_words"),
        ({"failed_words": ["成功"]}, "failed_words"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(county, values, field):
    with pytest.raises(Refused) as refused:
        set_form(county, **values)
    assert refused.value.pointer == f"/{field}"


@pytest.mark.django_db
def test_the_file_is_there_once_it_was_released_and_each_download_is_noted(county):
    fund = ready(county)
    (batch,) = issue_batches(county_code=county.code, fund_id=fund.pk, by=county.people["clerk"], at=NOW)
    with pytest.raises(Conflict) as early:
        download_bank_file(batch_id=batch.pk, kind="csv", by=county.people["clerk"], at=NOW)
    assert early.value.code == "batch_not_released"


@pytest.mark.django_db
def test_a_download_is_audited_by_its_digest(county, sign_in):
    batch = sent(county)
    answer = sign_in("clerk").post(f"/settlement/payments/{batch.pk}/file/csv/")
    assert answer.status_code == 200
    digest = hashlib.sha256(answer.content).hexdigest()
    batch.refresh_from_db()
    entry = AuditEntry.objects.get(action="payment.file_downloaded")
    assert batch.file_digest == entry.after["sha256"] == digest
    assert NUMBER not in str(entry.after)
    for who in ("approver", "officer", "operator", "auditor"):
        assert sign_in(who).post(f"/settlement/payments/{batch.pk}/file/csv/").status_code == 403
    assert sign_in("clerk").post(f"/settlement/payments/{batch.pk}/file/doc/").status_code == 404


# --- the page ----------------------------------------------------------------------------------------------

PAGE = "/settlement/payments/form/"


def posted(**values) -> dict[str, object]:
    row = {name: value for name, value in FIELDS.items() if name not in ("columns", "paid_words", "failed_words")}
    for number, (name, heading) in enumerate(FIELDS["columns"], 1):
        row |= {f"field_{number}": name, f"heading_{number}": heading}
    return {**row, "paid_words": "成功、已入账", "failed_words": "失败", **values}


@pytest.mark.django_db
def test_the_clerk_changes_the_form(county, sign_in):
    client = sign_in("clerk")
    assert "付款编号" in client.get(PAGE).content.decode()
    assert client.post(PAGE, posted()).status_code == 302
    form = form_of(county.code)
    assert (form.columns[1], form.paid_words, form.totals_row) == (["number", "账号"], ["成功", "已入账"], True)
    assert client.post(PAGE, posted(failed_words="")).status_code == 422
    assert client.post(PAGE, posted(heading_1="")).status_code == 422
    assert sign_in("approver").get(PAGE).status_code == 403


@pytest.mark.django_db
def test_a_preview_changes_nothing(county, sign_in):
    answer = sign_in("clerk").post(PAGE, posted(preview="1", heading_1="我们的编号"))
    assert answer.status_code == 200
    assert "我们的编号" in answer.content.decode()
    assert "示例甲" in answer.content.decode()
    assert not BankFileForm.objects.exists()
