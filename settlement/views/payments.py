"""Payment batches: what can be paid now and what waits, a batch to the bank and back, and how the bank's files look."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.payments import BankForm, CancelForm, ResultForm
from settlement.models import Fund, Payment, PaymentBatch
from settlement.queries.payments import (
    changed_accounts,
    changed_since,
    payment_plan,
    payments_of,
    reconciliation,
    with_results,
)
from settlement.services.bank_files import KINDS, example_rows, file_sum, form_of
from settlement.services.results import Outcome
from settlement.states import BatchState
from settlement.views.tabs import county_of, tabs
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.scope import may, scope_of

PAGE = 30
WAITING_SHOWN = 200


@require_GET
@require("payment.read")
def batch_list(request: PageRequest) -> HttpResponse:
    """The county's batches and what a new one would hold; to an outlet or a township its own payments."""
    county = county_of(request, "payment.read")
    if not county:
        return _own_payments(request)
    funds = Fund.objects.visible_to(request.user, "payment.read").filter(county_code=county).order_by("pk")
    plans = [(fund, payment_plan(county, fund)) for fund in funds]
    batches = with_results(PaymentBatch.objects.visible_to(request.user, "payment.read").filter(county_code=county))
    actions = [(_("Bank file form"), reverse("settlement:bank-form"), "edit")]
    context = {
        "plans": [(fund, plan) for fund, plan in plans if plan.payments or plan.waiting],
        "waiting_shown": WAITING_SHOWN,
        "page": Paginator(batches, PAGE).get_page(request.GET.get("page")),
        "changed": list(changed_accounts(county, clock.now()).values()),
        "may_prepare": may(request.user, "payment.prepare"),
        "actions": actions if may(request.user, "payment.prepare") else [],
        "tabs": tabs(request, "batches"),
    }
    return render(request, "settlement/batch_list.html", context)


def _own_payments(request: PageRequest) -> HttpResponse:
    payments = payments_of(Payment.objects.visible_to(request.user, "payment.read"))
    page = Paginator(payments, PAGE).get_page(request.GET.get("page"))
    return render(request, "settlement/payment_list.html", {"page": page, "tabs": tabs(request, "batches")})


@require_POST
@require("payment.prepare")
def batch_issue(request: PageRequest) -> HttpResponse:
    funds = Fund.objects.visible_to(request.user, "payment.prepare")
    asked = request.POST.get("fund", "")
    fund = get_object_or_404(funds, pk=int(asked) if asked.isdecimal() and len(asked) < 12 else 0)
    batches = services.issue_batches(county_code=fund.county_code, fund_id=fund.pk, by=request.user, at=clock.now())
    if len(batches) == 1:
        messages.success(request, _("The batch is made. A settlement approver releases it."))
        return redirect("settlement:batch", batches[0].pk)
    messages.success(
        request, _("%(count)s batches are made. A settlement approver releases them.") % {"count": len(batches)}
    )
    return redirect("settlement:batches")


def _batches(request: PageRequest, action: str = "payment.read") -> QuerySet[PaymentBatch]:
    """Those of the counties the person pays for: an outlet's own people see payments, not batches."""
    counties = scope_of(request.user, action).county_codes
    rows = PaymentBatch.objects.visible_to(request.user, action).filter(county_code__in=counties)
    return rows.select_related("fund", "created_by", "sent_by")


@require_GET
@require("payment.read")
def batch(request: PageRequest, pk: int) -> HttpResponse:
    return _batch_page(request, get_object_or_404(_batches(request), pk=pk))


