"""Words of a parcel. Its state is folded from scans by tracking/ (docs/fold.md); nothing else writes it."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ParcelState(TextChoices):
    REGISTERED = "registered", _("Announced")
    IN_NETWORK = "in_network", _("Collected")
    AT_HUB = "at_hub", _("At the county hub")
    IN_TRANSIT = "in_transit", _("On the way")
    AT_CENTRE = "at_centre", _("At the township centre")
    AT_OUTLET = "at_outlet", _("Ready for pick-up")
    OUT_FOR_DELIVERY = "out_for_delivery", _("Out for delivery")
    DELIVERED = "delivered", _("Delivered")
    RETURNED = "returned", _("Returned")
    LOST = "lost", _("Lost")
    CANCELLED = "cancelled", _("Cancelled")


TERMINAL = (ParcelState.DELIVERED, ParcelState.RETURNED, ParcelState.CANCELLED)


class CustodianKind(TextChoices):
    NOBODY = "", _("Not yet in anyone's hands")
    STATION = "station", _("Station")
    ACTOR = "actor", _("Courier or driver")
    CARRIER = "carrier", _("Carrier")
    RECIPIENT = "recipient", _("Recipient")
    SENDER = "sender", _("Sender")


class GoodsClass(TextChoices):
    NORMAL = "normal", _("Ordinary")
    FRESH = "fresh", _("Fresh, keep cool")
    FROZEN = "frozen", _("Frozen")
    FRAGILE = "fragile", _("Fragile")
    VALUABLE = "valuable", _("Valuable")
    HAZARDOUS = "hazardous", _("Dangerous goods")


COLD = (GoodsClass.FRESH, GoodsClass.FROZEN)
