"""Who sends scans: a handheld by its token or a person at a browser, and for which stations they may."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import memo
from common.errors import NotAllowed
from stations.models import Device, Station
from stations.scope import may, scope_of


@dataclass(frozen=True)
class Sender:
    """`stations`: code → (id, level) of every station the sender may name; `may_correct`: others' scans too."""

    county_code: str
    user: User
    device: Device | None
    stations: Mapping[str, tuple[int, str]]
    may_correct: bool


def sender_for_device(device: Device) -> Sender:
    """A handheld may name any station in the subtree of its own, and correct what it sent itself."""
    return Sender(
        county_code=device.station.county_code,
        user=device.user,
        device=device,
        stations=_stations_below(device.station),
        may_correct=False,
    )


@memo.for_seconds(5)
def _stations_below(station: Station) -> Mapping[str, tuple[int, str]]:
    rows = Station.objects.below(station).values_list("code", "pk", "level")
    return {code: (pk, level) for code, pk, level in rows}


def sender_for_user(user: User, station: Station) -> Sender:
    """A person at a station's counter names that station; NotAllowed where their role may not scan there.
    Whoever works the station's list of odd scans may correct them (a courier may not)."""
    scope = scope_of(user, "scan.send")
    if not scope.covers_station(station):
        raise NotAllowed(_("Your role may not scan for this station."), "station_not_yours")
    return Sender(
        county_code=station.county_code,
        user=user,
        device=None,
        stations={station.code: (station.pk, station.level)},
        may_correct=may(user, "worklist.read") and scope_of(user, "worklist.read").covers_station(station),
    )
