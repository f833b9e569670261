"""A station's history in readable words: the steps of its life and, for whoever may read the audit, every change."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.models import AuditEntry
from stations.models import Station, StationTransition
from stations.queries.audit import AuditChange, audit_lines

_EDITS = ("station.created", "station.changed", "station.equipped")


@dataclass(frozen=True)
class HistoryStep:
    """`state` is the state a step of life led to, "" for any other change."""

    at: datetime
    actor: str
    title: str
    reason: str = ""
    state: str = ""
    changes: tuple[AuditChange, ...] = ()


def history(station: Station, *, with_audit: bool) -> list[HistoryStep]:
    """Newest first. The audit's own entry of a step is left out: the transition says the same."""
    steps = [
        HistoryStep(
            at=step.at,
            actor=str(step.actor or _("System")),
            title=str(step.get_to_state_display()),
            reason=step.reason,
            state=step.to_state,
        )
        for step in StationTransition.objects.filter(station=station).select_related("actor")
    ]
    if with_audit:
        entries = AuditEntry.objects.filter(entity="station", entity_id=str(station.pk), action__in=_EDITS)
        rows = list(entries.order_by("-at"))
        steps += [
            HistoryStep(
                at=line.at,
                actor=line.actor,
                title=line.title,
                reason=line.reason,
                changes=() if entry.action == "station.created" else line.changes,
            )
            for entry, line in zip(rows, audit_lines(rows), strict=True)
        ]
    return sorted(steps, key=lambda step: step.at, reverse=True)
