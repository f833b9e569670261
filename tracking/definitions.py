"""What the counter offers: which operation, for whom, at which level, and the scan it makes. Plain data.

To offer another one: add it here; the page, the form and the rights follow.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.roles import Role
from stations.states import StationLevel
from tracking.states import Node

_OPERATOR = Role.STATION_OPERATOR
_COURIER = Role.COURIER
_HUB, _CENTRE, _OUTLET = StationLevel.HUB, StationLevel.CENTRE, StationLevel.OUTLET


@dataclass(frozen=True)
class Reason:
    """A way an operation can turn out. `node` overrides the operation's."""

    key: str
    label: str | Promise
    node: Node | None = None


@dataclass(frozen=True)
class Operation:
    """One button of the counter. `needs_known`: a parcel nobody announced is refused instead of created;
    `arrives`: the parcel should be bound for here, or for a station below; `asks`: which extra fields show."""

    key: str
    label: str | Promise
    icon: str
    node: Node
    role: Role
    levels: frozenset[StationLevel]
    asks: frozenset[str] = frozenset()
    reasons: tuple[Reason, ...] = ()
    needs_known: bool = False
    arrives: bool = False
    done: str | Promise = ""


def _op(key: str, label: str | Promise, icon: str, node: Node, role: Role, levels: str, **more: object) -> Operation:
    places = {"H": _HUB, "C": _CENTRE, "O": _OUTLET}
    return Operation(key, label, icon, node, role, frozenset(places[x] for x in levels), **more)  # type: ignore[arg-type]


PROBLEMS = (
    Reason("damaged", _("Damaged"), Node.DAMAGED),
    Reason("unreachable", _("Held back: nobody can be reached"), Node.HELD),
    Reason("address", _("Held back: address is wrong"), Node.HELD),
    Reason("overdue", _("Not picked up in time"), Node.OVERDUE_PICKUP),
)
PROBLEMS_ON_THE_WAY = (PROBLEMS[0], PROBLEMS[2], Reason("label", _("Held back: label can't be read"), Node.HELD))
REFUSALS = (
    Reason("unwanted", _("No longer wanted")),
    Reason("broken", _("Goods are damaged")),
    Reason("not_ordered", _("Not ordered by them")),
)
FAILURES = (
    Reason("nobody_home", _("Nobody at home")),
    Reason("no_answer", _("Phone not answered")),
    Reason("wrong_address", _("Address is wrong")),
    Reason("later", _("Asked to come another day")),
)
AGENTS = (
    Reason("family", _("Family")),
    Reason("neighbour", _("Neighbour")),
    Reason("shop", _("Village shop")),
    Reason("committee", _("Village committee")),
)

# The order is the order of the buttons (and of Alt+1 …).
OPERATIONS: tuple[Operation, ...] = (
    _op("shelve", _("Arrive and shelve"), "shelf", Node.OUTLET_IN, _OPERATOR, "O",
        asks=frozenset({"shelf"}), arrives=True, done=_("On the shelf")),
    _op("hand_out", _("Hand out"), "box", Node.SIGNED_PICKUP, _OPERATOR, "O", needs_known=True, done=_("Handed out")),
    _op("receive", _("Receive"), "download", Node.HUB_IN, _OPERATOR, "HC", arrives=True, done=_("Received")),
    _op("unload", _("Unload"), "truck", Node.UNLOADED, _OPERATOR, "HC", arrives=True, done=_("Unloaded")),
    _op("load", _("Load"), "upload", Node.LOADED, _OPERATOR, "HCO", asks=frozenset({"trip"}), done=_("Loaded")),
    _op("carrier_out", _("Hand to the carrier"), "right", Node.CARRIER_OUT, _OPERATOR, "H",
        done=_("Handed to the carrier")),
    _op("collect", _("Collect"), "add", Node.COLLECTED, _OPERATOR, "HCO", done=_("Collected")),
    _op("refuse", _("Refused"), "no", Node.REFUSED, _OPERATOR, "O",
        reasons=REFUSALS, needs_known=True, done=_("Refusal noted")),
    _op("problem", _("Problem parcel"), "warning", Node.DAMAGED, _OPERATOR, "O",
        reasons=PROBLEMS, needs_known=True, done=_("Problem noted")),
    _op("problem_here", _("Problem parcel"), "warning", Node.DAMAGED, _OPERATOR, "HC",
        reasons=PROBLEMS_ON_THE_WAY, done=_("Problem noted")),
    _op("send_back", _("Send back"), "left", Node.RETURNING, _OPERATOR, "O",
        needs_known=True, done=_("On its way back")),
    _op("courier_load", _("Load"), "upload", Node.LOADED, _COURIER, "HCO", asks=frozenset({"trip"}), done=_("Loaded")),
    _op("out", _("Out for delivery"), "truck", Node.OUT_FOR_DELIVERY, _COURIER, "HCO", done=_("Out for delivery")),
    _op("failed", _("Attempt failed"), "warning", Node.ATTEMPT_FAILED, _COURIER, "HCO",
        reasons=FAILURES, needs_known=True, done=_("Attempt noted")),
    _op("signed_self", _("Signed by the recipient"), "ok", Node.SIGNED_SELF, _COURIER, "HCO",
        needs_known=True, done=_("Signed for")),
    _op("signed_agent", _("Signed by somebody else"), "people", Node.SIGNED_AGENT, _COURIER, "HCO",
        reasons=AGENTS, needs_known=True, done=_("Signed for")),
)  # fmt: skip
BY_KEY = {operation.key: operation for operation in OPERATIONS}
_REASONS = {reason.key: reason.label for operation in OPERATIONS for reason in operation.reasons}


def operations_at(level: str, roles: frozenset[str]) -> tuple[Operation, ...]:
    """The operations for somebody with these roles at a station of this level."""
    found = [op for op in OPERATIONS if level in op.levels and op.role in roles]
    if _OPERATOR in roles:
        found = [op for op in found if op.key != "courier_load"]  # the same button twice would only confuse
    return tuple(found)


def reason_of(operation: Operation, key: str) -> Reason | None:
    """The chosen way it turned out; the first where none is named; None for an operation without reasons."""
    if not operation.reasons:
        return None
    return next((reason for reason in operation.reasons if reason.key == key), operation.reasons[0])


def reason_words(key: str | None) -> str | Promise:
    """A stored reason as words; what a handheld or partner wrote in their own words stays as it is."""
    return _REASONS.get(key or "", key or "")
