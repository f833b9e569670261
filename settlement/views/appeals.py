"""Objections: the list, one with its answer or the form to answer it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.appeals import AppealFilter, DecideForm
from settlement.models import Appeal
from settlement.queries import appeals as reads
from settlement.queries.clawbacks import history
from settlement.states import AppealState
from settlement.views.tabs import tabs
from stations.permissions import require
from stations.scope import scope_of

PAGE = 30
_FIELDS = {"/text": "answer", "/amount": "amount", "/statement": "statement"}


@require_GET
@require("appeal.read")
def appeal_list(request: PageRequest) -> HttpResponse:
    form = AppealFilter(request.GET)
    page = Paginator(reads.appeals(request.user, state=form.chosen), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "views": [reads.appeal_view(request.user, row) for row in page],
        "tabs": tabs(request, "appeals"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Objections"), "")],
    }
    return render(request, "settlement/_appeals.html" if request.htmx else "settlement/appeals.html", context)


def _row(request: PageRequest, pk: int, action: str) -> Appeal:
    rows = Appeal.objects.visible_to(request.user, action)
    return get_object_or_404(
        rows.select_related("station", "statement", "clawback__line", "adjustment", "decided_by", "opened_by"), pk=pk
    )


def _may_decide(request: PageRequest, row: Appeal) -> bool:
    clawback = row.clawback
    return (
        row.state == AppealState.OPEN
        and row.opened_by_id != request.user.pk
        and not (clawback and clawback.proposed_by_id == request.user.pk)
        and scope_of(request.user, "appeal.decide").covers_county(row.county_code)
    )


@require_GET
@require("appeal.read")
def appeal(request: PageRequest, pk: int) -> HttpResponse:
    return _page(request, _row(request, pk, "appeal.read"))


def _page(request: PageRequest, row: Appeal, form: DecideForm | None = None, status: int = 200) -> HttpResponse:
    may_decide = _may_decide(request, row)
    context = {
        "row": row,
        "view": reads.appeal_view(request.user, row),
        "receipt": "" if row.opened_by_id else reads.receipt_of(row),
        "form": (form or _form(row)) if may_decide else None,
        "history": history(row, AppealState, "appeal"),
        "breadcrumbs": [(_("Objections"), reverse("settlement:appeals")), (f"{row.pk}", "")],
    }
    return render(request, "settlement/appeal.html", context, status=status)


def _form(row: Appeal, data: object = None) -> DecideForm:
    return DecideForm(data, with_amount=row.clawback_id is None, statements=reads.statements_meant(row))


@require_POST
@require("appeal.decide")
def appeal_decide(request: PageRequest, pk: int) -> HttpResponse:
    row = _row(request, pk, "appeal.decide")
    form = _form(row, request.POST)
    if form.is_valid():
        data = form.cleaned_data
        statement = data.get("statement")
        try:
            services.decide_appeal(
                appeal_id=row.pk,
                upheld=data["verdict"] == "upheld",
                answer=data["answer"],
                amount=data.get("amount"),
                statement_id=int(statement) if statement else None,
                by=request.user,
                at=clock.now(),
            )
        except Refused as refusal:
            if refusal.pointer not in _FIELDS:
                raise
            field = _FIELDS[refusal.pointer]
            form.add_error(field if field in form.fields else None, str(refusal.message))
        else:
            messages.success(request, _("The answer stands; whoever objected reads it."))
            return redirect("settlement:appeal", row.pk)
    return _page(request, row, form, 422)
