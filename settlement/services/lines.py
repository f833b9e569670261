"""Lines and amounts that a person decides on, beside those the scans write (services.settle)."""

from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import money
from common.errors import Conflict, Refused
from settlement.models import Adjustment, Cursor, Line
from settlement.queries.books import next_open_month
from settlement.services.books import Leg, post
from settlement.states import Account, Cause


def lock_county(*, county_code: str) -> Cursor:
    """The one lock of a county's months: whoever writes lines or freezes a month holds it. Inside a transaction."""
    Cursor.objects.get_or_create(county_code=county_code)
    return Cursor.objects.select_for_update().get(county_code=county_code)


@transaction.atomic
def reverse_line(*, line: Line, by: User | None, at: datetime, month: date | None = None) -> Line:
    """Take a line back by decision: a reversing line in `month` (the next open one), which the scans alone won't undo.
    Conflict "line_reversed" if it doesn't stand any more."""
    lock_county(county_code=line.county_code)
    if line.is_reversal or _last_turn(line).pk != line.pk:
        raise Conflict("line_reversed", _("This line was taken back already."))
    return _follow(line, amount=-line.amount, by=by, at=at, month=month)


@transaction.atomic
def reinstate_line(*, line: Line, by: User | None, at: datetime) -> Line:
    """Pay again what a decision took back: the reversal's opposite, in the next open month. Conflict "line_stands" if
    it was paid again already."""
    lock_county(county_code=line.county_code)
    last = _last_turn(line)
    if not last.is_reversal:
        raise Conflict("line_stands", _("This line stands already."))
    return _follow(last, amount=-last.amount, by=by, at=at, month=None)


def _last_turn(line: Line) -> Line:
    return Line.objects.filter(county_code=line.county_code, parcel=line.parcel_id, service=line.service).latest("turn")


def _follow(line: Line, *, amount: Decimal, by: User | None, at: datetime, month: date | None) -> Line:
    period = month or next_open_month(line.county_code, line.period)
    fund_id = line.policy.fund_id
    entry = post(
        county_code=line.county_code,
        source_key=f"decision:{line.parcel_id}-{line.service}-{line.turn + 1}",
        legs=[
            Leg(Account.SUBSIDY, amount, fund_id),
            Leg(Account.ACCRUED, -amount, fund_id, line.station_id, period),
        ],
        at=at,
        by=by,
    )
    return Line.objects.create(
        county_code=line.county_code,
        policy_id=line.policy_id,
        parcel_id=line.parcel_id,
        station_id=line.station_id,
        service=line.service,
        turn=line.turn + 1,
        period=period,
        effective_at=line.effective_at,
        rate=line.rate,
        amount=amount,
        evidence_class=line.evidence_class,
        cause=Cause.DECISION,
        reasons=line.reasons,
        evidence=line.evidence,
        entry=entry,
        created_at=at,
    )


@transaction.atomic
def adjust(
    *,
    county_code: str,
    period: date,
    station_id: int,
    fund_id: int,
    kind: str,
    amount: Decimal,
    reason: str,
    source_key: str,
    by: User | None,
    at: datetime,
) -> Adjustment:
    """Add an amount (4 places, yuan) that is no parcel's to a month's statement, with its entry. The caller knows that
    the month may still take it. Refused "amount_not_finite", Conflict "already_posted" if `source_key` was used."""
    if not amount.is_finite() or not amount:
        raise Refused("amount_not_finite", _("An amount other than zero, please."), pointer="/amount")
    amount = money.line_yuan(amount)
    entry = post(
        county_code=county_code,
        source_key=f"adjust:{source_key}",
        legs=[
            Leg(Account.SUBSIDY, amount, fund_id),
            Leg(Account.ACCRUED, -amount, fund_id, station_id, period),
        ],
        at=at,
        by=by,
        note=reason[:200],
    )
    try:
        with transaction.atomic():
            return Adjustment.objects.create(
                county_code=county_code,
                period=period,
                station_id=station_id,
                fund_id=fund_id,
                kind=kind,
                amount=amount,
                reason=reason[:300],
                source_key=source_key,
                entry=entry,
                by=by,
                at=at,
            )
    except IntegrityError as twice:
        raise Conflict("already_posted", _("This was done already.")) from twice
