import argparse

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from common import clock
from common.errors import Conflict, Refused
from stations import services


class Command(BaseCommand):
    help = "Create a county with its first administrator and print their temporary password once."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("code", help="6 digits, such as 500230")
        parser.add_argument("--admin", required=True, help="user name of the first administrator")
        parser.add_argument("--admin-name", default="", help="their name (otherwise the user name)")
        parser.add_argument("--name", default="", help="the county's name, where no list of divisions is stored yet")

    def handle(self, *args: object, code: str, admin: str, admin_name: str, name: str, **options: object) -> None:
        at = clock.now()
        try:
            region = services.county_region(code=code, name=name, at=at)
            user, password = services.create_county(
                region=region, admin_username=admin, admin_name=admin_name or admin, at=at
            )
        except Conflict as conflict:
            if conflict.code != "county_exists":
                raise CommandError(str(conflict.message)) from conflict
            self.stdout.write(f"{conflict.message} {_('Nothing was changed.')}")
            return
        except Refused as refusal:
            raise CommandError(str(refusal.message)) from refusal
        self.stdout.write(_("%(name)s (%(code)s) is ready.") % {"name": region.name, "code": region.pk[:6]})
        self.stdout.write(
            _("Administrator: %(username)s   temporary password: %(password)s   (to be changed at the first sign-in)")
            % {"username": user.username, "password": password}
        )
