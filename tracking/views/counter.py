"""The counter: choose the operation once, then scan on and on. GET is the page, POST one scan.

With JavaScript a scan answers with the fragment `_live.html` (result, today, last scans, what waits) and the form
with its focus stays as it is; without, it answers with the whole page.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.roles import Role
from common import clock
from common.http import PageRequest
from orders.models import Parcel
from stations.models import Station
from stations.permissions import require
from stations.scope import may, memberships_of
from tracking import counter_queries as queries
from tracking.definitions import BY_KEY, Operation, operations_at, reason_of, reason_words
from tracking.forms import ScanForm, SearchForm, StationForm, UndoForm
from tracking.queries import hands_out
from tracking.services.counter import DEFAULT_SHELF, CounterScan, Outcome, new_event_id, scan_at_counter, undo_scan
from tracking.states import Method

LAST_SCANS = 10
STATION_KEY, OPERATION_KEY, SHELF_KEY = "counter_station", "counter_operation", "counter_shelf"


@dataclass(frozen=True)
class Desk:
    """Who stands at which counter, and what they may do there."""

    user: User
    station: Station
    stations: list[Station]
    operations: tuple[Operation, ...]
    operation: Operation
    only_own: bool  # a courier sees and undoes their own scans, not the station's


@never_cache
@require("scan.send")
@require_http_methods(["GET", "POST"])
def page(request: PageRequest) -> HttpResponse:
    desk = _desk(request, request.POST.get("operation") or request.GET.get("op", ""))
    if desk is None:
        return render(request, "tracking/counter_closed.html", {"stations": _stations(request.user)})
    if request.method == "GET":
        return _answer(request, desk, None)
    form = ScanForm(request.POST, operations=desk.operations)
    if not form.is_valid():
        return _answer(request, desk, Outcome("error", _("Not recorded"), form.sentence(), say=_("Not recorded")))
    data = form.cleaned_data
    scan = CounterScan(
        operation=BY_KEY[data["operation"]],
        code=data["code"],
        event_id=data["event_id"],
        method=Method(data["method"] or Method.TYPED),
        carrier=data["carrier"],
        parcel_id=data["parcel_id"],
        shelf=data["shelf"],
        reason=data["reason"],
        trip=data["trip"],
        move=data["move"],
    )
    _remember(request, SHELF_KEY, _stem(scan.shelf) or request.session.get(SHELF_KEY, DEFAULT_SHELF))
    outcome = scan_at_counter(user=request.user, station=desk.station, scan=scan, at=clock.now())
    return _answer(request, desk, outcome, scan)


@never_cache
@require("scan.send")
@require_http_methods(["GET", "POST"])
def undo(request: PageRequest) -> HttpResponse:
    """Take back one scan of today: a correction that names it."""
    desk = _desk(request, "")
    if request.method == "GET" or desk is None:
        return redirect("tracking:counter")
    form = UndoForm(request.POST)
    at = clock.now()
    target = None
    if form.is_valid():
        mine = request.user if desk.only_own else None
        target = queries.scan_to_undo(desk.station, at, mine, form.cleaned_data["target"])
    if target is None:
        raise Http404
    outcome = undo_scan(
        user=request.user, station=desk.station, target=target, event_id=form.cleaned_data["event_id"], at=at
    )
    return _answer(request, desk, outcome)


@never_cache
@require("scan.send")
@require_http_methods(["GET", "POST"])
def search(request: PageRequest) -> HttpResponse:
    """Find by waybill, pickup code or phone tail. Posted, so that no phone stands in an address."""
    desk = _desk(request, "")
    if request.method == "GET" or desk is None:
        return redirect("tracking:counter")
    form = SearchForm(request.POST)
    found: list[Parcel] = []
    text = ""
    if form.is_valid():
        text = form.cleaned_data["text"]
        found = queries.parcels_searched(request.user, desk.station, text)
        for parcel in found:
            parcel.hands_out = hands_out(request.user, parcel)  # type: ignore[attr-defined]  # for the template
    context = {"found": found, "search_text": text, "searched": True, "desk": desk}
    if request.htmx:
        return render(request, "tracking/_found.html", context)
    return render(request, "tracking/counter.html", {**_context(request, desk, None), **context})


@require("scan.send")
@require_POST
def switch_station(request: PageRequest) -> HttpResponse:
    """Work at another of one's stations; kept in the session."""
    form = StationForm(request.POST, stations=_stations(request.user))
    if not form.is_valid():
        raise Http404
    request.session[STATION_KEY] = int(form.cleaned_data["station"])
    return redirect("tracking:counter")


