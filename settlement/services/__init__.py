"""Writes of the subsidy."""

from settlement.services.policies import PolicyFields, activate_policy, discard_policy, draft_policy
from settlement.services.retire_months import retire_months
from settlement.services.settle import SettleResult, rewind_after_restore, settle

__all__ = [
    "PolicyFields",
    "SettleResult",
    "activate_policy",
    "discard_policy",
    "draft_policy",
    "retire_months",
    "rewind_after_restore",
    "settle",
]
