"""GET /expected/: what a handheld's station may expect, whole and as what changed, never missing a late commit."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client

from common import clock
from orders.models import Parcel, Redirect
from orders.rules import ParcelLine
from orders.services import import_parcels
from settlement.services import settle
from stations.states import StationLevel
from tests.conftest import NOW, make_device, make_station
from tests.tracking.scans import fold, record, scan

URL = "/api/v1/expected/"
V1, V2, V3 = "500230101200", "500230101201", "500230102200"
A, B, C = "73190553102501", "73190553102502", "73190553102503"


@pytest.fixture
def devices(county) -> dict[str, object]:
    """A handheld at every station, its token the station's short name."""
    return {name: make_device(row, county.people["hub"], name, name=name) for name, row in county.stations.items()}


def line(waybill_no: str, village: str, row: int = 1) -> ParcelLine:
    return ParcelLine(
        row=row,
        carrier="ZTO",
        waybill_no=waybill_no,
        village_code=village,
        recipient="张三丰",
        phone="13812341907",
        collected_at=None,
        weight_g=500,
        station_code="",
    )


def announce(county, *lines: ParcelLine, update: bool = False) -> None:
    result = import_parcels(county_code=county.code, lines=list(lines), at=clock.now(), by=None, update_changed=update)
    assert not result.problems, result.problems


def ask(token: str, **query: object):
    return Client().get(URL, query, headers={"Authorization": f"Device {token}", "Accept-Language": "en"})


def expected(token: str, **query: object) -> dict:
    answer = ask(token, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def waybills(body: dict, part: str = "results") -> list[str]:
    return sorted(row["waybill_no"] for row in body[part])


@pytest.mark.django_db
def test_bound_for_the_station_or_below_it(county, devices):
    announce(county, line(A, V1, 1), line(B, V2, 2), line(C, V3, 3))
    for token, found in (("o1", [A]), ("o2", [B]), ("c1", [A, B]), ("c2", [C]), ("h1", [A, B, C])):
        body = expected(token)
        assert waybills(body) == found, token
        assert (body["full"], body["gone"], body["next"]) == (True, [], None)
        assert body["since"]
    body = expected("o1")
    assert set(body) == {"station", "full", "results", "gone", "next", "since"}
    assert body["station"] == "FD-O1"
    [row] = body["results"]
    assert row["recipient"] == {"name": "张*丰", "phone": "138****1907"}
    assert (row["state"], row["destination"], row["station"]) == ("registered", "FD-O1", None)


@pytest.mark.django_db
def test_expected_until_it_is_there(county, devices):
    announce(county, line(A, V1))
    steps = [  # what happens, and who still expects it
        (("HUB_IN", "FD-H1"), {"c1", "o1"}),
        (("LOADED", "FD-H1"), {"c1", "o1"}),
        (("UNLOADED", "FD-C1"), {"o1"}),
        (("LOADED", "FD-C1"), {"o1"}),
        (("OUTLET_IN", "FD-O2"), set()),  # the wrong shelf: somebody must look, nobody expects it
        (("LOADED", "FD-O2"), {"o1"}),
        (("OUTLET_IN", "FD-O1"), set()),
        (("RETURNING", "FD-O1"), set()),
        (("SIGNED_PICKUP", "FD-O1"), set()),
    ]
    assert {token for token in devices if waybills(expected(token))} == {"h1", "c1", "o1"}
    for minute, ((node, station), who) in enumerate(steps):
        at = NOW + timedelta(minutes=minute)
        record(devices["h1"], scan(node, station, at, waybill_no=A), at=at)
        fold(at)
        assert {token for token in devices if waybills(expected(token))} == who, (node, station)


@pytest.mark.django_db
def test_only_what_changed(county, devices):
    announce(county, line(A, V1, 1), line(B, V2, 2))
    since = expected("c1")["since"]
    body = expected("c1", since=since)
    assert body["full"] is False
    since = body["since"]
    announce(county, line(C, V1))
    record(devices["h1"], scan("HUB_IN", "FD-H1", waybill_no=B), scan("HUB_IN", "FD-H1", waybill_no=A))
    fold()
    record(devices["c1"], scan("UNLOADED", "FD-C1", waybill_no=A))
    fold(NOW + timedelta(minutes=1))
    body = expected("c1", since=since)
    assert {B, C} <= set(waybills(body))
    assert A not in waybills(body)
    [gone] = [row for row in body["gone"] if row["waybill_no"] == A]
    assert gone == {"carrier": "ZTO", "waybill_no": A, "state": "at_centre"}


@pytest.mark.django_db
def test_filled_in_and_redirected_by_an_import(county, devices):
    """A parcel known from scans comes with its import; one announced for another village is gone from the first."""
    record(devices["h1"], scan("HUB_IN", "FD-H1", waybill_no=A))
    fold()
    assert waybills(expected("o1")) == []
    since = {token: expected(token)["since"] for token in ("o1", "o2", "c1", "o3")}
    announce(county, line(A, V1))
    assert waybills(expected("o1", since=since["o1"])) == [A]
    announce(county, line(A, V2), update=True)
    assert Redirect.objects.get().former_id == county.o1.pk
    body = expected("o1", since=since["o1"])
    assert (waybills(body), waybills(body, "gone")) == ([], [A])
    for token in ("o2", "c1"):
        body = expected(token, since=since[token])
        assert (waybills(body), body["gone"]) == ([A], []), token
    body = expected("o3", since=since["o3"])
    assert (body["results"], body["gone"]) == ([], [])


@pytest.mark.django_db
def test_pages_whole_and_changed(county, devices):
    numbers = [f"7319055310{n:04}" for n in range(23)]
    before = expected("h1")["since"]
    announce(county, *(line(number, V1, n) for n, number in enumerate(numbers)))
    for start in ({}, {"since": before}):
        seen, query, pages = [], {**start, "limit": 5}, 0
        while True:
            body = expected("h1", **query)
            assert body["full"] is not bool(start)
            assert (body["next"] is None) is (body["since"] is not None)
            seen += waybills(body)
            pages += 1
            if body["next"] is None:
                break
            query = {"cursor": body["next"], "limit": 5}
        assert (sorted(seen), pages) == (numbers, 5)
    assert len(expected("h1", limit=500_000)["results"]) == 23


@pytest.mark.django_db
def test_a_cursor_that_no_longer_serves_begins_anew(county, devices, monkeypatch):
    announce(county, line(A, V1))
    since = expected("c1")["since"]
    xid, second, mark = since.split(".")
    for old in (
        f"{xid}.{int(second) - 25 * 3600}.{mark}",  # a day old
        f"{xid}.{int(second) + 3600}.{mark}",  # from the future
        f"{10**17}.{second}.{mark}",  # of a database that counted further
        f"{xid}.{second}.00000000",  # of other stations
    ):
        body = expected("c1", since=old)
        assert (body["full"], waybills(body)) == (True, [A]), old
    make_station("FD-O9", "新村服务点", StationLevel.OUTLET, county.regions["v2"], county.c1)
    assert expected("c1", since=since)["full"] is True


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        *(
            {"since": text}
            for text in ("", "x", "1", "1.2.3", "1.2.abcdefgh", "9" * 40, "1.2.0000000a.f.0.1", "' OR 1")
        ),
        *({"cursor": text} for text in ("", "x", "1.2.0000000a", "1.2.0000000a.g.0.1")),
        *({"limit": text} for text in ("0", "-1", "x", "1e9")),
        {"since": "1.2.0000000a", "cursor": "1.2.0000000a.f.0.1"},
    ],
)
def test_a_bad_parameter_is_named(county, devices, query):
    answer = ask("o1", **query)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    assert answer.json()["pointer"] == "/" + next(iter(query))


