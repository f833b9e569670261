"""From folded parcels to lines: compares what each changed parcel should be paid with what it was, and writes the
difference.

Work is found by transaction, not by a flag: the fold stamps a parcel with the id of the transaction that wrote it, and
everything below pg_snapshot_xmin is finished and visible. So a delivery voided months after it was paid comes by here
again, and two workers can't both take a county (the cursor row is locked, the second one skips it).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from common import logs, sql
from settlement.models import Cursor
from settlement.queries import policy_mark
from stations.queries import counties_with_stations
from tracking.queue_queries import scans_kept_since

log = logs.get_logger("settlement")
# A parcel's journey may begin in a month that was detached and end in one that wasn't: from a year after the months
# that are kept begin, every scan of a delivery is there. What was paid for before stands for good.
_WHOLE_AFTER = timedelta(days=366)


@dataclass(frozen=True)
class SettleResult:
    """Lines written, and deliveries looked at that no policy covers; busy counties were another worker's."""

    accrued: int = 0
    reversed: int = 0
    no_policy: int = 0
    busy: int = 0

    def __add__(self, other: "SettleResult") -> "SettleResult":
        return SettleResult(
            self.accrued + other.accrued,
            self.reversed + other.reversed,
            self.no_policy + other.no_policy,
            self.busy + other.busy,
        )


def settle(*, at: datetime, county_code: str | None = None) -> SettleResult:
    """Bring the lines of a county (of all, one transaction each) up to the folded parcels; may run at any time."""
    result = SettleResult()
    kept_since = scans_kept_since()
    final_before = kept_since + _WHOLE_AFTER if kept_since else None
    for code in [county_code] if county_code else counties_with_stations():
        Cursor.objects.get_or_create(county_code=code)  # apart: the insert must be seen by a worker that waits
        result += _settle_county(code, at, final_before)
    return result


@transaction.atomic
def _settle_county(county_code: str, at: datetime, final_before: datetime | None) -> SettleResult:
    cursor = Cursor.objects.select_for_update(skip_locked=True).filter(county_code=county_code).first()
    if cursor is None:
        return SettleResult(busy=1)
    mark = policy_mark(county_code)
    since = cursor.upto if mark == cursor.policy_mark else 0
    with connection.cursor() as db:
        db.execute("DROP TABLE IF EXISTS pg_temp.settlement_work")  # two runs in one transaction: tests, a shell
        # an own statement before the reading ones: whatever it calls finished, they see
        db.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        upto = db.fetchone()[0]
        db.execute(
            "CREATE TEMP TABLE settlement_work ON COMMIT DROP AS\n" + sql.statement("settlement", "stage_work"),
            {
                "county_code": county_code,
                "since": str(since),
                "upto": upto,
                "final_before": final_before,
            },
        )
        staged = db.rowcount
        result = SettleResult()
        if staged:
            db.execute("ANALYZE settlement_work")
            db.execute("SELECT count(*) FROM settlement_work WHERE station_id IS NOT NULL AND policy_id IS NULL")
            no_policy = db.fetchone()[0]
            written = sql.rows("settlement", "settle", {"county_code": county_code, "at": at})[0]
            result = SettleResult(written["accrued"], written["reversed"], no_policy)
    if staged or since != int(upto) or mark != cursor.policy_mark:
        cursor.upto, cursor.policy_mark, cursor.settled_at = int(upto), mark, at
        cursor.save(update_fields=["upto", "policy_mark", "settled_at"])
    if result != SettleResult():
        log.info("settled", county=county_code, accrued=result.accrued, reversed=result.reversed)
    return result


@transaction.atomic
def rewind_after_restore() -> int:
    """A restored database may count transactions from a smaller number than the rows' stamps: read every county again
    and bring stamps from the future down to now. Returns how many parcels had one; running it again changes nothing."""
    Cursor.objects.update(upto=0)
    return sql.run("settlement", "restamp_parcels", {})
