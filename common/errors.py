"""What a service raises when it will not do as asked: a stable code, a sentence, a pointer to the field."""

from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError


def database_is_away(error: BaseException) -> bool:
    """Whether a statement failed because the database is away or too busy, through no fault of the statement's. A
    connection that dies under a statement (a backend killed) is psycopg2's bare DatabaseError, of no class of its own.
    """
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


class Refused(Exception):
    """A request that can't be carried out. `status` is the HTTP answer it gets at an edge."""

    def __init__(
        self,
        code: str,
        message: Any,
        *,
        pointer: str = "",
        status: int = 422,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message  # a lazy translation: rendered in the reader's language at the edge
        self.pointer = pointer
        self.status = status
        self.extra = dict(extra or {})

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class NotAllowed(Refused):
    """The role may not do this (403); a row out of scope is `Http404` instead."""

    def __init__(self, message: Any, code: str = "not_allowed") -> None:
        super().__init__(code, message, status=403)


class Conflict(Refused):
    """Somebody else was faster, or the row is in another state by now (409)."""

    def __init__(self, code: str, message: Any, *, pointer: str = "") -> None:
        super().__init__(code, message, pointer=pointer, status=409)
