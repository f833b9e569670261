"""The public page: number and last four digits show the way; nothing personal, nothing to guess with."""

import pytest
from django.test import Client

from common import limits
from common.ids import uuid7
from tests.conftest import County, make_parcel
from tracking.views import track

pytestmark = pytest.mark.django_db
ZTO = "73190553102532"


def ask(client: Client, waybill: str = ZTO, tail: str = "1907", carrier: str = "", **more: str):
    return client.post("/track/", {"waybill_no": waybill, "phone_tail": tail, "carrier": carrier}, **more)


@pytest.fixture
def shelved(county: County, sign_in):
    parcel = make_parcel(county)
    fields = {"operation": "shelve", "code": ZTO, "event_id": uuid7(), "shelf": "3-2"}
    sign_in("operator").post("/counter/", fields)
    return parcel


def test_anyone_may_open_it(county: County):
    page = Client().get("/track/")
    assert page.status_code == 200
    assert "查快递" in page.content.decode()
    assert "Follow a parcel" in Client().get("/track/", headers={"Accept-Language": "en"}).content.decode()


def test_the_way_without_anything_personal(shelved, county: County):
    text = ask(Client()).content.decode()
    assert county.o1.name in text
    assert "已上架" in text
    for secret in ("张", "13812341907", "138****1907", "3-2-0001", county.people["operator"].name):
        assert secret not in text
    assert ask(Client(), f" {ZTO.lower()} ", carrier="ZTO").status_code == 200


def test_the_answer_doesnt_tell_which_was_wrong(shelved):
    wrong_tail, wrong_number = ask(Client(), tail="0000"), ask(Client(), "73190553102599")
    assert wrong_tail.status_code == wrong_number.status_code == 404
    alert = [page.content.decode().split('role="alert"')[1].split("</div>")[0] for page in (wrong_tail, wrong_number)]
    assert alert[0] == alert[1]
    assert ask(Client(), carrier="JT").status_code == 404


def test_a_parcel_without_a_phone_is_nobodys(county: County, sign_in):
    fields = {"operation": "receive", "code": "YT1234567890123", "event_id": uuid7()}
    sign_in("centre").post("/counter/", fields)
    assert ask(Client(), "YT1234567890123", "0000").status_code == 404


def test_guessing_is_stopped_by_waybill_and_by_address(shelved):
    for _ in range(track.PER_WAYBILL):
        limits.spend(f"track:{ZTO}", limit=track.PER_WAYBILL, window_s=track.WINDOW_S, message="")
    assert ask(Client(), REMOTE_ADDR="10.0.0.1").status_code == 429  # even with the right digits
    for _ in range(track.PER_ADDRESS):
        limits.spend("track:10.1.1.1", limit=track.PER_ADDRESS, window_s=track.WINDOW_S, message="")
    assert ask(Client(), "73190553109999", REMOTE_ADDR="10.1.1.1").status_code == 429
    assert ask(Client(), "73190553109999", REMOTE_ADDR="10.1.1.2").status_code == 404


@pytest.mark.parametrize(
    ("waybill", "tail", "carrier"),
    [
        ("", "", ""),
        ("x", "1907", ""),
        (ZTO, "12", ""),
        (ZTO, "abcd", ""),
        (ZTO, "1907", "NOBODY"),
        ("a\x00b", "19", ""),
    ],
)
def test_nonsense_is_a_form_error(county: County, waybill: str, tail: str, carrier: str):
    assert ask(Client(), waybill, tail, carrier).status_code == 422


def test_it_costs_few_queries(shelved, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        assert ask(Client()).status_code == 200
