"""A scan's photo or signature, for those who may read its parcel and nobody else."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from common import clock
from common.http import PageRequest
from orders.models import Parcel
from stations.permissions import require
from tracking import queries
from tracking.models import Photo
from tracking.rules import SHA256
from tracking.services import photo_files

# An image and nothing else: were it ever read as a page, it could load, run and send nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@require("parcel.read")
@require_GET
def photo(request: PageRequest, pk: int, digest: str) -> HttpResponse:
    """404 too for a photo that hasn't come whole, and for one of another parcel."""
    parcel = get_object_or_404(Parcel.objects.visible_to(request.user), pk=pk)
    row = queries.photo_of(parcel, bytes.fromhex(digest), clock.now()) if SHA256.fullmatch(digest) else None
    if row is None or row.media_type not in _ENDINGS:
        raise Http404
    etag = f'"{digest}"'
    answer = get_conditional_response(request, etag=etag) or _image(row, parcel.waybill_no)
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"  # kept, but asked for each time: rights end, and so does a sign-in
    answer["Content-Security-Policy"] = POLICY
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _image(row: Photo, waybill_no: str) -> HttpResponse:
    try:
        image = photo_files.path_of(row.county_code, bytes(row.sha256)).read_bytes()  # PHOTO_MAX_BYTES at most
    except FileNotFoundError:
        raise Http404 from None
    answer = HttpResponse(image, content_type=row.media_type)
    answer["Content-Disposition"] = f'inline; filename="{waybill_no}.{_ENDINGS[row.media_type]}"'
    return answer
