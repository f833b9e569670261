"""The words of a feed's findings: what is wrong, in the reader's language. The codes are vehicles.gtfs's."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from vehicles.gtfs import ERROR, NOTE, WARNING, Finding

LEVEL_WORDS = {
    ERROR: pgettext_lazy("finding", "Error"),
    WARNING: pgettext_lazy("finding", "Warning"),
    NOTE: pgettext_lazy("finding", "Note"),
}
OUTCOMES = {
    "refused": gettext_lazy("Not taken in: a file it can't do without can't be used"),
    "partly": gettext_lazy("Taken in without the faulty rows"),
    "warned": gettext_lazy("Taken in; please look at the warnings"),
    "accepted": gettext_lazy("Taken in"),
}

_SENTENCES: dict[str, Callable[[], str]] = {
    "not_a_feed": lambda: _("This is no timetable: a zip with text files in it is needed."),
    "no_such_feed": lambda: _("There is no such file."),
    "too_large": lambda: _("Unpacked it is larger than we read."),
    "too_many_rows": lambda: _("There are more than %(most)s rows: more than we read."),
    "too_many_files": lambda: _("There are more files in it than a timetable has."),
    "in_a_folder": lambda: _(
        "The files lie in a folder inside the zip; they should lie at its top. Read all the same."
    ),
    "missing_file": lambda: _("The file is missing, and the timetable can't do without it."),
    "missing_calendar": lambda: _("Neither calendar.txt nor calendar_dates.txt says on which days anything runs."),
    "missing_column": lambda: _("The column is missing, and the file can't do without it."),
    "duplicate_column": lambda: _("The column stands in the header twice."),
    "empty_file": lambda: _("The file is empty: not even a header."),
    "no_rows": lambda: _("Only a header, no rows."),
    "not_utf8": lambda: _("The file is in %(encoding)s. Save it as UTF-8; nothing of it could be read."),
    "bad_bytes": lambda: _("The line holds bytes (%(byte)s) that are no UTF-8. Save the file as UTF-8."),
    "broken_quoting": lambda: _("A quotation mark is not closed; from here on the file can't be read."),
    "unknown_file": lambda: _("The standard knows no such file; perhaps its name is misspelt. It was left aside."),
    "unknown_column": lambda: _("The standard knows no such column; perhaps its name is misspelt. It was left aside."),
    "empty_column_name": lambda: _("Column %(at)s has no name. It was left aside."),
    "missing_cells": lambda: _("%(cells)s cells where the header has %(columns)s; the missing ones count as empty."),
    "spare_commas": lambda: _(
        "%(cells)s cells where the header has %(columns)s; the spare ones are empty and do no harm."
    ),
    "extra_cells": lambda: _(
        "%(cells)s cells where the header has %(columns)s: a comma has shifted the row. Left out."
    ),
    "empty_value": lambda: _("The value is missing."),
    "bad_time": lambda: _("“%(value)s” is no time; write 08:05:00, after midnight 25:10:00."),
    "bad_date": lambda: _("“%(value)s” is no date; write 20270131."),
    "bad_number": lambda: _("“%(value)s” is none of the numbers that may stand here."),
    "bad_point": lambda: _("“%(value)s” is no longitude or latitude in degrees."),
    "bad_url": lambda: _("“%(value)s” is no web address."),
    "bad_timezone": lambda: _("“%(value)s” is no time zone; write Asia/Shanghai."),
    "other_timezone": lambda: _("All operators of a timetable share one time zone: %(value)s here, %(first)s above."),
    "agency_id_needed": lambda: _("With %(n)s operators in the timetable each row must say which one."),
    "point_at_zero": lambda: _("The point lies in the sea off Africa: longitude and latitude are close to zero."),
    "no_route_name": lambda: _("The line has neither a short nor a long name."),
    "same_names": lambda: _("Short and long name are the same (“%(value)s”); leave one empty."),
    "duplicate": lambda: _("“%(value)s” stands in line %(first)s already. Left out."),
    "end_before_start": lambda: _("The end (%(value)s) lies before the start (%(start)s). Left out."),
    "points_nowhere": lambda: _("“%(value)s” does not stand in %(other)s."),
    "wrong_parent": lambda: _("“%(value)s” is not the kind of place that can stand above this one."),
    "parent_needed": lambda: _("A place of this kind must say to which station it belongs."),
    "not_a_stop": lambda: _("“%(value)s” is no stop that a bus calls at but a station or an entrance."),
    "leaves_before_arriving": lambda: _("It leaves (%(value)s) before it arrives."),
    "goes_backwards": lambda: _(
        "The timetable goes backwards: %(value)s after %(before)s in line %(at)s. The trip is left out."
    ),
    "no_end_time": lambda: _("The first and the last stop of trip “%(value)s” must have a time. The trip is left out."),
    "trip_broken": lambda: _("The trip “%(value)s” is left out: line %(at)s of stop_times.txt is faulty."),
    "no_stop_times": lambda: _("The trip “%(value)s” calls nowhere. Left out."),
    "one_stop": lambda: _("The trip “%(value)s” has one stop only. Left out."),
    "on_demand": lambda: _("A zone served on demand; only stops with times are taken in."),
    "overlap": lambda: _("The trip “%(value)s” already repeats at these times, see line %(at)s. Left out."),
    "no_trips": lambda: _("Nothing runs on the line “%(value)s”."),
    "never_runs": lambda: _("The calendar “%(value)s” names no day."),
    "left_out": lambda: _("Left out together with “%(value)s”, which is faulty."),
    "near_station": lambda: _("Taken for the place of %(station)s, %(metres)s m away; correct it if that is wrong."),
    "and_more": lambda: _("%(n)s more of the same kind in this file."),
}


def sentence_of(finding: Finding) -> str:
    """What is wrong, in one sentence; the code itself where nobody wrote one (a test sees to it that somebody did)."""
    words = _SENTENCES.get(finding.code)
    if words is None:
        return finding.code
    said: dict[str, str] = dict(finding.params)
    return words() % said


def known_codes() -> frozenset[str]:
    return frozenset(_SENTENCES)


def outcome_of(*, refused: bool, levels: set[str]) -> str:
    """What becomes of a feed: a key of OUTCOMES."""
    if refused:
        return "refused"
    if ERROR in levels:
        return "partly"
    return "warned" if WARNING in levels else "accepted"
