"""What every page shows: the navigation of the person's roles, where they work, the demo strip."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.roles import Role
from stations.scope import may, memberships_of

# (label, URL name, action needed, icon); the order is the order on the page
ENTRIES = (
    (gettext_lazy("Counter"), "tracking:counter", "scan.send", "scan"),
    (gettext_lazy("My trips"), "vehicles:drive", "trip.run", "truck"),
    (gettext_lazy("Work list"), "tracking:worklist", "worklist.read", "list"),
    (gettext_lazy("Needs attention"), "tracking:attention", "attention.read", "warning"),
    (gettext_lazy("Parcels"), "orders:parcels", "parcel.read", "box"),
    (gettext_lazy("Import"), "orders:import", "order.import", "upload"),
    (gettext_lazy("Vehicles"), "vehicles:home", "line.read", "truck"),
    (gettext_lazy("Stations"), "stations:list", "station.read", "shop"),
    (gettext_lazy("Divisions"), "stations:regions", "region.import", "map"),
    (gettext_lazy("Handhelds"), "stations:devices", "device.read", "phone"),
    (gettext_lazy("People"), "stations:people", "user.manage", "people"),
    (gettext_lazy("Subsidy"), "settlement:statements", "settlement.read", "coin"),
    (gettext_lazy("Reports"), "reports:list", "report.read", "chart"),
    (gettext_lazy("Scan processing"), "tracking:queue", "queue.read", "job"),
    (gettext_lazy("Audit"), "stations:audit", "audit.read", "eye"),
)
ONLY = {"vehicles:drive": Role.COURIER}  # the right is wider, but the page is nobody else's


@dataclass(frozen=True)
class NavEntry:
    label: str
    url: str
    active: bool
    icon: str


def page(request: HttpRequest) -> dict[str, Any]:
    """Context processor. `nav`: list of NavEntry; `workplace`: where the person works; `demo_strip`: made-up data."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"nav": [], "workplace": "", "hotline": "", "demo_strip": settings.DEMO}
    memberships = memberships_of(user)
    roles = {m.role for m in memberships}
    shown = [
        (str(label), reverse(name), icon)
        for label, name, action, icon in ENTRIES
        if may(user, action) and (name not in ONLY or ONLY[name] in roles)
    ]
    # of two that begin alike the longer one is meant: /vehicles/drive/ is not the vehicles' entry
    here = max((url for _label, url, _icon in shown if request.path.startswith(url)), key=len, default="")
    nav = [NavEntry(label, url, url == here, icon) for label, url, icon in shown]
    place = next((m.place for m in memberships if m.place), "")
    hotline = next((m.station.contact_phone for m in memberships if m.station and m.station.contact_phone), "")
    role_names = _(", ").join(dict.fromkeys(str(m.get_role_display()) for m in memberships))
    return {
        "nav": nav,
        "workplace": place,
        "role_names": role_names,
        "hotline": hotline,
        "demo_strip": settings.DEMO,
    }
