"""The hub plans its next morning in a few clicks, issues it, and the county reads before and after: pages and a worker.

How a driver then runs a trip on a phone is tests/journeys/test_drive_browser.py."""

from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from common import clock
from tests.conftest import PASSWORD, County
from tests.journeys.conftest import sign_in_page, until
from tests.vehicles.people import at_hub, collected, ready
from vehicles import services
from vehicles.models import Plan, PlanParcel
from vehicles.services import Entered
from vehicles.states import PlanState, TripState

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def before(county: County) -> None:
    """What the county says of the time without a pool."""
    services.freeze_entered(
        county_code=county.code,
        name="共配前（2025）",
        first_on=date(2025, 1, 1),
        last_on=date(2025, 12, 31),
        entered=Entered(Decimal(4), 20, Decimal(260), Decimal(120), load_at_departure=Decimal("0.35")),
        note="各企业台账汇总",
        by=county.people["officer"],
        at=clock.now(),
    )


def confirmed(page) -> None:
    page.locator("#confirm button[value=yes]").click()


def test_a_morning_from_the_hub_s_page_to_the_figures(county: County, worker, open_page):
    ready(county, vans=2)
    at_hub(county, "o1", 6)
    at_hub(county, "o3", 5)
    collected(county, "o2", 3)
    page = open_page()
    sign_in_page(page, "hub", PASSWORD)
    page.goto(reverse("vehicles:plans"))
    page.locator(f"a[href='{reverse('vehicles:plan-new')}']").first.click()
    page.locator("form.form button.btn-primary").click()  # tomorrow, the whole day, ten seconds, everybody
    plan = Plan.objects.latest("pk")
    assert (plan.service_date - clock.business_date(clock.now())).days == 1
    until(lambda: Plan.objects.filter(pk=plan.pk, state=PlanState.DRAFT).exists(), "the plan")
    expect(page.locator("#map .leaflet-interactive").first).to_be_visible(timeout=30_000)  # the page goes there itself
    expect(page.locator("details.trip").first).to_be_visible()
    assert plan.parcels.filter(trip__isnull=False).count() == 14

    page.locator(f"form[action='{reverse('vehicles:plan-review', args=[plan.pk])}'] button").click()
    page.locator(f"form[action='{reverse('vehicles:plan-issue', args=[plan.pk])}'] button").click()
    confirmed(page)
    until(lambda: Plan.objects.filter(pk=plan.pk, state=PlanState.ISSUED).exists(), "the issue")
    expect(page.locator(f"form[action='{reverse('vehicles:plan-rest', args=[plan.pk])}']")).to_be_visible()
    assert {trip.state for trip in plan.trips.all()} == {TripState.ASSIGNED}
    assert PlanParcel.objects.filter(plan=plan, live=True).count() == 14

    before(county)
    page = open_page(width=360)
    sign_in_page(page, "officer", PASSWORD)
    page.goto(reverse("vehicles:figures"))
    expect(page.locator("table .definition").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("共配前（2025）")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
