"""Doubt about lines: the checks run over them, what they find becomes cases, and people decide.

work.py stages the lines and runs one check; look.py turns what was found into cases and holds; cases.py is a case's way
to its decision; versions.py changes thresholds; calls.py asks recipients.
"""

from settlement.services.fraud.calls import draw_calls, note_call
from settlement.services.fraud.cases import answer_case, decide_case, extend_case
from settlement.services.fraud.look import Looked, look
from settlement.services.fraud.versions import (
    Comparison,
    activate_rule,
    compare_rule,
    discard_rule,
    draft_rule,
    rules_in_force,
)

__all__ = [
    "Comparison",
    "Looked",
    "activate_rule",
    "answer_case",
    "compare_rule",
    "decide_case",
    "discard_rule",
    "draft_rule",
    "draw_calls",
    "extend_case",
    "look",
    "note_call",
    "rules_in_force",
]
