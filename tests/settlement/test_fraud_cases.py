"""A case's way: the station answers, the county decides, four eyes above 500 yuan; what it means for the lines."""

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from common.errors import Conflict, Refused
from settlement.definitions import CHECKS
from settlement.models import CaseLine, Clawback, FraudRule, Hold, Line, Period, Statement, Transition
from settlement.queries.books import stated_lines
from settlement.queries.fraud import case_yuan, check_figures
from settlement.services import fraud as services
from settlement.states import CaseState, HoldOutcome, PeriodState, RuleState, StatementState
from stations.models import Station
from tests.conftest import NOW
from tests.settlement.claims import make_line
from tests.settlement.doubts import DAY, MORNING, deliver, held, looked, spread
from tests.settlement.people import make_policy
from tracking.models import Photo

pytestmark = pytest.mark.django_db
MONTH = NOW.date().replace(day=1)
LATER = NOW + 9 * DAY


@pytest.fixture
def case(county):
    Station.objects.filter(pk=county.o1.pk).update(lng=Decimal("107.700000"), lat=Decimal("29.800000"))
    make_policy(county)
    deliver(county, spread(MORNING, 3), signed={"lng": 107.7188, "lat": 29.8, "accuracy_m": 20})
    return looked(county)[0]


def decide(case, verdict, by, at=LATER, reason="看过了"):
    return services.decide_case(case_id=case.pk, verdict=verdict, reason=reason, by=by, at=at)


def answer(case, by, text="那天在村口发件", **values):
    return services.answer_case(case_id=case.pk, text=text, by=by, at=NOW + DAY, **values)


def test_paying_releases_the_lines(county, case):
    answer(case, county.people["operator"])
    done = decide(case, "pay", county.people["officer"], NOW + 2 * DAY)
    assert done.state == CaseState.PAY
    assert set(Hold.objects.values_list("outcome", flat=True)) == {HoldOutcome.RELEASED}
    assert stated_lines(county.code, MONTH).count() == 3
    assert Transition.objects.filter(entity="case", entity_id=case.pk).count() == 2


def test_refusing_takes_the_lines_back_and_they_cancel(county, case):
    done = decide(case, "refuse", county.people["officer"])
    assert done.state == CaseState.REFUSE
    stated = stated_lines(county.code, MONTH)
    assert stated.count() == 6
    assert sum(line.amount for line in stated) == 0
    assert case_yuan(case) == (0, Decimal(0))


def test_it_is_not_refused_while_the_station_may_answer(county, case):
    with pytest.raises(Refused) as refusal:
        decide(case, "refuse", county.people["officer"], NOW + 7 * DAY)
    assert refusal.value.code == "answer_awaited"
    services.extend_case(case_id=case.pk, reason="再等等", by=county.people["officer"], at=NOW + 7 * DAY)
    with pytest.raises(Refused):
        decide(case, "refuse", county.people["officer"], NOW + 12 * DAY)
    answer(case, county.people["operator"])
    assert decide(case, "refuse", county.people["officer"], NOW + 12 * DAY).state == CaseState.REFUSE


def test_it_is_decided_once_with_a_reason(county, case):
    with pytest.raises(Refused) as refusal:
        decide(case, "pay", county.people["officer"], reason=" ")
    assert refusal.value.code == "reason_needed"
    with pytest.raises(Refused):
        decide(case, "maybe", county.people["officer"])
    decide(case, "pay", county.people["officer"])
    with pytest.raises(Conflict):
        decide(case, "refuse", county.people["approver"])
    with pytest.raises(Conflict):
        answer(case, county.people["operator"])


def test_above_five_hundred_yuan_two_people_decide(county, case):
    CaseLine.objects.create(case=case, line=make_line(county, amount=Decimal("600.0000"), held="fraud"))
    proposed = decide(case, "refuse", county.people["officer"])
    assert (proposed.state, held(case)) == (CaseState.PROPOSED, 4)
    with pytest.raises(Refused) as refusal:
        decide(case, "refuse", county.people["officer"])
    assert refusal.value.code == "same_person"
    other = decide(case, "pay", county.people["approver"])
    assert (other.state, other.proposed_by) == (CaseState.PROPOSED, county.people["approver"])
    done = decide(case, "pay", county.people["officer"])
    assert (done.state, done.proposed_by, done.decided_by) == (
        CaseState.PAY,
        county.people["approver"],
        county.people["officer"],
    )


