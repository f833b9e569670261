"""Taking back what was paid: the list, a claim with its history and next steps, its letter, a new proposal."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.appeals import TextForm
from settlement.forms.clawbacks import ClawbackFilter, ProposeForm, WaiveForm, WaybillForm
from settlement.models import Clawback, Line
from settlement.queries import clawbacks as reads
from settlement.queries.notice import county_name
from settlement.states import AppealState, ClawbackState
from settlement.views.tabs import tabs
from stations.permissions import require
from stations.scope import may, scope_of

PAGE = 30


@require_GET
@require("settlement.read")
def clawback_list(request: PageRequest) -> HttpResponse:
    form = ClawbackFilter(request.GET)
    rows = reads.clawbacks(request.user, state=form.chosen)
    actions = []
    if may(request.user, "clawback.propose"):
        actions.append((_("Propose a clawback"), reverse("settlement:clawback-new"), "add"))
    context = {
        "form": form,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "actions": actions,
        "tabs": tabs(request, "clawbacks"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Clawbacks"), "")],
    }
    return render(request, "settlement/_clawbacks.html" if request.htmx else "settlement/clawbacks.html", context)


def _row(request: PageRequest, pk: int, action: str = "settlement.read") -> Clawback:
    rows = Clawback.objects.visible_to(request.user, action).select_related("line__policy", "station", "reversal")
    return get_object_or_404(rows, pk=pk)


def _steps(request: PageRequest, row: Clawback) -> dict[str, bool]:
    """What the reader may do next; the service looks again."""

    def can(action: str) -> bool:
        return scope_of(request.user, action).covers_station(row.station)

    appealed = row.appeals.exists()
    told = row.state == ClawbackState.NOTIFIED
    over = bool(row.answer_by and clock.business_date(clock.now()) > row.answer_by)
    rejected = row.appeals.filter(state=AppealState.REJECTED).exists()
    another = row.proposed_by_id != request.user.pk
    return {
        "notify": row.state == ClawbackState.PROPOSED and can("clawback.propose"),
        "accept": told and not appealed and can("clawback.answer"),
        "appeal": not appealed
        and can("clawback.answer")
        and (told or (row.state == ClawbackState.NETTED and not reads.was_accepted(row))),
        "net": (row.state == ClawbackState.ACCEPTED or (told and (over or rejected)))
        and another
        and can("clawback.decide"),
        "waive": row.state in (ClawbackState.PROPOSED, ClawbackState.NOTIFIED, ClawbackState.ACCEPTED)
        and another
        and can("clawback.decide"),
    }


@require_GET
@require("settlement.read")
def clawback(request: PageRequest, pk: int) -> HttpResponse:
    return _page(request, _row(request, pk))


def _page(request: PageRequest, row: Clawback, status: int = 200, **forms: Any) -> HttpResponse:
    scans, other = reads.against(row)
    context = {
        "row": row,
        "reason": reads.reason_of(row),
        "view": reads.line_view(row.line),
        "against": scans,
        "other": other,
        "appeals": row.appeals.order_by("pk"),
        "history": reads.history(row, ClawbackState, "clawback"),
        "steps": _steps(request, row),
        "appeal_form": TextForm(),
        "waive_form": WaiveForm(),
        "breadcrumbs": [(_("Clawbacks"), reverse("settlement:clawbacks")), (row.station.name, "")],
        **forms,
    }
    return render(request, "settlement/clawback.html", context, status=status)


@require_GET
@require("settlement.read")
def clawback_letter(request: PageRequest, pk: int) -> HttpResponse:
    """What the outlet is told, to print and hand over; there is none before it is told."""
    row = _row(request, pk)
    if row.answer_by is None:
        return redirect("settlement:clawback", row.pk)
    scans, other = reads.against(row)
    context = {
        "row": row,
        "reason": reads.reason_of(row),
        "view": reads.line_view(row.line),
        "against": scans,
        "other": other,
        "told_at": reads.told_at(row),
        "county": county_name(row.county_code),
        "breadcrumbs": [(_("Clawback"), reverse("settlement:clawback", args=[row.pk])), (_("Letter"), "")],
    }
    return render(request, "settlement/clawback_letter.html", context)


@require_http_methods(["GET"])
@require("clawback.propose")
def clawback_new(request: PageRequest) -> HttpResponse:
    """Which parcel: its lines by waybill number. The number is no person's, so it may stand in the address."""
    form = WaybillForm(request.GET or None)
    found = reads.lines_of_waybill(request.user, form.cleaned_data["waybill"]) if form.is_valid() else []
    context = {
        "form": form,
        "found": found,
        "asked": form.is_bound and form.is_valid(),
        "breadcrumbs": [(_("Clawbacks"), reverse("settlement:clawbacks")), (_("Propose a clawback"), "")],
    }
    return render(request, "settlement/clawback_new.html", context)


