"""The township's queue: what its outlets agreed to and it has to check, what they dispute, what is done."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.models import Appeal, Statement
from settlement.queries import periods as reads
from settlement.services.drafting import flag_sentences, is_marked
from settlement.states import AppealState, StatementState
from settlement.views.tabs import tabs
from stations.permissions import require

PAGE, IDS_MAX = 50, 1000


@dataclass(frozen=True)
class QueueRow:
    """A statement that waits, why one should look, and what the outlet objects to."""

    statement: Statement
    flags: list[str]
    objection: str = ""

    @property
    def marked(self) -> bool:
        return is_marked(self.statement.flags)


def _mine(request: PageRequest) -> QuerySet[Statement]:
    return (
        Statement.objects.visible_to(request.user, "statement.check")
        .select_related("station", "fund", "reviewed_by")
        .order_by("period", "station__code", "pk")
    )


@require_GET
@require("statement.check")
def queue(request: PageRequest) -> HttpResponse:
    """Confirmed statements to pass in bulk (those with marks one by one), disputed ones with their text, done ones."""
    return _page(request)


def _page(request: PageRequest, refusal: Refused | None = None) -> HttpResponse:
    mine = _mine(request)
    counties = sorted(set(mine.order_by().values_list("county_code", flat=True).distinct()))
    months = reads.months_in_work(counties)
    live = mine.filter(period__in=months)
    waiting = [
        QueueRow(row, flag_sentences(row.flags)) for row in live.filter(state=StatementState.CONFIRMED)[:IDS_MAX]
    ]
    disputed = list(live.filter(state=StatementState.DISPUTED))
    texts = dict(
        Appeal.objects.visible_to(request.user, "appeal.read")
        .filter(statement__in=disputed, state=AppealState.OPEN)
        .order_by("pk")
        .values_list("statement_id", "text")
    )
    done = mine.filter(reviewed_at__isnull=False).order_by("-reviewed_at", "station__code")
    context = {
        "some_marked": any(row.marked for row in waiting),
        "waiting": sorted(waiting, key=lambda row: row.marked),
        "disputed": [QueueRow(row, flag_sentences(row.flags), texts.get(row.pk, "")) for row in disputed],
        "unanswered": live.filter(state=StatementState.DRAFT).count(),
        "page": Paginator(done, PAGE).get_page(request.GET.get("page")),
        "refusal": refusal,
        "tabs": tabs(request, "queue"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("To check"), "")],
    }
    if request.htmx and request.method == "GET":
        return render(request, "settlement/_queue_done.html", context)
    return render(request, "settlement/queue.html", context, status=refusal.status if refusal else 200)


@require_POST
@require("statement.check")
def queue_check(request: PageRequest) -> HttpResponse:
    """Pass the ticked statements; all or none, so that a page that is out of date changes nothing."""
    asked = {
        int(value) for value in request.POST.getlist("statement")[:IDS_MAX] if value.isdecimal() and len(value) < 16
    }
    ids = list(_mine(request).filter(pk__in=asked).values_list("pk", flat=True))
    if not ids:
        messages.warning(request, _("Tick at least one statement."))
        return redirect("settlement:queue")
    try:
        count = services.check_statements(ids=ids, by=request.user, at=clock.now())
    except Refused as refusal:
        return _page(request, refusal)
    messages.success(
        request,
        ngettext("%(count)d statement is checked.", "%(count)d statements are checked.", count) % {"count": count},
    )
    return redirect("settlement:queue")
