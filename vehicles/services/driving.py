"""What a driver does on the phone: each act becomes one or more scan events, stored as a handheld's are.

The client makes the act's id (UUIDv7) and may say when it happened, since it will work without a network later. The
same act sent twice is one: its events are kept under its id for a day, and after that the stored event speaks. The
acts of many parcels at once get their other ids out of the first one. What an act means is decided here by the trip's
list, so that the driver has one box to scan into.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from accounts.models import User
from common import ids, text
from common.errors import NotAllowed
from orders import codes
from orders.models import Parcel
from stations.models import Organisation, Station
from tracking.definitions import PROBLEMS_ON_THE_WAY
from tracking.models import ScanEvent
from tracking.services import Receipt, fold_upload, record_scans
from tracking.services.senders import Sender
from tracking.states import Method, Node, Verdict
from vehicles.models import Trip, TripStop
from vehicles.queries.custody import offered_to
from vehicles.queries.sheets import Load, Sheet, StopRow, trip_sheet
from vehicles.services.trips import follow
from vehicles.states import LoadState, TripState

KEEP_ACT_S = 86_400
AT_ONCE = 500  # events an upload
UNDO_WITHIN = timedelta(hours=24)
PROBLEMS = PROBLEMS_ON_THE_WAY
Event = dict[str, Any]


@dataclass(frozen=True)
class Act:
    """What every act carries. `occurred_at`: the phone's clock, None: now; `device_now`: its clock when it sent."""

    event_id: UUID
    occurred_at: datetime | None = None
    device_now: datetime | None = None
    method: Method = Method.TYPED
    lng: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None


@dataclass(frozen=True)
class Done:
    """What the result bar says. `tone`: ok, again (nothing new, or a warning), error; `anyway`: the code that may be
    sent again with `force`."""

    tone: str
    headline: str
    detail: str = ""
    anyway: str = ""
    anyway_label: str = ""
    carriers: tuple[tuple[str, str], ...] = ()  # (code, name): one of them is to be chosen


def arrive(*, trip: Trip, user: User, stop_id: int, act: Act, at: datetime) -> Done:
    """The vehicle is at a stop."""

    def build(sheet: Sheet) -> list[Event] | Done:
        row = next((r for r in sheet.stops if r.stop.pk == stop_id and not r.first), None)
        if row is None:
            return _no(_("This stop isn't on the trip any more."))
        if trip.departed_at is None:
            return _no(_("The trip has not left yet."))
        if sheet.here is not None and sheet.here.stop.pk == stop_id:
            return Done("again", pgettext("vehicle", "Arrived"), row.stop.station.name)
        return [_event(Node.ARRIVED, row.stop.station, trip, act, at)]

    return _perform(
        trip,
        user,
        act,
        at,
        build,
        lambda sheet, events: Done("ok", pgettext("vehicle", "Arrived"), _place(sheet, events)),
    )


def leave(*, trip: Trip, user: User, act: Act, at: datetime) -> Done:
    """The vehicle leaves where it stands; the hub only after a passed check."""

    def build(sheet: Sheet) -> list[Event] | Done:
        here = sheet.here
        if here is None or trip.state == TripState.COMPLETED:
            return _no(_("The vehicle is on the road already."))
        if here.first and not sheet.may_leave:
            return _no(_("Do the check before departure first."))
        return [_event(Node.DEPARTED, here.stop.station, trip, act, at)]

    return _perform(
        trip, user, act, at, build, lambda sheet, events: Done("ok", pgettext("vehicle", "Left"), _place(sheet, events))
    )


def scan(*, trip: Trip, user: User, code: str, force: bool, carrier: str, act: Act, at: datetime) -> Done:
    """One parcel: unloaded if this is its stop, loaded if it waits here. `code` may be the last digits of one that is
    on the list. `force`: though it is the wrong stop, or not on the list."""
    code = text.normal_code(code)

    def build(sheet: Sheet) -> list[Event] | Done:
        here = sheet.here
        if here is None:
            return _no(_("Say first that you have arrived."))
        found = _loads_of(sheet, here, code, carrier)
        if len(found) > 1:
            return _no(_("%(n)d parcels end with %(code)s: type more of it.") % {"n": len(found), "code": code[-12:]})
        if not found:
            return _stranger(sheet, here, code, carrier, force, trip, act, at)
        return _known(sheet, here, found[0], force, trip, act, at)

    def done(sheet: Sheet, events: list[Event]) -> Done:
        unloaded = events[0]["type"] == Node.UNLOADED
        headline = _("Dropped off") if unloaded else _("Loaded")
        load = next((x for x in sheet.loads if x.parcel.waybill_no == events[0]["waybill_no"]), None)
        wrong = load is not None and (load.state == LoadState.WRONG_STOP or load.extra)
        return Done("again" if wrong else "ok", headline, events[0]["waybill_no"])

    return _perform(trip, user, act, at, build, done)


