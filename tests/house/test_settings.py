"""The settings that a promise hangs on (docs/adr/0009): how long a producer waits, how long a task may run, what a
vanished server costs, and that both ways to start the servers are tuned alike."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from django.conf import settings

from config.celery import app
from config.embedded import ROOT
from config.postgres import postgres_settings
from tracking.services.drain import LEASE

ASKED = ("DATABASES", "CELERY_BROKER_TRANSPORT_OPTIONS", "CELERY_WORKER_DISABLE_PREFETCH", "PROCESS_ROLE")
# Tasks that may run longer than the lease, and why that is safe.
LONG = {
    "common.tasks.run_waiting_jobs": "a job renews its own lease",
    "orders.tasks.forget_old_files": "holds no lease",
    "reports.tasks.compute_current": "holds no lease",
    "accounts.tasks.end_expired_sessions": "holds no lease",
    "settlement.tasks.settle": "one county a transaction, its cursor locked",
    "settlement.tasks.retire_months": "one month a transaction",
    "settlement.tasks.look_for_fraud": "one county a transaction, locked for the writing alone",
    "settlement.tasks.check_books": "reads, and keeps one row a county",
    "settlement.tasks.confirm_silent": "one transaction, the county locked",
    "settlement.tasks.find_clawbacks": "one county a transaction, locked",
    "settlement.tasks.close_paid_grants": "one transaction",
    "tracking.tasks.forget_photos": "holds no lease",
    "tracking.tasks.make_partitions": "one month a transaction",
    "tracking.tasks.refold_older": "one batch a transaction",
    "vehicles.tasks.forget_positions": "holds no lease",
}


def as_process(**environment: str) -> dict[str, Any]:
    """The settings as a process with this environment would read them."""
    inherited = {name: value for name, value in os.environ.items() if name != "DB_STATEMENT_TIMEOUT_MS"}  # make test's
    code = f"import json; from config import settings as s; print(json.dumps([getattr(s, n) for n in {ASKED!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**inherited, "REDIS_URL": "redis://broker:6379/0", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(ASKED, json.loads(done.stdout), strict=True))


def database_options(**environment: str) -> dict[str, Any]:
    return as_process(**environment)["DATABASES"]["default"]["OPTIONS"]


@pytest.mark.parametrize("role", ["web", "command"])
def test_who_rings_gives_up_at_once(role: str) -> None:
    """Measured where this comes from: 0.14 s where the broker refuses, 0.62 s where it hangs, 40 s by default."""
    options = as_process(PROCESS_ROLE=role)["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["max_retries"] == 0
    assert options["socket_timeout"] <= 0.5
    assert options["socket_connect_timeout"] <= 0.3
    assert options["retry_on_timeout"] is False


def test_a_worker_notices_a_half_open_link_and_waits_for_a_broker_that_is_away() -> None:
    found = as_process(PROCESS_ROLE="worker")
    options = found["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options["health_check_interval"] <= 10
    assert options["socket_keepalive"] is True
    assert found["CELERY_WORKER_DISABLE_PREFETCH"] is True
    assert settings.CELERY_BROKER_CONNECTION_MAX_RETRIES is None
    assert settings.CELERY_BROKER_CHANNEL_ERROR_RETRY is True


def test_a_message_is_a_doorbell() -> None:
    assert settings.CELERY_TASK_IGNORE_RESULT is True
    assert settings.CELERY_TASK_ACKS_LATE is False
    assert (settings.CELERY_TASK_SERIALIZER, settings.CELERY_ACCEPT_CONTENT) == ("json", ["json"])


def test_no_task_outlives_the_drains_lease_unless_it_says_why() -> None:
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT < LEASE.total_seconds()
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert {"tracking.tasks.drain", "tracking.tasks.sweep"} <= set(ours)
    longer = {name for name, task in ours.items() if task.time_limit and task.time_limit >= LEASE.total_seconds()}
    assert longer <= set(LONG)
    assert all(ours[name].soft_time_limit < ours[name].time_limit for name in longer)


def test_no_task_waits_in_the_broker() -> None:
    """No eta, no countdown (tests/architecture); nothing tries itself again through the broker: beat comes round."""
    for name, task in app.tasks.items():
        assert not getattr(task, "autoretry_for", ()), name
    for path in sorted(ROOT.glob("[a-z]*/**/tasks.py")):
        if ".venv" not in path.parts:
            assert not re.search(r"\.retry\(|retry_backoff|default_retry_delay", path.read_text(encoding="utf-8")), path


def test_what_beat_rings_is_a_task_and_grows_stale() -> None:
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        if isinstance(entry["schedule"], float):
            assert entry["options"]["expires"] <= max(entry["schedule"], 5), name


def test_a_vanished_database_is_noticed_over_a_network_only() -> None:
    far = database_options(DATABASE_URL="postgres://u:p@db:5432/rlp")
    assert (far["tcp_user_timeout"], far["keepalives_idle"], far["connect_timeout"]) == (5000, 10, 2)
    near = database_options(DATABASE_URL="postgres:///rlp?host=/run/postgresql")
    assert "tcp_user_timeout" not in near


def test_a_page_is_less_patient_than_a_worker() -> None:
    url = "postgres://u:p@db:5432/rlp"
    web, worker = (database_options(DATABASE_URL=url, PROCESS_ROLE=role)["options"] for role in ("web", "worker"))
    assert "statement_timeout=10000 " in web
    assert "idle_in_transaction_session_timeout=10000" in web
    assert "statement_timeout=600000 " in worker
    assert "lock_timeout=5000" in web
    assert "lock_timeout=5000" in worker


def test_the_servers_of_compose_are_tuned_as_ours() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = dict(re.findall(r"^(\w+) = '?([^'\n]*)'?$", postgres_settings("dev"), re.M))
    theirs = dict(re.findall(r"-c (\w+)=(\S+)", services["db"]["command"]))
    assert theirs.pop("shared_buffers")  # ours is by the machine's memory
    assert theirs == {name: ours[name] for name in theirs}
    wanted = {"max_wal_size", "wal_compression", "log_lock_waits", "log_min_error_statement", "log_error_verbosity"}
    assert wanted <= set(theirs)
    assert (ours["fsync"], ours["synchronous_commit"], ours["full_page_writes"]) == ("on", "on", "on")
