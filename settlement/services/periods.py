"""A month's way from lines to an approved sum: freeze, compute, review, publicise, approve; a step back before that.

Everything here holds the county's cursor row (lines.lock_county), as settlement itself does: so no line is written
into a month that is being frozen, and of two people who press at once the second finds the month moved. Money changes
only in `approve_period`, in one transaction: killed anywhere, it was not approved.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.models import User
from accounts.services import audit
from common import clock
from common.crash import crash_point
from common.errors import Conflict, NotAllowed, Refused
from settlement.models import Fund, Period, Statement, Transition
from settlement.queries import figures
from settlement.queries import periods as reads
from settlement.queries.books import fund_money
from settlement.queries.periods import BEFORE_APPROVAL
from settlement.services.books import Leg, move, post
from settlement.services.drafting import draft_statements
from settlement.services.fraud import look
from settlement.services.lines import lock_county
from settlement.services.settle import settle
from settlement.states import Account, PeriodState, ShortfallRule, StatementState
from stations.states import StationLevel


def freeze_period(*, county_code: str, month: date, by: User, at: datetime) -> Period:
    """End a month: read what is left, then no line goes there any more. Refused (409) "period_not_ended",
    "scans_waiting", "set_asides_open" with the count, Conflict "state_changed" if it is frozen already."""
    _month_has_ended(month, at)
    settle(at=at, county_code=county_code)  # the bulk of it, while others may still work
    with transaction.atomic():
        lock_county(county_code=county_code)
        period, _new = Period.objects.get_or_create(county_code=county_code, month=month)
        if period.state != PeriodState.OPEN:
            raise Conflict("state_changed", _("This month is frozen already."))
        refusal = freeze_refusal(county_code=county_code, month=month, at=at)
        if refusal is not None:
            raise refusal
        settle(at=at, county_code=county_code)  # and what came since: the lock is ours, so nothing can follow
        if reads.unread_parcels(county_code, month):
            raise _scans_waiting(0)
        crash_point("period.settled")
        move(
            period,
            to=PeriodState.FROZEN,
            by=by,
            at=at,
            allowed=[PeriodState.OPEN],
            frozen_at=at,
            prepared_by=by,
        )
        _audit(period, "period.frozen", by, at)
        crash_point("period.frozen")
    return period


def end_month(*, county_code: str, month: date, by: User, at: datetime) -> Period:
    """What the clerk's button does: read what is left, run the checks over it, so that no doubt of the last days comes
    too late to hold anything, then freeze. Raises as freeze_period, before the checks are run."""
    refusal = freeze_refusal(county_code=county_code, month=month, at=at)
    if refusal is not None and refusal.code != "scans_waiting":
        raise refusal
    settle(at=at, county_code=county_code)
    look(at=at, county_code=county_code)
    return freeze_period(county_code=county_code, month=month, by=by, at=at)


def freeze_refusal(*, county_code: str, month: date, at: datetime) -> Refused | None:
    """Why a month can't be frozen now; None if it can. The page shows it before anybody presses."""
    try:
        _month_has_ended(month, at)
    except Refused as refusal:
        return refusal
    if waiting := reads.unread_scans(county_code, month):
        return _scans_waiting(waiting)
    if count := reads.open_set_asides(county_code, month):
        return Refused(
            "set_asides_open",
            ngettext_lazy(
                "%(count)d scan waits for a decision: the month can be frozen once it is repaired or closed.",
                "%(count)d scans wait for a decision: the month can be frozen once they are repaired or closed.",
                "count",
            )
            % {"count": count},
            status=409,
            extra={"count": count, "month": f"{month:%Y-%m}"},
        )
    return None


def _month_has_ended(month: date, at: datetime) -> None:
    if clock.next_month(month) > clock.business_date(at):
        last = clock.next_month(month).fromordinal(clock.next_month(month).toordinal() - 1)
        raise Refused(
            "period_not_ended",
            _("This month runs until %(day)s.") % {"day": date_format(last, "DATE_FORMAT")},
            status=409,
        )


def _scans_waiting(count: int) -> Refused:
    return Refused(
        "scans_waiting",
        _("Scans of this month are still being read. Try again in a minute."),
        status=409,
        extra={"count": count},
    )


def compute_period(*, county_code: str, month: date, by: User, at: datetime) -> Period:
    """Write the month's statements, its caps and the shares of a short fund; again while it is computed. Conflict
    "state_changed" in any other state."""
    with transaction.atomic():
        period = _locked(county_code, month, [PeriodState.FROZEN, PeriodState.COMPUTED])
        changed = draft_statements(county_code=county_code, month=month, by=by, at=at)
        if period.state == PeriodState.FROZEN:  # nobody could answer meanwhile: the days of silence begin now
            drafts = Statement.objects.filter(county_code=county_code, period=month, state=StatementState.DRAFT)
            drafts.update(computed_at=at)
        if period.state == PeriodState.FROZEN or changed:  # again with other figures: that is a step of whoever did it
            move(
                period,
                to=PeriodState.COMPUTED,
                by=by,
                at=at,
                allowed=[PeriodState.FROZEN, PeriodState.COMPUTED],
                computed_at=at,
                prepared_by=by,
            )
        if changed or period.computed_at == at:
            _audit(period, "period.computed", by, at, digest=reads.digest(county_code, month))
        crash_point("period.computed")
    return period


