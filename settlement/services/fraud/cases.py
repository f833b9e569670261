"""A case's way: the station answers, the county decides; above 500 yuan one proposes and another decides.

Paying releases the lines' holds, refusing takes the lines back. A line that another open case is about stays held until
that one is decided too. A refused line that was stated without a hold is taken back by a reversing line, or, once its
statement is approved, by a clawback with notice and appeal.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock
from common.errors import Conflict, Refused
from settlement.definitions import ANSWER_DAYS, FOUR_EYES_YUAN
from settlement.models import Clawback, FraudCase, Line, Statement
from settlement.queries.fraud import standing_lines
from settlement.services.books import move
from settlement.services.clawbacks import propose_clawback
from settlement.services.holds import close_hold, reason_given
from settlement.services.lines import lock_county, reverse_line
from settlement.states import (
    APPROVED_STATEMENTS,
    OPEN_CASES,
    CaseState,
    ClawbackCause,
    ClawbackState,
    HoldOutcome,
    HoldReason,
)
from tracking.models import Photo

ANSWER_MAX = 1000
REASON_MAX = 300
VERDICTS = (CaseState.PAY, CaseState.REFUSE)


@transaction.atomic
def answer_case(*, case_id: int, text: str, by: User, at: datetime, photo_sha256: bytes | None = None) -> FraudCase:
    """The station says how it was, once; late answers count until the case is decided. Refused "reason_needed",
    "photo_unknown" (a photo of this station must have arrived), Conflict "state_changed"."""
    case = FraudCase.objects.select_for_update().get(pk=case_id)
    if photo_sha256 is not None:
        known = Photo.objects.filter(
            county_code=case.county_code, sha256=photo_sha256, station=case.station_id, completed_at__isnull=False
        )
        if not known.exists():
            raise Refused(
                "photo_unknown", _("No photo of your station has this digest. Upload it first."), pointer="/photo"
            )
    move(
        case,
        to=CaseState.ANSWERED,
        by=by,
        at=at,
        allowed=[CaseState.RAISED],
        answer=reason_given(text, most=ANSWER_MAX),
        answer_photo=photo_sha256,
        answered_by=by,
        answered_at=at,
    )
    return case


@transaction.atomic
def extend_case(*, case_id: int, reason: str, by: User, at: datetime) -> FraudCase:
    """Give the station another seven days, from today. Conflict "state_changed" once it answered."""
    case = FraudCase.objects.select_for_update().get(pk=case_id)
    until = clock.business_date(at) + timedelta(days=ANSWER_DAYS)
    kept = reason_given(reason, most=REASON_MAX)
    move(case, to=CaseState.RAISED, by=by, at=at, reason=kept, allowed=[CaseState.RAISED], answer_by=until)
    return case


@transaction.atomic
def decide_case(*, case_id: int, verdict: str, reason: str, by: User, at: datetime) -> FraudCase:
    """Pay or refuse what a case is about. Above 500 yuan the first decision is a proposal, and another person's same
    verdict decides; a different one is a new proposal. Refused "verdict_unknown", "reason_needed", "answer_awaited"
    (refusing before the station's days are over), "same_person"; Conflict "state_changed"."""
    case = FraudCase.objects.get(pk=case_id)
    lock_county(county_code=case.county_code)
    case = FraudCase.objects.select_for_update().get(pk=case_id)
    if verdict not in VERDICTS:
        raise Refused("verdict_unknown", _("Pay or refuse?"), pointer="/verdict")
    kept = reason_given(reason, most=REASON_MAX)
    if case.state not in OPEN_CASES:
        raise Conflict("state_changed", _("Somebody else was faster: look again."))
    if verdict == CaseState.REFUSE and case.state == CaseState.RAISED and clock.business_date(at) <= case.answer_by:
        raise Refused("answer_awaited", _("The station may still answer. Until then it can't be refused."))
    lines = standing_lines(case)
    yuan = lines.aggregate(yuan=Sum("amount"))["yuan"] or Decimal(0)
    if yuan > FOUR_EYES_YUAN and (case.state != CaseState.PROPOSED or case.verdict != verdict):
        move(
            case,
            to=CaseState.PROPOSED,
            by=by,
            at=at,
            reason=kept,
            allowed=OPEN_CASES,
            verdict=verdict,
            verdict_reason=kept,
            proposed_by=by,
        )
        return case
    if case.state == CaseState.PROPOSED and case.proposed_by_id == by.pk:
        raise Refused("same_person", _("Above 500 yuan a second person decides."))
    move(
        case,
        to=verdict,
        by=by,
        at=at,
        reason=kept,
        allowed=OPEN_CASES,
        verdict=verdict,
        verdict_reason=kept,
        decided_by=by,
        decided_at=at,
    )
    for line in lines.select_related("hold", "policy").order_by("pk"):
        _carry_out(line, case, by=by, at=at, reason=kept)
    return case


def _carry_out(line: Line, case: FraudCase, *, by: User, at: datetime, reason: str) -> None:
    """What the decision means for one line that stands."""
    hold = getattr(line, "hold", None)
    held = hold if hold is not None and hold.closed_at is None else None
    if case.state == CaseState.REFUSE:
        if held:
            close_hold(hold=held, outcome=HoldOutcome.REFUSED, by=by, at=at, reason=reason)
        elif _is_approved(line):
            running = Clawback.objects.filter(line=line).exclude(state=ClawbackState.WAIVED)
            if not running.exists():
                evidence = [str(one) for one in case.event_ids[:20]]
                propose_clawback(
                    line_id=line.pk, cause=ClawbackCause.FRAUD, reason=reason, evidence=evidence, by=by, at=at
                )
        else:
            reverse_line(line=line, by=by, at=at)
    elif held and held.reason == HoldReason.FRAUD and not _in_another_case(line, case):
        close_hold(hold=held, outcome=HoldOutcome.RELEASED, by=by, at=at, reason=reason)


def _in_another_case(line: Line, case: FraudCase) -> bool:
    return line.case_lines.filter(case__state__in=OPEN_CASES).exclude(case=case).exists()


def _is_approved(line: Line) -> bool:
    hold = getattr(line, "hold", None)
    return Statement.objects.filter(
        county_code=line.county_code,
        period=hold.stated_in if hold else line.period,
        station_id=line.station_id,
        fund_id=line.policy.fund_id,
        state__in=APPROVED_STATEMENTS,
    ).exists()
