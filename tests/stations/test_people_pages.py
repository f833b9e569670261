"""The people pages: who sees whom, who may act, a password shown once."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, User
from accounts.roles import Role
from stations.models import Membership
from tests.conftest import County

pytestmark = pytest.mark.django_db


def text(response) -> str:
    return response.content.decode()


def test_the_list_shows_those_in_scope_with_masked_phones(county: County, neighbour: County, sign_in):
    User.objects.filter(username="operator").update(phone="13812341907")
    shown = text(sign_in("officer").get("/people/"))
    assert "operator2" in shown
    assert "138****1907" in shown
    assert "13812341907" not in shown
    assert "n-operator" not in shown
    township = text(sign_in("township").get("/people/"))
    assert ">operator<" in township
    assert "operator2" not in township


@pytest.mark.parametrize("who", ["courier", "clerk", "approver", "support", "carrier"])
def test_other_roles_have_no_people_page(county: County, sign_in, who: str):
    assert sign_in(who).get("/people/").status_code == 403


@pytest.mark.parametrize("who", ["operator", "auditor"])
def test_readers_change_nothing(county: County, sign_in, who: str):
    client, pk = sign_in(who), county.people["operator"].pk
    assert client.get(f"/people/{pk}/").status_code == 200
    for path in ("/people/new/", f"/people/{pk}/role/", f"/people/{pk}/active/"):
        assert client.get(path).status_code == 403
    assert client.post(f"/people/{pk}/password/").status_code == 403


def test_somebody_out_of_scope_is_not_there(county: County, neighbour: County, sign_in):
    other = neighbour.people["operator"]
    client = sign_in("officer")
    row = other.memberships.get().pk
    assert client.get(f"/people/{other.pk}/").status_code == 404
    assert client.post(f"/people/{other.pk}/password/").status_code == 404
    assert client.post(f"/people/roles/{row}/end/", {"reason": "x"}).status_code == 404
    assert sign_in("township").get(f"/people/{county.people['operator2'].pk}/").status_code == 404


def test_a_person_is_added_and_the_password_shown_once(county: County, sign_in):
    client = sign_in("township")
    answer = client.post(
        "/people/new/",
        {"username": "xiaowang", "name": "王小明", "role": Role.STATION_OPERATOR, "station": county.o1.pk},
    )
    password = re.search(r"<code[^>]*>([a-z0-9-]{19})</code>", text(answer)).group(1)
    user = User.objects.get(username="xiaowang")
    assert user.check_password(password)
    assert "no-store" in answer["Cache-Control"]
    assert password not in text(client.get(f"/people/{user.pk}/"))


@pytest.mark.parametrize(
    "change",
    [
        {"username": "operator"},
        {"username": "a b"},
        {"name": ""},
        {"role": Role.COUNTY_OFFICER},
        {"role": "emperor"},
        {"station": "999999"},
        {"station": ""},
        {"station": "x"},
        {"phone": "call me"},
        {"name": "a\x00b"},
    ],
)
def test_a_bad_form_is_shown_again(county: County, sign_in, change: dict[str, str]):
    good = {"username": "xiaowang", "name": "王小明", "role": Role.STATION_OPERATOR, "station": county.o1.pk}
    answer = sign_in("township").post("/people/new/", {**good, **change})
    assert answer.status_code == 422
    assert not User.objects.filter(username="xiaowang").exists()


def test_a_station_of_the_next_township_is_not_offered(county: County, sign_in):
    answer = sign_in("township").post(
        "/people/new/",
        {"username": "xiaowang", "name": "王", "role": Role.STATION_OPERATOR, "station": county.o3.pk},
    )
    assert answer.status_code == 422


def test_the_platform_s_administrator_appoints_an_officer_by_county_code(county: County, sign_in):
    answer = sign_in("admin").post(
        "/people/new/", {"username": "second", "name": "李", "role": Role.COUNTY_OFFICER, "county": county.code}
    )
    assert answer.status_code == 200
    assert Membership.objects.get(user__username="second").county_code == county.code


def test_a_role_is_given_and_ended_and_traced(county: County, sign_in):
    client, user = sign_in("officer"), county.people["operator"]
    assert client.post(f"/people/{user.pk}/role/", {"role": Role.COURIER, "station": county.c1.pk}).status_code == 302
    row = user.memberships.get(role=Role.COURIER)
    assert client.get(f"/people/roles/{row.pk}/end/").status_code == 200
    assert client.post(f"/people/roles/{row.pk}/end/", {"reason": ""}).status_code == 422
    assert client.post(f"/people/roles/{row.pk}/end/", {"reason": "moved"}).status_code == 302
    assert client.post(f"/people/roles/{row.pk}/end/", {"reason": "moved"}).status_code == 422
    actions = AuditEntry.objects.filter(entity="user", entity_id=str(user.pk)).values_list("action", flat=True)
    assert set(actions) == {"membership.given", "membership.ended"}


def test_somebody_shut_out_is_out_at_the_next_request(county: County, sign_in):
    user = county.people["operator"]
    theirs = sign_in("operator")
    assert theirs.get("/people/").status_code == 200
    client = sign_in("officer")
    assert client.post(f"/people/{user.pk}/active/", {"reason": "lost trust"}).status_code == 302
    assert theirs.get("/people/").status_code == 302
    assert client.post(f"/people/{user.pk}/active/", {"reason": "found again"}).status_code == 302
    user.refresh_from_db()
    assert user.is_active


@pytest.mark.parametrize(
    "query", ["?q=oper", "?role=courier", "?role=x", "?page=zz", "?page=999", "?ended=on", "?q=%00"]
)
def test_filters_never_break_the_page(county: County, sign_in, query: str):
    assert sign_in("officer").get("/people/" + query).status_code in (200, 400)


@pytest.mark.parametrize("path", ["/people/", "/people/new/", "/devices/", "/devices/new/", "/audit/", "/regions/"])
def test_pages_need_few_queries(county: County, sign_in, path: str):
    client = sign_in("officer")
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(path).status_code == 200
    assert len(queries) <= 12, [query["sql"] for query in queries]
