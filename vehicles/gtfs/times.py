"""What a feed's times mean: the hours between, the days a service runs, the departures a frequency stands for."""

from collections.abc import Iterable, Iterator
from datetime import date

from vehicles.gtfs.feed import DayException, Frequency, Service, StopTime


def interpolated(calls: list[StopTime]) -> list[tuple[int, int]]:
    """Arrival and departure of one trip's calls in order; empty ones are spread evenly between their neighbours."""
    known = [
        (
            call.arrive if call.arrive is not None else call.depart,
            call.depart if call.depart is not None else call.arrive,
        )
        for call in calls
    ]
    times: list[tuple[int, int]] = []
    for at, (arrive, depart) in enumerate(known):
        if arrive is not None and depart is not None:
            times.append((arrive, depart))
            continue
        ahead = next((n for n in range(at + 1, len(known)) if known[n][0] is not None), None)
        left = times[-1][1] if times else 0
        goal = known[ahead][0] if ahead is not None else left
        steps = (ahead - at + 1) if ahead is not None else 1
        moment = left + ((goal if goal is not None else left) - left) // steps
        times.append((moment, moment))
    return times


def runs_on(day: date, service: Service | None, exceptions: Iterable[DayException]) -> bool:
    """Whether a service runs that day: an exception of the day decides, else its weekdays between its two days."""
    for one in exceptions:
        if one.day == day:
            return one.added
    return service is not None and service.start <= day <= service.end and service.weekdays[day.weekday()]


def starts(frequency: Frequency) -> Iterator[int]:
    """The departures from the first stop, in seconds after midnight."""
    yield from range(frequency.start, frequency.end, frequency.headway_s)
