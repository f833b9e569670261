"""Computing a month: caps and shares of a short fund become adjustments, the figures become statements, and what an
approver should look at first becomes flags. Only differences are written, so computing again changes nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from common import money
from common.crash import crash_point
from settlement.models import Fund, Statement
from settlement.queries import figures as reads
from settlement.queries.books import fund_money
from settlement.queries.figures import MARKS, ZERO, Figures, Surroundings
from settlement.services.books import move
from settlement.services.lines import adjust
from settlement.states import AdjustmentKind, ShortfallRule, StatementState

CHANGE_OVER = Decimal(50)  # percent of last month's sum
CLASS_B_OVER = Decimal(20)  # percent of the stated parcels
TYPED_OVER = Decimal(5)


def draft_statements(*, county_code: str, month: date, by: User | None, at: datetime) -> int:
    """Bring a month's statements up to its lines; the caller holds the county's lock. Returns how many changed. Those
    that were confirmed or checked and changed wait for the outlet again."""
    rows = _capped(reads.figures(county_code, month), county_code, month, at)
    rows = _shared_out(rows, county_code, month, at)
    crash_point("period.adjusted")
    around = reads.surroundings(county_code, month)
    kept = {
        (row.station_id, row.fund_id): row
        for row in Statement.objects.select_for_update().filter(county_code=county_code, period=month).order_by("pk")
    }
    new: list[Statement] = []
    changed: list[Statement] = []
    flagged: list[Statement] = []
    for row in rows:
        values = _values(row)
        flags = flags_of(row, values["payable_yuan"], around)
        old = kept.get(row.key)
        if old is None:
            new.append(
                Statement(
                    county_code=county_code,
                    period=month,
                    station_id=row.station_id,
                    fund_id=row.fund_id,
                    flags=flags,
                    computed_at=at,
                    **values,
                )
            )
        elif any(getattr(old, name) != value for name, value in values.items()):
            for name, value in {**values, "flags": flags, "computed_at": at}.items():
                setattr(old, name, value)
            changed.append(old)
        elif old.flags != flags:
            old.flags = flags
            flagged.append(old)
    Statement.objects.bulk_create(new)
    if changed:
        Statement.objects.bulk_update(changed, [*_FIGURES, "flags", "computed_at"])
        again = [row for row in changed if row.state in (StatementState.CONFIRMED, StatementState.REVIEWED)]
        move(
            again,
            to=StatementState.DRAFT,
            by=by,
            at=at,
            reason="figures changed",
            allowed=[StatementState.CONFIRMED, StatementState.REVIEWED],
            confirmed_by=None,
            confirmed_at=None,
            reviewed_by=None,
            reviewed_at=None,
        )
    if flagged:
        Statement.objects.bulk_update(flagged, ["flags"])
    return len(new) + len(changed)


_FIGURES = ("parcels", "lines_yuan", "adjusted_yuan", "held_parcels", "held_yuan", "payable_yuan")


def _values(row: Figures) -> dict[str, Any]:
    return {
        "parcels": row.parcels,
        "lines_yuan": row.lines_yuan,
        "adjusted_yuan": row.adjusted_yuan,
        "held_parcels": row.held_parcels,
        "held_yuan": row.held_yuan,
        "payable_yuan": money.statement_yuan(row.lines_yuan + row.adjusted_yuan),
    }


def _capped(rows: Sequence[Figures], county_code: str, month: date, at: datetime) -> list[Figures]:
    """The cap of the newest policy holds for what parcels earn; awards and appeals stand beside it."""
    caps = reads.month_caps(county_code, month)
    capped = []
    for row in rows:
        cap = caps.get(row.fund_id)
        target = ZERO if cap is None else min(cap - row.lines_yuan, ZERO)
        if target != row.cap_yuan:
            with translation.override(settings.LANGUAGE_CODE):  # what is stored is read by everybody
                reason = _("At most %(cap)s yuan a month for one outlet.") % {"cap": cap or ""}
            _adjust(row, AdjustmentKind.CAP, target - row.cap_yuan, row.caps, reason, county_code, month, at)
        capped.append(replace(row, cap_yuan=target))
    return capped


def _shared_out(rows: Sequence[Figures], county_code: str, month: date, at: datetime) -> list[Figures]:
    """Where a fund that pays everybody the same share is short, statements are cut to the cent; nobody waits."""
    shared = list(rows)
    for fund in Fund.objects.filter(pk__in={row.fund_id for row in rows}).order_by("pk"):
        mine = [row for row in shared if row.fund_id == fund.pk]
        exact = {row.key: row.lines_yuan + row.cap_yuan + row.other_yuan for row in mine}
        wanted = {key: rounded for key, yuan in exact.items() if (rounded := money.statement_yuan(yuan)) > 0}
        given = wanted
        if fund.shortfall == ShortfallRule.PRO_RATA:
            given = reads.share_out(wanted, fund_money(fund).available)
        with translation.override(settings.LANGUAGE_CODE):
            reason = _("The fund is short: %(given)s of %(wanted)s yuan can be paid.") % {
                "given": sum(given.values(), ZERO),
                "wanted": sum(wanted.values(), ZERO),
            }
        for row in mine:
            cut = row.key in wanted and given[row.key] != wanted[row.key]
            target = given[row.key] - exact[row.key] if cut else ZERO
            if target != row.shortfall_yuan:
                _adjust(
                    row,
                    AdjustmentKind.SHORTFALL,
                    target - row.shortfall_yuan,
                    row.shortfalls,
                    reason,
                    county_code,
                    month,
                    at,
                )
            shared[shared.index(row)] = replace(row, shortfall_yuan=target)
    return shared


def _adjust(
    row: Figures,
    kind: AdjustmentKind,
    amount: Decimal,
    earlier: int,
    reason: str,
    county_code: str,
    month: date,
    at: datetime,
) -> None:
    """The difference to what stands; each recomputation that finds another has its own number."""
    adjust(
        county_code=county_code,
        period=month,
        station_id=row.station_id,
        fund_id=row.fund_id,
        kind=kind,
        amount=amount,
        reason=reason,
        source_key=f"{kind.value}:{month:%Y-%m}:{row.fund_id}:{row.station_id}:{earlier + 1}",
        by=None,
        at=at,
    )


def flags_of(row: Figures, payable: Decimal, around: Surroundings) -> list[dict[str, Any]]:
    """What an approver should look at first, as codes with numbers; `flag_sentences` says them."""
    flags: list[dict[str, Any]] = []
    last = around.last_month.get(row.key)
    if payable < 0:
        flags.append({"code": "negative", "yuan": str(payable)})
    if last is not None and last > 0:
        percent = ((payable - last) * 100 / last).quantize(Decimal(1))
        if abs(percent) > CHANGE_OVER:
            flags.append({"code": "change", "percent": f"{percent:+}", "last": str(last)})
    elif around.earlier_months and row.station_id not in around.seen_before:
        flags.append({"code": "new_outlet"})
    if row.accruals:
        weaker = (Decimal(row.weaker) * 100 / row.accruals).quantize(Decimal(1))
        if weaker > CLASS_B_OVER:
            flags.append({"code": "class_b", "percent": str(weaker), "count": row.weaker, "of": row.accruals})
        typed = around.typed.get(row.station_id, 0)
        share = (Decimal(typed) * 100 / row.accruals).quantize(Decimal(1))
        if share > TYPED_OVER:
            flags.append({"code": "typed", "percent": str(share), "count": typed, "of": row.accruals})
    if row.held_parcels:
        flags.append({"code": "held", "count": row.held_parcels, "yuan": str(row.held_yuan)})
    if row.station_id in around.closed_on:
        flags.append({"code": "closed", "day": around.closed_on[row.station_id].isoformat()})
    if payable > 0 and row.station_id not in around.with_account:
        flags.append({"code": "no_account"})
    if row.cap_yuan:
        flags.append({"code": "cap", "yuan": str(-row.cap_yuan)})
    if row.shortfall_yuan:
        flags.append({"code": "shortfall", "yuan": str(money.line_yuan(-row.shortfall_yuan))})
    return flags


def is_marked(flags: Sequence[dict[str, Any]]) -> bool:
    """Whether a person should open the statement before it is passed; what is only good to know doesn't count."""
    return any(flag.get("code") in MARKS for flag in flags)


