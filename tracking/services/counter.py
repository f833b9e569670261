"""A scan at a counter: which parcel it means, whether it says anything new, and the one event it becomes.

The counter makes the same events as a handheld and stores them by the same service; it adds only what a person needs
at once: the parcel's state after the scan, and a sentence. A scan is a fact, so a parcel of another station is received
all the same, with a warning. Only what can't be true is refused: handing out what nobody knows, or what lies elsewhere.

A form sent twice is one event: the first attempt's event is kept for a day under its id, because a second attempt
would otherwise carry another time or pickup code and be a conflict instead of a duplicate.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from common import ids, text
from orders import codes
from orders.models import Parcel
from orders.states import CustodianKind, ParcelState
from stations.models import Station
from stations.states import StationLevel
from tracking import counter_queries as queries
from tracking.definitions import Operation, reason_of
from tracking.services.drain import fold_upload
from tracking.services.record import Receipt, record_scans
from tracking.services.senders import Sender, sender_for_user
from tracking.states import RULES, Method, Node, Verdict

KEEP_ATTEMPT_S = 86_400
RESERVE_CODE_S = 60
DEFAULT_SHELF = "1-1"


@dataclass(frozen=True)
class CounterScan:
    """What the page sends. `shelf`: "3-2", or a whole code "3-2-2041"; `move`: put a shelved parcel elsewhere."""

    operation: Operation
    code: str
    event_id: UUID
    method: Method = Method.TYPED
    carrier: str = ""
    parcel_id: int | None = None
    shelf: str = ""
    reason: str = ""
    trip: str = ""
    move: bool = False


@dataclass(frozen=True)
class Choice:
    """A big button: what it says, and the field it adds to the same scan."""

    label: str
    note: str
    name: str
    value: str


@dataclass(frozen=True)
class Outcome:
    """What the result bar says. `tone`: ok, again (nothing new, or a warning), error; `event_id`: what to undo."""

    tone: str
    headline: str
    detail: str = ""
    big: str = ""
    say: str = ""
    parcel: Parcel | None = None
    event_id: UUID | None = None
    choices: tuple[Choice, ...] = ()
    may_move: bool = False
    scan: CounterScan | None = field(default=None, repr=False)


def scan_at_counter(*, user: User, station: Station, scan: CounterScan, at: datetime) -> Outcome:
    """Find the parcel, judge, store and fold one scan. Never raises for what a person may type."""
    kept = cache.get(_attempt_key(user, scan.event_id))
    if kept is not None:
        return _store(user, station, scan, kept, at, warning="")
    found = _candidates(station, scan)
    if isinstance(found, Outcome):
        return found
    parcel, carrier = found
    warning = ""
    if parcel is not None:
        judged = _judge(user, station, scan, parcel)
        if isinstance(judged, Outcome):
            return judged
        warning = judged
    event = _event(station, scan, carrier, parcel, at)
    if isinstance(event, Outcome):
        return event
    cache.add(_attempt_key(user, scan.event_id), event, timeout=KEEP_ATTEMPT_S)
    # of two equal requests at once the first one's event is sent by both
    return _store(user, station, scan, cache.get(_attempt_key(user, scan.event_id)) or event, at, warning)


def undo_scan(*, user: User, station: Station, target: Any, event_id: UUID, at: datetime) -> Outcome:
    """Store a CORRECTION that names `target`, a row of counter_queries.scan_to_undo."""
    if target.voided:
        return Outcome("again", _("Already undone"), target.waybill_no or "")
    event = {
        "event_id": str(event_id),
        "type": Node.CORRECTION.value,
        "station": station.code,
        "occurred_at": at.isoformat(),
        "method": Method.TYPED.value,
        "corrects": str(target.event_id),
    }
    # the caller looked the target up among what this person may undo: also a courier's own scan, made minutes ago
    receipt = _send(replace(sender_for_user(user, station), may_correct=True), event, at)
    fault = next(iter(receipt.exceptions), None)
    if fault is not None and fault.status != Verdict.DUPLICATE:
        return Outcome("error", _("Not undone"), str(fault.detail))
    parcel = _parcel(station, target.carrier, target.waybill_no or "")
    detail = f"{target.get_type_display()} · {target.waybill_no or ''}"
    return Outcome("ok", _("Undone"), detail, say=_("Undone"), parcel=parcel)


# --- which parcel -----------------------------------------------------------------------------------------


def _candidates(station: Station, scan: CounterScan) -> tuple[Parcel | None, str] | Outcome:
    """The parcel (None: a new one) and its carrier's code; or a refusal, or a choice."""
    by_code = _by_pickup_code(station, scan) if scan.operation.node == Node.SIGNED_PICKUP else None
    if by_code is not None:
        return by_code
    if not text.CODE.fullmatch(scan.code):
        if scan.operation.node == Node.SIGNED_PICKUP:
            return _no_such_code(scan)
        return Outcome(
            "error", _("Not a waybill"), say=_("Not a waybill"),
            detail=_("A waybill has 6 to 40 letters and digits: %(code)s") % {"code": scan.code[:40]},
        )  # fmt: skip
    newest = {p.carrier_id: p for p in reversed(queries.parcels_of_waybill(station.county_code, scan.code))}
    if scan.carrier and newest:
        newest = {code: p for code, p in newest.items() if code == scan.carrier} or newest
    if len(newest) > 1:
        return _choose_carrier(scan, [(p.carrier_id, p.carrier.name, _where(p)) for p in newest.values()])
    for code, parcel in newest.items():
        if not scan.carrier or scan.carrier == code:
            return parcel, code
    if scan.operation.needs_known:
        if scan.operation.node == Node.SIGNED_PICKUP and "-" in scan.code:
            return _no_such_code(scan)
        return Outcome(
            "error", _("Unknown parcel"), _("%(code)s was never received. Check the number, or receive it first.")
            % {"code": scan.code}, say=_("Unknown parcel"),
        )  # fmt: skip
    carriers = queries.carriers_named([scan.carrier] if scan.carrier else codes.recognise(scan.code))
    if len(carriers) == 1:
        return None, carriers[0].code
    carriers = carriers or queries.carriers_named([])
    if not carriers:
        return Outcome("error", _("No carrier is set up"), _("Ask your county's administrator to add the carriers."))
    return _choose_carrier(scan, [(c.code, c.name, "") for c in carriers])


