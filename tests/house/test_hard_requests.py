"""What a caller may send beyond what the pages do, and what no cache may keep."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_api_page_answers_every_method(client: Client):
    assert client.get("/api/docs/").status_code == 200
    for method in ("options", "post", "put", "patch", "delete"):
        assert getattr(client, method)("/api/docs/").status_code == 405


@pytest.mark.parametrize("path", ["/parcels/", "/counter/", "/people/", "/api/v1/parcels/"])
def test_no_cache_keeps_what_a_signed_in_person_saw(county, sign_in, path: str):
    answer = sign_in("operator").get(path)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_public_files_may_be_kept(client: Client):
    assert "no-store" not in client.get("/api/schema/").get("Cache-Control", "")


def test_a_first_password_does_not_open_the_api(county, sign_in):
    client, user = sign_in("operator"), county.people["operator"]
    assert client.get("/api/v1/parcels/").status_code == 200
    user.must_change_password = True
    user.save()
    answer = client.get("/api/v1/parcels/")
    assert (answer.status_code, answer.json()["code"]) == (403, "first_password")
