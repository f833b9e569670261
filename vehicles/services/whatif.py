"""Who joins? A day's waiting parcels by the same solver: each carrier alone, the alliance growing, the cost shared.

1. Every coalition's problem is services.demand's with its members' parcels only: the same stops, windows, unit costs,
   the whole fleet to choose from, the same seconds a problem; it pays for the vehicles it uses. Buses, where asked for,
   ride for pools of two and more; who stays outside drives as today, with vehicles of its own.
   Small coalitions come first: a larger one begins from the best plans of its parts put into one, in which a vehicle
   is one vehicle and a bus has one hold, so that it rarely costs more than they do. What is shared out is priced by
   sharing.py: one group, the others alone, so that nothing is used twice there either.
2. What a plan leaves behind counts LEFT_YUAN a parcel, as if somebody else brought it: else leaving it would pay.
3. Each answer is checked, then kept in WhatIf.result["solved"] at once: whoever takes over from a killed worker, or
   reads after somebody stopped it, has them. The shares come last, from all that was solved.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import NotAllowed, Refused
from common.services import Cancelled, Progress, start_job
from stations.models import Station
from stations.scope import scope_of
from vehicles import checker, sharing
from vehicles import problem as p
from vehicles.figures import PRICE_YUAN, Figures, figures
from vehicles.models import WhatIf
from vehicles.rules import YUAN_UNITS
from vehicles.services.demand import earliest_start, problem_for
from vehicles.solver import Told, joined, solve, told

KIND = "vehicles.what_if"
LEFT_YUAN = PRICE_YUAN
SECONDS = (1, 2, 3, 5)
MOST_COALITIONS = (30, 60, 100, 250)  # 60: a whole circle of orders of eight members
LOOK_S = 0.5  # between two looks at the job


def start_whatif(
    *,
    hub: Station,
    day: date,
    members: Sequence[str],
    seconds: int,
    most: int,
    buses: bool,
    seed: int,
    by: User,
    at: datetime,
    wave: str = "day",
) -> WhatIf:
    """The row and its job. Refused "too_few_members", "too_many_members", "seconds_out_of_range", "day_passed"."""
    if not scope_of(by, "proof.make").covers_county(hub.county_code):
        raise NotAllowed(_("Your role may not do this."))
    earliest_start(day, wave, at)
    names = tuple(dict.fromkeys(members))
    if len(names) < 2:
        raise Refused("too_few_members", _("Choose at least two carriers."), pointer="/members")
    if len(names) > sharing.MEMBERS_MAX:
        raise Refused(
            "too_many_members", _("At most %(most)d carriers.") % {"most": sharing.MEMBERS_MAX}, pointer="/members"
        )
    if seconds not in SECONDS or most not in MOST_COALITIONS:
        raise Refused("seconds_out_of_range", _("Choose one of the times offered."), pointer="/seconds")
    asked = {"members": list(names), "seconds": seconds, "most": most, "buses": buses, "seed": seed, "wave": wave}
    with transaction.atomic():
        row = WhatIf.objects.create(
            county_code=hub.county_code, hub=hub, service_date=day, asked=asked, made_by=by, made_at=at
        )
        row.job = start_job(
            kind=KIND,
            title=_("Who joins, %(day)s") % {"day": day},
            user=by,
            at=at,
            params={"whatif": row.pk, "language": get_language()},
            county_code=hub.county_code,
        )
        row.save(update_fields=["job"])
    return row


@dataclass(frozen=True)
class Solved:
    """One coalition's answer."""

    figures: Figures
    yuan: Decimal  # with what was left behind

    def to_json(self) -> dict[str, Any]:
        return {"figures": self.figures.to_json(), "yuan": str(self.yuan)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Solved":
        return cls(Figures.from_json(data["figures"]), Decimal(data["yuan"]))


def key_of(members: Sequence[str] | frozenset[str], *, buses: bool) -> str:
    return f"{'+'.join(sorted(members))}{'|bus' if buses else ''}"


def run_whatif(progress: Progress) -> Mapping[str, Any]:
    """params: whatif. Refused where the day can't be planned at all; Cancelled keeps what was solved."""
    row = WhatIf.objects.select_related("hub", "hub__region").get(pk=progress.job.params["whatif"])
    reckoner = _Reckoner(row, progress)
    members: list[str] = row.asked["members"]
    buses: bool = row.asked["buses"]
    alone = {name: reckoner.solved([name], buses=False) for name in members}
    order = sorted(members, key=lambda name: (-_parcels(alone[name]), name))
    growing = [frozenset(order[:count]) for count in range(2, len(order) + 1)]
    orders, coalitions = sample(order, row.asked["most"], row.asked["seed"])
    wanted = list(dict.fromkeys([*growing, *coalitions]))
    reckoner.expect(len(members) + len(growing) * buses + len(wanted))
    reckoner.keep(order=order)
    for some in sorted(wanted, key=len):  # a stable sort: of each size the curve's first
        if some in growing and buses:
            reckoner.solved(some, buses=False)
        reckoner.solved(some, buses=buses)
    costs = {frozenset([name]): each.yuan for name, each in alone.items()}
    costs |= {some: reckoner.solved(some, buses=buses).yuan for some in wanted}
    reckoner.finish(sharing.share(costs, orders))
    return {
        "message": _("%(count)d coalitions reckoned.") % {"count": len(reckoner.found)},
        "url": reverse("vehicles:whatif", args=[row.pk]),
    }


def sample(members: Sequence[str], most: int, seed: int) -> tuple[list[tuple[str, ...]], list[sharing.Coalition]]:
    """The orders of arrival to take and the coalitions to solve, at most about `most`: all where that is enough (and no
    orders), else those of as many sampled orders as fit, of two at least; past the first circle of orders only whole
    circles, in which everybody comes first equally often."""
    if len(members) <= sharing.EXACT_MAX:
        everything = [each for each in sharing.every_coalition(members) if len(each) > 1]
        if len(everything) <= most:
            return [], everything
    orders: list[tuple[str, ...]] = []
    coalitions: list[sharing.Coalition] = []
    circle = 2 * len(members)
    for count in (*range(2, circle, 2), *range(circle, circle * most, circle)):
        more = sharing.sampled_orders(members, count, seed)
        met = [each for each in sharing.prefixes(more) if len(each) > 1]
        if orders and len(met) > most:
            break
        orders, coalitions = more, met
    return orders, coalitions


class _Reckoner:
    """Solves coalitions, each once, and keeps them with the row."""

    def __init__(self, row: WhatIf, progress: Progress) -> None:
        self.row, self.progress = row, progress
        self.result: dict[str, Any] = dict(row.result or {})
        self.found = {key: Solved.from_json(data) for key, data in self.result.get("solved", {}).items()}
        self.tours: dict[str, Told] = self.result.get("tours", {})
        self.total = len(row.asked["members"])
        self.looked = 0.0
        self.stopped = False

    def expect(self, total: int) -> None:
        self.total = total

    def keep(self, **values: Any) -> None:
        self.result |= values
        WhatIf.objects.filter(pk=self.row.pk).update(result=self.result)

    def solved(self, members: Sequence[str] | frozenset[str], *, buses: bool) -> Solved:
        key = key_of(members, buses=buses)
        if key not in self.found:
            self._report()
            self.found[key], self.tours[key] = self._solve(frozenset(members), buses)
            self.keep(solved={name: each.to_json() for name, each in self.found.items()}, tours=self.tours)
        return self.found[key]

    def finish(self, shares: sharing.Shares) -> None:
        """The tours were for whoever had to go on from here."""
        self.result.pop("tours", None)
        self.keep(shares=_shares(shares))

    def _report(self) -> None:
        self.progress.step(len(self.found), self.total, _("Reckoning who drives how with whom"))

    def _stop(self) -> bool:
        now = time.monotonic()
        if now - self.looked >= LOOK_S and not self.stopped:
            self.looked = now
            try:
                self._report()
            except Cancelled:
                self.stopped = True
        return self.stopped

    def _begin(
        self, problem: p.Problem, names: Sequence[str], members: sharing.Coalition, buses: bool
    ) -> p.Plan | None:
        """The cheapest of what the parts' plans come to in one: of the best split, and of the best group with each of
        the others alone. None where nothing smaller was solved."""
        keys: dict[sharing.Coalition, str] = {}
        for key in self.tours:
            named, _bar, bus = key.partition("|")
            some = frozenset(named.split("+"))
            better = some not in keys or self.found[key].yuan < self.found[keys[some]].yuan
            if some <= members and (buses or not bus) and better:
                keys[some] = key
        costs = {some: self.found[key].yuan for some, key in keys.items()}
        if any(frozenset([name]) not in costs for name in members):
            return None
        alone = {some: cost for some, cost in costs.items() if len(some) == 1}
        splits = [sharing.cheapest_split(costs, members)]
        if sum(len(part) > 1 for part in splits[0]) > 1:
            together = [sharing.cheapest_split({**alone, some: costs[some]}, members) for some in costs]
            splits.append(min(together, key=lambda split: sum(costs[part] for part in split)))
        plans = [joined(problem, [self.tours[keys[part]] for part in split], names) for split in splits]
        return min(plans, key=lambda plan: (len(plan.left_tasks), plan.cost))

    def _solve(self, some: sharing.Coalition, buses: bool) -> tuple[Solved, Told]:
        row = self.row
        built = problem_for(
            hub=row.hub,
            day=row.service_date,
            wave=row.asked["wave"],
            at=row.made_at,
            members=sorted(some),
            buses=buses,
            if_joined=True,
        )
        problem = built.problem
        names = [f"{each.vehicle_id or ''}/{each.departure_id or ''}" for each in built.carriers]
        plan = p.Plan((), left_tasks=tuple(range(len(problem.tasks))))
        if problem.tasks and problem.vehicles:
            seconds, seed = float(row.asked["seconds"]), int(row.asked["seed"])
            warm = self._begin(problem, names, some, buses) if len(some) > 1 else None
            plan = solve(problem, seconds=seconds, seed=seed, warm=warm, should_stop=self._stop).plan
        if self.stopped:
            raise Cancelled
        report = checker.check(problem, plan)
        if not report.ok:
            raise Refused(
                "plan_is_wrong",
                _("The plan that was found breaks %(count)d rules and was thrown away: please report it.")
                % {"count": len(report.violations)},
                extra={"violations": [each.code for each in report.violations[:20]]},
            )
        found = figures(problem, plan)
        yuan = Decimal(report.cost) / YUAN_UNITS + LEFT_YUAN * found.left_pieces
        return Solved(found, yuan), told(problem, plan, names)


def _parcels(solved: Solved) -> int:
    return solved.figures.pieces + solved.figures.left_pieces


def _shares(shares: sharing.Shares) -> dict[str, Any]:
    return {
        "shares": {name: str(yuan) for name, yuan in shares.shares.items()},
        "alone": {name: str(yuan) for name, yuan in shares.alone.items()},
        "total": str(shares.total),
        "exact": shares.exact,
        "orders": shares.orders,
        "coalitions": shares.coalitions,
        "replaced": shares.replaced,
        "split": [list(part) for part in shares.split],
    }
