"""What one scan must look like, when it happened, and what makes two scans the same: plain data in, plain data out.

`check` turns an event as a device sent it (a dict out of JSON) into a `Scan`, the row that is stored, or raises
`Fault` with a stable code and the key at fault. The clocks and the content hash are docs/fold.md's, word by word.
Nothing here reads the database: what must be looked up (stations, carriers) comes in as plain sets.
"""

import hashlib
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from django.utils.translation import gettext_lazy as _

from common import text
from common.clock import EPOCH
from tracking.states import RULES, Method, Node

MAX_EVENTS = 500
MAX_SEQ = 2**53 - 1  # a JSON number every client can hold
SKEW = timedelta(seconds=120)
UNTRUSTED = timedelta(hours=24)
PERSON_WINDOW = timedelta(days=30)  # a person at a browser has no enrolment to bound the clock from below

# The keys a scan is made of: what is hashed. Anything else in the JSON is ignored.
KEYS = frozenset(
    {
        *("event_id", "seq", "type", "carrier", "waybill_no", "bag", "station", "occurred_at", "method", "side"),
        *("trip", "counterpart", "pickup_code", "reason", "lng", "lat", "accuracy_m", "photo_sha256", "corrects"),
    }
)
BAG_NODES = frozenset({Node.BAGGED.value, Node.UNBAGGED.value})
NO_PARCEL = frozenset({Node.CORRECTION.value, Node.DEPARTED.value, Node.ARRIVED.value})
_NO_STATION = frozenset(n.value for n in (Node.CORRECTION, Node.PREADVICE, Node.SENSOR, Node.LOST, Node.CANCELLED))
_NO_SUBJECT = NO_PARCEL | {Node.SENSOR.value}
_RANKS = {node.value: rule.rank for node, rule in RULES.items()}
_METHODS = frozenset(Method.values)
_SIDES = frozenset({"give", "take"})
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_BAG = re.compile(r"[A-Z0-9-]{1,40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
LARGEST_ACCURACY_M = 1_000_000.0  # a phone that knows only its country
_MILLISECOND = timedelta(milliseconds=1)
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)  # any time zone can show these
_canonical = msgspec.json.Encoder(order="sorted")

SENTENCES: Mapping[str, Any] = {
    "not_an_object": _("Each scan must be a JSON object."),
    "duplicate_key": _("A key is given twice."),
    "nul_character": _("Remove the hidden character (NUL)."),
    "bad_unicode": _("The text holds half a character (a lone surrogate)."),
    "not_a_number": _("This is not a number that can be stored."),
    "missing": _("This key is needed for this kind of scan."),
    "text_expected": _("Text is expected here, in quotation marks."),
    "too_long": _("The text is too long."),
    "event_id_format": _("The id must be a UUID, written with hyphens and without braces."),
    "unknown_type": _("This kind of scan is not known."),
    "time_format": _("The time can't be read; write it like 2026-11-20T12:00:00+08:00."),
    "time_zone_missing": _("The time needs its zone, for example +08:00 or Z."),
    "code_format": _("This is not a waybill or bag code: 6 to 40 letters, digits and hyphens."),
    "carrier_unknown": _("This carrier is not known here."),
    "station_not_yours": _("This station is not one this device or person may scan for."),
    "method_unknown": _("The method must be scan, typed, bulk or import."),
    "side_unknown": _("A handover is either give or take."),
    "seq_range": _("The sequence number must be a whole number from 0 up."),
    "lat_range": _("The latitude must be a number from -90 to 90."),
    "lng_range": _("The longitude must be a number from -180 to 180."),
    "accuracy_range": _("The accuracy must be a number of metres from 0 up."),
    "photo_format": _("A photo is named by its SHA-256: 64 hexadecimal digits."),
    "duplicate": _("This scan is already stored."),
    "id_reused": _("Another scan with other content has this id; the first one stays."),
    "unreadable": _("The body could not be read."),
    "fold_failed": _("This scan could not be applied to its parcel and waits for a person."),
}


