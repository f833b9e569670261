"""Signs of life as rows: when each thing that should happen by itself last did.

A row and not a key of the cache, so that the age is known while Redis is away, which is when one asks.
"""

import time
from datetime import datetime

from django.db import connection

from common.models import Pulse

HEARTBEAT, SWEEP, DRAIN = "heartbeat", "sweep", "drain"
BY_THE_CLOCK = (HEARTBEAT, SWEEP)  # rung by beat and answered by a worker; DRAIN is rung by an upload
_GAP_S = 1.0
_last: dict[str, float] = {}


def mark(name: str, *, at: datetime) -> None:
    """Note that `name` happened; at most once a second and process."""
    now = time.monotonic()
    if now - _last.get(name, -_GAP_S) < _GAP_S:
        return
    _last[name] = now
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO common_pulse AS kept (name, at) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET at = greatest(kept.at, EXCLUDED.at)",
            [name, at],
        )


def last() -> dict[str, datetime]:
    """When each name was last marked; names never marked are missing."""
    return dict(Pulse.objects.values_list("name", "at"))
