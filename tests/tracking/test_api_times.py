"""The API's times are the instants that were sent, whatever zone they are written in."""

from datetime import datetime

import pytest
from django.test import Client

from tests.conftest import NOW, County, make_device, make_parcel
from tests.tracking.scans import record, scan
from tracking import services

pytestmark = pytest.mark.django_db


def test_an_instant_comes_back_as_the_same_instant(county: County):
    parcel = make_parcel(county)
    record(make_device(county.o1, county.people["operator"], token="a-token"), scan("HUB_IN", "FD-O1"))
    services.fold_waiting(at=NOW)
    client = Client(headers={"Authorization": "Device a-token"})
    found = client.get("/api/v1/parcels/", {"carrier": "ZTO", "waybill_no": parcel.waybill_no}).json()["results"][0]
    assert datetime.fromisoformat(found["last_scan_at"]) == NOW
    event = client.get(f"/api/v1/parcels/{parcel.pk}/events/").json()["results"][0]
    for name in ("occurred_at", "received_at", "effective_at"):
        assert datetime.fromisoformat(event[name]) == NOW
