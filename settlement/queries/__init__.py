"""Reads of the subsidy, a module a theme; the statements' and policies' are used everywhere and stand here too."""

from settlement.queries.sheets import (
    MonthTotals,
    Sheet,
    StatementRow,
    clawbacks_of,
    lines_of,
    month_totals,
    place_names,
    seal,
    sheet,
    statement_rows,
)
from settlement.queries.statements import (
    LineView,
    deliveries_without_policy,
    last_day,
    line_views,
    months_with_lines,
    policy_in_the_way,
    policy_mark,
    townships_visible,
    uncovered_days,
)

__all__ = [
    "LineView",
    "MonthTotals",
    "Sheet",
    "StatementRow",
    "clawbacks_of",
    "deliveries_without_policy",
    "last_day",
    "line_views",
    "lines_of",
    "month_totals",
    "months_with_lines",
    "place_names",
    "policy_in_the_way",
    "policy_mark",
    "seal",
    "sheet",
    "statement_rows",
    "townships_visible",
    "uncovered_days",
]
