"""Waybill numbers: which carriers a number may belong to, as a rule table (patterns age: they warn, never refuse).

Strict patterns are those the carriers print today; wider ones are what has been seen in older or odd series. Sources:
couriers' validation 2024-09, a public Hive UDF 2022-11; ITU-T/UPU S10 for postal items.
"""

import re
from dataclasses import dataclass

from common import text

_S10 = re.compile(r"[A-Z]{2}(\d{8})(\d)[A-Z]{2}")
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


@dataclass(frozen=True)
class Carrier:
    """A carrier as files and scans name it; `share` orders equally good matches, the commoner first."""

    code: str
    name: str
    short: str
    share: int
    strict: re.Pattern[str]
    wider: re.Pattern[str]


def _carrier(code: str, name: str, short: str, share: int, strict: str, wider: str) -> Carrier:
    return Carrier(code, name, short, share, re.compile(strict), re.compile(wider))


CARRIERS: dict[str, Carrier] = {
    row.code: row
    for row in (
        _carrier("ZTO", "中通快递", "中通", 20, r"7[3-68]\d{12}", r"\d{14}|(?:2|3|4|5|6|7|8|9)\d{11}"),
        _carrier("YTO", "圆通速递", "圆通", 16, r"YT\d{13}", r"[A-Z0-9]{2}\d{10,13}"),
        _carrier("YUNDA", "韵达速递", "韵达", 14, r"[34]\d{14}|5\d{12}", r"\d{13}|\d{15}"),
        _carrier(
            "STO",
            "申通快递",
            "申通",
            13,
            r"(?:77|43)\d{12,15}",
            r"(?:77|88|99)\d{13}|(?:268|888|588|688|368|468|568|668|768|868|968)\d{9}|STO\d{10}",
        ),
        _carrier("JT", "极兔速递", "极兔", 13, r"JT\d{13}", r"JT\d{12,13}"),
        _carrier(
            "EMS",
            "中国邮政",
            "邮政",
            10,
            r"[981]\d{12}|P[A-Z]\d{11}",
            r"[A-Z]{2}\d{9}[A-Z]{2}|(?:10|11|12|50|51|52|95|96|97|98|99)\d{11}",
        ),
        _carrier(
            "JD", "京东快递", "京东", 6, r"JD[A-Z0-9]{2}\d{11}", r"(?:JD[XK]\d{12}|JDV[A-Z]\d{11})(?:-\d+){0,3}-?"
        ),
        _carrier("SF", "顺丰速运", "顺丰", 6, r"SF[A-Z0-9]\d{12}", r"\d{12}|SF[A-Z0-9]{2,33}"),
        _carrier("DEPPON", "德邦快递", "德邦", 2, r"DPK\d{12}", r"\d{8,10}|DPK[A-Z0-9-]{6,}"),
        _carrier("CAINIAO", "菜鸟速递", "菜鸟", 1, r"621\d{12}", r"621\d{12}"),
    )
}
_BY_SHARE = sorted(CARRIERS.values(), key=lambda row: -row.share)


def recognise(waybill: str) -> list[str]:
    """Codes of the carriers a normalised number may belong to, best first; [] where none is known.

    1. a postal number whose check digit is right; 2. strict patterns, the narrower first; 3. wider patterns.
    """
    if not text.CODE.fullmatch(waybill):
        return []
    strict = [row.code for row in _BY_SHARE if row.strict.fullmatch(waybill)]
    wider = [row.code for row in _BY_SHARE if row.code not in strict and row.wider.fullmatch(waybill)]
    if "CAINIAO" in strict:  # three fixed digits say more than a length
        strict = ["CAINIAO", *(code for code in strict if code != "CAINIAO")]
    found = strict + wider
    if s10_ok(waybill):
        found = ["EMS", *(code for code in found if code != "EMS")]
    return found


def waybill_fault(carrier: str, waybill: str) -> str:
    """What is odd about a number under its carrier: "" (fine, or a carrier without patterns), "waybill_form" (can't
    be a number at all), "waybill_check_digit" (a postal number read wrongly), "waybill_pattern" (not its pattern)."""
    if not text.CODE.fullmatch(waybill):
        return "waybill_form"
    row = CARRIERS.get(carrier)
    if row is None or row.strict.fullmatch(waybill):
        return ""
    if carrier == "EMS" and _S10.fullmatch(waybill):
        return "" if s10_ok(waybill) else "waybill_check_digit"
    return "" if row.wider.fullmatch(waybill) else "waybill_pattern"


def s10_digit(serial: str) -> int:
    """The check digit of a postal item's eight-digit serial (UPU S10: weights 8 6 4 2 3 5 9 7, modulo 11)."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(serial, _S10_WEIGHTS, strict=True)) % 11
    return {10: 0, 11: 5}.get(rest, rest)


def s10_ok(waybill: str) -> bool:
    """Whether the number has the postal form (two letters, nine digits, two letters) and its check digit is right."""
    match = _S10.fullmatch(waybill)
    return match is not None and s10_digit(match.group(1)) == int(match.group(2))
