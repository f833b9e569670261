"""Moving a state by compare-and-set, with a row that says who, when and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from common.errors import Conflict


class TransitionRow(models.Model):
    """A move of a row's state. Append-only. Each app that moves states has its own table of them."""

    county_code = models.CharField(max_length=6)
    entity = models.CharField(max_length=12)
    entity_id = models.BigIntegerField()
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # null: by the clock
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.entity} {self.entity_id}: {self.from_state} → {self.to_state}"


def move(
    rows: Sequence[models.Model] | models.Model,
    *,
    log: type[TransitionRow],
    entity: str,
    to: str,
    by: Any,
    at: datetime,
    reason: str = "",
    allowed: Sequence[str],
    **values: Any,
) -> None:
    """Set `state` of rows of one model (and `values`), each from one of the states `allowed`, with a row of `log` each.
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
        log._default_manager.bulk_create(
            log(
                county_code=row.county_code,  # type: ignore[attr-defined]
                entity=entity,
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
