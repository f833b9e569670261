"""A pickup code typed into the search finds a parcel only for those who hand it out."""

import pytest

from tests.conftest import NOW, County, make_device, make_parcel
from tests.tracking.scans import record, scan
from tracking import services

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "finds"), [("operator", True), ("carrier", False), ("support", False), ("officer", False)]
)
def test_codes_cannot_be_tried_one_by_one(county: County, sign_in, who, finds):
    parcel = make_parcel(county)
    record(make_device(county.o1, county.people["operator"]), scan("OUTLET_IN", "FD-O1", pickup_code="1-1-0001"))
    services.fold_waiting(at=NOW)
    page = sign_in(who).get("/parcels/", {"q": "1-1-0001"}).content.decode()
    assert (parcel.waybill_no in page) is finds
