"""A month from lines to an approved sum: each step, who may, what stops it, and that nothing happens twice."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from common.crash import SETTLE_POINTS
from common.errors import Conflict, NotAllowed, Refused
from config import embedded
from settlement import services
from settlement.models import Adjustment, Appeal, JournalEntry, Line, OutletAccount, Period, Statement, Transition
from settlement.queries import periods as reads
from settlement.queries.books import fund_money, trial_balance
from settlement.queries.figures import share_out
from settlement.services.drafting import flag_sentences
from settlement.states import AdjustmentKind, HoldOutcome, PeriodState, ShortfallRule, StatementState
from stations.models import StationTransition
from stations.states import StationState
from tests.conftest import NOW
from tests.settlement.months import (
    AFTER_NOTICE,
    FREEZE,
    OCTOBER,
    approve,
    check_all,
    compute,
    freeze,
    give_money,
    make_line,
    publicise,
)
from tests.settlement.people import make_fund, make_policy
from tracking.models import SetAside

D = Decimal


@pytest.fixture
def policy(county):
    return make_policy(county)


@pytest.fixture
def month(county, policy):
    """Three parcels at o1, two at o3."""
    for amount in ("0.3000", "0.3335", "0.4000"):
        make_line(county, policy, county.o1, amount)
    for amount in ("0.5000", "0.5000"):
        make_line(county, policy, county.o3, amount)
    return OCTOBER


def statement(county, station=None) -> Statement:
    return Statement.objects.get(county_code=county.code, period=OCTOBER, station=station or county.o1)


def check_deferred() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# --- freezing ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_month_is_frozen_once_it_is_over(county, month):
    period = freeze(county)
    assert (period.state, period.prepared_by, period.frozen_at) == (PeriodState.FROZEN, county.people["clerk"], FREEZE)
    step = Transition.objects.get(entity="period", entity_id=period.pk)
    assert (step.from_state, step.to_state, step.by) == ("open", "frozen", county.people["clerk"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "over"),
    [
        (datetime(2026, 10, 31, 15, 59, tzinfo=UTC), False),  # 23:59 in Shanghai
        (datetime(2026, 10, 31, 16, 0, tzinfo=UTC), True),  # midnight there, still October in UTC
    ],
)
def test_the_month_ends_by_the_day_in_shanghai(county, month, at, over):
    if over:
        assert freeze(county, at=at).state == PeriodState.FROZEN
    else:
        with pytest.raises(Refused) as refused:
            freeze(county, at=at)
        assert (refused.value.code, refused.value.status) == ("period_not_ended", 409)
        assert not Period.objects.exists()


def set_aside(county, received_at):
    return SetAside.objects.create(
        county_code=county.code,
        actor=county.people["operator"],
        event_id=str(received_at.timestamp()),
        verdict="invalid",
        code="carrier_unknown",
        raw=b"{}",
        raw_digest=b"x",
        received_at=received_at,
    )


@pytest.mark.django_db
def test_open_set_asides_of_the_month_stop_it_with_their_number(county, month):
    start, end = datetime(2026, 9, 30, 16, tzinfo=UTC), datetime(2026, 10, 31, 16, tzinfo=UTC)
    rows = [set_aside(county, start + timedelta(hours=n)) for n in range(14)]
    set_aside(county, end)  # November's don't matter
    with pytest.raises(Refused) as refused:
        freeze(county)
    assert (refused.value.code, refused.value.status, refused.value.extra["count"]) == ("set_asides_open", 409, 14)
    assert "14" in str(refused.value.message)
    assert not Period.objects.exists(), "the month stays open"
    SetAside.objects.filter(pk__in=[row.pk for row in rows]).update(closed_at=NOW)
    assert freeze(county).state == PeriodState.FROZEN


@pytest.mark.django_db
def test_a_frozen_month_is_not_frozen_again(county, month):
    freeze(county)
    with pytest.raises(Conflict):
        freeze(county)
    assert Transition.objects.filter(entity="period").count() == 1


# --- computing ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_statements_are_the_rounded_sums(county, month, policy):
    freeze(county)
    compute(county)
    first, other = statement(county), statement(county, county.o3)
    assert (first.parcels, first.lines_yuan, first.payable_yuan) == (3, D("1.0335"), D("1.03"))
    assert (other.parcels, other.payable_yuan, other.state) == (2, D("1.00"), StatementState.DRAFT)
    check = reads.ledger_check(county.code, OCTOBER)
    assert check.agrees
    assert check.ledger == D("2.0335")


@pytest.mark.django_db
def test_computing_again_gives_the_same_bytes(county, month):
    freeze(county)
    compute(county)
    digest, rows = reads.digest(county.code, OCTOBER), list(Statement.objects.order_by("pk").values())
    services.confirm_statement(statement_id=statement(county).pk, by=county.people["operator"], at=FREEZE)
    compute(county, at=FREEZE + timedelta(hours=2))
    assert reads.digest(county.code, OCTOBER) == digest
    assert [row["computed_at"] for row in Statement.objects.order_by("pk").values()] == [r["computed_at"] for r in rows]
    assert statement(county).state == StatementState.CONFIRMED, "what didn't change stays confirmed"


@pytest.mark.django_db
def test_held_lines_are_shown_not_paid_and_come_with_the_month_that_takes_them_up(county, month, policy):
    held = make_line(county, policy, county.o1, "0.4000", held="all_typed")
    freeze(county)
    compute(county)
    row = statement(county)
    assert (row.parcels, row.held_parcels, row.held_yuan) == (3, 1, D("0.4000"))
    assert {flag["code"] for flag in row.flags} >= {"held", "no_account"}
    assert reads.ledger_check(county.code, OCTOBER).agrees
    held.hold.closed_at, held.hold.outcome, held.hold.stated_in = NOW, HoldOutcome.RELEASED, date(2026, 11, 1)
    held.hold.save()
    december = datetime(2026, 12, 2, 4, tzinfo=UTC)
    freeze(county, date(2026, 11, 1), december)
    compute(county, date(2026, 11, 1), december)
    assert Statement.objects.get(period=date(2026, 11, 1)).payable_yuan == D("0.40")
    assert reads.ledger_check(county.code, date(2026, 11, 1)).agrees
    assert not reads.figures_changed(county.code, OCTOBER)


@pytest.mark.django_db
def test_the_monthly_cap_of_the_newest_policy_is_an_adjustment(county):
    fund = make_fund(county)
    policy = make_policy(county, fund=fund, month_cap=D("2.00"))
    for _n in range(5):
        make_line(county, policy, county.o1, "0.5000")
    freeze(county)
    compute(county)
    row = statement(county)
    assert (row.lines_yuan, row.adjusted_yuan, row.payable_yuan) == (D("2.5000"), D("-0.5000"), D("2.00"))
    cut = Adjustment.objects.get()
    assert (cut.kind, cut.amount, cut.by) == (AdjustmentKind.CAP, D("-0.5000"), None)
    compute(county)
    assert Adjustment.objects.count() == 1
    assert reads.ledger_check(county.code, OCTOBER).agrees


@pytest.mark.django_db
def test_a_fund_run_dry_shares_out_to_the_cent(county):
    fund = make_fund(county, shortfall=ShortfallRule.PRO_RATA)
    policy = make_policy(county, fund=fund)
    for _n in range(3):
        for station in (county.o1, county.o2, county.o3):
            make_line(county, policy, station, "0.4000")  # 1.20 each
    give_money(county, fund, "1.00")
    freeze(county)
    compute(county)
    paid = list(Statement.objects.order_by("station_id").values_list("payable_yuan", flat=True))
    assert sorted(paid) == [D("0.33"), D("0.33"), D("0.34")]
    (preview,) = reads.fund_previews(county.code, OCTOBER)
    assert (preview.wanted, preview.cut, preview.after, preview.short) == (D("3.60"), D("2.60"), 0, True)
    said = flag_sentences(statement(county).flags)
    assert any("资金不足" in sentence for sentence in said)
    digest = reads.digest(county.code, OCTOBER)
    compute(county)
    assert (Adjustment.objects.count(), reads.digest(county.code, OCTOBER)) == (3, digest)
    give_money(county, fund, "10.00", "拨款2号")  # computed again with money in the fund, nobody is cut
    compute(county)
    assert set(Statement.objects.values_list("payable_yuan", flat=True)) == {D("1.20")}
    assert reads.ledger_check(county.code, OCTOBER).agrees


@pytest.mark.django_db
def test_an_empty_fund_shares_nothing_and_never_less(county):
    fund = make_fund(county, shortfall=ShortfallRule.PRO_RATA)
    make_line(county, make_policy(county, fund=fund), county.o1, "0.3335")
    freeze(county)
    compute(county)
    assert statement(county).payable_yuan == 0


@pytest.mark.django_db
def test_a_fund_that_queues_cuts_nothing_and_names_who_waits(county, policy):
    for station in (county.o1, county.o2, county.o3):
        for _n in range(3):
            make_line(county, policy, station, "0.4000")
    give_money(county, policy.fund, "2.50")
    freeze(county)
    compute(county)
    assert not Adjustment.objects.exists()
    (preview,) = reads.fund_previews(county.code, OCTOBER)
    assert [row.station for row in preview.waiting] == [county.o3]
    assert (preview.cut, preview.waiting_yuan) == (0, D("1.20"))


@pytest.mark.parametrize(
    ("wanted", "available", "given"),
    [
        (["1.20", "1.20", "1.20"], "1.00", ["0.34", "0.33", "0.33"]),
        (["5.00", "0.01"], "4.99", ["4.98", "0.01"]),
        (["1.00"], "-3.00", ["0.00"]),
        (["1.00", "2.00"], "3.00", ["1.00", "2.00"]),
        (["1.00"], "0.9999", ["0.99"]),
    ],
)
def test_sharing_out(wanted, available, given):
    asked = {(number, 1): D(yuan) for number, yuan in enumerate(wanted)}
    shared = share_out(asked, D(available))
    assert [shared[key] for key in sorted(shared)] == [D(yuan) for yuan in given]


@pytest.mark.django_db
def test_an_outlet_closed_in_mid_month_is_paid_until_then_and_flagged(county, month):
    StationTransition.objects.create(
        station=county.o1, from_state="active", to_state=StationState.CLOSED, at=datetime(2026, 10, 12, 4, tzinfo=UTC)
    )
    county.o1.state = StationState.CLOSED
    county.o1.save(update_fields=["state"])
    freeze(county)
    compute(county)
    row = statement(county)
    assert row.payable_yuan == D("1.03")
    assert {"code": "closed", "day": "2026-10-12"} in row.flags
    assert any("12" in sentence for sentence in flag_sentences(row.flags))


@pytest.mark.django_db
def test_flags_say_what_to_look_at_first(county, policy):
    november = date(2026, 11, 1)
    for _n in range(4):
        make_line(county, policy, county.o1, "0.4000")
    freeze(county)
    compute(county)
    make_line(county, policy, county.o1, "0.4000", month=november, evidence_class="B")
    make_line(county, policy, county.o3, "0.4000", month=november)
    OutletAccount.objects.create(
        county_code=county.code,
        station=county.o3,
        holder="明月村服务点",
        bank="农商行",
        number="6222020200112233",
        tail="2233",
        entered_by=county.people["operator2"],
        entered_at=NOW,
        confirmed_by=county.people["clerk"],
        confirmed_at=NOW,
    )
    december = datetime(2026, 12, 2, 4, tzinfo=UTC)
    freeze(county, november, december)
    compute(county, november, december)
    codes = {
        row.station.code: {flag["code"] for flag in row.flags} for row in Statement.objects.filter(period=november)
    }
    assert codes == {"FD-O1": {"change", "class_b", "no_account"}, "FD-O3": {"new_outlet"}}
    change = next(f for f in Statement.objects.get(period=november, station=county.o1).flags if f["code"] == "change")
    assert change == {"code": "change", "percent": "-75", "last": "1.60"}


# --- reviewing and the notice -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_who_prepared_does_not_review(county, month):
    freeze(county)
    compute(county)
    with pytest.raises(NotAllowed) as refused:
        services.review_period(county_code=county.code, month=OCTOBER, by=county.people["clerk"], at=FREEZE)
    assert refused.value.code == "same_person"
    period = services.review_period(county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE)
    assert period.state == PeriodState.REVIEWED
    with pytest.raises(IntegrityError), transaction.atomic():  # and the database wouldn't take it either
        Period.objects.update(reviewed_by=county.people["clerk"])


@pytest.mark.parametrize(
    ("published", "until"),
    [
        (date(2026, 11, 2), date(2026, 11, 9)),  # Monday: the week's other four days and the next Monday
        (date(2026, 11, 6), date(2026, 11, 13)),  # Friday: the whole next week
        (date(2026, 11, 7), date(2026, 11, 13)),  # Saturday
    ],
)
def test_the_notice_runs_five_working_days(published, until):
    assert reads.notice_end(published) == until


@pytest.mark.django_db
def test_a_line_held_after_computing_stops_the_review(county, month, policy):
    freeze(county)
    compute(county)
    line = Line.objects.filter(station=county.o1).first()
    line_hold = {"county_code": county.code, "line": line, "station": county.o1, "reason": "fraud", "opened_at": NOW}
    type(line).hold.related.related_model.objects.create(**line_hold)
    with pytest.raises(Refused) as refused:
        services.review_period(county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE)
    assert (refused.value.code, refused.value.status) == ("figures_changed", 409)
    compute(county)
    assert statement(county).parcels == 2
    services.review_period(county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE)


# --- approval -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_approval_books_each_statement(county, month, policy):
    give_money(county, policy.fund, "100.00")
    publicise(county)
    period = approve(county)
    check_deferred()
    assert (period.state, period.approved_by) == (PeriodState.APPROVED, county.people["approver"])
    row = statement(county)
    assert (row.state, row.approved_by, row.approved_at) == (
        StatementState.APPROVED,
        county.people["approver"],
        AFTER_NOTICE,
    )
    money = fund_money(policy.fund)
    assert (money.payable, money.accrued, money.available) == (D("2.03"), 0, D("97.97"))
    balance = trial_balance(county.code)
    assert (sum(balance.values()), balance["rounding"]) == (0, D("-0.0035"))
    assert reads.ledger_check(county.code, OCTOBER).agrees


@pytest.mark.django_db
def test_a_line_booked_earlier_is_cleared_in_its_own_month(county, month, policy):
    held = make_line(county, policy, county.o1, "0.4000", held="all_typed")
    publicise(county)
    approve(county)
    held.hold.closed_at, held.hold.outcome, held.hold.stated_in = NOW, HoldOutcome.RELEASED, date(2026, 11, 1)
    held.hold.save()
    publicise(county, date(2026, 11, 1), datetime(2026, 12, 1, 4, tzinfo=UTC))
    approve(county, date(2026, 11, 1), datetime(2026, 12, 10, 4, tzinfo=UTC))
    check_deferred()
    assert fund_money(policy.fund).accrued == 0
    assert reads.ledger_check(county.code, OCTOBER).agrees
    assert reads.ledger_check(county.code, date(2026, 11, 1)).agrees


@pytest.mark.django_db
def test_a_month_is_approved_once(county, month):
    publicise(county)
    approve(county)
    entries = JournalEntry.objects.count()
    with pytest.raises(Conflict):
        approve(county)
    assert JournalEntry.objects.count() == entries


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["clerk", "officer", "township"])
def test_nobody_approves_their_own_work(county, month, who):
    publicise(county)
    with pytest.raises(NotAllowed) as refused:
        services.approve_period(county_code=county.code, month=OCTOBER, by=county.people[who], at=AFTER_NOTICE)
    assert (refused.value.code, refused.value.status) == ("same_person", 403)
    assert Period.objects.get().state == PeriodState.PUBLICISED


@pytest.mark.django_db
def test_approval_waits_for_the_notice(county, month):
    period = publicise(county)
    assert period.notice_until == date(2026, 11, 9)
    with pytest.raises(Refused) as refused:
        approve(county, at=datetime(2026, 11, 9, 15, 59, tzinfo=UTC))  # its last minute
    assert (refused.value.code, refused.value.status) == ("notice_running", 409)
    approve(county, at=datetime(2026, 11, 9, 16, 0, tzinfo=UTC))


@pytest.mark.django_db
def test_approval_waits_for_answers_and_townships(county, month):
    freeze(county)
    compute(county)
    services.review_period(county_code=county.code, month=OCTOBER, by=county.people["officer"], at=FREEZE)
    services.publicise_period(county_code=county.code, month=OCTOBER, by=county.people["clerk"], at=FREEZE)
    with pytest.raises(Refused) as refused:
        approve(county)
    assert (refused.value.code, refused.value.extra["count"]) == ("statements_unchecked", 2)
    check_all(county)
    appeal = Appeal.objects.create(county_code=county.code, period=OCTOBER, text="同德村没有这么多件", opened_at=FREEZE)
    with pytest.raises(Refused) as refused:
        approve(county)
    assert (refused.value.code, refused.value.extra["count"]) == ("appeals_open", 1)
    appeal.state, appeal.answer, appeal.decided_at = "rejected", "已核对", FREEZE
    appeal.save()
    assert approve(county).state == PeriodState.APPROVED


@pytest.mark.django_db
def test_a_share_that_lost_its_money_is_computed_again(county):
    fund = make_fund(county, shortfall=ShortfallRule.PRO_RATA)
    policy = make_policy(county, fund=fund)
    for month in (OCTOBER, date(2026, 9, 1)):
        for _n in range(3):
            make_line(county, policy, county.o1, "0.5000", month=month)
    give_money(county, fund, "2.00")
    publicise(county, date(2026, 9, 1), datetime(2026, 10, 5, 4, tzinfo=UTC))
    publicise(county)
    approve(county, date(2026, 9, 1))
    with pytest.raises(Refused) as refused:
        approve(county)
    assert refused.value.code == "fund_short"
    services.reopen_computation(
        county_code=county.code, month=OCTOBER, by=county.people["officer"], at=AFTER_NOTICE, reason="九月先批了"
    )
    compute(county)
    assert statement(county).payable_yuan == D("0.50")


# --- a step back ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_step_back_needs_a_reason_and_starts_the_notice_over(county, month):
    publicise(county)
    with pytest.raises(Refused, match="reason_missing"):
        services.reopen_computation(
            county_code=county.code, month=OCTOBER, by=county.people["officer"], at=NOW, reason=" "
        )
    period = services.reopen_computation(
        county_code=county.code, month=OCTOBER, by=county.people["officer"], at=NOW, reason="漏了一个村"
    )
    assert (period.state, period.notice_until, period.reviewed_by) == (PeriodState.FROZEN, None, None)
    assert Transition.objects.filter(entity="period").latest("pk").reason == "漏了一个村"
    compute(county)
    assert statement(county).state == StatementState.REVIEWED, "unchanged figures keep what was said of them"


@pytest.mark.django_db
def test_there_is_no_step_back_after_the_approval(county, month):
    publicise(county)
    approve(county)
    with pytest.raises(Conflict):
        services.reopen_computation(
            county_code=county.code, month=OCTOBER, by=county.people["officer"], at=NOW, reason="想改"
        )


# --- at once -------------------------------------------------------------------------------------------------------


def at_once(act, times: int = 2) -> list[str]:
    """Run `act` in threads that start together; their answers as codes."""
    barrier, answers = threading.Barrier(times), []

    def one() -> None:
        try:
            barrier.wait(10)
            act()
            answers.append("done")
        except Refused as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _n in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(answers)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_freeze_one_wins(known_carriers, county):
    make_line(county, make_policy(county), county.o1)
    assert at_once(lambda: freeze(county)) == ["done", "state_changed"]
    assert Transition.objects.filter(entity="period").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_approve_one_wins(known_carriers, county):
    policy = make_policy(county)
    make_line(county, policy, county.o1)
    make_line(county, policy, county.o3)
    publicise(county)
    assert at_once(lambda: approve(county)) == ["done", "state_changed"]
    assert JournalEntry.objects.filter(kind="statement").count() == 2
    assert sum(trial_balance(county.code).values()) == 0


def test_every_point_stands_in_the_product():
    sources = "".join(path.read_text() for path in (embedded.ROOT / "settlement").rglob("*.py"))
    assert [point for point in SETTLE_POINTS if f'crash_point("{point}")' not in sources] == []
