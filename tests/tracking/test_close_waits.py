"""A station whose scans are stored but not yet folded can't be closed under them."""

import pytest

from common.errors import Refused
from stations.models import Station
from stations.states import StationState
from tests.conftest import NOW, County, make_device, make_parcel
from tests.tracking.scans import record, scan
from tracking import services
from tracking.services.close_station import close_station

pytestmark = pytest.mark.django_db


def test_scans_on_their_way_keep_a_station_open(county: County):
    make_parcel(county)
    device = make_device(county.o2, county.people["operator"])
    record(device, scan("OUTLET_IN", "FD-O2", pickup_code="1-1-0001"))
    close = {"station_id": county.o2.pk, "by": county.people["officer"], "reason": "合并", "at": NOW}
    with pytest.raises(Refused, match="scans_waiting"):
        close_station(**close)
    services.fold_waiting(at=NOW)
    with pytest.raises(Refused, match="holds_parcels"):
        close_station(**close)
    assert Station.objects.get(pk=county.o2.pk).state == StationState.ACTIVE
