"""The bank's answer: what fits is booked, what doesn't is listed, nothing is lost or guessed."""

import io
import os
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from common.errors import Conflict, Refused
from settlement.models import JournalEntry, Payment, PaymentItem, Period, Statement
from settlement.queries.books import fund_money, trial_balance
from settlement.queries.payments import changed_since, payment_plan, reconciliation
from settlement.services.bank_files import file_sum
from settlement.services.payments import issue_batches
from settlement.services.results import FILE_MAX, read_results
from settlement.states import BatchState, PaymentState, PeriodState, StatementState
from tests.conftest import NOW
from tests.settlement.money import ROOT, answer, database_url, give_account, ready, sent

ONE, TWO = "500230-1-001", "500230-1-002"
BOTH = ((ONE, "164.80", "成功", ""), (TWO, "92.35", "成功", ""))


def read(county, batch, *rows, **how):
    return read_results(batch_id=batch.pk, file=answer(*rows, **how), by=county.people["clerk"], at=NOW)


def check_deferred() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
def test_all_paid_closes_the_batch_and_the_month(county):
    batch = sent(county)
    outcome = read(county, batch, *BOTH)
    check_deferred()
    batch.refresh_from_db()
    assert (len(outcome.paid), outcome.problems, outcome.complete) == (2, [], True)
    assert (batch.state, batch.reconciled_at) == (BatchState.RECONCILED, NOW)
    assert set(Statement.objects.values_list("state", "paid_at")) == {(StatementState.PAID, NOW)}
    assert Period.objects.get().state == PeriodState.CLOSED
    money = fund_money(batch.fund)
    assert (money.treasury, money.sent, money.payable, money.paid) == (Decimal("742.85"), 0, 0, Decimal("257.15"))
    assert sum(trial_balance(county.code).values()) == 0
    assert reconciliation(batch, file_sum(batch)).equal


@pytest.mark.django_db
def test_the_same_file_again_changes_nothing(county):
    batch = sent(county)
    read(county, batch, *BOTH)
    before = JournalEntry.objects.count()
    again = read(county, batch, *BOTH)
    assert (again.paid, again.known, again.problems, again.complete) == ([], 2, [], True)
    assert JournalEntry.objects.count() == before


@pytest.mark.django_db
def test_what_came_back_goes_with_the_next_batch(county):
    batch = sent(county)
    outcome = read(county, batch, BOTH[0], (TWO, "92.35", "失败", "账号100200300400与户名不符"))
    check_deferred()
    (failed,) = outcome.failed
    assert failed.failure == "账号*0400与户名不符"  # the bank repeats the number: not on our pages
    statement = Statement.objects.get(station=county.o2)
    assert statement.state == StatementState.FAILED
    assert Period.objects.get().state == PeriodState.PAYING
    batch.refresh_from_db()
    assert batch.state == BatchState.RECONCILED  # each payment has its result
    assert reconciliation(batch, file_sum(batch)).equal
    give_account(county, county.o2, "300400500600")
    (later,) = issue_batches(county_code=county.code, fund_id=batch.fund_id, by=county.people["clerk"], at=NOW)
    assert (later.payments.get().amount, later.payments.get().account_tail) == (Decimal("92.35"), "0600")
    assert PaymentItem.objects.filter(statement=statement, live=True).count() == 1
    assert sum(trial_balance(county.code).values()) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "codes", "paid"),
    [
        ([*BOTH, ("500230-9-001", "1.00", "成功", "")], ["unknown_number"], 2),  # one line too many
        ([BOTH[0], (TWO, "92.36", "成功", "")], ["other_amount"], 1),
        ([BOTH[0], (TWO, "NaN", "成功", "")], ["other_amount"], 1),
        ([BOTH[0], (TWO, "", "成功", "")], ["other_amount"], 1),
        ([BOTH[0], (TWO, "1e99999999", "成功", "")], ["other_amount"], 1),
        ([*BOTH, BOTH[1]], ["twice", "twice"], 1),
        ([BOTH[0], (TWO, "92.35", "失败", ""), BOTH[1]], ["twice", "twice"], 1),
        ([BOTH[0], (TWO, "92.35", "处理中", "")], ["unknown_word"], 1),
        ([BOTH[0], ("", "92.35", "成功", "")], ["no_number"], 1),
        ([BOTH[0]], [], 1),  # a line is missing
        ([], [], 0),
        ([BOTH[0], ("=1+1", "92.35", "\x01", "")], ["unknown_number"], 1),
    ],
)
def test_nothing_is_lost_or_guessed(county, rows, codes, paid):
    batch = sent(county)
    outcome = read(county, batch, *rows)
    check_deferred()
    assert [problem.code for problem in outcome.problems] == codes
    assert all(problem.line > 1 and str(problem.sentence) for problem in outcome.problems)
    assert (len(outcome.paid), len(outcome.missing)) == (paid, 2 - paid)
    batch.refresh_from_db()
    assert batch.state == (BatchState.RECONCILED if paid == 2 else BatchState.SENT)
    assert Payment.objects.filter(state=PaymentState.SENT).count() == 2 - paid
    assert fund_money(batch.fund).sent == sum(payment.amount for payment in outcome.missing)


@pytest.mark.django_db
def test_an_answer_in_two_parts(county):
    batch = sent(county)
    assert not read(county, batch, BOTH[0]).complete
    assert read(county, batch, BOTH[1]).complete


@pytest.mark.django_db
def test_paid_stays_paid_when_a_later_file_says_otherwise(county):
    batch = sent(county)
    read(county, batch, *BOTH)
    outcome = read(county, batch, (ONE, "164.80", "失败", "退票"))
    assert [problem.code for problem in outcome.problems] == ["booked_otherwise"]
    assert Payment.objects.get(number=ONE).state == PaymentState.PAID


