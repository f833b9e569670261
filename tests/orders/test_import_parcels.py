"""The import's service: what becomes of a line, once, whatever happens meanwhile."""

import threading
from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import AuditEntry
from common.errors import NotAllowed
from orders.models import Parcel, Recipient
from orders.services import ImportResult, ParcelLine, create_unannounced_parcels, import_parcels
from tests.conftest import COUNTY, NEIGHBOUR, NOW, County, make_parcel, make_station

pytestmark = pytest.mark.django_db


def line(row: int = 2, **more: object) -> ParcelLine:
    said = {
        "carrier": "ZTO",
        "waybill_no": f"7319055310{row:04d}",
        "recipient": "王大锤",
        "phone": "13812341907",
        "village_code": "500230101200",
        "collected_at": NOW - timedelta(days=1),
        **more,
    }
    return ParcelLine(row=row, **said)


def run(lines: Iterable[ParcelLine], by: object = None, **more: object) -> ImportResult:
    return import_parcels(**{"county_code": COUNTY, "lines": lines, "at": NOW, "by": by, **more})


def test_lines_become_parcels_with_their_people(county: County):
    done = run([line(2), line(3, phone="138****1907", recipient="李**"), line(4, collected_at=None)])
    assert (done.lines, done.new, done.refused) == (3, 3, 0)
    parcel = Parcel.objects.get(waybill_no="73190553100002")
    assert (parcel.county_code, parcel.leg_no, parcel.state, parcel.announced) == (COUNTY, 1, "registered", True)
    assert parcel.destination == county.o1
    assert parcel.village == county.regions["v1"]
    person = parcel.recipient
    assert (person.name, person.phone) == ("王大锤", "13812341907")
    assert (person.name_masked, person.phone_masked, person.phone_tail) == ("王*锤", "138****1907", "1907")
    masked = Parcel.objects.get(waybill_no="73190553100003").recipient
    assert (masked.name, masked.name_masked, masked.phone_tail) == ("李**", "李**", "1907")
    with connection.cursor() as cursor:  # nobody who reads the table alone learns a name
        cursor.execute("SELECT name || phone FROM orders_recipient")
        assert all("王".encode() not in bytes(row[0]) for row in cursor.fetchall())


def test_a_dry_run_writes_nothing(county: County):
    done = run([line(2), line(3)], dry_run=True)
    assert done.new == 2
    assert not Parcel.objects.exists()


def test_the_same_lines_again_are_already_there(county: County):
    run([line(2), line(3)])
    again = run([line(2), line(3, phone="138****1907", collected_at=None)], at=NOW + timedelta(hours=1))
    assert (again.new, again.same, again.refused) == (0, 2, 0)
    assert Recipient.objects.get(parcel__waybill_no="73190553100003").phone == "13812341907"  # not "fixed" to a mask


def test_other_content_is_listed_and_taken_over_only_on_request(county: County):
    run([line(2)])
    other = line(2, phone="13900002222", village_code="500230101201")
    later = {"at": NOW + timedelta(hours=1)}
    listed = run([other], **later)
    assert [p.code for p in listed.problems] == ["changed"]
    assert Recipient.objects.get().phone == "13812341907"
    done = run([other], by=county.people["township"], update_changed=True, **later)
    assert done.updated == 1
    parcel = Parcel.objects.get()
    assert (parcel.destination, parcel.recipient.phone_tail) == (county.o2, "2222")
    entry = AuditEntry.objects.get(action="parcel.updated_by_import")
    assert entry.actor == county.people["township"]
    assert "13900002222" not in str(entry.after)
    assert entry.after["phone"] == "139****2222"


def test_a_parcel_known_from_scans_is_filled_in(county: County):
    create_unannounced_parcels(county_code=COUNTY, keys=[("ZTO", "73190553100002")], at=NOW - timedelta(hours=3))
    done = run([line(2)])
    assert (done.new, done.filled) == (0, 1)
    parcel = Parcel.objects.get()
    assert parcel.announced
    assert (parcel.destination, parcel.recipient.name_masked) == (county.o1, "王*锤")


def test_a_parcel_whose_way_ended_keeps_its_recipient(county: County):
    parcel = make_parcel(county, "73190553100002")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_parcel SET t_k = '\\x01', t_state = 'delivered' WHERE id = %s", [parcel.pk])
    done = run([line(2)], update_changed=True)
    assert [p.code for p in done.problems] == ["parcel_ended"]


@pytest.mark.parametrize(
    ("more", "column", "code"),
    [
        ({"carrier": "NOBODY"}, "carrier", "unknown_carrier"),
        ({"waybill_no": "123"}, "waybill", "waybill_form"),
        ({"village_code": "500230999999"}, "village", "unknown_village"),
        ({"village_code": "500230101000"}, "village", "not_a_village"),
        ({"village_code": "500101101200"}, "village", "other_county"),
        ({"station_code": "FD-O2"}, "station", "unknown_station"),
    ],
)
def test_a_bad_line_is_named_and_the_good_rest_is_kept(
    county: County, neighbour: County, more: dict[str, object], column: str, code: str
):
    done = run([line(2, **more), line(3)])
    assert [(p.row, p.column, p.code) for p in done.problems] == [(2, column, code)]
    assert done.problems[0].detail
    assert Parcel.objects.get().waybill_no == "73190553100003"


