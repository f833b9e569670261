"""Have a plan made: ask for it, watch it, stop it. The reckoning itself is solving.py's, in a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from common import clock
from common.errors import Conflict, Refused
from common.models import Job
from common.services import cancel_job, start_job
from stations.models import Organisation, Station
from stations.states import StationLevel
from vehicles import rules
from vehicles.models import Plan
from vehicles.services.demand import earliest_start
from vehicles.services.locks import lock_hub
from vehicles.services.moves import move
from vehicles.services.solving import finish_incumbent
from vehicles.states import PlanState

KIND = "vehicles.solve"
LATEST_DAYS = 14  # ahead


ANEW_S = 1  # seconds of search where the rest of a day is planned anew


@dataclass(frozen=True)
class Wanted:
    """What a plan was asked for, as Plan.asked keeps it."""

    seconds: int
    seed: int
    buses: bool
    members: tuple[str, ...] | None
    anew: bool = False  # the rest of the base's day: who has a stop keeps it unless it pays

    def to_json(self) -> dict[str, Any]:
        members = None if self.members is None else list(self.members)
        return {"seconds": self.seconds, "seed": self.seed, "buses": self.buses, "members": members, "anew": self.anew}


def start_plan(
    *,
    hub: Station,
    day: date,
    wave: str,
    seconds: int,
    seed: int,
    buses: bool,
    members: Sequence[str] | None,
    by: User,
    at: datetime,
    base: Plan | None = None,
    anew: bool = False,
) -> Plan:
    """A plan in the state "solving" with the next version, and its job. Refused "not_a_hub", "unknown_wave",
    "day_passed", "day_far", "seconds_out_of_range", "unknown_member", "other_base"."""
    _check(hub, day, wave, seconds, members, at, base)
    wanted = Wanted(seconds, seed, buses, None if members is None else tuple(members), anew and base is not None)
    with transaction.atomic():
        lock_hub(hub.pk)
        newest = Plan.objects.filter(hub=hub, service_date=day, wave=wave).aggregate(v=Max("version"))["v"] or 0
        plan = Plan.objects.create(
            county_code=hub.county_code,
            hub=hub,
            service_date=day,
            wave=wave,
            version=newest + 1,
            base=base,
            state=PlanState.SOLVING,
            asked=wanted.to_json(),
            made_by=by,
            made_at=at,
        )
        plan.job = start_job(
            kind=KIND,
            title=_("Plan for %(day)s, version %(version)s") % {"day": day, "version": plan.version},
            user=by,
            at=at,
            params={"plan": plan.pk, "language": get_language()},
            county_code=hub.county_code,
        )
        plan.save(update_fields=["job"])
    return plan


def plan_rest(*, plan_id: int, by: User, at: datetime) -> Plan:
    """The rest of an issued plan's day anew, asked for as it was: what is on the road stays there, who has a stop keeps
    it unless it pays to move it. Conflict "state_changed" if it isn't in force; else as start_plan."""
    base = Plan.objects.select_related("hub").get(pk=plan_id)
    if base.state != PlanState.ISSUED:
        raise Conflict("state_changed", _("Only the plan in force can be planned anew while it is driven."))
    return start_plan(
        hub=base.hub,
        day=base.service_date,
        wave=base.wave,
        seconds=ANEW_S,
        seed=int(base.asked.get("seed", 1)),
        buses=bool(base.asked.get("buses", True)),
        members=base.asked.get("members"),
        by=by,
        at=at,
        base=base,
        anew=True,
    )


def _check(
    hub: Station,
    day: date,
    wave: str,
    seconds: int,
    members: Sequence[str] | None,
    at: datetime,
    base: Plan | None,
) -> None:
    if hub.level != StationLevel.HUB:
        raise Refused("not_a_hub", _("Plans are made at a county hub."), pointer="/hub")
    earliest_start(day, wave, at)
    if (day - clock.business_date(at)).days > LATEST_DAYS:
        raise Refused("day_far", _("At most %(days)s days ahead.") % {"days": LATEST_DAYS}, pointer="/day")
    if not 1 <= seconds <= rules.MOST_SOLVE_S:
        raise Refused(
            "seconds_out_of_range",
            _("From 1 to %(most)s seconds.") % {"most": rules.MOST_SOLVE_S},
            pointer="/seconds",
        )
    if members is not None:
        known = set(Organisation.objects.filter(code__in=members).values_list("code", flat=True))
        if unknown := sorted(set(members) - known):
            raise Refused(
                "unknown_member",
                _("There is no organisation with the code %(code)s.") % {"code": unknown[0]},
                pointer="/members",
            )
    if base is not None and (base.hub_id, base.service_date) != (hub.pk, day):
        raise Refused("other_base", _("A plan can only be planned anew for its own hub and day."), pointer="/base")


def stop_plan(*, plan_id: int, by: User, at: datetime) -> Plan:
    """End the reckoning and keep the best so far: the worker makes it a draft at its next look. Where the worker is
    gone already, the draft is made here; where nothing was found yet, it is thrown away. Conflict "not_solving"."""
    plan = Plan.objects.select_related("job", "hub").get(pk=plan_id)
    if plan.state != PlanState.SOLVING:
        raise Conflict("not_solving", _("This plan is not being reckoned any more."))
    try:
        job = cancel_job(job_id=plan.job_id or 0, user=plan.job.user if plan.job else by, at=at)
    except (Conflict, Job.DoesNotExist):  # it has ended without ending the plan: broken off, or given up
        return finish_incumbent(plan_id=plan.pk, by=by, at=at)
    if not job.is_open:  # it never began
        move(plan, to=PlanState.DISCARDED, by=by, at=at, allowed=[PlanState.SOLVING], reason=_("Stopped on request."))
    plan.refresh_from_db()
    return plan
