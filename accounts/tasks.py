"""Tasks of accounts: sessions nobody will come back to."""

from celery import shared_task

from accounts import services
from common import clock


@shared_task(expires=3600, soft_time_limit=3600, time_limit=3700)
def end_expired_sessions() -> int:
    return services.end_expired_sessions(at=clock.now())
