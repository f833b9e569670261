"""A reason and what would make it fit: data that goes to JSON and back."""

from dataclasses import dataclass
from typing import Any

from vehicles.problem import Load


@dataclass(frozen=True, slots=True)
class Alternative:
    """A trip or a bus with the room: what to call it, when it leaves, what is free; `lacks` what still keeps it off."""

    key: str
    bus: bool
    start: int
    free: Load
    lacks: str = ""  # "", "allowed", "window", "start", "back", "shift", "range", "not_ready"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of states.Reason, the numbers behind it in the problem's units, and what would make it fit."""

    code: str
    params: dict[str, Any]
    alternatives: tuple[Alternative, ...] = ()

    def detail(self) -> dict[str, Any]:
        """All but the code, ready for JSON."""
        fits = [
            {"key": each.key, "bus": each.bus, "start": each.start, "free": list(each.free), "lacks": each.lacks}
            for each in self.alternatives
        ]
        return {**self.params, "alternatives": fits}

    @classmethod
    def of_detail(cls, code: str, detail: dict[str, Any]) -> "Reason":
        fits = tuple(
            Alternative(each["key"], each["bus"], each["start"], tuple(each["free"]), each["lacks"])
            for each in detail.get("alternatives", ())
        )
        return cls(code, {name: value for name, value in detail.items() if name != "alternatives"}, fits)
