"""Translations without GNU gettext: Babel extracts, merges and compiles the one catalogue in locale/.

    python -m config.messages add < file.json    {"English msgid": "中文"}; several people may add at once
    python -m config.messages missing            used and untranslated, as JSON to fill in and `add`
    python -m config.messages extract [--prune]  every used msgid into the catalogue, unused ones out
    python -m config.messages compile [--force]  .po to .mo, only where the .po is newer
    python -m config.messages check              exit 1, listing untranslated, fuzzy, unused, placeholders

In the JSON a value is the Chinese, or {"zh": "…", "plural": "English plural msgid", "context": "…"}. A
template's `{{ name }}` may be written as it stands there. English is the source, so it needs no catalogue.
"""

import argparse
import fcntl
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract as babel_extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
SKIPPED = {
    ".venv",
    ".local",
    ".git",
    "node_modules",
    "static",
    "tests",
    "benchmarks",
    "docs",
    "migrations",
    "backups",
}
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# A fixed date: a header that changes with every run would make every pair of branches conflict.
HEADER_DATE = datetime(2026, 11, 22, tzinfo=UTC)
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
_TEMPLATE_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_TEMPLATE_COMMENT = re.compile(r"\{#.*?#\}")

Key = tuple[str, str]  # context ("" for none), msgid
Used = dict[Key, tuple[str, str]]  # plural msgid or "", first place it was seen


def used_messages(root: Path = ROOT) -> Used:
    """Every msgid of the code and the templates."""
    found: Used = {}
    for path in _sources(root):
        text = path.read_text("utf-8")
        if path.suffix == ".html":
            # Comments first: templatize turns them into Python comments that swallow the rest of the line.
            text = templatize(_TEMPLATE_COMMENT.sub("", text))
            text = "\n".join(line.lstrip() for line in text.splitlines())
        elif "gettext" not in text:
            continue
        source = io.BytesIO(text.encode())
        try:
            rows = list(babel_extract("python", source, KEYWORDS, (), {"encoding": "utf-8"}))
        except (SyntaxError, ValueError) as fault:
            raise SystemExit(f"{path.relative_to(root)}: {fault}") from fault
        for line, msgid, _comments, context in rows:
            single, plural = (msgid[0], msgid[1]) if isinstance(msgid, tuple) else (msgid, "")
            if single:
                key = (context or "", single)
                old = found.get(key, ("", f"{path.relative_to(root)}:{line}"))
                found[key] = (plural or old[0], old[1])
    return found


def _sources(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        yield from (Path(folder) / name for name in sorted(files) if name.endswith((".py", ".html")))


def load(po: Path = PO) -> Catalog:
    """The catalogue; an empty one where there is no file yet."""
    fresh = Catalog(
        locale="zh_Hans",
        project="Rural Logistics",
        charset="utf-8",
        creation_date=HEADER_DATE,
        revision_date=HEADER_DATE,
        fuzzy=False,
        header_comment="# Simplified Chinese, written by `python -m config.messages`: sorted, no lines.",
        last_translator="the team",
        language_team="the team",
    )
    if po.exists():
        with po.open("rb") as file:
            for message in read_po(file, locale="zh_Hans"):
                if message.id:
                    fresh[message.id] = message  # keyed by msgid and context
    return fresh


def save(catalogue: Catalog, po: Path = PO) -> None:
    for message in catalogue:
        message.locations, message.auto_comments, message.previous_id = [], [], []
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=0, no_location=True, omit_header=False, sort_output=True)
    temporary = po.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(buffer.getvalue())
    os.replace(temporary, po)