def _by_pickup_code(station: Station, scan: CounterScan) -> tuple[Parcel, str] | Outcome | None:
    """The parcel a pickup code claims; None where no parcel of this station ever had it."""
    if len(scan.code) > 20:
        return None
    found = queries.parcels_of_pickup_code(station, scan.code)
    if scan.parcel_id is not None:
        found = [parcel for parcel in found if parcel.pk == scan.parcel_id]
    awaiting = [p for p in found if p.state == ParcelState.AT_OUTLET]
    if len(awaiting) == 1:
        return awaiting[0], awaiting[0].carrier_id
    if awaiting:
        choices = tuple(
            Choice(f"{p.carrier.name} {p.waybill_no}", _person(p), "parcel_id", str(p.pk)) for p in awaiting
        )
        return Outcome(
            "error", _("Two parcels have this code"), _("Compare the waybill and choose."), choices=choices, scan=scan,
            say=_("Choose"),
        )  # fmt: skip
    gone = next((p for p in found if p.state == ParcelState.DELIVERED), None)
    if gone is not None:
        return _already_signed(gone)
    if found:
        return Outcome(
            "error", _("No longer on the shelf"), f"{found[0].waybill_no} · {_where(found[0])}", parcel=found[0],
            say=_("No longer on the shelf"),
        )  # fmt: skip
    return None


def _no_such_code(scan: CounterScan) -> Outcome:
    return Outcome(
        "error", _("Wrong pickup code"), _("No parcel on the shelf here has %(code)s.") % {"code": scan.code[:40]},
        say=_("Wrong pickup code"),
    )  # fmt: skip


def _choose_carrier(scan: CounterScan, options: Iterable[tuple[str, str, str]]) -> Outcome:
    choices = tuple(Choice(name, note, "carrier", code) for code, name, note in options)
    return Outcome(
        "error", _("Which carrier?"), _("Nothing is recorded yet: choose for %(code)s") % {"code": scan.code},
        choices=choices, scan=scan, say=_("Which carrier?"),
    )  # fmt: skip


