"""Why is it left out, and what would make it fit? One reason for each task and shipment a plan leaves out.

Asked in this order, so that the first answer is the one that matters: may anybody carry it at all, has anybody the
skill, does a road or a line go there, is any vehicle large enough, in time, with the range for it alone; only then what
this plan's trips lack: room, then time; and if nothing is lacking, others came first. The words are in
queries/reason_sentences.py.
"""

from collections.abc import Sequence
from dataclasses import replace

from vehicles.problem import Load, Plan, Problem
from vehicles.reasons.fitting import Ask, Day, Obstacle, Offer, least, of_shipment, of_task, shares
from vehicles.reasons.reason import Alternative, Reason

__all__ = ["Alternative", "Reason", "explain", "explain_shipments"]

CAPACITY = {"weight": "CAPACITY_WEIGHT", "volume": "CAPACITY_VOLUME", "pieces": "CAPACITY_PIECES"}
SKILL = {"cold": "SKILL_COLD", "hazard": "SKILL_HAZMAT"}
LATE = {"not_ready": "NOT_READY", "range": "DISTANCE_LIMIT", "shift": "DISTANCE_LIMIT"}
ALTERNATIVES = 2  # more than two is no help


def explain(problem: Problem, plan: Plan) -> dict[int, Reason]:
    """For each left-out task exactly one reason."""
    desk = _Desk(problem, plan)
    return {index: desk.reason(of_task(problem.tasks[index])) for index in plan.left_tasks}


def explain_shipments(problem: Problem, plan: Plan) -> dict[int, Reason]:
    """For each left-out shipment exactly one reason."""
    desk = _Desk(problem, plan)
    return {index: desk.reason(of_shipment(problem.shipments[index])) for index in plan.left_shipments}


