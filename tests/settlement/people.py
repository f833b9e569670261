"""Policies of the small county."""

from datetime import date
from decimal import Decimal

from settlement.models import Fund, Policy
from settlement.services import activate_policy
from settlement.states import FactorKind
from tests.conftest import NOW, County


def make_fund(county: County, **values) -> Fund:
    row = {
        "number": "丰财农〔2026〕8号",
        "name": "村级寄递补贴专项资金",
        "source": "县财政",
        "budget": Decimal("1000000.00"),
        "created_by": county.people.get("clerk"),
        "created_at": NOW,
    }
    wanted = {**row, **values}
    return Fund.objects.get_or_create(county_code=county.code, number=wanted.pop("number"), defaults=wanted)[0]


def make_draft(
    county: County, *, number: str = "丰交〔2026〕1号", by=None, hill=None, mountain=None, **values
) -> Policy:
    """A draft at 0.30 yuan; `hill` and `mountain` are multipliers. `state`… put it in force past the service."""
    row = {
        "name": "村级寄递补贴",
        "issuer": "丰都县交通运输委员会",
        "rate_delivery": Decimal("0.30"),
        "valid_from": date(2026, 1, 1),
    }
    in_force = {name: values.pop(name) for name in ("state", "activated_by", "activated_at") if name in values}
    policy = Policy.objects.create(
        county_code=county.code,
        number=number,
        created_by=by or county.people["clerk"],
        created_at=NOW,
        **{**row, "fund": values.pop("fund", None) or make_fund(county), **values},
    )
    for key, multiplier in (("hill", hill or "1.333333"), ("mountain", mountain or "1.666667")):
        policy.factors.create(kind=FactorKind.TERRAIN, key=key, multiplier=Decimal(multiplier))
    if in_force:  # once it is, its factors stay
        Policy.objects.filter(pk=policy.pk).update(**in_force)
        policy.refresh_from_db()
    return policy


def make_policy(county: County, **values) -> Policy:
    """A policy in force, by two people."""
    draft = make_draft(county, **values)
    return activate_policy(policy_id=draft.pk, by=county.people["approver"], at=NOW)
