"""Handhelds: enrolled with a token shown once, listed in scope, shut out."""

import re

import pytest
from django.test import Client

from accounts.models import AuditEntry
from common import fields
from stations.models import Device
from tests.conftest import County, make_device

pytestmark = pytest.mark.django_db


def test_a_handheld_is_enrolled_and_its_token_shown_once(county: County, sign_in):
    client = sign_in("township")
    answer = client.post(
        "/devices/new/", {"station": county.o1.pk, "user": county.people["operator"].pk, "name": "PDA-7"}
    )
    shown = answer.content.decode()
    token = re.search(r"<code[^>]*>([\w-]{43})</code>", shown).group(1)
    assert "data:image/svg" in shown
    assert "no-store" in answer["Cache-Control"]
    device = Device.objects.get()
    assert device.token_digest == fields.digest(token)
    assert token not in client.get("/devices/").content.decode()
    assert AuditEntry.objects.get(action="device.enrolled").after == {"station": "FD-O1", "holder": "operator"}


@pytest.mark.parametrize(
    ("station", "holder"), [("o3", "operator2"), ("o1", "operator2"), ("h1", "hub"), ("o1", "officer")]
)
def test_no_handheld_beyond_the_township_or_for_somebody_else(county: County, sign_in, station: str, holder: str):
    form = {"station": county.stations[station].pk, "user": county.people[holder].pk, "name": "PDA-7"}
    assert sign_in("township").post("/devices/new/", form).status_code == 422
    assert not Device.objects.exists()


@pytest.mark.parametrize("who", ["operator", "courier", "auditor", "support", "clerk"])
def test_other_roles_enrol_nothing(county: County, sign_in, who: str):
    assert sign_in(who).get("/devices/new/").status_code == 403


def test_an_operator_sees_and_shuts_out_the_own_ones_only(county: County, sign_in):
    own = make_device(county.o1, county.people["operator"])
    other = make_device(county.o3, county.people["operator2"], "token-2", "PDA-OTHER")
    client = sign_in("operator")
    shown = client.get("/devices/").content.decode()
    assert "PDA-1" in shown
    assert "PDA-OTHER" not in shown
    assert client.get(f"/devices/{other.pk}/revoke/").status_code == 404
    assert client.post(f"/devices/{own.pk}/revoke/", {"reason": ""}).status_code == 422
    assert client.post(f"/devices/{own.pk}/revoke/", {"reason": "lost"}).status_code == 302
    own.refresh_from_db()
    assert own.revoke_reason == "lost"
    assert client.post(f"/devices/{own.pk}/revoke/", {"reason": "lost"}).status_code == 422
    assert AuditEntry.objects.filter(action="device.revoked").count() == 1


def test_a_revoked_token_is_refused(county: County, sign_in):
    device = make_device(county.o1, county.people["operator"])
    sign_in("officer").post(f"/devices/{device.pk}/revoke/", {"reason": "lost"})
    answer = Client().post("/api/v1/scan-batches/", headers={"authorization": "Device token-of-handheld-1"})
    assert answer.status_code == 401


def test_another_county_s_handhelds_are_not_there(county: County, neighbour: County, sign_in):
    other = make_device(neighbour.no, neighbour.people["operator"])
    client = sign_in("officer")
    assert other.name not in client.get("/devices/").content.decode()
    assert client.post(f"/devices/{other.pk}/revoke/", {"reason": "x"}).status_code == 404


def test_an_auditor_reads_and_shuts_out_nothing(county: County, sign_in):
    device = make_device(county.o1, county.people["operator"])
    client = sign_in("auditor")
    assert client.get("/devices/?state=live&q=PDA").status_code == 200
    assert client.post(f"/devices/{device.pk}/revoke/", {"reason": "x"}).status_code == 403
