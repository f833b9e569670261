"""What a line of a parcel file may say: pure reading of cells into a `ParcelLine`, or into the reasons why not.

A cell is text, or what a workbook keeps as something else (number, date, truth value). Nothing is guessed: a number
where text belongs has lost its leading zeros or last digits, so it is refused with the advice to format the column.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from common import text
from common.clock import SHANGHAI
from orders.states import GoodsClass

Cell = str | int | float | bool | datetime | date | None

# field → (its name to people, further accepted headers, folded by `folded_header`)
COLUMNS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "carrier": (_("Courier company"), ("carrier", "快递公司", "快递", "快递品牌", "承运商", "品牌")),
    "waybill": (_("Waybill"), ("waybill", "waybillno", "运单号", "运单号码", "快递单号", "单号", "面单号")),
    "recipient": (_("Recipient"), ("recipient", "name", "收件人", "收货人", "姓名", "收件人姓名")),
    "phone": (_("Phone"), ("phone", "电话", "手机", "手机号", "手机号码", "联系电话", "收件人电话", "收件人手机")),
    "village": (_("Village code"), ("village", "villagecode", "村代码", "村编码", "行政村代码", "村级代码")),
    "collected_at": (_("Collected at"), ("collectedat", "collected", "揽收时间", "揽件时间", "收寄时间")),
    "weight_g": (_("Weight, grams"), ("weightg", "重量克", "重量g")),
    "weight_kg": (_("Weight, kilograms"), ("weightkg", "重量千克", "重量公斤", "重量kg")),
    "volume_l": (_("Volume, litres"), ("volumel", "volume", "体积升", "体积l")),
    "goods": (_("Goods"), ("goods", "goodsclass", "货物类别", "货物类型", "物品类别", "物品类型")),
    "station": (_("Outlet code"), ("station", "stationcode", "站点编码", "服务点编码")),
}
REQUIRED = ("carrier", "waybill", "recipient", "phone", "village", "collected_at")
TEMPLATE_HEADER = ("快递公司", "运单号", "收件人", "手机号", "村代码", "揽收时间", "重量（克）")

PROBLEMS: dict[str, Any] = {
    "required": _("This cell must not be empty."),
    "lost_digits": _("The cell holds a number, so digits may be lost. Format the column as text and fill it again."),
    "nul_character": _("The text holds a character that can't be stored."),
    "bad_unicode": _("The text holds a broken character."),
    "too_long": _("The text is too long (at most %(limit)s characters)."),
    "unknown_carrier": _("This carrier is not in the list of organisations."),
    "waybill_form": _("A waybill has 6 to 40 letters, digits and hyphens."),
    "phone_form": _("This is no phone number. Masked (138****1907) and virtual numbers with extension are fine."),
    "village_form": _("A village code has 12 digits."),
    "unknown_village": _("No division has this code."),
    "not_a_village": _("This code is a county's or township's, not a village's."),
    "village_closed": _("This division was closed; use its successor's code."),
    "other_county": _("This village belongs to another county."),
    "outlet_ambiguous": _("The village has several outlets (%(outlets)s). Name one in the column of outlet codes."),
    "unknown_station": _("No outlet in service with this code serves the village."),
    "twice_in_file": _("The same waybill is already in row %(first)s."),
    "changed": _("Already imported with other content (%(columns)s). It stays as it was unless you choose to update."),
    "parcel_ended": _(
        "Already imported with other content (%(columns)s), and the parcel's way has ended: not changed."
    ),
    "out_of_scope": _("This parcel is not of your station, township or company."),
    "date_form": _("This is no date and time. Write 2026-11-20 08:30."),
    "in_future": _("This time lies in the future."),
    "too_early": _("This time lies before 2010."),
    "weight_form": _("A weight is a number between 1 gram and 1,000 kilograms."),
    "volume_form": _("A volume is a number between 0.01 and 10,000 litres."),
    "goods_form": _("Goods are one of: %(words)s. Empty means ordinary."),
    "extra_cells": _("The row has more cells than the header."),
}
NOTES: dict[str, Any] = {
    "waybill_pattern": _("The number does not look like one of this carrier (looks like: %(looks_like)s). Imported."),
    "waybill_check_digit": _("The check digit is wrong: it may be misread. Imported."),
    "serial_date": _("A spreadsheet's day number was read as %(read_as)s."),
    "masked": _("The platform masks this recipient. Pick-up by code works; calling may not."),
    "no_outlet": _("The village has no outlet in service: to be fetched at the township centre."),
    "nowhere": _("Neither the village nor its township has a station in service: no destination yet."),
}

EARLIEST = datetime(2010, 1, 1, tzinfo=SHANGHAI)
CLOCK_SLACK = timedelta(minutes=10)
NAME_LIMIT = 40
WEIGHT_LIMIT_G = 1_000_000
VOLUME_LIMIT_ML = 10_000_000
# What carriers write for each goods class, beside its code.
GOODS_WORDS: dict[str, tuple[str, ...]] = {
    GoodsClass.NORMAL: ("普通", "普货", "一般"),
    GoodsClass.FRESH: ("生鲜", "冷藏", "生鲜冷藏"),
    GoodsClass.FROZEN: ("冷冻", "冻品"),
    GoodsClass.FRAGILE: ("易碎", "易碎品"),
    GoodsClass.VALUABLE: ("贵重", "贵重品", "保价"),
    GoodsClass.HAZARDOUS: ("危险品", "危化品", "危险货物"),
}
_SERIAL_DAY_0 = datetime(1899, 12, 30, tzinfo=SHANGHAI)
_PHONE = re.compile(r"[0-9*]{7,13}(?:-[0-9*]{1,6})?")
_DATE = re.compile(
    r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))"
    r"(?:[T ]*(\d{1,2})(?:[:时点](\d{1,2})(?:[:分](\d{1,2})(?:\.\d+)?秒?)?分?|时|点))?"
    r" *(Z|[+-]\d{2}:?\d{2})?"
)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class ParcelLine:
    """One parcel as announced. `row` is its row in the file (1 is the header's); names and phones in full or masked."""

    row: int
    carrier: str
    waybill_no: str
    recipient: str
    phone: str
    village_code: str
    collected_at: datetime | None = None
    weight_g: int | None = None
    station_code: str = ""
    volume_ml: int | None = None
    goods_class: str = ""  # "": the file doesn't say


@dataclass(frozen=True, slots=True)
class LineProblem:
    """Why a row was refused (or, from NOTES, what to know about it); `column` is a key of COLUMNS or ""."""

    row: int
    column: str
    code: str
    value: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def detail(self) -> str:
        """The sentence, in the active language."""
        return str(PROBLEMS.get(self.code) or NOTES[self.code]) % self.args

    @property
    def column_name(self) -> str:
        """The column as people call it, in the active language."""
        return str(COLUMNS[self.column][0]) if self.column in COLUMNS else ""


class _Bad(Exception):
    def __init__(self, code: str, **args: Any) -> None:
        super().__init__(code)
        self.code, self.args_of_code = code, args


def folded_header(cell: object) -> str:
    """A header as it is compared: NFKC, lower case, without spaces, underscores, brackets and marks of duty."""
    return re.sub(r"[\s_()（）\[\]*:：/-]+", "", unicodedata.normalize("NFKC", str(cell or ""))).lower()


def column_of(header: object) -> str:
    """The key of COLUMNS that a header names, "" for none."""
    folded = folded_header(header)
    return next((key for key, (_label, names) in COLUMNS.items() if folded in names), "")


def read_row(
    row: int, cells: Mapping[str, Cell], carriers: Mapping[str, str], at: datetime
) -> tuple[ParcelLine | None, list[LineProblem], list[LineProblem]]:
    """A line, or None and every problem of the row; and notes. `carriers`: folded code or name → code."""
    problems: list[LineProblem] = []
    notes: list[LineProblem] = []
    values: dict[str, Any] = {}
    for column, reader in _READERS.items():
        cell = cells.get(column)
        try:
            values[column] = reader(cell, carriers, at)
        except _Bad as bad:
            problems.append(LineProblem(row, column, bad.code, shown(column, cell), bad.args_of_code))
    if problems:
        return None, problems, notes
    collected_at, was_serial = values["collected_at"]
    if was_serial:
        read_as = f"{collected_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        notes.append(LineProblem(row, "collected_at", "serial_date", str(cells["collected_at"]), {"read_as": read_as}))
    if "*" in values["recipient"] or "*" in values["phone"]:
        notes.append(LineProblem(row, "recipient", "masked"))
    weight_g = values["weight_g"] if values["weight_g"] is not None else values["weight_kg"]
    line = ParcelLine(
        row,
        values["carrier"],
        values["waybill"],
        values["recipient"],
        values["phone"],
        values["village"],
        collected_at,
        weight_g,
        values["station"],
        values["volume_l"],
        values["goods"],
    )
    return line, problems, notes


def shown(column: str, cell: Cell) -> str:
    """A refused cell as lists may show it: personal columns masked, at most 60 characters."""
    said = text.clean(str(cell if cell is not None else "").replace("\x00", ""))[:60]
    if column == "recipient":
        return text.masked_name(said)
    if column == "phone":
        return said[:3] + "*" * max(0, len(said) - 3)
    return said


def carrier_key(said: str) -> str:
    """How a carrier's code or name is looked up."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", said)).upper()


# --- one reader a column: (cell, carriers, at) → value, or _Bad -------------------------------------------


def _text(cell: Cell, *, required: bool, limit: int, numbers: bool = False) -> str:
    if cell is None:
        said = ""
    elif isinstance(cell, str):
        said = cell
    elif numbers and isinstance(cell, int | float) and not isinstance(cell, bool) and float(cell).is_integer():
        said = str(int(cell))
    else:
        raise _Bad("lost_digits")
    if not said.isascii() or not said.isprintable():
        if fault := text.fault(said):
            raise _Bad(fault)
        said = text.clean(said)
    said = said.strip()
    if required and not said:
        raise _Bad("required")
    if len(said) > limit:
        raise _Bad("too_long", limit=limit)
    return said


def _carrier(cell: Cell, carriers: Mapping[str, str], at: datetime) -> str:
    key = carrier_key(_text(cell, required=True, limit=80))
    if key not in carriers:
        raise _Bad("unknown_carrier")
    return carriers[key]


def _waybill(cell: Cell, carriers: Mapping[str, str], at: datetime) -> str:
    said = text.normal_code(_text(cell, required=True, limit=80))
    if not text.CODE.fullmatch(said):
        raise _Bad("waybill_form")
    return said


def _recipient(cell: Cell, carriers: Mapping[str, str], at: datetime) -> str:
    return re.sub(r"\s+", " ", _text(cell, required=True, limit=NAME_LIMIT))


def _phone(cell: Cell, carriers: Mapping[str, str], at: datetime) -> str:
    said = normal_phone(_text(cell, required=True, limit=40))
    if not said:
        raise _Bad("phone_form")
    return said


def normal_phone(said: str) -> str:
    """13812341907, 138****1907, 12345678901-1234, 023-70701234 as one writes them; "" for what is no phone."""
    kept = re.sub(r"[\s()·.]+", "", unicodedata.normalize("NFKC", said)).replace("×", "*").replace("x", "*")
    kept = re.sub(r"(?:转|,|#|ext)+", "-", kept.replace("X", "*").replace("—", "-").replace("–", "-"))
    kept = re.sub(r"^(?:\+|00)86-?", "", kept)
    if re.fullmatch(r"1[\d*]{2}-[\d*]{4}-[\d*]{4}", kept):
        kept = kept.replace("-", "")
    elif re.fullmatch(r"0\d{2,3}-[\d*]{7,8}(?:-\d{1,6})?", kept):
        kept = kept.replace("-", "", 1)
    return kept if _PHONE.fullmatch(kept) else ""


def phone_tail(phone: str) -> str:
    """The last four digits as written (of a virtual number: of its extension where it has four), "" if masked."""
    extension = phone.rpartition("-")[2]
    tail = (extension if len(extension) >= 4 else phone.replace("-", ""))[-4:]
    return tail if tail.isdigit() else ""


def _village(cell: Cell, carriers: Mapping[str, str], at: datetime) -> str:
    said = text.normal_code(_text(cell, required=True, limit=40, numbers=True))
    if not re.fullmatch(r"\d{12}[0-9A-Z]{0,4}", said):
        raise _Bad("village_form")
    return said


def _station(cell: Cell, carriers: Mapping[str, str], at: datetime) -> str:
    return text.normal_code(_text(cell, required=False, limit=20))


def _collected_at(cell: Cell, carriers: Mapping[str, str], at: datetime) -> tuple[datetime | None, bool]:
    when, was_serial = read_time(cell)
    if when is not None:
        if when > at + CLOCK_SLACK:
            raise _Bad("in_future")
        if when < EARLIEST:
            raise _Bad("too_early")
    return when, was_serial


def read_time(cell: Cell) -> tuple[datetime | None, bool]:
    """A time in UTC, naive ones being Asia/Shanghai, and whether it was a spreadsheet's day number (1900 system)."""
    if cell is None or cell == "":
        return None, False
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=SHANGHAI)).astimezone(UTC), False
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=SHANGHAI).astimezone(UTC), False
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _serial(float(cell)), True
    if not isinstance(cell, str):
        raise _Bad("date_form")
    said = unicodedata.normalize("NFKC", cell).strip()
    if not said:
        return None, False
    if _SERIAL.fullmatch(said):
        return _serial(float(said)), True
    match = _DATE.fullmatch(said)
    if match is None:
        raise _Bad("date_form")
    year, month, day, month2, day2, hour, minute, second, zone = match.groups()
    try:
        when = datetime(
            int(year), int(month or month2), int(day or day2), int(hour or 0), int(minute or 0), int(second or 0),
            tzinfo=UTC if zone == "Z" else SHANGHAI,
        )  # fmt: skip
        if zone and zone != "Z":
            sign = -1 if zone[0] == "-" else 1
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * sign
            when = when.replace(tzinfo=UTC) - offset
        return when.astimezone(UTC), False
    except (ValueError, OverflowError) as impossible:
        raise _Bad("date_form") from impossible