# --- what to make of it -----------------------------------------------------------------------------------


def _judge(user: User, station: Station, scan: CounterScan, parcel: Parcel) -> Outcome | str:
    """A refusal or "nothing new"; or a warning to show beside the recorded scan ("" where all is well)."""
    operation = scan.operation
    node = _node(scan)
    if RULES[node].t and parcel.state in (ParcelState.DELIVERED, ParcelState.RETURNED):
        return _already_signed(parcel)
    if _says_nothing_new(user, station, scan, parcel):
        shelved = node == Node.OUTLET_IN
        return Outcome(
            "again", _("Scanned before"), f"{parcel.waybill_no} · {_where(parcel)}", parcel=parcel, scan=scan,
            big=(parcel.pickup_code or "") if shelved else "", may_move=shelved, say=_("Scanned before"),
        )  # fmt: skip
    if parcel.state in (ParcelState.DELIVERED, ParcelState.RETURNED, ParcelState.CANCELLED):
        return _("This parcel was already finished: %(state)s") % {"state": parcel.get_state_display()}
    if node == Node.SIGNED_PICKUP:
        if parcel.state == ParcelState.AT_OUTLET and parcel.station_id != station.pk:
            return Outcome(
                "error", _("Not on this shelf"),
                _("%(code)s lies at %(station)s.") % {"code": parcel.waybill_no, "station": parcel.station},
                parcel=parcel, say=_("Not on this shelf"),
            )  # fmt: skip
        if parcel.state != ParcelState.AT_OUTLET:
            return _("It was not on the shelf: %(state)s") % {"state": parcel.get_state_display()}
    if operation.arrives:
        right = _right_place(station, parcel)
        if right is not None:
            return _("Missorted: it belongs to %(station)s") % {"station": right.name}
    return ""


def _says_nothing_new(user: User, station: Station, scan: CounterScan, parcel: Parcel) -> bool:
    """Whether the parcel's row already says all that this scan would."""
    node, rule = _node(scan), RULES[_node(scan)]
    if node == Node.DAMAGED:
        return parcel.damaged
    if rule.h == "set":
        return bool(parcel.on_hold and parcel.h_node == node and parcel.h_reason == _reason_key(scan))
    same = queries.key_rank(parcel.s_k) == rule.rank and parcel.s_station_id == station.pk and not parcel.on_hold
    if not same or rule.s is None:
        return False
    if node == Node.OUTLET_IN:
        return parcel.state == ParcelState.AT_OUTLET and not scan.move
    if rule.c == "actor":
        return parcel.custodian_kind == CustodianKind.ACTOR and parcel.c_ref == user.pk
    return True


def _right_place(station: Station, parcel: Parcel) -> Station | None:
    """The station the parcel should have gone to, where this is the wrong one."""
    bound = parcel.destination
    if bound is None or station.level == StationLevel.HUB or station.pk in (bound.pk, bound.parent_id):
        return None
    return bound if station.level == StationLevel.OUTLET else bound.parent or bound


def _already_signed(parcel: Parcel) -> Outcome:
    when = f"{timezone.localtime(parcel.t_at):%Y-%m-%d %H:%M}" if parcel.t_at else ""
    return Outcome(
        "again", _("Already handed out") if parcel.state == ParcelState.DELIVERED else _("Already sent back"),
        f"{parcel.waybill_no} · {when}", parcel=parcel, say=_("Already handed out"),
    )  # fmt: skip


def _node(scan: CounterScan) -> Node:
    reason = reason_of(scan.operation, scan.reason)
    return (reason.node if reason else None) or scan.operation.node


def _reason_key(scan: CounterScan) -> str | None:
    reason = reason_of(scan.operation, scan.reason)
    return reason.key if reason else None


def _where(parcel: Parcel) -> str:
    return f"{parcel.get_state_display()} · {parcel.station}" if parcel.station else str(parcel.get_state_display())


def _person(parcel: Parcel) -> str:
    person = getattr(parcel, "recipient", None)
    return f"{person.name_masked} {person.phone_masked}" if person else ""


# --- the event --------------------------------------------------------------------------------------------


