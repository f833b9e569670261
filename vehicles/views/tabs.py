"""The row of links over the vehicles' pages: what the person may open, in the order of a planner's day."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_GET

from common.errors import NotAllowed
from common.http import PageRequest
from stations.permissions import require
from stations.scope import may, scope_of
from vehicles.queries.scope import hub_for

# (name in `active`, URL name, label, only for those who work for a hub)
_TABS = (
    ("plans", "vehicles:plans", _("Plan"), True),
    ("trips", "vehicles:trips", _("Trips"), False),
    ("live", "vehicles:live", _("Live map"), False),
    ("fleet", "vehicles:fleet", _("Fleet"), False),
    ("drivers", "vehicles:drivers", _("Drivers"), True),
    ("members", "vehicles:members", _("Members"), True),
    ("roads", "vehicles:roads", pgettext_lazy("tab", "Roads"), False),
    ("incidents", "vehicles:incidents", _("Incidents"), False),
    ("lines", "vehicles:lines", pgettext_lazy("tab", "Lines"), False),
    ("figures", "vehicles:figures", _("Figures"), False),
)


def tabs(request: PageRequest, active: str) -> list[tuple[str, str, bool]]:
    """(label, url, active) of the pages this person's roles open: each page's own right decides, and where rows hang
    on a hub, whether one is in their scope."""
    found = []
    for name, address, label, at_hub in _TABS:
        try:
            url = reverse(address)
        except NoReverseMatch:
            continue
        action = getattr(resolve(url).func, "action_needed", "") or "line.read"
        if not may(request.user, action):
            continue
        if at_hub or action in ("fleet.read", "plan.read"):
            scope = scope_of(request.user, action)
            if not (scope.everywhere or scope.county_codes or scope.station_ids):  # a carrier: what it owns
                if at_hub:
                    continue
            elif hub_for(request.user, action) is None:
                continue
        found.append((str(label), url, name == active))
    return found


@require_GET
@require("line.read")
def home(request: PageRequest) -> HttpResponse:
    """The navigation's entry: the first page that is theirs."""
    found = tabs(request, "")
    if not found:
        raise NotAllowed(_("Your role may not do this."))
    return redirect(found[0][1])
