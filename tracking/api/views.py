"""The API for handhelds and partners: scans in, parcels and their way out."""

import re
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from common import clock, limits, text
from common.crash import crash_point
from common.errors import Refused
from orders.models import Parcel, ParcelQuerySet
from stations.models import Device
from stations.permissions import DeviceOnly, MayAct
from stations.scope import scope_of_station
from tracking import queries, rules, services, strict
from tracking.api.params import checked, device_of, number
from tracking.api.serializers import EventList, ParcelOut, ParcelPage, ReceiptOut, ScanBatchIn, problems
from tracking.services import Receipt

BATCHES_A_MINUTE = 600
PAGE, LONGEST_PAGE = 50, 200
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}")


class ScanBatches(APIView):
    """Handhelds send their scans here."""

    permission_classes = (DeviceOnly,)
    device_allowed = True

    @extend_schema(
        operation_id="send_scans",
        request=ScanBatchIn,
        responses={200: ReceiptOut, **problems(400, 401, 403, 413, 415, 426, 429, 503)},
    )
    def post(self, request: Request) -> Response:
        received_at = clock.now()
        device = device_of(request)
        limits.spend_here(
            f"scans:{device.pk}",
            limit=BATCHES_A_MINUTE,
            window_s=60,
            message=_("Too many uploads from this handheld. Nothing was lost; send again in a minute."),
        )
        batch = self._read(request, device, received_at)
        try:
            device_now = None if batch.device_now is None else rules.read_time(batch.device_now, "device_now")
        except rules.Fault as fault:
            raise Refused(fault.code, rules.SENTENCES[fault.code], pointer="/device_now", status=400) from None
        receipt = services.record_scans(
            sender=services.sender_for_device(device),
            batch_id=batch.batch_id,
            device_now=device_now,
            events=batch.events,
            received_at=received_at,
            raw_of=batch.raw_of,
        )
        answer = Response(_answer(receipt))
        crash_point("ack.answered")
        if _too_old(request.headers.get("App-Version", "")):  # stored all the same
            raise Refused(
                "app_too_old",
                SENTENCES["app_too_old"](),
                status=426,
                extra={"min_app_version": settings.MIN_APP_VERSION, "receipt": answer.data},
            )
        return answer

    def _read(self, request: Request, device: Device, received_at: datetime) -> strict.Batch:
        mime, _sep, _rest = request.META.get("CONTENT_TYPE", "").partition(";")
        length = request.META.get("CONTENT_LENGTH") or ""
        try:
            return strict.read_batch(
                read=request.read,
                content_type=mime.strip().lower(),
                charset=(request.content_params or {}).get("charset", ""),
                content_encoding=request.headers.get("Content-Encoding", ""),
                content_length=int(length) if length.isascii() and length.isdigit() else None,
            )
        except UnreadablePostError:
            raise Refused("json_unreadable", SENTENCES["json_unreadable"](), status=400) from None
        except strict.Unreadable as fault:
            extra: dict[str, Any] = dict(fault.facts)
            pointer = str(extra.pop("pointer", ""))
            if fault.code == "batch_too_large":
                extra["limits"] = strict.LIMITS
            if fault.raw is not None:
                extra["quarantine_id"] = services.keep_unreadable(device=device, raw=fault.raw, received_at=received_at)
            sentence = SENTENCES[fault.code]() if fault.code in SENTENCES else rules.SENTENCES[fault.code]
            raise Refused(fault.code, sentence, pointer=pointer, status=fault.status, extra=extra) from None


SENTENCES = {
    "unsupported_media_type": lambda: _("Send JSON: Content-Type application/json."),
    "charset": lambda: _("Send the text as UTF-8."),
    "content_encoding": lambda: _("The body may be sent as it is or packed with gzip, nothing else."),
    "batch_too_large": lambda: _("The upload is too large. Send at most 500 scans at a time."),
    "gzip_broken": lambda: _("The packed body is damaged. Send it again."),
    "bad_encoding": lambda: _("The body is not UTF-8. Save the text as UTF-8 and send it again."),
    "json_unreadable": lambda: _("The body is no JSON, or it was cut off. Send it again."),
    "json_too_deep": lambda: _("The JSON is nested too deeply."),
    "events_missing": lambda: _("The upload needs a list of events."),
    "batch_id_format": lambda: _("The upload's id must be a UUID."),
    "app_too_old": lambda: _("The scans are stored. This app is too old; update it before going on."),
}


