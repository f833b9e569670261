"""Made-up scans of a few parcels at a time, as unruly as dice allow: what the fold's tests and benchmark are fed with.

A *world* is one to four parcels, the bags they travel in and the corrections of their scans; its waybills, bags and
ids name no other world's, so the reference can fold it alone. Half of a world is a story as it should be told, the
rest is chance: any node at any time, equal times (rank and id decide), ids of version 4, corrections of every level
and of scans nobody has seen, handovers with one side, scans sent again, ids used twice, and clocks that are wrong.
Only `dice` decides: the same dice tell the same world.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from common.ids import uuid7
from orders.models import Parcel
from tracking.fold import Event, Registers, fold_parcel
from tracking.states import Node

SPAN_MINUTES = 600  # a world's scans lie within so many minutes after its base
# How far the device's clock is ahead of the true time when it sends; None: the upload doesn't say.
CLOCKS: Mapping[str, timedelta | None] = {
    "right": timedelta(),
    "silent": None,
    "near": timedelta(seconds=90),  # not worth correcting
    "ahead": timedelta(hours=3),
    "behind": timedelta(minutes=-40),
    "lost": timedelta(days=3),  # corrected, and not trusted
}
_ODD_TIMES = ("1970-01-01T00:00:00+00:00", "2099-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")
_STORIES: Sequence[Sequence[str]] = (  # "bag …": a scan of the whole bag
    ("HUB_IN", "SORTED", "BAGGED", "bag LOADED", "bag UNLOADED", "UNBAGGED", "OUTLET_IN", "SIGNED_PICKUP"),
    ("PREADVICE", "HUB_IN", "LOADED", "DEPARTED", "ARRIVED", "UNLOADED", "OUT_FOR_DELIVERY", "SIGNED_SELF"),
    ("HUB_IN", "BAGGED", "bag LOADED", "BAGGED", "bag UNLOADED", "bag OUTLET_IN", "HELD", "SIGNED_AGENT"),
    ("HUB_IN", "LOADED", "give", "take", "OUTLET_IN", "OVERDUE_PICKUP", "RETURNING", "RETURNED"),
    ("COLLECT_FAILED", "COLLECTED", "LOADED", "UNLOADED", "CARRIER_OUT"),
    ("CANCELLED", "COLLECTED", "HUB_IN"),
    ("COLLECTED", "CANCELLED", "LOST", "HUB_IN", "LOST"),
    ("HUB_IN", "OUTLET_IN", "ATTEMPT_FAILED", "REFUSED", "FORWARDED", "DAMAGED", "SIGNED_SELF", "SIGNED_PICKUP"),
    ("UNBAGGED", "BAGGED", "bag HUB_IN", "bag SENSOR", "give", "bag DAMAGED", "UNBAGGED", "BAGGED", "bag SIGNED_AGENT"),
)
_LOOSE = tuple(node.value for node in Node if node not in (Node.CORRECTION, Node.BAGGED, Node.UNBAGGED, Node.HANDOVER))
_KEY_BITS = 34


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as `sender` sends it by that clock; `kind`: new, again (word by word) or other (its id reused)."""

    sender: str
    clock: str
    event: dict[str, Any]
    kind: str = "new"


def world_of(event_id: UUID) -> int:
    """The number of the world an id belongs to: a field of its last eight bytes, so that these sort by it."""
    return (event_id.int & (1 << 62) - 1) >> _KEY_BITS


def waybills(number: int) -> str:
    """What all waybills of a world begin with; they sort like the numbers."""
    return f"W{number:07}-"


def world(
    dice: random.Random, number: int, *, base: datetime, senders: Mapping[str, Sequence[str]], most: int = 4
) -> list[Sent]:
    """The scans of world `number`, in the order they were made up. `senders`: name → the stations it may name; one of
    them should be a person with the right to correct, one a person without. `most`: parcels."""
    made = _World(dice, number, base, senders)
    count = dice.randint(1, most)
    for place in range(count):
        made.tell(f"{waybills(number)}{place}")
    for _ in range(dice.randint(0, 2 * count)):
        made.chance(f"{waybills(number)}{dice.randrange(count)}")
    for _ in range(dice.randint(0, count + 1)):
        made.correct(f"{waybills(number)}{dice.randrange(count)}")
    for _ in range(dice.randint(0, count)):
        made.repeat()
    return made.sent