class _Desk:
    """Puts the questions in order."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        self.day = Day(problem, plan)

    def reason(self, ask: Ask) -> Reason:
        """The first of the tests that says no."""
        everyone = range(len(self.problem.vehicles))
        scope = [index for index in everyone if ask.allowed is None or index in ask.allowed]
        able = [index for index in scope if ask.skills <= self.problem.vehicles[index].skills]
        reaching = [index for index in able if self.day.reaches(index, ask)]
        fitting = [index for index in reaching if not any(self.day.over_alone(index, ask))]
        found: Reason | None = None
        if not scope:
            found = Reason("ORG_SCOPE", {"vehicles": len(self.problem.vehicles)})
        elif not able:
            found = self._no_skill(ask, scope)
        elif not reaching:
            found = self._no_road(ask, able)
        elif not fitting:
            index = min(reaching, key=lambda each: self.day.share(each, self.day.over_alone(each, ask)))
            found = self._capacity(index, self.day.over_alone(index, ask), ask, alone=True)
        if found is None:
            alone = {index: self.day.alone(index, ask) for index in fitting}
            in_time = [index for index, obstacle in alone.items() if obstacle is None]
            if not in_time:
                index = min(alone, key=lambda each: least(alone[each]))
                found = self._late(index, alone[index], alone=True)
            else:
                offers = [offer for index in in_time for offer in self.day.offers(index, ask)]
                free = [offer for offer in offers if not any(offer.over) and offer.obstacle is None]
                if free:
                    return self._others_first(ask, free)
                found = self._lacking(ask, offers)
        others = [each for each in self._alternatives(ask) if not each.lacks or each.key != found.params.get("key")]
        return replace(found, alternatives=tuple(others[:ALTERNATIVES]))

    # --- nobody could, whatever else the day holds ---

    def _no_skill(self, ask: Ask, scope: Sequence[int]) -> Reason:
        known = frozenset().union(*(self.problem.vehicles[index].skills for index in scope))
        lacking = sorted(ask.skills - known) or sorted(ask.skills)  # each is there, but nobody has them all
        skill = next((each for each in lacking if each in SKILL), lacking[0])
        return Reason(SKILL.get(skill, "VEHICLE_CLASS"), {"skill": skill})

    def _no_road(self, ask: Ask, able: Sequence[int]) -> Reason:
        """No line calls there; or no road for these vehicles, but for others; or no road at all."""
        vehicles = self.problem.vehicles
        place = self.problem.places[ask.stops[-1].place].key
        if all(vehicles[index].timetable for index in able):
            return Reason("NO_LINE", {"place": place})
        others = [
            index for index in range(len(vehicles)) if not vehicles[index].timetable and self.day.reaches(index, ask)
        ]
        if others:
            return Reason("VEHICLE_CLASS", {"place": place, "key": vehicles[others[0]].key})
        return Reason("ROAD_CLOSED", {"place": place})

    def _lacking(self, ask: Ask, offers: Sequence[Offer]) -> Reason:
        """Room on a trip that has the time; else time on a trip that has the room; else room on the nearest."""
        timely = [offer for offer in offers if offer.obstacle is None]
        roomy = [offer for offer in offers if not any(offer.over)]
        if roomy and not timely:
            nearest = min(roomy, key=lambda offer: least(offer.obstacle))
            return self._late(nearest.vehicle, nearest.obstacle, start=nearest.start)
        if not offers:  # a road there and back, but none from any trip's stops
            return Reason("LOWER_PRIORITY", {"extra": None, "skip_cost": ask.skip_cost, "required": ask.required})
        nearest = min(timely or offers, key=lambda offer: (self.day.share(offer.vehicle, offer.over), offer.start))
        return self._capacity(nearest.vehicle, nearest.over, ask, start=nearest.start, free=nearest.free)

    def _others_first(self, ask: Ask, free: Sequence[Offer]) -> Reason:
        cheapest = min(free, key=lambda offer: offer.cost)
        params = {"extra": cheapest.cost, "skip_cost": ask.skip_cost, "required": ask.required}
        return Reason("LOWER_PRIORITY", params, (self._alternative(cheapest, ""),))

    def _alternatives(self, ask: Ask) -> tuple[Alternative, ...]:
        """Trips and buses with the room for it, if another hour, another owner or another vehicle may do."""
        found: list[tuple[int, int, Alternative]] = []
        for index, vehicle in enumerate(self.problem.vehicles):
            if not ask.skills <= vehicle.skills or not self.day.reaches(index, ask):
                continue
            barred = ask.allowed is not None and index not in ask.allowed
            seen: set[tuple[int, int] | None] = set()
            for offer in sorted(self.day.offers(index, ask), key=lambda each: least(each.obstacle)):
                if any(offer.over) or offer.trip in seen:
                    continue
                seen.add(offer.trip)
                lacks = offer.obstacle.kind if offer.obstacle else "allowed" if barred else ""
                rank = {"": 0, "allowed": 1}.get(lacks, 2)
                found.append((rank, offer.start, self._alternative(offer, lacks)))
        found.sort(key=lambda each: each[:2])
        return tuple(alternative for _, _, alternative in found)

    def _capacity(
        self,
        index: int,
        over: Load,
        ask: Ask,
        *,
        alone: bool = False,
        start: int | None = None,
        free: Load | None = None,
    ) -> Reason:
        vehicle = self.problem.vehicles[index]
        parts = shares(over, vehicle.capacity)
        worst = parts.index(max(parts))
        params = {
            "over": over[worst],
            "over_all": dict(zip(self.problem.dimensions, over, strict=True)),
            "need": list(ask.need),
            "free": list(free or vehicle.capacity),
            "key": vehicle.key,
            "bus": bool(vehicle.timetable),
            "start": start,
            "alone": alone,
        }
        return Reason(CAPACITY.get(self.problem.dimensions[worst], "CAPACITY_WEIGHT"), params)

    def _late(self, index: int, obstacle: Obstacle | None, *, alone: bool = False, start: int | None = None) -> Reason:
        assert obstacle is not None, "a vehicle without an obstacle is no reason"
        vehicle = self.problem.vehicles[index]
        params = {
            "limit": obstacle.kind,
            "over": obstacle.over,
            **obstacle.numbers,
            "key": vehicle.key,
            "bus": bool(vehicle.timetable),
            "start": vehicle.timetable[0].leave if vehicle.timetable else start,
            "alone": alone,
        }
        return Reason(LATE.get(obstacle.kind, "TIME_WINDOW"), params)

    def _alternative(self, offer: Offer, lacks: str) -> Alternative:
        vehicle = self.problem.vehicles[offer.vehicle]
        return Alternative(vehicle.key, bool(vehicle.timetable), offer.start, offer.free, lacks)