def _serial(days: float) -> datetime:
    if not 36_526 <= days < 73_051:  # 2000 to 2099; anything else is no day number
        raise _Bad("date_form")
    return (_SERIAL_DAY_0 + timedelta(seconds=round(days * 86_400))).astimezone(UTC)


def _measure(cell: Cell, times: int, least: int, most: int, code: str) -> int | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool | datetime | date):
        raise _Bad(code)
    try:
        measured = Decimal(unicodedata.normalize("NFKC", str(cell)).strip().replace(",", "")) * times
        if not least <= measured <= most:  # NaN raises here
            raise _Bad(code)
        return int(measured)
    except ArithmeticError as unreadable:
        raise _Bad(code) from unreadable


def _weight(cell: Cell, grams: int) -> int | None:
    return _measure(cell, grams, 1, WEIGHT_LIMIT_G, "weight_form")


def _goods(cell: Cell, carriers: Mapping[str, str], at: datetime) -> str:
    said = unicodedata.normalize("NFKC", _text(cell, required=False, limit=20)).lower()
    if not said:
        return ""
    for goods_class, words in GOODS_WORDS.items():
        if said == goods_class or said in words:
            return str(goods_class)
    raise _Bad("goods_form", words="、".join(words[0] for words in GOODS_WORDS.values()))


_READERS: dict[str, Any] = {
    "carrier": _carrier,
    "waybill": _waybill,
    "recipient": _recipient,
    "phone": _phone,
    "village": _village,
    "collected_at": _collected_at,
    "weight_g": lambda cell, carriers, at: _weight(cell, 1),
    "weight_kg": lambda cell, carriers, at: _weight(cell, 1000),
    "station": _station,
    "volume_l": lambda cell, carriers, at: _measure(cell, 1000, 10, VOLUME_LIMIT_ML, "volume_form"),
    "goods": _goods,
}
