"""Every write of the vehicles' room; one module a use case."""

from vehicles.services.drivers import (
    DriverFields,
    add_absence,
    add_driver,
    add_driver_document,
    add_member,
    change_driver,
    end_driver,
    end_member,
    remove_absence,
    set_shifts,
)
from vehicles.services.fleet import (
    VehicleFields,
    add_vehicle,
    add_vehicle_document,
    change_vehicle,
    set_vehicle_state,
)
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
    "DriverFields",
    "Hold",
    "LineFields",
    "VehicleFields",
    "add_absence",
    "add_departures",
    "add_driver",
    "add_driver_document",
    "add_member",
    "add_vehicle",
    "add_vehicle_document",
    "change_driver",
    "change_vehicle",
    "create_line",
    "edit_departure",
    "edit_line",
    "end_driver",
    "end_member",
    "import_feed",
    "link_stop",
    "remove_absence",
    "remove_departure",
    "save_calendar",
    "set_exception",
    "set_hold",
    "set_shifts",
    "set_vehicle_state",
    "stop_at",
]
