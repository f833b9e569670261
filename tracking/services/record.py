"""The way in of every scan: check each, store the good ones in one transaction, answer only once it is committed.

Handhelds (through the API), the counter and the demo county all come through `record_scans`. Its promises: an event
is stored at most once however often and in whatever company it is sent; what can't be used is kept beside; the
answer names every event that was not plainly accepted. Nothing here waits for the broker or for another scan.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from common import bell, sql, text
from common.crash import crash_point
from stations.models import Organisation
from tracking import rules
from tracking.rules import SENTENCES, Fault, Scan
from tracking.services.senders import Sender
from tracking.services.set_aside import Aside, as_bytes, printable_id, set_aside
from tracking.states import Verdict


@dataclass(frozen=True)
class ScanException:
    """An event that was not plainly accepted: `index` in the upload, `pointer` a JSON pointer into its body."""

    index: int
    event_id: str | None
    status: str
    code: str
    detail: str
    pointer: str


@dataclass(frozen=True)
class Receipt:
    """What became of an upload; `accepted` counts events stored for the first time."""

    batch_id: UUID | None
    received_at: datetime
    accepted: int
    exceptions: list[ScanException]
    highest_contiguous_seq: int | None
    upload_id: int | None


def record_scans(
    *,
    sender: Sender,
    batch_id: UUID | None,
    device_now: datetime | None,
    events: Sequence[object],
    received_at: datetime,
    raw_of: Callable[[int], bytes | None] | None = None,
) -> Receipt:
    """Store an upload's events; returns once they are committed. `raw_of(index)` gives an event's own bytes.

    1. A batch that came before with the same events costs one look-up: what was stored is a duplicate now.
    2. Check each event; those that can't be used become `invalid`.
    3. Within the upload the first of an id stays; the same content again is a duplicate, another a conflict.
    4. One transaction: the events not yet stored, what is kept aside, the upload's row and the device's numbers.
    5. After the commit ring the drain.
    """
    digest = _digest(events) if batch_id and sender.device else None
    if digest and (again := _same_batch(sender, batch_id, digest, events, received_at)):
        return again
    upload = rules.clocks(
        received_at=received_at,
        device_now=device_now,
        enrolled_at=sender.device.enrolled_at if sender.device else None,
    )
    carriers = _known_carriers(events)
    scans: dict[str, tuple[int, Scan]] = {}
    found: list[ScanException] = []
    aside: list[Aside] = []

    def keep(index: int, verdict: Verdict, code: str, key: str = "") -> None:
        event = events[index]
        pointer = f"/events/{index}" + (f"/{rules.pointer_part(key)}" if key else "")
        event_id = printable_id(event)
        found.append(ScanException(index, event_id or None, verdict.value, code, str(SENTENCES[code]), pointer))
        if verdict != Verdict.DUPLICATE:
            raw = (raw_of(index) if raw_of else None) or as_bytes(event)
            aside.append(Aside(index, event_id, rules.readable_seq(event), verdict, code, pointer, raw))

    for index, event in enumerate(events):
        try:
            scan = rules.check(event, stations=sender.stations, carriers=carriers, upload=upload)
        except Fault as fault:
            keep(index, Verdict.INVALID, fault.code, fault.key)
            continue
        first = scans.setdefault(scan.event_id, (index, scan))
        if first[0] != index:
            same = first[1].content_hash == scan.content_hash
            keep(index, *((Verdict.DUPLICATE, "duplicate") if same else (Verdict.CONFLICT, "id_reused")))

    crash_point("ack.parsed")
    upload_id = highest = None
    stored: set[str] = set()
    if events:
        with transaction.atomic():
            stored, upload_id = _store(sender, upload, [scan for _index, scan in scans.values()])
            if len(stored) < len(scans):
                hashes = _stored_hashes(sender.county_code, [event_id for event_id in scans if event_id not in stored])
                for event_id, content_hash in hashes.items():
                    index, scan = scans[event_id]
                    same = content_hash == scan.content_hash
                    keep(index, *((Verdict.DUPLICATE, "duplicate") if same else (Verdict.CONFLICT, "id_reused")))
            crash_point("ack.inserted")
            found.sort(key=lambda one: one.index)
            if aside:
                set_aside(
                    sender=sender, batch_id=batch_id, events=aside, received_at=received_at, device_now=device_now
                )
            highest = _note_upload(
                sender=sender,
                upload_id=upload_id,
                batch_id=batch_id,
                digest=digest,
                received_at=received_at,
                stored=[scan for event_id, (_index, scan) in scans.items() if event_id in stored],
                seqs={seq for event in events if (seq := rules.readable_seq(event)) is not None},
                exceptions=found,
            )
            crash_point("ack.noted")
            if stored:
                transaction.on_commit(_ring)
    return Receipt(batch_id, received_at, len(stored), found, highest, upload_id)


def _ring() -> None:
    crash_point("ack.committed")
    bell.ring("tracking.tasks.drain")


def _digest(events: Sequence[object]) -> bytes:
    """What an upload's events look like, before anything is made of them."""
    try:
        return hashlib.sha256(msgspec.json.encode(events, enc_hook=repr)).digest()
    except (TypeError, ValueError, RecursionError):  # half a character: it is no JSON text
        return hashlib.sha256(repr(events).encode("utf-8", "backslashreplace")).digest()


