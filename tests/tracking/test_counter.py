"""The counter by its address: scanning on and on, pickup codes, warnings, undo, and who may do what where."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from common.ids import uuid7
from orders.models import Parcel
from stations.states import StationState
from tests.conftest import County, make_parcel
from tracking.models import ScanEvent

pytestmark = pytest.mark.django_db

ZTO = "73190553102532"


def scan(client: Client, operation: str, code: str, **more: object):
    """One scan as JavaScript sends it; the answer is the fragment."""
    fields = {"operation": operation, "code": code, "event_id": str(uuid7()), "method": "typed", **more}
    return client.post(reverse("tracking:counter"), fields, headers={"HX-Request": "true"})


def tone(answer) -> str:
    return re.search(r'data-tone="(\w*)"', answer.content.decode()).group(1)


def headline(answer) -> str:
    return re.search(r"<strong>(.*?)</strong>", answer.content.decode()).group(1)


def fresh(parcel: Parcel) -> Parcel:
    return Parcel.objects.get(pk=parcel.pk)


def test_the_page_offers_what_the_station_does(county: County, sign_in):
    outlet = sign_in("operator").get("/counter/").content.decode()
    assert "?op=shelve" in outlet
    assert "?op=hand_out" in outlet
    assert "?op=receive" not in outlet
    centre = sign_in("centre").get("/counter/").content.decode()
    assert "?op=receive" in centre
    assert "?op=unload" in centre
    assert "?op=carrier_out" not in centre
    hub = sign_in("hub").get("/counter/").content.decode()
    assert "?op=carrier_out" in hub
    assert "?op=hand_out" not in hub
    courier = sign_in("courier").get("/counter/").content.decode()
    assert "?op=out" in courier
    assert "?op=signed_self" in courier
    assert "?op=receive" not in courier


@pytest.mark.parametrize("who", ["township", "officer", "clerk", "approver", "auditor", "carrier", "support", "admin"])
def test_other_roles_have_no_counter(county: County, sign_in, who: str):
    client = sign_in(who)
    assert client.get("/counter/").status_code == 403
    assert scan(client, "shelve", ZTO).status_code == 403
    assert client.post("/counter/undo/", {"target": uuid4(), "event_id": uuid4()}).status_code == 403
    assert client.post("/counter/search/", {"text": ZTO}).status_code == 403
    assert client.post("/counter/station/", {"station": county.o1.pk}).status_code == 403


def test_strangers_sign_in_first(county: County):
    assert Client().get("/counter/").status_code == 302
    assert scan(Client(), "shelve", ZTO).status_code == 401


def test_shelve_and_hand_out_by_code(county: County, sign_in):
    client = sign_in("operator")
    parcel = make_parcel(county)
    answer = scan(client, "shelve", ZTO, shelf="3-2", method="scan")
    assert tone(answer) == "ok"
    row = fresh(parcel)
    assert (row.state, row.station_id, row.pickup_code) == ("at_outlet", county.o1.pk, "3-2-0001")
    assert "3-2-0001" in answer.content.decode()
    assert ScanEvent.objects.get(type="OUTLET_IN").method == "scan"
    answer = scan(client, "hand_out", "3-2-0001")
    assert tone(answer) == "ok"
    assert fresh(parcel).state == "delivered"
    assert ScanEvent.objects.get(type="SIGNED_PICKUP").pickup_code == "3-2-0001"
    answer = scan(client, "hand_out", "3-2-0001")
    assert (tone(answer), headline(answer)) == ("again", "已取走")
    assert ScanEvent.objects.filter(type="SIGNED_PICKUP").count() == 1


def test_a_wrong_code_is_red_and_stores_nothing(county: County, sign_in):
    answer = scan(sign_in("operator"), "hand_out", "9-9-9999")
    assert (tone(answer), headline(answer)) == ("error", "取件码不对")
    assert not ScanEvent.objects.exists()


def test_hand_out_by_waybill(county: County, sign_in):
    client = sign_in("operator")
    parcel = make_parcel(county)
    scan(client, "shelve", ZTO)
    assert tone(scan(client, "hand_out", ZTO)) == "ok"
    assert fresh(parcel).state == "delivered"
    assert tone(scan(client, "hand_out", "99999999999999")) == "error"  # nobody knows it: not made up


def test_a_code_of_another_station_is_not_ours(county: County, sign_in):
    parcel = make_parcel(county)
    scan(sign_in("operator"), "shelve", ZTO, shelf="3-2")
    other = sign_in("operator2")
    assert tone(scan(other, "hand_out", "3-2-0001")) == "error"
    assert tone(scan(other, "hand_out", ZTO)) == "error"
    assert fresh(parcel).state == "at_outlet"


def test_two_parcels_with_one_code_are_chosen_from(county: County, sign_in):
    client = sign_in("operator")
    first, second = make_parcel(county), make_parcel(county, "73190553102533")
    scan(client, "shelve", first.waybill_no, shelf="3-2-0007")
    scan(client, "shelve", second.waybill_no, shelf="3-3")
    event = ScanEvent.objects.get(waybill_no=second.waybill_no)  # a handheld gave the same code, offline
    Parcel.objects.filter(pk=second.pk).update(pickup_code="3-2-0007")
    assert event.pickup_code == "3-3-0001"
    answer = scan(client, "hand_out", "3-2-0007")
    assert tone(answer) == "error"
    assert f'name="parcel_id" value="{second.pk}"' in answer.content.decode()
    assert tone(scan(client, "hand_out", "3-2-0007", parcel_id=second.pk)) == "ok"
    assert (fresh(first).state, fresh(second).state) == ("at_outlet", "delivered")


def test_codes_are_unique_on_the_shelf_and_a_taken_one_is_refused(county: County, sign_in):
    client = sign_in("operator")
    for tail in range(3):
        scan(client, "shelve", make_parcel(county, f"7319055310254{tail}").waybill_no, shelf="1-2")
    assert set(Parcel.objects.values_list("pickup_code", flat=True)) == {"1-2-0001", "1-2-0002", "1-2-0003"}
    taken = scan(client, "shelve", make_parcel(county, "73190553102549").waybill_no, shelf="1-2-0002")
    assert tone(taken) == "error"
    own = scan(client, "shelve", "73190553102549", shelf="1-2-2041")
    assert tone(own) == "ok"
    assert "1-2-2041" in own.content.decode()


def test_a_second_scan_says_so_and_can_move_the_parcel(county: County, sign_in):
    client = sign_in("operator")
    parcel = make_parcel(county)
    scan(client, "shelve", ZTO, shelf="1-1")
    answer = scan(client, "shelve", ZTO, shelf="2-1")
    assert tone(answer) == "again"
    assert "1-1-0001" in answer.content.decode()
    assert ScanEvent.objects.count() == 1
    assert tone(scan(client, "shelve", ZTO, shelf="2-1", move="1")) == "ok"
    assert fresh(parcel).pickup_code == "2-1-0001"


def test_a_double_post_is_one_event(county: County, sign_in):
    client = sign_in("operator")
    make_parcel(county)
    event_id = str(uuid7())
    assert tone(scan(client, "shelve", ZTO, event_id=event_id)) == "ok"
    assert tone(scan(client, "shelve", ZTO, event_id=event_id)) == "again"
    assert ScanEvent.objects.count() == 1
    assert "1-1-0001" in scan(client, "shelve", ZTO, event_id=event_id).content.decode()


@pytest.fixture
def no_scans_left(transactional_db: None):
    """The partitioned table is made by SQL, so Django's flush after a test with real transactions leaves it full."""
    yield
    ScanEvent.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_two_posts_at_once_are_one_event(no_scans_left: None, county: County, sign_in):
    make_parcel(county)
    clients, event_id = [sign_in("operator") for _ in range(4)], str(uuid7())

    def send(client: Client) -> str:
        try:
            return tone(scan(client, "shelve", ZTO, event_id=event_id))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        tones = sorted(pool.map(send, clients))
    assert ScanEvent.objects.count() == 1
    assert tones.count("ok") == 1
    assert len(set(Parcel.objects.values_list("pickup_code", flat=True))) == 1


