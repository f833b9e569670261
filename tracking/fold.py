"""The fold in plain Python, for reading and for checking the SQL: events in, a parcel's registers out.

docs/fold.md is the definition; sql/merge.sql, sql/refold.sql and the views of migration 0003 are the other
implementation. Pages use this one where a single parcel at a single instant is asked for (custody as of a time).
Nothing here reads a database or a clock.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.clock import micros
from orders.states import CustodianKind, ParcelState
from tracking.states import RULES, Node

_NO_PARCEL = frozenset({Node.CORRECTION, Node.DEPARTED, Node.ARRIVED})
_OUTLET_IN = Node.OUTLET_IN


@dataclass(frozen=True, slots=True)
class Event:
    """What the fold reads of a stored scan."""

    event_id: UUID
    type: str
    effective_at: datetime
    carrier: str | None = None
    waybill_no: str | None = None
    bag: str | None = None
    station_id: int | None = None
    station_level: str | None = None
    device_id: int | None = None
    actor_id: int | None = None
    side: str | None = None
    trip: str | None = None
    pickup_code: str | None = None
    reason: str | None = None
    corrects: UUID | None = None
    correction_counts: bool | None = None

    @property
    def k(self) -> bytes:
        """The order of the fold: time, rank, id, as 25 bytes that compare like the three fields."""
        rank = RULES[Node(self.type)].rank
        return micros(self.effective_at).to_bytes(8, "big", signed=True) + bytes([rank]) + self.event_id.bytes


@dataclass(slots=True)
class Registers:
    """A parcel's registers, named like its columns."""

    s_k: bytes | None = None
    s_state: str | None = None
    s_station_id: int | None = None
    c_k: bytes | None = None
    c_kind: str | None = None
    c_ref: int | None = None
    c_trip: str | None = None
    h_k: bytes | None = None
    h_node: str | None = None
    h_reason: str | None = None
    p_k: bytes | None = None
    pickup_code: str | None = None
    damaged: bool = False
    l_k: bytes | None = None
    last_scan_at: datetime | None = None
    t_k: bytes | None = None
    t_state: str | None = None
    t_node: str | None = None
    t_station_id: int | None = None
    t_at: datetime | None = None
    x_k: bytes | None = None
    f_k: bytes | None = None
    o_k: bytes | None = None
    origin_id: int | None = None

    @property
    def state(self) -> str:
        if self.t_k is not None:
            return self.t_state or ""
        if self.x_k is not None and (self.f_k is None or self.x_k < self.f_k):
            return ParcelState.CANCELLED
        return self.s_state or ParcelState.REGISTERED

    @property
    def station_id(self) -> int | None:
        return self.t_station_id if self.t_k is not None else self.s_station_id

    @property
    def on_hold(self) -> bool:
        return self.t_k is None and self.h_node is not None

    @property
    def custodian_kind(self) -> str:
        if self.t_k is not None:
            return CustodianKind.RECIPIENT if self.t_state == ParcelState.DELIVERED else CustodianKind.SENDER
        return self.c_kind or CustodianKind.NOBODY


def voided(events: Iterable[Event]) -> dict[UUID, Event]:
    """Scan id → the correction that voids it (one of them, where there are several)."""
    by_id = {event.event_id: event for event in events}
    corrections = [event for event in by_id.values() if event.type == Node.CORRECTION and event.corrects in by_id]
    counting = [c for c in corrections if _counts(c, by_id[c.corrects])]  # type: ignore[index]
    first = {c.event_id: c for c in counting if by_id[c.corrects].type != Node.CORRECTION}  # type: ignore[index]
    undone = {c.corrects for c in counting if c.corrects in first}
    return {c.corrects: c for c in first.values() if c.event_id not in undone}  # type: ignore[misc]


def _counts(correction: Event, target: Event) -> bool:
    same_device = correction.device_id is not None and correction.device_id == target.device_id
    return bool(correction.correction_counts) or same_device


def events_of(carrier: str, waybill_no: str, events: Collection[Event], as_of: datetime | None = None) -> list[Event]:
    """The valid events of one parcel in order: those that name it, and those of a bag while it was in it."""
    known = [event for event in events if as_of is None or event.effective_at <= as_of]
    void = voided(known)
    valid = [event for event in known if event.event_id not in void and event.type not in _NO_PARCEL]
    own = sorted(
        (event for event in valid if event.carrier == carrier and event.waybill_no == waybill_no), key=lambda e: e.k
    )
    moves = [event for event in own if event.type in (Node.BAGGED, Node.UNBAGGED)]
    ends = [move.k for move in moves[1:]] + [None]
    found = list(own)
    for move, end in zip(moves, ends, strict=False):
        if move.type == Node.BAGGED:
            found += [
                event
                for event in valid
                if event.waybill_no is None
                and event.bag == move.bag
                and event.k > move.k
                and (end is None or event.k < end)
            ]
    return sorted(found, key=lambda e: e.k)


def fold(events: Iterable[Event]) -> Registers:
    """The registers of one parcel out of its valid events, in whatever order they come."""
    r = Registers()
    for event in sorted(events, key=lambda e: e.k):
        rule, k = RULES[Node(event.type)], event.k
        r.l_k, r.last_scan_at = k, event.effective_at
        if rule.s is not None:
            state = f"at_{(event.station_level or '').lower()}" if rule.s == "AT" else rule.s
            r.s_k, r.s_state = k, state
            r.s_station_id = None if state == ParcelState.LOST else event.station_id
        if rule.c is not None and not (event.type == Node.HANDOVER and event.side != "take"):
            r.c_k, r.c_kind, r.c_ref, r.c_trip = k, rule.c, None, None
            if rule.c == CustodianKind.STATION:
                r.c_ref = event.station_id
            elif rule.c == CustodianKind.ACTOR:
                r.c_ref = event.actor_id
                r.c_trip = None if event.type == Node.OUT_FOR_DELIVERY else event.trip
            r.f_k = k if r.f_k is None else r.f_k
        if rule.h == "set":
            r.h_k, r.h_node, r.h_reason = k, event.type, event.reason
        elif rule.h == "clear":
            r.h_k, r.h_node, r.h_reason = k, None, None
        if event.type == _OUTLET_IN:
            r.p_k, r.pickup_code = k, event.pickup_code
        if event.type == Node.COLLECTED and r.o_k is None:
            r.o_k, r.origin_id = k, event.station_id
        if event.type == Node.DAMAGED:
            r.damaged = True
        if rule.t is not None and r.t_k is None:
            r.t_k, r.t_state, r.t_node, r.t_station_id = k, rule.t, event.type, event.station_id
            r.t_at = event.effective_at
        if rule.x and r.x_k is None:
            r.x_k = k
    return r


def fold_parcel(carrier: str, waybill_no: str, events: Collection[Event], as_of: datetime | None = None) -> Registers:
    """The registers of one parcel out of all stored events (its own, its bags', the corrections), as of a time."""
    return fold(events_of(carrier, waybill_no, events, as_of))
