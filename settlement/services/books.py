"""The two acts every other service of money is made of: posting an entry, and moving a state by compare-and-set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import moves
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
    """common.moves.move with settlement's Transition."""
    entity = entity_of(type(rows) if isinstance(rows, models.Model) else type(rows[0])) if rows else ""
    moves.move(rows, log=Transition, entity=entity, to=to, by=by, at=at, reason=reason, allowed=allowed, **values)


_ENTITIES = {"paymentbatch": "batch", "fraudcase": "case"}


def entity_of(model: type[models.Model]) -> str:
    """The word Transition has for a model."""
    name = model._meta.model_name or ""
    return _ENTITIES.get(name, name)
