"""Every write of the vehicles' room; one module a use case."""

from vehicles.services.import_feed import import_feed
from vehicles.services.lines import LineFields, create_line, edit_line, link_stop, stop_at
from vehicles.services.timetables import (
    CallFields,
    Hold,
    add_departures,
    edit_departure,
    remove_departure,
    save_calendar,
    set_exception,
    set_hold,
)

__all__ = [
    "CallFields",
    "Hold",
    "LineFields",
    "add_departures",
    "create_line",
    "edit_departure",
    "edit_line",
    "import_feed",
    "link_stop",
    "remove_departure",
    "save_calendar",
    "set_exception",
    "set_hold",
    "stop_at",
]
