"""What can be paid now and what waits, which account counts, and whether file, payments, statements and books agree."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from settlement.models import (
    Fund,
    OutletAccount,
    Payment,
    PaymentBatch,
    PaymentItem,
    Posting,
    Statement,
)
from settlement.queries.books import FundMoney, fund_money
from settlement.states import Account, PaymentState, StatementState
from stations.models import Station
from stations.states import IN_SERVICE, StationLevel

CHANGED_DAYS = 30  # so long a changed account is pointed out to everybody

NO_ACCOUNT, NOT_POSITIVE, FUND_SHORT = "no_account", "not_positive", "fund_short"
WAITING_WORDS = {
    NO_ACCOUNT: _("No confirmed bank account"),
    NOT_POSITIVE: _("Owes as much as it is owed: set off against later months"),
    FUND_SHORT: _("The money in the fund is not enough: waits for the next appropriation"),
}


@dataclass(frozen=True)
class PlannedPayment:
    """What an outlet would get now, yuan with 2 places."""

    station: Station
    account: OutletAccount
    statements: tuple[Statement, ...]

    @property
    def amount(self) -> Decimal:
        return _sum(self.statements)


@dataclass(frozen=True)
class Waiting:
    """What an outlet doesn't get now, and the reason's code."""

    station: Station
    statements: tuple[Statement, ...]
    reason: str

    @property
    def amount(self) -> Decimal:
        return _sum(self.statements)

    @property
    def words(self) -> object:
        return WAITING_WORDS[self.reason]


@dataclass(frozen=True)
class PaymentPlan:
    """Payments by station code, what waits, and the fund's money in yuan: `payable_now` is what lies in the treasury
    and isn't at the bank already."""

    money: FundMoney
    payments: tuple[PlannedPayment, ...]
    waiting: tuple[Waiting, ...]

    @property
    def total(self) -> Decimal:
        return sum((payment.amount for payment in self.payments), Decimal(0))

    @property
    def waiting_total(self) -> Decimal:
        return sum((row.amount for row in self.waiting), Decimal(0))


@dataclass
class _Unit:
    """Statements that go together: an outlet's next positive one, with whatever is to be set off before it."""

    key: tuple[object, ...]
    station_id: int
    statements: list[Statement] = field(default_factory=list)


def _sum(statements: Iterable[Statement]) -> Decimal:
    return sum((statement.payable_yuan for statement in statements), Decimal(0))


def unpaid_statements(county_code: str, fund_id: int) -> QuerySet[Statement]:
    """Approved or failed, and in no live payment; by outlet, oldest first."""
    live = PaymentItem.objects.filter(statement=OuterRef("pk"), live=True)
    return (
        Statement.objects.filter(
            ~Exists(live),
            county_code=county_code,
            fund=fund_id,
            state__in=[StatementState.APPROVED, StatementState.FAILED],
        )
        .select_related("station")
        .order_by("station__code", "period", "pk")
    )


def spendable(money: FundMoney) -> Decimal:
    """Yuan that a new payment may draw on: what lies in the treasury less what the bank has been told to pay. What is
    approved and not yet sent (payable) is just what we are about to pay, so it takes nothing away here."""
    return money.treasury - money.sent


def payment_plan(county_code: str, fund: Fund) -> PaymentPlan:
    """Whom a new batch would pay. An outlet's statements are netted; the money goes first come, first paid: by month,
    approval and station code, and stops at the first that it doesn't cover. Hold the fund's lock to act on it."""
    money = fund_money(fund)
    by_station: dict[int, list[Statement]] = defaultdict(list)
    for statement in unpaid_statements(county_code, fund.pk):
        by_station[statement.station_id].append(statement)
    stations = {rows[0].station_id: rows[0].station for rows in by_station.values()}
    accounts = current_accounts(county_code)
    waiting: list[Waiting] = []
    units: list[_Unit] = []
    for station_id, rows in by_station.items():
        total = _sum(rows)
        if total <= 0:
            if any(row.payable_yuan for row in rows):
                waiting.append(Waiting(stations[station_id], tuple(rows), NOT_POSITIVE))
        elif station_id not in accounts:
            waiting.append(Waiting(stations[station_id], tuple(rows), NO_ACCOUNT))
        else:
            units += _units(stations[station_id], rows)
    left = spendable(money)
    taken: dict[int, list[Statement]] = defaultdict(list)
    short: dict[int, list[Statement]] = defaultdict(list)
    dry = False
    for unit in sorted(units, key=lambda unit: unit.key):
        amount = _sum(unit.statements)
        dry = dry or amount > left
        (short if dry else taken)[unit.station_id] += unit.statements
        left -= Decimal(0) if dry else amount
    waiting += [Waiting(stations[pk], tuple(rows), FUND_SHORT) for pk, rows in short.items()]
    return PaymentPlan(
        money=money,
        payments=tuple(
            PlannedPayment(stations[pk], accounts[pk], tuple(rows))
            for pk, rows in sorted(taken.items(), key=lambda item: stations[item[0]].code)
        ),
        waiting=tuple(sorted(waiting, key=lambda row: (row.reason, row.station.code))),
    )


