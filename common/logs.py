"""JSON lines, UTC, with the request id of the request or the id of the job they belong to."""

import logging
import re
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

request_id: ContextVar[str] = ContextVar("request_id", default="")
_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")


def _add_request_id(_: Any, __: str, event: EventDict) -> EventDict:
    if request_id.get():
        event["request_id"] = request_id.get()
    return event


def _mask_phones(_: Any, __: str, event: EventDict) -> EventDict:
    """The last fence only: no phone number should reach a log call in the first place."""
    return {k: _PHONE.sub(r"\1****\2", v) if isinstance(v, str) else v for k, v in event.items()}


_SHARED: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _add_request_id,
    structlog.processors.format_exc_info,
    _mask_phones,
]

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED[:-2],
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)


def json_formatter() -> logging.Formatter:
    """For settings.LOGGING: standard and structlog records alike become one JSON line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED[:-2],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _mask_phones,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def get_logger(name: str) -> Any:
    """A structured logger: `log.info("scans.acked", count=200)`."""
    return structlog.stdlib.get_logger(name)
