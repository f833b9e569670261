"""Who works where. Nobody hands out a role above their own, nor one outside their own place."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import services as accounts
from accounts.models import User
from accounts.roles import AT_COUNTY, AT_ORGANISATION, AT_STATION, AT_TOWNSHIP, GRANTS, Role, roles_that_may
from common.errors import Conflict, NotAllowed, Refused
from common.text import clean, fault
from stations.models import Device, Membership, Organisation, Region, Station
from stations.scope import memberships_of
from stations.services.counties import current_officers, lock_county_people
from stations.services.devices import works_at
from stations.states import ENDED, RegionLevel


def add_person(
    *,
    username: str,
    name: str,
    role: str,
    at: datetime,
    by: User | None = None,
    phone: str = "",
    station: Station | None = None,
    region: Region | None = None,
    organisation: Organisation | None = None,
    password: str = "",
    is_demo: bool = False,
) -> tuple[User, str]:
    """A new user in a role at a place, and a password to hand over (to be changed, unless one is given).

    `by=None` is a command of the machine's owner and may do anything. Conflict "username_taken".
    """
    for pointer, text in (("/username", username), ("/name", name), ("/phone", phone)):
        if fault(text):
            raise Refused(fault(text), _("This text can't be stored."), pointer=pointer)
    username, name, phone = clean(username), clean(name), clean(phone)
    if not username or not name:
        pointer = "/name" if username else "/username"
        raise Refused("empty", _("A person needs a user name and a name."), pointer=pointer)
    place = _place(role=role, station=station, region=region, organisation=organisation)
    _authorise(by, place)
    first = password or accounts.temporary_password()
    with transaction.atomic():
        user = accounts.create_user(
            username=username,
            name=name,
            phone=phone,
            password=first,
            at=at,
            by=by,
            is_demo=is_demo,
            must_change_password=not password,
            county_code=place.county_code,
        )
        _give(user=user, place=place, by=by, at=at)
    return user, first


def give_role(
    *,
    user: User,
    role: str,
    by: User | None,
    at: datetime,
    station: Station | None = None,
    region: Region | None = None,
    organisation: Organisation | None = None,
) -> Membership:
    """One more role for somebody known. Conflict "role_held" if they hold it there, Refused "yourself"."""
    if by is not None and by.pk == user.pk:  # an officer could else sign both halves of a policy
        raise Refused("yourself", _("You can't give yourself a role. Ask a second person."))
    place = _place(role=role, station=station, region=region, organisation=organisation)
    _authorise(by, place)
    if by is not None and not manages(by=by, user=user):
        raise NotAllowed(_("This person's roles reach beyond what you manage."))
    with transaction.atomic():
        return _give(user=user, place=place, by=by, at=at)


def end_membership(*, membership: Membership, by: User, reason: str, at: datetime) -> None:
    """Take a role away; the person's handhelds there and below are shut out, but where another role still holds.

    Refused "last_officer" where the county would be left without one; Conflict "membership_ended" if it is over.
    """
    _authorise(by, membership)
    reason = _reason(reason)
    with transaction.atomic():
        if membership.role == Role.COUNTY_OFFICER:
            lock_county_people(membership.county_code)
            if not current_officers(membership.county_code, at).exclude(user=membership.user_id).exists():
                raise Refused("last_officer", _("A county keeps at least one officer who can sign in."))
        ended = Membership.objects.filter(pk=membership.pk).current(at).update(ended_at=at)
        if not ended:
            raise Conflict("membership_ended", _("This role has ended already."))
        if membership.station_id:
            _shut_out_handhelds(membership, by, reason, at)
        _trace(membership, "membership.ended", by, at, reason=reason)


def _shut_out_handhelds(ended: Membership, by: User, reason: str, at: datetime) -> None:
    """Revoke what the person holds at the ended role's station or below it and has no other role for."""
    at_or_below = Q(station=ended.station) | Q(station__parent=ended.station) | Q(station__parent__parent=ended.station)
    held = Device.objects.live().filter(at_or_below, user=ended.user_id).select_related("station", "user")
    lost = [device.pk for device in held if not works_at(device.user, device.station, at)]
    Device.objects.live().filter(pk__in=lost).update(revoked_at=at, revoked_by=by, revoke_reason=reason[:200])


def reset_password(*, user: User, by: User | None, at: datetime) -> str:
    """A new temporary password; every session of the person ends. NotAllowed beyond what `by` manages."""
    if by is not None and not manages(by=by, user=user):
        raise NotAllowed(_("This person's roles reach beyond what you manage."))
    password = accounts.temporary_password()
    accounts.set_password(user=user, password=password, at=at, by=by, must_change=True, county_code=_county_of(user))
    return password


