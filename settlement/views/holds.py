"""Held parcels: an outlet reads why and what it can do, the county releases or refuses them, some at a time."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.http import PageRequest
from settlement import queries, services
from settlement.forms.holds import DecideHoldsForm, HoldFilter
from settlement.models import Hold
from settlement.queries import holds as reads
from settlement.states import HoldOutcome
from settlement.views.tabs import tabs
from stations.permissions import require
from stations.scope import may

PAGE = 20


@require_GET
@require("settlement.read")
def hold_list(request: PageRequest) -> HttpResponse:
    """The held parcels in scope by reason; open ones with checkboxes where the reader may decide."""
    form = HoldFilter(request.GET, townships=queries.townships_visible(request.user))
    closed = form.value("state") == "closed"
    rows = reads.holds(
        request.user,
        closed=closed,
        reason=form.value("reason") or "",
        township_code=form.value("township") or "",
        station_id=form.value("station"),
    )
    sums = [] if closed else reads.held_sums(rows)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    views = reads.hold_views(page)
    context = {
        "form": form,
        "closed": closed,
        "sums": sums,
        "page": page,
        "views": views,
        "may_decide": not closed and may(request.user, "hold.decide") and any(view.decidable for view in views),
        "tabs": tabs(request, "holds"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Held parcels"), "")],
    }
    template = "settlement/_holds.html" if request.htmx else "settlement/holds.html"
    return render(request, template, context)


@require_POST
@require("hold.decide")
def holds_decide(request: PageRequest) -> HttpResponse:
    """Release or refuse what was ticked, with one reason, and back to the list as it was filtered."""
    back = reverse("settlement:holds")
    if query := QueryDict(request.POST.get("back", "")[:300]).urlencode():
        back += f"?{query}"
    asked = {
        int(value) for value in request.POST.getlist("ids") if value.isascii() and value.isdigit() and len(value) < 19
    }
    offered = Hold.objects.visible_to(request.user, "hold.decide").filter(pk__in=asked)
    form = DecideHoldsForm(request.POST, offered=offered.values_list("pk", flat=True))
    if not form.is_valid():
        said = _("Tick at least one parcel.") if "ids" in form.errors else _("Say why, in a few words.")
        messages.error(request, said)
        return redirect(back)
    values = {
        "hold_ids": form.cleaned_data["ids"],
        "by": request.user,
        "at": clock.now(),
        "reason": form.cleaned_data["reason"],
    }
    if form.cleaned_data["outcome"] == HoldOutcome.RELEASED:
        count = services.release_holds(**values)
        said = ngettext("%(count)d parcel will be paid.", "%(count)d parcels will be paid.", count)
    else:
        count = services.refuse_holds(**values)
        said = ngettext("%(count)d parcel was refused.", "%(count)d parcels were refused.", count)
    messages.success(request, said % {"count": count})
    return redirect(back)
