"""Writes of the subsidy."""

from settlement.services.accounts import confirm_account, enter_account
from settlement.services.appeals import decide_appeal, open_appeal
from settlement.services.awards import (
    RoundFields,
    approve_round,
    check_round,
    compute_round,
    draft_round,
    enter_award_grade,
    publish_round,
    reopen_round,
)
from settlement.services.bank_files import download_bank_file, preview_bank_form, set_bank_form
from settlement.services.checks import check_books, keep_check
from settlement.services.clawbacks import (
    accept_clawback,
    appeal_clawback,
    find_clawbacks,
    net_clawback,
    notify_clawback,
    propose_clawback,
    waive_clawback,
)
from settlement.services.documents import month_set
from settlement.services.facts import enter_fact
from settlement.services.fraud import look
from settlement.services.funds import appropriate, change_budget, create_fund
from settlement.services.grant_payment import (
    approve_claim,
    audit_claim,
    close_paid_grants,
    prepare_instalment,
    release_instalment,
    return_claim,
)
from settlement.services.grant_schemes import (
    SchemeFields,
    activate_scheme,
    discard_scheme,
    draft_scheme,
    draw_sample,
)
from settlement.services.grants import ProofFields, apply_grant, inspect_claim, reject_claim
from settlement.services.holds import close_hold, refuse_holds, release_holds
from settlement.services.payments import cancel_batch, issue_batches, send_batch
from settlement.services.periods import (
    approve_period,
    compute_period,
    end_month,
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
)
from settlement.services.recompute import recompute
from settlement.services.results import read_results
from settlement.services.retire_months import retire_months
from settlement.services.settle import rewind_after_restore, settle
from settlement.services.statements import (
    check_statements,
    confirm_silent,
    confirm_statement,
    dispute_statement,
)

__all__ = [
    "PolicyFields",
    "ProofFields",
    "RoundFields",
    "SchemeFields",
    "accept_clawback",
    "activate_policy",
    "activate_scheme",
    "appeal_clawback",
    "apply_grant",
    "appropriate",
    "approve_claim",
    "approve_period",
    "approve_round",
    "audit_claim",
    "cancel_batch",
    "change_budget",
    "change_policy",
    "check_books",
    "check_round",
    "check_statements",
    "close_hold",
    "close_paid_grants",
    "compute_period",
    "compute_round",
    "confirm_account",
    "confirm_silent",
    "confirm_statement",
    "create_fund",
    "decide_appeal",
    "discard_policy",
    "discard_scheme",
    "dispute_statement",
    "download_bank_file",
    "draft_policy",
    "draft_round",
    "draft_scheme",
    "draw_sample",
    "end_month",
    "enter_account",
    "enter_award_grade",
    "enter_fact",
    "find_clawbacks",
    "freeze_period",
    "inspect_claim",
    "issue_batches",
    "keep_check",
    "look",
    "month_set",
    "net_clawback",
    "notify_clawback",
    "open_appeal",
    "prepare_instalment",
    "preview_bank_form",
    "propose_clawback",
    "publicise_period",
    "publish_round",
    "read_results",
    "recompute",
    "refuse_holds",
    "reject_claim",
    "release_holds",
    "release_instalment",
    "reopen_computation",
    "reopen_round",
    "retire_months",
    "return_claim",
    "review_period",
    "rewind_after_restore",
    "send_batch",
    "set_bank_form",
    "settle",
    "waive_clawback",
]
