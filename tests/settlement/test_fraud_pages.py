"""The pages of doubts: who sees what, answering and deciding over HTTP, thresholds, the calls' sheet."""

from decimal import Decimal

import pytest
from django.urls import reverse

from settlement.models import CallBack, FraudCase, FraudRule, Hold
from stations.models import Station
from tests.settlement.doubts import MORNING, deliver, looked, spread
from tests.settlement.people import make_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(county):
    Station.objects.filter(pk=county.o1.pk).update(lng=Decimal("107.700000"), lat=Decimal("29.800000"))
    make_policy(county)
    deliver(county, spread(MORNING, 3), signed={"lng": 107.7188, "lat": 29.8, "accuracy_m": 20})
    return looked(county)[0]


def url(name: str, *args) -> str:
    return reverse(f"settlement:{name}", args=args)


def test_the_outlet_reads_answers_and_the_county_decides(county, case, sign_in):
    operator, officer = sign_in("operator"), sign_in("officer")
    assert "离站签收" in operator.get(url("cases")).content.decode()
    page = operator.get(url("case", case.pk)).content.decode()
    assert "1814" in page.replace(",", "")
    assert "上限500" in page
    assert operator.post(url("case-answer", case.pk), {"text": " "}).status_code == 422
    assert operator.post(url("case-answer", case.pk), {"text": "在村口发件"}).status_code == 302
    assert operator.post(url("case-decide", case.pk), {"verdict": "pay", "reason": "好"}).status_code == 403
    assert officer.post(url("case-decide", case.pk), {"verdict": "pay", "reason": ""}).status_code == 422
    assert officer.post(url("case-decide", case.pk), {"verdict": "pay", "reason": "属实"}).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.answer) == ("pay", "在村口发件")
    assert not Hold.objects.filter(closed_at__isnull=True).exists()
    assert "属实" in operator.get(url("case", case.pk)).content.decode()


def test_another_outlet_does_not_see_it(case, sign_in):
    other = sign_in("operator2")
    assert other.get(url("case", case.pk)).status_code == 404
    assert "大池村" not in other.get(url("cases")).content.decode()


def test_refusing_too_early_says_why(case, sign_in):
    FraudCase.objects.filter(pk=case.pk).update(answer_by="2099-01-01")
    answer = sign_in("officer").post(url("case-decide", case.pk), {"verdict": "refuse", "reason": "不信"})
    assert answer.status_code == 422
    assert "答复期" in answer.content.decode()
    assert FraudCase.objects.get(pk=case.pk).state == "raised"


def test_a_second_answer_shows_the_first(case, sign_in):
    operator = sign_in("operator")
    operator.post(url("case-answer", case.pk), {"text": "在村口发件"})
    again = operator.post(url("case-answer", case.pk), {"text": "不是我"}, follow=True)
    assert "别人先操作了" in again.content.decode()
    assert FraudCase.objects.get(pk=case.pk).answer == "在村口发件"


@pytest.mark.parametrize("query", ["?state=all&rule=F5", "?state=x", "?page=abc", "?rule=F99"])
def test_the_list_takes_any_filter(case, sign_in, query):
    assert sign_in("officer").get(url("cases") + query).status_code == 200


def test_thresholds_are_drafted_and_put_in_force(county, case, sign_in):
    clerk, approver = sign_in("clerk"), sign_in("approver")
    assert "离站签收" in clerk.get(url("fraud-rules")).content.decode()
    numbers = {"limit_m": "800", "door_m": "5000", "note_m": "150", "reason": "山区定位差"}
    assert clerk.post(url("fraud-rule-draft", "F5"), {**numbers, "limit_m": "NaN"}).status_code == 422
    assert clerk.post(url("fraud-rule-draft", "F5"), {**numbers, "limit_m": "1e9"}).status_code == 422
    assert clerk.post(url("fraud-rule-draft", "F5"), numbers).status_code == 302
    draft = FraudRule.objects.get(code="F5", state="draft")
    assert "草稿" in clerk.get(url("fraud-rule", "F5")).content.decode()
    assert approver.post(url("fraud-rule-activate", draft.pk)).status_code == 302
    draft.refresh_from_db()
    assert draft.state == "active"
    assert clerk.get(url("fraud-rule", "F99")).status_code == 404


def test_the_sheet_of_calls(county, case, sign_in):
    call = CallBack.objects.first()
    officer = sign_in("officer")
    page = officer.get(url("fraud-calls") + "?month=2026-11").content.decode()
    assert call.line.parcel.waybill_no in page
    assert call.line.parcel.recipient.phone_masked in page
    assert officer.post(url("fraud-call", call.pk), {"answer": "denied"}).status_code == 302
    assert officer.post(url("fraud-call", call.pk), {"answer": "odd"}).status_code == 302
    call.refresh_from_db()
    assert call.answer == "denied"
