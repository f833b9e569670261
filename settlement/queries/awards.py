"""A year's award as arithmetic: indicators, points, ranks, grades, shares of the pot. Plain data in and out; the
numbers come from lines, holds and scans in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from common import clock, money, sql
from settlement.models import AwardRound, AwardScore, Fund
from settlement.states import AwardState, Grade, Indicator
from stations.scope import scope_of
from stations.states import StationLevel

HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class Input:
    """A station's year in numbers: by indicator (numerator, denominator); the volume's denominator is everybody's."""

    station_id: int
    pairs: dict[str, tuple[int, int]]


@dataclass
class Score:
    station_id: int
    indicators: dict[str, list[Any]]  # [numerator, denominator, points as text]
    points: Decimal
    rank: int = 0
    grade: str = Grade.D
    amount: Decimal = field(default=Decimal(0))


def inputs(award: AwardRound) -> list[Input]:
    """Of every outlet that is in service or has lines in the span; a centre's are its outlets' added up."""
    found = sql.rows(
        "settlement",
        "award_inputs",
        {
            "county_code": award.county_code,
            "start": clock.day_start(award.first_day),
            "end": clock.day_start(award.last_day + timedelta(days=1)),
            "month": award.first_day.replace(day=1),
        },
    )
    days = (award.last_day - award.first_day).days + 1
    sums: dict[int, dict[str, int]] = {}
    for row in found:
        key = row["parent_id"] if award.level == StationLevel.CENTRE else row["station_id"]
        into = sums.setdefault(
            key, dict.fromkeys(("parcels", "whole", "days", "of", "claims", "clean", "arrived", "quick"), 0)
        )
        for name in ("parcels", "whole", "days", "claims", "clean", "arrived", "quick"):
            into[name] += row[name]
        into["of"] += days
    top = ninetieth([row["parcels"] for row in sums.values()])
    return [
        Input(
            key,
            {
                Indicator.VOLUME: (row["parcels"], top),
                Indicator.EVIDENCE: (row["whole"], row["parcels"]),
                Indicator.DAYS: (row["days"], row["of"]),
                Indicator.CLEAN: (row["clean"], row["claims"]),
                Indicator.SPEED: (row["quick"], row["arrived"]),
            },
        )
        for key, row in sorted(sums.items())
    ]


def ninetieth(volumes: Sequence[int]) -> int:
    """The 90th percentile by nearest rank, so that one giant doesn't dwarf everybody."""
    if not volumes:
        return 0
    place = int((Decimal(len(volumes)) * 9 / 10).to_integral_value(ROUND_CEILING))
    return sorted(volumes)[place - 1]


def scored(award: AwardRound, rows: Sequence[Input]) -> list[Score]:
    """Points, rank, grade and yuan of each, best first. Equal points get equal ranks and grades: if those tied at the
    border of A don't all fit within the limit, none of them is A."""
    scores = [_points(row, award.weights) for row in rows]
    scores.sort(key=lambda score: (-score.points, score.station_id))
    places = int((award.a_limit * len(scores)).to_integral_value(ROUND_FLOOR))
    for score in scores:
        above = sum(other.points > score.points for other in scores)
        with_it = above + sum(other.points == score.points for other in scores)
        score.rank = above + 1
        a_from, b_from, c_from = award.grade_from
        if score.points >= a_from and with_it <= places:
            score.grade = Grade.A
        elif score.points >= b_from:
            score.grade = Grade.B
        elif score.points >= c_from:
            score.grade = Grade.C
    _share_out(award, scores)
    return scores


def _points(row: Input, weights: Mapping[str, Any]) -> Score:
    indicators: dict[str, list[Any]] = {}
    total = Decimal(0)
    for name, (numerator, denominator) in row.pairs.items():
        share = min(Decimal(numerator) / denominator, Decimal(1)) if denominator else Decimal(0)
        points = (Decimal(str(weights.get(name, 0))) * share).quantize(HUNDREDTH)
        indicators[str(name)] = [numerator, denominator, str(points)]
        total += points
    return Score(row.station_id, indicators, total)


def _share_out(award: AwardRound, scores: Sequence[Score]) -> None:
    """By points × the grade's share; of a pot to the last fen, what is left after cutting to the largest remainders."""
    weights = [score.points * award.shares[Grade.values.index(score.grade)] for score in scores]
    if award.pot is None:
        for score, weight in zip(scores, weights, strict=True):
            score.amount = money.statement_yuan(weight * (award.yuan_per_point or 0))
        return
    total = sum(weights, Decimal(0))
    if not total:
        return
    fen = int(award.pot * 100)
    parts = [Decimal(fen) * weight / total for weight in weights]
    whole = [int(part) for part in parts]
    order = sorted(range(len(scores)), key=lambda place: (whole[place] - parts[place], place))
    for place in order[: fen - sum(whole)]:
        whole[place] += 1
    for score, cents in zip(scores, whole, strict=True):
        score.amount = Decimal(cents) / 100


def rounds(user: User) -> QuerySet[AwardRound]:
    """Rounds of the user's counties; a draft is for those who work for the whole county."""
    mine = AwardRound.objects.visible_to(user, "grant.read")
    whole = scope_of(user, "grant.read").county_codes
    published = mine.exclude(state=AwardState.DRAFT) | mine.filter(county_code__in=whole)
    return published.select_related("fund").order_by("-year", "level")


def funds(user: User) -> QuerySet[Fund]:
    """Funds the person may spend on grants and awards."""
    return Fund.objects.visible_to(user, "grant.prepare").order_by("number")


def scores(award: AwardRound) -> QuerySet[AwardScore]:
    """The whole list, for everybody who may see the round: who is above oneself is part of why."""
    return award.scores.select_related("station", "adjustment").order_by("rank", "station_id")
