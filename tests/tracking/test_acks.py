"""GET /devices/me/acks/: a verdict for each number the server has of a handheld, and the numbers it misses."""

import pytest
from django.db import connection
from django.test import Client

from common import clock
from stations.models import Device
from tests.conftest import NOW, make_device
from tests.tracking.scans import event_id, fold, record, scan
from tracking import device_queries, services
from tracking.models import SetAside, Upload

pytestmark = pytest.mark.django_db
URL = "/api/v1/devices/me/acks/"
TOKEN = "token-of-handheld-1"


@pytest.fixture
def handheld(county) -> Device:
    return make_device(county.h1, county.people["hub"], TOKEN)


def ask(after: object = None, *, token: str = TOKEN, language: str = "en"):
    query = {} if after is None else {"after_seq": after}
    headers = {"Authorization": f"Device {token}", "Accept-Language": language}
    return Client().get(URL, query, headers=headers)


def acks(after: object = None) -> dict:
    answer = ask(after)
    assert answer.status_code == 200, answer.content
    return answer.json()


def hub_in(seq: int, **more: object) -> dict[str, object]:
    return scan("HUB_IN", "FD-H1", seq=seq, **more)


def verdicts(body: dict) -> dict[int, str]:
    return {one["seq"]: one["status"] for one in body["results"]}


def test_a_handheld_that_sent_nothing(handheld):
    empty = {"results": [], "gaps": [], "highest_contiguous_seq": 0, "more": False}
    assert acks() == {"after_seq": -1, "up_to": -1, **empty}
    assert acks(7) == {"after_seq": 7, "up_to": 7, **empty}


def test_pending_then_applied(handheld):
    sent = [hub_in(1), hub_in(2)]
    record(handheld, *sent)
    body = acks(0)
    assert body == {
        "after_seq": 0,
        "up_to": 2,
        "results": [
            {"seq": n + 1, "event_id": sent[n]["event_id"], "status": "pending", "code": None, "detail": None}
            for n in range(2)
        ],
        "gaps": [],
        "highest_contiguous_seq": 2,
        "more": False,
    }
    fold()
    assert verdicts(acks(0)) == {1: "applied", 2: "applied"}
    assert verdicts(acks(1)) == {2: "applied"}
    nothing = acks(2)
    assert (nothing["up_to"], nothing["results"], nothing["highest_contiguous_seq"]) == (2, [], 2)


def test_each_verdict(handheld, county):
    other = make_device(county.h1, county.people["hub"], "token-of-handheld-2", name="PDA-2")
    sent_by_other = scan("HUB_IN", "FD-H1", seq=9)
    record(other, sent_by_other)
    mine = hub_in(1)
    record(
        handheld,
        mine,
        hub_in(2, type="NO_SUCH"),
        {**mine, "seq": 3, "reason": "other content"},
        {**sent_by_other, "seq": 9},
    )
    fold()
    body = acks(0)
    assert verdicts(body) == {1: "applied", 2: "invalid", 3: "conflict", 9: "duplicate"}
    by = {one["seq"]: one for one in body["results"]}
    assert [by[n]["code"] for n in (1, 2, 3, 9)] == [None, "unknown_type", "id_reused", "duplicate"]
    assert by[9]["event_id"] is None
    assert by[2]["event_id"]
    assert all(by[n]["detail"] for n in (2, 3, 9))
    assert body["gaps"] == [[4, 8]]
    assert body["highest_contiguous_seq"] == 3
    zh = ask(0, language="zh-hans").json()["results"][1]["detail"]
    assert any("\u4e00" <= ch <= "\u9fff" for ch in zh)


def test_the_same_number_refused_and_then_stored_is_applied(handheld):
    event = hub_in(1)
    record(handheld, {**event, "station": "NOWHERE"})
    assert verdicts(acks(0)) == {1: "invalid"}
    record(handheld, event)
    fold()
    assert verdicts(acks(0)) == {1: "applied"}
    record(handheld, {**event, "reason": "changed on the way"})
    assert verdicts(acks(0)) == {1: "conflict"}
    SetAside.objects.update(closed_at=NOW, close_reason="looked at")
    assert verdicts(acks(0)) == {1: "applied"}


def test_what_the_drain_set_aside_is_invalid_until_it_is_closed(handheld, monkeypatch):
    record(handheld, hub_in(1), hub_in(2, waybill_no="POISON-1"), hub_in(3))
    with connection.cursor() as cursor:  # a register that refuses this one parcel
        cursor.execute("ALTER TABLE orders_parcel ADD CONSTRAINT refuse CHECK (waybill_no <> 'POISON-1') NOT VALID")
    fold()
    assert SetAside.objects.get().code == "fold_failed"
    body = acks(0)
    assert verdicts(body) == {1: "applied", 2: "invalid", 3: "applied"}
    assert (body["results"][1]["code"], bool(body["results"][1]["detail"])) == ("fold_failed", True)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orders_parcel DROP CONSTRAINT refuse")
    SetAside.objects.update(closed_at=NOW, close_reason="let it stand")  # a person's word does not fold it
    assert verdicts(acks(0))[2] == "invalid"
    SetAside.objects.update(closed_at=None, close_reason="")
    assert services.replay_set_aside(set_aside_id=SetAside.objects.get().pk, by=None, at=NOW)
    assert verdicts(acks(0)) == {1: "applied", 2: "applied", 3: "applied"}


