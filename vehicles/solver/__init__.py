"""The planner: a problem, a seed and a deadline in; a plan and its trace out. Pure: no Django, no clock but that of the
deadline.

model.py turns problems into PyVRP's data and back, construct.py makes the first plan, search.py is the local search
over one model, improve.py works on parts of a plan, pool.py recombines routes, parts.py puts plans of parts together,
timing.py times and prices every plan anew.
"""

from vehicles.solver.bound import trips_bound
from vehicles.solver.parts import Told, joined, told
from vehicles.solver.solve import solve

__all__ = ["Told", "joined", "solve", "told", "trips_bound"]