def flag_sentences(flags: Sequence[dict[str, Any]]) -> list[str]:
    """A statement's flags in the reader's language, one sentence each."""
    return [said for flag in flags if (said := _flag_sentence(flag))]


def _flag_sentence(flag: dict[str, Any]) -> str:
    code = flag.get("code")
    if code == "change":
        return _("%(percent)s %% against last month's %(last)s yuan.") % flag
    if code == "closed":
        return _("The outlet was closed on %(day)s: only parcels until then are in.") % {
            "day": date_format(date.fromisoformat(flag["day"]), "DATE_FORMAT")
        }
    sentences = {
        "negative": _("The sum is negative (%(yuan)s yuan): it is set off against the next payment."),
        "new_outlet": _("The outlet's first month."),
        "class_b": _("%(percent)s %% of the parcels are proved by a weaker chain of scans (%(count)s of %(of)s)."),
        "typed": _("%(percent)s %% of the parcels were typed in at the outlet (%(count)s of %(of)s)."),
        "held": _("%(count)s parcels (%(yuan)s yuan) are held back."),
        "no_account": _("No confirmed bank account: it can't be paid yet."),
        "cap": _("%(yuan)s yuan above the monthly cap are cut."),
        "shortfall": _("%(yuan)s yuan are cut because the fund is short."),
    }
    return sentences[code] % flag if code in sentences else ""
