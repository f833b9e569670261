"""Policies of the small county."""

from datetime import date
from decimal import Decimal

from settlement.models import Policy
from settlement.services import activate_policy
from tests.conftest import NOW, County


def make_draft(county: County, *, number: str = "丰交〔2026〕1号", by=None, **values) -> Policy:
    row = {
        "name": "村级寄递补贴",
        "issuer": "丰都县交通运输委员会",
        "rate_plain": Decimal("0.30"),
        "rate_hill": Decimal("0.40"),
        "rate_mountain": Decimal("0.50"),
        "valid_from": date(2026, 1, 1),
    }
    by = by or county.people["clerk"]
    return Policy.objects.create(
        county_code=county.code, number=number, created_by=by, created_at=NOW, **{**row, **values}
    )


def make_policy(county: County, **values) -> Policy:
    """A policy in force, by two people."""
    draft = make_draft(county, **values)
    return activate_policy(policy_id=draft.pk, by=county.people["approver"], at=NOW)