def test_a_parcel_of_another_outlet_is_received_with_a_warning(county: County, sign_in):
    parcel = make_parcel(county, destination="o3", village="v3")
    answer = scan(sign_in("operator"), "shelve", ZTO)
    assert (tone(answer), headline(answer)) == ("error", "错分")
    assert county.o3.name in answer.content.decode()
    assert fresh(parcel).station_id == county.o1.pk
    centre = scan(sign_in("centre"), "receive", make_parcel(county, "73190553102540", destination="o3").waybill_no)
    assert headline(centre) == "错分"
    assert county.c2.name in centre.content.decode()


def test_an_unknown_number_finds_its_carrier_or_asks(county: County, sign_in):
    client = sign_in("centre")
    assert tone(scan(client, "receive", "YT1234567890123")) == "ok"
    assert Parcel.objects.get(waybill_no="YT1234567890123").carrier_id == "YTO"
    answer = scan(client, "receive", "ABCDEF-1")
    assert tone(answer) == "error"
    assert 'name="carrier" value="JT"' in answer.content.decode()
    assert not Parcel.objects.filter(waybill_no="ABCDEF-1").exists()
    assert tone(scan(client, "receive", "ABCDEF-1", carrier="JT")) == "ok"
    assert not Parcel.objects.get(waybill_no="ABCDEF-1").announced


