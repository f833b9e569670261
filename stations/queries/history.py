"""A station's history in readable words: the steps of its life and, for whoever may read the audit, every change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import AuditEntry
from stations.models import Organisation, Region, Station, StationTransition
from stations.states import EquipmentState, Service

_LABELS = {
    "region_code": gettext_lazy("Division"),
    "parent_code": gettext_lazy("Station above"),
    "owner_code": gettext_lazy("Owner"),
    "brands": gettext_lazy("Carriers"),
    "services": gettext_lazy("Services"),
    "equipment": gettext_lazy("Piece"),
    "equipment_state": gettext_lazy("State"),
}
_TITLES = {
    "station.created": gettext_lazy("Entered into the registry"),
    "station.changed": gettext_lazy("Changed"),
    "station.equipped": gettext_lazy("Equipment"),
}


@dataclass(frozen=True)
class Change:
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class HistoryStep:
    """`state` is the state a step of life led to, "" for any other change."""

    at: datetime
    actor: str
    title: str
    reason: str = ""
    state: str = ""
    changes: tuple[Change, ...] = ()


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
        entries = list(
            AuditEntry.objects.filter(entity="station", entity_id=str(station.pk), action__in=_TITLES).order_by("-at")
        )
        words = _Words(entries)
        steps += [
            HistoryStep(
                at=entry.at,
                actor=entry.actor_label if entry.actor_id else _("System"),
                title=str(_TITLES[entry.action]),
                reason=entry.reason,
                changes=words.changes(entry) if entry.before or entry.action != "station.created" else (),
            )
            for entry in entries
        ]
    return sorted(steps, key=lambda step: step.at, reverse=True)


class _Words:
    """Turns stored values into what a person calls them; the names behind codes are read once for all entries."""

    def __init__(self, entries: Iterable[AuditEntry]) -> None:
        sides: list[Mapping[str, Any]] = [side for entry in entries for side in (entry.before, entry.after)]
        regions = {side["region_code"] for side in sides if side.get("region_code")}
        parents = {side["parent_code"] for side in sides if side.get("parent_code")}
        organisations = {side["owner_code"] for side in sides if side.get("owner_code")}
        organisations |= {code for side in sides for code in side.get("brands", ())}
        self.names: dict[str, dict[str, str]] = {
            "region_code": {r.code: r.short_name for r in Region.objects.filter(code__in=regions)} if regions else {},
            "parent_code": dict(Station.objects.filter(code__in=parents).values_list("code", "name"))
            if parents
            else {},
            "owner_code": dict(Organisation.objects.filter(code__in=organisations).values_list("code", "name"))
            if organisations
            else {},
        }
        self.names["brands"] = self.names["owner_code"]
        self.names["services"] = {value: str(label) for value, label in Service.choices}
        self.names["equipment_state"] = {value: str(label) for value, label in EquipmentState.choices}

    def changes(self, entry: AuditEntry) -> tuple[Change, ...]:
        return tuple(
            Change(self.label(name), self.value(name, entry.before.get(name)), self.value(name, entry.after.get(name)))
            for name in {**entry.before, **entry.after}
            if entry.before.get(name) != entry.after.get(name) or name == "equipment"
        )

    def label(self, name: str) -> str:
        if name in _LABELS:
            return str(_LABELS[name])
        return capfirst(str(getattr(Station._meta.get_field(name), "verbose_name", name)))

    def value(self, name: str, value: Any) -> str:
        if value is None or value == "" or value == []:
            return "—"
        if isinstance(value, bool):
            return _("Yes") if value else _("No")
        if isinstance(value, list):
            return _(", ").join(self.value(name, item) for item in value)
        if name in self.names:
            return self.names[name].get(str(value), str(value))
        choices = None if name in _LABELS else getattr(Station._meta.get_field(name), "choices", None)
        return str(dict(choices).get(value, value)) if choices else str(value)
