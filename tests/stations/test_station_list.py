"""The station list, its filters and its CSV: what each role finds, and what it costs."""

import pytest
from django.urls import reverse

from stations.models import Organisation, ServiceOffer, Station, StationBrand
from stations.states import StationState
from tests.conftest import make_user

pytestmark = pytest.mark.django_db
LIST = reverse("stations:list")


def names(response) -> list[str]:
    return [station.name for station in response.context["page"]]


def found(client, **query: str) -> set[str]:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return {station.code for station in response.context["page"]}


def test_an_officer_finds_the_county_and_nothing_of_the_next(sign_in, neighbour):
    assert found(sign_in("officer")) == {"FD-H1", "FD-C1", "FD-C2", "FD-O1", "FD-O2", "FD-O3"}
    assert found(sign_in(neighbour.people["officer"])) == {"WZ-H1", "WZ-C1", "WZ-O1"}


@pytest.mark.parametrize(
    ("who", "codes"),
    [
        ("operator", {"FD-O1"}),
        ("centre", {"FD-C1", "FD-O1", "FD-O2"}),
        ("courier", {"FD-C1", "FD-O1", "FD-O2"}),
        ("township", {"FD-C1", "FD-O1", "FD-O2"}),
        ("carrier", {"FD-H1", "FD-C1", "FD-C2", "FD-O1", "FD-O2", "FD-O3"}),
        ("admin", {"FD-H1", "FD-C1", "FD-C2", "FD-O1", "FD-O2", "FD-O3", "WZ-H1", "WZ-C1", "WZ-O1"}),
    ],
)
def test_each_role_finds_its_own(sign_in, neighbour, who, codes):
    assert found(sign_in(who)) == codes


def test_nobody_and_a_person_without_a_role_find_nothing(client, sign_in, county):
    assert client.get(LIST).status_code == 302
    assert sign_in(make_user("idle", "闲人")).get(LIST).status_code == 403


def test_filters_and_search(sign_in, county):
    StationBrand.objects.create(station=county.o1, carrier=Organisation.objects.get(code="ZTO"))
    ServiceOffer.objects.create(station=county.o2, service="payment")
    Station.objects.filter(pk=county.o3.pk).update(state=StationState.SUSPENDED, host_kind="shop")
    client = sign_in("officer")
    assert found(client, level="CENTRE") == {"FD-C1", "FD-C2"}
    assert found(client, state="suspended") == {"FD-O3"}
    assert found(client, township="500230101", level="OUTLET") == {"FD-O1", "FD-O2"}
    assert found(client, brand="ZTO") == {"FD-O1"}
    assert found(client, service="payment") == {"FD-O2"}
    assert found(client, host="shop") == {"FD-O3"}
    assert found(client, q="大池") == {"FD-O1"}
    assert found(client, q="MYC") == {"FD-O3"}
    assert found(client, q="ｆｄ-c") == {"FD-C1", "FD-C2"}
    assert found(client, q="100%") == set()


def test_an_empty_answer_says_what_to_do_next(sign_in):
    response = sign_in("officer").get(LIST, {"q": "nowhere"})
    assert 'class="empty"' in response.content.decode()


@pytest.mark.parametrize(
    "query",
    ["level=SHED", "township=x", "brand=%27", "page=none", "page=999", "sort=age", "state=&q=", "level=HUB&level=x"],
)
def test_a_strange_query_is_no_accident(sign_in, query):
    assert sign_in("officer").get(f"{LIST}?{query}").status_code == 200


def test_sorting(sign_in):
    client = sign_in("officer")
    assert names(client.get(LIST, {"sort": "code"}))[:2] == ["虎威镇物流站", "社坛镇物流站"]
    assert names(client.get(LIST))[0] == "丰都县级物流中心"


def test_htmx_gets_the_fragment(sign_in):
    html = sign_in("officer").get(LIST, headers={"HX-Request": "true"}).content.decode()
    assert html.lstrip().startswith('<div id="list">')


def test_the_csv_is_the_same_list_without_contacts(sign_in, county):
    Station.objects.filter(pk=county.o1.pk).update(contact_name="王掌柜", contact_phone="13900001111", name="=1+1")
    response = sign_in("officer").get(reverse("stations:list-csv"), {"township": "500230101", "level": "OUTLET"})
    text = b"".join(response.streaming_content).decode()
    assert text.startswith("\ufeff")
    assert len(text.strip().splitlines()) == 3
    assert "'=1+1" in text
    assert "王掌柜" not in text
    assert "13900001111" not in text


def test_queries_do_not_grow_with_rows(sign_in, county, django_assert_max_num_queries):
    client = sign_in("township")
    with django_assert_max_num_queries(10):
        assert client.get(LIST).status_code == 200
