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

from common import bell, memo, sql, text
from common.crash import crash_point
from stations.models import Organisation
from tracking import rules
from tracking.models import Upload
from tracking.rules import SENTENCES, Fault, Scan
from tracking.services.senders import Sender
from tracking.services.set_aside import Aside, as_bytes, printable_id, set_aside
from tracking.states import Verdict

FEW = 10  # events: to look for the same batch first costs more than it saves
_SPECIAL = frozenset({"occurred_at", "effective_at", "content_hash", "photo_sha256"})


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

    1. A batch that came before with the same good events costs one look-up: what was stored is a duplicate now.
    2. Check each event; those that can't be used become `invalid`.
    3. Within the upload the first of an id stays; the same content again is a duplicate, another a conflict.
    4. One transaction: the events not yet stored, the upload's row, the device's numbers, what is kept aside.
    5. After the commit ring the drain.
    """
    digest = _digest(events) if batch_id and sender.device and len(events) > FEW else None
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
    if not events:
        return Receipt(batch_id, received_at, 0, [], None, None)
    with transaction.atomic():
        row = _store(
            sender=sender,
            upload=upload,
            scans=[scan for _index, scan in scans.values()],
            seqs={seq for event in events if (seq := rules.readable_seq(event)) is not None},
            batch_id=batch_id,
            digest=digest,
            exceptions=found,
        )
        crash_point("ack.inserted")
        if row["number"] < len(scans):
            taken = scans.keys() - set(row["stored_ids"])
            for event_id, content_hash in _stored_hashes(sender.county_code, sorted(taken)).items():
                index, scan = scans[event_id]
                same = content_hash == scan.content_hash
                keep(index, *((Verdict.DUPLICATE, "duplicate") if same else (Verdict.CONFLICT, "id_reused")))
            found.sort(key=lambda one: one.index)
            Upload.objects.filter(pk=row["id"]).update(**_verdicts(found))
        if aside:
            set_aside(sender=sender, batch_id=batch_id, events=aside, received_at=received_at, device_now=device_now)
        crash_point("ack.noted")
        if row["number"]:
            transaction.on_commit(_ring)
    return Receipt(batch_id, received_at, row["number"], found, row["highest"], row["id"] if row["number"] else None)


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
    """The answer to a batch that came before with the same events, as the whole way through would give it; None for
    one that held invalid scans: their carrier or station may be known by now."""
    assert sender.device is not None
    found = sql.rows("tracking", "same_batch", {"device": sender.device.pk, "batch_id": batch_id, "digest": digest})
    if not found:
        return None
    row = found[0]
    before = {one[0]: one[1:] for one in json.loads(row["exceptions"] or "[]")}
    if any(one[1] == Verdict.INVALID for one in before.values()):
        return None
    exceptions = []
    for index, event in enumerate(events):
        stored = (printable_id(event) or None, Verdict.DUPLICATE.value, "duplicate", f"/events/{index}")
        event_id, verdict, code, pointer = before.get(index, stored)
        exceptions.append(ScanException(index, event_id, verdict, code, str(SENTENCES[code]), pointer))
    return Receipt(batch_id, received_at, 0, exceptions, row["highest"], None)


def _known_carriers(events: Iterable[object]) -> frozenset[str]:
    """Of the carriers the events name, those that exist (also ones no longer active: a scan may be late)."""
    named = {event["carrier"] for event in events if isinstance(event, dict) and type(event.get("carrier")) is str}
    codes = frozenset(text.normal_code(name) for name in named if len(name) <= 40)
    missing = codes - _organisations()
    if missing:  # as new as that, or nobody's
        found = Organisation.objects.filter(code__in=missing).values_list("code", flat=True)
        return codes - missing | frozenset(found)
    return codes


@memo.for_seconds(5)
def _organisations() -> frozenset[str]:
    return frozenset(Organisation.objects.values_list("code", flat=True))


def _store(
    *,
    sender: Sender,
    upload: rules.Clocks,
    scans: list[Scan],
    seqs: Collection[int],
    batch_id: UUID | None,
    digest: bytes | None,
    exceptions: list[ScanException],
) -> dict[str, Any]:
    """`id` of the upload, `number` of events stored now, their ids where it is not all, `highest` unbroken seq."""
    columns = (
        dict(zip(Scan._fields, zip(*scans, strict=True), strict=True)) if scans else dict.fromkeys(Scan._fields, ())
    )
    texts = {name: array(values) for name, values in columns.items() if name not in _SPECIAL}
    ids = columns["event_id"]
    verdicts = _verdicts(exceptions)
    return sql.rows(
        "tracking",
        "store_upload",
        {
            **texts,
            "occurred_at": array(at.isoformat() for at in columns["occurred_at"]),
            "effective_at": array(at.isoformat() for at in columns["effective_at"]),
            "content_hash": array(_bytea(columns["content_hash"])),
            "photo_sha256": array(_bytea(columns["photo_sha256"])),
            "county": sender.county_code,
            "device": sender.device.pk if sender.device else None,
            "actor": sender.user.pk,
            "received_at": upload.received_at,
            "skewed": upload.skewed,
            "may_correct": sender.may_correct,
            "given": len(scans),
            "batch_id": batch_id,
            "digest": digest,
            "first_event": min(ids, default=None),
            "last_event": max(ids, default=None),
            "seqs": "{" + ",".join(f"[{seq},{seq}]" for seq in sorted(seqs)) + "}",
            **verdicts,
            "exceptions": json.dumps(verdicts["exceptions"]) if exceptions else None,
        },
    )[0]


def _verdicts(exceptions: list[ScanException]) -> dict[str, Any]:
    """What an upload's row says about its events that were not plainly accepted."""
    duplicates = sum(one.status == Verdict.DUPLICATE for one in exceptions)
    return {
        "duplicates": duplicates,
        "refused": len(exceptions) - duplicates,
        "exceptions": [[one.index, one.event_id, one.status, one.code, one.pointer] for one in exceptions] or None,
    }


def _bytea(digests: Iterable[str | None]) -> list[str | None]:
    return [digest and "\\x" + digest for digest in digests]


def array(values: Iterable[Any]) -> str:
    """A PostgreSQL array literal: one string for a whole column is ten times faster than one literal an element.
    A column without a value is an empty array (sql/store_upload.sql fills it up)."""
    values = values if isinstance(values, tuple | list) else list(values)
    if not any(value is not None for value in values):
        return "{}"
    if type(values[0]) is str and None not in values:
        joined = "".join(values)
        if '"' not in joined and "\\" not in joined:  # the usual column: nothing to escape
            return '{"' + '","'.join(values) + '"}'
    return "{" + ",".join("NULL" if value is None else _element(value) for value in values) + "}"


def _element(value: Any) -> str:
    if type(value) is str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ("t" if value else "f") if type(value) is bool else repr(value)


def _stored_hashes(county_code: str, event_ids: list[str]) -> dict[str, str]:
    rows = sql.rows("tracking", "stored_hashes", {"county": county_code, "event_ids": event_ids})
    return {row["event_id"]: row["content_hash"] for row in rows}
