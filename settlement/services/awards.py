"""The yearly award: a round that says what counts, scores out of the county's own lines and scans, published, checked
by one person and approved by another, then one adjustment a station, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock
from common.errors import Conflict, Refused
from settlement.models import AwardRound, AwardScore, Fund, OutletFact
from settlement.queries import awards as queries
from settlement.queries.books import next_open_month
from settlement.queries.grants import room
from settlement.services.books import move
from settlement.services.facts import enter_fact
from settlement.services.grant_steps import reason_kept, refuse_self, stored, trace
from settlement.services.lines import adjust, lock_county
from settlement.states import AdjustmentKind, AwardState, FactKind, Indicator
from stations.states import StationLevel

SUM = 100  # points in all


@dataclass(frozen=True)
class RoundFields:
    """What a round says: days inclusive; a pot in yuan or yuan a point; weights that add up to 100 points."""

    fund_id: int
    year: int
    level: str
    first_day: date
    last_day: date
    weights: Mapping[str, Decimal]
    pot: Decimal | None = None
    yuan_per_point: Decimal | None = None
    a_limit: Decimal = Decimal("0.45")
    grade_from: tuple[Decimal, ...] = (Decimal(80), Decimal(60), Decimal(40))
    shares: tuple[Decimal, ...] = (Decimal(1), Decimal("0.8"), Decimal("0.6"), Decimal(0))


def draft_round(*, county_code: str, fields: RoundFields, by: User, at: datetime) -> AwardRound:
    """A new round. Refused with a pointer to the field, Conflict "award_taken" for a second one of a year and level."""
    _check(county_code, fields)
    values = {
        **vars(fields),
        "weights": {name: str(points) for name, points in fields.weights.items()},
        "grade_from": list(fields.grade_from),
        "shares": list(fields.shares),
    }
    try:
        with transaction.atomic():
            award = AwardRound.objects.create(county_code=county_code, created_by=by, created_at=at, **values)
            trace(award, "award.drafted", by, at)
    except IntegrityError as taken:
        raise Conflict("award_taken", _("That year has its award already."), pointer="/year") from taken
    return award


def _check(county_code: str, fields: RoundFields) -> None:
    numbers = (*fields.weights.values(), fields.a_limit, *fields.grade_from, *fields.shares)
    if any(not number.is_finite() or number < 0 for number in numbers):
        raise Refused("number_out_of_bounds", _("Numbers from 0 on, please."))
    if fields.level not in (StationLevel.CENTRE, StationLevel.OUTLET):
        raise Refused("level_unknown", _("Outlets or centres?"), pointer="/level")
    if set(fields.weights) - set(Indicator.values) or sum(fields.weights.values()) != SUM:
        raise Refused("weights_not_whole", _("The weights add up to 100 points."), pointer="/weights")
    if fields.a_limit > 1 or any(share > 1 for share in fields.shares) or len(fields.shares) != 4:
        raise Refused("share_out_of_bounds", _("A share lies between 0 and 100 %."), pointer="/shares")
    if list(fields.shares) != sorted(fields.shares, reverse=True):
        raise Refused("grades_rise", _("Four shares, A to D, none above the one before it."), pointer="/shares")
    falling = sorted(fields.grade_from, reverse=True)
    if len(falling) != 3 or list(fields.grade_from) != falling or falling[0] > SUM:
        raise Refused("grade_from_rises", _("Points for A, B and C, each below the one before."), pointer="/grade_from")
    amounts = [amount for amount in (fields.pot, fields.yuan_per_point) if amount is not None]
    if len(amounts) != 1:
        raise Refused("pot_or_points", _("Either a sum to share out, or yuan a point."), pointer="/pot")
    most = Decimal(10**7) if fields.pot is not None else Decimal(10**4)
    if not amounts[0].is_finite() or not Decimal("0.01") <= amounts[0] <= most:
        raise Refused("amount_out_of_bounds", _("An amount in yuan and fen, above 0."), pointer="/pot")
    if not 2000 <= fields.year <= 2100 or fields.last_day < fields.first_day or fields.first_day.year != fields.year:
        raise Refused("award_span", _("The first day lies in the year, the last not before it."), pointer="/first_day")
    if (fields.last_day - fields.first_day).days > 366:
        raise Refused("award_span", _("A year at most."), pointer="/last_day")
    if not Fund.objects.filter(pk=fields.fund_id, county_code=county_code).exists():
        raise Refused("fund_unknown", _("A fund of this county, please."), pointer="/fund")


@transaction.atomic
def compute_round(*, round_id: int, by: User | None, at: datetime) -> int:
    """Score everybody of a draft anew; how many. Conflict "award_not_draft", Refused "award_not_over"."""
    award = _locked(round_id)
    if award.state != AwardState.DRAFT:
        raise Conflict("award_not_draft", _("The scores are published already."))
    if award.last_day >= clock.business_date(at):
        raise Refused("award_not_over", _("The award's last day isn't over yet."))
    found = queries.scored(award, queries.inputs(award))
    award.scores.all().delete()
    AwardScore.objects.bulk_create(
        AwardScore(
            county_code=award.county_code,
            round=award,
            station_id=score.station_id,
            indicators=score.indicators,
            points=score.points,
            rank=score.rank,
            grade=score.grade,
            amount=score.amount,
        )
        for score in found
    )
    award.computed_at = at
    award.save(update_fields=["computed_at"])
    trace(award, "award.computed", by, at, {"stations": str(len(found))})
    return len(found)


@transaction.atomic
def publish_round(*, round_id: int, by: User, at: datetime) -> AwardRound:
    """Show the scores to everybody of the county. Refused "award_not_computed"."""
    award = _locked(round_id)
    if award.computed_at is None or not award.scores.exists():
        raise Refused("award_not_computed", _("Compute the scores first."))
    move(award, to=AwardState.PUBLISHED, by=by, at=at, allowed=(AwardState.DRAFT,), published_at=at)
    trace(award, "award.published", by, at)
    return award


@transaction.atomic
def check_round(*, round_id: int, by: User, at: datetime) -> AwardRound:
    """The first of two who look at it. Refused "same_person"."""
    award = _locked(round_id)
    refuse_self([award.created_by_id], by)
    move(award, to=AwardState.CHECKED, by=by, at=at, allowed=(AwardState.PUBLISHED,), checked_by=by)
    trace(award, "award.checked", by, at)
    return award


@transaction.atomic
def reopen_round(*, round_id: int, reason: str, by: User, at: datetime) -> AwardRound:
    """Back to the draft, with a reason, as long as nothing was paid. Refused "reason_missing"."""
    award = _locked(round_id)
    reason = reason_kept(reason)
    move(
        award,
        to=AwardState.DRAFT,
        by=by,
        at=at,
        reason=reason,
        allowed=(AwardState.PUBLISHED, AwardState.CHECKED),
        checked_by=None,
        published_at=None,
    )
    trace(award, "award.reopened", by, at, None, reason)
    return award


@transaction.atomic
def approve_round(*, round_id: int, by: User, at: datetime) -> AwardRound:
    """The second: each award becomes an adjustment of the station's next open month. Refused "same_person" or
    "fund_budget_exceeded"."""
    county = AwardRound.objects.values_list("county_code", flat=True).get(pk=round_id)
    lock_county(county_code=county)  # first, as everybody: the month must not be frozen under it
    award = _locked(round_id)
    refuse_self([award.created_by_id, award.checked_by_id], by)
    fund = Fund.objects.select_for_update().get(pk=award.fund_id)
    scores = list(award.scores.filter(amount__gt=0).select_related("station").order_by("station_id"))
    needed = sum((score.amount for score in scores), Decimal(0))
    left = room(fund).left
    if needed > left:
        raise Refused(
            "fund_budget_exceeded",
            _("The fund's budget has %(left)s yuan left, the awards take %(amount)s.")
            % {"left": f"{left:,.2f}", "amount": f"{needed:,.2f}"},
        )
    move(
        award,
        to=AwardState.APPROVED,
        by=by,
        at=at,
        allowed=(AwardState.CHECKED,),
        approved_by=by,
        approved_at=at,
    )
    month = next_open_month(county, clock.month_of(at))
    for score in scores:
        score.adjustment = adjust(
            county_code=county,
            period=month,
            station_id=score.station_id,
            fund_id=fund.pk,
            kind=AdjustmentKind.AWARD,
            amount=score.amount,
            reason=stored(_("Award of %(year)d: %(points)s points, rank %(rank)d, grade %(grade)s"))
            % {"year": award.year, "points": score.points, "rank": score.rank, "grade": score.grade},
            source_key=f"award:{award.pk}-{score.station_id}",
            by=by,
            at=at,
        )
    AwardScore.objects.bulk_update(scores, ["adjustment"])
    trace(award, "award.approved", by, at, {"yuan": str(needed), "stations": str(len(scores))})
    return award


def enter_award_grade(*, score_id: int, by: User, at: datetime) -> OutletFact:
    """Let an outlet's grade of an approved round hold from next month on. Refused "award_not_approved" and what
    services.enter_fact refuses."""
    score = AwardScore.objects.select_related("round").get(pk=score_id)
    if score.round.state != AwardState.APPROVED:
        raise Refused("award_not_approved", _("The award isn't approved yet."))
    return enter_fact(
        station_id=score.station_id,
        kind=FactKind.GRADE,
        grade=score.grade,
        valid_from=clock.next_month(clock.month_of(at)),
        reason=stored(_("Award of %(year)d: %(points)s points, rank %(rank)d, grade %(grade)s"))
        % {"year": score.round.year, "points": score.points, "rank": score.rank, "grade": score.grade},
        by=by,
        at=at,
    )


def _locked(round_id: int) -> AwardRound:
    return AwardRound.objects.select_for_update().get(pk=round_id)