@pytest.mark.django_db
def test_a_number_of_another_batch_is_said_to_be_one(county):
    batch = sent(county)
    read(county, batch, (ONE, "164.80", "失败", ""), BOTH[1])
    issue_batches(county_code=county.code, fund_id=batch.fund_id, by=county.people["clerk"], at=NOW)
    outcome = read(county, batch, ("500230-2-001", "164.80", "成功", ""))
    assert [problem.code for problem in outcome.problems] == ["other_batch"]


@pytest.mark.django_db
def test_titles_totals_and_a_workbook_are_understood(county):
    batch = sent(county)
    book = io.BytesIO()
    with xlsxwriter.Workbook(book, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        rows = [
            ["代发结果"],
            [],
            ["处理结果", "付款编号", "金额", "失败原因"],
            ["成功", ONE, 164.8, ""],
            [" 失败", TWO, "92.35", "户名不符"],
            ["合计", "", 257.15, ""],
        ]
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    outcome = read_results(batch_id=batch.pk, file=book, by=county.people["clerk"], at=NOW)
    assert (len(outcome.paid), len(outcome.failed), outcome.problems) == (1, 1, [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"PK\x03\x04broken", "broken_file"),
        ("别的,列\n1,2\n".encode(), "columns"),
        ("付款编号,金额,处理结果\n".encode() + b'"', "quote_unclosed"),
        (b"\xff\xfe\x00", "bad_encoding"),
    ],
)
def test_a_file_that_is_none_books_nothing(county, data, code):
    batch = sent(county)
    with pytest.raises(Refused) as refused:
        read_results(batch_id=batch.pk, file=io.BytesIO(data), by=county.people["clerk"], at=NOW)
    assert refused.value.code == code
    assert Payment.objects.filter(state=PaymentState.SENT).count() == 2


@pytest.mark.django_db
def test_too_large_a_file(county):
    batch = sent(county)
    with pytest.raises(Refused) as refused:
        read_results(batch_id=batch.pk, file=io.BytesIO(b"x" * (FILE_MAX + 1)), by=county.people["clerk"], at=NOW)
    assert refused.value.status == 413


@pytest.mark.django_db
def test_out_of_order_there_is_no_answer_before_the_release(county):
    fund = ready(county)
    (batch,) = issue_batches(county_code=county.code, fund_id=fund.pk, by=county.people["clerk"], at=NOW)
    with pytest.raises(Conflict) as early:
        read(county, batch, *BOTH)
    assert early.value.code == "batch_not_sent"


@pytest.mark.django_db
def test_an_account_changed_meanwhile_the_snapshot_was_paid(county):
    batch = sent(county)
    give_account(county, county.o1, "99998888777766")
    read(county, batch, *BOTH)
    payment = Payment.objects.get(number=ONE)
    assert (payment.state, payment.account_tail) == (PaymentState.PAID, "5678")
    assert changed_since(batch.payments.all(), county.code) == {payment.pk}


@pytest.mark.django_db(transaction=True)
def test_the_same_answer_twice_at_once_is_booked_once(county):
    batch = sent(county)
    start, outcomes = threading.Barrier(4), []

    def work() -> None:
        try:
            start.wait()
            outcomes.append(read(county, batch, *BOTH))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(outcome.paid) for outcome in outcomes) == [0, 0, 0, 2]
    assert JournalEntry.objects.filter(kind="paid").count() == 2
    assert payment_plan(county.code, batch.fund).payments == ()


SCRIPT = """
import sys, django
django.setup()
from common import clock
from accounts.models import User
from settlement.services.results import read_results
batch, user, path = sys.argv[1:]
with open(path, "rb") as file:
    read_results(batch_id=int(batch), file=file, by=User.objects.get(pk=user), at=clock.now())
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("point", "booked"), [("result.booked", 0), ("result.committed", 2)])
def test_killed_midway_the_answer_is_read_once(county, tmp_path, settings, point, booked):
    batch = sent(county)
    (tmp_path / point).touch()
    (tmp_path / "answer.csv").write_bytes(answer(*BOTH).getvalue())
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(settings.DATABASE_URL),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CRASH_DIR": str(tmp_path),
    }
    command = [
        *(sys.executable, "-c", SCRIPT, str(batch.pk), str(county.people["clerk"].pk)),
        str(tmp_path / "answer.csv"),
    ]
    died = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert died.returncode == -9, died.stderr[-2000:]
    assert JournalEntry.objects.filter(kind="paid").count() == booked
    again = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr[-2000:]
    batch.refresh_from_db()
    assert batch.state == BatchState.RECONCILED
    assert JournalEntry.objects.filter(kind="paid").count() == 2
    assert fund_money(batch.fund).treasury == Decimal("742.85")


# --- the page ----------------------------------------------------------------------------------------------


def upload(client, batch, *rows):
    file = SimpleUploadedFile("答.csv", answer(*rows).getvalue())
    return client.post(f"/settlement/payments/{batch.pk}/results/", {"file": file})


@pytest.mark.django_db
def test_the_clerk_uploads_the_answer_and_sees_what_it_did(county, sign_in):
    batch = sent(county)
    page = upload(sign_in("clerk"), batch, BOTH[0], (TWO, "92.36", "成功", ""))
    assert page.status_code == 200
    text = page.content.decode()
    assert "92.36" in text
    assert TWO in text
    assert upload(sign_in("clerk"), batch).status_code == 200
    for who in ("approver", "operator", "officer"):
        assert upload(sign_in(who), batch, *BOTH).status_code == 403
    bad = SimpleUploadedFile("x.csv", b"")
    assert sign_in("clerk").post(f"/settlement/payments/{batch.pk}/results/", {"file": bad}).status_code == 422
