"""Tasks of orders: imports run as jobs, and their files go after ninety days."""

from collections.abc import Mapping
from typing import Any

from celery import shared_task
from django.utils.translation import gettext as _

from common import clock
from common.services import Progress, job
from orders import services


@job(services.KIND)
def import_parcels(progress: Progress) -> Mapping[str, Any]:
    return services.carry_out(
        job=progress.job,
        on_progress=lambda rows: progress.step(rows, rows, _("%(rows)s rows read") % {"rows": rows}),
        on_problems=progress.problems,
    )


@shared_task(soft_time_limit=3600, time_limit=3700)
def forget_old_files() -> int:
    return services.forget_old_files(at=clock.now())
