"""What a handheld asks besides sending: what became of its scans, and which parcels its station may expect."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import clock, limits
from stations.permissions import DeviceOnly
from tracking import device_queries, rules
from tracking.api.params import bad_parameter, device_of, number
from tracking.api.serializers import AcksOut, ExpectedOut, problems

ASKED_A_MINUTE = 120
PAGE = LONGEST_PAGE = 500


def _spend(request: Request, what: str) -> None:
    limits.spend_here(
        f"{what}:{device_of(request).pk}",
        limit=ASKED_A_MINUTE,
        window_s=60,
        message=_("Too many questions from this handheld; ask again in a minute."),
    )


class DeviceAcks(APIView):
    """What became of each sequence number the server has of this handheld, and which it misses."""

    permission_classes = (DeviceOnly,)
    device_allowed = True

    @extend_schema(
        operation_id="list_acks",
        parameters=[
            OpenApiParameter("after_seq", int, description="Numbers above this one; without it all, 500 a page.")
        ],
        responses={200: AcksOut, **problems(400, 401, 403, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        _spend(request, "acks")
        after = number(request, "after_seq", -1, least=0)
        if after > rules.MAX_SEQ:
            raise bad_parameter("after_seq")
        return Response(AcksOut(device_queries.acks(device_of(request), after)).data)


class ExpectedParcels(APIView):
    """The parcels this handheld's station may expect, whole or as what changed since; recipients masked."""

    permission_classes = (DeviceOnly,)
    device_allowed = True

    @extend_schema(
        operation_id="list_expected",
        parameters=[
            OpenApiParameter("since", str, description="`since` of the last page of the list before."),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            OpenApiParameter("limit", int, description="Rows a page, 1 to 500."),
        ],
        responses={200: ExpectedOut, **problems(400, 401, 403, 429, 503)},
    )
    def get(self, request: Request) -> Response:
        _spend(request, "expected")
        since, cursor = request.query_params.get("since"), request.query_params.get("cursor")
        if since is not None and cursor is not None:  # a page belongs to one list already
            raise bad_parameter("since")
        try:
            page = device_queries.expected_parcels(
                station=device_of(request).station,
                since=since,
                page=cursor,
                limit=min(number(request, "limit", PAGE), LONGEST_PAGE),
                at=clock.now(),
            )
        except device_queries.BadCursor:
            raise bad_parameter("since" if cursor is None else "cursor") from None
        return Response(ExpectedOut(page, context={"station": device_of(request).station.code}).data)
