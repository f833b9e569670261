"""Objections: from anybody to a published notice, from an outlet to its statement or to a clawback. One door in, one
decision by somebody who didn't open it; what is upheld in money is an adjustment in the next open month."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock, text
from common.errors import Conflict, NotAllowed, Refused
from settlement.models import Adjustment, Appeal, Clawback, Period, Statement, Transition
from settlement.queries.books import next_open_month
from settlement.services.books import move
from settlement.services.lines import adjust, lock_county, reinstate_line
from settlement.states import AdjustmentKind, AppealState, ClawbackState, PeriodState, StatementState

TEXT_MAX = 1000
AMOUNT_MAX = Decimal(100_000)  # yuan an appeal may change a statement by


def text_given(said: str, *, most: int = TEXT_MAX) -> str:
    """A text as it is kept. Refused "text_needed" where nothing readable is left, "text_too_long"."""
    kept = text.clean(said.replace("\x00", ""))
    if not any(char.isalnum() for char in kept):
        raise Refused("text_needed", _("Write something that can be read."), pointer="/text")
    if len(kept) > most:
        raise Refused("text_too_long", _("At most %(most)d characters.") % {"most": most}, pointer="/text")
    return kept


@transaction.atomic
def open_appeal(
    *,
    county_code: str,
    period: date,
    text: str,
    at: datetime,
    by: User | None = None,
    station_id: int | None = None,
    statement: Statement | None = None,
    clawback: Clawback | None = None,
    claimant_name: str = "",
    claimant_phone: str = "",
) -> Appeal:
    """Keep an objection. Without a statement or clawback it is the public's, to a notice: Refused "notice_closed" once
    its last day is over. Conflict "appeal_open" if one of the same statement or clawback waits. The caller moves the
    statement (statements.dispute_statement) or the clawback (clawbacks.appeal_clawback)."""
    kept = text_given(text)
    if statement is None and clawback is None:
        _must_be_public(county_code, period, at)
    if statement is not None:
        Statement.objects.select_for_update().get(pk=statement.pk)  # two at once: the second sees the first's
        if statement.appeals.filter(state=AppealState.OPEN).exists():
            raise Conflict("appeal_open", _("An objection to this is waiting for its answer."))
    if clawback is not None:
        Clawback.objects.select_for_update().get(pk=clawback.pk)
        if clawback.appeals.filter(state=AppealState.OPEN).exists():
            raise Conflict("appeal_open", _("An objection to this is waiting for its answer."))
    outlet = station_id or (statement.station_id if statement else clawback.station_id if clawback else None)
    appeal = Appeal.objects.create(
        county_code=county_code,
        period=period,
        station_id=outlet,
        statement=statement,
        clawback=clawback,
        text=kept,
        claimant_name=claimant_name or None,
        claimant_phone=claimant_phone or None,
        opened_by=by,
        opened_at=at,
    )
    Transition.objects.create(
        county_code=county_code,
        entity="appeal",
        entity_id=appeal.pk,
        to_state=AppealState.OPEN,
        by=by,
        at=at,
    )
    return appeal


def _must_be_public(county_code: str, period: date, at: datetime) -> None:
    # locked: the month is not approved between this look and the insert, which approval would have to see
    month = Period.objects.select_for_update().filter(county_code=county_code, month=period).first()
    if (
        month is None
        or month.state != PeriodState.PUBLICISED
        or month.notice_until is None
        or clock.business_date(at) > month.notice_until
    ):
        raise Refused("notice_closed", _("One can't object to this notice any more: its last day is over."))


@transaction.atomic
def decide_appeal(
    *,
    appeal_id: int,
    upheld: bool,
    answer: str,
    by: User,
    at: datetime,
    amount: Decimal | None = None,
    statement_id: int | None = None,
) -> Appeal:
    """Answer an objection, once; the answer is for everybody to read.

    1. Upheld with an amount (yuan, up to 4 places, either sign): an adjustment of the outlet in the next open month, in
       the fund of its statement; `statement_id` says which where the public's objection could mean several.
    2. A disputed statement goes on as confirmed. 3. An appealed clawback is waived (paid again if it was set off), or
       waits to be set off.

    NotAllowed "own_appeal" or "own_clawback"; Conflict "state_changed"; Refused "text_needed", "amount_not_here",
    "amount_out_of_bounds", "statement_needed"."""
    kept = text_given(answer)
    county = Appeal.objects.values_list("county_code", flat=True).get(pk=appeal_id)
    lock_county(county_code=county)
    appeal = Appeal.objects.select_related("statement", "clawback__line").get(pk=appeal_id)
    if appeal.opened_by_id == by.pk:
        raise NotAllowed(_("Who objected doesn't decide: ask a colleague."), code="own_appeal")
    if appeal.state != AppealState.OPEN:
        raise Conflict("state_changed", _("Somebody else was faster: look again."))
    adjustment = None
    if amount is not None:
        adjustment = _adjust(appeal, upheld, amount, statement_id, kept, by, at)
    move(
        appeal,
        to=AppealState.UPHELD if upheld else AppealState.REJECTED,
        by=by,
        at=at,
        reason=kept[:300],
        allowed=[AppealState.OPEN],
        answer=kept,
        adjustment=adjustment,
        decided_by=by,
        decided_at=at,
    )
    if appeal.statement and appeal.statement.state == StatementState.DISPUTED:
        move(
            appeal.statement,
            to=StatementState.CONFIRMED,
            by=by,
            at=at,
            reason=kept[:300],
            allowed=[StatementState.DISPUTED],
            confirmed_at=at,
        )
    if appeal.clawback:
        _settle_clawback(appeal.clawback, upheld=upheld, answer=kept, by=by, at=at)
    return appeal


def _adjust(
    appeal: Appeal, upheld: bool, amount: Decimal, statement_id: int | None, answer: str, by: User, at: datetime
) -> Adjustment:
    if not upheld or appeal.clawback_id:
        raise Refused(
            "amount_not_here", _("An amount belongs to an objection to a sum that is upheld."), pointer="/amount"
        )
    if not amount.is_finite() or not amount or abs(amount) > AMOUNT_MAX:
        raise Refused("amount_out_of_bounds", _("An amount other than zero, please."), pointer="/amount")
    statement = appeal.statement or _statement_meant(appeal, statement_id)
    return adjust(
        county_code=appeal.county_code,
        period=next_open_month(appeal.county_code, appeal.period),
        station_id=statement.station_id,
        fund_id=statement.fund_id,
        kind=AdjustmentKind.APPEAL,
        amount=amount,
        reason=answer[:300],
        source_key=f"appeal:{appeal.pk}",
        by=by,
        at=at,
    )


def _statement_meant(appeal: Appeal, statement_id: int | None) -> Statement:
    """The statement of the appeal's month and outlet that the amount is for."""
    rows = Statement.objects.filter(county_code=appeal.county_code, period=appeal.period)
    if appeal.station_id:
        rows = rows.filter(station_id=appeal.station_id)
    found = list(rows.filter(pk=statement_id) if statement_id else rows[:2] if appeal.station_id else [])
    if len(found) != 1:
        raise Refused("statement_needed", _("Choose the statement the amount is for."), pointer="/statement")
    return found[0]


def _settle_clawback(clawback: Clawback, *, upheld: bool, answer: str, by: User, at: datetime) -> None:
    if upheld and clawback.proposed_by_id == by.pk:
        raise NotAllowed(_("Who proposed it doesn't decide it: ask a colleague."), code="own_clawback")
    values: dict[str, Any] = {"by": by, "at": at, "reason": answer[:300]}
    if not upheld:
        if clawback.state == ClawbackState.APPEALED:  # told once more: the approver may set it off now
            move(clawback, to=ClawbackState.NOTIFIED, allowed=[ClawbackState.APPEALED], **values)
        return
    if clawback.state == ClawbackState.NETTED:
        reinstate_line(line=clawback.line, by=by, at=at)
        # the reversal is known by its turn; the row no longer says that the outlet was charged
        move(
            clawback,
            to=ClawbackState.WAIVED,
            allowed=[ClawbackState.NETTED],
            reversal=None,
            decided_by=by,
            decided_at=at,
            **values,
        )
        return
    move(
        clawback,
        to=ClawbackState.WAIVED,
        allowed=[ClawbackState.APPEALED],
        decided_by=by,
        decided_at=at,
        **values,
    )
