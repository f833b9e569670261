"""A parcel's page: what it is, where it stands, and its whole way with the evidence of each step."""

from barcode import Code128
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from common import clock
from common.http import PageRequest
from orders.models import Parcel
from stations.permissions import require
from stations.scope import may
from tracking import queries
from tracking.counter_queries import custodian_name, key_time
from tracking.definitions import reason_words

BARCODE_HEIGHT = 40


@require("parcel.read")
@require_GET
def page(request: PageRequest, pk: int) -> HttpResponse:
    rows = Parcel.objects.visible_to(request.user).select_related(
        "carrier", "station", "destination", "origin", "village__parent", "recipient"
    )
    parcel = get_object_or_404(rows, pk=pk)
    steps = queries.journey(parcel, clock.now(), full_names=may(request.user, "user.read"))
    width, path = code128(parcel.waybill_no)
    context = {
        "parcel": parcel,
        "recipient": getattr(parcel, "recipient", None),
        "custodian": custodian_name(parcel),
        "since": key_time(parcel.s_k),
        "hold_reason": reason_words(parcel.h_reason) if parcel.on_hold else "",
        "steps": [(step, reason_words(step.event.reason) if step.event else "") for step in reversed(steps)],
        "barcode_width": width,
        "barcode_path": path,
        "hands_out": queries.hands_out(request.user, parcel),
        "may_reveal": may(request.user, "parcel.reveal") and hasattr(parcel, "recipient"),
    }
    return render(request, "tracking/parcel.html", context)


def code128(text: str) -> tuple[int, str]:
    """(width in modules, SVG path) of the text as Code 128; drawn inline, since the CSP allows no style in SVG."""
    modules = Code128(text).build()[0]
    bars, position = [], 0
    for bit, length in _runs(modules):
        if bit == "1":
            bars.append(f"M{position} 0h{length}v{BARCODE_HEIGHT}h-{length}z")
        position += length
    return position, "".join(bars)


def _runs(modules: str) -> list[tuple[str, int]]:
    runs: list[tuple[str, int]] = []
    for bit in modules:
        if runs and runs[-1][0] == bit:
            runs[-1] = (bit, runs[-1][1] + 1)
        else:
            runs.append((bit, 1))
    return runs
