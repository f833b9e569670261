"""The doorbell: tells a worker to look at the rows. It may be lost, doubled or late without harm.

Ringing must never cost the caller: the web role's broker options give up within 0.7 s (config/settings.py), and
after a failure the bell stays silent for five seconds. At most one ring per task and 200 ms leaves a process.
"""

import time

from celery import current_app
from prometheus_client import Counter

from common import logs

log = logs.get_logger("bell")
FAILED = Counter("scan_doorbell_failed", "Rings this process could not publish: the sweep does their work, later")
_QUIET_S = 5.0
_GAP_S = 0.2
_broken_until = 0.0
_last: dict[str, float] = {}


def ring(task: str, *args: object) -> bool:
    """Publish one message for `task`; False if the broker is away or it was rung a moment ago."""
    global _broken_until
    now = time.monotonic()
    key = f"{task}{args}"
    if now < _broken_until or now - _last.get(key, 0.0) < _GAP_S:
        return False
    if len(_last) > 5000:
        _last.clear()
    _last[key] = now
    try:
        current_app.send_task(task, args=args, retry=False, expires=30, ignore_result=True)
    except Exception as error:  # whatever the broker's client throws, the rows are safe
        _broken_until = time.monotonic() + _QUIET_S
        FAILED.inc()
        log.warning("bell.failed", task=task, error=type(error).__name__)
        return False
    return True
