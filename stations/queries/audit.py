"""The audit in readable words: who did what to what, before → after, in the reader's counties."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import AuditEntry, User
from accounts.roles import Role
from common import clock
from common.text import clean
from stations.models import Organisation, Region, Station
from stations.scope import scope_of
from stations.states import EquipmentState, HostKind, Service, StationLevel, StationState, Tenure, Terrain

ENTITIES = {
    "user": gettext_lazy("Person"),
    "station": gettext_lazy("Station"),
    "device": gettext_lazy("Handheld"),
    "county": gettext_lazy("County"),
    "region": gettext_lazy("Administrative division"),
    "divisions": gettext_lazy("List of divisions"),
    "parcel": gettext_lazy("Parcel"),
    "parcels": gettext_lazy("Parcels"),
    "policy": gettext_lazy("Subsidy policy"),
    "fund": gettext_lazy("Special fund"),
    "statement": gettext_lazy("Subsidy statement"),
    "report": gettext_lazy("Report"),
    "scans": gettext_lazy("Scans"),
}
ACTIONS = {
    "user.created": gettext_lazy("Account made"),
    "user.password_reset": gettext_lazy("Password reset"),
    "user.password_changed": gettext_lazy("Password changed"),
    "user.enabled": gettext_lazy("Let in again"),
    "user.disabled": gettext_lazy("Shut out"),
    "membership.given": gettext_lazy("Role given"),
    "membership.ended": gettext_lazy("Role ended"),
    "county.created": gettext_lazy("County set up"),
    "device.enrolled": gettext_lazy("Handheld enrolled"),
    "device.revoked": gettext_lazy("Handheld shut out"),
    "divisions.imported": gettext_lazy("List of divisions imported"),
    "region.terrain": gettext_lazy("Terrain set"),
    "station.created": gettext_lazy("Entered into the registry"),
    "station.changed": gettext_lazy("Changed"),
    "station.moved": gettext_lazy("Next step taken"),
    "station.equipped": gettext_lazy("Equipment"),
    "scans.month_detached": gettext_lazy("Month of scans put into the archive"),
}
_VERBS = {
    "created": gettext_lazy("Created"),
    "changed": gettext_lazy("Changed"),
    "revealed": gettext_lazy("Looked at in clear"),
    "imported": gettext_lazy("Imported"),
    "moved": gettext_lazy("Next step taken"),
    "closed": gettext_lazy("Closed"),
    "activated": gettext_lazy("Put in force"),
    "drafted": gettext_lazy("Drafted"),
    "computed": gettext_lazy("Computed"),
    "ended": gettext_lazy("Ended"),
    "discarded": gettext_lazy("Discarded"),
    "exported": gettext_lazy("Exported"),
    "many": gettext_lazy("Entered into the registry"),
    "import": gettext_lazy("Changed by an import"),
    "appropriated": gettext_lazy("Appropriation entered"),
    "entered": gettext_lazy("Entered"),
}
_LABELS = {
    "username": gettext_lazy("User name"),
    "name": gettext_lazy("Person's name"),
    "role": gettext_lazy("Role"),
    "place": gettext_lazy("Place"),
    "administrator": gettext_lazy("Administrator"),
    "station": gettext_lazy("Station"),
    "holder": gettext_lazy("Holder"),
    "terrain": gettext_lazy("Terrain"),
    "state": gettext_lazy("State"),
    "rows": gettext_lazy("Rows"),
    "opened": gettext_lazy("Opened"),
    "closed": gettext_lazy("Closed"),
    "refused": gettext_lazy("Refused rows"),
    "region_code": gettext_lazy("Division"),
    "parent_code": gettext_lazy("Station above"),
    "owner_code": gettext_lazy("Owner"),
    "brands": gettext_lazy("Carriers"),
    "services": gettext_lazy("Services"),
    "equipment": gettext_lazy("Piece"),
    "valid_from": gettext_lazy("First day"),
    "valid_to": gettext_lazy("Last day"),
    "rate_delivery": gettext_lazy("Delivery, yuan"),
    "rate_collection": gettext_lazy("Collection, yuan"),
    "budget": gettext_lazy("Budget, yuan"),
    "shortfall": gettext_lazy("If the money runs short"),
    "document": gettext_lazy("Document"),
    "amount": gettext_lazy("Amount, yuan"),
    "kind": gettext_lazy("Kind"),
    "value": gettext_lazy("Value"),
    "rate_plain": gettext_lazy("Plain, yuan"),
    "rate_hill": gettext_lazy("Hills, yuan"),
    "rate_mountain": gettext_lazy("Mountains, yuan"),
    "equipment_state": gettext_lazy("State"),
    "kept_back": gettext_lazy("Scans kept in use"),
    "count": gettext_lazy("Stations"),
    "first_codes": gettext_lazy("Codes"),
    "recipient": gettext_lazy("Recipient"),
    "phone": gettext_lazy("Phone"),
    "village": gettext_lazy("Village"),
    "collected_at": gettext_lazy("Collected at"),
    "sha256": gettext_lazy("File's checksum"),
    "update_changed": gettext_lazy("Changed rows taken over"),
    "new": gettext_lazy("New"),
    "same": gettext_lazy("Unchanged"),
    "filled": gettext_lazy("Filled in"),
    "updated": gettext_lazy("Changed"),
    "filters": gettext_lazy("Filter"),
    "q": gettext_lazy("Search"),
    "carrier": gettext_lazy("Carrier"),
    "township": gettext_lazy("Township"),
    "flag": gettext_lazy("Condition"),
    "created_from": gettext_lazy("From"),
    "created_to": gettext_lazy("To"),
}
_CHOICES: dict[str, dict[str, Any]] = {
    "role": dict(Role.choices),
    "terrain": dict(Terrain.choices),
    "level": dict(StationLevel.choices),
    "host_kind": dict(HostKind.choices),
    "tenure": dict(Tenure.choices),
    "state": dict(StationState.choices),
    "equipment_state": dict(EquipmentState.choices),
    "services": dict(Service.choices),
}


@dataclass(frozen=True)
class AuditChange:
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class AuditLine:
    at: datetime
    actor: str
    title: str
    entity: str
    thing: str
    reason: str
    changes: tuple[AuditChange, ...]


def audit_entries(
    user: User, *, person: str = "", entity: str = "", since: date | None = None, until: date | None = None
) -> QuerySet[AuditEntry]:
    """Entries of the counties whose audit the reader may see, newest first (index audit_by_county)."""
    found = AuditEntry.objects.filter(county_code__in=scope_of(user, "audit.read").county_codes)
    if typed := clean(person):
        found = found.filter(Q(actor_label__icontains=typed) | Q(actor__username__icontains=typed))
    if entity:
        found = found.filter(entity=entity)
    if since:
        found = found.filter(at__gte=clock.day_start(since))
    if until:
        found = found.filter(at__lt=clock.day_span(until)[1])
    return found.order_by("-at", "-id")


def audit_lines(entries: Iterable[AuditEntry]) -> list[AuditLine]:
    """Entries in words; the names behind codes are read once for all of them."""
    rows = list(entries)
    words = _Words([side for row in rows for side in (row.before, row.after)])
    return [
        AuditLine(
            at=row.at,
            actor=_("System") if row.actor_label == "system" else row.actor_label,
            title=_title(row.action),
            entity=str(ENTITIES.get(row.entity, _("Other"))),
            thing=row.entity_label or row.entity_id,
            reason=row.reason,
            changes=tuple(
                AuditChange(words.label(name, row.entity), words.value(name, row.before), words.value(name, row.after))
                for name in {**row.before, **row.after}
            ),
        )
        for row in rows
    ]


def _title(action: str) -> str:
    noun, _dot, verb = action.partition(".")
    if action in ACTIONS:
        return str(ACTIONS[action])
    return str(_VERBS.get(verb.rsplit("_", 1)[-1], ENTITIES.get(noun, _("Other"))))


class _Words:
    """What people call the stored names and values."""

    def __init__(self, sides: list[Mapping[str, Any]]) -> None:
        def named(*keys: str) -> set[str]:
            return {str(side[key]) for side in sides for key in keys if side.get(key)}

        stations, regions = named("parent_code", "station"), named("region_code")
        owners = named("owner_code") | {str(code) for side in sides for code in side.get("brands") or ()}
        self.names: dict[str, dict[str, Any]] = {**_CHOICES}
        if stations:
            found = dict(Station.objects.filter(code__in=stations).values_list("code", "name"))
            self.names["parent_code"] = self.names["station"] = found
        if regions:
            self.names["region_code"] = {r.code: r.short_name for r in Region.objects.filter(code__in=regions)}
        if owners:
            found = dict(Organisation.objects.filter(code__in=owners).values_list("code", "name"))
            self.names["owner_code"] = self.names["brands"] = found

    def label(self, name: str, entity: str = "") -> str:
        if name in _LABELS and (name, entity) != ("name", "station"):
            return str(_LABELS[name])
        try:
            return capfirst(str(getattr(Station._meta.get_field(name), "verbose_name", name)))
        except FieldDoesNotExist:
            return capfirst(name.replace("_", " "))

    def value(self, name: str, side: Mapping[str, Any]) -> str:
        return self._shown(name, side.get(name))

    def _shown(self, name: str, value: Any) -> str:
        if value is None or value == "" or value == [] or value == {}:
            return ""
        if isinstance(value, bool):
            return _("Yes") if value else _("No")
        if isinstance(value, list):
            return _(", ").join(self._shown(name, item) for item in value)
        if isinstance(value, dict):
            return _(", ").join(f"{self.label(key)} {self._shown(key, item)}" for key, item in value.items())
        if name.startswith("rate_"):
            return f"{Decimal(value):.2f}" if Decimal(value) == round(Decimal(value), 2) else str(value)
        if name in self.names:
            return str(self.names[name].get(str(value), value))
        return str(value)