def unload_all(*, trip: Trip, user: User, act: Act, at: datetime) -> Done:
    """Everything on board that belongs here."""

    def build(sheet: Sheet) -> list[Event] | Done:
        here = sheet.here
        if here is None or here.first:
            return _no(_("Say first that you have arrived."))
        if not here.to_drop:
            return Done("again", _("Nothing to drop off here"), here.stop.station.name)
        return _many(Node.UNLOADED, here.to_drop, here.stop.station, trip, act, at)

    return _perform(trip, user, act, at, build, _counted(_("Dropped off")))


def load_all(*, trip: Trip, user: User, act: Act, at: datetime) -> Done:
    """Everything on the list that waits here."""

    def build(sheet: Sheet) -> list[Event] | Done:
        here = sheet.here
        if here is None:
            return _no(_("Say first that you have arrived."))
        if not here.to_collect:
            return Done("again", _("Nothing to load here"), here.stop.station.name)
        return _many(Node.LOADED, here.to_collect, here.stop.station, trip, act, at)

    return _perform(trip, user, act, at, build, _counted(_("Loaded")))


def problem(*, trip: Trip, user: User, code: str, reason: str, act: Act, at: datetime) -> Done:
    """Something is wrong with one parcel of the trip; `reason` is a key of PROBLEMS."""
    code = text.normal_code(code)

    def build(sheet: Sheet) -> list[Event] | Done:
        kind = next((one for one in PROBLEMS if one.key == reason), None)
        found = [load for load in sheet.loads if code and load.parcel.waybill_no.endswith(code)]
        if kind is None or len(found) != 1:
            return _no(_("Which parcel? Type its waybill, or the last digits if no other ends so."))
        row = sheet.here or sheet.next or sheet.stops[-1]
        more = {"reason": kind.key}
        return [_event(kind.node or Node.HELD, row.stop.station, trip, act, at, parcel=found[0].parcel, **more)]

    def done(sheet: Sheet, events: list[Event]) -> Done:
        return Done("ok", _("Problem noted"), events[0]["waybill_no"])

    return _perform(trip, user, act, at, build, done)


def give(*, trip: Trip, user: User, to: str, code: str, act: Act, at: datetime) -> Done:
    """Hand what is on board (or one parcel) to another trip or a station: our side. They take over by their scan."""
    code = text.normal_code(code)

    def build(sheet: Sheet) -> list[Event] | Done:
        chosen = [load for load in sheet.on_board if not code or load.parcel.waybill_no.endswith(code)]
        if not chosen or (code and len(chosen) > 1):
            return _no(_("Nothing on board fits."))
        row = sheet.here or sheet.next or sheet.stops[-1]
        more = {"side": "give", "counterpart": to[:60]}
        return _many(Node.HANDOVER, chosen, row.stop.station, trip, act, at, **more)

    return _perform(trip, user, act, at, build, _counted(_("Handed over, waits for the other side")))


def take(*, trip: Trip, user: User, act: Act, at: datetime) -> Done:
    """Take over all that other drivers gave to this trip: the other side."""

    def build(sheet: Sheet) -> list[Event] | Done:
        offers = offered_to(trip, at)
        places = Station.objects.in_bulk({offer["station_id"] for offer in offers})
        events = [
            {
                **_event(Node.HANDOVER, places[offer["station_id"]], trip, act, at),
                "event_id": str(_nth(act.event_id, n)),
                "side": "take",
                "counterpart": offer["trip"],
                "carrier": offer["carrier"],
                "waybill_no": offer["waybill_no"],
            }
            for n, offer in enumerate(offers)
        ]
        return events or Done("again", _("Nothing waits to be taken over"))

    return _perform(trip, user, act, at, build, _counted(_("Taken over")))


def undo(*, trip: Trip, user: User, target: UUID, act: Act, at: datetime) -> Done:
    """Take back one of one's own scans of this trip."""

    def build(sheet: Sheet) -> list[Event] | Done:
        mine = [s for s in sheet.scans if s["event_id"] == target and s["actor_id"] == user.pk]
        if not mine or at - mine[0]["at"] > UNDO_WITHIN:
            return Done("again", _("Already undone"))
        event = {"event_id": str(act.event_id), "type": Node.CORRECTION.value, "occurred_at": _when(act, at)}
        return [{**event, "method": Method.TYPED.value, "corrects": str(target)}]

    return _perform(trip, user, act, at, build, lambda sheet, events: Done("ok", _("Undone")))


