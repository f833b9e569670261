"""What will happen, out of a seed: the handhelds' clocks, the parcels' stories scan by scan, the order of the faults.

Ids and times are fixed here, before anything is sent: a story needs to name a scan it corrects, and a seed must give
the same events again (the times move with the run's start, nothing else does).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from common.ids import uuid7

SHANGHAI = ZoneInfo("Asia/Shanghai")
HUB_DEVICES, CENTRES, OUTLETS_EACH = 4, 12, 2  # 4 + 12 + 24 = 40 handhelds
HOUR = 3600.0
DAY = 24 * HOUR
CARRIERS = ("ZTO", "YTO", "STO", "YUNDA", "JT", "EMS")
POISON = "POISON"  # waybills that the faults' database refuses to fold
# Seconds a handheld's clock is ahead, in the first half of a round and in the second, by its number; others are right.
SKEWS: dict[int, tuple[float, float]] = {
    3: (-3 * HOUR, -3 * HOUR),
    7: (3 * HOUR, 3 * HOUR),
    11: (-3650 * DAY, -3650 * DAY),
    13: (-20_500 * DAY, -20_500 * DAY),  # about 1970
    17: (400 * DAY, 400 * DAY),
    19: (0.0, -2 * HOUR),
    23: (90.0, 90.0),
    29: (3650 * DAY, 3650 * DAY),
    31: (-700.0, 5.0),
}
KILLS = (
    "web_worker",
    "web_master",
    "worker_child",
    "worker_main",
    "beat",
    "redis_kill",
    "redis_flush",
    "redis_freeze",
    "postgres_immediate",
    "postgres_backend",
)


@dataclass(frozen=True)
class Station:
    code: str
    level: str
    handhelds: tuple[int, ...]  # their numbers


@dataclass(frozen=True)
class World:
    """`outlets`: (outlet, its centre)."""

    hub: Station
    outlets: tuple[tuple[Station, Station], ...]
    count: int

    def above(self, number: int) -> tuple[int, ...]:
        """Handhelds that may hand in this one's scans too: those of the stations over it."""
        for outlet, centre in self.outlets:
            if number in outlet.handhelds:
                return centre.handhelds + self.hub.handhelds
        return self.hub.handhelds


@dataclass(slots=True)
class Planned:
    """One scan a handheld will make. `at`: when, from 0 to 1 in the round; `after`: not before that one is answered."""

    at: float
    event: dict[str, Any]
    n: int = 0  # its number on the handheld
    after: "Planned | None" = None


@dataclass
class Plan:
    """`queues` and `reserve` by handheld; the reserve (poison) is sent when the run asks for it."""

    queues: list[list[Planned]]
    reserve: list[list[Planned]]
    announced: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    kind: str
    wait_s: float  # before it
    dice: float  # a choice the strike makes: which process, how long


def skew_of(number: int, at: float) -> float:
    """Seconds a handheld's clock is ahead at that moment of a round."""
    return SKEWS.get(number, (0.0, 0.0))[at >= 0.5]


