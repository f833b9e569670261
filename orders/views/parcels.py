"""The list of parcels, its export, and the look at a recipient."""

from dataclasses import asdict
from datetime import datetime

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock, exports
from common.errors import Refused
from common.http import PageRequest
from orders import queries, services
from orders.forms import ParcelSearchForm, RevealForm
from orders.models import Parcel
from orders.queries import ParcelFilter
from stations.permissions import require
from stations.scope import may, scope_of


@require_GET
@require("parcel.read")
def parcels(request: PageRequest) -> HttpResponse:
    """The list; htmx refreshes the same address and gets the fragment."""
    form = ParcelSearchForm(request.GET, queries.filter_choices(request.user))
    number = request.GET.get("page", "1")
    wanted = form.wanted()
    page = queries.parcel_page(request.user, wanted, int(number) if number.isdecimal() and len(number) < 4 else 1)
    context = {
        "page": page,
        "form": form,
        "filtered": wanted != ParcelFilter(),
        "may_import": may(request.user, "order.import"),
        "may_export": may(request.user, "parcel.export"),
    }
    if not request.htmx and context["may_import"]:
        context["actions"] = [(_("Import parcels"), reverse("orders:import"), "upload")]
    return render(request, "orders/_parcels.html" if request.htmx else "orders/parcels.html", context)


@require_POST
@require("parcel.export")
def parcels_export(request: PageRequest) -> StreamingHttpResponse:
    """The list as CSV with the filter of the address; masked, audited, five an hour."""
    wanted = ParcelSearchForm(request.GET, queries.filter_choices(request.user)).wanted()
    rows = queries.exported_parcels(request.user, wanted)
    counties = scope_of(request.user, "parcel.export").counties
    services.record_export(
        by=request.user,
        county_code=counties[0] if counties else "",
        filters={name: str(value) for name, value in asdict(wanted).items() if value},  # those that counted
        rows=len(rows),
        at=clock.now(),
    )
    header = (
        _("Courier company"), _("Waybill"), _("Recipient"), _("Phone"), _("Village code"), _("Village"),
        _("Destination"), _("State"), _("Where"), _("On hold"), _("Damaged"), _("Collected at"), _("Announced at"),
        _("Last scan"),
    )  # fmt: skip
    return exports.csv_response(f"parcels-{timezone.localtime():%Y%m%d-%H%M}.csv", header, map(_export_row, rows))


def _export_row(row: Parcel) -> tuple[object, ...]:
    person = getattr(row, "recipient", None)
    yes, no = _("yes"), _("no")
    return (
        row.carrier.name,
        row.waybill_no,
        person.name_masked if person else "",
        person.phone_masked if person else "",
        row.village_id or "",
        row.village.name if row.village else "",
        row.destination.name if row.destination else "",
        row.get_state_display(),
        row.station.name if row.station else "",
        yes if row.on_hold else no,
        yes if row.damaged else no,
        *(f"{timezone.localtime(t):%Y-%m-%d %H:%M}" if t else "" for t in _times(row)),
    )


def _times(row: Parcel) -> tuple[datetime | None, ...]:
    return row.collected_at, row.created_at, row.last_scan_at


@never_cache
@require_http_methods(["GET", "POST"])
@require("parcel.reveal")
def reveal(request: PageRequest, pk: int) -> HttpResponse:
    """Asks why; then shows name and phone on the answer to this very POST and nowhere else."""
    mine = Parcel.objects.visible_to(request.user, "parcel.reveal").select_related("carrier", "recipient")
    parcel = get_object_or_404(mine.defer("recipient__name", "recipient__phone"), pk=pk)
    form = RevealForm(request.POST or None)
    status, revealed, refusal = 200, None, ""
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                revealed = services.reveal_recipient(
                    parcel_id=pk, by=request.user, reason=form.cleaned_data["reason"], at=clock.now()
                )
                status = 200
            except Parcel.DoesNotExist as gone:
                raise Http404 from gone
            except Refused as refused:
                status, refusal = refused.status, str(refused.message)
    context = {
        "parcel": parcel,
        "person": getattr(parcel, "recipient", None),
        "form": form,
        "revealed": revealed,
        "refusal": refusal,
        "active": services.on_active_delivery(parcel, clock.now()),
    }
    template = "orders/_reveal.html" if request.htmx else "orders/reveal.html"
    answer = render(request, template, context, status=status)
    answer["Cache-Control"] = "no-store, private"
    return answer
