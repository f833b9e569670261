import argparse

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.roles import ACTIONS, CELLS, Role


class Command(BaseCommand):
    help = "Print what each role may do, as a Markdown table that is aligned to be read as it is."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--lang", default="en", choices=["en", "zh-hans"], help="of the roles' names")

    def handle(self, *args: object, lang: str, **options: object) -> None:
        with override(lang):
            rows = [[_("Action"), *(str(role.label) for role in Role)]]
            rows += [[action, *(CELLS.get((action, role), "–") for role in Role)] for action in ACTIONS]
            widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
            rows.insert(1, ["-" * width for width in widths])
            for row in rows:
                cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
                self.stdout.write(f"| {' | '.join(cells)} |")
            self.stdout.write("")
            self.stdout.write(
                _(
                    "O own user's, S own station and below, W own station alone, T own township and below, "
                    "C own county, P own parcels, * everywhere, – not at all; m personal fields masked, "
                    "R reveal with a reason, 2 second factor, 4 a second person."
                )
            )


def _width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)
