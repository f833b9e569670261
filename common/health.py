"""Two questions of a supervisor: is the process alive, and may it get requests."""

import shutil
from collections.abc import Callable
from pathlib import Path

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
DATABASE_TIMEOUT_MS = 1000
DISK_LOW = 0.05  # of the space, free
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
    """503 without the database or with unapplied migrations only; a missing broker or worker, or a disk almost full,
    degrades: what can still be read is worth reading, and a scan that can't be stored is refused where it is sent."""
    checks = {**_database_checks(), **_broker_checks(), "disk": _disk_check()}
    down = any(checks[name] != "ok" for name in ("database", "migrations"))
    degraded = [name for name in ("broker", "worker", "disk") if checks[name] != "ok"]
    status = "unavailable" if down else "degraded" if degraded else "ok"
    body = {"status": status, "checks": checks, "degraded": degraded}
    return JsonResponse(body, status=503 if down else 200)


def _database_checks() -> dict[str, str]:
    # A connection of its own: one that is already open would wait for ever where the server hangs, a new one
    # gives up after the settings' connect_timeout.
    connection = connections[DEFAULT_DB_ALIAS].copy()
    options = connection.settings_dict["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c statement_timeout={DATABASE_TIMEOUT_MS}"
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


def _disk_check() -> str:
    """Of the disk that holds uploads and photos, and on a county box the database, too."""
    place = Path(settings.MEDIA_ROOT)
    while not place.exists():
        place = place.parent
    disk = shutil.disk_usage(place)
    return "low" if disk.free < disk.total * DISK_LOW else "ok"


def _migrations() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """The code's migrations and what each replaces: read from disk once a process."""
    if not _required:
        loader = MigrationLoader(None)
        _required.update({key: tuple(m.replaces) for key, m in loader.disk_migrations.items()})
    return _required


def _broker_checks() -> dict[str, str]:
    if not broker_answers():
        return {"broker": "down", "worker": "unknown"}
    # Beat rings every 15 s, the worker answers by setting a key that lives for 60 s.
    return {"broker": "ok", "worker": "ok" if cache.get(HEARTBEAT_KEY) else "missing"}


def broker_answers() -> bool:
    """Whether Redis answers a ping within 0.3 s."""
    client = redis.Redis.from_url(
        settings.REDIS_URL.replace("redis+socket://", "unix://"),
        socket_timeout=BROKER_TIMEOUT_S,
        socket_connect_timeout=BROKER_TIMEOUT_S,
        retry=None,
    )
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
