"""The doorbell: tells a worker to look at the rows. It may be lost, doubled or late without harm.

Ringing never costs the caller anything: a thread of each process publishes, at most twice a second, so that the
last ring of a burst is heard too. While the broker is away or frozen (the broker options give up within 0.7 s,
config/settings.py) it tries again every five seconds; meanwhile the sweep does the work.
"""

import os
import threading
import time

from celery import current_app
from prometheus_client import Counter

from common import logs

log = logs.get_logger("bell")
FAILED = Counter("scan_doorbell_failed", "Rings this process could not publish: the sweep does their work, later")
QUIET_S = 5.0
GAP_S = 0.5
_wanted: dict[tuple[str, tuple[object, ...]], None] = {}
_change = threading.Condition()
_ringer: threading.Thread | None = None


def ring(task: str, *args: object) -> None:
    """Have one message published for `task`, soon."""
    global _ringer
    with _change:
        _wanted[task, args] = None
        if _ringer is None or not _ringer.is_alive():
            _ringer = threading.Thread(target=_ring_on, name="bell", daemon=True)
            _ringer.start()
        _change.notify()


def publish(task: str, *args: object) -> bool:
    """Publish now; False, counted and logged, where the broker does not take it."""
    try:
        current_app.send_task(task, args=args, retry=False, expires=30, ignore_result=True)
    except Exception as error:  # whatever the broker's client throws, the rows are safe
        FAILED.inc()
        log.warning("bell.failed", task=task, error=type(error).__name__)
        return False
    return True


def _ring_on() -> None:
    while True:
        with _change:
            while not _wanted:
                _change.wait()
            due = next(iter(_wanted))
            del _wanted[due]
        if not publish(due[0], *due[1]):
            ring(due[0], *due[1])
            time.sleep(QUIET_S)
        else:
            time.sleep(GAP_S)


def _start_anew() -> None:
    """In a forked child: the parent's thread did not come along, its lock may be held for ever."""
    global _change, _ringer
    _wanted.clear()
    _change, _ringer = threading.Condition(), None


os.register_at_fork(after_in_child=_start_anew)
