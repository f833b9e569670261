"""The one door to travel times: cached by roads, stops and mode; estimated where there are no roads."""

from datetime import timedelta

import numpy as np
import pytest

from tests.conftest import COUNTY, NEIGHBOUR, NOW, County
from tests.vehicles.roads import SPOTS, make_roads
from vehicles.graph import MODES, Reach, RoadMode
from vehicles.models import MatrixCache, RoadIncident, Vehicle
from vehicles.problem import UNREACHABLE
from vehicles.services.matrices import KEEP, matrices, mode_of

POINTS = list(SPOTS.values())
H1, C1, O1, O2, C2, O3 = range(6)
VAN, TRUCK = MODES["van"], MODES["truck"]


def ask(modes: list[RoadMode], at=NOW, points=POINTS):
    return matrices(county_code=COUNTY, points=points, modes=modes, at=at)


def test_each_vehicle_gets_its_own_matrix(county: County) -> None:
    make_roads(county)
    van, truck = ask([VAN, TRUCK])
    assert not van.estimated
    assert van.reached.all()
    assert van.metres[H1, O1] == van.metres[H1, C1] + van.metres[C1, O1]
    assert truck.reach[O2] == Reach.BARRED  # three metres wide
    assert truck.reach[O3] == Reach.BARRED  # below Class IV
    assert truck.seconds[H1, O2] == UNREACHABLE
    assert truck.seconds[H1, O1] > van.seconds[H1, O1]


def test_asked_again_it_comes_from_the_cache(county: County, django_assert_max_num_queries) -> None:
    make_roads(county)
    first = ask([VAN, TRUCK])
    assert MatrixCache.objects.count() == 2
    with django_assert_max_num_queries(5):
        second = ask([VAN, TRUCK], at=NOW + timedelta(minutes=5))
    for one, two in zip(first, second, strict=True):
        assert (one.seconds == two.seconds).all()
        assert (one.metres == two.metres).all()
        assert (one.reach == two.reach).all()
    assert MatrixCache.objects.count() == 2
    ask([VAN], points=POINTS[:3])
    assert MatrixCache.objects.count() == 3


def test_an_incident_changes_the_answer_until_the_road_is_open_again(county: County) -> None:
    edition = make_roads(county)
    usual = ask([VAN])[0]
    incident = RoadIncident.objects.create(
        county_code=COUNTY,
        segment=edition.segments.get(name="大池路"),
        kind="landslide",
        effect="closed",
        reported_at=NOW,
        state="reported",
    )
    assert ask([VAN])[0].reached.all()  # a report alone closes nothing
    RoadIncident.objects.filter(pk=incident.pk).update(state="confirmed")
    closed = ask([VAN])[0]
    assert closed.reach[O1] == Reach.CLOSED
    assert closed.seconds[H1, O1] == UNREACHABLE
    RoadIncident.objects.filter(pk=incident.pk).update(effect="slowed", slow_factor=3)
    slow = ask([VAN])[0]
    assert slow.seconds[C1, O1] == pytest.approx(3 * usual.seconds[C1, O1], abs=3)
    assert slow.metres[C1, O1] == usual.metres[C1, O1]
    RoadIncident.objects.filter(pk=incident.pk).update(state="reopened")
    assert (ask([VAN])[0].seconds == usual.seconds).all()


def test_a_season_closes_a_road_over_the_turn_of_the_year(county: County) -> None:
    make_roads(county)  # o3's road: December to February
    assert ask([VAN])[0].reached[O3]  # November
    winter = ask([VAN], at=NOW + timedelta(days=50))[0]
    assert winter.reach[O3] == Reach.CLOSED
    spring = ask([VAN], at=NOW + timedelta(days=110))[0]
    assert spring.reached[O3]


def test_without_roads_it_is_an_estimate_and_says_so(county: County) -> None:
    make_roads(county)
    guess = matrices(county_code=NEIGHBOUR, points=POINTS, modes=[VAN], at=NOW)[0]
    assert guess.estimated
    assert guess.detour > 1
    assert not MatrixCache.objects.filter(county_code=NEIGHBOUR).exists()


def test_a_stop_off_every_road_is_never_a_straight_line(county: County) -> None:
    make_roads(county)
    found = ask([VAN], points=[*POINTS, (108.5, 30.5)])[0]
    assert found.reach[-1] == Reach.NO_ROAD
    assert (found.seconds[-1, :-1] == UNREACHABLE).all()
    assert np.isinf(ask([VAN], points=[*POINTS, (108.5, 30.5)])[0].snap_m[-1])


def test_the_cache_keeps_the_newest(county: County) -> None:
    make_roads(county)
    MatrixCache.objects.bulk_create(
        MatrixCache(key=f"{i:064d}", county_code=COUNTY, size=0, seconds=b"", metres=b"", made_at=NOW, used_at=NOW)
        for i in range(KEEP + 5)
    )
    ask([VAN], at=NOW + timedelta(hours=1))
    assert MatrixCache.objects.filter(county_code=COUNTY).count() == KEEP
    assert ask([VAN])[0].reached.all()


def test_a_vehicle_becomes_a_mode() -> None:
    van = Vehicle(kind="van", worst_road="5", width_cm=180, speed_cap_kmh=60)
    truck = Vehicle(kind="truck", worst_road="4", width_cm=220, speed_cap_kmh=70)
    drone = Vehicle(kind="drone", worst_road="5", width_cm=100, speed_cap_kmh=50)
    assert mode_of(van).width_cm == 300
    assert (mode_of(truck).width_cm, mode_of(truck).worst_class) == (350, 4)
    assert mode_of(drone).flies
    assert mode_of(van, terrain="mountain").factor == 0.8
    assert mode_of(van) == mode_of(Vehicle(kind="van", worst_road="5", width_cm=180, speed_cap_kmh=60, plate="x"))