class Fault(Exception):
    """A scan that can't be used: a code of SENTENCES, and the key at fault ("" for the whole event)."""

    def __init__(self, code: str, key: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.key = key


class NotANumber:
    """What the strict parser puts where JSON had NaN, Infinity, 1e400 or a number of absurd length."""


NOT_A_NUMBER = NotANumber()


class JsonObject(dict):
    """A JSON object that remembers a key it was given twice."""

    __slots__ = ("repeated",)
    repeated: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of one upload: when it arrived, how far off its device was, and the earliest believable time."""

    received_at: datetime
    offset: timedelta
    earliest: datetime
    skewed: bool
    off_by_days: bool


class Scan(NamedTuple):
    """One row for tracking_scanevent, without what all rows of an upload share; order of sql/store_upload.sql."""

    event_id: str
    type: str
    rank: int
    carrier: str | None
    waybill_no: str | None
    bag: str | None
    station_id: int | None
    station_level: str | None
    seq: int | None
    occurred_at: datetime
    effective_at: datetime
    untrusted: bool
    method: str
    side: str | None
    trip: str | None
    counterpart: str | None
    pickup_code: str | None
    reason: str | None
    lng: float | None
    lat: float | None
    accuracy_m: float | None
    photo_sha256: str | None  # hex
    corrects: str | None
    content_hash: str  # hex


def clocks(*, received_at: datetime, device_now: datetime | None, enrolled_at: datetime | None) -> Clocks:
    """The clocks of an upload; without `device_now` the device's clock is taken as right."""
    offset = received_at - device_now if device_now is not None else timedelta()
    earliest = enrolled_at if enrolled_at is not None else received_at - PERSON_WINDOW
    return Clocks(received_at, offset, earliest, abs(offset) > SKEW, abs(offset) > UNTRUSTED)


def effective(occurred_at: datetime, upload: Clocks) -> tuple[datetime, bool]:
    """(effective_at, untrusted) of a scan, by docs/fold.md; a function of stored values only."""
    if upload.skewed:
        try:
            t = occurred_at + upload.offset
        except OverflowError:
            return upload.received_at, True
    else:
        t = occurred_at
    if upload.earliest <= t <= upload.received_at + SKEW:
        return min(t, upload.received_at), upload.off_by_days
    return upload.received_at, True


def read_uuid(value: object) -> str | None:
    """A UUID in its hyphenated form, lower case; None for anything else, nil and braces included."""
    if type(value) is not str or len(value) != 36:
        return None
    lowered = value.lower()
    return lowered if _UUID.fullmatch(lowered) else None


def read_time(value: object, key: str) -> datetime:
    """An aware UTC time out of RFC 3339 text; Fault time_format or time_zone_missing."""
    if type(value) is not str:
        raise Fault("time_format", key)
    found = _TIME.fullmatch(value)
    if found is None:
        raise Fault("time_format", key)
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError:
        raise Fault("time_format", key) from None
    if found.group(1) is None:
        raise Fault("time_zone_missing", key)
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        at = _FIRST if at.year == 1 else _LAST
    return min(max(at, _FIRST), _LAST)


def content_hash(event: Mapping[str, Any], occurred_at: datetime) -> str:
    """SHA-256 (hex) of the known keys as they were sent: nulls dropped, keys sorted, the time as UTC milliseconds."""
    known = {key: value for key, value in event.items() if key in KEYS and value is not None}
    known["occurred_at"] = (occurred_at - EPOCH) // _MILLISECOND
    for key in ("event_id", "corrects", "photo_sha256"):
        if key in known:
            known[key] = str(known[key]).lower()
    for key in ("lng", "lat", "accuracy_m"):
        if key in known:
            known[key] = float(known[key])  # 107 and 107.0 are one place
    return hashlib.sha256(_canonical.encode(known)).hexdigest()


def check(
    event: object,
    *,
    stations: Mapping[str, tuple[int, str]],
    carriers: Collection[str],
    upload: Clocks,
) -> Scan:
    """The row of one event; raises Fault at the first thing that is wrong."""
    if not isinstance(event, dict):
        raise Fault("not_an_object")
    repeated = getattr(event, "repeated", "")
    if repeated:
        raise Fault("duplicate_key", repeated)
    for key, value in event.items():
        what = type(value)
        if what is str:
            if "\x00" in value:
                raise Fault("nul_character", key)
            if not value.isascii() and text.fault(value):
                raise Fault("bad_unicode", key)
        elif what is NotANumber or (what is float and not math.isfinite(value)):
            raise Fault("not_a_number", key)
    get = event.get
    event_id = read_uuid(get("event_id"))
    if event_id is None:
        raise Fault("event_id_format", "event_id")
    kind = get("type")
    if type(kind) is not str:
        if not isinstance(kind, str):
            raise Fault("missing" if kind is None else "text_expected", "type")
        kind = str(kind)  # a Node of our own pages
    rank = _RANKS.get(kind)
    if rank is None:
        raise Fault("unknown_type", "type")
    if get("occurred_at") is None:
        raise Fault("missing", "occurred_at")
    occurred_at = read_time(event["occurred_at"], "occurred_at")
    carrier, waybill_no, bag = _subject(event, kind, carriers)
    station_id, station_level = _station(event, kind, stations)
    method = _text(event, "method", 6) or Method.SCAN.value
    if method not in _METHODS:
        raise Fault("method_unknown", "method")
    side = _text(event, "side", 4)
    if side is not None and side not in _SIDES:
        raise Fault("side_unknown", "side")
    if kind == Node.HANDOVER and side is None:
        raise Fault("missing", "side")
    corrects = None
    if kind == Node.CORRECTION:
        if get("corrects") is None:
            raise Fault("missing", "corrects")
        corrects = read_uuid(event["corrects"])
        if corrects is None:
            raise Fault("event_id_format", "corrects")
    seq = get("seq")
    if seq is not None and (type(seq) is not int or not 0 <= seq <= MAX_SEQ):
        raise Fault("seq_range", "seq")
    effective_at, untrusted = effective(occurred_at, upload)
    return Scan(
        event_id,
        kind,
        rank,
        carrier,
        waybill_no,
        bag,
        station_id,
        station_level,
        seq,
        occurred_at,
        effective_at,
        untrusted,
        method,
        side if kind == Node.HANDOVER else None,
        _text(event, "trip", 40),
        _text(event, "counterpart", 60),
        _text(event, "pickup_code", 20),
        _text(event, "reason", 120),
        _number(event, "lng", -180.0, 180.0, "lng_range"),
        _number(event, "lat", -90.0, 90.0, "lat_range"),
        _number(event, "accuracy_m", 0.0, LARGEST_ACCURACY_M, "accuracy_range"),
        _photo(event),
        corrects,
        content_hash(event, occurred_at),
    )


def pointer_part(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901), printable and short."""
    kept = "".join(ch if ch.isprintable() else "?" for ch in key)
    return kept.replace("~", "~0").replace("/", "~1")[:60]


def readable_seq(event: object) -> int | None:
    """The sequence number of an event, even of one that is no use otherwise."""
    seq = event.get("seq") if isinstance(event, dict) else None
    return seq if type(seq) is int and 0 <= seq <= MAX_SEQ else None


def _text(event: Mapping[str, Any], key: str, longest: int) -> str | None:
    """A text without control characters; None where it is absent or empty."""
    value = event.get(key)
    if value is None:
        return None
    if type(value) is not str:
        if not isinstance(value, str):
            raise Fault("text_expected", key)
        value = str(value)
    if not (value.isascii() and value.isalnum()):
        value = text.clean(value)
    if len(value) > longest:
        raise Fault("too_long", key)
    return value or None


def _code(event: Mapping[str, Any], key: str, form: re.Pattern[str]) -> str | None:
    value = event.get(key)
    if value is None:
        return None
    if type(value) is not str:
        raise Fault("text_expected", key)
    if form.fullmatch(value):
        return value
    value = text.normal_code(value) if len(value) <= 400 else value
    if not form.fullmatch(value):
        raise Fault("code_format", key)
    return value


def _subject(
    event: Mapping[str, Any], kind: str, carriers: Collection[str]
) -> tuple[str | None, str | None, str | None]:
    """(carrier, waybill, bag): a parcel's node names a parcel or a bag, bagging names both."""
    waybill_no = _code(event, "waybill_no", text.CODE)
    bag = _code(event, "bag", _BAG)
    carrier = event.get("carrier")
    if carrier is not None:
        if type(carrier) is not str:
            raise Fault("text_expected", "carrier")
        if carrier not in carriers:
            carrier = text.normal_code(carrier) if len(carrier) <= 40 else ""
            if carrier not in carriers:
                raise Fault("carrier_unknown", "carrier")
    if waybill_no is not None and carrier is None:
        raise Fault("missing", "carrier")
    if kind in BAG_NODES:
        if waybill_no is None:
            raise Fault("missing", "waybill_no")
        if bag is None:
            raise Fault("missing", "bag")
    elif waybill_no is None and bag is None and kind not in _NO_SUBJECT:
        raise Fault("missing", "waybill_no")
    return (carrier if waybill_no is not None else None), waybill_no, bag


def _station(
    event: Mapping[str, Any], kind: str, stations: Mapping[str, tuple[int, str]]
) -> tuple[int | None, str | None]:
    code = event.get("station")
    if code is None:
        if kind not in _NO_STATION:
            raise Fault("missing", "station")
        return None, None
    if type(code) is not str:
        raise Fault("text_expected", "station")
    found = stations.get(code) or stations.get(code.strip().upper())
    if found is None:  # one that isn't there and one that isn't theirs get the same answer
        raise Fault("station_not_yours", "station")
    return found


def _number(event: Mapping[str, Any], key: str, least: float, most: float, code: str) -> float | None:
    value = event.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not least <= value <= most:
        raise Fault(code, key)
    return float(value)


def _photo(event: Mapping[str, Any]) -> str | None:
    """The digest of a photo or signature that goes up by itself, before or after its scan."""
    value = event.get("photo_sha256")
    if value is None:
        return None
    if type(value) is not str or not SHA256.fullmatch(value.lower()):
        raise Fault("photo_format", "photo_sha256")
    return value.lower()
