"""Writes of the subsidy."""

from settlement.services.facts import enter_fact
from settlement.services.funds import appropriate, create_fund
from settlement.services.policies import (
    PolicyFields,
    activate_policy,
    change_policy,
    discard_policy,
    draft_policy,
    policy_faults,
)
from settlement.services.retire_months import retire_months
from settlement.services.settle import SettleResult, rewind_after_restore, settle

__all__ = [
    "PolicyFields",
    "SettleResult",
    "activate_policy",
    "appropriate",
    "change_policy",
    "create_fund",
    "discard_policy",
    "draft_policy",
    "enter_fact",
    "policy_faults",
    "retire_months",
    "rewind_after_restore",
    "settle",
]
