"""Timetables in GTFS terms: reading, checking, writing. No Django here; the words of findings live in queries/."""

from vehicles.gtfs.feed import (
    ERROR,
    LEVELS,
    NOTE,
    WARNING,
    Agency,
    DayException,
    Feed,
    FeedInfo,
    Finding,
    Frequency,
    Route,
    Service,
    Stop,
    StopTime,
    Trip,
)
from vehicles.gtfs.files import Limits
from vehicles.gtfs.read import read_feed
from vehicles.gtfs.times import interpolated, runs_on, starts
from vehicles.gtfs.write import write_feed

__all__ = [
    "ERROR",
    "LEVELS",
    "NOTE",
    "WARNING",
    "Agency",
    "DayException",
    "Feed",
    "FeedInfo",
    "Finding",
    "Frequency",
    "Limits",
    "Route",
    "Service",
    "Stop",
    "StopTime",
    "Trip",
    "interpolated",
    "read_feed",
    "runs_on",
    "starts",
    "write_feed",
]
