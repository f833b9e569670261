"""Try again what was set aside: the kept bytes, as they came, under the rules and names known by now.

A scan was refused because its carrier or station was not known, or because a rule was wrong. Replayed, it gets the
times it would have had: its upload's `received_at` and the device's clock of that moment (SetAside.device_now), with
the sender it came from. The row is locked first, and its id is the scan's own: replaying twice stores once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from stations.models import Station
from stations.scope import scope_of
from tracking import rules, strict
from tracking.attention_queries import set_asides
from tracking.models import SetAside
from tracking.services.attention import REPLAYED
from tracking.services.drain import fold_upload, replay_set_aside
from tracking.services.record import record_scans
from tracking.services.senders import Sender, sender_for_device
from tracking.services.set_aside import KEPT_BYTES
from tracking.states import Verdict

AT_ONCE = 50  # more are a job
KIND = "tracking.replay"


@dataclass(frozen=True)
class Replay:
    """`done`: the scan is used now (or was already); `sentence`: what became of it, or why it still can't be."""

    done: bool
    sentence: str


def may_be_replayed(row: SetAside) -> bool:
    """Conflicts are decided (the first stays) and an unreadable body holds no scan to try."""
    return row.verdict == Verdict.INVALID and row.code != "unreadable"


def replay(*, user: User, set_aside_id: int, at: datetime) -> Replay:
    """Try one again.

    1. Lock the row; one closed meanwhile is left alone.
    2. A stored scan that could not be folded: fold it. Anything else: read the kept bytes and check them; what is
       still wrong is said and nothing is written.
    3. Store it as its own sender's, with its own clocks; close the row, audit. Same transaction.
    4. After the commit fold it.
    """
    with transaction.atomic():
        rows = SetAside.objects.select_related("device__station", "device__user", "actor")
        row = rows.select_for_update(of=("self",)).get(pk=set_aside_id)
        if row.closed_at is not None:
            return Replay(True, _("It was already dealt with."))
        if not may_be_replayed(row):
            return Replay(False, _("This can't be tried again; let it stand."))
        upload_id = None
        if row.code == "fold_failed":
            if not replay_set_aside(set_aside_id=row.pk, by=user, at=at):
                return Replay(False, str(rules.SENTENCES["fold_failed"]))
        else:
            tried = _store(row)
            if isinstance(tried, Replay):
                return tried
            upload_id = tried[0]
            SetAside.objects.filter(pk=row.pk).update(closed_at=at, closed_by=user, close_reason=REPLAYED)
        audit(
            actor=user,
            action="set_aside.replay",
            entity="set_aside",
            entity_id=row.pk,
            at=at,
            county_code=row.county_code,
            label=f"{row.code} {row.event_id}",
        )
    if upload_id is not None:
        fold_upload(upload_id=upload_id, at=at)
    return Replay(True, _("The scan counts now."))


def waiting_of_code(user: User, code: str) -> list[int]:
    """What the person may replay of one code, oldest first."""
    rows = set_asides(user, "dead.replay").filter(closed_at=None, verdict=Verdict.INVALID, code=code)
    return list(rows.exclude(code="unreadable").order_by("id").values_list("pk", flat=True))


def replay_code(
    *, user: User, code: str, at: datetime, step: Callable[[int, int], None] = lambda done, total: None
) -> tuple[int, int]:
    """Try all of a code again, each in its own transaction, under the person's rights of this moment; returns
    (used now, still waiting)."""
    waiting = waiting_of_code(user, code)
    used = 0
    for number, pk in enumerate(waiting):
        step(number, len(waiting))
        used += replay(user=user, set_aside_id=pk, at=at).done
    step(len(waiting), len(waiting))
    return used, len(waiting) - used


def _store(row: SetAside) -> tuple[int | None] | Replay:
    """(its upload's number, None where the scan is stored already), or why it can't be."""
    raw = bytes(row.raw)
    event = read_kept(raw)
    if event is None:
        return Replay(False, str(rules.SENTENCES["unreadable"]))
    sender = _sender(row)
    if sender is None:
        return Replay(False, str(rules.SENTENCES["station_not_yours"]))
    with transaction.atomic():  # what is still wrong leaves no second row of itself
        receipt = record_scans(
            sender=sender, batch_id=None, device_now=row.device_now, events=[event], received_at=row.received_at
        )
        fault = next((one for one in receipt.exceptions if one.status != Verdict.DUPLICATE), None)
        if fault is not None:
            transaction.set_rollback(True)
            return Replay(False, str(fault.detail))
    return (receipt.upload_id,)


def read_kept(raw: bytes) -> object | None:
    """The kept event as the strict parser reads it; None where it was cut or is no JSON."""
    if len(raw) >= KEPT_BYTES:
        return None
    try:
        body = '{"events":[' + raw.decode("utf-8") + "]}"
        found = strict.parse(body, body.encode("utf-8")).events
    except (strict.Unreadable, UnicodeDecodeError):
        return None
    return found[0] if len(found) == 1 else None


def _sender(row: SetAside) -> Sender | None:
    """Whoever sent it, with what they may name by now."""
    if row.device is not None:
        sender = sender_for_device(row.device)
        return replace(sender, user=row.actor) if row.actor else sender
    if row.actor is None:
        return None
    mine = Station.objects.filter(pk__in=scope_of(row.actor, "scan.send").station_ids, county_code=row.county_code)
    stations = {code: (pk, level) for code, pk, level in mine.values_list("code", "pk", "level")}
    return Sender(row.county_code, row.actor, None, stations, may_correct=False)
