"""The reckoning of a plan, in a worker, outside any transaction.

1. The problem is built and kept beside the plan; whoever takes over from a killed worker reckons on with the same one,
   from the best plan it left (Plan.incumbent).
2. While the search runs, the best so far and its trace are stored about every two seconds and the job's lease is
   renewed; asked to stop, the search ends and the best so far counts.
3. The checker drives the plan again. Only then are its rows written, all in one transaction, and it becomes a draft; a
   plan with anything wrong is thrown away and never shown, what was wrong stays with the job.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from common import clock
from common.errors import Conflict, Refused
from common.services import Cancelled, Progress
from vehicles import checker, rules
from vehicles import problem as p
from vehicles.figures import figures
from vehicles.models import Plan
from vehicles.services.demand import Built, problem_for
from vehicles.services.locks import lock_hub
from vehicles.services.moves import move
from vehicles.services.plan_rows import write_plan, yuan
from vehicles.services.snapshots import Snapshot, digest_of, problem_of, save_problem
from vehicles.services.tours import incumbent_in, incumbent_out
from vehicles.solver import solve
from vehicles.solver.model import Tour
from vehicles.solver.replan import replan
from vehicles.solver.rest import Rest
from vehicles.states import PlanState

STORE_S = 2.0  # between two writings of the best so far
LOOK_S = 0.5  # between two looks at the job
MOST_KEPT = 20  # violations kept with the job


class _Watch:
    """Stores what the search finds and hears whether it is to stop."""

    def __init__(self, plan: Plan, progress: Progress, snapshot: Snapshot, seconds: int) -> None:
        self.plan, self.progress, self.snapshot, self.seconds = plan, progress, snapshot, seconds
        self.began = time.monotonic()
        self.looked = self.stored = -STORE_S
        self.stopped = False
        self.best: p.Plan | None = None
        self.unsaved = False
        self.trace: list[list[Any]] = list(plan.trace)

    def on_better(self, found: p.Plan, step: p.Improvement) -> None:
        self.best, self.unsaved = found, True
        self.trace.append([round(step.at_s, 2), str(yuan(step.cost)), step.found_by])
        self.look()

    def should_stop(self) -> bool:
        self.look()
        return self.stopped

    def look(self) -> None:
        now = time.monotonic() - self.began
        if self.unsaved and now - self.stored >= STORE_S:
            self.store(now)
        if now - self.looked >= LOOK_S and not self.stopped:
            self.looked = now
            self.report(now)

    def store(self, now: float) -> None:
        self.stored, self.unsaved = now, False
        if self.best is not None:
            whole = self.whole(self.best)
            Plan.objects.filter(pk=self.plan.pk, state=PlanState.SOLVING).update(
                incumbent=incumbent_out(whole), trace=self.trace, cost=yuan(whole.cost)
            )

    def report(self, now: float) -> None:
        words: dict[str, Any] = {"seconds": int(now)}
        if self.best is None:
            message = _("Looking for a first plan: %(seconds)d s.") % words
        else:
            words |= {"cost": yuan(self.best.cost), "routes": len(self.best.routes)}
            message = _("Best so far: %(cost)s yuan, %(routes)d vehicles and buses; %(seconds)d s.") % words
        try:
            self.progress.step(min(int(now), self.seconds), self.seconds, message)
        except Cancelled:
            self.stopped = True

    def whole(self, found: p.Plan) -> p.Plan:
        """With the locked trips, which the search doesn't see."""
        return with_fixed(self.snapshot, found)


def with_fixed(snapshot: Snapshot, found: p.Plan) -> p.Plan:
    return replace(found, routes=(*found.routes, *snapshot.fixed))


def solve_plan(progress: Progress) -> Mapping[str, Any]:
    """params: plan. Ends with a draft, or with a Refused that says why there is none; done already: says so."""
    plan = Plan.objects.select_related("hub", "hub__region", "base", "made_by").get(pk=progress.job.params["plan"])
    if plan.state != PlanState.SOLVING:
        return _done(plan)
    try:
        snapshot = _problem(plan)
        seconds = int(plan.asked["seconds"])
        watch = _Watch(plan, progress, snapshot, seconds)
        found = _search(plan, snapshot, watch)
        return _finish(plan.pk, snapshot, watch.whole(found), watch.trace, by=None)
    except Refused as refusal:
        _throw_away(plan.pk, str(refusal.message), by=None, at=clock.now())
        raise


def _problem(plan: Plan) -> Snapshot:
    """Built once; whoever takes over finds it beside the plan."""
    kept = problem_of(plan)
    if kept is not None:
        return kept
    built = built_for(plan, plan.made_at)  # as it was asked for: a worker that comes late finds the same
    with transaction.atomic():
        save_problem(plan, built)
        Plan.objects.filter(pk=plan.pk).update(digest=digest_of(built), estimated=built.estimated)
    return built


def built_for(plan: Plan, at: datetime) -> Built:
    return problem_for(
        hub=plan.hub,
        day=plan.service_date,
        wave=plan.wave,
        at=at,
        members=plan.asked.get("members"),
        buses=bool(plan.asked.get("buses", True)),
        base=plan.base,
        anew=bool(plan.asked.get("anew")),
    )


