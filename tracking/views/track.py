"""The public page: a waybill and the last four digits of the phone show the way, without a name or number of anyone.

The answer is the same whether the number or the digits are wrong, and tries are counted by address and by waybill:
four digits are soon guessed otherwise.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.middleware import public
from common import clock, limits, net
from common.errors import Refused
from tracking import counter_queries, queries
from tracking.forms import TrackForm

WINDOW_S = 600
PER_ADDRESS = 30
PER_WAYBILL = 6  # of 10,000 tails: guessing one takes 12 days on average


@public("people follow their parcel without an account")
@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Posted, so that neither number nor digits stand in an address or a log."""
    form = TrackForm(request.POST or None, carriers=counter_queries.carriers_named([]))
    context = {"form": form, "hide_sign_in": True, "found": [], "refusal": ""}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                _spend(request, data["waybill_no"])
                found = counter_queries.parcels_tracked(data["carrier"], data["waybill_no"], data["phone_tail"])
            except Refused as refusal:
                context["refusal"], status = str(refusal.message), refusal.status
            else:
                at = clock.now()
                context["found"] = [(parcel, queries.public_journey(parcel, at)[::-1]) for parcel in found]
                context["refusal"] = "" if found else _("Number and last digits don't match any parcel here.")
                status = 200 if found else 404
    return render(request, "tracking/track.html", context, status=status)


def _spend(request: HttpRequest, waybill_no: str) -> None:
    message = _("Too many tries. Wait ten minutes, or ask at your village outlet.")
    limits.spend(f"track:{net.client_ip(request)}", limit=PER_ADDRESS, window_s=WINDOW_S, message=message)
    limits.spend(f"track:{waybill_no}", limit=PER_WAYBILL, window_s=WINDOW_S, message=message)
