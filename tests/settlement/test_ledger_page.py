"""The ledger in the browser, and the nightly check of the books against themselves."""

import csv
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import connection
from django.urls import reverse

from settlement import services, tasks
from settlement.models import BookCheck, JournalEntry, Line, Posting, Statement
from settlement.states import Account
from tests.conftest import NOW
from tests.settlement.months import OCTOBER, approve, give_money, make_line, publicise
from tests.settlement.people import make_fund, make_policy

pytestmark = pytest.mark.django_db
D = Decimal
LEDGER = "/settlement/ledger/"


def read_table(response) -> list[list[str]]:
    return list(csv.reader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines()))


@pytest.fixture
def books(county):
    """October approved: three lines at o1, one at o3, out of a fund with 100 yuan."""
    policy = make_policy(county)
    give_money(county, policy.fund, "100")
    for amount in ("0.3000", "0.3333", "0.4000"):
        make_line(county, policy, county.o1, amount)
    make_line(county, policy, county.o3, "0.5000")
    publicise(county)
    approve(county)
    return county


def test_the_county_reads_every_posting_and_that_it_balances(books, sign_in):
    context = sign_in("officer").get(LEDGER).context
    totals = context["totals"]
    assert totals.count == Posting.objects.count()
    assert (totals.debit, totals.balance) == (totals.credit, 0)
    [(county, balance)] = context["balances"]
    assert (county, balance.balances) == (books.code, True)
    assert {row.account: row.total for row in balance.rows}[Account.PAYABLE] == D("-1.53")
    assert "借贷相等" in sign_in("officer").get(LEDGER).content.decode()


def test_an_outlet_reads_its_own_account_with_running_sums(books, sign_in):
    answer = sign_in("operator").get(LEDGER)
    rows = answer.context["rows"]
    assert {row.posting.station_id for row in rows} == {books.o1.pk}
    assert answer.context["balances"] == []
    assert "试算平衡" not in answer.content.decode()
    accrued = sign_in("operator").get(LEDGER, {"account": "accrued"}).context["rows"]
    assert [row.balance for row in accrued] == [D("0"), D("-1.0333"), D("-0.6333"), D("-0.3000")]


def test_the_ledger_narrows_and_says_what_the_statement_says(books, sign_in):
    client = sign_in("clerk")
    query = {"station": books.o1.pk, "period": "2026-10", "account": "accrued", "kind": "settle"}
    context = client.get(LEDGER, query).context
    assert context["totals"].credit == D("1.0333")
    sheet = client.get(reverse("settlement:statement", args=[books.o1.pk, OCTOBER])).context["sheet"]
    assert sheet.exact == sheet.booked == context["totals"].credit
    table = read_table(client.get("/settlement/ledger.csv", query))
    assert D(table[-1][9]) == context["totals"].credit
    assert len(table) == 1 + 3 + 1
    assert client.get(LEDGER, {"month": "2026-11", "account": "payable"}).context["totals"].credit == D("1.53")


def test_a_page_of_the_ledger_goes_on_with_the_balance(books, sign_in):
    policy = Line.objects.first().policy
    for _number in range(25):
        make_line(books, policy, books.o3, "0.3000", month=date(2026, 11, 1))
    client = sign_in("officer")
    first, second = (client.get(LEDGER, {"account": "subsidy", "page": page}).context["rows"] for page in (1, 2))
    together = [*first, *second] if second[0].posting.pk != first[0].posting.pk else first
    assert together[0].balance == D("9.0333")
    for newer, older in pairwise(together):
        assert newer.balance - newer.posting.amount == older.balance


def test_from_a_posting_to_its_lines_and_scans(books, sign_in):
    posting = Posting.objects.filter(station=books.o1, account=Account.ACCRUED, entry__kind="settle").first()
    answer = sign_in("auditor").get(reverse("settlement:ledger-entry", args=[posting.entry_id]))
    [(view, _clawback)] = answer.context["lines"]
    assert view.line.entry_id == posting.entry_id
    assert view.line.amount == -posting.amount
    assert reverse("tracking:parcel", args=[view.parcel.pk]) in answer.content.decode()


