"""Pinyin initials, so that 大池村 is found by "dcc": one translation table of single characters.

A character has one reading here, whatever word it stands in: 660,000 names must be done in seconds. pypinyin's first
reading is taken, except where place names read another one.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import import_module

# As read in the names of places: 重庆, 长寿, 厦门, 丰都, 六安 …
IN_PLACE_NAMES = {"重": "c", "长": "c", "厦": "x", "都": "d", "乐": "l", "单": "s", "藏": "z", "什": "s", "泊": "b"}
_KEPT = {code: chr(code).lower() for code in range(128) if chr(code).isalnum()} | {10: "\n"}


class _Table(dict[int, str | None]):
    """Whatever is not in the table is dropped."""

    def __missing__(self, code: int) -> None:
        self[code] = None


@cache
def _table() -> _Table:
    # at first use: loading the readings takes 0.2 s, which no command that searches nothing should pay
    readings: dict[int, str] = import_module("pypinyin.pinyin_dict").pinyin_dict
    table = _Table(_KEPT)
    for code, reading in readings.items():
        table[code] = unicodedata.normalize("NFD", reading[0])[0]
    for character, initial in IN_PLACE_NAMES.items():
        table[ord(character)] = initial
    return table


def initials(text: str) -> str:
    """Lower-case initials of a name, ASCII letters and digits kept, everything else dropped."""
    return text.translate(_table()).replace("\n", "")


def initials_of_all(names: Sequence[str]) -> list[str]:
    """The same for many names (none with a line break): one translation of them all."""
    return "\n".join(names).translate(_table()).split("\n") if names else []
