"""Whatever the planner makes of any small day, the checker finds it right, and both reckon the same cost."""

from hypothesis import HealthCheck, given, settings

from tests.vehicles.test_reasons import days
from vehicles.checker import check
from vehicles.problem import Plan, Problem
from vehicles.reasons import explain, explain_shipments
from vehicles.solver import solve


@given(days())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_planned_day_is_right(day: tuple[Problem, Plan]) -> None:
    problem, _ = day
    plan = solve(problem, seconds=5, seed=1, iterations=60).plan
    report = check(problem, plan)
    assert report.violations == ()
    if not report.left_out:  # the planner prices a required task left out, the checker names it
        assert report.cost == plan.cost
    assert set(explain(problem, plan)) == set(plan.left_tasks)
    assert set(explain_shipments(problem, plan)) == set(plan.left_shipments)
