"""Statements to print and to calculate with: one outlet's in the request, a whole month's as a job."""

from datetime import date

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.http import PageRequest
from common.services import start_job
from settlement.models import Period
from settlement.services import documents
from settlement.states import PeriodState
from settlement.views.statements import outlet_in_scope
from stations.permissions import require
from stations.scope import scope_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PUBLIC = (PeriodState.PUBLICISED, PeriodState.APPROVED, PeriodState.PAYING, PeriodState.CLOSED)


def _document(request: PageRequest, station_id: int, month: date) -> documents.Document:
    outlet = outlet_in_scope(request, station_id)
    return documents.document(
        user=request.user,
        station=outlet,
        month=month,
        at=clock.now(),
        notice_url=_notice_url(request, outlet.county_code, month),
    )


def _notice_url(request: PageRequest, county_code: str, month: date) -> str:
    """The address of the public notice, once the month has one."""
    # unscoped: whether a notice is public, for whoever reads the outlet's statement
    if not Period.objects.filter(county_code=county_code, month=month, state__in=PUBLIC).exists():
        return ""
    return request.build_absolute_uri(reverse("settlement:notice", args=[county_code, month]))


@require_GET
@require("settlement.read")
def statement_pdf(request: PageRequest, station_id: int, month: date) -> HttpResponse:
    """One outlet's statement to print and sign. 503 with a sentence where the machine can't draw it."""
    one = _document(request, station_id, month)
    return _download(documents.statement_pdf(one), "application/pdf", f"statement-{one.number}.pdf")


@require_GET
@require("settlement.read")
def statement_xlsx(request: PageRequest, station_id: int, month: date) -> HttpResponse:
    one = _document(request, station_id, month)
    return _download(documents.workbook([one], month=month), XLSX, f"statement-{one.number}.xlsx")


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@require("settlement.read")
def month_documents(request: PageRequest, month: date) -> HttpResponse:
    """Start the job that draws every statement of the month in the user's scope; its page shows how far it is."""
    counties = scope_of(request.user, "settlement.read").counties
    township = request.POST.get("township", "")
    job = start_job(
        kind="settlement.documents",
        title=_("Statements of %(month)s") % {"month": date_format(month, "YEAR_MONTH_FORMAT")},
        user=request.user,
        at=clock.now(),
        params={
            "month": f"{month:%Y-%m}",
            "township": township if township.isascii() and township.isdigit() else "",
            "language": get_language() or "zh-hans",
            "notice_url": _notice_url(request, counties[0], month) if len(counties) == 1 else "",
        },
        county_code=counties[0] if len(counties) == 1 else "",
    )
    return redirect("common:job", pk=job.pk)
