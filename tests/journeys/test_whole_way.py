"""One parcel's whole way, through HTTP and Chromium, with a real worker: announced by a carrier's file, scanned by
handhelds on the way, shelved and handed out at the village counter, paid for, and counted in the month's report."""

import gzip
import io
import json
import re
import urllib.request
from datetime import timedelta

import pytest
from django.core.management import call_command
from playwright.sync_api import expect

from common import bell, clock
from common.ids import uuid7
from orders.models import Parcel
from settlement.models import Line
from settlement.services.holds import release_holds
from tests.conftest import PASSWORD, County
from tests.journeys.conftest import sign_in_page, until
from tests.settlement.people import make_policy
from tracking.models import ScanEvent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WAYBILL = "73190553102532"
OTHER = "YT5555508965056"


class Handheld:
    """A client of the API as docs say: numbers its scans, sends them compressed, sends again what got no answer."""

    def __init__(self, base_url: str, station: str, user: str) -> None:
        printed = io.StringIO()
        call_command("enrol_device", station=station, user=user, name="PDA", stdout=printed)
        self.token = re.search(r"[A-Za-z0-9_-]{43}", printed.getvalue()).group()
        self.base_url, self.station, self.seq = base_url, station, 0

    def event(self, kind: str, waybill: str = WAYBILL, carrier: str = "ZTO", **more: object) -> dict[str, object]:
        self.seq += 1
        return {
            "event_id": str(uuid7()),
            "seq": self.seq,
            "type": kind,
            "carrier": carrier,
            "waybill_no": waybill,
            "station": self.station,
            "occurred_at": clock.now().isoformat(),
            "method": "scan",
            **more,
        }

    def call(self, path: str, body: object = None) -> tuple[int, dict]:
        request = urllib.request.Request(self.base_url + path, headers={"Authorization": f"Device {self.token}"})
        if body is not None:
            request.data = gzip.compress(json.dumps(body).encode())
            request.add_header("Content-Type", "application/json")
            request.add_header("Content-Encoding", "gzip")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)

    def send(self, *events: dict[str, object]) -> dict:
        batch = {"batch_id": str(uuid7()), "device_now": clock.now().isoformat(), "events": list(events)}
        status, answer = self.call("/api/v1/scan-batches/", batch)
        assert status == 200
        return answer


def parcel_file(collected: str) -> str:
    rows = [
        "快递公司,运单号,收件人,手机号,村代码,揽收时间",
        f"中通快递,{WAYBILL},张三丰,13812341907,500230101200,{collected}",
        f"圆通速递,{OTHER},李四,139****0002,500230101200,",
        "中通快递,73190553102599,王五,13800000000,500230999999,",  # no such village
    ]
    return "\ufeff" + "\r\n".join(rows) + "\r\n"


