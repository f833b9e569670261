"""A driver runs one trip on a phone to the end: check, load, two stops, back, with a lost connection on the way."""

import os

import pytest
from playwright.sync_api import expect

from common import clock
from tests.conftest import NOW, PASSWORD, County
from tests.journeys.conftest import sign_in_page
from tests.vehicles import issued
from tests.vehicles.issued import Morning
from tracking.models import ScanEvent
from vehicles.queries.sheets import trip_sheet
from vehicles.states import LoadState, TripState

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("SHOTS", "")


def shot(page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.fixture
def morning(county: County, monkeypatch) -> Morning:
    """A trip that leaves now."""
    ahead = clock.now() - NOW
    monkeypatch.setattr(issued, "NOW", NOW + ahead)
    made = Morning(county, departs_at=clock.now())
    for n, station in enumerate((county.h1, county.o1, county.o2)):
        station.lng, station.lat = 107.73 + n / 30, 29.86 + n / 50
        station.save(update_fields=["lng", "lat"])
    return made


def confirmed(page) -> None:
    page.locator("#confirm button[value=yes]").click()


def test_a_trip_from_check_to_end(morning: Morning, open_page):
    page = open_page(width=360, height=740)
    sign_in_page(page, "courier", PASSWORD)
    page.goto("/")
    page.locator("nav.bottom a", has_text="我的车次").click()
    expect(page.locator(".my-trips li")).to_have_count(1)
    shot(page, "drive-list-360")
    page.locator(".my-trips a").click()
    expect(page.locator(".stop-name").first).to_have_text("丰都县级物流中心")
    shot(page, "drive-hub-360")

    page.locator("a", has_text="出车检查").click()
    shot(page, "check-360")
    for item in page.locator(".check-item").all():
        item.locator("label", has_text="正常").click()
    page.fill("[name=seal_no]", "S-1001")
    page.locator("button", has_text="保存检查").click()
    expect(page.locator("#messages .alert-success")).to_be_visible()

    page.fill("#code", morning.a.waybill_no)
    page.press("#code", "Enter")
    expect(page.locator("#result")).to_have_attribute("data-tone", "ok")
    expect(page.locator("#code")).to_be_focused()
    page.locator("button", has_text="件全部装车").click()
    confirmed(page)
    expect(page.locator(".stop-card .tails")).to_have_count(0)
    page.locator("button.stop-go").click()
    expect(page.locator(".stop-kind").first).to_have_text("下一站")
    expect(page.locator(".tails li")).to_have_count(2)
    shot(page, "drive-road-360")

    page.locator("button.stop-go").click()
    expect(page.locator(".stop-name").first).to_have_text("大池村服务点")
    shot(page, "drive-stop-360")
    page.fill("#code", morning.c.waybill_no)  # it belongs to the next stop
    page.press("#code", "Enter")
    expect(page.locator("#result")).to_have_attribute("data-tone", "error")
    shot(page, "drive-wrong-360")
    page.locator("button", has_text="件全部卸在这里").click()
    confirmed(page)
    expect(page.locator("#result")).to_have_attribute("data-tone", "ok")
    page.locator("button.stop-go").click()
    expect(page.locator(".stop-name").first).to_have_text("同德村服务点")

    page.locator("button.stop-go").click()  # arrived
    expect(page.locator("#code")).to_be_visible()
    page.fill("#code", morning.c.waybill_no[-4:])
    page.press("#code", "Enter")
    expect(page.locator("#result")).to_have_attribute("data-tone", "ok")
    page.fill("#code", morning.up.waybill_no[-5:])
    page.press("#code", "Enter")
    expect(page.locator("#result strong")).to_have_text("装车")
    page.locator("button.stop-go").click()
    expect(page.locator(".stop-name").first).to_have_text("丰都县级物流中心")
    page.locator("button.stop-go").click()
    page.locator("button", has_text="件全部卸在这里").click()
    confirmed(page)
    expect(page.locator("#drive-live .alert-success")).to_contain_text("已结束")
    shot(page, "drive-end-360")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    trip = morning.now()
    assert trip.state == TripState.COMPLETED
    sheet = trip_sheet(trip, clock.now())
    assert {load.state for load in sheet.loads} == {LoadState.DONE}
    assert not sheet.left_unchecked
    assert {e.trip for e in ScanEvent.objects.all()} == {trip.code}


def test_acts_wait_while_the_line_is_down(morning: Morning, chromium, live_server):
    """What was pressed without a network keeps the time it was pressed at, and goes out in order."""
    morning.say("DEPARTED", morning.county.h1, clock.now())
    context = chromium.new_context(base_url=live_server.url, locale="zh-CN", viewport={"width": 360, "height": 740})
    page = context.new_page()
    sign_in_page(page, "courier", PASSWORD)
    page.goto(f"/vehicles/drive/{morning.trip.code}/")
    context.set_offline(True)
    page.locator("button.stop-go").click()
    expect(page.locator("#unsent")).to_be_visible()
    assert not ScanEvent.objects.filter(type="ARRIVED").exists()
    pressed = clock.now()
    context.set_offline(False)
    expect(page.locator(".stop-kind").first).to_have_text("您在", timeout=20_000)
    assert ScanEvent.objects.get(type="ARRIVED").occurred_at <= pressed
    context.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_the_hub_watches(morning: Morning, open_page, width: int):
    m, c, at = morning, morning.county, clock.now()
    m.say("LOADED", c.h1, at, waybill_no=m.a.waybill_no)
    m.say("LOADED", c.h1, at, waybill_no="73190553100099")
    m.say("DEPARTED", c.h1, at)
    page = open_page(width=width)
    sign_in_page(page, "hub", PASSWORD)
    code = m.trip.code
    for name, url, there in (
        ("trips", "/vehicles/trips/", ".table"),
        ("trip", f"/vehicles/trips/{code}/?waybill={m.a.waybill_no}&time=23:59:59", ".custody-answer"),
        ("manifest", f"/vehicles/trips/{code}/list/", ".tick"),
        ("live", "/vehicles/live/", ".live-list li a"),
        ("replay", f"/vehicles/trips/{code}/replay/", "#replay-clock"),
        ("breakdown", f"/vehicles/trips/{code}/breakdown/", "form"),
    ):
        page.goto(url)
        expect(page.locator(there).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        shot(page, f"{name}-{width}")
