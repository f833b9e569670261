"""Objections: to a notice, a statement, a clawback; answered once, by somebody else, in money where it is due."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse

from common.errors import Conflict, NotAllowed, Refused
from settlement import services
from settlement.models import Adjustment, Appeal, Statement
from settlement.queries.books import trial_balance
from settlement.states import AppealState, PeriodState, StatementState
from tests.conftest import NOW, County
from tests.settlement.claims import MONTH, NEXT, make_clawback, make_line, make_period, make_statement

pytestmark = pytest.mark.django_db
YUAN = Decimal("12.5000")


def object_to(county: County, **values) -> Appeal:
    row = {"text": "我们村的数不对", "at": NOW, "claimant_name": "李四", "claimant_phone": "13812341907", **values}
    return services.open_appeal(county_code=county.code, period=MONTH, **row)


def decide(county: County, appeal: Appeal, upheld: bool = True, who: str = "officer", **values) -> Appeal:
    row = {"answer": "已核对，补记", **values}
    return services.decide_appeal(appeal_id=appeal.pk, upheld=upheld, by=county.people[who], at=NOW, **row)


def code_of(act, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refusal:
        act(*args, **kwargs)
    return refusal.value.code


@pytest.fixture
def published(county):
    make_line(county)
    make_statement(county, state=StatementState.REVIEWED)
    make_period(county, PeriodState.PUBLICISED)
    return county


def test_the_public_objects_while_the_notice_runs(published):
    appeal = object_to(published, station_id=published.o1.pk)
    assert (appeal.state, appeal.opened_by, appeal.statement) == (AppealState.OPEN, None, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT claimant_name, claimant_phone, text FROM settlement_appeal")
        name, phone, _text = cursor.fetchone()
    assert "李四".encode() not in bytes(name)
    assert b"1907" not in bytes(phone)
    assert object_to(published, at=NOW + timedelta(days=5)).station is None
    assert code_of(object_to, published, at=NOW + timedelta(days=6)) == "notice_closed"


@pytest.mark.parametrize("state", [s for s in PeriodState if s != PeriodState.PUBLICISED])
def test_there_is_nothing_to_object_to_in_other_months(county, state):
    make_period(county, state)
    assert code_of(object_to, county) == "notice_closed"


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "！！"])
def test_an_objection_says_something(published, text):
    assert code_of(object_to, published, text=text) == "text_needed"
    assert code_of(object_to, published, text="长" * 1001) == "text_too_long"


def test_what_is_upheld_in_money_stands_in_the_next_open_month(published):
    appeal = decide(published, object_to(published, station_id=published.o1.pk), amount=YUAN)
    row = Adjustment.objects.get()
    assert (appeal.state, appeal.adjustment) == (AppealState.UPHELD, row)
    assert (row.kind, row.period, row.station, row.amount) == ("appeal", NEXT, published.o1, YUAN)
    assert (row.fund, row.source_key) == (Statement.objects.get().fund, f"appeal:{appeal.pk}")
    assert sum(trial_balance(published.code).values()) == 0


def test_it_is_decided_once(published):
    appeal = object_to(published, station_id=published.o1.pk)
    decide(published, appeal, amount=YUAN)
    assert code_of(decide, published, appeal, amount=YUAN) == "state_changed"
    assert code_of(decide, published, appeal, upheld=False) == "state_changed"
    assert Adjustment.objects.count() == 1


def test_an_answer_and_a_sensible_amount_are_needed(published):
    appeal = object_to(published, station_id=published.o1.pk)
    assert code_of(decide, published, appeal, answer=" ") == "text_needed"
    for amount in ("NaN", "Infinity", "0", "100000.01", "-1e9"):
        assert code_of(decide, published, appeal, amount=Decimal(amount)) == "amount_out_of_bounds"
    assert code_of(decide, published, appeal, upheld=False, amount=YUAN) == "amount_not_here"
    appeal.refresh_from_db()
    assert (appeal.state, Adjustment.objects.count()) == (AppealState.OPEN, 0)


def test_money_needs_a_statement_to_go_to(published):
    general = object_to(published)
    assert code_of(decide, published, general, amount=YUAN) == "statement_needed"
    other = object_to(published, station_id=published.o2.pk)  # no statement of that month
    assert code_of(decide, published, other, amount=YUAN) == "statement_needed"
    mine = Statement.objects.get()
    assert code_of(decide, published, other, amount=YUAN, statement_id=mine.pk) == "statement_needed"
    decide(published, general, amount=-YUAN, statement_id=mine.pk)
    assert Adjustment.objects.get().station == published.o1


def test_a_disputed_statement_goes_on_once_it_is_answered(county):
    make_line(county)
    row = make_statement(county, state=StatementState.DISPUTED)
    make_period(county, PeriodState.COMPUTED)
    appeal = object_to(county, statement=row, by=county.people["operator"])
    assert appeal.station == county.o1
    assert code_of(object_to, county, statement=row, by=county.people["operator"]) == "appeal_open"
    decide(county, appeal, upheld=False)
    row.refresh_from_db()
    assert row.state == StatementState.CONFIRMED


def test_who_objected_does_not_decide(published):
    row = Statement.objects.get()
    appeal = object_to(published, statement=row, by=published.people["officer"])
    with pytest.raises(NotAllowed):
        decide(published, appeal)


def test_a_clawback_is_answered_without_money(county):
    row = make_clawback(county, told=True)
    appeal = services.appeal_clawback(clawback_id=row.pk, text="是本人签的", by=county.people["operator"], at=NOW)
    assert code_of(decide, county, appeal, amount=YUAN) == "amount_not_here"
    decide(county, appeal)
    assert Adjustment.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_wins(known_carriers, county):
    make_line(county)
    make_statement(county)
    make_period(county)
    appeal = object_to(county, station_id=county.o1.pk)
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def run(who: str) -> None:
        try:
            ready.wait()
            decide(county, appeal, who=who, amount=YUAN)
            outcomes.append("done")
        except Conflict as conflict:
            outcomes.append(conflict.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(who,)) for who in ("officer", "auditor")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "state_changed"]
    assert Adjustment.objects.count() == 1


def url(name: str, *args) -> str:
    return reverse(f"settlement:{name}", args=args)


@pytest.mark.parametrize(
    ("who", "name", "phone"),
    [
        ("operator", "李*光", "138****1907"),
        ("township", "李*光", "138****1907"),
        ("officer", "李四光", "13812341907"),
        ("clerk", "李四光", "13812341907"),
        ("approver", "李四光", "13812341907"),
        ("auditor", "李四光", "13812341907"),
    ],
)
def test_who_reads_the_name_of_whoever_objected(published, sign_in, who, name, phone):
    appeal = object_to(
        published,
        station_id=published.o1.pk,
        claimant_name="李四光",
        text="我叫李四光，电话13812341907，数不对",
    )
    body = sign_in(who).get(url("appeal", appeal.pk)).content.decode()
    listed = sign_in(who).get(url("appeals")).content.decode()
    assert name in body
    assert phone in body
    if "*" in name:
        for page in (body, listed):
            assert "李四光" not in page
            assert "13812341907" not in page


def test_objections_stay_in_their_scope(published, neighbour, sign_in):
    appeal = object_to(published, station_id=published.o1.pk)
    general = object_to(published)
    assert sign_in("operator2").get(url("appeal", appeal.pk)).status_code == 404
    assert sign_in("operator").get(url("appeal", general.pk)).status_code == 404
    assert sign_in(neighbour.people["officer"]).get(url("appeal", appeal.pk)).status_code == 404
    assert sign_in("courier").get(url("appeals")).status_code == 403
    for who in ("operator", "township", "clerk", "approver", "auditor"):
        assert sign_in(who).post(url("appeal-decide", appeal.pk), {}).status_code == 403


def test_the_officer_answers_on_the_page(published, sign_in):
    appeal = object_to(published, station_id=published.o1.pk)
    officer = sign_in("officer")
    assert officer.get(url("appeal", appeal.pk)).context["form"] is not None
    good = {"verdict": "upheld", "answer": "已补记", "amount": "2.5"}
    for field, value in (
        ("verdict", "x"),
        ("answer", ""),
        ("answer", "\u200b"),
        ("amount", "NaN"),
        ("amount", "1e400"),
        ("amount", "0"),
        ("amount", "1.23456"),
    ):
        assert officer.post(url("appeal-decide", appeal.pk), {**good, field: value}).status_code == 422
    assert officer.post(url("appeal-decide", appeal.pk), good).status_code == 302
    page = officer.get(url("appeal", appeal.pk))
    assert "¥2.5000" in page.content.decode()
    assert page.context["form"] is None
    assert officer.post(url("appeal-decide", appeal.pk), good).status_code == 409


def test_an_objection_to_the_whole_notice_names_the_statement(published, sign_in):
    appeal = object_to(published)
    officer = sign_in("officer")
    good = {"verdict": "upheld", "answer": "已更正", "amount": "-1"}
    assert officer.post(url("appeal-decide", appeal.pk), good).status_code == 422
    chosen = {**good, "statement": str(Statement.objects.get().pk)}
    assert officer.post(url("appeal-decide", appeal.pk), chosen).status_code == 302
    assert Adjustment.objects.get().amount == -1
