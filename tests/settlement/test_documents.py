"""A statement on paper and as a workbook: the same sums as on the page, in the table and in the ledger."""

import builtins
import importlib
from datetime import date
from decimal import Decimal
from io import BytesIO
from zipfile import ZipFile

import pypdf
import pytest
from django.db.models import Sum
from django.urls import reverse
from django.utils import translation
from python_calamine import CalamineWorkbook

from common import pdf
from common import services as jobs
from common.errors import Refused
from common.models import Job
from common.states import JobState
from settlement import tasks  # noqa: F401 (registers the job)
from settlement.models import Line, Posting
from settlement.services import documents, lines
from settlement.states import Account, AdjustmentKind, HoldReason
from tests.conftest import NOW
from tests.settlement.months import FREEZE, OCTOBER, make_line, publicise
from tests.settlement.people import make_policy
from tests.settlement.test_pages import read_table

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("paper")]
D = Decimal


@pytest.fixture(scope="module")
def paper():
    """A machine that can draw a PDF; elsewhere these tests say what to install."""
    try:
        pdf.render("<p>中文</p>")
    except Refused as refusal:
        pytest.skip(str(refusal.message))


@pytest.fixture
def month(county):
    """Two outlets; at o1 a line is held, and an adjustment is cut off."""
    policy = make_policy(county)
    for amount in ("0.3000", "0.3333", "0.3333"):
        make_line(county, policy, county.o1, amount)
    make_line(county, policy, county.o1, "0.4000", held=HoldReason.ALL_TYPED)
    make_line(county, policy, county.o3, "0.5000")
    lines.adjust(
        county_code=county.code,
        period=OCTOBER,
        station_id=county.o1.pk,
        fund_id=policy.fund_id,
        kind=AdjustmentKind.CORRECTION,
        amount=D("-0.1000"),
        reason="=SUM(A1)：重复登记",
        source_key="test:1",
        by=None,
        at=FREEZE,
    )
    return county


def address(county, name: str, outlet: str = "o1") -> str:
    return reverse(f"settlement:{name}", args=[county.stations[outlet].pk, OCTOBER])


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)


def sheet_of(content: bytes, number: int) -> list[list]:
    return CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(number).to_python()


def booked(county, outlet: str = "o1") -> Decimal:
    """What the ledger accrued for the outlet and month."""
    rows = Posting.objects.filter(account=Account.ACCRUED, station=county.stations[outlet], period=OCTOBER)
    return -rows.exclude(entry__kind="statement").aggregate(yuan=Sum("amount"))["yuan"]


def test_page_table_workbook_pdf_and_ledger_say_the_same(month, sign_in):
    client = sign_in("operator")
    sheet = client.get(address(month, "statement")).context["sheet"]
    table = read_table(client.get(address(month, "statement-csv")))
    book = client.get(address(month, "statement-xlsx")).content
    said = text_of(client.get(address(month, "statement-pdf")).content)
    assert sheet.exact == D("0.8666")
    assert booked(month) - sheet.held_yuan == sheet.exact
    assert sheet.in_books
    assert [D(table[-2][5]), D(table[-1][5])] == [sheet.exact, sheet.paid] == [D("0.8666"), D("0.87")]
    sums = sheet_of(book, 0)
    assert [round(D(str(cell)), 4) for cell in sums[1][7:11]] == [D("0.9666"), D("-0.1"), D("0.8666"), D("0.87")]
    assert sums[1][6] == 3
    assert sums[-1][9] == pytest.approx(0.8666)
    rows = sheet_of(book, 3)
    assert len(rows) == 1 + 3 + 1
    assert round(sum(D(str(row[8])) for row in rows[1:-1]), 4) == round(D(str(rows[-1][8])), 4) == sheet.lines_yuan
    for part in (
        "¥0.8666",
        "¥0.87",
        "¥-0.0034".replace("¥-", "-¥"),
        "¥0.9666",
        "-¥0.1000",
        "大池村服务点",
        "丰交〔2026〕1号",
    ):
        assert part in said, part
    assert f"{booked(month):.4f}" in said


def test_the_pdf_lists_every_line_with_page_numbers_and_the_held_apart(month, sign_in):
    content = sign_in("clerk").get(address(month, "statement-pdf")).content
    said = text_of(content)
    counted, held = said.split("明细\n")[-1], said.split("暂扣明细")[-1].split("\n明细\n")[0]
    for line in Line.objects.filter(station=month.o1).select_related("parcel"):
        assert line.parcel.waybill_no in (held if line.amount == D("0.4") else counted)
    assert "1 / " in said
    assert "扫描全部为手工录入" in said
    assert b"/URI" not in content


