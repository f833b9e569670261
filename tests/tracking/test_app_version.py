"""An app that is too old is told so with 426, after its scans are stored."""

import json

import pytest
from django.test import Client

from tests.conftest import NOW, make_device
from tests.tracking.scans import scan
from tracking.models import ScanEvent

pytestmark = pytest.mark.django_db
TOKEN = "token-of-handheld-1"


@pytest.fixture(autouse=True)
def handheld(county):
    return make_device(county.h1, county.people["hub"], TOKEN)


def send(version: str | None, body: object = None):
    headers = {"Authorization": f"Device {TOKEN}"} | ({"App-Version": version} if version is not None else {})
    body = {"device_now": NOW.isoformat(), "events": [scan("HUB_IN", "FD-H1")]} if body is None else body
    return Client().post("/api/v1/scan-batches/", json.dumps(body), content_type="application/json", headers=headers)


def test_stored_then_refused(settings):
    settings.MIN_APP_VERSION = "2.10.0"
    answer = send("2.9.4")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["min_app_version"]) == (426, "app_too_old", "2.10.0")
    assert answer["Content-Type"] == "application/problem+json"
    assert (problem["receipt"]["accepted"], problem["receipt"]["exceptions"]) == (1, [])
    assert ScanEvent.objects.count() == 1


@pytest.mark.parametrize(
    "version", ["2.10", "2.10.0", "2.10.1", "3", "10.0", None, "", "beta", "2.x", "-1", "9" * 99, "２"]
)
def test_new_enough_or_not_said(settings, version):
    settings.MIN_APP_VERSION = "2.10.0"
    assert send(version).status_code == 200


@pytest.mark.parametrize("version", ["0", "1", "2", "2.9.99", "2.09"])
def test_older(settings, version):
    settings.MIN_APP_VERSION = "2.10"
    assert send(version).status_code == 426


def test_none_is_asked_for(settings):
    assert settings.MIN_APP_VERSION == ""
    assert send("0.0.1").status_code == 200


def test_what_cannot_be_read_is_told_first(settings):
    settings.MIN_APP_VERSION = "2.10"
    assert send("1.0", {"events": 7}).json()["code"] == "events_missing"
