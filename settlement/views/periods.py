"""The county's months: the list, one month with its figures and its one next step, and the steps themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.roles import roles_that_may
from common import clock
from common.errors import Refused
from common.http import PageRequest
from settlement import queries, services
from settlement.forms.periods import PeriodFilter, ReasonForm
from settlement.models import Period, Statement
from settlement.queries import periods as reads
from settlement.queries import timeliness
from settlement.queries.figures import marked
from settlement.services.drafting import flag_sentences, is_marked
from settlement.services.periods import BEFORE_APPROVAL, approval_refusal, freeze_refusal
from settlement.states import PeriodState
from settlement.views.tabs import county_of, tabs
from stations.permissions import require
from stations.scope import scope_of

PAGE = 30  # statements on a page
ZERO = Decimal(0)


@dataclass(frozen=True)
class Step:
    """One press that moves a month on: whose it is, what the button says, what is asked first."""

    name: str  # of the URL: settlement:period-<name>
    action: str
    label: str | Promise
    question: str | Promise
    done: str | Promise


_STEPS: dict[str, Step] = {
    PeriodState.OPEN: Step(
        "freeze",
        "period.prepare",
        gettext_lazy("Freeze the month"),
        gettext_lazy("Freeze the month? Later scans go to the next one."),
        gettext_lazy("The month is frozen."),
    ),
    PeriodState.FROZEN: Step(
        "compute",
        "period.prepare",
        gettext_lazy("Compute the statements"),
        "",
        gettext_lazy("The statements are computed. The outlets can answer now."),
    ),
    PeriodState.COMPUTED: Step(
        "review",
        "period.review",
        gettext_lazy("The figures are right"),
        gettext_lazy("Pass these figures on? The public notice follows."),
        gettext_lazy("The month is reviewed."),
    ),
    PeriodState.REVIEWED: Step(
        "publicise",
        "period.prepare",
        gettext_lazy("Publish the notice"),
        gettext_lazy("Publish the sums of all outlets for five working days?"),
        gettext_lazy("The notice is public."),
    ),
    PeriodState.PUBLICISED: Step(
        "approve",
        "period.approve",
        gettext_lazy("Approve the month"),
        gettext_lazy("Approve all statements of this month? There is no way back."),
        gettext_lazy("The month is approved. The payment batch can be made."),
    ),
}


def role_names(action: str) -> str:
    """Who may, in the reader's language."""
    return _(", ").join(sorted(str(role.label) for role in roles_that_may(action)))


def _county(request: PageRequest) -> str:
    """404 for those whose scope is smaller than a county: their statements stand elsewhere."""
    if code := county_of(request):
        return code
    raise Http404


def _until_now(month: date) -> date:
    if month > clock.month_of(clock.now()):
        raise Http404
    return month


# --- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MonthRow:
    """A month in the list: what it stands at and whose turn it is."""

    month: date
    state: str
    label: str
    totals: reads.PeriodTotals
    next: str
    who: str


@require_GET
@require("settlement.read")
def period_list(request: PageRequest) -> HttpResponse:
    """All months of the county, newest first, with what is next and by whom."""
    at, county = clock.now(), _county(request)
    months = reads.months_of(county, at)
    rows_of = Period.objects.visible_to(request.user, "settlement.read").filter(county_code=county, month__in=months)
    periods = {row.month: row for row in rows_of}
    totals = reads.period_totals(county, months)
    so_far = reads.lines_so_far(county, [month for month in months if month not in totals])
    rows = []
    for month in months:
        period = periods.get(month)
        state = PeriodState(period.state if period else PeriodState.OPEN)
        step = _STEPS.get(state)
        running = state == PeriodState.OPEN and clock.next_month(month) > clock.business_date(at)
        rows.append(
            MonthRow(
                month,
                state.value,
                str(state.label),
                totals.get(month) or so_far.get(month) or reads.PeriodTotals(),
                _("The month is running") if running else str(step.label) if step else "",
                role_names(step.action) if step and not running else "",
            )
        )
    context = {
        "rows": rows,
        "alarms": timeliness.alarms(county, at),
        "tabs": tabs(request, "periods"),
        "breadcrumbs": [(_("Subsidy"), reverse("settlement:statements")), (_("Months"), "")],
    }
    return render(request, "settlement/period_list.html", context)


