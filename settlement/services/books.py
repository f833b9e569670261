"""The two acts every other service of money is made of: posting an entry, and moving a state by compare-and-set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common.errors import Conflict
from settlement.models import JournalEntry, Posting, Transition


@dataclass(frozen=True)
class Leg:
    """One side of an entry, yuan with up to 4 places: debit positive, credit negative."""

    account: str
    amount: Decimal
    fund_id: int
    station_id: int | None = None
    period: date | None = None


def post(
    *,
    county_code: str,
    source_key: str,
    legs: Iterable[Leg],
    at: datetime,
    by: User | None = None,
    note: str = "",
    reverses: JournalEntry | None = None,
) -> JournalEntry:
    """Append a balanced entry; legs of 0 are left out. Conflict "already_posted" if `source_key` was posted before.
    Call it inside the transaction of what it books; the database looks at the balance when that ends."""
    try:
        with transaction.atomic():
            entry = JournalEntry.objects.create(
                county_code=county_code,
                source_key=source_key,
                kind=source_key.partition(":")[0],
                at=at,
                by=by,
                note=note,
                reverses=reverses,
            )
    except IntegrityError as twice:
        raise Conflict("already_posted", _("This was done already.")) from twice
    Posting.objects.bulk_create(
        Posting(
            county_code=county_code,
            entry=entry,
            account=leg.account,
            fund_id=leg.fund_id,
            station_id=leg.station_id,
            period=leg.period,
            amount=leg.amount,
        )
        for leg in legs
        if leg.amount
    )
    return entry


def move(
    rows: Sequence[models.Model] | models.Model,
    *,
    to: str,
    by: User | None,
    at: datetime,
    reason: str = "",
    allowed: Sequence[str],
    **values: Any,
) -> None:
    """Set `state` of rows of one model (and `values`), each from one of the states `allowed`, with a Transition each.
    Conflict "state_changed" if one isn't there any more: then none is moved. Rows are refreshed in place."""
    wanted = [rows] if isinstance(rows, models.Model) else list(rows)
    if not wanted:
        return
    model = type(wanted[0])
    with transaction.atomic():
        before = dict(
            model._default_manager.select_for_update()
            .filter(pk__in=[row.pk for row in wanted], state__in=allowed)
            .order_by("pk")
            .values_list("pk", "state")
        )
        if len(before) != len(wanted):
            raise Conflict("state_changed", _("Somebody else was faster: look again."))
        model._default_manager.filter(pk__in=before).update(state=to, **values)
        Transition.objects.bulk_create(
            Transition(
                county_code=row.county_code,  # type: ignore[attr-defined]
                entity=entity_of(model),
                entity_id=row.pk,
                from_state=before[row.pk],
                to_state=to,
                by=by,
                reason=reason,
                at=at,
            )
            for row in wanted
        )
    for row in wanted:
        row.refresh_from_db()


_ENTITIES = {"paymentbatch": "batch", "fraudcase": "case"}


def entity_of(model: type[models.Model]) -> str:
    """The word Transition has for a model."""
    name = model._meta.model_name or ""
    return _ENTITIES.get(name, name)
