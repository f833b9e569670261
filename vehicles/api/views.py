"""The driver's day for programs: my trips, one trip with its list, positions in. Scans go to /api/v1/scan-batches/."""

from typing import cast

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from common import clock, limits
from common.errors import Refused
from stations.models import Device
from stations.permissions import DeviceOnly, MayAct
from tracking.api.serializers import problems
from vehicles import services
from vehicles.api.serializers import PositionsIn, PositionsOut, TripListOut, TripSheetOut
from vehicles.models import Trip
from vehicles.queries.sheets import trip_sheet
from vehicles.queries.trips import issued, trips_of_driver
from vehicles.rules import POSITIONS_AT_ONCE

UPLOADS_A_MINUTE = 60


class MyTrips(APIView):
    """The caller's own trips of today; a handheld's are its user's."""

    permission_classes = (MayAct,)
    action_needed = "trip.run"
    device_allowed = True

    @extend_schema(operation_id="list_my_trips", responses={200: TripListOut, **problems(401, 403)})
    def get(self, request: Request) -> Response:
        trips = trips_of_driver(cast(User, request.user), clock.now())
        return Response(TripListOut({"results": trips}).data)


class OneTrip(APIView):
    """A trip with its stops and what is to be dropped and collected at each; 404 outside the caller's scope. A handheld
    sees its user's trips alone."""

    permission_classes = (MayAct,)
    action_needed = "trip.read"
    device_allowed = True

    @extend_schema(operation_id="read_trip", responses={200: TripSheetOut, **problems(401, 403, 404)})
    def get(self, request: Request, code: str) -> Response:
        user, at = cast(User, request.user), clock.now()
        rows = issued(Trip.objects.visible_to(user)).select_related("vehicle", "driver__user")
        if isinstance(request.auth, Device):
            rows = rows.filter(driver__user=user)
        trip = rows.filter(code=code[:40].replace("\x00", "")).first()
        if trip is None:
            raise Http404
        services.follow(at=at, county_code=trip.county_code)
        trip.refresh_from_db(fields=["state", "live", "departed_at", "completed_at"])
        return Response(TripSheetOut(trip_sheet(trip, at)).data)


class Positions(APIView):
    """Handhelds send here where the vehicle was; each position is judged by itself."""

    permission_classes = (DeviceOnly,)
    device_allowed = True

    @extend_schema(
        operation_id="send_positions",
        request=PositionsIn,
        responses={200: PositionsOut, **problems(400, 401, 403, 413, 429)},
    )
    def post(self, request: Request) -> Response:
        device = cast(Device, request.auth)
        limits.spend_here(
            f"positions:{device.pk}",
            limit=UPLOADS_A_MINUTE,
            window_s=60,
            message=_("Too many uploads from this handheld. Nothing was lost; send again in a minute."),
        )
        rows = request.data.get("positions") if isinstance(request.data, dict) else None
        if not isinstance(rows, list):
            raise Refused(
                "positions_missing", _("The upload needs a list of positions."), pointer="/positions", status=400
            )
        if len(rows) > POSITIONS_AT_ONCE:
            raise Refused(
                "batch_too_large",
                _("Send at most %(most)d positions at a time.") % {"most": POSITIONS_AT_ONCE},
                pointer="/positions",
                status=413,
                extra={"limits": {"positions": POSITIONS_AT_ONCE}},
            )
        return Response(PositionsOut(services.record_positions(device=device, rows=rows, at=clock.now())).data)
