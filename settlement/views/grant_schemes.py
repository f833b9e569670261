"""Grants: the list, and a scheme with its draws."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.grants import SchemeForm
from settlement.models import GrantScheme
from settlement.queries import grants as queries
from settlement.queries.awards import funds
from settlement.states import GrantState, PolicyState
from settlement.views.tabs import tabs
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.scope import may, scope_of

PAGE = 30
TONES = {
    GrantState.APPLIED: "wait",
    GrantState.SAMPLED: "wait",
    GrantState.RECTIFYING: "bad",
    GrantState.ACCEPTED: "busy",
    GrantState.AUDITED: "busy",
    GrantState.APPROVED: "busy",
    GrantState.PAYING: "busy",
    GrantState.PAID: "ok",
    GrantState.REJECTED: "off",
}


def crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(_("Subsidy"), reverse("settlement:statements")), (_("Grants"), reverse("settlement:grants")), *more]


@require_GET
@require("grant.read")
def grant_list(request: PageRequest) -> HttpResponse:
    """The claims in scope and the schemes they can be made under."""
    state = request.GET.get("state", "")
    claims = queries.claims(request.user)
    if state in GrantState.values:
        claims = claims.filter(state=state)
    schemes = GrantScheme.objects.visible_to(request.user, "grant.read").select_related("fund")
    county = bool(scope_of(request.user, "grant.read").county_codes)
    if not county:
        schemes = schemes.filter(state=PolicyState.ACTIVE)
    today = clock.business_date(clock.now())
    open_ids = set(queries.schemes_open(request.user, today).values_list("pk", flat=True))
    actions = []
    if may(request.user, "grant.prepare"):
        actions.append((_("Draft a scheme"), reverse("settlement:scheme-new"), "add"))
    context = {
        "tabs": tabs(request, "grants"),
        "label_of_tabs": _("Subsidy"),
        "page": Paginator(claims, PAGE).get_page(request.GET.get("page")),
        "tones": TONES,
        "schemes": [(row, row.pk in open_ids) for row in schemes.order_by("state", "-valid_from", "-pk")],
        "states": [(_("All"), "?", not state)]
        + [(label, f"?state={value}", value == state) for value, label in GrantState.choices],
        "actions": actions,
    }
    return render(request, "settlement/grant_list.html", context)


@require_http_methods(["GET", "POST"])
@require("grant.prepare")
def scheme_new(request: PageRequest) -> HttpResponse:
    county = scope_of(request.user, "grant.prepare").county_codes[0]
    form = SchemeForm(request.POST or None, funds=funds(request.user), townships=queries.townships(request.user))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            made = attempt(
                form,
                lambda: services.draft_scheme(
                    county_code=county, fields=form.scheme_fields(), by=request.user, at=clock.now()
                ),
            )
            if made:
                messages.success(request, _("The draft is kept. Another person puts it in force."))
                return redirect("settlement:scheme", made.pk)
    context = {"form": form, "breadcrumbs": crumbs((_("Draft a scheme"), ""))}
    return render(request, "settlement/grant_scheme_form.html", context, status=status)


def attempt(form: forms.Form, act: Callable[[], Any]) -> Any:
    """What the service made; None where it refused, and the form says why."""
    try:
        return act()
    except Refused as refusal:
        show_refusal(form, refusal)
        return None


def scheme_of(request: PageRequest, pk: int, action: str) -> GrantScheme:
    rows = GrantScheme.objects.visible_to(request.user, action).select_related("fund", "created_by", "activated_by")
    return get_object_or_404(rows, pk=pk)


def percent(share: Any) -> str:
    return f"{(share * 100).normalize():f} %"


@require_GET
@require("grant.read")
def scheme(request: PageRequest, pk: int) -> HttpResponse:
    """A scheme, its rule in figures, and each draw with the lots that decided it."""
    row = scheme_of(request, pk, "grant.read")
    user, draft = request.user, row.state == PolicyState.DRAFT
    county = scope_of(user, "grant.read").covers_county(row.county_code)
    if draft and not county:
        raise Http404
    in_scope = {
        action: scope_of(user, action).covers_county(row.county_code)
        for action in ("grant.prepare", "grant.approve", "grant.accept")
    }
    waiting = row.claims.filter(state=GrantState.APPLIED).count() if in_scope["grant.accept"] else 0
    facts = [
        (_("Granted for"), row.get_kind_display()),
        (_("Document number"), row.document),
        (_("Fund"), str(row.fund)),
        (_("At most, % of the investment"), percent(row.share)),
        (_("At most, yuan a station"), f"{row.cap:,.2f}"),
        (
            _("Bonus in some townships, %"),
            _("%(percent)s in %(count)d townships") % {"percent": percent(row.bonus), "count": len(row.bonus_townships)}
            if row.bonus
            else "",
        ),
        (_("Paid by grade A, B, C, D, %"), " / ".join(map(percent, row.grade_shares))),
        (_("Instalments, %"), " / ".join(map(percent, row.instalments))),
        (_("Months from one instalment to the next"), row.instalment_months),
        (_("Inspected on the spot: hubs, centres, outlets, %"), " / ".join(map(percent, row.sample_shares))),
        (_("Months to put faults right"), row.rectify_months),
        (_("Applications from"), date_format(row.valid_from, "DATE_FORMAT")),
        (_("Applications until"), date_format(row.valid_until, "DATE_FORMAT")),
        (_("Drafted by"), row.created_by.name),
        (_("Put in force by"), row.activated_by.name if row.activated_by else ""),
    ]
    context = {
        "scheme": row,
        "facts": facts,
        "room": queries.room(row.fund) if county else None,
        "waiting": waiting,
        "draws": [
            (view, [(claim, queries.lot(row, view.number, claim.pk)[:12]) for claim in view.claims])
            for view in queries.draws(row, user)
        ],
        "may_activate": draft and in_scope["grant.approve"] and row.created_by_id != user.pk,
        "may_discard": draft and in_scope["grant.prepare"],
        "may_apply": queries.schemes_open(user, clock.business_date(clock.now())).filter(pk=row.pk).exists(),
        "tones": TONES,
        "breadcrumbs": crumbs((row.name, "")),
    }
    return render(request, "settlement/grant_scheme.html", context)


@require_POST
@require("grant.approve")
def scheme_activate(request: PageRequest, pk: int) -> HttpResponse:
    row = scheme_of(request, pk, "grant.approve")
    services.activate_scheme(scheme_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The scheme is in force. Stations can apply."))
    return redirect("settlement:scheme", row.pk)


@require_POST
@require("grant.prepare")
def scheme_discard(request: PageRequest, pk: int) -> HttpResponse:
    row = scheme_of(request, pk, "grant.prepare")
    services.discard_scheme(scheme_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The draft is gone."))
    return redirect("settlement:grants")


@require_POST
@require("grant.accept")
def scheme_draw(request: PageRequest, pk: int) -> HttpResponse:
    row = scheme_of(request, pk, "grant.accept")
    taken, of = services.draw_sample(scheme_id=row.pk, by=request.user, at=clock.now())
    said = ngettext(
        "%(taken)d of %(of)d claim is inspected; the others pass on their papers.",
        "%(taken)d of %(of)d claims are inspected; the others pass on their papers.",
        of,
    )
    messages.success(request, said % {"taken": taken, "of": of})
    return redirect("settlement:scheme", row.pk)
