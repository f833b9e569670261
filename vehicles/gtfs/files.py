"""From a folder or a zip to rows of text, bounded, with what is wrong in the files themselves."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vehicles.gtfs.feed import ERROR, NOTE, WARNING, Finding
from vehicles.gtfs.tables import READ, UNREAD, Table


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken of a feed at most: bytes unpacked, rows of all files that are read, files, findings of one kind."""

    size: int = 64 * 1024 * 1024
    rows: int = 600_000
    files: int = 100
    alike: int = 100


@dataclass(slots=True)
class Notebook:
    """Findings in the order met; many alike in one file are counted, not listed."""

    alike: int
    found: list[Finding] = field(default_factory=list)
    _count: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, level: str, code: str, file: str, line: int = 0, column: str = "", **params: object) -> None:
        key = (level, code, file)
        self._count[key] = self._count.get(key, 0) + 1
        if self._count[key] <= self.alike:
            said = tuple((name, str(value)[:80]) for name, value in params.items())
            self.found.append(Finding(level, code, file[:80], line, column[:60], said))

    def closed(self) -> tuple[Finding, ...]:
        for (level, code, file), n in self._count.items():
            if n > self.alike:
                self.found.append(
                    Finding(level, "and_more", file[:80], 0, "", (("code", code), ("n", str(n - self.alike))))
                )
        return tuple(self.found)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its cells by column, stripped; what is missing is empty."""

    file: str
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that could be read: header and rows."""

    columns: frozenset[str]
    rows: tuple[Row, ...]


def raw_files(source: Path | str | bytes, limits: Limits, notes: Notebook) -> dict[str, bytes]:
    """The feed's files by name. Nothing but findings where it is no feed at all."""
    if isinstance(source, bytes):
        return _unzipped(io.BytesIO(source), limits, notes)
    path = Path(source)
    if path.is_dir():
        return _from_folder(path, limits, notes)
    if not path.is_file():
        notes.add(ERROR, "no_such_feed", path.name)
        return {}
    with path.open("rb") as stream:
        return _unzipped(stream, limits, notes)


def _from_folder(folder: Path, limits: Limits, notes: Notebook) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = limits.size
    for path in sorted(one for one in folder.iterdir() if one.is_file()):
        if _not_of_the_feed(path.name):
            continue
        with path.open("rb") as stream:
            content = stream.read(left + 1)
        left -= len(content)
        if left < 0 or len(files) >= limits.files:
            notes.add(ERROR, "too_large" if left < 0 else "too_many_files", path.name)
            return {}
        files[path.name] = content
    return files


def _unzipped(stream: io.BufferedIOBase, limits: Limits, notes: Notebook) -> dict[str, bytes]:
    """Read against the limit as it unpacks: the sizes a zip states about itself aren't to be trusted."""
    files: dict[str, bytes] = {}
    left = limits.size
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir() and not _not_of_the_feed(one.filename)]
            if len(entries) > limits.files:
                notes.add(ERROR, "too_many_files", "")
                return {}
            folders = {str(PurePosixPath(one.filename).parent) for one in entries}
            if len(folders) == 1 and folders != {"."}:
                notes.add(WARNING, "in_a_folder", folders.pop())
            elif len(folders) > 1:
                entries = [one for one in entries if "/" not in one.filename]
            for entry in entries:
                with archive.open(entry) as packed:
                    content = packed.read(left + 1)
                left -= len(content)
                if left < 0:
                    notes.add(ERROR, "too_large", PurePosixPath(entry.filename).name)
                    return {}
                files[PurePosixPath(entry.filename).name] = content
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError):
        notes.add(ERROR, "not_a_feed", "")
        return {}
    return files


def _not_of_the_feed(name: str) -> bool:
    """What a desk leaves behind: hidden files and the Mac's shadow folder."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def sheets(files: dict[str, bytes], limits: Limits, notes: Notebook) -> dict[str, Sheet | None]:
    """Every file we take rows from, read; None for one that is there and can't be read (its finding says why)."""
    read: dict[str, Sheet | None] = {}
    left = limits.rows
    for name in sorted(files):
        if name in READ:
            sheet = _sheet(name, files[name], READ[name], left, notes)
            left -= len(sheet.rows) if sheet else 0
            read[name] = sheet
        elif name in UNREAD:
            table = UNREAD[name]
            if table is not None:
                _header_only(name, files[name], table, notes)
        else:
            notes.add(WARNING, "unknown_file", name)
    return read


