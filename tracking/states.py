"""The nodes of a parcel's journey as data: their words, and their rank and cells in the fold.

The one definition of the fold is docs/fold.md; `tracking/fold.py` reads it in Python, `tracking/sql/` in SQL.
Cells: S state (AT = by the station's level), C custodian, H hold.
"""

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Node(TextChoices):
    PREADVICE = "PREADVICE", _("Announced")
    COLLECTED = "COLLECTED", _("Collected")
    COLLECT_FAILED = "COLLECT_FAILED", _("Collection failed")
    HUB_IN = "HUB_IN", _("Arrived")
    SORTED = "SORTED", _("Sorted")
    BAGGED = "BAGGED", _("Put into a bag")
    UNBAGGED = "UNBAGGED", _("Taken out of a bag")
    LOADED = "LOADED", _("Loaded")
    DEPARTED = "DEPARTED", _("Vehicle left")
    ARRIVED = "ARRIVED", _("Vehicle arrived")
    SENSOR = "SENSOR", _("Sensor reading")
    UNLOADED = "UNLOADED", _("Unloaded")
    HANDOVER = "HANDOVER", _("Handover")
    OUTLET_IN = "OUTLET_IN", _("Shelved, ready for pick-up")
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY", _("Out for delivery")
    ATTEMPT_FAILED = "ATTEMPT_FAILED", _("Delivery attempt failed")
    HELD = "HELD", _("Held")
    OVERDUE_PICKUP = "OVERDUE_PICKUP", _("Not picked up in time")
    REFUSED = "REFUSED", _("Refused")
    DAMAGED = "DAMAGED", _("Damaged")
    LOST = "LOST", _("Lost")
    RETURNING = "RETURNING", _("On the way back")
    FORWARDED = "FORWARDED", _("Forwarded")
    CARRIER_OUT = "CARRIER_OUT", _("Handed to the carrier")
    SIGNED_SELF = "SIGNED_SELF", _("Signed for")
    SIGNED_AGENT = "SIGNED_AGENT", _("Signed for by an agent")
    SIGNED_PICKUP = "SIGNED_PICKUP", _("Picked up")
    RETURNED = "RETURNED", _("Returned")
    CANCELLED = "CANCELLED", _("Cancelled")
    CORRECTION = "CORRECTION", _("Correction")


class Method(TextChoices):
    SCAN = "scan", _("Scanned")
    TYPED = "typed", _("Typed")
    BULK = "bulk", _("In bulk")
    IMPORT = "import", _("Imported")


class Verdict(TextChoices):
    DUPLICATE = "duplicate", _("Already there")
    CONFLICT = "conflict", _("Same id, other content")
    INVALID = "invalid", _("Can't be used")


@dataclass(frozen=True)
class NodeRule:
    """A row of the fold's table. `s`: a parcel state (LOST names no station), "AT", or None; `c`: station, actor,
    carrier or None;
    `h`: "set", "clear" or None; `t`: delivered, returned or None; `x`: cancels."""

    rank: int
    s: str | None = None
    c: str | None = None
    h: str | None = None
    t: str | None = None
    x: bool = False


_N = Node
RULES: dict[Node, NodeRule] = {
    _N.PREADVICE: NodeRule(5),
    _N.COLLECTED: NodeRule(10, "in_network", "station", "clear"),
    _N.COLLECT_FAILED: NodeRule(12, h="set"),
    _N.HUB_IN: NodeRule(20, "AT", "station", "clear"),
    _N.SORTED: NodeRule(30),
    _N.BAGGED: NodeRule(30),
    _N.UNBAGGED: NodeRule(30),
    _N.LOADED: NodeRule(40, "in_transit", "actor", "clear"),
    _N.DEPARTED: NodeRule(50),
    _N.ARRIVED: NodeRule(50),
    _N.SENSOR: NodeRule(50),
    _N.UNLOADED: NodeRule(60, "AT", "station", "clear"),
    _N.HANDOVER: NodeRule(65, c="actor"),  # side=take only; side=give has no cell
    _N.OUTLET_IN: NodeRule(70, "AT", "station", "clear"),
    _N.OUT_FOR_DELIVERY: NodeRule(80, "out_for_delivery", "actor", "clear"),
    _N.ATTEMPT_FAILED: NodeRule(85, h="set"),
    _N.HELD: NodeRule(85, h="set"),
    _N.OVERDUE_PICKUP: NodeRule(85, h="set"),
    _N.REFUSED: NodeRule(85, h="set"),
    _N.DAMAGED: NodeRule(90),
    _N.LOST: NodeRule(91, "lost", None, "clear"),
    _N.RETURNING: NodeRule(92, "in_transit", None, "clear"),
    _N.FORWARDED: NodeRule(92, "in_transit", None, "clear"),
    _N.CARRIER_OUT: NodeRule(95, "in_transit", "carrier", "clear"),
    _N.SIGNED_SELF: NodeRule(98, t="delivered"),
    _N.SIGNED_AGENT: NodeRule(98, t="delivered"),
    _N.SIGNED_PICKUP: NodeRule(98, t="delivered"),
    _N.RETURNED: NodeRule(98, t="returned"),
    _N.CANCELLED: NodeRule(99, x=True),
    _N.CORRECTION: NodeRule(0),
}
