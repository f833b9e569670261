"""Every node in the words of others: GS1's EPCIS, China's platforms, the world's trackers. Data, and nothing that acts.

A node has one row. Going out, the row is the answer. Coming in, several nodes share many a word: `CHOSEN` says which
one is meant, and it is the one that claims least: a word heard from outside gives no station of ours a parcel in
custody, and a parcel no end, if it can also mean less. docs/vocabulary.md is this table, printed.

To add a node: its row here and in states.RULES, then `manage.py print_vocabulary > docs/vocabulary.md`.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import override

from tracking.states import RULES, Node


def _list(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The whole lists of GS1's Core Business Vocabulary 2.0: a word that isn't here is a slip.
BIZ_STEPS = _list(
    "accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting"
    " decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting"
    " installing killing loading other packing picking receiving removing repackaging repairing replacing reserving"
    " retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting"
    " unloading unpacking void_shipping"
)
DISPOSITIONS = _list(
    "active available completeness_inferred completeness_verified conformant container_closed container_open damaged"
    " destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance"
    " mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed"
    " recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable"
    " unknown"
)
ACTIONS = frozenset({"ADD", "OBSERVE", "DELETE"})
EVENT_TYPES = frozenset({"ObjectEvent", "AggregationEvent"})
PARTY_TYPE = "possessing_party"  # of sourceList and destinationList: custody moves, ownership never does
PARTIES = frozenset({"sender", "holder", "station", "actor", "counterpart", "carrier", "recipient"})
ERROR_REASONS = frozenset({"did_not_occur", "incorrect_data"})


@dataclass(frozen=True)
class Epcis:
    """What an EPCIS 2.0 event says. `parent`: what an AggregationEvent puts the parcel into (a scan that names none
    goes out as an ObjectEvent with OBSERVE: the standard asks for a parent); `source`, `destination`: whose hands it
    leaves and reaches, of PARTIES; `error_reason`: no event but the errorDeclaration of the one it takes back."""

    biz_step: str = ""
    disposition: str = ""
    event_type: str = "ObjectEvent"
    action: str = "OBSERVE"
    parent: str = ""
    source: str = ""
    destination: str = ""
    error_reason: str = ""


@dataclass(frozen=True)
class Words:
    """One node elsewhere; empty where a system has no word. The first of several codes is the one that is sent.

    `wechat_action`: 微信物流助手 action_type; `wechat_shop`: 微信小店 status; `kuaidi100`: 快递100 state;
    `kdniao`: 快递鸟 StateEx; `sf`: 顺丰 opcode; `aftership`: tag and subtag; `unified`: the coarse word of Karrio's
    kind, with its reason."""

    epcis: Epcis
    wechat_action: int | None = None
    wechat_shop: int | None = None
    kuaidi100: tuple[int, ...] = ()
    kdniao: tuple[int, ...] = ()
    sf: tuple[int, ...] = ()
    aftership: tuple[str, str] | None = None
    unified: str = ""
    unified_reason: str = ""


def _into(parent: str, step: str, disposition: str, **more: str) -> Epcis:
    return Epcis(step, disposition, "AggregationEvent", "ADD", parent, **more)


def _out_of(parent: str, step: str, disposition: str, **more: str) -> Epcis:
    return Epcis(step, disposition, "AggregationEvent", "DELETE", parent, **more)


_N = Node
_SIGNED = Epcis("accepting", source="holder", destination="recipient")  # CBV has no disposition for "signed for"
_WAY = ("InTransit", "InTransit_001")
VOCABULARY: Mapping[Node, Words] = {
    _N.PREADVICE: Words(
        Epcis("commissioning", "active", action="ADD"),
        None, 0, (101, 102), (10, 0), (138,), ("InfoReceived", "InfoReceived_001"), "pending",
    ),
    _N.COLLECTED: Words(
        Epcis("collecting", "in_progress", source="sender", destination="station"),
        100001, 1, (1, 103), (1,), (50, 54), ("InTransit", "InTransit_002"), "picked_up",
    ),
    _N.COLLECT_FAILED: Words(
        Epcis("collecting", "unavailable"), 100002, 8, (2,), (4,), (131,), ("Exception", "Exception_001"), "on_hold",
    ),
    _N.HUB_IN: Words(
        Epcis("receiving", "in_progress", source="holder", destination="station"),
        200001, 2, (1001,), (201,), (31, 43), ("InTransit", "InTransit_003"), "in_transit",
    ),
    _N.SORTED: Words(
        _into("bag", "packing", "container_closed"), 200001, 2, (0,), (204,), (30,), _WAY, "in_transit",
    ),
    _N.BAGGED: Words(
        _into("bag", "packing", "container_closed"), 200001, 2, (0,), (204,), (30,), _WAY, "in_transit",
    ),
    _N.UNBAGGED: Words(
        _out_of("bag", "unpacking", "in_progress"), 200001, 2, (0,), (2,), (), _WAY, "in_transit",
    ),
    _N.LOADED: Words(
        _into("trip", "loading", "in_transit", source="holder", destination="actor"),
        200001, 2, (1002,), (206,), (30, 136), _WAY, "in_transit",
    ),
    _N.DEPARTED: Words(
        Epcis("departing", "in_transit"),
        200001, 2, (1002,), (2,), (36, 302), ("InTransit", "InTransit_007"), "in_transit",
    ),
    _N.ARRIVED: Words(
        Epcis("arriving", "in_transit"),
        200001, 2, (1001,), (205,), (11, 31), ("InTransit", "InTransit_003"), "in_transit",
    ),
    _N.SENSOR: Words(Epcis("sensor_reporting")),
    _N.UNLOADED: Words(
        _out_of("trip", "unloading", "in_progress", source="holder", destination="station"),
        200001, 2, (0,), (205,), (137,), ("InTransit", "InTransit_003"), "in_transit",
    ),
    _N.HANDOVER: Words(
        Epcis("accepting", "in_progress", source="counterpart", destination="actor"),
        200001, 2, (1003,), (2,), (208,), _WAY, "in_transit",
    ),
    _N.OUTLET_IN: Words(
        Epcis("storing", "available", source="holder", destination="station"),
        200001, 4, (501,), (211,), (130, 125), ("AvailableForPickup", "AvailableForPickup_001"), "ready_for_pickup",
    ),
    _N.OUT_FOR_DELIVERY: Words(
        Epcis("departing", "in_transit", source="holder", destination="actor"),
        300002, 3, (5,), (202,), (44, 204), ("OutForDelivery", "OutForDelivery_001"), "out_for_delivery",
    ),
    _N.ATTEMPT_FAILED: Words(
        Epcis("holding", "unavailable"),
        300004, 8, (204, 206, 207), (405, 416, 420, 421, 422, 423), (33, 70), ("AttemptFail", "AttemptFail_001"),
        "delivery_failed",
    ),
    _N.HELD: Words(
        # SF: 33 begins a hold and 34 ends it, so only the first is this node
        Epcis("holding", "in_progress"), 400002, 8, (208,), (417,), (33,), ("Exception", "Exception_001"), "on_hold",
    ),
    _N.OVERDUE_PICKUP: Words(
        Epcis("holding", "unavailable"), 400002, 8, (205,), (412,), (126,), ("Exception", "Exception_008"), "on_hold",
    ),
    _N.REFUSED: Words(
        Epcis("holding", "returned"),
        300004, 8, (203,), (404,), (70,), ("Exception", "Exception_003"), "return_to_sender", "consignee_refused",
    ),
    _N.DAMAGED: Words(
        Epcis("inspecting", "damaged"),
        None, 8, (209,), (414,), (33,), ("Exception", "Exception_012"), "on_hold", "carrier_damaged_parcel",
    ),
    _N.LOST: Words(
        # "stolen" only once it is proven, and then a person says so
        Epcis("stock_taking", "unknown"),
        None, 8, (202,), (403,), (), ("Exception", "Exception_013"), "on_hold", "carrier_parcel_lost",
    ),
    _N.RETURNING: Words(
        Epcis("shipping", "returned"), None, 6, (6,), (407,), (648,), ("Exception", "Exception_010"),
        "return_to_sender",
    ),
    _N.FORWARDED: Words(
        Epcis("shipping", "in_transit"), None, 7, (7,), (5,), (99,), ("InTransit", "InTransit_009"), "in_transit",
    ),
    _N.CARRIER_OUT: Words(
        Epcis("shipping", "in_transit", source="holder", destination="carrier"),
        200001, 2, (1002,), (2,), (41,), ("InTransit", "InTransit_007"), "in_transit",
    ),
    _N.SIGNED_SELF: Words(
        _SIGNED, 300003, 5, (301,), (301,), (80,), ("Delivered", "Delivered_003"), "delivered",
    ),
    _N.SIGNED_AGENT: Words(
        _SIGNED, 300003, 5, (303,), (304,), (80, 607), ("Delivered", "Delivered_005"), "delivered",
    ),
    _N.SIGNED_PICKUP: Words(
        _SIGNED, 300003, 9, (304,), (311,), (128,), ("Delivered", "Delivered_002"), "delivered",
    ),
    _N.RETURNED: Words(
        Epcis("receiving", "returned", source="holder", destination="sender"),
        None, 6, (4, 14), (406,), (648,), ("Exception", "Exception_011"), "return_to_sender",
    ),
    _N.CANCELLED: Words(
        # SF: 70 with reason 46; 70 alone is a failed attempt
        Epcis("void_shipping", "inactive"), 400001, 8, (401, 210), (413, 415), (70,), None, "cancelled",
    ),
    _N.CORRECTION: Words(Epcis(event_type="", action="", error_reason="did_not_occur")),
}  # fmt: skip

# A foreign word that several nodes share, and the node it is read as.
CHOSEN: Mapping[str, Mapping[Hashable, Node]] = {
    "kuaidi100": {0: _N.SORTED, 1001: _N.ARRIVED, 1002: _N.DEPARTED},
    "kdniao": {204: _N.SORTED, 2: _N.DEPARTED, 205: _N.ARRIVED},
    "sf": {30: _N.SORTED, 31: _N.ARRIVED, 33: _N.HELD, 70: _N.ATTEMPT_FAILED, 80: _N.SIGNED_SELF, 648: _N.RETURNING},
    "wechat_action": {
        200001: _N.DEPARTED, 300003: _N.SIGNED_SELF, 300004: _N.ATTEMPT_FAILED, 400002: _N.HELD,
    },
    "wechat_shop": {2: _N.DEPARTED, 5: _N.SIGNED_SELF, 6: _N.RETURNING, 8: _N.HELD},
    "aftership": {
        "InTransit_001": _N.SORTED, "InTransit_003": _N.ARRIVED, "InTransit_007": _N.DEPARTED, "Exception_001": _N.HELD,
    },
}  # fmt: skip


def codes_of(system: str, words: Words) -> tuple[Hashable, ...]:
    """The words one node has in a system (a key of CHOSEN); AfterShip's is its subtag."""
    found = getattr(words, system)
    if system == "aftership":
        return (found[1],) if found else ()
    if isinstance(found, tuple):
        return found
    return () if found is None else (found,)


