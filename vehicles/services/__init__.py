"""Every write of the vehicles' room; one module a use case."""

from vehicles.services.baselines import Entered, freeze_entered, freeze_measured, freeze_reckoned
from vehicles.services.checks import check_departure
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
from vehicles.services.editing import lock_stop, lock_trip, move_stop, reorder, undo
from vehicles.services.fleet import (
    VehicleFields,
    add_vehicle,
    add_vehicle_document,
    change_vehicle,
    set_vehicle_state,
)
from vehicles.services.import_feed import import_feed
from vehicles.services.issuing import close_plan, discard_plan, issue_plan, reopen_plan, review_plan
from vehicles.services.lines import LineFields, create_line, edit_line, link_stop, stop_at
from vehicles.services.planning import plan_rest, start_plan, stop_plan
from vehicles.services.positions import forget_positions, record_positions
from vehicles.services.solving import solve_plan
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
from vehicles.services.trips import assign_driver, break_down, cancel_trip, follow
from vehicles.services.whatif import run_whatif, start_whatif

__all__ = [
    "CallFields",
    "DriverFields",
    "Entered",
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
    "assign_driver",
    "break_down",
    "cancel_trip",
    "change_driver",
    "change_vehicle",
    "check_departure",
    "close_plan",
    "create_line",
    "discard_plan",
    "edit_departure",
    "edit_line",
    "end_driver",
    "end_member",
    "follow",
    "forget_positions",
    "freeze_entered",
    "freeze_measured",
    "freeze_reckoned",
    "import_feed",
    "issue_plan",
    "link_stop",
    "lock_stop",
    "lock_trip",
    "move_stop",
    "plan_rest",
    "record_positions",
    "remove_absence",
    "remove_departure",
    "reopen_plan",
    "reorder",
    "review_plan",
    "run_whatif",
    "save_calendar",
    "set_exception",
    "set_hold",
    "set_shifts",
    "set_vehicle_state",
    "solve_plan",
    "start_plan",
    "start_whatif",
    "stop_at",
    "stop_plan",
    "undo",
]
