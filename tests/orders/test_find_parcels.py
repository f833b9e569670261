"""The list of parcels: found by number, tail or code, within one's scope, without a count over everything."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEntry
from orders import queries
from orders.models import Parcel
from tests.conftest import COUNTY, NOW, County, make_parcel

pytestmark = pytest.mark.django_db
CANARIES = ("张三丰", "13812341907", "欧阳震华", "13987654321")


def found(client, **query: str) -> str:
    answer = client.get(reverse("orders:parcels"), query)
    assert answer.status_code == 200
    return answer.content.decode()


def put(parcel: Parcel, **values: object) -> None:
    """What the fold would have written."""
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute(f"UPDATE orders_parcel SET {name} = %s WHERE id = %s", [value, parcel.pk])


@pytest.fixture
def two(county: County) -> tuple[Parcel, Parcel]:
    return (
        make_parcel(county, "73190553102532"),
        make_parcel(
            county,
            "YT5555508965056",
            carrier="YTO",
            village="v3",
            destination="o3",
            name="欧阳震华",
            phone="13987654321",
        ),
    )


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, {"73190553102532", "YT5555508965056"}),
        ({"q": "7319"}, set()),  # four digits are a phone's
        ({"q": "1907"}, {"73190553102532"}),
        ({"q": "yt55 5550"}, {"YT5555508965056"}),
        ({"q": "73190553102532"}, {"73190553102532"}),
        ({"q": "3-2-2041"}, set()),  # a pickup code is for the counter: test_pickup_code_search
        ({"q": "%"}, set()),
        ({"q": "张三丰"}, set()),  # nobody is looked up by name
        ({"carrier": "YTO"}, {"YT5555508965056"}),
        ({"township": "500230102"}, {"YT5555508965056"}),
        ({"state": "at_outlet"}, {"YT5555508965056"}),
        ({"flag": "damaged"}, {"73190553102532"}),
        ({"flag": "on_hold"}, {"YT5555508965056"}),
        ({"created_from": "2026-11-19"}, set()),
        ({"created_to": "2026-11-18"}, {"73190553102532", "YT5555508965056"}),
        ({"state": "nonsense", "created_from": "2026-13-77", "page": "9999999999"}, None),
    ],
)
def test_the_filters(sign_in, two, query: dict[str, str], numbers: set[str] | None):
    put(two[0], damaged=True)
    put(
        two[1], s_k=b"1", s_state="at_outlet", station_id=two[1].destination_id, pickup_code="3-2-2041",
        h_k=b"1", h_node="HELD",
    )  # fmt: skip
    page = found(sign_in("officer"), **query)
    if numbers is not None:
        assert {parcel.waybill_no for parcel in two if f">{parcel.waybill_no}</a>" in page} == numbers


def test_a_station_by_link_stays_in_the_filter(sign_in, two, county: County):
    page = found(sign_in("officer"), station=str(county.o3.pk))
    assert "YT5555508965056" in page
    assert "73190553102532" not in page
    assert f'name="station" value="{county.o3.pk}"' in page


@pytest.mark.parametrize("who", ["operator", "township", "officer", "auditor", "support", "courier", "carrier"])
def test_names_and_phones_are_masked_for_everyone(sign_in, two, who: str):
    client = sign_in(who)
    pages = found(client) + client.get(reverse("orders:parcels"), headers={"hx-request": "true"}).content.decode()
    exported = client.post(reverse("orders:parcels-export"))
    if exported.status_code == 200:
        pages += b"".join(exported.streaming_content).decode()
    assert not [secret for secret in CANARIES if secret in pages]


def test_the_neighbour_sees_nothing(sign_in, two, county: County, neighbour: County):
    for who in ("operator", "officer"):
        page = found(sign_in(neighbour.people[who]))
        assert "73190553102532" not in page
        assert "YT5555508965056" not in page
    page = found(sign_in("operator2"))  # the next township's
    assert "YT5555508965056" in page
    assert "73190553102532" not in page
    assert "YT5555508965056" not in found(sign_in("carrier"))  # another carrier's
    assert sign_in("admin").get(reverse("orders:parcels")).status_code == 403


@pytest.mark.parametrize("who", ["officer", "operator", "township", "carrier"])
def test_the_list_costs_few_queries(sign_in, county: County, who: str, django_assert_max_num_queries):
    for number in range(40):
        make_parcel(county, f"731905531{number:05d}")
    client = sign_in(who)
    found(client)
    with django_assert_max_num_queries(12):
        assert "73190553100039" not in found(client, page="2")


def test_pages_end_at_a_thousand(county: County, monkeypatch: pytest.MonkeyPatch):
    for number in range(5):
        make_parcel(county, f"731905531{number:05d}")
    monkeypatch.setattr(queries, "PAGE_SIZE", 2)
    monkeypatch.setattr(queries, "PAGES", 2)
    wanted, officer = queries.ParcelFilter(), county.people["officer"]
    first, last = queries.parcel_page(officer, wanted, 1), queries.parcel_page(officer, wanted, 7)
    assert (len(first), first.has_next, first.more, first.has_previous) == (2, True, False, False)
    assert (last.number, last.has_next, last.more, last.has_previous) == (2, False, True, True)
    assert [p.waybill_no for p in first] == ["73190553100004", "73190553100003"]  # newest first


def test_an_export_is_audited_and_limited(sign_in, two, county: County):
    client = sign_in("township")
    url = reverse("orders:parcels-export") + "?carrier=ZTO&state=nonsense&page=2&unheard=of"
    for _round in range(5):
        answer = client.post(url)
        assert answer.status_code == 200
        body = b"".join(answer.streaming_content).decode()
    assert "张**" in body
    assert "大池村服务点" in body
    entry = AuditEntry.objects.filter(action="parcels.exported").latest("id")
    assert (entry.county_code, entry.after) == (COUNTY, {"filters": {"carrier": "ZTO"}, "rows": 1})
    assert client.post(url).status_code == 429
    assert sign_in("courier").post(url).status_code == 403
    assert client.get(url).status_code == 405


# --- the look at a recipient -----------------------------------------------------------------------------------


def look(client, parcel: Parcel, **data: str):
    return client.post(reverse("orders:reveal", args=[parcel.pk]), {"reason": "联系取件", **data})


@pytest.mark.parametrize("who", ["operator", "township", "courier", "auditor", "carrier"])
def test_a_recipient_is_shown_once_for_a_reason(sign_in, two, county: County, who: str):
    client = sign_in(who)
    answer = look(client, two[0], reason="门牌不清")
    body = answer.content.decode()
    assert answer.status_code == 200
    assert "张三丰" in body
    assert "13812341907" in body
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action="recipient.revealed")
    assert (entry.actor, entry.entity_id) == (county.people[who], str(two[0].pk))
    assert "门牌不清" in entry.reason
    assert "13812341907" not in str(vars(entry))
    again = client.get(reverse("orders:reveal", args=[two[0].pk])).content.decode()
    assert "13812341907" not in again


def test_no_reason_no_name(sign_in, two):
    client = sign_in("operator")
    for data in ({"reason": ""}, {"reason": " "}, {"reason": "x"}, {"reason": "\x00" * 9}, {"reason": "长" * 201}):
        answer = look(client, two[0], **data)
        assert answer.status_code == 422
        assert "张三丰" not in answer.content.decode()
    assert not AuditEntry.objects.filter(action="recipient.revealed").exists()


def test_who_may_not_look(sign_in, two, neighbour: County):
    for who in ("officer", "clerk", "support", "admin"):
        assert look(sign_in(who), two[0]).status_code == 403
    assert look(sign_in("operator2"), two[0]).status_code == 404
    assert look(sign_in(neighbour.people["operator"]), two[0]).status_code == 404


@pytest.mark.parametrize(("days", "shown"), [(6, True), (8, False)])
def test_the_look_ends_a_week_after_delivery(sign_in, two, time_machine, days: int, shown: bool):
    put(two[0], t_k=b"1", t_state="delivered", t_at=NOW)
    time_machine.move_to(NOW + timedelta(days=days))
    assert ("13812341907" in look(sign_in("operator"), two[0]).content.decode()) == shown


def test_thirty_looks_an_hour(sign_in, two):
    client = sign_in("operator")
    answers = [look(client, two[0]).status_code for _n in range(31)]
    assert answers == [200] * 30 + [429]


def test_a_parcel_known_from_scans_has_nobody_to_show(sign_in, two):
    two[0].recipient.delete()
    answer = look(sign_in("operator"), two[0])
    assert answer.status_code == 422
    assert "只有扫描记录" in answer.content.decode()
