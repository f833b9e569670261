"""The checker's codes in words a dispatcher can act on: what is wrong with the change they asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from vehicles.checker import Violation
from vehicles.problem import Plan, Problem
from vehicles.queries.reason_sentences import clock_of
from vehicles.rules import DISTANCE_M, VOLUME_ML, WEIGHT_G

Words = Mapping[str, Any]


def violation_sentence(problem: Problem, plan: Plan, found: Violation, names: Mapping[str, str]) -> str:
    """`names` calls a place's key (a station's code) what people call it; a vehicle is called by its key."""
    words: dict[str, Any] = {**found.detail, "vehicle": _vehicle(problem, plan, found), "place": ""}
    place = _place(problem, plan, found)
    if place is not None:
        words["place"] = names.get(problem.places[place].key, problem.places[place].key)
    return _SENTENCES[found.code](words)


def _vehicle(problem: Problem, plan: Plan, found: Violation) -> str:
    number = plan.routes[found.route].vehicle if found.route is not None else found.detail.get("vehicle", -1)
    return problem.vehicles[number].key if 0 <= number < len(problem.vehicles) else ""


def _place(problem: Problem, plan: Plan, found: Violation) -> int | None:
    if "place" in found.detail:
        return found.detail["place"]
    if found.route is None or found.trip is None or found.visit is None:
        return found.detail.get("destination")
    visits = plan.routes[found.route].trips[found.trip].visits
    return problem.tasks[visits[found.visit].index].place if found.visit < len(visits) else None


def _minutes(seconds: int) -> int:
    return max(1, -(-int(seconds) // 60))


def _plain(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _overload(words: Words) -> str:
    over = words["load"] - words["capacity"]
    if words["dimension"] == 0:
        amount = _("%(over)s kg") % {"over": _plain(over * WEIGHT_G / 1000)}
    elif words["dimension"] == 1:
        amount = _("%(over)s litres") % {"over": _plain(over * VOLUME_ML / 1000)}
    else:
        amount = _("%(over)s pieces") % {"over": over}
    return _("%(over)s over what %(vehicle)s takes.") % {"over": amount, "vehicle": words["vehicle"]}


def _window(words: Words) -> str:
    if words["start"] > words["latest"]:
        late = {**words, "minutes": _minutes(words["start"] - words["latest"]), "latest": clock_of(words["latest"])}
        return _("%(vehicle)s gets to %(place)s %(minutes)s min after it closes at %(latest)s.") % late
    early = {**words, "earliest": clock_of(words["earliest"])}
    return _("%(vehicle)s is at %(place)s before it opens at %(earliest)s.") % early


def _late(words: Words) -> str:
    over = {
        **words,
        "minutes": _minutes(words["back"] - words["latest"]),
        "latest": clock_of(words["latest"]),
    }
    return _("%(vehicle)s would be back %(minutes)s min after %(latest)s, when its time ends.") % over


def _between_trips(words: Words) -> str:
    return _("%(vehicle)s would leave at %(depart)s, but is back and loaded again at %(loaded)s only.") % {
        **words,
        "depart": clock_of(words["depart"]),
        "loaded": clock_of(words["loaded"]),
    }


def _departure(words: Words) -> str:
    bound = words.get("earliest", words.get("latest", 0))
    return _("%(vehicle)s would leave at %(depart)s; it can at %(bound)s.") % {
        **words,
        "depart": clock_of(words["depart"]),
        "bound": clock_of(bound),
    }


def _not_ready(words: Words) -> str:
    return _("What goes to %(place)s is ready at %(ready)s, after %(vehicle)s has left.") % {
        **words,
        "ready": clock_of(words["ready"]),
    }


def _shift(words: Words) -> str:
    return _("The driver of %(vehicle)s would be %(minutes)s min over the shift.") % {
        **words,
        "minutes": _minutes(words["duration"] - words["allowed"]),
    }


def _range(words: Words) -> str:
    return _("%(km)s km beyond the range of %(vehicle)s.") % {
        **words,
        "km": _plain((words["distance"] - words["allowed"]) * DISTANCE_M / 1000),
    }


def _told(text: Callable[[], str]) -> Callable[[Words], str]:
    return lambda words: text() % words


_SENTENCES: dict[str, Callable[[Words], str]] = {
    "unknown_vehicle": _told(lambda: _("This vehicle is not part of the plan.")),
    "unknown_visit": _told(lambda: _("This stop is not part of the plan.")),
    "too_many_vehicles": _told(lambda: _("%(vehicle)s would be in two places.")),
    "empty_route": _told(lambda: _("%(vehicle)s would have no trip left.")),
    "too_many_trips": _told(lambda: _("%(vehicle)s makes %(allowed)s trips at most.")),
    "reload_elsewhere": _told(lambda: _("%(vehicle)s doesn't come back to load again.")),
    "loading_time": _between_trips,
    "departs_early": _departure,
    "departs_late": _departure,
    "returns_late": _late,
    "not_ready": _not_ready,
    "no_road": _told(lambda: _("No open road that %(vehicle)s may use leads to %(place)s.")),
    "travel_time": _told(lambda: _("The drive of %(vehicle)s to %(place)s takes another time than planned.")),
    "starts_early": _told(lambda: _("%(vehicle)s would begin at %(place)s before it is there.")),
    "window": _window,
    "service": _told(lambda: _("The stop at %(place)s takes another time than planned.")),
    "overload": _overload,
    "skills": _told(lambda: _("%(vehicle)s lacks what the goods for %(place)s need (cold, dangerous goods).")),
    "not_allowed": _told(lambda: _("%(vehicle)s may not serve %(place)s: locked to another, or the wrong way.")),
    "bus_stop": _told(lambda: _("%(vehicle)s doesn't call at %(place)s.")),
    "bus_order": _told(lambda: _("%(vehicle)s has passed %(place)s already.")),
    "bus_time": _told(lambda: _("%(vehicle)s keeps its timetable: this stop doesn't fit it.")),
    "shift": _shift,
    "range": _range,
    "pair_split": _told(lambda: _("What is picked up on a trip of %(vehicle)s must be set down on it.")),
    "pair_order": _told(lambda: _("%(vehicle)s would set down at %(place)s what it hasn't picked up.")),
    "linehaul_first": _told(lambda: _("%(vehicle)s would set down at %(place)s behind what it has collected.")),
    "served_twice": _told(lambda: _("A stop would be served twice.")),
    "unaccounted": _told(lambda: _("A stop would get lost.")),
    "left_and_served": _told(lambda: _("A stop would be served and left out.")),
    "left_required": _told(lambda: _("A stop that must be served would be left out.")),
}
