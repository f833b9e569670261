"""Months of scans that nobody will be paid by any more leave the event table (docs/adr/0008).

The decision is settlement's, which alone knows what is closed; the act is tracking's.
"""

from datetime import UTC, date, datetime

from django.db.models import Exists, OuterRef

from common import clock, logs
from settlement.models import Line, Period
from settlement.states import PeriodState
from stations.queries import counties_with_stations
from tracking.queue_queries import attached_months, counties_with_scans
from tracking.services import detach_partition

log = logs.get_logger("settlement")


def retire_months(*, at: datetime, keep_years: int) -> list[date]:
    """Detach, oldest first, the months older than `keep_years` whose settlement is closed in every county; stops at the
    first that isn't, so that what is kept has no gap. Returns the months detached."""
    this_month = clock.month_of(at)
    kept_from = this_month.replace(year=this_month.year - keep_years)
    retired = []
    for month in attached_months():
        if month >= kept_from:
            break
        if waiting_for := counties_not_closed(month):
            log.info("months.kept", month=month.isoformat(), counties=len(waiting_for), first=waiting_for[0])
            break
        detach_partition(month=month, received_before=clock.day_start(kept_from), at=at)
        retired.append(month)
    return retired


def counties_not_closed(month: date) -> list[str]:
    """Counties that keep the scans up to the end of `month` in use: they have such scans and the month (or the next,
    whose first hours belong to it in UTC, as the partitions are cut) is not closed, or a line of a delivery in that
    time stands in a month that isn't. A month without a row is open."""
    after = clock.next_month(month)
    closed = Period.objects.filter(state=PeriodState.CLOSED)
    with_scans = set(counties_with_scans(until=after))
    found = []
    for county in sorted(with_scans | set(counties_with_stations())):
        if county in with_scans and closed.filter(county_code=county, month__in=[month, after]).count() < 2:
            found.append(county)
            continue
        of_then = Line.objects.filter(
            county_code=county, effective_at__lt=datetime(after.year, after.month, 1, tzinfo=UTC)
        )
        still_open = ~Exists(closed.filter(county_code=OuterRef("county_code"), month=OuterRef("period")))
        if of_then.filter(still_open).exists():
            found.append(county)
    return found