def test_one_number_of_two_carriers_is_asked(county: County, sign_in):
    make_parcel(county)
    make_parcel(county, carrier="JT")
    client = sign_in("operator")
    assert 'name="carrier" value="JT"' in scan(client, "shelve", ZTO).content.decode()
    assert tone(scan(client, "shelve", ZTO, carrier="JT")) == "ok"
    assert Parcel.objects.get(carrier="JT").state == "at_outlet"
    assert Parcel.objects.get(carrier="ZTO").state == "registered"


def test_undo_takes_the_scan_back(county: County, sign_in):
    client = sign_in("operator")
    parcel = make_parcel(county)
    scan(client, "shelve", ZTO)
    target = ScanEvent.objects.get()
    answer = client.post(
        "/counter/undo/", {"target": target.event_id, "event_id": uuid7()}, headers={"HX-Request": "true"}
    )
    assert tone(answer) == "ok"
    assert 'class="voided"' in answer.content.decode()
    assert fresh(parcel).state == "registered"
    again = client.post(
        "/counter/undo/", {"target": target.event_id, "event_id": uuid7()}, headers={"HX-Request": "true"}
    )
    assert tone(again) == "again"
    assert ScanEvent.objects.filter(type="CORRECTION").count() == 1
    assert tone(scan(client, "shelve", ZTO)) == "ok"  # and it may be shelved anew


def test_nobody_undoes_what_another_station_scanned(county: County, sign_in, neighbour: County):
    make_parcel(county)
    scan(sign_in("operator"), "shelve", ZTO)
    target = ScanEvent.objects.get().event_id
    for who in ("operator2", "courier", neighbour.people["operator"]):
        assert sign_in(who).post("/counter/undo/", {"target": target, "event_id": uuid7()}).status_code == 404
    assert ScanEvent.objects.count() == 1


def test_a_courier_undoes_their_own_scan(county: County, sign_in):
    parcel = make_parcel(county)
    client = sign_in("courier")
    assert tone(scan(client, "out", ZTO)) == "ok"
    assert (fresh(parcel).state, fresh(parcel).custodian_kind) == ("out_for_delivery", "actor")
    assert ZTO in client.get("/counter/").content.decode()  # in my hands
    target = ScanEvent.objects.get().event_id
    answer = client.post("/counter/undo/", {"target": target, "event_id": uuid7()}, headers={"HX-Request": "true"})
    assert tone(answer) == "ok"
    assert fresh(parcel).state == "registered"


def test_refusal_problem_and_return(county: County, sign_in):
    client = sign_in("operator")
    parcel = make_parcel(county)
    scan(client, "shelve", ZTO)
    assert tone(scan(client, "problem", ZTO, reason="damaged")) == "ok"
    assert fresh(parcel).damaged
    assert tone(scan(client, "problem", ZTO, reason="unreachable")) == "ok"
    assert (fresh(parcel).h_node, fresh(parcel).on_hold) == ("HELD", True)
    assert tone(scan(client, "refuse", ZTO, reason="unwanted")) == "ok"
    assert fresh(parcel).h_node == "REFUSED"
    assert tone(scan(client, "refuse", ZTO, reason="unwanted")) == "again"
    assert tone(scan(client, "send_back", ZTO)) == "ok"
    assert fresh(parcel).state == "in_transit"
    assert tone(scan(client, "refuse", "73190553109999")) == "error"


def test_the_way_through_hub_and_centre(county: County, sign_in):
    parcel = make_parcel(county)
    hub, centre = sign_in("hub"), sign_in("centre")
    assert tone(scan(hub, "receive", ZTO)) == "ok"
    assert fresh(parcel).state == "at_hub"
    assert tone(scan(hub, "load", ZTO, trip="L1-0801")) == "ok"
    assert (fresh(parcel).state, fresh(parcel).c_trip) == ("in_transit", "L1-0801")
    assert tone(scan(centre, "unload", ZTO)) == "ok"
    assert fresh(parcel).state == "at_centre"
    assert tone(scan(centre, "unload", ZTO)) == "again"
    assert tone(scan(hub, "collect", "YT1234567890123")) == "ok"
    assert tone(scan(hub, "carrier_out", "YT1234567890123")) == "ok"
    assert Parcel.objects.get(carrier="YTO").custodian_kind == "carrier"


def test_today_and_what_waits_are_counted(county: County, sign_in):
    client = sign_in("operator")
    for tail in range(3):
        scan(client, "shelve", make_parcel(county, f"7319055310254{tail}").waybill_no)
    scan(client, "hand_out", "1-1-0002")
    page = client.get("/counter/")
    counts = {str(label): number for label, number in page.context["counts"]}
    assert (counts["到件上架"], counts["取件出库"]) == (3, 1)
    assert page.context["waiting"].total == 2
    assert [p.pickup_code for p in page.context["waiting"].parcels] == ["1-1-0001", "1-1-0003"]


