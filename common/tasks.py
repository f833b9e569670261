"""Tasks of common: the runner of jobs, and the worker's sign of life."""

import time

from celery import shared_task
from django.core.cache import cache

from common import clock, pulse, services

# A job may take hours: it renews its own lease, and whoever finds that lease ended takes it over.
JOB_LIMITS = {"soft_time_limit": 6 * 3600, "time_limit": 6 * 3600 + 100}  # s
HEARTBEAT_KEY = "worker-heartbeat"
HEARTBEAT_TTL_S = 60


@shared_task(expires=30, **JOB_LIMITS)
def run_waiting_jobs() -> int:
    return services.run_waiting_jobs(at=clock.now())


@shared_task(expires=15)
def heartbeat() -> None:
    cache.set(HEARTBEAT_KEY, time.time(), timeout=HEARTBEAT_TTL_S)
    pulse.mark(pulse.HEARTBEAT, at=clock.now())
