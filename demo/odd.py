"""What goes wrong, or just otherwise, in the made-up county's newest days: a handful of all a person must look at.

Bags and handovers are everyday; the rest is what the page "needs attention" is for, each kind a few times, the demo
outlet among them. Which parcels meet it is decided by dice of their own, and only things of before the newest day, so
that a later anchor changes none of it.
"""

import hashlib
import random
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from common.clock import day_start
from demo.ways import Network, Outlet, Scan, Way

BAG_HOLDS = 24
HANDED_OVER_SHARE = 0.012  # of the newest days' parcels, with both sides
WRONG_CLOCK_SHARE = 0.01  # of handhelds: hours off, and they say so by device_now
SIGNED = ("SIGNED_PICKUP", "SIGNED_AGENT")
COURIER = "村级配送员"


@dataclass(frozen=True)
class Photo:
    """A signature that went up by itself; `station` names the handheld."""

    station: str
    at: datetime
    content: bytes


@dataclass(frozen=True)
class Handhelds:
    """The odd ones, by the stations that have them: a clock three minutes fast, one two days fast for a day, one
    nobody has heard of for days, and one that still holds some of yesterday's scans (the demo outlet's centre's)."""

    fast: str
    wrong_day: str
    silent: str
    holds_back: str
    newest: date

    def keeps(self, scan: Scan) -> bool:
        """Whether a scan never left its handheld."""
        if scan.station == self.silent:
            return scan.at >= day_start(self.newest) - timedelta(days=3)
        since = day_start(self.newest) - timedelta(hours=24 - 13.4)
        return scan.station == self.holds_back and since <= scan.at < since + timedelta(minutes=20)

    def clock(self, seed: int, station: str, at: datetime) -> timedelta:
        """How far a handheld's clock is ahead at a time."""
        if station == self.fast:
            return timedelta(minutes=3, seconds=4)
        if station == self.wrong_day and timedelta() < day_start(self.newest) - at <= timedelta(days=1):
            return timedelta(days=2)
        dice = random.Random(f"{seed} clock of {station}")
        if dice.random() < WRONG_CLOCK_SHARE:
            return timedelta(hours=dice.choice((-8, 3, -24 * 365, 1)), seconds=dice.gauss(0, 40))
        return timedelta(seconds=max(-110.0, min(110.0, dice.gauss(0, 40))))


def odd_handhelds(network: Network, newest: date) -> Handhelds:
    """Near the busiest outlet, where the demo's people work; the silent one is the quietest there."""
    mine = busiest(network)
    near = sorted(network.outlets, key=lambda o: (o is mine, o.centre != mine.centre, -o.weight, o.station))
    quiet = min((o for o in near if o.centre == mine.centre), key=lambda o: (o.weight, o.station))
    return Handhelds(near[0].station, near[1].station, quiet.station, mine.centre, newest)


def busiest(network: Network) -> Outlet:
    """The outlet with the most parcels: the demo login `outlet` works there."""
    return max(network.outlets, key=lambda o: o.weight)


