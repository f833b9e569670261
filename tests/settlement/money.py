"""Approved statements, money in the fund and confirmed accounts, without the months that lead there."""

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from accounts.models import User
from accounts.roles import Role
from common import money
from settlement.models import Fund, OutletAccount, PaymentBatch, Period, Statement
from settlement.services.accounts import confirm_account, enter_account
from settlement.services.books import Leg, move, post
from settlement.services.payments import issue_batches, send_batch
from settlement.states import Account, PeriodState, StatementState
from stations.models import Station
from tests.conftest import NOW, County, make_member
from tests.settlement.people import make_fund

OCTOBER, SEPTEMBER = date(2026, 10, 1), date(2026, 9, 1)
ROOT = Path(__file__).parents[2]
NUMBER = "6217003810012345678"


def appropriate(county: County, yuan: str, *, fund: Fund | None = None, document: str = "拨1") -> Fund:
    fund = fund or make_fund(county)
    amount = Decimal(yuan)
    post(
        county_code=county.code,
        source_key=f"appropriation:{document}@{fund.pk}",
        legs=[Leg(Account.TREASURY, amount, fund.pk), Leg(Account.APPROPRIATION, -amount, fund.pk)],
        at=NOW,
    )
    return fund


def make_approved(
    county: County, station: Station, yuan: str, *, month: date = OCTOBER, fund: Fund | None = None, at=NOW
) -> Statement:
    """A statement with its lines' accrual and its approval in the books, in a month that was approved."""
    fund = fund or make_fund(county)
    exact = Decimal(yuan)
    payable = money.statement_yuan(exact)
    Period.objects.get_or_create(
        county_code=county.code, month=month, defaults={"state": PeriodState.APPROVED, "approved_at": at}
    )
    post(
        county_code=county.code,
        source_key=f"settle:{station.pk}-{month}",
        legs=[
            Leg(Account.SUBSIDY, exact, fund.pk),
            Leg(Account.ACCRUED, -exact, fund.pk, station.pk, month),
        ],
        at=at,
    )
    row = Statement.objects.create(
        county_code=county.code,
        period=month,
        station=station,
        fund=fund,
        parcels=10,
        lines_yuan=exact,
        payable_yuan=payable,
        computed_at=at,
    )
    post(
        county_code=county.code,
        source_key=f"statement:{row.pk}",
        legs=[
            Leg(Account.ACCRUED, exact, fund.pk, station.pk, month),
            Leg(Account.PAYABLE, -payable, fund.pk, station.pk),
            Leg(Account.ROUNDING, payable - exact, fund.pk),
        ],
        at=at,
    )
    by = county.people["approver"]
    move(
        row,
        to=StatementState.APPROVED,
        by=by,
        at=at,
        allowed=[StatementState.DRAFT],
        reviewed_by=county.people["township"],
        approved_by=by,
        approved_at=at,
    )
    return row


def give_account(county: County, station: Station, number: str = NUMBER, at=NOW) -> OutletAccount:
    entered = enter_account(
        station=station, holder="王大池", bank="丰都农商行虎威支行", number=number, by=county.people["township"], at=at
    )
    return confirm_account(account_id=entered.pk, by=county.people["clerk"], at=at)


def ready(county: County, *, o1: str = "164.8000", o2: str = "92.3549", money: str = "1000") -> Fund:
    """Two outlets with an account and an approved October, and money in the fund."""
    fund = appropriate(county, money)
    for station, yuan, number in ((county.o1, o1, NUMBER), (county.o2, o2, "100200300400")):
        make_approved(county, station, yuan)
        give_account(county, station, number)
    return fund


def sent(county: County, **values: str) -> PaymentBatch:
    """`ready`, in a batch that was released."""
    fund = ready(county, **values)
    (batch,) = issue_batches(county_code=county.code, fund_id=fund.pk, by=county.people["clerk"], at=NOW)
    return send_batch(batch_id=batch.pk, by=county.people["approver"], at=NOW)


def answer(
    *rows: tuple[object, ...], header=("付款编号", "金额", "处理结果", "失败原因"), encoding="gb18030"
) -> io.BytesIO:
    """A bank's answer as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return io.BytesIO(text.getvalue().encode(encoding))


def second_clerk(county: County) -> User:
    return make_member("clerk-2", Role.SETTLEMENT_CLERK, county.code, region=county.regions["county"])


def database_url(url: str) -> str:
    """The test database's, for another process."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{connection.settings_dict['NAME']}"))
