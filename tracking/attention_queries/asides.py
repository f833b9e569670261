"""Scans that were never stored, or never applied: in whose scope they are, and what they say, masked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock, text
from stations.models import Station
from stations.scope import scope_of
from tracking.attention_queries.kinds import Kind
from tracking.models import ScanEvent, SetAside
from tracking.rules import KEYS, SENTENCES, read_uuid
from tracking.states import Method, Node, Verdict

_HIDDEN = ("pickup_code", "counterpart")  # as good as the parcel; may be a person or a phone
_FREE_TEXT = ("reason", "trip")  # somebody's phone may stand in it
_DIGITS = re.compile(r"\d{7,}")  # full-width ones too
KEY_WORDS: dict[str, Any] = {
    "type": _("What was scanned"),
    "carrier": _("Carrier"),
    "waybill_no": _("Waybill"),
    "bag": _("Bag"),
    "station": _("Station"),
    "occurred_at": _("When, by the handheld"),
    "method": _("How"),
    "side": _("Given or taken"),
    "trip": _("Trip"),
    "counterpart": _("The other side"),
    "pickup_code": _("Pickup code"),
    "reason": _("Reason"),
    "seq": _("Number on the handheld"),
    "corrects": _("Takes back"),
}


@dataclass(frozen=True)
class AsideRow:
    """A line of the page: what was sent (masked), why it is not used."""

    aside: SetAside
    sentence: Any
    where: str
    actor: str


@dataclass(frozen=True)
class Line:
    """One fact of a kept scan, beside the stored scan's of the same id where there is one."""

    label: Any
    kept: str
    stored: str
    differs: bool
    at_fault: bool


def set_asides(user: User, action: str = "dead.read") -> QuerySet[SetAside]:
    """What is kept aside in the person's scope: of their stations' handhelds and of the people who work there."""
    scope = scope_of(user, action)
    rows = SetAside.objects.all()
    if scope.everywhere:
        return rows
    people = User.objects.filter(memberships__station__in=scope.station_ids)
    inside = Q(device__station__in=scope.station_ids) | Q(device=None, actor__in=people)
    inside = Q(county_code__in=scope.station_counties) & inside | Q(county_code__in=scope.county_codes)
    return rows.filter(inside)


def set_asides_of(user: User, kind: str, station: Station | None = None) -> QuerySet[SetAside]:
    """The open ones of a kind, newest first. Index: setaside_open."""
    rows = set_asides(user).filter(closed_at=None).select_related("device__station", "actor").order_by("-id")
    if station is not None:
        rows = rows.filter(county_code=station.county_code, device__station=station)
    if kind == Kind.CONFLICT:
        return rows.filter(verdict=Verdict.CONFLICT)
    if kind == Kind.FAILED:
        return rows.filter(code="fold_failed")
    return rows.filter(verdict=Verdict.INVALID).exclude(code="fold_failed")


def aside_row(row: SetAside) -> AsideRow:
    """One kept scan in words; names of people are masked."""
    return AsideRow(
        aside=row,
        sentence=SENTENCES.get(row.code, row.code),
        where=f"{row.device.station.name} · {row.device.name}" if row.device else "",
        actor=text.masked_name(row.actor.name) if row.actor else "",
    )


def aside_lines(row: SetAside, kept: object | None) -> list[Line]:
    """The kept scan key by key, beside the stored one that has its id; codes and people are hidden (dead.raw shows
    the bytes). Empty where it is no JSON object."""
    if not isinstance(kept, Mapping):
        return []
    event_id = read_uuid(row.event_id)
    stored = ScanEvent.objects.filter(county_code=row.county_code, event_id=event_id).first() if event_id else None
    station = Station.objects.filter(pk=stored.station_id).first() if stored and stored.station_id else None
    lines = []
    for key in [*KEY_WORDS, *sorted(str(name) for name in kept if name not in KEY_WORDS and name in KEYS)]:
        mine = kept.get(key)
        other: Any = None
        if stored is not None and key != "event_id":
            other = station.code if key == "station" and station else getattr(stored, key, None)
        if (mine is None and other is None) or key == "event_id":
            continue
        a, b = _shown(key, mine), _shown(key, other)
        same = _plain(mine) == _plain(other)
        lines.append(
            Line(
                KEY_WORDS.get(key, key),
                a,
                b,
                differs=stored is not None and row.verdict == Verdict.CONFLICT and not same,
                at_fault=row.pointer.endswith("/" + key),
            )
        )
    return lines


def _plain(value: Any) -> str:
    """Two ways to write one value are one: a time is its instant."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return str(value)


def _shown(key: str, value: Any) -> str:
    if value is None:
        return ""
    if key in _HIDDEN:
        return "***"
    if key == "type" and value in Node.values:
        return str(Node(value).label)
    if key == "method" and value in Method.values:
        return str(Method(value).label)
    if hasattr(value, "isoformat"):
        return f"{value.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if not isinstance(value, str | int | float | UUID):  # a list, an object, no number: odd, and anything may be in it
        return "***"
    shown = str(value)[:120]
    return _DIGITS.sub("***", shown) if key in _FREE_TEXT else shown
