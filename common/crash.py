"""Places where the fault run may kill the process that passes them (benchmarks/faults/); nothing happens elsewhere.

CRASH_DIR names a folder. A file there called like a point arms it: the first process to pass the point renames the
file to `<point>.<its pid>` and dies as by `kill -9`, in the middle of what it was doing. Of several processes that
pass at once one wins the rename, the others go on; the renamed file proves that the point was reached.
"""

import os
import signal

from django.conf import settings

POINTS = (
    "ack.parsed",  # the body is read, nothing is stored
    "ack.inserted",  # the events stand in an open transaction
    "ack.noted",  # and so do the sequence numbers and what was set aside
    "ack.committed",  # stored, the bell not rung, the answer not sent
    "ack.answered",  # the answer is made, not sent
    "drain.claimed",  # the lease is committed, nothing is folded
    "drain.announced",  # rows for unknown parcels are made, in an open transaction
    "drain.locked",
    "drain.merged",
    "drain.refolded",
    "drain.marked",  # all done, not committed
    "drain.folded",  # committed
    "drain.halved",  # half of a failing claim is folded
    "sweep.started",
    "sweep.ended",
)

# Where money is made ready and booked: struck by the tests of settlement, not by the fault run of the scans.
MONEY_POINTS = (
    "pay.locked",  # the fund is locked, nothing is written
    "pay.issued",  # batches, entries and states stand in an open transaction
    "pay.committed",
    "result.booked",  # the bank's answer is booked, in an open transaction
    "result.committed",
)

# passed by the subsidy's run and a month's approval, not by scans (the settle-faults bench arms these)
SETTLE_POINTS = (
    "period.settled",  # the county is locked and read, the month still open
    "period.frozen",  # moved, not committed
    "period.adjusted",  # caps and shares of a short fund are booked, no statement is written
    "period.computed",  # all written, not committed
    "approve.locked",  # the month is moved, nothing is booked
    "approve.half",  # half of the statements are booked
    "approve.posted",  # all are, not committed
    "approve.committed",  # the answer isn't sent
)


def crash_point(name: str) -> None:
    """Die here if this point is armed and nobody died at it yet."""
    if not settings.CRASH_DIR:
        return
    armed = os.path.join(settings.CRASH_DIR, name)
    try:
        os.rename(armed, f"{armed}.{os.getpid()}")
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
