"""Reads of what is doubted: a case's lines and scans, how often each check was right, whom to call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Mod

from common import clock
from settlement.definitions import CHECKS, LEAST_PRECISION, Check
from settlement.models import CallBack, FraudCase, FraudRule, Line, Transition
from settlement.states import CallAnswer, CaseState, RuleState
from tracking.models import Photo, ScanEvent

OPEN = (CaseState.RAISED, CaseState.ANSWERED, CaseState.PROPOSED)
SHOWN = 40  # scans of a case on its page
PHOTOS = 20  # of a station to choose from


def standing_lines(case: FraudCase) -> QuerySet[Line]:
    """The lines of a case that nobody took back since."""
    later = Line.objects.filter(
        county_code=OuterRef("county_code"),
        parcel=OuterRef("parcel"),
        service=OuterRef("service"),
        turn=OuterRef("turn") + 1,
    )
    lines = Line.objects.filter(case_lines__case=case, county_code=case.county_code)
    return lines.alias(odd=Mod("turn", 2)).filter(odd=0).exclude(Exists(later))


def case_yuan(case: FraudCase) -> tuple[int, Decimal]:
    """How many of a case's lines stand, and their yuan (4 places)."""
    found = standing_lines(case).aggregate(number=Count("pk"), yuan=Sum("amount"))
    return found["number"], found["yuan"] or Decimal(0)


def compared_scans(case: FraudCase) -> list[ScanEvent]:
    """The scans a case names, in their order, with station and handheld; at most SHOWN."""
    scans = ScanEvent.objects.filter(county_code=case.county_code, event_id__in=case.event_ids[:SHOWN])
    return list(scans.select_related("station", "device").order_by("effective_at", "event_id"))


def case_history(case: FraudCase) -> QuerySet[Transition]:
    """A case's moves, oldest first."""
    moves = Transition.objects.filter(county_code=case.county_code, entity="case", entity_id=case.pk)
    return moves.select_related("by").order_by("pk")


def photos_of(case: FraudCase) -> list[tuple[bytes, str]]:
    """The newest photos of the case's station that arrived whole, with when."""
    photos = Photo.objects.filter(
        county_code=case.county_code, station=case.station_id, completed_at__isnull=False
    ).order_by("-created_at")[:PHOTOS]
    return [(bytes(photo.sha256), f"{photo.created_at.astimezone(clock.SHANGHAI):%m-%d %H:%M}") for photo in photos]


def cases_with_lines(cases: QuerySet[FraudCase]) -> QuerySet[FraudCase]:
    """Cases with how many lines they are about and their yuan."""
    return cases.annotate(lines=Count("case_lines"), yuan=Sum("case_lines__line__amount"))


@dataclass(frozen=True)
class CheckFigures:
    """A check in a month: cases raised then, and of those how many were refused (upheld) and paid (overturned).
    Precision = refused ÷ decided."""

    check: Check
    rule: FraudRule | None
    raised: int
    refused: int
    paid: int

    @property
    def decided(self) -> int:
        return self.refused + self.paid

    @property
    def weak(self) -> bool:
        """Decided often enough to say (ten times), and wrong more often than right."""
        return self.decided >= 10 and self.refused < LEAST_PRECISION * self.decided


def check_figures(county_code: str, month: date) -> list[CheckFigures]:
    """Every check's month, by when its cases were raised."""
    start, end = clock.month_span(month)
    rows = FraudCase.objects.filter(county_code=county_code, raised_at__gte=start, raised_at__lt=end)
    counts: dict[str, dict[str, int]] = {
        row["code"]: {name: row[name] for name in ("raised", "refused", "paid")}
        for row in rows.order_by()
        .values(code=F("rule__code"))
        .annotate(
            raised=Count("pk"),
            refused=Count("pk", filter=Q(state=CaseState.REFUSE)),
            paid=Count("pk", filter=Q(state=CaseState.PAY)),
        )
    }
    rules = {
        row.code: row
        for row in FraudRule.objects.filter(county_code=county_code, state=RuleState.ACTIVE).select_related(
            "created_by", "activated_by"
        )
    }
    none = {"raised": 0, "refused": 0, "paid": 0}
    return [CheckFigures(check, rules.get(code), **counts.get(code, none)) for code, check in CHECKS.items()]


def call_sheet(calls: QuerySet[CallBack]) -> QuerySet[CallBack]:
    """The sample with what is needed to call: parcel, masked recipient, outlet."""
    return calls.select_related("station", "line__parcel", "line__parcel__recipient", "called_by").order_by(
        "station__code", "line__effective_at", "pk"
    )


def call_figures(calls: QuerySet[CallBack]) -> dict[str, Any]:
    """How many were drawn, reached and confirmed."""
    return calls.aggregate(
        drawn=Count("pk"),
        confirmed=Count("pk", filter=Q(answer=CallAnswer.CONFIRMED)),
        reached=Count("pk", filter=Q(answer__in=[CallAnswer.CONFIRMED, CallAnswer.DENIED])),
    )


def called_months(county_codes: Sequence[str]) -> list[date]:
    """Months with a drawn sample, newest first."""
    rows = CallBack.objects.filter(county_code__in=county_codes).order_by("-period")
    return list(rows.values_list("period", flat=True).distinct())
