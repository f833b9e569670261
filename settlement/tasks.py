"""Settlement's alarm clock: beat rings every minute; a lost ring costs a minute."""

from celery import shared_task
from django.conf import settings

from common import clock
from settlement import services

_LONG = {"soft_time_limit": 3600, "time_limit": 3700}  # s; safe to be cut: a county is one transaction


@shared_task(expires=60, **_LONG)
def settle() -> None:
    services.settle(at=clock.now())


@shared_task(expires=3600, **_LONG)
def retire_months() -> int:
    return len(services.retire_months(at=clock.now(), keep_years=settings.SCAN_KEEP_YEARS))


@shared_task(expires=1800, soft_time_limit=600, time_limit=660)
def confirm_silent() -> int:
    return services.confirm_silent(at=clock.now())


@shared_task(expires=1800, soft_time_limit=600, time_limit=660)
def find_clawbacks() -> int:
    return services.find_clawbacks(at=clock.now())
