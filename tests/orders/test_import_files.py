"""The import's way through HTTP: upload, check, confirm, write; and every bad file and row gets its sentence."""

import io
import logging
import zipfile
from datetime import timedelta

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from common import services as jobs
from common.models import Job
from orders import services, tasks  # noqa: F401  the worker finds tasks by itself
from orders.models import Parcel, Recipient
from stations.models import Membership
from tests.conftest import NOW, County

pytestmark = pytest.mark.django_db
HEAD = "快递公司,运单号,收件人,手机号,村代码,揽收时间"
GOOD = "中通,73190553102532,张三丰,13812341907,500230101200,2026-11-19 08:30"


@pytest.fixture(autouse=True)
def media(settings, tmp_path, time_machine):
    settings.MEDIA_ROOT = str(tmp_path)
    time_machine.move_to(NOW, tick=False)


def csv_of(*rows: str, head: str = HEAD, encoding: str = "utf-8") -> bytes:
    return "\r\n".join([head, *rows, ""]).encode(encoding)


def xlsx_of(*rows: tuple[object, ...], head: str = HEAD) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([head.split(","), *rows]):
            for column, cell in enumerate(row):
                (sheet.write_number if isinstance(cell, int | float) else sheet.write_string)(number, column, cell)
    return data.getvalue()


def upload(client: Client, content: bytes, name: str = "list.csv", **more: object):
    county = more.pop("county", "500230")
    return client.post(reverse("orders:import"), {"county": county, "file": SimpleUploadedFile(name, content), **more})


def check(client: Client, content: bytes, name: str = "list.csv") -> Job:
    """Upload and let the worker judge it."""
    answer = upload(client, content, name)
    assert answer.status_code == 302, answer.content.decode()
    jobs.run_waiting_jobs(at=NOW)
    return Job.objects.latest("pk")


def confirm(client: Client, preview: Job, **data: str) -> Job:
    answer = client.post(reverse("orders:import-confirm", args=[preview.pk]), data)
    assert answer.status_code == 302
    jobs.run_waiting_jobs(at=NOW)
    return Job.objects.latest("pk")


def codes(job: Job) -> list[tuple[int, str, str]]:
    return list(job.problems.order_by("row", "id").values_list("row", "column", "code"))


def test_a_list_is_checked_then_written(sign_in):
    client = sign_in("township")
    preview = check(client, csv_of(GOOD, GOOD.replace("2532", "2533").replace("500230101200", "500230999999")))
    assert (preview.state, preview.result["new"], preview.result["refused"]) == ("done", 1, 1)
    assert not Parcel.objects.exists()
    page = client.get(reverse("orders:import-job", args=[preview.pk])).content.decode()
    assert "张*丰" in page
    assert "138****1907" in page
    assert "没有这个代码的区划" in page
    assert "村代码" in page
    assert "13812341907" not in page
    assert "张三丰" not in page
    written = confirm(client, preview)
    assert written.state == "done"
    assert Parcel.objects.get().recipient.name == "张三丰"
    assert AuditEntry.objects.get(action="parcels.imported").after["new"] == 1
    assert confirm(client, preview) == written  # a second click
    page = client.get(reverse("orders:import-job", args=[written.pk])).content.decode()
    assert "已写入包裹" in page


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_any_usual_encoding_is_read_and_named(sign_in, encoding: str):
    client = sign_in("township")
    preview = check(client, csv_of(GOOD, encoding=encoding))
    assert preview.result["new"] == 1
    assert preview.result["encoding"] == encoding
    page = client.get(reverse("orders:import-job", args=[preview.pk])).content.decode()
    assert ("国标编码" in page) == (encoding == "gb18030")


def test_a_workbook_of_text_is_read(sign_in):
    preview = check(sign_in("township"), xlsx_of(tuple(GOOD.split(","))), "list.xlsx")
    assert (preview.result["new"], preview.result["encoding"]) == (1, "xlsx")


