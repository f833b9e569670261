"""Reads of the subsidy, a module a theme; the statements' and policies' are used everywhere and stand here too."""

from settlement.queries.sheets import (
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
)

__all__ = [
    "LineView",
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
]
