"""The one place that knows the business day: Asia/Shanghai, which has no summer time."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

SHANGHAI = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Days typed into an address may be any: these are the first and last whose start and end UTC can say.
_FIRST_DAY, _LAST_DAY = date(1, 1, 2), date(9999, 12, 30)


def now() -> datetime:
    """The current instant, aware UTC. Call it at the edge only and pass it on as `at=`."""
    return timezone.now()


def business_date(at: datetime) -> date:
    """The calendar day of an instant in Asia/Shanghai."""
    return at.astimezone(SHANGHAI).date()


def day_start(day: date) -> datetime:
    """The first instant of a business day, in UTC."""
    return datetime.combine(max(day, _FIRST_DAY), time(), SHANGHAI).astimezone(UTC)


def day_span(day: date) -> tuple[datetime, datetime]:
    """[start, end) of a business day, in UTC."""
    return day_start(day), day_start(min(day, _LAST_DAY) + timedelta(days=1))


def month_of(at: datetime) -> date:
    """The first day of the business month an instant falls in."""
    return business_date(at).replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after `month`."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def previous_month(month: date) -> date:
    """The first day of the month before `month`."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_span(month: date) -> tuple[datetime, datetime]:
    """[start, end) of a business month, in UTC."""
    return day_start(month.replace(day=1)), day_start(next_month(month))


def parse_month(text: str) -> date | None:
    """ "2026-11" to its first day, None for anything else, and for years next to which a date can't be calculated."""
    try:
        month = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007
    except (TypeError, ValueError):
        return None
    return month if 1900 <= month.year <= 9000 else None


def micros(at: datetime) -> int:
    """Microseconds since 1970, exact (no float on the way)."""
    return (at - EPOCH) // timedelta(microseconds=1)
