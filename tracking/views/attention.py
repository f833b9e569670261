"""Needs attention: what looks wrong about the scans of one's stations, a tab a kind; and what one does about it."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.http import PageRequest
from common.services import start_job
from orders.models import Parcel
from stations.models import Station
from stations.permissions import require
from stations.scope import may, scope_of
from tracking import attention_queries as queries
from tracking.attention_queries import ASIDE, ODD, Kind, Window
from tracking.forms import AttentionForm, ReasonForm
from tracking.models import Dismissal, ScanEvent
from tracking.rules import SENTENCES, read_uuid
from tracking.services import attention as acts
from tracking.services import replay as replays
from tracking.states import Node

PAGE_SIZE = 30
FIRST_DAY = date(2020, 1, 1)  # nothing was scanned before; nearer to year 1 a window has no start
SHOWN_TO_COUNT = queries.MOST - 1


@require("attention.read")
@require_GET
def page(request: PageRequest) -> HttpResponse:
    at = clock.now()
    stations = list(Station.objects.visible_to(request.user, "attention.read").in_service().order_by("level", "code"))
    form = AttentionForm({"days": "7", **request.GET.dict()}, stations=stations)
    station = next((s for s in stations if str(s.pk) == form.chosen("station")), None)
    where = queries.grounds(scope_of(request.user, "attention.read"), station)
    window = _window(form, at)
    kinds = [k for k in Kind if k not in ASIDE or may(request.user, "dead.read")]
    asked = form.chosen("kind")
    listed = [k for k in kinds if k not in ASIDE and (k == asked or not queries.counted_elsewhere(k, where))]
    found: dict[str, Any] = {**queries.findings_of(listed, where, window)}
    counts: dict[str, int | None] = dict.fromkeys(kinds) | {kind: len(lines) for kind, lines in found.items()}
    for kind in kinds:
        if kind in ASIDE:
            found[kind] = queries.set_asides_of(request.user, kind, station)
            counts[kind] = found[kind][: queries.MOST].count()
    kind = Kind(asked) if asked in kinds else next((k for k in kinds if counts[k]), Kind.SECOND_END)
    context = {
        "form": form,
        "kind": kind,
        "label": kind.label,
        "explained": queries.EXPLAINED[kind],
        "tabs": _tabs(request, kinds, counts, kind),
        "window": window,
        "capped": (counts[kind] or 0) > SHOWN_TO_COUNT,
        "worked": kind in ODD or kind in ASIDE,
        **_rows(request, kind, found[kind], window),
    }
    template = "tracking/_attention.html" if request.htmx else "tracking/attention.html"
    return render(request, template, context)


def _window(form: AttentionForm, at: datetime) -> Window:
    """Whole business days up to the chosen one (or now), at most 31."""
    until = form.chosen("until")
    in_use = until is not None and FIRST_DAY <= until <= clock.business_date(at)
    end = min(clock.day_span(until)[1], at) if until and in_use else at
    days = form.chosen("days") or 7
    start = clock.day_start(clock.business_date(end - timedelta(microseconds=1)) - timedelta(days=days - 1))
    return Window(start, end, at)


def _rows(request: PageRequest, kind: Kind, found: Any, window: Window) -> dict[str, Any]:
    shown = Paginator(found[:SHOWN_TO_COUNT], PAGE_SIZE).get_page(request.GET.get("page"))
    if kind in ASIDE:
        rows: list[Any] = [queries.aside_row(row) for row in shown.object_list]
        codes = sorted({row.aside.code for row in rows if replays.may_be_replayed(row.aside)})
        again = [(code, SENTENCES.get(code, code)) for code in codes] if may(request.user, "dead.replay") else []
        return {"page": shown, "rows": rows, "aside": True, "total": shown.paginator.count, "again": again}
    rows = queries.dressed(list(shown.object_list), request.user, window)
    return {"page": shown, "rows": rows, "aside": False, "total": shown.paginator.count}


def _tabs(
    request: PageRequest, kinds: list[Kind], counts: dict[str, int | None], active: Kind
) -> list[tuple[str, str, bool]]:
    """Kinds with something in them, the active one, and those that are counted where they are listed."""
    tabs = []
    kept = {key: value for key in ("station", "days", "until") if (value := request.GET.get(key))}
    for kind in kinds:
        count = counts[kind]
        if count == 0 and kind != active:
            continue
        number = "" if count is None else f" {SHOWN_TO_COUNT}+" if count > SHOWN_TO_COUNT else f" {count}"
        tabs.append((f"{kind.label}{number}", "?" + urlencode({"kind": kind.value, **kept}), kind == active))
    return tabs


# --- one line ---------------------------------------------------------------------------------------------


@require("attention.read")
@require_GET
def item(request: PageRequest, kind: str, event_id: UUID) -> HttpResponse:
    event, shown = _seen(request, kind, event_id)
    return _item(request, kind, event, shown, ReasonForm())


def _item(
    request: PageRequest, kind: str, event: ScanEvent, shown: list[ScanEvent], form: ReasonForm, status: int = 200
) -> HttpResponse:
    scans = queries.in_words(shown, request.user)
    odd = next(scan for scan in scans if scan.event.event_id == event.event_id)
    parcels = Parcel.objects.visible_to(request.user).filter(
        county_code=event.county_code, carrier__code=event.carrier, waybill_no=event.waybill_no, leg_no=1
    )
    other = next((scan.event for scan in scans if scan is not odd), None)
    context = {
        "kind": Kind(kind),
        "words": queries.words(kind, event, other) or Kind(kind).label,
        "explained": queries.EXPLAINED[kind],
        "event": event,
        "scans": scans,
        "odd": odd,
        "parcel": parcels.select_related("carrier").first() if event.waybill_no else None,
        "dismissal": queries.dismissal_of(event, kind),
        "form": form,
        "may_act": any(scan.may_act for scan in scans),
        "back": f"{reverse('tracking:attention')}?kind={kind}",
    }
    return render(request, "tracking/attention_item.html", context, status=status)


def _seen(
    request: PageRequest, kind: str, event_id: UUID, action: str = "attention.read"
) -> tuple[ScanEvent, list[ScanEvent]]:
    """The scan and those it is compared with; 404 unless one of them is in the person's scope."""
    scope = scope_of(request.user, action)
    event = queries.scan_in_view(scope, event_id) if kind in ODD else None
    if event is None or event.type == Node.CORRECTION:
        raise Http404
    shown = queries.compared(kind, event)
    if not any(queries.covers(scope, one) for one in shown):
        raise Http404
    return event, shown