def test_a_closed_division_is_refused(county: County):
    region = county.regions["v1"]
    region.valid_to = NOW.date()
    region.save()
    assert [p.code for p in run([line(2)]).problems] == ["village_closed"]


def test_a_waybill_twice_names_the_first_row(county: County):
    done = run([line(2), line(3, waybill_no="73190553100002"), line(4, waybill_no="73190553100002", carrier="YTO")])
    assert [(p.row, p.code, p.args["first"]) for p in done.problems] == [(3, "twice_in_file", 2)]
    assert done.new == 2  # another carrier's number is another parcel


def test_a_village_without_outlet_goes_to_the_township_centre(county: County):
    done = run([line(2, village_code="500230102201")])
    assert Parcel.objects.get().destination == county.c2
    assert [n.code for n in done.notes] == ["no_outlet"]


def test_two_outlets_in_one_village_are_not_guessed_between(county: County):
    second = make_station("FD-O9", "大池村二点", "OUTLET", county.regions["v1"], county.c1)
    done = run([line(2), line(3, station_code="FD-O9")])
    assert [p.code for p in done.problems] == ["outlet_ambiguous"]
    assert Parcel.objects.get().destination == second
    second.brands.create(carrier_id=Parcel.objects.get().carrier.pk)
    assert run([line(4)]).new == 1  # only one of them handles this carrier


@pytest.mark.parametrize(
    ("who", "rows"),
    [
        ("operator", ["o1"]),  # the station
        ("centre", ["o1", "o2"]),  # what hangs below it
        ("township", ["o1", "o2"]),
        ("carrier", ["o1", "o2", "o3"]),  # its own parcels, the county over
    ],
)
def test_everyone_announces_within_their_scope(county: County, who: str, rows: list[str]):
    villages = {"o1": "500230101200", "o2": "500230101201", "o3": "500230102200"}
    lines = [line(i, village_code=code) for i, code in enumerate(villages.values(), 2)]
    done = run([*lines, line(9, carrier="YTO", village_code="500230102200")], by=county.people[who])
    assert sorted(Parcel.objects.values_list("destination__code", flat=True)) == [county.stations[s].code for s in rows]
    assert {p.code for p in done.problems} == {"out_of_scope"}


def test_a_parcel_bound_for_elsewhere_is_not_drawn_in(county: County):
    run([line(2, village_code="500230102200")])
    later = NOW + timedelta(hours=1)
    done = run([line(2)], by=county.people["operator"], update_changed=True, at=later)
    assert [p.code for p in done.problems] == ["out_of_scope"]
    assert Parcel.objects.get().destination == county.o3


@pytest.mark.parametrize("who", ["officer", "auditor", "courier", "admin"])
def test_the_wrong_role_is_refused(county: County, who: str):
    with pytest.raises(NotAllowed):
        run([line(2)], by=county.people[who])


def test_the_neighbour_is_refused(county: County, neighbour: County):
    with pytest.raises(NotAllowed):
        run([line(2)], by=neighbour.people["operator"])
    with pytest.raises(NotAllowed):
        run([line(2)], by=county.people["operator"], county_code=NEIGHBOUR)


def test_a_killed_run_starts_again_and_each_row_is_once(county: County):
    lines = [line(row) for row in range(2, 12)]

    class Killed(Exception):
        pass

    def kill(total: ImportResult, _part: ImportResult) -> None:
        if total.lines >= 6:
            raise Killed

    with pytest.raises(Killed):
        run(lines, on_chunk=kill, chunk_size=3)
    assert Parcel.objects.count() == 6
    done = run(lines)  # the job keeps its `at`
    assert (done.new, done.same, Parcel.objects.count()) == (10, 0, 10)


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_write_each_parcel_once(county: County):
    lines = [line(row) for row in range(2, 402)]
    results: list[ImportResult] = []

    def work(order: int, hours: int) -> None:
        try:
            results.append(run(lines[::order], at=NOW + timedelta(hours=hours)))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(order, hours)) for order, hours in ((1, 0), (-1, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(r.new for r in results) == 400
    assert sum(r.same for r in results) == 400
    assert Parcel.objects.count() == Recipient.objects.count() == 400


def test_volume_and_goods_are_taken_over_and_an_empty_cell_says_nothing(county: County):
    run([line(volume_ml=12_500, goods_class="frozen")])
    parcel = Parcel.objects.get()
    assert (parcel.volume_ml, parcel.goods_class) == (12_500, "frozen")
    later = NOW + timedelta(hours=1)
    assert run([line()], at=later).same == 1  # a file without these columns
    changed = run([line(goods_class="normal")], at=later)
    assert (changed.refused, changed.problems[0].args["columns"]) == (1, "货物类别")
    assert run([line(goods_class="normal")], at=later, update_changed=True).updated == 1
    parcel.refresh_from_db()
    assert (parcel.volume_ml, parcel.goods_class) == (12_500, "normal")
