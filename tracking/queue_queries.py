"""What waits between the handhelds and the parcels, and how the event table is stored: for the queue page and metrics.

All figures come from rows, so they are the same whichever process is asked. Every read names its counties or a partial
index: upload_to_fold, setaside_open, upload_by_time.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Aggregate, Case, Count, DurationField, F, Max, Min, Q, Sum, Value, When
from django.db.models.functions import Coalesce, TruncHour

from common import clock, sql
from tracking.models import SetAsideQuerySet, UploadQuerySet

AGES_S = (10, 60, 600)  # bounds of the groups "waits for less than"
LAST_DAY = timedelta(days=1)
LAG_OVER = timedelta(hours=1)
SILENT_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Waiting:
    """Uploads stored and not yet in the parcels' state."""

    uploads: int
    scans: int
    oldest_s: float  # 0 where nothing waits
    leased: int  # in a worker's hands at this moment
    tried_before: int  # claimed more than once: their worker died
    most_attempts: int
    by_age: tuple[int, ...]  # uploads younger than each of AGES_S, then the rest


@dataclass(frozen=True)
class Verdicts:
    """Scans by what became of them."""

    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    applied: int = 0  # of the accepted

    @property
    def all(self) -> int:
        return self.accepted + self.duplicate + self.refused


@dataclass(frozen=True)
class Lag:
    """Seconds from receipt to applied, of the uploads received in the last hour; None where there was none."""

    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True)
class StoredMonth:
    """A month of the event table; `month` is None for the DEFAULT partition."""

    month: date | None
    attached: bool
    scans: int | None  # an estimate; None before the first one
    size_bytes: int
    from_the_beginning: bool


@dataclass(frozen=True)
class Handhelds:
    """Live handhelds: silent ones haven't sent for a day; ones with holes numbered scans they haven't delivered."""

    live: int = 0
    silent: int = 0
    with_holes: int = 0


class _Percentile(Aggregate):
    function = "percentile_cont"
    template = "%(function)s(%(at)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def waiting(uploads: UploadQuerySet, at: datetime) -> Waiting:
    """One read of what isn't folded, by the partial index."""
    younger = {f"younger_{age}": Count("id", Q(received_at__gt=at - timedelta(seconds=age))) for age in AGES_S}
    found: dict[str, Any] = uploads.unfolded().aggregate(
        uploads=Count("id"),
        scans=Coalesce(Sum("event_count"), 0),
        oldest=Min("received_at"),
        leased=Count("id", Q(lease_until__gt=at)),
        tried_before=Count("id", Q(attempts__gt=1)),
        most_attempts=Coalesce(Max("attempts"), 0),
        **younger,
    )
    counts = [found[f"younger_{age}"] for age in AGES_S] + [found["uploads"]]
    return Waiting(
        found["uploads"],
        found["scans"],
        max(0.0, (at - found["oldest"]).total_seconds()) if found["oldest"] else 0.0,
        found["leased"],
        found["tried_before"],
        found["most_attempts"],
        tuple(count - below for below, count in zip([0, *counts[:-1]], counts, strict=True)),
    )


_SUMS = {
    "accepted": Coalesce(Sum("event_count"), 0),
    "duplicate": Coalesce(Sum("duplicates"), 0),
    "refused": Coalesce(Sum("refused"), 0),
    "applied": Coalesce(Sum(Case(When(folded_at__isnull=False, then=F("event_count")), default=Value(0))), 0),
}


def verdicts(uploads: UploadQuerySet, since: datetime) -> Verdicts:
    """Of the scans received since then."""
    return Verdicts(**_renamed(uploads.filter(received_at__gte=since).aggregate(**_summed())))


def verdicts_by_hour(uploads: UploadQuerySet, since: datetime) -> list[tuple[datetime, Verdicts]]:
    """The same by hour of receipt, hours in which something came, in order."""
    hours = uploads.filter(received_at__gte=since).annotate(hour=TruncHour("received_at", tzinfo=clock.SHANGHAI))
    rows = hours.order_by("hour").values("hour").annotate(**_summed())
    return [(row["hour"], Verdicts(**_renamed(row))) for row in rows]


def _summed() -> dict[str, Any]:
    return {f"sum_{name}": expression for name, expression in _SUMS.items()}  # "refused" is a column, too


def _renamed(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: row[f"sum_{name}"] for name in _SUMS}


def lag(uploads: UploadQuerySet, at: datetime) -> Lag:
    """How long the scans of the last hour took into their parcels' state."""
    passed = F("folded_at") - F("received_at")
    found = uploads.filter(received_at__gte=at - LAG_OVER, folded_at__isnull=False, event_count__gt=0).aggregate(
        p50=_Percentile(passed, at=0.5), p95=_Percentile(passed, at=0.95)
    )
    return Lag(*(None if value is None else max(0.0, value.total_seconds()) for value in (found["p50"], found["p95"])))


def set_aside_by_code(rows: SetAsideQuerySet) -> list[tuple[str, int]]:
    """Open ones only, the most frequent reason first."""
    counted = rows.filter(closed_at__isnull=True).values("code").annotate(number=Count("id"))
    return list(counted.order_by("-number", "code").values_list("code", "number"))


def handhelds(counties: Iterable[str], at: datetime) -> Handhelds:
    """Live handhelds of these counties' stations."""
    found = sql.rows("tracking", "handhelds_heard", {"counties": list(counties), "silent_since": at - SILENT_AFTER})[0]
    return Handhelds(found["live"], found["silent"], found["with_holes"])


def oldest_transaction_s() -> float:
    """The age of the oldest transaction anywhere in the server: what holds vacuum and settlement back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)"
            " FROM pg_stat_activity WHERE xact_start IS NOT NULL AND backend_type = 'client backend'"
        )
        return float(cursor.fetchone()[0])


def stored_months() -> list[StoredMonth]:
    """Every month of the event table, the oldest first, DEFAULT last."""
    return [
        StoredMonth(_month(row["name"]), row["attached"], row["scans"], row["bytes"], row["from_the_beginning"])
        for row in sql.rows("tracking", "stored_months", {})
    ]


def attached_months() -> list[date]:
    """The months that are in the event table, the oldest first."""
    return [row.month for row in stored_months() if row.month and row.attached]


def scans_kept_since() -> datetime | None:
    """From when on the event table is whole; None as long as nothing was detached. Rows derived from older scans
    (a parcel's registers, a subsidy line) are final: their scans are no longer there to derive them anew."""
    attached = [row for row in stored_months() if row.month and row.attached]
    if not attached or attached[0].from_the_beginning or attached[0].month is None:
        return None
    return datetime(attached[0].month.year, attached[0].month.month, 1, tzinfo=UTC)


def counties_with_scans(*, until: date) -> list[str]:
    """Counties that have a scan with an id of before that month (UTC, as the partitions)."""
    milliseconds = int(datetime(until.year, until.month, 1, tzinfo=UTC).timestamp() * 1000)
    return [
        row["code"] for row in sql.rows("tracking", "counties_with_scans", {"high": str(UUID(int=milliseconds << 80))})
    ]


def _month(name: str) -> date | None:
    found = re.search(r"_(\d{4})(\d{2})$", name)
    return date(int(found[1]), int(found[2]), 1) if found else None