def _reason(request: PageRequest) -> str | None:
    form = ReasonForm(request.POST)
    return form.cleaned_data["reason"] if form.is_valid() else None


def _done(request: PageRequest, act: acts.Act) -> None:
    (messages.success if act.done else messages.info)(request, act.sentence)


def _back_to(request: PageRequest, event: ScanEvent) -> HttpResponse:
    """The line the act was done on, where the form said which; the list otherwise."""
    kind, odd = request.POST.get("kind", ""), read_uuid(request.POST.get("odd"))
    if kind in ODD and odd:
        return redirect("tracking:attention-item", kind=kind, event_id=odd)
    return redirect(f"{reverse('tracking:attention')}?kind={Kind.CORRECTED.value}")


@require("attention.act")
@require_POST
def dismiss(request: PageRequest, kind: str, event_id: UUID) -> HttpResponse:
    event, shown = _seen(request, kind, event_id, "attention.act")
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _item(request, kind, event, shown, form, status=422)
    act = acts.dismiss(
        user=request.user, kind=kind, event=event, reason=form.cleaned_data["reason"], at=clock.now()
    )  # fmt: skip
    _done(request, act)
    return redirect(f"{reverse('tracking:attention')}?kind={kind}")


@require("attention.act")
@require_POST
def restore(request: PageRequest, pk: int) -> HttpResponse:
    # unscoped: what it is about is looked up in the person's scope by _seen
    row = Dismissal.objects.filter(pk=pk).first()
    if row is None:
        raise Http404
    _seen(request, row.kind, row.event_id, "attention.act")
    _done(request, acts.restore(user=request.user, dismissal_id=pk, at=clock.now()))
    return redirect(f"{reverse('tracking:attention')}?kind={row.kind}")


@require("attention.act")
@require_POST
def correct(request: PageRequest, event_id: UUID) -> HttpResponse:
    """Take a scan of one's stations back."""
    event = _own(request, event_id)
    reason = _reason(request)
    if reason is None:
        messages.error(request, _("Say why in a few words."))
    else:
        _done(request, acts.correct(user=request.user, event=event, reason=reason, at=clock.now()))
    return _back_to(request, event)


@require("attention.act")
@require_POST
def undo_correction(request: PageRequest, event_id: UUID) -> HttpResponse:
    """The scan counts again: `event_id` is the correction's."""
    scope = scope_of(request.user, "attention.act")
    correction = queries.scan_in_view(scope, event_id)
    target = queries.scan_in_view(scope, correction.corrects) if correction and correction.corrects else None
    if correction is None or target is None or not queries.covers(scope, target):
        raise Http404
    reason = _reason(request) or _("Taken back by mistake")
    act = acts.undo_correction(user=request.user, correction=correction, target=target, reason=reason, at=clock.now())
    _done(request, act)
    return _back_to(request, target)


def _own(request: PageRequest, event_id: UUID) -> ScanEvent:
    """A scan that is the person's to act on: 404 otherwise."""
    scope = scope_of(request.user, "attention.act")
    event = queries.scan_in_view(scope, event_id)
    if event is None or event.type == Node.CORRECTION or not queries.covers(scope, event):
        raise Http404
    return event


@require("dead.replay")
@require_POST
def replay_code(request: PageRequest) -> HttpResponse:
    """Try all set-asides of one code again: at once, or as a job where they are many."""
    code = request.POST.get("code", "")[:40]
    at = clock.now()
    waiting = replays.waiting_of_code(request.user, code)
    if len(waiting) > replays.AT_ONCE:
        job = start_job(
            kind=replays.KIND,
            title=_("Try refused scans again"),
            user=request.user,
            at=at,
            params={"code": code, "language": get_language()},
        )
        return redirect("common:job", pk=job.pk)
    used, still = replays.replay_code(user=request.user, code=code, at=at)
    messages.success(
        request, _("%(used)d scans count now, %(still)d still can't be used.") % {"used": used, "still": still}
    )
    return redirect("tracking:attention")