def _read_as(system: str) -> dict[Hashable, Node]:
    first: dict[Hashable, Node] = {}
    for node, words in VOCABULARY.items():
        for code in codes_of(system, words):
            first.setdefault(code, node)
    return first | dict(CHOSEN[system])


_NODES = {system: _read_as(system) for system in CHOSEN}


def node_of_kuaidi100(state: int) -> Node | None:
    """快递100's state; None for one nobody maps."""
    return _NODES["kuaidi100"].get(state)


def node_of_kdniao(state_ex: int) -> Node | None:
    """快递鸟's StateEx; None for one nobody maps."""
    return _NODES["kdniao"].get(state_ex)


def node_of_sf(opcode: int) -> Node | None:
    """顺丰's opcode; None for one nobody maps."""
    return _NODES["sf"].get(opcode)


def node_of_wechat(action_type: int) -> Node | None:
    """微信物流助手's action_type; None for one nobody maps."""
    return _NODES["wechat_action"].get(action_type)


def node_of_wechat_shop(status: int) -> Node | None:
    """微信小店's status; None for one nobody maps."""
    return _NODES["wechat_shop"].get(status)


def node_of_aftership(subtag: str) -> Node | None:
    """AfterShip's subtag, such as Delivered_003; None for one nobody maps."""
    return _NODES["aftership"].get(subtag)