def test_gaps_from_the_first_number(handheld):
    record(handheld, hub_in(3), hub_in(4), hub_in(10_000))
    body = acks()
    assert (body["gaps"], body["highest_contiguous_seq"]) == ([[1, 2], [5, 9_999]], 0)
    assert acks(4)["gaps"] == [[5, 9_999]]
    assert acks(6)["gaps"] == [[7, 9_999]]
    record(handheld, hub_in(0))  # it counts from 0
    body = acks()
    assert (body["gaps"], verdicts(body)[0]) == ([[1, 2], [5, 9_999]], "pending")
    record(handheld, hub_in(1), hub_in(2))
    assert (acks()["gaps"], acks()["highest_contiguous_seq"]) == ([[5, 9_999]], 4)


def test_pages_of_five_hundred(handheld):
    for start in (1, 301, 601, 901):
        record(handheld, *(hub_in(n, waybill_no=f"PAGE-{n:05}") for n in range(start, start + 300) if n % 250))
    seen, gaps, after = [], [], 0
    for _page in range(9):
        body = acks(after)
        seen += [one["seq"] for one in body["results"]]
        gaps += body["gaps"]
        assert len(body["results"]) <= 500
        assert {one["status"] for one in body["results"]} == {"pending"}
        after = body["up_to"]
        if not body["more"]:
            break
    assert seen == [n for n in range(1, 1201) if n % 250]
    assert gaps == [[n, n] for n in (250, 500, 750, 1000)]
    assert _page == 2


def test_an_old_scan_in_a_much_newer_upload(handheld, monkeypatch):
    """Found although more uploads than one look takes lie between."""
    monkeypatch.setattr(device_queries, "_UPLOADS_FIRST", 3)
    record(handheld, hub_in(1), hub_in(2))
    for n in range(4, 10):
        record(handheld, hub_in(n))
    record(handheld, hub_in(3), hub_in(10))
    assert verdicts(acks(0)) == dict.fromkeys(range(1, 11), "pending")


def test_statements_do_not_grow(handheld, django_assert_max_num_queries):
    for start in range(1, 400, 40):
        record(handheld, *(hub_in(n) for n in range(start, start + 40)))
    with django_assert_max_num_queries(5):  # token, last seen, runs, set aside, events
        assert len(acks(0)["results"]) == 400


def test_uploads_are_found_by_their_numbers(handheld):
    """The plan of the one statement that could read a device's whole life."""
    from common import sql

    record(handheld, hub_in(1))
    assert Upload.objects.get().last_seq == 1
    params = {"device": handheld.pk, "county": "500230", "after": 0, "upto": 500, "uploads": 600}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + sql.statement("tracking", "ack_events"), params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "upload_by_seq" in plan
    assert "upload_id" in plan


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "1e3", "", "9" * 30, str(2**53), "٣"])
def test_a_bad_number_is_named(handheld, after):
    answer = ask(after)
    assert (answer.status_code, answer.json()["code"], answer.json()["pointer"]) == (
        400,
        "bad_parameter",
        "/after_seq",
    )
    assert answer["Content-Type"] == "application/problem+json"


def test_only_its_own(handheld, county, neighbour, sign_in):
    record(handheld, hub_in(1))
    make_device(neighbour.nh, neighbour.people["operator"], "token-of-neighbour")
    assert ask(0, token="token-of-neighbour").json()["results"] == []
    assert sign_in("hub").get(URL).status_code == 403
    assert Client().get(URL).status_code == 401
    Device.objects.filter(pk=handheld.pk).update(revoked_at=clock.now())
    assert ask(0).json()["code"] == "device_revoked"


def test_not_too_often(handheld):
    from common import limits

    assert ask(0).status_code == 200
    [slot] = [slot for slot in limits._local if slot.startswith(f"here:acks:{handheld.pk}:")]
    limits._local[slot] = 120
    limits._local[f"here:acks:{handheld.pk}:{int(slot.rsplit(':', 1)[1]) + 1}"] = 120  # the minute may turn
    answer = ask(0)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "too_often", "60")


def test_a_number_without_a_uuid_has_its_own_id_back(handheld):
    record(handheld, hub_in(1, event_id="not-a-uuid"), hub_in(2, event_id=event_id()))
    assert acks(0)["results"][0]["event_id"] == "not-a-uuid"
