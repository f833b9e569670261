"""Checking the rows of a list of divisions and writing them as COPY takes them; what is refused goes to `Reading`.

660,000 rows pass here, so nothing is built per row that a whole chunk can share, and a row without fault runs through
one condition; only what fails it is asked why.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from common.text import clean, fault
from stations.pinyin import initials_of_all
from stations.services.division_files import NATIONAL, DivisionList, Fault, Part, Reading, tables
from stations.states import RegionLevel, Terrain

NAME_MAX = 80
REQUIRED = ("code", "name", "level", "parent_code")
OPTIONAL = ("lng", "lat", "point_source", "terrain", "province_name", "prefecture_name", "urban_rural", "population")
# what COPY gets; the optional columns only from our own form
STAGED = ("part", "line", "code", "level", "parent_code", "name", "initials")
_LEVELS = frozenset(RegionLevel.values)
_NATURAL = re.compile(r"[0-9]{12}[0-9A-Z]{1,4}")
_TERRAINS = {**{value: value for value in Terrain.values}, "平原": "plain", "丘陵": "hill", "山区": "mountain"}
# say nothing as a prefecture's name
_GENERIC = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
NationalRow = tuple[int, str, str, str]  # line, 12-digit code, name, code of the file's parent column


@dataclass(frozen=True)
class Batch:
    """Rows as COPY takes them: the columns and the text."""

    columns: tuple[str, ...]
    text: str


def batches(divisions: DivisionList, reading: Reading) -> Iterator[Batch]:
    """The list's rows, ready for COPY, a few MB at a time."""
    yield from _national(divisions.parts, reading) if divisions.national else _own(divisions.parts[0], reading)


# --- our own form ---------------------------------------------------------------------------------------------------


def _own(part: Part, reading: Reading) -> Iterator[Batch]:
    for header, rows in tables(part, reading, REQUIRED, OPTIONAL):
        extra = tuple(name for name in OPTIONAL if name in header)
        at_code, at_name, at_level, at_parent = (header[name] for name in REQUIRED)
        kept: list[tuple[int, str, str, str | None, list[str | None]]] = []
        names: list[str] = []
        for line, cells in rows:
            cells = [cell.strip() for cell in cells]
            code, level, parent = cells[at_code], cells[at_level], cells[at_parent]
            name, found = _checked_name(cells[at_name])
            values: list[str | None] = []
            shaped = _code_fault(code, level)
            found = shaped or _parent_fault(code, level, parent) or found or _repeated(code, reading)
            if not found:
                values, found = _extras(cells, header, extra)
            if found:
                value = cells[header[found[0]]] if found[0] in header else ""
                known = "" if shaped and shaped[0] == "code" else code
                reading.refuse(line, found, value, known)
                continue
            reading.seen.add(code)
            kept.append((line, code, level, None if level == RegionLevel.COUNTY else parent, values))
            names.append(name)
        shorts = initials_of_all(names)
        lines = []
        for (line, code, level, above, values), name, short in zip(kept, names, shorts, strict=True):
            more = ["\\N" if value is None else _escaped(value) for value in values]
            first = (f"0\t{line}", code, level, above or "\\N", _escaped(name), short[:80])
            lines.append("\t".join([*first, *more]))
        yield Batch((*STAGED, *extra), "\n".join([*lines, ""]))


def _code_fault(code: str, level: str) -> Fault | None:
    if level not in _LEVELS:
        if not _digits(code, 12) and not _NATURAL.fullmatch(code):
            return "code", "bad_code", _("A division's code has 12 digits.")
        levels = ", ".join(RegionLevel.values)
        return "level", "unknown_level", _("There is no such level; these are known: %(levels)s.") % {"levels": levels}
    if level == RegionLevel.NATURAL_VILLAGE:
        if not _NATURAL.fullmatch(code):
            sentence = _(
                "A natural village has the 12 digits of its village and 1 to 4 digits or capitals behind them."
            )
            return "code", "bad_code", sentence
        return None
    if not _digits(code, 12):
        return "code", "bad_code", _("A division's code has 12 digits.")
    county, township = code.endswith("000000"), code.endswith("000")
    shape = RegionLevel.COUNTY if county else RegionLevel.TOWNSHIP if township else RegionLevel.VILLAGE
    if shape != level:
        return "level", "level_mismatch", _("The zeros at the end of the code say that it is of another level.")
    return None


