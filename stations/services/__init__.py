"""Every write of the registry; one module a use case. Callers write `services.create_station(...)`."""

from stations.services.move_station import move_station
from stations.services.stations import StationFields, create_station, create_stations, edit_station, fields_of

__all__ = [
    "StationFields",
    "create_station",
    "create_stations",
    "edit_station",
    "fields_of",
    "move_station",
]