def review_period(*, county_code: str, month: date, by: User, at: datetime) -> Period:
    """A second person looked at the figures, and with them at a hub's statement (a grant), which no township checks.
    NotAllowed "same_person" for who prepared them, Conflict "figures_changed" if lines were held or released since."""
    with transaction.atomic():
        period = _locked(county_code, month, [PeriodState.COMPUTED])
        _is_another(period, by, reviewing=True)
        _figures_stand(county_code, month)
        move(
            period,
            to=PeriodState.REVIEWED,
            by=by,
            at=at,
            allowed=[PeriodState.COMPUTED],
            reviewed_by=by,
            reviewed_at=at,
        )
        waiting = [StatementState.DRAFT, StatementState.CONFIRMED]
        hubs = Statement.objects.filter(
            county_code=county_code, period=month, station__level=StationLevel.HUB, state__in=waiting
        )
        move(
            list(hubs.order_by("pk")),
            to=StatementState.REVIEWED,
            by=by,
            at=at,
            allowed=waiting,
            reviewed_by=by,
            reviewed_at=at,
        )
        _audit(period, "period.reviewed", by, at)
    return period


def publicise_period(*, county_code: str, month: date, by: User, at: datetime) -> Period:
    """Put up the public notice: for five working days (Monday to Friday; public holidays aren't known, so a county
    publishes after one) anybody may object."""
    with transaction.atomic():
        period = _locked(county_code, month, [PeriodState.REVIEWED])
        _figures_stand(county_code, month)
        move(
            period,
            to=PeriodState.PUBLICISED,
            by=by,
            at=at,
            allowed=[PeriodState.REVIEWED],
            publicised_at=at,
            notice_until=reads.notice_end(clock.business_date(at)),
        )
        _audit(period, "period.publicised", by, at)
    return period


def reopen_computation(*, county_code: str, month: date, by: User, at: datetime, reason: str) -> Period:
    """One step back before the approval: the month is frozen again and computed anew; its review and notice start
    over. Refused "reason_missing"; Conflict "state_changed" once it is approved."""
    if not reason.strip():
        raise Refused("reason_missing", _("A reason, please: others will read it."), pointer="/reason")
    with transaction.atomic():
        period = _locked(county_code, month, BEFORE_APPROVAL)
        move(
            period,
            to=PeriodState.FROZEN,
            by=by,
            at=at,
            reason=reason.strip()[:300],
            allowed=BEFORE_APPROVAL,
            computed_at=None,
            reviewed_by=None,
            reviewed_at=None,
            publicised_at=None,
            notice_until=None,
        )
        _audit(period, "period.stepped_back", by, at, reason=reason.strip()[:300])
    return period


def approve_period(*, county_code: str, month: date, by: User, at: datetime) -> Period:
    """Approve all statements of a month and book what is owed. NotAllowed "same_person" for who prepared, reviewed or
    checked; Refused (409) "notice_running", "appeals_open", "statements_unchecked", "figures_changed", "fund_short"."""
    with transaction.atomic():
        period = _locked(county_code, month, [PeriodState.PUBLICISED])
        refusal = approval_refusal(period=period, by=by, at=at)
        if refusal is not None:
            raise refusal
        move(
            period,
            to=PeriodState.APPROVED,
            by=by,
            at=at,
            allowed=[PeriodState.PUBLICISED],
            approved_by=by,
            approved_at=at,
        )
        crash_point("approve.locked")
        statements = list(
            Statement.objects.select_for_update().filter(county_code=county_code, period=month).order_by("pk")
        )
        _book(statements, county_code, month, by, at)
        move(
            statements,
            to=StatementState.APPROVED,
            by=by,
            at=at,
            allowed=[StatementState.REVIEWED],
            approved_by=by,
            approved_at=at,
        )
        _audit(period, "period.approved", by, at, digest=reads.digest(county_code, month))
        crash_point("approve.posted")
    crash_point("approve.committed")
    return period


