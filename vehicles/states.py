"""Words of the vehicles' room: kinds, road classes, and the lives of plans, trips and incidents."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class VehicleKind(TextChoices):
    VAN = "van", _("Van")
    TRUCK = "truck", _("Truck")
    TRIKE = "trike", _("Electric tricycle")
    BUS = "bus", _("Bus hold")
    UGV = "ugv", _("Unmanned vehicle")
    DRONE = "drone", _("Drone")
    CABLEWAY = "cableway", _("Cableway")


class VehicleState(TextChoices):
    IN_SERVICE = "in_service", _("In service")
    REPAIR = "repair", _("In repair")
    RETIRED = "retired", _("Retired")


class VehicleDocumentKind(TextChoices):
    LICENCE = "licence", _("Vehicle licence")
    INSPECTION = "inspection", pgettext_lazy("vehicle paper", "Inspection")
    INSURANCE = "insurance", _("Insurance")
    PERMIT = "permit", _("Transport permit")


class DriverDocumentKind(TextChoices):
    LICENCE = "licence", _("Driving licence")
    QUALIFICATION = "qualification", _("Professional qualification")
    MEDICAL = "medical", _("Medical check")
    SAFETY = "safety", _("Safety training")
    HAZARD = "hazard", _("Dangerous goods training")
    COLD = "cold", _("Cold chain training")
    PILOT = "pilot", _("Drone pilot's certificate")


class RoadClass(TextChoices):
    """By JTG B01; the order is the order of quality, best first."""

    I = "1", _("Class I")  # noqa: E741 -- a Roman numeral
    II = "2", _("Class II")
    III = "3", _("Class III")
    IV = "4", _("Class IV")
    BELOW = "5", _("Below class IV")


class Surface(TextChoices):
    PAVED = "paved", _("Paved")
    GRAVEL = "gravel", _("Gravel")
    EARTH = "earth", _("Earth")
    UNKNOWN = "", _("Surface not known")


class ResponsibleLevel(TextChoices):
    COUNTY = "county", _("County road office")
    TOWNSHIP = "township", _("Township government")
    VILLAGE = "village", _("Village committee")


class RoadSource(TextChoices):
    OSM = "osm", "OpenStreetMap"
    HAND = "hand", _("Entered by hand")


class IncidentKind(TextChoices):
    LANDSLIDE = "landslide", _("Landslide")
    FLOOD = "flood", _("Flood")
    ICE = "ice", _("Snow or ice")
    COLLAPSE = "collapse", _("Road or bridge collapsed")
    WORKS = "works", _("Road works")
    ACCIDENT = "accident", _("Accident")
    OTHER = "other", _("Something else")


class IncidentEffect(TextChoices):
    CLOSED = "closed", _("No way through")
    SLOWED = "slowed", _("Slow going")


class IncidentState(TextChoices):
    REPORTED = "reported", _("Reported")
    CONFIRMED = "confirmed", _("Confirmed")
    ASSIGNED = "assigned", _("Given to who is responsible")
    REOPENED = "reopened", _("Open again")
    REJECTED = "rejected", _("Not so")


OPEN_INCIDENTS = (IncidentState.REPORTED, IncidentState.CONFIRMED, IncidentState.ASSIGNED)
INCIDENTS_IN_FORCE = (IncidentState.CONFIRMED, IncidentState.ASSIGNED)  # somebody said it is so: the road is closed


class LineKind(TextChoices):
    PASSENGER = "passenger", _("Passenger line")
    FREIGHT = "freight", _("Freight line")
    INTEGRATED = "integrated", _("Passenger and freight line")


class ShareRole(TextChoices):
    OPERATOR = "operator", _("Operator of the line")
    HUB = "hub", _("County hub")
    CENTRE = "centre", _("Township centre")
    OUTLET = "outlet", _("Village outlet")


class PlanState(TextChoices):
    SOLVING = "solving", _("Being reckoned")
    DRAFT = "draft", _("Draft")
    REVIEWED = "reviewed", _("Reviewed")
    ISSUED = "issued", pgettext_lazy("plan", "Issued")
    SUPERSEDED = "superseded", _("Replaced by a newer plan")
    CLOSED = "closed", _("Driven")
    DISCARDED = "discarded", _("Thrown away")


class TripState(TextChoices):
    PLANNED = "planned", _("Planned")
    ASSIGNED = "assigned", _("Has its driver")
    CHECKED = "checked", _("Checked for departure")
    DEPARTED = "departed", _("On the road")
    COMPLETED = "completed", pgettext_lazy("trip", "Back")
    CANCELLED = "cancelled", _("Called off")
    BROKEN_DOWN = "broken_down", _("Broken down")


RUNNING = (TripState.PLANNED, TripState.ASSIGNED, TripState.CHECKED, TripState.DEPARTED)


class StopState(TextChoices):
    PENDING = "pending", _("To come")
    ARRIVED = "arrived", _("There now")
    DEPARTED = "departed", _("Done")
    SKIPPED = "skipped", _("Skipped")


class LoadState(TextChoices):
    """Where a parcel of a trip stands; worked out from the scans when read."""

    TO_LOAD = "to_load", _("To load")
    ON_BOARD = "on_board", _("On board")
    DONE = "done", _("Done")
    NOT_LOADED = "not_loaded", _("Not loaded")
    LEFT_ON = "left_on", _("Still on board")
    WRONG_STOP = "wrong_stop", _("Unloaded elsewhere")
    GIVEN = "given", _("Handed to another trip")


class HandoverState(TextChoices):
    """By both sides' scans, worked out when read."""

    WAITING = "waiting", _("Waits for the other side")
    CONFIRMED = "confirmed", _("Both sides scanned")
    TIMEOUT = "timeout", _("The other side never scanned")


class Direction(TextChoices):
    DOWN = "down", _("Down to the villages")
    UP = "up", _("Up to the county")


class Reason(TextChoices):
    """Why a parcel in scope rides on no trip: exactly one."""

    CAPACITY_WEIGHT = "CAPACITY_WEIGHT", _("Too heavy for the room left")
    CAPACITY_VOLUME = "CAPACITY_VOLUME", _("Too large for the room left")
    CAPACITY_PIECES = "CAPACITY_PIECES", _("Too many pieces for the room left")
    TIME_WINDOW = "TIME_WINDOW", _("Not within the opening hours")
    SKILL_COLD = "SKILL_COLD", _("No cold vehicle")
    SKILL_HAZMAT = "SKILL_HAZMAT", _("No vehicle for dangerous goods")
    ROAD_CLOSED = "ROAD_CLOSED", _("No open road")
    VEHICLE_CLASS = "VEHICLE_CLASS", _("No vehicle that the road takes")
    NO_LINE = "NO_LINE", _("No line goes there that day")
    DISTANCE_LIMIT = "DISTANCE_LIMIT", _("Out of range")
    NOT_READY = "NOT_READY", _("Not there in time")
    ORG_SCOPE = "ORG_SCOPE", _("Its carrier is not in the pool")
    LOWER_PRIORITY = "LOWER_PRIORITY", _("Others came first")


class BaselineSource(TextChoices):
    MEASURED = "measured", _("Measured here")
    RECKONED = "reckoned", _("Reckoned: each carrier alone")
    ENTERED = "entered", _("Entered by hand")
