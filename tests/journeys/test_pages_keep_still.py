"""The main pages at phone and office width: no sideways scroll, nothing in the console, nothing from elsewhere."""

import pytest

from tests.conftest import PASSWORD, County, make_parcel
from tests.journeys.conftest import sign_in_page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = {
    "": ["/accounts/sign-in/", "/track/", "/api/docs/", "/nothing-here/"],
    "operator": ["/counter/", "/worklist/", "/parcels/", "/imports/", "/settlement/", "/reports/", "/jobs/"],
    "officer": [
        "/stations/",
        "/stations/tree/",
        "/stations/map/",
        "/stations/new/",
        "/people/",
        "/devices/",
        "/audit/",
    ],
    "admin": ["/regions/", "/regions/import/"],
    "clerk": ["/settlement/policies/", "/settlement/policies/new/"],
}


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_scrolls_sideways_or_complains(county: County, open_page, width):
    parcel = make_parcel(county)
    wide = []
    for person, paths in PAGES.items():
        page = open_page(width)
        if person:
            sign_in_page(page, person, PASSWORD)
        for path in [
            *paths,
            *([f"/parcels/{parcel.pk}/", f"/stations/{county.o1.pk}/"] if person == "operator" else []),
        ]:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if over > 0 and not path.startswith("/api/"):
                wide.append(f"{path} at {width}: {over} px too wide")
    assert wide == []
