"""What somebody with bad intentions, or two clerks in a hurry, could try against a month's money."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from common.errors import Conflict, NotAllowed
from settlement import services
from settlement.models import Hold, Line, Statement
from settlement.queries.books import fund_money, stated_lines
from settlement.services.lines import adjust
from settlement.states import AdjustmentKind, ShortfallRule, StatementState
from stations.models import Station
from stations.scope import scope_of
from stations.states import StationState
from tests.conftest import NOW, make_device
from tests.settlement.money import appropriate, give_account, make_approved
from tests.settlement.months import AFTER_NOTICE, FREEZE, OCTOBER, approve, compute, freeze, make_line
from tests.settlement.people import make_fund, make_policy
from tests.settlement.test_settle import HOUR, run
from tests.tracking.scans import fold, record, scan

D = Decimal
SEPTEMBER = date(2026, 9, 1)


@pytest.mark.django_db
def test_what_one_outlet_owes_is_not_money_for_the_others(county):
    fund = make_fund(county, shortfall=ShortfallRule.PRO_RATA)
    policy = make_policy(county, fund=fund)
    appropriate(county, "1.00", fund=fund)
    make_approved(county, county.o1, "-0.5000", month=SEPTEMBER, fund=fund)
    assert fund_money(fund).available == D("1.00")
    for _n in range(3):
        make_line(county, policy, county.o3, "0.5000")
    freeze(county)
    compute(county)
    assert Statement.objects.get(period=OCTOBER).payable_yuan == D("1.00"), "cut to what lies in the fund: nobody waits"


@pytest.mark.django_db
def test_who_computed_a_month_again_does_not_review_it(county):
    policy = make_policy(county)
    line = make_line(county, policy, county.o1)
    freeze(county)
    compute(county)
    adjust(
        county_code=county.code,
        period=OCTOBER,
        station_id=line.station_id,
        fund_id=policy.fund_id,
        kind=AdjustmentKind.CORRECTION,
        amount=D("1"),
        reason="x",
        source_key="correction:1",
        by=county.people["clerk"],
        at=FREEZE,
    )
    services.compute_period(county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE)
    with pytest.raises(NotAllowed):
        services.review_period(county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE)
    with pytest.raises(NotAllowed):
        services.review_period(county_code=county.code, month=OCTOBER, by=county.people["clerk"], at=FREEZE)


@pytest.mark.parametrize("fund", ["²", "٣", "9" * 5000, "\x00"])
@pytest.mark.django_db
def test_an_odd_fund_number_makes_no_batch(county, sign_in, fund):
    assert sign_in("clerk").post("/settlement/payments/issue/", {"fund": fund}).status_code == 404


@pytest.mark.django_db
def test_endless_digits_choose_no_hold(county, sign_in):
    answer = sign_in("officer").post(
        "/settlement/holds/decide/", {"ids": "9" * 5000, "verdict": "release", "reason": "好的"}
    )
    assert answer.status_code == 302


@pytest.mark.parametrize("path", ["", "2026-10/", "2026-10/table.csv", "2026-10/object/"])
@pytest.mark.django_db
def test_a_notice_of_no_county_is_not_found(client, path):
    assert client.get(f"/settlement/notice/%00/{path}").status_code in (200, 400, 404)


@pytest.mark.parametrize("month", ["9999-12", "0001-01"])
@pytest.mark.django_db
def test_a_month_at_the_end_of_time_is_this_month(county, sign_in, month):
    assert sign_in("officer").get("/settlement/checks/", {"month": month}).status_code == 200


def grant(county, station, yuan: str = "100"):
    fund = make_fund(county)
    adjust(
        county_code=county.code,
        period=OCTOBER,
        station_id=station.pk,
        fund_id=fund.pk,
        kind=AdjustmentKind.GRANT,
        amount=D(yuan),
        reason="建设补助",
        source_key=f"grant:{station.pk}",
        by=county.people["approver"],
        at=FREEZE,
    )
    return appropriate(county, "1000", fund=fund)


@pytest.mark.django_db
def test_what_a_hub_is_granted_does_not_block_the_month_and_is_paid(county, sign_in):
    fund = grant(county, county.h1)
    assert county.h1.pk not in sign_in("hub").get("/settlement/accounts/new/").context["form"].stations
    freeze(county)
    compute(county)
    people = county.people
    services.review_period(county_code=county.code, month=OCTOBER, by=people["officer"], at=FREEZE)
    row = Statement.objects.get(period=OCTOBER)
    assert (row.station, row.state, row.reviewed_by) == (county.h1, StatementState.REVIEWED, people["officer"])
    services.publicise_period(county_code=county.code, month=OCTOBER, by=people["clerk"], at=FREEZE)
    approve(county)
    assert county.h1.pk in sign_in("hub").get("/settlement/accounts/new/").context["form"].stations
    give_account(county, county.h1)
    (batch,) = services.issue_batches(county_code=county.code, fund_id=fund.pk, by=people["clerk"], at=AFTER_NOTICE)
    assert batch.total_yuan == D("100")


@pytest.mark.django_db
def test_a_closed_outlet_that_is_owed_money_may_still_name_its_account(county, sign_in):
    make_approved(county, county.o1, "5.0000", month=SEPTEMBER)
    Station.objects.filter(pk=county.o1.pk).update(state=StationState.CLOSED)
    assert county.o1.pk in sign_in("township").get("/settlement/accounts/new/").context["form"].stations
    assert county.o1.name in sign_in("clerk").get("/settlement/accounts/").content.decode()


@pytest.mark.django_db
def test_who_released_a_parcel_is_not_asked_again_for_its_new_price(county):
    make_policy(county)
    device = make_device(county.h1, county.people["hub"])
    record(device, scan("HUB_IN", "FD-H1", NOW - 6 * HOUR), scan("SIGNED_PICKUP", "FD-O1", NOW), at=NOW)
    fold(NOW)
    run(county)
    first = Line.objects.get()
    by = county.people["officer"]
    services.release_holds(hold_ids=[first.hold.pk], by=by, at=NOW, reason="见监控")
    for number, start in (("丰交〔2026〕2号", date(2026, 11, 2)), ("丰交〔2026〕3号", date(2026, 11, 3))):
        make_policy(county, number=number, valid_from=start, rate_delivery=D("0.35"))
        run(county)
    again = Line.objects.latest("turn")
    assert (again.turn, again.evidence_class) == (4, "C")
    assert not Hold.objects.exclude(line=first).exists()
    assert sum(line.amount for line in stated_lines(county.code, again.period)) == again.amount


@pytest.mark.django_db
def test_a_month_computed_again_gives_the_outlet_its_days_again(county):
    make_line(county, make_policy(county), county.o1)
    freeze(county)
    compute(county)
    services.reopen_computation(
        county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE + HOUR, reason="再看一次"
    )
    later = FREEZE + timedelta(days=9)
    compute(county, at=later)
    assert services.confirm_silent(at=later + HOUR) == 0
    assert services.confirm_silent(at=later + timedelta(days=5)) == 1


@pytest.mark.django_db
def test_two_funds_do_not_both_pay_a_settled_month(county):
    make_line(county, make_policy(county), county.o1)
    other = make_fund(county, number="另一文号", name="另一资金")
    freeze(county)
    with pytest.raises(Conflict) as refused:
        make_policy(county, number="丰交〔2026〕2号", valid_from=date(2026, 10, 15), fund=other)
    assert refused.value.code == "fund_paid_already"
    assert make_policy(county, number="丰交〔2026〕3号", valid_from=date(2026, 11, 1), fund=other).fund == other


@pytest.mark.parametrize("action", ["statement.confirm", "clawback.answer", "fraud.answer", "grant.apply"])
def test_nobody_above_answers_in_an_outlets_name(county, action):
    for who in ("hub", "centre"):
        assert not scope_of(county.people[who], action).covers_station(county.o1)
    assert scope_of(county.people["operator"], action).covers_station(county.o1)
