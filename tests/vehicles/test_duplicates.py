"""Outlets within a stone's throw, and carriers or lines on the same way within an hour."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from common import clock
from stations.models import Organisation, Station
from stations.states import StationState
from tests.conftest import NOW, County
from tests.vehicles.rows import add_trip, add_vehicle, issued_plan
from vehicles.queries.duplicates import Way, near_outlets, parallel, parallel_routes

DAY = date(2026, 11, 20)


def way(group: str, stops: str, start: int, step: int = 600) -> Way:
    return Way(group, group, f"{group}-1", tuple((s, s, start + n * step) for n, s in enumerate(stops)))


def test_the_same_way_within_an_hour() -> None:
    found = parallel([way("A", "abcdef", 30_000), way("B", "xbcdy", 31_800), way("A", "abc", 30_600)])
    assert [(each.one.group, each.other.group, each.stops, each.times) for each in found] == [
        ("A", "B", ("b", "c", "d"), 1)
    ]
    assert found[0].apart_s == 1800


@pytest.mark.parametrize(("stops", "start"), [("dcb", 30_000), ("bcd", 30_600 + 3601), ("bc", 30_000), ("xyz", 30_000)])
def test_no_parallel(stops: str, start: int) -> None:
    """The other way round, more than an hour apart, a crossing, somewhere else."""
    assert parallel([way("A", "abcdef", 30_000), way("B", stops, start)]) == []


def test_out_and_back_is_matched_on_the_way_it_shares() -> None:
    found = parallel([way("A", "abcdcba", 30_000), way("B", "dcba", 31_900)])
    assert found[0].stops == ("d", "c", "b", "a")


def test_a_pair_is_named_once_with_its_closest_example() -> None:
    ways = [way("A", "abc", 30_000), way("B", "abc", 33_000), way("A", "abc", 50_000), way("B", "abc", 50_300)]
    found = parallel(ways)
    assert [(each.times, each.apart_s) for each in found] == [(2, 300)]


def test_nothing_is_parallel_to_nothing() -> None:
    assert parallel([]) == []


def _place(station: Station, lng: str, lat: str) -> None:
    Station.objects.filter(pk=station.pk).update(lng=Decimal(lng), lat=Decimal(lat))


def test_outlets_nearer_than_a_stones_throw(county: County, neighbour: County) -> None:
    officer = county.people["officer"]
    _place(county.o1, "107.730000", "29.860000")
    _place(county.o2, "107.732000", "29.860000")  # 193 m east
    _place(county.o3, "107.735000", "29.860000")  # 289 m further
    _place(neighbour.no, "107.730100", "29.860000")
    found = near_outlets(officer, county.code)
    assert [(each.one.code, each.other.code, each.metres, each.same_village) for each in found] == [
        ("FD-O1", "FD-O2", 193, False),
        ("FD-O2", "FD-O3", 289, False),
    ]
    assert found[0].middle == pytest.approx((107.731, 29.86))
    assert near_outlets(neighbour.people["officer"], county.code) == []
    Station.objects.filter(pk=county.o2.pk).update(state=StationState.SUSPENDED)
    assert near_outlets(officer, county.code) == []


def test_two_owners_trips_over_the_same_outlets(county: County, carriers: dict[str, Organisation]) -> None:
    plan = issued_plan(county, DAY)
    stops = [county.c1, county.o1, county.o2, county.o3]
    at = clock.day_start(DAY) + timedelta(hours=8)
    zto, yto = (add_vehicle(county, f"渝A{n}", carriers[code]) for n, code in enumerate(("ZTO", "YTO")))
    add_trip(plan, "T1", zto, at, stops)
    other = add_trip(plan, "T2", yto, at + timedelta(minutes=20), stops)
    add_trip(plan, "T3", zto, at + timedelta(hours=4), stops)
    [found] = parallel_routes(county_code=county.code, day=DAY)
    assert {found.one.code, found.other.code} == {"T1", "T2"}
    assert (found.times, len(found.stops), found.apart_s) == (1, 4, 1200)
    type(other).objects.filter(pk=other.pk).update(state="cancelled")
    assert parallel_routes(county_code=county.code, day=DAY) == []
    assert parallel_routes(county_code=county.code, day=NOW.date() + timedelta(days=9)) == []
