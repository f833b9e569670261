"""Moving a plan's, trip's or incident's state by compare-and-set, with a Transition each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models

from accounts.models import User
from common import moves
from vehicles.models import Transition


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
    """common.moves.move with the vehicles' Transition; the entity is the model's name ("roadincident": "incident")."""
    first = rows if isinstance(rows, models.Model) else next(iter(rows), None)
    if first is None:
        return
    entity = (first._meta.model_name or "").removeprefix("road")
    moves.move(rows, log=Transition, entity=entity, to=to, by=by, at=at, reason=reason, allowed=allowed, **values)