def test_an_approved_statement_names_who_signed(month, sign_in):
    publicise(month)
    said = text_of(sign_in("clerk").get(address(month, "statement-pdf")).content)
    assert month.people["township"].name in said.replace("\n", "")
    assert "截至目前" not in said


def test_a_workbook_runs_no_formula(month, sign_in):
    book = sign_in("operator").get(address(month, "statement-xlsx")).content
    with ZipFile(BytesIO(book)) as archive:
        pages = [archive.read(name).decode() for name in archive.namelist() if "worksheets/" in name]
    assert pages
    assert not any("<f>" in page for page in pages)
    assert sheet_of(book, 2)[1][4] == "=SUM(A1)：重复登记"


def test_without_pango_there_is_a_sentence_and_no_error(month, sign_in, monkeypatch):
    load = importlib.import_module

    def refuse(name, *args):
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return load(name, *args)

    monkeypatch.setattr(importlib, "import_module", refuse)
    answer = sign_in("operator").get(address(month, "statement-pdf"))
    assert answer.status_code == 503
    assert "apt-get install libpango-1.0-0" in answer.content.decode()
    assert sign_in("operator").get(address(month, "statement-xlsx")).status_code == 200


def test_glyphs_that_no_font_has_are_refused():
    with pytest.raises(Refused) as refused:
        pdf.render("<p>\U0010fffd</p>")
    assert refused.value.code == "pdf_font_missing"


@pytest.mark.parametrize("source", ["file:///etc/hostname", "http://127.0.0.1:1/x.png", "//example.org/x.png"])
def test_a_pdf_fetches_nothing(source, monkeypatch):
    opened = []
    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda *a, **k: (opened.append(str(a[0])), real(*a, **k))[1])
    content = pdf.render(f'<p>中文<img src="{source}"></p><link rel="stylesheet" href="{source}">')
    assert content.startswith(b"%PDF")
    assert not any("hostname" in name for name in opened)


@pytest.mark.parametrize(
    ("who", "outlet", "answer"),
    [("operator", "o1", 200), ("operator", "o3", 404), ("township", "o3", 404), ("courier", "o1", 403)],
)
def test_who_may_print_which_statement(month, sign_in, who, outlet, answer):
    for name in ("statement-pdf", "statement-xlsx"):
        assert sign_in(who).get(address(month, name, outlet)).status_code == answer


def test_the_neighbour_prints_nothing(month, neighbour, sign_in):
    client = sign_in(neighbour.people["officer"])
    for name in ("statement-pdf", "statement-xlsx"):
        assert client.get(address(month, name)).status_code == 404


def start(client, **data) -> Job:
    answer = client.post(reverse("settlement:documents", args=[OCTOBER]), data)
    assert answer.status_code == 302
    return Job.objects.latest("pk")


def test_a_whole_month_is_drawn_by_a_job(month, sign_in, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    job = start(sign_in("clerk"))
    jobs.run_waiting_jobs(at=NOW)
    job.refresh_from_db()
    assert (job.state, job.result["paid"]) == (JobState.DONE, "1.37")
    with job.result_file.open("rb") as file, ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ["FD-O1-202610.pdf", "FD-O3-202610.pdf", "statements-2026-10.xlsx"]
        sums = sheet_of(archive.read("statements-2026-10.xlsx"), 0)
    assert [row[2] for row in sums[1:-1]] == ["FD-O1", "FD-O3"]
    assert sums[-1][10] == pytest.approx(1.37)


def test_a_township_gets_its_own_outlets(month, sign_in, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    job = start(sign_in("township"))
    jobs.run_waiting_jobs(at=NOW)
    job.refresh_from_db()
    with job.result_file.open("rb") as file, ZipFile(file) as archive:
        assert "FD-O3-202610.pdf" not in archive.namelist()


def test_a_month_without_anything_says_so(county, sign_in, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    job = start(sign_in("clerk"), township="x")
    jobs.run_waiting_jobs(at=NOW)
    job.refresh_from_db()
    assert (job.state, job.result["code"]) == (JobState.FAILED, "nothing_stated")


def test_the_seal_changes_with_a_line(month):
    user = month.people["clerk"]

    def seal() -> str:
        return documents.document(user=user, station=month.o1, month=OCTOBER, at=NOW).seal

    before = seal()
    assert seal() == before
    make_line(month, Line.objects.first().policy, month.o1, "0.3000")
    assert seal() != before


def test_english_readers_get_english(month, sign_in):
    with translation.override("en"):
        one = documents.document(user=month.people["clerk"], station=month.o1, month=OCTOBER, at=NOW)
        assert "Statement of the delivery subsidy" in text_of(documents.statement_pdf(one))
    assert date(2026, 10, 1) == one.sheet.month
