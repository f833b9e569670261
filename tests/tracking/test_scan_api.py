"""The scan protocol by URL with real tokens: what is answered, what is kept, and that nothing is ever a 500."""

import gzip
import hashlib
import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from common import clock
from orders.models import Parcel
from stations.models import Device
from tests.conftest import make_device, make_parcel
from tests.tracking.scans import WAYBILL, event_id, scan
from tracking import services
from tracking.models import ScanEvent, SetAside, Upload

pytestmark = pytest.mark.django_db
URL = "/api/v1/scan-batches/"
TOKEN = "token-of-handheld-1"


@pytest.fixture
def handheld(county) -> Device:
    return make_device(county.h1, county.people["hub"], TOKEN)


def post(body: object, *, token: str = TOKEN, content_type: str = "application/json", **headers: str):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = {"CONTENT_TYPE": content_type, "HTTP_AUTHORIZATION": f"Device {token}", "HTTP_ACCEPT_LANGUAGE": "en"}
    return Client().generic("POST", URL, data, content_type, **(extra | headers))


def batch(*events: object, **more: object) -> dict[str, object]:
    return {"batch_id": str(uuid4()), "device_now": clock.now().isoformat(), "events": list(events), **more}


def fresh(kind: str = "HUB_IN", station: str = "FD-H1", **more: object) -> dict[str, object]:
    return scan(kind, station, clock.now(), **more)


def test_the_answer_names_only_what_was_not_plainly_accepted(handheld):
    events = [fresh(seq=1), fresh("LOADED", seq=2), fresh("NO_SUCH", seq=3)]
    sent = batch(*events)
    answer = post(sent)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"batch_id", "received_at", "server_now", "accepted", "exceptions", "highest_contiguous_seq"}
    assert (body["batch_id"], body["accepted"], body["highest_contiguous_seq"]) == (sent["batch_id"], 2, 3)
    [one] = body["exceptions"]
    assert one.pop("detail")
    assert one == {
        "index": 2,
        "event_id": events[2]["event_id"],
        "status": "invalid",
        "code": "unknown_type",
        "pointer": "/events/2/type",
    }
    again = post(sent).json()
    assert (again["accepted"], [e["status"] for e in again["exceptions"]]) == (0, ["duplicate", "duplicate", "invalid"])
    assert SetAside.objects.count() == 1
    services.fold_waiting(at=clock.now())
    assert Parcel.objects.get().state == "in_transit"


def test_gzip_bom_and_utf16_are_read(handheld):
    plain = json.dumps(batch(fresh()), ensure_ascii=False).encode()
    for body, headers in (
        (gzip.compress(plain), {"HTTP_CONTENT_ENCODING": "gzip"}),
        (gzip.compress(plain[:50]) + gzip.compress(plain[50:]), {"HTTP_CONTENT_ENCODING": "gzip"}),
        (b"\xef\xbb\xbf" + plain, {}),
        (plain.decode().encode("utf-16"), {"content_type": "application/json; charset=utf-16"}),
        (plain, {"content_type": 'application/json; charset="UTF-8"'}),
    ):
        assert post(body, **headers).status_code == 200


NESTED = b'{"events": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
WHOLE = [  # body, headers, status, code; kept raw where True
    (b'{"events": [{"event_id"', {}, 400, "json_unreadable", True),
    (b"", {}, 400, "json_unreadable", True),
    (b"not json", {}, 400, "json_unreadable", True),
    (b'{"events": ["a\x00b"]}', {}, 400, "json_unreadable", True),
    (b'{"events": [' + b"[" * 17 + b"]" * 17 + b"]}", {}, 400, "json_too_deep", True),
    (NESTED, {}, 400, "json_too_deep", True),
    (b"[]", {}, 400, "events_missing", True),
    (b"null", {}, 400, "events_missing", True),
    (b'{"events": {}}', {}, 400, "events_missing", True),
    (b'{"events": [], "events": []}', {}, 400, "duplicate_key", True),
    (b'{"events": [], "batch_id": 7}', {}, 400, "batch_id_format", True),
    (b'{"events": [], "device_now": "2026-11-20T12:00:00"}', {}, 400, "time_zone_missing", False),
    (b'{"events": [], "device_now": 5}', {}, 400, "time_format", False),
    ('{"events": ["张"]}'.encode("gbk"), {}, 400, "bad_encoding", True),
    (b"\x1f\x8b broken", {"HTTP_CONTENT_ENCODING": "gzip"}, 400, "gzip_broken", True),
    (gzip.compress(b'{"events": []}')[:-9], {"HTTP_CONTENT_ENCODING": "gzip"}, 400, "gzip_broken", True),
    (b"", {"HTTP_CONTENT_ENCODING": "gzip"}, 400, "gzip_broken", True),
    (gzip.compress(b" " * 5_000_000), {"HTTP_CONTENT_ENCODING": "gzip"}, 413, "batch_too_large", False),
    (b" " * 600_000, {}, 413, "batch_too_large", False),
    (json.dumps({"events": [{}] * 501}).encode(), {}, 413, "batch_too_large", False),
    (b"{}", {"content_type": "text/plain"}, 415, "unsupported_media_type", False),
    (b"{}", {"content_type": "application/json; charset=bogus"}, 415, "charset", False),
    (b"{}", {"HTTP_CONTENT_ENCODING": "br"}, 415, "content_encoding", False),
]


