"""What people do about what looks wrong: take a scan back, undo that, or let it stand with a reason.

A scan is never changed. Taking it back is a CORRECTION that names it, undoing that is a CORRECTION that names the
first (docs/fold.md); both are scans like any other and leave their own trace. Letting stand stores who, when and why.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common import ids, sql
from common.errors import Refused
from stations.models import Station
from tracking.attention_queries import Kind, standing
from tracking.models import Dismissal, ScanEvent, SetAside
from tracking.services.drain import fold_upload
from tracking.services.record import record_scans
from tracking.services.senders import Sender
from tracking.states import Method, Node, Verdict

REPLAYED = "replayed"  # the reason a replay closes with: nobody can open that again


@dataclass(frozen=True)
class Act:
    """What became of it: `done` False where somebody was faster, and a sentence."""

    done: bool
    sentence: str


def dismiss(*, user: User, kind: str, event: ScanEvent, reason: str, at: datetime) -> Act:
    """Let something odd stand, with a reason. Of two people at once the first one's reason is kept."""
    with transaction.atomic():
        _row, made = Dismissal.objects.get_or_create(
            county_code=event.county_code,
            kind=kind,
            event_id=event.event_id,
            defaults={"reason": reason, "by": user, "at": at},
        )
        if not made:
            return Act(False, _("It was already let stand."))
        audit(
            actor=user,
            action="attention.dismiss",
            entity="scan",
            entity_id=event.event_id,
            at=at,
            county_code=event.county_code,
            label=_label(event),
            after={"kind": kind},
            reason=reason,
        )
    return Act(True, _("Let stand."))


def restore(*, user: User, dismissal_id: int, at: datetime) -> Act:
    """Bring a line back that somebody had let stand."""
    with transaction.atomic():
        row = Dismissal.objects.select_for_update().filter(pk=dismissal_id).first()
        if row is None:
            return Act(False, _("It is back already."))
        audit(
            actor=user,
            action="attention.restore",
            entity="scan",
            entity_id=row.event_id,
            at=at,
            county_code=row.county_code,
            label=str(Kind(row.kind).label) if row.kind in Kind.values else row.kind,
            before={"kind": row.kind, "reason": row.reason, "by": row.by_id},
        )
        row.delete()
    return Act(True, _("It is back in the list."))


def correct(*, user: User, event: ScanEvent, reason: str, at: datetime) -> Act:
    """Take a scan back: a CORRECTION that names it. A scan that is void already stays as it is.

    1. One at a time for each scan (a lock on its id, held to the commit): two people make one correction.
    2. The correction, stored as any scan is, and the audit in the same transaction.
    3. After the commit fold it, so that the parcel's page is right at once; the drain does it if that fails.
    Refused "not_a_scan" for a correction: that one is undone, not taken back.
    """
    if event.type == Node.CORRECTION:
        raise Refused("not_a_scan", _("A correction is undone, not taken back."))
    with transaction.atomic():
        _one_at_a_time(event)
        if event.event_id in standing(event.county_code, [event.event_id]):
            return Act(False, _("It was already taken back."))
        upload_id = _store(user, event, reason, at)
        audit(
            actor=user,
            action="attention.correct",
            entity="scan",
            entity_id=event.event_id,
            at=at,
            county_code=event.county_code,
            label=_label(event),
            reason=reason,
        )
    fold_upload(upload_id=upload_id, at=at)
    return Act(True, _("The scan was taken back."))


def undo_correction(*, user: User, correction: ScanEvent, target: ScanEvent, reason: str, at: datetime) -> Act:
    """The scan that a correction took back counts again: a second CORRECTION that names the first."""
    with transaction.atomic():
        _one_at_a_time(target)
        voids = {"county": target.county_code, "event_ids": [str(target.event_id)]}
        by = [UUID(str(row["by_event_id"])) for row in sql.rows("tracking", "attention_standing", voids)]
        if correction.event_id not in by:  # undone before, whoever took the scan back again since
            return Act(False, _("The scan counts already."))
        upload_id = _store(user, correction, reason, at)
        audit(
            actor=user,
            action="attention.undo_correction",
            entity="scan",
            entity_id=target.event_id,
            at=at,
            county_code=target.county_code,
            label=_label(target),
            before={"correction": str(correction.event_id)},
            reason=reason,
        )
    fold_upload(upload_id=upload_id, at=at)
    return Act(True, _("The scan counts again."))


def close_set_aside(*, user: User, row: SetAside, reason: str, at: datetime) -> Act:
    """Let a scan that can't be used stand unused; it stays kept."""
    with transaction.atomic():
        changed = SetAside.objects.filter(pk=row.pk, closed_at=None).update(
            closed_at=at, closed_by=user, close_reason=reason
        )
        if not changed:
            return Act(False, _("It was already let stand."))
        _audit_aside(user, "set_aside.close", row, at, reason)
    return Act(True, _("Let stand."))


def reopen_set_aside(*, user: User, row: SetAside, at: datetime) -> Act:
    """Put one back that a person let stand; not one that was used after all."""
    with transaction.atomic():
        closed = SetAside.objects.filter(pk=row.pk, closed_at__isnull=False).exclude(close_reason=REPLAYED)
        if not closed.update(closed_at=None, closed_by=None, close_reason=""):
            return Act(False, _("It is back already, or it was used."))
        _audit_aside(user, "set_aside.reopen", row, at, "")
    return Act(True, _("It is back in the list."))


def note_raw_seen(*, user: User, row: SetAside, reason: str, at: datetime) -> None:
    """Somebody reads what was sent, byte by byte: it may name people, so it is written down who and why."""
    _audit_aside(user, "set_aside.raw", row, at, reason)


def _audit_aside(user: User, action: str, row: SetAside, at: datetime, reason: str) -> None:
    audit(
        actor=user,
        action=action,
        entity="set_aside",
        entity_id=row.pk,
        at=at,
        county_code=row.county_code,
        label=f"{row.code} {row.event_id}",
        reason=reason,
    )


def _label(event: ScanEvent) -> str:
    return f"{Node(event.type).label} {event.waybill_no or event.bag or ''}".strip()


def _one_at_a_time(event: ScanEvent) -> None:
    """Held to the end of the transaction; by the scan's id, not the parcel's row, whose order of locking is the
    drain's business."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 6))", [f"{event.county_code}{event.event_id}"]
        )


def _store(user: User, event: ScanEvent, reason: str, at: datetime) -> int:
    """Store the correction of a scan (or correction); the number of its upload."""
    station = Station.objects.filter(pk=event.station_id).first() if event.station_id else None
    sender = Sender(
        county_code=event.county_code,
        user=user,
        device=None,
        stations={station.code: (station.pk, station.level)} if station else {},
        may_correct=True,  # the caller has looked at the person's right to act on this scan
    )
    correction = {
        "event_id": str(ids.uuid7()),
        "type": Node.CORRECTION.value,
        "station": station.code if station else None,
        "occurred_at": at.isoformat(),
        "method": Method.TYPED.value,
        "corrects": str(event.event_id),
        "reason": reason,
    }
    receipt = record_scans(sender=sender, batch_id=None, device_now=None, events=[correction], received_at=at)
    fault = next((one for one in receipt.exceptions if one.status != Verdict.DUPLICATE), None)
    if fault is not None or receipt.upload_id is None:
        raise Refused(fault.code if fault else "not_stored", fault.detail if fault else _("Try again."))
    return receipt.upload_id
