"""Policies and statements in the browser: who sees what, and that every total is the sum of its lines."""

import csv
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.urls import reverse

from settlement import services
from settlement.models import Appeal, Hold, Line, Policy, Statement
from settlement.services import settle
from settlement.services.lines import reverse_line
from settlement.states import HoldReason, StatementState
from tests.conftest import NOW
from tests.settlement.months import FREEZE, OCTOBER, compute, freeze, make_line
from tests.settlement.people import make_policy
from tests.settlement.test_settle import correct, deliver

pytestmark = pytest.mark.django_db
MONTH = "2026-11"
D = Decimal


def read_table(response) -> list[list[str]]:
    return list(csv.reader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines()))


@pytest.fixture
def paid(county):
    """Three parcels at 大池 (one taken back), one at 明月; 0.3333 yuan makes rounding leave something."""
    make_policy(county, rate_delivery=Decimal("0.3333"))
    deliver(county, "73190553102501", at=NOW - timedelta(hours=9))
    deliver(county, "73190553102502", at=NOW - timedelta(hours=8))
    voided = deliver(county, "73190553102503", at=NOW - timedelta(hours=7))
    deliver(county, "73190553102504", outlet="FD-O3")
    settle(at=NOW, county_code=county.code)
    correct(county, voided, NOW)
    settle(at=NOW, county_code=county.code)
    return county


def statement_of(outlet, name: str = "statement") -> str:
    return reverse(f"settlement:{name}", args=[outlet.pk, MONTH])


def test_the_operator_reads_what_the_outlet_earned(paid, sign_in):
    page = sign_in("operator").get(statement_of(paid.o1)).content.decode()
    assert "2 件，0.67 元" in page
    assert "基础标准0.3333元" in page
    assert "73190553102501" in page
    assert "依据 4 条扫描" in page
    assert "冲回" in page


def test_the_statement_is_the_rounded_sum_and_shows_the_rest(paid, sign_in):
    exact = Line.objects.filter(station=paid.o1).aggregate(sum=Sum("amount"))["sum"]
    assert exact == Decimal("0.6666")
    sheet = sign_in("clerk").get(statement_of(paid.o1)).context["sheet"]
    assert (sheet.exact, sheet.paid, sheet.remainder) == (exact, Decimal("0.67"), Decimal("-0.0034"))
    assert (sheet.lines, sheet.parcels) == (4, 2)
    assert sheet.booked == exact
    assert sheet.in_books


def test_the_table_of_lines_adds_up_to_the_page(paid, sign_in):
    table = read_table(sign_in("operator").get(statement_of(paid.o1, "statement-csv")))
    lines, total, payable = table[1:-2], table[-2], table[-1]
    assert sum(Decimal(line[5]) for line in lines) == Decimal(total[5]) == Decimal("0.6666")
    assert Decimal(payable[5]) == Decimal("0.67")
    assert len(lines) == 4
    assert {len(line[9]) for line in lines} == {64}


def test_the_list_of_outlets_adds_up(paid, sign_in):
    client = sign_in("officer")
    context = client.get(reverse("settlement:statements"), {"month": MONTH}).context
    assert [(row.station.code, row.parcels, row.payable.rounded) for row in context["rows"]] == [
        ("FD-O1", 2, Decimal("0.67")),
        ("FD-O3", 1, Decimal("0.50")),
    ]
    table = read_table(client.get(reverse("settlement:statements-csv"), {"month": MONTH}))
    assert Decimal(table[-1][8]) == context["totals"].paid == Decimal("1.17")
    only = client.get(
        reverse("settlement:statements"), {"month": MONTH, "township": "500230102000"}, headers={"HX-Request": "true"}
    )
    assert [row.station.code for row in only.context["rows"]] == ["FD-O3"]
    assert "<html" not in only.content.decode()


def test_who_has_one_outlet_goes_straight_to_it(paid, sign_in):
    answer = sign_in("operator").get(reverse("settlement:statements"))
    assert answer.status_code == 302
    assert f"/outlets/{paid.o1.pk}/" in answer.url


