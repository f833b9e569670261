"""A pool of routes from many plans, and the cheapest plan that can be put together from them (set partitioning)."""

from collections.abc import Iterable

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from vehicles.solver.tours import Tour

LIMIT = 20_000  # routes remembered


class Pool:
    """Feasible routes by what they serve with which vehicle; of equal ones the cheapest, of too many the newest."""

    def __init__(self) -> None:
        self.routes: dict[tuple[int, frozenset[int]], tuple[int, Tour]] = {}

    def add(self, tour: Tour, cost: int) -> None:
        key = (tour.vehicle, frozenset(tour.nodes))
        known = self.routes.pop(key, None)
        self.routes[key] = (cost, tour) if known is None or cost < known[0] else known
        if len(self.routes) > LIMIT:
            del self.routes[next(iter(self.routes))]

    def __len__(self) -> int:
        return len(self.routes)

    def best(
        self,
        counts: Iterable[int],
        skip_costs: Iterable[int],
        upper: int,
        *,
        seconds: float,
        most: int = 6000,
    ) -> list[Tour] | None:
        """The cheapest tours that serve every node once or pay its skip cost, with so many of each vehicle; None where
        none below `upper` was found in time."""
        keys = list(self.routes)[-most:]
        columns = [self.routes[key] for key in keys]
        skips = np.array(list(skip_costs), dtype=float)
        available = np.array(list(counts), dtype=float)
        nodes, vehicles = len(skips), len(available)
        rows, cols = [], []
        for column, (_, tour) in enumerate(columns):
            for node in tour.nodes:
                rows.append(node)
                cols.append(column)
            rows.append(nodes + tour.vehicle)
            cols.append(column)
        size = len(columns)
        rows.extend(range(nodes))
        cols.extend(range(size, size + nodes))
        matrix = csr_array((np.ones(len(rows)), (rows, cols)), shape=(nodes + vehicles, size + nodes))
        low = np.concatenate([np.ones(nodes), np.zeros(vehicles)])
        high = np.concatenate([np.ones(nodes), available])
        scale = 1e-4 * max(1.0, upper / 1e4)  # HiGHS wants coefficients of a moderate size
        cost = np.concatenate([[c for c, _ in columns], skips]) / scale
        answer = milp(
            cost,
            integrality=np.ones(size + nodes),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(matrix, low, high),
            options={"time_limit": seconds, "node_limit": 50, "mip_rel_gap": 1e-5},
        )
        if answer.x is None:
            return None
        chosen = np.flatnonzero(answer.x[:size] > 0.5)
        total = sum(columns[i][0] for i in chosen) + float(skips[answer.x[size:] > 0.5].sum())
        return [columns[i][1] for i in chosen] if total < upper else None