def _batch_page(
    request: PageRequest,
    row: PaymentBatch,
    *,
    form: ResultForm | None = None,
    cancel_form: CancelForm | None = None,
    outcome: Outcome | None = None,
    status: int = 200,
) -> HttpResponse:
    payments = list(payments_of(Payment.objects.visible_to(request.user, "payment.read").filter(batch=row)))
    at_bank = row.state in (BatchState.SENT, BatchState.RECONCILED)
    prepares = scope_of(request.user, "payment.prepare").covers_county(row.county_code)
    context: dict[str, Any] = {
        "batch": row,
        "payments": payments,
        "paid": [payment for payment in payments if payment.state == "paid"],
        "failed": [payment for payment in payments if payment.state == "failed"],
        "without_result": sum(payment.state == "sent" for payment in payments),
        "changed_since": changed_since(payments, row.county_code),
        "counted": reconciliation(row, file_sum(row)),
        "may_send": row.state == BatchState.ISSUED
        and scope_of(request.user, "payment.send").covers_county(row.county_code)
        and row.created_by_id != request.user.pk,
        "full_names": prepares or scope_of(request.user, "payment.send").covers_county(row.county_code),
        "may_cancel": row.state == BatchState.ISSUED and prepares,
        "may_download": at_bank and prepares,
        "may_upload": at_bank and prepares,
        "form": form or ResultForm(),
        "cancel_form": cancel_form or CancelForm(),
        "outcome": outcome,
        "breadcrumbs": [(_("Payment batches"), reverse("settlement:batches")), (f"{row.number}", "")],
        "tabs": tabs(request, "batches"),
    }
    return render(request, "settlement/batch.html", context, status=status)


@require_POST
@require("payment.send")
def batch_send(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_batches(request, "payment.send"), pk=pk)
    services.send_batch(batch_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("The batch is released. The clerk takes its file to the bank."))
    return redirect("settlement:batch", row.pk)


@require_POST
@require("payment.prepare")
def batch_cancel(request: PageRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(_batches(request, "payment.prepare"), pk=pk)
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _batch_page(request, row, cancel_form=form, status=422)
    services.cancel_batch(batch_id=row.pk, by=request.user, at=clock.now(), reason=form.cleaned_data["reason"])
    messages.success(request, _("The batch is cancelled. Its statements wait for the next one."))
    return redirect("settlement:batches")


@require_POST
@require("payment.prepare")
def batch_file(request: PageRequest, pk: int, kind: str) -> HttpResponse:
    """The bank's file: a POST, as it leaves a trace and names whole accounts."""
    if kind not in KINDS:
        raise Http404
    row = get_object_or_404(_batches(request, "payment.prepare"), pk=pk)
    data, digest = services.download_bank_file(batch_id=row.pk, kind=kind, by=request.user, at=clock.now())
    response = HttpResponse(data, content_type=KINDS[kind])
    response["Content-Disposition"] = f'attachment; filename="batch-{row.county_code}-{row.number}.{kind}"'
    response["Cache-Control"] = "no-store"
    response["X-Content-SHA256"] = digest
    return response


@require_POST
@require("payment.prepare")
def batch_results(request: PageRequest, pk: int) -> HttpResponse:
    """The answer is read and what it did is shown at once; reading it again changes nothing."""
    row = get_object_or_404(_batches(request, "payment.prepare"), pk=pk)
    form = ResultForm(request.POST, request.FILES)
    outcome = None
    if form.is_valid():
        try:
            outcome = services.read_results(
                batch_id=row.pk, file=form.cleaned_data["file"].file, by=request.user, at=clock.now()
            )
        except Refused as refusal:
            form.add_error("file", str(refusal.message))
    row.refresh_from_db()
    if outcome is None:
        return _batch_page(request, row, form=form, status=422)
    return _batch_page(request, row, outcome=outcome)


@require_http_methods(["GET", "POST"])
@require("payment.prepare")
def bank_form(request: PageRequest) -> HttpResponse:
    """How the county's bank wants its file; a preview shows two made-up payments and keeps nothing."""
    county = county_of(request, "payment.prepare")
    kept = form_of(county)
    form = BankForm(request.POST or None, form=kept)
    status, shown = 200, kept
    if request.method == "POST":
        status = 422
        if form.is_valid():
            fields = form.wanted()
            try:
                if "preview" in request.POST:
                    shown = services.preview_bank_form(county_code=county, fields=fields)
                    status = 200
                else:
                    services.set_bank_form(county_code=county, fields=fields, by=request.user, at=clock.now())
                    messages.success(request, _("The form is kept. The next download uses it."))
                    return redirect("settlement:bank-form")
            except Refused as refusal:
                show_refusal(form, refusal)
    context = {
        "form": form,
        "kept": kept.pk is not None,
        "example": example_rows(shown),
        "previewed": shown is not kept,
        "breadcrumbs": [(_("Payment batches"), reverse("settlement:batches")), (_("Bank file form"), "")],
        "tabs": tabs(request, "batches"),
    }
    return render(request, "settlement/bank_form.html", context, status=status)