def _event(
    station: Station, scan: CounterScan, carrier: str, parcel: Parcel | None, at: datetime
) -> dict[str, str] | Outcome:
    """The event in the API's shape."""
    node = _node(scan)
    event = {
        "event_id": str(scan.event_id),
        "type": node.value,
        "carrier": carrier,
        "waybill_no": parcel.waybill_no if parcel else scan.code,
        "station": station.code,
        "occurred_at": at.isoformat(),
        "method": scan.method.value,
    }
    reason = _reason_key(scan)
    if reason:
        event["reason"] = reason
    if "trip" in scan.operation.asks and scan.trip:
        event["trip"] = scan.trip
    if node == Node.OUTLET_IN:
        code = _pickup_code(station, scan.shelf or DEFAULT_SHELF)
        if not code:
            return Outcome("error", _("This pickup code is taken"), scan.shelf, say=_("This pickup code is taken"))
        event["pickup_code"] = code
    if node == Node.SIGNED_PICKUP and parcel is not None and scan.code == parcel.pickup_code:
        event["pickup_code"] = scan.code
    return event


def _pickup_code(station: Station, shelf: str) -> str:
    """The next free code of a shelf, or the whole code the operator typed; "" where that one is taken.

    Two operators at one station: a code is reserved in the cache for a minute, before its event is stored."""
    whole = shelf.count("-") >= 2
    stem = shelf.rpartition("-")[0] if whole else shelf
    used = queries.pickup_codes_in_use(station, stem)
    if whole:
        return shelf if shelf not in used and _reserve(station, shelf) else ""
    serials = [int(code.rpartition("-")[2]) for code in used if code.rpartition("-")[2].isdigit()]
    first = max(serials, default=0) + 1
    for step in range(10_000):
        code = f"{stem}-{(first + step - 1) % 9999 + 1:04d}"
        if code not in used and _reserve(station, code):
            return code
    return ""


def _reserve(station: Station, code: str) -> bool:
    return bool(cache.add(f"pickup:{station.pk}:{code}", 1, timeout=RESERVE_CODE_S))


def _attempt_key(user: User, event_id: UUID) -> str:
    return f"counter:{user.pk}:{event_id}"


def _send(sender: Sender, event: dict[str, str], at: datetime) -> Receipt:
    """Store one event and fold it at once, so that the operator sees what became of the parcel."""
    receipt = record_scans(sender=sender, batch_id=None, device_now=None, events=[event], received_at=at)
    if receipt.upload_id is not None:
        fold_upload(upload_id=receipt.upload_id, at=at)
    return receipt


def _parcel(station: Station, carrier: str | None, waybill_no: str) -> Parcel | None:
    """The parcel as the scan just stored has left it."""
    legs = queries.parcels_of_waybill(station.county_code, waybill_no)
    return next((parcel for parcel in legs if parcel.carrier_id == carrier), None)


def _store(
    user: User, station: Station, scan: CounterScan, event: dict[str, str], at: datetime, warning: str
) -> Outcome:
    receipt = _send(sender_for_user(user, station), event, at)
    parcel = _parcel(station, event["carrier"], event["waybill_no"])
    fault = next(iter(receipt.exceptions), None)
    if fault is not None:
        if fault.status == Verdict.DUPLICATE:
            return Outcome(
                "again", _("Already recorded"), event["waybill_no"], parcel=parcel, big=event.get("pickup_code", "")
            )
        return Outcome("error", _("Not recorded"), str(fault.detail), parcel=parcel, say=_("Not recorded"))
    shelved = event["type"] == Node.OUTLET_IN
    big = event.get("pickup_code", "") if shelved else ""
    missorted = bool(warning) and scan.operation.arrives
    headline = _("Missorted") if missorted else str(scan.operation.done)
    name = parcel.carrier.name if parcel else event["carrier"]
    return Outcome(
        "error" if missorted else "again" if warning else "ok",
        headline,
        warning or f"{name} {event['waybill_no']}",
        big=big,
        say=headline if warning else big.replace("-", " ") or headline,
        parcel=parcel,
        event_id=UUID(event["event_id"]),
        scan=scan,
    )


def new_event_id() -> UUID:
    """The id a page carries for the next scan."""
    return ids.uuid7()
