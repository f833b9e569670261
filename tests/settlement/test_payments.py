"""Statements become payments once: netted, within the fund, to confirmed accounts, whoever else is at it."""

import os
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from common.errors import Conflict, Refused
from settlement.models import JournalEntry, Payment, PaymentBatch, PaymentItem, Period, Statement, Transition
from settlement.queries.books import fund_money, trial_balance
from settlement.queries.payments import FUND_SHORT, NO_ACCOUNT, NOT_POSITIVE, payment_plan, reconciliation
from settlement.services import payments as payments_module
from settlement.services.bank_files import file_sum
from settlement.services.payments import cancel_batch, close_paid_periods, issue_batches, send_batch
from settlement.states import BatchState, PaymentState, PeriodState, StatementState
from tests.conftest import NOW
from tests.settlement.money import (
    NUMBER,
    OCTOBER,
    ROOT,
    SEPTEMBER,
    appropriate,
    database_url,
    give_account,
    make_approved,
    ready,
    second_clerk,
    sent,
)


def issue(county, fund, by="clerk"):
    return issue_batches(county_code=county.code, fund_id=fund.pk, by=county.people[by], at=NOW)


def check_deferred() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
def test_what_is_approved_is_paid_to_the_confirmed_account(county):
    fund = ready(county)
    (batch,) = issue(county, fund)
    check_deferred()
    assert (batch.number, batch.payment_count, batch.total_yuan) == (1, 2, Decimal("257.15"))
    first, second = batch.payments.order_by("pk")
    assert (first.station, first.amount, first.account_tail) == (county.o1, Decimal("164.80"), "5678")
    assert (second.number, second.amount) == ("500230-1-002", Decimal("92.35"))
    assert set(Statement.objects.values_list("state", flat=True)) == {StatementState.IN_BATCH}
    assert Period.objects.get().state == PeriodState.PAYING
    money = fund_money(fund)
    assert (money.payable, money.sent, money.treasury) == (0, Decimal("257.15"), 1000)
    assert sum(trial_balance(county.code).values()) == 0
    assert reconciliation(batch, file_sum(batch)).equal


@pytest.mark.django_db
def test_nothing_is_issued_twice(county):
    fund = ready(county)
    issue(county, fund)
    with pytest.raises(Conflict) as refused:
        issue(county, fund)
    assert refused.value.code == "nothing_to_pay"
    assert PaymentBatch.objects.count() == 1
    item = PaymentItem.objects.first()
    other = Payment.objects.exclude(pk=item.payment_id).first()
    with pytest.raises(IntegrityError, match="statement_paid_once"), transaction.atomic():
        PaymentItem.objects.create(payment=other, statement=item.statement)


@pytest.mark.django_db
def test_the_snapshot_is_what_was_confirmed_then(county):
    fund = ready(county)
    (batch,) = issue(county, fund)
    give_account(county, county.o1, "99998888777766")
    assert batch.payments.get(station=county.o1).account_tail == "5678"


@pytest.mark.django_db
def test_what_an_outlet_owes_is_set_off(county):
    fund = appropriate(county, "1000")
    for station in (county.o1, county.o2):
        give_account(county, station)
    make_approved(county, county.o1, "-3.20", month=SEPTEMBER)
    make_approved(county, county.o1, "10.00")
    make_approved(county, county.o2, "-4.00")  # waits: nothing to set it off against
    (batch,) = issue(county, fund)
    check_deferred()
    payment = batch.payments.get()
    assert (payment.amount, payment.items.count()) == (Decimal("6.80"), 2)
    (waits,) = payment_plan(county.code, fund).waiting
    assert (waits.station, waits.reason, waits.amount) == (county.o2, NOT_POSITIVE, Decimal("-4.00"))
    assert reconciliation(batch, file_sum(batch)).equal


@pytest.mark.django_db
def test_without_a_confirmed_account_an_outlet_waits(county):
    fund = appropriate(county, "1000")
    make_approved(county, county.o1, "10.00")
    with pytest.raises(Conflict):
        issue(county, fund)
    (waits,) = payment_plan(county.code, fund).waiting
    assert (waits.station, waits.reason) == (county.o1, NO_ACCOUNT)
    give_account(county, county.o1)
    assert len(issue(county, fund)) == 1


