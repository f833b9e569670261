"""Every write on parcels and recipients that is not a scan; one module a use case."""

from orders.rules import LineProblem, ParcelLine
from orders.services.export import record_export
from orders.services.import_files import (
    KIND,
    carry_out,
    check_file,
    confirm_import,
    earlier_import,
    forget_old_files,
    start_preview,
)
from orders.services.import_parcels import ImportResult, import_parcels
from orders.services.reveal import Revealed, on_active_delivery, reveal_recipient
from orders.services.unannounced import create_unannounced_parcels

__all__ = [
    "KIND",
    "ImportResult",
    "LineProblem",
    "ParcelLine",
    "Revealed",
    "carry_out",
    "check_file",
    "confirm_import",
    "create_unannounced_parcels",
    "earlier_import",
    "forget_old_files",
    "import_parcels",
    "on_active_delivery",
    "record_export",
    "reveal_recipient",
    "start_preview",
]
