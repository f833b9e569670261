"""Writes of the subsidy."""

from settlement.services.policies import activate_policy, discard_policy, draft_policy
from settlement.services.settle import SettleResult, rewind_after_restore, settle

__all__ = [
    "SettleResult",
    "activate_policy",
    "discard_policy",
    "draft_policy",
    "rewind_after_restore",
    "settle",
]
