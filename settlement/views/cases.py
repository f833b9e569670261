"""Cases of doubt: the list, one case with its scans, the station's answer, the county's decision."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from common import clock
from common.errors import Conflict, Refused
from common.http import PageRequest
from settlement.definitions import CHECKS, FOUR_EYES_YUAN, sentence
from settlement.forms.fraud import AnswerForm, CaseFilter, DecisionForm
from settlement.models import FraudCase
from settlement.queries import fraud as reads
from settlement.services import fraud as services
from settlement.states import CaseState
from settlement.views.tabs import tabs
from stations.permissions import require
from stations.scope import may, scope_of

PAGE = 20
LINES = 50


@require_GET
@require("fraud.read")
def case_list(request: PageRequest) -> HttpResponse:
    """Cases in scope, those the reader has to do something about first."""
    form = CaseFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    rows = FraudCase.objects.visible_to(request.user, "fraud.read").select_related("rule", "station")
    state = chosen.get("state") or ""
    if state in CaseState.values:
        rows = rows.filter(state=state)
    elif state != "all":
        rows = rows.filter(state__in=reads.OPEN)
    if chosen.get("rule"):
        rows = rows.filter(rule__code=chosen["rule"])
    page = Paginator(reads.cases_with_lines(rows).order_by("answer_by", "pk"), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [(case, CHECKS[case.rule.code], sentence(case.numbers)) for case in page],
        "filtered": bool(request.GET),
        "actions": _actions(request),
        "tabs": tabs(request, "cases"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Doubts"), "")],
    }
    return render(request, "settlement/_case_list.html" if request.htmx else "settlement/case_list.html", context)


def _actions(request: PageRequest) -> list[tuple[str, str, str]]:
    if not scope_of(request.user, "fraud.read").county_codes:
        return []  # thresholds and samples are the county's business
    return [
        (_("Checks and thresholds"), reverse("settlement:fraud-rules"), "chart"),
        (_("Calls to recipients"), reverse("settlement:fraud-calls"), "call"),
    ]


@require_GET
@require("fraud.read")
def case(request: PageRequest, pk: int) -> HttpResponse:
    """One case: the reason, the scans compared, the lines and yuan, and what the reader may do."""
    return _page(request, _case(request, pk, "fraud.read"))


@require_POST
@require("fraud.answer")
def case_answer(request: PageRequest, pk: int) -> HttpResponse:
    row = _case(request, pk, "fraud.answer")
    form = AnswerForm(request.POST, photos=_photos(row))
    if not form.is_valid():
        return _page(request, row, answer=form, status=422)
    digest = form.cleaned_data.get("photo")
    try:
        services.answer_case(
            case_id=row.pk,
            text=form.cleaned_data["text"],
            photo_sha256=bytes.fromhex(digest) if digest else None,
            by=request.user,
            at=clock.now(),
        )
    except Conflict as conflict:  # before Refused, which it is one of: the case is another by now, so show it anew
        messages.error(request, conflict.message)
    except Refused as refusal:
        form.add_error("text", refusal.message)
        return _page(request, row, answer=form, status=422)
    else:
        messages.success(request, _("Your answer is with the county."))
    return redirect("settlement:case", row.pk)


@require_POST
@require("fraud.decide")
def case_decide(request: PageRequest, pk: int) -> HttpResponse:
    row = _case(request, pk, "fraud.decide")
    form = DecisionForm(request.POST, may_extend=row.state == CaseState.RAISED)
    if not form.is_valid():
        return _page(request, row, decision=form, status=422)
    verdict, reason = form.cleaned_data["verdict"], form.cleaned_data["reason"]
    try:
        if verdict == "extend":
            services.extend_case(case_id=row.pk, reason=reason, by=request.user, at=clock.now())
            messages.success(request, _("The station has seven more days."))
        else:
            done = services.decide_case(case_id=row.pk, verdict=verdict, reason=reason, by=request.user, at=clock.now())
            proposed = done.state == CaseState.PROPOSED
            messages.success(request, _("Proposed. A second person decides.") if proposed else _("Decided."))
    except Conflict as conflict:
        messages.error(request, conflict.message)
    except Refused as refusal:
        form.add_error(None, refusal.message)
        return _page(request, row, decision=form, status=422)
    return redirect("settlement:case", row.pk)


def _case(request: PageRequest, pk: int, action: str) -> FraudCase:
    rows = FraudCase.objects.visible_to(request.user, action)
    return get_object_or_404(rows.select_related("rule", "station", "answered_by", "proposed_by", "decided_by"), pk=pk)


def _photos(row: FraudCase) -> list[tuple[str, str]]:
    return [(digest.hex(), label) for digest, label in reads.photos_of(row)]


def _page(
    request: PageRequest,
    row: FraudCase,
    *,
    answer: AnswerForm | None = None,
    decision: DecisionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    user = request.user
    number, yuan = reads.case_yuan(row)
    check = CHECKS[row.rule.code]
    open_now = row.state in reads.OPEN
    may_answer = row.state == CaseState.RAISED and scope_of(user, "fraud.answer").covers_station(row.station)
    may_decide = open_now and may(user, "fraud.decide")
    if row.state == CaseState.PROPOSED and row.proposed_by_id == user.pk:
        may_decide = False
    context = {
        "case": row,
        "check": check,
        "sentence": sentence(row.numbers),
        "number": number,
        "yuan": yuan,
        "four_eyes": yuan > FOUR_EYES_YUAN,
        "thresholds": [(one.label, row.rule.thresholds.get(one.name, "")) for one in check.thresholds],
        "scans": reads.compared_scans(row),
        "chart": row.numbers.get("chart", []),
        "lines": reads.standing_lines(row).select_related("parcel").order_by("effective_at", "pk")[:LINES],
        "lines_shown": LINES,
        "history": reads.case_history(row),
        "state_words": dict(CaseState.choices),
        "answer_form": (answer or AnswerForm(photos=_photos(row))) if may_answer else None,
        "decision_form": ((decision or DecisionForm(may_extend=row.state == CaseState.RAISED)) if may_decide else None),
        "tabs": tabs(request, "cases"),
        "breadcrumbs": [(_("Doubts"), reverse("settlement:cases")), (row.station.name, "")],
    }
    return render(request, "settlement/case.html", context, status=status)
