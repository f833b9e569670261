"""A morning at a village counter on a phone: scan five parcels, hand one out by its code, take one back."""

import pytest
from playwright.sync_api import expect

from orders.models import Parcel
from tests.conftest import PASSWORD, County, make_parcel
from tests.journeys.conftest import sign_in_page
from tracking.models import ScanEvent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WAYBILLS = [f"7319055310254{n}" for n in range(5)]


@pytest.fixture
def counter(county: County, open_page):
    for waybill in WAYBILLS:
        make_parcel(county, waybill)
    page = open_page(width=360, height=640)
    sign_in_page(page, "operator", PASSWORD)
    page.goto("/counter/")
    return page


def wedge(page, code: str) -> None:
    """A scanner in keyboard mode: fast keys, then Enter."""
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def test_five_parcels_one_handed_out_one_undone(counter, county: County):
    page = counter
    expect(page.locator("#code")).to_be_focused()
    page.fill("#shelf", "3-2")
    page.focus("#code")
    for waybill in WAYBILLS:  # one after the other, without waiting for the answers
        wedge(page, waybill)
    expect(page.locator(".recent li")).to_have_count(5)
    expect(page.locator("#result .result-big")).to_have_text("3-2-0005")
    expect(page.locator("#result")).to_have_attribute("data-tone", "ok")
    expect(page.locator("#code")).to_be_focused()
    assert page.input_value("#code") == ""
    assert sorted(Parcel.objects.values_list("pickup_code", flat=True)) == [f"3-2-000{n}" for n in range(1, 6)]

    wedge(page, WAYBILLS[4])
    expect(page.locator("#result")).to_have_attribute("data-tone", "again")
    assert ScanEvent.objects.count() == 5

    page.locator(".operations a", has_text="取件出库").click()
    expect(page.locator("#code")).to_be_focused()
    wedge(page, "9-9-9999")
    expect(page.locator("#result")).to_have_attribute("data-tone", "error")
    wedge(page, "3-2-0002")
    expect(page.locator("#result strong")).to_have_text("已出库")
    assert Parcel.objects.get(waybill_no=WAYBILLS[1]).state == "delivered"

    page.locator("#result button", has_text="撤销").click()
    expect(page.locator("#result strong")).to_have_text("已撤销")
    expect(page.locator(".recent li.voided")).to_have_count(1)
    assert Parcel.objects.get(waybill_no=WAYBILLS[1]).state == "at_outlet"
    expect(page.locator("#code")).to_be_focused()

    page.fill("#search-text", "1907")
    page.press("#search-text", "Enter")
    expect(page.locator("#found li")).to_have_count(5)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360


def test_a_scan_waits_while_the_line_is_down(county: County, chromium, live_server):
    """Nothing is lost without a connection; its errors stand in the console, so the page is one of our own."""
    for waybill in WAYBILLS[:2]:
        make_parcel(county, waybill)
    context = chromium.new_context(base_url=live_server.url, locale="zh-CN")
    page = context.new_page()
    sign_in_page(page, "operator", PASSWORD)
    page.goto("/counter/")
    context.set_offline(True)
    wedge(page, WAYBILLS[0])
    wedge(page, WAYBILLS[1])
    expect(page.locator("#unsent")).to_contain_text("2")
    assert not ScanEvent.objects.exists()
    context.set_offline(False)
    expect(page.locator(".recent li")).to_have_count(2, timeout=20_000)
    expect(page.locator("#unsent")).to_be_hidden()
    assert ScanEvent.objects.count() == 2
    context.close()
