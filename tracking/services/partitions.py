"""Months of the event table, made ahead of time."""

from datetime import date, datetime

from django.db import connection

from common import clock

MONTHS_AHEAD = 24


def make_partitions(*, at: datetime) -> list[date]:
    """Make this month's partition and the next 24 where they are missing; returns all those months."""
    months = [clock.business_date(at).replace(day=1)]
    while len(months) <= MONTHS_AHEAD:
        months.append(clock.next_month(months[-1]))
    with connection.cursor() as cursor:
        for month in months:
            cursor.execute("SELECT tracking_make_partition(%s)", [month])
    return months
