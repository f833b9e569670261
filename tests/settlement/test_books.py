"""The database keeps the books: what does not balance, comes twice or changes what was written is refused there."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from common.errors import Conflict
from settlement.models import JournalEntry, Posting, Statement
from settlement.queries.books import fund_money, trial_balance
from settlement.services.books import Leg, move, post
from settlement.states import Account, StatementState
from tests.conftest import NOW
from tests.settlement.people import make_fund

YUAN = Decimal("12.3400")


def entry(county, *legs, key="settle:1"):
    return post(county_code=county.code, source_key=key, legs=legs, at=NOW)


def check_deferred() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
def test_a_balanced_entry_is_kept_and_counted(county):
    fund = make_fund(county)
    entry(county, Leg(Account.TREASURY, Decimal(100), fund.pk), Leg(Account.APPROPRIATION, Decimal(-100), fund.pk))
    entry(
        county,
        Leg(Account.SUBSIDY, YUAN, fund.pk),
        Leg(Account.ACCRUED, -YUAN, fund.pk, county.o1.pk),
        Leg(Account.ROUNDING, Decimal(0), fund.pk),  # nothing to round: no row
        key="settle:2",
    )
    check_deferred()
    assert Posting.objects.count() == 4
    money = fund_money(fund)
    assert (money.received, money.accrued, money.committed, money.available, money.paid) == (100, YUAN, YUAN, 100, 0)
    assert sum(trial_balance(county.code).values()) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("amounts", [(1, -2), (5,), (1, 1)])
def test_what_does_not_balance_is_refused(county, amounts):
    fund = make_fund(county)
    entry(county, *(Leg(Account.SUBSIDY, Decimal(amount), fund.pk) for amount in amounts))
    with pytest.raises(IntegrityError, match="does not balance"):
        check_deferred()


@pytest.mark.django_db
@pytest.mark.parametrize("amount", ["NaN", "1000000001"])
def test_an_amount_out_of_bounds_is_refused(county, amount):
    fund = make_fund(county)
    with pytest.raises((DatabaseError, ValidationError)):  # Django itself refuses NaN
        entry(county, Leg(Account.SUBSIDY, Decimal(amount), fund.pk))


@pytest.mark.django_db
def test_an_entry_is_posted_once(county):
    make_fund(county)
    entry(county)
    with pytest.raises(Conflict, match="already_posted"):
        entry(county)
    assert JournalEntry.objects.count() == 1


@pytest.mark.django_db
def test_an_amount_owed_names_the_outlet(county):
    fund = make_fund(county)
    with pytest.raises(IntegrityError, match="posting_owed_to_somebody"):
        entry(county, Leg(Account.ACCRUED, YUAN, fund.pk))


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["journalentry", "posting"])
@pytest.mark.parametrize("act", ["UPDATE {} SET county_code = '000000'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_booked_stays(county, table, act):
    fund = make_fund(county)
    entry(county, Leg(Account.SUBSIDY, YUAN, fund.pk), Leg(Account.ACCRUED, -YUAN, fund.pk, county.o1.pk))
    check_deferred()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act.format(f"settlement_{table}"))


def statement(county, **values):
    row = {
        "parcels": 3,
        "lines_yuan": Decimal("1.0050"),
        "payable_yuan": Decimal("1.01"),
        "computed_at": NOW,
        "period": NOW.date().replace(day=1),
    }
    return Statement.objects.create(
        county_code=county.code, station=county.o1, fund=make_fund(county), **{**row, **values}
    )


@pytest.mark.django_db
def test_a_statement_is_its_rounded_sum(county):
    statement(county)  # half up
    for wrong in ({"payable_yuan": Decimal("1.00")}, {"adjusted_yuan": Decimal("-0.5")}):
        with pytest.raises(IntegrityError, match="statement_is_the_rounded_sum"), transaction.atomic():
            statement(county, period=NOW.date().replace(month=1, day=1), **wrong)


@pytest.mark.django_db
def test_a_state_moves_once(county):
    row, by = statement(county), county.people["operator"]
    move(row, to=StatementState.CONFIRMED, by=by, at=NOW, allowed=[StatementState.DRAFT], confirmed_by=by)
    assert (row.state, row.confirmed_by_id) == (StatementState.CONFIRMED, by.pk)
    with pytest.raises(Conflict, match="state_changed"):
        move(row, to=StatementState.CONFIRMED, by=by, at=NOW, allowed=[StatementState.DRAFT])


@pytest.mark.django_db
def test_nobody_approves_what_they_checked(county):
    with pytest.raises(IntegrityError, match="statement_approved_by_another"):
        statement(county, reviewed_by=county.people["approver"], approved_by=county.people["approver"])
