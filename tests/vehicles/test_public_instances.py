"""The best known solution of each public instance is right by our checker and costs what its file says."""

from pathlib import Path

import pytest

from benchmarks import vrplib_read
from vehicles.checker import check

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "vrp"
FILES = vrplib_read.instances(FOLDER) if FOLDER.is_dir() else []
NONE = "the public instances (../shared/data/vrp) are not on this machine"


@pytest.mark.skipif(not FILES, reason=NONE)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_best_known_solution_is_right_and_costs_what_is_said(path: Path) -> None:
    instance = vrplib_read.read(path)
    report = check(instance.problem, vrplib_read.plan_of(instance.problem, instance.best_routes))
    assert report.violations == ()
    assert report.left_out == ()
    assert report.vehicles_used == len(instance.best_routes)
    if instance.kind in ("CVRP", "VRPB", "CVRPTW", "VRPTW", "MTVRPTWR"):
        assert report.cost == round(instance.goal)
    elif instance.kind == "HFVRP":  # the file's figure is rounded to hundredths
        assert round(report.cost / instance.units, 2) == instance.best_cost
    else:  # Li & Lim reckon in doubles: a thousandth a leg
        assert abs(report.distance / instance.units - instance.best_cost) < 0.01


@pytest.mark.skipif(not FILES, reason=NONE)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_best_known_solution_with_a_visit_dropped_or_doubled_is_not(path: Path) -> None:
    instance = vrplib_read.read(path)
    vehicle, (first, *others) = instance.best_routes[0]
    fewer = vrplib_read.plan_of(instance.problem, ((vehicle, (first[1:], *others)), *instance.best_routes[1:]))
    dropped = check(instance.problem, fewer)
    assert dropped.left_out or not dropped.ok
    more = vrplib_read.plan_of(instance.problem, ((vehicle, ([*first, first[0]], *others)), *instance.best_routes[1:]))
    assert "served_twice" in {each.code for each in check(instance.problem, more).violations}
