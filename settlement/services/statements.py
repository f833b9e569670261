"""A statement's way past the outlet and the township: confirmed or disputed, silence counts, then checked in bulk."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common.errors import Conflict
from settlement.models import Appeal, Period, Statement
from settlement.queries.periods import BEFORE_APPROVAL, SILENCE_DAYS
from settlement.services.appeals import open_appeal
from settlement.services.books import move
from settlement.services.lines import lock_county
from settlement.states import StatementState

SILENCE = timedelta(days=SILENCE_DAYS)


@transaction.atomic
def confirm_statement(*, statement_id: int, by: User, at: datetime) -> Statement:
    """The outlet agrees. Conflict "state_changed" if it did already, or the month isn't open for answers."""
    row = _answerable(statement_id)
    move(
        row,
        to=StatementState.CONFIRMED,
        by=by,
        at=at,
        allowed=[StatementState.DRAFT],
        confirmed_by=by,
        confirmed_at=at,
    )
    return row


@transaction.atomic
def dispute_statement(*, statement_id: int, by: User, at: datetime, text: str) -> Appeal:
    """The outlet objects: an appeal is opened, and the statement waits for its answer. Refused "text_needed" or
    "text_too_long", Conflict "state_changed"."""
    row = _answerable(statement_id)
    move(row, to=StatementState.DISPUTED, by=by, at=at, allowed=[StatementState.DRAFT, StatementState.CONFIRMED])
    return open_appeal(county_code=row.county_code, period=row.period, text=text, at=at, by=by, statement=row)


@transaction.atomic
def check_statements(*, ids: Iterable[int], by: User, at: datetime) -> int:
    """The township passes confirmed statements, all or none. Conflict "state_changed" if one isn't confirmed any
    more. The caller names only those in its scope. Returns how many."""
    rows = list(Statement.objects.filter(pk__in=set(ids)).order_by("pk"))
    for county_code in sorted({row.county_code for row in rows}):
        lock_county(county_code=county_code)
    _months_wait(rows)
    move(
        rows,
        to=StatementState.REVIEWED,
        by=by,
        at=at,
        allowed=[StatementState.CONFIRMED],
        reviewed_by=by,
        reviewed_at=at,
    )
    return len(rows)


def confirm_silent(*, at: datetime) -> int:
    """Statements nobody answered for five days after they were computed count as confirmed; running it again finds
    none. Returns how many."""
    waiting = Statement.objects.filter(state=StatementState.DRAFT, computed_at__lte=at - SILENCE)
    counted = 0
    for county_code, month in sorted(set(waiting.values_list("county_code", "period"))):
        with transaction.atomic():
            lock_county(county_code=county_code)
            if not Period.objects.filter(county_code=county_code, month=month, state__in=BEFORE_APPROVAL).exists():
                continue
            rows = list(waiting.filter(county_code=county_code, period=month).order_by("pk"))
            move(
                rows,
                to=StatementState.CONFIRMED,
                by=None,
                at=at,
                reason="silence",
                allowed=[StatementState.DRAFT],
                confirmed_at=at,
            )
            counted += len(rows)
    return counted


def _answerable(statement_id: int) -> Statement:
    row = Statement.objects.get(pk=statement_id)
    lock_county(county_code=row.county_code)
    _months_wait([row])
    return row


def _months_wait(rows: Iterable[Statement]) -> None:
    """Conflict unless each statement's month is computed and not approved."""
    for county_code, month in {(row.county_code, row.period) for row in rows}:
        if not Period.objects.filter(county_code=county_code, month=month, state__in=BEFORE_APPROVAL).exists():
            raise Conflict("state_changed", _("This month is being computed again, or was approved: look again."))
