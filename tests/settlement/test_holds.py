"""Held parcels: released or refused once, by whoever may, with a reason; a case decides its own."""

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Sum
from django.urls import reverse

from common.errors import Conflict, Refused
from settlement import services
from settlement.models import CaseLine, FraudCase, FraudRule, Hold, JournalEntry, Line
from settlement.queries.books import stated_lines, trial_balance
from settlement.states import Cause, HoldOutcome, HoldReason, PeriodState, RuleKind, RuleState
from tests.conftest import NOW, County
from tests.settlement.claims import MONTH, NEXT, YUAN, make_hold, make_period


def stated(county: County, month=MONTH) -> Decimal:
    return stated_lines(county.code, month).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def release(county: County, hold: Hold, reason: str = "照片上有签名", who: str = "officer") -> Hold:
    services.release_holds(hold_ids=[hold.pk], by=county.people[who], at=NOW, reason=reason)
    hold.refresh_from_db()
    return hold


def refuse(county: County, hold: Hold, reason: str = "没有这件包裹") -> Hold:
    services.refuse_holds(hold_ids=[hold.pk], by=county.people["officer"], at=NOW, reason=reason)
    hold.refresh_from_db()
    return hold


@pytest.mark.django_db
def test_a_released_parcel_is_stated_in_its_month_while_that_is_open(county):
    hold = make_hold(county)
    assert stated(county) == 0
    release(county, hold)
    hold.refresh_from_db()
    assert (hold.outcome, hold.stated_in, hold.closed_by) == (HoldOutcome.RELEASED, MONTH, county.people["officer"])
    assert stated(county) == YUAN


@pytest.mark.django_db
def test_what_is_released_after_the_freeze_goes_to_the_next_open_month(county):
    hold = make_hold(county)
    make_period(county, PeriodState.FROZEN)
    release(county, hold)
    assert (stated(county), stated(county, NEXT)) == (0, YUAN)


@pytest.mark.django_db
def test_a_refused_parcel_and_its_reversal_cancel_in_one_month(county):
    hold = make_hold(county)
    make_period(county, PeriodState.CLOSED)
    refuse(county, hold)
    reversal = Line.objects.get(turn=1)
    assert (reversal.amount, reversal.cause, reversal.period) == (-YUAN, Cause.DECISION, NEXT)
    assert stated_lines(county.code, NEXT).count() == 2
    assert (stated(county), stated(county, NEXT)) == (0, 0)
    assert sum(trial_balance(county.code).values()) == 0


@pytest.mark.django_db
def test_a_hold_is_decided_once(county):
    hold = make_hold(county)
    release(county, hold)
    for again in (release, refuse):
        with pytest.raises(Conflict) as conflict:
            again(county, hold)
        assert conflict.value.code == "hold_closed"
    assert Line.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["", "   ", "\u200b", "。。", "\x00"])
def test_a_reason_is_needed(county, reason):
    hold = make_hold(county)
    for decide in (release, refuse):
        with pytest.raises(Refused) as refusal:
            decide(county, hold, reason)
        assert refusal.value.code == "reason_needed"
    assert Hold.objects.get().closed_at is None


def make_case(county: County, line: Line, state: str = "raised") -> FraudCase:
    rule = FraudRule.objects.create(
        county_code=county.code,
        code="F5",
        version=1,
        kind=RuleKind.SOFT,
        thresholds={},
        state=RuleState.ACTIVE,
        created_at=NOW,
    )
    case = FraudCase.objects.create(
        county_code=county.code,
        rule=rule,
        station=line.station,
        subject="x",
        numbers={},
        raised_at=NOW,
        answer_by=NOW.date(),
        state=state,
        decided_at=NOW if state in ("pay", "refuse") else None,
    )
    CaseLine.objects.create(case=case, line=line)
    return case


@pytest.mark.django_db
def test_an_open_case_comes_first(county):
    hold = make_hold(county)
    make_case(county, hold.line)
    for decide in (release, refuse):
        with pytest.raises(Conflict) as conflict:
            decide(county, hold)
        assert conflict.value.code == "case_open"
    with pytest.raises(Conflict):
        services.release_holds(hold_ids=[hold.pk], by=county.people["officer"], at=NOW, reason="看过了")


@pytest.mark.django_db
def test_a_decided_case_leaves_the_evidence_to_a_person(county):
    hold = make_hold(county)
    make_case(county, hold.line, "pay")
    assert release(county, hold).outcome == HoldOutcome.RELEASED


@pytest.mark.django_db
def test_a_hold_of_a_case_is_closed_through_it(county):
    hold = make_hold(county, HoldReason.FRAUD)
    with pytest.raises(Refused) as refusal:
        release(county, hold)
    assert refusal.value.code == "hold_of_a_case"
    services.close_hold(hold=hold, outcome=HoldOutcome.RELEASED, by=county.people["officer"], at=NOW, reason="核实无误")
    assert hold.stated_in == MONTH


@pytest.mark.django_db
def test_many_are_released_with_one_reason_or_none(county, django_assert_max_num_queries):
    make_period(county, PeriodState.FROZEN)
    holds = [make_hold(county) for _n in range(5)] + [make_hold(county, period=NEXT)]
    ids = [hold.pk for hold in holds]
    with django_assert_max_num_queries(14):
        assert services.release_holds(hold_ids=ids, by=county.people["officer"], at=NOW, reason="乡镇补交了照片") == 6
    assert stated(county, NEXT) == 6 * YUAN
    more = make_hold(county)
    with pytest.raises(Conflict):
        services.refuse_holds(hold_ids=[more.pk, ids[0]], by=county.people["officer"], at=NOW, reason="重复")
    assert Hold.objects.filter(closed_at__isnull=True).get() == more


