"""Reads of the subsidy, a module a theme; the statements' and policies' are used everywhere and stand here too."""

from settlement.queries.statements import (
    LineView,
    MonthTotals,
    StatementRow,
    StatementTotals,
    deliveries_without_policy,
    last_day,
    line_views,
    lines_of,
    month_totals,
    months_with_lines,
    policy_in_the_way,
    policy_mark,
    statements,
    totals,
    townships_visible,
    uncovered_days,
)

__all__ = [
    "LineView",
    "MonthTotals",
    "StatementRow",
    "StatementTotals",
    "deliveries_without_policy",
    "last_day",
    "line_views",
    "lines_of",
    "month_totals",
    "months_with_lines",
    "policy_in_the_way",
    "policy_mark",
    "statements",
    "totals",
    "townships_visible",
    "uncovered_days",
]