@require_http_methods(["GET", "POST"])
@require("clawback.propose")
def clawback_propose(request: PageRequest, line_id: int) -> HttpResponse:
    lines = Line.objects.visible_to(request.user, "clawback.propose").select_related("station", "policy")
    line = get_object_or_404(lines, pk=line_id)
    form = ProposeForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                row = services.propose_clawback(
                    line_id=line.pk,
                    cause=data["cause"],
                    reason=data["reason"],
                    evidence=[data["complaint"]] if data["complaint"] else [],
                    by=request.user,
                    at=clock.now(),
                )
            except Refused as refusal:
                form.add_error("reason" if refusal.pointer == "/reason" else None, str(refusal.message))
            else:
                messages.success(request, _("It is proposed. Now tell the outlet."))
                return redirect("settlement:clawback", row.pk)
    context = {
        "form": form,
        "line": line,
        "view": reads.line_view(line),
        "breadcrumbs": [(_("Clawbacks"), reverse("settlement:clawbacks")), (_("Propose a clawback"), "")],
    }
    return render(request, "settlement/clawback_form.html", context, status=status)


@require_POST
@require("clawback.propose")
def clawback_notify(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "clawback.propose")
    services.notify_clawback(clawback_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The outlet reads it now and has seven days to answer."))
    return redirect("settlement:clawback", row.pk)


@require_POST
@require("clawback.answer")
def clawback_accept(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "clawback.answer")
    services.accept_clawback(clawback_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("Thank you. The amount is set off against your next statement."))
    return redirect("settlement:clawback", row.pk)


@require_POST
@require("clawback.answer")
def clawback_appeal(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "clawback.answer")
    form = TextForm(request.POST)
    if form.is_valid():
        try:
            services.appeal_clawback(
                clawback_id=row.pk, text=form.cleaned_data["text"], by=request.user, at=clock.now()
            )
        except Refused as refusal:
            if refusal.pointer != "/text":
                raise
            form.add_error("text", str(refusal.message))
        else:
            messages.success(request, _("Your objection is with the county. You read the answer here."))
            return redirect("settlement:clawback", row.pk)
    return _page(request, row, 422, appeal_form=form)


@require_POST
@require("clawback.decide")
def clawback_net(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "clawback.decide")
    services.net_clawback(clawback_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The amount is set off against the outlet's next statement."))
    return redirect("settlement:clawback", row.pk)


@require_POST
@require("clawback.decide")
def clawback_waive(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "clawback.decide")
    form = WaiveForm(request.POST)
    if form.is_valid():
        try:
            services.waive_clawback(
                clawback_id=row.pk, by=request.user, at=clock.now(), reason=form.cleaned_data["reason"]
            )
        except Refused as refusal:
            if refusal.pointer != "/reason":
                raise
            form.add_error("reason", str(refusal.message))
        else:
            messages.success(request, _("The outlet keeps the money."))
            return redirect("settlement:clawback", row.pk)
    return _page(request, row, 422, waive_form=form)