@pytest.mark.django_db
def test_many_are_refused_with_one_reason(county):
    ids = [make_hold(county).pk for _n in range(3)]
    assert services.refuse_holds(hold_ids=ids, by=county.people["officer"], at=NOW, reason="没有照片") == 3
    assert stated(county) == 0
    assert JournalEntry.objects.filter(kind="decision").count() == 3


@pytest.mark.django_db
def test_holds_of_two_counties_are_not_closed_together(county, neighbour):
    ours, theirs = make_hold(county), make_hold(county)
    Hold.objects.filter(pk=theirs.pk).update(county_code=neighbour.code)
    for ids in ([ours.pk, theirs.pk], [], range(1, 600)):
        with pytest.raises(Refused):
            services.release_holds(hold_ids=ids, by=county.people["officer"], at=NOW, reason="好")


@pytest.mark.django_db(transaction=True)
def test_of_two_deciders_one_wins(known_carriers, county):
    hold = make_hold(county)
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def decide(act) -> None:
        try:
            ready.wait()
            act(county, hold)
            outcomes.append("done")
        except Conflict as conflict:
            outcomes.append(conflict.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(act,)) for act in (release, refuse)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "hold_closed"]
    hold.refresh_from_db()
    assert Line.objects.count() == (2 if hold.outcome == HoldOutcome.REFUSED else 1)


@pytest.mark.django_db
def test_a_reason_is_cut_not_refused(county):
    assert len(release(county, make_hold(county), "长" * 999).close_reason) == 200


DECIDE = "settlement:holds-decide"


@pytest.mark.django_db
def test_an_outlet_reads_why_and_what_to_do(county, sign_in):
    make_hold(county)
    make_hold(county, station=county.o3)
    answer = sign_in("operator").get(reverse("settlement:holds"))
    body = answer.content.decode()
    assert [view.hold.station for view in answer.context["views"]] == [county.o1]
    assert "如果手持终端里还有到件扫描未上传" in body
    assert "checkbox" not in body


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "count"), [("operator", 1), ("operator2", 1), ("township", 1), ("officer", 2), ("clerk", 2), ("auditor", 2)]
)
def test_who_sees_which_held_parcels(county, sign_in, who, count):
    make_hold(county)
    make_hold(county, station=county.o3)
    assert len(sign_in(who).get(reverse("settlement:holds")).context["views"]) == count


@pytest.mark.django_db
def test_the_county_filters_and_decides(county, sign_in):
    first, second = make_hold(county), make_hold(county, HoldReason.ALL_TYPED, station=county.o3)
    client = sign_in("officer")
    for query, found in (
        ({"reason": "all_typed"}, [second]),
        ({"township": "500230101000"}, [first]),
        ({"station": county.o3.pk}, [second]),
        ({"reason": "x", "township": "y", "station": "z", "page": "q"}, [first, second]),
        ({"state": "closed"}, []),
    ):
        views = client.get(reverse("settlement:holds"), query).context["views"]
        assert [view.hold for view in views] == found
    answer = client.post(
        reverse(DECIDE), {"ids": [first.pk], "outcome": "released", "reason": "有照片", "back": "reason=no_arrival"}
    )
    assert (answer.status_code, answer.url) == (302, reverse("settlement:holds") + "?reason=no_arrival")
    client.post(reverse(DECIDE), {"ids": [second.pk], "outcome": "refused", "reason": "没有依据"})
    decided = client.get(reverse("settlement:holds"), {"state": "closed"})
    assert {view.hold.outcome for view in decided.context["views"]} == {"released", "refused"}
    assert "没有依据" in decided.content.decode()
    assert client.post(reverse(DECIDE), {"ids": [first.pk], "outcome": "released", "reason": "再来"}).status_code == 409


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data", [{}, {"ids": ["x"]}, {"ids": ["9" * 30]}, {"reason": ""}, {"outcome": "reversed"}, {"reason": "\u200b"}]
)
def test_a_bad_decision_changes_nothing(county, sign_in, data):
    hold = make_hold(county)
    row = {"ids": [hold.pk], "outcome": "released", "reason": "好"} if data else {}
    answer = sign_in("officer").post(reverse(DECIDE), {**row, **data})
    assert answer.status_code == (422 if data.get("reason") == "\u200b" else 302)
    assert Hold.objects.get().closed_at is None


@pytest.mark.django_db
def test_nobody_else_decides_and_no_neighbour(county, neighbour, sign_in):
    hold = make_hold(county)
    row = {"ids": [hold.pk], "outcome": "released", "reason": "好"}
    for who in ("operator", "township", "clerk", "auditor", "courier", "support"):
        assert sign_in(who).post(reverse(DECIDE), row).status_code == 403
    assert sign_in(neighbour.people["officer"]).post(reverse(DECIDE), row).status_code == 302
    assert Hold.objects.get().closed_at is None


@pytest.mark.django_db
def test_a_parcel_of_a_case_can_not_be_ticked(county, sign_in):
    hold = make_hold(county)
    make_case(county, hold.line)
    make_hold(county, HoldReason.FRAUD)
    answer = sign_in("officer").get(reverse("settlement:holds"))
    assert [view.decidable for view in answer.context["views"]] == [False, False]
    row = {"ids": [hold.pk], "outcome": "released", "reason": "好"}
    assert sign_in("officer").post(reverse(DECIDE), row).status_code == 409


@pytest.mark.django_db
def test_a_full_page_takes_few_queries(county, sign_in, django_assert_max_num_queries):
    for _n in range(15):
        make_hold(county)
    client = sign_in("officer")
    client.get(reverse("settlement:holds"))
    with django_assert_max_num_queries(16):
        client.get(reverse("settlement:holds"))