def test_numbers_in_a_workbook_have_lost_digits(sign_in):
    good = GOOD.split(",")
    preview = check(
        sign_in("township"),
        xlsx_of(
            (good[0], 7.3190553102532e17, *good[2:]),
            (*good[:3], 13800138000.0, *good[4:]),
            ("圆通", "YT5555508965056", *good[2:4], 500230101200, 45991),  # twelve digits are exact; 45991 is a day
        ),
        "list.xlsx",
    )
    assert codes(preview) == [(2, "运单号", "lost_digits"), (3, "手机号", "lost_digits")]
    assert (preview.result["new"], preview.result["refused"]) == (1, 2)


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (GOOD.replace("中通", "没有快递"), "快递公司", "unknown_carrier"),
        (GOOD.replace("中通", ""), "快递公司", "required"),
        (GOOD.replace("73190553102532", "7.31906E+13"), "运单号", "waybill_form"),
        (GOOD.replace("73190553102532", "运单7319055310"), "运单号", "waybill_form"),
        (GOOD.replace("张三丰", ""), "收件人", "required"),
        (GOOD.replace("张三丰", "张" * 41), "收件人", "too_long"),
        (GOOD.replace("13812341907", "微信联系"), "手机号", "phone_form"),
        (GOOD.replace("500230101200", "大池村"), "村代码", "village_form"),
        (GOOD.replace("500230101200", "500101101200"), "村代码", "unknown_village"),
        (GOOD.replace("500230101200", "500230102200"), "村代码", "out_of_scope"),
        (GOOD.replace("2026-11-19 08:30", "2027-02-29"), "揽收时间", "date_form"),
        (GOOD.replace("2026-11-19 08:30", "2026/13/1"), "揽收时间", "date_form"),
        (GOOD.replace("2026-11-19 08:30", "2026-11-21 08:30"), "揽收时间", "in_future"),
        (GOOD.replace("2026-11-19 08:30", "2009-11-21"), "揽收时间", "too_early"),
        (GOOD + ",多余", "", "extra_cells"),
    ],
)
def test_a_bad_row_is_named_by_row_and_column(sign_in, row: str, column: str, code: str):
    preview = check(sign_in("township"), csv_of(GOOD.replace("2532", "9999"), row))
    assert codes(preview) == [(3, column, code)]
    assert preview.result["new"] == 1


def test_weight_volume_and_goods_are_read_and_a_bad_one_is_named(sign_in):
    head = HEAD.rstrip() + ",体积（升）,货物类别"
    rows = [GOOD + ",12.5,生鲜", GOOD.replace("2532", "2533") + ",0,", GOOD.replace("2532", "2534") + ",,玩具"]
    preview = check(sign_in("township"), csv_of(*rows, head=head))
    assert codes(preview) == [(3, "体积（升）", "volume_form"), (4, "货物类别", "goods_form")]
    assert preview.result["new"] == 1


@pytest.mark.parametrize(
    "when",
    [
        "",
        "2026-11-19T08:30:00+08:00",
        "2026-11-19T00:30:00Z",
        "2026/11/19 8:30",
        "2026年11月19日 8时30分",
        "20261119 08:30",
    ],
)
def test_times_come_in_many_forms(sign_in, when: str):
    client = sign_in("township")
    confirm(client, check(client, csv_of(GOOD.replace("2026-11-19 08:30", when))))
    at = Parcel.objects.get().collected_at
    assert (at.isoformat() if at else "") == ("2026-11-19T00:30:00+00:00" if when else "")


def test_a_day_number_is_converted_with_a_note(sign_in):
    preview = check(sign_in("township"), csv_of(GOOD.replace("2026-11-19 08:30", "45991")))
    assert preview.result["new"] == 1
    assert "2025-11-30" in preview.result["notes"][0]["detail"]


@pytest.mark.parametrize("phone", ["138****1907", "12345678901-1234", "+86 138-1234-1907", "023-70701234"])
def test_masked_and_virtual_numbers_are_taken(sign_in, phone: str):
    assert check(sign_in("township"), csv_of(GOOD.replace("13812341907", phone))).result["new"] == 1


def test_what_looks_like_a_formula_is_text_and_leaves_escaped(sign_in):
    client = sign_in("township")
    confirm(client, check(client, csv_of(GOOD.replace("张三丰", "=1+1"))))
    assert Recipient.objects.get().name == "=1+1"
    answer = client.post(reverse("orders:parcels-export"))
    assert "'=**1" in b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize(
    ("head", "named"),
    [
        ("快递公司,运单号,收件人,手机号,揽收时间", "村代码"),
        (HEAD.replace("运单号", "号码牌"), "号码牌"),
        (HEAD + ",单号", "运单号"),
        (HEAD + ",备注", "备注"),
    ],
)
def test_a_header_that_does_not_fit_says_how(sign_in, head: str, named: str):
    answer = upload(sign_in("township"), csv_of(GOOD, head=head))
    assert answer.status_code == 422
    assert named in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"", "list.csv", 422),
        (b"   ", "list.csv", 422),
        (b"\xff\xfe\x00\xd8" * 9, "list.csv", 422),
        (bytes(range(128, 256)), "list.csv", 422),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 99, "list.xls", 415),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 99, "list.xlsx", 415),  # a password makes it an OLE file
        (b"PK\x03\x04 and nothing else", "list.xlsx", 422),
        (b"%PDF-1.7", "list.pdf", 415),
    ],
)
def test_a_file_that_is_none_is_refused_at_once(sign_in, content: bytes, name: str, status: int):
    assert upload(sign_in("township"), content, name).status_code == status
    assert not Job.objects.exists()


