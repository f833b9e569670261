"""From folded parcels to lines: compares what each changed parcel should be paid with what it was, and writes the
difference (docs/adr/0012).

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
from settlement.services.rates import write_cards
from stations.queries import counties_with_stations
from tracking.queue_queries import scans_kept_since

log = logs.get_logger("settlement")
# A parcel's journey may begin in a month that was detached and end in one that wasn't: from a year after the months
# that are kept begin, every scan of a delivery is there. What was paid for before stands for good.
_WHOLE_AFTER = timedelta(days=366)
WORK_MEM = "64MB"  # of a run that reads a whole county again: its scans are sorted by parcel
_TABLES = ("settlement_work", "settlement_card", "settlement_carded", "settlement_bag_scan", "settlement_verdict")
_AS = "CREATE TEMP TABLE {} ON COMMIT DROP AS\n"
_BAG_SCANS = """
CREATE TEMP TABLE settlement_bag_scan (parcel_id bigint, event_id uuid, type varchar, side varchar, station_id bigint,
                                       method varchar, k bytea) ON COMMIT DROP
"""


@dataclass(frozen=True)
class SettleResult:
    """Lines written (of those accrued, how many are held), and deliveries looked at that no policy covers; busy
    counties were another worker's."""

    accrued: int = 0
    reversed: int = 0
    no_policy: int = 0
    busy: int = 0
    held: int = 0

    def __add__(self, other: "SettleResult") -> "SettleResult":
        return SettleResult(
            self.accrued + other.accrued,
            self.reversed + other.reversed,
            self.no_policy + other.no_policy,
            self.busy + other.busy,
            self.held + other.held,
        )


def settle(*, at: datetime, county_code: str | None = None) -> SettleResult:
    """Bring the lines of a county (of all, one transaction each) up to the folded parcels; may run at any time."""
    result = SettleResult()
    for code in [county_code] if county_code else counties_with_stations():
        Cursor.objects.get_or_create(county_code=code)  # apart: the insert must be seen by a worker that waits
        result += _settle_county(code, at)
    return result


@transaction.atomic
def _settle_county(county_code: str, at: datetime) -> SettleResult:
    cursor = Cursor.objects.select_for_update(skip_locked=True).filter(county_code=county_code).first()
    if cursor is None:
        return SettleResult(busy=1)
    mark = policy_mark(county_code)
    since = cursor.upto if mark == cursor.policy_mark else 0
    upto = finished_below()  # an own statement before the reading ones: whatever it calls finished, they see
    result = SettleResult()
    with sql.local_settings(work_mem=WORK_MEM):
        staged = stage(county_code=county_code, since=since, upto=upto, at=at)
        if staged.rows:
            written = sql.rows("settlement", "settle", {"county_code": county_code, "at": at})[0]
            result = SettleResult(written["accrued"], written["reversed"], staged.without_policy, held=written["held"])
    if staged.rows or since != upto or mark != cursor.policy_mark:
        cursor.upto, cursor.policy_mark, cursor.settled_at = upto, mark, at
        cursor.save(update_fields=["upto", "policy_mark", "settled_at"])
    if result != SettleResult():
        log.info("settled", county=county_code, accrued=result.accrued, reversed=result.reversed, held=result.held)
    return result


@dataclass(frozen=True)
class Staged:
    """Parcels and services in settlement_verdict, and deliveries among them that no policy covers."""

    rows: int
    without_policy: int


def stage(*, county_code: str, since: int, upto: int, at: datetime) -> Staged:
    """Judge what transactions in [since, upto) folded, into temporary tables of this transaction: settlement_work
    (claims and the lines there are), cards (prices) and settlement_verdict (what should be written, and why not)."""
    kept_since = scans_kept_since()
    params = {
        "county_code": county_code,
        "since": str(since),
        "upto": str(upto),
        "final_before": kept_since + _WHOLE_AFTER if kept_since else None,
    }
    with connection.cursor() as db:
        for table in _TABLES:  # two runs in one transaction: tests, a shell
            db.execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
        db.execute(_AS.format("settlement_work") + sql.statement("settlement", "stage_work"), params)
        if not db.rowcount:
            return Staged(0, 0)
        rows = db.rowcount
        db.execute("ANALYZE settlement_work (parcel_id, carrier, waybill_no, service, model, station_id, day)")
        without_policy = write_cards(county_code=county_code, at=at)
        db.execute(_BAG_SCANS)
        prove, of_county = sql.statement("settlement", "prove"), {"county_code": county_code}
        db.execute(_AS.format("settlement_verdict") + prove, {**of_county, "bags": False})
        db.execute("SELECT EXISTS (SELECT FROM settlement_verdict WHERE bagged)")
        if db.fetchone()[0]:
            bags = sql.statement("settlement", "stage_bags")
            db.execute("INSERT INTO settlement_bag_scan\n" + bags, of_county)
            db.execute("ANALYZE settlement_bag_scan")
            db.execute("DELETE FROM settlement_verdict WHERE parcel_id IN (SELECT parcel_id FROM settlement_bag_scan)")
            db.execute("INSERT INTO settlement_verdict\n" + prove, {**of_county, "bags": True})
        db.execute("ANALYZE settlement_verdict (parcel_id, service, due, stands, right_already, card_id, last_period)")
    return Staged(rows, without_policy)


def finished_below() -> int:
    """The transaction id below which every transaction has ended."""
    with connection.cursor() as db:
        db.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        return int(db.fetchone()[0])


@transaction.atomic
def rewind_after_restore() -> int:
    """A restored database may count transactions from a smaller number than the rows' stamps: read every county again
    and bring stamps from the future down to now. Returns how many parcels had one; running it again changes nothing."""
    Cursor.objects.update(upto=0)
    return sql.run("settlement", "restamp_parcels", {})
