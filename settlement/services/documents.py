"""Statements as documents: a PDF to sign, a workbook to calculate with, and a county's whole month of both.

All three are drawn from the same Sheet as the page, so that their totals are its totals.
"""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any

import segno
import xlsxwriter
from django.core.files.base import File
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from accounts.models import User
from common import pdf
from common.errors import Refused
from common.models import Job
from settlement import queries
from settlement.queries import LineView, Sheet
from stations.models import Station
from stations.states import StationLevel

IN_MEMORY = 8 * 2**20  # bytes; a larger set is written to disk
WIDE = 17  # characters that reach past a tab stop


@dataclass(frozen=True)
class Document:
    """What a statement's document is drawn from. `held`: as `lines`, for sheet.held."""

    sheet: Sheet
    lines: Sequence[LineView]
    held: Sequence[LineView]
    seal: str
    county: str
    township: str
    printed_at: datetime
    notice_url: str = ""

    @property
    def number(self) -> str:
        return f"{self.sheet.outlet.code}-{self.sheet.month:%Y%m}"


def document(*, user: User, station: Station, month: date, at: datetime, notice_url: str = "") -> Document:
    """Everything of one outlet's month; the caller has checked that the outlet is in the user's scope."""
    sheet = queries.sheet(user, station=station, month=month)
    lines = queries.lines_of(user, station=station, month=month)
    views = queries.line_views([*lines, *(hold.line for hold in sheet.held)])
    held = views[len(views) - len(sheet.held) :] if sheet.held else []
    places = queries.place_names(station)
    return Document(
        sheet=sheet,
        lines=views[: len(views) - len(held)],
        held=held,
        seal=queries.seal(sheet, lines),
        county=places[0],
        township=places[1],
        printed_at=at,
        notice_url=notice_url,
    )


def statement_pdf(one: Document) -> bytes:
    """The statement to sign. Refused (503) where the machine lacks Pango or a Chinese font."""
    code = segno.make(one.notice_url or f"{one.number} {one.seal}", error="m", micro=False)
    context = {
        "document": one,
        "sheet": one.sheet,
        "outlet": one.sheet.outlet,
        "month": one.sheet.month,
        "held": [
            _tabbed(view, str(hold.get_reason_display())) for view, hold in zip(one.held, one.sheet.held, strict=True)
        ],
        "rows": [_tabbed(view, view.line.evidence_class, _service(view)) for view in one.lines],
        # drawn into the page: nothing is fetched, not even an image
        "qr": mark_safe(code.svg_inline(scale=3, border=2)),  # noqa: S308 (segno escapes nothing but draws paths only)
    }
    return pdf.render(render_to_string("settlement/pdf/statement.html", context))


def _tabbed(view: LineView, *more: str) -> str:
    """A line of the list in the PDF; a long waybill number takes up the stop behind it."""
    number = view.parcel.waybill_no
    stops = "\t" if len(number) > WIDE else "\t\t"
    cells = (_moment(view.line.effective_at), view.parcel.carrier.name, number)
    return "\t".join(cells) + stops + "\t".join((str(view.line.amount), *more))


def _service(view: LineView) -> str:
    return _("Taken back") if view.line.is_reversal else str(view.line.get_service_display())


# --- the workbook ----------------------------------------------------------------------------------------------------


def workbook(documents: Iterable[Document], *, month: date) -> bytes:
    """One workbook for one outlet or many: sums, prices, adjustments, lines, held lines. Text is written as text, so
    that no cell is run as a formula; yuan are numbers."""
    data = BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        pages = {name: _Page(book, title, header) for name, title, header in _pages()}
        for one in documents:
            _fill(pages, one)
        pages["sums"].total(3, {6: 0, 7: 4, 8: 4, 9: 4, 10: 2, 11: 4, 12: 0, 13: 4})
        pages["lines"].total(2, {8: 4})
        book.set_properties({"title": _("Subsidy of %(month)s") % {"month": f"{month:%Y-%m}"}})
    return data.getvalue()


def _pages() -> Iterable[tuple[str, str, Sequence[str]]]:
    outlet = (_("Outlet"), _("Code"))
    yield (
        "sums",
        _("Sums"),
        (
            *(_("Township"), *outlet, _("Month"), _("Fund"), _("State"), _("Parcels"), _("Sum of the lines, yuan")),
            *(_("Adjustments, yuan"), _("Exact, yuan"), _("To be paid, yuan"), _("Rounding remainder, yuan")),
            *(_("Held parcels"), _("Held, yuan"), _("Seal")),
        ),
    )
    yield (
        "rates",
        _("By price"),
        (*outlet, _("Policy"), _("Service"), _("Rate, yuan"), _("Price, yuan"), _("Parcels"), _("Yuan")),
    )
    yield "adjustments", _("Adjustments"), (*outlet, _("Fund"), _("Kind"), _("Reason"), _("Date"), _("Amount, yuan"))
    yield (
        "lines",
        _("Lines"),
        (
            *(*outlet, _("Delivered at"), _("Carrier"), _("Waybill"), _("Service"), _("Evidence")),
            *(_("Rate, yuan"), _("Amount, yuan"), _("Why"), _("Seal")),
        ),
    )
    yield (
        "held",
        _("Held back"),
        (*outlet, _("Delivered at"), _("Carrier"), _("Waybill"), _("Reason"), _("Amount, yuan")),
    )


