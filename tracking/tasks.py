"""Celery's part: look for rows and work on what is there. A lost message costs a sweep, five seconds."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.utils.translation import gettext as _

from common import bell, clock, logs, pulse
from common.crash import crash_point
from common.services import Progress, job
from tracking import services
from tracking.services import replay

log = logs.get_logger("drain")
# Longer than the settings' limits, which stand below the drain's lease: these hold no lease and may be cut anywhere.
AT_MOST = timedelta(seconds=45)
_LONG = {"soft_time_limit": 3600, "time_limit": 3700}  # s


@shared_task(expires=30)
def drain() -> int:
    return _fold(pulse.DRAIN)


@shared_task(expires=5)
def sweep() -> int:
    """The same by the clock: what a lost message, a dead worker's lease or a deaf broker left behind."""
    crash_point("sweep.started")
    folded = _fold(pulse.SWEEP)
    crash_point("sweep.ended")
    return folded


def _fold(name: str) -> int:
    """Fold what waits and leave a sign of life. A day of backlog takes longer than a task may: it rings again."""
    until = clock.now() + AT_MOST
    folded = services.fold_waiting(at=clock.now(), until=until)
    pulse.mark(name, at=clock.now())
    if clock.now() >= until:
        log.info("drain.goes_on", rung_by=name, uploads=folded)
        bell.ring("tracking.tasks.drain")
    return folded


@shared_task(expires=3600, **_LONG)
def make_partitions() -> int:
    return len(services.make_partitions(at=clock.now()))


@shared_task(expires=3600, **_LONG)
def forget_photos() -> list[int]:
    return list(services.forget_photos(at=clock.now()))


@shared_task(expires=600, **_LONG)
def refold_older() -> int:
    return services.refold_older(at=clock.now())


@job(replay.KIND)
def replay_set_asides(progress: Progress) -> Mapping[str, Any]:
    """Under the person's rights of now, not of when they asked."""
    row = progress.job
    assert row.user is not None  # a person asked for it
    used, still = replay.replay_code(
        user=row.user, code=row.params["code"], at=clock.now(), step=lambda done, total: progress.step(done, total)
    )
    message = _("%(used)d scans count now, %(still)d still can't be used.") % {"used": used, "still": still}
    return {"message": message, "used": used, "still": still}
