"""A station's page, the tree and the map: who sees what of it, and what it costs."""

from datetime import date

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from stations.models import Equipment, Region, Station
from tests.conftest import make_device

pytestmark = pytest.mark.django_db


def page(station: Station) -> str:
    return reverse("stations:station", args=[station.pk])


def test_the_page_shows_facts_people_and_handhelds(sign_in, county):
    make_device(county.c1, county.people["courier"])
    Station.objects.filter(pk=county.c1.pk).update(contact_phone="023-70001234", address="虎威镇正街1号")
    html = sign_in("officer").get(page(county.c1)).content.decode()
    for words in ("023-70001234", "虎威镇正街1号", "大池村服务点", "PDA-1", county.people["courier"].name):
        assert words in html


def test_villages_without_an_outlet_are_named(sign_in, county):
    response = sign_in("officer").get(page(county.c2))
    assert (response.context["covered"], response.context["village_count"]) == (1, 2)
    hub = sign_in("officer").get(page(county.h1))
    assert (hub.context["covered"], hub.context["village_count"]) == (3, 4)


def test_out_of_scope_is_not_found(sign_in, county, neighbour):
    assert sign_in(neighbour.people["officer"]).get(page(county.o1)).status_code == 404
    assert sign_in("operator2").get(page(county.o1)).status_code == 404
    assert sign_in("township").get(page(county.o3)).status_code == 404
    assert sign_in("officer").get(reverse("stations:station", args=[99999999])).status_code == 404


def test_a_carrier_reads_the_public_part(sign_in, county):
    make_device(county.o1, county.people["operator"])
    Equipment.objects.create(station=county.o1, kind="电子秤", serial="S-77")
    Station.objects.filter(pk=county.o1.pk).update(contact_name="王掌柜", contact_phone="13900001111")
    client = sign_in("carrier")
    html = client.get(page(county.o1)).content.decode()
    assert "大池村服务点" in html
    for hidden in ("王掌柜", "13900001111", "PDA-1", "S-77"):
        assert hidden not in html
    assert client.get(reverse("stations:station-history", args=[county.o1.pk])).status_code == 302


def test_a_temporary_station_past_its_date_shows_an_alarm(sign_in, county):
    Station.objects.filter(pk=county.o1.pk).update(tenure="temporary", tenure_until=date(2020, 1, 1))
    assert 'class="alarm"' in sign_in("officer").get(page(county.o1)).content.decode()
    assert 'class="alarm"' not in sign_in("officer").get(page(county.o2)).content.decode()


def test_the_tree_opens_by_centre(sign_in, county, neighbour):
    client = sign_in("officer")
    html = client.get(reverse("stations:tree")).content.decode()
    assert "虎威镇物流站" in html
    assert "大池村服务点" not in html
    branch = client.get(reverse("stations:tree-branch", args=[county.c1.pk])).content.decode()
    assert "大池村服务点" in branch
    assert client.get(reverse("stations:tree-branch", args=[neighbour.nc.pk])).status_code == 404
    assert client.get(reverse("stations:tree-branch", args=[county.o1.pk])).status_code == 404


def test_the_tree_of_an_operator_starts_at_their_outlet(sign_in, county):
    html = sign_in("operator").get(reverse("stations:tree")).content.decode()
    assert "大池村服务点" in html
    assert "虎威镇物流站" not in html


def test_map_points_are_scoped_and_fall_back_to_the_division(sign_in, county, neighbour):
    Station.objects.filter(pk=county.h1.pk).update(lng="107.73", lat="29.86")
    Region.objects.filter(pk=county.regions["v1"].pk).update(lng="107.6", lat="29.8")
    Region.objects.filter(pk=county.regions["t1"].pk).update(lng="107.61", lat="29.81")
    Station.objects.filter(pk=neighbour.nh.pk).update(lng="108.4", lat="30.8")
    points = sign_in("officer").get(reverse("stations:map-points")).json()
    assert {p["name"]: p["exact"] for p in points["stations"]} == {
        "丰都县级物流中心": True,
        "大池村服务点": False,
        "虎威镇物流站": False,
    }
    assert [t["name"] for t in points["townships"]] == ["虎威镇"]
    assert "大池村服务点" in sign_in("officer").get(reverse("stations:map")).content.decode()


def test_history_shows_changes_to_those_who_read_the_audit(sign_in, county):
    AuditEntry.objects.create(
        at="2026-11-20T00:00Z",
        actor_label="x",
        action="station.changed",
        entity="station",
        entity_id=str(county.o1.pk),
        before={"name": "旧名", "brands": ["ZTO"], "user_access": True, "region_code": "500230101200"},
        after={"name": "新名", "brands": ["ZTO", "YTO"], "user_access": False, "region_code": "500230101201"},
    )
    url = reverse("stations:station-history", args=[county.o1.pk])
    html = sign_in("officer").get(url).content.decode()
    for words in ("旧名 → 新名", "中通快递, 圆通速递", "大池村 → 同德村"):
        assert words in html.replace("、", ", ").replace("，", ", ")
    assert "旧名" not in sign_in("operator").get(url).content.decode()


@pytest.mark.parametrize("who", ["officer", "township", "centre", "admin"])
def test_pinned_queries(sign_in, county, who, django_assert_max_num_queries):
    client = sign_in(who)
    stations = (county.c1, county.o1) if who in ("township", "centre") else (county.h1, county.c1, county.o1)
    for station in stations:
        with django_assert_max_num_queries(12):
            assert client.get(page(station)).status_code == 200
    for name in ("tree", "map", "map-points"):
        with django_assert_max_num_queries(10):
            assert client.get(reverse(f"stations:{name}")).status_code == 200


@pytest.mark.parametrize("who", ["officer", "admin"])
def test_an_id_beyond_every_number_is_not_found(sign_in, who):
    for path in ("", "edit/", "move/", "history/", "close/"):
        assert sign_in(who).get(f"/stations/{10**30}/{path}").status_code == 404
