"""Fields the project needs and Django hasn't got: text encrypted at rest, and a transaction id."""

import base64
import hashlib
import secrets
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models


@cache
def _cipher(key: str) -> AESGCM:
    return AESGCM(hashlib.sha256(key.encode()).digest())


def encrypt(text: str) -> bytes:
    """AES-256-GCM, 12 bytes of nonce in front; "" stays empty."""
    if not text:
        return b""
    nonce = secrets.token_bytes(12)
    return nonce + _cipher(settings.FIELD_KEY).encrypt(nonce, text.encode(), None)


def decrypt(data: bytes) -> str:
    """The text of `encrypt`; an unreadable one (another key) shows as "?" instead of breaking the page."""
    if not data:
        return ""
    try:
        return _cipher(settings.FIELD_KEY).decrypt(bytes(data[:12]), bytes(data[12:]), None).decode()
    except InvalidTag:
        return "?"


def digest(text: str) -> str:
    """A keyed digest for looking a secret up without storing it (handheld tokens)."""
    mac = hashlib.blake2b(text.encode(), key=hashlib.sha256(settings.TOKEN_PEPPER.encode()).digest(), digest_size=32)
    return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


class EncryptedTextField(models.BinaryField):
    """A text that the database holds encrypted; it can't be searched, keep a masked twin for lists."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else decrypt(bytes(value))

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(value)

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: Any) -> str:
        return ""


class TransactionIdField(models.Field):
    """PostgreSQL's xid8: which transaction wrote the row, for readers that stay below pg_snapshot_xmin."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(value)
