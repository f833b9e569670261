"""Photos and signatures: in pieces, by digest, resumed where they broke off; seen by who may read the parcel."""

import hashlib
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from common import clock
from stations.models import Device
from tests.conftest import NOW, make_device
from tests.tracking.scans import fold, parcel, record, scan
from tracking import services
from tracking.api import photos as api
from tracking.models import Photo
from tracking.services import photo_files
from tracking.tasks import forget_photos

pytestmark = pytest.mark.django_db
TOKEN = "token-of-handheld-1"
PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20  # a JPEG by its first bytes; 5,124 of them


@pytest.fixture(autouse=True)
def media(settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def handheld(county) -> Device:
    return make_device(county.o1, county.people["operator"], TOKEN)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def path_of(data: bytes = PICTURE) -> Path:
    return photo_files.path_of("500230", hashlib.sha256(data).digest())


def send(
    piece: bytes, offset: object = 0, whole: bytes = PICTURE, *, token: str = TOKEN, digest: str = "", **headers: str
):
    """One piece of `whole`."""
    sent = {
        "CONTENT_TYPE": api.PIECE_TYPE,
        "HTTP_AUTHORIZATION": f"Device {token}",
        "HTTP_UPLOAD_OFFSET": str(offset),
        "HTTP_UPLOAD_LENGTH": str(len(whole)),
        "HTTP_ACCEPT_LANGUAGE": "en",
        **headers,
    }
    url = f"/api/v1/photos/{digest or digest_of(whole)}/"
    return Client().generic("PATCH", url, piece, sent.pop("CONTENT_TYPE"), **sent)


def ask(whole: bytes = PICTURE, token: str = TOKEN):
    return Client().head(f"/api/v1/photos/{digest_of(whole)}/", HTTP_AUTHORIZATION=f"Device {token}")


def test_a_photo_comes_in_pieces_and_is_resumed(handheld):
    assert ask().status_code == 404
    first = send(PICTURE[:2000])
    assert (first.status_code, first["Upload-Offset"], first["Upload-Length"]) == (204, "2000", "5124")
    known = ask()
    assert (known.status_code, known["Upload-Offset"], known["Upload-Length"]) == (200, "2000", "5124")
    assert "no-store" in known["Cache-Control"]
    lost_answer = send(PICTURE[:2000])  # the same piece again: the answer says where to go on
    assert (lost_answer.status_code, lost_answer["Upload-Offset"]) == (409, "2000")
    assert lost_answer.json()["code"] == "photo_offset"
    assert lost_answer.json()["upload_offset"] == 2000
    assert send(PICTURE[2000:], 2000)["Upload-Offset"] == "5124"
    row = Photo.objects.get()
    assert (row.media_type, row.completed_at is not None, row.county_code) == ("image/jpeg", True, "500230")
    assert path_of().read_bytes() == PICTURE
    assert path_of().stat().st_mode & 0o077 == 0
    for again in (send(PICTURE), send(PICTURE[2000:], 2000)):
        assert (again.status_code, again["Upload-Offset"]) == (204, "5124")


def test_an_upper_case_digest_is_the_same_photo(handheld):
    assert send(PICTURE, digest=digest_of(PICTURE).upper()).status_code == 204
    assert ask()["Upload-Offset"] == str(len(PICTURE))


@pytest.mark.parametrize("first", [b"\x89PNG\r\n\x1a\n" + b"0" * 20, b"RIFF\x10\0\0\0WEBPVP8 " + b"0" * 20])
def test_png_and_webp_are_pictures_too(handheld, first):
    assert send(first, whole=first).status_code == 204


def test_after_a_crash_the_file_is_cut_back_to_its_row(handheld):
    send(PICTURE[:2000])
    with path_of().open("ab") as file:
        file.write(b"what was written before the row could say so")
    assert ask()["Upload-Offset"] == "2000"
    assert send(PICTURE[2000:], 2000).status_code == 204
    assert path_of().read_bytes() == PICTURE


@pytest.mark.parametrize("upto", [2000, len(PICTURE)])
def test_a_lost_file_starts_again(handheld, upto):
    send(PICTURE[:upto])
    path_of().unlink()
    assert ask()["Upload-Offset"] == "0"
    if upto < len(PICTURE):
        assert send(PICTURE[upto:], upto)["Upload-Offset"] == "0"
    assert send(PICTURE).status_code == 204
    assert path_of().read_bytes() == PICTURE


def test_another_content_is_dropped_whole(handheld):
    wrong = PICTURE[:-1] + b"?"
    answer = send(wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "photo_digest")
    assert not Photo.objects.exists()
    assert not path_of().exists()
    assert send(PICTURE).status_code == 204


def test_what_is_no_picture_is_dropped_at_its_first_piece(handheld):
    page = b"<html><script>alert(1)</script></html>" * 10
    answer = send(page[:100], whole=page, CONTENT_TYPE=api.PIECE_TYPE)
    assert (answer.status_code, answer.json()["code"]) == (415, "photo_type")
    assert not Photo.objects.exists()
    assert not path_of(page).exists()
    assert send(b"\xff\xd8", whole=b"\xff\xd8").status_code == 415  # too short to be one


def test_a_wrong_length_does_not_block_the_photo(handheld):
    assert send(PICTURE[:50], HTTP_UPLOAD_LENGTH="99")["Upload-Length"] == "99"
    answer = send(PICTURE[50:], 50)
    assert (answer.status_code, answer["Upload-Offset"], answer["Upload-Length"]) == (409, "50", "99")
    assert send(PICTURE).status_code == 204


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"CONTENT_TYPE": "application/json"}, 415, "unsupported_media_type"),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, 415, "unsupported_media_type"),
        ({"HTTP_UPLOAD_OFFSET": ""}, 400, "bad_header"),
        ({"HTTP_UPLOAD_OFFSET": "-1"}, 400, "bad_header"),
        ({"HTTP_UPLOAD_OFFSET": "٣"}, 400, "bad_header"),
        ({"HTTP_UPLOAD_OFFSET": "9" * 30}, 400, "bad_header"),
        ({"HTTP_UPLOAD_LENGTH": "1e3"}, 400, "bad_header"),
        ({"HTTP_UPLOAD_LENGTH": "0"}, 413, "photo_too_large"),
        ({"HTTP_UPLOAD_LENGTH": str(5 * 1024 * 1024 + 1)}, 413, "photo_too_large"),
        ({"HTTP_UPLOAD_LENGTH": "100"}, 422, "photo_piece_too_long"),
        ({"HTTP_UPLOAD_OFFSET": "7"}, 409, "photo_offset"),
        ({"digest": "zz" * 32}, 400, "photo_format"),
        ({"digest": "ab" * 31}, 400, "photo_format"),
        ({"digest": "..%2f..%2fetc%2fpasswd"}, 404, "not_found"),
    ],
)
def test_what_can_not_be_used_is_refused_and_leaves_nothing(handheld, media, change, status, code):
    answer = send(PICTURE, **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    assert not Photo.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_a_piece_has_a_largest_size(handheld, monkeypatch):
    monkeypatch.setattr(api, "PIECE_BYTES", 1000)
    answer = send(PICTURE)
    assert (answer.status_code, answer.json()["code"]) == (413, "piece_too_large")
    assert answer.json()["limits"]["piece_bytes"] == 1000


def test_devices_only_and_each_in_its_county(handheld, neighbour, sign_in):
    send(PICTURE)
    url = f"/api/v1/photos/{digest_of(PICTURE)}/"
    assert Client().head(url).status_code == 401
    assert sign_in("officer").head(url).status_code == 403
    assert sign_in("officer").patch(url, b"", content_type=api.PIECE_TYPE).status_code == 403
    assert Client().get(url, headers={"authorization": f"Device {TOKEN}"}).status_code == 405
    make_device(neighbour.no, neighbour.people["operator"], "n-token")
    assert ask(token="n-token").status_code == 404
    assert send(PICTURE, token="n-token").status_code == 204
    assert Photo.objects.count() == 2


def test_a_flood_is_slowed_down(handheld, monkeypatch):
    monkeypatch.setattr(api, "PIECES_A_MINUTE", 0)
    answer = send(PICTURE)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_often")
    assert answer["Retry-After"] == "60"


def test_a_full_disk_loses_nothing(handheld, media):
    blocked = media / "photos"
    blocked.write_text("a file where the folder should be")
    answer = send(PICTURE)
    assert (answer.status_code, answer.json()["code"]) == (503, "try_later")
    assert not Photo.objects.exists()
    blocked.unlink()
    assert send(PICTURE).status_code == 204


@pytest.mark.django_db(transaction=True)
def test_two_senders_of_one_photo_take_turns(handheld):
    statuses: list[int] = []
    start = threading.Barrier(4)

    def run() -> None:
        try:
            start.wait()
            offset = 0
            while offset < len(PICTURE):
                answer = send(PICTURE[offset : offset + 700], offset)
                statuses.append(answer.status_code)
                offset = int(answer["Upload-Offset"])
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {204, 409}
    assert Photo.objects.get().completed_at is not None
    assert path_of().read_bytes() == PICTURE


def test_unfinished_ones_and_lone_files_are_forgotten_whole_ones_stay(handheld):
    other, lone, fresh = (PICTURE + extra for extra in (b"1", b"2", b"3"))
    send(PICTURE)
    send(other[:100], whole=other)
    for data in (lone, fresh):
        path_of(data).parent.mkdir(parents=True, exist_ok=True)
        path_of(data).write_bytes(data)
    old = (clock.now() - timedelta(days=30)).timestamp()
    for data in (PICTURE, lone):
        os.utime(path_of(data), (old, old))
    Photo.objects.update(created_at=clock.now() - timedelta(days=400))
    Photo.objects.filter(size=len(other)).update(created_at=clock.now() - timedelta(days=8))
    gone = [services.forget_photos(at=clock.now() + timedelta(days=n)) for n in range(8)]
    assert sum(rows for rows, _files in gone) == 1
    assert Photo.objects.get().size == len(PICTURE)
    assert path_of().exists()
    assert not path_of(other).exists()
    assert not path_of(lone).exists()
    assert forget_photos() == [0, 0]


def test_a_file_being_written_is_no_lone_file(handheld):
    path_of().parent.mkdir(parents=True)
    path_of().write_bytes(PICTURE)
    for n in range(8):
        services.forget_photos(at=NOW - timedelta(days=n))
    assert path_of().exists()


# --- and how it is seen ---------------------------------------------------------------------------------------


@pytest.fixture
def delivered(handheld):
    """A parcel whose delivery has a photo that hasn't come yet."""
    record(handheld, scan("OUTLET_IN", "FD-O1", NOW - timedelta(hours=1), pickup_code="1-1-1"))
    record(
        handheld,
        scan("SIGNED_PICKUP", "FD-O1", photo_sha256=digest_of(PICTURE), lng=107.73211, lat=29.863214, accuracy_m=12.4),
        scan("HANDOVER", "FD-O1", side="give"),
        scan("HANDOVER", "FD-O1", side="take", lng=0, lat=0),
    )
    fold()
    return parcel()


def test_the_parcel_page_shows_the_photo_once_it_is_here(delivered, sign_in):
    page, url = f"/parcels/{delivered.pk}/", f"/parcels/{delivered.pk}/photos/{digest_of(PICTURE)}/"
    client = sign_in("operator")
    before = client.get(page).content.decode()
    assert "照片还没有传到" in before
    assert url not in before
    assert client.get(url).status_code == 404
    send(PICTURE)
    after = client.get(page).content.decode()
    assert url in after
    assert "照片还没有传到" not in after
    answer = client.get(url)
    assert answer.content == PICTURE
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert "private" in answer["Cache-Control"]
    assert answer["Content-Disposition"].startswith("inline")
    assert client.get(url, headers={"if-none-match": answer["ETag"]}).status_code == 304


def test_the_photo_is_for_who_may_read_the_parcel(delivered, sign_in, neighbour):
    send(PICTURE)
    url = f"/parcels/{delivered.pk}/photos/{digest_of(PICTURE)}/"
    assert Client().get(url).status_code == 302
    for who in ("operator", "centre", "officer", "carrier"):
        assert sign_in(who).get(url).status_code == 200, who
    assert sign_in("operator2").get(url).status_code == 404  # of another outlet
    assert sign_in(neighbour.people["officer"]).get(url).status_code == 404
    assert sign_in("admin").get(url).status_code == 403
    for digest in (digest_of(b"another"), digest_of(PICTURE).upper(), "x", "..%2f.."):
        assert sign_in("operator").get(f"/parcels/{delivered.pk}/photos/{digest}/").status_code == 404


def test_a_known_photo_of_another_parcel_is_not_shown(delivered, sign_in, handheld):
    other = PICTURE + b"1"
    send(other, whole=other)
    url = f"/parcels/{delivered.pk}/photos/{digest_of(other)}/"
    assert sign_in("operator").get(url).status_code == 404


def test_the_way_tells_place_method_and_the_halves_of_a_handover(delivered, sign_in):
    shown = sign_in("operator").get(f"/parcels/{delivered.pk}/").content.decode()
    assert "位置 29.86321, 107.73211（误差 12 米）" in shown
    assert "交出" in shown
    assert "接收" in shown
    assert "0.00000" not in shown  # nought, nought is no place
    rows = sign_in("operator").get(f"/api/v1/parcels/{delivered.pk}/events/").json()["results"]
    signed = next(row for row in rows if row["type"] == "SIGNED_PICKUP")
    assert (signed["lat"], signed["lng"], signed["accuracy_m"]) == (29.863214, 107.73211, 12.4)
    assert (signed["photo_sha256"], signed["photo_arrived"], signed["method"]) == (digest_of(PICTURE), False, "scan")
    assert [row["side"] for row in rows if row["type"] == "HANDOVER"] == ["give", "take"]
    assert all(row["side_label"] for row in rows if row["side"])


def test_the_page_names_the_limits_that_hold(settings):
    page = (Path(__file__).parents[2] / "docs" / "scan-protocol.md").read_text(encoding="utf-8")
    section = page.partition("## Photos")[2].partition("\n## ")[0]
    assert f"{settings.PHOTO_MAX_BYTES // 1024**2} MiB at most" in section
    assert f"at most {api.PIECE_BYTES // 1024} KiB" in section
    assert f"{api.PIECES_A_MINUTE} requests a minute" in section
    assert f"after {services.photos.UNFINISHED_FOR.days} days" in section