# --- one month --------------------------------------------------------------------------------------------------------


@require_GET
@require("settlement.read")
def period(request: PageRequest, month: date) -> HttpResponse:
    """A month of the county: totals, marks first, who did what, the one next step."""
    return _page(request, _county(request), _until_now(month))


def _page(
    request: PageRequest,
    county: str,
    month: date,
    *,
    refusal: Refused | None = None,
    reason_form: ReasonForm | None = None,
) -> HttpResponse:
    at = clock.now()
    row = reads.period_of(county, month) or Period(county_code=county, month=month)
    filters = PeriodFilter(request.GET, townships=queries.townships_visible(request.user))
    statements = _filtered(request.user, county, month, filters)
    context: dict[str, Any] = {
        "period": row,
        "month": month,
        "form": filters,
        "page": Paginator(statements, PAGE).get_page(request.GET.get("page")),
        "several_funds": len({statement.fund_id for statement in statements}) > 1,
        "fragment": request.htmx and request.method == "GET",
    }
    if context["fragment"]:
        return render(request, "settlement/_period_statements.html", context)
    totals = reads.period_totals(county, [month, clock.previous_month(month)])
    context |= {
        "totals": totals.get(month),
        "so_far": reads.lines_so_far(county, [month]).get(month) if month not in totals else None,
        "last": _compared(totals.get(month), totals.get(clock.previous_month(month))),
        "previous": clock.previous_month(month),
        "states": _states(totals.get(month)),
        "check": reads.ledger_check(county, month) if month in totals else None,
        "digest": reads.digest(county, month) if month in totals else "",
        "funds": [] if reads.is_over(row) else reads.fund_previews(county, month),
        "over": reads.is_over(row),
        "history": reads.period_steps(row),
        "labels": {state.value: state.label for state in PeriodState},
        "step": _next_step(request.user, row, at),
        "refusal": refusal,
        "refusal_link": _link_for(refusal),
        "may_step_back": row.state in BEFORE_APPROVAL and _may_step_back(request.user, county),
        "may_recompute": row.state == PeriodState.COMPUTED and _covers(request.user, "period.prepare", county),
        "reason_form": reason_form or ReasonForm(),
        "notice_url": _notice_url(county, month) if row.notice_until else "",
        "tabs": tabs(request, "periods"),
        "breadcrumbs": [
            (_("Months"), reverse("settlement:periods")),
            (date_format(month, "YEAR_MONTH_FORMAT"), ""),
        ],
    }
    status = refusal.status if refusal else 422 if reason_form else 200
    return render(request, "settlement/period.html", context, status=status)


@dataclass(frozen=True)
class StatementLine:
    """A statement as the county's list shows it."""

    statement: Statement
    township: str
    flags: list[str]

    @property
    def marked(self) -> bool:
        return is_marked(self.statement.flags)

    @property
    def fund_id(self) -> int:
        return self.statement.fund_id


def _filtered(user: User, county: str, month: date, filters: PeriodFilter) -> list[StatementLine]:
    """The month's statements, those with most marks first."""
    rows = Statement.objects.visible_to(user).filter(county_code=county, period=month).select_related("station", "fund")
    if township := filters.chosen("township"):
        rows = rows.filter(station__township_code=township[:9])
    if state := filters.chosen("state"):
        rows = rows.filter(state=state)
    flag = filters.chosen("flag")
    if flag == "any":
        rows = rows.filter(marked())
    elif flag == "none":
        rows = rows.exclude(marked())
    elif flag:
        rows = rows.filter(flags__contains=[{"code": flag}])
    names = reads.township_names(county)
    lines = [
        StatementLine(row, names.get(f"{row.station.township_code}000", ""), flag_sentences(row.flags))
        for row in rows.order_by("station__code", "fund__number")
    ]
    return sorted(lines, key=lambda line: (not line.marked, -len(line.flags)))


def _compared(now: reads.PeriodTotals | None, last: reads.PeriodTotals | None) -> dict[str, Any] | None:
    if now is None or last is None:
        return None
    change = now.payable - last.payable
    percent = (change * 100 / last.payable).quantize(Decimal("0.1")) if last.payable else None
    return {"totals": last, "percent": f"{percent:+}" if percent is not None else ""}


