"""Fleet and people, roads, lines, plans with their trips, the day, the proof: one module a theme."""

from vehicles.models.days import DepartureCheck, PlanChange, Position, Transition
from vehicles.models.fleet import Absence, Driver, DriverDocument, Member, Shift, Vehicle, VehicleDocument
from vehicles.models.lines import (
    Departure,
    LineService,
    LineShare,
    ServiceException,
    StopTime,
    TransitLine,
    TransitStop,
)
from vehicles.models.plans import Plan, PlanParcel, PlanProblem, Trip, TripStop
from vehicles.models.proof import Baseline, WhatIf
from vehicles.models.roads import MatrixCache, RoadEdition, RoadIncident, RoadNode, RoadSegment

__all__ = [
    "Absence",
    "Baseline",
    "Departure",
    "DepartureCheck",
    "Driver",
    "DriverDocument",
    "LineService",
    "LineShare",
    "MatrixCache",
    "Member",
    "Plan",
    "PlanChange",
    "PlanParcel",
    "PlanProblem",
    "Position",
    "RoadEdition",
    "RoadIncident",
    "RoadNode",
    "RoadSegment",
    "ServiceException",
    "Shift",
    "StopTime",
    "TransitLine",
    "TransitStop",
    "Transition",
    "Trip",
    "TripStop",
    "Vehicle",
    "VehicleDocument",
    "WhatIf",
]