@require("scan.send")
@require_GET
def pickup_slip(request: PageRequest, pk: int) -> HttpResponse:
    """The pickup code large, to show or to print again."""
    rows = Parcel.objects.visible_to(request.user, "scan.send").select_related("carrier", "station", "recipient")
    parcel = get_object_or_404(rows.exclude(pickup_code=None), pk=pk)
    if not hands_out(request.user, parcel):  # bound for or from this station, on another's shelf
        raise Http404
    return render(request, "tracking/pickup_slip.html", {"parcel": parcel, "since": queries.key_time(parcel.p_k)})


# --- the pieces -------------------------------------------------------------------------------------------


def _stations(user: User) -> list[Station]:
    """Where a person may stand: their own stations, an operator also at those right below; own ones first."""
    posts = [m for m in memberships_of(user) if m.station_id and m.role in (Role.COURIER, Role.STATION_OPERATOR)]
    own = [m.station_id for m in posts]
    run = [m.station_id for m in posts if m.role == Role.STATION_OPERATOR]
    first = Case(When(pk__in=own, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = Station.objects.visible_to(user, "scan.send").in_service().filter(Q(pk__in=own) | Q(parent__in=run))
    return list(rows.select_related("parent").annotate(first=first).order_by("first", "name"))


def _desk(request: PageRequest, wanted: str) -> Desk | None:
    """None where none of the person's stations is in service or offers anything."""
    stations = _stations(request.user)
    kept = request.session.get(STATION_KEY)
    station = next((s for s in stations if s.pk == kept), stations[0] if stations else None)
    if station is None:
        return None
    above = {station.pk, station.parent_id, station.parent.parent_id if station.parent else None}
    roles = frozenset(
        m.role
        for m in memberships_of(request.user)
        if m.station_id == station.pk or (m.role == Role.STATION_OPERATOR and m.station_id in above)
    )
    operations = operations_at(station.level, roles)
    if not operations:
        return None
    wanted = wanted or request.session.get(OPERATION_KEY, "")
    operation = next((op for op in operations if op.key == wanted), operations[0])
    _remember(request, OPERATION_KEY, operation.key)
    return Desk(request.user, station, stations, operations, operation, Role.STATION_OPERATOR not in roles)


def _remember(request: PageRequest, key: str, value: str) -> None:
    if request.session.get(key) != value:
        request.session[key] = value


def _stem(shelf: str) -> str:
    """ "3-2-2041" → "3-2": the shelf stays for the next parcel, the number doesn't."""
    return "-".join(shelf.split("-")[:2])


def _counts(desk: Desk, by_node: dict[str, int]) -> list[tuple[Any, int]]:
    lines = []
    for operation in desk.operations:
        nodes = {operation.node, *(reason.node for reason in operation.reasons if reason.node)}
        lines.append((operation.label, sum(by_node.get(node.value, 0) for node in nodes)))
    return lines


def _recent(scans: list[Any]) -> list[Any]:
    for scan in scans:
        scan.reason_text = reason_words(scan.reason)
        scan.undo_id = new_event_id()
    return scans


def _context(
    request: PageRequest, desk: Desk, outcome: Outcome | None, scan: CounterScan | None = None
) -> dict[str, Any]:
    at = clock.now()
    mine = desk.user if desk.only_own else None
    day = queries.day_at(desk.station, at, mine, LAST_SCANS)
    chosen = reason_of(desk.operation, (scan.reason if scan else "") or request.GET.get("reason", ""))
    return {
        "desk": desk,
        "outcome": outcome,
        "next_event_id": new_event_id(),
        "undo_id": new_event_id(),
        "shelf": request.session.get(SHELF_KEY, DEFAULT_SHELF),
        "trip": scan.trip if scan else "",
        "reason": chosen.key if chosen else "",
        "counts": _counts(desk, day.counts),
        "recent": _recent(day.recent),
        "waiting": queries.in_hands(mine, desk.station, at) if mine else queries.waiting_at(desk.station, at),
        "may_worklist": may(request.user, "worklist.read"),
        "is_outlet": desk.station.level == "OUTLET",
    }


def _answer(request: PageRequest, desk: Desk, outcome: Outcome | None, scan: CounterScan | None = None) -> HttpResponse:
    """The fragment for htmx, the page for everybody else. A refused scan is an answer, not an HTTP error."""
    template = "tracking/_live.html" if request.htmx else "tracking/counter.html"
    return render(request, template, _context(request, desk, outcome, scan))
