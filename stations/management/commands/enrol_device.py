import argparse

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.models import User
from common import clock
from common.errors import Refused
from stations import services
from stations.models import Station


class Command(BaseCommand):
    help = "Enrol a handheld at a station and print its token once."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--station", required=True, help="code of the station")
        parser.add_argument("--user", required=True, help="user name of the person who holds it")
        parser.add_argument("--name", default="", help="what is written on it (otherwise the station's code)")

    def handle(self, *args: object, station: str, user: str, name: str, **options: object) -> None:
        place = Station.objects.filter(code=station.upper()).first()
        if place is None:
            raise CommandError(_("No station has the code %(code)s.") % {"code": station})
        holder = User.objects.filter(username__iexact=user).first()
        if holder is None:
            raise CommandError(_("Nobody has the user name %(username)s.") % {"username": user})
        try:
            _device, token = services.enrol_device(
                station=place, user=holder, name=name or f"PDA {place.code}", at=clock.now()
            )
        except Refused as refusal:
            raise CommandError(str(refusal.message)) from refusal
        self.stdout.write(token)