class _Page:
    """One worksheet with a header, filled row by row."""

    def __init__(self, book: Any, title: str, header: Sequence[str]) -> None:
        self.sheet = book.add_worksheet(title)
        self.formats = {places: book.add_format({"num_format": f"0.{'0' * places}"}) for places in (2, 4)}
        self.bold = book.add_format({"bold": True})
        self.rows = 1
        self.sums: dict[int, Any] = {}
        for column, word in enumerate(header):
            self.sheet.write_string(0, column, str(word), self.bold)
        self.sheet.freeze_panes(1, 0)
        self.sheet.set_column(0, len(header) - 1, 16)

    def add(self, *cells: Any) -> None:
        """A row; numbers are added up by column."""
        for column, cell in enumerate(cells):
            if cell is None or cell == "":
                continue
            if isinstance(cell, str):
                self.sheet.write_string(self.rows, column, cell)
            else:
                self._number(column, cell, -cell.as_tuple().exponent if hasattr(cell, "as_tuple") else 0)
                self.sums[column] = self.sums.get(column, 0) + cell
        self.rows += 1

    def total(self, label_columns: int, places: dict[int, int]) -> None:
        """The last row: the sums of the columns named, exact (no formula that a reader would have to run)."""
        self.sheet.write_string(self.rows, 0, _("Total"), self.bold)
        for column, digits in places.items():
            self._number(column, self.sums.get(column, 0), digits)
        self.rows += 1

    def _number(self, column: int, value: Any, places: int) -> None:
        self.sheet.write_number(self.rows, column, float(value), self.formats.get(places))


def _fill(pages: dict[str, _Page], one: Document) -> None:
    sheet = one.sheet
    who = (sheet.outlet.name, sheet.outlet.code)
    for number, part in enumerate(sheet.parts):
        first = number == 0  # held lines are the outlet's, not a fund's: counted once
        pages["sums"].add(
            *(one.township, *who, f"{sheet.month:%Y-%m}", part.fund.name),
            str(part.statement.get_state_display()) if part.statement else _("So far"),
            *(part.parcels, part.lines_yuan, part.adjusted_yuan, part.payable.exact, part.payable.rounded),
            *(part.payable.remainder, len(sheet.held) if first else 0, sheet.held_yuan if first else 0, one.seal),
        )
    for rate in sheet.rates:
        pages["rates"].add(*who, rate.policy_number, rate.service_label, rate.rate, rate.price, rate.parcels, rate.yuan)
    for row in sheet.adjustments:
        pages["adjustments"].add(
            *who, row.fund.name, str(row.get_kind_display()), row.reason, _moment(row.at), row.amount
        )
    for view in one.lines:
        line = view.line
        pages["lines"].add(
            *who,
            *(_moment(line.effective_at), view.parcel.carrier.name, view.parcel.waybill_no),
            _service(view),
            *(line.evidence_class, line.rate, line.amount, " ".join(view.why), bytes(line.line_hash).hex()),
        )
    for view, hold in zip(one.held, sheet.held, strict=True):
        pages["held"].add(
            *who,
            *(_moment(view.line.effective_at), view.parcel.carrier.name, view.parcel.waybill_no),
            *(str(hold.get_reason_display()), view.line.amount),
        )


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "Y-m-d H:i:s")


# --- a county's month ------------------------------------------------------------------------------------------------


def month_set(
    *,
    job: Job,
    user: User,
    month: date,
    township_code: str,
    notice_url: str,
    at: datetime,
    step: Callable[[int, int], None],
) -> dict[str, Any]:
    """All statements of a month in the user's scope as one ZIP (a workbook of all, a PDF each), kept as the job's
    result file. Without Pango or a font the PDFs are left out, and the message says so. Yuan as text."""
    rows = queries.statement_rows(user, month=month, township_code=township_code)
    wanted = sorted({row.station.pk for row in rows})
    outlets = list(
        Station.objects.visible_to(user, "settlement.read")
        .filter(level=StationLevel.OUTLET, pk__in=wanted)
        .order_by("county_code", "code")
    )
    if not outlets:
        raise Refused("nothing_stated", _("No outlet has anything in this month."))
    without, kept = "", []
    with SpooledTemporaryFile(max_size=IN_MEMORY) as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, station in enumerate(outlets):
                step(number, len(outlets))
                one = document(user=user, station=station, month=month, at=at, notice_url=notice_url)
                kept.append(one)
                if not without:
                    try:
                        archive.writestr(f"{one.number}.pdf", statement_pdf(one))
                    except Refused as refusal:
                        without = str(refusal.message)
            archive.writestr(f"statements-{month:%Y-%m}.xlsx", workbook(kept, month=month))
        target.seek(0)
        job.result_file.save(f"statements-{month:%Y-%m}.zip", File(target), save=False)
    done = _("%(count)d statements, %(yuan)s yuan.") % {
        "count": len(outlets),
        "yuan": sum(one.sheet.paid for one in kept),
    }
    return {"message": f"{done} {without}".strip(), "paid": str(sum(one.sheet.paid for one in kept))}
