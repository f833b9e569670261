"""Addresses of the subsidy; a month is YYYY-MM."""

from datetime import date

from django.urls import path, register_converter

from common import clock
from settlement.views import (
    accounts,
    ageing,
    appeals,
    awards,
    cases,
    clawbacks,
    documents,
    effect,
    facts,
    fraud,
    funds,
    grant_schemes,
    grants,
    holds,
    ledger,
    notice,
    payments,
    periods,
    policies,
    queue,
    statements,
)

app_name = "settlement"


class MonthConverter:
    """ "2026-11" to the month's first day and back."""

    regex = r"2\d{3}-(?:0[1-9]|1[0-2])"

    def to_python(self, value: str) -> date:
        month = clock.parse_month(value)
        if month is None:
            raise ValueError(value)
        return month

    def to_url(self, value: date | str) -> str:
        return value if isinstance(value, str) else f"{value:%Y-%m}"


register_converter(MonthConverter, "month")

urlpatterns = [
    path("", statements.statement_list, name="statements"),
    path("statements.csv", statements.statements_csv, name="statements-csv"),
    path("outlets/<int:station_id>/<month:month>/", statements.statement, name="statement"),
    path("outlets/<int:station_id>/<month:month>/lines.csv", statements.statement_csv, name="statement-csv"),
    path("outlets/<int:station_id>/<month:month>/statement.pdf", documents.statement_pdf, name="statement-pdf"),
    path("outlets/<int:station_id>/<month:month>/statement.xlsx", documents.statement_xlsx, name="statement-xlsx"),
    path("statements/<int:pk>/confirm/", statements.statement_confirm, name="statement-confirm"),
    path("statements/<int:pk>/dispute/", statements.statement_dispute, name="statement-dispute"),
    path("statements/<month:month>/documents/", documents.month_documents, name="documents"),
    path("ledger/", ledger.ledger, name="ledger"),
    path("ledger.csv", ledger.ledger_csv, name="ledger-csv"),
    path("ledger/<int:pk>/", ledger.ledger_entry, name="ledger-entry"),
    path("queue/", queue.queue, name="queue"),
    path("queue/check/", queue.queue_check, name="queue-check"),
    path("months/", periods.period_list, name="periods"),
    path("months/<month:month>/", periods.period, name="period"),
    path("months/<month:month>/freeze/", periods.period_freeze, name="period-freeze"),
    path("months/<month:month>/compute/", periods.period_compute, name="period-compute"),
    path("months/<month:month>/review/", periods.period_review, name="period-review"),
    path("months/<month:month>/publicise/", periods.period_publicise, name="period-publicise"),
    path("months/<month:month>/approve/", periods.period_approve, name="period-approve"),
    path("months/<month:month>/back/", periods.period_back, name="period-back"),
    path("ageing/", ageing.ageing, name="ageing"),
    path("policies/", policies.policy_list, name="policies"),
    path("policies/new/", policies.policy_new, name="policy-new"),
    path("policies/sentence/", policies.policy_sentence, name="policy-sentence"),
    path("policies/<int:pk>/", policies.policy, name="policy"),
    path("policies/<int:pk>/change/", policies.policy_edit, name="policy-edit"),
    path("policies/<int:pk>/preview/", policies.policy_preview, name="policy-preview"),
    path("policies/<int:pk>/activate/", policies.policy_activate, name="policy-activate"),
    path("policies/<int:pk>/discard/", policies.policy_discard, name="policy-discard"),
    path("funds/", funds.fund_list, name="funds"),
    path("funds/new/", funds.fund_new, name="fund-new"),
    path("funds/<int:pk>/", funds.fund, name="fund"),
    path("funds/<int:pk>/appropriate/", funds.fund_appropriate, name="fund-appropriate"),
    path("funds/<int:pk>/budget/", funds.fund_budget, name="fund-budget"),
    path("facts/", facts.facts, name="facts"),
    path("facts/<int:station_id>/", facts.fact, name="fact"),
    path("facts/<int:station_id>/new/", facts.fact_new, name="fact-new"),
    path("holds/", holds.hold_list, name="holds"),
    path("holds/decide/", holds.holds_decide, name="holds-decide"),
    path("clawbacks/", clawbacks.clawback_list, name="clawbacks"),
    path("clawbacks/new/", clawbacks.clawback_new, name="clawback-new"),
    path("clawbacks/new/<int:line_id>/", clawbacks.clawback_propose, name="clawback-propose"),
    path("clawbacks/<int:pk>/", clawbacks.clawback, name="clawback"),
    path("clawbacks/<int:pk>/letter/", clawbacks.clawback_letter, name="clawback-letter"),
    path("clawbacks/<int:pk>/notify/", clawbacks.clawback_notify, name="clawback-notify"),
    path("clawbacks/<int:pk>/accept/", clawbacks.clawback_accept, name="clawback-accept"),
    path("clawbacks/<int:pk>/appeal/", clawbacks.clawback_appeal, name="clawback-appeal"),
    path("clawbacks/<int:pk>/net/", clawbacks.clawback_net, name="clawback-net"),
    path("clawbacks/<int:pk>/waive/", clawbacks.clawback_waive, name="clawback-waive"),
    path("appeals/", appeals.appeal_list, name="appeals"),
    path("appeals/<int:pk>/", appeals.appeal, name="appeal"),
    path("appeals/<int:pk>/decide/", appeals.appeal_decide, name="appeal-decide"),
    path("notice/answer/", notice.notice_answer, name="notice-answer"),
    path("notice/<str:county_code>/", notice.notice_list, name="notices"),
    path("notice/<str:county_code>/<month:month>/", notice.notice, name="notice"),
    path("notice/<str:county_code>/<month:month>/table.csv", notice.notice_csv, name="notice-csv"),
    path("notice/<str:county_code>/<month:month>/object/", notice.notice_object, name="notice-object"),
    path("accounts/", accounts.account_list, name="accounts"),
    path("accounts/new/", accounts.account_new, name="account-new"),
    path("accounts/<int:pk>/confirm/", accounts.account_confirm, name="account-confirm"),
    path("payments/", payments.batch_list, name="batches"),
    path("payments/issue/", payments.batch_issue, name="batch-issue"),
    path("payments/form/", payments.bank_form, name="bank-form"),
    path("payments/<int:pk>/", payments.batch, name="batch"),
    path("payments/<int:pk>/send/", payments.batch_send, name="batch-send"),
    path("payments/<int:pk>/cancel/", payments.batch_cancel, name="batch-cancel"),
    path("payments/<int:pk>/file/<slug:kind>/", payments.batch_file, name="batch-file"),
    path("payments/<int:pk>/results/", payments.batch_results, name="batch-results"),
    path("grants/", grant_schemes.grant_list, name="grants"),
    path("grants/schemes/new/", grant_schemes.scheme_new, name="scheme-new"),
    path("grants/schemes/<int:pk>/", grant_schemes.scheme, name="scheme"),
    path("grants/schemes/<int:pk>/activate/", grant_schemes.scheme_activate, name="scheme-activate"),
    path("grants/schemes/<int:pk>/discard/", grant_schemes.scheme_discard, name="scheme-discard"),
    path("grants/schemes/<int:pk>/draw/", grant_schemes.scheme_draw, name="scheme-draw"),
    path("grants/schemes/<int:pk>/apply/", grants.grant_apply, name="grant-apply"),
    path("grants/<int:pk>/", grants.grant, name="grant"),
    path("grants/<int:pk>/print/", grants.grant_print, name="grant-print"),
    path("grants/<int:pk>/inspect/", grants.grant_inspect, name="grant-inspect"),
    path("grants/<int:pk>/reject/", grants.grant_reject, name="grant-reject"),
    path("grants/<int:pk>/audit/", grants.grant_audit, name="grant-audit"),
    path("grants/<int:pk>/return/", grants.grant_return, name="grant-return"),
    path("grants/<int:pk>/approve/", grants.grant_approve, name="grant-approve"),
    path("grants/instalments/<int:pk>/prepare/", grants.instalment_prepare, name="instalment-prepare"),
    path("grants/instalments/<int:pk>/release/", grants.instalment_release, name="instalment-release"),
    path("cases/", cases.case_list, name="cases"),
    path("cases/<int:pk>/", cases.case, name="case"),
    path("cases/<int:pk>/answer/", cases.case_answer, name="case-answer"),
    path("cases/<int:pk>/decide/", cases.case_decide, name="case-decide"),
    path("checks/", fraud.rules, name="fraud-rules"),
    path("checks/calls/", fraud.calls, name="fraud-calls"),
    path("checks/calls/<int:pk>/", fraud.call_note, name="fraud-call"),
    path("checks/<str:code>/", fraud.rule, name="fraud-rule"),
    path("checks/<str:code>/draft/", fraud.rule_draft, name="fraud-rule-draft"),
    path("checks/versions/<int:pk>/activate/", fraud.rule_activate, name="fraud-rule-activate"),
    path("checks/versions/<int:pk>/discard/", fraud.rule_discard, name="fraud-rule-discard"),
    path("awards/", awards.award_list, name="awards"),
    path("awards/new/", awards.award_new, name="award-new"),
    path("awards/<int:pk>/", awards.award, name="award"),
    path("awards/<int:pk>/scores.csv", awards.award_csv, name="award-csv"),
    path("awards/<int:pk>/compute/", awards.award_compute, name="award-compute"),
    path("awards/<int:pk>/publish/", awards.award_publish, name="award-publish"),
    path("awards/<int:pk>/check/", awards.award_check, name="award-check"),
    path("awards/<int:pk>/approve/", awards.award_approve, name="award-approve"),
    path("awards/<int:pk>/reopen/", awards.award_reopen, name="award-reopen"),
    path("awards/scores/<int:pk>/grade/", awards.award_grade, name="award-grade"),
    path("effect/", effect.effect_list, name="effect"),
    path("effect/<int:pk>/", effect.effect, name="effect-policy"),
    path("effect/<int:pk>/table.csv", effect.effect_csv, name="effect-csv"),
    path("effect/<int:pk>/job/", effect.effect_job, name="effect-job"),
]