@pytest.mark.django_db
def test_the_money_goes_first_come_first_paid(county):
    fund = appropriate(county, "100")
    for station in (county.o1, county.o2, county.o3):
        give_account(county, station)
    make_approved(county, county.o1, "30.00")
    make_approved(county, county.o1, "60.00", month=SEPTEMBER, at=NOW - timedelta(days=30))
    make_approved(county, county.o2, "20.00", at=NOW - timedelta(days=2))  # approved before o1's October
    make_approved(county, county.o3, "5.00", at=NOW + timedelta(hours=1))  # would fit, but its turn comes later
    (batch,) = issue(county, fund)
    assert dict(batch.payments.values_list("station__code", "amount")) == {
        "FD-O1": Decimal("60.00"),
        "FD-O2": Decimal("20.00"),
    }
    plan = payment_plan(county.code, fund)
    assert [(row.station, row.reason, row.amount) for row in plan.waiting] == [
        (county.o1, FUND_SHORT, Decimal("30.00")),
        (county.o3, FUND_SHORT, Decimal("5.00")),
    ]
    assert plan.payments == ()  # 20 are left, the next in turn needs 30
    appropriate(county, "15", document="拨2")
    assert [batch.total_yuan for batch in issue(county, fund)] == [Decimal("35.00")]


@pytest.mark.django_db
def test_a_batch_holds_500_at_most(county, monkeypatch):
    monkeypatch.setattr(payments_module, "BATCH_MAX", 1)
    fund = ready(county)
    batches = issue(county, fund)
    assert [(batch.number, batch.payment_count) for batch in batches] == [(1, 1), (2, 1)]
    assert all(reconciliation(batch, file_sum(batch)).equal for batch in batches)


@pytest.mark.django_db
def test_another_person_releases_it(county):
    (batch,) = issue(county, ready(county))
    with pytest.raises(Refused) as refused:
        send_batch(batch_id=batch.pk, by=county.people["clerk"], at=NOW)
    assert refused.value.code == "same_person"
    sent = send_batch(batch_id=batch.pk, by=county.people["approver"], at=NOW)
    assert (sent.state, sent.sent_by) == (BatchState.SENT, county.people["approver"])
    assert set(sent.payments.values_list("state", flat=True)) == {PaymentState.SENT}
    with pytest.raises(Conflict):
        send_batch(batch_id=batch.pk, by=county.people["approver"], at=NOW)
    with pytest.raises(Conflict):  # it is at the bank
        cancel_batch(batch_id=batch.pk, by=county.people["clerk"], at=NOW)
    assert Transition.objects.filter(entity="batch", entity_id=batch.pk).count() == 1


@pytest.mark.django_db
def test_a_cancelled_batch_gives_everything_back(county):
    fund = ready(county)
    before = fund_money(fund)
    (batch,) = issue(county, fund)
    cancelled = cancel_batch(batch_id=batch.pk, by=county.people["clerk"], at=NOW, reason="算错了")
    check_deferred()
    assert cancelled.state == BatchState.CANCELLED
    assert fund_money(fund) == before
    assert set(Statement.objects.values_list("state", flat=True)) == {StatementState.APPROVED}
    assert not PaymentItem.objects.filter(live=True).exists()
    with pytest.raises(Conflict):
        cancel_batch(batch_id=batch.pk, by=county.people["clerk"], at=NOW)
    (again,) = issue(county, fund)
    assert (again.number, again.total_yuan) == (2, batch.total_yuan)


@pytest.mark.django_db
def test_a_month_without_anything_to_pay_is_closed(county):
    make_approved(county, county.o1, "-1.00")
    make_approved(county, county.o1, "5.00", month=SEPTEMBER)
    assert close_paid_periods(county_code=county.code, at=NOW) == [OCTOBER]
    assert Period.objects.get(month=SEPTEMBER).state == PeriodState.APPROVED


@pytest.mark.django_db
def test_the_neighbours_fund_is_not_ours(county, neighbour):
    fund = ready(county)
    with pytest.raises(KeyError):
        issue_batches(county_code=neighbour.code, fund_id=fund.pk, by=county.people["clerk"], at=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_clerks_at_once_one_gets_the_work(county):
    fund = ready(county)
    clerks = [county.people["clerk"], second_clerk(county)] * 3
    start, done, refused = threading.Barrier(len(clerks)), [], []

    def work(by) -> None:
        try:
            start.wait()
            done.extend(issue_batches(county_code=county.code, fund_id=fund.pk, by=by, at=NOW))
        except Conflict as late:
            refused.append(late.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(by,)) for by in clerks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 5)
    assert PaymentItem.objects.filter(live=True).count() == 2
    assert fund_money(fund).sent == Decimal("257.15")