def schedule(seed: int, points: Sequence[str], count: int, gap_s: float, only: Sequence[str] = ()) -> list[Fault]:
    """`count` faults: every crash point once, then the kinds in turn (or the kinds of `only` in turn); those that leave
    a lease behind come early, so that the round's end need not wait for it."""
    rng = random.Random(f"faults {seed}")
    kills = list(only or KILLS)
    rng.shuffle(kills)
    crashes = [] if only else [f"crash:{point}" for point in points]
    # In a short run of some faults only, a few of each sort.
    kinds = crashes if count >= len(crashes) + len(kills) else rng.sample(crashes, min(len(crashes), count // 2))
    kinds = kinds + [kills[number % len(kills)] for number in range(count - len(kinds))]
    rng.shuffle(kinds)
    leasing = [kind for kind in kinds if kind.startswith("crash:drain")]
    others = [kind for kind in kinds if not kind.startswith("crash:drain")]
    early = max(1, len(others) * 3 // 5)
    head = others[:early] + leasing
    rng.shuffle(head)
    return [Fault(kind, rng.uniform(0.3, 1.7) * gap_s, rng.random()) for kind in head + others[early:]]


class _Teller:
    """Tells stories until there are enough scans."""

    def __init__(self, seed: int, round_no: int, world: World, base: datetime, overlap: float) -> None:
        self.rng = random.Random(f"stories {seed} {round_no}")
        self.prefix = f"{seed % 10_000:04d}{round_no:02d}"
        self.world, self.base, self.overlap = world, base, overlap
        self.plan = Plan([[] for _ in range(world.count)], [[] for _ in range(world.count)])
        self.made = 0
        self.start = 0.0

    def scan(self, number: int, ago_s: float, kind: str, station: str | None, **more: Any) -> Planned:
        """One scan by that handheld, by its own clock; into its queue, and sometimes into another's, too."""
        at = min(0.999, max(0.0, self.start + self.rng.uniform(0.0, 0.08)))
        moment = self.base + timedelta(seconds=skew_of(number, at) - ago_s)
        event: dict[str, Any] = {
            "event_id": str(uuid7(max(1, int(moment.timestamp() * 1000)), self.rng.getrandbits(74))),
            "type": kind,
            "station": station,
            "occurred_at": moment.astimezone(SHANGHAI).isoformat(timespec="milliseconds"),
            "method": self.rng.choice(("scan", "scan", "scan", "typed")),
            **more,
        }
        planned = Planned(at, {key: value for key, value in event.items() if value is not None})
        self.put(number, planned)
        return planned

    def put(self, number: int, planned: Planned) -> None:
        self.plan.queues[number].append(planned)
        self.made += 1
        if self.rng.random() < self.overlap:
            other = self.rng.choice(self.world.above(number))
            if other != number:
                # Handed over with the handheld's number: one scan, two senders, once in the stream.
                self.plan.queues[other].append(Planned(planned.at, planned.event))

    def ago(self, step: int, spread: float = 900.0) -> float:
        """Seconds ago of a story's step, 0 the oldest; the clocks of real people are not exact."""
        return 20 * HOUR - step * 1.5 * HOUR - self.rng.uniform(0, spread)

    def stories(self, total: int) -> None:
        group = 0
        while self.made < total:
            self.start = 0.92 * self.made / total
            outlet, centre = self.rng.choice(self.world.outlets)
            size = self.rng.randint(3, 6) if self.rng.random() < 0.25 else 1
            bag = f"BAG-{self.prefix}-{group:06d}" if size > 1 else None
            self.group(outlet, centre, [self.parcel_key(group, one) for one in range(size)], bag, f"T{group % 97:03d}")
            group += 1
        for number in {number % self.world.count: None for number in (5, 9, 21, 33)}:
            self.start = self.rng.random() * 0.8
            self.poison(number, group, self.plan.queues[number])
            group += 1
        for number in range(0, self.world.count, 2):
            self.poison(number, group, self.plan.reserve[number])
            group += 1

    def parcel_key(self, group: int, one: int) -> dict[str, str]:
        key = {"carrier": self.rng.choice(CARRIERS), "waybill_no": f"F{self.prefix}{group:06d}{one}"}
        if self.rng.random() < 0.85:
            self.plan.announced.append((key["carrier"], key["waybill_no"]))
        return key

    def poison(self, number: int, group: int, queue: list[Planned]) -> None:
        """Scans of a parcel that can't be folded, among others that can: the drain must find them by halving."""
        station = self.station_of(number)
        key = {"carrier": "ZTO", "waybill_no": f"{POISON}{self.prefix}{group:06d}"}
        self.plan.announced.append((key["carrier"], key["waybill_no"]))
        for step in (3, 4):
            at = self.start + self.rng.uniform(0, 0.1)
            moment = self.base + timedelta(seconds=skew_of(number, at) - self.ago(step))
            event = {
                "event_id": str(uuid7(max(1, int(moment.timestamp() * 1000)), self.rng.getrandbits(74))),
                "type": ("UNLOADED", "HELD")[step % 2],
                "station": station,
                "occurred_at": moment.isoformat(timespec="milliseconds"),
                "method": "scan",
                **key,
            }
            queue.append(Planned(at, event))

    def station_of(self, number: int) -> str:
        if number in self.world.hub.handhelds:
            return self.world.hub.code
        return next(s.code for pair in self.world.outlets for s in pair if number in s.handhelds)

    def group(self, outlet: Station, centre: Station, keys: list[dict[str, str]], bag: str | None, trip: str) -> None:
        """The way of one parcel, or of some in one bag, from the hub to somebody's door."""
        rng, hub = self.rng, self.world.hub
        at_hub, at_centre = rng.choice(hub.handhelds), rng.choice(centre.handhelds)
        for key in keys:
            self.scan(at_hub, self.ago(0), "HUB_IN", hub.code, **key)
            if bag:
                self.scan(at_hub, self.ago(1), "BAGGED", hub.code, bag=bag, **key)
            elif rng.random() < 0.3:
                self.scan(at_hub, self.ago(1), "SORTED", hub.code, **key)
        loads: list[dict[str, str]] = [{"bag": bag}] if bag else keys
        for subject in loads:
            self.scan(at_hub, self.ago(2), "LOADED", hub.code, trip=trip, **subject)
        if rng.random() < 0.1:
            self.scan(at_hub, self.ago(3), "DEPARTED", hub.code, trip=trip)
        for subject in loads:
            self.scan(at_centre, self.ago(4), "UNLOADED", centre.code, trip=trip, **subject)
        for key in keys:
            if bag and rng.random() < 0.9:
                self.scan(at_centre, self.ago(5), "UNBAGGED", centre.code, bag=bag, **key)
            self.last_mile(outlet, centre, at_centre, key)

    def last_mile(self, outlet: Station, centre: Station, at_centre: int, key: dict[str, str]) -> None:
        rng = self.rng
        at_outlet = rng.choice(outlet.handhelds)
        dice = rng.random()
        if dice < 0.4:
            self.scan(at_centre, self.ago(6), "HANDOVER", centre.code, side="give", counterpart="陈秀英", **key)
            if rng.random() < 0.9:
                self.scan(at_outlet, self.ago(6), "HANDOVER", outlet.code, side="take", **key)
        shelf = f"{rng.randint(1, 40)}-{rng.randint(1, 99)}"
        shelved = self.scan(at_outlet, self.ago(7), "OUTLET_IN", outlet.code, pickup_code=shelf, **key)
        if rng.random() < 0.08:
            self.correct(at_outlet, rng.choice(self.world.hub.handhelds), shelved)
        if rng.random() < 0.05:
            kind = rng.choice(("HELD", "ATTEMPT_FAILED", "OVERDUE_PICKUP"))
            self.scan(at_outlet, self.ago(8), kind, outlet.code, reason="收件人不在家", **key)
        if rng.random() < 0.03:
            self.scan(at_centre, self.ago(8), "DAMAGED", centre.code, **key)
        if rng.random() < 0.03:
            self.scan(at_centre, self.ago(9), rng.choice(("LOST", "CANCELLED")), None, **key)
        if dice < 0.25:
            self.scan(at_outlet, self.ago(9), "OUT_FOR_DELIVERY", outlet.code, **key)
            self.signed(at_outlet, outlet, "SIGNED_SELF", key)
        elif dice < 0.8:
            self.signed(at_outlet, outlet, "SIGNED_PICKUP", key)
        elif dice < 0.85:
            self.scan(at_outlet, self.ago(9), "RETURNING", outlet.code, **key)
            self.scan(at_centre, self.ago(10), "RETURNED", centre.code, **key)
        if rng.random() < 0.02:
            self.odd(at_outlet, outlet, key)

    def signed(self, number: int, outlet: Station, kind: str, key: dict[str, str]) -> None:
        place = {"lng": 107.73, "lat": 29.86} if self.rng.random() < 0.2 else {}
        done = self.scan(number, self.ago(10), kind, outlet.code, **place, **key)
        if self.rng.random() < 0.03:  # a second delivery, by another person
            self.scan(self.rng.choice(outlet.handhelds), self.ago(11), "SIGNED_AGENT", outlet.code, **key)
        if self.rng.random() < 0.04:
            self.correct(number, number, done)

    def correct(self, own: int, other: int, target: Planned) -> None:
        """A correction by the same handheld counts, another's does not; a correction of it undoes it."""
        number = own if self.rng.random() < 0.8 else other
        first = self.scan(number, self.ago(11), "CORRECTION", None, corrects=target.event["event_id"])
        if self.rng.random() < 0.3:
            self.scan(number, self.ago(12), "CORRECTION", None, corrects=first.event["event_id"])

    def odd(self, number: int, outlet: Station, key: dict[str, str]) -> None:
        """What a handheld should not send."""
        kind = self.rng.randrange(9)
        good = self.scan(number, self.ago(8), "HELD", outlet.code, reason="等通知", **key)
        event = dict(good.event)
        if kind == 0:  # the same id with other content, once the first is in
            twin = Planned(good.at, {**event, "reason": "另有原因"}, after=good)
            self.plan.queues[number].append(twin)
            return
        event["event_id"] = str(uuid7(int(self.base.timestamp() * 1000), self.rng.getrandbits(74)))
        event |= (
            {"carrier": "NOPE"},
            {"type": "TELEPORTED"},
            {"occurred_at": "yesterday"},
            {"waybill_no": "x"},
            {"lat": 100.5, "lng": 1.0},
            {"event_id": f"not-a-uuid-{self.rng.getrandbits(60)}"},
            {"station": self.world.hub.code},
            {"reason": "nul\x00"},
        )[kind - 1]
        self.plan.queues[number].append(Planned(good.at, event))


def tell(
    *,
    seed: int,
    round_no: int,
    world: World,
    base: datetime,
    events: int,
    first_n: Sequence[int],
    overlap: float = 0.03,
) -> Plan:
    """A round's plan: about `events` scans; each handheld goes on counting from `first_n`."""
    teller = _Teller(seed, round_no, world, base.astimezone(UTC), overlap)
    teller.stories(events)
    for number, (queue, reserve) in enumerate(zip(teller.plan.queues, teller.plan.reserve, strict=True)):
        queue.sort(key=lambda planned: planned.at)
        for place, planned in enumerate([*queue, *reserve]):
            planned.n = first_n[number] + place
    _number(teller)
    return teller.plan


def _number(teller: _Teller) -> None:
    """Sequence numbers: a handheld numbers its own scans; one that is handed on keeps the number it has."""
    numbered: set[int] = set()
    rng = teller.rng
    for queues in (teller.plan.queues, teller.plan.reserve):
        for queue in queues:
            for planned in queue:
                if id(planned.event) not in numbered:
                    numbered.add(id(planned.event))
                    planned.event["seq"] = planned.n if rng.random() > 0.001 else -planned.n