# --- what a code means ------------------------------------------------------------------------------------


def _loads_of(sheet: Sheet, here: StopRow, code: str, carrier: str) -> list[Load]:
    """The parcels of the trip a code means: the whole number, else its end among what is to be done here."""
    whole = [load for load in sheet.loads if load.parcel.waybill_no == code]
    if len(whole) > 1 and carrier:
        whole = [load for load in whole if load.parcel.carrier_id == carrier]
    if whole or len(code) < 4:
        return whole[:1]
    busy = [*here.to_drop, *here.to_collect]
    near = [load for load in busy if load.parcel.waybill_no.endswith(code)]
    return near or [load for load in sheet.loads if load.parcel.waybill_no.endswith(code)]


def _known(
    sheet: Sheet, here: StopRow, load: Load, force: bool, trip: Trip, act: Act, at: datetime
) -> list[Event] | Done:
    station, waybill = here.stop.station, load.parcel.waybill_no
    ends_here = load.end is not None and load.end.pk == here.stop.pk
    starts_here = load.start is not None and load.start.pk == here.stop.pk
    unloading = [_event(Node.UNLOADED, station, trip, act, at, parcel=load.parcel)]
    if load.on_board:
        if ends_here or (load.end is None and not here.first):
            return unloading
        if starts_here or here.first:
            return Done("again", _("Loaded before"), waybill)
        if force:
            return unloading
        where = load.end.station.name if load.end else ""
        return Done(
            "error",
            _("Wrong stop"),
            _("%(code)s belongs to %(station)s.") % {"code": waybill, "station": where},
            anyway=waybill,
            anyway_label=_("Drop it here all the same"),
        )
    if load.state in (LoadState.DONE, LoadState.WRONG_STOP) and not force:
        return Done("again", _("Dropped off before"), waybill)
    if starts_here or force:
        return [_event(Node.LOADED, station, trip, act, at, parcel=load.parcel)]
    if ends_here:  # it was on board all the time, though nobody scanned it in
        return unloading
    where = load.start.station.name if load.start else ""
    return Done(
        "error",
        _("Not to be loaded here"),
        _("%(code)s waits at %(station)s.") % {"code": waybill, "station": where},
        anyway=waybill,
        anyway_label=_("Load it all the same"),
    )


def _stranger(
    sheet: Sheet, here: StopRow, code: str, carrier: str, force: bool, trip: Trip, act: Act, at: datetime
) -> list[Event] | Done:
    """A parcel that isn't on the list."""
    if not text.CODE.fullmatch(code):
        return _no(_("A waybill has 6 to 40 letters and digits: %(code)s") % {"code": code[:40]}, _("Not a waybill"))
    if not force:
        return Done(
            "error",
            _("Not on this trip's list"),
            code,
            anyway=code,
            anyway_label=_("Load it all the same"),
        )
    known = list(
        Parcel.objects.filter(county_code=trip.county_code, waybill_no=code)
        .order_by("carrier", "-leg_no")
        .values_list("carrier", flat=True)
        .distinct()[:10]
    )
    names = [carrier] if carrier else known or codes.recognise(code)
    rows = list(Organisation.objects.filter(code__in=names).order_by("name").values_list("code", "name"))
    if not rows:
        return _no(_("Which carrier %(code)s belongs to can't be told: let the station receive it.") % {"code": code})
    if len(rows) > 1:
        return Done("error", _("Which carrier?"), code, anyway=code, carriers=tuple(rows))
    event = _event(Node.LOADED, here.stop.station, trip, act, at)
    return [{**event, "carrier": rows[0][0], "waybill_no": code}]


# --- events -----------------------------------------------------------------------------------------------


def _when(act: Act, at: datetime) -> str:
    return (act.occurred_at or at).isoformat()


def _event(
    node: Node, station: Station, trip: Trip, act: Act, at: datetime, *, parcel: Parcel | None = None, **more: str
) -> Event:
    """One event in the API's shape."""
    event: Event = {
        "event_id": str(act.event_id),
        "type": node.value,
        "station": station.code,
        "trip": trip.code,
        "occurred_at": _when(act, at),
        "method": act.method.value,
        **more,
    }
    if parcel is not None:
        event |= {"carrier": parcel.carrier_id, "waybill_no": parcel.waybill_no}
    if act.lng is not None and act.lat is not None:
        event |= {"lng": act.lng, "lat": act.lat}
        if act.accuracy_m is not None:
            event["accuracy_m"] = act.accuracy_m
    return event


