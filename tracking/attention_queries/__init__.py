"""What needs a person's attention: what looks wrong about the scans, found by asking the events each time.

Nothing of it is stored but that somebody looked and why it may stay (Dismissal), so a correction, a late scan or a
replay takes a line away by itself. Each kind is one statement (sql/attention_*.sql) over a window of days, started
from an index over what is rare; the planner is held to those indexes. Scans that were never stored (SetAside) stand
beside them: they wait for a person whatever their age.
"""

from tracking.attention_queries.asides import aside_lines, aside_row, set_asides, set_asides_of
from tracking.attention_queries.found import (
    MOST,
    Finding,
    Ground,
    Window,
    counted_elsewhere,
    findings,
    findings_of,
    grounds,
    standing,
)
from tracking.attention_queries.kinds import ASIDE, DONE, EXPLAINED, ODD, Kind
from tracking.attention_queries.rows import (
    Row,
    Scan,
    compared,
    covers,
    dismissal_of,
    dressed,
    in_words,
    scan_in_view,
    words,
)

__all__ = [
    "ASIDE",
    "DONE",
    "EXPLAINED",
    "MOST",
    "ODD",
    "Finding",
    "Ground",
    "Kind",
    "Row",
    "Scan",
    "Window",
    "aside_lines",
    "aside_row",
    "compared",
    "counted_elsewhere",
    "covers",
    "dismissal_of",
    "dressed",
    "findings",
    "findings_of",
    "grounds",
    "in_words",
    "scan_in_view",
    "set_asides",
    "set_asides_of",
    "standing",
    "words",
]