class Oddities:
    """Changes some ways of the newest days. A parcel meets one thing at most; `scans` are those of no parcel."""

    def __init__(self, network: Network, ways: Sequence[Way], handhelds: Handhelds, seed: int) -> None:
        self.network, self.handhelds, self.seed = network, handhelds, seed
        self.rng = random.Random(f"{seed} odd")
        self.before = day_start(handhelds.newest)  # all of it has happened by then
        self.mine = busiest(network)
        odd = {handhelds.fast, handhelds.wrong_day, handhelds.silent}
        self.plain = [way for way in ways if way.outlet.station not in odd]
        self.plain.sort(key=lambda way: (way.outlet is not self.mine, self.rng.random()))
        self.used: set[int] = set()
        self.scans: list[Scan] = []

    def happen(self) -> None:
        """All of it, the demanding kinds first."""
        self.signed_twice(6)
        self.never_shelved(6)
        self.scanned_after_its_end(5)
        self.taken_with_one_side(5)
        self.lost_and_found(4)
        self.at_two_outlets(3)
        self.cancelled_too_late(4)
        self.not_announced(5)
        self.id_used_again(2)
        self.unusable(6)
        self.straight_to_the_outlet(2)
        self.bagged()
        self.handed_over()

    # --- what a person must look at ---------------------------------------------------------------------------

    def signed_twice(self, number: int) -> None:
        """A second outlet says it handed the parcel out, too."""
        for way in self._some(number, lambda way: self._ended(way, minutes=40)):
            end = way.scans[-1]
            self._after(way, end, self._neighbour(way.outlet), "SIGNED_PICKUP")

    def scanned_after_its_end(self, number: int) -> None:
        """The outlet finds it on the shelf again, or its centre loads it once more."""
        for turn, way in enumerate(self._some(number, lambda way: self._ended(way, minutes=40))):
            if turn % 2 == 0:
                self._after(way, way.scans[-1], way.outlet.station, "OUTLET_IN", reason="清点货架")
            else:
                self._after(way, way.scans[-1], way.outlet.centre, "LOADED", trip="补录")

    def never_shelved(self, number: int) -> None:
        """Signed for without ever having been scanned in at the outlet."""
        for way in self._some(number, lambda way: self._ended(way)):
            way.scans = [scan for scan in way.scans if scan.type != "OUTLET_IN"]
            way.scans[-1].more.pop("pickup_code", None)

    def straight_to_the_outlet(self, number: int) -> None:
        """The carrier's own car brought it: neither hub nor centre has seen it."""
        for way in self._some(number, lambda way: self._ended(way), mine=False):
            way.scans = [scan for scan in way.scans if scan.station == way.outlet.station]

    def taken_with_one_side(self, number: int) -> None:
        """Given with nobody who took it, or taken with nobody who gave it."""
        for turn, way in enumerate(self._some(number, self._last_leg)):
            self._handover(way, "take" if turn % 3 == 2 else "give")

    def lost_and_found(self, number: int) -> None:
        """Reported lost in the evening; the next scan finds it."""
        for way in self._some(number, lambda way: self._night(way) is not None, mine=False):
            scan = self._night(way)
            assert scan is not None
            self._add(
                way, scan.at + timedelta(hours=self.rng.uniform(2, 5)), scan.station, "LOST", reason="清点时未找到"
            )

    def at_two_outlets(self, number: int) -> None:
        """Two outlets scan it in within the same minute, by their own clocks."""
        for way in self._some(number, lambda way: self._ended(way), mine=False):
            scan = next(s for s in way.scans if s.type == "OUTLET_IN")
            other = self._neighbour(way.outlet)
            own, theirs = (self.handhelds.clock(self.seed, at, scan.at) for at in (scan.station, other))
            second = (scan.at + own).second
            scan.at += timedelta(seconds=20 - second)
            self._add(way, scan.at + own - theirs + timedelta(seconds=15), other, "OUTLET_IN")

    def cancelled_too_late(self, number: int) -> None:
        """The sender calls it back when it is on the road."""

        def on_the_road(way: Way) -> bool:
            return any(s.type == "LOADED" and s.at < self.before - timedelta(hours=4) for s in way.scans)

        for way in self._some(number, lambda way: on_the_road(way) and self._down(way), mine=False):
            loaded = next(s for s in way.scans if s.type == "LOADED")
            at = loaded.at + timedelta(hours=self.rng.uniform(0.5, 3))
            self._add(way, at, self.network.hub, "CANCELLED", method="typed", reason="寄件人要求撤回")

    def not_announced(self, number: int) -> None:
        """Its carrier's file had no line for it."""
        for way in self._some(number, lambda way: way.announcement is not None, mine=False):
            way.announcement = None

    def id_used_again(self, number: int) -> None:
        """An app that makes the same number for two scans in a row."""
        for way in self._some(number, lambda way: self._ended(way), mine=False):
            scan = next(s for s in way.scans if s.type == "OUTLET_IN")
            again = self._add(way, scan.at + timedelta(seconds=40), scan.station, "HELD", reason="外包装受潮")
            again.more["event_id"] = scan.event_id

    def unusable(self, number: int) -> None:
        """Typed wrong first and right a little later, an old app, a handheld lent to another village."""
        for turn, way in enumerate(self._some(number, lambda way: self._ended(way), mine=False)):
            scan = next(s for s in way.scans if s.type == "OUTLET_IN")
            wrong = self._add(way, scan.at - timedelta(seconds=35), scan.station, "OUTLET_IN", method="typed")
            wrong.more |= (
                {"carrier": way.carrier[:1] + "0" + way.carrier[2:]},
                {"waybill_no": way.waybill_no[:5]},
                {"station": self._elsewhere(way.outlet)},
                {"type": "STORE_IN", "method": "scan"},
            )[turn % 4]

    # --- the everyday -----------------------------------------------------------------------------------------

    def bagged(self) -> None:
        """To two centres parcels go in bags: the bag is loaded and unloaded, the parcels are put in and taken out."""
        others = sorted({o.centre for o in self.network.outlets if o.centre != self.mine.centre})
        centres = {self.mine.centre, self.rng.choice(others)}
        runs: dict[tuple[int, str], list[tuple[Way, int]]] = defaultdict(list)
        for way in self.plain:
            if way.outlet.centre in centres and id(way) not in self.used and (at := self._bag_leg(way)) is not None:
                runs[way.day, way.outlet.centre].append((way, at))
        for (day, centre), run in sorted(runs.items()):
            run.sort(key=lambda one: (one[0].scans[one[1]].at, one[0].waybill_no))
            for number, start in enumerate(range(0, len(run), BAG_HOLDS), 1):
                self._bag(day, centre, number, run[start : start + BAG_HOLDS])

    def _bag(self, day: int, centre: str, number: int, run: Sequence[tuple[Way, int]]) -> None:
        first = run[0][0].scans[run[0][1]]
        at = max(way.scans[leg].at for way, leg in run) + timedelta(minutes=4)
        code = f"B{str(first.more['trip'])[:4]}{centre[-3:]}-{number:02d}"
        opened = at + timedelta(minutes=self.rng.uniform(40, 70))
        for moment, station, kind in ((at, self.network.hub, "LOADED"), (opened, centre, "UNLOADED")):
            more = {"bag": code, "trip": first.more["trip"]}
            self.scans.append(Scan(day, station, moment, kind, "", "", more, self.rng.getrandbits(74)))
        for place, (way, leg) in enumerate(run):
            put, taken = way.scans[leg], way.scans[leg + 1]
            put.type, put.more = "BAGGED", {"bag": code}
            taken.type, taken.more = "UNBAGGED", {"bag": code}
            taken.at = opened + timedelta(minutes=3, seconds=20 * place + self.rng.uniform(0, 9))
            self.used.add(id(way))

    def _bag_leg(self, way: Way) -> int | None:
        """Where a way goes straight from hub to centre in the morning, and stays there until noon."""
        for n, (put, taken) in enumerate(zip(way.scans, way.scans[1:], strict=False)):
            if (put.type, put.station) == ("LOADED", self.network.hub):
                local = put.at + timedelta(hours=8)
                after = way.scans[n + 2].at if n + 2 < len(way.scans) else None
                straight = (taken.type, taken.station) == ("UNLOADED", way.outlet.centre)
                noon = local.replace(hour=12, minute=30) - timedelta(hours=8)
                straight &= put.at - way.scans[0].at < timedelta(hours=8)  # not held over a night
                return n if straight and taken.at < noon and (after is None or after > noon) else None
        return None

    def handed_over(self) -> None:
        """The driver gives, the village's courier takes: both scan it."""
        left = [way for way in self.plain if id(way) not in self.used and self._last_leg(way)]
        for way in left[:2] + self.rng.sample(left[2:], min(len(left[2:]), round(len(left) * HANDED_OVER_SHARE) + 4)):
            self._handover(way, "give")
            self._handover(way, "take")

    def _handover(self, way: Way, side: str) -> None:
        at = next(s for s in way.scans if s.type == "OUTLET_IN").at - timedelta(minutes=9 if side == "give" else 7)
        if side == "give":
            self._add(way, at, way.outlet.centre, "HANDOVER", side=side, counterpart=COURIER)
        else:
            self._add(way, at, way.outlet.station, "HANDOVER", side=side, counterpart="乡镇司机")

    # --- choosing ---------------------------------------------------------------------------------------------

    def _some(self, number: int, fits: Callable[[Way], bool], *, mine: bool = True) -> Iterator[Way]:
        """Parcels that fit and met nothing yet; the first of the demo outlet, if `mine`, all others elsewhere."""
        own = 1 if mine else 0
        for way in self.plain:
            if number == 0:
                return
            if (way.outlet is self.mine and own == 0) or id(way) in self.used or not fits(way):
                continue
            own -= way.outlet is self.mine
            number -= 1
            self.used.add(id(way))
            yield way

    def _down(self, way: Way) -> bool:
        return way.announcement is not None and way.scans[0].station == self.network.hub

    def _ended(self, way: Way, minutes: float = 0) -> bool:
        """Shelved once and handed out, so long before the newest day."""
        end = way.scans[-1]
        kinds = [scan.type for scan in way.scans]
        return (
            self._down(way)
            and end.type in SIGNED
            and kinds.count("OUTLET_IN") == 1
            and "CORRECTION" not in kinds
            and end.at < self.before - timedelta(minutes=minutes)
        )

    def _last_leg(self, way: Way) -> bool:
        """Loaded at the centre and shelved a good while later, before the newest day."""
        for one, two in zip(way.scans, way.scans[1:], strict=False):
            if one.type == "LOADED" and two.type == "OUTLET_IN":
                return two.at < self.before and two.at - one.at > timedelta(minutes=15)
        return False

    def _night(self, way: Way) -> Scan | None:
        """The scan after which a parcel stayed where it was over a night, and was scanned there again."""
        for one, two in zip(way.scans, way.scans[1:], strict=False):
            if one.station == two.station and two.at - one.at > timedelta(hours=10) and two.at < self.before:
                return one
        return None

    def _neighbour(self, outlet: Outlet) -> str:
        odd = (self.handhelds.fast, self.handhelds.wrong_day, self.handhelds.silent)
        near = [o.station for o in self.network.outlets if o.centre == outlet.centre and o.station not in odd]
        near = [station for station in near if station != outlet.station]
        return self.rng.choice(near) if near else self.network.outlets[0].station

    def _elsewhere(self, outlet: Outlet) -> str:
        return self.rng.choice([o.station for o in self.network.outlets if o.centre != outlet.centre])

    # --- adding -----------------------------------------------------------------------------------------------

    def _after(self, way: Way, end: Scan, station: str, kind: str, **more: str) -> None:
        most = min(timedelta(hours=5), self.before - end.at - timedelta(minutes=5))
        self._add(way, end.at + timedelta(minutes=15) + self.rng.uniform(0.05, 0.9) * (most - timedelta(minutes=15)),
                  station, kind, **more)  # fmt: skip

    def _add(self, way: Way, at: datetime, station: str, kind: str, method: str = "scan", **more: str) -> Scan:
        made = Scan(
            way.day, station, at, kind, way.carrier, way.waybill_no, dict(more), self.rng.getrandbits(74), method
        )
        way.scans.append(made)
        return made


def signature(bits: int) -> bytes:
    """A small grey PNG of a wavy line, another one for every number."""
    width, height = 120, 40
    rows = [bytearray(b"\xff" * width) for _ in range(height)]
    y = 20.0
    for x in range(8, width - 8):
        y += ((bits >> (x // 2 % 70)) & 3) * 2 - 3 + (20 - y) / 9
        for thick in range(2):
            rows[max(0, min(height - 1, round(y) + thick))][x] = 40
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


def sign(ways: Sequence[Way], handhelds: Handhelds, last: datetime) -> list[tuple[int, Photo]]:
    """Names a signature on some scans of the newest days that an agent signed for; returns, by the parcel's day, those
    that have come: not the newest day's, and one in five is still on its handheld."""
    come = []
    for way in ways:
        for scan in way.scans:
            if scan.type != "SIGNED_AGENT" or scan.id_bits % 8 > 2 or handhelds.keeps(scan):
                continue
            content = signature(scan.id_bits)
            scan.more["photo_sha256"] = hashlib.sha256(content).hexdigest()
            at = scan.at + timedelta(minutes=4)
            if scan.at < min(day_start(handhelds.newest), last) and scan.id_bits % 5:
                come.append((way.day, Photo(scan.station, at, content)))
    return come