def _answer(receipt: Receipt) -> dict[str, Any]:
    return {
        "batch_id": str(receipt.batch_id) if receipt.batch_id else None,
        "received_at": _stamp(receipt.received_at),
        "server_now": _stamp(clock.now()),
        "accepted": receipt.accepted,
        "exceptions": [
            {
                "index": one.index,
                "event_id": one.event_id,
                "status": one.status,
                "code": one.code,
                "detail": one.detail,
                "pointer": one.pointer,
            }
            for one in receipt.exceptions
        ],
        "highest_contiguous_seq": receipt.highest_contiguous_seq,
    }


def _too_old(version: str) -> bool:
    """Whether the app says it is older than MIN_APP_VERSION; one that says nothing readable is taken as new enough."""
    least, given = _dotted(settings.MIN_APP_VERSION), _dotted(version)
    return bool(least and given) and given < least


def _dotted(version: str) -> tuple[int, ...]:
    """2.10.0 as (2, 10): numbers, not text, and zeros at the end say nothing. Empty for anything else."""
    if not _VERSION.fullmatch(version):
        return ()
    numbers = [int(part) for part in version.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _parcels(request: Request) -> ParcelQuerySet:
    """What the caller may read: a handheld what its station may, a person by their roles."""
    if isinstance(request.auth, Device):
        # unscoped: `within` is the handheld's door, its scope is its station's
        rows = Parcel.objects.within(scope_of_station(request.auth.station))
    else:
        rows = Parcel.objects.visible_to(cast(User, request.user))
    return rows.select_related("station", "destination", "recipient")


def _parcel(request: Request, pk: int) -> Parcel:
    row = _parcels(request).filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


class Parcels(APIView):
    """Parcels in the caller's scope, newest first; recipients masked."""

    permission_classes = (MayAct,)
    action_needed = "parcel.read"
    device_allowed = True

    @extend_schema(
        operation_id="list_parcels",
        parameters=[
            OpenApiParameter("carrier", str, description="The carrier's code."),
            OpenApiParameter("waybill_no", str, description="The whole waybill number."),
            OpenApiParameter("limit", int, description="Rows a page, 1 to 200."),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
        ],
        responses={200: ParcelPage, **problems(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        rows = _parcels(request)
        if carrier := request.query_params.get("carrier"):
            rows = rows.filter(carrier_id=checked("carrier", text.normal_code(carrier), 1 <= len(carrier) <= 40))  # type: ignore[misc]
        if waybill_no := request.query_params.get("waybill_no"):
            code = text.normal_code(waybill_no[:400])
            rows = rows.filter(waybill_no=checked("waybill_no", code, bool(text.CODE.fullmatch(code))))
        limit = min(number(request, "limit", PAGE), LONGEST_PAGE)
        if "cursor" in request.query_params:
            rows = rows.filter(pk__lt=number(request, "cursor", 0))
        found = list(rows.order_by("-pk")[: limit + 1])
        more = found[limit - 1].pk if len(found) > limit else None
        page = {"results": found[:limit], "limit": limit, "next": str(more) if more else None}
        return Response(ParcelPage(page).data)


class OneParcel(APIView):
    """A parcel's state as its scans say; 404 outside the caller's scope."""

    permission_classes = (MayAct,)
    action_needed = "parcel.read"
    device_allowed = True

    @extend_schema(operation_id="read_parcel", responses={200: ParcelOut, **problems(401, 403, 404)})
    def get(self, request: Request, pk: int) -> Response:
        return Response(ParcelOut(_parcel(request, pk)).data)


class ParcelEvents(APIView):
    """A parcel's scans in the order that counts, corrected ones marked, with what looks wrong about each."""

    permission_classes = (MayAct,)
    action_needed = "parcel.read"
    device_allowed = True

    @extend_schema(operation_id="list_parcel_events", responses={200: EventList, **problems(401, 403, 404)})
    def get(self, request: Request, pk: int) -> Response:
        steps = queries.journey(_parcel(request, pk), clock.now())
        return Response(EventList({"results": [step for step in steps if step.event is not None]}).data)
