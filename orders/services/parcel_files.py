"""Reading a parcel file: CSV in UTF-8, UTF-16 with a mark or GB18030, or the first sheet of an .xlsx.

What makes the whole file unusable is a `Refused` (its code, a sentence, the line); what makes a row unusable is the
caller's. A workbook is judged by its zip directory before anything is unpacked (50 MB, ratio 100), and the directory is
then held to its word by unpacking under those sizes.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from django.utils.translation import gettext_lazy as _
from python_calamine import CalamineError, CalamineWorkbook

from common.errors import Refused
from orders.rules import COLUMNS, REQUIRED, Cell, column_of

UNPACKED_LIMIT = 50_000_000
RATIO_LIMIT = 100
RATIO_FREE = 1_000_000  # a small workbook of blanks packs better than that, and harms nobody
COLUMN_LIMIT = 64
LINE_LIMIT = 1_048_576  # characters
BLOCK = 1_048_576
CELL_LIMIT = 5_000_000
_ADDRESS = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class FileShape:
    """How a file is to be read. `encoding` is "xlsx" for a workbook; `sure` is false where it was sniffed."""

    encoding: str
    delimiter: str = ","
    sure: bool = True


def shape_of(file: BinaryIO) -> FileShape:
    """Sniff a file. Refused: empty_file, unknown_format (415), unpacked_too_large (413), broken_file, bad_encoding."""
    file.seek(0)
    head = file.read(8)
    if not head.strip():
        raise Refused("empty_file", _("The file is empty."), pointer="/file")
    if head.startswith(b"PK"):
        _check_workbook(file)
        return FileShape("xlsx")
    if head == _OLE:
        raise Refused(
            "unknown_format",
            _("This is an old .xls file or a workbook with a password. Save it as .xlsx without password, or as CSV."),
            pointer="/file",
            status=415,
        )
    encoding, sure = _encoding(file, head)
    file.seek(0)
    first = codecs.getincrementaldecoder(encoding)("replace").decode(file.read(8192)).lstrip("\ufeff").splitlines()[:1]
    line = first[0] if first else ""
    delimiter = max(",\t;，", key=line.count)
    return FileShape(encoding, delimiter if delimiter != "，" else ",", sure)


def _encoding(file: BinaryIO, head: bytes) -> tuple[str, bool]:
    if head.startswith(codecs.BOM_UTF8):
        candidates = [("utf-8-sig", True)]
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = [("utf-16", True)]
    else:
        candidates = [("utf-8", True), ("gb18030", False)]
    for encoding, sure in candidates:
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding, sure
    raise Refused(
        "bad_encoding",
        _("The file is no text in UTF-8 or GB18030. Save it as “CSV UTF-8” or as .xlsx."),
        pointer="/file",
    )


def _check_workbook(file: BinaryIO) -> None:
    size = file.seek(0, io.SEEK_END)
    broken = Refused(
        "broken_file", _("The workbook is damaged. Open it, save it again and send that."), pointer="/file"
    )
    try:
        with zipfile.ZipFile(file) as book:
            entries = book.infolist()
            names = {entry.filename for entry in entries}
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > UNPACKED_LIMIT or (unpacked > RATIO_FREE and unpacked > RATIO_LIMIT * size):
                raise Refused(
                    "unpacked_too_large",
                    _("Unpacked, the workbook is too large (limit 50 MB). Split it, or send it as CSV."),
                    pointer="/file",
                    status=413,
                )
            if "xl/workbook.xml" not in names or "xl/vbaProject.bin" in names:
                raise Refused(
                    "unknown_format",
                    _("Only .xlsx workbooks without macros and CSV files can be read."),
                    pointer="/file",
                    status=415,
                )
            for entry in entries:  # never more than the directory says; a lie fails the checksum
                _check_cells(book, entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as lie:
        raise broken from lie
    except Exception as lie:
        if isinstance(lie, Refused):
            raise
        raise broken from lie  # zlib.error and its kin


def _check_cells(book: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Unpack a part and look at its cells' addresses: the reader allots the whole rectangle up to the farthest one, so
    a single cell at XFD1048576 in a file of 4 kB would take all memory."""
    rows = columns = 0
    tail = b""
    with book.open(entry) as member:
        while block := member.read(BLOCK):
            if not entry.filename.startswith("xl/worksheets/"):
                continue
            for letters, digits in _ADDRESS.findall(tail + block):
                column = 0
                for letter in letters.upper():
                    column = column * 26 + letter - 64
                columns, rows = max(columns, column), max(rows, int(digits))
            tail = block[-16:]
    if rows * columns > CELL_LIMIT:
        raise Refused(
            "unpacked_too_large",
            _("The sheet spans too many cells. Delete what stands far right or far below, or send it as CSV."),
            pointer="/file",
            status=413,
        )


