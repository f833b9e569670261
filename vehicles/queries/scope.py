"""Which hub a person plans at."""

from accounts.models import User
from stations.models import Station
from stations.states import StationLevel


def hubs_for(user: User, action: str) -> list[Station]:
    """The county hubs in a person's scope, by name; a dispatcher has one."""
    return list(
        Station.objects.visible_to(user, action)
        .in_service()
        .filter(level=StationLevel.HUB)
        .order_by("county_code", "code")
    )


def hub_for(user: User, action: str, code: str = "") -> Station | None:
    """The hub of that code in a person's scope, else their first; None where they have none."""
    hubs = hubs_for(user, action)
    return next((hub for hub in hubs if hub.code == code), hubs[0] if hubs else None)
