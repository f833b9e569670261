"""Divisions as their pages list them."""

from collections.abc import Sequence

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from common.text import clean
from stations.models import Region, RegionQuerySet
from stations.scope import memberships_of
from stations.states import RegionLevel


def own_counties(user: User) -> list[str]:
    """The counties where the reader holds a role."""
    return sorted({m.county_code for m in memberships_of(user) if m.county_code})


def divisions(
    user: User, *, counties: Sequence[str], words: str = "", level: str = "", closed: bool = False
) -> RegionQuerySet:
    """Divisions that match by name, code or initials (of `counties`, of all where it is empty); without words or a
    level the counties themselves."""
    found = Region.objects.visible_to(user)
    if counties:
        found = found.filter(county_code__in=counties)
    if not closed:
        found = found.current()
    typed = clean(words)
    if typed.isascii() and typed.isdigit():
        found = found.filter(pk__startswith=typed)
    elif typed:
        found = found.filter(Q(name__contains=typed) | Q(initials__startswith=typed.lower()))
    if level:
        found = found.filter(level=level)
    elif not typed:
        found = found.filter(level=RegionLevel.COUNTY)
    return with_counts(found.select_related("parent__parent").order_by("code"))


def with_counts(regions: RegionQuerySet) -> RegionQuerySet:
    """Each with `child_count`, the open divisions right below it (index region_children)."""
    children = Region.objects.current().filter(parent=OuterRef("pk")).order_by()
    counted = children.values("parent").annotate(found=Count("*")).values("found")
    return regions.annotate(child_count=Coalesce(Subquery(counted), 0))


def children(region: Region) -> list[Region]:
    """What lies right below, closed ones last."""
    return list(with_counts(Region.objects.filter(parent=region)).order_by("-valid_to", "code")[:500])
