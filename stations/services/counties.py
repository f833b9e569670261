"""A county begins with its division and its first administrator."""

import re
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from accounts.services import audit, create_user, temporary_password
from common import clock
from common.errors import Conflict, Refused
from stations.models import Membership, MembershipQuerySet, Region
from stations.pinyin import initials
from stations.states import RegionLevel

COUNTY_CODE = re.compile(r"\d{6}(?:0{6})?")


def county_region(*, code: str, name: str = "", at: datetime) -> Region:
    """The county's division by its 6 or 12 digits, written if no list has it yet (then `name` is needed)."""
    if not (code.isascii() and COUNTY_CODE.fullmatch(code)):
        raise Refused("bad_county_code", _("A county's code has 6 digits, such as 500230."), pointer="/code")
    whole = code[:6] + "0" * 6
    stored = Region.objects.filter(pk=whole).first()
    if stored is None and not name.strip():
        raise Refused("county_unknown", _("No list of divisions has this county: give its name."), pointer="/name")
    if stored is None:
        stored, _made = Region.objects.get_or_create(
            pk=whole,
            defaults={
                "name": name.strip()[:80],
                "level": RegionLevel.COUNTY,
                "initials": initials(name)[:80],
                "edition": "",  # older than any list, so that every list may be imported over it
                "valid_from": clock.business_date(at),
            },
        )
        stored.refresh_from_db()
    if stored.valid_to is not None:
        raise Refused("county_closed", _("This county is closed in the list of divisions."), pointer="/code")
    return stored


def create_county(
    *, region: Region, admin_username: str, admin_name: str, at: datetime, by: User | None = None
) -> tuple[User, str]:
    """The county's first administrator and their temporary password. Conflict "county_exists" if it has one."""
    if region.level != RegionLevel.COUNTY:
        raise Refused("not_a_county", _("%(name)s is not a county.") % {"name": region.name}, pointer="/code")
    county_code = region.pk[:6]
    with transaction.atomic():
        lock_county_people(county_code)
        if current_officers(county_code, at).exists():
            raise Conflict("county_exists", _("%(name)s has an administrator already.") % {"name": region.name})
        password = temporary_password()
        user = create_user(
            username=admin_username, name=admin_name, password=password, at=at, by=by, county_code=county_code
        )
        Membership.objects.create(
            user=user, role=Role.COUNTY_OFFICER, county_code=county_code, region=region, created_at=at
        )
        audit(
            actor=by,
            actor_label="" if by else "manage.py create_county",
            action="county.created",
            entity="county",
            entity_id=county_code,
            label=region.name,
            at=at,
            county_code=county_code,
            after={"administrator": user.username},
        )
    return user, password


def lock_county_people(county_code: str) -> None:
    """Until the transaction ends nobody else appoints or removes this county's officers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('county-officers'), %s)", [int(county_code)])


def current_officers(county_code: str, at: datetime) -> MembershipQuerySet:
    """Memberships of the county's officers who can sign in."""
    return Membership.objects.current(at).filter(
        role=Role.COUNTY_OFFICER, county_code=county_code, user__is_active=True
    )