def test_an_entry_of_another_outlet_is_not_found(books, neighbour, sign_in):
    entry = Posting.objects.filter(station=books.o3, entry__kind="settle").first().entry_id
    address = reverse("settlement:ledger-entry", args=[entry])
    assert sign_in("operator").get(address).status_code == 404
    assert sign_in("township").get(address).status_code == 404
    assert sign_in("operator2").get(address).status_code == 200
    assert sign_in("courier").get(address).status_code == 403
    stranger = sign_in(neighbour.people["officer"])
    assert stranger.get(address).status_code == 404
    assert stranger.get(LEDGER).context["totals"].count == 0
    assert stranger.get(LEDGER, {"station": books.o1.pk}).context["totals"].count == 0


def test_money_of_the_fund_is_not_shown_to_an_outlet(books, sign_in):
    entry = JournalEntry.objects.get(kind="appropriation")
    assert sign_in("operator").get(reverse("settlement:ledger-entry", args=[entry.pk])).status_code == 404
    assert sign_in("officer").get(reverse("settlement:ledger-entry", args=[entry.pk])).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"account": "x"},
        {"station": "1' OR 1=1"},
        {"station": "99999999999999999999"},
        {"month": "2026-99"},
        {"period": "９"},
        {"kind": "=1"},
        {"page": "-1"},
        {"page": "9" * 40},
    ],
)
def test_a_senseless_filter_is_no_error(books, sign_in, query):
    client = sign_in("officer")
    assert client.get(LEDGER, query).status_code == 200
    assert client.get("/settlement/ledger.csv", query).status_code == 200
    entry = Posting.objects.first().entry_id
    assert client.get(reverse("settlement:ledger-entry", args=[entry]), {"posting": "9" * 40}).status_code == 200


def test_pages_take_few_queries(books, sign_in, django_assert_max_num_queries):
    client = sign_in("officer")
    entry = Posting.objects.filter(entry__kind="settle").first().entry_id
    for address in (LEDGER, reverse("settlement:ledger-entry", args=[entry])):
        client.get(address)
        with django_assert_max_num_queries(20):
            client.get(address)


# --- the nightly check ----------------------------------------------------------------------------------------------


def unguarded(statement: str, *params) -> None:
    """What no service does: a row changed behind the triggers' back."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, params)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_books_that_agree_have_nothing_to_say(books, sign_in):
    assert services.check_books(books.code) == []
    tasks.check_books()
    kept = BookCheck.objects.get(county_code=books.code)
    assert (kept.count, kept.findings) == (0, [])
    assert "明细、账目、结算单与付款一致" in sign_in("officer").get(LEDGER).content.decode()


def test_a_posting_that_is_off_is_found_and_shown(books, sign_in):
    posting = Posting.objects.filter(station=books.o1, account=Account.ACCRUED, entry__kind="settle").first()
    spoil = "UPDATE settlement_posting SET amount = amount + %s WHERE id = %s"
    unguarded(spoil, D("-0.0100"), posting.pk)
    found = {finding.code: finding for finding in services.check_books(books.code)}
    assert set(found) == {"unbalanced", "accrued"}
    assert (found["accrued"].station_id, found["accrued"].drift) == (books.o1.pk, D("0.0100"))
    services.keep_check(county_code=books.code, at=NOW)
    page = sign_in("officer").get(LEDGER).content.decode()
    assert "大池村服务点 2026-10：明细与调整合计 1.0333 元，账上为 1.0433 元" in page
    assert "借贷不平" in page
    statement = sign_in("operator").get(reverse("settlement:statement", args=[books.o1.pk, OCTOBER]))
    assert not statement.context["sheet"].in_books
    unguarded(spoil, D("0.0100"), posting.pk)  # or the deferred balance of the entry refuses the whole test


def test_a_statement_that_is_off_is_found(books):
    row = Statement.objects.get(station=books.o1)
    Statement.objects.filter(pk=row.pk).update(lines_yuan=D("2.0000"), payable_yuan=D("2.00"))
    codes = {(finding.code, finding.number) for finding in services.check_books(books.code)}
    assert codes == {("statement", str(row.pk)), ("approved", str(row.pk))}


def test_a_check_is_the_countys_own(books, neighbour, sign_in):
    make_fund(neighbour, created_by=neighbour.people["officer"])
    services.keep_check(county_code=books.code, at=NOW)
    assert sign_in(neighbour.people["officer"]).get(LEDGER).context["checks"] == []
