"""Two questions of a supervisor: is the process alive, and may it get requests."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from common.tasks import HEARTBEAT_KEY

BROKER_TIMEOUT_S = 0.3
_required: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}


def _public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    # The mark of accounts.middleware.public, which common may not import.
    setattr(view, "public_reason", "a supervisor has no login; says nothing but up or down")  # noqa: B010
    return view


@_public
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@_public
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 without the database or with unapplied migrations only; a missing broker or worker degrades."""
    checks = {**_database_checks(), **_broker_checks()}
    down = any(checks[name] != "ok" for name in ("database", "migrations"))
    degraded = [name for name in ("broker", "worker") if checks[name] != "ok"]
    status = "unavailable" if down else "degraded" if degraded else "ok"
    body = {"status": status, "checks": checks, "degraded": degraded}
    return JsonResponse(body, status=503 if down else 200)


def _database_checks() -> dict[str, str]:
    # A connection of its own: one that is already open would wait for ever where the server hangs, a new one
    # gives up after the settings' connect_timeout.
    connection = connections[DEFAULT_DB_ALIAS].copy()
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except Error:
        return {"database": "down", "migrations": "unknown"}
    finally:
        connection.close()
    missing = [
        key
        for key, replaces in _migrations().items()
        if key not in applied and not (replaces and applied.issuperset(replaces))
    ]
    return {"database": "ok", "migrations": "missing" if missing else "ok"}


def _migrations() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """The code's migrations and what each replaces: read from disk once a process."""
    if not _required:
        loader = MigrationLoader(None)
        _required.update({key: tuple(m.replaces) for key, m in loader.disk_migrations.items()})
    return _required


def _broker_checks() -> dict[str, str]:
    client = redis.Redis.from_url(
        settings.REDIS_URL.replace("redis+socket://", "unix://"),
        socket_timeout=BROKER_TIMEOUT_S,
        socket_connect_timeout=BROKER_TIMEOUT_S,
        retry=None,
    )
    try:
        client.ping()
    except (redis.RedisError, OSError):
        return {"broker": "down", "worker": "unknown"}
    finally:
        client.close()
    # Beat rings every 15 s, the worker answers by setting a key that lives for 60 s.
    return {"broker": "ok", "worker": "ok" if cache.get(HEARTBEAT_KEY) else "missing"}
