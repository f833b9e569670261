"""Every write of the registry; one module a use case. Callers write `services.create_station(...)`."""

from stations.services.counties import county_region, create_county
from stations.services.devices import enrol_device, revoke_device
from stations.services.divisions import ImportResult, import_divisions, set_terrain
from stations.services.equipment import add_equipment, set_equipment_state
from stations.services.move_station import REASON_NEEDED, lock_station, move_station
from stations.services.organisations import add_organisation
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
from stations.services.stations import (
    CONTACT_FIELDS,
    StationFields,
    create_station,
    create_stations,
    edit_station,
    fields_of,
)

__all__ = [
    "CONTACT_FIELDS",
    "REASON_NEEDED",
    "ImportResult",
    "StationFields",
    "add_equipment",
    "add_organisation",
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
    "import_divisions",
    "lock_station",
    "manages",
    "may_grant",
    "move_station",
    "reset_password",
    "revoke_device",
    "set_equipment_state",
    "set_person_active",
    "set_terrain",
]
