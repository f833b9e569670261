"""A county's money, driven at random: accrue, reverse, re-rate, freeze, approve, pay, replay, in any order, against a
model of some sixty lines; after each step the books are looked at.

The model knows nothing of SQL, turns or journal entries: a delivery is worth what the policy of its day says, a month
that is frozen takes nothing more, and what comes too late goes to the next open one.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common import clock, money
from settlement.models import Cursor, Line, Posting, Statement
from settlement.queries.books import stated_lines, trial_balance
from settlement.services import activate_policy, settle
from settlement.services.payments import issue_batches, send_batch
from settlement.services.periods import approve_period, compute_period, freeze_period, publicise_period, review_period
from settlement.services.recompute import recompute
from settlement.services.results import read_results
from settlement.services.statements import check_statements, confirm_statement
from settlement.states import Account
from tests.conftest import NOW, County
from tests.settlement.money import answer, appropriate, give_account
from tests.settlement.people import make_draft, make_policy
from tests.settlement.test_settle import correct, deliver

MONTHS = [date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)]
RATES = ["0.30", "0.35", "0.42", "0.50"]


@dataclass
class Delivery:
    """One parcel: when it was handed over, and what the books say of it by now."""

    at: datetime
    scan: str
    voided: bool = False
    paid: tuple[Decimal, date] | None = None  # what stands, and the month it went to


@dataclass
class Model:
    """What the money should be."""

    rates: list[tuple[date, Decimal]] = field(default_factory=list)  # from a day on, by day
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    months: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))  # Σ of a month's lines
    closed: set[date] = field(default_factory=set)
    approved: dict[date, Decimal] = field(default_factory=dict)
    paid: Decimal = Decimal(0)

    def rate(self, day: date) -> Decimal:
        return max((pair for pair in self.rates if pair[0] <= day), key=lambda pair: pair[0])[1]

    def open_month(self, month: date) -> date:
        while month in self.closed:
            month = clock.next_month(month)
        return month

    def settle(self) -> None:
        for parcel in self.deliveries.values():
            due = None if parcel.voided else self.rate(clock.business_date(parcel.at))
            if parcel.paid and parcel.paid[0] == due:
                continue
            month = clock.month_of(parcel.at)
            if parcel.paid:
                self.months[self.open_month(parcel.paid[1])] -= parcel.paid[0]
                parcel.paid = None
            if due is not None:
                goes_to = self.open_month(month)
                self.months[goes_to] += due
                parcel.paid = (due, goes_to)


class Money(RuleBasedStateMachine):
    county: County  # set by the test: Hypothesis makes the machines itself

    def __init__(self) -> None:
        super().__init__()
        self.atom = transaction.atomic()
        self.atom.__enter__()
        self.model = Model()
        self.number = 0
        self.replayed = False

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atom.__exit__(None, None, None)

    @property
    def people(self) -> dict:
        return self.county.people

    @initialize()
    def a_county_with_a_policy(self) -> None:
        self.county.__dict__.pop("handheld", None)
        policy = make_policy(self.county, hill="1", mountain="1")
        self.fund = policy.fund
        self.model.rates.append((policy.valid_from, policy.rate_delivery))
        appropriate(self.county, "500.00", fund=self.fund)
        give_account(self.county, self.county.o1)
        for month in MONTHS:
            for day in (3, 20):
                self.deliver(datetime(month.year, month.month, day, 4, tzinfo=UTC))
        self.settle_now()

    def deliver(self, at: datetime) -> None:
        self.number += 1
        waybill = f"7319055310{self.number:04}"
        self.model.deliveries[waybill] = Delivery(at, deliver(self.county, waybill, at=at))

    def settle_now(self) -> None:
        settle(at=NOW, county_code=self.county.code)
        self.model.settle()
        self.replayed = False

    @rule(day=st.integers(1, 28), month=st.sampled_from(MONTHS), hour=st.integers(0, 23))
    def accrue(self, day: int, month: date, hour: int) -> None:
        self.deliver(datetime(month.year, month.month, day, hour, tzinfo=UTC))
        self.settle_now()

    @precondition(lambda self: any(not parcel.voided for parcel in self.model.deliveries.values()))
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        standing = sorted(name for name, parcel in self.model.deliveries.items() if not parcel.voided)
        parcel = self.model.deliveries[data.draw(st.sampled_from(standing))]
        correct(self.county, parcel.scan, NOW)
        parcel.voided = True
        self.settle_now()

    @precondition(lambda self: len(self.model.rates) < 3)
    @rule(day=st.integers(2, 27), month=st.sampled_from(MONTHS), rate=st.sampled_from(RATES))
    def re_rate(self, day: int, month: date, rate: str) -> None:
        """A new policy in mid-month; settlement reads everything again."""
        first = month.replace(day=day)
        if first <= max(pair[0] for pair in self.model.rates):
            return
        draft = make_draft(
            self.county,
            number=f"政策{len(self.model.rates) + 1}",
            valid_from=first,
            rate_delivery=Decimal(rate),
            hill="1",
            mountain="1",
        )
        activate_policy(policy_id=draft.pk, by=self.people["approver"], at=NOW)
        self.model.rates.append((first, Decimal(rate)))
        self.settle_now()

    @precondition(lambda self: not self.replayed)
    @rule()
    def replay(self) -> None:
        """Reading everything again gives nothing new."""
        Cursor.objects.update(upto=0)
        before = Line.objects.count()
        self.settle_now()
        assert Line.objects.count() == before
        self.replayed = True

    @precondition(lambda self: len(self.model.closed) < len(MONTHS))
    @rule()
    def freeze(self) -> None:
        month = MONTHS[len(self.model.closed)]
        for step in (freeze_period, compute_period, compute_period):  # computing twice is computing once
            step(county_code=self.county.code, month=month, by=self.people["clerk"], at=NOW)
        self.model.settle()
        self.model.closed.add(month)

    @precondition(lambda self: self.model.closed - set(self.model.approved))
    @rule()
    def approve(self) -> None:
        month = min(self.model.closed - set(self.model.approved))
        code = self.county.code
        rows = Statement.objects.filter(county_code=code, period=month)
        for row in rows:
            confirm_statement(statement_id=row.pk, by=self.people["operator"], at=NOW)
        check_statements(ids=[row.pk for row in rows], by=self.people["township"], at=NOW)
        review_period(county_code=code, month=month, by=self.people["officer"], at=NOW)
        publicise_period(county_code=code, month=month, by=self.people["clerk"], at=NOW)
        approve_period(county_code=code, month=month, by=self.people["approver"], at=NOW + timedelta(days=15))
        self.model.approved[month] = money.statement_yuan(self.model.months[month])

    @precondition(lambda self: sum(self.model.approved.values()) > self.model.paid)
    @rule(works=st.booleans())
    def pay(self, works: bool) -> None:
        """To the bank and back; what comes back goes with the next batch."""
        due = sum(self.model.approved.values()) - self.model.paid
        clerk, at = self.people["clerk"], NOW + timedelta(days=15)
        (batch,) = issue_batches(county_code=self.county.code, fund_id=self.fund.pk, by=clerk, at=at)
        send_batch(batch_id=batch.pk, by=self.people["approver"], at=at)
        (payment,) = batch.payments.all()
        assert payment.amount == due
        result = ("成功", "") if works else ("失败", "户名不符")
        for _time in range(2):  # the same answer twice is the same answer
            read_results(batch_id=batch.pk, file=answer((payment.number, due, *result)), by=clerk, at=at)
        if works:
            self.model.paid += due

    @invariant()
    def the_books_are_right(self) -> None:
        with connection.cursor() as cursor:  # every entry balances, now and not only when the test ends
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        code = self.county.code
        assert sum(trial_balance(code).values(), Decimal(0)) == 0
        for month in {*self.model.months, *MONTHS}:
            lines = Line.objects.filter(county_code=code, period=month).aggregate(yuan=Sum("amount"))["yuan"]
            assert (lines or 0) == self.model.months[month], month
            accrued = Posting.objects.filter(county_code=code, account=Account.ACCRUED, period=month)
            left = -(accrued.aggregate(yuan=Sum("amount"))["yuan"] or 0)
            assert left == (0 if month in self.model.approved else self.model.months[month]), month
        assert (
            -trial_balance(code).get(Account.PAYABLE, Decimal(0)) == sum(self.model.approved.values()) - self.model.paid
        )
        assert trial_balance(code).get(Account.SENT, Decimal(0)) == 0

    @invariant()
    def what_is_frozen_stays(self) -> None:
        for row in Statement.objects.filter(county_code=self.county.code):
            assert row.lines_yuan == stated_lines(self.county.code, row.period).aggregate(yuan=Sum("amount"))["yuan"]

    @invariant()
    def the_scans_give_what_stands(self) -> None:
        found = recompute(county_code=self.county.code)
        assert (found.lines, found.yuan) == (0, 0)


@pytest.mark.django_db
def test_the_money_follows_the_model(county):
    machine = type("MoneyOfThisCounty", (Money,), {"county": county})
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None,
            derandomize=True,
            max_examples=6,
            stateful_step_count=25,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
