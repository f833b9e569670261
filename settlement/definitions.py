"""The checks F1 to F14 as words and numbers: what each looks for, from which value on, and how a finding is said.

The thresholds here are what a county starts with; it changes them by versions of its own (models.FraudRule). To add a
check: its row here, its statement settlement/sql/fraud_<code>.sql, its sentence in SENTENCES; pages and runs follow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from settlement.states import RuleKind

ANSWER_DAYS = 7  # a station's time to answer
FOUR_EYES_YUAN = Decimal("500.00")  # from more than that on, one proposes and another decides
LEAST_PRECISION = Decimal("0.50")  # a check below that is marked: change or retire it
WEEK_MINUTES = 7 * 24 * 60


@dataclass(frozen=True)
class Threshold:
    """One number of a check, with what it may be set to."""

    name: str
    label: str | Promise
    start: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class Check:
    """One of F1 to F14. `finds`: it has a statement that raises cases; `holds`: those cases hold their lines."""

    code: str
    name: str | Promise
    what: str | Promise
    kind: RuleKind
    thresholds: tuple[Threshold, ...] = ()
    finds: bool = True
    holds: bool = True

    @property
    def start(self) -> dict[str, str]:
        """The thresholds a county begins with, as they are stored."""
        return {one.name: f"{one.start.normalize():f}" for one in self.thresholds}


def _number(name: str, label: str | Promise, start: str, low: str, high: str) -> Threshold:
    return Threshold(name, label, Decimal(start), Decimal(low), Decimal(high))


_HARD, _SOFT = RuleKind.HARD, RuleKind.SOFT
CHECKS: dict[str, Check] = {
    check.code: check
    for check in (
        Check(
            "F1",
            _("Same scan again"),
            _("The same parcel, kind of scan, handheld and minute counts once; many repeats in a day are shown."),
            _HARD,
            (_number("repeats", _("Repeats in a day, more than"), "20", "1", "1000"),),
            holds=False,
        ),
        Check(
            "F2",
            _("Second payment"),
            _("The database refuses a second payment for the same parcel and service."),
            _HARD,
            finds=False,
            holds=False,
        ),
        Check(
            "F3",
            _("Unannounced waybill"),
            _("A parcel that no carrier announced within some days is not paid for."),
            _HARD,
            (_number("days", _("Days to wait for the announcement"), "7", "1", "60"),),
        ),
        Check(
            "F4",
            _("Delivered at two stations"),
            _("Two stations say they handed out the same parcel: the first is paid, the later one is not."),
            _HARD,
            holds=False,
        ),
        Check(
            "F5",
            _("Handed out elsewhere"),
            _("The hand-over was scanned too far from the station, the accuracy of the position allowed for."),
            _SOFT,
            (
                _number("limit_m", _("Picked up at the outlet: metres, more than"), "500", "50", "20000"),
                _number("door_m", _("Taken to the door: metres, more than"), "5000", "100", "50000"),
                _number("note_m", _("Counted as a note from, metres"), "150", "10", "20000"),
            ),
        ),
        Check(
            "F6",
            _("Impossible travel"),
            _("A handheld or a person was at two places faster than any road allows."),
            _SOFT,
            (
                _number("kmh", _("Speed in km/h, more than"), "90", "30", "1000"),
                _number("km", _("Distance in km, more than"), "1", "0.1", "100"),
            ),
        ),
        Check(
            "F7",
            _("Burst of hand-overs"),
            _("More parcels were handed out in a short time than hands can."),
            _SOFT,
            (
                _number("a_minute", _("Hand-overs in a minute, more than"), "40", "5", "1000"),
                _number("gap_s", _("Median seconds between 60 hand-overs, less than"), "0.8", "0.1", "60"),
                _number("times_p99", _("Times the station's own busiest hours, more than"), "6", "2", "100"),
            ),
        ),
        Check(
            "F8",
            _("In and out at once"),
            _("Parcels arrived and were handed out within a minute, too many for one day."),
            _SOFT,
            (
                _number("within_s", _("Seconds from arrival to hand-over, at most"), "60", "5", "600"),
                _number("percent", _("Percent of the day's parcels, more than"), "10", "1", "100"),
                _number("least", _("Parcels of that kind, at least"), "4", "1", "1000"),
            ),
        ),
        Check(
            "F9",
            _("Parcels to oneself"),
            _("One person got very many parcels, or somebody who works at the outlet did."),
            _SOFT,
            (
                _number("a_week", _("Parcels of one person in a week, more than"), "15", "2", "1000"),
                _number("staff_a_week", _("Parcels of somebody working there in a week, more than"), "5", "1", "1000"),
            ),
        ),
        Check(
            "F10",
            _("Work at night or on a closed day"),
            _("Parcels were handed out in the night or on a closed day, outside the opening hours."),
            _SOFT,
            (_number("a_night", _("Hand-overs in one night or closed day, more than"), "5", "1", "1000"),),
        ),
        Check(
            "F11",
            _("Unusual volume"),
            _("Days in a row with far more parcels than the outlet's own past, the county's peaks taken out."),
            _SOFT,
            (
                _number("z", _("Robust z, more than"), "5", "2", "50"),
                _number("days", _("Days in a row, at least"), "3", "1", "31"),
            ),
        ),
        Check(
            "F12",
            _("Clock or handheld tricks"),
            _("A clock that nobody can trust or that runs backwards, or a handheld that does two stations' work."),
            _SOFT,
            (
                _number("untrusted", _("Hand-overs a day without a usable time, more than"), "5", "1", "1000"),
                _number("back_min", _("Minutes the clock went back, more than"), "10", "1", "1440"),
                _number("backs", _("Times a day it went back, more than"), "3", "1", "100"),
                _number("two_roles", _("Hand-overs a day with a hub's handheld, more than"), "5", "1", "1000"),
                _number("holes", _("Scans missing after the month's end, more than"), "20", "1", "100000"),
            ),
        ),
        Check(
            "F13",
            _("Invented numbers"),
            _("Numbers of parcels that were not seen upstream follow each other, or fit no carrier."),
            _SOFT,
            (
                _number("run", _("Consecutive numbers at one outlet, at least"), "6", "3", "1000"),
                _number("faulty", _("Numbers a week that fit no carrier's pattern, more than"), "3", "0", "1000"),
                _number("bits", _("Entropy of a number's digits in bits, less than"), "1.5", "0.5", "3"),
            ),
        ),
        Check(
            "F14",
            _("Calls to recipients"),
            _("A random sample of recipients, and a new outlet's first parcels, are asked by phone."),
            _SOFT,
            (
                _number("per_mille", _("Parcels drawn out of a thousand"), "10", "1", "1000"),
                _number("first", _("Parcels drawn of an outlet's first month"), "20", "0", "500"),
                _number("least_calls", _("Calls answered before a share is judged"), "10", "1", "1000"),
                _number("confirmed", _("Percent who confirm, less than"), "95", "50", "100"),
            ),
            holds=False,
        ),
    )
}

# numbers["code"] of a finding → its one sentence
SENTENCES: dict[str, str | Promise] = {
    "repeats": _("The same scan came again %(scans)s times on one day (limit %(limit)s); each counts once."),
    "unannounced": _("No carrier announced %(scans)s parcels within %(limit)s days."),
    "two_stations": _("Parcel %(waybill)s was handed out here %(minutes)s minutes after another station had done so."),
    "outside": _(
        "%(scans)s parcels were handed out up to %(far_m)s m from the station, accuracy %(accuracy_m)s m"
        " (limit %(limit_m)s m)."
    ),
    "travel": _("%(km)s km in %(minutes)s min: %(kmh)s km/h (limit %(limit)s km/h), %(scans)s times that day."),
    "minute": _("%(scans)s parcels were handed out within one minute (limit %(limit)s)."),
    "gaps": _("Over %(scans)s parcels the median gap between hand-overs was under %(limit)s seconds."),
    "hour": _("%(scans)s parcels in one hour; the station's busiest hours have %(p99)s (limit %(limit)s times)."),
    "in_out": _(
        "%(scans)s of %(of)s parcels (%(percent)s %%) were handed out within %(within_s)s s of their arrival"
        " (limit %(limit)s %%; the county's median is %(median)s %%)."
    ),
    "one_recipient": _("One person got %(scans)s parcels in one week (limit %(limit)s)."),
    "staff": _("Somebody who works at the outlet got %(scans)s parcels in one week (limit %(limit)s)."),
    "night": _("%(scans)s parcels were handed out between midnight and five o'clock (limit %(limit)s)."),
    "closed_day": _("%(scans)s parcels were handed out on a day the outlet is closed (limit %(limit)s)."),
    "volume": _("%(days)s days in a row with up to %(most)s parcels; usual are %(usual)s (z %(z)s, limit %(limit)s)."),
    "untrusted": _("%(scans)s hand-overs came without a usable time (limit %(limit)s)."),
    "backwards": _(
        "The handheld's clock went back %(scans)s times in a day, by up to %(minutes)s min (limit %(limit)s)."
    ),
    "two_roles": _(
        "%(scans)s parcels were handed out with a handheld that did the hub's work that day (limit %(limit)s)."
    ),
    "holes": _("%(scans)s scans of one handheld are missing after the month's end (limit %(limit)s)."),
    "consecutive": _("%(scans)s numbers follow each other, from %(first)s to %(last)s (limit %(limit)s)."),
    "faulty": _("%(scans)s numbers fit no pattern of their carrier, such as %(first)s (limit %(limit)s)."),
    "flat": _("%(scans)s numbers consist of hardly any different digits, such as %(first)s (limit %(limit)s)."),
    "calls": _("%(scans)s of %(of)s recipients who were called confirm (at least %(limit)s %%)."),
}


def sentence(numbers: Mapping[str, Any]) -> str:
    """A finding in one sentence with its numbers against the thresholds."""
    words = SENTENCES.get(str(numbers.get("code", "")))
    if words is None:
        return now_("A check found something odd.")
    try:
        return str(words) % numbers
    except (KeyError, ValueError):  # a case of an older version of the check may lack a number
        return now_("A check found something odd.")


_SPAN = re.compile("(\\d{1,2})[:\uff1a](\\d{2})\\s*[-\u2013\u2014~\uff5e至到]\\s*(\\d{1,2})[:\uff1a](\\d{2})")
_CLOSED = re.compile(r"(?:周|星期)([一二三四五六日天])\s*(?:休|关|不营业|闭)")
_DAYS = {name: number for number, name in enumerate("一二三四五六日")} | {"天": 6}


def opening_minutes(hours: str) -> list[tuple[int, int]] | None:
    """Spans [from, to) of minutes since Monday 0:00 in which a station is open, from its opening hours as people write
    them ("08:00-12:00 14:00-20:00,周日休息"; past midnight too); None where nothing can be read: never closed then."""
    closed = {_DAYS[name] for name in _CLOSED.findall(hours)}
    spans = []
    for from_hour, from_minute, to_hour, to_minute in _SPAN.findall(hours):
        start, end = int(from_hour) * 60 + int(from_minute), int(to_hour) * 60 + int(to_minute)
        if start > 24 * 60 or end > 24 * 60:
            return None
        spans.append((start, end if end > start else end + 24 * 60))
    if not spans:
        return None
    found = []
    for day in range(7):
        for start, end in spans if day not in closed else []:
            low, high = day * 24 * 60 + start, day * 24 * 60 + end
            found.append((low, min(high, WEEK_MINUTES)))
            if high > WEEK_MINUTES:
                found.append((0, high - WEEK_MINUTES))
    return sorted(found)


def closed_days(hours: str) -> list[int]:
    """ISO weekdays (1 Monday … 7) on which the opening hours say the station rests."""
    return sorted({_DAYS[name] + 1 for name in _CLOSED.findall(hours)})
