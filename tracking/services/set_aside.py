"""Keeps what can't be used as it is: scans of an upload, bodies nobody can read, scans the fold stumbled over."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from stations.models import Device
from tracking.models import SetAside
from tracking.rules import NotANumber
from tracking.services.senders import Sender
from tracking.states import Verdict

KEPT_BYTES = 65_536
UNREADABLE_A_DAY = 50


@dataclass(frozen=True)
class Aside:
    """One event to keep: what it is called, why it is kept, and its bytes."""

    position: int
    event_id: str
    seq: int | None
    verdict: Verdict
    code: str
    pointer: str
    raw: bytes


def as_bytes(event: object) -> bytes:
    """An event as JSON again, where its own bytes are not at hand; odd characters stay as escapes."""

    def odd(value: object) -> str:
        return "NaN" if isinstance(value, NotANumber) else str(value)

    try:
        return json.dumps(event, default=odd, separators=(",", ":")).encode("ascii", "backslashreplace")
    except (TypeError, ValueError, RecursionError):
        return repr(event).encode("ascii", "backslashreplace")


def printable_id(event: object) -> str:
    """What an event calls itself, as far as it can be stored."""
    value = event.get("event_id") if isinstance(event, Mapping) else None
    if not isinstance(value, str | int | float):
        return ""
    return "".join(ch if ch.isprintable() else "?" for ch in str(value)[:64])


def set_aside(
    *,
    sender: Sender,
    batch_id: UUID | None,
    events: Sequence[Aside],
    received_at: datetime,
    device_now: datetime | None = None,
) -> None:
    """Keep them, once each however often they are sent; sorted, so that two uploads don't deadlock."""
    rows = [
        SetAside(
            county_code=sender.county_code,
            device=sender.device,
            actor=sender.user,
            batch_id=batch_id,
            position=aside.position,
            event_id=aside.event_id,
            seq=aside.seq,
            verdict=aside.verdict,
            code=aside.code,
            pointer=aside.pointer[:120],
            raw=aside.raw[:KEPT_BYTES],
            raw_digest=hashlib.sha256(aside.raw).digest(),
            received_at=received_at,
            device_now=device_now,
        )
        for aside in events
    ]
    rows.sort(key=lambda row: (row.event_id, row.code, row.raw_digest))
    SetAside.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def keep_unreadable(*, device: Device, raw: bytes, received_at: datetime) -> int | None:
    """Keep the head of a body that can't be read and the digest of all of it; its id for the reply, None once a
    device has sent fifty within a day."""
    digest = hashlib.sha256(raw).digest()
    own = SetAside.objects.filter(county_code=device.station.county_code, device=device, code="unreadable")
    if (known := own.filter(raw_digest=digest).values_list("pk", flat=True).first()) is not None:
        return known
    if own.filter(received_at__gt=received_at - timedelta(days=1)).count() >= UNREADABLE_A_DAY:
        return None
    SetAside.objects.bulk_create(
        [
            SetAside(
                county_code=device.station.county_code,
                device=device,
                actor=device.user,
                verdict=Verdict.INVALID,
                code="unreadable",
                raw=raw[:KEPT_BYTES],
                raw_digest=digest,
                received_at=received_at,
            )
        ],
        ignore_conflicts=True,
    )
    return own.filter(raw_digest=digest).values_list("pk", flat=True).first()


def set_aside_stored(*, event: Mapping[str, Any], code: str, at: datetime) -> None:
    """Keep a stored event that could not be folded; `replay_set_aside` tries it again."""
    raw = as_bytes({key: value for key, value in event.items() if value is not None})
    SetAside.objects.bulk_create(
        [
            SetAside(
                county_code=event["county_code"],
                device_id=event["device_id"],
                actor_id=event["actor_id"],
                event_id=str(event["event_id"]),
                seq=event["seq"],
                verdict=Verdict.INVALID,
                code=code,
                raw=raw[:KEPT_BYTES],
                raw_digest=hashlib.sha256(raw).digest(),
                received_at=at,
            )
        ],
        ignore_conflicts=True,
    )
