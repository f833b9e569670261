"""What a hot path may remember for a few seconds, in this process alone."""

import time
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_MOST = 5_000
_known: dict[Hashable, tuple[float, Any]] = {}


def for_seconds(seconds: float) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Remember a function's answer by its positional arguments. Rights may be at most five seconds old."""

    def remember(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def answer(*args: P.args, **kwargs: P.kwargs) -> T:
            key, now = (function, args), time.monotonic()
            found = _known.get(key)
            if found is None or found[0] < now:
                if len(_known) > _MOST:
                    _known.clear()
                found = _known[key] = (now + seconds, function(*args, **kwargs))
            return found[1]

        return answer

    return remember


def forget() -> None:
    """Start anew (tests)."""
    _known.clear()
