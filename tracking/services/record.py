"""The way in of every scan: check each, store the good ones in one transaction, answer only once it is committed.

Handhelds (through the API), the counter and the demo county all come through `record_scans`. Its promises: an event
is stored at most once however often and in whatever company it is sent; what can't be used is kept beside; the
answer names every event that was not plainly accepted. Nothing here waits for the broker or for another scan.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from common import bell, sql, text
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

    1. Check each event; those that can't be used become `invalid`.
    2. Within the upload the first of an id stays; the same content again is a duplicate, another a conflict.
    3. One transaction: the events not yet stored, what is kept aside, the device's sequence numbers.
    4. After the commit ring the drain.
    """
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

    seqs = [seq for event in events if (seq := rules.readable_seq(event)) is not None]
    with transaction.atomic():
        stored, upload_id = _store(sender, batch_id, upload, [scan for _index, scan in scans.values()])
        if len(stored) < len(scans):
            hashes = _stored_hashes(sender.county_code, [event_id for event_id in scans if event_id not in stored])
            for event_id, content_hash in hashes.items():
                index, scan = scans[event_id]
                same = content_hash == scan.content_hash
                keep(index, *((Verdict.DUPLICATE, "duplicate") if same else (Verdict.CONFLICT, "id_reused")))
        if aside:
            set_aside(sender=sender, batch_id=batch_id, events=aside, received_at=received_at)
        highest = None
        if sender.device is not None and events:
            highest = _note_sequence(sender.device.pk, seqs, received_at)
        if stored:
            transaction.on_commit(lambda: bell.ring("tracking.tasks.drain"))
    found.sort(key=lambda one: one.index)
    return Receipt(batch_id, received_at, len(stored), found, highest, upload_id)


def _known_carriers(events: Iterable[object]) -> frozenset[str]:
    """Of the carriers the events name, those that exist (also ones no longer active: a scan may be late)."""
    named = {event["carrier"] for event in events if isinstance(event, dict) and type(event.get("carrier")) is str}
    if not named:
        return frozenset()
    codes = {text.normal_code(name) for name in named if len(name) <= 40}
    return (
        frozenset(Organisation.objects.filter(code__in=codes).values_list("code", flat=True)) if codes else frozenset()
    )


def _store(
    sender: Sender, batch_id: UUID | None, upload: rules.Clocks, scans: list[Scan]
) -> tuple[set[str], int | None]:
    """(ids stored now, the upload's id)."""
    if not scans:
        return set(), None
    columns = dict(zip(Scan._fields, (list(column) for column in zip(*scans, strict=True)), strict=True))
    columns["occurred_at"] = [at.isoformat() for at in columns["occurred_at"]]
    columns["effective_at"] = [at.isoformat() for at in columns["effective_at"]]
    columns["content_hash"] = ["\\x" + digest for digest in columns["content_hash"]]
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
            "batch_id": str(batch_id) if batch_id else None,
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


def _note_sequence(device_id: int, seqs: list[int], received_at: datetime) -> int:
    """Add numbers to the device's feed; the end of its unbroken run from 1, or 0."""
    ranges = ",".join(f"[{seq},{seq}]" for seq in sorted(set(seqs)))
    return sql.value(
        "tracking", "note_sequence", {"device": device_id, "received_at": received_at, "seqs": "{" + ranges + "}"}
    )
