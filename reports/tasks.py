"""Reports' clock and the job behind the button."""

from collections.abc import Mapping
from typing import Any

from celery import shared_task
from django.urls import reverse
from django.utils.translation import gettext as _

from common import clock
from common.errors import NotAllowed
from common.services import Progress, job
from reports import services
from stations.queries import counties_with_stations
from stations.scope import scope_of

LATE_DAYS = 3  # how long late scans still change last month's numbers by themselves


@shared_task(expires=1800, soft_time_limit=3600, time_limit=3700)
def compute_current() -> None:
    """This month's report of every county, and last month's while its late scans come in."""
    at = clock.now()
    month = clock.month_of(at)
    months = [month]
    if clock.business_date(at).day <= LATE_DAYS:
        months.append(clock.previous_month(month))
    for county_code in counties_with_stations():
        for one in months:
            services.compute_report(county_code=county_code, month=one, at=at)


@job("reports.compute")
def compute(progress: Progress) -> Mapping[str, Any]:
    """params: month "YYYY-MM"; the job's county. NotAllowed if its starter has lost the right meanwhile."""
    starter = progress.job.user
    if starter is not None and not scope_of(starter, "report.compute").covers_county(progress.job.county_code):
        raise NotAllowed(_("Your role may not do this."))
    month = clock.parse_month(progress.job.params["month"])
    assert month is not None, "the view checked it"
    report = services.compute_report(
        county_code=progress.job.county_code,
        month=month,
        at=clock.now(),
        by=starter,
        step=lambda done, of: progress.step(done, of),
    )
    return {
        "message": _("Version %(version)d is ready.") % {"version": report.version},
        "url": reverse("reports:report", args=[report.pk]),
    }
