"""The audit page: in words, of the own county, filtered by person, thing and day."""

import dataclasses

import pytest

from accounts.roles import Role
from stations import services
from tests.conftest import NOW, County

pytestmark = pytest.mark.django_db


@pytest.fixture
def acts(county: County, neighbour: County) -> None:
    services.set_terrain(region=county.regions["t1"], terrain="mountain", by=county.people["officer"], at=NOW)
    services.add_person(
        username="xiaowang",
        name="王小明",
        role=Role.COURIER,
        station=county.c1,
        by=county.people["township"],
        at=NOW,
    )
    services.add_person(
        username="linshui",
        name="邻水",
        role=Role.COURIER,
        station=neighbour.nc,
        by=neighbour.people["officer"],
        at=NOW,
    )


def test_changes_are_told_in_words(acts: None, sign_in):
    shown = sign_in("officer").get("/audit/", headers={"accept-language": "en"}).content.decode()
    assert "Plain → Mountains" in shown
    assert "虎威镇" in shown
    assert "{" not in shown.split('id="list"')[1].split("</table>")[0]
    assert "linshui" not in shown


def test_a_choice_is_told_in_its_words(county: County, sign_in):
    fields = dataclasses.replace(services.fields_of(county.o1), host_kind="shop")
    services.edit_station(
        station_id=county.o1.pk, version=county.o1.version, fields=fields, by=county.people["officer"], at=NOW
    )
    shown = sign_in("officer").get("/audit/", headers={"accept-language": "en"}).content.decode()
    assert "Other → Shop" in shown


@pytest.mark.parametrize(
    ("query", "rows"),
    [("", 3), ("?entity=region", 1), ("?person=township", 2), ("?until=2026-11-19", 0), ("?since=2026-11-20", 3)],
)
def test_filters(acts: None, sign_in, query: str, rows: int):
    assert sign_in("auditor").get("/audit/" + query).context["total"] == rows


@pytest.mark.parametrize("query", ["?entity=x", "?since=yesterday", "?page=0", "?person=%F0%9F"])
def test_a_filter_that_is_none_breaks_nothing(acts: None, sign_in, query: str):
    assert sign_in("auditor").get("/audit/" + query).status_code in (200, 400)


@pytest.mark.parametrize("who", ["operator", "courier", "township", "clerk", "approver", "support", "carrier", "admin"])
def test_other_roles_read_no_audit(county: County, sign_in, who: str):
    assert sign_in(who).get("/audit/").status_code == 403
