"""Who pays what of a plan made together: the Shapley value over coalition costs. Pure.

1. The cost of a coalition is what serving its members' parcels together costs. A short solve may miss a cheap answer,
   so each is first replaced by its cheapest split: one group that was solved drives together, the others each alone.
   One group only: two would count the same vehicles and the same bus's hold twice, since each was solved with the whole
   fleet; who drives alone has vehicles of its own and no bus. (Several groups on one fleet are one plan: the solve of
   a coalition begins from its `cheapest_split`.) The group may be larger than the coalition and cost less: its plan
   serves fewer as well, so nobody is paid for joining.
2. A member's share is the mean of what it adds to those who came before it, over all orders of arrival; with every
   coalition solved exactly (2ⁿ - 1 of them), else over a sample of orders drawn by seed, each with its reverse.
3. With these costs a newcomer never adds more than its cost alone, so no share is above that; what an order's newcomers
   add sums to the whole, so the shares do.
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
    """Yuan to the cent. `split`: what `total` is the cost of: all together, or one group and the others alone."""

    shares: dict[str, Decimal]
    alone: dict[str, Decimal]
    total: Decimal  # = the sum of the shares
    exact: bool
    orders: int  # sampled, 0 where exact
    coalitions: int  # solved
    replaced: int  # of them dearer than a split of them or a larger group
    split: tuple[tuple[str, ...], ...]

    @property
    def savings(self) -> dict[str, Decimal]:
        """What each member spares; never negative."""
        return {name: self.alone[name] - share for name, share in self.shares.items()}


def sampled_orders(members: Sequence[str], count: int, seed: int) -> list[tuple[str, ...]]:
    """`count` orders of arrival, rounded up to pairs of an order and its reverse: the turns of a drawn circle, then of
    another. With all turns of a circle each member comes first, second, … equally often (who comes first pays for what
    all need), and they meet only n(n - 1) + 1 coalitions."""
    rng = random.Random(seed)
    orders: list[tuple[str, ...]] = []
    while len(orders) < count:
        circle = rng.sample(list(members), len(members))
        for turn in range(min(len(members), (count - len(orders) + 1) // 2)):
            order = (*circle[turn:], *circle[:turn])
            orders += [order, order[::-1]]
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
    """The cheapest way to serve a set of members (as bits): one group whose cost is known, the others each alone."""

    def __init__(self, known: Mapping[int, int]) -> None:
        self.known = known
        self.groups = [(each, cost) for each, cost in known.items() if each.bit_count() > 1]
        self.best: dict[int, tuple[int, int]] = {}  # cost, the members in the group

    def cost(self, members: int) -> int:
        return self._best(members)[0]

    def parts(self, members: int) -> list[int]:
        """The group, where there is one, then each alone."""
        group = self._best(members)[1]
        return ([group] if group else []) + list(_bits(members & ~group))

    def _best(self, members: int) -> tuple[int, int]:
        found = self.best.get(members)
        if found is None:
            alone = {one: self.known[one] for one in _bits(members)}
            ways = [(sum(alone.values()), 0, 0)]
            for each, cost in self.groups:
                inside = each & members
                if inside:
                    rest = sum(yuan for one, yuan in alone.items() if not one & inside)
                    ways.append((cost + rest, -inside.bit_count(), inside))
            found = self.best[members] = min(ways)[::2]
        return found


def cheapest_split(costs: Mapping[Coalition, Decimal], members: Coalition) -> list[Coalition]:
    """The parts of `members` that cost least in sum, as if nothing they use were shared; each member's own cost is
    among `costs`. Not what anybody pays: where the search for all of them begins."""
    order = sorted(members)
    bit = {name: 1 << at for at, name in enumerate(order)}
    holding: dict[int, list[tuple[int, Decimal]]] = {one: [] for one in bit.values()}  # by a coalition's lowest member
    for each, cost in costs.items():
        if each and each <= members:
            bits = sum(bit[name] for name in each)
            holding[bits & -bits].append((bits, cost))
    best: dict[int, tuple[Decimal, int]] = {0: (Decimal(0), 0)}

    def cost_of(left: int) -> Decimal:
        if left not in best:
            best[left] = min(
                (cost + cost_of(left & ~each), each) for each, cost in holding[left & -left] if not each & ~left
            )
        return best[left][0]

    left, answer = sum(bit.values()), []
    while left:
        cost_of(left)
        part = best[left][1]
        answer.append(frozenset(name for name in order if bit[name] & part))
        left &= ~part
    return answer


def _bits(members: int) -> Iterable[int]:
    while members:
        yield members & -members
        members &= members - 1


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
