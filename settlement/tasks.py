"""Settlement's alarm clock: beat rings every minute; a lost ring costs a minute."""

from collections.abc import Mapping
from typing import Any

from celery import shared_task
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from common import clock
from common.errors import NotAllowed
from common.services import Progress, job
from settlement import services
from settlement.models import Policy
from settlement.queries.effect import measure
from stations.queries import counties_with_stations
from stations.scope import may, scope_of

_LONG = {"soft_time_limit": 3600, "time_limit": 3700}  # s; safe to be cut: a county is one transaction


@shared_task(expires=60, **_LONG)
def settle() -> None:
    services.settle(at=clock.now())


@shared_task(expires=3600, **_LONG)
def look_for_fraud() -> int:
    return services.look(at=clock.now()).raised


@shared_task(expires=3600, **_LONG)
def retire_months() -> int:
    return len(services.retire_months(at=clock.now(), keep_years=settings.SCAN_KEEP_YEARS))


@shared_task(expires=1800, soft_time_limit=600, time_limit=660)
def confirm_silent() -> int:
    return services.confirm_silent(at=clock.now())


@shared_task(expires=1800, soft_time_limit=600, time_limit=660)
def find_clawbacks() -> int:
    return services.find_clawbacks(at=clock.now())


@shared_task(expires=3600, **_LONG)
def check_books() -> None:
    """Nightly: every county's books against themselves; what doesn't agree stands on the ledger's page."""
    for county_code in counties_with_stations():
        services.keep_check(county_code=county_code, at=clock.now())


@job("settlement.documents")
def month_documents(progress: Progress) -> Mapping[str, Any]:
    """params: month "YYYY-MM", township, notice_url. NotAllowed if its starter has lost the right meanwhile."""
    starter, params = progress.job.user, progress.job.params
    month = clock.parse_month(params["month"])
    assert month is not None, "the view checked it"
    if starter is None or not may(starter, "settlement.read"):
        raise NotAllowed(_("Your role may not do this."))
    return services.month_set(
        job=progress.job,
        user=starter,
        month=month,
        township_code=params["township"],
        notice_url=params["notice_url"],
        at=clock.now(),
        step=lambda done, of: progress.step(done, of),
    )


@shared_task(expires=3600, soft_time_limit=600, time_limit=660)
def close_paid_grants() -> int:
    at = clock.now()
    return sum(services.close_paid_grants(county_code=code, at=at) for code in counties_with_stations())


@job("settlement.award")
def compute_award(progress: Progress) -> Mapping[str, Any]:
    """params: round. NotAllowed if its starter has lost the right meanwhile."""
    _allow(progress, "grant.prepare")
    count = services.compute_round(round_id=progress.job.params["round"], by=progress.job.user, at=clock.now())
    return {
        "message": _("%(count)d stations scored.") % {"count": count},
        "url": reverse("settlement:award", args=[progress.job.params["round"]]),
    }


@job("settlement.effect")
def measure_effect(progress: Progress) -> Mapping[str, Any]:
    """params: policy, days. The counts stay with the job; the policy's page shows them."""
    _allow(progress, "policy.read")
    policy_id, days = progress.job.params["policy"], progress.job.params["days"]
    policy = Policy.objects.get(pk=policy_id, county_code=progress.job.county_code)
    return {
        "message": _("Compared."),
        "found": measure(policy, days, clock.now()),
        "url": f"{reverse('settlement:effect-policy', args=[policy_id])}?days={days}&job={progress.job.pk}",
    }


def _allow(progress: Progress, action: str) -> None:
    starter = progress.job.user
    if starter is not None and not scope_of(starter, action).covers_county(progress.job.county_code):
        raise NotAllowed(_("Your role may not do this."))
