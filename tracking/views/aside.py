"""A scan that was kept aside: what it says, what it collides with, and what one does about it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.http import PageRequest
from stations.permissions import require
from stations.scope import may
from tracking import attention_queries as queries
from tracking.attention_queries import Kind
from tracking.forms import ReasonForm
from tracking.models import SetAside
from tracking.services import attention as acts
from tracking.services import replay as replays
from tracking.states import Verdict


@require("dead.read")
@require_GET
def page(request: PageRequest, pk: int) -> HttpResponse:
    return _page(request, _row(request, pk), ReasonForm())


def _row(request: PageRequest, pk: int, action: str = "dead.read") -> SetAside:
    return get_object_or_404(queries.set_asides(request.user, action).select_related("device__station", "actor"), pk=pk)


def _page(request: PageRequest, row: SetAside, form: ReasonForm, status: int = 200, **more: Any) -> HttpResponse:
    shown = queries.aside_row(row)
    context = {
        "row": shown,
        "aside": row,
        "lines": queries.aside_lines(row, replays.read_kept(bytes(row.raw))),
        "stored": row.verdict == Verdict.CONFLICT,
        "form": form,
        "raw_form": ReasonForm(prefix="raw", auto_id="raw_%s"),
        "may_close": row.closed_at is None and may(request.user, "attention.act"),
        "may_reopen": row.closed_at and row.close_reason != acts.REPLAYED and may(request.user, "attention.act"),
        "may_replay": row.closed_at is None and replays.may_be_replayed(row) and may(request.user, "dead.replay"),
        "may_raw": may(request.user, "dead.raw"),
        "back": f"{reverse('tracking:attention')}?kind={_kind(row)}",
        **more,
    }
    return render(request, "tracking/attention_aside.html", context, status=status)


def _kind(row: SetAside) -> str:
    if row.verdict == Verdict.CONFLICT:
        return Kind.CONFLICT.value
    return Kind.FAILED.value if row.code == "fold_failed" else Kind.INVALID.value


@require("dead.replay")
@require_POST
def replay(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "dead.replay")
    result = replays.replay(user=request.user, set_aside_id=row.pk, at=clock.now())
    (messages.success if result.done else messages.error)(request, result.sentence)
    return redirect("tracking:set-aside", pk=row.pk)


@require("attention.act")
@require_POST
def close(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "attention.act")
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, row, form, status=422)
    act = acts.close_set_aside(user=request.user, row=row, reason=form.cleaned_data["reason"], at=clock.now())
    (messages.success if act.done else messages.info)(request, act.sentence)
    return redirect(f"{reverse('tracking:attention')}?kind={_kind(row)}")


@require("attention.act")
@require_POST
def reopen(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "attention.act")
    act = acts.reopen_set_aside(user=request.user, row=row, at=clock.now())
    (messages.success if act.done else messages.info)(request, act.sentence)
    return redirect("tracking:set-aside", pk=row.pk)


@never_cache
@require("dead.raw")
@require_POST
def raw(request: PageRequest, pk: int) -> HttpResponse:
    """The bytes as they came; who looked and why is written down first."""
    row = _row(request, pk, "dead.raw")
    form = ReasonForm(request.POST, prefix="raw", auto_id="raw_%s")
    if not form.is_valid():
        return _page(request, row, ReasonForm(), status=422, raw_form=form)
    acts.note_raw_seen(user=request.user, row=row, reason=form.cleaned_data["reason"], at=clock.now())
    return _page(request, row, ReasonForm(), raw=bytes(row.raw).decode("utf-8", "backslashreplace"))
