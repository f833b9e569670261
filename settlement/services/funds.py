"""A special fund: opened with its budget, filled by appropriations, each with its document and its entry."""

from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import clock, money
from common.errors import Conflict, Refused
from settlement.models import Appropriation, Fund
from settlement.services.books import Leg, post
from settlement.states import Account, ShortfallRule

YUAN_MAX = Decimal(10**9)  # what one posting takes


@transaction.atomic
def create_fund(
    *,
    county_code: str,
    number: str,
    name: str,
    source: str,
    budget: Decimal,
    shortfall: str = ShortfallRule.QUEUE,
    by: User,
    at: datetime,
) -> Fund:
    """A fund of `budget` yuan (2 places). Refused "amount_out_of_range" or "shortfall_unknown", Conflict
    "fund_number_taken"."""
    _check_yuan(budget, "/budget")
    if shortfall not in ShortfallRule.values:
        raise Refused("shortfall_unknown", _("A rule from the list, please."), pointer="/shortfall")
    try:
        with transaction.atomic():
            fund = Fund.objects.create(
                county_code=county_code,
                number=number,
                name=name,
                source=source,
                budget=budget,
                shortfall=shortfall,
                created_by=by,
                created_at=at,
            )
    except IntegrityError as taken:
        raise Conflict(
            "fund_number_taken", _("This county has a fund of that number already."), pointer="/number"
        ) from taken
    audit(
        actor=by,
        action="fund.created",
        entity="fund",
        entity_id=fund.pk,
        label=str(fund),
        at=at,
        county_code=county_code,
        after={"budget": str(budget), "shortfall": shortfall},
    )
    return fund


@transaction.atomic
def appropriate(
    *, fund_id: int, document: str, amount: Decimal, received_on: date, by: User, at: datetime
) -> Appropriation:
    """Money received into a fund, yuan with 2 places, with its entry: treasury up. Refused "amount_out_of_range" or
    "received_later", Conflict "document_taken", or "appropriation_above_budget" with the figures."""
    _check_yuan(amount, "/amount")
    if received_on > clock.business_date(at):
        raise Refused("received_later", _("This day lies ahead."), pointer="/received_on")
    fund = Fund.objects.select_for_update().get(pk=fund_id)  # the lock: two can't both fit under the budget
    if fund.appropriations.filter(document=document).exists():
        raise Conflict("document_taken", _("This document was entered already."), pointer="/document")
    received = fund.appropriations.aggregate(yuan=Sum("amount"))["yuan"] or Decimal(0)
    if received + amount > fund.budget:
        raise Conflict(
            "appropriation_above_budget",
            _("Above the budget: %(received)s yuan received of %(budget)s, at most %(left)s more.")
            % {
                "received": f"{received:,.2f}",
                "budget": f"{fund.budget:,.2f}",
                "left": f"{fund.budget - received:,.2f}",
            },
            pointer="/amount",
        )
    entry = post(
        county_code=fund.county_code,
        source_key=f"appropriation:{document}@{fund.pk}",
        legs=[Leg(Account.TREASURY, amount, fund.pk), Leg(Account.APPROPRIATION, -amount, fund.pk)],
        at=at,
        by=by,
        note=document,
    )
    row = Appropriation.objects.create(
        county_code=fund.county_code,
        fund=fund,
        document=document,
        amount=amount,
        received_on=received_on,
        entry=entry,
        by=by,
        at=at,
    )
    audit(
        actor=by,
        action="fund.appropriated",
        entity="fund",
        entity_id=fund.pk,
        label=str(fund),
        at=at,
        county_code=fund.county_code,
        after={"document": document, "amount": str(amount)},
    )
    return row


@transaction.atomic
def change_budget(*, fund_id: int, budget: Decimal, reason: str, by: User, at: datetime) -> Fund:
    """Another budget (yuan, 2 places), with its reason in the audit. Refused "amount_out_of_range" or "reason_missing",
    Conflict "budget_below_received" with the figure."""
    _check_yuan(budget, "/budget")
    if not reason.strip():
        raise Refused("reason_missing", _("Write down why."), pointer="/reason")
    fund = Fund.objects.select_for_update().get(pk=fund_id)
    received = fund.appropriations.aggregate(yuan=Sum("amount"))["yuan"] or Decimal(0)
    if budget < received:
        raise Conflict(
            "budget_below_received",
            _("%(received)s yuan were received already: the budget can't be less.") % {"received": f"{received:,.2f}"},
            pointer="/budget",
        )
    before, fund.budget = fund.budget, budget
    fund.save(update_fields=["budget"])
    audit(
        actor=by,
        action="fund.changed",
        entity="fund",
        entity_id=fund.pk,
        label=str(fund),
        at=at,
        county_code=fund.county_code,
        before={"budget": str(before)},
        after={"budget": str(budget)},
        reason=reason,
    )
    return fund


def _check_yuan(amount: Decimal, pointer: str) -> None:
    if not amount.is_finite() or not 0 < amount <= YUAN_MAX or amount != money.statement_yuan(amount):
        raise Refused(
            "amount_out_of_range", _("More than 0, at most 1,000,000,000 yuan, in whole fen."), pointer=pointer
        )
