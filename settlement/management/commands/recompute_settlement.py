"""`manage.py recompute_settlement [county …]`: what all scans give now against the lines that stand; writes nothing.
One line a county; fails if any differs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common import clock
from settlement.services import recompute
from stations.queries import counties_with_stations


class Command(BaseCommand):
    help = "Compare the lines of every county (or of those named) with what its scans give now; write nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("county", nargs="*", help="six digits")
        parser.add_argument("--since", type=clock.parse_month, help="from this month on, as 2026-11")

    def handle(self, *args: Any, **options: Any) -> None:
        drifted = 0
        for county in options["county"] or counties_with_stations():
            drift = recompute(county, options["since"])
            drifted += drift.lines
            self.stdout.write(
                f"{county}: {drift.lines} lines differ by {drift.yuan} yuan, {drift.pending} not read yet"
            )
            for one in drift.samples:
                self.stdout.write(
                    f"  parcel {one.parcel_id} {one.service}: {one.stood} stands, the scans give {one.wanted}"
                )
        if drifted:
            raise CommandError(f"{drifted} lines are not what the scans give.")
