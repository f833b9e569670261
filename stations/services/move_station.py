"""A station's life: one step, by compare-and-set, with its trace."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.services import audit
from common import sql, text
from common.errors import Conflict, Refused
from stations.models import Station
from stations.states import ENDED, IN_SERVICE, TRANSITIONS, StationLevel, StationState

REASON_NEEDED = frozenset({StationState.REJECTED, StationState.RECTIFYING, StationState.SUSPENDED, StationState.CLOSED})


def move_station(*, station_id: int, to_state: str, by: User | None, reason: str, at: datetime) -> Station:
    """Move a station one step along states.TRANSITIONS.

    1. Lock the county's hubs where the step may take the last active one away, then the station's own row.
    2. Refuse a step that its life doesn't have (Conflict "not_possible_now"), one without its reason
       (Refused "reason_needed"), the last hub's (Refused "last_hub"), closing over open children
       (Refused "has_open_stations_below").
    3. Compare-and-set and transition in one statement; audit in the same transaction.

    To close a station call tracking.services.close_station: it sees the parcels, which this app does not.
    """
    if to_state not in StationState.values:
        raise Refused("unknown_state", _("There is no such state of a station."), pointer="/to_state")
    target = StationState(to_state)
    reason = text.clean(reason)[:400]
    with transaction.atomic():
        station = lock_station(station_id=station_id, to_state=target)
        before = StationState(station.state)
        if target not in TRANSITIONS[before]:
            raise Conflict(
                "not_possible_now",
                _("%(station)s is %(state)s: it can't become %(target)s.")
                % {"station": station.name, "state": before.label.lower(), "target": target.label.lower()},
                pointer="/to_state",
            )
        if target in REASON_NEEDED and not reason:
            raise Refused("reason_needed", _("Say why: the reason is kept with the step."), pointer="/reason")
        if before == StationState.ACTIVE and station.level == StationLevel.HUB:
            _refuse_without_another_hub(station)
        if target == StationState.CLOSED:
            _refuse_with_open_stations_below(station)
        moved = sql.run(
            "stations",
            "move_station",
            {
                "station_id": station.pk,
                "from_state": before.value,
                "to_state": target.value,
                "actor_id": by.pk if by else None,
                "reason": reason,
                "at": at,
            },
        )
        if not moved:
            raise Conflict("changed_meanwhile", _("Somebody else moved this station just now. Load the page again."))
        audit(
            actor=by,
            action="station.moved",
            entity="station",
            entity_id=station.pk,
            county_code=station.county_code,
            label=f"{station.code} {station.name}",
            at=at,
            before={"state": before.value},
            after={"state": target.value},
            reason=reason,
        )
    return Station.objects.get(pk=station_id)


def lock_station(*, station_id: int, to_state: StationState) -> Station:
    """The station's row, locked until the transaction ends; of a hub that goes out of service all hubs of its county,
    in id order. Station.DoesNotExist for an id nobody has."""
    station = Station.objects.get(pk=station_id)
    rows = Station.objects.filter(pk=station_id)
    if station.level == StationLevel.HUB and to_state in (StationState.SUSPENDED, StationState.CLOSED):
        rows = Station.objects.filter(county_code=station.county_code, level=StationLevel.HUB)
    return {row.pk: row for row in rows.order_by("pk").select_for_update()}[station_id]


def _refuse_without_another_hub(station: Station) -> None:
    others = Station.objects.filter(county_code=station.county_code).exclude(pk=station.pk)
    if others.filter(level=StationLevel.HUB, state=StationState.ACTIVE).exists():
        return
    count = others.filter(state__in=IN_SERVICE).count()
    if count:
        raise Refused(
            "last_hub",
            ngettext(
                "%(hub)s is the county's last active hub, and %(count)d station still needs it.",
                "%(hub)s is the county's last active hub, and %(count)d stations still need it.",
                count,
            )
            % {"hub": station.name, "count": count},
            pointer="/to_state",
        )


def _refuse_with_open_stations_below(station: Station) -> None:
    count = Station.objects.filter(parent=station.pk).exclude(state__in=ENDED).count()
    if count:
        raise Refused(
            "has_open_stations_below",
            ngettext(
                "%(count)d station hangs on %(station)s: close it or move it first.",
                "%(count)d stations hang on %(station)s: close or move them first.",
                count,
            )
            % {"station": station.name, "count": count},
            pointer="/to_state",
        )
