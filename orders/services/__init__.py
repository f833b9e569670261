"""Every write on parcels and recipients that is not a scan; one module a use case."""

from orders.rules import LineProblem, ParcelLine
from orders.services.import_parcels import ImportResult, import_parcels
from orders.services.unannounced import create_unannounced_parcels

__all__ = ["ImportResult", "LineProblem", "ParcelLine", "create_unannounced_parcels", "import_parcels"]
