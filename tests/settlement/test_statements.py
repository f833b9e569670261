"""A statement past the outlet and the township: agreed, disputed, silent, checked."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from common.errors import Conflict, Refused
from settlement import services
from settlement.models import Appeal, Statement, Transition
from settlement.services.appeals import decide_appeal
from settlement.states import AppealState, StatementState
from settlement.tasks import confirm_silent
from tests.settlement.months import FREEZE, OCTOBER, approve, compute, freeze, make_line, publicise
from tests.settlement.people import make_policy


@pytest.fixture
def rows(county):
    """October computed: o1 and o3 have a statement each."""
    policy = make_policy(county)
    make_line(county, policy, county.o1)
    make_line(county, policy, county.o3)
    freeze(county)
    compute(county)
    return {row.station.code: row for row in Statement.objects.select_related("station")}


def state(row: Statement) -> str:
    return Statement.objects.get(pk=row.pk).state


@pytest.mark.django_db
def test_an_outlet_agrees_once(county, rows):
    row, who = rows["FD-O1"], county.people["operator"]
    confirmed = services.confirm_statement(statement_id=row.pk, by=who, at=FREEZE)
    assert (confirmed.state, confirmed.confirmed_by, confirmed.confirmed_at) == (StatementState.CONFIRMED, who, FREEZE)
    with pytest.raises(Conflict):
        services.confirm_statement(statement_id=row.pk, by=who, at=FREEZE)
    assert Transition.objects.filter(entity="statement", entity_id=row.pk).count() == 1


@pytest.mark.django_db
def test_an_outlet_disputes_and_is_answered(county, rows):
    row, who = rows["FD-O1"], county.people["operator"]
    with pytest.raises(Refused, match="text_needed"):
        services.dispute_statement(statement_id=row.pk, by=who, at=FREEZE, text="  ")
    appeal = services.dispute_statement(statement_id=row.pk, by=who, at=FREEZE, text="10月5日少算3件")
    assert (appeal.state, appeal.statement_id, appeal.station, appeal.opened_by) == (
        AppealState.OPEN,
        row.pk,
        county.o1,
        who,
    )
    assert state(row) == StatementState.DISPUTED
    with pytest.raises(Conflict):  # not twice, and not past the answer
        services.dispute_statement(statement_id=row.pk, by=who, at=FREEZE, text="再说一次")
    with pytest.raises(Conflict):
        services.check_statements(ids=[row.pk], by=county.people["township"], at=FREEZE)
    decide_appeal(appeal_id=appeal.pk, upheld=False, answer="已核对扫描", by=county.people["officer"], at=FREEZE)
    assert state(row) == StatementState.CONFIRMED
    assert Appeal.objects.count() == 1


@pytest.mark.django_db
def test_the_township_checks_in_bulk_all_or_none(county, rows):
    ids, who = [row.pk for row in rows.values()], county.people["township"]
    services.confirm_statement(statement_id=ids[0], by=county.people["operator"], at=FREEZE)
    with pytest.raises(Conflict):
        services.check_statements(ids=ids, by=who, at=FREEZE)
    assert {state(row) for row in rows.values()} == {StatementState.CONFIRMED, StatementState.DRAFT}
    services.confirm_statement(statement_id=ids[1], by=county.people["operator2"], at=FREEZE)
    assert services.check_statements(ids=ids, by=who, at=FREEZE) == 2
    assert set(Statement.objects.values_list("state", "reviewed_by")) == {(StatementState.REVIEWED, who.pk)}
    assert services.check_statements(ids=[], by=who, at=FREEZE) == 0


@pytest.mark.django_db
def test_silence_for_five_days_counts_as_agreed(county, rows):
    services.dispute_statement(statement_id=rows["FD-O3"].pk, by=county.people["operator2"], at=FREEZE, text="少了两件")
    five = FREEZE + timedelta(days=5)
    assert services.confirm_silent(at=five - timedelta(seconds=1)) == 0
    assert services.confirm_silent(at=five) == 1
    row = Statement.objects.get(pk=rows["FD-O1"].pk)
    assert (row.state, row.confirmed_by, row.confirmed_at) == (StatementState.CONFIRMED, None, five)
    assert state(rows["FD-O3"]) == StatementState.DISPUTED, "who objected isn't silent"
    assert services.confirm_silent(at=five) == 0
    assert Transition.objects.get(entity="statement", entity_id=row.pk).reason == "silence"


@pytest.mark.django_db
def test_the_clock_rings_for_silence(county, rows):
    assert confirm_silent() == Statement.objects.filter(state=StatementState.CONFIRMED).count() > 0


@pytest.mark.django_db
def test_a_month_that_is_computed_anew_takes_no_answers(county, rows):
    services.reopen_computation(
        county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE, reason="漏了一个村"
    )
    with pytest.raises(Conflict):
        services.confirm_statement(statement_id=rows["FD-O1"].pk, by=county.people["operator"], at=FREEZE)
    assert services.confirm_silent(at=FREEZE + timedelta(days=6)) == 0


@pytest.mark.django_db
def test_what_changed_is_asked_again(county):
    policy = make_policy(county)
    make_line(county, policy, county.o1)
    kept = make_line(county, policy, county.o3)
    publicise(county)
    services.reopen_computation(
        county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE, reason="有一件可疑"
    )
    kept._meta.model.hold.related.related_model.objects.create(
        county_code=county.code, line=kept, station=county.o3, reason="fraud", opened_at=FREEZE
    )
    compute(county)
    rows = {row.station_id: row for row in Statement.objects.all()}
    assert rows[county.o1.pk].state == StatementState.REVIEWED
    changed = rows[county.o3.pk]
    assert (changed.state, changed.payable_yuan, changed.confirmed_by, changed.reviewed_by) == (
        StatementState.DRAFT,
        Decimal("0.00"),
        None,
        None,
    )


@pytest.mark.django_db
def test_an_approved_statement_is_not_answered_any_more(county):
    make_line(county, make_policy(county), county.o1)
    publicise(county)
    approve(county)
    row = Statement.objects.get()
    for act in (services.confirm_statement, lambda **more: services.dispute_statement(text="晚了", **more)):
        with pytest.raises(Conflict):
            act(statement_id=row.pk, by=county.people["operator"], at=datetime.now(tz=FREEZE.tzinfo))
    assert row.period == date(2026, 10, 1)