def _states(totals: reads.PeriodTotals | None) -> list[tuple[str, str, int]]:
    """(label, state, how many) of the month's statements in the order of their way."""
    if totals is None:
        return []
    return [
        (str(label), state, totals.states[state])
        for state, label in Statement._meta.get_field("state").choices or ()
        if totals.states.get(state)
    ]


def _next_step(user: User, row: Period, at: datetime) -> dict[str, Any] | None:
    """The one next step: its button if this person may press it now, else why not and who may."""
    step = _STEPS.get(PeriodState(row.state))
    if step is None:
        return None
    allowed = _covers(user, step.action, row.county_code)
    refusal = None
    if row.state == PeriodState.OPEN:
        refusal = freeze_refusal(county_code=row.county_code, month=row.month, at=at)
    elif row.state == PeriodState.PUBLICISED:
        refusal = approval_refusal(period=row, by=user if allowed else None, at=at)
    return {
        "step": step,
        "url": reverse(f"settlement:period-{step.name}", args=[row.month]),
        "allowed": allowed and refusal is None,
        "why_not": refusal.message if refusal else "",
        "link": _link_for(refusal),
        "who": role_names(step.action),
        "not_mine": not allowed,
    }


def _link_for(refusal: Refused | None) -> tuple[str, str] | None:
    """Where what stops the month can be put right."""
    if refusal is None:
        return None
    try:
        if refusal.code == "set_asides_open":
            return _("See these scans"), reverse("tracking:attention")
        if refusal.code == "appeals_open":
            return _("See the objections"), reverse("settlement:appeals")
        if refusal.code == "statements_unchecked":
            return _("See what waits"), reverse("settlement:ageing")
    except NoReverseMatch:
        return None
    return None


def _notice_url(county: str, month: date) -> str:
    try:
        return reverse("settlement:notice", args=[county, month])
    except NoReverseMatch:
        return ""


def _covers(user: User, action: str, county: str) -> bool:
    return scope_of(user, action).covers_county(county)


def _may_step_back(user: User, county: str) -> bool:
    return any(_covers(user, action, county) for action in _STEP_BACK)


_STEP_BACK = ("period.prepare", "period.review", "period.approve")


# --- the steps --------------------------------------------------------------------------------------------------------


def _press(request: PageRequest, month: date, step: Step, act: Callable[..., Period]) -> HttpResponse:
    """Do one step; a refusal is shown on the month's own page, under the same code and status."""
    scope = scope_of(request.user, step.action)
    if not scope.county_codes:
        raise Http404
    county = scope.county_codes[0]
    try:
        act(county_code=county, month=_until_now(month), by=request.user, at=clock.now())
    except Refused as refusal:
        return _page(request, county, month, refusal=refusal)
    messages.success(request, str(step.done))
    return redirect("settlement:period", month)


@require_POST
@require("period.prepare")
def period_freeze(request: PageRequest, month: date) -> HttpResponse:
    return _press(request, month, _STEPS[PeriodState.OPEN], services.end_month)


@require_POST
@require("period.prepare")
def period_compute(request: PageRequest, month: date) -> HttpResponse:
    return _press(request, month, _STEPS[PeriodState.FROZEN], services.compute_period)


@require_POST
@require("period.review")
def period_review(request: PageRequest, month: date) -> HttpResponse:
    return _press(request, month, _STEPS[PeriodState.COMPUTED], services.review_period)


@require_POST
@require("period.prepare")
def period_publicise(request: PageRequest, month: date) -> HttpResponse:
    return _press(request, month, _STEPS[PeriodState.REVIEWED], services.publicise_period)


@require_POST
@require("period.approve")
def period_approve(request: PageRequest, month: date) -> HttpResponse:
    return _press(request, month, _STEPS[PeriodState.PUBLICISED], services.approve_period)


@require_POST
@require("settlement.read")
def period_back(request: PageRequest, month: date) -> HttpResponse:
    """One step back, by anybody who has a step in it."""
    county = _county(request)
    if not _may_step_back(request.user, county):
        raise Http404
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, county, _until_now(month), reason_form=form)
    try:
        services.reopen_computation(
            county_code=county, month=_until_now(month), by=request.user, at=clock.now(), **form.cleaned_data
        )
    except Refused as refusal:
        return _page(request, county, month, refusal=refusal)
    messages.success(request, _("The month is frozen again. Compute it once what was wrong is put right."))
    return redirect("settlement:period", month)