def _many(
    node: Node, loads: Iterable[Load], station: Station, trip: Trip, act: Act, at: datetime, **more: str
) -> list[Event]:
    bulk = replace(act, method=Method.BULK)
    return [
        {**_event(node, station, trip, bulk, at, parcel=load.parcel, **more), "event_id": str(_nth(act.event_id, n))}
        for n, load in enumerate(loads)
    ]


def _nth(event_id: UUID, n: int) -> UUID:
    """The id of an act's nth event: the first has the act's own, the others the same instant and digits out of it."""
    if n == 0:
        return event_id
    drawn = hashlib.sha256(event_id.bytes + n.to_bytes(4, "big")).digest()
    return ids.uuid7(event_id.int >> 80, int.from_bytes(drawn, "big") & ((1 << 74) - 1))


# --- doing it ---------------------------------------------------------------------------------------------


def _perform(trip: Trip, user: User, act: Act, at: datetime, build: Any, done: Any) -> Done:
    """Build the act's events once, store and fold them, move the trip on, and say what came of it."""
    if trip.driver is None or trip.driver.user_id != user.pk:
        raise NotAllowed(_("This is another driver's trip."))
    if trip.state == TripState.CANCELLED:
        return _no(_("The trip was called off."))
    key = f"drive:{user.pk}:{act.event_id}"
    events = cache.get(key)
    if events is None:
        stored = ScanEvent.objects.filter(county_code=trip.county_code, event_id=act.event_id)
        before = stored.values_list("actor_id", flat=True).first()
        if before is not None:
            return Done("again", _("Already recorded")) if before == user.pk else _no(_("Send it again."))
        built = build(trip_sheet(trip, at))
        if isinstance(built, Done):
            return built
        cache.add(key, built, timeout=KEEP_ACT_S)
        events = cache.get(key) or built  # of two equal requests at once the first one's events are sent by both
    receipts = [_send(trip, user, events[n : n + AT_ONCE], act, at) for n in range(0, len(events), AT_ONCE)]
    follow(at=at, county_code=trip.county_code)
    trip.refresh_from_db()
    faults = [fault for receipt in receipts for fault in receipt.exceptions if fault.status != Verdict.DUPLICATE]
    if faults:
        return Done("error", _("Not recorded"), str(faults[0].detail))
    if not any(receipt.accepted for receipt in receipts):
        return Done("again", _("Already recorded"))
    result: Done = done(trip_sheet(trip, at), events)
    return result


def _send(trip: Trip, user: User, events: list[Event], act: Act, at: datetime) -> Receipt:
    """Store an upload and fold it at once. A trip's driver may name the stations of the trip, wherever they work."""
    named = {event["station"] for event in events if event.get("station")}
    rows = Station.objects.filter(pk__in=TripStop.objects.filter(trip=trip).values("station"))
    taken = Station.objects.filter(county_code=trip.county_code, code__in=named) if _is_take(events) else rows.none()
    sender = Sender(
        county_code=trip.county_code,
        user=user,
        device=None,
        stations={s.code: (s.pk, s.level) for s in (*rows, *taken)},
        # looked up among what this driver scanned on this trip
        may_correct=any(event["type"] == Node.CORRECTION for event in events),
    )
    receipt = record_scans(sender=sender, batch_id=None, device_now=act.device_now, events=events, received_at=at)
    if receipt.upload_id is not None:
        fold_upload(upload_id=receipt.upload_id, at=at)
    return receipt


def _is_take(events: list[Event]) -> bool:
    """Taken over where the other driver's trip stands, which needn't be a stop of this one."""
    return any(event.get("side") == "take" for event in events)


def _no(detail: str, headline: str = "") -> Done:
    return Done("error", headline or _("Not recorded"), detail)


def _place(sheet: Sheet, events: list[Event]) -> str:
    code = events[0]["station"]
    return next((row.stop.station.name for row in sheet.stops if row.stop.station.code == code), "")


def _counted(headline: str) -> Any:
    def done(sheet: Sheet, events: list[Event]) -> Done:
        n = len(events)
        return Done("ok", headline, ngettext("%(n)d parcel", "%(n)d parcels", n) % {"n": n})

    return done