@pytest.mark.parametrize("case", range(len(WHOLE)))
def test_a_body_that_cannot_be_read_is_refused_and_kept(handheld, case):
    body, headers, status, code, kept = WHOLE[case]
    answer = post(body, **headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["detail"]
    if status == 413:
        assert problem["limits"]["max_events"] == 500
    if code == "bad_encoding":
        assert problem["offset"] == 13
    rows = list(SetAside.objects.all())
    assert len(rows) == kept
    if kept:
        assert (rows[0].pk, rows[0].code) == (problem["quarantine_id"], "unreadable")
        assert bytes(rows[0].raw) == body[:65_536]
        assert bytes(rows[0].raw_digest) == hashlib.sha256(body).digest()
        assert post(body, **headers).json()["quarantine_id"] == rows[0].pk  # the same again adds nothing
    assert not ScanEvent.objects.exists()


def test_fifty_unreadable_bodies_a_day_are_kept(handheld):
    for n in range(50):
        services.keep_unreadable(device=handheld, raw=b"%d" % n, received_at=clock.now())
    assert post(b"garbage").json()["quarantine_id"] is None
    assert SetAside.objects.count() == 50


BAD = [  # change to a good event, code, key
    ({"reason": "a\x00b"}, "nul_character", "reason"),
    ({"note": "a\x00b"}, "nul_character", "note"),
    ({"reason": "\ud800"}, "bad_unicode", "reason"),
    ({"waybill_no": 73190553102532}, "text_expected", "waybill_no"),
    ({"carrier": 7}, "text_expected", "carrier"),
    ({"station": ["FD-H1"]}, "text_expected", "station"),
    ({"trip": True}, "text_expected", "trip"),
    ({"type": "ARRIVE"}, "unknown_type", "type"),
    ({"type": 3}, "text_expected", "type"),
    ({"type": None}, "missing", "type"),
    ({"event_id": 1}, "event_id_format", "event_id"),
    ({"event_id": None}, "event_id_format", "event_id"),
    ({"event_id": "00000000-0000-0000-0000-000000000000"}, "event_id_format", "event_id"),
    ({"event_id": "{0190aaaa-0000-7000-8000-000000000001}"}, "event_id_format", "event_id"),
    ({"occurred_at": "2026-11-20T12:00:00"}, "time_zone_missing", "occurred_at"),
    ({"occurred_at": "yesterday"}, "time_format", "occurred_at"),
    ({"occurred_at": "2026-02-30T12:00:00Z"}, "time_format", "occurred_at"),
    ({"occurred_at": 1763611200}, "time_format", "occurred_at"),
    ({"occurred_at": None}, "missing", "occurred_at"),
    ({"lat": "nan"}, "lat_range", "lat"),
    ({"lat": True}, "lat_range", "lat"),
    ({"lat": 91}, "lat_range", "lat"),
    ({"lng": -180.5}, "lng_range", "lng"),
    ({"lng": float("nan")}, "not_a_number", "lng"),
    ({"lng": float("inf")}, "not_a_number", "lng"),
    ({"waybill_no": "12345"}, "code_format", "waybill_no"),
    ({"waybill_no": "https://example.org/q?w=7319"}, "code_format", "waybill_no"),
    ({"waybill_no": "'; DROP TABLE orders_parcel; --"}, "code_format", "waybill_no"),
    ({"waybill_no": "7" * 4096}, "code_format", "waybill_no"),
    ({"waybill_no": "\u202e\u200b"}, "code_format", "waybill_no"),
    ({"waybill_no": None}, "missing", "waybill_no"),
    ({"carrier": None}, "missing", "carrier"),
    ({"carrier": "NOPE"}, "carrier_unknown", "carrier"),
    ({"station": "NOWHERE"}, "station_not_yours", "station"),
    ({"station": "WZ-O1"}, "station_not_yours", "station"),
    ({"station": None}, "missing", "station"),
    ({"method": "guess"}, "method_unknown", "method"),
    ({"type": "HANDOVER"}, "missing", "side"),
    ({"type": "HANDOVER", "side": "both"}, "side_unknown", "side"),
    ({"seq": -1}, "seq_range", "seq"),
    ({"seq": 1.5}, "seq_range", "seq"),
    ({"seq": True}, "seq_range", "seq"),
    ({"seq": 10**30}, "seq_range", "seq"),
    ({"seq": 10**5000}, "not_a_number", "seq"),
    ({"reason": "x" * 121}, "too_long", "reason"),
    ({"type": "BAGGED"}, "missing", "bag"),
    ({"type": "CORRECTION"}, "missing", "corrects"),
    ({"type": "CORRECTION", "corrects": "x"}, "event_id_format", "corrects"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_a_bad_event_is_kept_beside_and_the_rest_is_stored(handheld, neighbour, case):
    change, code, key = BAD[case]
    event = fresh(reason="why") | change
    event = {name: value for name, value in event.items() if value is not None}
    if change.get("seq") == 10**5000:
        text = json.dumps(batch(fresh(), event | {"seq": 77})).replace(": 77", ": 1" + "0" * 5000)
        answer = post(text.encode())
    else:
        answer = post(batch(fresh(), event))
    body = answer.json()
    assert answer.status_code == 200, body
    assert body["accepted"] == 1
    [one] = body["exceptions"]
    assert (one["index"], one["status"], one["code"]) == (1, "invalid", code)
    assert one["pointer"] == f"/events/1/{key}"
    assert one["detail"]
    kept = SetAside.objects.get()
    assert (kept.code, kept.verdict, kept.position, kept.device_id) == (code, "invalid", 1, handheld.pk)
    if code != "not_a_number":
        assert json.loads(bytes(kept.raw)) == event  # byte by byte as it came


def test_odd_json_inside_an_event(handheld):
    good = json.dumps(fresh())
    twice = good[:-1] + ', "type": "LOADED"}'
    huge = json.dumps(fresh())[:-1] + ', "lat": 1e400}'
    body = f'{{"x": [1, {{"events": 2}}], "events": [{good} , {twice},{huge}, 7, null, "text", []], "z": 1}}'
    answer = post(body.encode()).json()
    assert answer["accepted"] == 1
    assert [(e["index"], e["code"]) for e in answer["exceptions"]] == [
        (1, "duplicate_key"),
        (2, "not_a_number"),
        (3, "not_an_object"),
        (4, "not_an_object"),
        (5, "not_an_object"),
        (6, "not_an_object"),
    ]
    assert bytes(SetAside.objects.get(code="duplicate_key").raw).decode() == twice


def test_what_is_odd_but_good(handheld):
    """A v4 id, no fix, an unknown key, lower case and full width, a clock in 2099, seq that leaps: all accepted."""
    body = post(
        batch(
            fresh(event_id=str(uuid4()), seq=10_000),
            fresh(lat=0, lng=0),
            fresh(colour="red", nested={"a": [1]}),
            fresh(waybill_no=" zto-\u200b７３１９０ 5"),
            fresh(occurred_at="2099-01-01T00:00:00+14:00"),
            fresh(occurred_at="1970-01-01t00:00:00z"),
            fresh(carrier="zto"),
            {**fresh(), "event_id": event_id(clock.now()).upper()},
        )
    ).json()
    assert (body["accepted"], body["exceptions"], body["highest_contiguous_seq"]) == (8, [], 0)
    assert ScanEvent.objects.filter(waybill_no="ZTO-731905").exists()
    assert ScanEvent.objects.filter(untrusted=True).count() == 2


def test_who_may_send(handheld, county, sign_in):
    assert post(batch(), token="nobody").json()["code"] == "token_unknown"
    assert Client().post(URL, b"{}", content_type="application/json").status_code == 401
    for header in ("Device", "Bearer x", "Device a b", "Device ä", "Device " + "x" * 8000):
        answer = Client().post(URL, b"{}", content_type="application/json", HTTP_AUTHORIZATION=header)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_unreadable"), header[:20]
    assert sign_in("operator").post(URL, b"{}", content_type="application/json").status_code == 403
    assert Client().get(URL, HTTP_AUTHORIZATION=f"Device {TOKEN}").status_code == 405
    assert post(batch(fresh())).status_code == 200
    Device.objects.filter(pk=handheld.pk).update(revoked_at=clock.now())
    answer = post(batch(fresh()))
    assert (answer.status_code, answer.json()["code"]) == (401, "device_revoked")
    assert ScanEvent.objects.count() == 1


def test_six_hundred_uploads_a_minute(handheld):
    from common import limits

    answer = post(batch())
    slots = [slot for slot in limits._local if slot.startswith(f"here:scans:{handheld.pk}:")]
    for slot in slots:
        limits._local[slot] = 600
    limits._local[f"here:scans:{handheld.pk}:{int(slots[0].rsplit(':', 1)[1]) + 1}"] = 600  # the minute may turn
    answer = post(batch())
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "too_often", "60")


def test_sentences_come_in_the_readers_language(handheld):
    answer = Client().post(
        URL,
        json.dumps(batch(fresh("NO_SUCH"))),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Device {TOKEN}",
        HTTP_ACCEPT_LANGUAGE="zh-hans",
    )
    assert any("\u4e00" <= ch <= "\u9fff" for ch in answer.json()["exceptions"][0]["detail"])


def test_statements_of_an_upload_do_not_grow(handheld, django_assert_max_num_queries):
    post(batch())
    with django_assert_max_num_queries(8):  # token, stations, carriers, savepoint, events, sequence, release
        assert post(batch(*(fresh(seq=n) for n in range(1, 200)))).json()["accepted"] == 199


@pytest.mark.django_db(transaction=True)
def test_thirty_two_identical_uploads_at_once_store_each_event_once(county):
    make_device(county.h1, county.people["hub"], TOKEN)
    services.make_partitions(at=clock.now())
    sent = json.dumps(batch(*(fresh(seq=n, waybill_no=f"MANY-{n:04}") for n in range(1, 101)))).encode()
    ready, answers = threading.Barrier(32), []

    def send() -> None:
        ready.wait()
        try:
            answers.append(post(sent))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(32)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [a.status_code for a in answers] == [200] * 32
    assert sum(a.json()["accepted"] for a in answers) == 100
    assert all(a.json()["accepted"] + len(a.json()["exceptions"]) == 100 for a in answers)
    assert {a.json()["highest_contiguous_seq"] for a in answers} == {100}
    assert ScanEvent.objects.count() == 100
    assert Upload.objects.filter(folded_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_several_workers_drain_at_once(county):
    devices = [make_device(county.h1, county.people["hub"], f"t-{n}") for n in range(4)]
    for n in range(24):
        events = [
            scan(kind, "FD-H1", clock.now() - timedelta(minutes=(7 * n + m) % 50), waybill_no=f"MANY-{m % 20:04}")
            for m, kind in enumerate(("HUB_IN", "LOADED", "UNLOADED") * 14)
        ]
        services.record_scans(
            sender=services.sender_for_device(devices[n % 4]),
            batch_id=None,
            device_now=None,
            events=events,
            received_at=clock.now(),
        )
    ready, folded, errors = threading.Barrier(4), [], []

    def work() -> None:
        ready.wait()
        try:
            folded.append(services.fold_waiting(at=clock.now()))
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not errors
    assert sum(folded) == 24
    assert Parcel.objects.count() == 20
    before = list(Parcel.objects.order_by("pk").values("s_k", "c_k", "h_k", "l_k", "t_k", "f_k", "state"))
    services.refold_parcels(
        county_code=county.code, parcel_ids=list(Parcel.objects.values_list("pk", flat=True)), at=clock.now()
    )
    after = list(Parcel.objects.order_by("pk").values("s_k", "c_k", "h_k", "l_k", "t_k", "f_k", "state"))
    assert before == after


# --- reading ---------------------------------------------------------------------------------------------


@pytest.fixture
def known(county, handheld):
    row = make_parcel(county)
    make_parcel(county, "73190553102599", village="v3", destination="o3")
    post(batch(fresh("HUB_IN", "FD-H1"), fresh("OUTLET_IN", "FD-O1", pickup_code="1-2-3")))
    services.fold_waiting(at=clock.now())
    return row


def test_a_parcel_by_its_waybill(known, sign_in):
    answer = sign_in("operator").get("/api/v1/parcels/", {"carrier": "ZTO", "waybill_no": WAYBILL, "unknown": "x"})
    assert answer.status_code == 200, answer.content
    [row] = answer.json()["results"]
    assert (row["id"], row["state"], row["station"], row["destination"]) == (known.pk, "at_outlet", "FD-O1", "FD-O1")
    assert row["recipient"]["phone"] == "138****1907"
    assert "13812341907" not in answer.content.decode()
    assert sign_in("operator").get(f"/api/v1/parcels/{known.pk}/").json()["id"] == known.pk


def test_the_neighbour_sees_nothing(known, sign_in, neighbour):
    for person in ("operator2", neighbour.people["operator"], neighbour.people["officer"]):
        client = sign_in(person)
        assert client.get("/api/v1/parcels/", {"waybill_no": WAYBILL}).json()["results"] == []
        for path in (f"/api/v1/parcels/{known.pk}/", f"/api/v1/parcels/{known.pk}/events/"):
            assert client.get(path).status_code == 404
    assert sign_in("admin").get("/api/v1/parcels/").status_code == 403
    assert Client().get("/api/v1/parcels/").status_code == 401


def test_a_handheld_reads_what_its_station_may(known, county):
    below = make_device(county.c1, county.people["officer"], "t-c1")
    other = make_device(county.o3, county.people["officer"], "t-o3")
    for device, n in ((below, 1), (other, 0)):
        token = {"t-c1": "t-c1", "t-o3": "t-o3"}["t-c1" if device == below else "t-o3"]
        answer = Client().get("/api/v1/parcels/", {"waybill_no": WAYBILL}, HTTP_AUTHORIZATION=f"Device {token}")
        assert len(answer.json()["results"]) == n


def test_a_parcels_events(known, sign_in):
    answer = sign_in("officer").get(f"/api/v1/parcels/{known.pk}/events/")
    rows = answer.json()["results"]
    assert [(row["type"], row["station"], row["corrected"]) for row in rows] == [
        ("HUB_IN", "FD-H1", False),
        ("OUTLET_IN", "FD-O1", False),
    ]
    assert "1-2-3" not in answer.content.decode()  # who knows the code can claim the parcel


def test_pages_of_parcels(county, sign_in):
    for n in range(5):
        make_parcel(county, f"7319055310250{n}")
    client, seen, cursor = sign_in("officer"), [], None
    while True:
        page = client.get("/api/v1/parcels/", {"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [row["waybill_no"] for row in page["results"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 5
    assert client.get("/api/v1/parcels/", {"limit": 5000}).json()["limit"] == 200


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=-1", "limit=1e9", "limit=x", "cursor=xyz", "cursor=" + "9" * 30, "waybill_no=abc"),
        *("waybill_no=a%00b", "waybill_no=%FF", "carrier=" + "x" * 100, "waybill_no=" + "x" * 5000),
    ],
)
def test_a_bad_parameter_is_named(county, sign_in, query):
    answer = sign_in("officer").get(f"/api/v1/parcels/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    assert answer.json()["pointer"] == "/" + query.split("=")[0]


def test_no_such_parcel(county, sign_in):
    for pk in ("0", "9" * 30):
        assert sign_in("officer").get(f"/api/v1/parcels/{pk}/").status_code == 404


def test_the_description_is_valid_and_complete(county, capsys):
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.validation import validate_schema

    schema = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)
    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")
    assert {"/api/v1/scan-batches/", "/api/v1/parcels/", "/api/v1/parcels/{id}/events/"} <= set(schema["paths"])
    said = capsys.readouterr().err
    assert "arning" not in said, said
    assert "rror" not in said, said