def _units(station: Station, rows: list[Statement]) -> list[_Unit]:
    """An outlet's queue places: whatever it owes goes with its first positive statements, as many as cover it."""
    first = _Unit((), station.pk, [row for row in rows if row.payable_yuan <= 0])
    units = [first]
    for row in rows:
        if row.payable_yuan <= 0:
            continue
        if first.key and _sum(first.statements) > 0:
            units.append(_Unit((), station.pk))
        units[-1].statements.append(row)
        units[-1].key = (row.period, row.approved_at or row.computed_at, station.code)
    return units


# --- accounts ----------------------------------------------------------------------------------------------


def account_holders(stations: QuerySet[Station]) -> QuerySet[Station]:
    """Of these stations those that have an account: outlets in service, and whoever else is owed money (an outlet that
    closed, a centre with an award, a hub with a grant)."""
    owed = Statement.objects.filter(station=OuterRef("pk"), payable_yuan__gt=0).exclude(state=StatementState.PAID)
    return stations.filter(Q(level=StationLevel.OUTLET, state__in=IN_SERVICE) | Exists(owed))


def current_accounts(county_code: str) -> dict[int, OutletAccount]:
    """The account that counts, by station: the newest confirmed one."""
    rows = OutletAccount.objects.filter(county_code=county_code, confirmed_at__isnull=False)
    return {row.station_id: row for row in rows.order_by("station", "-pk").distinct("station")}


def pending_accounts(rows: QuerySet[OutletAccount]) -> list[OutletAccount]:
    """Of these accounts, the newest of each station where nobody has confirmed it yet."""
    newest = rows.select_related("station", "entered_by").order_by("station", "-pk").distinct("station")
    return sorted((row for row in newest if row.confirmed_at is None), key=lambda row: row.station.code)


def changed_accounts(county_code: str, at: datetime) -> dict[int, OutletAccount]:
    """By station, accounts confirmed in the last 30 days in place of another."""
    recent = [
        account
        for account in current_accounts(county_code).values()
        if account.confirmed_at and account.confirmed_at > at - timedelta(days=CHANGED_DAYS)
    ]
    earlier = (
        OutletAccount.objects.filter(station__in=[row.station_id for row in recent], confirmed_at__isnull=False)
        .exclude(pk__in=[row.pk for row in recent])
        .values_list("station", flat=True)
    )
    before = set(earlier)
    return {account.station_id: account for account in recent if account.station_id in before}


def changed_since(payments: Iterable[Payment], county_code: str) -> set[int]:
    """Ids of payments whose outlet has another account by now than the one that was paid to."""
    accounts = current_accounts(county_code)
    return {
        payment.pk
        for payment in payments
        if (now := accounts.get(payment.station_id)) and now.number != payment.account_number
    }


def same_number(pending: Iterable[OutletAccount], county_code: str) -> dict[int, list[Station]]:
    """By pending account, other outlets whose account in force has the same number."""
    in_force = OutletAccount.objects.filter(
        pk__in=[row.pk for row in current_accounts(county_code).values()]
    ).select_related("station")
    by_tail: dict[str, list[OutletAccount]] = defaultdict(list)
    for account in in_force:
        by_tail[account.tail].append(account)
    return {
        row.pk: [
            other.station
            for other in by_tail[row.tail]
            if other.station_id != row.station_id and other.number == row.number
        ]
        for row in pending
    }


# --- batches -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reconciliation:
    """One batch counted four times, yuan: out of the file, the payments, their statements and the ledger."""

    file: Decimal
    payments: Decimal
    statements: Decimal
    ledger: Decimal

    @property
    def equal(self) -> bool:
        return self.file == self.payments == self.statements == self.ledger


def reconciliation(batch: PaymentBatch, file_sum: Decimal) -> Reconciliation:
    """Three queries that share nothing, beside the sum read back from the bank file."""
    zero = Decimal(0)
    payments = Payment.objects.filter(batch=batch)
    keys = [f"payment:{pk}" for pk in payments.values_list("pk", flat=True)]
    return Reconciliation(
        file=file_sum,
        payments=payments.aggregate(yuan=Coalesce(Sum("amount"), zero))["yuan"],
        statements=Statement.objects.filter(payment_items__payment__batch=batch).aggregate(
            yuan=Coalesce(Sum("payable_yuan"), zero)
        )["yuan"],
        ledger=-Posting.objects.filter(
            county_code=batch.county_code, account=Account.SENT, entry__source_key__in=keys
        ).aggregate(yuan=Coalesce(Sum("amount"), zero))["yuan"],
    )


def with_results(batches: QuerySet[PaymentBatch]) -> QuerySet[PaymentBatch]:
    """Newest first, each with paid_count, failed_count and paid_yuan."""
    paid = Q(payments__state=PaymentState.PAID)
    return (
        batches.select_related("fund", "created_by", "sent_by")
        .annotate(
            paid_count=Count("payments", filter=paid),
            failed_count=Count("payments", filter=Q(payments__state=PaymentState.FAILED)),
            paid_yuan=Coalesce(Sum("payments__amount", filter=paid), Decimal(0)),
        )
        .order_by("-created_at", "-pk")
    )


def payments_of(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    """With their outlet, by number."""
    return payments.select_related("station", "batch").order_by("-batch__created_at", "number")
