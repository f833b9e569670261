"""What the ledger says: a fund's money, what an outlet is owed, which lines a month's statement takes up."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from common import clock
from settlement.models import Fund, Line, Period, Posting
from settlement.states import Account, PeriodState


@dataclass(frozen=True)
class FundMoney:
    """A fund in yuan. received = appropriated so far; committed = accrued and approved, not yet paid; sent = at the
    bank; owing = what outlets owe that got too much (it lies in no treasury); available = what may still be approved:
    treasury less sent and what outlets are owed."""

    budget: Decimal
    received: Decimal
    treasury: Decimal
    accrued: Decimal
    payable: Decimal
    sent: Decimal
    owing: Decimal

    @property
    def paid(self) -> Decimal:
        return self.received - self.treasury

    @property
    def committed(self) -> Decimal:
        return self.accrued + self.payable + self.sent

    @property
    def available(self) -> Decimal:
        return self.treasury - (self.payable + self.owing) - self.sent


def fund_money(fund: Fund) -> FundMoney:
    """A fund's balances, by posting_by_account."""
    rows = Posting.objects.filter(county_code=fund.county_code, fund=fund)
    sums: dict[str, Decimal] = dict(rows.order_by().values_list("account").annotate(yuan=Sum("amount")))

    owed = rows.filter(account=Account.PAYABLE).order_by().values("station").annotate(yuan=Sum("amount"))

    def of(account: Account) -> Decimal:
        return sums.get(account, Decimal(0))

    return FundMoney(
        budget=fund.budget,
        received=-of(Account.APPROPRIATION),
        treasury=of(Account.TREASURY),
        accrued=-of(Account.ACCRUED),
        payable=-of(Account.PAYABLE),
        sent=-of(Account.SENT),
        owing=sum((row["yuan"] for row in owed.filter(yuan__gt=0)), Decimal(0)),
    )


def trial_balance(county_code: str) -> dict[str, Decimal]:
    """Every account's sum over a county's funds, debit positive; they add up to 0."""
    rows = Posting.objects.filter(county_code=county_code).order_by()
    return dict(rows.values_list("account").annotate(yuan=Sum("amount")))


def stated_lines(county_code: str, month: date) -> QuerySet[Line]:
    """The lines a month's statements take up: the month's own that were never held, and those whose hold was closed
    into this month."""
    return Line.objects.filter(
        Q(period=month, hold__isnull=True) | Q(hold__stated_in=month),
        county_code=county_code,
    )


def next_open_month(county_code: str, month: date) -> date:
    """The month itself if it is open, else the first later one that is: where late lines and reversals go. Hold the
    county's cursor row (services.settle.lock_county) if what you write must not meet a freeze."""
    closed = set(
        Period.objects.filter(county_code=county_code, month__gte=month)
        .exclude(state=PeriodState.OPEN)
        .values_list("month", flat=True)
    )
    while month in closed:
        month = clock.next_month(month)
    return month
