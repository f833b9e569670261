"""Writing down that a list of parcels left the house."""

from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from common import limits

PER_HOUR = 5


def record_export(*, by: User, county_code: str, filters: Mapping[str, str], rows: int, at: datetime) -> None:
    """Audit an export and count it: Refused "too_often" (429) beyond five an hour and person."""
    limits.spend(
        f"export:{by.pk}",
        limit=PER_HOUR,
        window_s=3600,
        message=_("At most five exports an hour. Try again later."),
    )
    audit(
        actor=by,
        action="parcels.exported",
        entity="parcel",
        entity_id="list",
        at=at,
        county_code=county_code,
        after={"filters": dict(filters), "rows": rows},
    )
