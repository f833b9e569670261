"""Reads of a parcel's way: what happened in order, what looks wrong about it, and who had it at a given second.

Nothing here is stored. What looks wrong (docs/fold.md, "Read-time") is worked out from the scans each time, so it can
never disagree with them; inferred steps are for people who track, never for money.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import text
from orders.models import Parcel
from stations.models import Device, Station
from stations.scope import scope_of
from stations.states import StationLevel
from tracking import fold
from tracking.models import Photo, ScanEvent
from tracking.states import RULES, Method, Node

LATE = timedelta(hours=1)  # a scan that reached us this long after it was made
TAKE_WITHIN = timedelta(hours=2)  # a handover's second half
_EVENT_FIELDS = tuple(one.name for one in fields(fold.Event))
_MILESTONES = (StationLevel.HUB, StationLevel.CENTRE, StationLevel.OUTLET)
_ARRIVALS = (Node.HUB_IN, Node.UNLOADED, Node.OUTLET_IN)
_ENDS = tuple(node for node in Node if RULES[node].t)
_AWAY = (Node.RETURNING, Node.FORWARDED, Node.CARRIER_OUT)
_PRIVATE = (Node.PREADVICE, Node.SORTED, Node.BAGGED, Node.UNBAGGED, Node.SENSOR, Node.HANDOVER, Node.DAMAGED)
FLAGS: dict[str, Any] = {
    "late": _("Reached us late"),
    "skewed": _("The device's clock was off and was corrected"),
    "untrusted": _("The device's clock can't be trusted; the time is when the scan reached us"),
    "out_of_order": _("Out of the usual order"),
    "after_end": _("After the parcel's end"),
    "second_end": _("A second end"),
    "cancelled_too_late": _("Cancelled when somebody already had it; it stays on its way"),
    "no_taker": _("Handed over, but nobody scanned that they took it"),
    "found": _("Found again"),
    "two_places": _("Two stations scanned it in the same minute"),
    "in_bag": _("Scanned with its whole bag"),
}
SIDES: dict[str | None, Any] = {"give": _("gave it up"), "take": _("took it over")}
_PASSED: dict[str, Any] = {
    StationLevel.HUB: _("Must have passed the county hub (not scanned)"),
    StationLevel.CENTRE: _("Must have passed the township centre (not scanned)"),
    StationLevel.OUTLET: _("Must have reached the village outlet (not scanned)"),
}


@dataclass(frozen=True)
class Step:
    """One line of a parcel's way. `at` and `event` are None for an inferred step; `actor` is masked unless asked."""

    label: Any
    node: str = ""
    at: datetime | None = None
    event: ScanEvent | None = None
    station_code: str | None = None
    station_name: str = ""
    station_level: str = ""
    actor: str = ""
    method: Any = ""
    device: str = ""
    inferred: bool = False
    voided: bool = False
    voided_at: datetime | None = None
    photo: str = ""  # its digest, hexadecimal
    photo_whole: bool = False
    flags: tuple[str, ...] = field(default=())

    @property
    def remarks(self) -> list[Any]:
        """What looks wrong, as sentences."""
        return [FLAGS[flag] for flag in self.flags if flag != "in_bag"]

    @property
    def in_bag(self) -> Any:
        """That the bag was scanned and not the parcel, in words: nothing is wrong about it."""
        return FLAGS["in_bag"] if "in_bag" in self.flags else ""

    @property
    def side(self) -> Any:
        """Which half of a handover it is, in words; "" for any other scan."""
        return SIDES.get(self.event.side, "") if self.event else ""

    @property
    def place(self) -> str:
        """Where the device says it was; "" where it doesn't, or says 0, 0, which is how some say so."""
        event = self.event
        if event is None or event.lat is None or event.lng is None or not (event.lat or event.lng):
            return ""
        where = {"lat": f"{event.lat:.5f}", "lng": f"{event.lng:.5f}"}
        if event.accuracy_m is None:
            return gettext("position %(lat)s, %(lng)s") % where
        return gettext("position %(lat)s, %(lng)s (±%(metres)s m)") % {**where, "metres": f"{event.accuracy_m:.0f}"}


def hands_out(user: User, parcel: Parcel) -> bool:
    """Whether the person works where the parcel lies. Nobody else sees its pickup code: it is as good as the parcel."""
    return parcel.station_id in scope_of(user, "scan.send").station_ids