def test_deliveries_without_a_policy_are_told(county, sign_in):
    deliver(county, "73190553102501")
    settle(at=NOW, county_code=county.code)
    page = sign_in("clerk").get(reverse("settlement:statements"), {"month": MONTH}).content.decode()
    assert "本月有 1 件没有适用的补贴政策" in page


@pytest.mark.parametrize(
    ("who", "outlet", "answer"),
    [
        ("operator", "o1", 200),
        ("operator", "o2", 404),
        ("operator2", "o3", 200),
        ("township", "o2", 200),
        ("township", "o3", 404),
        ("officer", "o3", 200),
        ("clerk", "o3", 200),
        ("approver", "o3", 200),
        ("auditor", "o3", 200),
        ("courier", "o1", 403),
        ("carrier", "o1", 403),
        ("support", "o1", 403),
        ("admin", "o1", 403),
    ],
)
def test_who_reads_which_statement(paid, sign_in, who, outlet, answer):
    for name in ("statement", "statement-csv"):
        assert sign_in(who).get(statement_of(getattr(paid, outlet), name)).status_code == answer


def test_the_neighbour_sees_nothing(paid, neighbour, sign_in):
    policy = Policy.objects.get()
    client = sign_in(neighbour.people["officer"])
    assert client.get(statement_of(paid.o1)).status_code == 404
    assert client.get(reverse("settlement:policy", args=[policy.pk])).status_code == 404
    assert policy.name not in client.get(reverse("settlement:policies")).content.decode()
    assert client.get(reverse("settlement:statements"), {"month": MONTH}).context["rows"] == []


def test_nobody_is_sent_to_sign_in(paid, client):
    for name in ("settlement:statements", "settlement:policies"):
        assert client.get(reverse(name)).status_code == 302


@pytest.mark.parametrize("query", [{"month": "x"}, {"month": "2026-13"}, {"township": "1' OR 1=1"}, {"month": "９９"}])
def test_a_senseless_filter_is_no_error(paid, sign_in, query):
    assert sign_in("officer").get(reverse("settlement:statements"), query).status_code == 200


def test_a_month_that_is_none_is_not_found(paid, sign_in):
    assert sign_in("officer").get(f"/settlement/outlets/{paid.o1.pk}/2026-13/").status_code == 404
    assert sign_in("officer").get(f"/settlement/outlets/{paid.o1.pk}/2026-11/?page=x").status_code == 200


def test_pages_take_few_queries(paid, sign_in, django_assert_max_num_queries):
    client = sign_in("officer")
    for address in (reverse("settlement:statements") + f"?month={MONTH}", statement_of(paid.o1)):
        client.get(address)
        with django_assert_max_num_queries(25):
            assert client.get(address).status_code == 200


# --- an outlet's month on its way -----------------------------------------------------------------------------------


@pytest.fixture
def october(county):
    """o1: three lines, one of them held; o3: one line."""
    policy = make_policy(county)
    for amount in ("0.3000", "0.3333"):
        make_line(county, policy, county.o1, amount)
    make_line(county, policy, county.o1, "0.4000", held=HoldReason.NO_ARRIVAL)
    make_line(county, policy, county.o3, "0.5000")
    return county


def of_october(outlet, name: str = "statement") -> str:
    return reverse(f"settlement:{name}", args=[outlet.pk, OCTOBER])


def test_a_held_line_stands_apart_with_what_to_do(october, sign_in):
    answer = sign_in("operator").get(of_october(october.o1))
    page, sheet = answer.content.decode(), answer.context["sheet"]
    assert (sheet.parcels, sheet.paid, len(sheet.held), sheet.held_yuan) == (2, D("0.63"), 1, D("0.4000"))
    assert "2 件，0.63 元；1 件暂扣" in page
    assert "以后到件请逐件扫描" in page
    assert sheet.booked == D("1.0333")
    assert sheet.in_books


