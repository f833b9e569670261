"""Funds: opened once, filled by documents up to the budget, each figure out of the books."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry
from common.errors import Conflict
from settlement.models import Appropriation, Fund, JournalEntry, Posting
from settlement.queries.books import fund_money, trial_balance
from settlement.services import appropriate, settle
from tests.conftest import NOW
from tests.settlement.people import make_fund, make_policy
from tests.settlement.test_settle import deliver

FUND = {
    "name": "快递下乡资金",
    "number": "丰财〔2026〕3号",
    "source": "省级转移支付",
    "budget": "5000",
    "shortfall": "queue",
}
MONEY = {"document": "拨1号", "amount": "3000.50", "received_on": "2026-11-01"}


def give(county, fund: Fund, document: str, amount: str) -> Appropriation:
    return appropriate(
        fund_id=fund.pk,
        document=document,
        amount=Decimal(amount),
        received_on=date(2026, 11, 1),
        by=county.people["clerk"],
        at=NOW,
    )


@pytest.mark.django_db
def test_a_fund_is_opened_and_filled(county, sign_in):
    clerk = sign_in("clerk")
    assert clerk.post(reverse("settlement:fund-new"), FUND).status_code == 302
    fund = Fund.objects.get()
    answer = clerk.post(reverse("settlement:fund-appropriate", args=[fund.pk]), MONEY)
    assert answer.status_code == 302
    money = fund_money(fund)
    assert (money.budget, money.received, money.treasury) == (Decimal(5000), Decimal("3000.50"), Decimal("3000.50"))
    assert sum(trial_balance(county.code).values()) == 0
    page = clerk.get(reverse("settlement:fund", args=[fund.pk])).content.decode()
    assert "拨1号" in page
    assert "60.0 %" in page


@pytest.mark.django_db
def test_above_the_budget_is_refused_with_the_figures(county, sign_in):
    fund = make_fund(county, budget=Decimal(4000))
    give(county, fund, "拨1号", "3000.50")
    answer = sign_in("clerk").post(
        reverse("settlement:fund-appropriate", args=[fund.pk]), {**MONEY, "document": "拨2号", "amount": "999.51"}
    )
    assert answer.status_code == 409
    assert "预算 4,000.00 元，已到账 3,000.50 元，最多还可入账 999.50 元" in answer.content.decode()
    assert Appropriation.objects.count() == 1
    assert give(county, fund, "拨2号", "999.50")


@pytest.mark.django_db
def test_a_budget_changes_with_a_reason_but_not_below_what_was_received(county, sign_in):
    fund = make_fund(county, budget=Decimal(100))
    give(county, fund, "拨1号", "80")
    clerk, address = sign_in("clerk"), reverse("settlement:fund-budget", args=[fund.pk])
    assert clerk.get(address).status_code == 200
    answer = clerk.post(address, {"budget": "79.99", "reason": "压减"})
    assert answer.status_code == 409
    assert "80.00 元" in answer.content.decode()
    for bad in ({"budget": "NaN", "reason": "追加"}, {"budget": "200", "reason": ""}):
        assert clerk.post(address, bad).status_code == 422
    assert sign_in("approver").post(address, {"budget": "200", "reason": "追加"}).status_code == 403
    assert clerk.post(address, {"budget": "200", "reason": "追加"}).status_code == 302
    fund.refresh_from_db()
    assert fund.budget == Decimal(200)
    assert AuditEntry.objects.get(action="fund.changed").before == {"budget": "100.00"}


@pytest.mark.django_db
def test_a_document_is_entered_once(county, sign_in):
    fund = make_fund(county)
    give(county, fund, "拨1号", "10")
    answer = sign_in("clerk").post(reverse("settlement:fund-appropriate", args=[fund.pk]), MONEY)
    assert answer.status_code == 409
    assert "已经登记过" in answer.content.decode()
    assert (Appropriation.objects.count(), JournalEntry.objects.count(), Posting.objects.count()) == (1, 1, 2)


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_stay_below_the_budget(county):
    fund = make_fund(county, budget=Decimal(1000))
    gate, answers = threading.Barrier(2), []

    def enter(document: str) -> None:
        gate.wait()
        try:
            give(county, fund, document, "600")
            answers.append("in")
        except Conflict as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=enter, args=[document]) for document in ("甲", "乙")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["appropriation_above_budget", "in"]
    assert fund_money(fund).received == Decimal(600)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "0"),
        ("amount", "-5"),
        ("amount", "NaN"),
        ("amount", "Infinity"),
        ("amount", "1e3"),
        ("amount", "1,000"),
        ("amount", "0.001"),
        ("amount", "9" * 60),
        ("received_on", "2026-02-30"),
        ("received_on", "2099-01-01"),
        ("received_on", "0001-01-01"),
        ("document", ""),
        ("document", "\u200b"),
        ("document", "号" * 51),
        ("document", "a\x00"),
    ],
)
def test_a_bad_appropriation_is_refused(county, sign_in, field, value):
    fund = make_fund(county)
    answer = sign_in("clerk").post(reverse("settlement:fund-appropriate", args=[fund.pk]), {**MONEY, field: value})
    assert answer.status_code == 422
    assert not Appropriation.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [("budget", "0"), ("budget", "NaN"), ("budget", "1e9"), ("budget", "1000000000.01"), ("shortfall", "moon"),
     ("number", ""), ("name", "名" * 121)],
)  # fmt: skip
def test_a_bad_fund_is_refused(county, sign_in, field, value):
    assert sign_in("clerk").post(reverse("settlement:fund-new"), {**FUND, field: value}).status_code == 422
    assert not Fund.objects.exists()


@pytest.mark.django_db
def test_a_fund_number_is_used_once(county, sign_in):
    make_fund(county, number=FUND["number"])
    assert sign_in("clerk").post(reverse("settlement:fund-new"), FUND).status_code == 422
    assert Fund.objects.count() == 1


@pytest.mark.django_db
def test_more_promised_than_there_is_money_for_is_told(county, sign_in):
    make_policy(county)
    deliver(county, "73190553102501")
    settle(at=NOW, county_code=county.code)
    fund = Fund.objects.get()
    answer = sign_in("auditor").get(reverse("settlement:fund", args=[fund.pk]))
    assert answer.context["short_by"] == Decimal("0.30")
    assert "应付 ¥0.30" in answer.content.decode()
    assert answer.context["form"] is None
    give(county, fund, "拨1号", "1")
    assert "还差" not in sign_in("clerk").get(reverse("settlement:fund", args=[fund.pk])).content.decode()


@pytest.mark.django_db
def test_the_wrong_role_and_the_neighbour(county, neighbour, sign_in):
    fund = make_fund(county)
    address = reverse("settlement:fund-appropriate", args=[fund.pk])
    for who in ("operator", "township", "officer", "approver", "auditor", "support"):
        assert sign_in(who).post(address, MONEY).status_code == 403
        assert sign_in(who).get(reverse("settlement:fund-new")).status_code == 403
    stranger = sign_in(neighbour.people["officer"])
    assert stranger.get(reverse("settlement:fund", args=[fund.pk])).status_code == 404
    assert fund.name not in stranger.get(reverse("settlement:funds")).content.decode()
    assert not Appropriation.objects.exists()
