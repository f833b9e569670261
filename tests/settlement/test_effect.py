"""Before against after: both numbers of every share, and the other townships as the comparison."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from common.models import Job
from settlement.queries import effect as queries
from settlement.tasks import measure_effect
from tests.conftest import NOW, County, make_parcel
from tests.settlement.people import make_policy
from tests.settlement.test_settle import deliver, run

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
AT = NOW + 5 * DAY


@pytest.fixture
def policy(county: County):
    """In force in one of two townships from 20 November; before and after, the treated one goes from 1 to 3 parcels,
    the other from 1 to 2."""
    row = make_policy(county, valid_from=date(2026, 11, 20), townships=["500230101"])
    waybills = (f"7319055310253{n}" for n in range(7))
    for outlet, day, count in (("FD-O1", -2, 1), ("FD-O1", 1, 3), ("FD-O3", -2, 1), ("FD-O3", 1, 2)):
        for _n in range(count):
            waybill, village = next(waybills), "v1" if outlet == "FD-O1" else "v3"
            make_parcel(county, waybill, village=village, destination=outlet[-2:].lower())
            deliver(county, waybill, outlet=outlet, at=NOW + day * DAY)
    run(county, AT)
    return row


def test_the_difference_of_the_differences(county, policy):
    found = queries.effect(policy, queries.measure(policy, 30, AT))
    assert (found.days, found.before_from, found.after_end) == (5, date(2026, 11, 15), date(2026, 11, 25))
    assert (found.covered.before.parcels, found.covered.after.parcels) == (1, 3)
    assert (found.others.before.parcels, found.others.after.parcels) == (1, 2)
    assert found.differences["parcels"] == Decimal(100)  # +200 % against +100 %
    assert found.differences["coverage"] == 0
    assert (found.covered.after.made, found.covered.after.due) == (3, 3)
    assert (found.covered.after.covered, found.covered.after.villages) == (1, 2)
    assert found.covered.after.cost == Decimal("0.3")
    assert found.covered.before.cost == 0  # parcels, but no policy
    assert found.covered.few


def test_a_policy_for_everybody_has_no_comparison(county):
    row = make_policy(county, valid_from=date(2026, 11, 20))
    found = queries.effect(row, queries.measure(row, 30, AT))
    assert (found.others, found.differences) == (None, None)
    assert found.covered.after.cost is None
    assert found.covered.parcels is None


def test_a_policy_of_today_has_no_after(county):
    assert queries.measure(make_policy(county, valid_from=date(2026, 11, 20)), 30, NOW) is None


def test_a_statement_that_takes_too_long_is_cut(county, policy, monkeypatch):
    monkeypatch.setattr(
        queries, "measure", lambda *_args: queries.sql.connection.cursor().execute("SELECT pg_sleep(1)")
    )
    with pytest.raises(queries.TooLong):
        queries.measure_within(policy, 30, AT, 20)


def test_the_page_and_the_table_say_the_same(county, policy, sign_in):
    client = sign_in("officer")
    body = client.get(f"/settlement/effect/{policy.pk}/?days=14").content.decode()
    assert "净变化" in body
    assert client.get("/settlement/effect/").status_code == 200
    table = b"".join(client.get(f"/settlement/effect/{policy.pk}/table.csv").streaming_content).decode()
    assert len(table.splitlines()) == 5  # header, two townships twice
    for odd in ("?days=-1", "?days=x", "?job=99999999999", "?job=²"):
        assert client.get(f"/settlement/effect/{policy.pk}/{odd}").status_code == 200
    assert sign_in("operator").get("/settlement/effect/").status_code == 403
    assert sign_in("township").get(f"/settlement/effect/{policy.pk}/").status_code == 403


def test_a_job_keeps_what_it_counted(county, policy, sign_in):
    client = sign_in("officer")
    assert client.post(f"/settlement/effect/{policy.pk}/job/", {"days": "30"}).status_code == 302
    row = Job.objects.get()
    result = measure_effect(type("Progress", (), {"job": row})())
    Job.objects.filter(pk=row.pk).update(state="done", result=result)
    assert client.get(result["url"]).status_code == 200
    assert f"job={row.pk}" in client.get(result["url"]).content.decode()
