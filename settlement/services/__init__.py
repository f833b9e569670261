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
from settlement.services.periods import (
    approve_period,
    compute_period,
    freeze_period,
    publicise_period,
    reopen_computation,
    review_period,
)
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
from settlement.services.statements import (
    check_statements,
    confirm_silent,
    confirm_statement,
    dispute_statement,
)

__all__ = [
    "PolicyFields",
    "SettleResult",
    "accept_clawback",
    "activate_policy",
    "appeal_clawback",
    "appropriate",
    "approve_period",
    "change_policy",
    "check_statements",
    "close_hold",
    "compute_period",
    "confirm_silent",
    "confirm_statement",
    "create_fund",
    "decide_appeal",
    "discard_policy",
    "dispute_statement",
    "draft_policy",
    "enter_fact",
    "find_clawbacks",
    "freeze_period",
    "net_clawback",
    "notify_clawback",
    "open_appeal",
    "policy_faults",
    "propose_clawback",
    "publicise_period",
    "refuse_hold",
    "refuse_holds",
    "release_hold",
    "release_holds",
    "reopen_computation",
    "retire_months",
    "review_period",
    "rewind_after_restore",
    "settle",
    "waive_clawback",
]
