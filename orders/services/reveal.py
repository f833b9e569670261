"""Reading a recipient's full name and phone: once, with a reason, limited and written down."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import limits
from common.errors import Refused
from orders.models import Parcel, Recipient
from orders.states import TERMINAL, ParcelState

PER_HOUR = 30
AFTER_DELIVERY = timedelta(days=7)


@dataclass(frozen=True)
class Revealed:
    name: str
    phone: str


def on_active_delivery(parcel: Parcel, at: datetime) -> bool:
    """Still under way, or delivered within seven days (a complaint comes in the first days)."""
    if parcel.state not in TERMINAL:
        return True
    return parcel.state == ParcelState.DELIVERED and parcel.t_at is not None and at - parcel.t_at <= AFTER_DELIVERY


def reveal_recipient(*, parcel_id: int, by: User, reason: str, at: datetime) -> Revealed:
    """Name and phone in full, audited. Parcel.DoesNotExist out of scope; Refused: reason_missing, not_active,
    no_recipient (known from scans only), too_often (429, 30 an hour and person)."""
    if len(reason.strip()) < 2:
        raise Refused("reason_missing", _("Say why you need to see it."), pointer="/reason")
    with transaction.atomic():
        parcel = Parcel.objects.visible_to(by, "parcel.reveal").get(pk=parcel_id)
        if not on_active_delivery(parcel, at):
            raise Refused("not_active", _("The parcel's way has ended: its recipient stays masked."))
        person = Recipient.objects.filter(parcel=parcel.pk).first()
        if person is None:
            raise Refused("no_recipient", _("This parcel is known from scans only; nobody has said whom it is for."))
        limits.spend(
            f"reveal:{by.pk}",
            limit=PER_HOUR,
            window_s=3600,
            message=_("You have looked at 30 recipients within an hour. Try again later, or ask your manager."),
        )
        audit(
            actor=by,
            action="recipient.revealed",
            entity="parcel",
            entity_id=parcel.pk,
            label=str(parcel),
            at=at,
            county_code=parcel.county_code,
            reason=reason.strip(),
        )
    return Revealed(str(person.name), str(person.phone))
