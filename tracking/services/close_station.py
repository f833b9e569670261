"""Close a station. It lives here and not in stations/, because only from here the parcels can be seen."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from common.errors import Refused
from orders.models import Parcel, ParcelQuerySet
from orders.states import CustodianKind
from stations.models import Station
from stations.services import lock_station, move_station
from stations.states import StationState
from tracking.counter_queries import HERE
from tracking.models import ScanEvent, Upload


def parcels_in_custody(station: Station) -> ParcelQuerySet:
    """Open parcels that the fold puts at the station or in its hands. Index: parcel_at_station."""
    in_its_hands = Q(custodian_kind=CustodianKind.STATION, c_ref=station.pk)
    at_station = Parcel.objects.filter(county_code=station.county_code, station=station)
    return at_station.open().filter(Q(state__in=HERE) | in_its_hands)


def scans_waiting(station: Station) -> bool:
    """Whether an upload not yet folded holds a scan of the station. Indexes: upload_to_fold, then by upload."""
    waiting = Upload.objects.filter(county_code=station.county_code, folded_at__isnull=True)
    events = ScanEvent.objects.filter(county_code=station.county_code, station=station)
    return events.filter(upload_id__in=list(waiting.values_list("pk", flat=True))).exists()


def close_station(*, station_id: int, by: User | None, reason: str, at: datetime) -> Station:
    """Close a station that holds nothing.

    1. Lock its row (of a hub, all hubs of the county).
    2. Refused "scans_waiting" while scans of the station are stored and not yet folded: a parcel may be among them.
       Refused "holds_parcels" with their number in `extra` while any parcel is in its custody.
    3. stations.services.move_station: the steps of its life, the stations below, the last hub, transition and audit.
    """
    with transaction.atomic():
        station = lock_station(station_id=station_id, to_state=StationState.CLOSED)
        if scans_waiting(station):
            raise Refused("scans_waiting", _("Scans of this station are being worked in. Try again in a moment."))
        count = parcels_in_custody(station).count()
        if count:
            raise Refused(
                "holds_parcels",
                ngettext(
                    "%(count)d parcel is still at %(station)s: hand it on first.",
                    "%(count)d parcels are still at %(station)s: hand them on first.",
                    count,
                )
                % {"count": count, "station": station.name},
                extra={"count": count},
            )
        return move_station(station_id=station_id, to_state=StationState.CLOSED, by=by, reason=reason, at=at)