def packed(parts: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return data.getvalue()


def test_a_bomb_is_measured_before_it_is_unpacked(sign_in):
    client = sign_in("township")
    bomb = packed({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b"\0" * 51_000_000})
    assert upload(client, bomb, "list.xlsx").status_code == 413
    ratio = packed({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b" " * 3_000_000})
    assert upload(client, ratio, "list.xlsx").status_code == 413
    far = packed({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": b'<c r="A1"/><c r="XFD1048576"/>'})
    assert upload(client, far, "list.xlsx").status_code == 413
    macros = packed({"xl/workbook.xml": b"<a/>", "xl/vbaProject.bin": b"x"})
    assert upload(client, macros, "list.xlsx").status_code == 415


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        ([GOOD, '中通,"73190553102533,李四,13812341907,500230101200,', GOOD], "quote_unclosed", 3),
        ([GOOD, '中通,"7319', '0553",李四,13812341907,500230101200,'], "quote_unclosed", 3),
        ([GOOD, GOOD.replace("张三丰", "张" * 140_000)], "field_too_long", 3),
        ([GOOD, GOOD.replace("张三丰", "张\x00丰")], "nul_character", 3),
        ([GOOD, GOOD + "," * 100], "too_many_columns", 3),
    ],
)
def test_a_broken_line_stops_the_check_and_is_named(sign_in, rows: list[str], code: str, line: int):
    client = sign_in("township")
    job = check(client, csv_of(*rows))
    assert job.state == "failed"
    assert (job.result["code"], job.result["line"]) == (code, line)
    assert str(line) in client.get(reverse("orders:import-job", args=[job.pk])).content.decode()


def test_the_same_file_twice_is_answered_with_a_link(sign_in):
    client = sign_in("township")
    written = confirm(client, check(client, csv_of(GOOD)))
    again = upload(client, csv_of(GOOD))
    assert again.status_code == 200
    assert reverse("orders:import-job", args=[written.pk]) in again.content.decode()
    assert upload(client, csv_of(GOOD), again="on").status_code == 302


def test_other_content_is_updated_when_the_box_is_ticked(sign_in, time_machine):
    client = sign_in("township")
    confirm(client, check(client, csv_of(GOOD)))
    time_machine.move_to(NOW + timedelta(hours=1), tick=False)
    other = check(client, csv_of(GOOD.replace("13812341907", "13900002222")))
    assert codes(other) == [(2, "运单号", "changed")]
    assert "更新此前已导入" in client.get(reverse("orders:import-job", args=[other.pk])).content.decode()
    assert confirm(client, other, update_changed="on").result["updated"] == 1
    assert Recipient.objects.get().phone == "13900002222"


def test_rights_are_those_of_the_moment_the_job_runs(sign_in, county: County):
    client = sign_in("township")
    assert upload(client, csv_of(GOOD)).status_code == 302
    Membership.objects.filter(user=county.people["township"]).update(ended_at=NOW - timedelta(minutes=1))
    jobs.run_waiting_jobs(at=NOW)
    job = Job.objects.get()
    assert (job.state, job.result["code"]) == ("failed", "not_allowed")


def test_nobody_else_sees_a_check(sign_in, county: County, neighbour: County):
    preview = check(sign_in("township"), csv_of(GOOD))
    for who in (county.people["operator"], county.people["carrier"], neighbour.people["operator"]):
        client = sign_in(who)
        assert client.get(reverse("orders:import-job", args=[preview.pk])).status_code == 404
        assert client.post(reverse("orders:import-confirm", args=[preview.pk])).status_code == 404
        assert client.get(reverse("common:job-problems", args=[preview.pk])).status_code == 404
    assert sign_in("officer").get(reverse("orders:import")).status_code == 403
    assert upload(sign_in(neighbour.people["operator"]), csv_of(GOOD), county="500230").status_code == 422


def test_names_and_phones_stay_out_of_logs_problems_and_file_names(sign_in, caplog, settings, tmp_path):
    with caplog.at_level(logging.DEBUG):
        client = sign_in("township")
        job = check(client, csv_of(GOOD, GOOD.replace("13812341907", "13812341907号")))
        confirm(client, job)
    said = caplog.text + str(list(job.problems.values())) + str(Job.objects.values())
    for secret in ("张三丰", "13812341907"):
        assert secret not in said, said[max(0, said.index(secret) - 200) :][:400]
    assert all("list" not in path.name for path in tmp_path.rglob("*.csv"))


def test_files_are_forgotten_after_ninety_days(sign_in, tmp_path):
    job = check(sign_in("township"), csv_of(GOOD))
    assert services.forget_old_files(at=NOW + timedelta(days=89)) == 0
    assert services.forget_old_files(at=NOW + timedelta(days=91)) == 1
    assert not list(tmp_path.rglob("*.csv"))
    job.refresh_from_db()
    assert job.result["new"] == 1


def test_the_template_can_be_filled_in_and_sent(sign_in):
    client = sign_in("township")
    body = b"".join(client.get(reverse("orders:import-template")).streaming_content)
    assert check(client, body.replace(b"2026-11-20 08:30", b"2026-11-20 08:30")).result["new"] == 1