def _same_batch(
    sender: Sender, batch_id: UUID | None, digest: bytes, events: Sequence[object], received_at: datetime
) -> Receipt | None:
    """The answer to a batch that came before with the same events, as the whole way through would give it."""
    assert sender.device is not None
    found = sql.rows("tracking", "same_batch", {"device": sender.device.pk, "batch_id": batch_id, "digest": digest})
    if not found:
        return None
    row = found[0]
    before = {one[0]: one[1:] for one in json.loads(row["exceptions"] or "[]")}
    exceptions = []
    for index, event in enumerate(events):
        stored = (printable_id(event) or None, Verdict.DUPLICATE.value, "duplicate", f"/events/{index}")
        event_id, verdict, code, pointer = before.get(index, stored)
        exceptions.append(ScanException(index, event_id, verdict, code, str(SENTENCES[code]), pointer))
    return Receipt(batch_id, received_at, 0, exceptions, row["highest"], None)


def _known_carriers(events: Iterable[object]) -> frozenset[str]:
    """Of the carriers the events name, those that exist (also ones no longer active: a scan may be late)."""
    named = {event["carrier"] for event in events if isinstance(event, dict) and type(event.get("carrier")) is str}
    if not named:
        return frozenset()
    codes = {text.normal_code(name) for name in named if len(name) <= 40}
    return (
        frozenset(Organisation.objects.filter(code__in=codes).values_list("code", flat=True)) if codes else frozenset()
    )


def _store(sender: Sender, upload: rules.Clocks, scans: list[Scan]) -> tuple[set[str], int | None]:
    """(ids stored now, the upload's number if any were)."""
    if not scans:
        return set(), None
    columns = dict(zip(Scan._fields, (list(column) for column in zip(*scans, strict=True)), strict=True))
    columns["occurred_at"] = [at.isoformat() for at in columns["occurred_at"]]
    columns["effective_at"] = [at.isoformat() for at in columns["effective_at"]]
    for name in ("content_hash", "photo_sha256"):
        columns[name] = [digest and "\\x" + digest for digest in columns[name]]
    del columns["rank"]
    rows = sql.rows(
        "tracking",
        "insert_events",
        {
            "county": sender.county_code,
            "device": sender.device.pk if sender.device else None,
            "actor": sender.user.pk,
            "received_at": upload.received_at,
            "skewed": upload.skewed,
            "may_correct": sender.may_correct,
            "rank": array(scan.rank for scan in scans),
            **{name: array(values) for name, values in columns.items()},
        },
    )
    return {row["event_id"] for row in rows}, rows[0]["upload_id"] if rows else None


def array(values: Iterable[Any]) -> str:
    """A PostgreSQL array literal: one string for a whole column is ten times faster than one literal an element."""
    return "{" + ",".join("NULL" if value is None else _element(value) for value in values) + "}"


def _element(value: Any) -> str:
    if type(value) is str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ("t" if value else "f") if type(value) is bool else repr(value)


def _stored_hashes(county_code: str, event_ids: list[str]) -> dict[str, str]:
    rows = sql.rows("tracking", "stored_hashes", {"county": county_code, "event_ids": event_ids})
    return {row["event_id"]: row["content_hash"] for row in rows}


def _note_upload(
    *,
    sender: Sender,
    upload_id: int | None,
    batch_id: UUID | None,
    digest: bytes | None,
    received_at: datetime,
    stored: list[Scan],
    seqs: Collection[int],
    exceptions: list[ScanException],
) -> int | None:
    """The upload's row, and its numbers in the device's feed; the end of that feed's unbroken run from 1, or 0."""
    numbers = [scan.seq for scan in stored if scan.seq is not None]
    duplicates = sum(one.status == Verdict.DUPLICATE for one in exceptions)
    facts = [[one.index, one.event_id, one.status, one.code, one.pointer] for one in exceptions]
    return sql.value(
        "tracking",
        "note_upload",
        {
            "upload": upload_id,
            "county": sender.county_code,
            "device": sender.device.pk if sender.device else None,
            "batch_id": batch_id,
            "received_at": received_at,
            "stored": len(stored),
            "duplicates": duplicates,
            "refused": len(exceptions) - duplicates,
            "first_seq": min(numbers, default=None),
            "last_seq": max(numbers, default=None),
            "digest": digest,
            "exceptions": json.dumps(facts) if facts else None,
            "seqs": "{" + ",".join(f"[{seq},{seq}]" for seq in sorted(seqs)) + "}",
        },
    )
