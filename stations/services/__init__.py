"""Every write of the registry; one module a use case. Callers write `services.create_station(...)`."""

from stations.services.counties import county_region, create_county
from stations.services.devices import enrol_device, revoke_device
from stations.services.move_station import move_station
from stations.services.people import (
    add_person,
    end_membership,
    give_role,
    grantable_roles,
    manages,
    may_grant,
    reset_password,
    set_person_active,
)
from stations.services.stations import StationFields, create_station, create_stations, edit_station, fields_of

__all__ = [
    "StationFields",
    "add_person",
    "county_region",
    "create_county",
    "create_station",
    "create_stations",
    "edit_station",
    "end_membership",
    "enrol_device",
    "fields_of",
    "give_role",
    "grantable_roles",
    "manages",
    "may_grant",
    "move_station",
    "reset_password",
    "revoke_device",
    "set_person_active",
]