def _text(name: str, content: bytes, notes: Notebook) -> str | None:
    if content[:2] in (b"\xfe\xff", b"\xff\xfe") or content[:64].count(0) > len(content[:64]) // 4:
        notes.add(ERROR, "not_utf8", name, 1, encoding="UTF-16")
        return None
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        for number, line in enumerate(content.split(b"\n"), start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as fault:
                notes.add(ERROR, "bad_bytes", name, number, byte=f"{line[fault.start]:02X}", at=fault.start + 1)
        text = content.decode("utf-8", errors="replace")
    if "\0" in text:
        notes.add(ERROR, "bad_bytes", name, text[: text.index("\0")].count("\n") + 1, byte="00", at=0)
        text = text.replace("\0", "�")
    return text


def _lines(name: str, text: str, notes: Notebook) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line each begins on; a quote that never closes ends the file there."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            notes.add(ERROR, "broken_quoting", name, number)
            return
        if any(cell.strip() for cell in cells):
            yield number, cells


def _header(name: str, cells: list[str], table: Table, notes: Notebook) -> list[str] | None:
    """The columns by place; None where one that is needed is missing or one stands twice."""
    columns = [cell.strip() for cell in cells]
    sound = True
    for column in table.required:
        if column not in columns:
            notes.add(ERROR, "missing_column", name, 1, column)
            sound = False
    for at, column in enumerate(columns):
        if not column:
            notes.add(WARNING, "empty_column_name", name, 1, at=at + 1)
        elif column in columns[:at]:
            notes.add(ERROR, "duplicate_column", name, 1, column)
            sound = False
        elif column not in table.columns:
            notes.add(WARNING, "unknown_column", name, 1, column)
    return columns if sound else None


def _header_only(name: str, content: bytes, table: Table, notes: Notebook) -> None:
    """Of a file whose rows we don't take only what its header says is told, and never as more than a warning."""
    first = content.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", errors="replace")
    if content[:2] in (b"\xfe\xff", b"\xff\xfe"):
        notes.add(WARNING, "not_utf8", name, 1, encoding="UTF-16")
        return
    columns = [cell.strip() for cell in next(csv.reader([first.rstrip("\r")]), [])]
    for column in columns:
        if column and column not in table.columns:
            notes.add(WARNING, "unknown_column", name, 1, column)
    for column in table.required:
        if column not in columns:
            notes.add(WARNING, "missing_column", name, 1, column)


def _sheet(name: str, content: bytes, table: Table, most: int, notes: Notebook) -> Sheet | None:
    text = _text(name, content, notes)
    if text is None:
        return None
    lines = _lines(name, text, notes)
    first = next(lines, None)
    if first is None:
        notes.add(ERROR, "empty_file", name)
        return None
    columns = _header(name, first[1], table, notes)
    if columns is None:
        return None
    rows: list[Row] = []
    for number, cells in lines:
        if len(rows) >= most:
            notes.add(ERROR, "too_many_rows", name, number, most=most)
            return None
        if len(cells) < len(columns):
            notes.add(WARNING, "missing_cells", name, number, cells=len(cells), columns=len(columns))
        elif len(cells) > len(columns):
            # Spare commas at the end do no harm; a value past the last column means that a comma has shifted the row.
            spare = not any(cell.strip() for cell in cells[len(columns) :])
            code = "spare_commas" if spare else "extra_cells"
            notes.add(WARNING if spare else ERROR, code, name, number, cells=len(cells), columns=len(columns))
            if not spare:
                continue
        rows.append(Row(name, number, {c: v.strip() for c, v in zip(columns, cells, strict=False) if c}))
    if not rows:
        notes.add(NOTE, "no_rows", name)
    return Sheet(frozenset(columns), tuple(rows))
