"""Celery's part: look for rows and work on what is there. A lost message costs a sweep, five seconds."""

from celery import shared_task

from common import clock
from tracking import services


@shared_task(expires=30)
def drain() -> int:
    return services.fold_waiting(at=clock.now())


@shared_task(expires=3600)
def make_partitions() -> int:
    return len(services.make_partitions(at=clock.now()))


@shared_task(expires=600)
def refold_older() -> int:
    return services.refold_older(at=clock.now())