def _search(plan: Plan, snapshot: Snapshot, watch: _Watch) -> p.Plan:
    free = snapshot.open_problem
    if not free.tasks or not free.vehicles:
        return p.Plan((), left_tasks=tuple(range(len(free.tasks))))
    if plan.asked.get("anew"):
        return _search_rest(plan, snapshot, watch)
    warm = _without_fixed(snapshot, incumbent_in(plan.incumbent))
    solved = solve(
        free,
        seconds=float(plan.asked["seconds"]),
        seed=int(plan.asked["seed"]),
        on_better=watch.on_better,
        should_stop=watch.should_stop,
        warm=warm,
    )
    return solved.plan


def _search_rest(plan: Plan, snapshot: Snapshot, watch: _Watch) -> p.Plan:
    free = replace(snapshot.open_problem, change_cost=rules.CHANGE_YUAN * rules.YUAN_UNITS)
    behind = [carrier.vehicle_id or -(carrier.departure_id or 0) for carrier in snapshot.carriers]
    rest = Rest(
        problem=free,
        tours=tuple(Tour(number, trips) for number, trips in snapshot.orders),
        old_task=tuple(range(len(free.tasks))),
        route=tuple(behind[: len(free.vehicles)]),  # every gap of a vehicle's day is the same vehicle
        served=frozenset(),
        touched=snapshot.touched,
    )
    return replan(
        rest,
        seconds=float(plan.asked["seconds"]),
        seed=int(plan.asked["seed"]),
        on_better=watch.on_better,
        should_stop=watch.should_stop,
    ).plan


def _without_fixed(snapshot: Snapshot, found: p.Plan | None) -> p.Plan | None:
    if found is None:
        return None
    return replace(found, routes=tuple(route for route in found.routes if route.vehicle < snapshot.free_vehicles))


def _finish(
    plan_id: int,
    snapshot: Snapshot,
    found: p.Plan,
    trace: list[list[Any]],
    *,
    by: User | None,
) -> dict[str, Any]:
    """Check, then write, in one transaction; a plan thrown away meanwhile stays so."""
    report = checker.check(snapshot.problem, found)
    if not report.ok:
        raise Refused(
            "plan_is_wrong",
            _("The plan that was found breaks %(count)d rules and was thrown away: please report it.")
            % {"count": len(report.violations)},
            extra={
                "violations": [
                    {"code": each.code, "route": each.route, "trip": each.trip, "visit": each.visit, **each.detail}
                    for each in report.violations[:MOST_KEPT]
                ]
            },
        )
    with transaction.atomic():
        plan = Plan.objects.select_for_update(of=("self",)).select_related("hub").get(pk=plan_id)
        if plan.state != PlanState.SOLVING:
            return _done(plan)
        lock_hub(plan.hub_id)
        tours = write_plan(plan=plan, snapshot=snapshot, found=found, report=report)
        plan.incumbent, plan.trace = tours.to_json(), trace
        plan.cost = yuan(report.cost)
        plan.figures = figures_of(plan, snapshot, found)
        plan.save(update_fields=["incumbent", "trace", "cost", "figures"])
        move(plan, to=PlanState.DRAFT, by=by, at=clock.now(), allowed=[PlanState.SOLVING])
    return _done(plan)


def figures_of(plan: Plan, snapshot: Snapshot, found: p.Plan) -> dict[str, Any]:
    left: dict[str, int] = {}
    for reason in plan.parcels.filter(trip__isnull=True).values_list("reason", flat=True):
        left[reason] = left.get(reason, 0) + 1
    return figures(snapshot.problem, found, left=left).to_json()


def _done(plan: Plan) -> dict[str, Any]:
    if plan.state == PlanState.DISCARDED:
        return {"message": _("The plan was thrown away meanwhile.")}
    return {"message": _("The plan is there."), "plan": plan.pk}


def _throw_away(plan_id: int, reason: str, *, by: User | None, at: datetime) -> None:
    plan = Plan.objects.get(pk=plan_id)
    if plan.state == PlanState.SOLVING:
        move(plan, to=PlanState.DISCARDED, by=by, at=at, allowed=[PlanState.SOLVING], reason=reason[:300])


def finish_incumbent(*, plan_id: int, by: User, at: datetime) -> Plan:
    """Make a draft of the best plan that a worker left which is gone for good; without one the plan is thrown away."""
    plan = Plan.objects.select_related("hub").get(pk=plan_id)
    if plan.state != PlanState.SOLVING:
        raise Conflict("not_solving", _("This plan is not being reckoned any more."))
    snapshot, best = problem_of(plan), incumbent_in(plan.incumbent)
    if snapshot is None or best is None:
        _throw_away(plan_id, _("Stopped before a first plan was found."), by=by, at=at)
    else:
        _finish(plan_id, snapshot, best, plan.trace, by=by)
    return Plan.objects.get(pk=plan_id)
