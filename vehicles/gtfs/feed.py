"""A timetable feed in GTFS terms: frozen rows, each with the line it came from, and what was found wrong on the way.

`line` and `findings` say where a row came from, not what it says, so they don't count when two feeds are compared.
Times are seconds after midnight of the service day and may run past 86,400 (a bus after midnight).
"""

from dataclasses import dataclass, field
from datetime import date

ERROR, WARNING, NOTE = "error", "warning", "note"
LEVELS = (ERROR, WARNING, NOTE)

# Errors that concern a whole file the timetable can't do without: no row of the feed is to be trusted.
SINKING = frozenset(
    {
        "not_a_feed",
        "no_such_feed",
        "too_large",
        "too_many_rows",
        "too_many_files",
        "missing_file",
        "missing_calendar",
        "missing_column",
        "duplicate_column",
        "empty_file",
        "not_utf8",
        "broken_quoting",
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell: `line` 0 is the file as a whole, `params` fill the sentence (its words live outside)."""

    level: str
    code: str
    file: str
    line: int = 0
    field: str = ""
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Agency:
    id: str
    name: str
    url: str
    timezone: str
    lang: str = ""
    phone: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """`kind` is location_type: 0 a stop, 1 a station, 2 an entrance, 3 a node, 4 a boarding area."""

    id: str
    name: str
    lat: float | None = None
    lon: float | None = None
    code: str = ""
    kind: int = 0
    parent: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Route:
    id: str
    type: int
    agency: str = ""
    short_name: str = ""
    long_name: str = ""
    desc: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Service:
    """The weekdays from Monday to Sunday, between two days, both included."""

    id: str
    weekdays: tuple[bool, bool, bool, bool, bool, bool, bool]
    start: date
    end: date
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class DayException:
    """A day added to a service, or taken out of it."""

    service: str
    day: date
    added: bool
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Trip:
    id: str
    route: str
    service: str
    headsign: str = ""
    short_name: str = ""
    direction: int | None = None
    block: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StopTime:
    """Empty times in the middle of a trip stay empty here; times.interpolated fills them."""

    trip: str
    sequence: int
    stop: str
    arrive: int | None = None
    depart: int | None = None
    pickup: int = 0
    drop_off: int = 0
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Frequency:
    """The trip runs from `start` until before `end`, every `headway_s` seconds."""

    trip: str
    start: int
    end: int
    headway_s: int
    exact: bool = False
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FeedInfo:
    publisher: str
    url: str
    lang: str
    start: date | None = None
    end: date | None = None
    version: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Feed:
    """Only rows that hold together: every reference points somewhere. What was left out stands in `findings`."""

    agencies: tuple[Agency, ...] = ()
    stops: tuple[Stop, ...] = ()
    routes: tuple[Route, ...] = ()
    services: tuple[Service, ...] = ()
    exceptions: tuple[DayException, ...] = ()
    trips: tuple[Trip, ...] = ()
    stop_times: tuple[StopTime, ...] = ()
    frequencies: tuple[Frequency, ...] = ()
    feed_info: FeedInfo | None = None
    findings: tuple[Finding, ...] = field(default=(), compare=False)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.level == ERROR)

    @property
    def refused(self) -> bool:
        """A file that everything hangs on can't be read: nothing of the feed should be taken in."""
        return any(one.level == ERROR and one.code in SINKING and one.file != "feed_info.txt" for one in self.findings)
