"""Why a station can't be stored, in a sentence that names the rows: the readable side of the tree's constraints."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _

from common.errors import Conflict, Refused
from stations.models import Station
from stations.states import ENDED, PARENT_LEVEL, RegionLevel, StationLevel

# A station stands in a division of its own rank or below; its county and township follow from the division's code.
REGION_LEVELS: dict[str, tuple[RegionLevel, ...]] = {
    StationLevel.HUB: (RegionLevel.COUNTY, RegionLevel.TOWNSHIP, RegionLevel.VILLAGE),
    StationLevel.CENTRE: (RegionLevel.TOWNSHIP, RegionLevel.VILLAGE),
    StationLevel.OUTLET: (RegionLevel.VILLAGE, RegionLevel.NATURAL_VILLAGE),
}
FOREIGN_KEYS = ("region", "parent", "owner")


def unknown(field: str, value: object) -> Refused:
    """Refused "unknown_<field>": a code nobody has."""
    words = {
        "level": _("“%(value)s” is no level of a station."),
        "region_code": _("No division has the code “%(value)s”."),
        "parent_code": _("No station has the code “%(value)s”."),
        "owner_code": _("No organisation has the code “%(value)s”."),
        "brands": _("No carrier has the code “%(value)s”."),
        "services": _("“%(value)s” is no service of a station."),
    }
    return Refused(f"unknown_{field}", words[field] % {"value": str(value)[:40]}, pointer=f"/{field}")


@contextmanager
def pointing_into(place: str) -> Iterator[None]:
    """A refusal raised inside points into a list of rows: "/3" + "/code"."""
    try:
        yield
    except Refused as refusal:
        refusal.pointer = place + refusal.pointer
        raise


@contextmanager
def as_sentence(station: Station) -> Iterator[None]:
    """A constraint that `station` breaks inside becomes its refusal."""
    try:
        yield
    except IntegrityError as broken:
        raise sentence_for(broken, station) from broken


def check_place(station: Station) -> None:
    """Refused where a new station, or one that moves, can't stand in its division or hang on its parent."""
    region, parent = station.region, station.parent
    if region.valid_to is not None:
        raise Refused(
            "region_closed",
            _("%(region)s is no longer in the list of divisions.") % {"region": region.short_name},
            pointer="/region_code",
        )
    if region.level not in REGION_LEVELS[station.level]:
        raise Refused(
            "region_of_wrong_level",
            _("%(level)s needs a division of another level: %(region)s is a %(region_level)s.")
            % {
                "level": station.get_level_display(),
                "region": region.short_name,
                "region_level": region.get_level_display().lower(),
            },
            pointer="/region_code",
        )
    if parent is not None and parent.state in ENDED:
        raise Refused(
            "parent_ended",
            _("%(parent)s is %(state)s: nothing new can hang on it.")
            % {"parent": parent.name, "state": parent.get_state_display().lower()},
            pointer="/parent_code",
        )


def check_values(station: Station) -> None:
    """Refused "invalid_value" for the first field that is too long, missing, negative or no choice of ours;
    "bad_point" for half a point (a comparison with NULL passes a check constraint)."""
    if (station.lng is None) != (station.lat is None):
        raise _bad_point()
    try:
        station.clean_fields(exclude=[*FOREIGN_KEYS, "state"])
    except ValidationError as faults:
        field, messages = next(iter(faults.message_dict.items()))
        raise Refused("invalid_value", " ".join(messages), pointer=f"/{field}") from faults


def sentence_for(broken: IntegrityError, station: Station) -> Refused:
    """The refusal for the constraint that an insert or update of `station` broke."""
    diagnosis = getattr(broken.__cause__, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", "") or ""
    parent, level = station.parent, station.get_level_display()
    if constraint.startswith("stations_station_code"):
        return Conflict(
            "code_taken", _("Another station has the code %(code)s.") % {"code": station.code}, pointer="/code"
        )
    if constraint == "station_code_form":
        return Refused("code_form", _("A code has 2 to 20 capital letters, digits and hyphens."), pointer="/code")
    if constraint == "station_level_has_its_parent":
        if parent is None:
            wanted = StationLevel(PARENT_LEVEL[StationLevel(station.level)]).label
            sentence = _("%(level)s needs a station above it: a %(wanted)s.") % {
                "level": level,
                "wanted": wanted.lower(),
            }
        else:
            sentence = _("A county hub has no station above it.")
        return Refused("parent_missing" if parent is None else "parent_not_wanted", sentence, pointer="/parent_code")
    if constraint in ("station_parent_is_one_level_up_in_its_county", "station_parent_serves_its_township"):
        # a key breaks from below (this row's parent doesn't fit) or from above (it is no parent for its children)
        own = _parent_fault(station)
        return own or Refused(
            "has_stations_below", _("Stations hang on this one: move them first."), pointer="/region_code"
        )
    if constraint == "station_tenure_has_its_end":
        return Refused(
            "tenure_without_end",
            _("A temporary station needs the date until which it may stay; a permanent one has none."),
            pointer="/tenure_until",
        )
    if constraint == "station_point_on_earth":
        return _bad_point()
    if constraint == "station_cold_not_negative":
        return Refused("invalid_value", _("Cold storage can't be less than 0 m³."), pointer="/cold_m3")
    return Refused("not_storable", _("The database refused this station (rule %(rule)s).") % {"rule": constraint})


def _bad_point() -> Refused:
    return Refused(
        "bad_point",
        _("Give longitude (-180 to 180) and latitude (-90 to 90) together, or neither."),
        pointer="/lng",
    )


def _parent_fault(station: Station) -> Refused | None:
    """Why the parent doesn't fit: of another level, county or township. None if it does."""
    parent, region = station.parent, station.region
    if parent is None:
        return None
    wanted = StationLevel(PARENT_LEVEL[StationLevel(station.level)])
    if parent.level != wanted:
        return Refused(
            "parent_of_wrong_level",
            _("%(level)s hangs on a %(wanted)s, but %(parent)s is a %(parent_level)s.")
            % {
                "level": station.get_level_display(),
                "wanted": wanted.label.lower(),
                "parent": parent.name,
                "parent_level": parent.get_level_display().lower(),
            },
            pointer="/parent_code",
        )
    if parent.county_code != region.county_code:
        return Refused(
            "parent_of_other_county",
            _("%(parent)s belongs to another county than the division of this station.") % {"parent": parent.name},
            pointer="/parent_code",
        )
    other_township = parent.township_code != region.code[:9]
    if station.level == StationLevel.OUTLET and other_township and not station.exception_reason:
        return Refused(
            "parent_of_other_township",
            _(
                "%(parent)s serves %(parent_place)s, but %(village)s lies in another township. "
                "Choose the centre of its township, or give the reason for the exception."
            )
            % {
                "parent": parent.name,
                "parent_place": parent.region.short_name,
                "village": region.short_name,
            },
            pointer="/parent_code",
        )
    return None
