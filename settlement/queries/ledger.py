"""The ledger as people read it: postings with their running sum, the trial balance, what the nightly check found.

A county's people see every posting; a township and an outlet see those that name their outlets: their own accounts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from common import clock
from settlement.models import BookCheck, Fund, JournalEntry, Line, Posting
from settlement.states import Account
from stations.models import Station
from stations.scope import scope_of

ZERO = Decimal(0)

# the words before the colon of an entry's source key
KINDS = {
    "opening": gettext_lazy("Opening balance"),
    "settle": gettext_lazy("Lines out of scans"),
    "decision": gettext_lazy("A line decided by a person"),
    "adjust": gettext_lazy("Adjustment"),
    "statement": gettext_lazy("Statement approved"),
    "payment": gettext_lazy("Payment issued"),
    "paid": gettext_lazy("Paid by the bank"),
    "failed": gettext_lazy("Payment failed or cancelled"),
    "appropriation": gettext_lazy("Money received"),
}

WITH_LINES = ("opening", "settle", "decision")  # kinds whose accruals stand for lines


def kind_label(kind: str) -> str:
    """An entry's kind in words."""
    return str(KINDS.get(kind, kind))


def postings(user: User) -> QuerySet[Posting]:
    """The postings a user may read."""
    return scope_of(user, "settlement.read").filter_by_station(Posting.objects.all(), "station_id", "county_code")


@dataclass(frozen=True)
class Narrowed:
    """What a ledger page is narrowed to; empty: not at all."""

    account: str = ""
    station_id: int | None = None
    booked: date | None = None  # the month an entry was made in
    period: date | None = None  # the month it is for
    kind: str = ""

    def of(self, rows: QuerySet[Posting]) -> QuerySet[Posting]:
        """The postings left."""
        if self.account:
            rows = rows.filter(account=self.account)
        if self.station_id:
            rows = rows.filter(station_id=self.station_id)
        if self.booked:
            start, end = clock.month_span(self.booked)
            rows = rows.filter(entry__at__gte=start, entry__at__lt=end)
        if self.period:
            rows = rows.filter(period=self.period)
        return rows.filter(entry__kind=self.kind) if self.kind else rows


@dataclass(frozen=True)
class PostingRow:
    """A posting and the sum of all postings up to it, of those the page is narrowed to."""

    posting: Posting
    balance: Decimal

    @property
    def debit(self) -> Decimal | None:
        return self.posting.amount if self.posting.amount > 0 else None

    @property
    def credit(self) -> Decimal | None:
        return -self.posting.amount if self.posting.amount < 0 else None

    @property
    def kind(self) -> str:
        return kind_label(self.posting.entry.kind)


def with_balance(rows: Sequence[Posting], everything: QuerySet[Posting]) -> list[PostingRow]:
    """A page of `everything`, newest first, each with the balance after it: one sum for what lies before."""
    if not rows:
        return []
    older = everything.order_by().filter(pk__lt=rows[-1].pk).aggregate(yuan=Sum("amount"))["yuan"]
    balance = older or ZERO
    found = []
    for posting in reversed(rows):
        balance += posting.amount
        found.append(PostingRow(posting, balance))
    return found[::-1]


@dataclass(frozen=True)
class BookTotals:
    """Debit and credit of what the page is narrowed to, yuan."""

    count: int
    debit: Decimal
    credit: Decimal

    @property
    def balance(self) -> Decimal:
        return self.debit - self.credit


def book_totals(rows: QuerySet[Posting]) -> BookTotals:
    """In one query."""
    found = rows.order_by().aggregate(
        count=Count("id"), debit=Sum("amount", filter=Q(amount__gt=0)), credit=Sum("amount", filter=Q(amount__lt=0))
    )
    return BookTotals(found["count"], found["debit"] or ZERO, -(found["credit"] or ZERO))


@dataclass(frozen=True)
class BalanceRow:
    """An account of the trial balance: by fund, and together."""

    account: str
    by_fund: Sequence[Decimal]
    total: Decimal

    @property
    def label(self) -> str:
        return str(Account(self.account).label)


@dataclass(frozen=True)
class TrialBalance:
    """Every account of a county by fund; `rest` is what doesn't balance, 0 in each fund."""

    funds: Sequence[Fund]
    rows: Sequence[BalanceRow]
    rest: Sequence[Decimal]

    @property
    def balances(self) -> bool:
        return not any(self.rest)


def trial_balances(user: User) -> list[tuple[str, TrialBalance]]:
    """(county, trial balance) of the counties whose every posting the user sees."""
    found = []
    for county in scope_of(user, "settlement.read").county_codes:
        funds = list(Fund.objects.filter(county_code=county).order_by("number"))
        sums: dict[tuple[str, int], Decimal] = {
            (account, fund): yuan
            for account, fund, yuan in Posting.objects.filter(county_code=county)
            .order_by()
            .values_list("account", "fund_id")
            .annotate(yuan=Sum("amount"))
        }
        rows = []
        for account in Account:
            by_fund = [sums.get((account.value, fund.pk), ZERO) for fund in funds]
            if any(by_fund):
                rows.append(BalanceRow(account.value, by_fund, sum(by_fund, ZERO)))
        rest = [sum((row.by_fund[number] for row in rows), ZERO) for number in range(len(funds))]
        found.append((county, TrialBalance(funds, rows, rest)))
    return found


def lines_of_posting(user: User, posting: Posting) -> QuerySet[Line]:
    """The lines an accrual posting stands for: those its entry wrote, of its outlet and month; by line_by_statement."""
    assert posting.period is not None, "an accrual is for a month"
    return (
        Line.objects.visible_to(user)
        .filter(
            county_code=posting.county_code,
            period=posting.period,
            station=posting.station_id,
            entry=posting.entry_id,
            policy__fund=posting.fund_id,
        )
        .order_by("effective_at", "parcel_id", "service", "turn")
    )


def entries(user: User) -> QuerySet[JournalEntry]:
    """Entries with a posting the user may read."""
    return JournalEntry.objects.filter(pk__in=postings(user).order_by().values("entry_id"))


def newest_checks(user: User) -> list[BookCheck]:
    """The last nightly check of each county whose books the user sees whole."""
    counties = scope_of(user, "settlement.read").county_codes
    return list(
        BookCheck.objects.filter(county_code__in=counties).order_by("county_code", "-at").distinct("county_code")
    )


def finding_sentences(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a check found, each as a sentence with its two sums."""
    rows = list(found)
    names = dict(Station.objects.filter(pk__in={row["station_id"] for row in rows}).values_list("pk", "name"))
    return [_said(row, names.get(row["station_id"], "")) for row in rows]


def _said(row: Mapping[str, Any], outlet: str) -> str:
    month = str(row["month"] or "")[:7]
    values = {"outlet": outlet, "month": month, "number": row["number"], "a": row["expected"], "b": row["found"]}
    sentences = {
        "unbalanced": _("The postings of a fund add up to %(b)s yuan instead of 0."),
        "accrued": _("%(outlet)s, %(month)s: lines and adjustments make %(a)s yuan, the ledger says %(b)s."),
        "statement": _("%(outlet)s, %(month)s: the statement says %(b)s yuan, its lines and adjustments make %(a)s."),
        "approved": _("%(outlet)s, %(month)s: %(a)s yuan approved, %(b)s in the ledger."),
        "payment": _("%(outlet)s: payment %(number)s is %(b)s yuan, its statements make %(a)s."),
        "overpaid": _("%(outlet)s: %(b)s yuan paid, %(a)s approved."),
    }
    return sentences[row["code"]] % values