def rows_of(file: BinaryIO, shape: FileShape) -> Iterator[tuple[int, Mapping[str, Cell], bool]]:
    """(row number as a spreadsheet shows it, cells by column, whether it has more cells than the header). Blank rows
    are passed over. Refused: columns, quote_unclosed, field_too_long, nul_character, too_many_columns, broken_file."""
    header: list[str] | None = None
    for number, cells in records_of(file, shape):
        if all(cell is None or cell == "" for cell in cells):
            continue
        if header is None:
            header = header_of(cells)
            continue
        named = {column: cell for column, cell in zip(header, cells, strict=False) if column}
        extra = any(cell not in (None, "") for cell in cells[len(header) :])
        yield number, named, extra
    if header is None:
        raise Refused("empty_file", _("The file is empty."), pointer="/file")


def records_of(file: BinaryIO, shape: FileShape) -> Iterator[tuple[int, list[Cell]]]:
    """(row number, cells) as they stand, header and blank rows too: for files whose columns are others'. Refused as
    rows_of, but for "columns"."""
    file.seek(0)
    return _workbook_rows(file) if shape.encoding == "xlsx" else _csv_rows(file, shape)


def header_of(cells: Sequence[Cell]) -> list[str]:
    """The column keys of a header row. Refused "columns" with what was expected and what was found."""
    said = [str(cell or "").strip() for cell in cells]
    while said and not said[-1]:
        said.pop()
    keys = [column_of(cell) for cell in said]
    known = [key for key in keys if key]
    missing = [key for key in REQUIRED if key not in known]
    unknown = [cell for cell, key in zip(said, keys, strict=True) if cell and not key]
    twice = sorted({key for key in known if known.count(key) > 1})
    if "weight_g" in known and "weight_kg" in known:
        twice.append("weight_kg")
    if missing or unknown or twice:
        expected = [str(COLUMNS[key][0]) for key in REQUIRED]
        raise Refused(
            "columns",
            _("The header row does not fit. Expected: %(expected)s. Found: %(found)s.")
            % {"expected": "、".join(expected), "found": "、".join(cell[:30] for cell in said[:20]) or "—"},
            pointer="/file",
            extra={
                "expected": expected,
                "found": [cell[:60] for cell in said[:20]],
                "missing": [str(COLUMNS[key][0]) for key in missing],
                "unknown": [cell[:60] for cell in unknown[:20]],
                "twice": [str(COLUMNS[key][0]) for key in twice],
            },
        )
    return keys


def _csv_rows(file: BinaryIO, shape: FileShape) -> Iterator[tuple[int, list[Cell]]]:
    text = io.TextIOWrapper(file, encoding=shape.encoding, newline="")
    reader = csv.reader(_lines(text), delimiter=shape.delimiter, strict=True)
    try:
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as bad:
                if "field larger" in str(bad):
                    raise _at(
                        "field_too_long",
                        _("Line %(line)s: a field is longer than 128 KiB; most likely a quotation mark isn't closed."),
                        start,
                    ) from bad
                raise _unclosed(start) from bad
            if reader.line_num > start or any("\n" in cell or "\r" in cell for cell in cells):
                raise _unclosed(start)  # none of our columns has two lines: a stray mark swallowed some rows
            if len(cells) > COLUMN_LIMIT:
                raise _at("too_many_columns", _("Line %(line)s has too many columns."), start)
            yield start, list(cells)
    finally:
        if not file.closed:  # the file is the caller's: a wrapper that is dropped would close it
            text.detach()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(text, 1):
        if "\x00" in line:
            raise _at("nul_character", _("Line %(line)s holds a character that can't be read."), number)
        if len(line) > LINE_LIMIT:
            raise _at("field_too_long", _("Line %(line)s is too long."), number)
        yield line.lstrip("\ufeff") if number == 1 else line


def _at(code: str, sentence: object, line: int) -> Refused:
    return Refused(code, sentence % {"line": line}, pointer="/file", extra={"line": line})  # type: ignore[operator]


def _unclosed(line: int) -> Refused:
    return _at(
        "quote_unclosed", _("Line %(line)s: a quotation mark is opened and not closed where it should be."), line
    )


def _workbook_rows(file: BinaryIO) -> Iterator[tuple[int, list[Cell]]]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(file.read()))
        sheet = book.get_sheet_by_index(0)
        for number, cells in enumerate(sheet.iter_rows(), 1):
            if len(cells) > COLUMN_LIMIT and any(cell not in ("", None) for cell in cells[COLUMN_LIMIT:]):
                raise _at("too_many_columns", _("Line %(line)s has too many columns."), number)
            yield number, cast(list[Cell], cells[:COLUMN_LIMIT])
    except (CalamineError, OSError, ValueError, IndexError) as bad:
        raise Refused(
            "broken_file", _("The workbook is damaged. Open it, save it again and send that."), pointer="/file"
        ) from bad
