"""Yuan as Decimal: 4 places on lines, 2 on statements, rounded half up here and nowhere else."""

from decimal import ROUND_HALF_UP, Decimal

LINE = Decimal("0.0001")
STATEMENT = Decimal("0.01")


def line_yuan(amount: Decimal) -> Decimal:
    """An amount on a line: 4 places."""
    return amount.quantize(LINE, ROUND_HALF_UP)


def statement_yuan(amount: Decimal) -> Decimal:
    """An amount on a statement or in a payment: 2 places."""
    return amount.quantize(STATEMENT, ROUND_HALF_UP)