def parcel_scans(parcel: Parcel) -> list[ScanEvent]:
    """Everything the fold of this parcel may read: its scans, those of bags it was ever in, and the corrections of
    all these. At most four indexed reads (scanevent_by_parcel, scanevent_by_bag, scanevent_corrections)."""
    rows = ScanEvent.objects.filter(county_code=parcel.county_code)
    found = list(rows.filter(carrier=parcel.carrier_id, waybill_no=parcel.waybill_no).order_by("k"))
    bags = {event.bag for event in found if event.type == Node.BAGGED}
    if bags:
        found += rows.filter(bag__in=bags, waybill_no=None).order_by("k")
    first = list(rows.filter(corrects__in=[event.event_id for event in found])) if found else []
    second = list(rows.filter(corrects__in=[event.event_id for event in first])) if first else []
    known = {event.event_id: event for event in (*found, *first, *second)}
    return list(known.values())


def registers_at(parcel: Parcel, at: datetime) -> fold.Registers:
    """The parcel's registers as of a time: state, station, custodian, hold, by the scans that were effective then."""
    return fold.fold_parcel(parcel.carrier_id, parcel.waybill_no, _plain(parcel_scans(parcel)), at)


@dataclass(frozen=True)
class Custody:
    """Who had a parcel at an instant: `kind` of orders.states.CustodianKind, a station or user id, the trip."""

    kind: str
    ref: int | None
    trip: str | None


def custody_at(parcel: Parcel, at: datetime) -> Custody:
    """Who had the parcel at that second, with the driver and the trip; never read from the parcel row."""
    r = registers_at(parcel, at)
    ended = r.t_k is not None
    return Custody(r.custodian_kind, None if ended else r.c_ref, None if ended else r.c_trip)


def journey(parcel: Parcel, at: datetime, *, full_names: bool = False) -> list[Step]:
    """The parcel's way in the fold's order, corrected scans shown as such, with what looks wrong and what must have
    happened unseen. Names of people are masked unless `full_names`."""
    scans = parcel_scans(parcel)
    plain = _plain(scans)
    void = fold.voided(plain)
    valid = {event.event_id for event in fold.events_of(parcel.carrier_id, parcel.waybill_no, plain)}
    own = {e.event_id for e in scans if e.carrier == parcel.carrier_id and e.waybill_no == parcel.waybill_no}
    shown = [
        event
        for event in scans
        if event.type != Node.CORRECTION
        and (event.event_id in valid or (event.event_id in own and event.event_id in void))
    ]
    shown.sort(key=lambda event: bytes(event.k))
    flags = _flags([event for event in shown if event.event_id in valid], own, at)
    stations = Station.objects.in_bulk({event.station_id for event in shown if event.station_id})
    actors = dict(User.objects.filter(pk__in={e.actor_id for e in shown if e.actor_id}).values_list("pk", "name"))
    handhelds = {e.device_id for e in shown if e.device_id}
    devices = dict(Device.objects.filter(pk__in=handhelds).values_list("pk", "name"))
    methods = dict(Method.choices)
    whole = _whole_photos(parcel.county_code, shown)
    steps = []
    for event in shown:
        photo = bytes(event.photo_sha256) if event.photo_sha256 else b""
        station = stations.get(event.station_id) if event.station_id else None
        name = actors.get(event.actor_id, "") if event.actor_id else ""
        voider = void.get(event.event_id)
        steps.append(
            Step(
                label=Node(event.type).label,
                node=event.type,
                at=event.effective_at,
                event=event,
                station_code=station.code if station else None,
                station_name=station.name if station else "",
                station_level=event.station_level or "",
                actor=name if full_names else text.masked_name(name),
                method=methods.get(event.method, ""),
                device=devices.get(event.device_id, "") if event.device_id else "",
                voided=voider is not None,
                voided_at=voider.effective_at if voider else None,
                photo=photo.hex(),
                photo_whole=photo in whole,
                flags=tuple(flags.get(event.event_id, ())),
            )
        )
    return _with_inferred(steps)


def public_journey(parcel: Parcel, at: datetime) -> list[Step]:
    """The way as anybody with waybill and phone digits may see it: no people, no pickup code, no inner steps."""
    return [
        Step(
            label=step.label,
            node=step.node,
            at=step.at,
            station_name=step.station_name,
            station_level=step.station_level,
            inferred=step.inferred,
        )
        for step in journey(parcel, at)
        if not step.voided and step.node not in _PRIVATE and not {"second_end", "cancelled_too_late"} & set(step.flags)
    ]


