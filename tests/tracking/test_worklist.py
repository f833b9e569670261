"""The work list: what should come, is here, waits too long, is held or damaged; its numbers lead to the parcels."""

from datetime import timedelta

import pytest
from django.test import Client

from common import clock
from common.ids import uuid7
from tests.conftest import County, make_parcel
from tracking import services
from tracking.services import record_scans, sender_for_user

pytestmark = pytest.mark.django_db
WAYBILLS = [f"7319055310254{n}" for n in range(8)]


def scanned(county: County, who: str, station: str, node: str, waybill: str, hours_ago: float = 1) -> None:
    """One stored and folded scan of some hours ago."""
    at = clock.now() - timedelta(hours=hours_ago)
    event = {
        "event_id": str(uuid7()),
        "type": node,
        "carrier": "ZTO",
        "waybill_no": waybill,
        "station": county.stations[station].code,
        "occurred_at": at.isoformat(),
        "method": "scan",
    }
    sender = sender_for_user(county.people[who], county.stations[station])
    receipt = record_scans(sender=sender, batch_id=None, device_now=None, events=[event], received_at=at)
    services.fold_upload(upload_id=receipt.upload_id, at=at)


@pytest.fixture
def busy(county: County) -> County:
    """o1: two on the shelf (one for 60 h, damaged), o3: one on hold; c1: one for 30 h; two still to come to o1."""
    for n, place in enumerate(("o1", "o1", "o3", "o2", "o1", "o1")):
        make_parcel(county, WAYBILLS[n], destination=place, village={"o1": "v1", "o2": "v2", "o3": "v3"}[place])
    scanned(county, "operator", "o1", "OUTLET_IN", WAYBILLS[0])
    scanned(county, "operator", "o1", "OUTLET_IN", WAYBILLS[1], 60)
    scanned(county, "operator", "o1", "DAMAGED", WAYBILLS[1], 2)
    scanned(county, "operator2", "o3", "OUTLET_IN", WAYBILLS[2])
    scanned(county, "operator2", "o3", "REFUSED", WAYBILLS[2], 0.5)
    scanned(county, "centre", "c1", "UNLOADED", WAYBILLS[3], 30)
    scanned(county, "hub", "h1", "HUB_IN", WAYBILLS[4])
    return county


def rows(client: Client, query: str = "") -> dict[str, dict[str, int]]:
    page = client.get(f"/worklist/{query}")
    assert page.status_code == 200
    return {line.name: {kind: number for kind, _words, number, _url in line.cells} for line in page.context["lines"]}


def test_a_township_sees_its_stations(busy: County, sign_in):
    found = rows(sign_in("township"))
    assert set(found) == {busy.c1.name, busy.o1.name, busy.o2.name}
    assert found[busy.o1.name] == {"coming": 2, "here": 2, "late": 1, "hold": 0, "damaged": 1}
    assert found[busy.c1.name] == {"coming": 0, "here": 1, "late": 1, "hold": 0, "damaged": 0}
    assert found[busy.o2.name]["coming"] == 1


def test_the_county_sees_townships_then_stations(busy: County, sign_in):
    client = sign_in("officer")
    found = rows(client)
    assert set(found) == {busy.h1.name, "虎威镇", "社坛镇"}
    assert found["虎威镇"] == {"coming": 3, "here": 3, "late": 2, "hold": 0, "damaged": 1}
    assert found["社坛镇"]["hold"] == 1
    assert set(rows(client, f"?township={busy.o3.township_code}")) == {busy.c2.name, busy.o3.name}


@pytest.mark.parametrize(
    ("kind", "waybills"),
    [("coming", {3, 4, 5}), ("here", {0, 1, 3}), ("late", {1, 3}), ("hold", set()), ("damaged", {1})],
)
def test_each_number_leads_to_its_parcels(busy: County, sign_in, kind: str, waybills: set[int]):
    client = sign_in("township")
    page = client.get(f"/worklist/?kind={kind}")
    assert {p.waybill_no for p in page.context["page"]} == {WAYBILLS[n] for n in waybills}
    assert page.context["total"] == sum(row[kind] for row in rows(client).values())
    part = client.get(f"/worklist/?kind={kind}", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="list">')


def test_filters_stay_in_the_address_and_nonsense_is_left_out(busy: County, sign_in):
    client = sign_in("township")
    page = client.get(f"/worklist/?kind=here&station={busy.o1.pk}")
    assert page.context["total"] == 2
    for query in ("?kind=nonsense", "?station=x&page=-5", "?kind=here&page=999", "?township=1", "?station=99999999999"):
        assert client.get(f"/worklist/{query}").status_code == 200


@pytest.mark.parametrize("who", ["operator", "centre", "hub", "township", "officer", "auditor", "support"])
def test_those_who_may(busy: County, sign_in, who: str):
    assert sign_in(who).get("/worklist/").status_code == 200
    assert sign_in(who).get("/worklist/?kind=late").status_code == 200


@pytest.mark.parametrize("who", ["courier", "clerk", "approver", "carrier", "admin"])
def test_those_who_may_not(county: County, sign_in, who: str):
    assert sign_in(who).get("/worklist/").status_code == 403


def test_the_neighbour_sees_nothing_of_it(busy: County, sign_in, neighbour: County):
    client = sign_in(neighbour.people["officer"])
    assert all(not any(row.values()) for row in rows(client).values())
    assert client.get(f"/worklist/?kind=here&station={busy.o1.pk}").context["total"] == 0


@pytest.mark.parametrize("query", ["", "?kind=here", "?kind=late"])
def test_it_costs_few_queries(busy: County, sign_in, django_assert_max_num_queries, query: str):
    for who in ("township", "officer"):
        client = sign_in(who)
        with django_assert_max_num_queries(12):
            client.get(f"/worklist/{query}")