def _book(statements: Sequence[Statement], county_code: str, month: date, by: User, at: datetime) -> None:
    """accrued → payable, each line's part out of the month it was booked in, the remainder to rounding."""
    lines = figures.stated_by_month(county_code, month)
    adjusted = figures.adjusted(county_code, month)
    for place, row in enumerate(statements):
        if place == len(statements) // 2:
            crash_point("approve.half")
        key = (row.station_id, row.fund_id)
        parts: dict[date, Decimal] = dict(lines.get(key, ()))
        parts[month] = parts.get(month, Decimal(0)) + adjusted.get(key, Decimal(0))
        legs = [Leg(Account.ACCRUED, yuan, row.fund_id, row.station_id, booked) for booked, yuan in parts.items()]
        legs.append(Leg(Account.PAYABLE, -row.payable_yuan, row.fund_id, row.station_id))
        legs.append(Leg(Account.ROUNDING, row.payable_yuan - sum(parts.values()), row.fund_id))
        if any(leg.amount for leg in legs):
            post(county_code=county_code, source_key=f"statement:{row.pk}", legs=legs, at=at, by=by)


def approval_refusal(*, period: Period, by: User | None, at: datetime) -> Refused | None:
    """Why a publicised month can't be approved now (by that person); None if it can."""
    county_code, month = period.county_code, period.month
    try:
        if by is not None:
            _is_another(period, by, reviewing=False)
        if period.notice_until is None or clock.business_date(at) <= period.notice_until:
            raise Refused(
                "notice_running",
                _("The public notice runs until %(day)s.")
                % {"day": date_format(period.notice_until, "DATE_FORMAT") if period.notice_until else ""},
                status=409,
            )
        if count := reads.open_appeals(county_code, month):
            raise _counted(
                "appeals_open",
                ngettext_lazy(
                    "%(count)d objection is not answered yet.", "%(count)d objections are not answered yet.", "count"
                ),
                count,
            )
        waiting = Statement.objects.filter(county_code=county_code, period=month)
        if count := waiting.exclude(state=StatementState.REVIEWED).count():
            raise _counted(
                "statements_unchecked",
                ngettext_lazy(
                    "%(count)d statement is not checked by its township yet.",
                    "%(count)d statements are not checked by their townships yet.",
                    "count",
                ),
                count,
            )
        _figures_stand(county_code, month)
        _funds_reach(county_code, month)
    except Refused as refusal:
        return refusal
    return None


def _counted(code: str, message: object, count: int) -> Refused:
    return Refused(code, message % {"count": count}, status=409, extra={"count": count})  # type: ignore[operator]


def _funds_reach(county_code: str, month: date) -> None:
    """Shares of a short fund were cut to the money there was; less by now means cutting again. A fund that pays first
    come, first served may be short: its statements wait."""
    for preview in reads.fund_previews(county_code, month):
        fund: Fund = preview.fund
        if fund.shortfall == ShortfallRule.PRO_RATA and preview.granted > fund_money(fund).available:
            raise Refused(
                "fund_short",
                _("%(fund)s holds less than when this month was computed. Go one step back and compute again.")
                % {"fund": fund.name},
                status=409,
            )


def _figures_stand(county_code: str, month: date) -> None:
    if count := reads.figures_changed(county_code, month):
        raise _counted(
            "figures_changed",
            ngettext_lazy(
                "Lines of %(count)d statement changed since (held or released). Compute again.",
                "Lines of %(count)d statements changed since (held or released). Compute again.",
                "count",
            ),
            count,
        )


def _is_another(period: Period, by: User, *, reviewing: bool) -> None:
    """Nobody passes their own work, whoever pressed last: everybody who froze or computed the month counts."""
    steps = Transition.objects.filter(county_code=period.county_code, entity="period", entity_id=period.pk, by=by)
    prepared = steps.filter(to_state__in=[PeriodState.FROZEN, PeriodState.COMPUTED]).exclude(
        to_state=PeriodState.FROZEN,
        from_state__in=BEFORE_APPROVAL,  # a step back is a doubt, not work of one's own
    )
    if period.prepared_by_id == by.pk or prepared.exists():
        raise NotAllowed(_("Who prepared a month can't pass it. Ask a second person."), "same_person")
    if reviewing:
        return
    checked = Statement.objects.filter(county_code=period.county_code, period=period.month, reviewed_by=by)
    if period.reviewed_by_id == by.pk or checked.exists():
        raise NotAllowed(_("Who reviewed a month can't approve it. Ask another person."), "same_person")


def _locked(county_code: str, month: date, allowed: Sequence[str]) -> Period:
    """The month's row under the county's lock. Conflict "state_changed" unless it is in one of the states."""
    lock_county(county_code=county_code)
    period = Period.objects.select_for_update().filter(county_code=county_code, month=month).first()
    if period is None or period.state not in allowed:
        raise Conflict(
            "state_changed",
            _("The month is “%(state)s” by now: look again.")
            % {"state": (period.get_state_display() if period else PeriodState.OPEN.label)},
        )
    return period


def _audit(period: Period, action: str, by: User, at: datetime, *, reason: str = "", digest: str = "") -> None:
    audit(
        actor=by,
        action=action,
        entity="period",
        entity_id=period.pk,
        label=f"{period.month:%Y-%m}",
        at=at,
        county_code=period.county_code,
        after={"state": period.state, **({"digest": digest} if digest else {})},
        reason=reason,
    )
