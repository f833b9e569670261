"""Months of the event table: made ahead of time, and years later detached, never dropped (docs/adr/0008)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from accounts.services import audit
from common import clock, logs, sql
from tracking.queue_queries import attached_months, counties_with_scans

log = logs.get_logger("partitions")
MONTHS_AHEAD = 24
LOCK_TIMEOUT = "2s"  # the stream waits at most that long behind us; a month that can't be had now is tried again
UNDER_WAY = timedelta(minutes=10)  # far longer than any upload's transaction may take


@dataclass(frozen=True)
class Detached:
    """A month taken out of the event table, and how many of its scans stayed in (they had come lately)."""

    month: date
    kept_back: int


def make_partitions(*, at: datetime) -> list[date]:
    """Make this month's partition and the next 24 where they are missing, each in a transaction of its own; scans of
    such a month that DEFAULT holds (a clock years ahead) move into it. Returns all those months."""
    months = [clock.business_date(at).replace(day=1)]
    while len(months) <= MONTHS_AHEAD:
        months.append(clock.next_month(months[-1]))
    for month in months:
        with transaction.atomic(), sql.local_settings(lock_timeout=LOCK_TIMEOUT), connection.cursor() as cursor:
            cursor.execute("SELECT tracking_make_partition(%s)", [month])
            moved = cursor.fetchone()[0]
        if moved is not None:
            log.info("partition.made", month=month.isoformat(), moved=moved)
    return months


def detach_partition(*, month: date, received_before: datetime, at: datetime) -> Detached:
    """Take the oldest month out of the event table; its table stays, readable under its name. ValueError if `month`
    is not the oldest.

    1. Outside any lock, note the scans in it that were received later than that: ids of a clock that ran years behind
       lie in the oldest partition, and their parcels are still on their way.
    2. Lock the event table, add what arrived meanwhile, detach (CONCURRENTLY is refused beside a DEFAULT partition).
    3. Put the noted scans back: the DEFAULT partition takes them, as it takes every such id from now on.
    """
    months = attached_months()
    if not months or months[0] != month:
        raise ValueError(f"{month:%Y-%m} is not the oldest month")
    name = f"tracking_scanevent_{month:%Y%m}"
    counties = counties_with_scans(until=clock.next_month(month))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM tracking_upload WHERE received_at < %s ORDER BY id DESC LIMIT 1", [clock.now() - UNDER_WAY]
        )
        long_ended = (cursor.fetchone() or (0,))[0]
        cursor.execute("DROP TABLE IF EXISTS pg_temp.scans_that_stay")  # two runs in one transaction: tests, a shell
        cursor.execute(
            f"CREATE TEMP TABLE scans_that_stay ON COMMIT DROP AS SELECT county_code, event_id FROM {name}"  # noqa: S608
            " WHERE received_at >= %s",
            [received_before],
        )
        with sql.local_settings(lock_timeout=LOCK_TIMEOUT):
            cursor.execute("LOCK TABLE tracking_scanevent IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            f"INSERT INTO scans_that_stay SELECT county_code, event_id FROM {name}"  # noqa: S608
            " WHERE county_code = ANY(%s) AND upload_id > %s",
            [counties, long_ended],
        )
        cursor.execute(f"ALTER TABLE tracking_scanevent DETACH PARTITION {name}")
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = 'tracking_scanevent'::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = ''"
        )
        columns = cursor.fetchone()[0]
        cursor.execute(
            f"WITH staying AS (DELETE FROM {name} e USING (SELECT DISTINCT * FROM scans_that_stay) s"  # noqa: S608
            " WHERE e.county_code = s.county_code AND e.event_id = s.event_id RETURNING e.*)"
            f" INSERT INTO tracking_scanevent ({columns}) SELECT {columns} FROM staying"
        )
        done = Detached(month, cursor.rowcount)
        for county in counties:
            audit(
                actor=None,
                action="scans.month_detached",
                entity="scans",
                entity_id=name,
                at=at,
                county_code=county,
                label=f"{month:%Y-%m}",
                after={"kept_back": done.kept_back},
            )
    log.info("partition.detached", month=month.isoformat(), kept_back=done.kept_back)
    return done
