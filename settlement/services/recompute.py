"""What all scans of a county give today, against the lines that stand: an audit that writes nothing.

Every parcel is staged again as a run does it, wherever the cursor stands. Rates rest on what was kept with the months'
first lines, so a later change of an outlet or its village changes nothing. What a person took back is left out.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction

from common import clock, sql
from settlement.queries import policy_mark
from settlement.services.lines import lock_county
from settlement.services.settle import WORK_MEM, finished_below, stage

SAMPLES = 20


@dataclass(frozen=True)
class Difference:
    """A parcel's service that should have earned `wanted` yuan, and stands at `stood` by the line `line_id`."""

    parcel_id: int
    service: str
    station_id: int | None
    line_id: int | None
    stood: Decimal
    wanted: Decimal


@dataclass(frozen=True)
class Drift:
    """Lines that are not what the scans give, and by how many yuan (sum of the differences without their signs);
    `pending` are parcels folded since the last run, which is no drift; `samples` are the first few."""

    lines: int
    yuan: Decimal
    pending: int
    samples: tuple[Difference, ...]


def recompute(county_code: str, since: date | None = None) -> Drift:
    """Compare a county's lines (of deliveries and collections from `since` on) with its scans; waits for a run that is
    at work."""
    with transaction.atomic():
        cursor = lock_county(county_code=county_code)
        with sql.local_settings(work_mem=WORK_MEM):
            staged = stage(county_code=county_code, since=0, upto=_beyond(), at=clock.now())
            rows = (
                sql.rows(
                    "settlement",
                    "drift",
                    {
                        "since": since,
                        "settled_below": str(cursor.upto),
                        "all_pending": cursor.policy_mark != policy_mark(county_code),
                        "most": SAMPLES,
                    },
                )
                if staged.rows
                else []
            )
        transaction.set_rollback(True)  # the temporary tables, and what pricing would have kept
    if not rows:
        return Drift(0, Decimal(0), 0, ())
    names = ("parcel_id", "service", "station_id", "line_id", "stood", "wanted")
    return Drift(
        rows[0]["lines"],
        rows[0]["yuan"],
        rows[0]["waiting"],
        tuple(Difference(**{name: row[name] for name in names}) for row in rows if not row["pending"]),
    )


def _beyond() -> int:
    """An id above every transaction whose rows this one can see."""
    return finished_below() + 2**31
