"""Jobs of the vehicles' room."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery import shared_task
from django.utils.translation import gettext as _

from common import clock
from common.errors import NotAllowed
from common.models import JobProblem
from common.services import Progress, job
from vehicles import services
from vehicles.models import Plan, WhatIf
from vehicles.services import import_roads as roads

MOST_PROBLEMS = 5000  # kept by row


@job("vehicles.import_roads")
def import_roads(progress: Progress) -> dict[str, Any]:
    row = progress.job
    result = roads.import_roads(
        county_code=row.county_code,
        path=Path(row.input_file.path),
        source=row.params["source"],
        name=row.params["name"],
        whole_file=row.params["whole_file"],
        add=row.params["add"],
        by=row.user,
        at=clock.now(),
        step=lambda done, total: progress.step(done, total or None, _("Reading the roads")),
    )
    progress.problems(
        [
            JobProblem(
                job=row, row=p.row, column=p.column[:60], code=p.code, detail=p.detail[:400], value=p.value[:200]
            )
            for p in result.problems[:MOST_PROBLEMS]
        ]
    )
    progress.step(result.segments, result.segments)
    return {"message": result.message, "segments": result.segments, "metres": result.metres}


@job("vehicles.import_feed")
def import_feed(progress: Progress) -> dict[str, Any]:
    return services.import_feed(progress=progress)


@job("vehicles.solve")
def solve(progress: Progress) -> Mapping[str, Any]:
    """params: plan. NotAllowed if its starter has lost the right meanwhile."""
    starter = progress.job.user
    if starter is not None and not Plan.objects.visible_to(starter, "plan.make").filter(pk=progress.job.params["plan"]):
        raise NotAllowed(_("Your role may not do this."))
    return services.solve_plan(progress)


@job("vehicles.what_if")
def what_if(progress: Progress) -> Mapping[str, Any]:
    """params: whatif. NotAllowed if its starter has lost the right meanwhile."""
    starter, pk = progress.job.user, progress.job.params["whatif"]
    if starter is not None and not WhatIf.objects.visible_to(starter, "proof.make").filter(pk=pk):
        raise NotAllowed(_("Your role may not do this."))
    return services.run_whatif(progress)


@shared_task(expires=15)
def follow_trips() -> int:
    """What the scans say of running trips."""
    return services.follow(at=clock.now())


@shared_task(expires=3600, soft_time_limit=3600, time_limit=3700)
def forget_positions() -> int:
    return services.forget_positions(at=clock.now())
