"""The words of the planner's reasons: what is lacking, by how much, and what would make it fit."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from vehicles.reasons import Alternative, Reason
from vehicles.rules import DISTANCE_M, WEIGHT_G, YUAN_UNITS


def sentence(reason: Reason, names: Mapping[str, str]) -> str:
    """One or two clauses a dispatcher can act on; `names` calls a key of a vehicle or place what people call it."""
    said = _SENTENCES[reason.code](reason.params, names)
    said = said[:1].upper() + said[1:]
    fits = [_alternative(each, names) for each in reason.alternatives[:1]]
    if fits:
        return _("%(said)s; %(fits)s.") % {"said": said, "fits": fits[0]}
    return _("%(said)s.") % {"said": said}


def _called(key: str | None, names: Mapping[str, str]) -> str:
    return names.get(key or "", key or "")


def clock_of(seconds: int) -> str:
    """Seconds after midnight of the service day as 08:10; past midnight the next day's hour, marked."""
    days, rest = divmod(int(seconds), 86_400)
    hour = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}"
    return _("%(hour)s the next day") % {"hour": hour} if days else hour


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _minutes(seconds: int) -> int:
    return max(1, -(-int(seconds) // 60))


def _vehicle(params: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """ "the 08:10 bus", "川A12345 leaving at 08:10", or the vehicle's name alone."""
    words = {"name": _called(params.get("key"), names)}
    start = params.get("start")
    if start is None:
        return words["name"]
    words["hour"] = clock_of(start)
    return (_("the %(hour)s bus") if params.get("bus") else _("%(name)s leaving at %(hour)s")) % words


def _capacity(
    unit: Callable[[dict[str, Any]], str], per: float
) -> Callable[[Mapping[str, Any], Mapping[str, str]], str]:
    def said(params: Mapping[str, Any], names: Mapping[str, str]) -> str:
        over = unit({"over": _number(params["over"] * per)})
        words = {"over": over, "vehicle": _vehicle(params, names)}
        if params.get("alone"):
            return _("%(over)s more than even the largest fitting vehicle (%(vehicle)s) takes") % words
        return _("%(over)s over %(vehicle)s") % words

    return said


def _window(params: Mapping[str, Any], names: Mapping[str, str]) -> str:
    words = {"vehicle": _vehicle(params, names), "minutes": _minutes(params["over"])}
    if params["limit"] == "back":
        words["hour"] = clock_of(params["latest"])
        return _("with it %(vehicle)s would be back %(minutes)s min after %(hour)s") % words
    if params["limit"] == "start":
        words["hour"] = clock_of(params["latest"])
        return _("with it %(vehicle)s would leave %(minutes)s min after %(hour)s") % words
    words |= {"place": _called(params["place"], names), "latest": clock_of(params["latest"])}
    if params["arrive"] <= params["latest"]:
        words["earliest"] = clock_of(params["earliest"])
        return _("%(vehicle)s is at %(place)s %(minutes)s min before it opens at %(earliest)s") % words
    return _("%(vehicle)s gets to %(place)s %(minutes)s min after it closes at %(latest)s") % words


def _range(params: Mapping[str, Any], names: Mapping[str, str]) -> str:
    words = {"vehicle": _vehicle(params, names)}
    if params["limit"] == "shift":
        words["minutes"] = str(_minutes(params["over"]))
        return _("with it the driver of %(vehicle)s would be %(minutes)s min over the shift") % words
    words["km"] = _number(params["over"] * DISTANCE_M / 1000)
    return _("%(km)s km beyond the range of %(vehicle)s") % words


def _not_ready(params: Mapping[str, Any], names: Mapping[str, str]) -> str:
    words = {
        "ready": clock_of(params["ready"]),
        "by": clock_of(params["by"]),
        "vehicle": _called(params.get("key"), names),
    }
    if params.get("bus"):
        return _("ready at %(ready)s, after the bus has left at %(by)s") % words
    return _("ready at %(ready)s; for %(vehicle)s it would have to be ready by %(by)s") % words


def _class(params: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if "skill" in params:
        return _("no vehicle has the equipment it needs")
    words = {"place": _called(params["place"], names), "vehicle": _called(params["key"], names)}
    return _("the road to %(place)s takes no vehicle that may carry it; %(vehicle)s could go there") % words


def _lower(params: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if params.get("extra") is None or params.get("required") or params["extra"] <= params["skip_cost"]:
        return _("others came first")
    extra = _number(params["extra"] / YUAN_UNITS)
    skipped = _number(params["skip_cost"] / YUAN_UNITS)
    return _("taking it would cost %(extra)s yuan more, leaving it is reckoned at %(skipped)s yuan") % {
        "extra": extra,
        "skipped": skipped,
    }


_SENTENCES: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], str]] = {
    "CAPACITY_WEIGHT": _capacity(lambda words: _("%(over)s kg") % words, WEIGHT_G / 1000),
    "CAPACITY_VOLUME": _capacity(lambda words: _("%(over)s litres") % words, 1),
    "CAPACITY_PIECES": _capacity(lambda words: _("%(over)s pieces") % words, 1),
    "TIME_WINDOW": _window,
    "SKILL_COLD": lambda params, names: _("no cold vehicle is free to carry it"),
    "SKILL_HAZMAT": lambda params, names: _("no vehicle here may carry dangerous goods"),
    "ROAD_CLOSED": lambda params, names: _("no open road leads to %(place)s") % _place(params, names),
    "VEHICLE_CLASS": _class,
    "NO_LINE": lambda params, names: _("no line goes to %(place)s that day") % _place(params, names),
    "DISTANCE_LIMIT": _range,
    "NOT_READY": _not_ready,
    "ORG_SCOPE": lambda params, names: _("its carrier has not joined, and has no vehicle of its own here"),
    "LOWER_PRIORITY": _lower,
}


def _place(params: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    return {"place": _called(params["place"], names)}


def _alternative(fits: Alternative, names: Mapping[str, str]) -> str:
    """What has room, and what stands in its way."""
    words = {"hour": clock_of(fits.start), "name": _called(fits.key, names)}
    if fits.lacks in ("window", "start", "back", "shift", "not_ready"):
        said = _("the %(hour)s bus has room, at another time") if fits.bus else _("%(name)s has room, at another time")
    elif fits.lacks == "allowed":
        said = _("the %(hour)s bus has room") if fits.bus else _("%(name)s, not meant for it, has room")
    elif fits.lacks == "range":
        said = _("%(name)s has room, but not the range")
    else:
        said = _("the %(hour)s bus has room") if fits.bus else _("%(name)s leaving at %(hour)s has room")
    return said % words
