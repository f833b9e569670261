"""What a supervisor asks: alive is asked of the process alone, ready of the database; the broker only degrades."""

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from common.tasks import HEARTBEAT_KEY, heartbeat


def ask(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    assert "no-store" in answer["Cache-Control"]
    return answer.status_code, json.loads(answer.content)


def test_alive_asks_nobody(client: Client) -> None:
    """Without the database mark: a query would fail this test."""
    assert client.get("/healthz").status_code == 200
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_ready_with_everything(client: Client) -> None:
    heartbeat()
    checks = dict.fromkeys(("database", "migrations", "broker", "worker", "disk"), "ok")
    assert ask(client) == (200, {"status": "ok", "checks": checks, "degraded": []})


@pytest.mark.django_db
def test_a_missing_worker_degrades(client: Client) -> None:
    cache.delete(HEARTBEAT_KEY)
    status, body = ask(client)
    assert (status, body["status"], body["degraded"]) == (200, "degraded", ["worker"])


@pytest.mark.django_db
def test_a_missing_broker_degrades(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock"
    status, body = ask(client)
    assert (status, body["status"], body["degraded"]) == (200, "degraded", ["broker", "worker"])
    assert body["checks"]["broker"] == "down"


@pytest.mark.django_db
def test_a_missing_migration_is_not_ready(client: Client) -> None:
    other = connection.copy()  # commits at once, outside the test's transaction
    recorder = MigrationRecorder(other)
    recorder.record_unapplied("common", "0001_initial")
    try:
        status, body = ask(client)
    finally:
        recorder.record_applied("common", "0001_initial")
        other.close()
    assert (status, body["status"]) == (503, "unavailable")
    assert (body["checks"]["database"], body["checks"]["migrations"]) == ("ok", "missing")


@pytest.mark.django_db
def test_a_missing_database_is_not_ready_and_says_nothing_of_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "host", "/nowhere")
    status, body = ask(client)
    assert (status, body["status"], body["checks"]["database"]) == (503, "unavailable", "down")
    assert "nowhere" not in json.dumps(body)
