"""The yearly award: rounds, one round's list with every indicator's two numbers, the steps to money."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common import clock, exports
from common import services as jobs
from common.errors import Refused
from common.http import PageRequest
from settlement import services
from settlement.forms.awards import RoundForm
from settlement.forms.grants import ReasonForm
from settlement.models import AwardRound, AwardScore
from settlement.queries import awards as queries
from settlement.states import AwardState, Indicator
from settlement.views.tabs import tabs
from stations.forms.stations import show_refusal
from stations.permissions import require
from stations.scope import scope_of
from stations.states import StationLevel

PAGE = 50
TONES = {
    AwardState.DRAFT: "wait",
    AwardState.PUBLISHED: "busy",
    AwardState.CHECKED: "busy",
    AwardState.APPROVED: "ok",
}


def _crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(_("Subsidy"), reverse("settlement:statements")), (_("Yearly awards"), reverse("settlement:awards")), *more]


def _round(request: PageRequest, pk: int, action: str = "grant.read") -> AwardRound:
    row = get_object_or_404(queries.rounds(request.user), pk=pk)
    if action != "grant.read" and not scope_of(request.user, action).covers_county(row.county_code):
        raise Http404
    return row


@require_GET
@require("grant.read")
def award_list(request: PageRequest) -> HttpResponse:
    rows = list(queries.rounds(request.user))
    prepares = bool(scope_of(request.user, "grant.prepare"))
    context = {
        "tabs": tabs(request, "awards"),
        "label_of_tabs": _("Subsidy"),
        "rounds": rows,
        "tones": TONES,
        "may_draft": prepares,
        "actions": [(_("Draft an award"), reverse("settlement:award-new"), "add")] if prepares else [],
    }
    return render(request, "settlement/award_list.html", context)


@require_http_methods(["GET", "POST"])
@require("grant.prepare")
def award_new(request: PageRequest) -> HttpResponse:
    county = scope_of(request.user, "grant.prepare").county_codes[0]
    form = RoundForm(request.POST or None, funds=queries.funds(request.user), today=clock.business_date(clock.now()))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = services.draft_round(
                    county_code=county, fields=form.round_fields(), by=request.user, at=clock.now()
                )
            except Refused as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("The draft is kept. Compute the scores next."))
                return redirect("settlement:award", made.pk)
    context = {"form": form, "breadcrumbs": _crumbs((_("Draft an award"), ""))}
    return render(request, "settlement/award_form.html", context, status=status)


@require_GET
@require("grant.read")
def award(request: PageRequest, pk: int) -> HttpResponse:
    """A round: who got how many points for what, and what follows for whom."""
    row, user = _round(request, pk), request.user
    can = {
        step: scope_of(user, f"grant.{step}").covers_county(row.county_code)
        for step in ("prepare", "accept", "approve")
    }
    scores = queries.scores(row)
    page = Paginator(scores, PAGE).get_page(request.GET.get("page"))
    enters = scope_of(user, "fact.enter")
    own = set(AwardScore.objects.visible_to(user, "grant.read").filter(round=row).values_list("pk", flat=True))
    county = scope_of(user, "grant.read").covers_county(row.county_code)
    grades = list(scores.values_list("grade", flat=True))
    given = list(scores.values_list("amount", flat=True))
    context = {
        "award": row,
        "title": _title(row),
        "tone": TONES[AwardState(row.state)],
        "facts": _facts(row),
        "weights": [(indicator.label, row.weights.get(indicator, "0")) for indicator in Indicator],
        "count": len(grades),
        "grades": [(grade, grades.count(grade)) for grade in "ABCD"],
        "awarded": sum(given),
        "page": page,
        "rows": [
            (
                score,
                _indicators(score),
                not county and score.pk in own,
                row.state == AwardState.APPROVED
                and row.level == StationLevel.OUTLET
                and bool(enters)
                and enters.covers_station(score.station),
            )
            for score in page
        ],
        "mine": [] if county else [(score, _indicators(score)) for score in scores if score.pk in own],
        "may_compute": can["prepare"] and row.state == AwardState.DRAFT,
        "may_publish": can["prepare"] and row.state == AwardState.DRAFT and row.computed_at,
        "may_check": can["accept"] and row.state == AwardState.PUBLISHED and row.created_by_id != user.pk,
        "may_approve": can["approve"]
        and row.state == AwardState.CHECKED
        and user.pk not in (row.created_by_id, row.checked_by_id),
        "reopen": ReasonForm()
        if (can["accept"] or can["approve"]) and row.state in (AwardState.PUBLISHED, AwardState.CHECKED)
        else None,
        "actions": [(_("Download as a table"), reverse("settlement:award-csv", args=[row.pk]), "download")]
        if grades
        else [],
        "breadcrumbs": _crumbs((_title(row), "")),
    }
    return render(request, "settlement/award.html", context)


def _indicators(score: AwardScore) -> list[tuple[Any, ...]]:
    """(label, numerator, denominator, points)"""
    return [(indicator.label, *score.indicators.get(indicator, [0, 0, "0"])) for indicator in Indicator]


def _title(row: AwardRound) -> str:
    return _("Award %(year)d: %(level)s") % {"year": row.year, "level": row.get_level_display()}


def _facts(row: AwardRound) -> list[tuple[str, Any]]:
    return [
        (_("Fund"), str(row.fund)),
        (_("First day"), date_format(row.first_day, "DATE_FORMAT")),
        (_("Last day"), date_format(row.last_day, "DATE_FORMAT")),
        (_("Sum to share out, yuan"), f"{row.pot:,.2f}" if row.pot else ""),
        (_("Yuan a point"), f"{row.yuan_per_point:,.2f}" if row.yuan_per_point else ""),
        (_("At most graded A, % of all"), f"{(row.a_limit * 100).normalize():f} %"),
        (_("A, B and C from, points"), " / ".join(f"{points.normalize():f}" for points in row.grade_from)),
        (_("Paid by grade A, B, C, D, %"), " / ".join(f"{(share * 100).normalize():f} %" for share in row.shares)),
    ]


@require_GET
@require("grant.read")
def award_csv(request: PageRequest, pk: int) -> StreamingHttpResponse:
    row = _round(request, pk)
    header = [_("Rank"), _("Station"), _("Code"), _("Points"), _("Grade"), _("Yuan")]
    for indicator in Indicator:
        header += [str(indicator.label), _("of"), _("Points")]
    table = (
        [score.rank, score.station.name, score.station.code, score.points, score.grade, score.amount]
        + [cell for indicator in Indicator for cell in score.indicators.get(indicator, [0, 0, "0"])]
        for score in queries.scores(row)
    )
    return exports.csv_response(f"award-{row.year}-{row.level.lower()}.csv", header, table)


@require_POST
@require("grant.prepare")
def award_compute(request: PageRequest, pk: int) -> HttpResponse:
    """Reads a year of scans: a job."""
    row = _round(request, pk, "grant.prepare")
    if row.last_day >= clock.business_date(clock.now()):
        raise Refused("award_not_over", _("The award's last day isn't over yet."))
    job = jobs.start_job(
        kind="settlement.award",
        title=_title(row),
        user=request.user,
        at=clock.now(),
        params={"round": row.pk},
        county_code=row.county_code,
    )
    return redirect("common:job", job.pk)


@require_POST
@require("grant.prepare")
def award_publish(request: PageRequest, pk: int) -> HttpResponse:
    row = _round(request, pk, "grant.prepare")
    services.publish_round(round_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("Published. A county officer checks it, the approver approves it."))
    return redirect("settlement:award", row.pk)


@require_POST
@require("grant.accept")
def award_check(request: PageRequest, pk: int) -> HttpResponse:
    row = _round(request, pk, "grant.accept")
    services.check_round(round_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("Checked. The approver approves it."))
    return redirect("settlement:award", row.pk)


@require_POST
@require("grant.approve")
def award_approve(request: PageRequest, pk: int) -> HttpResponse:
    row = _round(request, pk, "grant.approve")
    services.approve_round(round_id=row.pk, by=request.user, at=clock.now())
    messages.success(request, _("Approved: the awards go with the next open month's statements."))
    return redirect("settlement:award", row.pk)


@require_POST
@require("grant.read")
def award_reopen(request: PageRequest, pk: int) -> HttpResponse:
    """Whoever checks or approves may send it back."""
    row = _round(request, pk)
    if not any(
        scope_of(request.user, f"grant.{step}").covers_county(row.county_code) for step in ("accept", "approve")
    ):
        raise Http404
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise Refused("reason_missing", _("A reason, please."), pointer="/reason")
    services.reopen_round(round_id=row.pk, reason=form.cleaned_data["reason"], by=request.user, at=clock.now())
    messages.success(request, _("It is a draft again."))
    return redirect("settlement:award", row.pk)


@require_POST
@require("fact.enter")
def award_grade(request: PageRequest, pk: int) -> HttpResponse:
    """The township lets the grade hold from next month on."""
    score = get_object_or_404(AwardScore.objects.visible_to(request.user, "fact.enter"), pk=pk)
    fact = services.enter_award_grade(score_id=score.pk, by=request.user, at=clock.now())
    said = _("Grade %(grade)s holds from %(day)s on.")
    messages.success(request, said % {"grade": fact.grade, "day": date_format(fact.valid_from, "DATE_FORMAT")})
    return redirect("settlement:award", score.round_id)
