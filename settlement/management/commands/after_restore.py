"""`make restore` runs this last: what depends on transaction ids is made to fit the new database."""

from typing import Any

from django.core.management.base import BaseCommand

from settlement.services import rewind_after_restore


class Command(BaseCommand):
    help = "Fit stored transaction ids to a restored database (safe to run again)"

    def handle(self, *args: Any, **options: Any) -> None:
        restamped = rewind_after_restore()
        self.stdout.write(f"Settlement reads every county again; {restamped} parcels were stamped anew.")
