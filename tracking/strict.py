"""Reads the body of an upload: bounded, strict, and never half. Bytes in, a plain object out, or `Unreadable`.

A whole body is refused only where nothing in it can be told apart: too large, not JSON, not text. What is wrong with
one event is that event's matter (rules.py), so this parser lets odd values through as markers: a key given twice, a
number that is none. Every limit is enforced while reading, so that a bomb costs no more than the limit.
"""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from tracking.rules import MAX_EVENTS, NOT_A_NUMBER, JsonObject, pointer_part, read_uuid

MAX_PLAIN_BYTES = 512 * 1024
MAX_WIRE_BYTES = 128 * 1024  # compressed
MAX_INFLATED_BYTES = 1024 * 1024
MAX_DEPTH = 16
LIMITS = {
    "max_events": MAX_EVENTS,
    "max_bytes": MAX_PLAIN_BYTES,
    "max_gzip_bytes": MAX_WIRE_BYTES,
    "max_inflated_bytes": MAX_INFLATED_BYTES,
}
_ENCODINGS = {"": "utf-8", "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "utf-16": "utf-16"} | {
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}


class Unreadable(Exception):
    """A body that can't be used at all. `raw` is what was read of it, to be kept; None where it is not worth it."""

    def __init__(self, code: str, status: int = 400, *, raw: bytes | None = None, **facts: int | str) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.raw = raw
        self.facts = facts


@dataclass(frozen=True)
class Batch:
    """An upload's envelope; the events are still as they came. `raw_of(index)` gives an event's own bytes."""

    batch_id: UUID | None
    device_now: str | None
    events: list[Any]
    text: str

    def raw_of(self, index: int) -> bytes | None:
        """The bytes of one event as they came (looked for only where one must be kept)."""
        if index >= len(self._where):
            return None
        start, end = self._where[index]
        return self.text[start:end].encode()

    @cached_property
    def _where(self) -> list[tuple[int, int]]:
        return _spans(self.text)


def read_batch(
    *, read: Callable[[int], bytes], content_type: str, charset: str, content_encoding: str, content_length: int | None
) -> Batch:
    """Read and parse one upload. `read(n)` gives at most n bytes, b"" at the end."""
    if content_type != "application/json":
        raise Unreadable("unsupported_media_type", 415)
    encoding = _ENCODINGS.get(charset.strip("\"' ").lower())
    if encoding is None:
        raise Unreadable("charset", 415)
    packed = content_encoding.strip().lower()
    if packed not in ("", "identity", "gzip"):
        raise Unreadable("content_encoding", 415)
    limit = MAX_WIRE_BYTES if packed == "gzip" else MAX_PLAIN_BYTES
    if content_length is not None and content_length > limit:
        raise Unreadable("batch_too_large", 413)
    wire = _read_up_to(read, limit)
    body = _inflated(wire) if packed == "gzip" else wire
    return parse(_decoded(body, encoding), body)


def parse(content: str, body: bytes) -> Batch:
    """The envelope of a decoded body."""
    try:
        top = _decoder.decode(content)
    except RecursionError:
        raise Unreadable("json_too_deep", raw=body, max_depth=MAX_DEPTH) from None
    except json.JSONDecodeError as error:
        raise Unreadable("json_unreadable", raw=body, offset=len(content[: error.pos].encode())) from None
    if _depth(top) > MAX_DEPTH:
        raise Unreadable("json_too_deep", raw=body, max_depth=MAX_DEPTH)
    if not isinstance(top, dict) or not isinstance(top.get("events"), list):
        raise Unreadable("events_missing", raw=body, pointer="/events")
    if top.repeated:  # type: ignore[attr-defined]
        raise Unreadable("duplicate_key", raw=body, pointer="/" + pointer_part(top.repeated))  # type: ignore[attr-defined]
    if len(top["events"]) > MAX_EVENTS:
        raise Unreadable("batch_too_large", 413)
    batch_id = top.get("batch_id")
    if batch_id is not None and read_uuid(batch_id) is None:
        raise Unreadable("batch_id_format", raw=body, pointer="/batch_id")
    return Batch(UUID(batch_id) if batch_id else None, top.get("device_now"), top["events"], content)


def _read_up_to(read: Callable[[int], bytes], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := read(min(65_536, limit + 1 - size)):
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise Unreadable("batch_too_large", 413)
    return b"".join(parts)


def _inflated(wire: bytes) -> bytes:
    """All members of a gzip body, never more than the limit in memory."""
    parts: list[bytes] = []
    size, rest = 0, wire
    while rest or not parts:
        stream = zlib.decompressobj(wbits=31)
        try:
            part = stream.decompress(rest, MAX_INFLATED_BYTES + 1 - size)
        except zlib.error:
            raise Unreadable("gzip_broken", raw=wire) from None
        size += len(part)
        if size > MAX_INFLATED_BYTES or stream.unconsumed_tail:
            raise Unreadable("batch_too_large", 413)
        if not stream.eof:
            raise Unreadable("gzip_broken", raw=wire)
        parts.append(part)
        rest = stream.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _decoded(body: bytes, encoding: str) -> str:
    try:
        content = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable("bad_encoding", raw=body, offset=error.start) from None
    return content.removeprefix("\ufeff")


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject(pairs)
    made.repeated = ""
    if len(made) != len(pairs):
        seen: set[str] = set()
        made.repeated = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return made


def _float(literal: str) -> Any:
    value = float(literal)
    return NOT_A_NUMBER if value in (float("inf"), float("-inf")) else value


def _int(literal: str) -> Any:
    return NOT_A_NUMBER if len(literal) > 40 else int(literal)


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=lambda _word: NOT_A_NUMBER
)


def _depth(value: Any) -> int:
    """How deep lists and objects are nested; stops counting once it is too deep."""
    depth, level = 0, [value] if isinstance(value, list | dict) else []
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
    return depth


def _spans(content: str) -> list[tuple[int, int]]:
    """Where each event stands in the text of a body that parsed: a walk over the top level only."""
    scan, skip = _decoder.raw_decode, _skip_space
    at = skip(content, skip(content, 0) + 1)
    while content[at] != "}":
        key, at = scan(content, at)
        at = skip(content, skip(content, at) + 1)
        if key == "events":
            spans = []
            at = skip(content, at + 1)
            while content[at] != "]":
                _value, end = scan(content, at)
                spans.append((at, end))
                at = skip(content, end)
                at = skip(content, at + 1) if content[at] == "," else at
            return spans
        _value, at = scan(content, at)
        at = skip(content, at)
        at = skip(content, at + 1) if content[at] == "," else at
    return []


def _skip_space(content: str, at: int) -> int:
    while content[at] in " \t\r\n":
        at += 1
    return at