def photo_of(parcel: Parcel, sha256: bytes, at: datetime) -> Photo | None:
    """A photo named by a scan that the parcel's page shows, once it is whole."""
    if not any(step.photo == sha256.hex() for step in journey(parcel, at)):
        return None
    return Photo.objects.filter(county_code=parcel.county_code, sha256=sha256, completed_at__isnull=False).first()


def _whole_photos(county_code: str, scans: Iterable[ScanEvent]) -> set[bytes]:
    """Which of the photos that the scans name have come whole."""
    named = [bytes(scan.photo_sha256) for scan in scans if scan.photo_sha256]
    if not named:
        return set()
    rows = Photo.objects.filter(county_code=county_code, sha256__in=named, completed_at__isnull=False)
    return {bytes(digest) for digest in rows.values_list("sha256", flat=True)}


def _plain(scans: Iterable[ScanEvent]) -> list[fold.Event]:
    return [fold.Event(**{name: getattr(scan, name) for name in _EVENT_FIELDS}) for scan in scans]


def _flags(valid: Sequence[ScanEvent], own: Collection[UUID], at: datetime) -> dict[UUID, list[str]]:
    """What looks wrong about each valid scan of one parcel, in order."""
    found: dict[UUID, list[str]] = {event.event_id: [] for event in valid}
    ended = has_owner = lost = away = False
    farthest = -1
    arrival: ScanEvent | None = None
    for n, event in enumerate(valid):
        mine = found[event.event_id]
        rule = RULES[Node(event.type)]
        if event.event_id not in own:
            mine.append("in_bag")
        if event.untrusted:
            mine.append("untrusted")
        elif event.skewed:
            mine.append("skewed")
        elif event.received_at - event.effective_at > LATE:
            mine.append("late")
        if ended:
            mine.append("second_end" if rule.t else "after_end")
        if rule.x and has_owner:
            mine.append("cancelled_too_late")
        if lost and rule.s and event.type != Node.LOST:
            mine.append("found")
            lost = False
        if event.type in (*_ARRIVALS, Node.COLLECTED):
            if arrival is not None and arrival.station_id != event.station_id and _minute(arrival) == _minute(event):
                mine.append("two_places")
            arrival = event
        stage = _stage(event)
        if stage is not None and not away:
            if stage < farthest:
                mine.append("out_of_order")
            farthest = max(farthest, stage)
        if event.type == Node.HANDOVER and event.side == "give":
            until = event.effective_at + TAKE_WITHIN
            taken = any(
                other.type == Node.HANDOVER and other.side == "take" and other.effective_at <= until
                for other in valid[n + 1 :]
            )
            if not taken and at > until:
                mine.append("no_taker")
        away = away or event.type in _AWAY
        lost = lost or event.type == Node.LOST
        ended = ended or rule.t is not None
        has_owner = has_owner or (rule.c is not None and not (event.type == Node.HANDOVER and event.side != "take"))
    return found


def _minute(event: ScanEvent) -> datetime:
    return event.effective_at.replace(second=0, microsecond=0)


def _stage(event: ScanEvent) -> int | None:
    """How far down the county an inbound scan is: hub 1, centre 2, outlet 3, at the door 4, end 5."""
    if event.type in _ARRIVALS and event.station_level:
        return 1 + _MILESTONES.index(StationLevel(event.station_level))
    if event.type == Node.OUT_FOR_DELIVERY:
        return 4
    return 5 if event.type in _ENDS else None


def _with_inferred(steps: list[Step]) -> list[Step]:
    """Put in the milestones that are missing above the last one reached; a parcel on its way out has none."""
    standing = [step for step in steps if not step.voided]
    outbound = next((s for s in standing if s.node == Node.COLLECTED and s.station_level != StationLevel.HUB), None)
    reached = [step for step in standing if step.node in _ARRIVALS and step.station_level]
    if outbound is not None or not reached:
        return steps
    seen = {step.station_level for step in reached}
    last = _MILESTONES.index(StationLevel(reached[-1].station_level))
    result = list(steps)
    for n in range(last - 1, -1, -1):
        level = _MILESTONES[n]
        if level in seen:
            continue
        lower = next(i for i, s in enumerate(result) if not s.voided and _is_below(s, n))
        result.insert(lower, Step(label=_PASSED[level], station_level=level, inferred=True))
    return result


def _is_below(step: Step, milestone: int) -> bool:
    """Whether a step shows that the milestone of that number was passed before it."""
    if step.inferred:
        return _MILESTONES.index(StationLevel(step.station_level)) > milestone
    return step.node in _ARRIVALS and _MILESTONES.index(StationLevel(step.station_level)) > milestone