def _parent_fault(code: str, level: str, parent: str) -> Fault | None:
    if level == RegionLevel.COUNTY:
        return None  # what stands above a county is no row of ours
    if not _digits(parent, 12):
        return "parent_code", "bad_parent", _("The code of the division above has 12 digits.")
    if parent[:6] != code[:6]:
        return "parent_code", "parent_elsewhere", _("The division above lies in another county.")
    return None


def _repeated(code: str, reading: Reading) -> Fault | None:
    if code in reading.seen:
        return "code", "duplicate_code", _("This code stands in the file twice; the first row is kept.")
    return None


def _checked_name(name: str) -> tuple[str, Fault | None]:
    if not name.isprintable():
        if kind := fault(name):
            return name, ("name", kind, _("The name holds characters that can't be stored."))
        name = clean(name).replace("\t", " ").replace("\n", " ")
    if not name:
        return name, ("name", "empty_name", _("The name is empty."))
    if len(name) > NAME_MAX:
        return name, ("name", "name_too_long", _("A name has at most %(count)d characters.") % {"count": NAME_MAX})
    return name, None


def _extras(cells: list[str], header: dict[str, int], extra: tuple[str, ...]) -> tuple[list[str | None], Fault | None]:
    """The optional cells as COPY takes them."""
    given = {name: cells[header[name]] for name in extra}
    for name, text in given.items():
        if not text.isprintable():
            return [], (name, fault(text) or "bad_character", _("This cell holds characters that can't be stored."))
    lng, lat = given.get("lng", ""), given.get("lat", "")
    if lng or lat:
        for name, text, limit in (("lng", lng, 180), ("lat", lat, 90)):
            if not _within(text, limit):
                sentence = _("A point needs a longitude from -180 to 180 and a latitude from -90 to 90, in degrees.")
                return [], (name if name in header else "lng", "bad_point", sentence)
    if given.get("terrain"):
        if given["terrain"] not in _TERRAINS:
            return [], ("terrain", "unknown_terrain", _("Terrain is one of plain, hill, mountain."))
        given["terrain"] = _TERRAINS[given["terrain"]]
    people = given.get("population", "")
    if people and not (people.isascii() and people.isdigit() and len(people) <= 9):
        return [], ("population", "not_a_number", _("A number is needed here."))
    for name, most in (("point_source", 60), ("province_name", 40), ("prefecture_name", 40), ("urban_rural", 3)):
        if len(given.get(name, "")) > most:
            return [], (name, "too_long", _("At most %(count)d characters fit here.") % {"count": most})
    return [given[name] or None for name in extra], None


def _within(text: str, limit: int) -> bool:
    try:
        return len(text) <= 24 and text.isascii() and "_" not in text and abs(float(text)) <= limit
    except ValueError:
        return False


# --- the national list ----------------------------------------------------------------------------------------------


def _national(parts: list[Part], reading: Reading) -> Iterator[Batch]:
    """Counties first, each with the names above it; then townships and villages. 9 digits become 12 by zeros."""
    provinces, cities, areas, streets, villages = parts
    province_names = _names(provinces, reading)
    city_names = _names(cities, reading)
    counties: set[str] = set()

    def county_line(part: int, line: int, code: str, name: str) -> str:
        province, city = province_names.get(code[:2], ""), city_names.get(code[:4], "")
        counties.add(code[:6])
        short = initials_of_all([name])[0][:80]
        above = "\t".join(_escaped(text[:40]) or "\\N" for text in (province, city))
        return f"{part}\t{line}\t{code}\tcounty\t\\N\t{_escaped(name)}\t{short}\t{above}"

    county_columns = (*STAGED, "province_name", "prefecture_name")
    for rows in _plain(areas, reading, digits=6):
        lines = [county_line(areas.number, line, code, name) for line, code, name, _parent in rows]
        yield Batch(county_columns, "\n".join([*lines, ""]))
    for rows in _plain(streets, reading, digits=9):
        # some prefectures have towns and no county level: a placeholder named like the prefecture stands in
        roots = sorted({code[:6] for _line, code, _name, _parent in rows} - counties)
        named = [(code + "000000", city_names.get(code[:4]) or province_names.get(code[:2]) or code) for code in roots]
        reading.placeholders += len(named)
        reading.seen.update(code for code, _name in named)
        if named:
            lines = [county_line(streets.number, 0, code, name) for code, name in named]
            yield Batch(county_columns, "\n".join([*lines, ""]))
        yield _batch(streets.number, RegionLevel.TOWNSHIP, rows, lambda code: code[:6] + "000000")
    for rows in _plain(villages, reading, digits=12):
        yield _batch(villages.number, RegionLevel.VILLAGE, rows, lambda code: code[:9] + "000")


