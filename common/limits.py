"""Rate limits: a counter per key and window in the cache; with Redis away it counts in this process."""

import time
from collections import defaultdict

from django.core.cache import cache

from common.errors import Refused

_local: dict[str, int] = defaultdict(int)


def spend(key: str, *, limit: int, window_s: int, message: object) -> None:
    """Count one use of `key`; Refused "too_often" (429) once more than `limit` fall into one window."""
    slot = f"limit:{key}:{int(time.time()) // window_s}"
    cache.add(slot, 0, timeout=window_s * 2)
    try:
        used = cache.incr(slot)
    except ValueError:  # emptied in between
        used = 1
    if used <= 1:  # the cache may have forgotten (Redis away): the process's own count is the floor
        if len(_local) > 10_000:
            _local.clear()
        _local[slot] += 1
        used = max(used, _local[slot])
    if used > limit:
        raise Refused("too_often", message, status=429, extra={"retry_after_s": window_s})


def spend_here(key: str, *, limit: int, window_s: int, message: object) -> None:
    """Like `spend`, counted in this process alone: for the path of scans, which must not wait for a frozen Redis."""
    slot = f"here:{key}:{int(time.time()) // window_s}"
    if len(_local) > 10_000:
        _local.clear()
    _local[slot] += 1
    if _local[slot] > limit:
        raise Refused("too_often", message, status=429, extra={"retry_after_s": window_s})
