"""UUIDv7 (RFC 9562): time-ordered ids that a browser, a handheld or the server can make on its own."""

import secrets
import time
import uuid


def uuid7(at_ms: int | None = None, random_bits: int | None = None) -> uuid.UUID:
    """A UUIDv7; `at_ms` (Unix ms) and `random_bits` (74 bits) are for callers that must be deterministic."""
    ms = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    rand = secrets.randbits(74) if random_bits is None else random_bits
    value = (ms & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= ((rand >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= rand & 0x3FFF_FFFF_FFFF_FFFF
    return uuid.UUID(int=value)