def test_a_line_of_another_open_case_stays_held(county, case):
    line = Line.objects.order_by("pk").first()
    other = services.rules_in_force(county_code=county.code, at=NOW)["F6"]
    second = case.__class__.objects.get(pk=case.pk)
    second.pk, second.rule = None, other
    second.save()
    CaseLine.objects.create(case=second, line=line)
    decide(case, "pay", county.people["officer"])
    assert Hold.objects.get(line=line).closed_at is None
    assert Hold.objects.filter(closed_at__isnull=False).count() == 2
    decide(second, "pay", county.people["officer"])
    assert Hold.objects.filter(closed_at__isnull=True).count() == 0


def test_a_photo_must_be_the_stations_own(county, case):
    digest = sha256(b"photo").digest()
    with pytest.raises(Refused) as refusal:
        answer(case, county.people["operator"], photo_sha256=digest)
    assert refusal.value.code == "photo_unknown"
    Photo.objects.create(
        county_code=county.code, sha256=digest, size=5, received=5, station=county.o1, created_at=NOW, completed_at=NOW
    )
    assert answer(case, county.people["operator"], photo_sha256=digest).state == CaseState.ANSWERED


def test_lines_found_after_the_decision_make_a_new_case(county, case):
    decide(case, "pay", county.people["officer"])
    assert len(looked(county, LATER)) == 1
    deliver(county, spread(MORNING + timedelta(minutes=5), 2), signed={"lng": 107.72, "lat": 29.8, "accuracy_m": 20})
    cases = looked(county, LATER + DAY)
    assert len(cases) == 2
    assert held(cases[1]) == 2


def test_without_a_hold_a_refusal_reverses_or_claws_back(county, case):
    Hold.objects.all().delete()
    Period.objects.create(county_code=county.code, month=MONTH, state=PeriodState.APPROVED)
    line = Line.objects.order_by("pk").first()
    county_fund = line.policy.fund
    Statement.objects.create(
        county_code=county.code,
        period=MONTH,
        station=county.o1,
        fund=county_fund,
        parcels=3,
        lines_yuan=Decimal("0.9"),
        adjusted_yuan=Decimal(0),
        payable_yuan=Decimal("0.90"),
        state=StatementState.PAID,
        computed_at=NOW,
    )
    decide(case, "refuse", county.people["officer"])
    assert Clawback.objects.filter(cause="fraud").count() == 3


def test_thresholds_change_by_two_people_after_a_dry_run(county, case):
    clerk, approver = county.people["clerk"], county.people["approver"]
    wanted = {one.name: one.start for one in CHECKS["F5"].thresholds}

    def draft(**values):
        return services.draft_rule(
            county_code=county.code, code="F5", thresholds={**wanted, **values}, reason="山区定位差", by=clerk, at=NOW
        )

    for bad in (Decimal(-1), Decimal("NaN"), Decimal("1e9")):
        with pytest.raises(Refused) as refusal:
            draft(limit_m=bad)
        assert refusal.value.pointer == "/limit_m"
    with pytest.raises(Conflict):
        draft()
    row = draft(limit_m=Decimal(3000))
    with pytest.raises(Conflict):
        draft(limit_m=Decimal(4000))
    seen = services.compare_rule(rule=row, at=NOW)
    assert (seen.cases_now, seen.cases_then, seen.fewer, seen.more, seen.lines_now) == (1, 0, 1, 0, 3)
    with pytest.raises(Refused) as refusal:
        services.activate_rule(rule_id=row.pk, by=clerk, at=NOW)
    assert refusal.value.code == "same_person"
    services.activate_rule(rule_id=row.pk, by=approver, at=NOW)
    states = dict(FraudRule.objects.filter(code="F5").values_list("version", "state"))
    assert states == {1: RuleState.RETIRED, 2: RuleState.ACTIVE}
    assert len(looked(county)) == 1, "a new version raises nothing twice"


def test_precision_is_refused_out_of_decided(county, case):
    decide(case, "refuse", county.people["officer"])
    figures = {row.check.code: row for row in check_figures(county.code, MONTH)}
    assert (figures["F5"].raised, figures["F5"].refused, figures["F5"].decided) == (1, 1, 1)
    assert not figures["F5"].weak
    assert figures["F7"].decided == 0
