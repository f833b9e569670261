"""Cleaning of text that comes from outside: what may be stored, and what a code looks like once normalised."""

import re
import unicodedata

_SPACE = re.compile(r"\s+")
CODE = re.compile(r"[A-Z0-9-]{6,40}")


def fault(text: str) -> str:
    """The code of what makes a text unstorable ("nul_character", "bad_unicode"), or "" where it is fine."""
    if "\x00" in text:
        return "nul_character"
    if any("\ud800" <= ch <= "\udfff" for ch in text):
        return "bad_unicode"
    return ""


def clean(text: str) -> str:
    """A free text without control and format characters, outer space cut, NFC. Call `fault` first."""
    kept = "".join(ch for ch in text if unicodedata.category(ch) not in ("Cc", "Cf", "Cs") or ch in "\n\t")
    return unicodedata.normalize("NFC", kept).strip()


def normal_code(text: str) -> str:
    """A scanned or typed code as we key by it: NFKC, no spaces or invisible characters, upper case."""
    folded = unicodedata.normalize("NFKC", text)
    kept = "".join(ch for ch in folded if unicodedata.category(ch) not in ("Cc", "Cf", "Cs"))
    return _SPACE.sub("", kept).upper()


def masked_name(name: str) -> str:
    """张三丰 → 张*丰, 李四 → 李*; the first character stays, as on a privacy waybill; a note in brackets goes."""
    name = re.split("[(（]", name, maxsplit=1)[0].strip() or name
    if len(name) <= 1:
        return "*" if name else ""
    return name[0] + "*" if len(name) == 2 else name[0] + "*" * (len(name) - 2) + name[-1]


def masked_phone(phone: str) -> str:
    """13812341907 → 138****1907; a phone that came masked stays as it is."""
    if "*" in phone or len(phone) < 7:
        return phone
    return phone[:3] + "*" * (len(phone) - 7) + phone[-4:]
