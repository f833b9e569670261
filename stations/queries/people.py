"""Who works where, as the people and handheld pages list it."""

from django.db.models import Q

from accounts.models import User
from accounts.roles import AT_STATION
from common import clock
from common.text import clean
from stations.models import Device, DeviceQuerySet, Membership, MembershipQuerySet, RegionChange


def members(user: User, *, words: str = "", role: str = "", ended: bool = False) -> MembershipQuerySet:
    """Memberships in the reader's scope, those that hold unless `ended`; ordered by place."""
    found = Membership.objects.visible_to(user).select_related("user", "station", "region", "organisation")
    if not ended:
        found = found.current(clock.now())
    if role:
        found = found.filter(role=role)
    if typed := clean(words):
        found = found.filter(Q(user__name__icontains=typed) | Q(user__username__icontains=typed))
    return found.order_by("county_code", "station__township_code", "station__code", "role", "user__name", "pk")


def possible_holders(by: User) -> list[Membership]:
    """Who may hold a handheld at the stations where `by` enrols them: one membership a person."""
    found = Membership.objects.visible_to(by).current(clock.now()).filter(role__in=AT_STATION, user__is_active=True)
    rows = found.select_related("user", "station", "region", "organisation").order_by("station__code", "user__name")
    return list({row.user_id: row for row in rows[:3000]}.values())


def handhelds(user: User, *, words: str = "", state: str = "") -> DeviceQuerySet:
    """Handhelds in the reader's scope, those in use first, the longest unseen last."""
    found = Device.objects.visible_to(user).select_related("station", "user", "revoked_by")
    if state:
        found = found.filter(revoked_at__isnull=state == "live")
    if typed := clean(words):
        found = found.filter(
            Q(name__icontains=typed)
            | Q(station__name__icontains=typed)
            | Q(station__code__iexact=typed)
            | Q(user__name__icontains=typed)
        )
    return found.order_by("-revoked_at", "station__code", "name", "pk")


def region_changes(code: str) -> list[RegionChange]:
    """What the editions changed of one division, newest first."""
    return list(RegionChange.objects.filter(region=code).order_by("-at", "-id")[:100])
