"""How long money takes, and what waits too long."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.urls import reverse

from settlement import services
from settlement.models import Statement
from settlement.queries import timeliness
from settlement.states import StatementState
from settlement.views.ageing import span
from tests.conftest import make_device
from tests.settlement.months import FREEZE, OCTOBER, approve, compute, freeze, make_line, publicise
from tests.settlement.people import make_policy
from tests.tracking.scans import event_id, record, scan

DAY = timedelta(days=1)


@pytest.fixture
def policy(county):
    return make_policy(county)


def kinds(county, at) -> dict[str, timeliness.Queue]:
    return {queue.kind: queue for queue in timeliness.queues(county.code, at)}


@pytest.mark.django_db
def test_a_line_is_timed_from_the_delivery_and_from_the_receipt(county, policy):
    delivered = datetime(2026, 10, 20, 4, 0, tzinfo=UTC)
    received = delivered + timedelta(seconds=40)  # the handheld was out of reach
    signed = event_id(delivered)
    record(
        make_device(county.o1, county.people["operator"]),
        scan("SIGNED_PICKUP", "FD-O1", delivered, event_id=signed),
        at=received,
    )
    make_line(county, policy, county.o1, at=delivered, evidence=[UUID(signed)])  # written a minute after
    make_line(county, policy, county.o3, at=delivered)
    whole, outlets = timeliness.accrual_lags(county.code, OCTOBER)
    assert (whole.parcels, set(outlets)) == (2, {county.o1.pk, county.o3.pk})
    lag = outlets[county.o1.pk]
    assert (lag.delivered_p50, lag.received_p50) == (60, 20)
    assert outlets[county.o3.pk].received_p50 is None
    assert timeliness.accrual_lags(county.code, date(2026, 9, 1)) == (None, {})


@pytest.mark.django_db
def test_what_waits_is_listed_oldest_first_and_alarms_when_it_is_too_old(county, policy):
    make_line(county, policy, county.o1)
    held = make_line(county, policy, county.o3, held="all_typed")
    ended = datetime(2026, 10, 31, 16, tzinfo=UTC)
    waiting = kinds(county, ended + 5 * DAY)
    assert (waiting["to_freeze"].oldest[0].since, waiting["to_freeze"].alarm) == (ended, False)
    assert kinds(county, ended + 5 * DAY + timedelta(seconds=1))["to_freeze"].alarm
    assert waiting["holds"].oldest[0].since == held.hold.opened_at
    assert waiting["holds"].alarm
    assert list(waiting) == ["holds", "to_freeze"], "oldest first"
    freeze(county)
    assert list(kinds(county, FREEZE)) == ["holds", "to_compute"]
    compute(county)
    waiting = kinds(county, FREEZE + DAY)
    assert (waiting["draft"].count, waiting["draft"].oldest_days, waiting["draft"].alarm) == (2, 1, False)
    assert [row.what for row in waiting["draft"].oldest] == ["大池村服务点", "明月村服务点"]
    assert "to_review" in waiting


@pytest.mark.django_db
def test_a_notice_that_is_over_waits_for_the_approver(county, policy):
    make_line(county, policy, county.o1)
    publicise(county)
    over = datetime(2026, 11, 9, 16, tzinfo=UTC)  # midnight after its last day
    assert "to_approve" not in kinds(county, over - timedelta(seconds=1))
    assert kinds(county, over)["to_approve"].oldest[0].since == over
    assert timeliness.alarms(county.code, over + 4 * DAY)[0].kind == "to_approve"


@pytest.mark.django_db
def test_a_month_is_timed_to_the_approval_and_to_the_money(county, policy):
    make_line(county, policy, county.o1)
    make_line(county, policy, county.o3)
    publicise(county)
    period = approve(county)
    (pace,) = timeliness.month_paces(county.code, [OCTOBER])
    assert (pace.approval, pace.money) == (period.approved_at - datetime(2026, 10, 31, 16, tzinfo=UTC), None)
    for row, days in zip(Statement.objects.order_by("pk"), (2, 4), strict=True):
        Statement.objects.filter(pk=row.pk).update(state=StatementState.PAID, paid_at=row.approved_at + days * DAY)
    (pace,) = timeliness.month_paces(county.code, [OCTOBER])
    assert (pace.money, pace.last_money) == (3 * DAY, 4 * DAY)
    assert sorted(timeliness.paid_after(county.code, OCTOBER).values()) == [2 * DAY, 4 * DAY]


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, ""), (timedelta(seconds=20), "0"), (timedelta(minutes=119), "119"), (7300.0, "2"), (3 * DAY, "3")],
)
def test_times_are_said_in_one_unit(value, said):
    assert span(value).startswith(said)


@pytest.mark.django_db
def test_the_page_is_the_countys(county, policy, sign_in):
    make_line(county, policy, county.o1, held="all_typed")
    services.settle(at=FREEZE, county_code=county.code)
    page = sign_in("officer").get(reverse("settlement:ageing"), {"month": "2026-10"})
    assert page.status_code == 200
    assert "大池村服务点" in page.content.decode()
    assert sign_in("officer").get(reverse("settlement:ageing"), {"month": "x", "page": "-1"}).status_code == 200
    assert sign_in("township").get(reverse("settlement:ageing")).status_code == 404
    assert sign_in("courier").get(reverse("settlement:ageing")).status_code == 403
