"""A draft on last month's real parcels: then against now, by outlet, with what hits a bound and three parcels' why."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from settlement.queries.policy_preview import preview
from settlement.services import settle
from tests.conftest import NOW
from tests.settlement.people import make_draft, make_policy
from tests.settlement.test_settle import correct, deliver

pytestmark = pytest.mark.django_db
MONTH, TODAY = date(2026, 11, 1), date(2026, 11, 20)


@pytest.fixture
def month(county):
    """Two parcels at 大池 (plain) and one at 明月 (mountain) were paid, one was taken back, one had no policy."""
    make_policy(county, valid_from=date(2026, 11, 10))
    deliver(county, "73190553102501", at=NOW - timedelta(hours=9))
    deliver(county, "73190553102502", at=NOW - timedelta(hours=8))
    voided = deliver(county, "73190553102503", at=NOW - timedelta(hours=7))
    deliver(county, "73190553102504", outlet="FD-O3", at=NOW - timedelta(hours=6))
    deliver(county, "73190553102505", at=NOW - timedelta(days=12))
    settle(at=NOW, county_code=county.code)
    correct(county, voided, NOW)
    settle(at=NOW, county_code=county.code)
    return county


def show(county, draft, who: str = "clerk"):
    return preview(draft, user=county.people[who], month=MONTH, today=TODAY)


def test_the_month_is_priced_once_more(month):
    draft = make_draft(month, number="新", rate_delivery=Decimal("0.4"), valid_from=date(2026, 12, 1))
    found = show(month, draft)
    # then: two at 0.30, one at 0.50; now three at 0.40 and one at 0.6667, kept at 0.50
    assert (found.parcels, found.paid_then, found.priced, found.clamped) == (4, 3, 4, 1)
    assert (found.then, found.now) == (Decimal("1.1000"), Decimal("1.7000"))
    assert {row.station.code: (row.parcels, row.then, row.now) for row in found.rows} == {
        "FD-O1": (3, Decimal("0.6000"), Decimal("1.2000")),
        "FD-O3": (1, Decimal("0.5000"), Decimal("0.5000")),
    }
    assert [row.station.code for row in found.rows] == ["FD-O1", "FD-O3"], "the largest change first"
    assert 1 <= len(found.examples) <= 3
    assert any("0.6667" in why for example in found.examples for why in example.why)


def test_the_cap_is_taken_off(month):
    draft = make_draft(month, number="新", month_cap=Decimal("0.70"))
    found = show(month, draft)
    assert found.capped_outlets == 1
    (row,) = [row for row in found.rows if row.station.code == "FD-O1"]
    assert (row.now, row.capped) == (Decimal("0.70"), Decimal("0.2000"))


def test_who_is_not_paid_is_counted(month):
    draft = make_draft(month, number="新", townships=["500230102"])
    found = show(month, draft)
    assert (found.parcels, found.priced, found.now) == (4, 1, Decimal("0.5000"))
    assert any(example.now is None for example in found.examples)


def test_a_way_of_serving_and_a_grade_count(month):
    draft = make_draft(month, number="新", clamp_max=Decimal(2))
    draft.factors.create(kind="model", key="pickup", multiplier=Decimal(2))
    assert show(month, draft).now == Decimal("2.8000")  # 3 × 0.60 + 1.00


def test_an_operator_sees_its_own_outlet_only(month):
    found = show(month, make_draft(month, number="新"), "operator")
    assert [row.station.code for row in found.rows] == ["FD-O1"]
    assert found.outlets == 1


def test_the_page_and_its_fragment(month, sign_in, django_assert_max_num_queries):
    draft = make_draft(month, number="新")
    client = sign_in("approver")
    assert "hx-get" in client.get(reverse("settlement:policy", args=[draft.pk])).content.decode()
    address = reverse("settlement:policy-preview", args=[draft.pk])
    with django_assert_max_num_queries(16):
        assert "<html" in client.get(address).content.decode()
    assert "<html" not in client.get(address, headers={"HX-Request": "true"}).content.decode()
