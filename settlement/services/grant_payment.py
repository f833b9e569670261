"""From an accepted claim to money: audited, approved by somebody else, paid by instalments that travel with the
station's statements."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import clock, money, text
from common.errors import Conflict, Refused
from settlement.models import Fund, GrantClaim, GrantInstalment
from settlement.queries import grants as queries
from settlement.queries.books import next_open_month
from settlement.services.books import move
from settlement.services.grant_steps import LEAST, locked_claim, months_later, reason_kept, refuse_self, stored, trace
from settlement.services.lines import adjust, lock_county
from settlement.states import AdjustmentKind, Grade, GrantState
from stations.states import StationState


@transaction.atomic
def audit_claim(*, claim_id: int, amount: Decimal, grade: str, note: str, by: User, at: datetime) -> GrantClaim:
    """Set what is granted: at most the ceiling of queries.grants. The inspection's grade stands; a claim that passed on
    its papers gets one here. Refused "amount_out_of_bounds" or "above_the_ceiling" with the figures."""
    claim = locked_claim(claim_id)
    if claim.state != GrantState.ACCEPTED:
        raise Conflict("state_changed", _("Somebody else was faster: look again."))
    refuse_self([claim.applied_by_id, claim.accepted_by_id], by)
    if claim.grade and grade and grade != claim.grade:
        raise Refused("grade_given", _("The inspection gave another grade."), pointer="/grade")
    grade = claim.grade or grade
    if grade not in Grade.values:
        raise Refused("grade_missing", _("A grade from A to D, please."), pointer="/grade")
    found = queries.ceiling(claim, grade)
    if not amount.is_finite() or amount < LEAST or amount != money.statement_yuan(amount):
        raise Refused("amount_out_of_bounds", _("At least 100 yuan, in yuan and fen."), pointer="/amount")
    if amount > found.most:
        raise Refused(
            "above_the_ceiling",
            _("At most %(most)s yuan for an investment of %(eligible)s yuan and grade %(grade)s.")
            % {"most": f"{found.most:,.2f}", "eligible": f"{found.eligible:,.2f}", "grade": grade},
            pointer="/amount",
        )
    move(
        claim,
        to=GrantState.AUDITED,
        by=by,
        at=at,
        reason=text.clean(note)[:300],
        allowed=(GrantState.ACCEPTED,),
        grade=grade,
        eligible=found.eligible,
        amount=amount,
        audit_note=text.clean(note)[:300],
        audited_by=by,
        audited_at=at,
    )
    trace(claim, "grant.audited", by, at, {"amount": str(amount), "grade": grade})
    return claim


@transaction.atomic
def return_claim(*, claim_id: int, reason: str, by: User, at: datetime) -> GrantClaim:
    """Send an audited claim back to be audited again. Refused "reason_missing"."""
    claim = locked_claim(claim_id)
    reason = reason_kept(reason)
    values: dict[str, Any] = {"amount": None, "eligible": None, "audited_by": None, "audited_at": None}
    if not claim.finding and not claim.drawn:
        values["grade"] = ""  # it was the auditor's
    move(claim, to=GrantState.ACCEPTED, by=by, at=at, reason=reason, allowed=(GrantState.AUDITED,), **values)
    trace(claim, "grant.returned", by, at, None, reason)
    return claim


@transaction.atomic
def approve_claim(*, claim_id: int, by: User, at: datetime) -> GrantClaim:
    """Promise the amount and cut it into instalments. Refused "same_person" or "fund_budget_exceeded" (figures)."""
    claim = locked_claim(claim_id)
    if claim.state != GrantState.AUDITED or claim.amount is None:
        raise Conflict("state_changed", _("Somebody else was faster: look again."))
    refuse_self([claim.applied_by_id, claim.accepted_by_id, claim.audited_by_id], by)
    fund = Fund.objects.select_for_update().get(pk=claim.scheme.fund_id)  # two can't both fit under the budget
    left = queries.room(fund).left
    if claim.amount > left:
        raise Refused(
            "fund_budget_exceeded",
            _("The fund's budget has %(left)s yuan left, this grant takes %(amount)s.")
            % {"left": f"{left:,.2f}", "amount": f"{claim.amount:,.2f}"},
        )
    move(
        claim,
        to=GrantState.APPROVED,
        by=by,
        at=at,
        allowed=(GrantState.AUDITED,),
        approved_by=by,
        approved_at=at,
    )
    today, left_over = clock.business_date(at), claim.amount
    shares = claim.scheme.instalments
    for number, share in enumerate(shares, start=1):
        part = left_over if number == len(shares) else money.statement_yuan(claim.amount * share)
        left_over -= part
        GrantInstalment.objects.create(
            county_code=claim.county_code,
            claim=claim,
            number=number,
            amount=part,
            due_on=months_later(today, claim.scheme.instalment_months * (number - 1)),
        )
    trace(claim, "grant.approved", by, at, {"amount": str(claim.amount)})
    return claim


@transaction.atomic
def prepare_instalment(*, instalment_id: int, note: str, by: User, at: datetime) -> GrantInstalment:
    """Ask for an instalment to be released: due, after the one before it, at a station that works. Refused
    "instalment_not_due", "station_not_active", "note_missing", Conflict "instalment_out_of_order" or
    "instalment_prepared"."""
    row = _locked_instalment(instalment_id)
    if row.prepared_by_id:
        raise Conflict("instalment_prepared", _("This instalment was asked for already."))
    if row.claim.instalments.filter(number__lt=row.number, adjustment__isnull=True).exists():
        raise Conflict("instalment_out_of_order", _("The instalment before it comes first."))
    if clock.business_date(at) < row.due_on:
        raise Refused("instalment_not_due", _("This instalment isn't due yet."))
    if row.claim.station.state != StationState.ACTIVE:
        raise Refused("station_not_active", _("The station isn't at work: nothing is paid until it is."))
    note = text.clean(note)[:300]
    if len(note) < 2:
        raise Refused("note_missing", _("Say what was looked at."), pointer="/note")
    row.note, row.prepared_by, row.prepared_at = note, by, at
    row.save(update_fields=["note", "prepared_by", "prepared_at"])
    trace(row.claim, "grant.instalment_prepared", by, at, {"instalment": str(row.number)}, note)
    return row


@transaction.atomic
def release_instalment(*, instalment_id: int, by: User, at: datetime) -> GrantInstalment:
    """Put an instalment into the station's next open month. Refused "same_person", Conflict "instalment_not_prepared"
    or "instalment_released"."""
    county = GrantInstalment.objects.values_list("county_code", flat=True).get(pk=instalment_id)
    lock_county(county_code=county)  # first, as everybody: the month must not be frozen under it
    row = _locked_instalment(instalment_id)
    if row.adjustment_id:
        raise Conflict("instalment_released", _("This instalment was released already."))
    if not row.prepared_by_id:
        raise Conflict("instalment_not_prepared", _("The clerk asks for it first."))
    refuse_self([row.prepared_by_id], by)
    claim = row.claim
    adjustment = adjust(
        county_code=county,
        period=next_open_month(county, clock.month_of(at)),
        station_id=claim.station_id,
        fund_id=claim.scheme.fund_id,
        kind=AdjustmentKind.GRANT,
        amount=row.amount,
        reason=stored(_("Grant no. %(claim)d, instalment %(number)d of %(all)d: %(scheme)s"))
        % {
            "claim": claim.pk,
            "number": row.number,
            "all": len(claim.scheme.instalments),
            "scheme": claim.scheme.name,
        },
        source_key=f"grant:{claim.pk}-{row.number}",
        by=by,
        at=at,
    )
    row.released_by, row.released_at, row.adjustment = by, at, adjustment
    row.save(update_fields=["released_by", "released_at", "adjustment"])
    if claim.state == GrantState.APPROVED:
        move(claim, to=GrantState.PAYING, by=by, at=at, allowed=(GrantState.APPROVED,))
    trace(claim, "grant.instalment_released", by, at, {"instalment": str(row.number), "yuan": str(row.amount)})
    return row


@transaction.atomic
def close_paid_grants(*, county_code: str, at: datetime) -> int:
    """Claims whose last instalment has reached the station are paid; returns how many. By the clock."""
    done = queries.paid_claims(county_code)
    move(done, to=GrantState.PAID, by=None, at=at, allowed=(GrantState.PAYING,))
    return len(done)


def _locked_instalment(instalment_id: int) -> GrantInstalment:
    row = GrantInstalment.objects.get(pk=instalment_id)
    claim = locked_claim(row.claim_id)  # the claim is the lock of all its instalments
    row.refresh_from_db()
    row.claim = claim
    return row