def test_a_released_line_stands_in_the_month_it_is_stated_in(october, sign_in):
    freeze(october)
    hold = Hold.objects.get()
    services.release_holds(hold_ids=[hold.pk], by=october.people["officer"], at=FREEZE, reason="有签收照片")
    client = sign_in("operator")
    before = client.get(of_october(october.o1)).context["sheet"]
    after = client.get(statement_of(october.o1)).context["sheet"]
    assert (before.paid, len(before.held), len(before.moved)) == (D("0.63"), 0, 1)
    assert (after.paid, len(after.late)) == (D("0.40"), 1)
    assert before.in_books
    assert after.in_books


def test_the_outlet_confirms_its_statement_once(october, sign_in):
    freeze(october)
    compute(october)
    client, row = sign_in("operator"), Statement.objects.get(station=october.o1)
    address = reverse("settlement:statement-confirm", args=[row.pk])
    assert address in client.get(of_october(october.o1)).content.decode()
    assert address not in sign_in("clerk").get(of_october(october.o1)).content.decode()
    assert client.post(address).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.confirmed_by) == (StatementState.CONFIRMED, october.people["operator"])
    assert client.post(address).status_code == 409
    page = client.get(of_october(october.o1)).content.decode()
    assert "接下来由乡镇核对" in page
    assert address not in page


def test_the_outlet_objects_with_a_reason(october, sign_in):
    freeze(october)
    compute(october)
    client, row = sign_in("operator"), Statement.objects.get(station=october.o1)
    address = reverse("settlement:statement-dispute", args=[row.pk])
    assert client.post(address, {"text": " "}).status_code == 422
    assert client.post(address, {"text": "长" * 1001}).status_code == 422
    assert client.post(address, {"text": "少算了一件"}).status_code == 302
    row.refresh_from_db()
    assert row.state == StatementState.DISPUTED
    assert Appeal.objects.get().text == "少算了一件"


@pytest.mark.parametrize(
    ("who", "answer"),
    [
        *(("operator2", 404), ("centre", 404), ("hub", 404)),  # those above it don't agree in its name
        *(("officer", 403), ("clerk", 403), ("township", 403), ("courier", 403)),
    ],
)
def test_nobody_else_answers_for_the_outlet(october, sign_in, who, answer):
    freeze(october)
    compute(october)
    row = Statement.objects.get(station=october.o1)
    for name in ("confirm", "dispute"):
        address = reverse(f"settlement:statement-{name}", args=[row.pk])
        assert sign_in(who).post(address, {"text": "x"}).status_code == answer


def test_the_list_narrows_to_a_state_and_adds_up(october, sign_in):
    freeze(october)
    compute(october)
    row = Statement.objects.get(station=october.o1)
    services.confirm_statement(statement_id=row.pk, by=october.people["operator"], at=FREEZE)
    client, address = sign_in("officer"), reverse("settlement:statements")
    everything = client.get(address, {"month": "2026-10"}).context
    assert (everything["totals"].paid, everything["totals"].held_parcels) == (D("1.13"), 1)
    only = client.get(address, {"month": "2026-10", "state": "confirmed"}).context
    assert [found.statement.pk for found in only["rows"]] == [row.pk]
    table = read_table(client.get(reverse("settlement:statements-csv"), {"month": "2026-10", "state": "confirmed"}))
    assert [D(table[-1][8]), D(table[-1][11])] == [only["totals"].paid, D("0.4000")]


def test_a_line_taken_back_by_decision_says_so(october, sign_in):
    line = Line.objects.filter(station=october.o1, hold__isnull=True).first()
    reverse_line(line=line, by=october.people["officer"], at=FREEZE)
    sheet = sign_in("operator").get(of_october(october.o1)).context["sheet"]
    assert sheet.parcels == 1
    assert "由人工决定" in sign_in("operator").get(of_october(october.o1)).content.decode()


def test_more_lines_take_no_more_queries(october, sign_in, django_assert_max_num_queries):
    policy = Line.objects.first().policy
    for _number in range(15):
        make_line(october, policy, october.o1, "0.3000")
    for who, address in (("operator", of_october(october.o1)), ("officer", reverse("settlement:statements"))):
        client = sign_in(who)
        client.get(address, {"month": "2026-10"})
        with django_assert_max_num_queries(25):
            assert client.get(address, {"month": "2026-10"}).status_code == 200
