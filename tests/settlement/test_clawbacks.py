"""Taking back what was paid: in its order, once, by two people, and never past the outlet's answer."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Sum
from django.urls import reverse

from common.errors import Conflict, NotAllowed, Refused
from settlement import services
from settlement.models import Appeal, Clawback, Line, Statement, Transition
from settlement.queries.books import trial_balance
from settlement.services.lines import reverse_line
from settlement.states import ClawbackCause, ClawbackState, HoldReason, StatementState
from tests.conftest import NOW, County, make_device
from tests.settlement.claims import MONTH, NEXT, YUAN, make_clawback, make_line, make_statement
from tests.settlement.people import make_policy
from tests.tracking.scans import fold, parcel, record, scan

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = NOW + 8 * DAY  # past the outlet's last day


def propose(county: County, line: Line, who: str = "township", **values) -> Clawback:
    row = {"cause": ClawbackCause.COMPLAINT, "reason": "投诉属实", "evidence": ["12345-678"], **values}
    return services.propose_clawback(line_id=line.pk, by=county.people[who], at=NOW, **row)


def net(county: County, row: Clawback, at=LATER, who: str = "approver") -> Clawback:
    return services.net_clawback(clawback_id=row.pk, by=county.people[who], at=at)


def appeal(county: County, row: Clawback, at=NOW) -> Appeal:
    return services.appeal_clawback(clawback_id=row.pk, text="收件人本人签的字", by=county.people["operator"], at=at)


def decide(county: County, found: Appeal, upheld: bool, who: str = "officer") -> Appeal:
    return services.decide_appeal(
        appeal_id=found.pk, upheld=upheld, answer="已核对监控", by=county.people[who], at=NOW + DAY
    )


def owed(county: County) -> Decimal:
    return Line.objects.filter(county_code=county.code).aggregate(sum=Sum("amount"))["sum"]


def code_of(act, *args, **kwargs) -> str:
    with pytest.raises(Refused) as refusal:
        act(*args, **kwargs)
    return refusal.value.code


def test_silence_lets_it_be_set_off_in_the_next_open_month(county):
    row = make_clawback(county, told=True)
    assert row.answer_by == NOW.date() + timedelta(days=7)
    for early in (NOW, NOW + 7 * DAY):
        assert code_of(net, county, row, at=early) == "answer_awaited"
    done = net(county, row)
    assert (done.state, done.decided_by) == (ClawbackState.NETTED, county.people["approver"])
    assert (done.reversal.amount, done.reversal.period, done.reversal.turn) == (-YUAN, NEXT, 1)
    assert owed(county) == 0
    assert sum(trial_balance(county.code).values()) == 0
    steps = Transition.objects.filter(entity="clawback", entity_id=row.pk).order_by("pk")
    assert [step.to_state for step in steps] == ["proposed", "notified", "netted"]


def test_what_the_outlet_accepts_is_set_off_at_once(county):
    row = make_clawback(county, told=True)
    services.accept_clawback(clawback_id=row.pk, by=county.people["operator"], at=NOW)
    assert net(county, row, at=NOW).state == ClawbackState.NETTED
    assert code_of(appeal, county, row) == "accepted"


def test_a_rejected_appeal_lets_it_be_set_off(county):
    row = make_clawback(county, told=True)
    found = appeal(county, row)
    assert code_of(net, county, row) == "state_changed"
    decide(county, found, upheld=False)
    row.refresh_from_db()
    assert row.state == ClawbackState.NOTIFIED
    assert code_of(appeal, county, row) == "appealed"
    assert net(county, row, at=NOW + DAY).state == ClawbackState.NETTED


def test_an_upheld_appeal_waives_it(county):
    row = make_clawback(county, told=True)
    decide(county, appeal(county, row), upheld=True)
    row.refresh_from_db()
    assert (row.state, row.decided_by) == (ClawbackState.WAIVED, county.people["officer"])
    assert code_of(net, county, row) == "state_changed"
    assert owed(county) == YUAN


def test_what_was_set_off_in_silence_is_paid_again_if_the_appeal_is_upheld(county):
    row = make_clawback(county, told=True)
    net(county, row)
    found = appeal(county, row, at=LATER)
    decide(county, found, upheld=True)
    row.refresh_from_db()
    assert (row.state, row.reversal) == (ClawbackState.WAIVED, None)
    last = Line.objects.latest("turn")
    assert (last.turn, last.amount, last.period) == (2, YUAN, NEXT)
    assert owed(county) == YUAN
    assert sum(trial_balance(county.code).values()) == 0


def test_what_was_set_off_stays_so_if_the_appeal_is_not_upheld(county):
    row = make_clawback(county, told=True)
    net(county, row)
    decide(county, appeal(county, row, at=LATER), upheld=False)
    row.refresh_from_db()
    assert (row.state, row.reversal.turn) == (ClawbackState.NETTED, 1)


def test_nothing_happens_twice_or_out_of_order(county):
    row = make_clawback(county)
    assert code_of(services.accept_clawback, clawback_id=row.pk, by=county.people["operator"], at=NOW) == (
        "state_changed"
    )
    assert code_of(appeal, county, row) == "state_changed"
    assert code_of(net, county, row) == "state_changed"
    assert Appeal.objects.count() == 0
    tell = {"clawback_id": row.pk, "by": county.people["clerk"], "at": NOW}
    services.notify_clawback(**tell)
    assert code_of(services.notify_clawback, **tell) == "state_changed"
    net(county, row)
    assert code_of(net, county, row) == "state_changed"
    waive = {"clawback_id": row.pk, "by": county.people["approver"], "at": NOW, "reason": "误会"}
    assert code_of(services.waive_clawback, **waive) == "state_changed"
    assert Line.objects.count() == 2


def test_it_is_waived_with_a_reason_and_may_be_proposed_again(county):
    row = make_clawback(county)
    waive = {"clawback_id": row.pk, "by": county.people["approver"], "at": NOW}
    assert code_of(services.waive_clawback, reason=" ", **waive) == "reason_needed"
    services.waive_clawback(reason="收件人后来找到了", **waive)
    assert propose(county, row.line).state == ClawbackState.PROPOSED


def test_who_proposed_does_not_decide(county):
    row = make_clawback(county, by="approver", told=True)
    with pytest.raises(NotAllowed):
        net(county, row)
    with pytest.raises(NotAllowed):
        services.waive_clawback(clawback_id=row.pk, by=county.people["approver"], at=NOW, reason="算了")
    other = make_clawback(county, by="officer", told=True, station=county.o3)
    found = services.appeal_clawback(clawback_id=other.pk, text="不对", by=county.people["operator2"], at=NOW)
    with pytest.raises(NotAllowed):
        decide(county, found, upheld=True)
    found.refresh_from_db()
    assert found.state == "open"


def test_only_what_was_approved_and_stands_is_claimed(county):
    line = make_line(county)
    assert code_of(propose, county, line) == "line_not_approved"
    make_statement(county, state=StatementState.CONFIRMED)
    assert code_of(propose, county, line) == "line_not_approved"
    Statement.objects.update(state=StatementState.APPROVED)
    row = propose(county, line)
    assert (row.station, row.evidence) == (county.o1, ["12345-678"])
    assert code_of(propose, county, line) == "clawback_exists"
    held = make_line(county, held=HoldReason.NO_ARRIVAL)
    assert code_of(propose, county, held) == "line_held"
    services.release_holds(hold_ids=[held.hold.pk], by=county.people["officer"], at=NOW, reason="好")
    gone = make_line(county)
    reverse_line(line=gone, by=county.people["officer"], at=NOW)
    assert code_of(propose, county, gone) == "line_reversed"
    assert code_of(propose, county, Line.objects.get(turn=1)) == "line_reversed"
    assert code_of(propose, county, held, cause="x") == "cause_unknown"
    assert code_of(propose, county, held, reason="") == "reason_needed"


def test_what_the_scans_took_back_meanwhile_is_not_taken_twice(county):
    row = make_clawback(county, told=True)
    reverse_line(line=row.line, by=None, at=NOW)
    assert code_of(net, county, row) == "line_reversed"
    services.waive_clawback(clawback_id=row.pk, by=county.people["approver"], at=NOW, reason="已冲回")
    assert owed(county) == 0


@pytest.fixture
def delivered(county):
    """A parcel delivered at 大池 in October, its line paid; returns (county, handheld, when, line)."""
    make_policy(county, clawback_days=20)
    device = make_device(county.h1, county.people["hub"])
    at = NOW - 30 * DAY
    record(device, scan("HUB_IN", "FD-H1", at - DAY), scan("SIGNED_PICKUP", "FD-O1", at), at=at)
    fold(at)
    line = make_line(county, parcel=parcel(), at=at)
    make_statement(county)
    return county, device, at, line


@pytest.mark.parametrize(
    ("kind", "station", "days", "cause"),
    [
        ("RETURNED", "FD-O1", 5, "return"),
        ("LOST", "FD-O1", 5, "loss"),
        ("SIGNED_PICKUP", "FD-O3", 5, "false_signature"),
        ("SIGNED_SELF", "FD-O3", 5, "false_signature"),
        ("SIGNED_PICKUP", "FD-O1", 5, None),  # the same outlet scanned it twice
        ("SIGNED_PICKUP", "FD-C1", 5, None),  # no outlet
        ("OUTLET_IN", "FD-O3", 5, None),
        ("RETURNED", "FD-O1", 29, None),  # after the policy's days, which are 20 here
    ],
)
def test_later_scans_speak_against_a_delivery(delivered, kind, station, days, cause):
    county, device, at, line = delivered
    assert services.find_clawbacks(county_code=county.code, at=NOW) == 0
    later = scan(kind, station, at + days * DAY)
    record(device, later, at=at + days * DAY)
    fold(at + days * DAY)
    found = services.find_clawbacks(county_code=county.code, at=NOW)
    if cause is None:
        assert found == 0
        return
    row = Clawback.objects.get()
    assert (row.cause, row.line, row.station, row.proposed_by) == (cause, line, county.o1, None)
    assert row.evidence == [later["event_id"]]
    assert services.find_clawbacks(county_code=county.code, at=NOW) == 0
    services.waive_clawback(clawback_id=row.pk, by=county.people["approver"], at=NOW, reason="签收无误")
    assert services.find_clawbacks(county_code=county.code, at=NOW) == 0, "what a person waived is not proposed again"


def test_what_was_paid_again_is_not_proposed_again(delivered):
    county, device, at, _line = delivered
    record(device, scan("RETURNED", "FD-O1", at + DAY), at=at + DAY)
    fold(at + DAY)
    services.find_clawbacks(county_code=county.code, at=NOW)
    row = Clawback.objects.get()
    services.notify_clawback(clawback_id=row.pk, by=county.people["clerk"], at=NOW)
    net(county, row)
    decide(county, appeal(county, row, at=LATER), upheld=True)
    paid_again = Line.objects.get(turn=2)
    assert paid_again.period == MONTH, "no month was frozen here, and its statement counts as approved"
    assert services.find_clawbacks(county_code=county.code, at=LATER) == 0


def test_a_claim_is_proposed_anew_for_the_line_that_took_the_first_ones_place(delivered):
    county, device, at, line = delivered
    record(device, scan("RETURNED", "FD-O1", at + DAY), at=at + DAY)
    fold(at + DAY)
    services.find_clawbacks(county_code=county.code, at=NOW)
    row = Clawback.objects.get()
    services.notify_clawback(clawback_id=row.pk, by=county.people["clerk"], at=NOW)
    services.settle(at=NOW, county_code=county.code)  # its line rests on another scan: reversed and written anew
    again = Line.objects.get(parcel=line.parcel, turn=2)
    services.release_holds(
        hold_ids=[again.hold.pk], by=county.people["officer"], at=NOW, reason="已核实"
    )  # no arrival scan
    assert code_of(net, county, row) == "line_reversed"
    assert services.find_clawbacks(county_code=county.code, at=LATER) == 1
    assert Clawback.objects.exclude(pk=row.pk).get().line == again
    assert services.find_clawbacks(county_code=county.code, at=LATER) == 0


def test_a_scan_that_was_taken_back_speaks_against_nothing(delivered):
    county, device, at, _line = delivered
    wrong = scan("RETURNED", "FD-O1", at + DAY)
    undo = scan("CORRECTION", None, at + 2 * DAY, waybill_no=None, carrier=None, corrects=wrong["event_id"])
    record(device, wrong, undo, at=at + 2 * DAY)
    fold(at + 2 * DAY)
    assert services.find_clawbacks(county_code=county.code, at=NOW) == 0


@pytest.mark.parametrize("state", [StatementState.DRAFT, StatementState.REVIEWED])
def test_what_is_not_approved_yet_is_found_later(delivered, state):
    county, device, at, _line = delivered
    record(device, scan("RETURNED", "FD-O1", at + DAY), at=at + DAY)
    fold(at + DAY)
    Statement.objects.update(state=state)
    assert services.find_clawbacks(county_code=county.code, at=NOW) == 0
    Statement.objects.update(state=StatementState.APPROVED)
    assert services.find_clawbacks(county_code=county.code, at=NOW) == 1
    assert Line.objects.get().period == MONTH


@pytest.mark.django_db(transaction=True)
def test_of_two_who_set_off_and_appeal_at_once_one_wins(known_carriers, county):
    row = make_clawback(county, told=True)
    outcomes: list[str] = []
    ready = threading.Barrier(3)

    def run(act) -> None:
        try:
            ready.wait()
            act()
            outcomes.append("done")
        except Conflict as conflict:
            outcomes.append(conflict.code)
        finally:
            connection.close()

    acts = [lambda: net(county, row), lambda: net(county, row, who="auditor"), lambda: net(county, row, who="admin")]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "state_changed", "state_changed"]
    assert owed(county) == 0


def url(name: str, *args) -> str:
    return reverse(f"settlement:{name}", args=args)


def test_the_way_of_a_claim_through_the_pages(county, sign_in):
    line = make_line(county)
    make_statement(county)
    clerk, operator, approver = sign_in("clerk"), sign_in("operator"), sign_in("approver")
    found = clerk.get(url("clawback-new"), {"waybill": line.parcel.waybill_no.lower()})
    assert url("clawback-propose", line.pk) in found.content.decode()
    asked = {"cause": "complaint", "reason": "投诉属实", "complaint": "12345-9"}
    assert clerk.post(url("clawback-propose", line.pk), asked).status_code == 302
    row = Clawback.objects.get()
    again = clerk.post(url("clawback-propose", line.pk), asked)
    assert (again.status_code, "已提出追回" in again.content.decode()) == (422, True)
    assert "答复" not in operator.get(url("clawback", row.pk)).content.decode().split("办理经过")[0]
    assert clerk.get(url("clawback-letter", row.pk)).status_code == 302
    assert clerk.post(url("clawback-notify", row.pk)).status_code == 302
    page = operator.get(url("clawback", row.pk)).content.decode()
    assert "您的答复" in page
    assert "投诉 12345-9" in page
    assert "补贴追回通知书" in operator.get(url("clawback-letter", row.pk)).content.decode()
    assert approver.post(url("clawback-net", row.pk)).status_code == 422
    assert operator.post(url("clawback-appeal", row.pk), {"text": "\u200b"}).status_code == 422
    assert operator.post(url("clawback-appeal", row.pk), {"text": "已当面交付"}).status_code == 302
    officer = sign_in("officer")
    found_appeal = Appeal.objects.get()
    answer = {"verdict": "rejected", "answer": "监控显示未交付"}
    assert officer.post(url("appeal-decide", found_appeal.pk), answer).status_code == 302
    assert approver.post(url("clawback-net", row.pk)).status_code == 302
    page = operator.get(url("clawback", row.pk)).content.decode()
    assert "监控显示未交付" in page
    assert "扣回月份" in page
    assert owed(county) == 0


def test_what_the_scans_found_says_so(delivered, sign_in):
    county, device, at, _line = delivered
    record(device, scan("RETURNED", "FD-O1", at + DAY), at=at + DAY)
    fold(at + DAY)
    services.find_clawbacks(county_code=county.code, at=NOW)
    row = Clawback.objects.get()
    page = sign_in("clerk").get(url("clawback", row.pk)).content.decode()
    assert "签收之后，包裹又被登记为退回" in page
    assert "系统比对扫描发现" in page
    assert "通知服务点" in page
    assert row.station.name in sign_in("clerk").get(url("clawbacks"), {"state": "proposed"}).content.decode()
    assert row.station.name not in sign_in("clerk").get(url("clawbacks"), {"state": "netted"}).content.decode()


def test_a_claim_is_seen_by_its_outlet_and_those_above(county, neighbour, sign_in):
    row = make_clawback(county, told=True)
    for who, status in (
        ("operator", 200),
        ("operator2", 404),
        ("township", 200),
        ("officer", 200),
        ("courier", 403),
        ("support", 403),
    ):
        assert sign_in(who).get(url("clawback", row.pk)).status_code == status
    stranger = sign_in(neighbour.people["officer"])
    assert stranger.get(url("clawback", row.pk)).status_code == 404
    assert stranger.get(url("clawback-propose", row.line_id)).status_code == 404
    assert stranger.get(url("clawback-new"), {"waybill": row.line.parcel.waybill_no}).context["found"] == []
    for act in ("accept", "appeal"):
        assert sign_in("operator2").post(url(f"clawback-{act}", row.pk), {"text": "x"}).status_code == 404
        assert sign_in("officer").post(url(f"clawback-{act}", row.pk), {"text": "x"}).status_code == 403


def test_the_proposer_gets_no_button_to_decide(county, sign_in):
    row = make_clawback(county, by="approver")
    page = sign_in("approver").get(url("clawback", row.pk))
    assert page.context["steps"]["waive"] is False
    assert sign_in("approver").post(url("clawback-waive", row.pk), {"reason": "算了"}).status_code == 403
