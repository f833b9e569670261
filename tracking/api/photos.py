"""Photos and signatures from handhelds, in pieces and by digest; see docs/scan-protocol.md, "Photos"."""

from typing import Any, cast

from django.conf import settings
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import clock, limits
from common.errors import Refused
from stations.models import Device
from stations.permissions import DeviceOnly
from tracking import rules, services
from tracking.api.serializers import problems

PIECE_BYTES = 256 * 1024
PIECE_TYPE = "application/offset+octet-stream"
PIECES_A_MINUTE = 240
_LONGEST_NUMBER = 18  # digits
_DIGEST = OpenApiParameter("digest", str, OpenApiParameter.PATH, description="SHA-256 of the whole photo, hexadecimal.")
_OFFSETS = [
    OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, response=[200, 204], description="Bytes here."),
    OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, response=[200, 204], description="Bytes in all."),
]


class Photos(APIView):
    """One photo by its digest: how much of it is here, and the next piece."""

    permission_classes = (DeviceOnly,)
    device_allowed = True

    @extend_schema(
        operation_id="photo_progress",
        parameters=[_DIGEST, *_OFFSETS],
        responses={200: OpenApiResponse(description="In the headers."), **problems(400, 401, 403, 404, 429)},
    )
    def head(self, request: Request, digest: str) -> Response:
        device = _device(request)
        sha256 = _digest(digest)
        found = services.photo_progress(county_code=device.station.county_code, sha256=sha256)
        if found is None:
            raise Http404
        return Response(headers=_headers(found))

    @extend_schema(
        operation_id="send_photo_piece",
        parameters=[
            _DIGEST,
            OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True, description="First byte."),
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True, description="Of the photo."),
            *_OFFSETS,
        ],
        request={PIECE_TYPE: OpenApiTypes.BINARY},
        responses={204: None, **problems(400, 401, 403, 409, 413, 415, 422, 429, 503)},
    )
    def patch(self, request: Request, digest: str) -> Response:
        device = _device(request)
        mime, _sep, _rest = request.META.get("CONTENT_TYPE", "").partition(";")
        if mime.strip().lower() != PIECE_TYPE or request.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(
                "unsupported_media_type",
                _("Send the photo's bytes as they are: Content-Type %(type)s.") % {"type": PIECE_TYPE},
                status=415,
            )
        sha256 = _digest(digest)
        offset, length = _number(request, "Upload-Offset"), _number(request, "Upload-Length")
        try:
            done = services.add_piece(
                device=device, sha256=sha256, offset=offset, length=length, piece=_piece(request), at=clock.now()
            )
        except services.WrongOffset as refusal:
            answer = self.handle_exception(refusal)
            for name, value in _headers(refusal.progress).items():
                answer[name] = value
            return answer
        return Response(status=204, headers=_headers(done))


def _device(request: Request) -> Device:
    """The handheld that calls, once its pieces of this minute are counted."""
    device = cast(Device, request.auth)
    limits.spend_here(
        f"photos:{device.pk}",
        limit=PIECES_A_MINUTE,
        window_s=60,
        message=_("Too many pieces from this handheld. Nothing was lost; go on in a minute."),
    )
    return device


def _digest(text: str) -> bytes:
    if not rules.SHA256.fullmatch(text.lower()):
        raise Refused("photo_format", rules.SENTENCES["photo_format"], pointer="/digest", status=400)
    return bytes.fromhex(text)


def _number(request: Request, name: str) -> int:
    value = request.headers.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER):
        message = _("The header %(name)s must be a whole number of bytes.") % {"name": name}
        raise Refused("bad_header", message, pointer=f"/{name}", status=400)
    return int(value)


def _piece(request: Request) -> bytes:
    try:
        piece: bytes = request.read(PIECE_BYTES + 1)
    except UnreadablePostError:
        raise Refused("piece_cut_off", _("The piece was cut off. Send it again."), status=400) from None
    if len(piece) > PIECE_BYTES:
        raise Refused(
            "piece_too_large",
            _("A piece may be at most %(size)s bytes.") % {"size": PIECE_BYTES},
            status=413,
            extra={"limits": {"piece_bytes": PIECE_BYTES, "photo_bytes": settings.PHOTO_MAX_BYTES}},
        )
    return piece


def _headers(progress: Any) -> dict[str, str]:
    return {
        "Upload-Offset": str(progress.offset),
        "Upload-Length": str(progress.length),
        "Cache-Control": "no-store",
    }