def test_a_parcel_from_the_carriers_file_to_the_months_report(county: County, open_page, live_server, worker, tmp_path):
    make_policy(county)

    # 1. the township's manager uploads the carrier's file: one bad row doesn't sink the others
    collected = (clock.now() - timedelta(hours=20)).astimezone(clock.SHANGHAI)
    file = tmp_path / "parcels.csv"
    file.write_text(parcel_file(f"{collected:%Y-%m-%d %H:%M}"), encoding="utf-8")
    office = open_page(1280)
    sign_in_page(office, "township", PASSWORD)
    office.goto("/imports/")
    office.set_input_files("input[type=file]", str(file))
    office.get_by_role("button", name="检查文件").click()
    office.get_by_text("张*丰").wait_for(timeout=60_000)  # the worker has checked it; names are masked
    expect(office.locator("body")).to_contain_text("500230999999")
    assert Parcel.objects.count() == 0, "a preview writes nothing"
    office.get_by_role("button", name=re.compile("导入 2 件")).click()
    office.get_by_role("link", name="查看包裹").or_(office.get_by_text("已写入")).first.wait_for(timeout=60_000)
    until(lambda: Parcel.objects.count() == 2, "two parcels")

    # 2. handhelds on the way; an answer gets lost, so the hub sends its batch again
    hub = Handheld(live_server.url, "FD-H1", "hub")
    scans = [hub.event("HUB_IN"), hub.event("LOADED", trip="1120-C1"), hub.event("HUB_IN", OTHER, "YTO")]
    first = hub.send(*scans, {**hub.event("HUB_IN"), "type": "TELEPORTED"})
    assert first["accepted"] == 3
    assert [(e["index"], e["status"]) for e in first["exceptions"]] == [(3, "invalid")]
    again = hub.send(*scans)
    assert again["accepted"] == 0
    assert {e["status"] for e in again["exceptions"]} == {"duplicate"}
    assert again["highest_contiguous_seq"] == 4
    centre = Handheld(live_server.url, "FD-C1", "courier")
    centre.send(centre.event("UNLOADED"), centre.event("LOADED", trip="1120-C1B"))

    # 3. the worker folds them
    def state() -> str:
        _status, found = hub.call(f"/api/v1/parcels/?carrier=ZTO&waybill_no={WAYBILL}")
        return found["results"][0]["state"] if found["results"] else ""

    until(lambda: state() == "in_transit", "the parcel on its way")

    # 4. the village counter on a phone: shelve with a code, the recipient looks it up, hand out by the code
    phone = open_page(360, 740)
    sign_in_page(phone, "operator", PASSWORD)
    phone.goto("/counter/")
    phone.fill("#shelf", "3-2")
    phone.fill("#code", WAYBILL)
    phone.press("#code", "Enter")
    code = phone.locator("#result .result-big").text_content(timeout=30_000)
    assert re.fullmatch(r"3-2-\d{4}", code)
    recipient = open_page(360, 740)
    recipient.goto("/track/")
    recipient.fill("input[name=waybill_no], input[name=waybill]", WAYBILL)
    recipient.fill("input[name=phone_tail], input[name=tail]", "1907")
    recipient.keyboard.press("Enter")
    expect(recipient.locator(".tracked")).to_contain_text("大池村服务点")
    assert "张" not in recipient.locator("main").text_content()
    phone.locator(".operations a", has_text="取件出库").click()
    phone.fill("#code", code)
    phone.press("#code", "Enter")
    expect(phone.locator("#result")).to_have_attribute("data-tone", "ok", timeout=30_000)
    assert Parcel.objects.get(waybill_no=WAYBILL).state == "delivered"

    # 5. exactly one line, which names its scans; the outlet reads why
    def settled() -> bool:
        bell.ring("settlement.tasks.settle")
        return Line.objects.exists()

    until(settled, "the line", 120)
    line = Line.objects.get()
    evidence = list(ScanEvent.objects.filter(event_id__in=line.evidence).order_by("k").values_list("type", flat=True))
    assert evidence == ["HUB_IN", "LOADED", "UNLOADED", "LOADED", "OUTLET_IN", "SIGNED_PICKUP"]
    phone.goto("/settlement/")
    expect(phone.locator("main")).to_contain_text("扫描全部为手工录入")  # at the counter both codes were typed
    release_holds(
        hold_ids=[line.hold.pk], by=county.people["officer"], at=clock.now(), reason="取件人电话核实，确已取走"
    )
    phone.goto("/settlement/")
    expect(phone.locator("#list")).to_contain_text("0.3000")
    phone.locator("#list summary").first.click()
    phone.locator("#list ol a").last.click()
    expect(phone.locator("body")).to_contain_text(WAYBILL)

    # 6. the county's officer has the month computed; a number leads to the parcel behind it
    county_page = open_page(1280)
    sign_in_page(county_page, "officer", PASSWORD)
    county_page.goto("/reports/")
    county_page.get_by_role("button", name="立即生成").click()
    until(lambda: listed(county_page), "the month's report")
    county_page.locator("table a").first.click()
    expect(county_page.locator("h1")).to_contain_text("丰都县")
    figures = county_page.locator(".figures").first
    expect(figures).to_contain_text("0.30")
    county_page.locator(".figure", has_text="签收件").locator("a").first.click()
    expect(county_page.locator("body")).to_contain_text(WAYBILL)
    county_page.get_by_role("link", name=re.compile(WAYBILL)).click()
    expect(county_page.locator("h1")).to_contain_text(WAYBILL)
    expect(county_page.locator("body")).to_contain_text("已妥投")
    assert worker.poll() is None


def listed(page) -> bool:
    page.goto("/reports/")
    return page.locator("table a").count() > 0
