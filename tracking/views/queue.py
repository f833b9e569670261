"""How the scans get on, in plain words: received, applied, waiting, in need of a person; and whether the machinery that
should do it lives. The page asks for itself every five seconds and gets the fragment."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from common import clock, pulse
from common.health import broker_answers
from common.http import PageRequest
from stations.permissions import require
from stations.queries import counties_with_stations
from stations.scope import may, scope_of
from tracking import queue_queries as queries
from tracking.models import SetAside, Upload
from tracking.rules import SENTENCES

ACTION = "queue.read"
SILENT_S = 90  # the sweep runs every five seconds; with much to do it may take as long as a task may
LATE_S = 60
BAR_WIDTH = 160  # px, of the hour with the most


@dataclass(frozen=True)
class Sign:
    """A part of the machinery: what it is for, and when it was last heard."""

    name: str
    alive: bool
    words: str
    otherwise: str  # what its silence means for the scans


@dataclass(frozen=True)
class Hour:
    start: datetime
    counts: queries.Verdicts
    bar: int  # px


@never_cache
@require(ACTION)
@require_GET
def page(request: PageRequest) -> HttpResponse:
    at = clock.now()
    uploads = Upload.objects.visible_to(request.user, ACTION)
    scope = scope_of(request.user, ACTION)
    counties = counties_with_stations() if scope.everywhere else scope.counties
    received = uploads.filter(county_code__in=counties)  # upload_by_time begins with the county
    today = clock.day_start(clock.business_date(at))
    waiting = queries.waiting(uploads, at)
    lag = queries.lag(received, at)
    aside = queries.set_aside_by_code(SetAside.objects.visible_to(request.user, ACTION))
    hours = queries.verdicts_by_hour(received, today)
    signs = _signs(at)
    context = {
        "at": at,
        "today": queries.verdicts(received, today),
        "hours": _hours(hours),
        "waiting": waiting,
        "late": waiting.oldest_s > LATE_S,
        "oldest": span(waiting.oldest_s),
        "ages": list(zip(_age_words(), waiting.by_age, strict=True)),
        "lag": [(words, span(value)) for words, value in _lag_words(lag) if value is not None],
        "aside": [(SENTENCES.get(code, code), number) for code, number in aside],
        "attention_url": reverse("tracking:attention") if may(request.user, "attention.read") else "",
        "needs_a_person": sum(number for _code, number in aside),
        "signs": signs,
        "silent": _alarms(signs),
    }
    if request.htmx:
        return render(request, "tracking/_queue.html", context)
    months = queries.stored_months()
    this_month = clock.month_of(at)
    context |= {
        "months": [row for row in months if row.month is None or not row.attached or row.month <= this_month],
        "made_until": max((row.month for row in months if row.month and row.attached), default=None),
    }
    return render(request, "tracking/queue.html", context)


def span(seconds: float) -> str:
    """A duration as one speaks of it; tenths where it is short."""
    if 0 < seconds < 10:
        return _("%(number)s s") % {"number": f"{seconds:.1f}"}
    if seconds < 120:
        return _("%(number)s s") % {"number": int(seconds)}
    if seconds < 7200:
        return ngettext("%(number)d minute", "%(number)d minutes", int(seconds // 60)) % {"number": seconds // 60}
    return ngettext("%(number)d hour", "%(number)d hours", int(seconds // 3600)) % {"number": seconds // 3600}


def _hours(found: list[tuple[datetime, queries.Verdicts]]) -> list[Hour]:
    most = max((counts.all for _start, counts in found), default=0) or 1
    return [Hour(start, counts, max(1, counts.all * BAR_WIDTH // most)) for start, counts in reversed(found)]


def _age_words() -> list[str]:
    return [_("under 10 seconds"), _("under a minute"), _("under 10 minutes"), _("10 minutes and longer")]


def _lag_words(lag: queries.Lag) -> list[tuple[str, float | None]]:
    return [(_("Half of all scans within"), lag.p50_s), (_("95 of 100 scans within"), lag.p95_s)]


def _signs(at: datetime) -> list[Sign]:
    last = pulse.last()
    worker = max(last.values(), default=None)
    by_the_clock = max((last[name] for name in pulse.BY_THE_CLOCK if name in last), default=None)
    broker = broker_answers()
    return [
        _heard(_("Worker"), worker, at, _("Scans are kept, but not applied until it is back.")),
        _heard(_("Timer"), by_the_clock, at, _("Most scans are still applied at once; one that is forgotten waits.")),
        Sign(
            _("Message service"),
            broker,
            _("answers") if broker else _("does not answer"),
            _("Scans are kept, but applied only once it is back."),
        ),
    ]


def _alarms(signs: list[Sign]) -> list[Sign]:
    """What to say of the silent ones. A silent worker explains the timer's silence: the worker notes both."""
    worker, timer, broker = signs
    return [sign for sign in (worker, timer, broker) if not sign.alive and not (sign is timer and not worker.alive)]


def _heard(name: str, last: datetime | None, at: datetime, otherwise: str) -> Sign:
    if last is None:
        return Sign(name, False, _("never heard"), otherwise)
    passed_s = max(0.0, (at - last).total_seconds())
    words = _("last heard %(span)s ago") % {"span": span(float(int(passed_s)))}
    return Sign(name, passed_s <= SILENT_S, words, otherwise)
