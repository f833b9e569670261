"""How the scans get on: the page for people, the numbers for Prometheus; the same rows behind both."""

import re
import socket
from datetime import timedelta

import pytest
from celery import Celery
from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import translation
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from common import bell, clock, pulse
from common.models import Pulse
from tests.conftest import make_device
from tests.tracking.scans import fold, record, scan
from tracking import metrics, queue_queries, tasks
from tracking.models import SetAside, Upload
from tracking.views.queue import span

pytestmark = pytest.mark.django_db
URL = "/queue/"


@pytest.fixture
def handheld(county):
    return make_device(county.h1, county.people["hub"])


def sent(device, *events: object, ago: timedelta = timedelta(seconds=4)) -> None:
    at = clock.now() - ago
    record(device, *(events or (scan("HUB_IN", device.station.code, at),)), at=at)


def alive() -> None:
    for name in (pulse.HEARTBEAT, pulse.SWEEP, pulse.DRAIN):
        Pulse.objects.update_or_create(name=name, defaults={"at": clock.now()})


def figures(html: str) -> list[int]:
    """The four big numbers: received today, applied, waiting, needs a person."""
    return [int(found) for found in re.findall(r'figure-value">(?:<a[^>]*>)?(\d+)', html)]


def shown(client, **headers: str) -> str:
    answer = client.get(URL, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_nothing_has_come_and_nothing_waits(sign_in):
    alive()
    html = shown(sign_in("officer"))
    assert figures(html) == [0, 0, 0, 0]
    assert "今天还没有收到扫描" in html
    assert "没有积压" in html
    assert "alert-danger" not in html


def test_what_came_waits_is_applied_and_needs_a_person(sign_in, handheld):
    good = scan("HUB_IN", "FD-H1", clock.now())
    sent(handheld, good, scan("NONSENSE", "FD-H1", clock.now()))
    html = shown(sign_in("officer"))
    assert figures(html) == [1, 0, 1, 1]
    assert "不到 10 秒" in html
    fold(clock.now())
    sent(handheld, good)  # the same scan in another upload
    html = shown(sign_in("support"))
    assert figures(html) == [1, 1, 0, 1]
    assert re.search(r'data-label="重复发送">1<', html)
    assert "95% 的扫描用时" in html


def test_htmx_gets_the_fragment_that_asks_again(sign_in, handheld):
    html = shown(sign_in("officer"), HX_Request="true")
    assert html.lstrip().startswith('<div id="queue" hx-get="/queue/" hx-trigger="every 5s"')
    assert "<html" not in html


def test_a_silent_worker_is_said_in_words(sign_in, handheld):
    html = shown(sign_in("officer"))
    assert "从未收到过信号" in html
    Pulse.objects.create(name=pulse.SWEEP, at=clock.now() - timedelta(minutes=5))
    html = shown(sign_in("officer"))
    assert "5 分钟前有信号" in html
    assert html.count("alert-danger") == 1
    assert "处理程序：5 分钟前有信号" in html
    Pulse.objects.create(name=pulse.DRAIN, at=clock.now())  # an upload's ring is answered, beat is not heard
    html = shown(sign_in("officer"))
    assert html.count("alert-danger") == 1
    assert "定时程序：" in html


def test_an_upload_nobody_applies_is_said_in_words(sign_in, handheld):
    alive()
    sent(handheld, ago=timedelta(minutes=3))
    assert "最早的扫描已等了3 分钟" in shown(sign_in("officer"))


def test_a_broker_that_is_away_is_said_and_costs_no_page(sign_in, settings):
    alive()
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock"
    html = shown(sign_in("officer"))
    assert html.count("alert-danger") == 1
    assert "消息服务" in html


def test_everybody_sees_their_own(sign_in, county, neighbour, handheld):
    other = make_device(neighbour.no, neighbour.people["operator"], "t2")
    outlet = make_device(county.o1, county.people["operator"], "t3")
    sent(other)
    sent(outlet)
    sent(handheld)
    assert figures(shown(sign_in("officer")))[2] == 2
    assert figures(shown(sign_in("hub")))[2] == 2
    assert figures(shown(sign_in("operator")))[2] == 1
    assert figures(shown(sign_in(neighbour.people["officer"])))[2] == 1
    assert figures(shown(sign_in("admin")))[2] == 3
    assert sign_in("clerk").get(URL).status_code == 403


def test_the_page_reads_no_more_with_more_to_tell(sign_in, handheld, django_assert_max_num_queries):
    client = sign_in("officer")
    for _ in range(5):
        sent(handheld)
    with django_assert_max_num_queries(16):
        client.get(URL)


def test_the_stored_months_are_listed(sign_in):
    html = shown(sign_in("officer"))
    assert "及以前" in html
    assert "时钟严重不准" in html


def test_a_month_without_statistics_is_not_said_to_be_empty(sign_in, handheld):
    sent(handheld)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_class SET reltuples = -1 WHERE relname ~ '^tracking_scanevent_[0-9]{6}$'")
    assert "还没有统计" in shown(sign_in("officer"))


def test_waiting_counts_leases_attempts_and_ages(handheld):
    at = clock.now()
    for seconds in (2, 30, 300, 3000):
        sent(handheld, ago=timedelta(seconds=seconds))
    oldest, second = Upload.objects.order_by("received_at")[:2]
    Upload.objects.filter(pk=oldest.pk).update(attempts=3, lease_until=at + timedelta(minutes=1))
    Upload.objects.filter(pk=second.pk).update(attempts=1, lease_until=at - timedelta(minutes=1))
    found = queue_queries.waiting(Upload.objects.all(), at)
    assert (found.uploads, found.scans, found.leased, found.tried_before, found.most_attempts) == (4, 4, 1, 1, 3)
    assert found.by_age == (1, 1, 1, 1)
    assert found.oldest_s >= 2990


def test_the_figures_are_read_by_their_indexes(handheld):
    sent(handheld)
    at = clock.now() - timedelta(days=1)
    done = Upload(county_code="500230", received_at=at, event_count=1, folded_at=at)
    Upload.objects.bulk_create([done] * 2000)  # what waits is rare, as it is in a county; the planner is told so
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tracking_upload")
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "upload_to_fold" in Upload.objects.unfolded().filter(county_code="500230").explain()
        today = Upload.objects.filter(county_code__in=["500230"], received_at__gte=clock.now())
        assert "upload_by_time" in today.explain()


def test_a_duration_is_told_as_one_speaks():
    with translation.override("en"):
        assert [span(s) for s in (0, 0.4, 45, 150, 9000)] == ["0 s", "0.4 s", "45 s", "2 minutes", "2 hours"]


def test_drain_and_sweep_leave_a_sign_of_life():
    pulse._last.clear()
    tasks.sweep()
    tasks.drain()
    assert set(pulse.last()) == {pulse.SWEEP, pulse.DRAIN}


# --- Prometheus ---------------------------------------------------------------------------------------


def scraped() -> dict[str, float]:
    """Every sample of the scan stream, `name{labels}` → value."""
    found = {}
    for family in metrics.ScanStream().collect():
        assert isinstance(family, Metric)
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_the_numbers_follow_the_rows(handheld):
    alive()
    good = scan("HUB_IN", "FD-H1", clock.now())
    sent(handheld, good, scan("NONSENSE", "FD-H1", clock.now()))
    before = scraped()
    assert (before["scan_uploads_pending"], before["scan_events_pending"]) == (1, 1)
    assert before["scan_oldest_pending_seconds"] >= 4
    assert before["scan_events_last_day{verdict=accepted}"] == 1
    assert before["scan_events_last_day{verdict=refused}"] == 1
    code = SetAside.objects.get().code
    assert before[f"scan_set_aside_open{{code={code}}}"] == 1
    assert before["scan_handhelds{state=live}"] == 1
    assert before["pg_oldest_xact_seconds"] >= 0
    fold(clock.now())
    sent(handheld, good)
    after = scraped()
    assert (after["scan_uploads_pending"], after["scan_oldest_pending_seconds"]) == (0, 0)
    assert after["scan_events_last_day{verdict=duplicate}"] == 1
    assert after["scan_fold_lag_seconds{quantile=0.95}"] >= 0
    assert after["scan_sign_of_life_age_seconds{name=sweep}"] >= 0
    assert {name: value for name, value in after.items() if name.startswith("scan_metrics_up")} == {
        f"scan_metrics_up{{part={part}}}": 1 for part in ("queue", "traffic", "life")
    }


def test_a_hole_in_the_numbers_and_a_silent_handheld_are_counted(handheld, county):
    sent(handheld, *(scan("HUB_IN", "FD-H1", clock.now(), seq=seq) for seq in (1, 2, 5)))
    make_device(county.o1, county.people["operator"], "t3", "PDA-2")  # enrolled long ago, never heard
    found = queue_queries.handhelds(["500230"], clock.now())
    assert (found.live, found.silent, found.with_holes) == (2, 1, 1)
    sent(handheld, *(scan("HUB_IN", "FD-H1", clock.now(), seq=seq) for seq in (3, 4)))
    assert queue_queries.handhelds(["500230"], clock.now()).with_holes == 0
    assert queue_queries.handhelds(["500101"], clock.now()).live == 0


def test_no_label_grows_with_parcels_people_or_handhelds(county):
    for number in range(30):
        device = make_device(county.o1, county.people["operator"], f"t{number}", f"PDA-{number}")
        sent(device, scan("OUTLET_IN", "FD-O1", waybill_no=f"731905531026{number:02}"), {"type": f"odd{number}"})
    names = scraped()
    assert len(names) < 60
    assert not re.search(r"7319|PDA|500230", " ".join(names))
    registry = CollectorRegistry()
    registry.register(metrics.ScanStream())
    assert len(generate_latest(registry).splitlines()) < 2000


def test_a_part_that_cannot_be_read_is_absent_and_says_so(handheld, monkeypatch):
    sent(handheld)
    monkeypatch.setattr(metrics, "PATIENCE", "1ms")
    monkeypatch.setitem(metrics._PARTS, "queue", lambda: connection.cursor().execute("SELECT pg_sleep(5)") or [])
    found = scraped()
    assert found["scan_metrics_up{part=queue}"] == 0
    assert "scan_uploads_pending" not in found


def test_the_scrape_holds_them_and_is_for_this_machine_only(client, handheld):
    sent(handheld)
    text = client.get(reverse("metrics")).content.decode()
    assert "\nscan_uploads_pending 1.0\n" in text
    assert "scan_doorbell_failed_total" in text
    assert client.get(reverse("metrics"), REMOTE_ADDR="203.0.113.9").status_code == 404


def test_a_ring_that_fails_is_counted_and_costs_the_caller_nothing(monkeypatch):
    monkeypatch.setattr(bell, "current_app", deaf_broker())
    before = REGISTRY.get_sample_value("scan_doorbell_failed_total")
    assert not bell.publish("tracking.tasks.drain")
    assert REGISTRY.get_sample_value("scan_doorbell_failed_total") == before + 1


def test_a_broker_that_takes_the_call_and_says_nothing_is_given_up(monkeypatch, tmp_path):
    """Frozen, like a half-open link: the socket accepts and never answers. The producer's own limits end it."""
    address = str(tmp_path / "frozen.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        monkeypatch.setattr(bell, "current_app", deaf_broker(address))
        assert not bell.publish("tracking.tasks.drain")


def deaf_broker(address: str = "/nowhere/redis.sock") -> Celery:
    """Our Celery with our options, and a broker that isn't there."""
    app = Celery("deaf", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = f"redis+socket://{address}"
    return app


def test_what_is_written_about_watching_is_what_can_be_watched(handheld):
    """docs/watching.md names every metric, and none that isn't there."""
    sent(handheld)
    fold(clock.now())
    page = (settings.BASE_DIR / "docs" / "watching.md").read_text(encoding="utf-8")
    written = set(re.findall(r"`((?:scan|pg)_\w+)", page)) - {"pg_stat_activity"}
    there = {family.name for family in metrics.ScanStream().collect()} | {"scan_doorbell_failed_total"}
    assert written == there
