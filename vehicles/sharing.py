"""Who pays what of a plan made together: the Shapley value over coalition costs. Pure.

1. The cost of a coalition is what serving its members' parcels together costs. A short solve may miss a cheap answer,
   so each is first replaced by the cheapest split into coalitions that were solved (the subadditive hull): nobody has
   to drive together where driving apart is cheaper. A part may be a larger coalition that costs less: its plan serves
   fewer as well, so nobody is paid for joining.
2. A member's share is the mean of what it adds to those who came before it, over all orders of arrival; with every
   coalition solved exactly (2ⁿ - 1 of them), else over a sample of orders drawn by seed, each with its reverse.
3. On the hull a newcomer never adds more than its cost alone, so no share is above that; what an order's newcomers add
   sums to the whole, so the shares do.
4. Costs are taken in whole cents and shares rounded to cents by largest remainder, which keeps both.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

Coalition = frozenset[str]
MEMBERS_MAX = 16  # the hull looks at 2ⁿ sets
EXACT_MAX = 10  # members; above only sampled orders
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Shares:
    """Yuan to the cent. `split`: how the whole is cheapest driven, one part where together is best."""

    shares: dict[str, Decimal]
    alone: dict[str, Decimal]
    total: Decimal  # = the sum of the shares
    exact: bool
    orders: int  # sampled, 0 where exact
    coalitions: int  # solved
    replaced: int  # of them dearer than a split of them
    split: tuple[tuple[str, ...], ...]

    @property
    def savings(self) -> dict[str, Decimal]:
        """What each member spares; never negative."""
        return {name: self.alone[name] - share for name, share in self.shares.items()}


def sampled_orders(members: Sequence[str], count: int, seed: int) -> list[tuple[str, ...]]:
    """`count` orders of arrival, rounded up to pairs of an order and its reverse."""
    rng = random.Random(seed)
    orders: list[tuple[str, ...]] = []
    while len(orders) < count:
        order = rng.sample(list(members), len(members))
        orders += [tuple(order), tuple(reversed(order))]
    return orders


def prefixes(orders: Iterable[Sequence[str]]) -> list[Coalition]:
    """The coalitions to be solved for these orders, each once, those met first first."""
    met: dict[Coalition, None] = {}
    for order in orders:
        for size in range(1, len(order) + 1):
            met.setdefault(frozenset(order[:size]))
    return list(met)


def every_coalition(members: Sequence[str]) -> list[Coalition]:
    """All but the empty one, small ones first."""
    sets = [
        frozenset(name for at, name in enumerate(members) if bits >> at & 1) for bits in range(1, 1 << len(members))
    ]
    return sorted(sets, key=lambda each: (len(each), sorted(each)))


def share(costs: Mapping[Coalition, Decimal], orders: Sequence[Sequence[str]] = ()) -> Shares:
    """Shapley's shares of the whole's cost. `costs` in yuan, each member alone and all together among them.

    `orders` are taken where a coalition is missing or there are more than EXACT_MAX members; without any, what is
    missing costs its cheapest split. ValueError: a member's own cost or the whole's is missing, too many members.
    """
    members = sorted(frozenset().union(*costs)) if costs else []
    bit = {name: 1 << at for at, name in enumerate(members)}
    known = {sum(bit[name] for name in each): _cents(cost) for each, cost in costs.items() if each}
    whole = (1 << len(members)) - 1
    if not members or len(members) > MEMBERS_MAX:
        raise ValueError(f"between 1 and {MEMBERS_MAX} members, not {len(members)}")
    if whole not in known or any(one not in known for one in bit.values()):
        raise ValueError("the cost of each member alone and of all together are needed")
    hull = Hull(known)
    complete = len(known) == whole
    exact = len(members) <= EXACT_MAX and (complete or not orders)
    if exact:
        values = _exact(len(members), hull)
    elif orders:
        values = _sampled([[bit[name] for name in order] for order in orders], hull)
    else:
        raise ValueError(f"more than {EXACT_MAX} members need sampled orders")
    cents = _rounded([values[bit[name]] for name in members], hull.cost(whole))
    return Shares(
        shares={name: _yuan(cent) for name, cent in zip(members, cents, strict=True)},
        alone={name: _yuan(known[bit[name]]) for name in members},
        total=_yuan(hull.cost(whole)),
        exact=exact and complete,
        orders=0 if exact else len(orders),
        coalitions=len(known),
        replaced=sum(hull.cost(each) < cost for each, cost in known.items()),
        split=tuple(tuple(name for name in members if bit[name] & part) for part in hull.parts(whole)),
    )


class Hull:
    """The cheapest way to serve a set of members (as bits) by coalitions whose cost is known; single members' are."""

    def __init__(self, known: Mapping[int, int]) -> None:
        self.known = known
        self.serving: dict[int, list[tuple[int, int]]] = {}  # a member's bit: the coalitions with it
        for each, cost in known.items():
            for at in range(each.bit_length()):
                if each >> at & 1:
                    self.serving.setdefault(1 << at, []).append((each, cost))
        self.best: dict[int, tuple[int, int]] = {0: (0, 0)}  # cost, the part with the lowest member

    def cost(self, members: int) -> int:
        found = self.best.get(members)
        if found is None:
            found = min(
                (cost + self.cost(members & ~each), -(each & members).bit_count(), each & members)
                for each, cost in self.serving[members & -members]
            )[::2]
            self.best[members] = found
        return found[0]

    def parts(self, members: int) -> list[int]:
        answer = []
        while members:
            self.cost(members)
            part = self.best[members][1]
            answer.append(part)
            members &= ~part
        return answer


def _exact(count: int, hull: Hull) -> dict[int, Fraction]:
    whole = math.factorial(count)
    weight = [math.factorial(size) * math.factorial(count - size - 1) for size in range(count)]
    answer = {}
    for at in range(count):
        one = 1 << at
        added = 0
        for before in range(1 << count):
            if not before & one:
                added += weight[before.bit_count()] * (hull.cost(before | one) - hull.cost(before))
        answer[one] = Fraction(added, whole)
    return answer


def _sampled(orders: Sequence[Sequence[int]], hull: Hull) -> dict[int, Fraction]:
    added: dict[int, int] = {}
    for order in orders:
        here = 0
        for one in order:
            added[one] = added.get(one, 0) + hull.cost(here | one) - hull.cost(here)
            here |= one
    return {one: Fraction(total, len(orders)) for one, total in added.items()}


def _rounded(values: Sequence[Fraction], total: int) -> list[int]:
    """Whole numbers that sum to `total`: all down, then the largest remainders up."""
    whole = [math.floor(value) for value in values]
    by_remainder = sorted(range(len(values)), key=lambda at: (whole[at] - values[at], at))
    for at in by_remainder[: total - sum(whole)]:
        whole[at] += 1
    return whole


def _cents(yuan: Decimal) -> int:
    return int(yuan.quantize(CENT, ROUND_HALF_UP) * 100)


def _yuan(cents: int) -> Decimal:
    return Decimal(cents) / 100
