"""A station closes when nothing hangs on it and nothing lies in it."""

import pytest
from django.urls import reverse

from common.errors import Refused
from orders.models import Parcel
from stations.models import Station, StationTransition
from stations.states import StationState
from tests.conftest import NOW, make_parcel
from tracking.services import close_station

pytestmark = pytest.mark.django_db


def put(parcel: Parcel, station: Station, state: str, **registers: object) -> None:
    """Write the registers the fold would write."""
    at = {"s_k": b"1", "s_state": state, "s_station": station.pk, "station": station.pk}
    Parcel.objects.filter(pk=parcel.pk).update(**{**at, **registers})


def close(station: Station) -> Station:
    return close_station(station_id=station.pk, by=None, reason="合并到邻村", at=NOW)


def page(station: Station) -> str:
    return reverse("tracking:close-station", args=[station.pk])


def test_an_empty_outlet_closes(county):
    assert close(county.o1).state == StationState.CLOSED
    assert StationTransition.objects.get(station=county.o1).reason == "合并到邻村"


def test_parcels_on_the_shelf_hold_it_open_with_their_number(sign_in, county):
    for number in range(3):
        put(make_parcel(county, f"7319055310253{number}"), county.o1, "at_outlet")
    with pytest.raises(Refused) as refusal:
        close(county.o1)
    assert (refusal.value.code, refusal.value.extra) == ("holds_parcels", {"count": 3})
    assert "3" in str(refusal.value.message)
    response = sign_in("officer").get(page(county.o1))
    assert response.context["held"] == 3
    assert f"{reverse('tracking:worklist')}?station={county.o1.pk}" in response.content.decode()
    assert sign_in("officer").post(page(county.o1), {"reason": "x"}).status_code == 422
    assert Station.objects.get(pk=county.o1.pk).state == StationState.ACTIVE


def test_parcels_that_left_do_not_count(county):
    put(make_parcel(county, "731905531025331"), county.o1, "in_transit")
    put(make_parcel(county, "731905531025332"), county.o1, "at_outlet", t_k=b"2", t_state="delivered")
    put(make_parcel(county, "731905531025333"), county.o2, "at_outlet")
    assert close(county.o1).state == StationState.CLOSED


def test_a_parcel_collected_here_and_still_in_its_hands_counts(county):
    put(make_parcel(county), county.o1, "in_network", c_k=b"1", c_kind="station", c_ref=county.o1.pk)
    with pytest.raises(Refused):
        close(county.o1)


def test_open_stations_below_hold_a_centre_open(county):
    with pytest.raises(Refused) as refusal:
        close(county.c1)
    assert refusal.value.code == "has_open_stations_below"
    close(county.o1)
    close(county.o2)
    assert close(county.c1).state == StationState.CLOSED


def test_the_page_closes_with_a_reason(sign_in, county):
    client = sign_in("township")
    assert client.post(page(county.o1), {"reason": ""}).status_code == 422
    assert client.post(page(county.o1), {"reason": "合并"}).status_code == 302
    assert client.post(page(county.o1), {"reason": "合并"}).status_code == 409
    assert Station.objects.get(pk=county.o1.pk).state == StationState.CLOSED


def test_who_may(sign_in, county, neighbour):
    for who in ("operator", "auditor", "carrier", "clerk", "support", "courier"):
        assert sign_in(who).post(page(county.o1), {"reason": "x"}).status_code == 403
    assert sign_in("township").post(page(county.o3), {"reason": "x"}).status_code == 404
    assert sign_in(neighbour.people["officer"]).post(page(county.o1), {"reason": "x"}).status_code == 404