def effect(node: Node) -> dict[str, Any]:
    """What a node does to a parcel (docs/fold.md): null is "leaves it"; a state of "AT" is the station's level."""
    rule = RULES[node]
    return {
        "rank": rule.rank,
        "state": "at_station" if rule.s == "AT" else rule.s,
        "custodian": rule.c,
        "hold": rule.h,
        "ends_as": rule.t,
        "cancels": rule.x,
        "only_side": "take" if node == Node.HANDOVER else None,
    }


def rows() -> Iterator[dict[str, Any]]:
    """The table for a program: each node with its names, what it does, and its words; empty ones are null."""
    for node, words in VOCABULARY.items():
        with override("zh-hans"):
            zh = str(node.label)
        with override("en"):
            en = str(node.label)
        epcis = {key: value or None for key, value in vars(words.epcis).items()}
        parties = {
            key: {"type": PARTY_TYPE, "party": epcis[key]} if epcis[key] else None for key in ("source", "destination")
        }
        tag, subtag = words.aftership or (None, None)
        yield {
            "node": node.value,
            "label": {"zh": zh, "en": en},
            "effect": effect(node),
            "epcis": epcis | parties,
            "wechat": {"action_type": words.wechat_action, "shop_status": words.wechat_shop},
            "kuaidi100": list(words.kuaidi100),
            "kdniao": list(words.kdniao),
            "sf": list(words.sf),
            "aftership": {"tag": tag, "subtag": subtag},
            "unified": {"status": words.unified or None, "reason": words.unified_reason or None},
        }
