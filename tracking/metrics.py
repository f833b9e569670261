"""The scan stream's numbers for Prometheus, read from the database at the moment of the scrape.

The web runs as several processes and any of them may be asked, so what matters is a row's, not a process's. Each part
is one short transaction that gives up after a second: a part that can't be read is absent and says so in
`scan_metrics_up`. Labels are short lists (verdict, reason, name); never a parcel, a phone or a handheld.
"""

from collections.abc import Callable, Iterator, Mapping

from django.db import Error, transaction
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock, logs, pulse, sql
from stations.queries import counties_with_stations
from tracking import queue_queries as queries
from tracking.models import SetAside, Upload
from tracking.rules import SENTENCES

log = logs.get_logger("metrics")
PATIENCE = "1s"


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _queue() -> list[Metric]:
    waiting = queries.waiting(Upload.objects.all(), clock.now())
    reasons: dict[str, float] = {}
    for code, number in queries.set_aside_by_code(SetAside.objects.all()):
        known = code if code in SENTENCES else "other"
        reasons[known] = reasons.get(known, 0) + number
    return [
        _gauge("scan_uploads_pending", "Uploads not yet in the parcels' state", waiting.uploads),
        _gauge("scan_events_pending", "Their scans", waiting.scans),
        _gauge("scan_oldest_pending_seconds", "How long the oldest of them has waited", waiting.oldest_s),
        _gauge("scan_uploads_leased", "Of them in a worker's hands", waiting.leased),
        _gauge("scan_uploads_retried", "Of them claimed more than once", waiting.tried_before),
        _labelled("scan_set_aside_open", "Scans that wait for a person", "code", reasons),
    ]


def _traffic() -> list[Metric]:
    at = clock.now()
    uploads = Upload.objects.filter(county_code__in=counties_with_stations())
    day = queries.verdicts(uploads, at - queries.LAST_DAY)
    lag = queries.lag(uploads, at)
    quantiles = {key: value for key, value in (("0.5", lag.p50_s), ("0.95", lag.p95_s)) if value is not None}
    verdicts = {"accepted": day.accepted, "duplicate": day.duplicate, "refused": day.refused}
    return [
        _labelled("scan_events_last_day", "Scans received in the last 24 hours", "verdict", verdicts),
        _labelled("scan_fold_lag_seconds", "Receipt to parcel state, the last hour's", "quantile", quantiles),
    ]


def _life() -> list[Metric]:
    at = clock.now()
    ages = {name: max(0.0, (at - last).total_seconds()) for name, last in pulse.last().items()}
    heard = queries.handhelds(counties_with_stations(), at)
    states = {"live": heard.live, "silent": heard.silent, "with_holes": heard.with_holes}
    months = queries.stored_months()
    attached = sum(row.attached for row in months if row.month)
    detached = sum(not row.attached for row in months)
    return [
        _labelled("scan_sign_of_life_age_seconds", "Since the sweep, drain and heartbeat last ran", "name", ages),
        _labelled("scan_handhelds", "Live handhelds: all, silent for a day, with holes", "state", states),
        _labelled("scan_event_months", "Months of stored scans", "state", {"attached": attached, "detached": detached}),
        _gauge("pg_oldest_xact_seconds", "Age of the oldest open transaction", queries.oldest_transaction_s()),
    ]


_PARTS: dict[str, Callable[[], list[Metric]]] = {"queue": _queue, "traffic": _traffic, "life": _life}


class ScanStream(Collector):
    """Register it once a process (config/views.py)."""

    def describe(self) -> list[Metric]:
        """Nothing: else the registry would collect, and so ask the database, at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        up: dict[str, float] = {}
        for name, read in _PARTS.items():
            try:
                with transaction.atomic(), sql.local_settings(statement_timeout=PATIENCE):
                    found = read()
            except Error as error:
                log.warning("metrics.part_failed", part=name, error=type(error).__name__)
                up[name] = 0
                continue
            up[name] = 1
            yield from found
        yield _labelled("scan_metrics_up", "1 where this part could be read just now", "part", up)
