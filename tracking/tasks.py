"""Celery's part: look for rows and work on what is there. A lost message costs a sweep, five seconds."""

from celery import shared_task

from common import clock
from common.crash import crash_point
from tracking import services


@shared_task(expires=30)
def drain() -> int:
    return services.fold_waiting(at=clock.now())


@shared_task(expires=5)
def sweep() -> int:
    """The same by the clock: what a lost message, a dead worker's lease or a deaf broker left behind."""
    crash_point("sweep.started")
    folded = services.fold_waiting(at=clock.now())
    crash_point("sweep.ended")
    return folded


@shared_task(expires=3600)
def make_partitions() -> int:
    return len(services.make_partitions(at=clock.now()))


@shared_task(expires=600)
def refold_older() -> int:
    return services.refold_older(at=clock.now())