@pytest.mark.django_db
def test_who_may_ask(county, devices, neighbour, sign_in):
    announce(county, line(A, V1))
    make_device(neighbour.nh, neighbour.people["operator"], "token-of-neighbour")
    assert expected("token-of-neighbour")["results"] == []
    assert sign_in("operator").get(URL).status_code == 403
    assert Client().get(URL).status_code == 401


@pytest.mark.django_db
def test_statements_do_not_grow(county, devices, django_assert_max_num_queries):
    announce(county, *(line(f"7319055310{n:04}", V1, n) for n in range(50)))
    with django_assert_max_num_queries(5):  # token, last seen, stations, snapshot, parcels
        assert len(expected("h1")["results"]) == 50


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_comes_with_the_next_answer(county, devices):
    """A transaction that took its number before an answer and commits after it; a faster one in between."""
    announce(county, line(A, V1))
    since = expected("o1")["since"]
    ready, go = threading.Event(), threading.Event()

    def slow_import() -> None:
        try:
            with transaction.atomic():
                announce(county, line(B, V1))
                ready.set()
                go.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=slow_import)
    thread.start()
    assert ready.wait(20)
    announce(county, line(C, V1))
    body = expected("o1", since=since)
    go.set()
    thread.join()
    assert C in waybills(body)
    assert B not in waybills(body)
    assert B in waybills(expected("o1", since=body["since"]))


@pytest.mark.django_db
def test_settlement_passes_over_what_imports_stamp(county, devices):
    announce(county, line(A, V1, 1), line(B, V2, 2))
    assert Parcel.objects.filter(folded_in__isnull=True).count() == 0
    result = settle(at=NOW)
    assert (result.accrued, result.reversed, result.no_policy) == (0, 0, 0)
    record(devices["o1"], scan("SIGNED_PICKUP", "FD-O1", waybill_no=C))
    fold()
    announce(county, line(C, V1))
    assert settle(at=NOW).accrued == 0