def set_person_active(*, user: User, active: bool, by: User, reason: str, at: datetime) -> None:
    """Shut a person out or let them in again. Refused "last_officer", "yourself"."""
    if not manages(by=by, user=user):
        raise NotAllowed(_("This person's roles reach beyond what you manage."))
    if user.pk == by.pk:
        raise Refused("yourself", _("You can't shut yourself out."))
    reason = _reason(reason)
    with transaction.atomic():
        held = Membership.objects.filter(user=user, role=Role.COUNTY_OFFICER).current(at)
        for county_code in sorted(held.values_list("county_code", flat=True)):
            lock_county_people(county_code)
            if not active and not current_officers(county_code, at).exclude(user=user).exists():
                raise Refused("last_officer", _("A county keeps at least one officer who can sign in."))
        accounts.set_active(user=user, active=active, at=at, by=by, reason=reason, county_code=_county_of(user))


def grantable_roles(by: User) -> list[Role]:
    """The roles `by` may hand out somewhere, in the order of the table."""
    given: set[Role] = set()
    for held in memberships_of(by):
        given |= GRANTS.get(Role(held.role), frozenset())
    return [role for role in Role if role in given]


def may_grant(by: User, place: Membership) -> bool:
    """Whether one of `by`'s roles hands out this role at this place."""
    for held in memberships_of(by):
        role = Role(held.role)
        if place.role not in GRANTS.get(role, frozenset()) or role not in roles_that_may("user.manage"):
            continue
        if role == Role.PLATFORM_ADMIN:
            return True
        if role in AT_COUNTY and place.county_code == held.county_code:
            return True
        if role in AT_TOWNSHIP and place.station and place.station.region_id[:9] == (held.region_id or "")[:9]:
            return True
    return False


def manages(*, by: User, user: User) -> bool:
    """Whether every role the person holds (or, where none is left, ever held) is one that `by` may hand out."""
    rows = list(Membership.objects.filter(user=user).select_related("station", "region"))
    current = [row for row in rows if row.ended_at is None]
    return bool(rows) and all(may_grant(by, row) for row in current or rows)


def _place(
    *, role: str, station: Station | None, region: Region | None, organisation: Organisation | None
) -> Membership:
    """The membership a role at a place would be (unsaved); Refused where the role is tied to something else."""
    if role not in Role.values:
        raise Refused("role_unknown", _("There is no such role."), pointer="/role")
    if role in AT_STATION:
        if station is None:
            raise Refused("station_missing", _("This role works at a station: choose one."), pointer="/station")
        if station.state in ENDED:
            raise Refused("station_ended", _("This station is closed."), pointer="/station")
        return Membership(role=role, county_code=station.region_id[:6], station=station)
    if role in AT_TOWNSHIP:
        if region is None or region.level != RegionLevel.TOWNSHIP:
            raise Refused("township_missing", _("This role works in a township: choose one."), pointer="/region")
        return Membership(role=role, county_code=region.pk[:6], region=region)
    if role in AT_COUNTY or role in AT_ORGANISATION:
        if region is None or region.level != RegionLevel.COUNTY:
            raise Refused("county_missing", _("This role works in a county: choose one."), pointer="/region")
        if role in AT_ORGANISATION and organisation is None:
            raise Refused("organisation_missing", _("Choose the carrier."), pointer="/organisation")
        tied = organisation if role in AT_ORGANISATION else None
        return Membership(role=role, county_code=region.pk[:6], region=region, organisation=tied)
    return Membership(role=role)


def _authorise(by: User | None, place: Membership) -> None:
    if by is not None and not may_grant(by, place):
        raise NotAllowed(_("You may not hand out this role here."), code="role_not_yours_to_give")


def _give(*, user: User, place: Membership, by: User | None, at: datetime) -> Membership:
    place.user, place.created_at = user, at
    try:
        with transaction.atomic():
            place.save(force_insert=True)
    except IntegrityError as held:
        raise Conflict("role_held", _("They hold this role here already."), pointer="/role") from held
    _trace(place, "membership.given", by, at)
    return place


def _trace(membership: Membership, action: str, by: User | None, at: datetime, reason: str = "") -> None:
    facts = {"role": membership.role, "place": membership.place}
    ended = action == "membership.ended"
    accounts.audit(
        actor=by,
        action=action,
        entity="user",
        entity_id=membership.user_id,
        label=membership.user.username,
        at=at,
        county_code=membership.county_code,
        before=facts if ended else None,
        after=None if ended else facts,
        reason=reason,
    )


def _reason(text: str) -> str:
    text = clean(text)
    if not text:
        raise Refused("reason_missing", _("Say why."), pointer="/reason")
    return text[:400]


def _county_of(user: User) -> str:
    row = Membership.objects.filter(user=user).order_by("ended_at", "id").values_list("county_code", flat=True)
    return next(iter(row[:1]), "")
