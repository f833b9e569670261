"""Nobody pays more than alone, and the shares are the whole to the cent, whatever the short solves came to."""

import random
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vehicles.sharing import (
    EXACT_MAX,
    MEMBERS_MAX,
    Coalition,
    cheapest_split,
    every_coalition,
    prefixes,
    sampled_orders,
    share,
)


def yuan(cents: int) -> Decimal:
    return Decimal(cents) / 100


def of(**costs: str) -> dict[Coalition, Decimal]:
    return {frozenset(name): Decimal(cost) for name, cost in costs.items()}


def test_the_runway_of_three() -> None:
    """The textbook's: a runway as long as its largest user needs."""
    got = share(of(A="30", B="60", C="90", AB="60", AC="90", BC="90", ABC="90"))
    assert got.shares == {"A": Decimal(10), "B": Decimal(25), "C": Decimal(55)}
    assert (got.exact, got.orders, got.coalitions, got.replaced, got.split) == (True, 0, 7, 0, (("A", "B", "C"),))
    assert got.savings == {"A": Decimal(20), "B": Decimal(35), "C": Decimal(35)}


def test_a_cent_that_cannot_be_parted_goes_to_one() -> None:
    got = share(of(A="100", B="100", C="100", AB="100", AC="100", BC="100", ABC="100"))
    assert sorted(got.shares.values()) == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]


def test_whoever_is_better_off_apart_drives_apart() -> None:
    """The short solve of all three missed that C had better go alone."""
    got = share(of(A="50", B="50", C="50", AB="60", AC="110", BC="120", ABC="140"))
    assert got.total == Decimal(110)
    assert got.split == (("A", "B"), ("C",))
    assert got.replaced == 3
    assert got.shares == {"A": Decimal(30), "B": Decimal(30), "C": Decimal(50)}


def test_one_alone() -> None:
    assert share(of(A="12.345")).shares == {"A": Decimal("12.35")}


@pytest.mark.parametrize("missing", ["A", "AB"])
def test_refuses_without_the_ends(missing: str) -> None:
    costs = of(A="1", B="1", AB="1")
    del costs[frozenset(missing)]
    with pytest.raises(ValueError, match="are needed"):
        share({**costs, **of(C="1")} if missing == "AB" else costs)


def test_refuses_too_many() -> None:
    names = [f"m{n:02d}" for n in range(MEMBERS_MAX + 1)]
    costs = {frozenset([name]): Decimal(1) for name in names}
    with pytest.raises(ValueError, match="between 1 and"):
        share({**costs, frozenset(names): Decimal(1)})
    few = names[: EXACT_MAX + 1]
    with pytest.raises(ValueError, match="sampled orders"):
        share({**{frozenset([name]): Decimal(1) for name in few}, frozenset(few): Decimal(1)})
    with pytest.raises(ValueError, match="between 1 and"):
        share({})


def test_orders_come_with_their_reverse_and_by_seed() -> None:
    orders = sampled_orders("ABCDE", 5, 7)
    assert len(orders) == 6
    assert orders[1] == orders[0][::-1]
    assert orders == sampled_orders("ABCDE", 5, 7) != sampled_orders("ABCDE", 5, 8)
    met = prefixes(orders)
    assert len(met) == len(set(met))
    assert frozenset("ABCDE") in met
    assert len(every_coalition("ABCD")) == 15


def test_all_orders_together_are_the_exact_value() -> None:
    costs = of(A="30", B="61", C="90", AB="75.5", AC="99", BC="101", ABC="120")
    every = share({**costs, **of(D="10")} | {frozenset("ABCD"): Decimal("125")}, list(permutations("ABCD")))
    assert not every.exact
    without = share({**costs, **of(D="10")} | {frozenset("ABCD"): Decimal("125")})
    assert every.shares == without.shares


@st.composite
def solved(draw: st.DrawFn) -> dict[Coalition, Decimal]:
    """Any costs at all, as bad as a short solve may be."""
    members = "ABCDEF"[: draw(st.integers(1, 6))]
    return {each: yuan(draw(st.integers(0, 1_000_000))) for each in every_coalition(members)}


@settings(max_examples=150, deadline=None)
@given(solved(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_rational_and_efficient(costs: dict[Coalition, Decimal], seed: int, rng: random.Random) -> None:
    members = sorted(frozenset().union(*costs))
    orders = sampled_orders(members, 4, seed)
    ends = {frozenset([name]) for name in members} | {frozenset(members)}
    holes = {each: cost for each, cost in costs.items() if each in ends or rng.random() < 0.5}
    for got in (share(costs), share(holes), share(holes, orders)):
        assert sum(got.shares.values()) == got.total <= costs[frozenset(members)]
        assert all(got.shares[name] <= got.alone[name] == costs[frozenset([name])] for name in members)
        assert all(saving >= 0 for saving in got.savings.values())
        assert sorted(name for part in got.split for name in part) == members
        assert got.total <= sum(costs[frozenset(part)] for part in got.split)
        assert sum(len(part) > 1 for part in got.split) <= 1
        assert all(share >= 0 for share in got.shares.values()), "nobody is paid for joining"


@settings(max_examples=30, deadline=None)
@given(st.integers(11, 14), st.integers(0, 3))
def test_sampled_above_ten(count: int, seed: int) -> None:
    members = [f"m{n:02d}" for n in range(count)]
    orders = sampled_orders(members, 6, seed)
    costs = {each: Decimal(len(each)).sqrt() * 100 for each in prefixes(orders)}
    costs |= {frozenset([name]): Decimal(100) for name in members}
    got = share(costs, orders)
    assert (got.exact, got.orders) == (False, 6)
    assert sum(got.shares.values()) == got.total
    assert all(got.shares[name] <= 100 for name in members)


def test_two_groups_never_share_one_fleet() -> None:
    """Each was solved with the whole fleet: only one of them may count beside carriers alone."""
    costs = {frozenset([name]): Decimal(50) for name in "ABCD"}
    costs |= of(AB="20", CD="20", ABCD="190")
    got = share(costs)
    assert got.total == Decimal(120)
    assert sorted(map(len, got.split)) == [1, 1, 2]
    assert got.total == sum(costs[frozenset(part)] for part in got.split), "the split is what is priced"
    assert cheapest_split(costs, frozenset("ABCD")) == [frozenset("AB"), frozenset("CD")], "a search may begin there"
    assert cheapest_split(costs, frozenset("ABC")) == [frozenset("AB"), frozenset("C")]