@dataclass
class _World:
    dice: random.Random
    number: int
    base: datetime
    senders: Mapping[str, Sequence[str]]
    sent: list[Sent] = field(default_factory=list)
    serial: int = 0

    def id(self, at: datetime) -> str:
        """A new id of this world; one in thirty is of version 4, whose order is pure chance."""
        self.serial += 1
        tail = self.number << _KEY_BITS | self.dice.getrandbits(24) << 10 | self.serial
        if self.dice.randrange(30) == 0:
            return str(UUID(int=self.dice.getrandbits(48) << 80 | 4 << 76 | 0b10 << 62 | tail))
        return str(uuid7(int(at.timestamp() * 1000), self.dice.getrandbits(12) << 62 | tail))

    def bag(self) -> str:
        return f"B{self.number:07}-{self.dice.randrange(2)}"

    def add(self, kind: str, minute: int, **more: Any) -> None:
        """One scan by anybody, at a station they may name, told by their clock."""
        dice = self.dice
        sender = dice.choice(list(self.senders))
        clock = dice.choice(["right", "right", *CLOCKS])
        at = self.base + timedelta(minutes=minute) + (CLOCKS[clock] or timedelta())
        event = {
            "event_id": self.id(at),
            "type": kind,
            "occurred_at": dice.choice(_ODD_TIMES) if dice.randrange(40) == 0 else at.isoformat(),
            "station": dice.choice(self.senders[sender]),
            "trip": dice.choice([None, None, "T-1", "T-2"]),
            "reason": dice.choice([None, None, "why", "不要"]),
            "pickup_code": dice.choice([None, "1", "2-7"]) if kind == "OUTLET_IN" else None,
            **more,
        }
        self.sent.append(Sent(sender, clock, {key: value for key, value in event.items() if value is not None}))

    def node(self, word: str, waybill_no: str, minute: int) -> None:
        """One word of a story: a node, a handover's side, or a scan of the whole bag."""
        named = {"carrier": "ZTO", "waybill_no": waybill_no}
        if word in ("give", "take"):
            self.add("HANDOVER", minute, side=word, **named)
        elif word.startswith("bag "):
            kind = word.removeprefix("bag ")
            self.add(kind, minute, bag=self.bag(), side="take" if kind == "HANDOVER" else None)
        elif word in ("BAGGED", "UNBAGGED"):
            self.add(word, minute, bag=self.bag(), **named)
        else:  # a scan that names parcel and bag is the parcel's alone
            self.add(word, minute, bag=self.bag() if self.dice.randrange(20) == 0 else None, **named)

    def tell(self, waybill_no: str) -> None:
        """A story from beginning to end, with gaps; some scans fall on the same minute."""
        minute = self.dice.randrange(60)
        for word in self.dice.choice(_STORIES):
            if self.dice.randrange(8) or not self.sent:
                self.node(word, waybill_no, minute)
            minute += self.dice.choice([0, 1, 20, 60])

    def chance(self, waybill_no: str) -> None:
        """Anything at any time; every fourth names a whole bag."""
        word = self.dice.choice([*_LOOSE, "give", "take", "BAGGED", "UNBAGGED", "LOADED", "SIGNED_SELF"])
        if word in _LOOSE and self.dice.randrange(4) == 0:
            word = "bag " + self.dice.choice([word, "HANDOVER"])
        self.node(word, waybill_no, self.dice.randrange(0, SPAN_MINUTES, self.dice.choice([1, 60])))

    def correct(self, waybill_no: str) -> None:
        """A correction by anybody of any scan: of a bag's, of a correction, of one never seen, of itself, of each
        other."""
        minute = self.dice.randrange(SPAN_MINUTES)
        named = {"carrier": "ZTO", "waybill_no": waybill_no} if self.dice.randrange(10) == 0 else {}
        what = self.dice.randrange(12)
        seen = [one.event["event_id"] for one in self.sent]
        if what == 0 or not seen:
            self.add("CORRECTION", minute, corrects=self.id(self.base), **named)
        elif what == 1:
            first, second = self.id(self.base), self.id(self.base)
            self.add("CORRECTION", minute, event_id=first, corrects=second)
            self.add("CORRECTION", minute, event_id=second, corrects=self.dice.choice([first, second]))
        elif what < 6 and any(one.event["type"] == "CORRECTION" for one in self.sent):
            corrections = [one.event["event_id"] for one in self.sent if one.event["type"] == "CORRECTION"]
            self.add("CORRECTION", minute, corrects=self.dice.choice(corrections), **named)
        else:
            self.add("CORRECTION", minute, corrects=self.dice.choice(seen), **named)

    def repeat(self) -> None:
        """A scan sent once more: mostly the same, sometimes its id with another content."""
        one = self.dice.choice([one for one in self.sent if one.kind == "new"])
        if self.dice.randrange(4):
            self.sent.append(Sent(one.sender, one.clock, one.event, "again"))
        else:
            self.sent.append(Sent(one.sender, one.clock, one.event | {"reason": "another scan's id"}, "other"))


# --- a parcel's row beside what the reference says ---------------------------------------------------------

REGISTERS = tuple(one.name for one in fields(Registers))
ROW = (*REGISTERS, "state", "station_id", "on_hold", "custodian_kind")
EVENT_FIELDS = tuple(one.name for one in fields(Event))
NO_PARCEL = frozenset({Node.CORRECTION, Node.DEPARTED, Node.ARRIVED})


def row_of(parcel: Parcel | Mapping[str, Any]) -> dict[str, Any]:
    """A stored parcel's registers and what the database makes of them."""
    row = parcel if isinstance(parcel, Mapping) else {name: getattr(parcel, name) for name in ROW}
    return {name: bytes(row[name]) if isinstance(row[name], memoryview) else row[name] for name in ROW}


def expected(carrier: str, waybill_no: str, events: Collection[Event], as_of: datetime | None = None) -> dict[str, Any]:
    """The same by the reference, out of all stored events of the parcel's world."""
    registers = fold_parcel(carrier, waybill_no, events, as_of)
    return {name: getattr(registers, name) for name in ROW}


def named_parcels(events: Collection[Event]) -> set[tuple[str, str]]:
    """(carrier, waybill) of every parcel that must have a row: vehicles' scans and corrections make none."""
    return {
        (event.carrier, event.waybill_no)
        for event in events
        if event.carrier and event.waybill_no and event.type not in NO_PARCEL
    }
