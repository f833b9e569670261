"""A grant claim: applying, every step on one page, its print."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.http import PageRequest
from settlement import services
from settlement.forms.grants import (
    MOST_ROWS,
    ROWS,
    AuditForm,
    ClaimForm,
    InspectForm,
    NoteForm,
    ReasonForm,
)
from settlement.models import GrantClaim, GrantInstalment
from settlement.queries import grants as queries
from settlement.states import GrantState, PolicyState, StatementState
from settlement.views.grant_schemes import TONES, attempt, crumbs, percent, scheme_of
from stations.permissions import require
from stations.scope import scope_of


@require_http_methods(["GET", "POST"])
@require("grant.apply")
def grant_apply(request: PageRequest, pk: int) -> HttpResponse:
    """A claim under a scheme; `rows` more invoices where four are too few."""
    row = scheme_of(request, pk, "grant.apply")
    if row.state != PolicyState.ACTIVE:
        raise Http404
    wanted = request.GET.get("rows", "")
    count = (
        min(max(int(wanted), ROWS), MOST_ROWS) if wanted.isascii() and wanted.isdigit() and len(wanted) < 4 else ROWS
    )
    stations = queries.stations_that_may_claim(request.user, row)
    form = ClaimForm(request.POST or None, stations=stations, rows=count)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            made = attempt(
                form,
                lambda: services.apply_grant(
                    scheme_id=row.pk,
                    station_id=form.cleaned_data["station"].pk,
                    note=form.cleaned_data["note"],
                    proofs=form.proofs(),
                    by=request.user,
                    at=clock.now(),
                ),
            )
            if made:
                messages.success(request, _("Applied. The county draws whom it inspects."))
                return redirect("settlement:grant", made.pk)
    context = {
        "form": form,
        "scheme": row,
        "share": percent(row.share),
        "no_station": not stations.exists(),
        "more": f"?rows={count + 4}" if count < MOST_ROWS and request.method == "GET" else "",
        "breadcrumbs": crumbs((row.name, reverse("settlement:scheme", args=[row.pk])), (_("Apply"), "")),
    }
    return render(request, "settlement/grant_form.html", context, status=status)


def _claim(request: PageRequest, pk: int, action: str) -> GrantClaim:
    rows = GrantClaim.objects.visible_to(request.user, action).select_related(
        "scheme__fund", "station__region", "applied_by", "accepted_by", "audited_by", "approved_by"
    )
    return get_object_or_404(rows, pk=pk)


def _facts(row: GrantClaim) -> list[tuple[str, Any]]:
    money = [
        (label, f"{yuan:,.2f}")
        for label, yuan in (
            (_("Investment, yuan"), row.investment),
            (_("Eligible, yuan"), row.eligible),
            (_("Granted, yuan"), row.amount),
        )
        if yuan is not None
    ]
    people = [
        (label, f"{person.name} · {date_format(at, 'DATE_FORMAT')}")
        for label, person, at in (
            (_("Applied by"), row.applied_by, row.applied_at),
            (_("Accepted by"), row.accepted_by, row.accepted_at),
            (_("Audited by"), row.audited_by, row.audited_at),
            (_("Approved by"), row.approved_by, row.approved_at),
        )
        if person and at
    ]
    return [
        (_("Station"), row.station.name),
        (_("Scheme"), row.scheme.name),
        (_("Document number"), row.scheme.document),
        (_("What was built or bought"), row.note),
        *money,
        (_("Grade"), row.grade),
        (_("What was seen"), row.finding),
        (_("How it was audited"), row.audit_note),
        *people,
    ]


def _page(
    request: PageRequest, row: GrantClaim, *, forms_by_step: dict[str, forms.Form] | None = None, status: int = 200
) -> HttpResponse:
    """The claim with the form of whatever comes next, for whom it is next."""
    given, user, today = forms_by_step or {}, request.user, clock.business_date(clock.now())
    can = {
        step: scope_of(user, action).covers_county(row.county_code)
        for step, action in (("accept", "grant.accept"), ("prepare", "grant.prepare"), ("approve", "grant.approve"))
    }
    mine = user.pk in (row.applied_by_id, row.accepted_by_id, row.audited_by_id)
    late = bool(row.rectify_until and today > row.rectify_until and row.state == GrantState.RECTIFYING)
    inspecting = row.state in (GrantState.SAMPLED, GrantState.RECTIFYING)
    steps: dict[str, forms.Form] = {}
    if can["accept"] and inspecting and row.applied_by_id != user.pk:
        steps["inspect"] = given.get("inspect") or InspectForm(claim=row, late=late)
    if can["accept"] and row.state in (GrantState.APPLIED, GrantState.ACCEPTED) and row.applied_by_id != user.pk:
        steps["reject"] = given.get("reject") or ReasonForm()
    if can["prepare"] and row.state == GrantState.ACCEPTED and user.pk not in (row.applied_by_id, row.accepted_by_id):
        steps["audit"] = given.get("audit") or AuditForm(claim=row)
    if can["approve"] and row.state == GrantState.AUDITED:
        steps["return"] = given.get("return") or ReasonForm()
    parts = list(row.instalments.select_related("adjustment", "prepared_by", "released_by"))
    statements = queries.statements_of(parts, row)
    next_one = next((part for part in parts if not part.adjustment), None)
    context = {
        "claim": row,
        "tone": TONES[GrantState(row.state)],
        "late": late,
        "facts": _facts(row),
        "proofs": list(row.proofs.all()),
        "ceilings": [queries.ceiling(row, grade) for grade in ([row.grade] if row.grade else "ABCD")]
        if row.state in (GrantState.ACCEPTED, GrantState.AUDITED)
        else [],
        "steps": steps,
        "may_approve": can["approve"] and row.state == GrantState.AUDITED and not mine,
        "room": queries.room(row.scheme.fund) if can["approve"] and row.state == GrantState.AUDITED else None,
        "parts": [
            (part, statements.get(part.pk), part.pk in statements and statements[part.pk].state == StatementState.PAID)
            for part in parts
        ],
        "to_prepare": next_one
        if next_one and can["prepare"] and not next_one.prepared_by and next_one.due_on <= today
        else None,
        "note_form": given.get("note") or NoteForm(),
        "to_release": next_one
        if next_one and can["approve"] and next_one.prepared_by and next_one.prepared_by_id != user.pk
        else None,
        "history": queries.history(row),
        "states": GrantState.choices,
        "actions": [(_("Print"), reverse("settlement:grant-print", args=[row.pk]), "print")],
        "breadcrumbs": crumbs((_("Claim no. %(number)d") % {"number": row.pk}, "")),
    }
    return render(request, "settlement/grant.html", context, status=status)


@require_GET
@require("grant.read")
def grant(request: PageRequest, pk: int) -> HttpResponse:
    return _page(request, _claim(request, pk, "grant.read"))


@require_GET
@require("grant.read")
def grant_print(request: PageRequest, pk: int) -> HttpResponse:
    """The claim on paper, with room for signatures and the seal."""
    row = _claim(request, pk, "grant.read")
    context = {
        "claim": row,
        "facts": _facts(row),
        "proofs": list(row.proofs.all()),
        "parts": list(row.instalments.all()),
        "breadcrumbs": crumbs(
            (_("Claim no. %(number)d") % {"number": row.pk}, reverse("settlement:grant", args=[row.pk])),
            (_("Print"), ""),
        ),
    }
    return render(request, "settlement/grant_print.html", context)


def _step(
    request: PageRequest, row: GrantClaim, name: str, form: forms.Form, act: Callable[[], Any], said: str
) -> HttpResponse:
    """Carry out a step, or show the claim with what is wrong."""
    if form.is_valid() and attempt(form, act):
        messages.success(request, said)
        return redirect("settlement:grant", row.pk)
    row.refresh_from_db()
    return _page(request, row, forms_by_step={name: form}, status=422)


@require_POST
@require("grant.accept")
def grant_inspect(request: PageRequest, pk: int) -> HttpResponse:
    row = _claim(request, pk, "grant.accept")
    form = InspectForm(request.POST, claim=row, late=False)
    return _step(
        request,
        row,
        "inspect",
        form,
        lambda: services.inspect_claim(
            claim_id=row.pk,
            findings=form.findings(),
            outcome=form.cleaned_data["outcome"],
            grade=form.cleaned_data["grade"],
            finding=form.cleaned_data["finding"],
            by=request.user,
            at=clock.now(),
        ),
        _("The inspection is kept."),
    )


@require_POST
@require("grant.accept")
def grant_reject(request: PageRequest, pk: int) -> HttpResponse:
    row = _claim(request, pk, "grant.accept")
    form = ReasonForm(request.POST)
    return _step(
        request,
        row,
        "reject",
        form,
        lambda: services.reject_claim(
            claim_id=row.pk, reason=form.cleaned_data["reason"], by=request.user, at=clock.now()
        ),
        _("Rejected. Its invoices can be claimed again."),
    )


@require_POST
@require("grant.prepare")
def grant_audit(request: PageRequest, pk: int) -> HttpResponse:
    row = _claim(request, pk, "grant.prepare")
    form = AuditForm(request.POST, claim=row)
    return _step(
        request,
        row,
        "audit",
        form,
        lambda: services.audit_claim(
            claim_id=row.pk,
            amount=form.cleaned_data["amount"],
            grade=form.cleaned_data.get("grade", ""),
            note=form.cleaned_data["note"],
            by=request.user,
            at=clock.now(),
        ),
        _("Audited. Another person approves it."),
    )


@require_POST
@require("grant.approve")
def grant_return(request: PageRequest, pk: int) -> HttpResponse:
    row = _claim(request, pk, "grant.approve")
    form = ReasonForm(request.POST)
    return _step(
        request,
        row,
        "return",
        form,
        lambda: services.return_claim(
            claim_id=row.pk, reason=form.cleaned_data["reason"], by=request.user, at=clock.now()
        ),
        _("Sent back to be audited again."),
    )


@require_POST
@require("grant.approve")
def grant_approve(request: PageRequest, pk: int) -> HttpResponse:
    row = _claim(request, pk, "grant.approve")
    services.approve_claim(claim_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("Approved. The clerk asks for the instalments as they fall due."))
    return redirect("settlement:grant", row.pk)


def _instalment(request: PageRequest, pk: int, action: str) -> GrantInstalment:
    rows = GrantInstalment.objects.visible_to(request.user, action).filter(
        claim__in=GrantClaim.objects.visible_to(request.user, action)
    )
    return get_object_or_404(rows, pk=pk)


@require_POST
@require("grant.prepare")
def instalment_prepare(request: PageRequest, pk: int) -> HttpResponse:
    part = _instalment(request, pk, "grant.prepare")
    form = NoteForm(request.POST)
    return _step(
        request,
        _claim(request, part.claim_id, "grant.prepare"),
        "note",
        form,
        lambda: services.prepare_instalment(
            instalment_id=part.pk, note=form.cleaned_data["note"], by=request.user, at=clock.now()
        ),
        _("Asked for. The approver releases it."),
    )


@require_POST
@require("grant.approve")
def instalment_release(request: PageRequest, pk: int) -> HttpResponse:
    part = _instalment(request, pk, "grant.approve")
    row = services.release_instalment(instalment_id=part.pk, by=request.user, at=clock.now())
    month = row.adjustment.period if row.adjustment else clock.month_of(clock.now())
    messages.success(
        request,
        _("Released: it goes with the statement of %(month)s.") % {"month": date_format(month, "YEAR_MONTH_FORMAT")},
    )
    return redirect("settlement:grant", row.claim_id)
