"""Words of the registry: levels, kinds, and the life of a station."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RegionLevel(TextChoices):
    COUNTY = "county", _("County")
    TOWNSHIP = "township", _("Township")
    VILLAGE = "village", _("Village")
    NATURAL_VILLAGE = "natural_village", _("Natural village")


class Terrain(TextChoices):
    PLAIN = "plain", _("Plain")
    HILL = "hill", _("Hills")
    MOUNTAIN = "mountain", _("Mountains")


class RegionChangeKind(TextChoices):
    OPENED = "opened", _("Opened")
    RENAMED = "renamed", _("Renamed")
    MOVED = "moved", _("Moved")
    CLOSED = "closed", _("Closed")
    REOPENED = "reopened", _("Reopened")


class OrganisationKind(TextChoices):
    CARRIER = "carrier", _("Carrier")
    ECOMMERCE = "ecommerce", _("E-commerce platform")
    MERCHANT = "merchant", _("Merchant")
    COOP = "coop", _("Farmers' cooperative")
    BUS_COMPANY = "bus_company", _("Bus company")
    POST = "post", _("Postal service")
    SUPPLY_COOP = "supply_coop", _("Supply and marketing cooperative")
    GOVERNMENT = "government", _("Government")
    PLATFORM = "platform", _("Platform company")


class StationLevel(TextChoices):
    HUB = "HUB", _("County hub")
    CENTRE = "CENTRE", _("Township centre")
    OUTLET = "OUTLET", _("Village outlet")


PARENT_LEVEL = {StationLevel.CENTRE: StationLevel.HUB, StationLevel.OUTLET: StationLevel.CENTRE}


class HostKind(TextChoices):
    LOGISTICS_CENTRE = "logistics_centre", _("Logistics centre")
    PASSENGER_STATION = "passenger_station", _("Bus station")
    POST_OFFICE = "post_office", _("Post office")
    SUPPLY_COOP = "supply_coop", _("Supply and marketing cooperative")
    SHOP = "shop", _("Shop")
    VILLAGE_COMMITTEE = "village_committee", _("Village committee")
    SCHOOL = "school", _("School")
    LOCKER_BANK = "locker_bank", _("Parcel lockers")
    OTHER = "other", _("Other")


class Tenure(TextChoices):
    PERMANENT = "permanent", _("Permanent")
    TEMPORARY = "temporary", _("Temporary")


class Service(TextChoices):
    PARCEL_IN = "parcel_in", _("Parcels in")
    PARCEL_OUT = "parcel_out", _("Parcels out")
    LOCKER = "locker", _("Lockers")
    PURCHASE_ON_BEHALF = "purchase_on_behalf", _("Buying on behalf")
    CONSIGNMENT = "consignment", _("Consignment sales")
    PAYMENT = "payment", _("Bill payment")
    RECHARGE = "recharge", _("Phone recharge")
    FARM_COLLECTION = "farm_collection", _("Farm produce collection")
    GROUP_BUY = "group_buy", _("Group buying pick-up")


class EquipmentState(TextChoices):
    WORKING = "working", _("Working")
    FAULTY = "faulty", _("Faulty")
    RETIRED = "retired", _("Retired")


class StationState(TextChoices):
    PROPOSED = "proposed", _("Proposed")
    PUBLICISED = "publicised", _("Publicised")
    APPROVED = "approved", _("Approved")
    BUILDING = "building", _("Being built")
    ACCEPTED = "accepted", _("Accepted")
    RECTIFYING = "rectifying", _("Rectifying")
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    CLOSED = "closed", _("Closed")
    REJECTED = "rejected", _("Rejected")


_S = StationState
TRANSITIONS: dict[StationState, frozenset[StationState]] = {
    _S.PROPOSED: frozenset({_S.PUBLICISED, _S.REJECTED}),
    _S.PUBLICISED: frozenset({_S.APPROVED, _S.REJECTED}),
    _S.APPROVED: frozenset({_S.BUILDING, _S.REJECTED}),
    _S.BUILDING: frozenset({_S.ACCEPTED, _S.RECTIFYING}),
    _S.ACCEPTED: frozenset({_S.ACTIVE, _S.RECTIFYING}),
    _S.RECTIFYING: frozenset({_S.ACCEPTED, _S.REJECTED}),
    _S.ACTIVE: frozenset({_S.SUSPENDED, _S.CLOSED}),
    _S.SUSPENDED: frozenset({_S.ACTIVE, _S.CLOSED}),
    _S.CLOSED: frozenset(),
    _S.REJECTED: frozenset(),
}
IN_SERVICE = (_S.ACTIVE, _S.SUSPENDED)
ENDED = (_S.CLOSED, _S.REJECTED)