@contextmanager
def locked(po: Path = PO) -> Iterator[None]:
    """One writer at a time; the lock is on the folder, so there is no lock file to forget."""
    po.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(po.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def add(entries: dict[str, Any], po: Path = PO) -> int:
    """Merge {"msgid": "中文" or {"zh", "plural", "context"}} into the catalogue; gives how many."""
    for msgid, value in entries.items():
        chinese = value.get("zh") if isinstance(value, dict) else value
        if not msgid or not isinstance(chinese, str) or not chinese.strip():
            raise SystemExit(f"{msgid!r}: the Chinese is missing")
    with locked(po):
        catalogue = load(po)
        for msgid, value in entries.items():
            extra = value if isinstance(value, dict) else {"zh": value}
            _put(
                catalogue,
                _as_msgid(msgid),
                _as_msgid(extra.get("plural", "")),
                extra.get("context", ""),
                extra["zh"],
            )
        save(catalogue, po)
        compile_all(po.parents[2])
    return len(entries)


def _as_msgid(text: str) -> str:
    return _TEMPLATE_VARIABLE.sub(r"%(\1)s", text)


def _put(catalogue: Catalog, msgid: str, plural: str, context: str, chinese: str) -> None:
    catalogue.delete(msgid, context or None)
    string = _as_msgid(chinese)
    if plural:
        catalogue.add((msgid, plural), (string,), context=context or None)
    else:
        catalogue.add(msgid, string, context=context or None)


def extract(prune: bool = False, po: Path = PO) -> tuple[int, int]:
    """Add used msgids that the catalogue lacks, untranslated; gives (added, pruned)."""
    used = used_messages()
    with locked(po):
        catalogue = load(po)
        known = {_key(message): message for message in catalogue if message.id}
        absent = [key for key in used if key not in known]
        unused = [key for key in known if key not in used] if prune else []
        for context, msgid in absent:
            plural = used[context, msgid][0]
            catalogue.add((msgid, plural) if plural else msgid, context=context or None)
        for context, msgid in unused:
            catalogue.delete(msgid, context or None)
        save(catalogue, po)
    return len(absent), len(unused)


def compile_all(locale: Path = ROOT / "locale", force: bool = False) -> int:
    """Write the .mo of every .po that is newer; gives how many were written."""
    written = 0
    for po in sorted(locale.glob("*/LC_MESSAGES/*.po")):
        mo = po.with_suffix(".mo")
        if not force and mo.exists() and mo.stat().st_mtime_ns >= po.stat().st_mtime_ns:
            continue
        temporary = mo.with_suffix(f".{os.getpid()}.tmp")
        with po.open("rb") as source, temporary.open("wb") as target:
            write_mo(target, read_po(source, locale=po.parents[1].name))
        os.replace(temporary, mo)
        written += 1
    return written


def faults(used: Used | None = None, po: Path = PO) -> list[str]:
    """What is wrong with the catalogue, one sentence a line; empty where it is complete."""
    used = used_messages() if used is None else used
    known = {_key(message): message for message in load(po) if message.id}
    lines = []
    for key, (plural, place) in sorted(used.items()):
        message = known.get(key)
        if message is None or not _strings(message)[0]:
            lines.append(f"untranslated: {key[1]!r} ({place})")
        elif plural and not isinstance(message.id, tuple):
            lines.append(f"plural missing: {key[1]!r} / {plural!r} ({place})")
    for key, message in sorted(known.items()):
        if key not in used:
            lines.append(f"unused: {key[1]!r}")
        if message.fuzzy:
            lines.append(f"fuzzy: {key[1]!r}")
        # Chinese has one form, which stands for the plural as well: it carries the plural's placeholders.
        source = str(message.id[-1] if isinstance(message.id, (tuple, list)) else message.id)
        for string in filter(None, _strings(message)):
            if sorted(_PLACEHOLDER.findall(source)) != sorted(_PLACEHOLDER.findall(string)):
                lines.append(f"placeholders differ: {key[1]!r} / {string!r}")
    return lines


def missing(po: Path = PO) -> dict[str, Any]:
    """What is used and untranslated, in the shape `add` reads."""
    known = {_key(m): m for m in load(po) if m.id}
    entries: dict[str, Any] = {}
    for (context, msgid), (plural, _place) in sorted(used_messages().items()):
        message = known.get((context, msgid))
        if message is not None and _strings(message)[0] and bool(plural) == isinstance(message.id, tuple):
            continue
        extra = {name: value for name, value in (("plural", plural), ("context", context)) if value}
        entries[msgid] = {"zh": "", **extra} if extra else ""
    return entries


def _key(message: Message) -> Key:
    return message.context or "", str(message.id[0] if isinstance(message.id, (tuple, list)) else message.id)


def _strings(message: Message) -> tuple[str, ...]:
    return tuple(message.string) or ("",) if isinstance(message.string, (tuple, list)) else (message.string or "",)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="config.messages", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("command", choices=["add", "missing", "extract", "compile", "check"])
    parser.add_argument("--prune", action="store_true", help="extract: drop what is used nowhere")
    parser.add_argument("--force", action="store_true", help="compile: even where nothing changed")
    options = parser.parse_args(argv)
    if options.command == "add":
        try:
            entries = json.load(sys.stdin)
        except json.JSONDecodeError as fault:
            raise SystemExit(f"Not JSON: {fault}") from fault
        print(f"{add(entries)} added")
    elif options.command == "missing":
        print(json.dumps(missing(), ensure_ascii=False, indent=1))
    elif options.command == "extract":
        print("{} added, {} pruned".format(*extract(options.prune)))
    elif options.command == "compile":
        compile_all(force=options.force)
    else:
        found = faults()
        print("\n".join(found) or "The catalogue is complete.")
        return 1 if found else 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