def _names(part: Part, reading: Reading) -> dict[str, str]:
    digits = 2 if part.name == "provinces.csv" else 4
    found: dict[str, str] = {}
    for header, rows in tables(part, reading, NATIONAL[part.name]):
        for line, cells in rows:
            code, name = cells[header["code"]], cells[header["name"]].strip()
            if not _digits(code, digits):
                reading.refuse(line, _national_code_fault(part, digits), code)
            elif name.isprintable() and name not in _GENERIC:
                found[code] = name
    return found


def _plain(part: Part, reading: Reading, *, digits: int) -> Iterator[list[NationalRow]]:
    zeros = "0" * (12 - digits)
    columns = NATIONAL[part.name]
    seen = reading.seen
    for header, rows in tables(part, reading, columns):
        at_code, at_name, at_parent = header["code"], header["name"], header[columns[2]]
        kept: list[NationalRow] = []
        for line, cells in rows:
            code, name, parent = cells[at_code], cells[at_name], cells[at_parent]
            if (
                len(code) == digits
                and code.isdigit()
                and code.isascii()
                and 0 < len(name) <= NAME_MAX
                and name.isprintable()
                and name.strip() == name
                and parent
                and code.startswith(parent)
                and not (digits == 12 and code.endswith("000"))
                and (whole := code + zeros) not in seen
            ):
                seen.add(whole)
                kept.append((line, whole, name, parent))
            elif closer := _closer_look(part, reading, line, (code, name, parent), digits):
                kept.append(closer)
        yield kept


def _closer_look(
    part: Part, reading: Reading, line: int, cells: tuple[str, str, str], digits: int
) -> NationalRow | None:
    """A row that is not plain: cleaned and kept, or refused, or a filler that repeats the division above it."""
    code, name, parent = (cell.strip() for cell in cells)
    if not _digits(code, digits):
        reading.refuse(line, _national_code_fault(part, digits), code)
        return None
    whole = code.ljust(12, "0")
    if whole == parent.ljust(12, "0"):
        return None
    name, found = _checked_name(name)
    if not parent or not code.startswith(parent):
        found = found or ("code", "parent_elsewhere", _("The code doesn't begin with that of the division above."))
    found = found or _repeated(whole, reading)
    if found:
        column, kind, sentence = found
        reading.refuse(line, (f"{part.name}: {column}", kind, sentence), name if column == "name" else code, whole)
        return None
    reading.seen.add(whole)
    return line, whole, name, parent


def _national_code_fault(part: Part, digits: int) -> Fault:
    sentence = _("The code has %(count)d digits in this file.") % {"count": digits}
    return f"{part.name}: code", "bad_code", sentence


def _batch(part: int, level: str, rows: list[NationalRow], parent_of: Callable[[str], str]) -> Batch:
    names = [row[2] for row in rows]
    shorts = initials_of_all(names)
    if any("\\" in name for name in names):
        names = [_escaped(name) for name in names]
    lines = [
        f"{part}\t{row[0]}\t{row[1]}\t{level}\t{parent_of(row[1])}\t{name}\t{short}"
        for row, name, short in zip(rows, names, shorts, strict=True)
    ]
    return Batch(STAGED, "\n".join([*lines, ""]))


def _digits(text: str, count: int) -> bool:
    return len(text) == count and text.isascii() and text.isdigit()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")