def test_search_by_code_waybill_and_phone_tail(county: County, sign_in, neighbour: County):
    client = sign_in("operator")
    parcel = make_parcel(county)
    scan(client, "shelve", ZTO, shelf="3-2")
    for text in (ZTO, "3-2-0001", "1907"):
        found = client.post("/counter/search/", {"text": text}, headers={"HX-Request": "true"}).content.decode()
        assert parcel.waybill_no in found, text
        assert "张三丰" not in found
        assert "13812341907" not in found
    other = sign_in("operator2")
    for text in (ZTO, "3-2-0001", "1907"):
        assert (
            ZTO not in other.post("/counter/search/", {"text": text}, headers={"HX-Request": "true"}).content.decode()
        )


def test_it_works_without_javascript(county: County, sign_in):
    client = sign_in("operator")
    make_parcel(county)
    fields = {"operation": "shelve", "code": f" {ZTO} \n", "event_id": uuid7(), "shelf": "3-2"}
    page = client.post("/counter/", fields)
    assert page.status_code == 200
    assert 'id="scan"' in page.content.decode()
    assert tone(page) == "ok"
    assert client.post("/counter/search/", {"text": ZTO}).status_code == 200
    assert client.get("/counter/undo/").status_code == 302
    assert client.get("/counter/search/").status_code == 302


@pytest.mark.parametrize(
    "fields",
    [
        {"code": ""},
        {"code": "x"},
        {"code": "中文单号"},
        {"code": "a" * 500},
        {"code": "7319055310\x002532"},
        {"code": "<script>alert(1)</script>"},
        {"event_id": "nonsense"},
        {"operation": "receive"},
        {"operation": "drop"},
        {"shelf": "'; --"},
        {"trip": "\x00", "operation": "load"},
        {"carrier": "NOBODY", "code": "YT1234567890123"},
        {"parcel_id": "99999999999999999999", "operation": "hand_out"},
        {"reason": "x" * 60, "operation": "refuse"},
    ],
)
def test_nonsense_is_refused_with_words(county: County, sign_in, fields: dict[str, str]):
    client = sign_in("operator")
    answer = scan(client, **{"operation": "shelve", "code": ZTO, **fields})
    assert answer.status_code == 200
    assert tone(answer) == "error"
    assert b"<script>alert" not in answer.content
    assert not ScanEvent.objects.exists()


def test_an_operator_stands_at_stations_below(county: County, sign_in):
    client = sign_in("centre")
    assert client.post("/counter/station/", {"station": county.o2.pk}).status_code == 302
    page = client.get("/counter/")
    assert page.context["desk"].station == county.o2
    assert "?op=shelve" in page.content.decode()
    assert client.post("/counter/station/", {"station": county.o3.pk}).status_code == 404
    make_parcel(county, destination="o2", village="v2")
    assert tone(scan(client, "shelve", ZTO)) == "ok"
    assert ScanEvent.objects.get().station == county.o2


def test_a_closed_station_has_no_counter(county: County, sign_in):
    type(county.o1).objects.filter(pk=county.o1.pk).update(state=StationState.CLOSED)
    page = sign_in("operator").get("/counter/")
    assert page.status_code == 200
    assert "?op=" not in page.content.decode()
    assert scan(sign_in("operator"), "shelve", ZTO).status_code == 200
    assert not ScanEvent.objects.exists()


def test_the_pickup_slip(county: County, sign_in):
    client = sign_in("operator")
    parcel = make_parcel(county)
    assert client.get(f"/parcels/{parcel.pk}/pickup-code/").status_code == 404  # has none yet
    scan(client, "shelve", ZTO, shelf="3-2")
    page = client.get(f"/parcels/{parcel.pk}/pickup-code/").content.decode()
    assert "3-2-0001" in page
    assert "张三丰" not in page
    assert sign_in("operator2").get(f"/parcels/{parcel.pk}/pickup-code/").status_code == 404
    assert sign_in("admin").get(f"/parcels/{parcel.pk}/pickup-code/").status_code == 403


def test_the_page_costs_few_queries(county: County, sign_in, django_assert_max_num_queries):
    client = sign_in("operator")
    for tail in range(5):
        scan(client, "shelve", make_parcel(county, f"7319055310254{tail}").waybill_no)
    target = ScanEvent.objects.filter(type="OUTLET_IN").first().event_id
    client.post("/counter/undo/", {"target": target, "event_id": uuid7()})
    with django_assert_max_num_queries(12):
        page = client.get("/counter/")
    assert {str(label): number for label, number in page.context["counts"]}["到件上架"] == 4
