"""The row of links over the subsidy's pages: what the person may open, in the order of a month's work."""

from django.urls import NoReverseMatch, resolve, reverse
from django.utils.translation import gettext_lazy as _

from common.http import PageRequest
from stations.scope import may, scope_of

# (name in `active`, URL name, label, only for those who work for a whole county)
_TABS = (
    ("statements", "settlement:statements", _("Statements"), False),
    ("queue", "settlement:queue", _("To check"), False),
    ("periods", "settlement:periods", _("Months"), True),
    ("holds", "settlement:holds", _("Held lines"), False),
    ("cases", "settlement:cases", _("Doubts"), False),
    ("clawbacks", "settlement:clawbacks", _("Clawbacks"), False),
    ("appeals", "settlement:appeals", _("Objections"), False),
    ("batches", "settlement:batches", _("Payment batches"), False),
    ("accounts", "settlement:accounts", _("Bank accounts"), False),
    ("funds", "settlement:funds", _("Funds"), False),
    ("policies", "settlement:policies", _("Policies"), False),
    ("facts", "settlement:facts", _("Outlet facts"), False),
    ("ledger", "settlement:ledger", _("Ledger"), False),
    ("ageing", "settlement:ageing", _("Waiting times"), True),
    ("grants", "settlement:grants", _("Grants"), False),
    ("awards", "settlement:awards", _("Yearly awards"), False),
    ("effect", "settlement:effect", _("Effect"), True),
)


def tabs(request: PageRequest, active: str) -> list[tuple[str, str, bool]]:
    """(label, url, active) of the pages this person's roles open: each page's own right decides."""
    found = []
    for name, address, label, county_only in _TABS:
        try:
            url = reverse(address)
        except NoReverseMatch:
            continue
        action = getattr(resolve(url).func, "action_needed", "")
        if not may(request.user, action or "settlement.read"):
            continue
        if county_only and not county_of(request):
            continue
        found.append((str(label), url, name == active))
    return found


def county_of(request: PageRequest, action: str = "settlement.read") -> str:
    """The county the person may do this for; "" for those whose scope is smaller than a county."""
    codes = scope_of(request.user, action).county_codes
    return codes[0] if codes else ""
