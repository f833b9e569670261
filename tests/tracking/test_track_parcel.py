"""A parcel's page: the whole way with its evidence, for those in scope; personal data masked."""

import pytest
from django.test import Client

from common.ids import uuid7
from tests.conftest import County, make_parcel
from tracking.models import ScanEvent

pytestmark = pytest.mark.django_db
ZTO = "73190553102532"


def scan(client: Client, operation: str, code: str = ZTO, **more: object):
    fields = {"operation": operation, "code": code, "event_id": uuid7(), **more}
    return client.post("/counter/", fields, headers={"HX-Request": "true"})


@pytest.fixture
def travelled(county: County, sign_in):
    parcel = make_parcel(county)
    scan(sign_in("hub"), "receive")
    scan(sign_in("hub"), "load", trip="L1")
    scan(sign_in("operator"), "shelve", shelf="3-2", method="scan")
    return parcel


def test_the_page_tells_the_way(travelled, county: County, sign_in):
    text = sign_in("operator").get(f"/parcels/{travelled.pk}/").content.decode()
    for word in (
        ZTO,
        "中通快递",
        county.h1.name,
        county.o1.name,
        "3-2-0001",
        "扫描",
        "手工输入",
        "L1",
        'class="inferred"',
    ):
        assert word in text, word
    assert "张**" in text
    assert "张三丰" not in text
    assert "13812341907" not in text
    assert '<path d="M' in text


@pytest.mark.parametrize("who", ["officer", "auditor", "support", "carrier", "clerk", "township"])
def test_the_pickup_code_is_for_those_who_hand_out(travelled, sign_in, who: str):
    client = sign_in(who)
    for path in (f"/parcels/{travelled.pk}/", "/parcels/", f"/api/v1/parcels/{travelled.pk}/events/"):
        assert "3-2-0001" not in client.get(path).content.decode()
    assert client.get(f"/parcels/{travelled.pk}/pickup-code/").status_code == 403


def test_the_code_of_another_shelf_is_that_shelfs(county: County, sign_in):
    parcel = make_parcel(county)  # bound for o1, shelved in another township
    scan(sign_in("operator2"), "shelve", shelf="7-7")
    bound = sign_in("operator")
    page = bound.get(f"/parcels/{parcel.pk}/")
    found = bound.post("/counter/search/", {"text": ZTO}, headers={"HX-Request": "true"})
    for answer in (page, found):
        assert answer.status_code == 200
        assert ZTO in answer.content.decode()
        assert "7-7-0001" not in answer.content.decode()
    assert bound.get(f"/parcels/{parcel.pk}/pickup-code/").status_code == 404
    assert "7-7-0001" in sign_in("operator2").get(f"/parcels/{parcel.pk}/pickup-code/").content.decode()


def test_an_undone_scan_stays_to_be_seen(travelled, sign_in):
    client = sign_in("operator")
    target = ScanEvent.objects.get(type="OUTLET_IN").event_id
    client.post("/counter/undo/", {"target": target, "event_id": uuid7()})
    text = client.get(f"/parcels/{travelled.pk}/").content.decode()
    assert 'class="undone"' in text


@pytest.mark.parametrize("who", ["operator", "centre", "hub", "courier", "township", "officer", "support", "carrier"])
def test_those_in_scope_see_it(travelled, sign_in, who: str):
    assert sign_in(who).get(f"/parcels/{travelled.pk}/").status_code == 200


def test_others_see_nothing(travelled, sign_in, neighbour: County):
    for who in ("operator2", neighbour.people["officer"], neighbour.people["operator"]):
        assert sign_in(who).get(f"/parcels/{travelled.pk}/").status_code == 404
    assert sign_in("admin").get(f"/parcels/{travelled.pk}/").status_code == 403
    assert Client().get(f"/parcels/{travelled.pk}/").status_code == 302
    assert sign_in("operator").get("/parcels/99999999999999999999999/").status_code == 404


def test_only_some_may_ask_for_the_name(travelled, sign_in):
    assert 'name="reason"' in sign_in("operator").get(f"/parcels/{travelled.pk}/").content.decode()
    assert 'name="reason"' not in sign_in("officer").get(f"/parcels/{travelled.pk}/").content.decode()


def test_it_costs_few_queries(travelled, sign_in, django_assert_max_num_queries):
    client = sign_in("operator")
    client.post("/counter/undo/", {"target": ScanEvent.objects.get(type="OUTLET_IN").event_id, "event_id": uuid7()})
    with django_assert_max_num_queries(12):
        assert client.get(f"/parcels/{travelled.pk}/").status_code == 200
