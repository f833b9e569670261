"""Writes of the subsidy."""

from settlement.services.appeals import decide_appeal, open_appeal
from settlement.services.clawbacks import (
    accept_clawback,
    appeal_clawback,
    find_clawbacks,
    net_clawback,
    notify_clawback,
    propose_clawback,
    waive_clawback,
)
from settlement.services.facts import enter_fact
from settlement.services.funds import appropriate, create_fund
from settlement.services.holds import close_hold, refuse_hold, refuse_holds, release_hold, release_holds
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
    "accept_clawback",
    "activate_policy",
    "appeal_clawback",
    "appropriate",
    "change_policy",
    "close_hold",
    "create_fund",
    "decide_appeal",
    "discard_policy",
    "draft_policy",
    "enter_fact",
    "find_clawbacks",
    "net_clawback",
    "notify_clawback",
    "open_appeal",
    "policy_faults",
    "propose_clawback",
    "refuse_hold",
    "refuse_holds",
    "release_hold",
    "release_holds",
    "retire_months",
    "rewind_after_restore",
    "settle",
    "waive_clawback",
]
