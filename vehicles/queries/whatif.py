"""What a what-if found, as far as it got: each alone, the curve of who joins, the shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stations.models import Organisation
from vehicles.figures import Figures, side_by_side
from vehicles.models import WhatIf


@dataclass(frozen=True)
class Point:
    """The first `joined` carriers pooled, the others alone; saved: part of the vehicles of all alone."""

    joined: int
    names: tuple[str, ...]  # in the pool
    parcels_share: float
    without: Figures | None
    with_buses: Figures | None
    saved_without: float | None
    saved_with: float | None


@dataclass(frozen=True)
class Share:
    """A member's part of the whole's cost."""

    name: str
    parcels: int
    vehicles: int  # alone
    alone: Decimal
    share: Decimal | None
    saving: Decimal | None
    a_parcel: Decimal | None


@dataclass(frozen=True)
class Found:
    """`method`: sharing.Shares without the shares themselves; None until everything is reckoned."""

    points: tuple[Point, ...]
    shares: tuple[Share, ...]
    total: Decimal | None
    exact: bool
    orders: int
    coalitions: int
    replaced: int
    group: tuple[str, ...]  # who drives together in what `total` prices
    group_yuan: Decimal | None  # None: nobody does
    apart: tuple[str, ...]  # the others, each alone
    apart_yuan: Decimal
    solved: int
    estimated: bool


def alone_of(row: WhatIf) -> dict[str, Figures] | None:
    """Each carrier's figures alone, the largest first; None until all are there."""
    solved = (row.result or {}).get("solved", {})
    members = (row.result or {}).get("order") or row.asked["members"]
    if any(name not in solved for name in members):
        return None
    return {name: Figures.from_json(solved[name]["figures"]) for name in members}


def found(row: WhatIf) -> Found | None:
    """None until each carrier alone is reckoned."""
    alone = alone_of(row)
    if alone is None:
        return None
    result = row.result or {}
    solved = result.get("solved", {})
    names = names_of(row.asked["members"])
    everything = sum(each.pieces + each.left_pieces for each in alone.values())
    order = list(alone)
    base = side_by_side(alone.values())

    def pooled(count: int, mark: str) -> Figures | None:
        if count < 2:
            return base
        data = solved.get("+".join(sorted(order[:count])) + mark)
        others = [alone[name] for name in order[count:]]
        return side_by_side([Figures.from_json(data["figures"]), *others]) if data else None

    def saved(here: Figures | None) -> float | None:
        return 1 - here.vehicle_days / base.vehicle_days if here and base.vehicle_days else None

    points = []
    for count in (0, *range(2, len(order) + 1)):
        without, with_buses = pooled(count, ""), pooled(count, "|bus") if row.asked["buses"] else None
        share = sum(alone[name].pieces + alone[name].left_pieces for name in order[:count]) / (everything or 1)
        inside = tuple(names[name] for name in order[:count])
        points.append(Point(count, inside, share, without, with_buses, saved(without), saved(with_buses)))
    method = result.get("shares", {})
    return Found(
        points=tuple(points),
        shares=_shares(order, alone, names, result),
        total=Decimal(method["total"]) if method else None,
        exact=bool(method.get("exact")),
        orders=int(method.get("orders", 0)),
        coalitions=int(method.get("coalitions", 0)),
        replaced=int(method.get("replaced", 0)),
        **_priced(names, method),
        solved=len(solved),
        estimated=any(each.estimated for each in alone.values()),
    )


def _priced(names: dict[str, str], method: dict[str, Any]) -> dict[str, Any]:
    """What the total is the cost of. A result of before there was one group only is told as far as it is that."""
    split = method.get("split", [])
    groups = [part for part in split if len(part) > 1]
    apart = [part[0] for part in split if len(part) == 1]
    beside = sum((Decimal(method["alone"][name]) for name in apart), Decimal(0))
    return {
        "group": tuple(names[name] for name in groups[0]) if len(groups) == 1 else (),
        "group_yuan": Decimal(method["total"]) - beside if len(groups) == 1 else None,
        "apart": tuple(names[name] for name in apart) if len(groups) < 2 else (),
        "apart_yuan": beside,
    }


def _shares(order: Sequence[str], alone: dict[str, Figures], names: dict[str, str], result: dict) -> tuple[Share, ...]:
    method = result.get("shares", {})
    answer = []
    for name in order:
        parcels = alone[name].pieces + alone[name].left_pieces
        cost = Decimal(result["solved"][name]["yuan"])
        share = Decimal(method["shares"][name]) if method else None
        cost = Decimal(method["alone"][name]) if method else cost
        answer.append(
            Share(
                names[name],
                parcels,
                alone[name].vehicle_days,
                cost,
                share,
                None if share is None else cost - share,
                share / parcels if share is not None and parcels else None,
            )
        )
    return tuple(answer)


def names_of(codes: Sequence[str]) -> dict[str, str]:
    """An organisation's name by its code; the code itself where it has gone."""
    known = dict(Organisation.objects.filter(code__in=codes).values_list("code", "name"))
    return {code: known.get(code, code) for code in codes}
