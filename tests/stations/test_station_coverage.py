"""Which villages lack an outlet, and how far the outlets lie: each figure with both its numbers."""

import pytest

from stations import queries
from stations.models import Station
from stations.states import RegionLevel, StationLevel, StationState
from tests.conftest import make_region, make_station

pytestmark = pytest.mark.django_db


def lacking(**where: str) -> list[str]:
    return [village.code for village in queries.villages(county_code="500230", **where) if not village.has_outlet]


def test_a_village_counts_while_an_active_outlet_stands_in_it(county, neighbour):
    assert lacking() == ["500230102201"]
    assert lacking(township_code="500230101") == []
    Station.objects.filter(pk=county.o1.pk).update(state=StationState.SUSPENDED)
    assert lacking() == ["500230101200", "500230102201"]


def test_an_outlet_in_a_hamlet_serves_its_village(county):
    hamlet = make_region("50023010220101", "上湾", RegionLevel.NATURAL_VILLAGE, county.regions["v4"])
    make_station("FD-O9", "上湾服务点", StationLevel.OUTLET, hamlet, county.c2)
    assert lacking() == []


def test_villages_that_left_the_list_do_not_count(county):
    village = county.regions["v4"]
    village.valid_to = "2026-01-01"
    village.save(update_fields=["valid_to"])
    assert lacking() == []
    assert [(t.name, t.covered, t.villages) for t in queries.cover_by_township(county_code="500230")] == [
        ("虎威镇", 2, 2),
        ("社坛镇", 1, 1),
    ]


def test_distance_is_the_great_circles():
    assert queries.distance_km(0, 0, 0, 0) == 0
    assert queries.distance_km(0, 0, 0, 1) == pytest.approx(111.195, abs=0.01)  # a degree of latitude
    assert queries.distance_km(0, 60, 1, 60) == pytest.approx(55.60, abs=0.01)  # of longitude, at 60° half
    assert queries.distance_km(0, 0, 180, 0) == pytest.approx(20015.1, abs=0.1)


def test_the_radius_names_what_it_measured(county):
    stations = Station.objects.filter(county_code="500230")
    assert queries.service_radius(stations) == queries.ServiceRadius(0, 3)
    Station.objects.filter(pk=county.h1.pk).update(lng=107, lat=29)
    Station.objects.filter(pk=county.o1.pk).update(lng=107, lat=30)
    Station.objects.filter(pk=county.o2.pk).update(lng=107, lat=31)
    radius = queries.service_radius(stations)
    assert (radius.measured, radius.outlets) == (2, 3)
    assert (radius.mean_km, radius.p90_km) == (166.8, 222.4)
