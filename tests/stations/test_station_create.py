"""Creating stations: one, many, and every way it is refused with its sentence."""

from dataclasses import replace
from datetime import date

import pytest

from accounts.models import AuditEntry
from common.errors import Refused
from stations.models import Station, StationTransition
from stations.services import StationFields, create_station, create_stations
from stations.states import StationState
from tests.conftest import NOW

pytestmark = pytest.mark.django_db

OUTLET = StationFields(
    code="FD-O9",
    name="大坪村服务点",
    level="OUTLET",
    region_code="500230102201",
    parent_code="FD-C2",
    brands=("ZTO", "YTO"),
    services=("parcel_in", "parcel_out"),
)


def test_a_new_station_is_proposed_with_its_brands_services_initials_and_trace(county):
    station = create_station(fields=OUTLET, by=county.people["officer"], at=NOW)
    assert (station.state, station.county_code, station.township_code) == ("proposed", "500230", "500230102")
    assert station.initials == "dpcfwd"
    assert sorted(b.carrier.code for b in station.brands.all()) == ["YTO", "ZTO"]
    assert sorted(s.service for s in station.services.all()) == ["parcel_in", "parcel_out"]
    step = StationTransition.objects.get(station=station)
    assert (step.from_state, step.to_state, step.actor, step.at) == ("", "proposed", county.people["officer"], NOW)
    entry = AuditEntry.objects.get(action="station.created")
    assert entry.after["parent_code"] == "FD-C2"
    assert entry.county_code == "500230"


def test_codes_are_normalised_and_texts_cleaned(county):
    station = create_station(fields=replace(OUTLET, code=" ｆｄ-o9 ", name=" 大坪\u200b村 "), by=None, at=NOW)
    assert (station.code, station.name) == ("FD-O9", "大坪村")


def test_many_stations_may_hang_on_one_another(county):
    centre = StationFields(code="FD-C9", name="甲", level="CENTRE", region_code="500230102000", parent_code="FD-H1")
    outlet = replace(OUTLET, parent_code="FD-C9")
    made = create_stations(rows=[outlet, centre], by=None, at=NOW, already_open=True)
    assert [station.code for station in made] == ["FD-O9", "FD-C9"]
    assert made[0].parent_id == made[1].pk
    assert {station.state for station in made} == {StationState.ACTIVE}
    assert AuditEntry.objects.get(action="station.created_many").after["count"] == 2


def test_many_are_created_in_few_statements(county, django_assert_max_num_queries):
    rows = [replace(OUTLET, code=f"FD-X{n}") for n in range(40)]
    with django_assert_max_num_queries(25):
        create_stations(rows=rows, by=None, at=NOW)


def test_one_bad_row_among_many_is_named_and_nothing_is_stored(county):
    rows = [replace(OUTLET, code="FD-X1"), replace(OUTLET, code="FD-X2", parent_code="FD-C1"), OUTLET]
    with pytest.raises(Refused) as refusal:
        create_stations(rows=rows, by=None, at=NOW)
    assert (refusal.value.code, refusal.value.pointer) == ("parent_of_other_township", "/1/parent_code")
    assert not Station.objects.filter(code__startswith="FD-X").exists()


@pytest.mark.parametrize(
    ("change", "code", "pointer", "words"),
    [
        ({"code": "FD-O1"}, "code_taken", "/code", "FD-O1"),
        ({"code": "F_9"}, "code_form", "/code", "2"),
        ({"parent_code": "FD-H1"}, "parent_of_wrong_level", "/parent_code", "丰都县级物流中心"),
        ({"parent_code": "FD-C1"}, "parent_of_other_township", "/parent_code", "虎威镇物流站"),
        ({"parent_code": "WZ-C1"}, "parent_of_other_county", "/parent_code", "小周镇物流站"),
        ({"parent_code": "FD-H1", "level": "HUB"}, "parent_not_wanted", "/parent_code", ""),
        ({"parent_code": ""}, "parent_missing", "/parent_code", ""),
        ({"parent_code": "NONE"}, "unknown_parent_code", "/parent_code", "NONE"),
        ({"region_code": "500230999999"}, "unknown_region_code", "/region_code", "500230999999"),
        ({"region_code": "500230102000"}, "region_of_wrong_level", "/region_code", "社坛镇"),
        ({"level": "SHED"}, "unknown_level", "/level", "SHED"),
        ({"owner_code": "NOBODY"}, "unknown_owner_code", "/owner_code", "NOBODY"),
        ({"brands": ("XX",)}, "unknown_brands", "/brands", "XX"),
        ({"services": ("magic",)}, "unknown_services", "/services", "magic"),
        ({"tenure": "temporary"}, "tenure_without_end", "/tenure_until", ""),
        ({"tenure_until": date(2027, 1, 1)}, "tenure_without_end", "/tenure_until", ""),
        ({"lng": 107.5}, "bad_point", "/lng", ""),
        ({"lng": 500, "lat": 2}, "bad_point", "/lng", ""),
        ({"cold_m3": -1}, "invalid_value", "/cold_m3", ""),
        ({"daily_capacity": -1}, "invalid_value", "/daily_capacity", ""),
        ({"name": ""}, "invalid_value", "/name", ""),
        ({"name": "长" * 81}, "invalid_value", "/name", ""),
        ({"host_kind": "castle"}, "invalid_value", "/host_kind", ""),
        ({"name": "a\x00b"}, "nul_character", "/name", ""),
        ({"address": "a\ud800b"}, "bad_unicode", "/address", ""),
    ],
)
def test_bad_input_gets_its_sentence(county, neighbour, change, code, pointer, words):
    with pytest.raises(Refused) as refusal:
        create_station(fields=replace(OUTLET, **change), by=None, at=NOW)
    assert (refusal.value.code, refusal.value.pointer) == (code, pointer)
    assert words in str(refusal.value.message)
    assert not Station.objects.filter(name=OUTLET.name).exists()


def test_an_exception_with_its_reason_is_kept(county):
    station = create_station(
        fields=replace(OUTLET, parent_code="FD-C1", exception_reason="桥断了，隔河较近"), by=None, at=NOW
    )
    assert station.parent_id == county.c1.pk


def test_nothing_new_stands_in_a_division_that_is_gone_or_hangs_on_a_closed_station(county):
    village = county.regions["v4"]
    village.valid_to = date(2026, 1, 1)
    village.save(update_fields=["valid_to"])
    with pytest.raises(Refused) as refusal:
        create_station(fields=OUTLET, by=None, at=NOW)
    assert refusal.value.code == "region_closed"
    Station.objects.filter(pk=county.c2.pk).update(state=StationState.CLOSED)
    with pytest.raises(Refused) as refusal:
        create_station(fields=replace(OUTLET, region_code="500230102200"), by=None, at=NOW)
    assert refusal.value.code == "parent_ended"
