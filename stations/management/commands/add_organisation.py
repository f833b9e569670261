import argparse

from django.core.management.base import BaseCommand, CommandError

from common import clock
from common.errors import Refused
from stations.services import add_organisation
from stations.states import OrganisationKind


class Command(BaseCommand):
    help = "Add a carrier or another organisation that the platform doesn't know yet."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("code", help="what files and scans name it by, such as BEST")
        parser.add_argument("name")
        parser.add_argument("--kind", choices=OrganisationKind.values, default=OrganisationKind.CARRIER)

    def handle(self, *args: object, code: str, name: str, kind: str, **options: object) -> None:
        try:
            row = add_organisation(code=code, name=name, kind=kind, at=clock.now())
        except Refused as refusal:
            raise CommandError(str(refusal.message)) from refusal
        self.stdout.write(f"{row.code} {row.name}")
