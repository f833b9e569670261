"""The books against themselves, by night: whether each sum that is kept twice is the same both times."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from common import logs, sql
from settlement.models import BookCheck

log = logs.get_logger("settlement")
KEPT = 200  # findings of one check; a county with more has one cause


@dataclass(frozen=True)
class Finding:
    """Two sums that should be one, yuan. `number`: of the statement or payment. The codes: settlement/sql/
    check_books.sql; their sentences: queries.ledger.finding_sentence."""

    code: str
    station_id: int | None
    fund_id: int
    month: date | None
    number: str
    expected: Decimal
    found: Decimal

    @property
    def drift(self) -> Decimal:
        return self.found - self.expected

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {name: value if isinstance(value, int | None) else str(value) for name, value in asdict(self).items()}


def check_books(county_code: str) -> list[Finding]:
    """Trial balance 0; lines and adjustments = accrued postings per outlet, fund and month; statements = their lines
    and adjustments; approved = payable postings; payments = their statements; paid ≤ approved. Writes nothing."""
    return [Finding(**row) for row in sql.rows("settlement", "check_books", {"county_code": county_code})]


def keep_check(*, county_code: str, at: datetime) -> BookCheck:
    """Check and keep what was found, for the ledger page; any drift is an error in the log."""
    found = check_books(county_code)
    for finding in found[:20]:
        log.error("books.drift", county=county_code, **finding.kept())
    return BookCheck.objects.create(
        county_code=county_code, at=at, count=len(found), findings=[finding.kept() for finding in found[:KEPT]]
    )