@pytest.mark.django_db(transaction=True)
def test_release_and_cancel_at_once_one_wins(county):
    (batch,) = issue(county, ready(county))
    start, done = threading.Barrier(2), []

    def work(act, by) -> None:
        try:
            start.wait()
            act(batch_id=batch.pk, by=county.people[by], at=NOW)
            done.append(act.__name__)
        except Conflict:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=pair) for pair in ((send_batch, "approver"), (cancel_batch, "clerk"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = done
    batch.refresh_from_db()
    assert batch.state == {"send_batch": BatchState.SENT, "cancel_batch": BatchState.CANCELLED}[winner]
    assert len(set(batch.payments.values_list("state", flat=True))) == 1


SCRIPT = """
import sys, django
django.setup()
from common import clock
from accounts.models import User
from settlement.services.payments import issue_batches
county, fund, user = sys.argv[1:]
issue_batches(county_code=county, fund_id=int(fund), by=User.objects.get(pk=user), at=clock.now())
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("point", "batches"), [("pay.locked", 0), ("pay.issued", 0), ("pay.committed", 1)])
def test_killed_midway_it_is_all_or_nothing(county, tmp_path, settings, point, batches):
    fund = ready(county)
    (tmp_path / point).touch()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(settings.DATABASE_URL),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CRASH_DIR": str(tmp_path),
    }
    command = [sys.executable, "-c", SCRIPT, county.code, str(fund.pk), str(county.people["clerk"].pk)]
    died = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert died.returncode == -9, died.stderr[-2000:]
    assert PaymentBatch.objects.count() == batches
    assert JournalEntry.objects.filter(kind="payment").count() == 2 * batches
    again = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (again.returncode == 0) is (batches == 0)  # nothing is left to pay where the first had committed
    assert PaymentBatch.objects.count() == 1
    assert PaymentItem.objects.filter(live=True).count() == 2
    assert fund_money(fund).sent == Decimal("257.15")
    assert sum(trial_balance(county.code).values()) == 0


@pytest.mark.django_db
def test_holders_are_masked_to_those_who_only_look(county, sign_in):
    batch = sent(county)
    for page in (f"/settlement/payments/{batch.pk}/", "/settlement/accounts/"):
        assert "王大池" in sign_in("clerk").get(page).content.decode()
        seen = sign_in("auditor").get(page).content.decode()
        assert "王*池" in seen
        assert "王大池" not in seen
        assert NUMBER not in seen


@pytest.mark.django_db
def test_an_outlet_sees_its_own_payments_and_no_batch(county, sign_in):
    batch = sent(county)
    client = sign_in("operator")
    page = client.get("/settlement/payments/").content.decode()
    assert "164.80" in page
    assert "92.35" not in page
    assert client.get(f"/settlement/payments/{batch.pk}/").status_code == 404


@pytest.mark.django_db
def test_the_clerk_makes_a_batch_and_the_approver_releases_it(county, sign_in):
    fund = ready(county)
    assert "257.15" in sign_in("clerk").get("/settlement/payments/").content.decode()
    for who in ("approver", "officer", "operator"):
        assert sign_in(who).post("/settlement/payments/issue/", {"fund": fund.pk}).status_code == 403
    for nonsense in ("", "x", "9" * 30, "0"):
        assert sign_in("clerk").post("/settlement/payments/issue/", {"fund": nonsense}).status_code == 404
    assert sign_in("clerk").post("/settlement/payments/issue/", {"fund": fund.pk}).status_code == 302
    assert sign_in("clerk").post("/settlement/payments/issue/", {"fund": fund.pk}).status_code == 409
    batch = PaymentBatch.objects.get()
    page = f"/settlement/payments/{batch.pk}/"
    assert sign_in("clerk").post(page + "send/").status_code == 403
    assert sign_in("clerk").post(page + "cancel/", {"reason": ""}).status_code == 422
    assert sign_in("approver").post(page + "send/").status_code == 302
    assert sign_in("clerk").post(page + "cancel/", {"reason": "错"}).status_code == 409


@pytest.mark.django_db
def test_the_neighbour_sees_neither_batch_nor_payment(county, neighbour, sign_in):
    batch = sent(county)
    client = sign_in(neighbour.people["officer"])
    assert client.get(f"/settlement/payments/{batch.pk}/").status_code == 404
    assert "257.15" not in client.get("/settlement/payments/").content.decode()
