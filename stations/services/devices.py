"""Handhelds: enrolled at a station into a person's hands, shut out when lost. The token itself is stored nowhere."""

import secrets
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import roles_that_may
from accounts.services import audit
from common import fields
from common.errors import Conflict, NotAllowed, Refused
from common.text import clean, fault
from stations.models import Device, Membership, Station
from stations.scope import scope_of
from stations.states import ENDED

TOKEN_BYTES = 32  # 256 bits


def enrol_device(
    *, station: Station, user: User, name: str, at: datetime, by: User | None = None
) -> tuple[Device, str]:
    """A handheld and its token, which is shown once and then known to nobody. `by=None` is the machine's owner.

    NotAllowed outside of `by`'s stations; Refused "station_ended", "holder_not_here", "holder_disabled".
    """
    if by is not None and not scope_of(by, "device.enrol").covers_station(station):
        raise NotAllowed(_("You may not enrol handhelds at this station."))
    if fault(name) or not clean(name):
        raise Refused("name_missing", _("Give the handheld a name, such as its label."), pointer="/name")
    if station.state in ENDED:
        raise Refused("station_ended", _("This station is closed."), pointer="/station")
    if not user.is_active:
        raise Refused("holder_disabled", _("This person is shut out."), pointer="/user")
    if not works_at(user, station, at):
        raise Refused("holder_not_here", _("This person doesn't work at this station."), pointer="/user")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        device = Device.objects.create(
            name=clean(name)[:60],
            station=station,
            user=user,
            token_digest=fields.digest(token),
            enrolled_at=at,
            enrolled_by=by,
        )
        _trace(device, "device.enrolled", by, at)
    return device, token


def revoke_device(*, device: Device, by: User | None, reason: str, at: datetime) -> None:
    """Shut a handheld out from its next request on. Conflict "device_revoked" if it is out already."""
    if by is not None and not scope_of(by, "device.revoke").covers_station(device.station):
        raise NotAllowed(_("You may not shut out handhelds of this station."))
    reason = "" if fault(reason) else clean(reason)
    if not reason:
        raise Refused("reason_missing", _("Say why."), pointer="/reason")
    with transaction.atomic():
        revoked = (
            Device.objects.live().filter(pk=device.pk).update(revoked_at=at, revoked_by=by, revoke_reason=reason[:200])
        )
        if not revoked:
            raise Conflict("device_revoked", _("This handheld is shut out already."))
        _trace(device, "device.revoked", by, at, reason=reason)


def works_at(user: User, station: Station, at: datetime) -> bool:
    """Whether the person scans at this station or at one above it."""
    above = Q(station=station.pk) | Q(station__children=station.pk) | Q(station__children__children=station.pk)
    held = Membership.objects.filter(above, user=user, role__in=roles_that_may("scan.send"))
    return held.current(at).exists()


def _trace(device: Device, action: str, by: User | None, at: datetime, reason: str = "") -> None:
    audit(
        actor=by,
        actor_label="" if by else "manage.py enrol_device",
        action=action,
        entity="device",
        entity_id=device.pk,
        label=device.name,
        at=at,
        county_code=device.station.region_id[:6],
        after={"station": device.station.code, "holder": device.user.username} if not reason else None,
        reason=reason,
    )
